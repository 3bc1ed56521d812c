package lineage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/timeline"
)

// TestStratusLineage runs over recorded attacks: every record belongs to a node that has
// its key, every edge rests on records that exist, and what is said of each is printed for
// people to judge.
func TestStratusLineage(t *testing.T) {
	root := os.Getenv("FREEZEFRAME_SHARED")
	if root == "" {
		root = "../../../shared"
	}
	files, _ := filepath.Glob(filepath.Join(root, "data", "cloudtrail", "stratus", "*.json"))
	if len(files) == 0 {
		t.Skipf("SKIPPED LOUDLY: no recorded attacks under %s", root)
	}
	unknown, joined := 0, 0
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var records []struct {
			EventID      string
			UserIdentity struct{ AccessKeyID string }
		}
		if err := json.Unmarshal(body, &records); err != nil {
			t.Fatal(err)
		}
		g, err := Trace(t.Context(), timeline.Options{}, timeline.Input{Paths: []string{f}})
		if err != nil {
			t.Fatal(err)
		}
		known, calls := map[string]bool{}, 0
		for _, r := range records {
			known[r.EventID] = true
			if k := r.UserIdentity.AccessKeyID; k != "" && g.Node(k) == nil {
				t.Errorf("%s: key %s of event %s is in no node", f, k, r.EventID)
			}
		}
		for _, n := range g.Nodes {
			calls += n.Calls
		}
		if calls != len(records) {
			t.Errorf("%s: %d calls in nodes, %d records", f, calls, len(records))
		}
		var says []string
		for _, e := range g.Edges {
			for _, id := range e.Events {
				if !known[id] {
					t.Errorf("%s: edge %+v rests on event %q that is not there", f, e, id)
				}
			}
			if g.Node(e.To) == nil || g.Node(e.From) == nil {
				t.Errorf("%s: edge %+v hangs in the air", f, e)
			}
			if e.From == Unknown {
				unknown++
				continue
			}
			joined++
			says = append(says, fmt.Sprintf("%s -%s-> %s (%s)", g.Node(e.From).Who, e.Action, label(g.Node(e.To)), e.Sure))
		}
		for _, m := range g.Made {
			if !known[m.Event] || m.By == "" || m.Name == "" {
				t.Errorf("%s: finding %+v", f, m)
			}
			says = append(says, fmt.Sprintf("%s %s %s", m.Change, m.Kind, m.Name))
		}
		t.Logf("%-64s %2d nodes: %s", strings.TrimSuffix(filepath.Base(f), ".json"), len(g.Nodes), strings.Join(says, "; "))
		for _, n := range g.Nodes {
			if len(n.Keys) == 0 {
				continue
			}
			tree, err := g.Of(Subject{Key: n.Keys[0]})
			var b bytes.Buffer
			if err == nil {
				err = tree.Text(&b)
			}
			if err != nil || !strings.Contains(b.String(), n.Keys[0]) {
				t.Errorf("%s: the tree of %s: %v\n%s", f, n.Keys[0], err, b.String())
			}
		}
	}
	if joined == 0 {
		t.Error("nothing was joined: the test sees nothing")
	}
	t.Logf("%d techniques, %d edges by evidence, %d origins unknown, 0 skipped", len(files), joined, unknown)
}
