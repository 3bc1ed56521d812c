package archive

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

const (
	blockHeader  = 3         // bytes, RFC 8878 section 3.1.1.2
	maxBlock     = 128 << 10 // bytes, section 3.1.1.2.4
	checksumSize = 4         // bytes, section 3.1.1
	rleBlock     = 1         // block types, section 3.1.1.2.2
	reservedType = 3
)

// frame is where one zstd frame lies in the file, in bytes.
type frame struct {
	start, end int64
	skippable  bool // holds nothing that is decoded
}

// scanner finds the frames of a file by their headers, without inflating them.
type scanner struct {
	file io.ReaderAt
	size int64
	buf  [4096]byte // a part of the file, so that a run of small blocks is no run of small reads
	at   int64      // where buf starts
	have int
}

// frame finds the end of the frame that starts at off. Its errors are those of reading,
// or wrap ErrArchive.
func (s *scanner) frame(ctx context.Context, off int64) (frame, error) {
	f := frame{start: off}
	head, err := s.peek(off, zstd.HeaderMaxSize)
	if err != nil {
		return f, err
	}
	var h zstd.Header
	if err := checkHeader(&h, head); err != nil {
		return f, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	off += int64(h.HeaderSize)
	if h.Skippable {
		f.skippable = true
		f.end = off + int64(h.SkippableSize)
	} else if f.end, err = s.blocks(ctx, off); err != nil {
		return f, err
	}
	if h.HasCheckSum {
		f.end += checksumSize
	}
	if f.end > s.size {
		return f, fmt.Errorf("%w: cut off at byte %d", ErrArchive, s.size)
	}
	return f, nil
}

func checkHeader(h *zstd.Header, head []byte) error {
	switch err := h.Decode(head); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("cut off in its header")
	case errors.Is(err, zstd.ErrMagicMismatch):
		return errors.New("not a zstd frame")
	case err != nil:
		return err
	case h.DictionaryID != 0:
		return fmt.Errorf("needs dictionary %d", h.DictionaryID)
	}
	need := h.WindowSize
	if h.SingleSegment {
		need = h.FrameContentSize // section 3.1.1.1.1.2: then the content is the window
	}
	if need > maxWindow {
		return fmt.Errorf("needs a window of %d bytes, more than %d", need, maxWindow)
	}
	return nil
}

// blocks hops over the blocks that start at off and gives the end of the last.
func (s *scanner) blocks(ctx context.Context, off int64) (int64, error) {
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		b, err := s.peek(off, blockHeader)
		if err != nil {
			return 0, err
		}
		if len(b) < blockHeader {
			return 0, fmt.Errorf("%w: cut off at byte %d", ErrArchive, off)
		}
		v := int64(b[0]) | int64(b[1])<<8 | int64(b[2])<<16
		last, kind, size := v&1 == 1, v>>1&3, v>>3
		if kind == reservedType || size > maxBlock {
			return 0, fmt.Errorf("%w: block at byte %d: type %d of %d bytes", ErrArchive, off, kind, size)
		}
		if kind == rleBlock {
			size = 1 // the size says how often this one byte is repeated
		}
		off += blockHeader + size
		if last {
			return off, nil
		}
	}
}

// peek gives n bytes at off, fewer at the end of the file. They are valid until the next call.
func (s *scanner) peek(off int64, n int) ([]byte, error) {
	n = int(min(int64(n), max(0, s.size-off)))
	if off < s.at || off+int64(n) > s.at+int64(s.have) {
		s.at, s.have = off, 0
		want := int(min(int64(len(s.buf)), max(0, s.size-off)))
		got, err := s.file.ReadAt(s.buf[:want], off)
		if got < want {
			return nil, fmt.Errorf("read at byte %d: %w", off, err)
		}
		s.have = got
	}
	from := int(off - s.at)
	return s.buf[from : from+n], nil
}
