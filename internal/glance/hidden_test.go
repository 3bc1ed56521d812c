package glance

import (
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// TestLookAtOddDocuments: one that nobody can read is a sign and hides no other, and what
// hides in a text is counted, with where.
func TestLookAtOddDocuments(t *testing.T) {
	v, err := vault.NewFolder(filepath.Join(t.TempDir(), "case"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "t", Operator: "o", Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Begin(t.Context(), evidence.Header{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []struct{ artefact, qualifier, body string }{
		{"lambda.aliases", "", `{"Aliases":[{"Name":"live","Description":"fine"},{"Description":"\u001b[31m\u202e"},{"Description":"` + "\u009b" + `"}]}`},
		{"lambda.tags", "", `{"Tags":{"team\u200b":"pay"}}`},
		{"lambda.configuration", "1", `{"Configuration":{"Description":"plain\n\ttext","Handler":"é"}}`},
		{"lambda.urls", "", `{"FunctionUrlConfigs":[` + strings.Repeat(`{},`, maxDocument/3) + `{}]}`},
		{"lambda.invoke-config", "", strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)},
		{"logs.events", "a\x1b[2J", "x"},
		{"logs.events", "b\u202e", "x"},
	} {
		m := evidence.Meta{Artefact: d.artefact, Name: "x", Source: evidence.Source{ARN: fn, Qualifier: d.qualifier}}
		if _, err := w.Put(t.Context(), m, func(out io.Writer) error { _, err := io.WriteString(out, d.body); return err }); err != nil {
			t.Fatal(err)
		}
	}
	b, err := w.Seal(t.Context(), evidence.StatusComplete)
	if err != nil {
		t.Fatal(err)
	}
	g, err := Look(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range g.Signs {
		got = append(got, s.Kind+": "+s.What)
	}
	const hidden = "hidden-text: control, direction or invisible characters, which are shown escaped, in "
	want := []string{
		hidden + "the names of artefacts: 2", hidden + "texts: 1, the first at /Tags/team\u200b", hidden + "texts: 2, the first at /Aliases/1/Description",
		"unread: cannot be read as what it is: nobody here has looked at it",
		"unread: larger than 8 MiB: nobody here has looked at it",
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("signs:\n%q\nwant\n%q", got, want)
	}
}
