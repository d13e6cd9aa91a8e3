package node_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sunco-go/sunco/suncotest"
)

const externalID = "shoplifter-demo-user"

// outcome is what the script says in the end.
type outcome struct {
	AppID, Subdomain, UserID, ConversationID, MessageID string
	Created                                             bool
}

// node returns where Node is. Without it the test is skipped, but not in CI.
func node(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal("node is not installed, and CI is set: install Node 18 or newer")
	}
	if err != nil {
		t.Skip("not run: node is not installed")
	}
	return path
}

// run runs the script against a platform on this machine.
func run(t *testing.T, port, caFile string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node(t), "shoplifter.mjs")
	cmd.Env = append(os.Environ(),
		"OAUTH_CLIENT_ID="+suncotest.DefaultClientID, "OAUTH_CLIENT_SECRET="+suncotest.DefaultClientSecret,
		"ZENDESK_MARKETPLACE_NAME=Shoplifter", "ZENDESK_MARKETPLACE_ORG_ID=12345", "ZENDESK_MARKETPLACE_APP_ID=42",
		"ZENDESK_DOMAIN=sandbox.test:"+port, "PORT=0",
		"NODE_EXTRA_CA_CERTS="+caFile, "SUNCO_LOOKUP=127.0.0.1", "SHOPLIFTER_USER="+externalID,
	)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, &stderr)
	}
	var said outcome
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("node said %q: %v", out, err)
	}
	return said
}

// TestSandbox runs the script twice against the sandbox as a program: the first
// time everything is new, the second time it is found.
func TestSandbox(t *testing.T) {
	node(t)
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	port, stop := startSandbox(t, caFile)
	first := run(t, port, caFile)
	second := run(t, port, caFile)
	lines := stop()

	if first.Subdomain != suncotest.DefaultSubdomain || !first.Created {
		t.Errorf("the first run: %+v", first)
	}
	want := first
	want.Created, want.MessageID = false, second.MessageID
	if second != want || second.MessageID == first.MessageID {
		t.Errorf("the second run: %+v after %+v", second, first)
	}
	apps := "acme.sandbox.test:" + port + "/sc/v2/apps/" + first.AppID
	bridge := "oauth-bridge.sandbox.test:" + port + "/sc"
	begin := []string{
		"GET " + bridge + "/oauth/authorize 302",
		"POST " + bridge + "/oauth/token 200",
		"GET " + bridge + "/v2/tokeninfo 200",
	}
	message := "POST " + apps + "/conversations/" + first.ConversationID + "/messages 201"
	expected := slices.Concat(begin, []string{
		"GET " + apps + "/users/" + externalID + " 404",
		"POST " + apps + "/users 201",
		"GET " + apps + "/conversations 200",
		"POST " + apps + "/conversations 201",
		message,
	}, begin, []string{
		"GET " + apps + "/users/" + externalID + " 200",
		"GET " + apps + "/conversations 200",
		message,
	})
	if !slices.Equal(lines, expected) {
		t.Errorf("the sandbox saw\n%s\nbut not\n%s", strings.Join(lines, "\n"), strings.Join(expected, "\n"))
	}
}

// startSandbox builds and starts the sandbox. It returns its port, and a function
// that ends it and returns what it logged of requests.
func startSandbox(t *testing.T, caFile string) (port string, stop func() []string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "sandbox")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./examples/sandbox")
	build.Dir, build.Env = "../..", append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the sandbox: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), program, "-tls", "-ca-file", caFile, "-addr", "127.0.0.1:0", "-approve")
	var log bytes.Buffer
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(stdout)
	ready, err := reader.ReadString('\n')
	address := regexp.MustCompile(`https://127\.0\.0\.1:(\d+)/sc`).FindStringSubmatch(ready)
	if err != nil || address == nil {
		_ = cmd.Cancel()
		_ = cmd.Wait()
		t.Fatalf("the sandbox said %q: %v\n%s", ready, err, &log)
	}
	return address[1], func() []string {
		t.Helper()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_, _ = io.Copy(io.Discard, reader) // until it ends
		if err := cmd.Wait(); err != nil {
			t.Errorf("the sandbox ended with %v\n%s", err, &log)
		}
		var lines []string
		for line := range strings.Lines(log.String()) {
			line = strings.TrimSpace(strings.TrimPrefix(line, "sandbox: "))
			if request := regexp.MustCompile(`^[A-Z]+ \S+ \d+`).FindString(line); request != "" {
				lines = append(lines, request) // without the reason of a refusal
			}
		}
		return lines
	}
}

// TestRequests looks at what the script sends, on a platform that insists on the
// marketplace headers.
func TestRequests(t *testing.T) {
	node(t)
	p := suncotest.New(suncotest.Config{Approve: true, Behavior: suncotest.Behavior{MarketplaceRequired: true}})
	defer p.Close()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: p, TLSConfig: p.TLSConfig(), ReadHeaderTimeout: time.Minute}
	defer server.Close()
	go func() { _ = server.ServeTLS(listener, "", "") }()
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, p.CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	said := run(t, port, caFile)
	requests := p.Requests()
	if len(requests) != 8 {
		t.Fatalf("there were %d requests: %v", len(requests), requests)
	}
	checkRequests(t, requests, said)
	conversations := p.Conversations(said.AppID)
	if len(conversations) != 1 || len(conversations[0].Messages) != 1 {
		t.Fatalf("there are other conversations: %+v", conversations)
	}
	m := conversations[0].Messages[0]
	if m.ID != said.MessageID || m.AuthorType != "user" || m.AuthorName != "Shop Lifter" || m.ContentType != "text" {
		t.Errorf("the message is %+v", m)
	}
}

func checkRequests(t *testing.T, requests []suncotest.Request, said outcome) {
	t.Helper()
	for i, r := range requests[1:] {
		for name, value := range map[string]string{"Name": "Shoplifter", "Organization-Id": "12345", "Bot-Id": "42"} {
			if got := r.Header.Values("X-Zendesk-Marketplace-" + name); !slices.Equal(got, []string{value}) {
				t.Errorf("request %d, %s: marketplace header %s is %q", i+1, r, name, got)
			}
		}
	}
	form, err := url.ParseQuery(string(requests[1].Body))
	if requests[1].Header.Get("Content-Type") != "application/x-www-form-urlencoded" || err != nil || len(form) != 4 {
		t.Errorf("the exchange is no form of four fields: %s", requests[1])
	}
	if requests[2].Path != "/sc/v2/tokeninfo" {
		t.Errorf("token info was asked for at %s", requests[2].Path)
	}
	if want := "filter[userId]=" + said.UserID; requests[5].RawQuery != want {
		t.Errorf("conversations were asked for with %q, not %q", requests[5].RawQuery, want)
	}
	var conversation struct {
		Type         string
		Participants []struct{ UserID string }
	}
	if err := json.Unmarshal(requests[6].Body, &conversation); err != nil || conversation.Type != "personal" ||
		len(conversation.Participants) != 1 || conversation.Participants[0].UserID != said.UserID {
		t.Errorf("the conversation began with %s", requests[6].Body)
	}
	var message struct{ Author struct{ Type, UserID string } }
	err = json.Unmarshal(requests[7].Body, &message)
	if err != nil || message.Author.Type != "user" || message.Author.UserID != said.UserID {
		t.Errorf("the message was %s", requests[7].Body)
	}
}
