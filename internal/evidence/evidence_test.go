package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

var ctx = context.Background()

// fakeClock moves on by a second with every look, so that all times differ.
func fakeClock() func() time.Time {
	var mu sync.Mutex
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		at = at.Add(time.Second)
		return at
	}
}

// fastClock moves the case's clock; identities are expensive enough to share one a test.
func newCase(t *testing.T, v vault.Vault, home string) *Case {
	t.Helper()
	c, err := CreateCase(ctx, v, CaseOptions{
		Title: "Payments function overwritten", Authority: "CISO, ticket 42", Operator: "R. Sponder", Home: home, Now: fakeClock(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newFolder(t *testing.T) *vault.Folder {
	t.Helper()
	f, err := vault.NewFolder(filepath.Join(t.TempDir(), "case"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func writeText(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func meta(artefact, name string) Meta {
	return Meta{Artefact: artefact, Name: name, Source: Source{ARN: "arn:aws:lambda:eu-central-1:111122223333:function:pay", Region: "eu-central-1"}}
}

const secretText = `{"DB_PASSWORD":"correct horse battery staple"}`

// fillBag writes one of everything. It returns the first error of the vault.
func fillBag(c *Case) (*Bag, error) {
	w, err := c.Begin(ctx, Header{Tool: Tool{Name: "freezeframe", Version: "test"}})
	if err != nil {
		return nil, err
	}
	if err := w.Note(ctx, "intent", map[string]string{"call": "Lambda:GetFunction"}); err != nil {
		return nil, err
	}
	code := "PK code"
	sum := sha256.Sum256([]byte(code))
	m := meta("lambda.code", "pay.$LATEST.code.zip")
	m.Declared = &Declared{Algorithm: "sha256", Value: base64.StdEncoding.EncodeToString(sum[:])}
	if _, err := w.Put(ctx, m, writeText(code)); err != nil {
		return nil, err
	}
	twin := fmt.Sprintf(`{"DB_PASSWORD":{"hmac_sha256":%q}}`, w.MAC([]byte("correct horse battery staple")))
	if _, _, err := w.PutSecret(ctx, meta("lambda.environment", "pay.env.json"), []byte(secretText), []byte(twin)); err != nil {
		return nil, err
	}
	if err := w.Gap(Gap{Artefact: "lambda.policy", State: Absent}); err != nil {
		return nil, err
	}
	return w.Seal(ctx, StatusComplete)
}

func mustFill(t *testing.T, c *Case) *Bag {
	t.Helper()
	b, err := fillBag(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustDerive(t *testing.T, c *Case, inputs ...Ref) Derived {
	t.Helper()
	d, err := c.Derive(ctx, Derived{Kind: "timeline", Inputs: inputs}, File{"timeline.jsonl", writeText("{}\n")})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func problems(t *testing.T, v vault.Vault) []Problem {
	t.Helper()
	var out []Problem
	for p, err := range Verify(ctx, v, VerifyOptions{}) {
		if err != nil {
			t.Fatalf("verify %s: %v", p.Path, err)
		}
		out = append(out, p)
	}
	return out
}

func intact(t *testing.T, v vault.Vault) {
	t.Helper()
	if ps := problems(t, v); len(ps) > 0 {
		t.Fatalf("not intact: %+v", ps)
	}
}

func TestCaseRoundTrip(t *testing.T) {
	v, home := newFolder(t), t.TempDir()
	c := newCase(t, v, home)
	intact(t, v)
	if info, err := os.Stat(c.IdentityPath); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("identity: %v %v", info, err)
	}
	bag := mustFill(t, c)
	if !bag.Sealed() || !bag.InLedger() || bag.Header().Status != StatusComplete || bag.Header().Operator != "R. Sponder" {
		t.Fatalf("bag %+v", bag)
	}
	mustFill(t, c)
	mustDerive(t, c, Ref{Bag: bag.ID()})
	if err := c.Record(ctx, Event{Type: EventNote, Reason: "called the owner"}); err != nil {
		t.Fatal(err)
	}
	intact(t, v)

	again, err := OpenCase(ctx, v)
	if err != nil {
		t.Fatal(err)
	}
	if again.ID != c.ID || again.Title != c.Title || again.Recipients[0] != c.Recipients[0] {
		t.Fatalf("opened %+v", again)
	}
	var types []EventType
	for e, err := range again.Ledger(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		types = append(types, e.Type)
	}
	if got, want := fmt.Sprint(types), "[open collect collect analyse note]"; got != want {
		t.Errorf("ledger %s, want %s", got, want)
	}
	readBack(t, again, bag.ID(), c.IdentityPath)
}

func readBack(t *testing.T, c *Case, first, identity string) {
	t.Helper()
	var order []string
	for f, err := range c.Find(ctx, func(e Entry) bool { return e.Artefact == "lambda.code" }) {
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, f.Bag.ID())
		if f.Entry.State != Collected || !f.Entry.Item.Declared.Matches {
			t.Errorf("code: %+v", f.Entry)
		}
		if got := readItem(t, f.Bag, *f.Entry.Item); got != "PK code" {
			t.Errorf("code is %q", got)
		}
	}
	if len(order) != 2 || order[1] != first {
		t.Errorf("found in %v, want newest first, %s last", order, first)
	}
	for f, err := range c.Find(ctx, func(e Entry) bool { return e.Item != nil && e.Item.Sensitive }) {
		if err != nil {
			t.Fatal(err)
		}
		checkSealed(t, f, identity)
	}
	for b, err := range c.Bags(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for e, err := range b.Journal(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, e.Kind)
		}
		if got := strings.Join(kinds, " "); got != "begin intent gap item item seal" {
			t.Errorf("journal: %s", got)
		}
	}
}

func readItem(t *testing.T, b *Bag, it Item) string {
	t.Helper()
	r, err := b.Open(ctx, it)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func checkSealed(t *testing.T, f Found, identityPath string) {
	t.Helper()
	file, err := os.Open(identityPath)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ids, err := age.ParseIdentities(file)
	if err != nil {
		t.Fatal(err)
	}
	it := *f.Entry.Item
	body, key, err := Unseal(strings.NewReader(readItem(t, f.Bag, it)), ids...)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(body)
	if err != nil || string(plain) != secretText {
		t.Errorf("unsealed %q, %v", plain, err)
	}
	if mac := (&Writer{macKey: key}).MAC(plain); mac != it.HMAC {
		t.Errorf("HMAC %s, want %s", mac, it.HMAC)
	}
	for item, err := range f.Bag.Items(ctx) {
		if err == nil && item.ID == it.Twin && item.Twin == it.ID {
			return
		}
	}
	t.Errorf("%s has no twin that names it back", it.ID)
}

func TestNotCase(t *testing.T) {
	v := newFolder(t)
	if _, err := OpenCase(ctx, v); !errors.Is(err, ErrNotCase) || !strings.Contains(err.Error(), "case.json is missing") {
		t.Errorf("open of an empty folder: %v", err)
	}
	for _, err := range Verify(ctx, v, VerifyOptions{}) {
		if !errors.Is(err, ErrNotCase) {
			t.Errorf("verify of an empty folder: %v", err)
		}
	}
	if err := os.WriteFile(filepath.Join(v.String(), "holiday.jpg"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateCase(ctx, v, CaseOptions{Home: t.TempDir()}); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("case in somebody's folder: %v", err)
	}
	v = newFolder(t)
	newCase(t, v, t.TempDir())
	if _, err := CreateCase(ctx, v, CaseOptions{Home: t.TempDir()}); !errors.Is(err, ErrCaseExists) {
		t.Errorf("case in a case: %v", err)
	}
	if _, err := CreateCase(ctx, newFolder(t), CaseOptions{Recipients: []string{"age1nonsense"}}); err == nil {
		t.Error("a recipient that is none was accepted")
	}
}

func TestPutStates(t *testing.T) {
	c := newCase(t, newFolder(t), t.TempDir())
	w, err := c.Begin(ctx, Header{})
	if err != nil {
		t.Fatal(err)
	}
	m := meta("lambda.code", "a.zip")
	m.Declared = &Declared{Algorithm: "sha256", Value: "AAAA"}
	it, err := w.Put(ctx, m, writeText("x"))
	if err != nil || it.Declared.Matches {
		t.Fatalf("mismatch: %+v, %v", it, err)
	}
	m.Sensitive = true
	it, err = w.Put(ctx, m, writeText("x"))
	if err != nil || it.Declared.Value != "" || it.HMAC == "" || !strings.HasPrefix(it.Path, "data/sealed/") {
		t.Fatalf("sensitive: %+v, %v", it, err)
	}
	if _, err = w.Put(ctx, meta("logs", "log"), func(o io.Writer) error {
		io.WriteString(o, "half")
		return fmt.Errorf("stream ended: %w", ErrTruncated)
	}); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	if _, err = w.Put(ctx, meta("logs", "log"), func(o io.Writer) error { io.WriteString(o, "lost"); return boom }); !errors.Is(err, boom) {
		t.Fatalf("a failing write: %v", err)
	}
	b, err := w.Seal(ctx, StatusComplete)
	if err != nil {
		t.Fatal(err)
	}
	if b.Header().Status != StatusPartial {
		t.Errorf("a bag with a mismatch is %s", b.Header().Status)
	}
	entries, err := b.Coverage(ctx)
	if err != nil || len(entries) != 3 || entries[0].State != Mismatch || entries[2].State != Truncated {
		t.Errorf("coverage %+v, %v", entries, err)
	}
	if _, err := w.Put(ctx, m, writeText("late")); !errors.Is(err, ErrClosed) {
		t.Errorf("put after seal: %v", err)
	}
	if err := w.Abandon(ctx, "deferred"); err != nil {
		t.Errorf("abandon after seal: %v", err)
	}
	intact(t, c.Vault())
}

func TestNames(t *testing.T) {
	long := strings.Repeat("n", 300) + ".json"
	table := newNameTable()
	seen := map[string]bool{}
	for _, hint := range []string{"a.json", "A.json", "a.json", "../../etc/passwd", "", "...", "-rf", "nul.txt", long, long, "ü\n\x00\xff", ".tmp-x", "a b", "a_b"} {
		name := table.take(hint)
		if err := vault.CheckName(name); err != nil || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") {
			t.Errorf("%q became %q: %v", hint, name, err)
		}
		if folded := strings.ToLower(name); seen[folded] {
			t.Errorf("%q became %q, which is taken", hint, name)
		} else {
			seen[folded] = true
		}
	}
	for range 100_000 { // an attacker names as many objects alike as they like
		table.take("same.json.gz")
	}
	if name := table.take("SAME.json.gz"); name != "SAME.json-100001.gz" {
		t.Errorf("the 100,001st is %q", name)
	}
	if m := keepName(Meta{Name: "a\xff"}); m.NameB64 != "Yf8" {
		t.Errorf("name kept as %+v", m)
	}
}

// Twenty artefacts of 10 MB at once: what is in memory does not grow with them.
func TestParallelPutsAreStreamed(t *testing.T) {
	c := newCase(t, newFolder(t), t.TempDir())
	w, err := c.Begin(ctx, Header{})
	if err != nil {
		t.Fatal(err)
	}
	block := bytes.Repeat([]byte{7}, 64<<10)
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			m := meta("lambda.code", "code.zip")
			m.Sensitive = i%2 == 0
			if _, err := w.Put(ctx, m, func(o io.Writer) error {
				for range 160 {
					if _, err := o.Write(block); err != nil {
						return err
					}
				}
				return w.Jot(ctx, "call", i)
			}); err != nil {
				t.Error(err)
			}
		})
	}
	before := peakRSS(t)
	group.Wait()
	b, err := w.Seal(ctx, StatusComplete)
	if err != nil {
		t.Fatal(err)
	}
	if grown := peakRSS(t) - before; grown > 64<<10 {
		t.Errorf("peak memory grew by %d KB", grown)
	}
	entries, err := b.Coverage(ctx)
	if err != nil || len(entries) != 20 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	intact(t, c.Vault())
}

// peakRSS is VmHWM in KB.
func peakRSS(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc here")
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	var kb int
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		t.Fatal(err)
	}
	return kb
}

// Many processes share a ledger without a coordinator.
func TestLedgerRace(t *testing.T) {
	v := newFolder(t)
	signer := newCase(t, v, t.TempDir()).Signer
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() {
			c, err := OpenCase(ctx, v)
			if err != nil {
				t.Error(err)
				return
			}
			c.Signer = signer
			for range 5 {
				if err := c.Record(ctx, Event{Type: EventNote, Actor: fmt.Sprint("writer ", i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	c, _ := OpenCase(ctx, v)
	n := 0
	for _, err := range c.Ledger(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 31 {
		t.Errorf("%d events, want 31", n)
	}
	intact(t, v)
}

// tamper overwrites a file, read-only as it is.
func tamper(t *testing.T, v vault.Vault, name, text string) {
	t.Helper()
	path := filepath.Join(v.String(), filepath.FromSlash(name))
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}
