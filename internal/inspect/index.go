package inspect

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/flate"
)

// Limits on what is read of one archive. The zero value takes Defaults.
type Limits struct {
	Entries    int   // entries indexed
	Directory  int64 // bytes of the central directory, which holds all names
	Bytes      int64 // bytes of all entries together, uncompressed
	EntryBytes int64 // bytes of one entry, uncompressed
	Ratio      int64 // uncompressed to compressed bytes of an entry above a megabyte
}

// Defaults are far above what Lambda deploys (250 MB unzipped, image layers up to 10 GB) and
// below what would stop a laptop.
var defaults = Limits{Entries: 200_000, Directory: 64 << 20, Bytes: 12 << 30, EntryBytes: 4 << 30, Ratio: 1000}

// ErrNotZip: the bytes are no zip archive.
var ErrNotZip = errors.New("not a zip archive")

// Entry is one entry of an archive.
type Entry struct {
	Name    string   `json:"name"`                     // as written, invalid UTF-8 replaced
	NameB64 string   `json:"name_base64url,omitempty"` // its bytes, where they are not UTF-8 or longer than shown
	Size    int64    `json:"size"`                     // of the bytes really there
	SHA256  string   `json:"sha256,omitempty"`         // hex; "" for a directory, and where reading broke off
	Mode    string   `json:"mode,omitempty"`           // "-rwxr-xr-x"
	Kind    Kind     `json:"kind"`
	Odd     []string `json:"odd,omitempty"`
}

// Index is what lies in an archive.
type Index struct {
	Entries []Entry  `json:"entries"`
	Bytes   int64    `json:"bytes"`             // uncompressed, as far as read
	Odd     []string `json:"odd,omitempty"`     // of the archive as a whole
	Cut     string   `json:"cut,omitempty"`     // why the index ends early; "" if it does not
	Comment string   `json:"comment,omitempty"` // of the archive
}

// maxShownName is how much of a name is kept as text; all of it is in NameB64.
const maxShownName = 1024

// Zip indexes an archive of size bytes. visit, if not nil, is given each file's bytes, up to
// the limit of an entry; it need not read them all, and its error ends the index.
func Zip(ctx context.Context, r io.ReaderAt, size int64, limits Limits, visit func(e Entry, body io.Reader) error) (*Index, error) {
	if limits == (Limits{}) {
		limits = defaults
	}
	x := &Index{}
	end, err := findEnd(r, size)
	if err != nil {
		return nil, err
	}
	if end.directory > limits.Directory {
		x.Cut = fmt.Sprintf("the names alone take %d bytes, more than %d: not looked into", end.directory, limits.Directory)
		return x, nil
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotZip, err)
	}
	z.RegisterDecompressor(zip.Deflate, func(r io.Reader) io.ReadCloser { return flate.NewReader(r) })
	x.Comment = shown(z.Comment)
	headers, err := locals(ctx, r, z.File)
	if err != nil {
		return nil, err
	}
	x.Odd = layout(end, z.File, headers)
	w := walk{x: x, limits: limits, seen: map[string]string{}, visit: visit, left: limits.Bytes}
	for i, f := range z.File {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if i >= limits.Entries {
			x.Cut = fmt.Sprintf("%d entries, of which %d are listed", len(z.File), limits.Entries)
			break
		}
		if err := w.entry(f, headers[i]); err != nil {
			return nil, err
		}
		if x.Cut != "" {
			break
		}
	}
	return x, nil
}

type walk struct {
	x      *Index
	limits Limits
	seen   map[string]string // folded name -> name
	visit  func(Entry, io.Reader) error
	left   int64
}

