package suncotest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/sunco-go/sunco/suncotest"
)

// A partner's handler that tells what it hears.
func listen(heard chan<- string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var delivery struct {
			Events []struct {
				Type    string
				Payload struct {
					Message struct {
						Author  struct{ Type string }
						Content struct{ Text string }
					}
				}
			}
		}
		if r.Method == http.MethodHead || json.NewDecoder(r.Body).Decode(&delivery) != nil {
			return
		}
		for _, e := range delivery.Events {
			heard <- fmt.Sprintf("%s %s %q", e.Type, e.Payload.Message.Author.Type, e.Payload.Message.Content.Text)
		}
	})
}

// subscribed is a platform with a customer whose messages partner.example hears.
func subscribed(heard chan<- string) (p *suncotest.Platform, appID string) {
	p = suncotest.New(suncotest.Config{})
	p.Mount("partner.example", listen(heard))
	appID = p.Accounts()[0].AppID
	send(p, connect(p), "POST", "https://acme.zendesk.com/sc/v2/apps/"+appID+"/integrations/me/webhooks",
		`{"target":"https://partner.example/hooks","triggers":["conversation:message"]}`)
	return p, appID
}

func ExamplePlatform_Emit() {
	heard := make(chan string)
	p, app := subscribed(heard)
	defer p.Close()
	if err := p.Emit(app, suncotest.SampleEvent("conversation:message", 1), suncotest.SampleReply(2)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(<-heard)
	fmt.Println(<-heard)
	// Output:
	// conversation:message user "Where is my parcel?"
	// conversation:message business "Good morning, Chiara. Let me look that up."
}

func ExamplePlatform_Say() {
	heard := make(chan string)
	p, app := subscribed(heard)
	defer p.Close()
	if err := p.Say(app, "ada", "Do you ship to Graz?"); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(<-heard)
	// Output: conversation:message user "Do you ship to Graz?"
}

func ExamplePlatform_Deliveries() {
	heard := make(chan string)
	p, app := subscribed(heard)
	defer p.Close()
	_ = p.Say(app, "ada", "hello")
	d := p.Deliveries()[0]
	fmt.Println(d.Target, d.Events[0].Type, d.Outcome)
	<-heard
	// Output: https://partner.example/hooks conversation:message pending
}

func ExampleNewDelivery() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-API-Key") != "the webhook's secret" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	hook := suncotest.Webhook{AppID: "385e5d938ef09fb9c71e3a79", ID: "0d77a3f58ffa2894695dbd99", Target: "/hooks"}
	for _, key := range []string{"the webhook's secret", "another"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, suncotest.NewDelivery(hook, key, suncotest.SampleEvent("conversation:message", 1)))
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 401
}

func ExampleSampleEvent() {
	event := suncotest.SampleEvent("conversation:postback", 1)
	event.ID = "5f0c6a1e9d2b4780c3e1aa07" // the same one again is a duplicate
	body, _ := io.ReadAll(suncotest.NewDelivery(suncotest.Webhook{}, "secret", event).Body)
	var delivery struct {
		Events []struct {
			ID, Type string
			Payload  struct{ Postback struct{ Payload string } }
		}
	}
	_ = json.Unmarshal(body, &delivery)
	fmt.Printf("%+v\n", delivery.Events[0])
	// Output: {ID:5f0c6a1e9d2b4780c3e1aa07 Type:conversation:postback Payload:{Postback:{Payload:TRACK_ORDER}}}
}

func ExampleSampleReply() {
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var delivery struct {
			Events []struct {
				Payload struct {
					Message struct{ Author struct{ Type string } }
				}
			}
		}
		_ = json.NewDecoder(r.Body).Decode(&delivery)
		if delivery.Events[0].Payload.Message.Author.Type != "user" {
			fmt.Println("a bot does not answer itself")
		}
	})
	handler.ServeHTTP(httptest.NewRecorder(), suncotest.NewDelivery(suncotest.Webhook{}, "secret",
		suncotest.SampleReply(1)))
	// Output: a bot does not answer itself
}

func ExampleSampleTriggers() {
	for _, trigger := range suncotest.SampleTriggers()[:3] {
		fmt.Println(trigger)
	}
	// Output:
	// client:add
	// client:remove
	// client:update
}
