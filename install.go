package sunco

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/sunco-go/sunco/internal/hook"
	"github.com/sunco-go/sunco/internal/inbound"
)

const (
	flowLife           = 10 * time.Minute // from the begin of a flow to its callback
	installTimeout     = 60 * time.Second // of the exchange, and of what Zendesk is asked after it
	installHookTimeout = 30 * time.Second // of each hook
	maxConsumedFlows   = 10_000
)

// Installer is the [http.Handler] for the redirect URI. A plain GET sends the
// browser to Zendesk's consent page. The GET that comes back from there becomes
// an [Installation], is saved, and is answered with a redirect. So the link
// "Add to Zendesk" is a link to this handler.
//
//	mux.Handle("/zendesk/install", &sunco.Installer{Client: client, Save: save})
//
// The link's query parameter return_to says where the browser goes at the end:
// a path of your own site with up to 512 bytes of escaped ASCII, "/" by default.
// A callback counts once, within 10 minutes, in the browser that began the flow;
// loaded again it gets the same redirect. After a failure the browser gets a
// short page; the reason goes to OnError. An Installer is safe for concurrent use
// and must not be copied. Its fields must not change once it serves.
type Installer struct {
	// Client provides ClientID, ClientSecret and RedirectURI. Cookies are
	// authenticated with a key made from ClientSecret: processes that share
	// the secret share the flows, and changing it ends the flows in progress.
	// Required.
	Client *Client

	// Save stores an installation. Required. It is called twice for each:
	//
	//  1. As soon as a token exists, before Zendesk is asked for anything
	//     else. Only in.Token is set, and AppID is empty. Insert a row with
	//     in.Generation() as its key, and change no other: which customer it
	//     is, is not known yet.
	//  2. When the installation is complete: in has an AppID, a Subdomain or
	//     LegacyRegion, and the Webhook if that field is set. In one
	//     transaction, replace the row of this AppID and delete the row of
	//     call 1. If in.Webhooks is empty, keep the stored Webhooks: those of
	//     an earlier installation still deliver.
	//
	// Saving the same installation again must change nothing. An error or a
	// panic ends the installation. If call 1 fails, the token is lost and the
	// customer has to connect again. If anything fails later, or the process
	// is killed, the row of call 1 remains, and so does what was stored for
	// the AppID. Finish such a row at the next start, as the package
	// documentation says under Storing. Do not revoke its token: that removes
	// the customer's earlier installation too.
	//
	// The context has the values of the request's context, so a middleware
	// can pass on who is signed in. It ends after 30 s, but not when the
	// browser leaves.
	Save func(ctx context.Context, in *Installation) error

	// OnInstall runs after the second call of Save. It may set headers and
	// cookies, and a Location that replaces return_to; it cannot set the
	// status or the body. The request is the callback without its query and
	// the flow's cookie, and its context is like that of Save. If OnInstall
	// panics, the installation stands. Optional.
	OnInstall func(w http.ResponseWriter, r *http.Request, in *Installation)

	// OnError runs after every failure, and may answer the browser itself
	// instead of the page. Do not show err to the browser. Optional.
	//
	// in is nil if no token was saved. Otherwise its Token was saved, and in
	// holds what else is known, so that the installation can be finished. For
	// [ErrNoRegion], ask the customer for the region, set LegacyRegion, and
	// call EnsureWebhook and Save.
	//
	// err is [ErrStateMismatch] when the callback belongs to no flow in
	// progress in this browser, or to another Identity's; an
	// [*AuthorizationError], [ErrAccessDenied] above all; a [*RequestError]
	// about the query, return_to, callback or identity; an [*InputError]
	// about Client or Webhook; an error of [Client.Exchange], [Client.Locate]
	// or EnsureWebhook; or a hook's own error.
	//
	// A double click sends the same callback twice. The second waits for the
	// first. If OnError answers the first with a redirect, the second gets it
	// too; otherwise OnError runs for it again, with a nil in.
	OnError func(w http.ResponseWriter, r *http.Request, in *Installation, err error)

	// Identity returns your own account that is signed in, an account id for
	// example. It runs when a flow begins and when the callback arrives, and
	// the callback is refused if the two differ, so that nobody can finish a
	// flow in another account. "" and errors are refused. The request has no
	// query. Nil: a flow is bound to the browser only.
	Identity func(r *http.Request) (string, error)

	// FirstUse is required when several processes, or several Installers,
	// serve the URL. It records flowID in a store that they share, atomically,
	// and reports whether it was new. Entries may be deleted after an hour.
	// It runs before the code is exchanged. If it returns false, another
	// process has the flow, and the browser is redirected to return_to at
	// once. flowID is a hash and no secret. Nil: this is the only process.
	FirstUse func(ctx context.Context, flowID string) (bool, error)

	// Webhook is passed to [Client.EnsureWebhook] between the two calls of
	// Save. The second call finds the result in Installation.Webhooks. Nil:
	// the installation has no webhook.
	Webhook *Webhook

	// InsecureCookie leaves out Secure and the __Host- prefix of the cookies.
	// Use it only for local development over plain HTTP.
	InsecureCookie bool

	// Logger gets one line for each failure and each panic of a hook: the
	// step, the error's text, and no credential. The level is Debug for what
	// strangers can cause, else Warn. Nil: [slog.Default].
	Logger *slog.Logger

	mu       sync.Mutex
	consumed map[[32]byte]*consumedFlow
	swept    int64 // when expired flows were last deleted, Unix seconds
}

