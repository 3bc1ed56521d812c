package collect

import (
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
	tracesKept   = 30 * day      // by X-Ray
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
	found, known := gathered[xray.GetTraceSummariesInput, xray.GetTraceSummariesOutput, xray.Options, xraytypes.TraceSummary]{
		pager: slicedSummaries(c, w.params["FilterExpression"], from, to), member: "TraceSummaries", most: maxSummaries,
		items: func(o *xray.GetTraceSummariesOutput) []xraytypes.TraceSummary { return o.TraceSummaries },
		none:  "no trace passed through it in the window; it " + j.tracing(ctx),
	}.get(ctx, j, w)
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

// slicedSummaries asks for the window from its end, a slice after the other.
func slicedSummaries(c *xray.Client, filter string, from, to time.Time) pager[xray.GetTraceSummariesInput, xray.GetTraceSummariesOutput, xray.Options] {
	later := func(t time.Time) *time.Time {
		if t.Before(from) {
			t = from
		}
		return &t
	}
	return pager[xray.GetTraceSummariesInput, xray.GetTraceSummariesOutput, xray.Options]{
		call: c.GetTraceSummaries,
		in: &xray.GetTraceSummariesInput{
			StartTime: later(to.Add(-traceSlice)), EndTime: &to, FilterExpression: &filter,
			Sampling: aws.Bool(false), TimeRangeType: xraytypes.TimeRangeTypeTraceId,
		},
		next: func(in *xray.GetTraceSummariesInput, out *xray.GetTraceSummariesOutput) string {
			if in.NextToken = out.NextToken; aws.ToString(in.NextToken) != "" {
				return *in.NextToken
			}
			if !in.StartTime.After(from) {
				return ""
			}
			in.NextToken = nil
			in.EndTime = in.StartTime // the ends of a range are in it: a trace at the seam may come twice
			in.StartTime = later(in.EndTime.Add(-traceSlice))
			return "from " + in.StartTime.String()
		},
	}
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
