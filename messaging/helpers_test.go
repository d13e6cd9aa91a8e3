package messaging_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

// readFile returns a file of testdata.
func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

// readEvent returns an event of testdata.
func readEvent(t testing.TB, name string) *sunco.Event {
	t.Helper()
	var event struct {
		ID      string          `json:"id"`
		Type    string          `json:"type"`
		Payload json.RawMessage `json:"payload"`
	}
	require.NoError(t, json.Unmarshal(readFile(t, "events/"+name+".json"), &event))
	return &sunco.Event{ID: event.ID, Type: event.Type, AppID: appID, Payload: event.Payload}
}

const appID = "5963ba5b40e2610047cd2c51"
