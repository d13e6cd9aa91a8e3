// Package redact makes texts that came from elsewhere fit for errors: it finds
// credentials in them, and shortens them to one line.
package redact

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"strconv"
	"strings"
	"unicode"
)

// Contains reports whether text contains one of the secrets, or a piece of it,
// as it is or in a usual encoding: base64 at any alignment, hexadecimal,
// percent, quoted, HTML. A secret of less than four bytes is not looked for.
func Contains(text string, secrets ...string) bool {
	const shortest = 4
	once := Unescape(text)
	readings := []string{text, once, Unescape(once), unquote(text), html.UnescapeString(text)}
	for _, value := range secrets {
		if len(value) < shortest {
			continue
		}
		pieces := piecesOf(squash(value))
		for _, reading := range readings {
			squashed := squash(reading)
			if strings.Contains(reading, value) || pieces.within(squashed) ||
				strings.Contains(reading, strings.ReplaceAll(value, " ", "+")) || // as forms write it
				strings.Contains(squashed, hex.EncodeToString([]byte(value))) ||
				withinBase64(reading, value) {
				return true
			}
		}
	}
	return false
}

// pieces are all runs of eight letters and digits of a value, or the whole of
// a shorter one. Value and text are squashed, so that neither case nor what
// stands between hides any.
type pieces struct {
	size int
	all  map[string]struct{}
}

func piecesOf(value string) pieces {
	p := pieces{min(8, len(value)), make(map[string]struct{}, len(value))}
	for i := 0; i+p.size <= len(value); i++ {
		p.all[value[i:i+p.size]] = struct{}{}
	}
	return p
}

func (p pieces) within(text string) bool {
	for i := 0; p.size > 0 && i+p.size <= len(text); i++ {
		if _, found := p.all[text[i:i+p.size]]; found {
			return true
		}
	}
	return false
}

// squash keeps the ASCII letters and digits of a text, in lower case.
func squash(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			return r
		}
		return -1
	}, text)
}

// unquote undoes the escapes of Go and of JSON, wherever they stand.
func unquote(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var plain strings.Builder
	for text != "" {
		char, multibyte, rest, err := strconv.UnquoteChar(text, 0)
		switch {
		case err != nil: // an escaped quote or slash
			rest = text[1:]
			if rest != "" {
				plain.WriteByte(rest[0])
				rest = rest[1:]
			}
		case multibyte:
			plain.WriteRune(char)
		default:
			plain.WriteByte(byte(char))
		}
		text = rest
	}
	return plain.String()
}

// withinBase64 looks for value at each of the three ways in which it can lie
// in a longer text that was encoded.
func withinBase64(text, value string) bool {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
	for shift := range 3 {
		padded := strings.Repeat("\x00", shift) + value
		whole := base64.RawStdEncoding.EncodeToString([]byte(padded[:len(padded)/3*3]))
		// The first group also depends on what stands before.
		if shift > 0 && len(whole) >= 4 {
			whole = whole[4:]
		}
		if len(whole) >= 4 && strings.Contains(text, whole) {
			return true
		}
	}
	return false
}

// Unescape decodes percent escapes and keeps a percent sign that begins none.
func Unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var decoded strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+3 <= len(s) {
			if b, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				decoded.WriteByte(b[0])
				i += 2
				continue
			}
		}
		decoded.WriteByte(s[i])
	}
	return decoded.String()
}

// Word returns text when it looks like a machine's word, else "".
func Word(text string) string {
	if len(text) > 64 || strings.ContainsFunc(text, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-.:", r)
	}) {
		return ""
	}
	return text
}

// Line makes one short line of a server's sentence. Words too long to be
// words, which encoded data are, are left out.
func Line(text string) string {
	const longestWord, longestText = 48, 200
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		if len(word) > longestWord {
			word = "…"
		}
		if b.Len()+len(word) > longestText {
			b.WriteString(" …")
			break
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	return b.String()
}
