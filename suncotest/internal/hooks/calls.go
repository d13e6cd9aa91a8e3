package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sunco-go/sunco/suncotest/internal/journal"
	"github.com/sunco-go/sunco/suncotest/internal/netsim"
)

const (
	probeTimeout  = 10 * time.Second
	removeTimeout = 20 * time.Second
	maxAnswer     = 64 << 10 // what is read of an answer
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

// call is a request to the partner that was made.
type call struct {
	id     string // in the journal
	status int    // of the answer; 0: there was none
	why    string // there was none
}

// send makes one request to the partner, within limit. header is name, value, name,
// value… The request is noted in the journal of calls.
func (s *Service) send(
	ctx context.Context, limit time.Duration, method, target string, body []byte, header ...string,
) call {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer context.AfterFunc(s.opts.Network.Context(), cancel)()
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return call{why: "not a URL"}
	}
	req.Header.Set("User-Agent", userAgent)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	entry := s.opts.Sent.Add(req, body)
	var reply journal.Reply
	defer func() { s.opts.Sent.Finish(entry, reply) }()
	res, err := s.caller.Do(req)
	if err != nil {
		var whole *url.Error // whose text has the query in it
		if errors.As(err, &whole) {
			err = whole.Err
		}
		reply.Note = err.Error()
		return call{id: entry.ID, why: reply.Note}
	}
	defer res.Body.Close()
	reply.Body, _ = io.ReadAll(io.LimitReader(res.Body, maxAnswer)) // nothing in it matters
	reply.Status, reply.Header, reply.Size = res.StatusCode, res.Header, max(len(reply.Body), int(res.ContentLength))
	return call{id: entry.ID, status: res.StatusCode}
}

// probe asks a webhook's target whether it is there: itself, then its origin. The
// text says what each met when neither is.
func (s *Service) probe(ctx context.Context, target string) (refusal string) {
	u, err := url.Parse(target)
	if err != nil {
		return "The target is not a URL"
	}
	origin := &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"}
	var met []string
	for _, where := range []string{target, origin.String()} {
		made := s.send(ctx, probeTimeout, http.MethodHead, where, nil)
		if s.opts.ProbeCounts(made.status) {
			return ""
		}
		where, _, _ = strings.Cut(where, "?")
		if made.status != 0 {
			met = append(met, fmt.Sprintf("HEAD %s answered %d", where, made.status))
		} else {
			met = append(met, fmt.Sprintf("HEAD %s: %s", where, made.why))
		}
	}
	return "The target must answer HEAD with 2xx: " + strings.Join(met, ", ")
}

// CallRemove tells the partner at its remove URL that an integration is gone, as often
// as configured.
func (s *Service) CallRemove(ctx context.Context, appID, integrationID string) {
	if s.opts.RemoveURL == "" {
		return
	}
	body, _ := json.Marshal(map[string]string{"appId": appID, "integrationId": integrationID}) // strings cannot fail
	for attempt := 0; ; attempt++ {
		made := s.send(ctx, removeTimeout, http.MethodPost, s.opts.RemoveURL, body)
		if made.status/100 == 2 || attempt >= s.opts.RemoveRetries {
			return
		}
		if !netsim.Sleep(ctx, s.opts.RemoveRetryInterval) {
			return
		}
	}
}
