package sunco_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco"
)

const planted = "c4n4ry/S3cr+et=<&>\"x"

// hidden holds secrets where fmt cannot call their methods.
type hidden struct {
	secret  sunco.Secret
	pointer *sunco.Secret
	token   sunco.Token
	hook    sunco.Webhook
	list    []sunco.Secret
	byName  map[string]sunco.Secret
	any     any
	in      sunco.Installation
	nested  struct{ deep *sunco.Installation }
}

// carriers are values of every kind that hold the planted secret.
func carriers() map[string]any {
	secret := sunco.NewSecret(planted)
	token := sunco.Token{AccessToken: secret}
	hook := sunco.Webhook{ID: testHook, Target: "https://bot.example/hook", Secret: secret}
	in := &sunco.Installation{AppID: testAppID, Subdomain: "acme", Token: token, Webhooks: []sunco.Webhook{hook}}
	client := &sunco.Client{ClientID: "shoplifter", ClientSecret: secret, Domain: "localhost:1"}
	used := &sunco.Client{ClientID: "shoplifter", ClientSecret: secret}
	_, _ = used.AuthorizeURL("s")
	h := hidden{secret: secret, pointer: &secret, token: token, hook: hook, list: []sunco.Secret{secret},
		byName: map[string]sunco.Secret{"k": secret}, any: secret, in: *in}
	h.nested.deep = in
	return map[string]any{
		"secret": secret, "pointer": &secret, "token": token, "token pointer": &token,
		"webhook": hook, "webhook pointer": &hook, "installation": *in, "installation pointer": in,
		"client": client, "client in use": used,
		"hidden":            h,
		"hidden pointer":    &h,
		"slice":             []sunco.Secret{secret},
		"slice of pointers": []*sunco.Secret{&secret},
		"array":             [1]sunco.Secret{secret}, "map": map[string]sunco.Secret{"k": secret},
		"any": []any{secret, &secret, token, in}, "anonymous": struct{ sunco.Secret }{secret},
		"unexported anonymous": struct{ s struct{ t sunco.Token } }{struct{ t sunco.Token }{token}},
		"removal handler":      &sunco.RemovalHandler{Client: client, Keys: []sunco.Secret{secret}},
		"limit error":          &sunco.WebhookLimitError{Existing: []sunco.Webhook{hook}, Err: errors.New("full")},
		"wrapped": fmt.Errorf(
			"storing %v: %w", secret,
			&sunco.WebhookLimitError{Existing: []sunco.Webhook{hook}, Err: errors.New("full")},
		),
	}
}

func TestSecretPrintsNowhere(t *testing.T) {
	verbs := []string{"%v", "%+v", "%#v", "%s", "%+s", "%q", "%#q", "%x", "%X", "% x", "%#x", "%d", "%b", "%o", "%O",
		"%c", "%U", "%#U", "%e", "%g", "%t", "%p", "%#p", "%T", "%w", "%20v", "%-20s", "%.2s", "%z"}
	for name, value := range carriers() {
		for _, verb := range verbs {
			assertNoSecret(t, name+" "+verb, fmt.Sprintf(verb, value), planted)
		}
		assertNoSecret(t, name+" Sprint", fmt.Sprint(value), planted)
		assertNoSecret(t, name+" Errorf", fmt.Errorf("%w %v", errors.New("x"), value).Error(), planted)
	}
}

func TestSecretFormat(t *testing.T) {
	secret := sunco.NewSecret(planted)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%U", "%z"} {
		assert.Equal(t, "[redacted]", fmt.Sprintf(verb, secret), verb)
		assert.Equal(t, "[redacted]", fmt.Sprintf(verb, &secret), verb)
	}
	assert.Equal(t, "[redacted]", secret.String())
	assert.Equal(t, "[redacted]", fmt.Sprint(sunco.Secret{}), "an empty secret looks like any other")
}

func TestSecretLogsNowhere(t *testing.T) {
	handlers := map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	}
	for kind, handler := range handlers {
		for name, value := range carriers() {
			var out bytes.Buffer
			logger := slog.New(handler(&out))
			logger.Info("message", "value", value, slog.Group("group", "value", value))
			logger.With("value", value).WithGroup("g").Error(fmt.Sprint(value))
			assert.NotEmpty(t, out.String())
			assertNoSecret(t, kind+" "+name, out.String(), planted)
		}
	}
}

