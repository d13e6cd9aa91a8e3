package suncotest_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

func TestWebhookLife(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	token, hooks := w.install("acme"), w.hooksURL(acmeURL, "acme")
	assert.JSONEq(t, `{"webhooks":[]}`, w.api(token, http.MethodGet, hooks, "").Body)

	a := w.api(token, http.MethodPost, hooks, goodHook)
	require.Equal(t, 201, a.Status)
	id, secret := field(t, a.Body, "webhook.id"), field(t, a.Body, "webhook.secret")
	assert.Regexp(t, `^[0-9a-f]{24}$`, id)
	assert.Regexp(t, `^[0-9a-f]{32}$`, secret)
	whole := `{"id":"` + id + `","version":"v2","target":"` + hookTarget +
		`","triggers":["conversation:message"],"secret":"` +
		secret + `","includeFullUser":false,"includeFullSource":false}`
	assert.JSONEq(t, `{"webhook":`+whole+`}`, a.Body)
	assert.JSONEq(t, `{"webhooks":[`+whole+`]}`, w.api(token, http.MethodGet, hooks, "").Body)
	assert.JSONEq(t, `{"webhook":`+whole+`}`, w.api(token, http.MethodGet, hooks+"/"+id, "").Body)

	a = w.api(token, http.MethodPatch, hooks+"/"+id, `{"includeFullUser":true}`)
	assert.JSONEq(t, `{"webhook":`+strings.Replace(whole, `"includeFullUser":false`, `"includeFullUser":true`, 1)+`}`,
		a.Body)
	a = w.api(token, http.MethodPatch, hooks+"/"+id, `{"includeFullUser":false,"triggers":["conversation:read"]}`)
	assert.JSONEq(t, `{"webhook":`+strings.Replace(whole, "message", "read", 1)+`}`, a.Body)
	a = w.api(token, http.MethodPatch, hooks+"/"+id, `{"includeFullSource":true}`)
	require.Equal(t, 200, a.Status)
	a = w.api(token, http.MethodPatch, hooks+"/"+id, `{}`)
	require.Equal(t, 200, a.Status)
	snapshot := suncotest.Webhook{
		ID: id, AppID: w.appID("acme"), Target: hookTarget, Triggers: []string{"conversation:read"}, IncludeFullSource: true,
	}
	assert.Equal(t, []suncotest.Webhook{snapshot}, w.p.Webhooks())

	a = w.api(token, http.MethodDelete, hooks+"/"+id, "")
	assert.Equal(t, 200, a.Status)
	assert.JSONEq(t, `{}`, a.Body)
	for _, method := range []string{http.MethodGet, http.MethodPatch, http.MethodDelete} {
		requireProblem(t, w.api(token, method, hooks+"/"+id, `{}`), 404)
	}
}

