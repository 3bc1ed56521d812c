package safetext

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestEscape(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"payments (v3) ~", "payments (v3) ~"},
		{"Grüße, 東京, עברית", "Grüße, 東京, עברית"},
		{"e\u0301", "e\u0301"},
		{"\u0301x", `\u{301}x`},
		{"a\u0301\u0301\u0301\u0301\u0301\u0301", "a\u0301\u0301\u0301\u0301" + `\u{301}\u{301}`},
		{"\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		{"a\r\nb\tc\x00\x7f", `a\r\nb\tc\x00\x7f`},
		{"\u0085\u009b31m", `\u{85}\u{9b}31m`},
		{"\xff\x9b", `\xff\x9b`},
		{"gpj.\u202eexe", `gpj.\u{202e}exe`},
		{"\u2066x\u2069\u200b\ufeff\u200f\u061c", `\u{2066}x\u{2069}\u{200b}\u{feff}\u{200f}\u{61c}`},
		{"a\u2028b\u00adc\u00a0d", `a\u{2028}b\u{ad}c\u{a0}d`},
		{"\U000e0041\u3164\ufe0f", `\u{e0041}\u{3164}\u{fe0f}`},
		{`C:\x1b`, `C:\x1b`},
	} {
		if got := Escape(c.in); got != c.want {
			t.Errorf("Escape(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("plain")
	f.Add("\x1b]0;title\x07\u202e\xff\u0301\u0301\u0301\u0301\u0301")
	f.Fuzz(func(t *testing.T, s string) {
		e := Escape(s)
		if !utf8.ValidString(e) {
			t.Fatalf("not UTF-8: %q", e)
		}
		for _, r := range e {
			if r < 0x20 || r >= 0x7f && r < 0xa0 || strings.ContainsRune("\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\ufeff", r) {
				t.Fatalf("%U survives in %q", r, e)
			}
		}
		if again := Escape(e); again != e {
			t.Fatalf("not idempotent: %q, then %q", e, again)
		}
		if len(e) > 4*len(s)+10*len(s) {
			t.Fatalf("grew from %d to %d bytes", len(s), len(e))
		}
	})
}
