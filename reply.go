package sunco

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decodeReply decodes a reply that ought to be a JSON object into out, or
// only checks it when out is nil. Names match with exact case, and a repeated
// name at any depth is an error.
func decodeReply(body []byte, out any) error {
	if out == nil {
		if len(body) == 0 {
			return nil
		}
		out = new(struct{})
	}
	if err := refusesInside(body); err != nil {
		return err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return explain(err, body)
	}
	return nil
}

// explain says what is wrong with a body without quoting it.
func explain(err error, body []byte) error {
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return badReply("a member is repeated")
	case errors.As(err, new(*json.SemanticError)):
		return badReply("a member has an unexpected type")
	case len(body) == 0:
		return badReply("it is empty")
	case isPage(body):
		return badReply("HTML instead of JSON")
	default:
		return badReply("not JSON")
	}
}

// refusesInside finds an error in a reply whose status says success.
func refusesInside(body []byte) error {
	if !bytes.Contains(body, []byte(`"error`)) && !bytes.Contains(body, []byte(`\u`)) {
		return nil
	}
	var inside struct {
		Error  jsontext.Value `json:"error"`
		Errors jsontext.Value `json:"errors"`
	}
	if json.Unmarshal(body, &inside) != nil {
		return nil // the caller's decoding says what is wrong
	}
	for _, value := range []jsontext.Value{inside.Error, inside.Errors} {
		if len(value) > 0 && value.Kind() != 'n' {
			return badReply("it carries an error")
		}
	}
	return nil
}

// isPage reports whether a body is HTML, whatever its type says.
func isPage(body []byte) bool {
	const byteOrderMark = "\ufeff"
	return bytes.HasPrefix(bytes.TrimLeft(body, byteOrderMark+" \t\r\n"), []byte("<"))
}

func badReply(reason string) error { return fmt.Errorf("%w: %s", ErrBadReply, reason) }

// answerer is whose answer a reply is that is no success.
type answerer uint8

const (
	byOther  answerer = iota // a page, or JSON in no form of the API: a proxy, a front server, a captive portal
	byAnyone                 // no body, or a sentence
	byAPI                    // an error in one of the API's forms
)

// readRefusal says whose answer a body is, and what it says. It knows the forms
// that Zendesk's servers are known to use: {"errors":[{code,title}]},
// {"error":{code,description}}, RFC 6749's error and error_description, the
// front servers' {"error":{title,message}}, and a sentence, as JSON or not.
func readRefusal(body []byte) (answerer, []ErrorDetail) {
	const byteOrderMark = "\ufeff"
	body = bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte(byteOrderMark)))
	var top struct {
		Errors jsontext.Value `json:"errors"`
		Error  jsontext.Value `json:"error"`
		refusalText
	}
	switch err := decodeLenient(body, &top); {
	case len(body) == 0:
		return byAnyone, nil
	case err == errNotJSON && strings.ContainsRune(`<{["`, rune(body[0])):
		return byOther, nil // a page, or JSON cut short
	case err == errNotJSON:
		return byAnyone, []ErrorDetail{{Title: string(body)}}
	}
	var said []ErrorDetail
	by := byOther
	var list []jsontext.Value
	_ = decodeLenient(top.Errors, &list)
	for i, entry := range list {
		detail := readDetail(entry)
		if i == 0 && detail.Code != "" && entry.Kind() == '{' {
			by = byAPI
		}
		said = append(said, detail)
	}
	if detail := readDetail(top.Error); detail != (ErrorDetail{}) {
		switch {
		case detail.Code != "":
			by = byAPI
		case top.Error.Kind() == '"' && by == byOther:
			by = byAnyone
		}
		said = append(said, detail)
	}
	if beside := top.join(); beside != "" {
		if len(said) == 0 {
			said = append(said, ErrorDetail{})
		}
		said[0].Title = joinTexts(said[0].Title, beside)
	}
	return by, said
}

// refusalText is where the forms of an error have their sentences.
type refusalText struct {
	Title            string `json:"title"`
	Message          string `json:"message"`
	Description      string `json:"description"`
	ErrorDescription string `json:"error_description"`
}

func (r *refusalText) join() string {
	return joinTexts(r.Title, r.Message, r.Description, r.ErrorDescription)
}

func joinTexts(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return strings.TrimSpace(text) == "" }), ": ")
}

// readDetail reads one error: an object, one lower-case word, which is a code,
// or a sentence.
func readDetail(value jsontext.Value) ErrorDetail {
	if said := text(value); said != "" {
		if strings.Trim(said, "abcdefghijklmnopqrstuvwxyz0123456789_.") == "" {
			return ErrorDetail{Code: said}
		}
		return ErrorDetail{Title: said}
	}
	var entry struct {
		Code jsontext.Value `json:"code"`
		refusalText
	}
	if value.Kind() == '{' {
		_ = decodeLenient(value, &entry)
	}
	code := text(entry.Code)
	if entry.Code.Kind() == '0' {
		code = string(entry.Code)
	}
	return ErrorDetail{Code: cleanText(code), Title: entry.join()}
}

// credentials are the secrets of one call. What comes back from the network
// may repeat them, and then it must not come out.
type credentials []Secret

// clean makes what a server said fit for an error: no credential, not even in
// pieces, no control characters, bounded.
func (c credentials) clean(details []ErrorDetail, header http.Header) ([]ErrorDetail, string) {
	const most = 16
	details = details[:min(len(details), most)]
	id := cmp.Or(cleanCode(header.Get("X-Request-Id")), cleanCode(header.Get("X-Zendesk-Request-Id")))
	var titles, all string
	for _, d := range details {
		titles += d.Title
		all += d.Code + d.Title
	}
	withheld := c.within(id + titles + id + all + id) // a credential may lie in two of them
	for i, d := range details {
		if withheld {
			details[i] = ErrorDetail{Title: redacted}
			if d.Code != "" {
				details[i].Code = redacted
			}
			continue
		}
		details[i] = ErrorDetail{Code: cleanText(d.Code), Title: cleanText(d.Title)}
	}
	if withheld {
		id = ""
	}
	return details, id
}

// cleanError returns err, or a stand-in when its text repeats a credential.
func (c credentials) cleanError(err error) error {
	if c.within(fmt.Sprintf("%v %+v %#v", err, err, err)) {
		for _, over := range []error{context.Canceled, context.DeadlineExceeded} {
			if errors.Is(err, over) {
				return over
			}
		}
		return errors.New("no usable reply (the reason is withheld, it repeats a credential)")
	}
	return err
}

// within reports whether text contains one of the credentials, or a piece of
// it, as it is or in a usual encoding: base64 at any alignment, hexadecimal,
// percent, quoted, HTML. One too short to be secret is not looked for.
func (c credentials) within(text string) bool {
	const shortest = 4
	once := unescape(text)
	readings := []string{text, once, unescape(once), unquote(text), html.UnescapeString(text)}
	for _, secret := range c {
		value := secret.Reveal()
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

// cleanCode returns code when it looks like a machine's word, else "".
func cleanCode(code string) string {
	if len(code) > 64 || strings.ContainsFunc(code, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-.:", r)
	}) {
		return ""
	}
	return code
}

// cleanText makes one short line of a server's sentence. Words too long to be
// words, which encoded data are, are left out.
func cleanText(text string) string {
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
