// Package journal is an append-only log of intents and outcomes, kept as NDJSON
// segments (a bucket has no append): what Append returned for is durable. Callers that
// append at the same time share a segment, so that many cost one round trip.
package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// maxBuffered is how many bytes Add holds back before it writes a segment itself.
const maxBuffered = 256 << 10

// Entry is one line.
type Entry struct {
	Seq   int64           `json:"seq"` // from 1, without holes
	At    time.Time       `json:"at"`
	Kind  string          `json:"kind"`
	Value json.RawMessage `json:"value,omitempty"`
}

// Log writes a journal. Safe for concurrent use.
type Log struct {
	now   func() time.Time
	store func(ctx context.Context, segment []byte) error

	mu      sync.Mutex // guards what follows
	seq     int64
	pending []byte

	writing sync.Mutex // held by whoever writes a segment; guards the order of segments
	durable int64      // the last seq that is durable; guarded by writing
	stuck   []byte     // lines that a failed store left behind: they go first next time
}

// New is an empty journal. store must make a segment durable before it returns nil,
// and is never called twice at once. After an error the same lines are offered
// again, with newer ones behind them.
func New(now func() time.Time, store func(ctx context.Context, segment []byte) error) *Log {
	return &Log{now: now, store: store}
}

// Continue is New for a journal whose last entry has the number last.
func Continue(now func() time.Time, store func(ctx context.Context, segment []byte) error, last int64) *Log {
	return &Log{now: now, store: store, seq: last, durable: last}
}

// Append adds an entry and returns when it is durable. After an error the entry may
// or may not have been written; it will not be offered again.
func (l *Log) Append(ctx context.Context, kind string, value any) error {
	seq, err := l.add(kind, value)
	if err != nil {
		return err
	}
	return l.flush(ctx, seq)
}

// Add adds an entry that becomes durable with the next Append or Flush, or here
// when enough has gathered.
func (l *Log) Add(ctx context.Context, kind string, value any) error {
	if _, err := l.add(kind, value); err != nil {
		return err
	}
	l.mu.Lock()
	seq, full := l.seq, len(l.pending) >= maxBuffered
	l.mu.Unlock()
	if !full {
		return nil
	}
	return l.flush(ctx, seq)
}

// Flush makes everything that was added durable.
func (l *Log) Flush(ctx context.Context) error {
	l.mu.Lock()
	seq := l.seq
	l.mu.Unlock()
	return l.flush(ctx, seq)
}

func (l *Log) add(kind string, value any) (int64, error) {
	raw, err := encode(value)
	if err != nil {
		return 0, fmt.Errorf("encode journal entry %q: %w", kind, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	line, err := encode(Entry{Seq: l.seq + 1, At: l.now().UTC(), Kind: kind, Value: raw})
	if err != nil {
		return 0, fmt.Errorf("encode journal entry %q: %w", kind, err)
	}
	l.seq++
	l.pending = append(append(l.pending, line...), '\n')
	return l.seq, nil
}

// encode is one line of JSON, with '<' and '&' left as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// flush returns when the entry seq is durable. Whoever gets the lock first writes for
// all that wait.
func (l *Log) flush(ctx context.Context, seq int64) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.durable >= seq {
		return nil
	}
	l.mu.Lock()
	last := l.seq
	l.stuck = append(l.stuck, l.pending...)
	l.pending = nil
	l.mu.Unlock()
	if err := l.store(ctx, l.stuck); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	l.durable, l.stuck = last, nil
	return nil
}
