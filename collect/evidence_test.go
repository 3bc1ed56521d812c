package collect

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// TestIntoASealedBag runs the whole way into a real case on disk: it verifies, and
// the environment's values are nowhere outside the seal.
func TestIntoASealedBag(t *testing.T) {
	dir := t.TempDir()
	v, err := vault.NewFolder(filepath.Join(dir, "case"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	c, err := evidence.CreateCase(ctx, v, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "o", Home: filepath.Join(dir, "home")})
	if err != nil {
		t.Fatal(err)
	}
	f := newFake()
	in, _ := f.session(t)
	w, err := c.Begin(ctx, evidence.Header{Kind: evidence.KindCollection})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := Run(ctx, in, []Target{payments}, w, scripted(Options{Unpaced: true}))
	if err != nil || !sum.Complete {
		t.Fatalf("%+v, %v", sum, err)
	}
	bag, err := w.Seal(ctx, sum.Status())
	if err != nil {
		t.Fatal(err)
	}
	entries, err := bag.Coverage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sealed := 0
	for _, e := range entries {
		if !e.State.Complete() {
			t.Errorf("%s: %s", key(e), e.State)
		}
		if e.Item != nil && e.Item.Sensitive {
			sealed++
		}
	}
	if sealed != f.versions+1 || bag.Header().Status != evidence.StatusComplete {
		t.Errorf("%d sealed artefacts, status %s", sealed, bag.Header().Status)
	}
	for p, err := range c.Verify(ctx) {
		t.Errorf("verify: %+v, %v", p, err)
	}
	searchClear(t, filepath.Join(dir, "case"))
}

func searchClear(t *testing.T, dir string) {
	t.Helper()
	forms := []string{fakeSecret, base64.StdEncoding.EncodeToString([]byte(fakeSecret)), hex.EncodeToString([]byte(fakeSecret)), "c0ffee"}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "/data/sealed/") {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		for _, form := range forms {
			if bytes.Contains(data, []byte(form)) {
				t.Errorf("%s holds %q", path, form)
			}
		}
		return err
	})
	if err != nil || files < 50 {
		t.Errorf("searched %d files: %v", files, err)
	}
}
