package suncotest_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

func threeCustomers() suncotest.Config {
	return suncotest.Config{Accounts: []suncotest.Account{
		{Subdomain: "acme"}, {Subdomain: "globex"}, {Legacy: suncotest.LegacyUS}, {Legacy: suncotest.LegacyEU},
	}}
}

func TestEveryHostAnswersOnlyItsOwn(t *testing.T) {
	w := newWorld(t, threeCustomers())
	bases := map[string]string{
		"acme": acmeURL, "globex": "https://globex.zendesk.com/sc",
		"legacy-us": "https://api.smooch.io", "legacy-eu": "https://api.eu-1.smooch.io",
	}
	for owner, base := range bases {
		token := w.install(owner)
		for other, where := range bases {
			want := 401
			if other == owner {
				want = 200
			}
			a := w.api(token, http.MethodGet, where+"/v2/apps/"+w.appID(owner)+"/integrations/me/webhooks", "")
			assert.Equal(t, want, a.Status, "%s at %s", owner, other)
		}
		hooks := w.hooksURL(base, owner)
		requireProblem(t, w.api(token, http.MethodGet, strings.Replace(hooks, "/me/", "/"+w.appID(owner)+"/", 1), ""), 404)
		requireProblem(t, w.api(token, http.MethodGet, base+"/v2/apps/3fa1c27e9d0b46855e7210ac/integrations/me/webhooks",
			""), 403)
		requireProblem(t, w.api(token, http.MethodGet, base+"/v2/apps/"+w.appID(owner), ""), 403)
		requireProblem(t, w.api(token, http.MethodPost, base+"/v2/apps", "{}"), 403)
		requireProblem(t, w.api("x", http.MethodPost, base+"/v2/apps", "{}"), 401)
		requireProblem(t, w.api(token, http.MethodGet, base+"/v2/tokenInfo", ""), 404)
		requireProblem(t, w.api(token, http.MethodDelete, bridgeURL+"/oauth/authorization", ""), 404)
	}
}

func TestUnknownPaths(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	token := w.install("acme")
	hooks := "/v2/apps/" + w.appID("acme") + "/integrations/me/webhooks"
	for _, at := range []string{
		"https://oauth-bridge.zendesk.com/", "https://oauth-bridge.zendesk.com/oauth/token",
		"https://oauth-bridge.zendesk.com/sc", bridgeURL + "/", bridgeURL + hooks,
		bridgeURL + "/oauth/token/", bridgeURL + "/OAuth/token", bridgeURL + "//oauth/token", bridgeURL +
			"/oauth/../oauth/token",
		bridgeURL + "/oauth%2ftoken", bridgeURL + "/%6fauth/token",
		"https://acme.zendesk.com" + hooks, acmeURL + hooks + "/", acmeURL + strings.ToUpper(hooks), acmeURL + "/V2" +
			hooks[3:],
		acmeURL + "/v2/apps//integrations/me/webhooks", acmeURL + "/v2/apps/a%2fb/integrations/me/webhooks",
		acmeURL + hooks + "/../webhooks", acmeURL + "/oauth/authorize", "https://api.smooch.io/sc" + hooks,
	} {
		requireProblem(t, w.api(token, http.MethodGet, at, ""), 404)
	}
}

func TestWrongMethods(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	token := w.install("acme")
	hooks := w.hooksURL(acmeURL, "acme")
	for at, allowed := range map[string]string{
		bridgeURL + "/oauth/authorize":      "GET, HEAD",
		bridgeURL + "/oauth/token":          "POST",
		tokenInfoURL:                        "GET",
		acmeURL + "/oauth/authorization":    "DELETE",
		hooks:                               "GET, POST",
		hooks + "/b28e61f407d3a95c12f6708e": "DELETE, GET, PATCH",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
			if strings.Contains(allowed, method) {
				continue
			}
			a := w.api(token, method, at, "")
			assert.Equal(t, 405, a.Status, "%s %s", method, at)
			assert.Equal(t, allowed, a.Header.Get("Allow"))
		}
	}
}

