package sqlstore

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
	"strconv"

	"github.com/sunco-go/sunco"
)

const sealFormat = 1 // the first byte of everything sealed

// SealError says that a stored row does not open: it was changed, moved from
// another row, or sealed with a key that was not passed to [New].
type SealError struct {
	AppID string // of the row; "~" and the generation for an unfinished installation
	KeyID string // of the key that sealed it, as in the table's column key_id
}

// Error implements error.
func (e *SealError) Error() string {
	return "sqlstore: a row of app " + strconv.Quote(e.AppID) + " does not open: it was changed, or its key, with the id " +
		strconv.Quote(e.KeyID) + ", is not one of those that New was called with"
}

// purpose is what is sealed. Each has a subkey of its own.
type purpose string

const (
	forInstallation purpose = "installation"
	forEvent        purpose = "event"
)

// key is one of the keys that New was called with.
type key struct {
	id    string
	aeads map[purpose]cipher.AEAD
}

// keyring has at least one key. The first seals.
type keyring []*key

func newKeyring(secrets []sunco.Secret) (keyring, error) {
	const advice = "; make one with: openssl rand -base64 32"
	if len(secrets) == 0 {
		return nil, &sunco.InputError{Name: "store key", Reason: "missing" + advice}
	}
	var ring keyring
	for _, secret := range secrets {
		raw, err := base64.StdEncoding.Strict().DecodeString(secret.Reveal())
		if err != nil || len(raw) != 32 {
			return nil, &sunco.InputError{Name: "store key", Reason: "not the base64 of 32 bytes" + advice}
		}
		k, err := newKey(raw)
		if err != nil {
			return nil, err
		}
		ring = append(ring, k)
	}
	return ring, nil
}

func newKey(raw []byte) (*key, error) {
	id, err := hkdf.Key(sha256.New, raw, nil, "sunco sqlstore key id", 4)
	if err != nil {
		return nil, err
	}
	k := &key{hex.EncodeToString(id), map[purpose]cipher.AEAD{}}
	for _, p := range []purpose{forInstallation, forEvent} {
		sub, err := hkdf.Key(sha256.New, raw, nil, "sunco sqlstore "+string(p), 32)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(sub)
		if err != nil {
			return nil, err
		}
		if k.aeads[p], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// seal encrypts plain for one row and returns the key's id too. Where names the
// row: what is sealed opens with the same values only.
func (r keyring) seal(p purpose, plain []byte, where ...string) (keyID string, sealed []byte) {
	k := r[0]
	return k.id, k.aeads[p].Seal([]byte{sealFormat}, nil, plain, associated(p, k.id, where))
}

// open decrypts what seal returned. The first value of where is the app id.
func (r keyring) open(p purpose, keyID string, sealed []byte, where ...string) ([]byte, error) {
	i := slices.IndexFunc(r, func(k *key) bool { return k.id == keyID })
	if i >= 0 && len(sealed) > 0 && sealed[0] == sealFormat {
		plain, err := r[i].aeads[p].Open(nil, nil, sealed[1:], associated(p, keyID, where))
		if err == nil {
			return plain, nil
		}
	}
	return nil, &SealError{AppID: where[0], KeyID: keyID}
}

func associated(p purpose, keyID string, where []string) []byte {
	return appendTexts([]byte{sealFormat}, append([]string{string(p), keyID}, where...)...)
}

// appendTexts appends texts with their lengths, so that no two lists look the same.
func appendTexts(to []byte, texts ...string) []byte {
	for _, text := range texts {
		to = append(binary.AppendUvarint(to, uint64(len(text))), text...)
	}
	return to
}

// texts takes one text after the other from what appendTexts made.
type texts struct {
	left string
	bad  bool
}

func (t *texts) next() string {
	size, n := binary.Uvarint([]byte(t.left[:min(len(t.left), binary.MaxVarintLen64)]))
	if n <= 0 || size > uint64(len(t.left)-n) {
		*t = texts{bad: true}
		return ""
	}
	text := t.left[n : n+int(size)]
	t.left = t.left[n+int(size):]
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

// decodeSecrets reads what encodeSecrets wrote.
func decodeSecrets(plain []byte, into *sunco.Installation) error {
	t := &texts{left: string(plain)}
	into.Token = sunco.Token{AccessToken: sunco.NewSecret(t.next())}
	for t.left != "" {
		w := sunco.Webhook{ID: t.next(), Version: t.next(), Target: t.next(), Secret: sunco.NewSecret(t.next()),
			IncludeFullUser: t.next() == "true", IncludeFullSource: t.next() == "true"}
		count, _ := strconv.Atoi(t.next())
		for range min(count, len(t.left)) {
			w.Triggers = append(w.Triggers, t.next())
		}
		into.Webhooks = append(into.Webhooks, w)
	}
	if t.bad {
		return errors.New("not what encodeSecrets writes")
	}
	return nil
}
