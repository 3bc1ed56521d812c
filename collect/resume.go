package collect

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// keeper is a store that went on from an interrupted collection: *evidence.Writer.
// What it kept is not asked for again, except where something else hangs on a part of the
// answer that is not stored: GetFunction for an address of code that is still wanted, or for
// an environment whose clear text is nowhere.
type keeper interface {
	Kept(artefact string, source evidence.Source) (evidence.Entry, bool)
	KeptGaps() []evidence.Gap
	OpenKept(ctx context.Context, it evidence.Item) (io.ReadCloser, error)
}

const (
	maxRecalled = 64 << 20 // of one stored document
	maxPage     = 32 << 20 // of one stored page of events: 50 of them, each up to 256 KB and escaped
)

func (j *Job) keptEntry(w want) (evidence.Entry, bool) {
	if j.run.kept == nil {
		return evidence.Entry{}, false
	}
	return j.run.kept.Kept(w.artefact, w.src)
}

// have says whether an artefact is there from before, and closes it in the book.
func (j *Job) have(w want) bool {
	e, ok := j.keptEntry(w)
	if ok {
		j.plan(w)
		j.run.book.stored(w, e.State)
	}
	return ok
}

// recall is the answer that an artefact from before holds, as far as others need it: nil
// where the answer was that there is none. What cannot be read back stops the run: it is damage.
func recall[O any](ctx context.Context, j *Job, w want) (*O, bool) {
	e, ok := j.keptEntry(w)
	if !ok {
		return nil, false
	}
	if e.Item == nil {
		return nil, j.have(w)
	}
	data, err := j.keptBytes(ctx, *e.Item)
	if err != nil {
		j.run.book.fail(err)
		return nil, true
	}
	out, err := decodeDocument[O](data)
	if err != nil {
		j.run.book.fail(err)
		return nil, true
	}
	j.have(w)
	return out, true
}

// keptBytes is a stored document as it lies in the case.
func (j *Job) keptBytes(ctx context.Context, it evidence.Item) ([]byte, error) {
	r, err := j.run.kept.OpenKept(ctx, it)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxRecalled))
	return data, errors.Join(err, r.Close())
}

// policyText is a policy document of an answer. In a case it is JSON where IAM gives text, so
// that a recalled answer has none: then it is the stored answer as a whole.
func (j *Job) policyText(ctx context.Context, w want, document *string) *string {
	e, kept := j.keptEntry(w)
	if !kept || e.Item == nil { // a kept one: the decoder leaves an empty text where JSON stands
		return document
	}
	data, err := j.keptBytes(ctx, *e.Item)
	if err != nil {
		j.run.book.fail(err)
		return nil
	}
	text := string(data)
	return &text
}

// decodeDocument reads what encoder.document wrote. Members of another shape in the SDK
// (IAM's policy documents, unions) are left out: nobody asks for them here.
func decodeDocument[O any](data []byte) (*O, error) {
	out := new(O)
	err := json.Unmarshal(data, out)
	if _, other := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !other {
		return nil, err
	}
	return out, nil
}

// recallFunction is GetFunction's answer from before, where nothing else of it is wanted.
func (j *Job) recallFunction(ctx context.Context, w want) (deployed, bool) {
	for _, artefact := range []string{"lambda.environment", "lambda.code"} {
		if _, ok := j.keptEntry(j.want(artefact, w.src.Qualifier, "")); !ok && j.run.o.Scope != Containment {
			return deployed{}, false
		}
	}
	out, had := recall[lambda.GetFunctionOutput](ctx, j, w)
	if !had || out == nil {
		return deployed{}, false
	}
	d := deployed{asked: true, code: out.Code, envCall: w.call}
	if out.Configuration != nil {
		out.Configuration.Environment = nil // redacted; what is sealed is in the case
		d.config = out.Configuration
	}
	return d, true
}

// recallEvents reads the pages of a lookup from before.
func (j *Job) recallEvents(ctx context.Context, w want, read func([]types.Event)) bool {
	e, ok := j.keptEntry(w)
	if !ok {
		return false
	}
	if e.Item == nil {
		return j.have(w)
	}
	r, err := j.run.kept.OpenKept(ctx, *e.Item)
	if err != nil {
		j.run.book.fail(err)
		return true
	}
	if err = errors.Join(readPages(r, read), r.Close()); err != nil {
		j.run.book.fail(err)
		return true
	}
	return j.have(w)
}

// keepGaps records again the gaps from before that this session did not ask about. What could
// not be asked for, because something else was unknown, a session that came to its end says
// anew where it still holds.
func (r *runner) keepGaps(ended bool) {
	if r.kept == nil {
		return
	}
	for _, g := range r.kept.KeptGaps() {
		w := want{artefact: g.Artefact, src: g.Source, call: g.Call}
		hung := g.State == evidence.NotAttempted && g.Error == "" && g.Note != stoppedNote
		if r.book.overtaken(w) || ended && hung || g.Artefact == notEnteredGap { // of an account: this session is in it
			continue
		}
		r.book.plan(w)
		r.book.gap(w, g)
	}
}

// wasGap says whether an earlier session left this as a gap.
func (j *Job) wasGap(w want) bool {
	return j.run.kept != nil && slices.ContainsFunc(j.run.kept.KeptGaps(), func(g evidence.Gap) bool { return g.Artefact == w.artefact && g.Source == w.src })
}

// mended says that what was a gap before was asked for again, and that there is nothing of it
// to be kept: so it is with what is looked through only to see whom it calls.
func (j *Job) mended(ws ...want) {
	if j.run.kept == nil {
		return
	}
	for _, w := range ws {
		j.run.book.mended(w)
	}
}
