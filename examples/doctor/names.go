package main

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// names replaces host names and addresses, each by a word of its own. Nil leaves them.
type names struct {
	token *regexp.Regexp
	known map[string]bool
	words map[string]string
}

func newNames(anonymous bool) *names {
	if !anonymous {
		return nil
	}
	return &names{regexp.MustCompile(`[A-Za-z0-9_.:%-]+`), map[string]bool{}, map[string]string{}}
}

// know makes a name that is no host name, a subdomain, one to replace.
func (n *names) know(name string) {
	if n != nil && name != "" {
		n.known[strings.ToLower(name)] = true
	}
}

func (n *names) word(name string) string {
	name = strings.ToLower(name)
	if n.words[name] == "" {
		n.words[name] = fmt.Sprintf("host-%d", len(n.words)+1)
	}
	return n.words[name]
}

func (n *names) text(err error) string {
	if err == nil {
		return ""
	}
	return n.hide(err.Error())
}

// hide returns a text without names.
func (n *names) hide(text string) string {
	if n == nil {
		return text
	}
	return n.token.ReplaceAllStringFunc(text, func(token string) string {
		name := strings.Trim(token, ".:")
		if host, _, err := net.SplitHostPort(name); err == nil {
			name = host
		}
		if !n.known[strings.ToLower(name)] && !isHost(name) {
			return token
		}
		return strings.Replace(token, name, n.word(name), 1)
	})
}

// isHost reports whether a word is an address or the name of a host that is not
// Zendesk's own. Names are in lower case, so that identifiers of Go are none.
func isHost(word string) bool {
	if _, err := netip.ParseAddr(word); err == nil {
		return true
	}
	labels := strings.Split(word, ".")
	last := labels[len(labels)-1]
	if len(labels) < 2 || len(last) < 2 || strings.Trim(last, "abcdefghijklmnopqrstuvwxyz") != "" {
		return false
	}
	own := []string{"zendesk.com", "oauth-bridge.zendesk.com", "api.smooch.io", "api.eu-1.smooch.io"}
	return word == strings.ToLower(word) && !slices.Contains(own, word)
}
