package messaging

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// SplitText splits a text into parts that each fit into a [TextMessage], and
// that give the text again when they are joined. It splits after a line, else
// after a word, and within a word only between whole characters: not inside an
// emoji, a flag or a letter with its accents. The length is counted in UTF-16
// units, the strictest reading of Zendesk's limit of 4096.
func SplitText(s string) []string {
	var parts []string
	for {
		end := splitAt(s)
		parts = append(parts, s[:end])
		if s = s[end:]; s == "" {
			return parts
		}
	}
}

// splitAt returns where the first part of s ends.
func splitAt(s string) int {
	units, line, word := 0, 0, 0
	for at := 0; at < len(s); {
		size, length := character(s[at:])
		if units += length; units > maxText {
			if line+word+at == 0 { // one character is too long
				return oversized(s)
			}
			return cmp.Or(line, word, at)
		}
		at += size
		switch r, _ := utf8.DecodeLastRuneInString(s[:at]); {
		case r == '\n':
			line = at
		case unicode.IsSpace(r):
			word = at
		}
	}
	return len(s)
}

// oversized returns where a character that is longer than a message is split.
func oversized(s string) int {
	units := 0
	for at, r := range s {
		if units += utf16.RuneLen(r); units > maxText {
			return at
		}
	}
	return len(s)
}

// character returns the size in bytes and the length in UTF-16 units of what a
// reader sees as the first character of s. It stops beyond the limit.
func character(s string) (size, length int) {
	if strings.HasPrefix(s, "\r\n") {
		return 2, 2
	}
	first, begin := utf8.DecodeRuneInString(s)
	size, length = begin, utf16.RuneLen(first)
	if unicode.IsControl(first) {
		return size, length
	}
	for previous := first; length <= maxText; {
		r, n := utf8.DecodeRuneInString(s[size:])
		flag := size == begin && isRegional(first) && isRegional(r)
		if n == 0 || !extends(r) && previous != zeroWidthJoiner && !flag {
			break
		}
		size += n
		length += utf16.RuneLen(r)
		previous = r
	}
	return size, length
}

const zeroWidthJoiner = '\u200d'

// isRegional reports whether two such runes make a flag.
func isRegional(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }

// extends reports whether a rune belongs to the character before it.
func extends(r rune) bool {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Mc), r == zeroWidthJoiner, r == '\u200c':
		return true
	case r >= 0x1f3fb && r <= 0x1f3ff: // skin tones
		return true
	case r >= 0xe0020 && r <= 0xe007f: // tags, in flags of regions
		return true
	}
	return r >= 0x1160 && r <= 0x11ff // the later parts of a Korean syllable
}
