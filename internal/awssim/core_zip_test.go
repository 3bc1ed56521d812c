package awssim

import (
	"archive/zip"
	"bytes"
	"testing"
)

// tinyZip is a package with one file.
func tinyZip(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w := must(z.Create("f.py"))(t)
	must(w.Write([]byte("def handler(e, c): pass\n")))(t)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
