package timeline

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// TestTrailFilesOfACase: a log file from a trail's bucket is read as it was delivered; what
// the event history has too comes out once, and a digest is no event.
func TestTrailFilesOfACase(t *testing.T) {
	folder, err := vault.NewFolder(t.TempDir() + "/case")
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.CreateCase(t.Context(), folder, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "o", Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Begin(t.Context(), evidence.Header{})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := os.ReadFile("testdata/attack/lookup.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := bytes.Cut(pages, []byte("\n"))
	var page struct {
		Events []struct{ CloudTrailEvent string }
	}
	if err := json.Unmarshal(first, &page); err != nil || len(page.Events) == 0 {
		t.Fatal(err)
	}
	record := page.Events[0].CloudTrailEvent
	only := `{"eventVersion":"1.11","eventTime":"2026-03-01T10:04:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"99999999-0000-4000-8000-000000000001","eventCategory":"Data"}`
	for artefact, body := range map[string]string{
		"cloudtrail.lookup": string(first) + "\n",
		"cloudtrail.log":    gz(`{"Records":[` + only + `,` + record + `]}`),
		"cloudtrail.digest": gz(`{"digestStartTime":"2026-03-01T10:00:00Z","logFiles":[]}`),
	} {
		m := evidence.Meta{Artefact: artefact, Name: artefact, Source: evidence.Source{ARN: "arn:aws:s3:::audit/" + artefact}}
		if _, err := w.Put(t.Context(), m, func(out io.Writer) error { _, err := io.WriteString(out, body); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Seal(t.Context(), evidence.StatusComplete); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	sum, err := Build(t.Context(), Options{Format: "jsonl"}, Input{Case: c}, &out)
	if err != nil || sum.Skips != 0 || sum.Duplicates != 1 || sum.Conflicts != 0 || strings.Count(out.String(), "99999999-0000") != 1 {
		t.Errorf("%+v, %v\n%s", sum, err, out.String())
	}
}
