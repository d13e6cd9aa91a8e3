package main

import (
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/exampletest"
	"github.com/sunco-go/sunco/examples/internal/partner"
	"github.com/sunco-go/sunco/suncotest"
)

const (
	hello   = "Hello! I am the bot of this restaurant. What can I do for you?"
	off     = "A human will answer here. I am silent until then."
	back    = "I am back. What else can I do for you?"
	noHuman = "I cannot reach a human right now. Please try again."
)

// stage is a bot that is installed, and its database.
type stage struct {
	*exampletest.Stage
	store *partner.Store
	db    *sql.DB
}

// onStage runs a test in virtual time with the bot installed. The database's clock is
// the real one.
func onStage(t *testing.T, test func(*stage)) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bot.db")
	env := map[string]string{"SUNCO_CLIENT_ID": suncotest.DefaultClientID, "SUNCO_STORE_FILE": file}
	synctest.Test(t, func(t *testing.T) {
		s := &stage{}
		s.Stage = exampletest.NewStage(t, func(client *sunco.Client, publicURL string) (_ partner.Partner, err error) {
			s.store, err = partner.OpenStore(t.Context(), "bot", func(name string) string { return env[name] }, client)
			require.NoError(t, err)
			return newPartner(client, publicURL, s.store), nil
		})
		var err error
		s.db, err = sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)")
		require.NoError(t, err)
		defer s.db.Close()
		test(s)
	})
}

// later lets everything in the database come that was put off.
func (s *stage) later() {
	s.Helper()
	for _, change := range []string{
		"UPDATE sunco_lanes SET run_at = 0 WHERE lease = ''", "UPDATE sunco_installations SET check_at = 0",
	} {
		synctest.Wait()
		_, err := s.db.ExecContext(s.Context(), change)
		require.NoError(s, err)
	}
	time.Sleep(10 * time.Second)
	synctest.Wait()
}

// installations are those that are complete.
func (s *stage) installations() (all []*sunco.Installation) {
	s.Helper()
	for in, err := range s.store.All(s.Context()) {
		require.NoError(s, err)
		all = append(all, in)
	}
	return all
}

func TestTheReview(t *testing.T) {
	onStage(t, func(s *stage) {
		require.NoError(s, s.Say(s.App, "ada", "good morning"))
		assert.Equal(s, []string{hello}, s.Said(), "chat")
		assert.Contains(s, typing(s), "typing:start")
		require.NoError(s, s.Press(s.App, "ada", "menu"))
		assert.Equal(s, []string{"carousel"}, s.Said(), "carousel")
		require.NoError(s, s.Press(s.App, "ada", "order Ramen"))
		assert.Equal(s, []string{"Ramen, is that right?"}, s.Said(), "buttons")
		require.NoError(s, s.Press(s.App, "ada", "confirm Ramen"))
		assert.Equal(s, []string{"Ramen will be with you in half an hour."}, s.Said())
		require.NoError(s, s.Say(s.App, "ada", "Please book a table"))
		assert.Equal(s, []string{"form"}, s.Said(), "form")
		require.NoError(s, s.Submit(s.App, "ada", map[string]string{
			"name": "Ada", "email": "ada@example.org", "guests": "2",
		}))
		assert.Equal(s, []string{"Thank you, Ada: a table for two. I will write to ada@example.org."}, s.Said())
		require.NoError(s, s.Upload(s.App, "ada", "cat.png", "image/png", []byte("cat")))
		assert.Equal(s, []string{"I have your file of 3 bytes."}, s.Said(), "upload")
		require.NoError(s, s.Upload(s.App, "ada", "cat.pdf", "application/pdf", []byte("cats")))
		assert.Equal(s, []string{"I have your file of 4 bytes."}, s.Said())
		s.DeliverAgain()

		conversation := s.Conversation()
		require.NoError(s, s.Say(s.App, "ada", "I want to talk to a human"))
		assert.Equal(s, []string{off}, s.Said(), "hand-off")
		tickets := s.Tickets(s.App)
		require.Len(s, tickets, 1)
		first := conversation.Messages[0].ID
		assert.JSONEq(s, `{"first_message_id":"`+first+`"}`, string(tickets[0].Metadata))
		assert.Equal(s, first, tickets[0].Messages[0].ID, "the whole history")
		assert.Len(s, tickets[0].Messages, len(conversation.Messages)+2)

		require.NoError(s, s.Answer(s.App, conversation.ID, "I am human. What is it?"))
		require.NoError(s, s.Say(s.App, "ada", "the menu has no soup"))
		require.NoError(s, s.Press(s.App, "ada", "order Ramen"))
		assert.Empty(s, s.Said(), "silent while an agent is in control")
		require.NoError(s, s.Solve(s.App, conversation.ID))
		assert.Equal(s, []string{back}, s.Said(), "solved")
		require.NoError(s, s.Say(s.App, "ada", "menu"))
		assert.Equal(s, []string{"carousel"}, s.Said(), "resumed")
		s.DeliverAgain()

		require.NotEmpty(s, s.installations())
		require.NoError(s, s.Uninstall(s.App))
		synctest.Wait()
		assert.Empty(s, s.installations(), "uninstalled")
		require.NoError(s, s.Say(s.App, "ada", "still there?"))
		assert.Empty(s, s.Said())
	})
}

// typing returns the bodies of the activities that the bot posted.
func typing(s *stage) string {
	var all strings.Builder
	for _, r := range s.Requests() {
		if strings.HasSuffix(r.Path, "/activity") {
			all.Write(r.Body)
		}
	}
	return all.String()
}

