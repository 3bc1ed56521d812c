package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	xraytypes "github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

const (
	traceSlice   = 6 * time.Hour // X-Ray answers no longer range at once
	slicesAtOnce = 8
	tracesKept   = 30 * day // by X-Ray
	maxSummaries = 20_000
	maxTraces    = 1_000
	tracesACall  = 5
)

// traces are what the function did, call by call, as far as it was traced. Sampling leaves
// most calls out, and a function that traces nothing itself (PassThrough) is traced when
// its caller is: so that the summaries are asked for whatever the configuration says.
func traces() Collector {
	return Collector{
		Name: "xray.summaries", About: "X-Ray traces of the window that passed through the function",
		Needs: []awsapi.Need{
			need("XRay:GetTraceSummaries", "xray:GetTraceSummaries", "*"),
			need("XRay:BatchGetTraces", "xray:BatchGetTraces", "*"),
			need("XRay:GetEncryptionConfig", "xray:GetEncryptionConfig", "*"),
		},
		Collect: collectTraces,
	}
}

func collectTraces(ctx context.Context, j *Job) {
	w, whole, key := j.want("xray.summaries", "", "XRay:GetTraceSummaries"), j.want("xray.traces", "", "XRay:BatchGetTraces"), j.want("xray.encryption", "", "XRay:GetEncryptionConfig")
	whole.name = j.Target.Function + ".xray.traces.ndjson"
	j.plan(w, whole, key)
	from, to := j.run.until.Add(-min(j.run.until.Sub(j.run.since), tracesKept)), j.run.until
	w.params = map[string]string{"StartTime": from.Format(time.RFC3339), "EndTime": to.Format(time.RFC3339), "FilterExpression": fmt.Sprintf("service(%q)", j.Target.Function)}
	c := xray.NewFromConfig(j.config(j.Target.Region))
	found, known := j.summaries(ctx, c, w, from, to)
	var ids []string
	for _, t := range found {
		ids = append(ids, aws.ToString(t.Id))
	}
	switch {
	case len(ids) == 0 && !known:
		j.skip(whole, "traces unknown: xray.summaries is missing")
		j.skip(key, "traces unknown: xray.summaries is missing")
		return
	case len(ids) == 0:
		j.none(whole, stamp{}, "no trace passed through it in the window")
		j.none(key, stamp{}, "no traces that could be encrypted")
		return
	}
	both(
		func() { j.wholeTraces(ctx, c, whole, ids, known) },
		func() { fetch(ctx, j, key, c.GetEncryptionConfig, &xray.GetEncryptionConfigInput{}) })
}

// tracing words what the configuration says.
func (j *Job) tracing(ctx context.Context) string {
	f := j.facts.latest.get(ctx)
	switch {
	case f == nil:
		return "may be traced or not: lambda.configuration is missing"
	case f.TracingConfig != nil && f.TracingConfig.Mode == lambdatypes.TracingModeActive:
		return "is traced by its configuration"
	}
	return "is traced only if its caller is"
}

// summaries asks for the window from its end, some slices at once. The first is asked alone:
// where that is refused, so is the rest.
func (j *Job) summaries(ctx context.Context, c *xray.Client, w want, from, to time.Time) (all []xraytypes.TraceSummary, known bool) {
	if out, had := recall[xray.GetTraceSummariesOutput](ctx, j, w); had {
		if out != nil {
			all = out.TraceSummaries
		}
		return all, true
	}
	var ends []time.Time
	for end := to; len(ends) == 0 || end.After(from); end = end.Add(-traceSlice) {
		ends = append(ends, end)
	}
	ends, s := j.traced(ctx, c, ends, from)
	var cut error
	for at, n := 0, 1; at < len(ends) && cut == nil; at, n = at+n, slicesAtOnce {
		some := make([]traceRange, len(ends[at:min(at+n, len(ends))]))
		each(numbers(len(some)), slicesAtOnce, func(i int) {
			some[i].read(ctx, j, c, aws.String(w.params["FilterExpression"]), from, ends[at+i])
		})
		if at == 0 {
			s = some[0].at
		}
		for i, r := range some { // what the others gave is kept where one is refused
			all, cut = append(all, r.found...), cmp.Or(cut, afterSlices(at+i, r.err))
		}
		if len(all) > maxSummaries {
			all, cut = all[:maxSummaries], cmp.Or(cut, tooMany(maxSummaries))
		}
	}
	switch {
	case len(all) > 0:
		j.putList(ctx, w, s, "TraceSummaries", all, cut)
	case cut != nil:
		j.refused(w, s, cut)
	default:
		j.none(w, s, "no trace passed through it in the window; it "+j.tracing(ctx))
	}
	return all, cut == nil
}

// afterSlices says of a slice's error how many pages were asked for before it: a slice has one
// at least.
func afterSlices(n int, err error) error {
	if later, ok := errors.AsType[*pageError](err); ok {
		return &pageError{later.after + n, later.err}
	}
	return afterPages(n, err)
}

// traceRange is what a slice of the window has.
type traceRange struct {
	found []xraytypes.TraceSummary
	at    stamp
	err   error
}

