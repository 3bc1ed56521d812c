package vault

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
)

// What is remembered: documents and lists, not records and packages.
const (
	rememberedObject = 4 << 20
	rememberedAll    = 32 << 20
)

// Remember is a vault for one reader who comes back to the same objects: a small object that was
// read to its end is not asked for again. That is sound because objects are never changed; one
// that is added is found as before. Writing goes through it as to any vault.
func Remember(v Vault) Vault { return &remembering{Vault: v, known: map[string][]byte{}} }

type remembering struct {
	Vault

	mu    sync.Mutex
	known map[string][]byte
	size  int
}

func (r *remembering) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	r.mu.Lock()
	data, ok := r.known[name]
	r.mu.Unlock()
	if ok {
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	in, err := r.Vault.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return &listening{ReadCloser: in, to: r, name: name}, nil
}

// keep takes an object that was read to its end, while there is room.
func (r *remembering) keep(name string, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.known[name]; !ok && r.size+len(data) <= rememberedAll {
		r.known[name] = data
		r.size += len(data)
	}
}

// listening keeps what it reads of a small object.
type listening struct {
	io.ReadCloser
	to   *remembering
	name string
	data []byte
	lost bool // it is too large
}

func (l *listening) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if l.lost = l.lost || len(l.data)+n > rememberedObject; l.lost {
		l.data = nil
		return n, err
	}
	l.data = append(l.data, p[:n]...)
	if errors.Is(err, io.EOF) {
		l.to.keep(l.name, l.data)
		l.lost, l.data = true, nil
	}
	return n, err
}
