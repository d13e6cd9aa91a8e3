package sunco_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// disguises are the forms in which a secret must not be found: as it is, and
// base64 at any alignment, hexadecimal, percent, JSON and Go quoted.
func disguises(secret string) map[string]string {
	if known, found := disguised.Load(secret); found {
		return known.(map[string]string)
	}
	quotedJSON, _ := json.Marshal(secret)
	percent := ""
	for i := range len(secret) {
		percent += fmt.Sprintf("%%%02x", secret[i])
	}
	all := map[string]string{
		"raw":            secret,
		"hex":            hex.EncodeToString([]byte(secret)),
		"HEX":            strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"spaced hex":     fmt.Sprintf("% x", secret),
		"bytes":          strings.Trim(fmt.Sprint([]byte(secret)), "[]"),
		"query escape":   url.QueryEscape(secret),
		"path escape":    url.PathEscape(secret),
		"lower percent":  lowerPercent(url.QueryEscape(secret)),
		"all percent":    percent,
		"ALL PERCENT":    strings.ToUpper(percent),
		"go quoted":      strings.Trim(strconv.Quote(secret), `"`),
		"go quoted once": strings.Trim(strconv.QuoteToASCII(secret), `"`),
		"json quoted":    strings.Trim(string(quotedJSON), `"`),
		"php json":       strings.ReplaceAll(strings.Trim(string(quotedJSON), `"`), "/", `\/`),
	}
	for shift := range 3 {
		padded := []byte(strings.Repeat("\x00", shift) + secret)
		encoded := base64.RawStdEncoding.EncodeToString(padded[:len(padded)/3*3])
		if shift > 0 {
			encoded = encoded[4:] // depends on what stands before
		}
		if len(encoded) < 8 {
			continue // found by chance
		}
		all[fmt.Sprintf("base64 at %d", shift)] = encoded
		all[fmt.Sprintf("base64url at %d", shift)] = strings.NewReplacer("+", "-", "/", "_").Replace(encoded)
	}
	if disguisedCount.Add(1) < 200 { // fuzzing makes up more
		disguised.Store(secret, all)
	}
	return all
}

var (
	disguised      sync.Map
	disguisedCount atomic.Int64
)

// lowerPercent writes the digits of percent escapes in lower case.
func lowerPercent(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			b.WriteString(strings.ToLower(s[i : i+3]))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// assertNoSecret searches printed for the secrets in every disguise. Its
// failure names the disguise and the place, and prints neither text.
func assertNoSecret(t *testing.T, place, printed string, secrets ...string) {
	t.Helper()
	for i, secret := range secrets {
		for how, disguised := range disguises(secret) {
			if strings.Contains(printed, disguised) {
				t.Errorf("%s: secret %d leaks (%s)", place, i, how)
			}
		}
	}
}

// assertPrintsNoSecret prints an error and all it wraps in every way.
func assertPrintsNoSecret(t *testing.T, place string, err error, secrets ...string) {
	t.Helper()
	var out bytes.Buffer
	for _, e := range chain(err) {
		fmt.Fprintf(&out, "%v\n%+v\n%#v\n%q\n%x\n", e, e, e, e, e)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Error("failed", "error", err)
	slog.New(slog.NewTextHandler(&out, nil)).Error("failed", slog.Any("error", err))
	encoded, _ := json.Marshal(err)
	assertNoSecret(t, place, out.String()+string(encoded), secrets...)
}
