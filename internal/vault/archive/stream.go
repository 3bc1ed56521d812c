package archive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/klauspost/compress/zstd"
)

const (
	readAhead = 32 << 10 // bytes read from the file at once
	// maxParked is how many decoders wait for the next member, each with its window. Two
	// suffice for hashing and then storing one member after the other; a bucket reads thrice.
	maxParked = 4
)

// newDecoder makes one that runs in the caller's goroutine and remembers no more than maxWindow.
func newDecoder() (*zstd.Decoder, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxWindow), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, fmt.Errorf("make zstd decoder: %w", err)
	}
	return dec, nil
}

// stream inflates the file from some frame on.
type stream struct {
	dec *zstd.Decoder
	in  *bufio.Reader
	pos int64 // position of the next byte, counted over all frames
}

// skip inflates n bytes and drops them.
func (s *stream) skip(ctx context.Context, n int64) error {
	got, err := io.CopyN(io.Discard, contextReader{ctx, s.dec}, n)
	s.pos += got
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// take gives a stream that stands in m's frame at or before its content: one that was
// parked there, or else one from the frame's start.
func (a *Archive) take(m member) (*stream, error) {
	s, here, err := a.unpark(m)
	if err != nil || here {
		return s, err
	}
	if s == nil {
		dec, err := newDecoder()
		if err != nil {
			return nil, err
		}
		s = &stream{dec: dec, in: bufio.NewReaderSize(nil, readAhead)}
	}
	s.in.Reset(io.NewSectionReader(a.file, m.frame, a.size-m.frame))
	s.pos = m.first
	return s, s.dec.Reset(s.in)
}

// unpark gives the parked stream that has come nearest to m, here; or one that waited
// longest if there are too many, to be used anew; or none.
func (a *Archive) unpark(m member) (s *stream, here bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, false, fs.ErrClosed
	}
	best := -1
	for i, s := range a.parked {
		if s.pos >= m.first && s.pos <= m.pos && (best < 0 || s.pos > a.parked[best].pos) {
			best = i
		}
	}
	if here = best >= 0; !here {
		if len(a.parked) < maxParked {
			return nil, false, nil
		}
		best = 0
	}
	s = a.parked[best]
	a.parked = slices.Delete(a.parked, best, best+1)
	return s, here, nil
}

func (a *Archive) park(s *stream) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || len(a.parked) >= maxParked {
		s.dec.Close()
		return
	}
	a.parked = append(a.parked, s)
}

// reader reads one member. Not for concurrent use.
type reader struct {
	archive *Archive
	member  member
	stream  *stream // nil once closed
	left    int64
	err     error
}

func (r *reader) Read(p []byte) (int, error) {
	switch {
	case r.stream == nil:
		return 0, fs.ErrClosed
	case r.err != nil:
		return 0, r.err
	case r.left == 0:
		return 0, io.EOF
	}
	n, err := r.stream.dec.Read(p[:min(int64(len(p)), r.left)])
	r.stream.pos += int64(n)
	r.left -= int64(n)
	if err != nil && (r.left > 0 || !errors.Is(err, io.EOF)) {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		r.err = fmt.Errorf("read %s in %s, frame at byte %d: %w", r.member.name, r.archive.path, r.member.frame, blame(err))
	}
	return n, r.err
}

// Close leaves the decoder to the next member.
func (r *reader) Close() error {
	s := r.stream
	if r.stream = nil; s == nil {
		return nil
	}
	if r.err != nil {
		s.dec.Close()
		return nil
	}
	r.archive.park(s)
	return nil
}
