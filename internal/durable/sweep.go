package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// settling is how old a temporary file is at least before it may be called abandoned:
// its writer takes the lock right after it has made it.
const settling = 100 * time.Millisecond

// RemoveAbandoned removes a temporary file that no living process is writing. One that
// is being written, or is gone by now, is left alone.
func RemoveAbandoned(root *os.Root, name string) error {
	f, err := root.Open(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", name, err)
	}
	info, err := f.Stat()
	if err == nil && time.Since(info.ModTime()) < settling {
		time.Sleep(settling)
	}
	busy := held(f)
	if err = errors.Join(err, f.Close()); err != nil || busy {
		return err
	}
	if err := root.Remove(filepath.FromSlash(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

// LockDir marks a folder as in use by this process until the returned function is called.
func LockDir(dir string) (unlock func() error, err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	hold(f)
	return f.Close, nil
}

const lockName = "lock"

// RemoveAbandonedDirs removes the folders that match pattern, were marked with LockDir, and
// whose process is gone.
func RemoveAbandonedDirs(pattern string) error {
	dirs, err := filepath.Glob(pattern)
	if err != nil {
		return fmt.Errorf("look for %s: %w", pattern, err)
	}
	for _, dir := range dirs {
		f, err := os.Open(filepath.Join(dir, lockName))
		if err != nil {
			continue // not ours, or not marked yet
		}
		busy := held(f)
		if err := f.Close(); err != nil || busy {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove %s: %w", dir, err)
		}
	}
	return nil
}
