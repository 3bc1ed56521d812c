package durable

import (
	"os"
	"sync"
	"sync/atomic"
)

// DirSyncs lets writers into one directory share its syncs: who waits while one runs is
// served by the next, all at once. Safe for concurrent use; the zero value is ready.
type DirSyncs struct {
	mu   sync.Mutex // guards dirs
	dirs map[string]*dirSync
}

type dirSync struct {
	asked   atomic.Int64
	running sync.Mutex
	done    int64 // guarded by running
}

// Sync makes the names in a directory durable that were given before the call. key tells
// directories apart.
func (s *DirSyncs) Sync(key string, dir *os.Root) error {
	s.mu.Lock()
	d := s.dirs[key]
	if d == nil {
		if s.dirs == nil {
			s.dirs = map[string]*dirSync{}
		}
		d = &dirSync{}
		s.dirs[key] = d
	}
	s.mu.Unlock()
	ticket := d.asked.Add(1)
	d.running.Lock()
	defer d.running.Unlock()
	if d.done >= ticket {
		return nil
	}
	serves := d.asked.Load()
	if err := SyncDir(dir); err != nil {
		return err
	}
	d.done = serves
	return nil
}
