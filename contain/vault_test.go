package contain

import (
	"bytes"
	"context"
	"io"
	"iter"
	"sort"
	"strings"
	"sync"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// memory is a vault without a disk: hundreds of cases in a test need no fsync.
type memory struct {
	mu   sync.Mutex
	objs map[string][]byte
}

func (m *memory) Create(_ context.Context, name string, body io.ReadSeeker, size int64, _ [32]byte) (vault.Entry, error) {
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return vault.Entry{}, err
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return vault.Entry{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.objs[name]; ok {
		return vault.Entry{}, vault.ErrExists
	}
	m.objs[name] = b
	return vault.Entry{Name: name, Size: size}, nil
}

func (m *memory) Open(_ context.Context, name string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.objs[name]
	if !ok {
		return nil, vault.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (m *memory) List(_ context.Context, prefix string) iter.Seq2[vault.Entry, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []vault.Entry
	for n, b := range m.objs {
		if strings.HasPrefix(n, prefix) {
			all = append(all, vault.Entry{Name: n, Size: int64(len(b))})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return func(yield func(vault.Entry, error) bool) {
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (m *memory) String() string { return "memory" }
