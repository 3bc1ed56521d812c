package collect

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// mappings lists by function, then sweeps the whole region for mappings of the
// function's versions and aliases, and gets each: a listing hides encrypted filters.
func mappings() Collector {
	return Collector{
		Name: "lambda.mappings", About: "event source mappings of the function, its versions and aliases", Small: true,
		Needs: []awsapi.Need{
			need("Lambda:ListEventSourceMappings", "lambda:ListEventSourceMappings", "*"),
			need("Lambda:GetEventSourceMapping", "lambda:GetEventSourceMapping", "event source mapping ARN"),
		},
		Collect: collectMappings,
	}
}

func collectMappings(ctx context.Context, j *Job) {
	w := j.want("lambda.mappings", "", "Lambda:ListEventSourceMappings")
	if out, had := recall[lambda.ListEventSourceMappingsOutput](ctx, j, w); had {
		l := nameList{known: true}
		if out != nil {
			l.names = sourcesOf(out.EventSourceMappings)
		}
		j.facts.sources.keep(l)
		return
	}
	j.plan(w)
	c := j.lambda()
	own, swept, s, ownErr, sweepErr := j.ownAndSwept(ctx, c)
	if ctx.Err() != nil && s.started.IsZero() {
		return // close records it
	}
	all := merge(own, swept)
	if ownErr != nil && len(all) == 0 {
		j.refused(w, s, ownErr)
		return
	}
	if sweepErr != nil {
		j.refused(j.want("lambda.mappings.sweep", "", w.call), stamp{id: requestIDOf(sweepErr)}, sweepErr)
	}
	j.facts.sources.keep(nameList{names: sourcesOf(all), known: ownErr == nil && sweepErr == nil})
	if len(all) == 0 && sweepErr == nil {
		j.none(w, s, "no mapping calls the function, a version or an alias")
		return
	}
	docs := make([]any, len(all))
	each(numbers(len(all)), callsAtOnce, func(i int) { docs[i] = j.mapping(ctx, c, all[i]) })
	if _, later := errors.AsType[*pageError](ownErr); ownErr != nil && !later {
		ownErr = &pageError{0, ownErr} // what is there is from the sweep
	}
	j.putList(ctx, w, s, "EventSourceMappings", docs, ownErr)
}

// mapping is one mapping as Get returns it, or as it was listed.
func (j *Job) mapping(ctx context.Context, c *lambda.Client, m lambdatypes.EventSourceMappingConfiguration) any {
	out, s, err := ask(ctx, j, c.GetEventSourceMapping, &lambda.GetEventSourceMappingInput{UUID: m.UUID})
	if err == nil {
		return out
	}
	arn := aws.ToString(m.EventSourceMappingArn)
	if arn == "" {
		arn = strings.TrimSuffix(j.Target.ARN, "function:"+j.Target.Function) + "event-source-mapping:" + aws.ToString(m.UUID)
	}
	j.refused(j.of("lambda.mappings.detail", arn, "", j.Target.Region, "Lambda:GetEventSourceMapping"), s, err)
	return m
}

// ownAndSwept lists by function, and what the whole region has for it. Among several functions
// the region's list comes first, once for all: where it is whole, it has each one's own.
func (j *Job) ownAndSwept(ctx context.Context, c *lambda.Client) (own, swept []lambdatypes.EventSourceMappingConfiguration, s stamp, ownErr, sweepErr error) {
	region := func() (found []lambdatypes.EventSourceMappingConfiguration, at stamp, err error) {
		all := sweepOnce(ctx, j, "mappings", func(ctx context.Context) ([]any, stamp, error) { return j.listMappings(ctx, c, nil) })
		for _, m := range all.found {
			if m := m.(lambdatypes.EventSourceMappingConfiguration); j.Target.calls(aws.ToString(m.FunctionArn)) {
				found = append(found, m)
			}
		}
		return found, all.at, all.err
	}
	mine := func() {
		var all []any
		all, s, ownErr = j.listMappings(ctx, c, aws.String(j.Target.Function))
		for _, m := range all {
			own = append(own, m.(lambdatypes.EventSourceMappingConfiguration))
		}
	}
	if !j.run.several {
		both(mine, func() { swept, _, sweepErr = region() })
		return own, swept, s, ownErr, sweepErr
	}
	if swept, s, sweepErr = region(); sweepErr != nil {
		mine()
	}
	return own, swept, s, ownErr, sweepErr
}

// listMappings lists those of a function; nil is the whole region.
func (j *Job) listMappings(ctx context.Context, c *lambda.Client, function *string) ([]any, stamp, error) {
	return pages(ctx, j, pager[lambda.ListEventSourceMappingsInput, lambda.ListEventSourceMappingsOutput, lambda.Options]{
		call: c.ListEventSourceMappings, in: &lambda.ListEventSourceMappingsInput{FunctionName: function},
		next: func(in *lambda.ListEventSourceMappingsInput, out *lambda.ListEventSourceMappingsOutput) string {
			in.Marker = out.NextMarker
			return aws.ToString(in.Marker)
		},
	}, func(o *lambda.ListEventSourceMappingsOutput) []any { return anys(o.EventSourceMappings) })
}

// merge is the union by UUID, in order of appearance.
func merge(lists ...[]lambdatypes.EventSourceMappingConfiguration) []lambdatypes.EventSourceMappingConfiguration {
	seen := map[string]bool{}
	var all []lambdatypes.EventSourceMappingConfiguration
	for _, l := range lists {
		for _, m := range l {
			if id := aws.ToString(m.UUID); !seen[id] {
				seen[id] = true
				all = append(all, m)
			}
		}
	}
	return all
}

// sourcesOf are the ARNs that mappings read from, send failures to, and log in with.
func sourcesOf(all []lambdatypes.EventSourceMappingConfiguration) []string {
	var arns []string
	add := func(arn *string) {
		if a := aws.ToString(arn); strings.HasPrefix(a, "arn:") && !slices.Contains(arns, a) {
			arns = append(arns, a)
		}
	}
	for _, m := range all {
		add(m.EventSourceArn)
		if m.DestinationConfig != nil && m.DestinationConfig.OnFailure != nil {
			add(m.DestinationConfig.OnFailure.Destination)
		}
		for _, a := range m.SourceAccessConfigurations {
			add(a.URI)
		}
	}
	return arns
}
