package messaging_test

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sunco-go/sunco/messaging"
)

func units(s string) int { return len(utf16.Encode([]rune(s))) }

func TestSplitText(t *testing.T) {
	fill := func(n int) string { return strings.Repeat("x", n) }
	for name, test := range map[string]struct {
		text string
		want []int // bytes of the parts
	}{
		"nothing":                     {"", []int{0}},
		"short":                       {"x\ny", []int{3}},
		"exactly one":                 {fill(4096), []int{4096}},
		"one more":                    {fill(4097), []int{4096, 1}},
		"a hundred thousand":          {fill(100_000), append(repeated(4096, 24), 1696)},
		"after a line":                {fill(10) + "\n" + fill(4000) + " " + fill(200), []int{11, 4001, 200}},
		"after the last line":         {"a\nb\n" + fill(4096), []int{4, 4096}},
		"after a word":                {fill(4000) + " " + fill(200), []int{4001, 200}},
		"after the last word":         {"a b " + fill(4093), []int{4, 4093}},
		"after other white space":     {fill(4000) + "\u3000" + fill(200), []int{4003, 200}},
		"not inside a line's end":     {fill(4095) + "\r\n" + "x", []int{4095, 3}},
		"an emoji is two units":       {fill(4095) + "😀", []int{4095, 4}},
		"an emoji that fits":          {fill(4094) + "😀" + "x", []int{4098, 1}},
		"an accent":                   {fill(4095) + "e\u0301", []int{4095, 3}},
		"a skin tone":                 {fill(4093) + "👍🏽", []int{4093, 8}},
		"a family":                    {fill(4090) + "👨‍👩‍👧‍👦", []int{4090, 25}},
		"a flag":                      {fill(4094) + "🇨🇭", []int{4094, 8}},
		"the second of two flags":     {fill(4090) + "🇨🇭🇩🇪", []int{4098, 8}},
		"three halves of flags":       {fill(4091) + "🇨🇭🇩", []int{4099, 4}},
		"a flag of a region":          {fill(4094) + "🏴󠁧󠁢󠁳󠁣󠁴󠁿", []int{4094, 28}},
		"a heart":                     {fill(4095) + "❤️", []int{4095, 6}},
		"a keycap":                    {fill(4094) + "1️⃣", []int{4094, 7}},
		"a Korean syllable in parts":  {fill(4095) + "\u1112\u1161\u11ab", []int{4095, 9}},
		"a Hindi syllable":            {fill(4095) + "कि", []int{4095, 6}},
		"invalid bytes":               {strings.Repeat("\xff", 4097), []int{4096, 1}},
		"an accent on a line's end":   {fill(4095) + "\n\u0301", []int{4096, 2}},
		"one character, far too long": {"e" + strings.Repeat("\u0301", 5000), []int{8191, 1810}},
		"emoji after emoji":           {strings.Repeat("😀", 2049), []int{8192, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []int
			for _, part := range messaging.SplitText(test.text) {
				got = append(got, len(part))
				assert.LessOrEqual(t, units(part), 4096)
			}
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.text, strings.Join(messaging.SplitText(test.text), ""))
		})
	}
}

func repeated(value, n int) (list []int) {
	for range n {
		list = append(list, value)
	}
	return list
}

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		"", "x y\n", "😀", "e\u0301", "👨‍👩‍👧‍👦", "🇨🇭🇩🇪",
		"\r\n", "\xff\xed\xa0\x80", "\u1112\u1161\u11ab",
	} {
		f.Add(seed, uint16(4090))
		f.Add(seed, uint16(4095))
	}
	f.Fuzz(func(t *testing.T, text string, shift uint16) {
		text = strings.Repeat("x", int(shift)%5000) + text + strings.Repeat(text, min(20, 1+5000/(len(text)+1)))
		parts := messaging.SplitText(text)
		require.Equal(t, text, strings.Join(parts, ""))
		for i, part := range parts {
			require.LessOrEqual(t, units(part), 4096)
			require.Equal(t, text == "", part == "")
			if i > 0 && utf8.ValidString(text) {
				require.True(t, utf8.ValidString(part), "a rune is split")
				require.False(t, strings.HasPrefix(part, "\n") && strings.HasSuffix(parts[i-1], "\r"))
			}
		}
	})
}
