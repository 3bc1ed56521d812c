package forms_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices/forms"
	"github.com/freezeframe-ir/freezeframe/test/assessments"
)

// TestJSONByPieces holds what is written result by result to the same value encoded as one.
func TestJSONByPieces(t *testing.T) {
	whole := assessments.Sample()
	bare := whole
	bare.Changes, bare.Readiness = nil, nil
	empty := forms.Doc{Report: &practices.Report{Schema: practices.Schema, Results: []practices.Result{}}}
	for name, d := range map[string]forms.Doc{"whole": whole, "without what is beside it": bare, "empty": empty} {
		var want, got bytes.Buffer
		e := json.NewEncoder(safetext.JSON(&want))
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(d.JSON()); err != nil {
			t.Fatal(err)
		}
		if err := forms.WriteAs(&got, "json", d); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want.Bytes(), got.Bytes()) {
			t.Errorf("%s: %d bytes, want %d, and they are others", name, got.Len(), want.Len())
		}
	}
}
