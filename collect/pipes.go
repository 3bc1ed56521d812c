package collect

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pipes"
	pipestypes "github.com/aws/aws-sdk-go-v2/service/pipes/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// pipesOf finds the pipes that send to the function, or let it enrich what they carry.
func pipesOf() Collector {
	return Collector{
		Name: "pipes.pipes", About: "EventBridge pipes whose target or enrichment is the function, any version or alias",
		Needs: []awsapi.Need{
			need("Pipes:ListPipes", "pipes:ListPipes", "*"),
			need("Pipes:DescribePipe", "pipes:DescribePipe", "pipe ARN"),
		},
		Collect: collectPipes,
	}
}

func collectPipes(ctx context.Context, j *Job) {
	w := j.want("pipes.pipes", "", "Pipes:ListPipes")
	c := pipes.NewFromConfig(j.config(j.Target.Region))
	s, had := sweepFor(ctx, j, w, "pipes", pager[pipes.ListPipesInput, pipes.ListPipesOutput, pipes.Options]{
		call: c.ListPipes, in: &pipes.ListPipesInput{},
		next: func(in *pipes.ListPipesInput, out *pipes.ListPipesOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}, func(o *pipes.ListPipesOutput) []any { return anys(o.Pipes) })
	var mine []any
	for _, f := range s.found {
		if p := f.(pipestypes.Pipe); j.Target.calls(aws.ToString(p.Target)) || j.Target.calls(aws.ToString(p.Enrichment)) {
			mine = append(mine, p)
		}
	}
	if !had {
		j.swept(ctx, w, s, "Pipes", mine, "no pipe calls it")
	}
	each(mine, callsAtOnce, func(f any) { j.pipe(ctx, c, f.(pipestypes.Pipe)) })
}

// pipe keeps one pipe. What its templates say may hold secrets.
func (j *Job) pipe(ctx context.Context, c *pipes.Client, p pipestypes.Pipe) {
	w := j.of("pipes.pipe", aws.ToString(p.Arn), "", j.Target.Region, "Pipes:DescribePipe")
	if !j.run.claim("pipe "+w.src.ARN) || j.have(w) {
		return
	}
	out, s, err := ask(ctx, j, c.DescribePipe, &pipes.DescribePipeInput{Name: p.Name})
	if err != nil {
		j.refused(w, s, err)
		return
	}
	j.putRedacted(ctx, w, s, out, "InputTemplate", "HeaderParameters", "QueryStringParameters", "PathParameterValues")
}
