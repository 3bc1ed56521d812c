package board

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// shelf is a vault in memory. fail, if set, may make a Create fail after it was done.
type shelf struct {
	mu      sync.Mutex
	objects map[string][]byte
	fail    func(name string) error
}

func newShelf() *shelf { return &shelf{objects: map[string][]byte{}} }

func (s *shelf) Create(ctx context.Context, name string, body io.ReadSeeker, size int64, sum [32]byte) (vault.Entry, error) {
	if err := errors.Join(ctx.Err(), vault.CheckName(name)); err != nil {
		return vault.Entry{}, err
	}
	data, err := io.ReadAll(body)
	if err != nil || int64(len(data)) != size || sha256.Sum256(data) != sum {
		return vault.Entry{}, errors.Join(err, vault.ErrBody)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.objects[name]; there {
		return vault.Entry{}, vault.ErrExists
	}
	s.objects[name] = data
	if s.fail != nil {
		if err := s.fail(name); err != nil {
			return vault.Entry{}, err
		}
	}
	return vault.Entry{Name: name, Size: size}, nil
}

func (s *shelf) Open(_ context.Context, name string) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, there := s.objects[name]
	if !there {
		return nil, vault.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (s *shelf) List(_ context.Context, prefix string) iter.Seq2[vault.Entry, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name := range s.objects {
		if len(name) >= len(prefix) && name[:len(prefix)] == prefix {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return func(yield func(vault.Entry, error) bool) {
		for _, name := range names {
			if !yield(vault.Entry{Name: name}, nil) {
				return
			}
		}
	}
}

func (s *shelf) String() string { return "memory" }

func TestRecords(t *testing.T) {
	b, ctx := On(newShelf(), "a"), t.Context()
	if names, err := b.Names(ctx, "x/"); err != nil || len(names) > 0 {
		t.Errorf("an empty board has %v, %v", names, err)
	}
	for _, name := range []string{"x/2", "x/1", "x/1/deeper", "y/1"} {
		if err := b.Put(ctx, name, map[string]string{"at": name}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Put(ctx, "x/1", 2); !errors.Is(err, ErrTaken) {
		t.Errorf("a second record of one name: %v", err)
	}
	var got map[string]string
	if err := b.Get(ctx, "x/1", &got); err != nil || got["at"] != "x/1" {
		t.Errorf("read %v, %v", got, err)
	}
	if err := b.Get(ctx, "x/3", &got); !errors.Is(err, ErrNone) {
		t.Errorf("a record that is not there: %v", err)
	}
	if names, err := b.Names(ctx, "x/"); err != nil || !slices.Equal(names, []string{"1", "1/deeper", "2"}) {
		t.Errorf("names %v, %v", names, err)
	}
}

// TestFolder: a claim on a real folder, whose listing of what is not there differs from a bucket's.
func TestFolder(t *testing.T) {
	v, err := vault.NewFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	one, other := On(v, "one"), On(v, "other")
	c, err := one.TryClaim(t.Context(), "case-1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.TryClaim(t.Context(), "case-1"); !errors.Is(err, ErrHeld) {
		t.Errorf("held by one, and the other: %v", err)
	}
	if h, err := other.HeldBy(t.Context(), "case-1"); err != nil || h == nil || h.Who != "one" {
		t.Errorf("held by %v, %v", h, err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := other.TryClaim(t.Context(), "case-1"); err != nil {
		t.Errorf("released, and the other: %v", err)
	}
}

// TestOneOfMany: of many who take a claim at one moment exactly one has it, again and again.
func TestOneOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, inside, most := newShelf(), atomic.Int32{}, atomic.Int32{}
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				b := On(s, fmt.Sprint("worker", i))
				for range 5 {
					c, err := b.Claim(t.Context(), "limits", true)
					if err != nil {
						t.Errorf("%d: %v", i, err)
						return
					}
					most.Store(max(most.Load(), inside.Add(1)))
					time.Sleep(time.Duration(i) * time.Second)
					inside.Add(-1)
					if err := c.Release(t.Context()); err != nil {
						t.Errorf("%d: %v", i, err)
					}
				}
			})
		}
		all.Wait()
		if most.Load() != 1 {
			t.Errorf("%d held it at once", most.Load())
		}
	})
}

// TestAlive: a holder that is alive keeps its claim however long it works, with clocks that differ.
func TestAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		c, err := On(s, "one").Claim(t.Context(), "x", false)
		if err != nil {
			t.Fatal(err)
		}
		held, stop := c.Keep(t.Context())
		for range 20 {
			if _, err := On(s, "other").Claim(t.Context(), "x", false); !errors.Is(err, ErrHeld) {
				t.Fatalf("the other: %v", err)
			}
		}
		if held.Err() != nil {
			t.Error(context.Cause(held))
		}
		stop()
		if err := c.Release(t.Context()); err != nil {
			t.Error(err)
		}
		if err := c.Held(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("after its release: %v", err)
		}
	})
}

