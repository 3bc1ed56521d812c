package awssim

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pipes"
	pt "github.com/aws/aws-sdk-go-v2/service/pipes/types"
)

// pipesOps is every simulated operation of EventBridge Pipes. Nothing flows through them.
func pipesOps() []operation {
	return []operation{
		op("pipes", "CreatePipe", createPipe), op("pipes", "DescribePipe", describePipe), op("pipes", "ListPipes", listPipes),
		op("pipes", "StartPipe", startPipe), op("pipes", "StopPipe", stopPipe), op("pipes", "DeletePipe", deletePipe),
	}
}

// pipesState is EventBridge Pipes in one account and region.
type pipesState struct{ pipes map[string]*pipe }

func newPipesState() *pipesState { return &pipesState{pipes: map[string]*pipe{}} }

type pipe struct {
	config  pipes.DescribePipeOutput // without the states
	desired pt.RequestedPipeState
	changed time.Time // when desired was set: it is reached Settle later
}

func (s *pipesState) objects(account, region string, put putObject) {
	for n, p := range s.pipes {
		logical := p.config
		logical.CreationTime, logical.LastModifiedTime = nil, nil
		put("pipes/"+account+"/"+region+"/"+n, map[string]any{"config": logical, "desired": p.desired}, map[string]any{"modified": p.config.LastModifiedTime})
	}
}

func (c *call) pipe(action string, name *string) (*pipe, error) {
	n := aws.ToString(name)
	arn := c.arn("pipes", "pipe/"+n)
	if err := c.allow("pipes:"+action, arn); err != nil {
		return nil, err
	}
	c.trail.resources = []trailResource{{arn, "AWS::Pipes::Pipe"}}
	if p := c.pipes.at(c.accountID, c.region, newPipesState).pipes[n]; p != nil {
		return p, nil
	}
	return nil, fail("NotFoundException", "Pipe %s does not exist.", n)
}

// current is the state now: starting and stopping last as long as other changes do.
func (c *call) current(p *pipe) pt.PipeState {
	moving := c.now.Before(p.changed.Add(c.cfg.Settle))
	switch {
	case p.desired == pt.RequestedPipeStateRunning && moving:
		return pt.PipeStateStarting
	case p.desired == pt.RequestedPipeStateRunning:
		return pt.PipeStateRunning
	case moving:
		return pt.PipeStateStopping
	}
	return pt.PipeStateStopped
}

func createPipe(c *call, in *pipes.CreatePipeInput) (*pipes.CreatePipeOutput, error) {
	p, err := c.pipe("CreatePipe", in.Name)
	if p != nil {
		return nil, fail("ConflictException", "Pipe %s already exists.", aws.ToString(in.Name))
	}
	if e, ok := err.(*apiError); !ok || e.Code != "NotFoundException" {
		return nil, err
	}
	if err := c.allow("iam:PassRole", aws.ToString(in.RoleArn)); err != nil {
		return nil, err
	}
	p = &pipe{desired: in.DesiredState, changed: c.now, config: pipes.DescribePipeOutput{
		Arn: aws.String(c.arn("pipes", "pipe/"+*in.Name)), Name: in.Name, CreationTime: aws.Time(c.now), LastModifiedTime: aws.Time(c.now), Description: in.Description,
		Enrichment: in.Enrichment, EnrichmentParameters: in.EnrichmentParameters, KmsKeyIdentifier: in.KmsKeyIdentifier, RoleArn: in.RoleArn, Source: in.Source, SourceParameters: in.SourceParameters,
		Tags: in.Tags, Target: in.Target, TargetParameters: in.TargetParameters,
	}}
	if in.LogConfiguration != nil {
		return nil, fail("ValidationException", "freezeframe simulator: LogConfiguration of a pipe is not simulated")
	}
	if p.desired == "" {
		p.desired = pt.RequestedPipeStateRunning
	}
	c.pipes.at(c.accountID, c.region, newPipesState).pipes[*in.Name] = p
	return &pipes.CreatePipeOutput{Arn: p.config.Arn, Name: in.Name, CreationTime: p.config.CreationTime, LastModifiedTime: p.config.LastModifiedTime, CurrentState: pt.PipeStateCreating, DesiredState: p.desired}, nil
}

