package practices

import (
	"bytes"
	"context"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// memory is a vault over another one that it leaves alone: every cell of the matrix goes on
// with the case that was collected once.
type memory struct {
	under map[string][]byte
	mu    sync.Mutex
	own   map[string][]byte
}

func (m *memory) String() string { return "memory" }

func (m *memory) get(name string) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b, ok := m.own[name]; ok {
		return b, true
	}
	b, ok := m.under[name]
	return b, ok
}

func (m *memory) put(name string, data []byte) (vault.Entry, error) {
	if _, ok := m.get(name); ok {
		return vault.Entry{}, vault.ErrExists
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.own[name] = data
	return vault.Entry{Name: name, Size: int64(len(data))}, nil
}

func (m *memory) Create(_ context.Context, name string, body io.ReadSeeker, _ int64, _ [32]byte) (vault.Entry, error) {
	data, err := io.ReadAll(body)
	if err != nil {
		return vault.Entry{}, err
	}
	return m.put(name, data)
}

func (m *memory) Open(_ context.Context, name string) (io.ReadCloser, error) {
	data, ok := m.get(name)
	if !ok {
		return nil, vault.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (m *memory) List(_ context.Context, prefix string) iter.Seq2[vault.Entry, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for _, all := range []map[string][]byte{m.under, m.own} {
		for name := range all {
			if strings.HasPrefix(name, prefix) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return func(yield func(vault.Entry, error) bool) {
		for _, name := range names {
			data, _ := m.get(name)
			if !yield(vault.Entry{Name: name, Size: int64(len(data))}, nil) {
				return
			}
		}
	}
}

// over is a vault that begins with what this one holds.
func (m *memory) over() *memory {
	all := maps.Clone(m.under)
	if all == nil {
		all = map[string][]byte{}
	}
	maps.Copy(all, m.own)
	return &memory{under: all, own: map[string][]byte{}}
}

type stagedBytes struct {
	bytes.Buffer
	m    *memory
	name string
}

func (m *memory) Stage(_ context.Context, name string) (vault.Staged, error) {
	return &stagedBytes{m: m, name: name}, nil
}

func (s *stagedBytes) Commit(context.Context) (vault.Entry, error) {
	return s.m.put(s.name, bytes.Clone(s.Bytes()))
}

func (s *stagedBytes) Discard() error { return nil }
