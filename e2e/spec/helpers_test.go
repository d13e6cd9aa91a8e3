package spec_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/spec"
	"github.com/sunco-go/sunco/suncotest"
)

const (
	redirectURI = "https://bot.example/zendesk/install"
	hookURL     = "https://bot.example/zendesk/events"
	removeURL   = "https://bot.example/zendesk/removed"
)

// loaded is the description, which is read once.
var loaded = sync.OnceValues(func() (*spec.Description, error) { return spec.Load(os.Getenv(spec.Variable)) })

// load returns the description, or skips the test and says what to do.
func load(t *testing.T) *spec.Description {
	t.Helper()
	path := os.Getenv(spec.Variable)
	if path == "" {
		t.Skipf("not checked against Zendesk's own description: set %s to the path of its OpenAPI file, as in "+
			"%[1]s=/path/to/openapi.yaml go test ./...", spec.Variable)
	}
	d, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// stage is a fake platform, a partner on it, and a recorder between them.
type stage struct {
	*testing.T
	description *spec.Description
	platform    *suncotest.Platform
	recorder    *spec.Recorder // of the SDK
	client      *sunco.Client

	mu      sync.Mutex
	removed chan []byte
}

// newStage raises everything, and fails the test at its end for each violation.
func newStage(t *testing.T, d *spec.Description, cfg suncotest.Config) *stage {
	t.Helper()
	cfg.RedirectURIs, cfg.RemoveURL = []string{redirectURI}, removeURL
	s := &stage{T: t, description: d, platform: suncotest.New(cfg), removed: make(chan []byte, 1)}
	t.Cleanup(s.platform.Close)
	s.platform.Mount("bot.example", http.HandlerFunc(s.partner))
	s.recorder = s.record(false)
	s.client = &sunco.Client{
		ClientID:     suncotest.DefaultClientID,
		ClientSecret: sunco.NewSecret(suncotest.DefaultClientSecret),
		RedirectURI:  redirectURI,
		Marketplace:  sunco.Marketplace{Name: "Shoplifter", OrganizationID: "12345", BotID: "42"},
		HTTPClient:   &http.Client{Transport: s.recorder},
	}
	return s
}

func (s *stage) record(repliesOnly bool) *spec.Recorder {
	rec := &spec.Recorder{Base: s.platform.Transport(), Description: s.description, RepliesOnly: repliesOnly}
	s.Cleanup(func() {
		for _, violation := range rec.Violations() {
			s.Error(violation)
		}
		if len(rec.Exchanges()) == 0 {
			s.Error("nothing passed through the recorder")
		}
	})
	return rec
}

// partner answers the probe, and keeps what the remove URL is told.
func (s *stage) partner(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/zendesk/removed" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		s.Errorf("the remove URL got %s %q", r.Method, r.Header.Get("Content-Type"))
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.Error(err)
	}
	s.removed <- body
}

// browse opens a URL as a browser would, through a recorder, without following.
func (s *stage) browse(rec *spec.Recorder, target string) *http.Response {
	s.Helper()
	return s.send(rec, http.MethodGet, target, "", "", nil)
}

// send makes one request by hand. An empty type sends none.
func (s *stage) send(
	rec *spec.Recorder, method, target, contentType, body string, in *sunco.Installation,
) *http.Response {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, target, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if in != nil {
		req.Header.Set("Authorization", "Bearer "+in.Token.AccessToken.Reveal())
	}
	res, err := rec.RoundTrip(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	return res
}

// code walks through the consent page and returns the callback's code.
func (s *stage) code(subdomain string) sunco.Secret {
	s.Helper()
	const state = "a state with = & and ü"
	authorize, err := s.client.AuthorizeURL(state)
	if err != nil {
		s.Fatal(err)
	}
	s.browse(s.recorder, authorize) // the page, which Allow below fetches unseen
	back, err := s.platform.Allow(s.Context(), authorize, subdomain)
	if err != nil {
		s.Fatal(err)
	}
	return s.callback(back, state)
}

func (s *stage) callback(back *url.URL, state string) sunco.Secret {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodGet, back.String(), nil)
	if err != nil {
		s.Fatal(err)
	}
	code, err := sunco.ParseCallback(r, state)
	if err != nil {
		s.Fatal(err)
	}
	return code
}

// install connects one customer.
func (s *stage) install(ctx context.Context, subdomain string) *sunco.Installation {
	s.Helper()
	in, err := s.exchange(ctx, subdomain)
	s.must(err)
	return in
}

// exchange turns a code into an installation, located as far as that goes.
func (s *stage) exchange(ctx context.Context, subdomain string) (*sunco.Installation, error) {
	s.Helper()
	token, err := s.client.Exchange(ctx, s.code(subdomain))
	s.must(err)
	return s.client.Locate(ctx, &sunco.Installation{Token: token})
}

// must fails the test for an error.
func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}
