package secretscan

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Limits on what archives may become.
const (
	maxDepth    = 4
	maxInflated = 1 << 30 // bytes in all, for one Scan
	chunk       = 256 << 10
)

// ErrLimit: an archive is deeper or larger than is searched.
var ErrLimit = errors.New("archive exceeds the limits of the search")

func (s *Scanner) scan(where string, r io.Reader, depth int, left *int64) ([]Hit, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(8)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", where, err)
	}
	kind := archiveKind(head)
	if kind == "" {
		return s.plain(where, b, left)
	}
	// The archive's own bytes first (a stored member, a comment), kept aside for the second reading.
	aside, err := os.CreateTemp("", "secretscan-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(aside.Name())
	defer aside.Close()
	hits, err := s.plain(where, io.TeeReader(b, aside), left)
	if err != nil {
		return hits, err
	}
	if depth == 0 {
		return hits, fmt.Errorf("%s: %w", where, ErrLimit)
	}
	inside, err := s.inflate(where, kind, aside, depth-1, left)
	return append(hits, inside...), err
}

func archiveKind(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return "gzip"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return "zip"
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return "zstd"
	case bytes.HasPrefix(head, []byte("\x78\x9c")), bytes.HasPrefix(head, []byte("\x78\xda")):
		return "zlib"
	}
	return ""
}

// inflate searches what the archive holds. One that is broken was searched as the bytes
// that it is; what could be read of it is searched too.
func (s *Scanner) inflate(where, kind string, f *os.File, depth int, left *int64) ([]Hit, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if kind == "zip" {
		return s.zip(where, f, size, depth, left)
	}
	r, err := inflater(kind, f)
	if err != nil {
		return nil, nil // only its first bytes looked like one
	}
	return s.member(where+"!"+kind, r, depth, left)
}

func inflater(kind string, f io.Reader) (io.Reader, error) {
	switch kind {
	case "gzip":
		return gzip.NewReader(f)
	case "zlib":
		return zlib.NewReader(f)
	}
	d, err := zstd.NewReader(f, zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (s *Scanner) zip(where string, f *os.File, size int64, depth int, left *int64) ([]Hit, error) {
	z, err := zip.NewReader(f, size)
	if err != nil {
		return nil, nil
	}
	var hits []Hit
	for _, m := range z.File {
		for _, text := range []string{m.Name, m.Comment} {
			named, err := s.Bytes(where+"!name", []byte(text))
			if hits = append(hits, named...); err != nil {
				return hits, err
			}
		}
		r, err := m.Open()
		if err != nil {
			continue // an unknown method: its raw bytes were searched
		}
		found, err := s.member(where+"!"+m.Name, r, depth, left)
		hits = append(hits, found...)
		_ = r.Close() // says nothing that reading did not
		if err != nil {
			return hits, err
		}
	}
	return hits, nil
}

// member searches an inflated stream; a tar in it is searched as its bytes, which hold its files as they are.
func (s *Scanner) member(where string, r io.Reader, depth int, left *int64) ([]Hit, error) {
	return s.scan(where, untilBroken{r}, depth, left)
}

// untilBroken ends a corrupt stream where it breaks.
type untilBroken struct{ r io.Reader }

func (u untilBroken) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

// plain searches a stream in chunks that overlap by the longest form.
func (s *Scanner) plain(where string, r io.Reader, left *int64) ([]Hit, error) {
	var hits []Hit
	found := map[[2]int]bool{} // one hit for each secret and form is enough
	buf := make([]byte, 0, chunk+s.longest)
	var base int64
	for {
		n, err := io.ReadFull(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if *left -= int64(n); *left < 0 {
			return hits, fmt.Errorf("%s: %w", where, ErrLimit)
		}
		hits = s.window(hits, found, where, base, buf)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return hits, nil
		}
		if err != nil {
			return hits, fmt.Errorf("read %s: %w", where, err)
		}
		keep := min(len(buf), s.longest)
		base += int64(len(buf) - keep)
		buf = append(buf[:0], buf[len(buf)-keep:]...)
	}
}

func (s *Scanner) window(hits []Hit, found map[[2]int]bool, where string, base int64, data []byte) []Hit {
	folded := lower(data)
	for i, n := range s.needles {
		in := data
		if n.fold {
			in = folded
		}
		at := bytes.Index(in, n.text)
		if at < 0 || found[[2]int{n.secret, i}] {
			continue
		}
		found[[2]int{n.secret, i}] = true
		hits = append(hits, Hit{Where: where, Secret: n.secret, Form: n.form, Offset: base + int64(at)})
	}
	return hits
}
