package contain

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pipes"
	pipestypes "github.com/aws/aws-sdk-go-v2/service/pipes/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// pipeState is whether a pipe (Place.Key is its ARN) shall run, and whether AWS is at it.
type pipeState struct {
	Desired string `json:"desired"`
	Moving  string `json:"moving,omitempty"` // STARTING, STOPPING, ...
}

const (
	docPipe   = "pipes.pipe"
	partPipes = "pipes"
	pipeStop  = string(pipestypes.RequestedPipeStateStopped)
)

func pipeActs() []Act {
	return Define(Doc[pipeState]{
		Name: docPipe,
		Needs: []awsapi.Need{
			does("Pipes:DescribePipe", "pipes:DescribePipe", "pipe ARN", false),
			does("Pipes:StopPipe", "pipes:StopPipe", "pipe ARN", true),
			when(does("Pipes:StartPipe", "pipes:StartPipe", "pipe ARN", true), "lifting"),
		},
		Resource: func(p Place) string { return p.Key },
		Read:     readPipe,
		Equal:    func(a, b pipeState) bool { return a.Desired == b.Desired },
		Settled:  func(s pipeState) bool { return s.Moving == "" },
		Steps:    pipeSteps,
	}, forGood(pipeEdit(), actPipesEvict, "keep a hostile EventBridge pipe stopped for good; it stays in the account, as evidence",
		Fixture{Resource: "arn:aws:pipes:eu-central-1:123456789012:pipe/enrich"})...)
}

func pipeEdit() Edit[pipeState] {
	return Edit[pipeState]{
		Name:  actPipes,
		About: "stop EventBridge pipes whose target or enrichment is the function",
		Lossy: "retention of the pipe's queue or stream runs on: what expires there meanwhile is lost; a stream is read on from where the pipe stopped",
		Kind:  Isolate, Level: LevelIsolate, Attack: []string{"T1546"},
		Answers: []Answer{{Kind: "pipe", Target: pipeFound}},
		On:      []TargetKind{OnFunction, OnResource},
		Keys: func(s *Survey) []string {
			if s.Kind == OnResource {
				if pipeName(s.ARN) != "" {
					return []string{s.ARN}
				}
				return nil
			}
			var keys []string
			for _, x := range Found[[]calledByPipe](s, partPipes) {
				keys = append(keys, x.ARN)
			}
			return keys
		},
		Parts: []string{partPipes}, Looks: []Part{pipeLook()},
		Apply: func(_ Place, s pipeState, _ Params) (pipeState, error) {
			if s.Desired != pipeStop {
				s = pipeState{Desired: pipeStop}
			}
			return s, nil
		},
		Destroys: func(p Place, _ pipeState) []Artefact {
			if p.Kind == OnResource {
				return nil
			}
			return []Artefact{{Name: "pipes.pipe", ARN: p.Key}}
		},
		Breaks: func(_ *Survey, before map[string]pipeState) []Impact {
			var all []Impact
			for _, key := range sortedKeys(before) {
				all = append(all, Impact{What: "trigger", Resource: key, Detail: "the pipe carries nothing"})
			}
			return all
		},
	}
}

// pipeName is the name in a pipe's ARN; "" where it is none.
func pipeName(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[2] != "pipes" {
		return ""
	}
	name, ok := strings.CutPrefix(parts[5], "pipe/")
	if !ok {
		return ""
	}
	return name
}

// pipeFound is the ARN of a pipe that a finding names as "pipe/NAME".
func pipeFound(f finding.Finding) string {
	name, ok := strings.CutPrefix(f.Name, "pipe/")
	if f.ARN != "" || !ok || f.Region == "" || f.Account == "" {
		return f.ARN
	}
	return "arn:aws:pipes:" + f.Region + ":" + f.Account + ":pipe/" + name
}

func pipesClient(cfg aws.Config) *pipes.Client { return pipes.NewFromConfig(cfg) }

// readPipe takes a pipe on its way for what it will be; one that could not be stopped runs.
func readPipe(ctx context.Context, cfg aws.Config, p Place) (pipeState, Token, error) {
	out, err := pipesClient(cfg).DescribePipe(ctx, &pipes.DescribePipeInput{Name: aws.String(pipeName(p.Key))})
	if err != nil {
		return pipeState{}, "", err
	}
	s := pipeState{Desired: string(out.DesiredState)}
	switch out.CurrentState {
	case pipestypes.PipeStateCreating, pipestypes.PipeStateUpdating, pipestypes.PipeStateDeleting, pipestypes.PipeStateStarting, pipestypes.PipeStateStopping:
		s.Moving = string(out.CurrentState)
	case pipestypes.PipeStateStopFailed:
		s.Desired = string(pipestypes.RequestedPipeStateRunning)
	}
	return s, "", nil
}

func pipeSteps(p Place, _, to pipeState, _ Token) []Step {
	name := aws.String(pipeName(p.Key))
	if to.Desired == pipeStop {
		in := &pipes.StopPipeInput{Name: name}
		return []Step{{"Pipes:StopPipe", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := pipesClient(cfg).StopPipe(ctx, in)
			return err
		}}}
	}
	in := &pipes.StartPipeInput{Name: name}
	return []Step{{"Pipes:StartPipe", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := pipesClient(cfg).StartPipe(ctx, in)
		return err
	}}}
}

// calledByPipe is one pipe that sends to the function, or lets it enrich what it carries.
type calledByPipe struct{ ARN, Qualifier, As, State string }

func pipeLook() Part {
	return Look(Part{Name: partPipes, Needs: []awsapi.Need{does("Pipes:ListPipes", "pipes:ListPipes", "*", false)}},
		func(ctx context.Context, cfg aws.Config, s *Survey) (mine []calledByPipe, err error) {
			err = pages(func(m *string) (*string, error) {
				out, err := pipesClient(cfg).ListPipes(ctx, &pipes.ListPipesInput{NextToken: m})
				if err != nil {
					return nil, err
				}
				for _, x := range out.Pipes {
					if q, ours := s.calledAs(aws.ToString(x.Target)); ours {
						mine = append(mine, calledByPipe{aws.ToString(x.Arn), q, "target", string(x.CurrentState)})
					} else if q, ours := s.calledAs(aws.ToString(x.Enrichment)); ours {
						mine = append(mine, calledByPipe{aws.ToString(x.Arn), q, "enrichment", string(x.CurrentState)})
					}
				}
				return out.NextToken, nil
			})
			return mine, err
		}, func(_ *Survey, found []calledByPipe) []Caller {
			var all []Caller
			for _, x := range found {
				c := Caller{Kind: "pipe", Name: x.ARN, Qualifier: x.Qualifier, Detail: x.As + ", " + x.State, Doc: docPipe, Key: x.ARN}
				if x.State == string(pipestypes.PipeStateStopped) {
					c.Closed = "the pipe is stopped"
				}
				all = append(all, c)
			}
			return all
		})
}
