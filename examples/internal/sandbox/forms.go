package sandbox

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"
)

const maxForm = 32 << 10

// readFields reads a small body that gives each of these names once and nothing
// else, as JSON or as the page's form. When it cannot, it has answered.
func (s *Sandbox) readFields(w http.ResponseWriter, r *http.Request, names ...string) (fields map[string]string, form, ok bool) {
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
	if fields, ok = parseFields(body, form, names); !ok {
		s.refuse(w, http.StatusBadRequest, "The body is not as expected; -h shows an example.")
	}
	return fields, form, ok
}

func parseFields(body []byte, form bool, names []string) (map[string]string, bool) {
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
		var object map[string]*string
		if json.Unmarshal(body, &object) != nil {
			return nil, false
		}
		for name, value := range object {
			if value == nil {
				return nil, false
			}
			fields[name] = *value
		}
	}
	for _, name := range names {
		if _, given := fields[name]; !given {
			return nil, false
		}
	}
	return fields, len(fields) == len(names)
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
