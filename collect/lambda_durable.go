package collect

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const (
	maxDurableListed = 1_000    // executions of one version
	maxDurableRead   = 200      // of one function
	maxDurableEvents = 5_000    // of one execution
	maxDurableBytes  = 16 << 20 // of one history, which is sealed whole
	durableAtOnce    = 4        // histories in memory

	durableList, durableGet, durableEvents = "Lambda:ListDurableExecutionsByFunction", "Lambda:GetDurableExecution", "Lambda:GetDurableExecutionHistory"
)

// durableRuns are executions that outlive an invocation, for up to a year: what they were
// given, what each step returned. One of a bad version runs on with the code that it began
// with. What has ended is kept for the retention that the configuration says.
func durableRuns() Collector {
	when := func(call, action, resource string) awsapi.Need {
		n := need(call, action, resource)
		n.When = "durable functions"
		return n
	}
	return Collector{
		Name: "lambda.durable", About: "durable executions of every version, those that run first: input, result, steps; payloads sealed",
		Needs: []awsapi.Need{
			when(durableList, "lambda:ListDurableExecutionsByFunction", "function ARN"),
			when(durableGet, "lambda:GetDurableExecution", "durable execution ARN"),
			when(durableEvents, "lambda:GetDurableExecutionHistory", "durable execution ARN"),
		},
		Collect: collectDurable,
	}
}

// durablePayloads are the members that carry what callers and steps handed over.
func durablePayloads() []string {
	return []string{"InputPayload", "Input", "Result", "Error", "Payload"}
}

func collectDurable(ctx context.Context, j *Job) {
	versions := j.facts.versions.get(ctx)
	if ctx.Err() != nil {
		return // close records it
	}
	own := j.want("lambda.durable", "", durableList)
	var mine []string
	for _, v := range versions.all {
		if v.durable {
			mine = append(mine, v.version)
			j.plan(j.want("lambda.durable", v.version, durableList))
		}
	}
	switch {
	case !versions.known:
		own.src.Qualifier = "*"
		j.skip(own, "versions, and so their durable executions, unknown: lambda.configuration.versions is not whole")
	case len(mine) == 0:
		j.none(own, stamp{}, "no version has a DurableConfig")
	}
	c := j.lambda()
	var mu sync.Mutex
	var all []lambdatypes.Execution
	each(mine, callsAtOnce, func(version string) {
		found := j.durableOf(ctx, c, version)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, found...)
	})
	slices.SortStableFunc(all, runningFirst)
	if len(all) > maxDurableRead {
		w := j.want("lambda.durable.execution", "*", durableGet)
		j.gap(w, stamp{}, evidence.Truncated, tooMany(maxDurableRead).Error(), "of the executions in lambda.durable only the newest are read, those that run first")
		all = all[:maxDurableRead]
	}
	for _, e := range all {
		j.plan(j.durableWants(e)...)
	}
	each(all, durableAtOnce, func(e lambdatypes.Execution) { j.durable(ctx, c, e) })
}

// runningFirst puts what still acts before what has ended, each newest first.
func runningFirst(a, b lambdatypes.Execution) int {
	if ended := func(e lambdatypes.Execution) bool { return e.EndTimestamp != nil }; ended(a) != ended(b) {
		if ended(a) {
			return 1
		}
		return -1
	}
	return aws.ToTime(b.StartTimestamp).Compare(aws.ToTime(a.StartTimestamp))
}

