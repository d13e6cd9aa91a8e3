package sunco

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// No request gets so far with an empty key; the comparison refuses it too.
func TestEventEmptySecretMatchesNothing(t *testing.T) {
	empty := digestOf("")
	assert.Zero(t, secretMatches(Secret{}, &empty))
	assert.Equal(t, keyUnsure, matchKey(&Installation{Webhooks: []Webhook{{ID: "a"}}}, &empty))
	assert.Equal(t, keyWrong, matchKey(nil, &empty))
}

// Webhooks that share a secret are told apart by the id of the delivery.
func TestEventWebhooksWithOneSecret(t *testing.T) {
	in := &Installation{Webhooks: []Webhook{{ID: "a", Secret: NewSecret("s")}, {ID: "b", Secret: NewSecret("s")}, {ID: "c", Secret: NewSecret("t")}}}
	key := digestOf("s")
	assert.Equal(t, keyRight, matchKey(in, &key))
	for id, owned := range map[string]bool{"a": true, "b": true, "c": false, "": false} {
		assert.Equal(t, owned, ownsWebhook(in, id, &key), id)
	}
}
