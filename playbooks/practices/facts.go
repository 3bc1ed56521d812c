package practices

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const (
	maxDocument = 8 << 20  // of one JSON document, in bytes
	maxKept     = 32 << 20 // of documents that are kept for the next check
)

// Facts are one function's documents, each read when it is asked for.
type Facts struct {
	Function string // unqualified ARN
	Name     string
	Account  string
	Region   string
	Now      time.Time

	ctx   context.Context // of the one Assess that these facts belong to
	x     *index
	kept  *kept
	check *Check // which asks
	err   error  // of the store: it ends the assessment
}

// kept are documents' bytes, so that a bucket is not asked for the same object by every check.
type kept struct {
	bytes map[string][]byte
	size  int
}

// Doc is one document: its value, or that AWS says there is none, or the gap. A list that was
// cut short has both a value and a gap.
type Doc[T any] struct {
	Origin
	V    T
	Has  bool // V is what was collected
	None bool // AWS says there is none
	Gap  *Gap // why it is not known, or not all of it
}

// Known says whether it is known as a whole, also that there is none.
func (d Doc[T]) Known() bool { return d.Gap == nil }

// doc reads the document of a resource: "" is the function.
func doc[T any](f *Facts, artefact, arn, qualifier string) Doc[T] {
	return docAt[T](f, artefact, evidence.Source{ARN: orFunction(f, arn), Qualifier: qualifier})
}

// regional reads one that is of the whole region.
func regional[T any](f *Facts, artefact string) Doc[T] {
	return docAt[T](f, artefact, evidence.Source{Account: f.Account, Region: f.Region})
}

func orFunction(f *Facts, arn string) string {
	if arn == "" {
		return f.Function
	}
	return arn
}

func docAt[T any](f *Facts, artefact string, at evidence.Source) (d Doc[T]) {
	d.Artefact, d.Source = artefact, at
	if !f.reads(artefact) {
		d.Gap = &Gap{Artefact: artefact, Source: at, State: evidence.NotAttempted, Note: "the check does not say that it reads this"}
		return d
	}
	e := f.x.entries[keyOf(artefact, at)]
	if e == nil {
		d.Gap = &Gap{Artefact: artefact, Source: at, State: evidence.NotAttempted, Note: "no sealed collection of this case asked for it"}
		return d
	}
	d.Source = e.source
	if e.gap != nil && e.state != evidence.Absent || !e.state.Complete() || e.state == evidence.NotCovered {
		d.Gap = e.why(artefact)
	}
	switch {
	case e.item != nil:
		ref := e.bag.Ref(*e.item)
		d.Ref = &ref
		if gap := f.value(e, &d.V); gap != nil {
			d.Gap, d.Ref = gap, nil
			return d
		}
		d.Has = true
	case e.state == evidence.Absent:
		ref := e.bag.CoverageRef()
		d.None, d.Ref = true, &ref
	case d.Gap == nil:
		d.Gap = e.why(artefact)
	}
	return d
}

func (e *entry) why(artefact string) *Gap {
	g := &Gap{Artefact: artefact, Source: e.source, State: e.state, Bag: e.bag.ID()}
	if e.gap != nil {
		g.Call, g.Error, g.Note = e.gap.Call, e.gap.Error, e.gap.Note
	} else if e.secret {
		g.State, g.Note = evidence.Unreadable, "it is sealed, and there is no redacted twin"
	}
	return g
}

func (f *Facts) reads(artefact string) bool {
	for _, r := range f.check.Reads {
		if r == artefact {
			return true
		}
	}
	return false
}

// value reads an item as JSON. What cannot be read as what it is, is a gap of the reader's, not
// nothing; a store that fails ends the assessment.
func (f *Facts) value(e *entry, v any) *Gap {
	data, err := f.bytes(e)
	gap := e.why(e.item.Artefact)
	gap.State = evidence.Unreadable
	switch {
	case errors.Is(err, errTooLarge):
		gap.State, gap.Note = evidence.TooLarge, "larger than this reads of one document"
		return gap
	case errors.Is(err, evidence.ErrDamaged):
		gap.State, gap.Note = evidence.Mismatch, "the bytes are not those that were sealed: freezeframe verify"
		return gap
	case err != nil:
		f.err = errors.Join(f.err, err)
		return gap
	}
	if e.item.Sealed && !json.Valid(data) {
		gap.Note = "the case is sealed as a whole, and no identity that opens it is at hand"
		return gap
	}
	if err := json.Unmarshal(data, v); err != nil {
		gap.Note = "it cannot be read as what it is"
		return gap
	}
	return nil
}

var errTooLarge = errors.New("document too large")

func (f *Facts) bytes(e *entry) ([]byte, error) {
	name := e.bag.ID() + "/" + e.item.Path
	if data, ok := f.kept.bytes[name]; ok {
		return data, nil
	}
	if !e.item.Ciphertext() && e.item.Size > maxDocument {
		return nil, errTooLarge
	}
	r, err := e.bag.Open(f.ctx, *e.item)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	if len(data) > maxDocument {
		return nil, errTooLarge
	}
	if f.kept.size+len(data) <= maxKept {
		f.kept.bytes[name], f.kept.size = data, f.kept.size+len(data)
	}
	return data, nil
}

// qualifiers are those under which an artefact of a resource stands in the newest collection
// that asked for it: subnets that are gone, names of inline policies.
func (f *Facts) qualifiers(artefact, arn string) []string {
	if !f.reads(artefact) {
		return nil
	}
	all := f.x.under[key{artefact: artefact, arn: orFunction(f, arn)}]
	out := make([]string, 0, len(all))
	for _, k := range all {
		out = append(out, k.qualifier)
	}
	return out
}

// mine says whether an ARN is of the function's own account.
func (f *Facts) mine(arn string) bool { return part(arn, 4) == f.Account }

// qualified is the function's ARN with a qualifier.
func (f *Facts) qualified(qualifier string) string {
	return strings.TrimSuffix(f.Function+":"+qualifier, ":")
}
