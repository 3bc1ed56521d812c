package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// Archive is a vault in one file, which is never written. Safe for concurrent use.
type Archive struct {
	path    string
	file    io.ReaderAt
	closer  io.Closer
	size    int64
	members []member // by name

	mu     sync.Mutex
	closed bool
	parked []*stream // oldest first
}

var _ vault.Vault = (*Archive)(nil)

// Open reads the archive in path from end to end, checks its structure and every frame's
// checksum, and keeps an index of its members: some 60 bytes and the name of each.
// ErrArchive if it is not sound; vault.ErrGone if there is no such file. It takes as long
// as inflating everything; cancel ctx to stop it. Close the archive when done.
func Open(ctx context.Context, path string) (*Archive, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() { // opening a pipe would hang
		return nil, fmt.Errorf("open %s: %w: not a regular file", path, ErrArchive)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open archive: %w (%w)", vault.ErrGone, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	info, err = file.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open archive: %w", err), file.Close())
	}
	a, err := open(ctx, path, file, info.Size(), defaultLimits())
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	a.closer = file
	return a, nil
}

func open(ctx context.Context, path string, file io.ReaderAt, size int64, max limits) (*Archive, error) {
	members, err := index(ctx, file, size, max)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return &Archive{path: path, file: file, size: size, members: members}, nil
}

// String is the path as given.
func (a *Archive) String() string { return a.path }

// Create implements vault.Vault by refusing: ErrReadOnly.
func (a *Archive) Create(_ context.Context, name string, _ io.ReadSeeker, _ int64, _ [32]byte) (vault.Entry, error) {
	return vault.Entry{}, fmt.Errorf("write %s to %s: %w", name, a.path, ErrReadOnly)
}

// List implements vault.Vault from the index, in byte order of names.
func (a *Archive) List(ctx context.Context, prefix string) iter.Seq2[vault.Entry, error] {
	return func(yield func(vault.Entry, error) bool) {
		at, _ := a.find(prefix)
		for _, m := range a.members[at:] {
			if !strings.HasPrefix(m.name, prefix) {
				return
			}
			if err := ctx.Err(); err != nil {
				yield(vault.Entry{}, err)
				return
			}
			if !yield(vault.Entry{Name: m.name, Size: m.size}, nil) {
				return
			}
		}
	}
}

// Open implements vault.Vault. It inflates from the start of the frame that the member
// lies in; where members share one, reading them in the order of the file is fast, and
// any other order costs what lies between. ErrArchive from the reader if the file changed.
func (a *Archive) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := errors.Join(ctx.Err(), vault.CheckName(name)); err != nil {
		return nil, err
	}
	at, ok := a.find(name)
	if !ok {
		return nil, fmt.Errorf("%s in %s: %w", name, a.path, vault.ErrNotFound)
	}
	m := a.members[at]
	s, err := a.take(m)
	if err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", name, a.path, err)
	}
	if err := s.skip(ctx, m.pos-s.pos); err != nil {
		s.dec.Close()
		return nil, fmt.Errorf("read %s in %s, frame at byte %d: %w", name, a.path, m.frame, blame(err))
	}
	return &reader{archive: a, member: m, stream: s, left: m.size}, nil
}

// find is the place of a name in the index, and whether it is there.
func (a *Archive) find(name string) (int, bool) {
	return slices.BinarySearchFunc(a.members, name, func(m member, name string) int { return strings.Compare(m.name, name) })
}

// Close closes the file. Readers still open fail from then on.
func (a *Archive) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil
	}
	a.closed = true
	for _, s := range a.parked {
		s.dec.Close()
	}
	a.parked = nil
	if a.closer == nil {
		return nil
	}
	return a.closer.Close()
}
