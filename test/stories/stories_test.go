package stories

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/timeline"
	"github.com/freezeframe-ir/freezeframe/timeline/lineage"
)

// variants is how many incidents are played, wanted how many must be told right.
const variants, wanted = 25, 24

// TestStories: of each incident the right actor, entry, version, hops and persistence, and
// nobody else blamed.
func TestStories(t *testing.T) {
	right, blamed, n := 0, 0, variants
	if more, err := strconv.Atoi(os.Getenv("STORIES_VARIANTS")); err == nil {
		n = max(n, more) // by hand: whether the rules hold where nobody looked
	}
	for _, p := range plans(n) {
		w := begin(t, p)
		w.stage()
		w.incident()
		dir := t.TempDir()
		records := w.deliver(dir)
		o := timeline.Options{Filter: timeline.Filter{Function: w.arn(w.names.function)}}
		if p.seed%2 == 0 {
			o.Since = w.begun // what came before is still what it is compared with
		}
		story, err := lineage.Tell(t.Context(), o, timeline.Input{Paths: []string{dir}})
		if err != nil {
			t.Fatal(err)
		}
		v := w.compare(story)
		if p := os.Getenv("STORIES_KEEP"); p != "" {
			w.keep(filepath.Join(p, fmt.Sprintf("%02d", w.plan.seed)), dir)
		}
		t.Logf("%2d %s  %-120s %d records", p.seed, v.cells(), p, records)
		for _, e := range v.wrong {
			t.Logf("   %s", e)
		}
		if len(v.innocent) > 0 {
			blamed++
			t.Errorf("variant %d blames %s", p.seed, strings.Join(v.innocent, ", "))
		}
		if v.right() {
			right++
		}
	}
	t.Logf("cells: actor, entry, version, hops, persistence, use outside, nobody else blamed")
	t.Logf("%d of %d right, %d blame somebody else, 0 skipped", right, n, blamed)
	if n-right > (variants-wanted)*n/variants {
		t.Errorf("%d of %d incidents are told right, wanted are %d of %d", right, n, wanted, variants)
	}
}

// verdict is how a story compares with what was played.
type verdict struct {
	actor, entry, version, hops, persistence, outside bool
	innocent, wrong                                   []string
}

func (v verdict) right() bool {
	return v.actor && v.entry && v.version && v.hops && v.persistence && v.outside && len(v.innocent) == 0
}

func (v verdict) cells() string {
	out := ""
	for _, ok := range []bool{v.actor, v.entry, v.version, v.hops, v.persistence, v.outside, len(v.innocent) == 0} {
		if ok {
			out += "+"
		} else {
			out += "-"
		}
	}
	return out
}

func (v *verdict) check(ok bool, text string, args ...any) bool {
	if !ok {
		v.wrong = append(v.wrong, fmt.Sprintf(text, args...))
	}
	return ok
}

func (w *world) compare(s lineage.Story) verdict {
	var v verdict
	t := w.truth
	for _, p := range s.Suspects {
		if !t.Hostile[use(keyOf(p), p.Address)] {
			v.innocent = append(v.innocent, fmt.Sprintf("%s from %s: %+v", p.Node, p.Address, p.Reasons))
		}
	}
	if !v.check(len(s.Suspects) > 0 && s.Entry != nil, "nobody is suspected: %+v", s.Cleared) {
		return v
	}
	a := s.Suspects[0]
	want := t.Actor.Key
	if w.plan.entry == "console" && w.plan.hops == 0 {
		want = consoleKey(0)
	}
	v.actor = v.check(slices.Contains(a.Keys, want) && a.Address == t.Actor.Address, "actor %v from %s, want %s from %s", a.Keys, a.Address, want, t.Actor.Address)
	v.entry = v.check(s.Entry.Kind == t.Entry.Kind && w.entered(s.Entry), "entry %+v, want %+v", *s.Entry, t.Entry)
	for _, x := range s.Entry.Traces {
		signedIn := w.plan.entry == "console" && w.plan.missingHop == 1 // the trace may lead to the session, or to who signed in
		found := x.Key == t.Trace || signedIn && (x.Key == consoleKey(0) || x.Node == "identity:arn:aws:iam::"+home+":user/dave")
		v.entry = v.check(found, "trace %+v, really %s", x, t.Trace) && v.entry
	}
	v.version = v.check(a.CodeHash == t.Code.Hash && slices.Equal(a.Versions, t.Code.Versions), "code %s %v, want %s %v", a.CodeHash, a.Versions, t.Code.Hash, t.Code.Versions)
	var keys, wantKeys []string
	for _, h := range a.Lineage {
		if h.Key != "" {
			keys = append(keys, h.Key)
		}
	}
	for _, h := range t.Hops {
		wantKeys = append(wantKeys, h.Key)
	}
	v.hops = v.check(slices.Equal(keys, wantKeys), "hops %v, want %v", keys, wantKeys)
	v.persistence = v.check(same(s.Standing, t.Standing), "standing %v, want %v", namesOf(s.Standing), t.Standing)
	v.persistence = v.check(same(s.Undone, t.Undone), "taken back %v, want %v", namesOf(s.Undone), t.Undone) && v.persistence
	var outside []string
	for _, c := range s.Outside {
		outside = append(outside, use(c.Key, c.Address))
	}
	v.outside = v.check(slices.Equal(outside, t.Outside) && len(s.Inside) > 0, "outside %v, want %v", outside, t.Outside)
	return v
}

// entered compares whom the entry names.
func (w *world) entered(e *lineage.Entry) bool {
	who := w.truth.Entry.Who
	switch w.truth.Entry.Kind {
	case "outside account":
		return strings.HasPrefix(e.Node, "account:"+who+"/")
	case "console":
		return e.Node == "identity:"+who
	}
	return e.Key == who
}

func keyOf(p lineage.Suspect) string {
	switch {
	case len(p.Keys) > 0:
		return p.Keys[0]
	case strings.HasPrefix(p.Node, "account:"):
		account, _, _ := strings.Cut(strings.TrimPrefix(p.Node, "account:"), "/")
		return account
	}
	return p.ARN
}

func namesOf(all []finding.Finding) []string {
	var out []string
	for _, f := range all {
		out = append(out, f.Kind+" "+f.Name)
	}
	return out
}

func same(all []finding.Finding, want []string) bool {
	a, b := namesOf(all), slices.Clone(want)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// keep copies records and truth to where a person can look at them.
func (w *world) keep(to, from string) {
	if err := os.MkdirAll(to+"/trail", 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.CopyFS(to+"/trail", os.DirFS(from)); err != nil {
		w.t.Fatal(err)
	}
	body, err := json.MarshalIndent(w.truth, "", "  ")
	if err == nil {
		err = os.WriteFile(to+"/truth.json", body, 0o600)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}
