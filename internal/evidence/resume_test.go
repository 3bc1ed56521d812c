package evidence

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// wish is one artefact that a collection wants; asked counts how often it was fetched.
type wish struct {
	m      Meta
	body   string
	secret bool
	absent bool
}

var wishes = []wish{
	{m: meta("lambda.code", "pay.1.zip"), body: "PK one"},
	{m: meta("lambda.policy", "pay.policy.json"), absent: true},
	{m: meta("lambda.environment", "pay.env.json"), body: secretText, secret: true},
	{m: meta("lambda.configuration", "pay.json"), body: "{}\n"},
}

// grant collects what the bag does not have, and counts what was fetched.
func grant(w *Writer, fetched map[string]int) error {
	for _, x := range wishes {
		if _, ok := w.Kept(x.m.Artefact, x.m.Source); ok {
			continue
		}
		fetched[x.m.Artefact]++
		var err error
		switch {
		case x.absent:
			err = w.Gap(Gap{Artefact: x.m.Artefact, Source: x.m.Source, State: Absent})
		case x.secret:
			_, _, err = w.PutSecret(ctx, x.m, []byte(x.body), []byte(`{"redacted":true}`))
		default:
			_, err = w.Put(ctx, x.m, writeText(x.body))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// TestResumeAfterEachWrite stops a collection at each durable write in turn, done or not, and
// goes on with it: the bag ends whole, with the payload of an undisturbed run, and nothing
// that was announced and stored is fetched again.
func TestResumeAfterEachWrite(t *testing.T) {
	want := payloadOf(t, undisturbed(t))
	for kind, of := range faultyVaults {
		for _, done := range []bool{true, false} {
			resumed := 0
			for n := 1; ; n++ {
				folder, home := newFolder(t), t.TempDir()
				c := newCase(t, folder, home)
				f := &faulty{Vault: folder, nth: n, dies: true, done: done}
				c.vault = of(f)
				at := fmt.Sprintf("%s done=%v write %d", kind, done, n)
				fetched := map[string]int{}
				if w, err := c.Begin(ctx, Header{Operator: "first"}); err == nil {
					if err := grant(w, fetched); err == nil {
						_, _ = w.Seal(ctx, StatusComplete)
					}
				}
				if !f.fired {
					break
				}
				c.vault = folder
				if goOn(t, c, at, fetched) {
					resumed++
					if got := payloadOf(t, folder); !slices.Equal(got, want) {
						t.Errorf("%s: payload %v, want %v", at, got, want)
					}
				}
				for _, p := range problems(t, folder) {
					if p.What != whatLeftover { // this process still holds what the 'killed' one was writing
						t.Errorf("%s: %+v", at, p)
					}
				}
			}
			if resumed < 8 {
				t.Errorf("only %d resumed", resumed)
			}
		}
	}
}

// goOn is the next process: it resumes what is unfinished, or adopts what only lacks its event.
func goOn(t *testing.T, dead *Case, at string, fetched map[string]int) bool {
	t.Helper()
	c, err := OpenCase(ctx, dead.vault)
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	c.Signer = dead.Signer
	if _, err := c.Adopt(ctx, "second"); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	if _, err := c.SignTail(ctx); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	open, err := c.Unfinished(ctx)
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	if len(open) == 0 {
		return false
	}
	w, err := c.Resume(ctx, open[0], Session{Operator: "second"})
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	if !w.Sealing() {
		// What is in the bag already must not be fetched once more.
		before := map[string]bool{}
		for _, x := range wishes {
			if _, ok := w.Kept(x.m.Artefact, x.m.Source); ok {
				before[x.m.Artefact] = true
			}
		}
		again := map[string]int{}
		if err := grant(w, again); err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		for a := range before {
			if again[a] > 0 {
				t.Errorf("%s: %s fetched twice", at, a)
			}
		}
	}
	b, err := w.Seal(ctx, StatusComplete)
	if err != nil {
		t.Fatalf("%s: seal: %v", at, err)
	}
	if b.Header().Status != StatusComplete {
		t.Errorf("%s: %s", at, b.Header().Status)
	}
	return true
}

func undisturbed(t *testing.T) vault.Vault {
	t.Helper()
	v := newFolder(t)
	c := newCase(t, v, t.TempDir())
	w, err := c.Begin(ctx, Header{})
	if err != nil {
		t.Fatal(err)
	}
	if err := grant(w, map[string]int{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Seal(ctx, StatusComplete); err != nil {
		t.Fatal(err)
	}
	return v
}

// payloadOf are the names under data/, sealed ones by their kind alone: their ids are random.
func payloadOf(t *testing.T, v vault.Vault) []string {
	t.Helper()
	var out []string
	for e, err := range v.List(ctx, collectionsDir) {
		if err != nil {
			t.Fatal(err)
		}
		_, path, ok := strings.Cut(e.Name, "/data/")
		if !ok || e.Odd != "" {
			continue
		}
		if strings.HasPrefix(path, "sealed/") {
			path = "sealed"
		}
		out = append(out, path)
	}
	return out
}

// A truncated artefact is asked for again, and then no longer makes the bag partial.
func TestResumeOfTruncated(t *testing.T) {
	v := newFolder(t)
	c := newCase(t, v, t.TempDir())
	w, err := c.Begin(ctx, Header{})
	if err != nil {
		t.Fatal(err)
	}
	m := meta("logs.events", "pay.ndjson")
	if _, err := w.Put(ctx, m, func(out io.Writer) error {
		_, err := io.WriteString(out, "one\n")
		return errors.Join(ErrTruncated, err)
	}); err != nil && !errors.Is(err, ErrTruncated) {
		t.Fatal(err)
	}
	if err := w.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	open, err := c.Unfinished(ctx)
	if err != nil || len(open) != 1 {
		t.Fatal(open, err)
	}
	w, err = c.Resume(ctx, open[0], Session{Operator: "second", Host: "h"})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := w.Kept(m.Artefact, m.Source); ok {
		t.Error("a truncated artefact counts as had")
	}
	if _, err := w.Put(ctx, m, writeText("one\ntwo\n")); err != nil {
		t.Fatal(err)
	}
	b, err := w.Seal(ctx, StatusComplete)
	if err != nil || b.Header().Status != StatusComplete || len(b.Header().Resumed) != 1 || b.Header().Resumed[0].Host != "h" {
		t.Errorf("%+v %v", b.Header(), err)
	}
	intact(t, v)
	if open, err := c.Unfinished(ctx); err != nil || len(open) != 0 {
		t.Errorf("%v %v", open, err)
	}
}

// What lies in an unfinished bag and is not what its journal announced is damage.
func TestResumeOfTampered(t *testing.T) {
	v := newFolder(t)
	c := newCase(t, v, t.TempDir())
	w, err := c.Begin(ctx, Header{})
	if err != nil {
		t.Fatal(err)
	}
	it, err := w.Put(ctx, meta("lambda.code", "pay.zip"), writeText("PK one"))
	if err := errors.Join(err, w.Flush(ctx)); err != nil {
		t.Fatal(err)
	}
	tamper(t, v, w.prefix+it.Path, "PK two")
	open, err := c.Unfinished(ctx)
	if err != nil || len(open) != 1 {
		t.Fatal(open, err)
	}
	if _, err := c.Resume(ctx, open[0], Session{}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), it.Path) {
		t.Errorf("%v", err)
	}
}

// Gaps are journaled too; so many that the journal writes a segment of its own accord.
func TestManyGaps(t *testing.T) {
	v := newFolder(t)
	c := newCase(t, v, t.TempDir())
	w, err := c.Begin(ctx, Header{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		if err := w.Gap(Gap{Artefact: fmt.Sprint("a", i), State: Denied, Error: strings.Repeat("x", maxGapText)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Note(ctx, "done", nil); err != nil {
		t.Fatal(err)
	}
	open, err := c.Unfinished(ctx)
	if err != nil || len(open) != 1 {
		t.Fatal(open, err)
	}
	w, err = c.Resume(ctx, open[0], Session{})
	if err != nil || len(w.KeptGaps()) != 200 {
		t.Errorf("%d gaps kept, %v", len(w.KeptGaps()), err)
	}
}

// A journal that was cut short, or in which a segment is missing, is not gone on with.
func TestResumeOfBrokenJournal(t *testing.T) {
	for name, breakIt := range map[string]func(path string) error{
		"cut": func(path string) error {
			data, err := os.ReadFile(path)
			return errors.Join(err, os.Chmod(path, 0o600), os.WriteFile(path, data[:len(data)-7], 0o600))
		},
		"missing": os.Remove,
	} {
		v := newFolder(t)
		c := newCase(t, v, t.TempDir())
		w, err := c.Begin(ctx, Header{})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := w.Note(ctx, "intent", map[string]string{"call": "Lambda:GetFunction"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := breakIt(filepath.Join(v.String(), filepath.FromSlash(w.prefix+segmentName(2)))); err != nil {
			t.Fatal(err)
		}
		open, err := c.Unfinished(ctx)
		if err == nil && len(open) == 1 {
			_, err = c.Resume(ctx, open[0], Session{})
		}
		if err == nil || !strings.Contains(err.Error(), "journal/00002.ndjson") {
			t.Errorf("%s: resumed: %v", name, err)
		}
	}
}

// What a resumed collection finds absent again stands in the coverage once.
func TestAbsentOnce(t *testing.T) {
	c := newCase(t, newFolder(t), t.TempDir())
	w, err := c.Begin(ctx, Header{Kind: KindCollection})
	if err != nil {
		t.Fatal(err)
	}
	gap := func(w *Writer, artefact string, s State) {
		if err := w.Gap(Gap{Artefact: artefact, Source: Source{ARN: "arn:f"}, State: s}); err != nil {
			t.Fatal(err)
		}
	}
	gap(w, "subnets", Absent)
	gap(w, "mappings", Denied)
	if err := w.Leave(ctx, "told to stop"); err != nil {
		t.Fatal(err)
	}
	if err := w.Gap(Gap{Artefact: "late"}); !errors.Is(err, ErrClosed) {
		t.Errorf("after it was left: %v", err)
	}
	b, err := c.Bag(ctx, w.Bag())
	if err != nil || b.Sealed() {
		t.Fatalf("%v %v", b, err)
	}
	if w, err = c.Resume(ctx, b, Session{Operator: "o"}); err != nil {
		t.Fatal(err)
	}
	gap(w, "subnets", Absent)
	gap(w, "subnets", Absent)
	gap(w, "mappings", Absent)
	sealed, err := w.Seal(ctx, StatusComplete)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := sealed.Coverage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 || entries[0].Artefact != "mappings" || entries[1].Artefact != "subnets" || sealed.Header().Status != StatusComplete {
		t.Errorf("%+v, %s", entries, sealed.Header().Status)
	}
}

// A bag whose id is known is begun by one of two, found without a search, and entered if its writer
// died before it could.
func TestNamedBag(t *testing.T) {
	v := newFolder(t)
	c := newCase(t, v, t.TempDir())
	const id = "01KB4DMXZGSHEGWCD2TNE2PX1N"
	if _, err := c.Bag(ctx, id); !errors.Is(err, ErrNoBag) {
		t.Errorf("before it is begun: %v", err)
	}
	if _, err := c.BeginAs(ctx, "../x", Header{}); err == nil {
		t.Error("an id that is none was taken")
	}
	w, err := c.BeginAs(ctx, id, Header{Kind: KindCollection, Operator: "one"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.BeginAs(ctx, id, Header{Kind: KindCollection, Operator: "two"}); err == nil {
		t.Error("two have begun one bag")
	}
	b, err := c.Bag(ctx, id)
	if err != nil || b.Sealed() || b.Header().Operator != "one" {
		t.Fatalf("%+v %v", b, err)
	}
	if err := c.Enter(ctx, b, "o"); !errors.Is(err, ErrUnsealed) {
		t.Errorf("an unfinished bag: %v", err)
	}
	// Sealed, and not in the ledger: the next number is taken away from under the writer's event.
	if _, err := w.Seal(ctx, StatusComplete); err != nil {
		t.Fatal(err)
	}
	last, err := c.SignTail(ctx)
	if err != nil {
		t.Fatal(err)
	}
	kid, _ := KeyID(c.Signer.Public())
	for _, name := range []string{ledgerName(last - 1), headName(last - 1), sigName(last-1, kid)} {
		if err := os.Remove(filepath.Join(v.String(), name)); err != nil {
			t.Fatal(err)
		}
	}
	later, err := OpenCase(ctx, v)
	if err != nil {
		t.Fatal(err)
	}
	later.Signer = c.Signer
	if b, err = later.Bag(ctx, id); err != nil || !b.Sealed() || b.InLedger() {
		t.Fatalf("%+v %v", b, err)
	}
	for range 2 { // the second time there is nothing to do
		if err := later.Enter(ctx, b, "o"); err != nil {
			t.Fatal(err)
		}
	}
	if b, err = later.Bag(ctx, id); err != nil || !b.InLedger() {
		t.Errorf("%+v %v", b, err)
	}
	if sealed, err := later.SealedBags(ctx); err != nil || !sealed[id] || len(sealed) != 1 {
		t.Errorf("%v %v", sealed, err)
	}
	for p, err := range later.Verify(ctx) {
		t.Errorf("%+v %v", p, err)
	}
}

// TestKilledAgain: a collection is stopped between an artefact's line and its name, the next session
// gets other bytes of the same length, or the same, and is stopped in its turn. The third goes on.
func TestKilledAgain(t *testing.T) {
	for _, second := range []string{"second", "first "} {
		folder := newFolder(t)
		c := newCase(t, folder, t.TempDir())
		c.vault = &faulty{Vault: folder, nth: 3, dies: true} // its beginning, the line, the name
		w, err := c.Begin(ctx, Header{Kind: KindCollection})
		if err != nil {
			t.Fatal(err)
		}
		m := meta("lambda.configuration", "pay.json")
		if _, err := w.Put(ctx, m, writeText("first ")); !errors.Is(err, errInjected) {
			t.Fatalf("it did not die: %v", err)
		}
		session := func(body string) *Writer {
			again, err := OpenCase(ctx, folder)
			if err != nil {
				t.Fatal(err)
			}
			again.Signer = c.Signer
			b, err := again.Bag(ctx, w.Bag())
			if err != nil {
				t.Fatal(err)
			}
			w, err := again.Resume(ctx, b, Session{Operator: "o"})
			if err != nil {
				t.Fatalf("%q: %v", second, err)
			}
			if _, kept := w.Kept(m.Artefact, m.Source); kept != (body == "") {
				t.Fatalf("%q: kept %v", second, kept)
			}
			if body != "" {
				if _, err := w.Put(ctx, m, writeText(body)); err != nil {
					t.Fatal(err)
				}
			}
			return w
		}
		if err := session(second).Leave(ctx, "told to stop"); err != nil {
			t.Fatal(err)
		}
		b, err := session("").Seal(ctx, StatusComplete)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := b.Coverage(ctx)
		if err != nil || len(entries) != 1 || entries[0].Item == nil || entries[0].Item.SHA256 != hashBytes([]byte(second)) {
			t.Errorf("%q: %+v %v", second, entries, err)
		}
		whole, err := OpenCase(ctx, folder)
		if err != nil {
			t.Fatal(err)
		}
		for p, err := range whole.Verify(ctx) {
			t.Errorf("%q: %+v %v", second, p, err)
		}
	}
}
