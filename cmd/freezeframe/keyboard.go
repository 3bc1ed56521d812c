package main

import (
	"bufio"
	"context"
	"io"
)

// keyboard reads lines that somebody types, one prompt at a time. A prompt ends with the run that
// asks: whoever stops a run does not have to answer its question first.
type keyboard struct {
	prompt  chan struct{} // held by whoever asks
	lines   chan typed
	in      *bufio.Reader
	reading bool // a line is being waited for: a read cannot be taken back
}

// typed is a line, or why there is none.
type typed struct {
	text string
	err  error
}

func newKeyboard(in io.Reader) *keyboard {
	return &keyboard{prompt: make(chan struct{}, 1), lines: make(chan typed, 1), in: bufio.NewReader(in)}
}

// take waits until nobody else asks.
func (k *keyboard) take(ctx context.Context) error {
	select {
	case k.prompt <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *keyboard) give() { <-k.prompt }

// line is the next line. The caller holds the prompt.
func (k *keyboard) line(ctx context.Context) (typed, error) {
	if !k.reading {
		k.reading = true
		go func() {
			text, err := k.in.ReadString('\n')
			k.lines <- typed{text, err}
		}()
	}
	select {
	case line := <-k.lines:
		k.reading = false
		return line, nil
	case <-ctx.Done():
		return typed{}, ctx.Err()
	}
}