// ServeHTTP implements [http.Handler].
func (i *Installer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if i.Client == nil || i.Save == nil {
		panic("sunco: Installer needs Client and Save")
	}
	guardInstall(w.Header())
	if r.ContentLength != 0 { // the server would wait for a body, which is not read
		w.Header().Set("Connection", "close")
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(inbound.Limit))
	}
	switch {
	case r.Method != http.MethodGet: // GET patterns match HEAD too
		w.Header().Set("Allow", http.MethodGet)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case inbound.IsPrefetch(r.Header):
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case len(r.URL.RawQuery) > maxCallback:
		i.fail(w, r, stepQuery, &RequestError{"query", "longer than 16 KiB", http.StatusBadRequest})
		return
	}
	if err := i.setup(); err != nil {
		i.fail(w, r, stepSetup, err)
		return
	}
	query, err := parseQuery(r.URL.RawQuery)
	switch {
	case query.Has("code") || query.Has("error") || query.Has("state"):
		i.callback(w, r, query)
	case err != nil:
		i.fail(w, r, stepQuery, &RequestError{"query", "malformed; escape its values", http.StatusBadRequest})
	default:
		i.begin(w, r, query["return_to"])
	}
}

// begin sends the browser to Zendesk.
func (i *Installer) begin(w http.ResponseWriter, r *http.Request, returnTo []string) {
	target, err := chooseReturnTo(returnTo, cmp.Or(i.Client.RedirectURI, r.RequestURI))
	if err != nil {
		i.fail(w, r, stepReturnTo, err)
		return
	}
	identity, err := i.identify(r)
	if err != nil {
		i.fail(w, r, hookIdentity, err)
		return
	}
	flow := newInstallFlow(target)
	authorize, err := i.Client.AuthorizeURL(flow.state)
	if err != nil {
		i.fail(w, r, stepSetup, err)
		return
	}
	i.dropOldCookies(w, r)
	i.setCookie(w, i.cookieName(flowKind, flow.state), i.sealFlow(flow, identity), int(flowLife/time.Second))
	redirect(w, authorize)
}

// setup checks what would otherwise fail only after the consent page.
func (i *Installer) setup() error {
	if i.Client.ClientSecret.IsZero() {
		return &InputError{Name: "client secret", Reason: "empty; set Client.ClientSecret"}
	}
	if i.Webhook == nil {
		return nil
	}
	return checkWebhook(i.Webhook)
}

// identify returns the account that is signed in, "" without Identity.
func (i *Installer) identify(r *http.Request) (identity string, err error) {
	if i.Identity == nil {
		return "", nil
	}
	err = i.hook(r, nil, hookIdentity, func(ctx context.Context) (err error) {
		identity, err = i.Identity(cleanRequest(ctx, r))
		return err
	})
	if err == nil && identity == "" {
		err = &RequestError{"identity", "nobody is signed in; sign in and begin again", http.StatusForbidden}
	}
	return identity, err
}

