package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/durable"
)

// List implements Vault, in the byte order of whole names, as a bucket lists them.
// What is no object is yielded too, with Odd, so that verification sees it.
func (f *Folder) List(ctx context.Context, prefix string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		root, err := f.root()
		if err != nil {
			yield(Entry{}, err)
			return
		}
		defer root.Close()
		w := walk{ctx: ctx, root: root, prefix: prefix, folder: f.path, yield: yield}
		start := path.Dir(prefix + "x") // the deepest directory that all wanted names share
		if _, err := root.Stat(start); errors.Is(err, fs.ErrNotExist) {
			return
		}
		w.dir(start)
	}
}

type walk struct {
	ctx    context.Context
	root   *os.Root
	prefix string
	folder string
	yield  func(Entry, error) bool
}

// dir walks one directory and says whether to go on.
func (w *walk) dir(at string) bool {
	entries, err := w.read(at)
	if err != nil {
		return w.yield(Entry{Name: at}, fmt.Errorf("list %s in %s: %w", at, w.folder, err))
	}
	for _, e := range entries {
		if err := w.ctx.Err(); err != nil {
			w.yield(Entry{}, err)
			return false
		}
		if !w.entry(path.Join(at, e.Name()), e) {
			return false
		}
	}
	return true
}

func (w *walk) read(at string) ([]fs.DirEntry, error) {
	d, err := w.root.Open(at)
	if err != nil {
		return nil, err
	}
	entries, err := d.ReadDir(-1)
	// "a-b" comes before "a/b" and after "a": as if a directory's name ended in '/'.
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	return entries, errors.Join(err, d.Close())
}

func sortName(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

func (w *walk) entry(name string, e fs.DirEntry) bool {
	if e.IsDir() {
		within := name + "/"
		if !strings.HasPrefix(within, w.prefix) && !strings.HasPrefix(w.prefix, within) {
			return true
		}
		return w.dir(name)
	}
	if !strings.HasPrefix(name, w.prefix) {
		return true
	}
	info, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return true // a temporary file that got its name while we looked
	}
	if err != nil {
		return w.yield(Entry{Name: name}, fmt.Errorf("look at %s in %s: %w", name, w.folder, err))
	}
	return w.yield(Entry{Name: name, Size: info.Size(), Odd: odd(e.Name(), info.Mode())}, nil)
}

func odd(base string, mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "symbolic link"
	case !mode.IsRegular():
		return "not a regular file"
	case strings.HasPrefix(base, durable.TempPrefix):
		return OddLeftover
	case !safeSegment(base):
		return "unsafe name"
	}
	return ""
}
