// Package secretscan looks for planted secrets in what the tool writes: as text and in
// every form that a secret takes when it is escaped, encoded or hashed on the way out.
// It serves tests; it finds what it was given, it does not guess what a secret looks like.
package secretscan

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// MinLength is the shortest secret that can be looked for: base64 at a shifted
// alignment loses up to two bytes at each end, and what is left must still be telling.
const MinLength = 8

// Hit is one place where a secret was found.
type Hit struct {
	Where  string // as given to Scan; members of archives follow after "!"
	Secret int    // index in the secrets given to New
	Form   string // "text", "base64", "sha256 hex", ...
	Offset int64
}

func (h Hit) String() string {
	return fmt.Sprintf("%s at %d: secret %d as %s", h.Where, h.Offset, h.Secret, h.Form)
}

// Scanner looks for a fixed set of secrets. Safe for concurrent use.
type Scanner struct {
	needles []needle
	longest int
}

type needle struct {
	secret int
	form   string
	text   []byte
	fold   bool // compare without regard to case: hex, and escapes with hex in them
}

// New makes a scanner. It panics on a secret shorter than MinLength: a test that plants
// one would prove nothing.
func New(secrets ...string) *Scanner {
	s := &Scanner{}
	for i, secret := range secrets {
		if len(secret) < MinLength {
			panic(fmt.Sprintf("secretscan: secret %d is shorter than %d bytes", i, MinLength))
		}
		s.forms(i, secret)
	}
	for _, n := range s.needles {
		s.longest = max(s.longest, len(n.text))
	}
	return s
}

func (s *Scanner) add(secret int, form, text string, fold bool) {
	t := []byte(text)
	if fold {
		t = lower(t)
	}
	for _, n := range s.needles {
		if n.secret == secret && n.fold == fold && bytes.Equal(n.text, t) {
			return // an escape that changes nothing
		}
	}
	s.needles = append(s.needles, needle{secret, form, t, fold})
}

// lower folds ASCII only and keeps the length: bytes.ToLower replaces what is no UTF-8.
func lower(data []byte) []byte {
	out := make([]byte, len(data))
	for i, c := range data {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		out[i] = c
	}
	return out
}

func (s *Scanner) forms(i int, secret string) {
	raw := []byte(secret)
	s.add(i, "text", secret, false)
	s.base64(i, "base64", raw)
	s.add(i, "hex", hex.EncodeToString(raw), true)
	s.add(i, "hex with colons", pairs(raw, ":"), true)
	s.escapes(i, "", secret)
	for name, sum := range sums(raw) {
		s.add(i, name+" hex", hex.EncodeToString(sum), true)
		s.base64(i, name+" base64", sum)
	}
}

func sums(raw []byte) map[string][]byte {
	s256, s1, m5 := sha256.Sum256(raw), sha1.Sum(raw), md5.Sum(raw)
	return map[string][]byte{"sha256": s256[:], "sha1": s1[:], "md5": m5[:]}
}

// base64 adds what the bytes become at each of the three alignments within a longer
// text: the characters that depend on neighbours are left off at both ends.
func (s *Scanner) base64(i int, form string, raw []byte) {
	for shift := range 3 {
		padded := append(make([]byte, shift), raw...)
		for name, enc := range map[string]*base64.Encoding{"std": base64.RawStdEncoding, "url": base64.RawURLEncoding} {
			text := enc.EncodeToString(padded)
			from := []int{0, 2, 3}[shift]
			to := len(padded) / 3 * 4 // whole groups
			if rest := len(padded) % 3; rest > 0 {
				to += rest // the characters of the last group that are full
			}
			s.add(i, fmt.Sprintf("%s (%s, alignment %d)", form, name, shift), text[from:to], false)
		}
	}
}

func (s *Scanner) escapes(i int, in, secret string) {
	quoted, err := json.Marshal(secret)
	if err != nil {
		panic("secretscan: a string has no JSON: " + err.Error())
	}
	plain := strings.Trim(jsonUnescaped(secret), "\n")
	s.add(i, "JSON"+in, string(quoted[1:len(quoted)-1]), false)
	s.add(i, "JSON without HTML escapes"+in, plain[1:len(plain)-1], false)
	s.add(i, "JSON, all \\u"+in, unicodeEscapes(secret, func(r rune) bool { return true }), true)
	s.add(i, "JSON, ASCII"+in, unicodeEscapes(plain[1:len(plain)-1], func(r rune) bool { return r > 126 }), true)
	s.add(i, "Go quoted"+in, strings.Trim(fmt.Sprintf("%q", secret), `"`), false)
	s.add(i, "URL query"+in, url.QueryEscape(secret), true)
	s.add(i, "URL path"+in, url.PathEscape(secret), true)
	s.add(i, "URL, all %"+in, "%"+pairs([]byte(secret), "%"), true)
	s.add(i, "HTML"+in, html.EscapeString(secret), false)
	s.add(i, "HTML, named"+in, strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace(secret), false)
	if in == "" {
		s.escapes(i, " in JSON", string(quoted[1:len(quoted)-1])) // a log line inside a JSON string
	}
}

func jsonUnescaped(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic("secretscan: a string has no JSON: " + err.Error())
	}
	return b.String()
}

func unicodeEscapes(s string, which func(rune) bool) string {
	var b strings.Builder
	for _, r := range s {
		if which(r) && r < 0x10000 {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func pairs(raw []byte, sep string) string {
	out := make([]string, len(raw))
	for i, c := range raw {
		out[i] = hex.EncodeToString([]byte{c})
	}
	return strings.Join(out, sep)
}

// Scan searches bytes, and what they hold when they are an archive, as deep as Limits let it.
// Where names them in hits. An error is a stream that could not be read, or a limit reached:
// then the search was not complete.
func (s *Scanner) Scan(where string, r io.Reader) ([]Hit, error) {
	left := int64(maxInflated)
	return s.scan(where, r, maxDepth, &left)
}

// Bytes is Scan over bytes.
func (s *Scanner) Bytes(where string, data []byte) ([]Hit, error) {
	return s.Scan(where, bytes.NewReader(data))
}

// Dir searches every regular file below dir, and the names of all files, but for paths (relative,
// with slashes) that skip says to leave out.
func (s *Scanner) Dir(dir string, skip func(path string) bool) ([]Hit, error) {
	var hits []Hit
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if skip != nil && skip(rel) {
			return nil
		}
		named, err := s.Bytes("name of "+rel, []byte(rel))
		hits = append(hits, named...)
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		found, err := s.file(rel, path)
		hits = append(hits, found...)
		return err
	})
	return hits, err
}

func (s *Scanner) file(where, path string) ([]Hit, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return s.Scan(where, f)
}
