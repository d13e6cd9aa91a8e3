package suncotest

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
)

// reply is an answer before it is written.
type reply struct {
	status      int
	header      map[string]string
	contentType string
	body        []byte
}

// ok is a reply with a JSON body.
func ok(status int, value any) reply {
	body, err := json.Marshal(value)
	if err != nil { // only the metadata of an account is not ours
		return failure(http.StatusInternalServerError, "internal_error", "A value cannot be written as JSON")
	}
	return reply{status: status, contentType: "application/json; charset=utf-8", body: body}
}

// wireError is one member of the platform's list of errors.
type wireError struct {
	Code  string `json:"code"`
	Title string `json:"title"`
}

// failure is a reply with one error in it. code and title never repeat anything
// the caller sent.
func failure(status int, code, title string) reply {
	return ok(status, map[string][]wireError{"errors": {{Code: code, Title: title}}})
}

// problem is the failure that says no more than its status.
func problem(status int) reply {
	text := http.StatusText(status)
	if text == "" {
		text = "Status " + strconv.Itoa(status)
	}
	code := strings.ReplaceAll(strings.ToLower(text), " ", "_")
	return failure(status, code, text[:1]+strings.ToLower(text[1:]))
}

// badRequest is the failure of a request that says something the platform does
// not take. what is a fixed text.
func badRequest(what string) reply {
	return failure(http.StatusBadRequest, "bad_request", what)
}

// with returns r with one header more.
func (r reply) with(name, value string) reply {
	header := map[string]string{name: value}
	for k, v := range r.header {
		header[k] = v
	}
	r.header = header
	return r
}

func (r reply) write(w http.ResponseWriter, req *http.Request) {
	for name, value := range r.header {
		w.Header().Set(name, value)
	}
	if r.contentType != "" {
		w.Header().Set("Content-Type", r.contentType)
	} else {
		w.Header()["Content-Type"] = nil // and do not guess one
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	bodiless := r.status < 200 || r.status == http.StatusNoContent || r.status == http.StatusNotModified
	if !bodiless {
		w.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	w.WriteHeader(r.status)
	if !bodiless && req.Method != http.MethodHead {
		_, _ = w.Write(r.body) // the client may have left
	}
}

// shaped is a failure in one of the forms that errors have been seen in. code is
// one of RFC 6749's.
func shaped(shape ErrorShape, status int, code, title string) reply {
	switch shape {
	case ErrorObject:
		return ok(status, map[string]any{"error": map[string]string{"code": code, "description": title}})
	case ErrorRFC6749:
		return ok(status, map[string]string{"error": code, "error_description": title})
	case ErrorHTML:
		page := fmt.Sprintf("<!DOCTYPE html><title>%d</title><h1>%s</h1>\n", status, html.EscapeString(title))
		return reply{status: status, contentType: "text/html; charset=utf-8", body: []byte(page)}
	case ErrorText:
		return reply{status: status, contentType: "text/plain; charset=utf-8", body: []byte(title + "\n")}
	case ErrorEmpty:
		return reply{status: status}
	}
	return failure(status, code, title)
}
