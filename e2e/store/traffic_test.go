package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/suncotest"
)

// browser is a browser and everything else that calls the program. It does not follow
// redirects, and sends nothing again by itself.
var browser = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       20 * time.Second,
}

// send sends a request and returns the answer, without its body, or nil.
func send(r *http.Request) *http.Response {
	answer, err := browser.Do(r)
	if err != nil {
		return nil
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	return answer
}

// get returns a request with the cookies of an earlier answer, if there is one.
func get(target string, earlier *http.Response) *http.Request {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, target, nil)
	if err != nil {
		panic(err)
	}
	if earlier != nil {
		for _, cookie := range earlier.Cookies() {
			r.AddCookie(cookie)
		}
	}
	return r
}

// delivery returns one message in a delivery of an app's webhook.
func (p *platform) delivery(base, appID, conversation, id, text string) *http.Request {
	webhook := suncotest.Webhook{AppID: appID, ID: "none", Target: base + "/zendesk/events"}
	for _, w := range p.Webhooks() {
		if w.AppID == appID {
			webhook = w
		}
	}
	r := suncotest.NewDelivery(webhook, p.secret(appID), suncotest.Event{
		Trigger: "conversation:message", ID: id, Payload: map[string]any{
			"conversation": map[string]string{"id": conversation},
			"message":      map[string]any{"content": map[string]string{"type": "text", "text": text}},
		},
	})
	r.RequestURI = ""
	r.URL, _ = url.Parse(webhook.Target)
	return r
}

func (k *trial) ask(do, about string, into any) bool { return ask(k.base, do, about, into) }

// ask asks the process that serves at base, and reports whether it answered.
func ask(base, do, about string, into any) bool {
	answer, err := browser.Do(get(base+"/test/"+do+"?about="+url.QueryEscape(about), nil))
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK && json.NewDecoder(answer.Body).Decode(into) == nil
}

// runFlows uses flows, and some of them again.
func (k *trial) runFlows() {
	var used []string
	for n := 0; !k.isOver(); n++ {
		flow, known := fmt.Sprint("flow ", n), false
		if len(used) > 0 && rand.N(2) == 0 {
			flow, known = used[rand.N(len(used))], true
		}
		first := false
		if !k.ask("first", flow, &first) {
			continue // it may be first once more
		}
		if first && !known {
			used = append(used, flow)
		}
		k.mu.Lock()
		k.count.flows++
		if first && known {
			k.count.twice++
		}
		k.mu.Unlock()
	}
}

func (k *trial) isOver() bool {
	select {
	case <-k.over:
		return true
	default:
		return false
	}
}

// stream is a conversation of a customer who stays. Its messages are numbered, and each
// is sent until it is acknowledged.
type stream struct {
	*customer
	name         string
	acknowledged int // read after the traffic
	begun, ended int // of the trial's mutex
}

func (s *stream) run() {
	for !s.isOver() {
		if s.platform.secret(s.appID) == "" {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		n := s.acknowledged + 1
		text := fmt.Sprint(s.name, " ", n)
		again := rand.N(10) == 0 // although it was acknowledged
		for !s.isOver() {
			answer := send(s.platform.delivery(s.base, s.appID, s.name, text, text))
			if answer == nil || answer.StatusCode != http.StatusOK {
				continue
			}
			s.acknowledged = n
			if !again {
				break
			}
			again = false
		}
	}
}

// handles notes the begin or the end of a message's handling. The trial's mutex is held.
func (s *stream) handles(begin bool, n int) {
	switch {
	case !begin:
		s.ended = max(s.ended, n)
		return
	case n == s.begun: // its end was not written down, or it failed
		s.count.again++
	case n != s.ended+1:
		s.count.disorder++
		s.t.Logf("%s: message %d follows %d, which began, and %d, which ended", s.name, n, s.begun, s.ended)
	default:
		s.count.events++
	}
	s.begun = n
}

// customer is an app in which the integration is installed, removed and installed again,
// one after the other.
type customer struct {
	*trial
	name, appID string
	codes       []string      // that it got, the oldest first
	reload      *http.Request // of the latest callback
	removed     bool          // at least once
}

func (c *customer) run() {
	wild := c.name[0] == 'w'
	for !c.isOver() {
		switch what := rand.N(20); {
		case what < 7:
			c.install()
		case what < 9 && wild:
			c.removed = true
			assert.NoError(c.t, c.uninstall())
			c.install()
		case what == 9 && wild:
			c.removed = true
			c.ask("uninstall", c.appID, new(any))
		case what == 10:
			c.ask("update", c.appID, new(any))
		case what == 11:
			c.forge()
		case what == 12 && c.reload != nil:
			send(c.reload)
		default:
			c.check(c.complete)
		}
		time.Sleep(rand.N(10 * time.Millisecond))
	}
}

// uninstall removes the integration where it is installed.
func (c *customer) uninstall() error {
	for _, in := range c.platform.Installations() {
		if in.AppID == c.appID {
			return c.platform.Uninstall(c.appID)
		}
	}
	return nil
}

// forge sends a removal that is not true.
func (c *customer) forge() {
	body := strings.NewReader(`{"appId":"` + c.appID + `","integrationId":"any"}`)
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, c.base+"/zendesk/removed", body)
	assert.NoError(c.t, err)
	r.Header.Set("Content-Type", "application/json")
	send(r)
}

// install presses Add to Zendesk and Allow. When no answer comes, the browser may load the
// callback again, and now and then it does so twice at once.
func (c *customer) install() {
	begun := send(get(c.base+"/zendesk/install", nil))
	if begun == nil || begun.StatusCode != http.StatusSeeOther {
		return
	}
	callback, err := c.platform.Allow(c.t.Context(), begun.Header.Get("Location"), c.name)
	if !assert.NoError(c.t, err) {
		return
	}
	c.codes = append(c.codes, codeOf(callback))
	c.reload = get(callback.String(), begun)
	if rand.N(5) == 0 {
		c.traffic.Go(func() { send(get(callback.String(), begun)) })
	}
	for range 1 + rand.N(3) {
		if send(c.reload) != nil {
			return
		}
	}
}

// check compares the stored token with the latest one that is expected. A later one is
// right too.
func (c *customer) check(expected map[string]bool) {
	var generations []string
	var latest sunco.Token
	need := -1
	c.mu.Lock()
	for _, code := range c.codes {
		token, _ := c.platform.token(code)
		generations = append(generations, token.Generation())
		if expected[token.Generation()] {
			latest, need = token, len(generations)-1
		}
	}
	c.mu.Unlock()
	stored := ""
	if !c.ask("get", c.appID, &stored) || need < 0 || slices.Index(generations, stored) >= need {
		return
	}
	if _, err := newClient(c.platform.domain, "").TokenInfo(context.Background(), latest); err != nil {
		return // it was removed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if stored == "" && c.removed {
		c.count.deleted++
	} else {
		c.count.lost++
	}
	c.t.Logf("%s has %q instead of %q or a later one of %q", c.name, stored, generations[need], generations)
}
