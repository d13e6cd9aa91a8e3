package sunco

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sunco-go/sunco/internal/lenient"
	"github.com/sunco-go/sunco/internal/redact"
)

// decodeReply decodes a reply into out, or only checks it when out is nil. The
// error is a [*lenient.Misfit] when a member does not fit into out.
func decodeReply(status int, body []byte, out any) error {
	var err error
	switch reader, ok := out.(replyReader); {
	case ok:
		err = reader.readReply(body)
	case status == http.StatusNoContent, out == nil && len(body) == 0:
		return nil
	case out == nil:
		err = lenient.Decode(body, new(struct{}))
	default:
		err = lenient.Decode(body, out)
	}
	switch {
	case !errors.Is(err, lenient.ErrSyntax) && carriesError(body):
		return badReply("it carries an error")
	case err == nil:
		return nil
	case !errors.Is(err, lenient.ErrSyntax):
		return fmt.Errorf("%w: %w", ErrBadReply, err)
	case len(body) == 0:
		return badReply("it is empty")
	case isPage(body):
		return badReply("HTML instead of JSON")
	}
	return badReply("not JSON")
}

// carriesError finds an error in a reply whose status says success. A member
// that says nothing is none.
func carriesError(body []byte) bool {
	if !slices.ContainsFunc([]string{`"error`, `\u006`, `\u007`}, func(begin string) bool {
		return bytes.Contains(body, []byte(begin)) // a letter may be escaped
	}) {
		return false
	}
	var inside struct {
		Error  jsontext.Value `json:"error"`
		Errors jsontext.Value `json:"errors"`
	}
	_ = lenient.Decode(body, &inside)
	return says(inside.Error) || says(inside.Errors)
}

// says reports whether a value says anything: null, false, zero and whatever is
// empty do not.
func says(value jsontext.Value) bool {
	switch value.Kind() {
	case '"':
		return strings.TrimSpace(lenient.Text(value)) != ""
	case '{', '[':
		return len(bytes.Trim(value, "{}[] \t\r\n")) > 0
	case '0':
		return string(value) != "0"
	}
	return value.Kind() == 't'
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
	byAnyone answerer = iota // no body, or a sentence
	byAPI                    // an error in one of the API's forms
	byOther                  // a page, or JSON in no form of the API: a proxy, a front server, a captive portal
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
	switch err := lenient.Decode(body, &top); {
	case len(body) == 0:
		return byAnyone, nil
	case err == lenient.ErrSyntax && strings.ContainsRune(`<{["`, rune(body[0])):
		return byOther, nil // a page, or JSON cut short
	case err == lenient.ErrSyntax:
		return byAnyone, []ErrorDetail{{Title: string(body)}}
	}
	var said []ErrorDetail
	by := byOther
	var list []jsontext.Value
	_ = lenient.Decode(top.Errors, &list)
	for i, entry := range list {
		detail := readDetail(entry, true)
		if i == 0 && detail.Code != "" {
			by = byAPI
		}
		said = append(said, detail)
	}
	switch detail := readDetail(top.Error, false); {
	case detail == (ErrorDetail{}):
	case detail.Code != "" && by != byAPI:
		by, said = byAPI, slices.Insert(said, 0, detail) // its code is the answer's
	default:
		if top.Error.Kind() == '"' && by == byOther {
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

// readDetail reads one error, an object or a text. Of the entries of errors an
// object's code may be a number; of error a text of one lower-case word is a code.
func readDetail(value jsontext.Value, listed bool) ErrorDetail {
	if said := lenient.Text(value); strings.TrimSpace(said) != "" {
		if !listed && strings.Trim(said, "abcdefghijklmnopqrstuvwxyz0123456789_.") == "" {
			return ErrorDetail{Code: said}
		}
		return ErrorDetail{Title: said}
	}
	var entry struct {
		Code jsontext.Value `json:"code"`
		refusalText
	}
	if value.Kind() == '{' {
		_ = lenient.Decode(value, &entry)
	}
	code := lenient.Text(entry.Code)
	if listed && entry.Code.Kind() == '0' {
		code = string(entry.Code)
	}
	return ErrorDetail{Code: redact.Line(code), Title: entry.join()}
}

// credentials are the secrets of one call. What comes back from the network
// may repeat them, and then it must not come out.
type credentials []Secret

// within reports whether text repeats one of them.
func (c credentials) within(text string) bool { return redact.Contains(text, c.reveal()...) }

func (c credentials) reveal() []string {
	values := make([]string, len(c))
	for i, secret := range c {
		values[i] = secret.Reveal()
	}
	return values
}

// clean makes what a server said fit for an error: no credential, not even in
// pieces, no control characters, bounded.
func (c credentials) clean(details []ErrorDetail, header http.Header) ([]ErrorDetail, string) {
	const most = 16
	details = details[:min(len(details), most)]
	id := cmp.Or(redact.Word(header.Get("X-Request-Id")), redact.Word(header.Get("X-Zendesk-Request-Id")))
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
		details[i] = ErrorDetail{Code: redact.Line(d.Code), Title: redact.Line(d.Title)}
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
