package sunco

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	installPrefix = "sunco-install-" // of the cookies' names, behind __Host-
	flowKind      = "flow"           // a flow in progress
	receiptKind   = "done"           // a flow that succeeded

	stateBytes    = 32
	maxReturnTo   = 512     // bytes
	maxLocation   = 1 << 10 // bytes, for a receipt
	maxOurCookies = 7       // kept in a browser that begins another flow,
	maxOurBytes   = 3 << 10 // with this many bytes together
)

// installFlow is the content of a flow's cookie.
type installFlow struct {
	state    string
	returnTo string
	expires  int64 // Unix seconds
}

// installNow counts in seconds, as cookies do.
func installNow() int64 { return time.Now().Unix() }

func newInstallFlow(returnTo string) installFlow {
	var random [stateBytes]byte
	_, _ = rand.Read(random[:]) // never fails
	return installFlow{
		state:    base64.RawURLEncoding.EncodeToString(random[:]),
		expires:  installNow() + int64(flowLife/time.Second),
		returnTo: returnTo,
	}
}

// key identifies the flow among those consumed.
func (f installFlow) key() [32]byte { return sha256.Sum256([]byte(f.state)) }

// id is the key for FirstUse.
func (f installFlow) id() string {
	key := f.key()
	return hex.EncodeToString(key[:])
}

// chooseReturnTo checks return_to, which ends in a Location header. The handler
// itself, which is at here, is refused: it would begin another flow.
func chooseReturnTo(values []string, here string) (string, error) {
	switch {
	case len(values) == 0:
		return "/", nil
	case len(values) > 1:
		return "", badReturnTo("given more than once")
	case !isOwnPath(values[0]):
		return "", badReturnTo(`not a path of this site; use one like /settings?tab=zendesk, ` +
			`in up to 512 bytes of escaped ASCII without "//" and backslashes`)
	case here != "" && samePath(values[0], here):
		return "", badReturnTo("the Installer's own path, which would begin again; use another page's")
	}
	return values[0], nil
}

func badReturnTo(reason string) error {
	return &RequestError{"return_to", reason, http.StatusBadRequest}
}

// samePath compares the paths of two URLs as a lenient server would.
func samePath(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && strings.EqualFold(path.Clean("/"+x.Path), path.Clean("/"+y.Path))
}