func TestAgentPassesBack(t *testing.T) {
	onStage(t, func(s *stage) {
		require.NoError(s, s.Say(s.App, "ada", "human!"))
		assert.Equal(s, []string{off}, s.Said())
		require.NoError(s, s.PassControl(s.App, s.Conversation().ID, suncotest.DefaultClientID))
		assert.Equal(s, []string{back}, s.Said())
	})
}

// TestPressesOfAnotherKind has what no button of the bot's sends, and contents that it
// does not read.
func TestPressesOfAnotherKind(t *testing.T) {
	onStage(t, func(s *stage) {
		require.NoError(s, s.Say(s.App, "ada", "menu"))
		assert.Equal(s, []string{"carousel"}, s.Said())
		require.NoError(s, s.Press(s.App, "ada", "order Tacos"))
		assert.Equal(s, []string{"Tacos, is that right?"}, s.Said())
		require.NoError(s, s.Press(s.App, "ada", "cancel"))
		assert.Equal(s, []string{"Nothing was ordered."}, s.Said())
		emit(s, "conversation:message", `{"conversation":{"id":"`+s.Conversation().ID+`"},"message":{"id":"m",`+
			`"author":{"type":"user"},"content":{"type":"hologram"}}}`)
		assert.Equal(s, []string{"I cannot read a hologram yet."}, s.Said())
		emit(s, "switchboard:passControl:failure", `{"conversation":{"id":"`+s.Conversation().ID+`"},`+
			`"error":{"code":"switchboard_invalid_target"}}`)
		assert.Equal(s, []string{"Nobody can take over right now, so I am still here."}, s.Said())
		emit(s, "conversation:create", `{"conversation":{"id":"`+s.Conversation().ID+`"},`+
			`"creationReason":"startConversation"}`)
		assert.Equal(s, []string{hello}, s.Said(), "who opens the messenger is greeted")
		emit(s, "conversation:create", `{"conversation":{"id":"`+s.Conversation().ID+`",`+
			`"activeSwitchboardIntegration":{"name":"zd-agentWorkspace"}},"creationReason":"startConversation"}`)
		assert.Empty(s, s.Said(), "but not while an agent is in control")
	})
}

func emit(s *stage, trigger, payload string) {
	s.Helper()
	require.NoError(s, s.Emit(s.App, suncotest.Event{Trigger: trigger, Payload: json.RawMessage(payload)}))
}

// TestFaults disturbs one call after another. The bot says one thing, or, when its answer
// was lost, nothing more.
func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		handle func(http.ResponseWriter, *http.Request, http.Handler)
		write  func(*stage) error
		said   []string
	}{
		"typing":           {"/sc/v2/apps/*/conversations/*/activity", refuse, say("hi"), []string{hello}},
		"answer refused":   {"/sc/v2/apps/*/conversations/*/messages", refuse, say("hi"), []string{hello}},
		"answer lost":      {"/sc/v2/apps/*/conversations/*/messages", lose, say("hi"), []string{hello}},
		"hand-off refused": {"/sc/v2/apps/*/conversations/*/passControl", refuse, say("human"), []string{noHuman}},
		"hand-off lost":    {"/sc/v2/apps/*/conversations/*/passControl", lose, say("human"), []string{off}},
		"file": {"/sc/attachments/", refuse, func(s *stage) error {
			require.NoError(s, s.Say(s.App, "ada", "hi"))
			return s.Upload(s.App, "ada", "cat.png", "image/png", []byte("cat"))
		}, []string{hello, "I cannot open your file. Please send it again."}},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, func(s *stage) {
				s.Inject(suncotest.Fault{Path: test.path, Handle: test.handle, Method: method(name)})
				require.NoError(s, test.write(s))
				for range 12 { // until the last attempt
					s.later()
				}
				assert.Equal(s, test.said, s.Said())
				for dead, err := range s.store.Dead(s.Context()) {
					assert.Fail(s, "an event is dead", "%v %v", dead, err)
				}
			})
		})
	}
}

func method(name string) string {
	if name == "file" {
		return http.MethodGet
	}
	return http.MethodPost
}

func say(text string) func(*stage) error {
	return func(s *stage) error { return s.Say(s.App, "ada", text) }
}

func refuse(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.WriteHeader(http.StatusForbidden)
}

// lose does what is asked and loses the answer.
func lose(_ http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(discard{http.Header{}}, r)
	panic(http.ErrAbortHandler)
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return io.Discard.Write(p) }
func (d discard) WriteHeader(int)             {}

func TestHelloAgain(t *testing.T) {
	onStage(t, func(s *stage) {
		s.Install()
		require.Len(s, s.installations(), 1)
		require.NoError(s, s.Say(s.App, "ada", "hi"))
		assert.Equal(s, []string{hello}, s.Said())
	})
}

// TestReadme holds the README to what is in the code, the bot to its length, and the
// pictures to their size.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("main.go")
	require.NoError(t, err)
	assert.LessOrEqual(t, strings.Count(string(source), "\n"), 200)
	for _, row := range regexp.MustCompile(`(?m)^\|.*\| ([^|]*) \|$`).FindAllStringSubmatch(string(readme), -1)[2:] {
		name := regexp.MustCompile("`([^`]+)`").FindStringSubmatch(row[1])
		require.NotNil(t, name, row[0])
		if name[1] != "sunco.Marketplace" && name[1] != "sunco.Client" {
			assert.True(t, strings.Contains(string(source), name[1]), name[1])
		}
	}
	pictures, size := regexp.MustCompile(`\]\((images/[^)]+)\)`).FindAllStringSubmatch(string(readme), -1), int64(0)
	require.Len(t, pictures, 4)
	for _, picture := range pictures {
		info, err := os.Stat(picture[1])
		require.NoError(t, err)
		size += info.Size()
	}
	assert.Less(t, size, int64(300_000), "bytes")
}
