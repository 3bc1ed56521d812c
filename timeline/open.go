package timeline

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Bombs: what a stream inflates to is read in a window, so only time is at stake. A gzip
// stream cannot exceed 1032 to 1; zstd's window is bounded, its default would be 64 GiB.
const (
	maxZstdWindow = 64 << 20
	readAhead     = 256 << 10
)

// inflater opens one stream after the other, with the same buffers: a trail's bucket is made of
// many small files.
type inflater struct {
	in *bufio.Reader
	z  gzip.Reader
}

// open looks at the first bytes and inflates gzip (all members) and zstd; other
// bytes pass. What it gives fails where bytes follow the last gzip member, and is good until
// the next is opened.
func (x *inflater) open(r io.Reader) (out io.Reader, done func(), err error) {
	if x.in == nil {
		x.in = bufio.NewReaderSize(nil, readAhead)
	}
	b := x.in
	b.Reset(r)
	head, err := b.Peek(4)
	if err != nil && err != io.EOF {
		return nil, nil, fmt.Errorf("reading its first bytes: %w", err)
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		if err := x.z.Reset(b); err != nil {
			return nil, nil, fmt.Errorf("inflating gzip: %w", err)
		}
		return &x.z, func() {}, nil
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderMaxMemory(maxZstdWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, nil, fmt.Errorf("inflating zstd: %w", err)
		}
		return z, z.Close, nil
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return nil, nil, fmt.Errorf("a zip archive: unpack it and give the folder")
	}
	return b, func() {}, nil
}
