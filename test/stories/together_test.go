package stories

import (
	"encoding/json"
	"testing"

	"github.com/freezeframe-ir/freezeframe/timeline"
	"github.com/freezeframe-ir/freezeframe/timeline/lineage"
)

// TestTogether: stories that are told in one reading are those that are told each for itself.
func TestTogether(t *testing.T) {
	all := plans(variants)
	for _, i := range []int{1, 6} {
		w := begin(t, all[i])
		w.stage()
		w.incident()
		dir := t.TempDir()
		w.deliver(dir)
		in, functions := timeline.Input{Paths: []string{dir}}, []string{w.arn(w.names.second), w.arn(w.names.function), w.arn("nobody")}
		together, err := lineage.TellAll(t.Context(), timeline.Options{}, in, functions)
		if err != nil {
			t.Fatal(err)
		}
		for k, f := range functions {
			alone, err := lineage.Tell(t.Context(), timeline.Options{Filter: timeline.Filter{Function: f}}, in)
			if err != nil {
				t.Fatal(err)
			}
			if k == 1 && len(alone.Suspects) == 0 {
				t.Errorf("plan %d has no suspect: it shows nothing", i)
			}
			alone.Summary, together[k].Summary = timeline.Summary{}, timeline.Summary{} // that of the reading
			a, _ := json.Marshal(alone)
			b, _ := json.Marshal(together[k])
			if string(a) != string(b) {
				t.Errorf("plan %d, %s: told together it is another story:\n%s\n%s", i, f, a, b)
			}
		}
	}
}