func TestWebhookRefuses(t *testing.T) {
	w := newWorld(t, suncotest.Config{Behavior: suncotest.Behavior{Strict: true}})
	token, hooks := w.install("acme"), w.hooksURL(acmeURL, "acme")
	a := w.api(token, http.MethodPost, hooks, goodHook)
	one := hooks + "/" + field(t, a.Body, "webhook.id")
	before := w.p.Webhooks()
	calls := len(w.p.Calls())
	member := func(s string) string { return strings.Replace(goodHook, "{", "{"+s+",", 1) }
	target := func(s string) string { return strings.Replace(goodHook, hookTarget, s, 1) }
	triggers := func(s string) string { return strings.Replace(goodHook, `["conversation:message"]`, s, 1) }
	for name, body := range map[string]string{
		"empty": "", "array": "[]", "string": `"x"`, "truncated": goodHook[:30], "trailing": goodHook + "x",
		"two":       goodHook + goodHook,
		"duplicate": member(`"target":"https://partner.example/"`), "unknown": member(`"secret":"canary"`),
		"other case": member(`"Target":"https://partner.example/"`), "nested duplicate": member(`"x":{"a":1,"a":2}`),
		"deep":            member(`"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100)),
		"boolean as text": member(`"includeFullUser":"true"`), "boolean as number": member(`"includeFullSource":1`),
		"boolean null": member(`"includeFullUser":null`),
		"relative":     target("/hooks"), "no scheme": target("partner.example"), "ftp": target("ftp://partner.example/"),
		"userinfo": target("https://u:canary@partner.example/"), "no host": target("https:///x"),
		"fragment": target("https://partner.example/#canary"),
		"opaque":   target("https:partner.example"), "broken": target("https://partner.example/%zz"), "no target": target(""),
		"triggers text": triggers(`"conversation:message"`), "triggers null": triggers("null"), "no triggers": triggers("[]"),
		"empty trigger": triggers(`[""]`), "null trigger": triggers("[null]"), "number trigger": triggers("[1]"),
	} {
		t.Run(name, func(t *testing.T) {
			for method, at := range map[string]string{http.MethodPost: hooks, http.MethodPatch: one} {
				a := w.api(token, method, at, body)
				requireProblem(t, a, 400)
				assert.NotContains(t, a.Body, "canary")
			}
		})
	}
	requireProblem(t, w.api(token, http.MethodPost, hooks, `{"target":"`+hookTarget+`"}`), 400)
	requireProblem(t, w.api(token, http.MethodPost, hooks, `{"triggers":["x"]}`), 400)
	requireProblem(t, w.do(http.MethodPost, hooks, goodHook, "Authorization", "Bearer "+token, "Content-Type",
		"text/plain"), 415)
	requireProblem(t, w.do(http.MethodPatch, one, "{}", "Authorization", "Bearer "+token), 415)
	requireProblem(t, w.do(http.MethodPost, hooks, goodHook, "Content-Type", jsonType), 401)
	big := member(`"x":"` + strings.Repeat("x", 100_000) + `"`)
	requireProblem(t, w.api(token, http.MethodPost, hooks, big), 413)
	edge := target(hookTarget + "?" + strings.Repeat("x", 100_000-len(goodHook)-1))
	require.Len(t, edge, 100_000)
	assert.Equal(t, before, w.p.Webhooks())
	assert.Len(t, w.p.Calls(), calls, "nothing was probed")
	assert.Equal(t, 201, w.api(token, http.MethodPost, hooks, edge).Status)
}

func TestWebhookLimit(t *testing.T) {
	for limit, behavior := range map[int]suncotest.Behavior{3: {}, 10: {WebhookLimit: 10, WebhookLimitStatus: 409}} {
		w := newWorld(t, suncotest.Config{Behavior: behavior})
		token, hooks := w.install("acme"), w.hooksURL(acmeURL, "acme")
		var created atomic.Int32
		var wg sync.WaitGroup
		for range 2 * limit {
			wg.Go(func() {
				if w.api(token, http.MethodPost, hooks, goodHook).Status == 201 {
					created.Add(1)
				}
			})
		}
		wg.Wait()
		assert.EqualValues(t, limit, created.Load())
		status := behavior.WebhookLimitStatus
		if status == 0 {
			status = 400
		}
		requireProblem(t, w.api(token, http.MethodPost, hooks, goodHook), status)
	}
}

func TestProbe(t *testing.T) {
	probed := func(w *world) (list []string) {
		for _, c := range w.p.Calls() {
			list = append(list, c.String())
		}
		return list
	}
	w := newWorld(t, suncotest.Config{})
	token, hooks := w.install("acme"), w.hooksURL(acmeURL, "acme")
	w.p.Mount("partner.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.Error(w, "only the root", http.StatusForbidden)
		}
	}))
	a := w.api(token, http.MethodPost, hooks, goodHook)
	require.Equal(t, 201, a.Status)
	assert.Equal(t, []string{"HEAD partner.example/hooks 403", "HEAD partner.example/ 200"}, probed(w))

	one := hooks + "/" + field(t, a.Body, "webhook.id")
	require.Equal(t, 200, w.api(token, http.MethodPatch, one, goodHook).Status)
	assert.Len(t, w.p.Calls(), 2, "the same target is not probed again")
	requireProblem(t, w.api(token, http.MethodPatch, one, `{"target":"https://gone.example/x"}`), 400)
	const gone = " no answer (dial tcp: lookup gone.example: no such host)"
	assert.Equal(t, []string{"HEAD gone.example/x" + gone, "HEAD gone.example/" + gone}, probed(w)[2:])
	assert.Equal(t, hookTarget, w.p.Webhooks()[0].Target)
	requireProblem(t, w.api(token, http.MethodPost, hooks, strings.Replace(goodHook, "partner", "gone", 1)), 400)

	w.p.Mount("partner.example", http.RedirectHandler("https://elsewhere.example/", http.StatusFound))
	requireProblem(t, w.api(token, http.MethodPost, hooks, goodHook), 400)
	w.p.Mount("shop.example:8080", http.NotFoundHandler())
	requireProblem(t, w.api(token, http.MethodPost, hooks,
		strings.Replace(goodHook, "https://partner.example", "http://shop.example:8080", 1)), 400)

	w = newWorld(t, suncotest.Config{Behavior: suncotest.Behavior{NoProbe: true}})
	token, hooks = w.install("acme"), w.hooksURL(acmeURL, "acme")
	assert.Equal(t, 201, w.api(token, http.MethodPost, hooks, strings.Replace(goodHook, "partner", "gone", 1)).Status)
	assert.Empty(t, w.p.Calls())
	w = newWorld(t, suncotest.Config{Behavior: suncotest.Behavior{NoRetargetProbe: true}})
	token, hooks = w.install("acme"), w.hooksURL(acmeURL, "acme")
	one = hooks + "/" + field(t, w.api(token, http.MethodPost, hooks, goodHook).Body, "webhook.id")
	assert.Equal(t, 200, w.api(token, http.MethodPatch, one, `{"target":"https://gone.example/x"}`).Status)
}

// A partner whose webhook is refused learns from the title, and from the record, what
// each HEAD met. The target's query may carry a key.
func TestProbeSaysWhy(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	token, hooks := w.install("acme"), w.hooksURL(acmeURL, "acme")
	w.p.Mount("partner.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/login", http.StatusFound)
			return
		}
		http.NotFound(w, r)
	}))
	for target, why := range map[string]string{
		"https://partner.example/hooks?key=canary": "HEAD https://partner.example/hooks answered 404, " +
			"HEAD https://partner.example/ answered 302",
		"https://partner.example:8443": "HEAD https://partner.example:8443: dial tcp partner.example:8443: connect: " +
			"connection refused, " +
			"HEAD https://partner.example:8443/: dial tcp partner.example:8443: connect: connection refused",
		"http://gone.example/": "HEAD http://gone.example/: dial tcp: lookup gone.example: no such host, " +
			"HEAD http://gone.example/: dial tcp: lookup gone.example: no such host",
	} {
		t.Run(target, func(t *testing.T) {
			a := w.api(token, http.MethodPost, hooks, `{"target":"`+target+`","triggers":["x"]}`)
			requireCode(t, a, 400, "bad_request")
			assert.Contains(t, a.Body, `"title":"The target must answer HEAD with 2xx: `+why+`"`)
			requests := w.p.Requests()
			assert.Contains(t, requests[len(requests)-1].String(), why)
		})
	}
	for _, r := range append(w.p.Requests(), w.p.Calls()...) {
		assert.NotContains(t, r.String(), "canary")
	}
}

func TestProbeCounts(t *testing.T) {
	const silent = `{"target":"https://gone.example/","triggers":["x"]}`
	for answer, want := range map[suncotest.ProbeAnswer][2]int{
		suncotest.Probe2xx: {400, 400}, suncotest.ProbeAny: {201, 400}, suncotest.ProbeNoNeed: {201, 201},
	} {
		w := newWorld(t, suncotest.Config{Behavior: suncotest.Behavior{ProbeCounts: answer}})
		token, hooks := w.install("acme"), w.hooksURL(acmeURL, "acme")
		w.p.Mount("partner.example", http.NotFoundHandler())
		assert.Equal(t, want[0], w.api(token, http.MethodPost, hooks, goodHook).Status)
		assert.Equal(t, want[1], w.api(token, http.MethodPost, hooks, silent).Status)
		assert.NotEmpty(t, w.p.Calls())
	}
}

func TestUnknownTrigger(t *testing.T) {
	w := newWorld(t, suncotest.Config{Behavior: suncotest.Behavior{UnknownTriggerStatus: 422, OtherAppStatus: 404}})
	token, hooks := w.install("acme"), w.hooksURL(acmeURL, "acme")
	hook := func(triggers string) string { return `{"target":"` + hookTarget + `","triggers":[` + triggers + `]}` }
	requireProblem(t, w.api(token, http.MethodPost, hooks, hook(`"user:merge","Conversation:message"`)), 422)
	a := w.api(token, http.MethodPost, hooks, hook(`"user:merge","passthrough:messaging"`))
	require.Equal(t, 201, a.Status)
	requireProblem(t, w.api(token, http.MethodPatch, hooks+"/"+field(t, a.Body, "webhook.id"), hook(`"x"`)), 422)
	requireProblem(t, w.api(token, http.MethodGet, acmeURL+"/v2/apps/3fa1c27e9d0b46855e7210ac/integrations/me/webhooks",
		""), 404)
}

// The platform's database may write a target in another form than the partner did.
func TestTargetForm(t *testing.T) {
	w := newWorld(t, suncotest.Config{Behavior: suncotest.Behavior{NoRetargetProbe: true, WebhookLimit: 10,
		TargetForm: suncotest.TargetCanonical}})
	token, hooks := w.install("acme"), w.hooksURL(acmeURL, "acme")
	for sent, kept := range map[string]string{
		"https://PARTNER.example":             "https://partner.example/",
		"HTTPS://partner.example:443/Hooks":   "https://partner.example/Hooks",
		"http://partner.example:80?a=%41":     "http://partner.example/?a=%41",
		"https://partner.example/a/../%7Eb/?": "https://partner.example/a/../%7Eb/?",
	} {
		a := w.api(token, http.MethodPost, hooks, `{"target":"`+sent+`","triggers":["x"]}`)
		require.Equal(t, 201, a.Status, a.Body)
		one := hooks + "/" + field(t, a.Body, "webhook.id")
		assert.Equal(t, kept, field(t, a.Body, "webhook.target"))
		assert.Equal(t, kept, field(t, w.api(token, http.MethodGet, one, "").Body, "webhook.target"))
		assert.Equal(t, kept, field(t, w.api(token, http.MethodPatch, one, `{"target":"`+sent+`"}`).Body, "webhook.target"))
	}
	for form, kept := range map[suncotest.TargetForm]string{
		0:                         "https://PARTNER.example:443",
		suncotest.TargetLowerHost: "https://partner.example:443",
		suncotest.TargetNoPort:    "https://PARTNER.example",
		suncotest.TargetSlash:     "https://PARTNER.example:443/",
	} {
		w = newWorld(t, suncotest.Config{Behavior: suncotest.Behavior{TargetForm: form}})
		token, hooks = w.install("acme"), w.hooksURL(acmeURL, "acme")
		a := w.api(token, http.MethodPost, hooks, `{"target":"https://PARTNER.example:443","triggers":["x"]}`)
		assert.Equal(t, kept, field(t, a.Body, "webhook.target"))
	}
}

func TestProbeGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, suncotest.Config{})
		token, hooks := w.install("acme"), w.hooksURL(acmeURL, "acme")
		w.p.Mount("partner.example", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		start := time.Now()
		requireProblem(t, w.api(token, http.MethodPost, hooks, goodHook), 400)
		assert.Equal(t, 20*time.Second, time.Since(start))
	})
}

func TestTheTokenDiesDuringAProbe(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	token, hooks := w.install("acme"), w.hooksURL(acmeURL, "acme")
	one := hooks + "/" + field(t, w.api(token, http.MethodPost, hooks, goodHook).Body, "webhook.id")
	uninstall := func() { _ = w.p.Uninstall(w.appID("acme")) }
	w.p.Mount("slow.example", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { uninstall() }))
	slow := strings.Replace(goodHook, "partner", "slow", 1)
	requireProblem(t, w.api(token, http.MethodPatch, one, slow), 404)
	token = w.install("acme")
	requireProblem(t, w.api(token, http.MethodPost, hooks, slow), 401)
	assert.Empty(t, w.p.Webhooks())

	w = newWorld(t, suncotest.Config{Behavior: suncotest.Behavior{RevokedShape: suncotest.ErrorSentence}})
	token, hooks = w.install("acme"), w.hooksURL(acmeURL, "acme")
	w.p.Mount("slow.example", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { uninstall() }))
	assert.JSONEq(t, `{"error":"Couldn't authenticate you"}`, w.api(token, http.MethodPost, hooks, slow).Body)
}
