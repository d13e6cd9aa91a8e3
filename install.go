package sunco

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	installLife        = 10 * time.Minute // of a flow, from its begin to its callback
	installTimeout     = 60 * time.Second // of what is asked of Zendesk in one installation
	installHookTimeout = 30 * time.Second // of OnInstall, and of OnError after it
	maxInstallQuery    = 16 << 10         // bytes
)

// Installer is the [http.Handler] for the redirect URL registered with Zendesk,
// and both ends of the browser's way through it: a plain GET sends the browser
// to Zendesk's consent page, and the GET that comes back from there is turned
// into an [Installation], handed to OnInstall, and answered with a redirect.
// So the link "Add to Zendesk" is a link to this handler.
//
//	mux.Handle("/zendesk/install", &sunco.Installer{Client: client, OnInstall: store})
//
// The link may carry the query parameter return_to: where the browser goes when
// all is done, "/" without it. It is a path of the partner's own site, with a
// query and a fragment if need be, of at most 512 bytes of escaped ASCII; other
// sites, "//" and backslashes, escaped ones too, are refused, and so is this
// handler itself. (One that is mounted at "/" needs a Location from OnInstall.)
//
// What the browser brings back counts only in the browser in which the flow
// began, within 10 minutes, and once. A cookie per flow sees to it, so that two
// tabs do not disturb each other. It is authenticated with a key made from the
// client secret: processes that share the secret share the flows, and changing
// it ends those under way. A double click, or the callback loaded again, runs
// OnInstall once and gets the same redirect.
//
// When something fails, the browser gets a small page with a link that begins
// again, and OnError hears why. The page tells nothing; its status is 400 for
// what is no callback of a live flow, 403 when the customer pressed Deny or
// Identity refused, 502 when Zendesk failed, 503 when it asked to slow down,
// when FirstUse failed and when this process has too much to do, 500 for the
// partner's own side. Methods but GET are answered 405 and prefetches 503,
// without any effect.
//
// An installation asks Zendesk for at most 60 s, whether the browser waits or
// not, and the hooks then have 30 s each; an [http.Server.WriteTimeout] that is
// shorter takes the answer away and not the installation. Let
// [http.Server.Shutdown] wait two minutes: an installation that the end of the
// process interrupts loses its token.
//
// An Installer remembers up to 10,000 finished flows for as long as they could
// be repeated, a few hundred bytes each, and has no goroutines of its own.
// [Client.Logger] gets one line per failure, without any secret; level Debug
// where anyone can cause it. It looks at neither Host nor X-Forwarded headers.
// It is safe for concurrent use and must not be copied. Its fields must not
// change once it serves.
type Installer struct {
	// Client is whose ClientID, ClientSecret and RedirectURI are used.
	// Required.
	Client *Client

	// OnInstall stores the installation under its AppID. When a customer
	// installs again, the new one replaces the older one; without the
	// field Webhook, keep the Webhooks that are stored: they still deliver.
	//
	// It may set headers and cookies on w, and a Location other than the way
	// back; the answer's status and body are not its to write. The request
	// is the callback's, without its query and the flow's cookie, and its
	// context outlives the browser's patience by up to 30 s. An error, or a
	// status of 400 and above written to w, means that the installation was
	// not stored. Required.
	OnInstall func(w http.ResponseWriter, r *http.Request, in *Installation) error

	// OnError hears of every failure, and may write an answer of its own
	// instead of the page. The error is not for the browser.
	//
	// When in is not nil, a token exists that nobody has stored: Zendesk
	// shows the integration as installed, and without the token nobody can
	// use it. Store its token, beside the Subdomain and the Webhooks that are
	// there already when the customer had installed before, and finish with
	// [Client.Locate] and [Client.EnsureWebhook]; or let the customer begin
	// again, which gives another token. A legacy app needs its LegacyRegion
	// first, see [ErrNoRegion]. Do not revoke it to clean up: that removes
	// an installation that worked before. AppID may still be empty.
	//
	// The errors are [ErrStateMismatch] when the callback belongs to no live
	// flow of this browser and this identity; those of [ParseCallback],
	// [ErrAccessDenied] among them; those of [Client.Install] and
	// [Client.EnsureWebhook]; those of the other hooks as they are; and
	// [*InputError] for a bad return_to or Client. Identical callbacks that
	// arrive together wait for the first, which gets the installation. When
	// OnError answers it with a redirect, they are sent there too; otherwise
	// each gets the error. One that comes later is an ErrStateMismatch.
	//
	// Nil: the page is the answer, [Client.Logger] gets a line, and a token
	// that nobody stored is lost.
	OnError func(w http.ResponseWriter, r *http.Request, in *Installation, err error)

	// Identity names the partner's own account that is signed in: an
	// account id, say, from the session. It is asked when a flow begins and
	// when it comes back, and another one then is refused, so that nobody
	// finishes a flow into somebody else's account. "" is an error, and so
	// nobody is let in who is not signed in; OnError, which gets an
	// [*InputError] named "identity" then, can send them to sign in. The
	// request is without its query. Nil: a flow is bound to the browser
	// only.
	Identity func(r *http.Request) (string, error)

	// FirstUse is needed where several processes, or several Installers with
	// one Client, serve the URL. It records flowID in a store that they
	// share, atomically, and reports whether it was not there before; an
	// entry may be forgotten after 10 minutes. It is asked before the code is
	// spent. When the answer is false, another process has the flow in hand,
	// and the browser is sent the way back although that one may not have
	// finished. The id is a hash that reveals nothing. Nil: this process is
	// the only one.
	FirstUse func(ctx context.Context, flowID string) (bool, error)

	// Webhook is ensured before OnInstall runs, which finds it, with its
	// secret, in Installation.Webhooks. One account that is installed twice
	// at the same moment can get two, see [Client.EnsureWebhook]. Nil: none;
	// OnInstall can call EnsureWebhook when it has stored the token, so that
	// a crash in between loses nothing.
	Webhook *Webhook

	// InsecureCookie leaves out the cookies' __Host- prefix and Secure, for
	// browsers that refuse them on plain http to this machine. Other hosts
	// of the same domain can then overwrite them. Never set it in production.
	InsecureCookie bool

	mu      sync.Mutex
	flights map[[32]byte]*installFlight
	swept   int64 // when the expired ones were last removed, Unix seconds
}

