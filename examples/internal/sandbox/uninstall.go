package sandbox

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"
)

const maxUninstall = 4 << 10

// uninstall plays the customer who removes the integration. JSON gets a JSON
// answer, the page's form is sent back to the page.
func (s *Sandbox) uninstall(w http.ResponseWriter, r *http.Request) {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if mediaType != "application/json" && mediaType != "application/x-www-form-urlencoded" {
		s.refuse(w, http.StatusUnsupportedMediaType, "Send JSON, {\"appId\":\"…\"}, with the content type application/json.")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxUninstall))
	if err != nil {
		status := http.StatusBadRequest
		if errors.As(err, new(*http.MaxBytesError)) {
			status = http.StatusRequestEntityTooLarge
		}
		s.refuse(w, status, "The body could not be read.")
		return
	}
	form := mediaType != "application/json"
	appID, ok := readAppID(body, form)
	if !ok {
		s.refuse(w, http.StatusBadRequest, "The body must name one app: {\"appId\":\"…\"} and nothing else.")
		return
	}
	if s.platform.Uninstall(appID) != nil {
		s.refuse(w, http.StatusNotFound, "The integration is not installed in such an app.")
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if form {
		http.Redirect(w, r, "/?"+url.Values{"removed": {appID}}.Encode(), http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}\n") // the client may have left
}

// readAppID reads a body that says one thing, once.
func readAppID(body []byte, form bool) (string, bool) {
	if form {
		values, err := url.ParseQuery(string(body))
		return values.Get("appId"), err == nil && len(values) == 1 && len(values["appId"]) == 1
	}
	var asked struct {
		AppID *string `json:"appId"`
	}
	if json.Unmarshal(body, &asked, json.RejectUnknownMembers(true)) != nil || asked.AppID == nil {
		return "", false
	}
	return *asked.AppID, true
}
