package suncotest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sunco-go/sunco/suncotest"
)

// Where the browser starts, as the partner's "Add to Zendesk" link has it.
const start = "https://oauth-bridge.zendesk.com/sc/oauth/authorize?client_id=shoplifter&response_type=code&state=xyz"

// connect is the flow with nothing but net/http.
func connect(p *suncotest.Platform) (token string) {
	back, err := p.Allow(context.Background(), start, "acme")
	if err != nil {
		panic(err)
	}
	res, err := p.Client().PostForm("https://oauth-bridge.zendesk.com/sc/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")},
		"client_id": {"shoplifter"}, "client_secret": {"sandbox-secret"},
	})
	if err != nil {
		panic(err)
	}
	defer res.Body.Close()
	var body struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		panic(err)
	}
	return body.AccessToken
}

// send makes a request with a token.
func send(p *suncotest.Platform, token, method, at, body string) (status int, reply string) {
	req, err := http.NewRequest(method, at, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := p.Client().Do(req)
	if err != nil {
		panic(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		panic(err)
	}
	return res.StatusCode, string(text)
}

func Example() {
	p := suncotest.New(suncotest.Config{})
	defer p.Close()

	token := connect(p)
	status, _ := send(p, token, "GET", "https://oauth-bridge.zendesk.com/sc/v2/tokenInfo", "")
	fmt.Println(status)
	fmt.Println(send(p, token, "DELETE", "https://acme.zendesk.com/sc/oauth/authorization", ""))
	fmt.Println(send(p, token, "GET", "https://oauth-bridge.zendesk.com/sc/v2/tokenInfo", ""))
	// Output:
	// 200
	// 200 {}
	// 401 {"errors":[{"code":"unauthorized","title":"Couldn't authenticate you"}]}
}

func ExamplePlatform_Requests() {
	p := suncotest.New(suncotest.Config{})
	defer p.Close()
	connect(p)
	for _, r := range p.Requests() {
		fmt.Println(r)
	}
	// Output:
	// GET oauth-bridge.zendesk.com/sc/oauth/authorize 200
	// POST oauth-bridge.zendesk.com/sc/oauth/consent 302
	// POST oauth-bridge.zendesk.com/sc/oauth/token 200
}

func ExamplePlatform_Deny() {
	p := suncotest.New(suncotest.Config{RedirectURIs: []string{"https://partner.example/back"}})
	defer p.Close()
	back, err := p.Deny(context.Background(), start)
	fmt.Println(back, err)
	// Output: https://partner.example/back?error=access_denied&state=xyz <nil>
}

func ExamplePlatform_Mount() {
	p := suncotest.New(suncotest.Config{})
	defer p.Close()
	p.Mount("partner.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("partner:", r.Method, r.URL.Path)
	}))

	at := "https://acme.zendesk.com/sc/v2/apps/" + p.Accounts()[0].AppID + "/integrations/me/webhooks"
	token := connect(p)
	for _, host := range []string{"partner.example", "nowhere.example"} {
		status, _ := send(p, token, "POST", at, `{"target":"https://`+host+`/hooks","triggers":["conversation:message"]}`)
		fmt.Println(status)
	}
	for _, call := range p.Calls() {
		fmt.Println(call)
	}
	// Output:
	// partner: HEAD /hooks
	// 201
	// 400
	// HEAD partner.example/hooks 200
	// HEAD nowhere.example/hooks no answer (dial tcp: lookup nowhere.example: no such host)
	// HEAD nowhere.example/ no answer (dial tcp: lookup nowhere.example: no such host)
}

func ExamplePlatform_Inject() {
	p := suncotest.New(suncotest.Config{})
	defer p.Close()
	token := connect(p)
	p.Inject(suncotest.Fault{Path: "/sc/v2/tokenInfo", Handle: suncotest.RetryAfter(429, "2")})
	fmt.Println(send(p, token, "GET", "https://oauth-bridge.zendesk.com/sc/v2/tokenInfo", ""))
	// Output: 429 {"errors":[{"code":"too_many_requests","title":"Too many requests"}]}
}

func ExamplePlatform_Uninstall() {
	p := suncotest.New(suncotest.Config{RemoveURL: "https://partner.example/removed"})
	defer p.Close()
	removed := make(chan string, 1)
	p.Mount("partner.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		removed <- r.Method + " " + r.URL.Path + " " + string(body)
	}))
	connect(p)
	if err := p.Uninstall(p.Installations()[0].AppID); err != nil {
		fmt.Println(err)
	}
	select {
	case call := <-removed:
		fmt.Println(call)
	case <-time.After(10 * time.Second):
		fmt.Println("nobody called")
	}
	// Output:
	// POST /removed {"appId":"385e5d938ef09fb9c71e3a79","integrationId":"0d77a3f58ffa2894695dbd99"}
}

func ExamplePlatform_ServeHTTP() {
	p := suncotest.New(suncotest.Config{Approve: true, RedirectURIs: []string{"https://partner.example/back"}})
	defer p.Close()
	mux := http.NewServeMux()
	mux.Handle("/sc/", p) // http.ListenAndServe("127.0.0.1:8484", mux)

	p.Mount("127.0.0.1:8484", mux)
	res, err := p.Client().Get("http://127.0.0.1:8484/sc/v2/tokeninfo")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	fmt.Println(res.Status)
	// Output: 401 Unauthorized
}

// A bot hands a person over to a human agent, who solves the ticket.
func ExamplePlatform_Solve() {
	p := suncotest.New(suncotest.Config{})
	defer p.Close()
	app, token := p.Accounts()[0].AppID, connect(p)
	must := func(err error) {
		if err != nil {
			fmt.Println(err)
		}
	}
	must(p.Say(app, "ada", "hello"))
	at := "https://acme.zendesk.com/sc/v2/apps/" + app + "/conversations/" + p.Conversations(app)[0].ID
	send(p, token, "POST", at+"/messages", `{"author":{"type":"business"},"content":{"type":"text","text":"Hi.",`+
		`"actions":[{"type":"reply","text":"A human, please","payload":"HUMAN"}]}}`)
	must(p.Press(app, "ada", "HUMAN"))
	send(p, token, "POST", at+"/passControl", `{"switchboardIntegration":"zd-agentWorkspace"}`)
	must(p.Answer(app, p.Conversations(app)[0].ID, "What can I do for you?"))
	must(p.Solve(app, p.Conversations(app)[0].ID))

	for _, m := range p.Tickets(app)[0].Messages {
		fmt.Printf("%s %s: %s\n", m.AuthorType, m.AuthorSubtype, m.Text)
	}
	// Output:
	// user : hello
	// business : Hi.
	// user : A human, please
	// business agent: What can I do for you?
	// business activity: The ticket is closed.
}

func ExamplePlatform_Redeliver() {
	p := suncotest.New(suncotest.Config{})
	defer p.Close()
	token, app := connect(p), p.Accounts()[0].AppID
	arrived := make(chan string, 3)
	p.Mount("partner.example", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			arrived <- string(body)
		}
	}))
	send(p, token, "POST", "https://acme.zendesk.com/sc/v2/apps/"+app+"/integrations/me/webhooks",
		`{"target":"https://partner.example/hooks","triggers":["conversation:message"]}`)
	if err := p.Say(app, "ada", "hello"); err != nil {
		fmt.Println(err)
	}
	first := <-arrived
	for _, newIDs := range []bool{false, true} {
		if err := p.Redeliver(p.Deliveries()[0].ID, newIDs); err != nil {
			fmt.Println(err)
		}
		fmt.Println("the same:", <-arrived == first)
	}
	// Output:
	// the same: true
	// the same: false
}
