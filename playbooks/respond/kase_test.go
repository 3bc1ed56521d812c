package respond_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
)

// TestOpeningCutOff: an opening that was cut off is finished by the same finding in another form, which
// has another title; elsewhere another title is another case.
func TestOpeningCutOff(t *testing.T) {
	for _, anyTitle := range []bool{true, false} {
		dir := t.TempDir()
		v, err := vault.NewFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		o := evidence.CaseOptions{Title: "as GuardDuty has it", Authority: "a", Operator: "o", Home: t.TempDir()}
		made, err := evidence.CreateCase(t.Context(), v, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(dir, "ledger")); err != nil {
			t.Fatal(err)
		}
		o.Title, o.AnyTitle = "as Security Hub has it", anyTitle
		c, _, err := respond.OpenCase(t.Context(), v, o)
		switch {
		case !anyTitle && !errors.Is(err, evidence.ErrNotEmpty):
			t.Errorf("another title: %v", err)
		case anyTitle && (err != nil || c.ID != made.ID || c.Title != made.Title):
			t.Errorf("%+v %v", c, err)
		}
	}
}
