package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

var ctx = context.Background()

func clock() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func read(t *testing.T, segments ...[]byte) []Entry {
	t.Helper()
	var out []Entry
	for e, err := range Read(bytes.NewReader(bytes.Join(segments, nil))) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

func TestAppendIsDurable(t *testing.T) {
	var segments [][]byte
	log := New(clock, func(_ context.Context, s []byte) error {
		segments = append(segments, bytes.Clone(s))
		return nil
	})
	if err := log.Add(ctx, "call", map[string]string{"call": "Lambda:GetFunction"}); err != nil {
		t.Fatal(err)
	}
	if len(segments) != 0 {
		t.Fatal("Add wrote at once")
	}
	if err := log.Append(ctx, "intent", map[string]string{"act": "a<b>&c"}); err != nil {
		t.Fatal(err)
	}
	got := read(t, segments...)
	if len(segments) != 1 || len(got) != 2 || got[1].Seq != 2 || string(got[1].Value) != `{"act":"a<b>&c"}` {
		t.Fatalf("%d segments, entries %+v", len(segments), got)
	}
	if err := log.Flush(ctx); err != nil || len(segments) != 1 {
		t.Fatalf("flush of nothing: %v, %d segments", err, len(segments))
	}
	big := strings.Repeat("x", maxBuffered)
	if err := log.Add(ctx, "call", big); err != nil || len(segments) != 2 {
		t.Fatalf("a full buffer stayed in memory: %v, %d segments", err, len(segments))
	}
}

// Appends at the same time share segments, and each finds its line durable on return.
func TestGroupCommit(t *testing.T) {
	var mu sync.Mutex
	var all []byte
	stores := 0
	log := New(clock, func(_ context.Context, s []byte) error {
		time.Sleep(2 * time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		stores++
		all = append(all, s...)
		return nil
	})
	var group sync.WaitGroup
	for i := range 100 {
		group.Go(func() {
			if err := log.Append(ctx, "n", i); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if !bytes.Contains(all, fmt.Appendf(nil, `"value":%d}`, i)) {
				t.Errorf("entry %d returned before it was stored", i)
			}
		})
	}
	group.Wait()
	got := read(t, all)
	for i, e := range got {
		if e.Seq != int64(i+1) {
			t.Fatalf("entry %d has seq %d", i, e.Seq)
		}
	}
	if len(got) != 100 || stores >= 100 {
		t.Fatalf("%d entries in %d stores", len(got), stores)
	}
}

// What a failed store did not take goes out with the next one.
func TestFailedStore(t *testing.T) {
	boom := errors.New("boom")
	fail := true
	var stored []byte
	log := New(clock, func(_ context.Context, s []byte) error {
		if fail {
			return boom
		}
		stored = append(stored, s...)
		return nil
	})
	if err := log.Append(ctx, "a", nil); !errors.Is(err, boom) {
		t.Fatalf("got %v, want the store's error", err)
	}
	fail = false
	if err := log.Append(ctx, "b", nil); err != nil {
		t.Fatal(err)
	}
	if got := read(t, stored); len(got) != 2 || got[0].Kind != "a" || got[1].Kind != "b" {
		t.Fatalf("entries %+v", got)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"cut":       `{"seq":1,"at":"2026-11-23T12:00:00Z","kind":"a"}`,
		"duplicate": `{"seq":1,"seq":2,"at":"2026-11-23T12:00:00Z","kind":"a"}` + "\n",
		"unknown":   `{"seq":1,"at":"2026-11-23T12:00:00Z","kind":"a","more":1}` + "\n",
		"rubbish":   "\x00\n",
		"long":      `{"kind":"` + strings.Repeat("x", MaxLine) + "\"}\n",
	} {
		var last error
		for _, err := range Read(strings.NewReader(text)) {
			last = err
		}
		if !errors.Is(last, ErrLine) {
			t.Errorf("%s: %v, want ErrLine", name, last)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"seq":1,"at":"2026-11-23T12:00:00Z","kind":"a","value":{"x":[1]}}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		n := 0
		for range Read(bytes.NewReader(data)) {
			n++
		}
		if n > bytes.Count(data, []byte("\n"))+1 {
			t.Fatalf("%d results of %d lines", n, bytes.Count(data, []byte("\n")))
		}
	})
}
