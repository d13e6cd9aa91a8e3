package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sunco-go/sunco"
)

// TestRecentEvents has an event that is delivered again, and events without an id,
// which may all be different.
func TestRecentEvents(t *testing.T) {
	r, in := &recent{}, &sunco.Installation{AppID: "a"}
	for _, id := range []string{"1", "2", "1", "", ""} {
		r.receive(in, &sunco.Event{ID: id, Type: sunco.TriggerUserMerge})
	}
	var ids []string
	for _, e := range r.received(in) {
		ids = append(ids, e.ID)
	}
	assert.Equal(t, []string{"", "", "2", "1"}, ids)
}