// TestDead: what a dead holder has is free after its silence and not before; if it was only asleep
// it is told that it has lost.
func TestDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		dead, err := On(s, "dead").Claim(t.Context(), "x", false)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		c, err := On(s, "next").Claim(t.Context(), "x", false)
		if err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited < Silence || waited > Silence+Silence/10 {
			t.Errorf("taken after %s", waited)
		}
		if err := dead.Held(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("the dead one holds it: %v", err)
		}
		if err := dead.Release(t.Context()); err != nil {
			t.Errorf("and lets go: %v", err)
		}
		if err := c.Held(t.Context()); err != nil {
			t.Errorf("the next one has lost it by that: %v", err)
		}
	})
}

// TestLostWhileKept: work under a claim that somebody took over is told to stop.
func TestLostWhileKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		c, err := On(s, "one").Claim(t.Context(), "x", false)
		if err != nil {
			t.Fatal(err)
		}
		held, stop := c.Keep(t.Context())
		defer stop()
		if err := On(s, "thief").Put(t.Context(), linkName("x", 2), link{taken, "thief", "another", time.Now(), 0}); err != nil {
			t.Fatal(err)
		}
		<-held.Done()
		if !errors.Is(context.Cause(held), ErrLost) {
			t.Errorf("it ended by %v", context.Cause(held))
		}
	})
}

// TestVaultAway: a claim that cannot be kept is given up before somebody else may take it.
func TestVaultAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		c, err := On(s, "one").Claim(t.Context(), "x", false)
		if err != nil {
			t.Fatal(err)
		}
		gone := context.Background()
		away := &Claim{b: On(refusing{s}, "one"), what: "x", id: c.id, last: c.last}
		began := time.Now()
		held, stop := away.Keep(gone)
		defer stop()
		<-held.Done()
		if waited := time.Since(began); !errors.Is(context.Cause(held), ErrLost) || waited > Silence {
			t.Errorf("after %s by %v", waited, context.Cause(held))
		}
	})
}

type refusing struct{ *shelf }

func (refusing) Create(context.Context, string, io.ReadSeeker, int64, [32]byte) (vault.Entry, error) {
	return vault.Entry{}, vault.ErrGone
}

// TestAnswerLost: a write that came through, and whose repetition is refused, is no loss.
func TestAnswerLost(t *testing.T) {
	s := newShelf()
	b := On(s, "one")
	s.fail = func(string) error { return vault.ErrExists } // of the first try the answer was lost
	c, err := b.TryClaim(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.TryClaim(t.Context(), "x"); !errors.Is(err, ErrHeld) {
		t.Errorf("taken by this process, and again: %v", err)
	}
	if err := c.Held(t.Context()); err != nil {
		t.Errorf("kept, and its answer lost: %v", err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Errorf("released, and its answer lost: %v", err)
	}
	s.fail = nil
	if _, err := On(s, "other").TryClaim(t.Context(), "x"); err != nil {
		t.Errorf("the other: %v", err)
	}
}

func TestHalt(t *testing.T) {
	s := newShelf()
	b := On(s, "one")
	if h, err := b.Halted(t.Context()); err != nil || h != nil {
		t.Errorf("never turned: %v, %v", h, err)
	}
	for i, halted := range []bool{true, false, true} {
		if err := b.SetHalt(t.Context(), Halt{Halted: halted, By: "olive", Why: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		if h, err := On(s, "two").Halted(t.Context()); err != nil || h.Halted != halted || h.Why != fmt.Sprint(i) {
			t.Errorf("turn %d: %v, %v", i, h, err)
		}
	}
}
