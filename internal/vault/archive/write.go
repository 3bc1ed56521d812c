package archive

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// maxNamed is how many of what was left out are named.
const maxNamed = 100

// Summary is what Write did.
type Summary struct {
	Objects  int       `json:"objects"`            // members written
	Bytes    int64     `json:"bytes"`              // their content, inflated
	Size     int64     `json:"size"`               // bytes of the archive
	SHA256   string    `json:"sha256"`             // of the archive, hex
	LeftOut  int       `json:"left_out,omitempty"` // what lies in the vault and not in the archive
	LeftOuts []LeftOut `json:"left_outs,omitempty"`
}

// LeftOut is something in the vault that is no object, or no first version of one. Its name
// may be anything: escape it before it is shown.
type LeftOut struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Write writes all objects of v to w as one archive: of an object the version that v.Open
// reads. Two objects whose names collide where upper and lower case are one are an error
// (vault.ErrName), and so is one that is not as long as it was listed (vault.ErrBody).
// After an error, what was written to w is no archive. Memory holds the list of names and
// a few MiB, however large the objects are.
func Write(ctx context.Context, v vault.Vault, w io.Writer) (Summary, error) {
	return write(ctx, v, w, defaultLimits())
}

func write(ctx context.Context, v vault.Vault, w io.Writer, max limits) (Summary, error) {
	objects, s, err := survey(ctx, v, max)
	if err != nil {
		return Summary{}, fmt.Errorf("archive %s: %w", v, err)
	}
	// One goroutine: the same bytes on a machine with any number of processors.
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault),
		zstd.WithWindowSize(window), zstd.WithEncoderCRC(true))
	if err != nil {
		return Summary{}, fmt.Errorf("make zstd encoder: %w", err)
	}
	out := &output{w: w, hash: sha256.New()}
	p := packer{ctx: ctx, v: v, out: out, enc: enc, tar: tar.NewWriter(enc), buf: make([]byte, 128<<10)}
	for _, e := range objects {
		if err := p.member(e); err != nil {
			return Summary{}, fmt.Errorf("archive %s: %s: %w", v, e.Name, err)
		}
		s.Objects++
		s.Bytes += e.Size
	}
	enc.Reset(out)
	if err := errors.Join(p.tar.Close(), enc.Close()); err != nil {
		return Summary{}, fmt.Errorf("archive %s: write its end: %w", v, err)
	}
	s.Size, s.SHA256 = out.size, hex.EncodeToString(out.hash.Sum(nil))
	return s, nil
}

// survey lists what is to be archived, by name, and counts the rest.
func survey(ctx context.Context, v vault.Vault, max limits) ([]vault.Entry, Summary, error) {
	var objects []vault.Entry
	var s Summary
	names := int64(0)
	for e, err := range v.List(ctx, "") {
		if err != nil {
			return nil, s, err
		}
		if why := reason(e, objects); why != "" {
			s.leave(e.Name, why)
			continue
		}
		if e.Size < 0 || e.Size > max.size {
			return nil, s, fmt.Errorf("%s: %d bytes is more than the %d that an archive takes", e.Name, e.Size, max.size)
		}
		objects = append(objects, e)
		if names += int64(len(e.Name)); len(objects) > max.members || names > max.names {
			return nil, s, fmt.Errorf("more than %d objects, or than %d bytes of names", max.members, max.names)
		}
	}
	slices.SortStableFunc(objects, func(a, b vault.Entry) int { return strings.Compare(a.Name, b.Name) })
	if i, j, found := collision(len(objects), func(i int) string { return objects[i].Name }); found {
		return nil, s, fmt.Errorf("%w: %s and %s cannot lie in one folder everywhere", vault.ErrName, objects[i].Name, objects[j].Name)
	}
	return objects, s, ctx.Err()
}

// reason says why an entry is not archived, "" if it is.
func reason(e vault.Entry, before []vault.Entry) string {
	switch {
	case e.Marker:
		return "delete marker"
	case e.Odd != "":
		return e.Odd
	case vault.CheckName(e.Name) != nil:
		return "unsafe name" // of a directory, which a listing does not judge
	case len(before) > 0 && before[len(before)-1].Name == e.Name:
		return "later version" // versions of a name follow each other, the first one first
	}
	return ""
}

func (s *Summary) leave(name, why string) {
	s.LeftOut++
	if len(s.LeftOuts) < maxNamed {
		s.LeftOuts = append(s.LeftOuts, LeftOut{Name: name, Why: why})
	}
}

type packer struct {
	ctx context.Context
	v   vault.Vault
	out *output
	enc *zstd.Encoder
	tar *tar.Writer
	buf []byte
}

// member writes one object as a frame of its own.
func (p *packer) member(e vault.Entry) error {
	body, err := p.v.Open(p.ctx, e.Name)
	if err != nil {
		return err
	}
	return errors.Join(p.pack(e, body), body.Close())
}

func (p *packer) pack(e vault.Entry, body io.Reader) error {
	p.enc.Reset(p.out)
	h := &tar.Header{Typeflag: tar.TypeReg, Name: e.Name, Size: e.Size, Mode: 0o400, ModTime: time.Unix(0, 0)}
	if err := p.tar.WriteHeader(h); err != nil {
		return fmt.Errorf("write header: %w", err)
	}
	in := contextReader{p.ctx, body}
	n, err := io.CopyBuffer(p.tar, io.LimitReader(in, e.Size), p.buf)
	if err != nil {
		return err
	}
	more, err := io.ReadFull(in, p.buf[:1])
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if n != e.Size || more > 0 {
		return fmt.Errorf("%w: listed with %d bytes, read %d", vault.ErrBody, e.Size, n+int64(more))
	}
	// Flush pads the content; Close ends the frame.
	return errors.Join(p.tar.Flush(), p.enc.Close())
}

// output counts and hashes what is written.
type output struct {
	w    io.Writer
	hash hash.Hash
	size int64
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	o.hash.Write(p[:n])
	o.size += int64(n)
	if err != nil {
		return n, fmt.Errorf("write archive: %w", err)
	}
	return n, nil
}
