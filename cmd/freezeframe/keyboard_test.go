package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks"
)

// TestPromptEnds: a run that is stopped, or whose step's time is over, does not wait for the answer to
// its prompt, and the next prompt gets what is typed then.
func TestPromptEnds(t *testing.T) {
	r, w := io.Pipe()
	var said strings.Builder
	p := &program{s: &ui.Streams{In: r, Out: io.Discard, Err: &said, InTTY: true}}
	in := newKeyboard(r)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for range 2 {
		if _, err := p.ask(stopped, in, playbooks.Question{Text: "well?"}, "ada"); !errors.Is(err, context.Canceled) {
			t.Fatalf("a stopped run: %v", err)
		}
	}
	go func() { _, _ = io.WriteString(w, "yes\nno\n") }()
	for _, want := range []bool{true, false} {
		a, err := p.ask(t.Context(), in, playbooks.Question{Text: "well?"}, "ada")
		if err != nil || a.Approved != want || a.Who != "ada" {
			t.Errorf("%+v, %v; want %v", a, err, want)
		}
	}
	// Of two that ask at once the second waits for the first, or for its own end.
	if err := in.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.ask(stopped, in, playbooks.Question{Text: "well?"}, "bob"); !errors.Is(err, context.Canceled) {
		t.Errorf("while another one asks: %v", err)
	}
	if n := strings.Count(said.String(), "type yes to go on"); n < 2 {
		t.Errorf("asked %d times:\n%s", n, said.String())
	}
}
