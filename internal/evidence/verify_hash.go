package evidence

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// listed is a file with the hash that some list gives for it.
type listed struct {
	name    string // from the case's root
	want    string // hex SHA-256
	version string // S3 VersionId that was written; "" where none is known
}

// hashed is a listed file and what lies there.
type hashed struct {
	listed
	got  string
	size int64
	err  error
}

// hashAhead hashes files on all workers, a few ahead of the one that is looked at, and
// yields them in the order given, so that a report never depends on scheduling.
func (k *checker) hashAhead(files iter.Seq[listed]) iter.Seq[hashed] {
	return func(yield func(hashed) bool) {
		workers := k.o.Workers
		if workers <= 0 {
			workers = runtime.GOMAXPROCS(0)
		}
		ctx, cancel := context.WithCancel(k.ctx)
		results := make(chan chan hashed, 4*workers)
		var all sync.WaitGroup
		all.Go(func() {
			defer close(results)
			slots := make(chan struct{}, workers)
			for f := range files {
				one := make(chan hashed, 1)
				select {
				case results <- one:
				case <-ctx.Done():
					return
				}
				slots <- struct{}{}
				all.Go(func() {
					defer func() { <-slots }()
					r := hashed{listed: f}
					r.got, r.size, r.err = hashFile(ctx, k.v, f.name)
					one <- r
				})
			}
		})
		defer all.Wait()
		defer cancel()
		for one := range results {
			if !yield(<-one) {
				return
			}
		}
	}
}

// compareAll reports every file that is not what its list says.
func (k *checker) compareAll(files iter.Seq[listed]) {
	for r := range k.hashAhead(files) {
		if k.stopped {
			return
		}
		k.judge(r)
	}
}

// compare hashes one object.
func (k *checker) compare(f listed) {
	r := hashed{listed: f}
	r.got, r.size, r.err = hashFile(k.ctx, k.v, f.name)
	k.judge(r)
}

func (k *checker) judge(r hashed) {
	switch {
	case errors.Is(r.err, vault.ErrNotFound):
		k.problem(Problem{Path: r.name, What: whatMissing, Want: r.want})
	case r.err != nil:
		k.fail(r.name, r.err)
	case r.got != r.want:
		k.problem(Problem{Path: r.name, What: whatChanged, Want: r.want, Got: r.got})
	}
	k.report.Objects++
	k.report.Bytes += r.size
}