func TestLogValues(t *testing.T) {
	hook := &sunco.Webhook{
		ID: "h1", Target: "https://bot.example", Triggers: []string{"a:b"}, Secret: sunco.NewSecret(planted),
	}
	in := &sunco.Installation{
		AppID: "a1", Subdomain: "acme", Token: sunco.Token{AccessToken: sunco.NewSecret(planted)},
	}
	var out bytes.Buffer
	withoutTime := func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	logger.Info("m", "hook", hook, "in", in, "secret", in.Token.AccessToken, "token", in.Token)
	assert.Equal(t, "level=INFO msg=m hook.id=h1 hook.target=https://bot.example hook.triggers=[a:b] "+
		"in.app_id=a1 in.subdomain=acme in.legacy_region=\"\" in.generation="+in.Generation()+
		" secret=[redacted] token.generation="+in.Generation()+"\n", out.String())

	out.Reset()
	logger.Info("m", "hook", (*sunco.Webhook)(nil), "in", (*sunco.Installation)(nil))
	assert.NotContains(t, out.String(), "PANIC")
}

func TestSecretEncodingFailsLoudly(t *testing.T) {
	secret := sunco.NewSecret(planted)
	token := sunco.Token{AccessToken: secret}
	in := &sunco.Installation{AppID: "a", Token: token}
	hook := &sunco.Webhook{Secret: secret}
	values := map[string]any{"secret": secret, "pointer": &secret, "token": token, "installation": in, "webhook": hook,
		"slice": []sunco.Secret{secret}, "map": map[string]sunco.Secret{"k": secret},
		"field": struct{ S sunco.Secret }{secret}}
	encoders := map[string]func(any) ([]byte, error){
		"json":    json.Marshal,
		"json v2": func(v any) ([]byte, error) { return jsonv2.Marshal(v) },
		"gob": func(v any) ([]byte, error) {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(v)
			return b.Bytes(), err
		},
		"xml": func(v any) ([]byte, error) { return xml.Marshal(v) },
	}
	for kind, encode := range encoders {
		for name, value := range values {
			encoded, err := encode(value)
			require.Error(t, err, "%s %s", kind, name)
			assertNoSecret(t, kind+" "+name, string(encoded)+err.Error(), planted)
		}
	}
	text, err := secret.MarshalText()
	require.Error(t, err)
	assert.Empty(t, text)
	assert.ErrorContains(t, err, "Reveal", "says what to do instead")
}

func TestEmptySecretEncodingFailsToo(t *testing.T) {
	_, err := json.Marshal(sunco.Secret{})
	require.Error(t, err, "it would be read back as an empty credential")
	_, err = jsonv2.Marshal(sunco.Secret{})
	require.Error(t, err)
}

func TestSecretDecodingFailsLoudly(t *testing.T) {
	var secret sunco.Secret
	require.Error(t, json.Unmarshal([]byte(`"x"`), &secret))
	require.Error(t, jsonv2.Unmarshal([]byte(`"x"`), &secret))
	require.Error(t, xml.Unmarshal([]byte(`<S>x</S>`), &secret))
	require.Error(t, secret.UnmarshalText([]byte("x")))
	require.Error(t, secret.GobDecode([]byte("x")))
	assert.True(t, secret.IsZero())
}

func TestSecretIsNotComparable(t *testing.T) {
	for _, value := range []any{sunco.Secret{}, sunco.Token{}, sunco.Webhook{}, sunco.Installation{}} {
		assert.False(t, reflect.TypeOf(value).Comparable(), "%T: == would compare identities", value)
	}
}

func TestSecretEqual(t *testing.T) {
	a, b, empty := sunco.NewSecret("alpha"), sunco.NewSecret("alpha"), sunco.NewSecret("")
	assert.True(t, a.Equal(b))
	assert.True(t, a.Equal(a))
	assert.False(t, a.Equal(sunco.NewSecret("alphb")))
	assert.False(t, a.Equal(sunco.NewSecret("alph")))
	assert.False(t, a.Equal(empty))
	assert.False(t, empty.Equal(a))
	assert.False(t, empty.Equal(empty), "an empty secret equals nothing")
	assert.False(t, sunco.Secret{}.Equal(sunco.Secret{}))
}

func TestSecretZero(t *testing.T) {
	assert.True(t, sunco.Secret{}.IsZero())
	assert.True(t, sunco.NewSecret("").IsZero())
	assert.False(t, sunco.NewSecret(" ").IsZero())
	assert.Empty(t, sunco.Secret{}.Reveal())
	assertSecret(t, planted, sunco.NewSecret(planted))
}
