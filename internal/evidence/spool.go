package evidence

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/freezeframe-ir/freezeframe/internal/durable"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// spool is where artefacts wait on their way to a vault that wants size and hash
// first: a private folder, made when first needed, 0700, gone after the bag.
type spool struct {
	mu     sync.Mutex
	dir    string
	unlock func() error
}

func (s *spool) file() (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		dir, err := os.MkdirTemp("", spoolPrefix) // 0700
		if err != nil {
			return nil, fmt.Errorf("make spool folder: %w", err)
		}
		if s.unlock, err = durable.LockDir(dir); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		s.dir = dir
	}
	f, err := os.CreateTemp(s.dir, "*")
	if err != nil {
		return nil, fmt.Errorf("make spool file: %w", err)
	}
	return f, nil
}

func (s *spool) remove() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		return nil
	}
	err := errors.Join(s.unlock(), os.RemoveAll(s.dir))
	s.dir = ""
	return err
}

const spoolPrefix = "freezeframe-spool-"

// sweepSpools removes what killed processes of this user have left.
func sweepSpools() error {
	return durable.RemoveAbandonedDirs(filepath.Join(os.TempDir(), spoolPrefix+"*"))
}

// stage starts an object: in the vault itself where it can, else in the spool.
func (w *Writer) stage(ctx context.Context, name string) (vault.Staged, error) {
	if s, ok := w.c.vault.(vault.Stager); ok {
		return s.Stage(ctx, name)
	}
	f, err := w.spool.file()
	if err != nil {
		return nil, err
	}
	return &spooled{v: w.c.vault, name: name, file: f, tally: newTally(f)}, nil
}

type spooled struct {
	v     vault.Vault
	name  string
	file  *os.File
	tally *tally
	once  sync.Once
}

func (s *spooled) Write(p []byte) (int, error) {
	n, err := s.tally.Write(p)
	if errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("spool %s: %w (%w)", s.name, vault.ErrFull, err)
	}
	return n, err
}

// Commit implements vault.Staged.
func (s *spooled) Commit(ctx context.Context) (vault.Entry, error) {
	e, err := s.v.Create(ctx, s.name, s.file, s.tally.size, [32]byte(s.tally.hash.Sum(nil)))
	return e, errors.Join(err, s.Discard())
}

// Discard implements vault.Staged.
func (s *spooled) Discard() error {
	var err error
	s.once.Do(func() { err = errors.Join(s.file.Close(), os.Remove(s.file.Name())) })
	return err
}
