package evidence

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// When a batch is written: a sync costs about the same for one artefact and for many, and
// a second is what a crash may cost.
const (
	batchFiles = 64
	batchBytes = 64 << 20
	batchTime  = time.Second
)

// parcel is what one Put hands over: an artefact, or a secret with its redacted twin.
type parcel struct {
	main, twin *draft
	note       *twinNote // of twin
	err        error     // why nothing is stored
	twinErr    error     // why twin is not; main is
}

// batch is what waits to become durable together.
type batch struct {
	mu    sync.Mutex // guards what follows
	parts []*parcel
	bytes int64
	timer *time.Timer
	by    vault.Batcher // what writes them
	lost  error         // the first that could not be stored and that nobody was told of

	writing sync.Mutex // held while a batch is written
}

// store makes a parcel durable: at once in a vault that finishes objects one by one.
func (w *Writer) store(ctx context.Context, p *parcel) error {
	by, ok := w.c.vault.(vault.Batcher)
	if !ok {
		w.write(ctx, []*parcel{p}, one{})
		return errors.Join(p.err, p.twinErr)
	}
	if err := w.lost(); err != nil {
		return errors.Join(err, p.discard())
	}
	b := &w.batch
	b.mu.Lock()
	b.parts, b.by = append(b.parts, p), by
	b.bytes += p.main.item.Size
	full := len(b.parts) >= batchFiles || b.bytes >= batchBytes
	if b.timer == nil {
		b.timer = time.AfterFunc(batchTime, func() { w.flush(context.WithoutCancel(ctx)) })
	}
	b.mu.Unlock()
	if full {
		w.flush(ctx)
	}
	return nil
}

// Flush makes durable what was put. The error is of artefacts that could not be stored;
// each is a gap in the coverage.
func (w *Writer) Flush(ctx context.Context) error {
	if err := w.enter(); err != nil {
		return err
	}
	defer w.leave()
	w.flush(ctx)
	return w.lost()
}

func (w *Writer) lost() error {
	w.batch.mu.Lock()
	defer w.batch.mu.Unlock()
	err := w.batch.lost
	w.batch.lost = nil
	return err
}

// flush writes what has gathered; what cannot be stored becomes a gap.
func (w *Writer) flush(ctx context.Context) {
	b := &w.batch
	b.writing.Lock()
	defer b.writing.Unlock()
	b.mu.Lock()
	parts, by := b.parts, b.by
	b.parts, b.bytes = nil, 0
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	b.mu.Unlock()
	if len(parts) == 0 {
		return
	}
	// Whose Put filled the batch may have been cancelled; the others were not.
	w.write(context.WithoutCancel(ctx), parts, by)
	for _, p := range parts {
		if err := errors.Join(p.err, p.twinErr); err != nil {
			w.lose(p, err)
		}
	}
}

// lose records that what was collected could not be stored.
func (w *Writer) lose(p *parcel, err error) {
	m, note := p.main.item.Meta, "it was collected, and could not be stored"
	if p.err == nil {
		note = "it was sealed, and its redacted copy could not be stored"
	}
	w.addGap(Gap{
		Artefact: m.Artefact, Source: m.Source, State: Failed, Call: m.Call, RequestID: m.RequestID,
		Error: err.Error(), At: w.c.Now(), Note: note,
	})
	w.batch.mu.Lock()
	defer w.batch.mu.Unlock()
	if w.batch.lost == nil {
		w.batch.lost = fmt.Errorf("store %s: %w", m.Artefact, err)
	}
}

// finisher is the part of vault.Batcher that finishes.
type finisher interface {
	Settle(ctx context.Context, objects []vault.Staged) []error
	CommitAll(ctx context.Context, objects []vault.Staged) ([]vault.Entry, []error)
}

// one finishes objects of a vault that has no cheaper way for many.
type one struct{}

func (one) Settle(context.Context, []vault.Staged) []error { return nil }

func (one) CommitAll(ctx context.Context, objects []vault.Staged) (entries []vault.Entry, errs []error) {
	for _, s := range objects {
		e, err := s.Commit(ctx)
		entries, errs = append(entries, e), append(errs, err)
	}
	return entries, errs
}

// write stores parcels: first their bytes, then their lines in the journal, then their
// names, so that a resumed collection can tell what lies in the bag: whatever has its
// name has its line, and its bytes.
func (w *Writer) write(ctx context.Context, parts []*parcel, f finisher) {
	parts = w.settle(ctx, parts, f)
	if len(parts) == 0 {
		return
	}
	if err := w.announce(ctx, parts); err != nil {
		for _, p := range parts {
			p.err = errors.Join(err, p.discard())
		}
		return
	}
	w.name(ctx, parts, f)
	for _, p := range parts {
		if p.err == nil {
			w.record(p.main.item, p.main.state)
			if p.twin != nil {
				w.record(p.twin.item, Collected)
			}
		}
	}
}

// settle makes the bytes durable, and returns the parcels of which all are.
func (w *Writer) settle(ctx context.Context, parts []*parcel, f finisher) []*parcel {
	drafts, of := draftsOf(parts)
	for i, err := range f.Settle(ctx, staged(drafts)) {
		of[i].err = errors.Join(of[i].err, err)
	}
	var good []*parcel
	for _, p := range parts {
		if p.err != nil {
			p.err = errors.Join(p.err, p.discard())
			continue
		}
		good = append(good, p)
	}
	return good
}

func (w *Writer) announce(ctx context.Context, parts []*parcel) error {
	for _, p := range parts[:len(parts)-1] {
		if err := w.log.Add(ctx, itemKind, p.line()); err != nil {
			return err
		}
	}
	return w.log.Append(ctx, itemKind, parts[len(parts)-1].line())
}

func (p *parcel) line() itemNote { return itemNote{p.main.item, p.main.state, p.note} }

// name commits the drafts. A secret counts as stored also without its twin.
func (w *Writer) name(ctx context.Context, parts []*parcel, f finisher) {
	drafts, of := draftsOf(parts)
	entries, errs := f.CommitAll(ctx, staged(drafts))
	for i, err := range errs {
		d, p := drafts[i], of[i]
		d.item.VersionID = entries[i].Version
		switch {
		case err == nil || w.stored(ctx, d.item):
		case d == p.twin && p.err == nil:
			p.main.item.Twin, p.twin, p.twinErr = "", nil, err // the secret itself is kept
		default:
			p.err = errors.Join(p.err, err)
		}
	}
}

// draftsOf are the drafts of the parcels and, beside each, the parcel it belongs to.
func draftsOf(parts []*parcel) (drafts []*draft, of []*parcel) {
	for _, p := range parts {
		drafts, of = append(drafts, p.main), append(of, p)
		if p.twin != nil {
			drafts, of = append(drafts, p.twin), append(of, p)
		}
	}
	return drafts, of
}

func staged(drafts []*draft) []vault.Staged {
	out := make([]vault.Staged, len(drafts))
	for i, d := range drafts {
		out[i] = d.staged
	}
	return out
}

func (p *parcel) discard() error {
	err := p.main.staged.Discard()
	if p.twin != nil {
		err = errors.Join(err, p.twin.staged.Discard())
	}
	return err
}
