package evidence

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

func benchWriter(b *testing.B) *Writer {
	b.Helper()
	v, err := vault.NewFolder(filepath.Join(b.TempDir(), "case"))
	if err != nil {
		b.Fatal(err)
	}
	c, err := CreateCase(ctx, v, CaseOptions{Home: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	w, err := c.Begin(ctx, Header{})
	if err != nil {
		b.Fatal(err)
	}
	return w
}

// What one durable intent costs before the account is touched.
func BenchmarkNote(b *testing.B) {
	w := benchWriter(b)
	for b.Loop() {
		if err := w.Note(ctx, "intent", "x"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPut10MB(b *testing.B) {
	w := benchWriter(b)
	data := bytes.Repeat([]byte{7}, 10<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := w.Put(ctx, meta("lambda.code", "code.zip"), func(o io.Writer) error {
			_, err := io.Copy(o, bytes.NewReader(data))
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}
}
