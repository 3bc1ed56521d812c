package timeline

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/sigma"
	"github.com/freezeframe-ir/freezeframe/internal/sigma/builtin"
)

const (
	// wayIn hits on AssumeRole: where it is alone, the attack is seen by nobody.
	wayIn = "low: AWS STS AssumeRole Misuse"

	detections      = "../docs/detections.md"
	detectionsBegin = "| recorded technique | events | built-in rules | SigmaHQ rules |\n|---|---|---|---|\n"
)

// TestDetections holds docs/detections.md to what the engine does on recorded attacks. That the
// engine is right is for pySigma to say, in test/conformance, of this document too.
// FREEZEFRAME_UPDATE=1 writes the table.
func TestDetections(t *testing.T) {
	dir := stratus(t)
	own, err := builtin.Rules()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := sigma.Load(os.DirFS(filepath.Join(dir, "../../sigma/aws")), sigma.Options{})
	if err != nil || len(theirs.Rules) < 50 {
		t.Fatalf("%v, %d rules", err, len(theirs.Rules))
	}
	ours := map[string]bool{}
	for _, r := range own.Rules {
		ours[r.ID] = true
	}
	for _, c := range own.Correlations {
		ours[c.ID] = true
	}
	engine := sigma.NewEngine(sigma.Merge(own, theirs))
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString(detectionsBegin)
	by := [2]int{}
	nothing, entry := 0, 0
	for _, file := range files {
		events, _ := collectEvents(t, Options{Rules: engine}, file)
		var said [2][]string
		n := 0
		for _, e := range events {
			if e.Kind == KindCloudTrail {
				n++
			}
			for _, r := range e.Rules {
				side := 1
				if ours[r.ID] {
					side = 0
				}
				if name := cmp.Or(r.Level, "unrated") + ": " + r.Title; !slices.Contains(said[side], name) {
					said[side] = append(said[side], name)
				}
			}
		}
		row := [2]string{"-", "-"}
		for i := range said {
			if slices.Sort(said[i]); len(said[i]) > 0 {
				row[i] = strings.ReplaceAll(strings.Join(said[i], "; "), "|", `\|`)
				by[i]++
			}
		}
		switch {
		case row == [2]string{"-", "-"}:
			nothing++
			row[0], row[1] = "**nothing**", "**nothing**"
		case row == [2]string{"-", wayIn}:
			entry++
			row[0] = "**nothing**"
		}
		fmt.Fprintf(&table, "| %s | %d | %s | %s |\n", strings.TrimSuffix(filepath.Base(file), ".json"), n, row[0], row[1])
	}
	fmt.Fprintf(&table, "\nOf %d recorded techniques built-in rules see %d, SigmaHQ's %d (of %d of these only how the tool came by its role), and nothing %d.\n", len(files), by[0], by[1], entry, nothing)
	b, err := os.ReadFile(detections)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	before, rest, ok := strings.Cut(text, detectionsBegin)
	if !ok {
		t.Fatalf("%s has no table", detections)
	}
	_, after, _ := strings.Cut(rest, "\n\n") // the line that counts
	_, after, _ = strings.Cut(after, "\n")
	if want := before + table.String() + after; text != want {
		if os.Getenv("FREEZEFRAME_UPDATE") != "" {
			if err := os.WriteFile(detections, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			t.Fatal("written anew")
		}
		t.Errorf("%s says otherwise than\n%s(FREEZEFRAME_UPDATE=1 writes it)", detections, table.String())
	}
	t.Logf("%d techniques, 0 skipped", len(files))
}
