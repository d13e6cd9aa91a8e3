package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sunco-go/sunco"
)

// answer is what the target answered.
type answer struct {
	status    int   // 0: none
	err       error // why there is none
	connected bool  // TLS included
	private   bool  // the address is not a public one
}

func (a *answer) said() string {
	if a.status == 0 {
		return "nothing"
	}
	return fmt.Sprint(a.status)
}

// call makes one request to the target. Of the answer only the status counts. The error
// is that of ctx.
func (r *run) call(ctx context.Context, method string, u *url.URL, body []byte, key sunco.Secret) (*answer, error) {
	const patience = 20 * time.Second // of Zendesk
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var peer atomic.Pointer[net.Addr]
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(limited, &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) { peer.Store(new(got.Conn.RemoteAddr())) },
	}), method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "sunco-go")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-API-Key", key.Reveal())
	}
	transport := r.transport()
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	got := &answer{connected: peer.Load() != nil}
	if got.connected && !proxied(transport, req) {
		got.private = privateAddr(*peer.Load())
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		got.err = clean(err)
		return got, nil
	}
	_ = res.Body.Close() // unread: nothing in it matters
	got.status = res.StatusCode
	return got, nil
}

// transport returns the Client's, or one of the doctor's own, which keeps no connection.
func (r *run) transport() http.RoundTripper {
	if c := r.Client.HTTPClient; c != nil && c.Transport != nil {
		return c.Transport
	}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
	}
}

// proxied reports whether a proxy stands between, as far as that can be known.
func proxied(transport http.RoundTripper, req *http.Request) bool {
	t, ok := transport.(*http.Transport)
	if !ok || t.Proxy == nil {
		return !ok
	}
	proxy, err := t.Proxy(req)
	return proxy != nil || err != nil
}

// clean drops the URL, and what may quote the server, which may quote the request.
func clean(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, isNet := errors.AsType[net.Error](err)
	if isCertificate || isNet {
		return err
	}
	return errors.New("the connection failed, or the answer is not HTTP")
}

// privateName reports whether a host is none on the internet, whatever it resolves to.
func privateName(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		return privateIP(ip)
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".local") ||
		strings.HasSuffix(host, ".internal")
}

func privateAddr(addr net.Addr) bool {
	at, err := netip.ParseAddrPort(addr.String())
	return err == nil && privateIP(at.Addr())
}

func privateIP(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified()
}
