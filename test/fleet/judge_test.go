package fleet

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// line is what a bag's journal says of one artefact or answer, and when it was there for good: its
// line, and its bytes.
type line struct {
	artefact, source, request, location string
	done                                int
}

// bagged is one sealed bag of the fleet.
type bagged struct {
	key   string // of the requests that were made for it: the job, or the sweep of an account
	lines []line
}

// judge looks at what came of it all: the case, and what was asked for twice.
func (w *world) judge(t *testing.T) {
	t.Helper()
	if code, said := w.run("verify"); code != 0 || !strings.Contains(said, "intact") {
		t.Errorf("verify: exit code %d\n%s", code, said)
	} else {
		t.Log(strings.TrimSpace(said))
	}
	v := w.vault(t)
	c, err := evidence.OpenCase(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	events, resumed := w.ledger(t, c)
	had, bags := map[string]int{}, []bagged{}
	for b, err := range c.Bags(t.Context()) {
		switch {
		case err != nil:
			t.Fatal(err)
		case !b.Sealed() || !b.InLedger() || b.Header().Status != evidence.StatusComplete:
			t.Errorf("bag %s: sealed %v, in the ledger %v, %s", b.ID(), b.Sealed(), b.InLedger(), b.Header().Status)
			continue
		}
		w.complete(t, b, had)
		bags = append(bags, w.bagged(t, v, b))
	}
	for arn := range w.want {
		if had[arn] != 1 {
			t.Errorf("%s is whole in %d bags", arn, had[arn])
		}
	}
	if len(had) != len(w.want) {
		t.Errorf("%d functions in the case, of %d", len(had), len(w.want))
	}
	again := w.twice(t, bags)
	t.Logf("%d functions whole in %d bags, each once; %d ledger events in one chain, %d of them of going on; %d requests to the accounts, %d of them repeat one of the same job, each for what was not complete", len(had), len(bags), events, resumed, len(w.requests), again)
}

// ledger walks the chain: its numbers and hashes are checked on the way.
func (w *world) ledger(t *testing.T, c *evidence.Case) (events, resumed int) {
	t.Helper()
	sealed := map[string]int{}
	for e, err := range c.Ledger(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Seq != int64(events) {
			t.Errorf("event %d stands at place %d", e.Seq, events)
		}
		events++
		if e.Type == evidence.EventResume {
			resumed++
		}
		if bag := e.Data["bag"]; bag != "" && e.Type == evidence.EventCollect {
			sealed[bag]++
		}
	}
	for bag, n := range sealed {
		if n != 1 {
			t.Errorf("%d events seal bag %s", n, bag)
		}
	}
	return events, resumed
}

// complete counts the functions of which a bag has the code that AWS declared, and looks for what is
// there twice.
func (w *world) complete(t *testing.T, b *evidence.Bag, had map[string]int) {
	t.Helper()
	entries, err := b.Coverage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range entries {
		key := e.Artefact + " " + e.Source.ARN + " " + e.Source.Qualifier + " " + e.Source.Region
		if e.Item != nil && e.Item.Twin != "" {
			key += " " + strings.Join([]string{"sealed"}[:b2i(e.Item.Sensitive)], "")
		}
		if seen[key] {
			t.Errorf("bag %s has %s twice", b.ID(), key)
		}
		seen[key] = true
		if e.Artefact != "lambda.code" || e.Source.Qualifier != "$LATEST" || e.Item == nil {
			continue
		}
		sum, err := hex.DecodeString(e.Item.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if got := base64.StdEncoding.EncodeToString(sum); got != w.want[e.Source.ARN] || e.State != evidence.Collected {
			t.Errorf("%s: code %s (%s), and the function has %s", e.Source.ARN, got, e.State, w.want[e.Source.ARN])
		}
		had[e.Source.ARN]++
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// bagged reads a bag's journal with when each of its lines was there.
func (w *world) bagged(t *testing.T, v vault.Vault, b *evidence.Bag) bagged {
	t.Helper()
	out := bagged{key: b.Header().Params["job"]}
	if b.Header().Params["sweep"] != "" {
		out.key = "sweep " + b.Header().Account
	}
	prefix := "collections/" + b.ID() + "/"
	for e, err := range v.List(t.Context(), prefix+"journal/") {
		if err != nil {
			t.Fatal(err)
		}
		r, err := v.Open(t.Context(), e.Name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Close() // it was read to its end
		for text := range bytes.Lines(data) {
			if l, ok := w.line(t, text, e.Name, prefix); ok {
				out.lines = append(out.lines, l)
			}
		}
	}
	return out
}

type note struct {
	Artefact, State string
	Request         string `json:"request_id"`
	Source          evidence.Source
	Path            string
	Params          map[string]string
}

func (w *world) line(t *testing.T, text []byte, segment, prefix string) (line, bool) {
	t.Helper()
	var entry struct {
		Kind  string
		Value json.RawMessage
	}
	if err := json.Unmarshal(text, &entry); err != nil {
		t.Fatal(err)
	}
	var n note
	var item struct {
		Item  note
		State string
	}
	done := w.puts["cases/night/"+segment]
	switch entry.Kind {
	case "item":
		if err := json.Unmarshal(entry.Value, &item); err != nil {
			t.Fatal(err)
		}
		n = item.Item
		put := w.puts["cases/night/"+prefix+n.Path]
		if item.State != string(evidence.Collected) || put == 0 {
			return line{}, false
		}
		done = max(done, put)
	case "gap":
		if err := json.Unmarshal(entry.Value, &n); err != nil {
			t.Fatal(err)
		}
		if n.State != string(evidence.Absent) {
			return line{}, false
		}
	default:
		return line{}, false
	}
	return line{n.Artefact, n.Source.ARN + " " + n.Source.Qualifier, n.Request, n.Params["Location"], done}, true
}

// twice looks for what was complete and was asked for again, and counts what was asked for again.
func (w *world) twice(t *testing.T, bags []bagged) (again int) {
	t.Helper()
	by := map[string]map[string][]request{} // by what they were made for, and what they asked
	for _, r := range w.requests {
		if r.job == "" || strings.Contains(r.signature, "AmazonSQS") || strings.Contains(r.signature, "/sts ") {
			continue
		}
		key := r.job
		if strings.Contains(r.signature, `"EventSource"`) {
			key = "sweep " + r.account
		}
		if by[key] == nil {
			by[key] = map[string][]request{}
		}
		by[key][r.signature] = append(by[key][r.signature], r)
	}
	judged := 0
	for _, b := range bags {
		cited := map[string][]line{}
		for _, l := range b.lines {
			cited[l.request] = append(cited[l.request], l)
		}
		for what, rs := range by[b.key] {
			again += len(rs) - 1
			// Several functions may hang on one answer, as on a listing of the region: then all of them count.
			var hangs []line
			for _, r := range rs {
				hangs = append(hangs, cited[r.id]...)
			}
			whole := b.whole(hangs)
			for _, later := range rs[1:] {
				if judged++; whole > 0 && later.seq > whole {
					t.Errorf("for %s, %s was complete and was asked for again: %.300s", b.key, hangs[0].artefact, what)
				}
			}
		}
		w.downloads(t, b)
	}
	if len(bags) == 0 || len(slices.Collect(maps.Keys(by))) < len(bags)/2 {
		t.Errorf("%d bags, and requests of %d jobs: nothing is judged", len(bags), len(by))
	}
	t.Logf("%d repeated requests were held against what was complete by then", judged)
	return again
}

// whole is when all was there that hangs on answers to one question; 0: never, or nothing does.
func (b *bagged) whole(lines []line) int {
	done := 0
	for _, l := range lines {
		done = max(done, l.done)
		for _, other := range map[string][]string{
			"lambda.configuration": {"lambda.code", "lambda.environment"}, "lambda.environment": {"lambda.code", "lambda.configuration"},
			"lambda.code": {"lambda.configuration", "lambda.environment"}, "lambda.layers": {"lambda.layers.content"},
		}[l.artefact] {
			at := b.first(other, l.source)
			if at == 0 {
				return 0
			}
			done = max(done, at)
		}
	}
	return done
}

// first is when an artefact was there for the first time; 0: never.
func (b *bagged) first(artefact, source string) int {
	for _, l := range b.lines {
		if l.artefact == artefact && l.source == source {
			return l.done
		}
	}
	return 0
}

// downloads looks for packages that were there and were fetched again.
func (w *world) downloads(t *testing.T, b bagged) {
	t.Helper()
	for _, l := range b.lines {
		if l.artefact != "lambda.code" || l.location == "" {
			continue
		}
		_, path, _ := strings.Cut(l.location, "//")
		_, path, _ = strings.Cut(path, "/")
		path, _, _ = strings.Cut(path, "?")
		fetched := 0
		for _, r := range w.requests {
			if strings.HasPrefix(r.signature, "GET /"+path+" ") {
				if fetched++; r.seq > l.done {
					t.Errorf("the code of %s was complete and was fetched again", l.source)
				}
			}
		}
		if fetched == 0 {
			t.Errorf("the code of %s was fetched by nobody: /%s", l.source, path)
		}
	}
}