// Every operation that an integration may do is played, and all of them need a token.
func TestPlayed(t *testing.T) {
	d := newDesk(t)
	operations := []string{
		"POST /attachments", "POST /attachments/remove",
		"POST /conversations", "GET /conversations", "GET /conversations/c", "PATCH /conversations/c",
		"DELETE /conversations/c", "GET /conversations/c/participants",
		"POST /conversations/c/join", "POST /conversations/c/leave", "POST /conversations/c/activity",
		"POST /conversations/c/passControl", "POST /conversations/c/releaseControl",
		"POST /conversations/c/offerControl", "POST /conversations/c/acceptControl",
		"POST /conversations/c/download", "POST /conversations/c/conversionEvents",
		"POST /conversations/c/messages", "GET /conversations/c/messages",
		"DELETE /conversations/c/messages", "DELETE /conversations/c/messages/m",
		"POST /users", "GET /users", "GET /users/u", "PATCH /users/u", "DELETE /users/u",
		"DELETE /users/u/personalinformation",
		"GET /users/u/clients", "POST /users/u/clients", "DELETE /users/u/clients/c",
		"GET /users/u/devices", "GET /users/u/devices/d", "POST /users/u/sync",
	}
	assert.Len(t, operations, 39-5-1, "without those on webhooks and revoke")
	for _, operation := range operations {
		t.Run(operation, func(t *testing.T) {
			method, path, _ := strings.Cut(operation, " ")
			a := d.api(d.token, method, d.base+path, "[]")
			requireProblem(t, a, a.Status)
			assert.Contains(t, []int{400, 404}, a.Status)
			assert.NotContains(t, a.Body, "The API has no such path")
			requireProblem(t, d.do(method, d.base+path, "{}"), http.StatusUnauthorized)
		})
	}
	for _, path := range []string{"/users/u/friends", "/attachment", "/conversations/c/control"} {
		requireProblem(t, d.post(path, "{}"), http.StatusNotFound)
	}
}

// The record says why a request was refused, without what the request said.
func TestNotes(t *testing.T) {
	w := newWorld(t, threeCustomers())
	token, evil := w.install("acme"), authorizeURL("redirect_uri", "https://evil.example/")
	const unregistered = "The redirect_uri is not one of the registered redirect URIs."
	for at, note := range map[string]string{
		evil:                                                         unregistered,
		tokenInfoURL + "?access_token=" + token:                      "",
		acmeURL + "/v3/canary":                                       "The API has no such path",
		bridgeURL + "/oauth/token":                                   "This path does not take this method",
		acmeURL + "/v2/apps/" + w.appID("globex"):                    "The token belongs to another app",
		acmeURL + "/v2/apps/" + w.appID("acme"):                      "No integration may do this",
		w.hooksURL("https://globex.zendesk.com/sc", "globex"):        "Couldn't authenticate you",
		strings.Replace(w.hooksURL(acmeURL, "acme"), "me/", "x/", 1): "The integration in the path must be me",
	} {
		a := w.api(token, http.MethodGet, at, "")
		requests := w.p.Requests()
		last := requests[len(requests)-1]
		assert.Equal(t, note, last.Note, at)
		assert.Equal(t, note != "", a.Status >= 400, at)
		assert.NotContains(t, last.Note, "canary")
	}
}

func TestNames(t *testing.T) {
	w := newWorld(t, threeCustomers())
	for _, host := range []string{"unknown.zendesk.com", "undefined.zendesk.com", "legacy-us.zendesk.com"} {
		a := w.do(http.MethodGet, "https://"+host+"/sc/v2/apps", "")
		assert.Equal(t, http.StatusNotFound, a.Status)
		assert.Contains(t, a.Body, `{"title":"No help desk at `+host+`"`)
	}
	w.p.Mount("partner.zendesk.com", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	assert.Equal(t, http.StatusOK, w.do(http.MethodGet, "https://partner.zendesk.com/", "").Status)

	cfg := threeCustomers()
	cfg.Behavior.UnknownHost = suncotest.HostUnresolvable
	w = newWorld(t, cfg)
	var dns *net.DNSError
	for _, host := range []string{
		"unknown.zendesk.com", "undefined.zendesk.com", "legacy-us.zendesk.com", "zendesk.com", "a.acme.zendesk.com",
		"acme.zendesk.com.evil.example", "oauth-bridge.example.com", "evil.example",
	} {
		_, err := w.try(http.MethodGet, "https://"+host+"/", "")
		require.ErrorAs(t, err, &dns, host)
		assert.True(t, dns.IsNotFound)
		assert.Equal(t, host, dns.Name)
		var op *net.OpError
		require.ErrorAs(t, err, &op)
		assert.Equal(t, "dial", op.Op)
	}
	for _, at := range []string{"http://acme.zendesk.com/", "https://acme.zendesk.com:8443/", "https://203.0.113.9/",
		"https://partner.example:1/"} {
		_, err := w.try(http.MethodGet, at, "")
		assert.ErrorContains(t, err, "connection refused", at)
	}
	requireProblem(t, w.do(http.MethodGet, "https://acme.zendesk.com:443/x", ""), 404)
	requireProblem(t, w.do(http.MethodGet, acmeURL+"/x", "", "Host", "globex.zendesk.com"), 421)
}

func TestMount(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	where := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(text)) })
	}
	w.p.Mount("Shop.Example", where("names"))
	w.p.Mount("shop.example:8443", where("port"))
	w.p.Mount("127.0.0.1:3000", where("loopback"))
	w.p.Mount("acme.zendesk.com", where("stolen"))
	for at, want := range map[string]string{
		"https://shop.example/": "names", "http://shop.example/": "names", "https://SHOP.example/": "names",
		"https://shop.example:8443/": "port", "http://shop.example:8443/": "port",
		"http://127.0.0.1:3000/": "loopback", "https://127.0.0.1:3000/": "loopback",
	} {
		assert.Equal(t, want, w.do(http.MethodGet, at, "").Body, at)
	}
	requireProblem(t, w.do(http.MethodGet, acmeURL, ""), 404)
	w.p.Mount("shop.example", nil)
	_, err := w.try(http.MethodPost, "http://shop.example/", "")
	require.ErrorContains(t, err, "connection reset", "the connection was open already")
	_, err = w.try(http.MethodGet, "http://shop.example/", "")
	require.ErrorContains(t, err, "connection refused", "the port is still there")
	assert.Len(t, w.p.Requests(), 1, "mounted servers are not recorded")
}

