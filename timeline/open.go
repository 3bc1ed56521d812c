package timeline

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/freezeframe-ir/freezeframe/internal/inflate"
)

// Bombs: what a stream inflates to is read in a window, so only time is at stake: of gzip,
// which others wrote, as far as maxRatio lets it; zstd we wrote ourselves, with a cap. Its
// window is bounded, its default would be 64 GiB.
const (
	maxZstdWindow = 64 << 20
	readAhead     = 256 << 10
	// CloudTrail's files inflate to some fifteen times their size, and to fewer bytes than
	// are always read.
	maxRatio   = 500
	alwaysRead = 128 << 20
	// A file that inflates to no more is inflated to memory, whole: less than a record may have.
	maxAtOnce = maxRecord - 1
)

// bounded fails where a stream inflates as only a bomb does.
type bounded struct {
	io.Reader
	packed *countingReader
	n      int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if b.n += int64(n); b.n > alwaysRead && b.n > maxRatio*b.packed.n {
		return 0, fmt.Errorf("%d bytes inflate to more than %d: a bomb", b.packed.n, b.n)
	}
	return n, err
}

// inflater opens one stream after the other, with the same buffers: a trail's bucket is made of
// many small files.
type inflater struct {
	in     *bufio.Reader
	small  bytes.Buffer // a packed file that is all in memory: the library reads those faster
	whole  *inflate.Decoder
	text   wholeText
	z      gzip.Reader
	head   *bufio.Reader
	packed *countingReader
}

// wholeText is a text that is all in memory.
type wholeText struct {
	bytes.Reader
	b []byte
}

// rest takes what has not been read, where that is all in memory. It is not to be written to, and good
// until the next file is opened.
func (c *countingReader) rest() ([]byte, bool) {
	t, ok := c.r.(*wholeText)
	if !ok {
		return nil, false
	}
	b := t.b[len(t.b)-t.Len():]
	t.Reset(nil)
	c.n += int64(len(b))
	return b, true
}

// peek gives the first bytes of what was opened, and a reader that begins with them.
func (x *inflater) peek(r io.Reader, n int) ([]byte, io.Reader) {
	if r == io.Reader(&x.text) {
		return x.text.b[:min(n, len(x.text.b))], r
	}
	b := x.in
	if r != io.Reader(x.in) {
		if x.head == nil {
			x.head = bufio.NewReaderSize(nil, 1<<10)
		}
		x.head.Reset(r)
		b = x.head
	}
	head, _ := b.Peek(n) // its error comes again, when it is read
	return head, b
}

// open looks at the first bytes and inflates gzip (all members) and zstd; other
// bytes pass. What it gives fails where bytes follow the last gzip member, and is good until
// the next is opened.
func (x *inflater) open(r io.Reader) (out io.Reader, done func(), err error) {
	if x.in == nil {
		x.in = bufio.NewReaderSize(nil, readAhead)
	}
	b, packed := x.in, &countingReader{r: r}
	b.Reset(packed)
	x.packed = packed
	head, err := b.Peek(4)
	if err != nil && err != io.EOF {
		return nil, nil, fmt.Errorf("reading its first bytes: %w", err)
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		var from io.Reader = b
		if whole, err := b.Peek(readAhead); err == io.EOF {
			if x.inflated(whole) {
				return &x.text, func() {}, nil
			}
			x.small.Reset()
			x.small.Write(whole)
			from = &x.small
		}
		if err := x.z.Reset(from); err != nil {
			return nil, nil, fmt.Errorf("inflating gzip: %w", err)
		}
		return &bounded{Reader: &x.z, packed: packed}, func() {}, nil
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderMaxMemory(maxZstdWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, nil, fmt.Errorf("inflating zstd: %w", err)
		}
		return z, z.Close, nil
	}
	return b, func() {}, nil
}

// inflated says whether a packed file could be inflated at once. What is wrong with one that could
// not the library will say.
func (x *inflater) inflated(file []byte) (ok bool) {
	if x.whole == nil {
		x.whole = &inflate.Decoder{}
	}
	x.text.b, ok = x.whole.Gzip(x.text.b, file, maxAtOnce)
	x.text.Reset(x.text.b)
	return ok
}
