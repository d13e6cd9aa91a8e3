package suncotest_test

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/suncotest"
)

// The bubble fails the test when a goroutine is left.
func TestCloseLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := suncotest.New(suncotest.Config{RemoveURL: "https://partner.example/x",
			Behavior: suncotest.Behavior{RemoveDelay: time.Hour}})
		defer p.Close()
		p.Mount("partner.example", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		w := &world{T: t, p: p, client: p.Client()}
		token := w.install("acme")
		go func() { // a probe that nobody answers
			_, _ = w.try(http.MethodPost, w.hooksURL(acmeURL, "acme"), goodHook, "Authorization", "Bearer "+token,
				"Content-Type", jsonType)
		}()
		synctest.Wait()
		require.NoError(t, p.Uninstall(w.appID("acme"))) // and a call that is not due

		p.Inject(suncotest.Fault{Path: "/sc/v2/tokeninfo", Handle: suncotest.Hang, Times: 2})
		for _, proto := range []string{"h2", "http/1.1"} {
			transport := p.Transport()
			transport.ForceAttemptHTTP2 = proto == "h2"
			transport.TLSClientConfig.NextProtos = []string{proto}
			go func() {
				_, err := (&http.Client{Transport: transport}).Get(tokenInfoURL)
				assert.Error(t, err)
			}()
		}
		p.Inject(suncotest.Fault{Host: "acme.zendesk.com", Conn: suncotest.Silent})
		transport := p.Transport()
		go func() {
			_, err := transport.RoundTrip(get(t, acmeURL))
			assert.Error(t, err)
		}()
		unread, err := p.Transport().RoundTrip(get(t, bridgeURL+"/x"))
		require.NoError(t, err)
		synctest.Wait()

		p.Close()
		p.Close()
		_, _ = io.Copy(io.Discard, unread.Body)
		_, err = p.Client().Get(tokenInfoURL)
		assert.Error(t, err)
		assert.NotContains(t, err.Error(), "no such host")
	})
}

func TestCloseOutsideABubble(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		w := &world{T: t, p: suncotest.New(suncotest.Config{})}
		w.client = w.p.Client()
		w.install("acme")
		w.p.Close()
	}
	for i := 0; runtime.NumGoroutine() > before+2; i++ {
		if i == 200 {
			stacks := make([]byte, 1<<20)
			t.Fatal(strings.TrimSpace(string(stacks[:runtime.Stack(stacks, true)])))
		}
		runtime.Gosched()
		time.Sleep(5 * time.Millisecond)
	}
}