// durableOf lists a version's executions: first those that run, however old, then all.
func (j *Job) durableOf(ctx context.Context, c *lambda.Client, version string) []lambdatypes.Execution {
	w := j.want("lambda.durable", version, durableList)
	if out, had := recall[lambda.ListDurableExecutionsByFunctionOutput](ctx, j, w); had {
		if out == nil {
			return nil
		}
		return out.DurableExecutions
	}
	var all []lambdatypes.Execution
	seen := map[string]bool{}
	var at stamp
	var cut error
	read := 0 // pages of both lists
	for _, statuses := range [][]lambdatypes.ExecutionStatus{{lambdatypes.ExecutionStatusRunning}, nil} {
		in := &lambda.ListDurableExecutionsByFunctionInput{FunctionName: &j.Target.Function, Qualifier: &version, Statuses: statuses, MaxItems: 1000}
		first, s, err := ask(ctx, j, c.ListDurableExecutionsByFunction, in)
		if at = s; err != nil {
			cut = cmp.Or(cut, err)
			continue // the other list may be had
		}
		err = pager[lambda.ListDurableExecutionsByFunctionInput, lambda.ListDurableExecutionsByFunctionOutput, lambda.Options]{
			call: c.ListDurableExecutionsByFunction, in: in,
			next: func(in *lambda.ListDurableExecutionsByFunctionInput, out *lambda.ListDurableExecutionsByFunctionOutput) string {
				in.Marker = out.NextMarker
				return aws.ToString(in.Marker)
			},
		}.each(ctx, j, first, func(o *lambda.ListDurableExecutionsByFunctionOutput) error {
			read++
			for _, e := range o.DurableExecutions {
				if arn := aws.ToString(e.DurableExecutionArn); !seen[arn] {
					if len(all) == maxDurableListed {
						return tooMany(maxDurableListed)
					}
					seen[arn], all = true, append(all, e)
				}
			}
			return nil
		})
		cut = cmp.Or(cut, err)
	}
	if _, paged := errors.AsType[*pageError](cut); cut != nil && !paged && len(all) > 0 {
		cut = &pageError{read, cut} // of the list that failed nothing is there
	}
	switch {
	case cut != nil && len(all) == 0:
		j.refused(w, at, cut)
	case len(all) == 0:
		j.none(w, at, "no durable executions")
	default:
		j.putList(ctx, w, at, "DurableExecutions", all, cut)
	}
	return all
}

// durableWants are the execution and its history.
func (j *Job) durableWants(e lambdatypes.Execution) []want {
	arn := aws.ToString(e.DurableExecutionArn)
	return []want{j.of("lambda.durable.execution", arn, "", j.Target.Region, durableGet), j.of("lambda.durable.history", arn, "", j.Target.Region, durableEvents)}
}

func (j *Job) durable(ctx context.Context, c *lambda.Client, e lambdatypes.Execution) {
	ws := j.durableWants(e)
	both(
		func() {
			if j.have(ws[0]) {
				return
			}
			out, s, err := ask(ctx, j, c.GetDurableExecution, &lambda.GetDurableExecutionInput{DurableExecutionArn: e.DurableExecutionArn, IncludeExecutionData: aws.Bool(true)})
			if err != nil {
				j.refused(ws[0], s, err)
				return
			}
			j.putRedacted(ctx, ws[0], s, out, durablePayloads()...)
		},
		func() { j.durableHistory(ctx, c, ws[1], e) })
}

// durableHistory seals what came of a history; where it ends early, a gap beside it says so.
func (j *Job) durableHistory(ctx context.Context, c *lambda.Client, w want, e lambdatypes.Execution) {
	if j.have(w) {
		return
	}
	in := &lambda.GetDurableExecutionHistoryInput{DurableExecutionArn: e.DurableExecutionArn, IncludeExecutionData: aws.Bool(true)}
	first, s, err := ask(ctx, j, c.GetDurableExecutionHistory, in)
	if err != nil {
		j.refused(w, s, err)
		return
	}
	events, size := []lambdatypes.Event{}, 0
	cut := pager[lambda.GetDurableExecutionHistoryInput, lambda.GetDurableExecutionHistoryOutput, lambda.Options]{
		call: c.GetDurableExecutionHistory, in: in,
		next: func(in *lambda.GetDurableExecutionHistoryInput, out *lambda.GetDurableExecutionHistoryOutput) string {
			in.Marker = out.NextMarker
			return aws.ToString(in.Marker)
		},
	}.each(ctx, j, first, func(o *lambda.GetDurableExecutionHistoryOutput) error {
		for _, e := range o.Events {
			doc, err := j.run.enc.document(e)
			if err != nil {
				return err
			}
			if size += len(doc); len(events) == maxDurableEvents || size > maxDurableBytes {
				return tooMany(len(events))
			}
			events = append(events, e)
		}
		return nil
	})
	j.putRedacted(ctx, w, s, map[string]any{"Events": events}, durablePayloads()...)
	if cut != nil { // what is sealed cannot say itself that it was cut
		rest := w
		rest.artefact = "lambda.durable.history.rest"
		_, text := classify(cut)
		j.gap(rest, s, evidence.Truncated, text, "lambda.durable.history has the first events only")
	}
}
