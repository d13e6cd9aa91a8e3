package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
	"github.com/sunco-go/sunco/examples/internal/exampletest"
	"github.com/sunco-go/sunco/suncotest"
)

func TestHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := exampletest.NewStage(t, newStore().partner)
		require.NoError(t, s.Say(s.App, "ada", "good morning"))
		assert.Equal(t, []string{"You said: good morning"}, s.Said())
		assert.Empty(t, s.Said(), "it never answers itself")
		require.NoError(t, s.Upload(s.App, "ada", "cat.png", "image/png", []byte("cat")))
		assert.Equal(t, []string{"I can read texts only."}, s.Said())
		s.DeliverAgain()

		conversation := s.Conversation().ID
		require.NoError(t, s.PassControl(s.App, conversation, suncotest.AgentWorkspace))
		require.NoError(t, s.Say(s.App, "ada", "are you a human?"))
		require.NoError(t, s.Answer(s.App, conversation, "I am"))
		assert.Empty(t, s.Said(), "it is silent while an agent is in control")
		require.NoError(t, s.Solve(s.App, conversation))
		require.NoError(t, s.Say(s.App, "ada", "and now?"))
		assert.Equal(t, []string{"You said: and now?"}, s.Said())

		s.Install()
		require.NoError(t, s.Say(s.App, "ada", "again"))
		assert.Equal(t, []string{"You said: again"}, s.Said(), "installed twice, answered once")
	})
}

func TestHelloIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := newStore()
		s := exampletest.NewStage(t, rows.partner)
		require.Len(t, rows.rows, 1)
		stranger, err := s.Client().Post("https://partner.example/zendesk/removed", "application/json",
			strings.NewReader(`{"appId":"`+s.App+`","integrationId":"x"}`))
		require.NoError(t, err)
		require.NoError(t, stranger.Body.Close())
		require.Len(t, rows.rows, 1)
		require.NoError(t, rows.remove(t.Context(), &sunco.Installation{AppID: s.App}))
		require.Len(t, rows.rows, 1, "a newer installation stays")
		require.NoError(t, s.Uninstall(s.App))
		time.Sleep(time.Minute) // until the next look, because of the stranger's call
		synctest.Wait()
		assert.Empty(t, rows.rows)
	})
}
