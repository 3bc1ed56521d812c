package s3vault

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"sync"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// S3's limits: "Amazon S3 multipart upload limits" in its user guide.
const (
	maxParts = 10_000
	maxPart  = 5 << 30 // bytes
	minPart  = 64 << 20
	mebibyte = 1 << 20
	// maxMultipart is what a multipart upload takes, in bytes.
	maxMultipart = 5 << 40
)

// crcPolynomial is that of CRC-64/NVME, reflected: the one checksum that S3 gives a
// multipart upload over all of its bytes instead of over its parts' checksums.
const crcPolynomial = 0x9a6c9329ac4bc9b5

// span is one part of a body, with what its bytes were when the whole body was checked.
type span struct {
	number   int32 // from 1
	at, size int64
	crc      string // CRC-64/NVME, base64 of 8 bytes, big-endian, as S3 writes it
	sum      [32]byte
}

// survey is what one reading of a body found: its parts, and the CRC of all of it.
type survey struct {
	spans []span
	crc   string
}

// parts is how many parts of a size an object has.
func parts(size, partSize int64) int64 { return (size + partSize - 1) / partSize }

// partSize is that of a new upload, so large that there are not too many parts.
func (v *Vault) partSize(size int64) int64 {
	chosen := v.o.PartSize
	if chosen == 0 {
		chosen = minPart
	}
	if parts(size, chosen) > maxParts {
		chosen = parts(parts(size, maxParts), mebibyte) * mebibyte
	}
	return chosen
}

// surveyBody is checkBody for a body that is sent in parts: vault.ErrBody if it is not what
// was announced. It reads once, for such bodies are large. Because each part's SHA-256 is
// taken in the same reading and signed when it is sent, S3 refuses a part that changed since.
func surveyBody(ctx context.Context, body io.ReadSeeker, size int64, sum [32]byte, partSize int64) (survey, error) {
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return survey{}, fmt.Errorf("rewind: %w", err)
	}
	table := crc64.MakeTable(crcPolynomial)
	whole, wholeCRC := sha256.New(), crc64.New(table)
	// Long pieces: for a polynomial that is not its own, hash/crc64 builds a table for each.
	buffer := make([]byte, min(partSize, mebibyte))
	found := survey{spans: make([]span, 0, parts(size, partSize))}
	for at := int64(0); at < size; at += partSize {
		if err := ctx.Err(); err != nil {
			return survey{}, err
		}
		p := span{number: int32(len(found.spans) + 1), at: at, size: min(partSize, size-at)}
		h, crc := sha256.New(), crc64.New(table)
		n, err := io.CopyBuffer(io.MultiWriter(whole, wholeCRC, h, crc), io.LimitReader(body, p.size), buffer)
		if err != nil {
			return survey{}, err
		}
		if n != p.size {
			return survey{}, vault.ErrBody
		}
		p.crc, p.sum = base64.StdEncoding.EncodeToString(crc.Sum(nil)), [32]byte(h.Sum(nil))
		found.spans = append(found.spans, p)
	}
	more, err := io.CopyN(io.Discard, body, 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return survey{}, err
	}
	if more != 0 || [32]byte(whole.Sum(nil)) != sum {
		return survey{}, vault.ErrBody
	}
	found.crc = base64.StdEncoding.EncodeToString(wholeCRC.Sum(nil))
	return found, nil
}

// errReturned: a connection still reads a body that the caller of Create has back.
var errReturned = errors.New("the body was given back")

// source lets several parts be read from one body at a time, holding none in memory.
type source struct {
	at io.ReaderAt

	mu       sync.Mutex
	body     io.ReadSeeker // nil when given back
	returned bool
}

func newSource(body io.ReadSeeker) *source {
	s := &source{body: body}
	s.at, _ = body.(io.ReaderAt)
	return s
}

// ReadAt implements io.ReaderAt.
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	if s.at != nil {
		return s.at.ReadAt(p, off)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.returned {
		return 0, errReturned
	}
	if _, err := s.body.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(s.body, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// giveBack ends the reading: net/http may go on with a request's body after the answer came.
func (s *source) giveBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.returned = true
}
