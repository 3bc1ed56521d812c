package changes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/inspect"
)

// maxDiffs bounds how many text files are compared line by line, and maxTexts their bytes.
const (
	maxDiffs = 200
	maxTexts = 64 << 20
)

// code compares the deployment packages of both sides.
func (r *Report) code(ctx context.Context, c *evidence.Case, maxText int64) error {
	a, err := openCode(ctx, c, r.Function, r.From)
	if err != nil {
		r.Missing = append(r.Missing, "code of "+r.From.String()+": "+err.Error())
		return nil
	}
	defer a.Close()
	b, err := openCode(ctx, c, r.Function, r.To)
	if err != nil {
		r.Missing = append(r.Missing, "code of "+r.To.String()+": "+err.Error())
		return nil
	}
	defer b.Close()
	xa, err := a.index(ctx, nil)
	if err != nil {
		return err
	}
	xb, err := b.index(ctx, nil)
	if err != nil {
		return err
	}
	r.odd(r.From, xa)
	r.odd(r.To, xb)
	r.files(xa, xb)
	return r.texts(ctx, a, b, maxText)
}

func (r *Report) odd(s Side, x *inspect.Index) {
	say := func(what string) { r.Odd = append(r.Odd, "code of "+s.String()+": "+what) }
	for _, what := range x.Odd {
		say(what)
	}
	if x.Cut != "" {
		say("not all of it was looked into: " + x.Cut)
	}
	for _, e := range x.Entries {
		for _, what := range e.Odd {
			say(e.Name + ": " + what)
		}
	}
}

// byName is an index by the names' bytes. Of doubled names the last counts, as unzip has it;
// that they are doubled is told among the oddities.
func byName(x *inspect.Index) map[string]inspect.Entry {
	out := make(map[string]inspect.Entry, len(x.Entries))
	for _, e := range x.Entries {
		if e.Kind != inspect.Directory {
			out[nameOf(e)] = e
		}
	}
	return out
}

func nameOf(e inspect.Entry) string {
	if e.NameB64 != "" {
		return "base64url:" + e.NameB64
	}
	return e.Name
}

func (r *Report) files(xa, xb *inspect.Index) {
	a, b := byName(xa), byName(xb)
	for name, ea := range a {
		eb, ok := b[name]
		switch {
		case !ok:
			r.Files = append(r.Files, FileChange{Path: name, What: Removed, Kind: string(ea.Kind), From: ea.SHA256, Size: [2]int64{ea.Size, 0}})
		case ea.SHA256 != eb.SHA256 || ea.SHA256 == "":
			what := Changed
			if ea.SHA256 == "" || eb.SHA256 == "" {
				what = Unknown
			}
			r.Files = append(r.Files, FileChange{Path: name, What: what, Kind: string(eb.Kind), From: ea.SHA256, To: eb.SHA256, Size: [2]int64{ea.Size, eb.Size}})
		}
	}
	for name, eb := range b {
		if _, ok := a[name]; !ok {
			r.Files = append(r.Files, FileChange{Path: name, What: Added, Kind: string(eb.Kind), To: eb.SHA256, Size: [2]int64{0, eb.Size}})
		}
	}
	slices.SortFunc(r.Files, func(x, y FileChange) int { return strings.Compare(x.Path, y.Path) })
}

// texts adds line-by-line differences of text files that are not too large.
func (r *Report) texts(ctx context.Context, a, b *pack, maxText int64) error {
	want, left := map[string]bool{}, int64(maxTexts)
	for i := range r.Files {
		f := &r.Files[i]
		size := f.Size[0] + f.Size[1]
		switch {
		case f.Kind != string(inspect.Text) && f.Kind != string(inspect.Script) && f.Kind != string(inspect.Empty):
			f.Note = "not text"
		case max(f.Size[0], f.Size[1]) > maxText:
			f.Note = fmt.Sprintf("larger than %d bytes", maxText)
		case len(want) >= maxDiffs || size > left:
			f.Note = "more differences than are shown line by line"
		default:
			want[f.Path], left = true, left-size
		}
	}
	ta, err := a.texts(ctx, want)
	if err != nil {
		return err
	}
	tb, err := b.texts(ctx, want)
	if err != nil {
		return err
	}
	for i := range r.Files {
		f := &r.Files[i]
		if !want[f.Path] {
			continue
		}
		x, y := ta[f.Path], tb[f.Path]
		if !utf8.Valid(x) || !utf8.Valid(y) {
			f.Note = "not text"
			continue
		}
		f.Diff = string(diff.Diff("a/"+f.Path, x, "b/"+f.Path, y))
	}
	return nil
}

// pack is a deployment package that can be read at any place.
type pack struct{ *evidence.Copy }

// openCode finds the package of a side: in its bag, or, if that bag went on from another,
// wherever the case has the same code.
func openCode(ctx context.Context, c *evidence.Case, function string, s Side) (*pack, error) {
	of := func(e evidence.Entry) bool {
		return e.Artefact == "lambda.code" && e.Item != nil && e.Source.ARN == function && e.Source.Qualifier == s.Version &&
			e.Item.Declared != nil && e.Item.Declared.Value == s.CodeSha256
	}
	var best *evidence.Found
	for f, err := range c.Find(ctx, of) {
		if err != nil {
			return nil, err
		}
		if best == nil || f.Bag.ID() == s.Bag {
			best = &f
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%w", ErrNoSide)
	}
	copied, err := best.Bag.OpenCopy(ctx, *best.Entry.Item)
	if err != nil {
		return nil, err
	}
	return &pack{copied}, nil
}

// index looks into the package; bytes that are no zip archive are one file.
func (p *pack) index(ctx context.Context, visit func(inspect.Entry, io.Reader) error) (*inspect.Index, error) {
	x, err := inspect.Zip(ctx, p, p.Size, inspect.Limits{}, visit)
	if errors.Is(err, inspect.ErrNotZip) {
		return &inspect.Index{Odd: []string{err.Error()}}, nil
	}
	return x, err
}

// texts are the bytes of the wanted files.
func (p *pack) texts(ctx context.Context, want map[string]bool) (map[string][]byte, error) {
	out := map[string][]byte{}
	_, err := p.index(ctx, func(e inspect.Entry, body io.Reader) error {
		name := nameOf(e)
		if !want[name] {
			return nil
		}
		var b bytes.Buffer
		if _, err := io.Copy(&b, io.LimitReader(body, maxTexts)); err != nil {
			return err
		}
		out[name] = b.Bytes()
		return nil
	})
	return out, err
}