func describePipe(c *call, in *pipes.DescribePipeInput) (*pipes.DescribePipeOutput, error) {
	p, err := c.pipe("DescribePipe", in.Name)
	if err != nil {
		return nil, err
	}
	out := p.config
	out.CurrentState, out.DesiredState = c.current(p), pt.RequestedPipeStateDescribeResponse(p.desired)
	return &out, nil
}

func listPipes(c *call, in *pipes.ListPipesInput) (*pipes.ListPipesOutput, error) {
	if err := c.allow("pipes:ListPipes", c.arn("pipes", "pipe/*")); err != nil {
		return nil, err
	}
	s := c.pipes.at(c.accountID, c.region, newPipesState)
	all := []pt.Pipe{}
	for _, n := range sortedNames(s.pipes) {
		p := s.pipes[n]
		state := c.current(p)
		if !strings.HasPrefix(n, aws.ToString(in.NamePrefix)) || !strings.HasPrefix(aws.ToString(p.config.Source), aws.ToString(in.SourcePrefix)) || !strings.HasPrefix(aws.ToString(p.config.Target), aws.ToString(in.TargetPrefix)) ||
			in.CurrentState != "" && in.CurrentState != state || in.DesiredState != "" && in.DesiredState != p.desired {
			continue
		}
		all = append(all, pt.Pipe{Arn: p.config.Arn, Name: p.config.Name, CreationTime: p.config.CreationTime, LastModifiedTime: p.config.LastModifiedTime, CurrentState: state, DesiredState: p.desired,
			Enrichment: p.config.Enrichment, Source: p.config.Source, Target: p.config.Target})
	}
	page, next, err := paginate(all, in.NextToken, in.Limit, 100)
	return &pipes.ListPipesOutput{Pipes: page, NextToken: next}, err
}

func (c *call) turn(p *pipe, to pt.RequestedPipeState) error {
	if p.desired == to {
		return fail("ConflictException", "Pipe %s is %s already.", aws.ToString(p.config.Name), strings.ToLower(string(to)))
	}
	p.desired, p.changed, p.config.LastModifiedTime = to, c.now, aws.Time(c.now)
	return nil
}

func startPipe(c *call, in *pipes.StartPipeInput) (*pipes.StartPipeOutput, error) {
	p, err := c.pipe("StartPipe", in.Name)
	if err != nil {
		return nil, err
	}
	if err := c.turn(p, pt.RequestedPipeStateRunning); err != nil {
		return nil, err
	}
	return &pipes.StartPipeOutput{Arn: p.config.Arn, Name: p.config.Name, CreationTime: p.config.CreationTime, LastModifiedTime: p.config.LastModifiedTime, CurrentState: pt.PipeStateStarting, DesiredState: p.desired}, nil
}

func stopPipe(c *call, in *pipes.StopPipeInput) (*pipes.StopPipeOutput, error) {
	p, err := c.pipe("StopPipe", in.Name)
	if err != nil {
		return nil, err
	}
	if err := c.turn(p, pt.RequestedPipeStateStopped); err != nil {
		return nil, err
	}
	return &pipes.StopPipeOutput{Arn: p.config.Arn, Name: p.config.Name, CreationTime: p.config.CreationTime, LastModifiedTime: p.config.LastModifiedTime, CurrentState: pt.PipeStateStopping, DesiredState: p.desired}, nil
}

func deletePipe(c *call, in *pipes.DeletePipeInput) (*pipes.DeletePipeOutput, error) {
	p, err := c.pipe("DeletePipe", in.Name)
	if err != nil {
		return nil, err
	}
	delete(c.pipes.at(c.accountID, c.region, newPipesState).pipes, *p.config.Name)
	return &pipes.DeletePipeOutput{Arn: p.config.Arn, Name: p.config.Name, CreationTime: p.config.CreationTime, LastModifiedTime: aws.Time(c.now), CurrentState: pt.PipeStateDeleting, DesiredState: pt.RequestedPipeStateDescribeResponseDeleted}, nil
}
