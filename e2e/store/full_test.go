package store_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/e2e/engine"
	"github.com/sunco-go/sunco/sqlstore"
	"github.com/sunco-go/sunco/suncotest"
)

// disks are two ways to have a small disk. Each returns a Store on it, and makes room.
var disks = map[string]func(t *testing.T, e engine.Engine) (k *desk, room func()){
	"a small file system": func(t *testing.T, e engine.Engine) (*desk, func()) {
		dir := t.TempDir()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
			t.Skip("not run: this user may not mount a file system: ", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
		// Its log takes 4 MiB until SQLite begins it again.
		filler := filepath.Join(dir, "filler")
		require.NoError(t, os.WriteFile(filler, make([]byte, 2_500_000), 0o600))
		d := &engine.Database{Engine: e, Dir: dir, DSN: e.File(filepath.Join(dir, "sunco.db"))}
		return newDesk(t, d), func() { require.NoError(t, os.Remove(filler)) }
	},
	"a limit on pages": func(t *testing.T, e engine.Engine) (*desk, func()) {
		k := newDesk(t, e.New(t))
		k.db.SetMaxOpenConns(1)
		k.db.SetConnMaxLifetime(0)
		var err error
		k.Store, err = newStore(k, k.keys...)
		require.NoError(t, err)
		k.exec("PRAGMA max_page_count = 40")
		return k, func() { k.exec("PRAGMA max_page_count = 10000") }
	},
}

// TestFull fills the disk of SQLite. What was acknowledged stays, what was not is not
// there, and the same Store goes on when there is room.
func TestFull(t *testing.T) {
	t.Parallel()
	engine.Each(t, func(t *testing.T, e engine.Engine) {
		if e.Dialect != sqlstore.SQLite {
			return // PostgreSQL ends when its disk is full, see TestKillServer
		}
		for name, small := range disks {
			t.Run(name, func(t *testing.T) {
				k, room := small(t, e)
				in := k.save(installed("app"))
				stored := 0
				var err error
				for ; err == nil; stored++ {
					require.Less(t, stored, 5000, "the disk is never full")
					err = k.Enqueue(t.Context(), in, message("app", fmt.Sprint(stored%7), fmt.Sprint(stored)))
				}
				stored--
				assert.ErrorContains(t, err, "full")
				t.Logf("after %d events: %s", stored, err)
				k.isFull(in, stored)
				room()
				require.NoError(t, k.Enqueue(t.Context(), in, message("app", fmt.Sprint(stored%7), fmt.Sprint(stored))))
				k.save(installed("other"))
				var h handled
				k.work(k.Store, 4, h.onEvent)
				k.empty()
				assert.Len(t, h.list(), stored+1)
				require.NoError(t, k.d.Integrity(t.Context(), k.db))
			})
		}
	})
}

// isFull checks what a Store does whose disk is full.
func (k *desk) isFull(in *sunco.Installation, stored int) {
	k.Helper()
	handler := &sunco.EventHandler{Lookup: k.ByKey, OnEvent: k.Enqueue, Logger: k.Logger}
	answer := httptest.NewRecorder()
	big := suncotest.Event{Trigger: "any", Payload: map[string]string{"text": strings.Repeat("long ", 100_000)}}
	handler.ServeHTTP(answer, suncotest.NewDelivery(suncotest.Webhook{AppID: "app", ID: "hook-app"},
		in.Webhooks[0].Secret.Reveal(), big))
	assert.Equal(k, http.StatusServiceUnavailable, answer.Code, "Zendesk delivers it again")
	assert.EqualValues(k, stored, k.number("SELECT count(*) FROM sunco_events"))
	k.stored("app", in)
}