func TestUnmountedLoopbackIsDialledForReal(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_,
			_ = w.Write([]byte("real"))
	}))
	defer server.Close()
	w := newWorld(t, suncotest.Config{})
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	for _, host := range []string{"127.0.0.1", "localhost", "shop.localhost"} {
		assert.Equal(t, "real", w.do(http.MethodGet, "http://"+host+":"+u.Port(), "").Body)
	}
}

func TestDomain(t *testing.T) {
	for domain, base := range map[string]string{
		"localhost:8484":      "http://oauth-bridge.localhost:8484/sc",
		"localhost":           "http://oauth-bridge.localhost/sc",
		"zendesk-staging.com": "https://oauth-bridge.zendesk-staging.com/sc",
		"staging.test:8443":   "https://oauth-bridge.staging.test:8443/sc",
	} {
		w := newWorld(t, suncotest.Config{Domain: domain})
		requireProblem(t, w.do(http.MethodGet, base+"/v2/tokenInfo", ""), 401)
		_, err := w.try(http.MethodGet, tokenInfoURL, "")
		assert.Error(t, err, "there is no zendesk.com here")
	}
}

func TestAsAServer(t *testing.T) {
	p := suncotest.New(threeCustomers())
	defer p.Close()
	server := httptest.NewServer(p)
	defer server.Close()
	w := &world{T: t, p: p, client: p.Client()}
	token, legacy := w.install("acme"), w.install("legacy-us")
	w.client = server.Client() // from here on through the socket
	info := "/v2/tokeninfo"
	hooks := "/v2/apps/" + w.appID("acme") + "/integrations/me/webhooks"
	for name, tc := range map[string]struct {
		host, path string
		status     int
	}{
		"address":            {"127.0.0.1:8484", "/sc" + info, 200},
		"address, customer":  {"127.0.0.1:8484", "/sc" + hooks, 200},
		"IPv6":               {"[::1]:8484", "/sc" + hooks, 200},
		"localhost":          {"localhost:8484", "/sc" + hooks, 200},
		"no prefix":          {"localhost:8484", hooks, 404},
		"bridge":             {"oauth-bridge.localhost:8484", "/sc" + info, 200},
		"bridge, customer's": {"oauth-bridge.localhost:8484", "/sc" + hooks, 404},
		"customer":           {"acme.localhost:8484", "/sc" + hooks, 200},
		"customer, bridge's": {"acme.test", "/sc" + info, 404},
		"other customer":     {"globex.test", "/sc" + hooks, 401},
		"nobody":             {"nobody.test", "/sc" + hooks, 404},
		"bare name":          {"acme", "/sc" + hooks, 404},
		"legacy":             {"api.smooch.io", hooks, 401},
	} {
		a := w.do(http.MethodGet, server.URL+tc.path, "", "Host", tc.host, "Authorization", "Bearer "+token)
		assert.Equal(t, tc.status, a.Status, name)
	}
	a := w.do(http.MethodGet, server.URL+"/v2/apps/"+w.appID("legacy-us")+"/integrations/me/webhooks", "",
		"Host", "api.smooch.io", "Authorization", "Bearer "+legacy)
	assert.Equal(t, 200, a.Status)

	p.Inject(suncotest.Fault{Handle: suncotest.Reset})
	_, err := w.try(http.MethodPost, server.URL+"/sc/oauth/token", "")
	assert.Error(t, err)
}

