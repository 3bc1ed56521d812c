package timeline

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
)

// TestBombs: a stream that inflates as only a bomb does ends; an ordinary one of any size does not.
func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY: one reader of much text; run without -short")
	}
	packed := func(text string, n int) []byte {
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			if _, err := io.WriteString(z, text); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	block := strings.Repeat("A", 1<<20)
	varied := []byte(block)
	for i := 0; i < len(varied); i += 64 { // some fifty to one
		varied[i] = byte(i*2654435761>>13) | 1
	}
	for _, c := range []struct {
		name  string
		data  []byte
		whole bool
	}{
		{"as much as is always read", packed(block, alwaysRead>>20), true},
		{"a bomb", packed(block, alwaysRead>>20+8), false},
		{"large", packed(string(varied), alwaysRead>>20+8), true},
	} {
		r, done, err := new(inflater).open(bytes.NewReader(c.data))
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, r)
		done()
		if (err == nil) != c.whole || err != nil && !strings.Contains(err.Error(), "a bomb") || n < alwaysRead-1<<20 {
			t.Errorf("%s: %d bytes of %d, %v", c.name, n, len(c.data), err)
		}
	}
}
