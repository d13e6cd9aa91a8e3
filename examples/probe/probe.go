package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sunco-go/sunco/suncotest"
)

// waits are how long the probe waits for what.
type waits struct {
	pause   time.Duration // between two requests
	poll    time.Duration // between two looks at a token that should die
	settle  time.Duration // for an event
	hold    time.Duration // before a delivery is answered
	click   time.Duration // for the administrator
	code    time.Duration // age at which a code is tried
	retries time.Duration // for all attempts at a delivery
	death   time.Duration // for a revoked token
	quiet   time.Duration // after which the remove URL is not called again
	removed time.Duration // for all calls to it
}

// patient returns the waits for Zendesk.
func patient() waits {
	return waits{
		pause: 200 * time.Millisecond, poll: time.Second, settle: 5 * time.Second, hold: 5 * time.Second,
		click: 5 * time.Minute, code: 11 * time.Minute, retries: 16 * time.Minute,
		death: 2 * time.Minute, quiet: 5 * time.Minute, removed: 12 * time.Minute,
	}
}

// person is, or plays, the administrator: press says what to press on the page of the
// authorize URL, and the result is the query with which the browser comes back.
type person func(ctx context.Context, authorizeURL, press string) (url.Values, error)

// probe is one run.
type probe struct {
	api       *api
	inbox     *inbox
	person    person
	out       io.Writer
	waits     waits
	long      bool
	removeURL bool   // is the probe's own
	subdomain string // of the test account
	public    string // the address of the inbox
	mark      string // in the name of everything that is made

	token   string
	witness string // what the token endpoint said to a request without a code
	spent   string // the code that was exchanged first
	held    *code  // one that was not exchanged yet
	app     string
	hook    string    // the webhook that hears of everything
	talks   [2]string // conversations; the second is passed to agents
	user    string
	ticket  bool    // agents were passed control
	made    []thing // what is there still

	revoked, living, dead time.Time // when revoke was sent, and the last looks at the token

	findings []*finding
	now      *finding // of the question that is being asked
}

// code is an authorization code.
type code struct {
	code string
	at   time.Time
}

// thing is something that the probe made, and how it is deleted: under a path, or as an
// attachment.
type thing struct{ what, path, mediaURL string }

// integration is the thing without a path.
func integration() thing { return thing{what: "the integration"} }

// stopError ends the run.
type stopError struct{ why string }

func (e *stopError) Error() string { return e.why }

func stop(format string, a ...any) error { return &stopError{fmt.Sprintf(format, a...)} }

