package sunco

import (
	"crypto/sha256"
	"net/http"
	"time"
)

const (
	maxInstallFlights = 10_000
	installSweep      = int64(time.Minute / time.Second)
)

// installFlight is a flow whose code is being spent or has been. It stays
// until the flow expires, so that nothing is spent twice.
type installFlight struct {
	code    [32]byte // its digest: another code is no repetition
	expires int64
	done    chan struct{}
	end     installEnd // read after done is closed
}

// installEnd is how a flow ended, and what every identical callback is
// answered with. The token is not in it.
type installEnd struct {
	header    http.Header // that OnInstall added
	location  string      // of a failure: where OnError sent the browser, if anywhere
	elsewhere bool        // another process has the flow
	installFailure
}

// land tells those who wait.
func (f *installFlight) land(end installEnd) {
	f.end = end
	close(f.done)
}

// board consumes a flow: for one caller first is true, and that one spends the
// code. When nothing more can be remembered, nothing more is spent.
func (i *Installer) board(flow installFlow, code Secret) (flight *installFlight, first bool, err error) {
	key, digest := flow.key(), sha256.Sum256([]byte(code.Reveal()))
	i.mu.Lock()
	defer i.mu.Unlock()
	now := installNow()
	if now >= flow.expires {
		return nil, false, ErrStateMismatch
	}
	if flight := i.flights[key]; flight != nil {
		if flight.code != digest {
			return nil, false, ErrStateMismatch
		}
		return flight, false, nil
	}
	i.sweep(now)
	if len(i.flights) >= maxInstallFlights && !i.dropFailed() {
		return nil, false, errInstallBusy
	}
	if i.flights == nil {
		i.flights = map[[32]byte]*installFlight{}
	}
	flight = &installFlight{code: digest, expires: flow.expires, done: make(chan struct{})}
	i.flights[key] = flight
	return flight, true, nil
}

// sweep forgets expired flows, which openFlow and board refuse. The mutex is
// held.
func (i *Installer) sweep(now int64) {
	full := len(i.flights) >= maxInstallFlights && now > i.swept
	if !full && now-i.swept < installSweep {
		return
	}
	i.swept = now
	for key, flight := range i.flights {
		if now >= flight.expires {
			delete(i.flights, key)
		}
	}
}

// dropFailed makes room by forgetting a flow that came to nothing, and reports
// whether there was one: nobody can fill the table with codes that he made up.
// Only the callback of a flow that failed is then answered with another failed
// exchange. The mutex is held.
func (i *Installer) dropFailed() bool {
	for key, flight := range i.flights {
		select {
		case <-flight.done:
			if flight.end.err != nil {
				delete(i.flights, key)
				return true
			}
		default: // under way
		}
	}
	return false
}
