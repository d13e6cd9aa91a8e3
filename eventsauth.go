package sunco

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
)

const maxKey = 4 << 10 // bytes; Zendesk's secrets have some 80

// presentedKey returns the digest of the key that came with a request, if
// there is exactly one and it is not empty.
func presentedKey(r *http.Request) (digest [32]byte, found bool) {
	keys := r.Header["X-Api-Key"]
	if len(keys) != 1 || keys[0] == "" || len(keys[0]) > maxKey {
		return digest, false
	}
	return digestOf(keys[0]), true
}

// digestOf returns the SHA-256 of a key, without a copy on the heap where the
// key is as long as keys are.
func digestOf(key string) [32]byte {
	var space [128]byte
	return sha256.Sum256(append(space[:0], key...))
}

// keyMatch is what a key is to an installation.
type keyMatch int

const (
	keyWrong  keyMatch = iota
	keyRight           // it is the secret of a webhook
	keyUnsure          // it is not, but there is a webhook whose secret nobody knows
)

// matchKey compares a key with all secrets of an installation, in a time that
// does not depend on which matches. Nil, an unknown route, is compared too.
func matchKey(in *Installation, key *[32]byte) keyMatch {
	if in == nil {
		secretMatches(NewSecret("the secret of nobody, as long as a real one, so that it takes as long to compare with it"), key)
		return keyWrong
	}
	matches, unknown := 0, len(in.Webhooks) == 0
	for i := range in.Webhooks {
		secret := in.Webhooks[i].Secret
		matches |= secretMatches(secret, key)
		unknown = unknown || secret.IsZero()
	}
	switch {
	case matches == 1:
		return keyRight
	case unknown:
		return keyUnsure
	}
	return keyWrong
}

// ownsWebhook reports whether id is that of a webhook whose secret the key is.
func ownsWebhook(in *Installation, id string, key *[32]byte) bool {
	for i := range in.Webhooks {
		if in.Webhooks[i].ID == id && secretMatches(in.Webhooks[i].Secret, key) == 1 {
			return true
		}
	}
	return false
}

// secretMatches returns 1 when key is the digest of secret. An empty secret
// matches nothing.
func secretMatches(secret Secret, key *[32]byte) int {
	digest := digestOf(secret.Reveal())
	match := subtle.ConstantTimeCompare(digest[:], key[:])
	if secret.IsZero() {
		return 0
	}
	return match
}
