package safetext

import "testing"

func TestHides(t *testing.T) {
	for _, s := range []string{"", "payments\t1\r\n", "Grüße, 東京, עברית 🙂", "a\u00a0b\u0301", "\ufffd"} {
		if Hides(s) {
			t.Errorf("%q is said to hide something", s)
		}
	}
	for _, s := range []string{"\x1b[31m", "a\x00", "\x7f", "\u009b", "\u0085", "\u202e", "\u2066", "\u200b", "\ufeff", "\u00ad", "a\u2028", "\U000e0041", "\u3164", "\xff", "x\xed\xa0\x80"} {
		if !Hides(s) {
			t.Errorf("%q is not said to hide anything", s)
		}
	}
}
