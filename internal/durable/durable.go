// Package durable writes files so that they are absent or whole after a crash, and
// still there after a power cut. The order, for every file: write a temporary file in
// the same directory, fsync it, link (create-only) or rename (replace) it to its
// name, remove the temporary, fsync the directory.
package durable

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// TempPrefix begins the names of temporary files. One that is found later was left by
// an interrupted write and holds nothing that was ever promised to anybody.
const TempPrefix = ".tmp-"

// ErrFull: no space is left on the device, or the quota is used up.
var ErrFull = errors.New("no space left on device")

// File is a file being written. It gets its name with Commit. Not safe for concurrent use.
type File struct {
	dir  *os.Root // the directory; every step happens inside it, so a symbolic link cannot lead elsewhere
	file *os.File
	base string
	temp string
	once sync.Once
	buf  *[]byte // bytes that wait to be written; nil while there are none
	// settled: the bytes are durable; what is left is the name.
	settled bool
	// syncDir makes the new name durable; nil syncs the directory for this file alone.
	syncDir func(dir *os.Root) error
}

// ShareSync lets the file's directory be synced together with others' writes into it.
func (f *File) ShareSync(syncDir func(dir *os.Root) error) { f.syncDir = syncDir }

// bufferSize is what is written at once. Downloads come in small pieces; large writes cost
// fewer calls, and the system keeps what was written in large pieces that are read faster.
const bufferSize = 256 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, bufferSize); return &b }}

// Create starts a new file at path, whose directory must exist.
func Create(path string, perm fs.FileMode) (*File, error) {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("open directory of %s: %w", path, err)
	}
	return CreateIn(dir, filepath.Base(path), perm)
}

// CreateIn starts a new file in dir, which it takes over and closes.
func CreateIn(dir *os.Root, base string, perm fs.FileMode) (*File, error) {
	temp := TempPrefix + token()
	f, err := dir.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, errors.Join(classify("create temporary file for "+base, err), dir.Close())
	}
	hold(f)
	return &File{dir: dir, file: f, base: base, temp: temp}, nil
}

func token() string {
	var b [8]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// Write appends to the file. ErrFull when the disk is.
func (f *File) Write(p []byte) (int, error) {
	if f.buf == nil && len(p) < bufferSize {
		f.buf = buffers.Get().(*[]byte)
	}
	if f.buf != nil && len(*f.buf)+len(p) <= bufferSize {
		*f.buf = append(*f.buf, p...)
		return len(p), nil
	}
	if err := f.flush(); err != nil {
		return 0, err
	}
	if len(p) < bufferSize {
		return f.Write(p)
	}
	n, err := f.file.Write(p)
	return n, classify("write "+f.base, err)
}

// flush writes what waits, and gives the buffer back.
func (f *File) flush() error {
	if f.buf == nil {
		return nil
	}
	_, err := f.file.Write(*f.buf)
	f.drop()
	return classify("write "+f.base, err)
}

func (f *File) drop() {
	if f.buf != nil {
		*f.buf = (*f.buf)[:0]
		buffers.Put(f.buf)
		f.buf = nil
	}
}

// Commit gives the file its name: fs.ErrExist if something has it already. When it
// returns nil the file is whole and survives a power cut. The File is finished either way.
func (f *File) Commit() error { return f.finish(publish) }

// Replace gives the file its name, taking the place of what had it.
func (f *File) Replace() error {
	return f.finish(func(dir *os.Root, temp, base string) error { return dir.Rename(temp, base) })
}

// Discard drops the file. After Commit or Replace it does nothing.
func (f *File) Discard() error {
	var err error
	f.once.Do(func() {
		f.drop()
		err = errors.Join(f.file.Close(), f.dir.Remove(f.temp), f.dir.Close())
	})
	return err
}

func (f *File) finish(name func(dir *os.Root, temp, base string) error) error {
	err := fs.ErrClosed
	f.once.Do(func() {
		err = f.sync(name)
		if err != nil {
			// Best effort: the temporary may be gone already, and the first error is the news.
			_ = f.dir.Remove(f.temp)
		}
		err = errors.Join(err, f.dir.Close())
	})
	return err
}

func (f *File) sync(name func(dir *os.Root, temp, base string) error) error {
	if err := f.give(name); err != nil {
		return err
	}
	return f.syncName()
}

// give makes the bytes durable and gives the file its name, which is not durable yet.
func (f *File) give(name func(dir *os.Root, temp, base string) error) error {
	if err := errors.Join(f.Settle(), f.file.Close()); err != nil {
		return err
	}
	return classify("name "+f.base, name(f.dir, f.temp, f.base))
}

func (f *File) syncName() error {
	syncDir := SyncDir
	if f.syncDir != nil {
		syncDir = f.syncDir
	}
	return classify("sync directory of "+f.base, syncDir(f.dir))
}

// publish links temp to base, which fails when base exists, and then removes temp.
// File systems without hard links (exFAT on a stick) get an exclusive rename.
func publish(dir *os.Root, temp, base string) error {
	err := dir.Link(temp, base)
	switch {
	case err == nil:
		return dir.Remove(temp)
	case errors.Is(err, fs.ErrExist):
		return err
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, fs.ErrPermission):
		return renameExclusive(dir, temp, base)
	}
	return err
}

// SyncDir makes the names in a directory durable.
func SyncDir(dir *os.Root) error {
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// MkdirAll makes a directory below root with its parents, each durable before what it
// holds: a file that was synced into a directory whose own name was not is lost.
func MkdirAll(root *os.Root, name string, perm fs.FileMode) error {
	if name == "." || name == "" {
		return nil
	}
	if info, err := root.Stat(name); err == nil && info.IsDir() {
		return nil
	}
	at, parts := ".", strings.Split(filepath.ToSlash(name), "/")
	for _, part := range parts {
		if err := mkdirIn(root, at, part, perm); err != nil {
			return classify("make directory "+name, err)
		}
		at = filepath.Join(at, part)
	}
	return nil
}

// MakeDir is MkdirAll for a path anywhere.
func MakeDir(path string, perm fs.FileMode) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	there := path
	for {
		if _, err := os.Stat(there); err == nil || there == filepath.Dir(there) {
			break
		}
		there = filepath.Dir(there)
	}
	root, err := os.OpenRoot(there)
	if err != nil {
		return fmt.Errorf("make directory %s: %w", path, err)
	}
	name, err := filepath.Rel(there, path)
	if err == nil {
		err = MkdirAll(root, name, perm)
	}
	return errors.Join(err, root.Close())
}

func mkdirIn(root *os.Root, at, part string, perm fs.FileMode) error {
	dir, err := root.OpenRoot(at)
	if err != nil {
		return err
	}
	err = dir.Mkdir(part, perm)
	if err == nil {
		err = SyncDir(dir)
	} else if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return errors.Join(err, dir.Close())
}

// WriteNew writes a whole new file: fs.ErrExist if path is taken.
func WriteNew(path string, data []byte, perm fs.FileMode) error {
	return write(path, data, perm, (*File).Commit)
}

// WriteFile writes a whole file in place of what was at path.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	return write(path, data, perm, (*File).Replace)
}

func write(path string, data []byte, perm fs.FileMode, finish func(*File) error) error {
	f, err := Create(path, perm)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Discard())
	}
	return finish(f)
}

// classify wraps an error with what was being done, and makes a full disk an ErrFull.
func classify(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.ENOSPC) || isQuota(err) {
		return fmt.Errorf("%s: %w (%w)", doing, ErrFull, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
