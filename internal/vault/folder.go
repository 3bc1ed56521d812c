package vault

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/freezeframe-ir/freezeframe/internal/durable"
)

const (
	tempPrefix = durable.TempPrefix
	dirPerm    = 0o700
	filePerm   = 0o400 // evidence is written once; this stops an accident, not an attacker
)

// Folder is a vault in a local folder. Every operation opens the folder anew through
// os.Root: no symbolic link inside leads out of it, and a folder that vanished is
// noticed instead of made again.
type Folder struct {
	path  string
	syncs durable.DirSyncs
}

// NewFolder is a vault in a local folder, which is made (0700) if it is missing.
func NewFolder(path string) (*Folder, error) {
	if err := durable.MakeDir(path, dirPerm); err != nil {
		return nil, fmt.Errorf("make case folder: %w", translate(err))
	}
	return OpenFolder(path)
}

// OpenFolder is a vault in a folder that must be there (ErrGone).
func OpenFolder(path string) (*Folder, error) {
	f := &Folder{path: path}
	root, err := f.root()
	if err != nil {
		return nil, err
	}
	return f, root.Close()
}

// String is the path as given.
func (f *Folder) String() string { return f.path }

func (f *Folder) root() (*os.Root, error) {
	root, err := os.OpenRoot(f.path)
	if err != nil {
		return nil, fmt.Errorf("open folder %s: %w (%w)", f.path, ErrGone, err)
	}
	return root, nil
}

// Create implements Vault.
func (f *Folder) Create(ctx context.Context, name string, body io.ReadSeeker, size int64, sum [32]byte) (Entry, error) {
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return Entry{}, fmt.Errorf("rewind body of %s: %w", name, err)
	}
	s, err := f.stage(ctx, name)
	if err != nil {
		return Entry{}, err
	}
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(s, hash), contextReader{ctx, body}); err != nil {
		return Entry{}, errors.Join(err, s.Discard())
	}
	if s.size != size || [32]byte(hash.Sum(nil)) != sum {
		return Entry{}, errors.Join(fmt.Errorf("write %s in %s: %w", name, f.path, ErrBody), s.Discard())
	}
	return s.Commit(ctx)
}

// Stage implements Stager.
func (f *Folder) Stage(ctx context.Context, name string) (Staged, error) {
	s, err := f.stage(ctx, name)
	if err != nil {
		return nil, err // not s: a nil *staged in an interface is not nil
	}
	return s, nil
}

func (f *Folder) stage(ctx context.Context, name string) (*staged, error) {
	if err := errors.Join(ctx.Err(), CheckName(name)); err != nil {
		return nil, err
	}
	dir, err := f.makeDir(path.Dir(name))
	if err != nil {
		return nil, err
	}
	base := path.Base(name)
	// Asked here only to fail before a long download; Commit decides.
	if _, err := dir.Lstat(base); err == nil {
		return nil, errors.Join(fmt.Errorf("%s in %s: %w", name, f.path, ErrExists), dir.Close())
	}
	file, err := durable.CreateIn(dir, base, filePerm)
	if err != nil {
		return nil, fmt.Errorf("write %s in %s: %w", name, f.path, translate(err))
	}
	file.ShareSync(func(d *os.Root) error { return f.syncs.Sync(path.Dir(name), d) })
	return &staged{name: name, folder: f.path, file: file}, nil
}

func (f *Folder) makeDir(name string) (*os.Root, error) {
	root, err := f.root()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := durable.MkdirAll(root, name, dirPerm); err != nil {
		return nil, fmt.Errorf("in %s: %w", f.path, translate(err))
	}
	dir, err := root.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("open %s in %s: %w", name, f.path, err)
	}
	return dir, nil
}

// Sweep implements Sweeper.
func (f *Folder) Sweep(ctx context.Context) error {
	root, err := f.root()
	if err != nil {
		return err
	}
	defer root.Close()
	for e, err := range f.List(ctx, "") {
		if err != nil {
			return err
		}
		if e.Odd != OddLeftover {
			continue
		}
		if err := durable.RemoveAbandoned(root, e.Name); err != nil {
			return fmt.Errorf("in %s: %w", f.path, err)
		}
	}
	return nil
}

type staged struct {
	name, folder string
	file         *durable.File
	size         int64
}

func (s *staged) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, s.wrap(err)
}

func (s *staged) Commit(ctx context.Context) (Entry, error) {
	if err := ctx.Err(); err != nil {
		return Entry{}, errors.Join(err, s.Discard())
	}
	if err := s.file.Commit(); err != nil {
		return Entry{}, s.wrap(err)
	}
	return Entry{Name: s.name, Size: s.size}, nil
}

func (s *staged) Discard() error { return s.file.Discard() }

// Open implements Vault. What is no regular file is not found: a link or a pipe that
// somebody placed there is no evidence, and reading it could hang.
func (f *Folder) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := errors.Join(ctx.Err(), CheckName(name)); err != nil {
		return nil, err
	}
	root, err := f.root()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Lstat(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s in %s: %w", name, f.path, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("look at %s in %s: %w", name, f.path, err)
	}
	file, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", name, f.path, err)
	}
	return file, nil
}

// translate makes the vault's sentinels of what the file system said, which says no more.
func translate(err error) error {
	switch {
	case errors.Is(err, durable.ErrFull):
		return ErrFull
	case errors.Is(err, fs.ErrExist):
		return ErrExists
	case errors.Is(err, fs.ErrNotExist):
		return ErrGone // the directory was there a moment ago: it was taken away under our hands
	}
	return err
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("read what is to be stored: %w", err)
	}
	return n, err
}
