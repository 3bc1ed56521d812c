package vault

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/freezeframe-ir/freezeframe/internal/durable"
)

// syncsAtOnce: a file system writes the syncs of several files into one commit of its journal.
const syncsAtOnce = 8

// Settle implements Batcher.
func (f *Folder) Settle(ctx context.Context, objects []Staged) []error {
	errs := make([]error, len(objects))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(syncsAtOnce, len(objects)) {
		workers.Go(func() {
			for i := range next {
				s := objects[i].(*staged)
				if errs[i] = ctx.Err(); errs[i] == nil {
					errs[i] = s.wrap(s.file.Settle())
				}
			}
		})
	}
	for i := range objects {
		next <- i
	}
	close(next)
	workers.Wait()
	return errs
}

// CommitAll implements Batcher.
func (f *Folder) CommitAll(ctx context.Context, objects []Staged) ([]Entry, []error) {
	entries := make([]Entry, len(objects))
	if err := ctx.Err(); err != nil {
		errs := make([]error, len(objects))
		for i, s := range objects {
			errs[i] = errors.Join(err, s.Discard())
		}
		return entries, errs
	}
	files := make([]*durable.File, len(objects))
	for i, s := range objects {
		files[i] = s.(*staged).file
	}
	errs := durable.CommitAll(files)
	for i, object := range objects {
		s := object.(*staged)
		entries[i], errs[i] = Entry{Name: s.name, Size: s.size}, s.wrap(errs[i])
	}
	return entries, errs
}

func (s *staged) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write %s in %s: %w", s.name, s.folder, translate(err))
}
