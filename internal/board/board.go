package board

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// Errors that callers branch on.
var (
	// ErrTaken: a record has that name.
	ErrTaken = errors.New("the record is there already")
	// ErrNone: no record has that name.
	ErrNone = errors.New("no such record")
	// ErrHeld: somebody else has the claim, and is alive.
	ErrHeld = errors.New("somebody else is at it")
	// ErrLost: somebody else has taken the claim: whatever is done under it must stop.
	ErrLost = errors.New("somebody else has taken over")
)

const (
	root       = "board/"
	maxRecord  = 1 << 20
	maxRecords = 1_000_000 // under one prefix: a bound, far from what is ever there
)

// Board is a place for records. Safe for concurrent use.
type Board struct {
	v       vault.Vault
	who     string
	silence time.Duration
}

// On is the board of a place. who names this process in what it writes: host, process, start.
func On(v vault.Vault, who string) *Board { return &Board{v, who, Silence} }

// As is the same board for another writer of this process.
func (b *Board) As(who string) *Board { return &Board{b.v, who, b.silence} }

// Within is the same board for a holder who may be silent for another time than Silence. Its claims
// say so, and others go by what they say.
func (b *Board) Within(silence time.Duration) *Board { return &Board{b.v, b.who, max(silence, Least)} }

// Who is the name under which this process writes.
func (b *Board) Who() string { return b.who }

// Put writes a record as JSON; ErrTaken if its name is not free. Names are a vault's: segments of
// letters, digits, dots, dashes and underscores between slashes.
func (b *Board) Put(ctx context.Context, name string, record any) error {
	data, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("board record %s: %w", name, err)
	}
	if len(data) > maxRecord {
		return fmt.Errorf("board record %s: %d bytes, at most %d", name, len(data), maxRecord)
	}
	_, err = b.v.Create(ctx, root+name, bytes.NewReader(data), int64(len(data)), sha256.Sum256(data))
	switch {
	case errors.Is(err, vault.ErrExists):
		return fmt.Errorf("%w: %s", ErrTaken, name)
	case err != nil:
		return fmt.Errorf("board record %s: %w", name, err)
	}
	return nil
}

// Get reads a record; ErrNone if there is none.
func (b *Board) Get(ctx context.Context, name string, into any) (err error) {
	r, err := b.v.Open(ctx, root+name)
	switch {
	case errors.Is(err, vault.ErrNotFound):
		return fmt.Errorf("%w: %s", ErrNone, name)
	case err != nil:
		return fmt.Errorf("board record %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	data, err := io.ReadAll(io.LimitReader(r, maxRecord+1))
	switch {
	case err != nil:
		return fmt.Errorf("board record %s: %w", name, err)
	case len(data) > maxRecord:
		return fmt.Errorf("board record %s: more than %d bytes: it is none of ours", name, maxRecord)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("board record %s: %w", name, err)
	}
	return nil
}

// Names are the records under a prefix that ends with a slash, in order, each without the prefix.
func (b *Board) Names(ctx context.Context, prefix string) ([]string, error) {
	var out []string
	last := ""
	for e, err := range b.v.List(ctx, root+prefix) {
		switch {
		case errors.Is(err, vault.ErrNotFound):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("listing %s of the board: %w", prefix, err)
		case e.Odd != "" || e.Marker || e.Name == last: // older versions of one name: the vault shows the first
			continue
		case len(out) == maxRecords:
			return nil, fmt.Errorf("listing %s of the board: more than %d records", prefix, maxRecords)
		}
		last = e.Name
		out = append(out, strings.TrimPrefix(e.Name, root+prefix))
	}
	return out, nil
}
