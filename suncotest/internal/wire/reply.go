// Package wire is how requests and replies are written: hosts and routes, errors,
// strict JSON and what its members may be, pages, ids and times.
package wire

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
)

// Reply is an answer before it is written.
type Reply struct {
	Status      int
	Header      map[string]string
	ContentType string // empty: none is sent
	Body        []byte
	Note        string // for the journal: what the reply's status alone does not say
}

// OK is a reply with a JSON body.
func OK(status int, value any) Reply {
	body, err := json.Marshal(value)
	if err != nil { // only the metadata of an account is not ours
		return Failure(http.StatusInternalServerError, "internal_error", "A value cannot be written as JSON")
	}
	return Reply{Status: status, ContentType: "application/json; charset=utf-8", Body: body}
}

// wireError is one member of the platform's list of errors.
type wireError struct {
	Code  string `json:"code"`
	Title string `json:"title"`
}

// Failure is a reply with one error in it. code and title never repeat a value that
// the caller sent, and of names only those of unknown members and parameters.
func Failure(status int, code, title string) Reply {
	r := OK(status, map[string][]wireError{"errors": {{Code: code, Title: title}}})
	r.Note = title
	return r
}

// Problem is a failure whose code is its status. Without a title it says no more.
func Problem(status int, title string) Reply {
	text := cmp.Or(http.StatusText(status), "Status "+strconv.Itoa(status))
	code := strings.ReplaceAll(strings.ToLower(text), " ", "_")
	r := Failure(status, code, cmp.Or(title, text[:1]+strings.ToLower(text[1:])))
	r.Note = title
	return r
}

// BadRequest is the failure of a request that says something the platform does
// not take.
func BadRequest(what string) Reply {
	return Failure(http.StatusBadRequest, "bad_request", what)
}

// With returns r with one header more.
func (r Reply) With(name, value string) Reply {
	header := map[string]string{name: value}
	for k, v := range r.Header {
		header[k] = v
	}
	r.Header = header
	return r
}

// Write sends the reply.
func (r Reply) Write(w http.ResponseWriter, req *http.Request) {
	for name, value := range r.Header {
		w.Header().Set(name, value)
	}
	if r.ContentType != "" {
		w.Header().Set("Content-Type", r.ContentType)
	} else {
		w.Header()["Content-Type"] = nil // and do not guess one
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	bodiless := r.Status < 200 || r.Status == http.StatusNoContent || r.Status == http.StatusNotModified
	if !bodiless {
		w.Header().Set("Content-Length", strconv.Itoa(len(r.Body)))
	}
	w.WriteHeader(r.Status)
	if !bodiless && req.Method != http.MethodHead {
		_, _ = w.Write(r.Body) // the client may have left
	}
}

// Front is a failure as Zendesk's front servers write it.
func Front(status int, title, message string) Reply {
	type body struct {
		Title   string `json:"title"`
		Message string `json:"message"`
	}
	r := OK(status, map[string]body{"error": {title, message}})
	r.Note = title
	return r
}

// Shape is a form in which an error can be written.
type Shape int

// The shapes of an error.
const (
	ErrorsArray Shape = iota
	ErrorObject
	ErrorRFC6749
	ErrorHTML
	ErrorText
	ErrorEmpty
	ErrorSentence
	ErrorFront
)

// Shaped is a failure in one of the forms that errors have been seen in. code is
// one of RFC 6749's.
func Shaped(shape Shape, status int, code, title string) Reply {
	var r Reply
	switch shape {
	case ErrorObject:
		r = OK(status, map[string]any{"error": map[string]string{"code": code, "description": title}})
	case ErrorRFC6749:
		r = OK(status, map[string]string{"error": code, "error_description": title})
	case ErrorHTML:
		page := fmt.Sprintf("<!DOCTYPE html><title>%d</title><h1>%s</h1>\n", status, html.EscapeString(title))
		r = Reply{Status: status, ContentType: "text/html; charset=utf-8", Body: []byte(page)}
	case ErrorText:
		r = Reply{Status: status, ContentType: "text/plain; charset=utf-8", Body: []byte(title + "\n")}
	case ErrorEmpty:
		r = Reply{Status: status}
	case ErrorSentence:
		r = OK(status, map[string]string{"error": title})
	case ErrorFront:
		r = Front(status, title, fmt.Sprintf("%d %s", status, http.StatusText(status)))
	default:
		return Failure(status, code, title)
	}
	r.Note = title
	return r
}

// NoStore returns r with the headers that keep it out of every cache.
func (r Reply) NoStore() Reply {
	return r.With("Cache-Control", "no-store").With("Pragma", "no-cache")
}
