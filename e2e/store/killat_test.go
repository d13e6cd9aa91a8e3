package store_test

import (
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/e2e/engine"
	"github.com/sunco-go/sunco/suncotest"
)

// scene is a program, of which one process after the other is killed, and one customer.
type scene struct {
	*testing.T
	d        *engine.Database
	platform *platform
	appID    string
	socket   *os.File
	base     string
	keys     []string
	ordered  order // what the next process gets besides
	process  *process
	logs     string // of the processes before

	mu       sync.Mutex
	reported []string
}

func newScene(t *testing.T, d *engine.Database) *scene {
	s := &scene{T: t, d: d, keys: []string{newKey()}}
	s.socket, s.base = newSocket(t)
	s.platform = newPlatform(t, s.base, "acme")
	s.appID = s.platform.appOf("acme")
	return s
}

// restart starts a process, after a time in which none worked.
func (s *scene) restart(passed time.Duration) {
	s.Helper()
	if s.process != nil {
		s.process.kill()
		s.logs += s.process.log.String()
	}
	o := s.ordered
	o.Engine, o.DSN, o.Keys, o.Domain, o.URL, o.Passed = s.d.Name, s.d.DSN, s.keys, s.platform.domain, s.base, passed
	s.process = spawn(s, s.socket, func(line string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.reported = append(s.reported, line)
	})
	s.process.do(s, o)
	select {
	case <-s.process.ready:
	case <-s.process.ended:
		s.Fatal(s.process.log.String())
	}
}

// count returns how often a line was reported that begins with these words.
func (s *scene) count(words string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.reported {
		if strings.HasPrefix(line+" ", words+" ") {
			n++
		}
	}
	return n
}

// eventually waits until something is true.
func (s *scene) eventually(what string, is func() bool) {
	s.Helper()
	if !assert.Eventually(s, is, 20*time.Second, 5*time.Millisecond, what) {
		s.Fatal(s.process.log.String())
	}
}

// killAt kills the process when a request arrives at the platform, or when the platform
// has done what it asks for and is about to answer.
func (s *scene) killAt(method, path string, done bool) {
	s.platform.Inject(suncotest.Fault{Method: method, Path: path, Handle: func(
		w http.ResponseWriter, r *http.Request, next http.Handler,
	) {
		process := s.process
		if done {
			next.ServeHTTP(w, r) // what it writes is not sent before the end
		}
		process.kill()
		panic(http.ErrAbortHandler)
	}})
}

// killed waits until the process has been killed.
func (s *scene) killed() {
	s.Helper()
	select {
	case <-s.process.ended:
	case <-time.After(20 * time.Second):
		s.Fatal("nothing killed the process: " + s.process.log.String())
	}
}

// killAfter kills the process at a point that it was ordered to stop at.
func (s *scene) killAfter(point string) {
	s.Helper()
	s.eventually("it stops", func() bool { return s.count(point) > 0 })
	s.process.kill()
}

// install presses Add to Zendesk and Allow, and returns the callback and its answer.
func (s *scene) install() (callback *http.Request, answer *http.Response) {
	s.Helper()
	begun := send(get(s.base+"/zendesk/install", nil))
	require.NotNil(s, begun)
	back, err := s.platform.Allow(s.Context(), begun.Header.Get("Location"), "acme")
	require.NoError(s, err)
	callback = get(back.String(), begun)
	return callback, send(callback)
}

// write delivers a message in a conversation and returns the status, 0 if there was none.
func (s *scene) write(conversation, text string) int {
	answer := send(s.platform.delivery(s.base, s.appID, conversation, text, text))
	if answer == nil {
		return 0
	}
	return answer.StatusCode
}

// stored returns the generation that is stored for the customer's app.
func (s *scene) stored() (generation string) {
	s.Helper()
	require.True(s, ask(s.base, "get", s.appID, &generation))
	return generation
}

// generation returns that of the token which the platform issued for a callback.
func (s *scene) generation(callback *http.Request) string {
	token, _ := s.platform.token(callback.URL.Query().Get("code"))
	return token.Generation()
}

// works checks that one webhook delivers, and that its events are handled once.
func (s *scene) works() {
	s.Helper()
	webhooks := 0
	for _, w := range s.platform.Webhooks() {
		if w.AppID == s.appID {
			webhooks++
		}
	}
	assert.Equal(s, 1, webhooks, "webhooks")
	require.Equal(s, http.StatusOK, s.write("works", "works 1"))
	s.eventually("it is handled", func() bool { return s.count("end works 1") == 1 })
}

