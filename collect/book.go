package collect

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// book keeps what was planned against what came of it: every planned artefact
// ends in the coverage, if only as not_attempted.
type book struct {
	w    Artefacts
	tell func(Progress)
	stop context.CancelCauseFunc

	mu    sync.Mutex
	open  map[slot]want
	seen  map[slot]bool
	fine  map[slot]bool // looked at again, with nothing to be recorded: a gap from before is none any more
	sum   Summary
	prog  Progress
	lost  int // absent where absence is no answer: taken away under our eyes
	told  int64
	store error
}

const stoppedNote = "the collection was stopped before it was done"

// slot identifies a coverage entry.
type slot struct {
	artefact string
	src      evidence.Source
}

func (w want) slot() slot { return slot{w.artefact, w.src} }

func newBook(w Artefacts, tell func(Progress), stop context.CancelCauseFunc) *book {
	return &book{
		w: w, tell: tell, stop: stop, open: map[slot]want{}, seen: map[slot]bool{}, fine: map[slot]bool{},
		sum: Summary{States: map[evidence.State]int{}},
	}
}

// plan says whether the want is a new one.
func (b *book) plan(w want) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen[w.slot()] {
		return false
	}
	b.seen[w.slot()], b.open[w.slot()] = true, w
	b.prog.Planned++
	return true
}

// forget takes back what was planned, where a gap stands for many of its kind.
func (b *book) forget(w want) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, open := b.open[w.slot()]; open {
		delete(b.open, w.slot())
		delete(b.seen, w.slot())
		b.prog.Planned--
	}
}

// overtaken says whether a gap from before was planned again, or found mended.
func (b *book) overtaken(w want) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen[w.slot()] || b.fine[w.slot()]
}

func (b *book) mended(w want) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fine[w.slot()] = true
	if _, planned := b.open[w.slot()]; planned { // else close would say that it was never asked for
		delete(b.open, w.slot())
		b.prog.Done++
	}
}

// gap records the gap in the store.
func (b *book) gap(w want, g evidence.Gap) {
	if err := b.w.Gap(g); err != nil {
		b.fail(err)
		return
	}
	b.stored(w, g.State)
}

// cut closes an artefact that was stored in part; the gap beside it says why.
func (b *book) cut(w want, g evidence.Gap) {
	if err := b.w.Gap(g); err != nil {
		b.fail(err)
	}
	b.stored(w, evidence.Truncated)
}

// stored closes an artefact with its state.
func (b *book) stored(w want, state evidence.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, w.slot())
	b.sum.States[state]++
	switch state {
	case evidence.Collected, evidence.Mismatch, evidence.Truncated:
		b.sum.Items++
	}
	b.prog.Done++
	if !state.Complete() {
		b.prog.Gaps++
	}
	b.prog.Last = w.artefact
	if w.src.Qualifier != "" {
		b.prog.Last += " " + w.src.Qualifier
	}
	b.report()
}

// lose counts something that was there a moment ago.
func (b *book) lose() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lost++
}

func (b *book) bytes(n int) {
	const step = 4 << 20
	b.mu.Lock()
	defer b.mu.Unlock()
	b.prog.Bytes += int64(n)
	if b.prog.Bytes-b.told >= step {
		b.report()
	}
}

func (b *book) report() {
	b.told = b.prog.Bytes
	if b.tell != nil {
		b.tell(b.prog)
	}
}

// fail stops the run: evidence that cannot be stored is not collected.
func (b *book) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.store == nil {
		b.store = err
		b.stop(err)
	}
}

func (b *book) storeError() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.store
}

// close writes down what is still open and sums up.
func (b *book) close(now time.Time) Summary {
	b.mu.Lock()
	left := make([]want, 0, len(b.open))
	for _, w := range b.open {
		left = append(left, w)
	}
	b.mu.Unlock()
	var errs []error
	for _, w := range left {
		g := evidence.Gap{
			Artefact: w.artefact, Source: w.src, State: evidence.NotAttempted, Call: w.call,
			At: now.UTC(), Note: stoppedNote,
		}
		if err := b.w.Gap(g); err != nil {
			errs = append(errs, err)
			continue
		}
		b.stored(w, evidence.NotAttempted)
	}
	if err := errors.Join(errs...); err != nil {
		b.fail(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sum.Bytes = b.prog.Bytes
	b.sum.Complete = b.store == nil && b.lost == 0 && len(b.open) == 0
	for state, n := range b.sum.States {
		b.sum.Complete = b.sum.Complete && (n == 0 || state.Complete())
	}
	return b.sum
}
