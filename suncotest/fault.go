package suncotest

import (
	"net"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/sunco-go/sunco/suncotest/internal/netsim"
)

// Fault is something that goes wrong, or is different, for the requests it fits.
// Exactly one of Dial, Conn and Handle is set.
type Fault struct {
	// Host is the host name the fault is for, without a port, or a pattern of
	// path.Match. Empty: any of the platform's and any mounted one; Handle is
	// for the platform's only.
	Host string

	// Method and Path narrow a Handle; empty: any. Path is the beginning of a
	// path, or a pattern of path.Match when it has one of * ? [ in it, and its
	// case does not matter. They say nothing to Dial and Conn, for which the
	// request is not yet known.
	Method string
	Path   string

	// Skip is how many fitting requests, or connections, pass unharmed first.
	Skip int

	// Times is how many are then hit. Zero: one. Negative: all.
	Times int

	// Dial makes connecting fail with this error, as a *net.OpError, before
	// anything is sent. syscall.ECONNREFUSED, os.ErrDeadlineExceeded and
	// *net.DNSError are what a network returns. Only the connections of the
	// platform's own clients are concerned.
	Dial error

	// Conn stands in for the server on a new connection, before TLS. The
	// connection is closed when it returns.
	Conn func(c net.Conn)

	// Handle stands in for the platform, or around it: next is the platform.
	// The request's body can be read, by Handle and by next again.
	Handle func(w http.ResponseWriter, r *http.Request, next http.Handler)
}

// Inject adds a fault. Faults are tried in the order in which they were added, and
// the first that fits is the only one a request meets; one that is used up fits no
// more. It panics when f does not set exactly one of Dial, Conn and Handle, or when
// a pattern is malformed.
func (p *Platform) Inject(f Fault) {
	set := 0
	for _, is := range []bool{f.Dial != nil, f.Conn != nil, f.Handle != nil} {
		if is {
			set++
		}
	}
	if set != 1 {
		panic("suncotest: a Fault needs exactly one of Dial, Conn and Handle")
	}
	for _, pattern := range []string{f.Host, f.Path} {
		if _, err := path.Match(pattern, ""); err != nil {
			panic("suncotest: a Fault's pattern is malformed")
		}
	}
	if f.Times == 0 {
		f.Times = 1
	}
	f.Host, f.Path = strings.ToLower(f.Host), strings.ToLower(f.Path)
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.list = append(p.faults.list, &f)
}

// ClearFaults forgets every fault that was injected.
func (p *Platform) ClearFaults() {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.list = nil
}

// faults are the injected faults that are not used up.
type faults struct {
	mu   sync.Mutex
	list []*Fault
}

// take returns the first fault that fits, and counts it.
func (fs *faults) take(fits func(*Fault) bool) *Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.list {
		if f.Times == 0 || !fits(f) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return f
	}
	return nil
}

// dialling returns the fault that a new connection to host meets.
func (fs *faults) dialling(host string) (dial error, conn func(net.Conn)) {
	f := fs.take(func(f *Fault) bool {
		return f.Handle == nil && fitsHost(f.Host, host)
	})
	if f == nil {
		return nil, nil
	}
	return f.Dial, f.Conn
}

// handle serves a request through the fault it meets, or by next.
func (fs *faults) handle(w http.ResponseWriter, r *http.Request, next http.Handler) {
	host, escaped := netsim.Hostname(r.Host), strings.ToLower(r.URL.EscapedPath())
	f := fs.take(func(f *Fault) bool {
		return f.Handle != nil && fitsHost(f.Host, host) &&
			(f.Method == "" || f.Method == r.Method) && fitsPath(f.Path, escaped)
	})
	if f == nil {
		next.ServeHTTP(w, r)
		return
	}
	f.Handle(w, r, next)
}

func fitsHost(pattern, host string) bool {
	fits, _ := path.Match(pattern, host)
	return pattern == "" || fits
}

func fitsPath(pattern, escaped string) bool {
	if strings.ContainsAny(pattern, "*?[") {
		fits, _ := path.Match(pattern, escaped)
		return fits
	}
	return strings.HasPrefix(escaped, pattern)
}