func TestAsATLSServer(t *testing.T) {
	w := newWorld(t, suncotest.Config{})
	server := httptest.NewUnstartedServer(w.p)
	server.Listener = tls.NewListener(server.Listener, w.p.TLSConfig())
	server.Start()
	defer server.Close()
	server.URL = strings.Replace(server.URL, "http:", "https:", 1)
	transport := w.p.Transport()
	defer transport.CloseIdleConnections()
	transport.DialContext = nil
	w.client.Transport = transport
	requireProblem(t, w.do(http.MethodGet, server.URL+"/sc/v2/tokenInfo", ""), 401)
	assert.Contains(t, string(w.p.CertPEM()), "BEGIN CERTIFICATE")
}

func TestMarketplaceHeaders(t *testing.T) {
	w := newWorld(t, suncotest.Config{Behavior: suncotest.Behavior{MarketplaceRequired: true}})
	name, org := []string{"X-Zendesk-Marketplace-Name", "Shop"}, []string{"X-Zendesk-Marketplace-Organization-Id", "1"}
	bot, app := []string{"X-Zendesk-Marketplace-Bot-Id", "2"}, []string{"X-Zendesk-Marketplace-App-Id", "3"}
	for label, tc := range map[string]struct {
		wrong  string
		header [][]string
	}{
		"bot":        {"", [][]string{name, org, bot}},
		"app":        {"", [][]string{name, org, app}},
		"none":       {"Name is needed", nil},
		"both":       {"Bot-Id or", [][]string{name, org, bot, app}},
		"neither":    {"Bot-Id or", [][]string{name, org}},
		"no name":    {"Name is needed", [][]string{org, bot}},
		"no org":     {"Organization-Id is needed", [][]string{name, bot}},
		"doubled":    {"Name is needed", [][]string{name, name, org, bot}},
		"two bots":   {"Bot-Id or", [][]string{name, org, bot, bot}},
		"empty app":  {"Bot-Id or", [][]string{name, org, {app[0], ""}}},
		"empty both": {"Bot-Id or", [][]string{name, org, bot, {app[0], ""}}},
		"empty":      {"Name is needed", [][]string{{name[0], ""}, org, bot}},
		"not text":   {"Name is needed", [][]string{{name[0], "Caf\xc3\xa9"}, org, bot}},
	} {
		var header []string
		for _, h := range tc.header {
			header = append(header, h...)
		}
		status := http.StatusForbidden
		if tc.wrong == "" {
			status = http.StatusUnauthorized
		}
		assert.Equal(t, status, w.do(http.MethodGet, tokenInfoURL, "", header...).Status, label)
		a := w.do(http.MethodPost, bridgeURL+"/oauth/token", tokenBody("x"), append(header, "Content-Type", jsonType)...)
		assert.Equal(t, status, a.Status, label)
		assert.Contains(t, a.Body, tc.wrong, label)
	}
	assert.Equal(t, 200, w.do(http.MethodGet, authorizeURL(), "").Status, "a browser sends none")
}

func TestConfigValidate(t *testing.T) {
	for name, cfg := range map[string]suncotest.Config{
		"domain":    {Domain: "zendesk_com"},
		"port":      {Domain: "a:b:c"},
		"scheme":    {Domain: "https://zendesk.com"},
		"name":      {Domain: "localhost:http"},
		"port 0":    {Domain: "localhost:0"},
		"port high": {Domain: "localhost:65536"},
		"no port":   {Domain: "localhost:"},
		"redirect":  {RedirectURIs: []string{"/relative"}},
		"remove":    {RemoveURL: "partner.example"},
		"subdomain": {Accounts: []suncotest.Account{{Subdomain: "Acme"}}},
		"bridge":    {Accounts: []suncotest.Account{{Subdomain: "oauth-bridge"}}},
		"twice":     {Accounts: []suncotest.Account{{Subdomain: "a"}, {Subdomain: "a"}}},
		"app twice": {Accounts: []suncotest.Account{{Subdomain: "a", AppID: "1"}, {Subdomain: "b", AppID: "1"}}},
		"app id":    {Accounts: []suncotest.Account{{AppID: "a/b"}}},
		"region":    {Accounts: []suncotest.Account{{Legacy: "mars"}}},
		"user info": {RemoveURL: "https://u:canary@partner.example/"},
	} {
		err := cfg.Validate()
		require.Error(t, err, name)
		assert.NotContains(t, err.Error(), "canary")
		assert.PanicsWithError(t, err.Error(), func() { suncotest.New(cfg) }, name)
	}
	require.NoError(t, suncotest.Config{}.Validate())
}
