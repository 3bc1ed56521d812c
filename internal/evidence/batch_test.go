package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// spy notes in which order a folder is written.
type spy struct {
	*vault.Folder
	mu    sync.Mutex
	order []string
	fail  string // commits of names that contain it are reported as failed
	drop  bool   // and are not done either
}

func (s *spy) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order = append(s.order, what)
}

func (s *spy) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.order
	s.order = nil
	return out
}

func (s *spy) Create(ctx context.Context, name string, body io.ReadSeeker, size int64, sum [32]byte) (vault.Entry, error) {
	s.note("create " + name[strings.LastIndexByte(name, '/')+1:])
	return s.Folder.Create(ctx, name, body, size, sum)
}

func (s *spy) Settle(ctx context.Context, objects []vault.Staged) []error {
	s.note(fmt.Sprintf("settle %d", len(objects)))
	return s.Folder.Settle(ctx, objects)
}

func (s *spy) CommitAll(ctx context.Context, objects []vault.Staged) ([]vault.Entry, []error) {
	s.note(fmt.Sprintf("commit %d", len(objects)))
	entries, errs := s.Folder.CommitAll(ctx, objects)
	for i, e := range entries {
		if s.fail != "" && strings.Contains(e.Name, s.fail) {
			errs[i] = errInjected
			if s.drop {
				errs[i] = errors.Join(errInjected, os.Remove(filepath.Join(s.String(), filepath.FromSlash(e.Name))))
			}
		}
	}
	return entries, errs
}

func spied(t *testing.T) (*Writer, *spy) {
	t.Helper()
	s := &spy{Folder: newFolder(t)}
	c := newCase(t, s.Folder, t.TempDir())
	c.vault = s
	w, err := c.Begin(ctx, Header{})
	if err != nil {
		t.Fatal(err)
	}
	s.taken()
	return w, s
}

func mustPut(t *testing.T, w *Writer, n int) {
	t.Helper()
	for i := range n {
		if _, err := w.Put(ctx, meta("a", fmt.Sprintf("f%d", i)), writeText("x")); err != nil {
			t.Fatal(err)
		}
	}
}

// Bytes are durable before their line is, and lines before names.
func TestBatchOrder(t *testing.T) {
	w, s := spied(t)
	mustPut(t, w, batchFiles-1)
	if got := s.taken(); len(got) != 0 {
		t.Errorf("written too early: %v", got)
	}
	mustPut(t, w, 1)
	want := []string{"settle 64", "create 00002.ndjson", "commit 64"}
	if got := s.taken(); !slices.Equal(got, want) {
		t.Errorf("a full batch: %v, want %v", got, want)
	}
	mustPut(t, w, 2)
	want = []string{"settle 2", "create 00003.ndjson", "commit 2", "create 00004.ndjson"}
	if err := w.Note(ctx, "intent", nil); err != nil || !slices.Equal(s.order, want) {
		t.Errorf("a note: %v, want %v; %v", s.order, want, err)
	}
	if _, err := w.Seal(ctx, StatusComplete); err != nil {
		t.Fatal(err)
	}
	intact(t, s)
}

// What nobody adds to is written after a while.
func TestBatchTime(t *testing.T) {
	w, s := spied(t)
	mustPut(t, w, 1)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		s.mu.Lock()
		n := len(s.order)
		s.mu.Unlock()
		if n == 3 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("still not written after 20 s")
		}
	}
}

// An artefact that cannot be stored when its batch is written is a gap, and Flush and the
// next Put say so, once.
func TestBatchLoss(t *testing.T) {
	w, s := spied(t)
	s.fail = "f0"
	put := func(name string) error {
		_, err := w.Put(ctx, meta("a."+name, name), writeText("x"))
		return err
	}
	for _, name := range []string{"f0", "f1"} {
		if err := put(name); err != nil {
			t.Fatal(err)
		}
	}
	// f0 is there all the same: a lost answer is no loss.
	if err := w.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	s.fail, s.drop = "f2", true
	if err := put("f2"); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(ctx); err == nil || !strings.Contains(err.Error(), "a.f2") {
		t.Errorf("flush: %v", err)
	}
	if err := put("f3"); err != nil {
		t.Errorf("told twice: %v", err)
	}
	b, err := w.Seal(ctx, StatusComplete)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := b.Coverage(ctx)
	if err != nil || b.Header().Status != StatusPartial {
		t.Fatal(b.Header().Status, err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Artefact+" "+string(e.State))
	}
	if want := []string{"a.f0 collected", "a.f1 collected", "a.f2 failed", "a.f3 collected"}; !slices.Equal(got, want) {
		t.Errorf("coverage %v, want %v", got, want)
	}
	intact(t, s)
}
