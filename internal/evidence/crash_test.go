package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

var errInjected = errors.New("injected")

// faulty fails the nth durable write of a vault, done or not done, and with dies
// everything after it, reads too, as a crash does.
type faulty struct {
	vault.Vault
	nth         int
	done, dies  bool
	mu          sync.Mutex
	writes      int
	dead, fired bool
}

// strike is called before each write: whether to do it, and the error to report.
func (f *faulty) strike() (do bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return false, errInjected
	}
	f.writes++
	if f.writes != f.nth {
		return true, nil
	}
	f.fired, f.dead = true, f.dies
	return f.done, errInjected
}

func (f *faulty) alive() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return errInjected
	}
	return nil
}

func (f *faulty) Create(ctx context.Context, name string, body io.ReadSeeker, size int64, sum [32]byte) (vault.Entry, error) {
	do, injected := f.strike()
	if !do {
		return vault.Entry{}, injected
	}
	e, err := f.Vault.Create(ctx, name, body, size, sum)
	return e, errors.Join(err, injected)
}

func (f *faulty) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := f.alive(); err != nil {
		return nil, err
	}
	return f.Vault.Open(ctx, name)
}

// faultyStager has the folder's Stage too, with Commit as its durable write.
type faultyStager struct{ *faulty }

func (f faultyStager) Stage(ctx context.Context, name string) (vault.Staged, error) {
	if err := f.alive(); err != nil {
		return nil, err
	}
	s, err := f.Vault.(vault.Stager).Stage(ctx, name)
	if err != nil {
		return nil, err
	}
	return faultyStaged{s, f.faulty}, nil
}

type faultyStaged struct {
	vault.Staged
	f *faulty
}

// Commit: a crash before it leaves the temporary file where it is.
func (s faultyStaged) Commit(ctx context.Context) (vault.Entry, error) {
	do, injected := s.f.strike()
	if !do {
		return vault.Entry{}, errors.Join(injected, s.Discard())
	}
	e, err := s.Staged.Commit(ctx)
	return e, errors.Join(err, injected)
}

func (s faultyStaged) Discard() error {
	if s.f.alive() != nil {
		return errInjected
	}
	return s.Staged.Discard()
}

// faultyBatcher has all of the folder's: each commit of a batch is a durable write of its own.
type faultyBatcher struct{ faultyStager }

func (f faultyBatcher) Settle(ctx context.Context, objects []vault.Staged) []error {
	if err := f.alive(); err != nil {
		errs := make([]error, len(objects))
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	return f.Vault.(vault.Batcher).Settle(ctx, plain(objects))
}

func (f faultyBatcher) CommitAll(ctx context.Context, objects []vault.Staged) (entries []vault.Entry, errs []error) {
	for _, s := range objects {
		e, err := s.Commit(ctx)
		entries, errs = append(entries, e), append(errs, err)
	}
	return entries, errs
}

func plain(objects []vault.Staged) []vault.Staged {
	out := make([]vault.Staged, len(objects))
	for i, s := range objects {
		out[i] = s.(faultyStaged).Staged
	}
	return out
}

// faultyVaults are the three kinds of vaults that a writer treats differently.
var faultyVaults = map[string]func(*faulty) vault.Vault{
	"plain":   func(f *faulty) vault.Vault { return f },
	"batcher": func(f *faulty) vault.Vault { return faultyBatcher{faultyStager{f}} },
}

// lifetime is all that a case goes through, up to the first error.
func lifetime(v vault.Vault, home string) error {
	c, err := CreateCase(ctx, v, CaseOptions{Title: "t", Operator: "o", Home: home, Now: fakeClock()})
	if err != nil {
		return err
	}
	bag, err := fillBag(c)
	if err != nil {
		return err
	}
	if _, err := c.Derive(ctx, Derived{Kind: "timeline", Inputs: []Ref{{Bag: bag.ID()}}}, File{"timeline.jsonl", writeText("{}\n")}); err != nil {
		return err
	}
	return c.Record(ctx, Event{Type: EventNote, Reason: "end"})
}

// Stopped at each durable write in turn, the write done or not, for good or for once,
// in a folder and in a vault that wants to know size and hash first: the case is never
// damaged, and whatever was reported as done is whole.
func TestStopAtEachWrite(t *testing.T) {
	for name, of := range faultyVaults {
		for _, dies := range []bool{true, false} {
			for _, done := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s dies=%v done=%v", name, dies, done), func(t *testing.T) {
					t.Parallel()
					stopEach(t, of, dies, done)
				})
			}
		}
	}
}

func stopEach(t *testing.T, of func(*faulty) vault.Vault, dies, done bool) {
	step := 1
	if testing.Short() { // for the race detector some do
		step = 4
	}
	for n := 1; ; n += step {
		folder, home := newFolder(t), t.TempDir()
		f := &faulty{Vault: folder, nth: n, dies: dies, done: done}
		err := lifetime(of(f), home)
		if !f.fired {
			if n < 15 || err != nil {
				t.Fatalf("only %d writes, %v", n-1, err)
			}
			return
		}
		if dies && err == nil {
			t.Fatalf("write %d: the vault died and nobody noticed", n)
		}
		neverDamaged(t, folder, n, err)
		goesOn(t, folder, home, n)
	}
}

func neverDamaged(t *testing.T, v vault.Vault, n int, scenario error) {
	t.Helper()
	for p, err := range Verify(ctx, v, VerifyOptions{}) {
		switch {
		case errors.Is(err, ErrNotCase) && n <= 3: // nothing of it was there yet
		case err != nil:
			t.Errorf("write %d: could not verify %s: %v", n, p.Path, err)
		case p.Damage():
			t.Errorf("write %d: damage: %+v", n, p)
		case scenario == nil:
			t.Errorf("write %d: reported as done, but %+v", n, p)
		}
	}
}

