package timeline

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/klauspost/compress/flate"
)

// Archives of CloudTrail files are read where they lie: member by member, in their order, by one
// reader. Nothing is extracted; a member's name is shown and never opened. An archive may lie in
// an archive, and no deeper.

const (
	maxArchived  = 1 << 20   // of one archive
	maxDirectory = 16 << 20  // of a zip, which is held in memory
	maxSpooled   = 256 << 20 // of a zip that cannot be read where it lies: it goes into a private file
	maxInside    = 2
	memberShift  = 40 // of an event's offset: the member's number stands above it
	memberMask   = 1<<memberShift - 1
)

// fileSource and findingFile are what events of files give as their source. They share a file's
// origin: which of the two it is, the kind of the event says.
const (
	fileSource  = "cloudtrail.file"
	findingFile = "guardduty.file"
)

// unpacking is one file being read, which may be an archive.
type unpacking struct {
	*Sink
	task   task
	each   func(at Raw, text *countingReader) error
	names  *[]string // of members; nil: it is no archive so far
	packed func() int64
	text   int64
	n      int
	bomb   bool
}

// texts gives the inflated text of a file to each, or that of every file in the archive that it
// is. What cannot be read is a skip; an error ends the run.
func (s *Sink) texts(ctx context.Context, t task, raw io.ReadCloser, each func(at Raw, text *countingReader) error) error {
	u := &unpacking{Sink: s, task: t, each: each}
	s.member, s.at = 0, numbered{originOf(t.raw, t.name), t.origin}
	err := u.open(ctx, t.raw, raw, raw.Close, 0)
	s.member = 0
	return err
}

// open looks at what r is. done is called when r has been read.
func (u *unpacking) open(ctx context.Context, at Raw, r io.Reader, done func() error, inside int) error {
	counted := &countingReader{}
	in := &u.inflaters[inside]
	inflated, release, err := in.open(r)
	if err == nil {
		if u.packed == nil {
			u.packed = func() int64 { return in.packed.n }
		}
		head, text := in.peek(inflated, 512)
		counted.r = text
		switch {
		case u.task.raw.Item != "":
			err = u.each(at, counted)
		case isZip(head):
			err = u.zipOf(ctx, at, r, text, inflated == io.Reader(in.in), inside)
		case isTar(head):
			err = u.tar(ctx, at, text, inside)
		default:
			if inside > 0 {
				counted.r = &memberText{text, u}
			}
			err = u.each(at, counted)
		}
		release()
	}
	err = u.judge(ctx, at, counted, errors.Join(err, done()))
	u.bytes += counted.n
	return err
}

// memberText ends where an archive as a whole inflates as only a bomb does.
type memberText struct {
	io.Reader
	u *unpacking
}

func (m *memberText) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if m.u.text += int64(n); m.u.text > alwaysRead && m.u.text > maxRatio*m.u.packed() {
		m.u.bomb = true
		return 0, fmt.Errorf("an archive of %d bytes inflates to more than %d: a bomb", m.u.packed(), m.u.text)
	}
	return n, err
}

