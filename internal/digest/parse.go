package digest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/gzip"
)

var (
	// ErrTrailing: bytes follow the end of the compressed stream. CloudTrail writes none.
	ErrTrailing = errors.New("bytes follow the end of the compressed stream")
	// ErrFormat: not a digest.
	ErrFormat = errors.New("not in a digest's form")
)

// Bounds of what a digest may be: one of an hour with 100,000 log files has some 50 MB.
const (
	maxDigest = 64 << 20
	maxLogs   = 200_000
)

// Document is the text of a digest.
type Document struct {
	Account           string  `json:"awsAccountId"`
	Start             string  `json:"digestStartTime"`
	End               string  `json:"digestEndTime"`
	Bucket            string  `json:"digestS3Bucket"`
	Object            string  `json:"digestS3Object"`
	Fingerprint       string  `json:"digestPublicKeyFingerprint"`
	Algorithm         string  `json:"digestSignatureAlgorithm"`
	PreviousBucket    *string `json:"previousDigestS3Bucket"`
	PreviousObject    *string `json:"previousDigestS3Object"`
	PreviousHash      *string `json:"previousDigestHashValue"`
	PreviousAlgorithm *string `json:"previousDigestHashAlgorithm"`
	PreviousSignature *string `json:"previousDigestSignature"`
	Logs              []Log   `json:"logFiles"`

	start, end time.Time
}

// Log is a log file that a digest names.
type Log struct {
	Bucket    string `json:"s3Bucket"`
	Object    string `json:"s3Object"`
	Hash      string `json:"hashValue"` // hex SHA-256 of the inflated file
	Algorithm string `json:"hashAlgorithm"`
}

// Parse reads a digest's inflated text. Members that it does not know are let pass: the
// signature is over the bytes.
func Parse(text []byte) (*Document, error) {
	var d Document
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	var err error
	if d.start, err = time.Parse(time.RFC3339, d.Start); err == nil {
		d.end, err = time.Parse(time.RFC3339, d.End)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: its times: %w", ErrFormat, err)
	case d.end.Before(d.start):
		return nil, fmt.Errorf("%w: it ends before it starts", ErrFormat)
	case d.Object == "" || d.Bucket == "" || d.Fingerprint == "":
		return nil, fmt.Errorf("%w: its place or the fingerprint of its key is missing", ErrFormat)
	case (d.PreviousObject == nil) != (d.PreviousSignature == nil) || (d.PreviousObject == nil) != (d.PreviousBucket == nil):
		return nil, fmt.Errorf("%w: it names the digest before it by halves", ErrFormat)
	case len(d.Logs) > maxLogs:
		return nil, fmt.Errorf("%w: it names more than %d log files", ErrFormat, maxLogs)
	}
	return &d, nil
}

// signed is the text that CloudTrail signs for a digest with this hash.
func (d *Document) signed(hash string) []byte {
	before := "null"
	if d.PreviousSignature != nil {
		before = *d.PreviousSignature
	}
	return []byte(d.End + "\n" + d.Bucket + "/" + d.Object + "\n" + hash + "\n" + before)
}

// inflate gives the bytes of one whole gzip stream to w, and nothing may follow it.
func inflate(r io.Reader, w io.Writer) error {
	b := bufio.NewReaderSize(r, 64<<10)
	z, err := gzip.NewReader(b)
	if err != nil {
		return fmt.Errorf("inflating: %w", whole(err))
	}
	z.Multistream(false)
	if _, err = io.Copy(w, z); err != nil {
		return fmt.Errorf("inflating: %w", whole(err))
	}
	if _, err = b.ReadByte(); err == nil {
		return ErrTrailing
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return z.Close()
}

// whole tells an end that came too early from one that was due.
func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// sumOf is the SHA-256 of an inflated log file, in hex.
func sumOf(r io.Reader) (string, error) {
	h := sha256.New()
	if err := inflate(r, h); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// read inflates and parses a digest.
func read(r io.Reader) (*Document, string, error) {
	var text bytes.Buffer
	err := inflate(r, &bounded{w: &text, left: maxDigest})
	if err != nil {
		return nil, "", err
	}
	d, err := Parse(text.Bytes())
	return d, fmt.Sprintf("%x", sha256.Sum256(text.Bytes())), err
}

// bounded refuses what is over its bound: a few kilobytes can inflate to gigabytes.
type bounded struct {
	w    io.Writer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, fmt.Errorf("%w: over %d bytes", ErrFormat, maxDigest)
	}
	return b.w.Write(p)
}