func (w *walk) entry(f *zip.File, l local) error {
	e := Entry{Name: shown(f.Name), Mode: f.Mode().String(), Odd: oddName(f.Name)}
	if e.Name != f.Name {
		e.NameB64 = base64.RawURLEncoding.EncodeToString([]byte(f.Name))
	}
	folded := strings.ToLower(strings.TrimSuffix(f.Name, "/"))
	switch before, ok := w.seen[folded]; {
	case ok && before == f.Name:
		e.Odd = append(e.Odd, "the name is there twice")
	case ok:
		e.Odd = append(e.Odd, "differs from another name only in case")
	default:
		w.seen[folded] = f.Name
	}
	e.Odd = append(e.Odd, oddHeader(f, l)...)
	if f.Mode()&fs.ModeType != 0 && !f.Mode().IsDir() {
		e.Odd = append(e.Odd, "is a "+kindOfMode(f.Mode()))
	}
	if strings.HasSuffix(f.Name, "/") {
		e.Kind = Directory
		if f.UncompressedSize64 > 0 {
			e.Odd = append(e.Odd, "a directory that has bytes")
		}
		w.x.Entries = append(w.x.Entries, e)
		return nil
	}
	err := w.read(f, &e)
	w.x.Entries = append(w.x.Entries, e)
	w.x.Bytes += e.Size
	return err
}

// read hashes the entry's bytes and shows them to the visitor.
func (w *walk) read(f *zip.File, e *Entry) error {
	body, err := f.Open()
	if err != nil {
		e.Kind = Unreadable
		e.Odd = append(e.Odd, "cannot be read: "+reason(err))
		return nil
	}
	defer body.Close()
	limit := min(w.limits.EntryBytes, w.left, w.limits.Ratio*max(int64(f.CompressedSize64), 1<<10))
	m := &meter{r: io.LimitReader(body, limit), hash: sha256.New()}
	e.Kind = m.sniff(f.Name)
	var visited error
	if w.visit != nil {
		visited = w.visit(*e, m)
	}
	_, err = io.Copy(io.Discard, m)
	e.Size, w.left = m.n, w.left-m.n
	if err == nil && m.n >= limit {
		err = beyond(body, w, limit)
	}
	switch {
	case visited != nil:
		return visited
	case m.failed != nil:
		e.Odd = append(e.Odd, "cannot be read to its end: "+reason(m.failed))
	case err != nil:
		e.Odd = append(e.Odd, err.Error())
		if w.left <= 0 {
			w.x.Cut = fmt.Sprintf("more than %d bytes uncompressed", w.limits.Bytes)
		}
	default:
		e.SHA256 = hex.EncodeToString(m.hash.Sum(nil))
	}
	return nil
}

// beyond says which limit ended an entry; nil if the entry ends exactly there.
func beyond(body io.Reader, w *walk, limit int64) error {
	if n, _ := io.ReadFull(body, make([]byte, 1)); n == 0 {
		return nil
	}
	if limit < min(w.limits.EntryBytes, w.left+limit) {
		return fmt.Errorf("a bomb: unpacks to more than %d times its size", w.limits.Ratio)
	}
	return fmt.Errorf("longer than %d bytes", limit)
}

// reason keeps an archive's own text out of an error.
func reason(err error) string {
	switch {
	case errors.Is(err, zip.ErrChecksum):
		return "its checksum is wrong"
	case errors.Is(err, zip.ErrAlgorithm):
		return "compressed in a way that Lambda does not take"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends too early"
	}
	return "not valid compressed data"
}

// meter hashes and counts what is read through it, whoever reads.
type meter struct {
	r    io.Reader
	head []byte // read ahead to tell the kind
	hash interface {
		Write([]byte) (int, error)
		Sum([]byte) []byte
	}
	n      int64
	failed error
}

func (m *meter) Read(p []byte) (int, error) {
	if len(m.head) > 0 {
		n := copy(p, m.head)
		m.head = m.head[n:]
		return n, nil
	}
	n, err := m.r.Read(p)
	m.take(p[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		m.failed = err
		err = io.EOF // for the visitor it ends here
	}
	return n, err
}

func (m *meter) take(p []byte) {
	_, _ = m.hash.Write(p) // a hash takes everything
	m.n += int64(len(p))
}

func (m *meter) sniff(name string) Kind {
	head := make([]byte, sniffed)
	n, err := io.ReadFull(m.r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		m.failed = err
	}
	m.head = head[:n]
	m.take(m.head)
	return kindOf(name, m.head)
}

// shown is a name as text: valid UTF-8, and not longer than is worth showing.
func shown(name string) string {
	if len(name) > maxShownName {
		name = name[:maxShownName]
	}
	if utf8.ValidString(name) {
		return name
	}
	return strings.ToValidUTF8(name, "\uFFFD")
}