// killPoints are the rows of the table of what is on disk when a process dies.
var killPoints = []struct {
	name string
	test func(*scene)
}{
	{"before the exchange", func(s *scene) {
		s.killAt(http.MethodPost, "/sc/oauth/token", false)
		callback, answer := s.install()
		require.Nil(s, answer)
		s.killed()
		s.restart(0)
		require.Equal(s, http.StatusSeeOther, send(callback).StatusCode, "the flow is over, loading it again changes nothing")
		assert.Empty(s, s.stored())
		assert.Zero(s, s.platform.exchangedTwice())
		_, answer = s.install()
		require.Equal(s, http.StatusSeeOther, answer.StatusCode, "the customer presses the button again")
		s.works()
	}},
	{"before the first Save", func(s *scene) {
		s.killAt(http.MethodPost, "/sc/oauth/token", true)
		callback, _ := s.install()
		s.killed()
		s.restart(3 * time.Minute)
		send(callback)
		assert.Empty(s, s.stored(), "the one window in which a token is lost")
		assert.Zero(s, s.platform.exchangedTwice())
		_, answer := s.install()
		require.Equal(s, http.StatusSeeOther, answer.StatusCode)
		s.works()
	}},
	{"after the first Save", func(s *scene) { s.resumes(http.MethodGet, "/sc/v2/tokenInfo", false) }},
	{"after token info", func(s *scene) { s.resumes(http.MethodGet, "/sc/v2/tokenInfo", true) }},
	{"before the webhook", func(s *scene) { s.resumes(http.MethodPost, "/sc/v2/apps/*/integrations/*/webhooks", false) }},
	{"after the webhook", func(s *scene) { s.resumes(http.MethodPost, "/sc/v2/apps/*/integrations/*/webhooks", true) }},
	{"a customer who was installed", func(s *scene) {
		old, _ := s.install()
		s.killAt(http.MethodGet, "/sc/v2/tokenInfo", true)
		newer, _ := s.install()
		s.killed()
		s.restart(0)
		assert.Equal(s, s.generation(old), s.stored(), "the old token serves")
		s.works()
		s.restart(3 * time.Minute)
		s.eventually("Maintain completes it", func() bool { return s.stored() == s.generation(newer) })
	}},
	{"a newer installation", func(s *scene) {
		s.killAt(http.MethodGet, "/sc/v2/tokenInfo", true)
		s.install()
		s.killed()
		s.restart(0)
		newer, _ := s.install()
		s.restart(3 * time.Minute)
		s.eventually("the older token goes", func() bool { return s.left().Pending == 0 })
		assert.Equal(s, s.generation(newer), s.stored())
		s.works()
	}},
	{"after the second Save", func(s *scene) {
		s.ordered.Stop = "saved"
		s.restart(0)
		go s.killAfter("saved")
		callback, answer := s.install()
		require.Nil(s, answer)
		s.ordered.Stop = ""
		s.restart(0)
		require.Equal(s, http.StatusSeeOther, send(callback).StatusCode)
		assert.Equal(s, s.generation(callback), s.stored())
		s.works()
	}},
	{"before an event's commit", func(s *scene) { s.deliversAgain("receiving") }},
	{"before the 200", func(s *scene) { s.deliversAgain("received") }},
	{"while onEvent runs", func(s *scene) { s.handlesAgain(false) }},
	{"before done", func(s *scene) { s.handlesAgain(true) }},
	{"removal pending", func(s *scene) { s.removes(false) }},
	{"removal confirmed", func(s *scene) { s.removes(true) }},
	{"a removal that is not true", func(s *scene) {
		s.install()
		s.killAt(http.MethodGet, "/sc/v2/tokenInfo", true)
		(&customer{trial: &trial{t: s.T, base: s.base}, appID: s.appID}).forge()
		s.killed()
		s.restart(0)
		assert.Equal(s, 1, s.left().Pending)
		s.restart(11 * time.Minute)
		s.eventually("Maintain clears the mark", func() bool { return s.left().Pending == 0 })
		s.works()
	}},
	{"installed again in between", func(s *scene) {
		s.install()
		s.killAt(http.MethodGet, "/sc/v2/tokenInfo", true)
		require.NoError(s, s.platform.Uninstall(s.appID))
		s.killed()
		s.restart(0)
		newer, _ := s.install()
		s.restart(11 * time.Minute)
		time.Sleep(200 * time.Millisecond)
		assert.Equal(s, s.generation(newer), s.stored())
		assert.Zero(s, s.left().Pending)
		s.works()
	}},
	{"before the revocation", func(s *scene) { s.uninstalls(false) }},
	{"after the revocation", func(s *scene) { s.uninstalls(true) }},
}

