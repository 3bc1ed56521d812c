package timeline

import (
	"math/rand/v2"
	"testing"
)

// TestBracketedPlain: of a text without escapes both ways find the same end, wherever quotes and
// brackets lie in the blocks, and whatever looks like them.
func TestBracketedPlain(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	chars := []byte("{}[]\"\"aby_Y\x7f\xfb\xfd\xdb:, \n")
	found := 0
	for n := range 200_000 {
		b := make([]byte, r.IntN(300))
		for i := range b {
			b[i] = 'x'
			if r.IntN(1+n%20) == 0 {
				b[i] = chars[r.IntN(len(chars))]
			}
		}
		start := r.IntN(min(len(b), 70) + 1)
		b = append(b[:start:start], append([]byte{'{'}, b[start:]...)...)
		want, got := bracketed(b, start), bracketedPlain(b, start)
		if want != got {
			t.Fatalf("%q from %d: ends at %d, not at %d", b, start, want, got)
		}
		if got > start+64 {
			found++
		}
	}
	if found < 1000 {
		t.Errorf("only %d ended behind the first block", found)
	}
	t.Logf("%d of them ended behind the first block, 0 skipped", found)
}
