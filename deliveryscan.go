package sunco

import "encoding/binary"

// scanner steps over JSON that is written as usual, in about half the time of a
// decoder. It declines everything else: what is malformed, and what is only odd,
// such as escapes in names, many or repeated names, or deep nesting. The decoder
// has the last word on that. What the scanner accepts, the decoder would accept
// too, and a fuzz test says so.
type scanner struct {
	text []byte
	at   int
}

const (
	scanDepth = 32 // levels
	scanNames = 24 // members of one object
)

// skip steps over white space.
func (s *scanner) skip() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\n', '\r', '\t':
			s.at++
		default:
			return
		}
	}
}

// take steps over c, if it comes next.
func (s *scanner) take(c byte) bool {
	if s.skip(); s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// value steps over a value with fewer than depth levels below it. The white
// space before it is gone.
func (s *scanner) value(depth int) bool {
	if s.at == len(s.text) {
		return false
	}
	switch s.text[s.at] {
	case '"':
		_, ok := s.quoted()
		return ok
	case '{':
		return s.object(depth, nil)
	case '[':
		return s.array(depth, nil)
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	return s.number()
}

// object steps over an object. Each, if any, gets the members.
func (s *scanner) object(depth int, each func(name, value []byte) bool) bool {
	if depth == 0 || !s.take('{') {
		return false
	}
	if s.take('}') {
		return true
	}
	var names [scanNames]struct{ begin, end int }
	for n := range names {
		s.skip()
		begin := s.at + 1
		if plain, ok := s.quoted(); !plain || !ok {
			return false
		}
		end := s.at - 1
		for _, other := range names[:n] {
			if end-begin == other.end-other.begin && string(s.text[begin:end]) == string(s.text[other.begin:other.end]) {
				return false
			}
		}
		names[n].begin, names[n].end = begin, end
		if !s.take(':') {
			return false
		}
		s.skip()
		value := s.at
		if !s.value(depth-1) || each != nil && !each(s.text[begin:end], s.text[value:s.at:s.at]) {
			return false
		}
		if !s.take(',') {
			return s.take('}')
		}
	}
	return false
}

// array steps over an array. Each, if any, steps over its elements.
func (s *scanner) array(depth int, each func() bool) bool {
	if depth == 0 || !s.take('[') {
		return false
	}
	if s.take(']') {
		return true
	}
	for {
		s.skip()
		if each == nil && !s.value(depth-1) || each != nil && !each() {
			return false
		}
		if !s.take(',') {
			return s.take(']')
		}
	}
}

func (s *scanner) literal(word string) bool {
	if len(s.text)-s.at < len(word) || string(s.text[s.at:s.at+len(word)]) != word {
		return false
	}
	s.at += len(word)
	return true
}

// number steps over a number (RFC 8259, section 6).
func (s *scanner) number() bool {
	s.sign("-")
	first := s.at
	if s.digits() == 0 || s.text[first] == '0' && s.at > first+1 {
		return false
	}
	if s.sign(".") && s.digits() == 0 {
		return false
	}
	if s.sign("eE") {
		s.sign("+-")
		return s.digits() > 0
	}
	return true
}

func (s *scanner) digits() (count int) {
	for s.at < len(s.text) && s.text[s.at]-'0' <= 9 {
		s.at++
		count++
	}
	return count
}

// sign steps over one of the characters, if one comes next.
func (s *scanner) sign(among string) bool {
	for i := range len(among) {
		if s.at < len(s.text) && s.text[s.at] == among[i] {
			s.at++
			return true
		}
	}
	return false
}

// quoted steps over a string. It is plain when it is ASCII without escapes.
func (s *scanner) quoted() (plain, ok bool) {
	if s.at == len(s.text) || s.text[s.at] != '"' {
		return false, false
	}
	text, at, seen := s.text, s.at+1, byte(0)
	plain = true
	for at < len(text) {
		for len(text)-at >= 8 { // eight at a time, while all are ordinary
			word := binary.LittleEndian.Uint64(text[at:])
			if special(word) {
				break
			}
			if word&eachHigh != 0 {
				plain = false
			}
			at += 8
		}
		for at < len(text) {
			c := text[at]
			if at++; c == '"' {
				s.at = at
				return plain && seen < 0x80, true
			}
			if seen |= c; c == '\\' {
				if at = escaped(text, at); at < 0 {
					return false, false
				}
				plain = false
				break
			}
			if c < ' ' {
				return false, false
			}
		}
	}
	return false, false
}

const (
	eachByte = 0x0101010101010101
	eachHigh = 0x8080808080808080
)

// special reports whether one of eight characters is a control character, a
// quote or a backslash; see "Bit Twiddling Hacks" on words with such a byte.
func special(word uint64) bool {
	quote, backslash := word^eachByte*'"', word^eachByte*'\\'
	return ((word-eachByte*' ')&^word|(quote-eachByte)&^quote|(backslash-eachByte)&^backslash)&eachHigh != 0
}

// escaped returns what follows an escape whose backslash ends at at, or -1.
func escaped(text []byte, at int) int {
	if at == len(text) {
		return -1
	}
	switch text[at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return at + 1
	case 'u':
		if len(text)-at < 5 {
			return -1
		}
		for _, c := range text[at+1 : at+5] {
			if c-'0' > 9 && c|0x20-'a' > 5 {
				return -1
			}
		}
		return at + 5
	}
	return -1
}