// member reads one file of an archive. Folders are nothing; a hidden file is left out, as in a folder.
func (u *unpacking) member(ctx context.Context, at Raw, name string, r io.Reader, inside int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	at.Path = u.memberPath(at, name)
	if u.n++; u.n > maxArchived {
		u.bomb = true
		u.Skip(at, 0, 0, fmt.Sprintf("an archive of more than %d files: unpack it and give the folder", maxArchived))
		return nil
	}
	if base := name[strings.LastIndexAny(name, `/\`)+1:]; strings.HasPrefix(base, ".") {
		u.Skip(at, 0, 0, "a hidden file")
		return nil
	}
	if u.names == nil {
		u.names = u.origins.members(u.task.origin)
	}
	before, number := u.read, len(*u.names)+1
	*u.names = append(*u.names, at.Path)
	u.Sink.member, u.at.origin = int64(number), originOf(at, u.task.name)
	err := u.open(ctx, at, r, func() error { return nil }, inside)
	if u.read == before && len(*u.names) == number {
		*u.names = (*u.names)[:number-1] // nobody asks for it
	}
	return err
}

func (u *unpacking) memberPath(archive Raw, name string) string {
	return archive.Path + "!/" + cut(name, maxNamedText)
}

func (u *unpacking) tar(ctx context.Context, at Raw, r io.Reader, inside int) error {
	if inside >= maxInside {
		u.Skip(at, 0, 0, "an archive in an archive in an archive: unpack it and give the folder")
		return nil
	}
	end := &zeros{Reader: r}
	t := tar.NewReader(end)
	for !u.bomb {
		h, err := t.Next()
		if err == io.EOF {
			if end.n < 512 {
				u.Skip(at, 0, 0, "the archive has no end: it may have been cut")
			}
			// What follows the end belongs to the stream: whether that is whole is seen at its end.
			if _, err := io.Copy(io.Discard, r); err != nil {
				u.Skip(at, 0, 0, fmt.Sprintf("cannot be read to its end: %v", err))
			}
			return nil
		}
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			u.Skip(at, 0, 0, fmt.Sprintf("the archive cannot be read further: %v", err))
			return nil
		}
		switch h.Typeflag {
		case tar.TypeReg, tar.TypeGNUSparse:
			if err := u.member(ctx, at, h.Name, t, inside+1); err != nil {
				return err
			}
		case tar.TypeDir, tar.TypeXGlobalHeader:
		default:
			u.Skip(Raw{Path: u.memberPath(at, h.Name)}, 0, 0, "not a regular file; links are not followed")
		}
	}
	return nil
}

// zeros counts the zero bytes that were read last: a tar ends with blocks of them, and its members
// are padded with fewer.
type zeros struct {
	io.Reader
	n int
}

func (z *zeros) Read(p []byte) (int, error) {
	n, err := z.Reader.Read(p)
	i := n
	for i > 0 && p[i-1] == 0 {
		i--
	}
	if i > 0 {
		z.n = 0
	}
	z.n += n - i
	return n, err
}

// zipOf reads a zip in place if it is a file, and otherwise from a private one.
func (u *unpacking) zipOf(ctx context.Context, at Raw, r, text io.Reader, plain bool, inside int) error {
	if inside >= maxInside {
		u.Skip(at, 0, 0, "an archive in an archive in an archive: unpack it and give the folder")
		return nil
	}
	if f, ok := r.(*os.File); ok && plain {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			u.packed = info.Size
			return u.zip(ctx, at, f, info.Size(), inside)
		}
	}
	f, err := u.spool.create()
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(&memberText{text, u}, maxSpooled+1))
	switch {
	case err != nil:
		u.Skip(at, 0, 0, fmt.Sprintf("cannot be read to its end: %v", err))
	case n > maxSpooled:
		u.Skip(at, 0, 0, fmt.Sprintf("a zip of more than %d bytes inside another file: unpack it and give the folder", maxSpooled))
	default:
		err = u.zip(ctx, at, f, n, inside)
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func (u *unpacking) zip(ctx context.Context, at Raw, r io.ReaderAt, size int64, inside int) error {
	directory := &limitedAt{r, maxDirectory}
	z, err := zip.NewReader(directory, size)
	if err != nil {
		u.Skip(at, 0, 0, fmt.Sprintf("a zip archive whose directory cannot be read: %v", err))
		return nil
	}
	directory.left = math.MaxInt64
	z.RegisterDecompressor(zip.Deflate, func(r io.Reader) io.ReadCloser { return flate.NewReader(r) })
	for _, f := range z.File {
		shown := Raw{Path: u.memberPath(at, f.Name)}
		switch {
		case u.bomb:
			return nil
		case f.Mode().IsDir():
			continue
		case !f.Mode().IsRegular():
			u.Skip(shown, 0, 0, "not a regular file; links are not followed")
			continue
		case f.Flags&1 != 0:
			u.Skip(shown, 0, 0, "it is encrypted")
			continue
		}
		m, err := f.Open()
		if err != nil {
			u.Skip(shown, 0, 0, fmt.Sprintf("cannot be opened: %v", err))
			continue
		}
		if err := errors.Join(u.member(ctx, at, f.Name, m, inside+1), m.Close()); err != nil {
			return err
		}
	}
	return nil
}

// limitedAt gives no more than so many bytes: a directory is read as a whole.
type limitedAt struct {
	io.ReaderAt
	left int64
}

func (l *limitedAt) ReadAt(p []byte, at int64) (int, error) {
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, fmt.Errorf("it is larger than %d bytes: unpack the archive and give the folder", maxDirectory)
	}
	return l.ReaderAt.ReadAt(p, at)
}

func isZip(head []byte) bool {
	return bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06"))
}

// isTar says whether a block is the header of a tar's first member: its checksum does, which all
// forms of tar have.
func isTar(b []byte) bool {
	if len(b) < 512 {
		return false
	}
	want, err := strconv.ParseInt(strings.Trim(string(b[148:156]), " \x00"), 8, 64)
	if err != nil {
		return false
	}
	sum := int64(8 * ' ') // the checksum's own place counts as spaces
	for i, c := range b[:512] {
		if i < 148 || i >= 156 {
			sum += int64(c)
		}
	}
	return sum == want
}
