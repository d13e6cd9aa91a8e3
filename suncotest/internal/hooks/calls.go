package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/netsim"
)

const (
	probeTimeout  = 10 * time.Second
	removeTimeout = 20 * time.Second
	userAgent     = "suncotest"
)

// newCaller returns the client with which the platform calls the partner. It
// follows no redirect, and takes any certificate: in memory there is only ours, and
// on this machine a partner cannot have a real one.
func newCaller(network *netsim.Network) *http.Client {
	t := network.Transport(nil)
	t.MaxIdleConnsPerHost = maxAtOnce
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// send makes one request to the partner, within limit, and returns the status of
// the answer, 0 when there was none. header is name, value, name, value… It is noted
// in the journal of calls.
func (s *Service) send(ctx context.Context, limit time.Duration, method, target string, body []byte, header ...string) int {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer context.AfterFunc(s.opts.Network.Context(), cancel)()
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("User-Agent", userAgent)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	entry := s.opts.Sent.Add(req, body)
	status := 0
	defer func() { s.opts.Sent.Finish(entry, status, "") }()
	res, err := s.caller.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // nothing in it matters
	status = res.StatusCode
	return status
}

// probe asks a webhook's target whether it is there: itself, then its origin.
func (s *Service) probe(ctx context.Context, target string) bool {
	u, err := url.Parse(target)
	if err != nil {
		return false
	}
	origin := &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"}
	for _, where := range []string{target, origin.String()} {
		if s.send(ctx, probeTimeout, http.MethodHead, where, nil)/100 == 2 {
			return true
		}
	}
	return false
}

// CallRemove tells the partner at its remove URL that an integration is gone, as often
// as configured.
func (s *Service) CallRemove(ctx context.Context, appID, integrationID string) {
	if s.opts.RemoveURL == "" {
		return
	}
	body, _ := json.Marshal(map[string]string{"appId": appID, "integrationId": integrationID}) // strings cannot fail
	for attempt := 0; ; attempt++ {
		status := s.send(ctx, removeTimeout, http.MethodPost, s.opts.RemoveURL, body)
		if status/100 == 2 || attempt >= s.opts.RemoveRetries {
			return
		}
		if !netsim.Sleep(ctx, s.opts.RemoveRetryInterval) {
			return
		}
	}
}
