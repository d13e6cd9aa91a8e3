package sandbox

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const maxForm = 32 << 10

// readFields reads a small body that gives each of the required names once, each of
// the optional ones at most once and nothing else, as JSON or as the page's form. When
// it cannot, it has answered.
func (s *Sandbox) readFields(w http.ResponseWriter, r *http.Request, required []string, optional ...string) (fields map[string]string, form, ok bool) {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form = mediaType == "application/x-www-form-urlencoded"
	if !form && mediaType != "application/json" {
		s.refuse(w, http.StatusUnsupportedMediaType, "Send a JSON object with the content type application/json.")
		return nil, false, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		status := http.StatusBadRequest
		if errors.As(err, new(*http.MaxBytesError)) {
			status = http.StatusRequestEntityTooLarge
		}
		s.refuse(w, status, "The body could not be read.")
		return nil, false, false
	}
	if fields, ok = parseFields(body, form); !ok || !named(fields, required, optional) {
		s.refuse(w, http.StatusBadRequest, "The body is not as expected; -h shows an example.")
		return nil, false, false
	}
	return fields, form, true
}

func parseFields(body []byte, form bool) (map[string]string, bool) {
	fields := map[string]string{}
	if form {
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, false
		}
		for name, list := range values {
			if len(list) != 1 {
				return nil, false
			}
			fields[name] = list[0]
		}
	} else {
		var object map[string]jsontext.Value
		if json.Unmarshal(body, &object) != nil {
			return nil, false
		}
		for name, value := range object {
			var text string
			switch {
			case value.Kind() == jsontext.KindNumber:
				text = value.String()
			case value.Kind() != jsontext.KindString || json.Unmarshal(value, &text) != nil:
				return nil, false
			}
			fields[name] = text
		}
	}
	return fields, true
}

// named reports whether fields has every required name and none but those and the
// optional ones.
func named(fields map[string]string, required, optional []string) bool {
	known := len(required)
	for _, name := range required {
		if _, given := fields[name]; !given {
			return false
		}
	}
	for _, name := range optional {
		if _, given := fields[name]; given {
			known++
		}
	}
	return len(fields) == known
}

// done answers what was asked: JSON with JSON, the page's form with the page.
func (s *Sandbox) done(w http.ResponseWriter, r *http.Request, form bool, page string) {
	w.Header().Set("Cache-Control", "no-store")
	if form {
		http.Redirect(w, r, page, http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}\n") // the client may have left
}
