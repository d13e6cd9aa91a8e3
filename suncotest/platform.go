package suncotest

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Platform is the fake platform. It is made by [New] and safe for concurrent use.
type Platform struct {
	cfg     Config // with defaults; Accounts is only what it began with
	ca      *authority
	routes  []route
	network *network
	client  *http.Transport // behind Client and Transport
	caller  *http.Client    // for what the platform sends

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	tasks   sync.WaitGroup
	tasksMu sync.Mutex
	closed  bool

	faults   faults
	received journal
	sent     journal
	outbox   outbox

	mu    sync.Mutex // guards state; never held while anything is sent
	state state
}

// New starts a platform as cfg describes it. It panics when cfg is not valid, with
// the error of [Config.Validate]. The caller closes it with [Platform.Close].
func New(cfg Config) *Platform {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg = cfg.withDefaults()
	ca, err := newAuthority()
	if err != nil {
		panic(err)
	}
	p := &Platform{cfg: cfg, ca: ca, state: newState(cfg.Accounts)}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.routes = p.table()
	p.network = newNetwork(p)
	p.client = p.network.transport(p.CertPool())
	p.caller = p.newCaller()
	p.network.start()
	return p
}

// Close stops the platform: connections end, calls to the partner are cancelled
// and waited for, and every goroutine of the platform ends. It may be called more
// than once.
func (p *Platform) Close() {
	p.tasksMu.Lock()
	p.closed = true
	p.tasksMu.Unlock()
	p.cancel()
	p.network.stop()
	p.client.CloseIdleConnections()
	p.caller.CloseIdleConnections()
	p.tasks.Wait()
}

// Client returns an HTTP client inside the platform's network. It reaches the
// bridge, the customers' hosts, the legacy hosts and what [Platform.Mount] added,
// all of them in memory, and trusts the platform's certificates. Loopback
// addresses that are not mounted are dialled for real; every other name does not
// exist. Like any http.Client it follows redirects unless CheckRedirect says
// otherwise. Each call returns a new client on one shared transport.
func (p *Platform) Client() *http.Client {
	return &http.Client{Transport: p.client}
}

// Transport returns a new transport like the one of [Platform.Client], for a
// caller who wants to change it. Its idle connections are the caller's to close,
// although they end with the platform at the latest.
func (p *Platform) Transport() *http.Transport {
	return p.network.transport(p.CertPool())
}

// spawn runs f in the background, unless the platform is closed, and reports
// whether it does. Close waits for it.
func (p *Platform) spawn(f func(ctx context.Context)) bool {
	p.tasksMu.Lock()
	defer p.tasksMu.Unlock()
	if p.closed {
		return false
	}
	p.tasks.Go(func() { f(p.ctx) })
	return true
}

// sleep waits for d, and reports false when ctx ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
