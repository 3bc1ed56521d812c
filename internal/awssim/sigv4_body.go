package awssim

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

const (
	maxBody   = 96 << 20  // of a request that is decoded: Lambda takes 50 MB of zip, in base64
	maxObject = 512 << 20 // of one to S3, whose objects live in memory here
)

// bodyOf is a request's body, read whole before the lock is taken, with aws-chunked
// framing removed.
type bodyOf struct {
	bytes    []byte
	hash     string // SHA-256 in hex, of bytes
	declared string // X-Amz-Content-Sha256
	chunked  bool
	chunks   []chunk
	trailers []trailer
	sealed   string // the trailer's signature
}

type chunk struct{ hash, signature string }

type trailer struct{ name, value string }

func readBody(r *http.Request, s *signature) (*bodyOf, error) {
	limit := int64(maxBody)
	if s != nil && s.service == "s3" {
		limit = maxObject
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	if int64(len(raw)) > limit {
		return nil, &apiError{Code: "RequestEntityTooLargeException", Message: fmt.Sprintf("Request must be smaller than %d bytes", limit), Status: http.StatusRequestEntityTooLarge}
	}
	b := &bodyOf{bytes: raw, declared: r.Header.Get("X-Amz-Content-Sha256")}
	if strings.HasPrefix(b.declared, "STREAMING-") {
		b.chunked = true
		if err := b.unchunk(raw); err != nil {
			return nil, &apiError{Code: "IncompleteBody", Message: "The request body terminated unexpectedly: " + err.Error(), Status: http.StatusBadRequest}
		}
	}
	b.hash = hashHex(b.bytes)
	return b, nil
}

// unchunk takes the aws-chunked framing off:
//
//	HEX[;chunk-signature=SIG] CRLF data CRLF ... 0[;chunk-signature=SIG] CRLF [name:value CRLF]... CRLF
func (b *bodyOf) unchunk(raw []byte) error {
	var out bytes.Buffer
	for {
		line, rest, ok := bytes.Cut(raw, []byte("\r\n"))
		if !ok {
			return errors.New("chunk header is not complete")
		}
		size, ext, _ := strings.Cut(string(line), ";")
		n, err := strconv.ParseUint(strings.TrimSpace(size), 16, 31)
		if err != nil {
			return fmt.Errorf("chunk size %q", size)
		}
		if int(n) > len(rest) {
			return errors.New("chunk is shorter than its size")
		}
		data := rest[:n]
		b.chunks = append(b.chunks, chunk{hashHex(data), strings.TrimPrefix(ext, "chunk-signature=")})
		if raw = rest[n:]; n == 0 {
			b.bytes = out.Bytes()
			return b.readTrailers(raw)
		}
		out.Write(data)
		if !bytes.HasPrefix(raw, []byte("\r\n")) {
			return errors.New("chunk is longer than its size")
		}
		raw = raw[2:]
	}
}

func (b *bodyOf) readTrailers(raw []byte) error {
	for line := range strings.SplitSeq(string(raw), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return fmt.Errorf("trailer %q", line)
		}
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "x-amz-trailer-signature" {
			b.sealed = strings.TrimSpace(value)
			continue
		}
		b.trailers = append(b.trailers, trailer{name, strings.TrimSpace(value)})
	}
	return nil
}

// verify holds the body against what was declared and, if chunks are signed,
// against the chain of their signatures.
func (b *bodyOf) verify(service string, s *signature, key []byte) error {
	switch {
	case b.declared == "" || b.declared == "UNSIGNED-PAYLOAD" || b.declared == "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
		return nil
	case strings.HasPrefix(b.declared, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
		return b.verifyChunks(service, s, key)
	case b.declared == b.hash:
		return nil
	case service == "s3":
		return &apiError{Code: "XAmzContentSHA256Mismatch", Message: "The provided 'x-amz-content-sha256' header does not match what was computed.", Status: 400,
			Fields: map[string]any{"ClientComputedContentSHA256": b.declared, "S3ComputedContentSHA256": b.hash}}
	}
	return &authError{kind: authMismatch, service: service, keyID: s.keyID, provided: s.value}
}

func (b *bodyOf) verifyChunks(service string, s *signature, key []byte) error {
	head := "\n" + s.when.Format(sigTime) + "\n" + s.scope() + "\n"
	previous := s.value
	for _, c := range b.chunks {
		toSign := sigAlgorithm + "-PAYLOAD" + head + previous + "\n" + emptyHash + "\n" + c.hash
		previous = hex.EncodeToString(hmacSHA(key, toSign))
		if !hmac.Equal([]byte(previous), []byte(c.signature)) {
			return &authError{kind: authMismatch, service: service, keyID: s.keyID, toSign: toSign, provided: c.signature}
		}
	}
	if !strings.HasSuffix(b.declared, "-TRAILER") {
		return nil
	}
	h := sha256.New()
	for _, t := range b.trailers {
		fmt.Fprintf(h, "%s:%s\n", t.name, t.value)
	}
	toSign := sigAlgorithm + "-TRAILER" + head + previous + "\n" + hex.EncodeToString(h.Sum(nil))
	if want := hex.EncodeToString(hmacSHA(key, toSign)); !hmac.Equal([]byte(want), []byte(b.sealed)) {
		return &authError{kind: authMismatch, service: service, keyID: s.keyID, toSign: toSign, provided: b.sealed}
	}
	return nil
}

// request is what the decoder reads. A checksum that came in a trailer is put
// where it would have been had it come in a header; "aws-chunked" is framing and
// not kept.
func (b *bodyOf) request(r *http.Request, path map[string]string, streamed bool) *request {
	out := &request{http: r, path: path, body: b.bytes, size: int64(len(b.bytes))}
	if streamed {
		out.stream = bytes.NewReader(b.bytes)
	}
	if b.chunked {
		for _, t := range b.trailers {
			if strings.HasPrefix(t.name, "x-amz-checksum-") {
				r.Header.Set(t.name, t.value)
			}
		}
		var kept []string
		for _, e := range strings.Split(r.Header.Get("Content-Encoding"), ",") {
			if e = strings.TrimSpace(e); e != "" && e != "aws-chunked" {
				kept = append(kept, e)
			}
		}
		r.Header.Del("Content-Encoding")
		if len(kept) > 0 {
			r.Header.Set("Content-Encoding", strings.Join(kept, ","))
		}
	}
	return out
}