// traced leaves of the slices, which end there, those in which the region has traces at all,
// where several functions would ask: most regions have none. The stamp is of the first answer.
func (j *Job) traced(ctx context.Context, c *xray.Client, ends []time.Time, from time.Time) (some []time.Time, s stamp) {
	if !j.run.several {
		return ends, s
	}
	empty := make([]bool, len(ends))
	each(numbers(len(ends)), slicesAtOnce, func(i int) {
		region := sweepOnce(ctx, j, "traces to "+ends[i].String(), func(ctx context.Context) ([]any, stamp, error) {
			out, s, err := ask(ctx, j, c.GetTraceSummaries, sliceOf(nil, from, ends[i]))
			if err == nil && (len(out.TraceSummaries) > 0 || aws.ToString(out.NextToken) != "") {
				return []any{true}, s, nil
			}
			return nil, s, err
		})
		empty[i] = region.err == nil && len(region.found) == 0 && !region.at.started.IsZero()
		if i == 0 {
			s = region.at
		}
	})
	for i, end := range ends {
		if !empty[i] {
			some = append(some, end)
		}
	}
	return some, s
}

// sliceOf is the question for a slice, by its end. The ends of a range are in it: a trace at
// the seam may come twice.
func sliceOf(filter *string, from, end time.Time) *xray.GetTraceSummariesInput {
	start := end.Add(-traceSlice)
	if start.Before(from) {
		start = from
	}
	return &xray.GetTraceSummariesInput{StartTime: &start, EndTime: &end, FilterExpression: filter,
		Sampling: aws.Bool(false), TimeRangeType: xraytypes.TimeRangeTypeTraceId}
}

// read asks for a slice.
func (r *traceRange) read(ctx context.Context, j *Job, c *xray.Client, filter *string, from, end time.Time) {
	p := pager[xray.GetTraceSummariesInput, xray.GetTraceSummariesOutput, xray.Options]{
		call: c.GetTraceSummaries, in: sliceOf(filter, from, end),
		next: func(in *xray.GetTraceSummariesInput, out *xray.GetTraceSummariesOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}
	var first *xray.GetTraceSummariesOutput
	if first, r.at, r.err = ask(ctx, j, p.call, p.in); r.err != nil {
		return
	}
	r.err = p.each(ctx, j, first, func(o *xray.GetTraceSummariesOutput) error {
		if r.found = append(r.found, o.TraceSummaries...); len(r.found) > maxSummaries {
			return tooMany(maxSummaries)
		}
		return nil
	})
}

// wholeTraces stores the traces with all their segments, one a line, newest first.
func (j *Job) wholeTraces(ctx context.Context, c *xray.Client, w want, ids []string, known bool) {
	if j.have(w) {
		return
	}
	slices.Sort(ids) // an id begins with its time
	ids = slices.Compact(ids)
	slices.Reverse(ids)
	var cut error
	switch {
	case len(ids) > maxTraces:
		cut = tooMany(maxTraces)
		ids = ids[:maxTraces]
	case !known:
		cut = errors.New("not all traces are known: xray.summaries is not whole")
	}
	first, s, err := ask(ctx, j, c.BatchGetTraces, &xray.BatchGetTracesInput{TraceIds: ids[:min(tracesACall, len(ids))]})
	if err != nil {
		j.refused(w, s, err)
		return
	}
	err = j.put(ctx, w, s, func(out io.Writer) error {
		capped := &cappedWriter{w: out, left: j.run.o.MaxLogBytes}
		lost, read := 0, 0
		for batch := range slices.Chunk(ids, tracesACall) {
			n, err := j.traceBatch(ctx, c, capped, batch, first)
			if err != nil {
				return truncated(afterPages(read, err))
			}
			read++
			lost, first = lost+n, nil
		}
		if lost > 0 && cut == nil {
			cut = fmt.Errorf("X-Ray did not give %d of %d traces", lost, len(ids))
		}
		if cut != nil {
			return truncated(cut)
		}
		return nil
	})
	if err != nil {
		j.refused(w, s, err)
	}
}

// traceBatch writes the traces of one batch and returns how many X-Ray left out.
func (j *Job) traceBatch(ctx context.Context, c *xray.Client, out io.Writer, ids []string, first *xray.BatchGetTracesOutput) (lost int, err error) {
	p := pager[xray.BatchGetTracesInput, xray.BatchGetTracesOutput, xray.Options]{
		call: c.BatchGetTraces, in: &xray.BatchGetTracesInput{TraceIds: ids},
		next: func(in *xray.BatchGetTracesInput, out *xray.BatchGetTracesOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}
	err = p.each(ctx, j, first, func(o *xray.BatchGetTracesOutput) error {
		lost += len(o.UnprocessedTraceIds)
		for i := range o.Traces {
			doc, err := j.run.enc.document(&o.Traces[i])
			if err != nil {
				return err
			}
			if _, err := out.Write(doc); err != nil {
				return err
			}
		}
		return nil
	})
	return lost, err
}
