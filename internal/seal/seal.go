// Package seal encrypts what stands in a row of a database, so that it opens in that row
// only: AES-256-GCM, with keys that can be changed.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
)

const format = 1 // the first byte of everything sealed

// Ring holds keys. The first one seals, and all of them open.
type Ring []key

// key is one key, with an AEAD for each purpose.
type key struct {
	id    string
	aeads map[string]cipher.AEAD
}

// NewRing returns a Ring of keys, which are 32 bytes in base64 each. Every purpose gets
// keys of its own, derived from these.
func NewRing(keys []string, purposes ...string) (Ring, error) {
	var ring Ring
	for _, encoded := range keys {
		raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || len(raw) != 32 {
			return nil, errors.New("a key is not the base64 of 32 bytes")
		}
		k := key{hex.EncodeToString(derive(raw, "key id")[:4]), map[string]cipher.AEAD{}}
		for _, purpose := range purposes {
			block, err := aes.NewCipher(derive(raw, purpose))
			if err != nil {
				return nil, err
			}
			if k.aeads[purpose], err = cipher.NewGCMWithRandomNonce(block); err != nil {
				return nil, err
			}
		}
		ring = append(ring, k)
	}
	return ring, nil
}

func derive(raw []byte, what string) []byte {
	derived, _ := hkdf.Key(sha256.New, raw, nil, "sunco sqlstore "+what, 32) // fails for longer ones only
	return derived
}

// IDs returns the ids of the keys. An id is derived from its key, and no secret.
func (r Ring) IDs() []string {
	ids := make([]string, len(r))
	for i := range r {
		ids[i] = r[i].id
	}
	return ids
}

// Seal encrypts plain for the row that where names. It also returns the id of the key.
func (r Ring) Seal(purpose string, plain []byte, where ...string) (keyID string, sealed []byte) {
	k := r[0]
	return k.id, k.aeads[purpose].Seal([]byte{format}, nil, plain, associated(purpose, k.id, where))
}

// Open decrypts what Seal has returned for the same purpose and row.
func (r Ring) Open(purpose, keyID string, sealed []byte, where ...string) (plain []byte, ok bool) {
	i := slices.IndexFunc(r, func(k key) bool { return k.id == keyID })
	if i < 0 || len(sealed) == 0 || sealed[0] != format {
		return nil, false
	}
	plain, err := r[i].aeads[purpose].Open(nil, nil, sealed[1:], associated(purpose, keyID, where))
	return plain, err == nil
}

func associated(purpose, keyID string, where []string) []byte {
	return AppendTexts(AppendTexts([]byte{format}, purpose, keyID), where...)
}

// AppendTexts appends texts with their lengths, so that no two lists look the same.
func AppendTexts(to []byte, texts ...string) []byte {
	for _, text := range texts {
		to = append(binary.AppendUvarint(to, uint64(len(text))), text...)
	}
	return to
}

// Texts is what AppendTexts has made.
type Texts string

// Next takes the first text, or "" where there is none.
func (t *Texts) Next() string {
	size, n := binary.Uvarint([]byte((*t)[:min(len(*t), binary.MaxVarintLen64)]))
	if n <= 0 || size > uint64(len(*t)-n) {
		*t = ""
		return ""
	}
	text := string((*t)[n : n+int(size)])
	*t = (*t)[n+int(size):]
	return text
}
