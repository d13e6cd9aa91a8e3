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
	flowKind      = "flow"           // a flow that has begun
	receiptKind   = "done"           // one that has ended well

	stateBytes    = 32
	maxReturnTo   = 512 // bytes
	maxLocation   = 1024
	maxFlowCookie = 1 << 10 // bytes of a value
	maxOurCookies = 7       // that a browser keeps when it begins one more,
	maxOurBytes   = 3 << 10 // and what they may be long together
)

// installFlow is what the cookie of a flow holds.
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
		expires:  installNow() + int64(installLife/time.Second),
		returnTo: returnTo,
	}
}

// key is a hash under which a flow is remembered. It reveals nothing.
func (f installFlow) key() [32]byte { return sha256.Sum256([]byte(f.state)) }

// id is the key as FirstUse sees it.
func (f installFlow) id() string {
	key := f.key()
	return hex.EncodeToString(key[:])
}

// chooseReturnTo checks the way back, which ends in a Location header. It does
// not lead back here, to the handler itself, which would begin once more.
func chooseReturnTo(values []string, here string) (string, error) {
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "/", nil
	case len(values) > 1:
		return "", &InputError{Name: "return_to", Reason: "repeated"}
	case !isOwnPath(values[0]):
		return "", &InputError{Name: "return_to", Reason: "not a path of this site in up to 512 bytes of escaped ASCII"}
	case here != "" && samePath(values[0], here):
		return "", &InputError{Name: "return_to", Reason: "names the handler itself"}
	}
	return values[0], nil
}

// samePath compares the paths of two URLs as a lenient server would.
func samePath(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && strings.EqualFold(path.Clean("/"+x.Path), path.Clean("/"+y.Path))
}

// isOwnPath reports whether every browser, and every server that unescapes
// once too often, takes target for a path of the site it stands on.
func isOwnPath(target string) bool {
	if target == "" || target[0] != '/' || len(target) > maxReturnTo || strings.Contains(target, "//") {
		return false
	}
	for i := range len(target) {
		if target[i] <= ' ' || target[i] > '~' || target[i] == '\\' {
			return false
		}
	}
	u, err := url.Parse(target)
	return err == nil && u.Scheme == "" && u.Host == "" && u.User == nil && u.Opaque == "" &&
		!strings.Contains(u.Path, "//") && !strings.ContainsFunc(u.Path, func(r rune) bool {
		return r < ' ' || r == '\\' || r == 0x7f
	})
}

// flowCookie names the cookie of a flow by a hash, so that a name in a log
// says nothing about the state.
func (i *Installer) flowCookie(state string) string { return i.cookieName(flowKind, state) }

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

// mayBeFlow tells cheaply what can be no callback of this browser.
func (i *Installer) mayBeFlow(r *http.Request, state string) bool {
	return len(state) == base64.RawURLEncoding.EncodedLen(stateBytes) &&
		len(r.CookiesNamed(i.cookieName(flowKind, state)))+len(r.CookiesNamed(i.cookieName(receiptKind, state))) > 0
}

// sealFlow writes the cookie of a flow: expiry, state and way back, which are
// authenticated together with the identity.
func (i *Installer) sealFlow(flow installFlow, identity string) string {
	payload := strconv.FormatInt(flow.expires, 10) + "." + flow.state + "." +
		base64.RawURLEncoding.EncodeToString([]byte(flow.returnTo))
	return payload + "." + i.mac(flowKind, payload, identity)
}

// openFlow returns the flow that a callback with this state belongs to.
func (i *Installer) openFlow(r *http.Request, state, identity string) (installFlow, bool) {
	fields, ok := i.open(r, i.cookieName(flowKind, state), flowKind, identity)
	if !ok || len(fields) != 3 {
		return installFlow{}, false
	}
	flow := installFlow{state: fields[1], expires: expiry(fields[0])}
	returnTo, err := base64.RawURLEncoding.DecodeString(fields[2])
	flow.returnTo = string(returnTo)
	return flow, err == nil && isOwnPath(flow.returnTo) && installNow() < flow.expires
}

// giveReceipt leaves a cookie with which the same callback, loaded again, gets
// the same redirect when the flow's own cookie is gone. It proves nothing else.
func (i *Installer) giveReceipt(w http.ResponseWriter, flow installFlow, identity string, code Secret, location string) {
	left := flow.expires - installNow()
	if left <= 0 || len(location) > maxLocation {
		return
	}
	payload := strconv.FormatInt(flow.expires, 10) + "." + base64.RawURLEncoding.EncodeToString([]byte(location))
	value := payload + "." + i.mac(receiptKind, payload, flow.state, code.Reveal(), identity)
	i.setCookie(w, i.cookieName(receiptKind, flow.state), value, int(left))
}

// openReceipt returns where the flow of a callback has ended.
func (i *Installer) openReceipt(r *http.Request, query url.Values, identity string) (string, bool) {
	state := query.Get("state")
	if len(query["code"]) != 1 || query.Has("error") {
		return "", false
	}
	fields, ok := i.open(r, i.cookieName(receiptKind, state), receiptKind, state, query.Get("code"), identity)
	if !ok || len(fields) != 2 || installNow() >= expiry(fields[0]) {
		return "", false
	}
	location, err := base64.RawURLEncoding.DecodeString(fields[1])
	return string(location), err == nil
}

// open returns the fields of a cookie whose code is right.
func (i *Installer) open(r *http.Request, name, kind string, bound ...string) ([]string, bool) {
	cookies := r.CookiesNamed(name)
	if len(cookies) != 1 || len(cookies[0].Value) > 2*maxFlowCookie || i.Client.ClientSecret.IsZero() {
		return nil, false
	}
	value := cookies[0].Value
	end := strings.LastIndexByte(value, '.')
	if end < 0 || !hmac.Equal([]byte(value[end+1:]), []byte(i.mac(kind, value[:end], bound...))) {
		return nil, false
	}
	return strings.Split(value[:end], "."), true
}

// mac authenticates a cookie: only a process that knows the client secret can
// have made it, for this use and no other.
func (i *Installer) mac(kind, payload string, bound ...string) string {
	h := hmac.New(sha256.New, []byte(i.Client.ClientSecret.Reveal()))
	message := make([]byte, 0, 512)
	message = append(message, "sunco install 1 "...)
	for _, part := range append([]string{kind, payload}, bound...) {
		message = binary.BigEndian.AppendUint64(message, uint64(len(part)))
		message = append(message, part...)
	}
	_, _ = h.Write(message)
	return base64.RawURLEncoding.EncodeToString(h.Sum(message[:0]))
}

// expiry is the Unix time at the head of a cookie's value, 0 without one.
func expiry(field string) int64 {
	seconds, err := strconv.ParseInt(field, 10, 64)
	if err != nil {
		return 0
	}
	return seconds
}

// dropOldCookies keeps flows that nobody finishes from piling up until the
// browser's headers are too long for a server on the way.
func (i *Installer) dropOldCookies(w http.ResponseWriter, r *http.Request) {
	if len(r.Header["Cookie"]) == 0 {
		return
	}
	type ours struct {
		name    string
		size    int
		expires int64
	}
	var found []ours
	latest := installNow() + int64(installLife/time.Second)
	for _, cookie := range r.Cookies() {
		if isInstallCookie(cookie.Name) {
			head, _, _ := strings.Cut(cookie.Value, ".")
			expires := expiry(head)
			if expires > latest {
				expires = 0
			}
			found = append(found, ours{cookie.Name, len(cookie.Name) + len(cookie.Value) + 3, expires})
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