// ServeHTTP implements [http.Handler].
func (i *Installer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if i.Client == nil || i.OnInstall == nil {
		panic("sunco: Installer needs Client and OnInstall")
	}
	guardInstall(w.Header())
	if r.ContentLength != 0 { // nobody asked for a body, and the server reads what is left of it
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	}
	switch {
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case isPrefetch(r.Header):
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	query, err := installQuery(r.URL.RawQuery)
	switch {
	case err != nil:
		i.fail(w, r, installFailure{http.StatusBadRequest, "query", err}, nil)
	case query.Has("code") || query.Has("error") || query.Has("state"):
		i.callback(w, r, query)
	default:
		i.begin(w, r, query["return_to"])
	}
}

func installQuery(raw string) (url.Values, error) {
	if raw == "" {
		return nil, nil
	}
	if len(raw) > maxInstallQuery {
		return nil, &InputError{Name: "query", Reason: "longer than 16 KiB"}
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, &InputError{Name: "query", Reason: "malformed"}
	}
	return query, nil
}

// guardInstall sets what every answer has.
func guardInstall(header http.Header) {
	header["Cache-Control"] = []string{"no-store"}
	header["Referrer-Policy"] = []string{"no-referrer"}
}

// isPrefetch finds a browser that only guesses that its user will go there.
func isPrefetch(header http.Header) bool {
	for _, name := range [...]string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		for _, value := range header[name] {
			value = strings.ToLower(value)
			if strings.Contains(value, "prefetch") || strings.Contains(value, "prerender") || strings.Contains(value, "preview") {
				return true
			}
		}
	}
	return false
}

// begin sends the browser to Zendesk.
func (i *Installer) begin(w http.ResponseWriter, r *http.Request, returnTo []string) {
	back, err := chooseReturnTo(returnTo, cmp.Or(i.Client.RedirectURI, r.RequestURI))
	if err != nil {
		i.fail(w, r, installFailure{http.StatusBadRequest, "return_to", err}, nil)
		return
	}
	identity, err := i.identify(r)
	if err != nil {
		i.fail(w, r, installFailure{http.StatusForbidden, hookIdentity, err}, nil)
		return
	}
	flow := newInstallFlow(back)
	target, err := i.authorizeURL(flow.state)
	if err != nil {
		i.fail(w, r, installFailure{http.StatusInternalServerError, "begin", err}, nil)
		return
	}
	i.dropOldCookies(w, r)
	i.setCookie(w, i.flowCookie(flow.state), i.sealFlow(flow, identity), int(installLife/time.Second))
	redirect(w, target)
}

func (i *Installer) authorizeURL(state string) (string, error) {
	if i.Client.ClientSecret.IsZero() {
		return "", &InputError{Name: "client secret", Reason: "empty; set Client.ClientSecret"}
	}
	return i.Client.AuthorizeURL(state)
}

// identify asks for the account that is signed in. "" without an error means
// that nobody asks for one.
func (i *Installer) identify(r *http.Request) (string, error) {
	if i.Identity == nil {
		return "", nil
	}
	identity, err := i.Identity(cleanRequest(r.Context(), r))
	if err == nil && identity == "" {
		err = &InputError{Name: "identity", Reason: "empty; nobody is signed in"}
	}
	return identity, err
}

// redirect is without the body that net/http's has: it would repeat the URL.
func redirect(w http.ResponseWriter, target string) {
	w.Header()["Location"] = []string{target}
	w.WriteHeader(http.StatusSeeOther)
}

var (
	errInstallBusy     = errors.New("sunco: install: too many flows at the same time")
	errInstallPanic    = errors.New("sunco: install: a hook did not return")
	errInstallAnswered = errors.New("sunco: install: OnInstall answered with an error status")
)
