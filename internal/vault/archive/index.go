package archive

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// member is where an object lies. Positions count the bytes of all frames inflated.
type member struct {
	name  string
	size  int64
	frame int64 // byte of the file at which the frame starts that its content starts in
	first int64 // position of that frame's first byte
	pos   int64 // position of the content's first byte
}

// index reads the archive once from end to end and keeps only where the members lie, in
// the order of the file. What it does not understand in full, it refuses.
func index(ctx context.Context, file io.ReaderAt, size int64, max limits) ([]member, error) {
	dec, err := newDecoder()
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	x := &indexer{
		max:    max,
		frames: frames{ctx: ctx, scan: scanner{file: file, size: size}, dec: dec, in: bufio.NewReaderSize(nil, readAhead)},
	}
	x.tar = tar.NewReader(&x.frames)
	for {
		more, err := x.next()
		if err != nil {
			return nil, x.explain(err)
		}
		if !more {
			break
		}
	}
	if err := x.tail(); err != nil {
		return nil, x.explain(err)
	}
	i, j, found := collision(len(x.members), func(i int) string { return x.members[i].name })
	if found {
		a, b := x.members[i], x.members[j]
		return nil, fmt.Errorf("%w: member %q at byte %d: collides with %q at byte %d", ErrArchive, b.name, b.frame, a.name, a.frame)
	}
	return x.members, nil
}

type indexer struct {
	frames  frames
	tar     *tar.Reader
	max     limits
	members []member
	names   int64  // bytes so far
	end     int64  // position after the last member and its padding
	current string // the member that an error is about, or comes after
}

// next reads one header, and says whether there was one.
func (x *indexer) next() (bool, error) {
	h, err := x.tar.Next()
	if errors.Is(err, io.EOF) && x.frames.err == nil {
		// package tar takes a missing end, and half of one, for an end.
		if x.frames.pos != x.end+2*tarBlock {
			return false, errors.New("cut off: the two zero blocks at the end of a tar archive are missing")
		}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	x.current = h.Name
	if err := x.check(h); err != nil {
		return false, err
	}
	m := member{
		name: strings.Clone(h.Name), // not the block that it is a part of
		size: h.Size, frame: x.frames.start, first: x.frames.first, pos: x.frames.pos,
	}
	x.members = append(x.members, m)
	x.names += int64(len(m.name))
	x.end = m.pos + padded(m.size)
	return true, nil
}

func (x *indexer) check(h *tar.Header) error {
	if h.Typeflag != tar.TypeReg {
		return fmt.Errorf("is %s: only regular files are allowed", typeName(h.Typeflag))
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return errors.New("is a sparse file: only regular files are allowed")
		}
	}
	if err := vault.CheckName(h.Name); err != nil {
		return err
	}
	if h.Size > x.max.size {
		return fmt.Errorf("is said to have %d bytes, more than %d", h.Size, x.max.size)
	}
	if len(x.members) >= x.max.members {
		return fmt.Errorf("is one of more than %d members", x.max.members)
	}
	if x.names+int64(len(h.Name)) > x.max.names {
		return fmt.Errorf("names of more than %d bytes together", x.max.names)
	}
	return nil
}

// tail reads what follows the end: nothing, or the zeros that fill a tape's record.
func (x *indexer) tail() error {
	buf := make([]byte, 8<<10)
	for n := 0; ; {
		got, err := x.frames.Read(buf)
		for _, b := range buf[:got] {
			if b != 0 {
				return errors.New("data after the end of the tar archive")
			}
		}
		if n += got; n > maxTail {
			return fmt.Errorf("more than %d zeros after the end of the tar archive", maxTail)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// explain says where the archive is bad, unless the fault lies elsewhere.
func (x *indexer) explain(err error) error {
	if x.frames.err != nil {
		err = x.frames.err // package tar makes less of it
	}
	at := "at the start"
	if x.current != "" {
		at = fmt.Sprintf("at or after member %.200q", x.current)
	}
	return blame(fmt.Errorf("%s, frame at byte %d: %w", at, x.frames.at, err))
}

// blame makes an error of decoding ErrArchive; not what the disk or the caller caused.
func blame(err error) error {
	var disk *fs.PathError
	switch {
	case errors.Is(err, ErrArchive), errors.As(err, &disk),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return fmt.Errorf("%w: %w", ErrArchive, err)
}

func typeName(flag byte) string {
	switch flag {
	case tar.TypeLink:
		return "a hard link"
	case tar.TypeSymlink:
		return "a symbolic link"
	case tar.TypeChar, tar.TypeBlock:
		return "a device"
	case tar.TypeDir:
		return "a directory"
	case tar.TypeFifo:
		return "a pipe"
	case tar.TypeGNUSparse:
		return "a sparse file"
	case tar.TypeXGlobalHeader:
		return "a global header"
	}
	return fmt.Sprintf("of type %q", flag)
}

func padded(size int64) int64 { return (size + tarBlock - 1) / tarBlock * tarBlock }

// frames reads the content of all frames as one stream, and knows in which it is.
type frames struct {
	ctx   context.Context
	scan  scanner
	dec   *zstd.Decoder
	in    *bufio.Reader
	start int64 // byte of the file at which the frame starts that was read from last
	first int64 // position of its first byte
	pos   int64 // position of the next byte
	at    int64 // byte of the file at which the frame starts that was looked at last, even in vain
	next  int64 // byte of the file at which the next frame starts
	open  bool
	err   error // what stopped it, other than the end
}

func (f *frames) Read(p []byte) (int, error) {
	for f.err == nil {
		if !f.open {
			if f.next == f.scan.size {
				return 0, io.EOF
			}
			if f.err = f.advance(); f.err != nil || !f.open {
				continue
			}
		}
		n, err := f.dec.Read(p)
		f.pos += int64(n)
		if errors.Is(err, io.EOF) {
			f.open = false
		} else if err != nil {
			f.err = fmt.Errorf("inflate: %w", err)
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	return 0, f.err
}

// advance goes to the next frame; one that is skipped leaves f closed.
func (f *frames) advance() error {
	if err := f.ctx.Err(); err != nil {
		return err
	}
	f.at = f.next
	fr, err := f.scan.frame(f.ctx, f.next)
	if err != nil {
		return err
	}
	f.next = fr.end
	if fr.skippable {
		return nil
	}
	f.start, f.first, f.open = fr.start, f.pos, true
	f.in.Reset(contextReader{f.ctx, io.NewSectionReader(f.scan.file, fr.start, fr.end-fr.start)})
	return f.dec.Reset(f.in)
}

// contextReader ends a long read when the caller gives up.
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
