package wire

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// Lock is the one lock of a platform. It guards what every room remembers, is never
// held while anything is sent, and counts the ids that are given out under it.
type Lock struct {
	sync.Mutex
	serial int
}

// NextID returns a new id, the same in every run that does the same. The lock is
// held.
func (l *Lock) NextID(kind, owner string) string {
	l.serial++
	return StableID(kind, fmt.Sprintf("%s/%d", owner, l.serial))
}

// StableID returns 24 hex characters that depend on nothing but the arguments.
func StableID(kind, name string) string {
	sum := sha256.Sum256([]byte("suncotest " + kind + " " + name))
	return hex.EncodeToString(sum[:12])
}

// RandomHex returns n random bytes in hex.
func RandomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// SplitDomain separates a domain from its port, which may be empty.
func SplitDomain(domain string) (host, port string, err error) {
	host = domain
	if strings.Contains(domain, ":") {
		if host, port, err = net.SplitHostPort(domain); err != nil {
			return "", "", errDomain(domain)
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", "", errDomain(domain)
		}
	}
	for label := range strings.SplitSeq(host, ".") {
		if !IsLabel(label) {
			return "", "", errDomain(domain)
		}
	}
	return host, port, nil
}

func errDomain(domain string) error {
	return fmt.Errorf("suncotest: Domain is %q; it must be a host name with an optional port, like localhost:8484", domain)
}

// ParseAbsolute accepts an absolute http or https URL without userinfo and
// without a fragment. Its errors do not repeat the URL.
func ParseAbsolute(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("it must be a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("its scheme is neither http nor https")
	case u.Hostname() == "" || u.Opaque != "":
		return nil, errors.New("it must have a host")
	case u.User != nil:
		return nil, errors.New("it must not have user information")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return nil, errors.New("it must not have a fragment")
	}
	return u, nil
}

// IsLabel reports whether s is a lower-case DNS label.
func IsLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return OnlyBytes(s, isLabelByte)
}

func isLabelByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-'
}

// IsID reports whether s has the form of the platform's ids.
func IsID(s string) bool {
	return s != "" && len(s) <= 64 && OnlyBytes(s, func(c byte) bool {
		return isLabelByte(c) || 'A' <= c && c <= 'Z' || c == '_'
	})
}

// OnlyBytes reports whether every byte of s is ok.
func OnlyBytes(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}