func random() string {
	b := make([]byte, 12)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// run asks every question, removes what was made, and says how it ended.
func (p *probe) run(ctx context.Context) error {
	err := p.install(ctx)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	for _, q := range questions() {
		if q.after && err == nil {
			err = p.clean(ctx)
		}
		err = p.pose(ctx, &q, err)
	}
	if err != nil {
		p.leave(ctx)
	}
	return err
}

// install gets the first token.
func (p *probe) install(ctx context.Context) error {
	fresh, err := p.authorize(ctx, "Allow")
	if err != nil {
		return err
	}
	p.spent = fresh.code
	p.made = append(p.made, integration())
	r, err := p.exchange(ctx, fresh.code, false)
	if err != nil {
		return stop("the code could not be exchanged: %v", err)
	}
	if p.token = r.text("access_token"); r.ok() && p.token != "" {
		p.api.secrets = append(p.api.secrets, p.token)
		return nil
	}
	if r.status/100 == 4 {
		p.made = nil
	}
	return stop("the token endpoint refused the code: %s. Check SUNCO_CLIENT_ID and SUNCO_CLIENT_SECRET, which may be "+
		"another partner's, and the SUNCO_MARKETPLACE_ variables; if the reply is not Zendesk's, a proxy may answer "+
		"in its place", p.api.says(r))
}

// pose asks one question, unless the run has ended with an error, and returns what ends it.
func (p *probe) pose(ctx context.Context, q *question, ended error) error {
	p.now = &finding{question: q, answers: map[string]answer{}}
	p.findings = append(p.findings, p.now)
	var err error
	switch {
	case ended != nil:
		err = noAnswer("the run had ended")
	case q.long && !p.long:
		err = noAnswer("it needs -long")
	default:
		fmt.Fprintf(p.out, "asking: %s\n", q.name)
		if err = q.ask(ctx, p); !q.after && !isStop(err) {
			err = cmp.Or(p.alive(ctx), err)
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if isStop(err) || ctx.Err() != nil {
			ended = err
			p.now.answers = map[string]answer{}
		}
	}
	why := "the platform gave no answer"
	if err != nil {
		why = err.Error()
	}
	for _, field := range q.fields {
		if _, answered := p.now.answers[field]; !answered {
			p.now.answers[field] = unasked(why)
		}
	}
	if len(q.fields) == 0 && err != nil {
		p.note("not asked: %s", why)
	}
	return ended
}

func isStop(err error) bool {
	_, is := errors.AsType[*stopError](err)
	return is
}

// alive ends the run when the token is dead, or Zendesk is not what answers.
func (p *probe) alive(ctx context.Context) error {
	lives, r, err := p.lives(ctx, p.token)
	if err == nil && lives {
		return nil
	}
	if err != nil {
		return stop("token info does not answer any more: %v", err)
	}
	return stop("the token does not work any more (token info answered %s): another probe or somebody else revoked it, "+
		"or a proxy answers in Zendesk's place", p.api.says(r))
}

// lives reports whether a token works. It is believed to be dead when that was said twice.
func (p *probe) lives(ctx context.Context, token string) (bool, reply, error) {
	ask := request{method: http.MethodGet, url: p.api.bridge + "/v2/tokenInfo", token: token}
	r, err := p.api.send(ctx, ask)
	if err == nil && r.ok() && r.id("app", "id") == p.app {
		return true, r, nil
	}
	if err == nil {
		r, err = p.again(ctx, ask, r)
	}
	return false, r, err
}

// again repeats a request that may have been answered by something else than Zendesk, which
// then answers otherwise.
func (p *probe) again(ctx context.Context, r request, first reply) (reply, error) {
	second, err := p.api.send(ctx, r)
	if err == nil && p.api.says(first) != p.api.says(second) {
		err = noAnswer(fmt.Sprintf("two answers: %s, then %s", p.api.says(first), p.api.says(second)))
	}
	return second, err
}

// note adds a line to the report of the question.
func (p *probe) note(format string, a ...any) {
	p.now.notes = append(p.now.notes, fmt.Sprintf(format, a...))
}

func (p *probe) set(field string, a answer) { p.now.answers[field] = a }

// authorize has the administrator press a button, and returns the code.
func (p *probe) authorize(ctx context.Context, press string) (*code, error) {
	query, err := p.click(ctx, press)
	if err != nil {
		return nil, err
	}
	if said := query.Get("error"); said != "" || len(query["code"]) != 1 || query.Get("code") == "" {
		return nil, stop("the browser came back without a code: Deny was pressed, or the account does not allow it")
	}
	p.api.secrets = append(p.api.secrets, query.Get("code"))
	return &code{query.Get("code"), time.Now()}, nil
}

func (p *probe) click(ctx context.Context, press string) (url.Values, error) {
	state := random()
	authorizeURL, err := p.api.sdk.AuthorizeURL(state)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.waits.click,
		noAnswer(fmt.Sprintf("the browser did not come back within %v", p.waits.click)))
	defer cancel()
	query, err := p.person(ctx, authorizeURL, press)
	if err == nil && query.Get("state") != state {
		err = stop("the browser came back with the state of another flow")
	}
	return query, err
}

// exchange sends a code to the token endpoint.
func (p *probe) exchange(ctx context.Context, code string, form bool) (reply, error) {
	return p.tokenRequest(ctx, code, p.api.sdk.ClientID, p.api.sdk.ClientSecret.Reveal(), form)
}

func (p *probe) tokenRequest(ctx context.Context, code, id, secret string, form bool) (reply, error) {
	fields := map[string]string{"grant_type": "authorization_code", "client_id": id, "client_secret": secret}
	if code != "" {
		fields["code"] = code
	}
	r := request{method: http.MethodPost, url: p.api.bridge + "/oauth/token", json: fields}
	if form {
		r.form = url.Values{}
		for name, value := range fields {
			r.form.Set(name, value)
		}
	}
	return p.api.send(ctx, r)
}

// call makes a request to the account's app.
func (p *probe) call(ctx context.Context, method, path string, body any) (reply, error) {
	return p.ask(ctx, request{method: method, url: p.at(path), json: body})
}

// ask makes a request with the token. A page is not the API's answer.
func (p *probe) ask(ctx context.Context, r request) (reply, error) {
	r.token = p.token
	got, err := p.api.send(ctx, r)
	if shape, _ := got.shape(); err == nil && shape == suncotest.ErrorHTML {
		err = noAnswer(fmt.Sprintf("no answer to the question: a page with status %d", got.status))
	}
	return got, err
}

func (p *probe) at(path string) string { return p.api.home + "/v2/apps/" + p.app + path }

// must is call for what has to succeed, or else the question stays open.
func (p *probe) must(ctx context.Context, method, path string, body any) (reply, error) {
	r, err := p.call(ctx, method, path, body)
	if err == nil && !r.ok() {
		kind := strings.Split(path, "/")[1] // without ids
		err = noAnswer(fmt.Sprintf("%s for %s answered %s", method, kind, p.api.says(r)))
	}
	return r, err
}

// unmake deletes one of the things, and forgets it if it is gone.
func (p *probe) unmake(ctx context.Context, t thing) {
	method, path, body := http.MethodDelete, t.path, any(nil)
	if t.mediaURL != "" {
		method, path, body = http.MethodPost, "/attachments/remove", object{"mediaUrl": t.mediaURL}
	}
	r, err := p.call(ctx, method, path, body)
	if err == nil && (r.ok() || r.status == http.StatusNotFound && r.at() != nil) {
		p.made = slices.DeleteFunc(p.made, func(other thing) bool { return other == t })
	}
}

// clean deletes what was made, but for the integration, which the revoke removes.
func (p *probe) clean(ctx context.Context) error {
	for _, hook := range p.hooks(ctx) { // creating one may have succeeded without an answer
		t := hook.thing()
		if hook.own && !slices.Contains(p.made, t) {
			p.made = append(p.made, t)
		}
	}
	for _, t := range slices.Backward(slices.Clone(p.made)) {
		if t != integration() {
			p.unmake(ctx, t)
		}
	}
	return context.Cause(ctx)
}

// leave deletes what it can after the run was ended early, says what that will be before it
// begins, because it can be interrupted too.
func (p *probe) leave(ctx context.Context) {
	if len(p.made) == 0 {
		return
	}
	fmt.Fprintf(p.out, "\nThe run ends early. It made:\n")
	p.writeMade(p.out)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	_ = p.clean(ctx)
}

// writeMade lists what is there, and how to remove it.
func (p *probe) writeMade(w io.Writer) {
	for _, t := range p.made {
		how := "send DELETE " + p.at(t.path) + " with a token of the app"
		switch {
		case t == integration():
			account := p.subdomain
			if p.app == "" {
				account = "the account for which Allow was pressed"
			}
			how = "if it was not there before, remove it in Admin Center of " + account + ", under AI agents"
		case t == p.people():
			how += ", or delete the end user Probe in Zendesk Support"
		case t.mediaURL != "":
			how = "send POST " + p.at("/attachments/remove") + ` with {"mediaUrl":"` + t.mediaURL + `"}`
		default:
			how += ", or remove the integration"
		}
		fmt.Fprintf(w, "  %s: %s\n", t.what, how)
	}
}
