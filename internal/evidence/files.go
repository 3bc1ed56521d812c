package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/go-json-experiment/json"

	"github.com/freezeframe-ir/freezeframe/internal/mapped"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// Caps on what is read into memory. Payload is streamed and has none.
const (
	maxSmallFile = 1 << 20   // case.json, a ledger event
	maxTagFile   = 256 << 20 // coverage.json, a manifest, a journal segment
)

// encodeJSON writes what people will read decades from now: indented, one final newline.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := stdjson.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// decodeStrict refuses unknown and duplicate keys, bad UTF-8 and trailing bytes: two
// readers of a sealed file must never see two different things in it.
func decodeStrict(data []byte, v any) error {
	return json.Unmarshal(data, v, json.RejectUnknownMembers(true))
}

// readFile reads a whole small object.
func readFile(ctx context.Context, v vault.Vault, name string, limit int64) ([]byte, error) {
	r, err := v.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", name, v, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read %s in %s: %w: larger than %d bytes", name, v, ErrDamaged, limit)
	}
	return data, nil
}

// putExact creates an object of ours. After any failure it looks whether the object is
// there all the same with the same bytes: the write may have been done and only its answer lost.
// The entry then says no version.
func putExact(ctx context.Context, v vault.Vault, name string, data []byte) (vault.Entry, error) {
	sum := sha256.Sum256(data)
	e, err := v.Create(ctx, name, bytes.NewReader(data), int64(len(data)), sum)
	if err == nil {
		return e, nil
	}
	if got, size, again := hashFile(ctx, v, name); again == nil && got == hex.EncodeToString(sum[:]) && size == int64(len(data)) {
		return vault.Entry{Name: name, Size: size}, nil
	}
	return e, err // the vault says what and where
}

// hashFile is the hex SHA-256 and the size of a stored object.
func hashFile(ctx context.Context, v vault.Vault, name string) (string, int64, error) {
	r, err := v.Open(ctx, name)
	if err != nil {
		return "", 0, err
	}
	t := newTally(io.Discard)
	if err = drain(ctx, t, r); err == nil {
		err = ctx.Err()
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return "", 0, fmt.Errorf("read %s in %s: %w", name, v, err)
	}
	return t.sum(), t.size, nil
}

// drain reads r to its end. A warm local file is hashed where it lies.
func drain(ctx context.Context, t *tally, r io.Reader) error {
	if f, ok := r.(*os.File); ok && ctx.Err() == nil {
		if _, done, err := mapped.Copy(t, f); done || err != nil {
			return err
		}
	}
	_, err := io.Copy(t, contextReader{ctx, r})
	return err
}

func hashBytes(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// tally hashes and counts what passes through to w.
type tally struct {
	w    io.Writer
	hash hash.Hash
	size int64
}

func newTally(w io.Writer) *tally { return &tally{w: w, hash: sha256.New()} }

func (t *tally) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.hash.Write(p[:n])
	t.size += int64(n)
	return n, err
}

func (t *tally) sum() string { return hex.EncodeToString(t.hash.Sum(nil)) }

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
