package report

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/test/reportcase"
	"github.com/freezeframe-ir/freezeframe/test/strictpage"
)

// TestPartial: a case of which a collection was never finished, one lost its coverage and one an
// artefact gives a report of the rest, and the page says what is missing and why.
func TestPartial(t *testing.T) {
	c := theCase(t, 100)
	bag := func(seal bool) string {
		w, err := c.Begin(t.Context(), evidence.Header{Kind: evidence.KindCollection, Targets: []string{reportcase.Function}, Operator: "Alice"})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []string{"lambda.tags", "lambda.urls"} {
			put := evidence.Meta{Artefact: a, Name: a, Source: evidence.Source{ARN: reportcase.Function}}
			if _, err := w.Put(t.Context(), put, func(out io.Writer) error { _, err := io.WriteString(out, `{"of":"`+w.Bag()+`"}`); return err }); err != nil {
				t.Fatal(err)
			}
		}
		if seal {
			if _, err := w.Seal(t.Context(), evidence.StatusComplete); err != nil {
				t.Fatal(err)
			}
		}
		return w.Bag()
	}
	spoil := func(pattern, text string) {
		found, err := filepath.Glob(filepath.Join(c.Vault().String(), "collections", pattern))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %q, %v", pattern, found, err)
		}
		if err := os.Chmod(found[0], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(found[0], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	unfinished, blind, damaged := bag(false), bag(true), bag(true)
	spoil(blind+"/coverage.json", "[]")
	spoil(damaged+"/data/*tags*", `{"of":"forged"}`)
	d := gathered(t, c)
	var b bytes.Buffer
	if err := d.HTML(&b); err != nil {
		t.Fatal(err)
	}
	p, err := strictpage.Read(b.String())
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(p.Texts, "\n")
	for what, says := range map[string]string{
		"the unfinished bag":      unfinished + "\ncollection\nunfinished",
		"the bag without a list":  "bag " + blind,
		"the artefact":            "the bytes are not those that were sealed: freezeframe verify",
		"what is whole beside it": `of` + "\n" + damaged,
		"the incident":            "mallory",
	} {
		if !strings.Contains(page, says) {
			t.Errorf("%s: the page does not say %q", what, says)
		}
	}
}

// servesWhatIsGone: a case that cannot be listed any more is said to be so.
func servesWhatIsGone(t *testing.T) {
	c := theCase(t, 10)
	s := NewServer(gathered(t, c), c, "TOKEN", "127.0.0.1:4711")
	if err := os.RemoveAll(c.Vault().String()); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/TOKEN/answers", nil)
	r.Host = "127.0.0.1:4711"
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), "list bags of") {
		t.Errorf("%d: %.300s", w.Code, w.Body)
	}
}
