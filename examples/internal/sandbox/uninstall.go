package sandbox

import (
	"net/http"
	"net/url"
)

// uninstall plays the customer who removes the integration.
func (s *Sandbox) uninstall(w http.ResponseWriter, r *http.Request) {
	fields, form, ok := s.readFields(w, r, []string{"appId"})
	if !ok {
		return
	}
	if s.platform.Uninstall(fields["appId"]) != nil {
		s.refuse(w, http.StatusNotFound, "The integration is not installed in such an app.")
		return
	}
	s.done(w, r, form, "/?"+url.Values{"removed": {fields["appId"]}}.Encode())
}
