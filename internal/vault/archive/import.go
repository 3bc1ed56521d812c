package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// What makes a folder a case; package evidence looks for these two.
const (
	caseFile  = "case.json"
	firstLink = "ledger/00000000.json"
)

// Import copies every object of a into the vault into, and says how many it wrote. The
// first ledger event comes last, case.json just before it: an import that stopped leaves
// no case, and the next one goes on where it stopped, since what is there with the same
// bytes is left as it is. Anything else that lies in into is vault.ErrExists, before the
// first write as far as names and sizes tell. What a lists and Write would leave out is an
// error. Each object is read twice, to hash it and to store it; none is held in memory.
func Import(ctx context.Context, a vault.Vault, into vault.Vault) (n int, err error) {
	objects, left, err := survey(ctx, a, defaultLimits())
	if err != nil {
		return 0, fmt.Errorf("import %s: %w", a, err)
	}
	if left.LeftOut > 0 {
		return 0, fmt.Errorf("import %s: %.200q cannot be copied: %s", a, left.LeftOuts[0].Name, left.LeftOuts[0].Why)
	}
	there, err := present(ctx, objects, into)
	if err != nil {
		return 0, fmt.Errorf("import %s into %s: %w", a, into, err)
	}
	sortForImport(a, objects)
	for _, e := range objects {
		wrote, err := copyObject(ctx, a, into, e, there[e.Name])
		if err != nil {
			return n, fmt.Errorf("import %s into %s: %s: %w", a, into, e.Name, err)
		}
		if wrote {
			n++
		}
	}
	return n, nil
}

// present is which of the objects lie in into; ErrExists if anything else does.
func present(ctx context.Context, objects []vault.Entry, into vault.Vault) (map[string]bool, error) {
	size := make(map[string]int64, len(objects))
	for _, e := range objects {
		size[e.Name] = e.Size
	}
	there := map[string]bool{}
	for e, err := range into.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		if e.Odd == vault.OddLeftover {
			continue // of an import that was interrupted
		}
		if want, ok := size[e.Name]; !ok || e.Odd != "" || e.Marker || e.Size != want || there[e.Name] {
			return nil, fmt.Errorf("%w: %.200q is there, and not from this archive", vault.ErrExists, e.Name)
		}
		there[e.Name] = true
	}
	return there, nil
}

// sortForImport puts what makes the case valid last, and the rest in the order in which a
// reads fastest.
func sortForImport(a vault.Vault, objects []vault.Entry) {
	rank := func(e vault.Entry) int {
		switch e.Name {
		case firstLink:
			return 2
		case caseFile:
			return 1
		}
		return 0
	}
	pos := func(vault.Entry) int64 { return 0 }
	if file, ok := a.(*Archive); ok {
		pos = func(e vault.Entry) int64 {
			at, _ := file.find(e.Name)
			return file.members[at].pos
		}
	}
	slices.SortStableFunc(objects, func(x, y vault.Entry) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(pos(x), pos(y)))
	})
}

// copyObject copies one object, or compares it if it is there, and says whether it wrote.
func copyObject(ctx context.Context, a, into vault.Vault, e vault.Entry, there bool) (bool, error) {
	sum, err := hashObject(ctx, a, e)
	if err != nil {
		return false, err
	}
	if there {
		got, err := hashObject(ctx, into, e)
		if err == nil && got != sum {
			err = fmt.Errorf("%w: with other bytes", vault.ErrExists)
		}
		return false, err
	}
	body := &body{ctx: ctx, v: a, name: e.Name, size: e.Size}
	_, err = into.Create(ctx, e.Name, body, e.Size, sum)
	return err == nil, errors.Join(err, body.Close())
}

func hashObject(ctx context.Context, v vault.Vault, e vault.Entry) ([32]byte, error) {
	r, err := v.Open(ctx, e.Name)
	if err != nil {
		return [32]byte{}, err
	}
	h := sha256.New()
	n, err := io.Copy(h, contextReader{ctx, r})
	if err == nil && n != e.Size {
		err = fmt.Errorf("%w: listed with %d bytes, read %d", vault.ErrBody, e.Size, n)
	}
	return [32]byte(h.Sum(nil)), errors.Join(err, r.Close())
}

// body is an object that can be read again from any place: going back opens it anew.
type body struct {
	ctx  context.Context
	v    vault.Vault
	name string
	size int64
	r    io.ReadCloser // nil until read
	at   int64         // where r stands
	want int64         // where the next Read starts
}

func (b *body) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.r != nil && b.want < b.at {
		if err := b.Close(); err != nil {
			return 0, err
		}
	}
	if b.r == nil {
		r, err := b.v.Open(b.ctx, b.name)
		if err != nil {
			return 0, err
		}
		b.r, b.at = r, 0
	}
	if b.want > b.at {
		n, err := io.CopyN(io.Discard, contextReader{b.ctx, b.r}, b.want-b.at)
		b.at += n
		if err != nil {
			return 0, err // io.EOF beyond the end, as a file says
		}
	}
	n, err := b.r.Read(p)
	b.at += int64(n)
	b.want = b.at
	return n, err
}

// Seek implements io.Seeker.
func (b *body) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.want
	case io.SeekEnd:
		offset += b.size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, fmt.Errorf("seek in %s: to %d from %d", b.name, offset, whence)
	}
	b.want = offset
	return offset, nil
}

// Close is called by Import; a vault that closes what it was given only makes the next
// Read open it anew.
func (b *body) Close() error {
	if b.r == nil {
		return nil
	}
	err := b.r.Close()
	b.r = nil
	return err
}
