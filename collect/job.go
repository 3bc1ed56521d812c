package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Job is one collector at work on one target.
type Job struct {
	Target  Target
	c       Collector
	run     *runner
	facts   *facts
	planned atomic.Bool
}

// want is one artefact that is planned.
type want struct {
	artefact string
	src      evidence.Source
	call     string
	name     string // "" makes one from function, qualifier and artefact
	params   map[string]string
	declared *evidence.Declared
	note     string
	none     bool // 'not found' is an answer: there is none
}

// want is an artefact of the target itself.
func (j *Job) want(artefact, qualifier, call string) want {
	return want{artefact: artefact, call: call, src: evidence.Source{
		ARN: j.Target.ARN, Qualifier: qualifier, Region: j.Target.Region, Account: j.Target.Account,
	}}
}

// of is an artefact of another resource in the target's account.
func (j *Job) of(artefact, arn, qualifier, region, call string) want {
	return want{artefact: artefact, call: call, src: evidence.Source{
		ARN: arn, Qualifier: qualifier, Region: region, Account: j.Target.Account,
	}}
}

func (j *Job) now() time.Time { return j.run.o.Now().UTC() }

func (j *Job) lambda() *lambda.Client { return lambda.NewFromConfig(j.config(j.Target.Region)) }

// plan says that something is wanted, so that the coverage names it whatever comes.
func (j *Job) plan(ws ...want) {
	j.planned.Store(true)
	for _, w := range ws {
		j.run.book.plan(w)
	}
}

// skip records that something was not asked for, and why.
func (j *Job) skip(w want, why string) { j.gap(w, stamp{}, evidence.NotAttempted, "", why) }

// refused records what AWS's refusal means for the artefact.
func (j *Job) refused(w want, s stamp, err error) {
	state, text := classify(err)
	note := w.note
	w.call = callOf(err, w.call)
	// A specific '...ConfigNotFoundException' is an answer by itself.
	gone := has(text, "ResourceNotFound", "NoSuch", "RepositoryNotFound", "ImageNotFound", "LayersNotFound")
	if state == evidence.Absent && gone && !w.none {
		note = "was expected to be there"
		j.run.book.lose()
	}
	j.gap(w, s, state, text, note)
}

// none records that AWS says there is none.
func (j *Job) none(w want, s stamp, note string) { j.gap(w, s, evidence.Absent, "", note) }

func (j *Job) gap(w want, s stamp, state evidence.State, text, note string) {
	j.plan(w)
	j.run.book.gap(w, j.gapOf(w, s, state, text, note))
}

func (j *Job) gapOf(w want, s stamp, state evidence.State, text, note string) evidence.Gap {
	at := s.ended
	if at.IsZero() {
		at = j.now()
	}
	return evidence.Gap{
		Artefact: w.artefact, Source: w.src, State: state, Call: w.call,
		Error: text, RequestID: s.id, At: at, Note: note,
	}
}

// putJSON stores one document.
func (j *Job) putJSON(ctx context.Context, w want, s stamp, v any) {
	doc, err := j.run.enc.document(v)
	if err != nil {
		j.gap(w, s, evidence.Unreadable, clip(err.Error()), w.note)
		return
	}
	_ = j.put(ctx, w, s, func(out io.Writer) error { // its only error is the store's, which put reported
		_, err := out.Write(doc)
		return err
	})
}

// putCut stores a document, in state truncated if cut says why it is not whole.
func (j *Job) putCut(ctx context.Context, w want, s stamp, v any, cut error) {
	doc, err := j.run.enc.document(v)
	if err != nil {
		j.gap(w, s, evidence.Unreadable, clip(err.Error()), w.note)
		return
	}
	err = j.put(ctx, w, s, func(out io.Writer) error {
		if _, err := out.Write(doc); err != nil || cut == nil {
			return err
		}
		return truncated(cut)
	})
	if err != nil {
		j.refused(w, s, err)
	}
}

// put stores what write writes. The error is write's own, to be recorded as a gap
// by the caller; one of the store stops the run. What came before a cancellation
// is still stored.
func (j *Job) put(ctx context.Context, w want, s stamp, write func(io.Writer) error) error {
	j.plan(w)
	var cause error
	item, err := j.run.w.Put(context.WithoutCancel(ctx), j.meta(w, s), func(out io.Writer) error {
		tw := &watched{w: out, count: j.run.book.bytes}
		if cause = write(tw); tw.err != nil {
			cause = nil
			return tw.err
		}
		return cause
	})
	cut := cause != nil && errors.Is(cause, evidence.ErrTruncated)
	switch {
	case err == nil && cut, cut && errors.Is(err, evidence.ErrTruncated):
		g := j.gapOf(w, s, evidence.Truncated, clip(cause.Error()), "kept as far as it came")
		g.Call = callOf(cause, w.call)
		j.run.book.cut(w, g)
	case err == nil && item.Declared != nil && !item.Declared.Matches:
		j.run.book.stored(w, evidence.Mismatch)
	case err == nil:
		j.run.book.stored(w, evidence.Collected)
	case cause != nil && !cut:
		return cause
	default:
		j.run.book.fail(fmt.Errorf("storing %s of %s: %w", w.artefact, w.src.ARN, err))
	}
	return nil
}

// putSecret seals a secret document beside its redacted twin.
func (j *Job) putSecret(ctx context.Context, w want, s stamp, secret, twin []byte) {
	j.plan(w)
	if _, _, err := j.run.w.PutSecret(context.WithoutCancel(ctx), j.meta(w, s), secret, twin); err != nil {
		j.run.book.fail(fmt.Errorf("sealing %s of %s: %w", w.artefact, w.src.ARN, err))
		return
	}
	j.run.book.bytes(len(secret) + len(twin))
	j.run.book.stored(w, evidence.Collected)
}

func (j *Job) meta(w want, s stamp) evidence.Meta {
	m := evidence.Meta{
		Artefact: w.artefact, Name: w.name, Source: w.src, Call: w.call, Params: w.params,
		RequestID: s.id, Started: s.started, Ended: s.ended, Declared: w.declared, Note: w.note,
	}
	if m.Name == "" {
		m.Name = j.fileName(w, "json")
	}
	return m
}

// fileName is a readable hint: function.qualifier.artefact.ext.
func (j *Job) fileName(w want, ext string) string {
	parts := []string{j.Target.Function}
	if w.src.ARN != j.Target.ARN && w.src.ARN != "" {
		parts[0] = w.src.ARN[strings.LastIndexAny(w.src.ARN, ":/")+1:]
	}
	if q := w.src.Qualifier; q != "" {
		parts = append(parts, q)
	}
	return strings.Join(append(parts, w.artefact, ext), ".")
}
