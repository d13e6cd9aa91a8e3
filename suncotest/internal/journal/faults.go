package journal

import (
	"errors"
	"net"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/sunco-go/sunco/suncotest/internal/netsim"
)

// Fault is something that goes wrong for the requests it fits; the fake's public type
// explains the fields.
type Fault struct {
	Host   string
	Method string
	Path   string
	Skip   int
	Times  int
	Dial   error
	Conn   func(c net.Conn)
	Handle func(w http.ResponseWriter, r *http.Request, next http.Handler)
}

// Faults are the injected faults, in order. The zero value has none.
type Faults struct {
	mu   sync.Mutex
	list []*Fault
}

// Add adds a fault, or says what is wrong with it.
func (fs *Faults) Add(f Fault) error {
	set := 0
	for _, is := range []bool{f.Dial != nil, f.Conn != nil, f.Handle != nil} {
		if is {
			set++
		}
	}
	if set != 1 {
		return errors.New("a Fault needs exactly one of Dial, Conn and Handle")
	}
	for _, pattern := range []string{f.Host, f.Path} {
		if _, err := path.Match(pattern, ""); err != nil {
			return errors.New("a Fault's pattern is malformed")
		}
	}
	if f.Times == 0 {
		f.Times = 1
	}
	f.Host, f.Path = strings.ToLower(f.Host), strings.ToLower(f.Path)
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list = append(fs.list, &f)
	return nil
}

// Clear forgets every fault.
func (fs *Faults) Clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list = nil
}

// take returns the first fault that fits, and counts it.
func (fs *Faults) take(fits func(*Fault) bool) *Fault {
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

// Dialling returns the fault that a new connection to host meets.
func (fs *Faults) Dialling(host string) (conn func(net.Conn), dial error) {
	f := fs.take(func(f *Fault) bool {
		return f.Handle == nil && fitsHost(f.Host, host)
	})
	if f == nil {
		return nil, nil
	}
	return f.Conn, f.Dial
}

// Serve serves a request through the fault it meets, or by next.
func (fs *Faults) Serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
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