// callback checks whose flow it is, then whether it was finished already, and
// only then what Zendesk says.
func (i *Installer) callback(w http.ResponseWriter, r *http.Request, query url.Values) {
	if len(query["state"]) != 1 {
		i.fail(w, r, stepCallback, ErrStateMismatch)
		return
	}
	identity, err := i.identify(r)
	if err != nil {
		i.fail(w, r, hookIdentity, err)
		return
	}
	flow, live := i.openFlow(r, query.Get("state"), identity)
	if !live {
		if location, done := i.openReceipt(r, query, identity); done {
			redirect(w, location)
			return
		}
		i.fail(w, r, stepCallback, ErrStateMismatch)
		return
	}
	code, err := readCallback(query, flow.state)
	var consumed *consumedFlow
	first := false
	if err == nil {
		consumed, first, err = i.consume(flow, code)
	}
	if !errors.Is(err, ErrStateMismatch) && err != errInstallBusy { // the flow is over
		i.setCookie(w, i.cookieName(flowKind, flow.state), "", -1)
	}
	switch {
	case err != nil:
		i.fail(w, r, stepCallback, err)
	case first:
		i.install(w, r, &installation{flow: flow, identity: identity, code: code}, consumed)
	default:
		i.wait(w, r, &installation{flow: flow, identity: identity, code: code}, consumed)
	}
}

// consumedFlow is a flow whose code was exchanged or is being exchanged. It is
// kept until the flow expires, so that no code is exchanged twice.
type consumedFlow struct {
	code    [32]byte // digest; a callback with another code is not identical
	expires int64
	done    chan struct{}
	result  installResult // read it after done is closed
}

// installResult is how a flow ended. Every identical callback gets it. It holds
// no token.
type installResult struct {
	header         http.Header // set by OnInstall
	location       string      // after a failure: where OnError redirected to, or ""
	installFailure             // without an err: success
}

// consume returns the entry of a flow, and reports whether this call made it:
// then the caller exchanges the code. A full table refuses further flows.
func (i *Installer) consume(flow installFlow, code Secret) (entry *consumedFlow, first bool, err error) {
	key, digest := flow.key(), sha256.Sum256([]byte(code.Reveal()))
	i.mu.Lock()
	defer i.mu.Unlock()
	now := installNow()
	if now >= flow.expires {
		return nil, false, ErrStateMismatch
	}
	if entry := i.consumed[key]; entry != nil {
		if entry.code != digest {
			return nil, false, ErrStateMismatch
		}
		return entry, false, nil
	}
	i.sweep(now)
	if len(i.consumed) >= maxConsumedFlows && !i.dropFailed() {
		return nil, false, errInstallBusy
	}
	if i.consumed == nil {
		i.consumed = map[[32]byte]*consumedFlow{}
	}
	entry = &consumedFlow{code: digest, expires: flow.expires, done: make(chan struct{})}
	i.consumed[key] = entry
	return entry, true, nil
}

// sweep deletes expired flows, at most once a second. The mutex is held.
func (i *Installer) sweep(now int64) {
	if now == i.swept {
		return
	}
	i.swept = now
	for key, entry := range i.consumed {
		if now >= entry.expires {
			delete(i.consumed, key)
		}
	}
}

// dropFailed deletes one flow whose code Zendesk refused and reports whether there
// was one, so that invented codes cannot fill the table. The mutex is held.
func (i *Installer) dropFailed() bool {
	for key, entry := range i.consumed {
		select {
		case <-entry.done:
			if entry.result.refused() {
				delete(i.consumed, key)
				return true
			}
		default: // in progress
		}
	}
	return false
}

