package sqlstore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"github.com/sunco-go/sunco"
)

const sealFormat = 1 // the first byte of everything sealed

// SealError says that a stored row does not open.
type SealError struct {
	AppID string // of the row; "~" and the generation if the installation is unfinished
	KeyID string // of the key that sealed it, as in the table's column key_id
	NoKey bool   // New was called without that key
}

// Error implements error.
func (e *SealError) Error() string {
	reason := "it was changed, or moved from another row"
	if e.NoKey {
		reason = "New was called without the key that sealed it; pass it too"
	}
	return fmt.Sprintf("sqlstore: a row of app %q, sealed with key %q, does not open: %s", e.AppID, e.KeyID, reason)
}

// purpose is what is sealed. Each has keys of its own, which are derived from New's.
type purpose string

const (
	forInstallation purpose = "installation"
	forEvent        purpose = "event"
)

type key struct {
	id    string
	aeads map[purpose]cipher.AEAD
}

// keyring has at least one key. The first one seals.
type keyring []key

func newKeyring(secrets []sunco.Secret) (keyring, error) {
	var ring keyring
	for _, secret := range secrets {
		raw, err := base64.StdEncoding.Strict().DecodeString(secret.Reveal())
		if err != nil || len(raw) != 32 {
			ring = nil
			break
		}
		k := key{hex.EncodeToString(derive(raw, "key id")[:4]), map[purpose]cipher.AEAD{}}
		for _, p := range []purpose{forInstallation, forEvent} {
			block, err := aes.NewCipher(derive(raw, string(p)))
			if err != nil {
				return nil, err
			}
			if k.aeads[p], err = cipher.NewGCMWithRandomNonce(block); err != nil {
				return nil, err
			}
		}
		ring = append(ring, k)
	}
	if len(ring) == 0 {
		return nil, &sunco.InputError{Name: "store key",
			Reason: "missing, or not the base64 of 32 bytes; make one with: openssl rand -base64 32"}
	}
	return ring, nil
}

func derive(raw []byte, what string) []byte {
	sub, _ := hkdf.Key(sha256.New, raw, nil, "sunco sqlstore "+what, 32) // fails for longer ones only
	return sub
}

// seal encrypts what belongs to the row that where names, and opens there only. It also
// returns the id of the key.
func (r keyring) seal(p purpose, plain []byte, where ...string) (keyID string, sealed []byte) {
	k := r[0]
	return k.id, k.aeads[p].Seal([]byte{sealFormat}, nil, plain, associated(p, k.id, where))
}

// open decrypts what seal has returned. Where begins with the app id.
func (r keyring) open(p purpose, keyID string, sealed []byte, where ...string) ([]byte, error) {
	i := slices.IndexFunc(r, func(k key) bool { return k.id == keyID })
	if i >= 0 && len(sealed) > 0 && sealed[0] == sealFormat {
		plain, err := r[i].aeads[p].Open(nil, nil, sealed[1:], associated(p, keyID, where))
		if err == nil {
			return plain, nil
		}
	}
	return nil, &SealError{AppID: where[0], KeyID: keyID, NoKey: i < 0}
}

func associated(p purpose, keyID string, where []string) []byte {
	return appendTexts(appendTexts([]byte{sealFormat}, string(p), keyID), where...)
}

// appendTexts appends texts with their lengths, so that no two lists look the same.
func appendTexts(to []byte, texts ...string) []byte {
	for _, text := range texts {
		to = append(binary.AppendUvarint(to, uint64(len(text))), text...)
	}
	return to
}

// texts takes one text after the other from what appendTexts has made. Where there is
// none it takes "".
type texts string

func (t *texts) next() (text string) {
	size, n := binary.Uvarint([]byte((*t)[:min(len(*t), binary.MaxVarintLen64)]))
	end := n + int(size)
	if n <= 0 || end < n || end > len(*t) {
		n, end = len(*t), len(*t)
	}
	text, *t = string((*t)[n:end]), (*t)[end:]
	return text
}

// encodeSecrets encodes what is sealed of an installation.
func encodeSecrets(in *sunco.Installation) []byte {
	plain := appendTexts(nil, in.Token.AccessToken.Reveal())
	for i := range in.Webhooks {
		w := &in.Webhooks[i]
		plain = appendTexts(plain, w.ID, w.Version, w.Target, w.Secret.Reveal(),
			strconv.FormatBool(w.IncludeFullUser), strconv.FormatBool(w.IncludeFullSource), strconv.Itoa(len(w.Triggers)))
		plain = appendTexts(plain, w.Triggers...)
	}
	return plain
}

// decodeSecrets reads what encodeSecrets has written; nothing else can have been sealed.
func decodeSecrets(plain []byte, into *sunco.Installation) {
	left := texts(plain)
	into.Token = sunco.Token{AccessToken: sunco.NewSecret(left.next())}
	for left != "" {
		w := sunco.Webhook{ID: left.next(), Version: left.next(), Target: left.next(), Secret: sunco.NewSecret(left.next()),
			IncludeFullUser: left.next() == "true", IncludeFullSource: left.next() == "true"}
		count, _ := strconv.Atoi(left.next())
		for range count {
			w.Triggers = append(w.Triggers, left.next())
		}
		into.Webhooks = append(into.Webhooks, w)
	}
}