// isOwnPath reports whether every browser, and every server that unescapes
// once too often, reads target as a path of its own site.
func isOwnPath(target string) bool {
	if !strings.HasPrefix(target, "/") || len(target) > maxReturnTo || strings.Contains(target, "//") ||
		!visibleASCII(target) || strings.Contains(target, `\`) {
		return false
	}
	u, err := url.Parse(target)
	return err == nil && u.Scheme == "" && u.Host == "" && u.User == nil && u.Opaque == "" &&
		!strings.Contains(u.Path, "//") && !strings.ContainsFunc(u.Path, func(r rune) bool {
		return r < ' ' || r == '\\' || r == 0x7f
	})
}

// cookieName names a flow's cookie by a hash, so that a name in a log does not
// reveal the state.
func (i *Installer) cookieName(kind, state string) string {
	sum := sha256.Sum256([]byte(state))
	name := installPrefix + kind + "-" + base64.RawURLEncoding.EncodeToString(sum[:12])
	if i.InsecureCookie {
		return name
	}
	return "__Host-" + name
}

func isInstallCookie(pair string) bool {
	return strings.HasPrefix(strings.TrimPrefix(pair, "__Host-"), installPrefix)
}

// setCookie sets a cookie for maxAge seconds, or deletes it when that is -1.
func (i *Installer) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: !i.InsecureCookie, SameSite: http.SameSiteLaxMode,
	})
}

// sealFlow returns the value of a flow's cookie: expiry, state and return_to,
// authenticated together with the identity.
func (i *Installer) sealFlow(flow installFlow, identity string) string {
	payload := strconv.FormatInt(flow.expires, 10) + "." + flow.state + "." +
		base64.RawURLEncoding.EncodeToString([]byte(flow.returnTo))
	return payload + "." + i.mac(payload, identity)
}

// openFlow returns the flow that a callback with this state belongs to.
func (i *Installer) openFlow(r *http.Request, state, identity string) (installFlow, bool) {
	fields, ok := i.open(r, i.cookieName(flowKind, state), identity)
	if !ok || len(fields) != 3 {
		return installFlow{}, false
	}
	flow := installFlow{state: fields[1], expires: expiry(fields[0])}
	returnTo, err := base64.RawURLEncoding.DecodeString(fields[2])
	flow.returnTo = string(returnTo)
	return flow, err == nil && installNow() < flow.expires
}

// giveReceipt sets a cookie with which the same callback gets the same redirect
// when it is loaded again. It proves nothing else.
func (i *Installer) giveReceipt(w http.ResponseWriter, one *installation, location string) {
	flow := one.flow
	left := flow.expires - installNow()
	if left <= 0 || len(location) > maxLocation {
		return
	}
	payload := strconv.FormatInt(flow.expires, 10) + "." + base64.RawURLEncoding.EncodeToString([]byte(location))
	value := payload + "." + i.mac(payload, flow.state, one.code.Reveal(), one.identity)
	i.setCookie(w, i.cookieName(receiptKind, flow.state), value, int(left))
}

// openReceipt returns where a callback was redirected to before.
func (i *Installer) openReceipt(r *http.Request, query url.Values, identity string) (string, bool) {
	state := query.Get("state")
	if len(query["code"]) != 1 || query.Has("error") {
		return "", false
	}
	fields, ok := i.open(r, i.cookieName(receiptKind, state), state, query.Get("code"), identity)
	if !ok || len(fields) != 2 || installNow() >= expiry(fields[0]) {
		return "", false
	}
	location, err := base64.RawURLEncoding.DecodeString(fields[1])
	return string(location), err == nil
}

// open returns the fields of a cookie that this program made for this use.
func (i *Installer) open(r *http.Request, name string, bound ...string) ([]string, bool) {
	cookies := r.CookiesNamed(name)
	if len(cookies) != 1 {
		return nil, false
	}
	value := cookies[0].Value
	end := strings.LastIndexByte(value, '.')
	if end < 0 || !hmac.Equal([]byte(value[end+1:]), []byte(i.mac(value[:end], bound...))) {
		return nil, false
	}
	return strings.Split(value[:end], "."), true
}

// mac authenticates a cookie: only a process that knows the client secret can
// have made it, for the same values. A flow binds one, a receipt three.
func (i *Installer) mac(payload string, bound ...string) string {
	h := hmac.New(sha256.New, []byte(i.Client.ClientSecret.Reveal()))
	message := make([]byte, 0, 512)
	for _, part := range append([]string{"sunco install 1", payload}, bound...) {
		message = binary.BigEndian.AppendUint64(message, uint64(len(part)))
		message = append(message, part...)
	}
	_, _ = h.Write(message)
	return base64.RawURLEncoding.EncodeToString(h.Sum(message[:0]))
}

// expiry parses a Unix time, and is 0 for what is no number.
func expiry(field string) int64 {
	seconds, _ := strconv.ParseInt(field, 10, 64)
	return seconds
}

// dropOldCookies deletes the cookies of old flows, before the browser's headers
// become too long for a server.
func (i *Installer) dropOldCookies(w http.ResponseWriter, r *http.Request) {
	type ours struct {
		name    string
		size    int
		expires int64
	}
	var found []ours
	latest := installNow() + int64(flowLife/time.Second)
	for _, cookie := range r.Cookies() {
		if isInstallCookie(cookie.Name) {
			head, _, _ := strings.Cut(cookie.Value, ".")
			expires := expiry(head)
			if expires > latest {
				expires = 0
			}
			size := len(cookie.Name) + len(cookie.Value) + len("=; ")
			found = append(found, ours{cookie.Name, size, expires})
		}
	}
	slices.SortStableFunc(found, func(a, b ours) int { return cmp.Compare(b.expires, a.expires) })
	total := 0
	for n, cookie := range found {
		total += cookie.size
		if n >= maxOurCookies || total > maxOurBytes {
			i.setCookie(w, cookie.name, "", -1)
		}
	}
}
