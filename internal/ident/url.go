package ident

import (
	"net"
	"net/url"
	"strings"
)

// CanonicalURL is one spelling of a URL for all that mean the same: the
// platform may write a webhook's target in another form than it was given.
func CanonicalURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return u.Scheme + "://" + net.JoinHostPort(host, port) + path + "?" + u.RawQuery
}