// wait answers a callback like the identical one that came first.
func (i *Installer) wait(w http.ResponseWriter, r *http.Request, one *installation, entry *consumedFlow) {
	select {
	case <-entry.done:
	case <-r.Context().Done():
		writeInstallPage(w, http.StatusServiceUnavailable, r.Context().Err())
		return
	}
	switch result := entry.result; {
	case result.err == nil:
		i.succeed(w, one, result)
	case result.location != "":
		redirect(w, result.location)
	default:
		i.explain(w, r, result.installFailure, nil)
	}
}

// installation is one installation in progress.
type installation struct {
	flow     installFlow
	identity string
	code     Secret
	in       *Installation // what is known; nil until there is a token
	saved    bool          // the token was saved
}

// install makes the installation, whether or not the browser stays, and answers.
func (i *Installer) install(w http.ResponseWriter, r *http.Request, one *installation, entry *consumedFlow) {
	r = r.WithContext(context.WithoutCancel(r.Context()))
	result := installResult{installFailure: installFailure{stepInstall, errInstallStopped}}
	defer func() { // also when a RoundTripper panics
		entry.result = result
		close(entry.done)
	}()
	if result = i.complete(r, one); result.err == nil {
		i.succeed(w, one, result)
		return
	}
	i.logFailure(r, one.in, result.installFailure)
	if !one.saved {
		one.in = nil
	}
	result.location = i.explain(w, r, result.installFailure, one.in)
}

// complete takes the steps from the code to the complete installation.
func (i *Installer) complete(r *http.Request, one *installation) installResult {
	if i.FirstUse != nil {
		first := false
		err := i.hook(r, nil, hookFirstUse, func(ctx context.Context) (err error) {
			first, err = i.FirstUse(ctx, one.flow.id())
			return err
		})
		switch {
		case err != nil:
			return installResult{installFailure: installFailure{hookFirstUse, err}}
		case !first:
			return installResult{location: one.flow.returnTo}
		}
	}
	step, err := i.exchange(r, one)
	if err == nil {
		step, err = i.locate(r, one)
	}
	if err != nil {
		return installResult{installFailure: installFailure{step, err}}
	}
	answer := hookWriter{http.Header{}}
	if i.OnInstall != nil {
		_ = i.hook(r, one.in, hookOnInstall, func(ctx context.Context) error {
			i.OnInstall(answer, cleanRequest(ctx, r), one.in)
			return nil
		})
	}
	return answer.result(one.flow.returnTo)
}

// exchange turns the code into a token that is saved.
func (i *Installer) exchange(r *http.Request, one *installation) (step string, err error) {
	ctx, cancel := context.WithTimeout(r.Context(), installTimeout)
	defer cancel()
	token, err := i.Client.Exchange(ctx, one.code)
	if err != nil {
		return stepExchange, err
	}
	one.in = &Installation{Token: token}
	if err := i.save(r, one.in); err != nil {
		return hookSave, err
	}
	one.saved = true
	return "", nil
}

// locate completes the installation and saves it again.
func (i *Installer) locate(r *http.Request, one *installation) (step string, err error) {
	ctx, cancel := context.WithTimeout(r.Context(), installTimeout)
	defer cancel()
	if one.in, err = i.Client.Locate(ctx, one.in); err != nil { // a copy, with an error too
		return stepLocate, err
	}
	if i.Webhook != nil {
		webhook, err := i.Client.EnsureWebhook(ctx, one.in, i.Webhook)
		if err != nil {
			return stepWebhook, err
		}
		one.in.Webhooks = []Webhook{*webhook}
	}
	return hookSave, i.save(r, one.in)
}

func (i *Installer) save(r *http.Request, in *Installation) error {
	return i.hook(r, in, hookSave, func(ctx context.Context) error { return i.Save(ctx, in) })
}

// hook runs one of the hooks with a time limit. A panic is logged and becomes an
// error.
func (i *Installer) hook(r *http.Request, in *Installation, name string, run func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(r.Context(), installHookTimeout)
	defer cancel()
	err := hook.Try(func() error { return run(ctx) })
	if errors.As(err, new(*hook.Panic)) {
		i.log(r, in, slog.LevelError, "install: a hook panicked", err, slog.String("step", name))
		return errors.New("sunco: install: " + name + " panicked; see the log")
	}
	return err
}