// resumes kills an installation after its first Save, and again at the same point while
// Maintain completes it.
func (s *scene) resumes(method, path string, done bool) {
	s.killAt(method, path, done)
	callback, answer := s.install()
	require.Nil(s, answer)
	s.killed()
	s.restart(0)
	assert.Empty(s, s.stored())
	assert.Equal(s, 1, s.left().Pending, "the token is there")
	assert.Contains(s, []int{http.StatusServiceUnavailable, http.StatusUnauthorized}, s.write("early", "early 1"))
	s.killAt(http.MethodGet, path, done)
	s.restart(3 * time.Minute)
	s.killed()
	s.restart(6 * time.Minute)
	s.eventually("Maintain completes it", func() bool { return s.stored() != "" })
	assert.Equal(s, s.generation(callback), s.stored())
	assert.Zero(s, s.platform.exchangedTwice())
	s.works()
}

// deliversAgain kills a process that receives an event.
func (s *scene) deliversAgain(point string) {
	s.install()
	s.ordered.Stop = point
	s.restart(0)
	go s.killAfter(point)
	require.Zero(s, s.write("talk", "talk 1"), "no answer")
	s.process.kill()
	began := s.count("begin talk 1") // it may have been handled already
	s.ordered.Stop = ""
	s.restart(2 * time.Minute)
	require.Equal(s, http.StatusOK, s.write("talk", "talk 1"))
	require.Equal(s, http.StatusOK, s.write("talk", "talk 2"))
	s.eventually("both are handled", func() bool { return s.count("end talk 2") == 1 })
	assert.LessOrEqual(s, s.count("begin talk 1"), began+1)
}

// handlesAgain kills a process whose onEvent sends a message.
func (s *scene) handlesAgain(done bool) {
	s.install()
	s.ordered.Message = true
	s.restart(0)
	s.killAt(http.MethodPost, "/sc/v2/apps/*/conversations/*/messages", done)
	s.write("talk", "talk 1")
	s.killed()
	s.restart(0)
	s.write("talk", "talk 2")
	time.Sleep(500 * time.Millisecond)
	assert.Equal(s, 1, s.count("begin"), "the lease holds")
	s.restart(time.Minute)
	s.eventually("both are handled", func() bool { return s.count("end talk 2") == 1 })
	assert.Equal(s, 2, s.count("begin talk 1"))
	assert.Equal(s, 1, s.count("end talk 1"))
}

// removes kills a process that checks a removal.
func (s *scene) removes(done bool) {
	s.install()
	s.killAt(http.MethodGet, "/sc/v2/tokenInfo", done)
	require.NoError(s, s.platform.Uninstall(s.appID))
	s.killed()
	s.restart(0)
	assert.NotEmpty(s, s.stored())
	s.restart(11 * time.Minute)
	s.eventually("Maintain deletes it", func() bool { return s.stored() == "" })
	assert.Zero(s, s.left().Wrong)
}

// uninstalls kills a process that revokes.
func (s *scene) uninstalls(done bool) {
	s.install()
	s.killAt(http.MethodDelete, "/sc/oauth/authorization", done)
	require.False(s, ask(s.base, "uninstall", s.appID, new(any)))
	s.killed()
	s.restart(0)
	assert.NotEmpty(s, s.stored())
	s.restart(6 * time.Minute)
	s.eventually("Maintain goes on", func() bool { return s.stored() == "" })
	assert.Empty(s, s.platform.Installations())
	assert.Zero(s, s.left().Wrong)
}

// left is what the program still has to do.
func (s *scene) left() (n struct{ Lanes, Pending, Due, Wrong int }) {
	s.Helper()
	require.True(s, ask(s.base, "left", "", &n))
	return n
}

// TestKillAt kills a partner's program at each point at which it can matter.
func TestKillAt(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		for _, point := range killPoints {
			t.Run(point.name, func(t *testing.T) {
				t.Parallel()
				s := newScene(t, e.New(t))
				s.restart(0)
				point.test(s)
			})
		}
	})
}

// TestKillMigration kills processes that make the tables of one database.
func TestKillMigration(t *testing.T) {
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		for delay := range 5 {
			d := e.New(t)
			s := newScene(t, d)
			for range 2 {
				p := spawn(t, s.socket, func(string) {})
				p.do(t, order{Engine: d.Name, DSN: d.DSN, Keys: s.keys, Domain: s.platform.domain, URL: s.base})
				time.Sleep(time.Duration(10+5*delay) * time.Millisecond)
				p.kill()
			}
			s.restart(0)
			s.install()
			s.works()
			require.NoError(t, d.Integrity(t.Context(), d.Open(t)))
		}
	})
}