// goesOn: the next process works on in the same case, after finishing its opening where needed.
func goesOn(t *testing.T, v vault.Vault, home string, n int) {
	t.Helper()
	c, err := OpenCase(ctx, v)
	if errors.Is(err, ErrNotCase) {
		c, err = CreateCase(ctx, v, CaseOptions{Title: "t", Operator: "o", Home: home, Now: fakeClock()})
	}
	if err != nil {
		t.Fatalf("write %d: open again: %v", n, err)
	}
	if c.IdentityPath != "" {
		if _, err := os.Stat(c.IdentityPath); err != nil {
			t.Errorf("write %d: identity: %v", n, err)
		}
	}
	bag, err := fillBag(c)
	if err != nil {
		t.Fatalf("write %d: next bag: %v", n, err)
	}
	if !bag.InLedger() {
		t.Errorf("write %d: next bag is not in the ledger", n)
	}
	neverDamaged(t, v, n, errInjected)
}

// A Seal that failed once is called again and ends whole, whichever write it was.
func TestSealAgain(t *testing.T) {
	for _, done := range []bool{true, false} {
		for n := 1; ; n++ {
			folder := newFolder(t)
			c := newCase(t, folder, t.TempDir())
			w, err := c.Begin(ctx, Header{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Put(ctx, meta("a", "a"), writeText("x")); err != nil {
				t.Fatal(err)
			}
			f := &faulty{Vault: folder, nth: n, done: done}
			c.vault = f
			if _, err = w.Seal(ctx, StatusComplete); err != nil {
				_, err = w.Seal(ctx, StatusComplete)
			}
			if err != nil {
				t.Fatalf("write %d: second seal: %v", n, err)
			}
			intact(t, folder)
			if !f.fired {
				break
			}
		}
	}
}

// An artefact whose write was reported failed, but which is there, is listed and said so.
func TestOrphanIsAdopted(t *testing.T) {
	folder := newFolder(t)
	c := newCase(t, folder, t.TempDir())
	w, err := c.Begin(ctx, Header{})
	if err != nil {
		t.Fatal(err)
	}
	c.vault = &faulty{Vault: folder, nth: 2, done: true, dies: true}
	if _, err := w.Put(ctx, meta("a", "a"), writeText("x")); err == nil {
		t.Fatal("the vault died, and Put did not notice")
	}
	if err := w.Note(ctx, "lost", nil); err == nil {
		t.Fatal("the vault is dead, and Note did not notice")
	}
	c.vault = folder // the network is back
	b, err := w.Seal(ctx, StatusComplete)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := b.Coverage(ctx)
	if err != nil || len(entries) != 1 || entries[0].State != Failed || !strings.Contains(entries[0].Gap.Note, "data/a") {
		t.Errorf("coverage %+v, %v", entries, err)
	}
	if b.Header().Status != StatusPartial {
		t.Errorf("status %s", b.Header().Status)
	}
	intact(t, folder)
}

// The folder is taken away while a bag is written: one clear error, and nothing is made in its place.
func TestVanishedFolder(t *testing.T) {
	folder := newFolder(t)
	c := newCase(t, folder, t.TempDir())
	w, err := c.Begin(ctx, Header{})
	if err != nil {
		t.Fatal(err)
	}
	away := filepath.Join(t.TempDir(), "away")
	if err := os.Rename(folder.String(), away); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"put":    func() error { _, err := w.Put(ctx, meta("a", "a"), writeText("x")); return err }(),
		"note":   w.Note(ctx, "n", nil),
		"record": c.Record(ctx, Event{Type: EventNote}),
		"seal":   func() error { _, err := w.Seal(ctx, StatusComplete); return err }(),
	} {
		if !errors.Is(err, vault.ErrGone) {
			t.Errorf("%s: %v, want ErrGone", name, err)
		}
	}
	if _, err := os.Stat(folder.String()); err == nil {
		t.Error("the folder was made again")
	}
	if err := os.Rename(away, folder.String()); err != nil {
		t.Fatal(err)
	}
	if ps := problems(t, folder); len(ps) != 1 || ps[0].What != whatUnfinished {
		t.Errorf("after it came back: %+v", ps)
	}
}

// full is a vault on a disk that has room for left more bytes.
type full struct {
	vault.Vault
	mu   sync.Mutex
	left int64
}

func (f *full) Create(ctx context.Context, name string, body io.ReadSeeker, size int64, sum [32]byte) (vault.Entry, error) {
	f.mu.Lock()
	f.left -= size
	room := f.left >= 0
	f.mu.Unlock()
	if !room {
		return vault.Entry{}, fmt.Errorf("write %s: %w", name, vault.ErrFull)
	}
	return f.Vault.Create(ctx, name, body, size, sum)
}

func TestFullDisk(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for left := int64(0); ; left += 250 {
		folder := newFolder(t)
		c := newCase(t, folder, t.TempDir())
		c.vault = &full{Vault: folder, left: left}
		_, err := fillBag(c)
		if err == nil {
			intact(t, folder)
			return
		}
		if !errors.Is(err, vault.ErrFull) {
			t.Fatalf("with %d bytes left: %v, want ErrFull", left, err)
		}
		for _, p := range problems(t, folder) {
			if p.Damage() {
				t.Errorf("with %d bytes left: %+v", left, p)
			}
		}
	}
}
