package finding

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Schema names the form of a file of findings. A reader that meets another one stops.
const Schema = "freezeframe.findings/1"

// ErrFile: what was read is no file of findings, or says something that none can say. Each
// line of the error is one thing that is wrong.
var ErrFile = errors.New("not a file of findings")

// File is what the timeline writes and containment reads.
type File struct {
	Schema   string    `json:"schema"`
	Case     string    `json:"case,omitempty"` // id of the case that it rests on; "" for plain files
	Of       string    `json:"of"`             // the key, principal or function that was asked about
	LeftOut  int       `json:"left_out"`       // what was made beyond the bound, and is not listed
	Findings []Finding `json:"findings"`       // in order of time
}

// Bounds of a file. What the timeline writes lies far below them.
const (
	MaxBytes    = 32 << 20
	MaxFindings = 1 << 14
	maxText     = 32 << 10
	maxAdmits   = 1 << 12
	maxProblems = 20 // that are told one by one
)

// Write writes a file, and nothing that Read would refuse.
func Write(w io.Writer, f File) error {
	f.Schema = Schema
	if f.Findings == nil {
		f.Findings = []Finding{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := cmp.Or(f.check(), e.Encode(f))
	if err == nil && b.Len() > MaxBytes {
		err = refuse("more than %d MiB", MaxBytes>>20)
	}
	if err == nil {
		_, err = w.Write(b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	return nil
}

// Read reads a file, strictly: another schema, a member that is unknown, there twice or
// spelled otherwise, a missing one, a state or change that does not exist, a text beyond the
// bound, or anything behind the file is refused.
func Read(r io.Reader) (File, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return File{}, fmt.Errorf("read findings: %w", err)
	}
	switch {
	case len(b) > MaxBytes:
		return File{}, refuse("more than %d MiB", MaxBytes>>20)
	case !utf8.Valid(b):
		return File{}, refuse("bytes that are no UTF-8")
	}
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return File{}, refuse("no JSON object: %v", err)
	}
	if head.Schema != Schema {
		return File{}, refuse("its schema is %s; this program reads %s", quote(head.Schema), Schema)
	}
	if err := spelling(b); err != nil {
		return File{}, refuse("%v", err)
	}
	var f File
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return File{}, refuse("%v", err)
	}
	if err := f.check(); err != nil {
		return File{}, err
	}
	return f, nil
}

func refuse(text string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFile, fmt.Sprintf(text, args...))
}

// quote shows what somebody else wrote: short, and with nothing that a terminal obeys.
func quote(s string) string {
	if len(s) > 64 {
		s = s[:64] + "..."
	}
	return strconv.QuoteToASCII(s)
}

// spelling refuses members that encoding/json would take for others, or take the last of.
func spelling(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	var open []map[string]bool // of each object that is open its members; nil for a list
	name := false              // the next text is a member's name
	for {
		t, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'):
			open, name = append(open, map[string]bool{}), true
			continue
		case json.Delim('['):
			open, name = append(open, nil), false
			continue
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		default:
			if key, ok := t.(string); ok && name {
				if err := member(open[len(open)-1], key); err != nil {
					return err
				}
				name = false
				continue
			}
		}
		name = len(open) > 0 && open[len(open)-1] != nil
	}
}

func member(have map[string]bool, key string) error {
	for _, r := range key {
		if r != '_' && (r < 'a' || r > 'z') {
			return fmt.Errorf("unknown member %s", quote(key))
		}
	}
	if have[key] {
		return fmt.Errorf("member %s is there twice", quote(key))
	}
	have[key] = true
	return nil
}

// check looks at what the form cannot say.
func (f *File) check() error {
	var wrong []error
	say := func(text string, args ...any) { wrong = append(wrong, refuse(text, args...)) }
	if len(f.Of) > maxText || len(f.Case) > maxText {
		say("its head is too long")
	}
	if f.LeftOut < 0 {
		say("left_out is %d", f.LeftOut)
	}
	if f.Findings == nil {
		say("findings is missing")
	}
	if len(f.Findings) > MaxFindings {
		return refuse("%d findings, more than %d", len(f.Findings), MaxFindings)
	}
	for i := range f.Findings {
		f.Findings[i].check(func(text string, args ...any) {
			say("finding %d (%s %s): %s", i+1, quote(f.Findings[i].Kind), quote(f.Findings[i].Name), fmt.Sprintf(text, args...))
		})
		if len(wrong) > maxProblems {
			wrong = append(wrong[:maxProblems], refuse("and more"))
			break
		}
	}
	return errors.Join(wrong...)
}

var (
	states  = []State{Standing, Disabled, Undone, Replaced}
	changes = []string{"created", "changed", "deleted", "granted"}
)

func (f *Finding) check(say func(text string, args ...any)) {
	for _, m := range []struct{ name, value string }{{"kind", f.Kind}, {"action", f.Action}, {"name", f.Name}, {"by", f.By}, {"who", f.Who}, {"event, or path", f.Event + f.Path}} {
		if m.value == "" {
			say("%s is missing", m.name)
		}
	}
	for _, s := range []string{f.Kind, f.Action, f.Name, f.ARN, f.Detail, f.Account, f.Region, f.By, f.Who, f.From, f.Event, f.Bag, f.Path, f.UndoneE, f.UndoneW, f.UndoneB} {
		if len(s) > maxText {
			say("a text of %d bytes", len(s))
		}
	}
	if len(f.Admits) > maxAdmits {
		say("%d outsiders", len(f.Admits))
	}
	for _, s := range f.Admits {
		if s == "" || len(s) > maxText {
			say("an outsider of %d bytes", len(s))
		}
	}
	if !slices.Contains(changes, f.Change) {
		say("change %s is none of %v", quote(f.Change), changes)
	}
	if !slices.Contains(states, f.State) {
		say("state %s is none of %v", quote(string(f.State)), states)
	}
	if f.State == Standing && f.UndoneE+f.UndoneW+f.UndoneB != "" {
		say("it stands, and a record ended it")
	}
	if f.At.IsZero() || f.At.Year() > 9999 {
		say("at is %s", f.At.Format(time.RFC3339))
	}
}
