package contain

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// durableRun is a durable execution (Place.Key is its ARN).
type durableRun struct {
	Status string `json:"status"` // AWS's; "" is one that AWS keeps no longer
}

const (
	actDurable  = "durable-stop"
	partDurable = "durable executions"
	// maxDurable bounds what one plan stops: what is left has to be said, and stopped by the next.
	maxDurable = 1_000
)

func (d durableRun) running() bool { return d.Status == string(lambdatypes.ExecutionStatusRunning) }

func durableActs() []Act {
	return Define(Doc[durableRun]{
		Name: "lambda.durable",
		Needs: []awsapi.Need{
			on("Lambda:GetDurableExecution", "durable execution ARN", false),
			on("Lambda:StopDurableExecution", "durable execution ARN", true),
		},
		Resource: func(p Place) string { return p.Key },
		Read:     readDurable,
		// However it ended: it does not run, and nothing makes it run again.
		Equal: func(a, b durableRun) bool { return a.running() == b.running() },
		Steps: durableSteps,
	}, Edit[durableRun]{
		Name:       actDurable,
		About:      "stop every durable execution that runs (--stop-durable): concurrency 0 and a denied role leave them waiting, for up to a year, and they go on once that is lifted",
		Lossy:      "AWS: a stopped execution cannot be resumed, and operations in progress are terminated; what it waited for has to be begun again by its owner",
		LosesState: []string{"lambda/*/durable/*#.about.Status", "lambda/*/durable/*#.about.EndTimestamp", "lambda/*/durable/*#.about.Error*", "lambda/*/durable/*#.events*"},
		Kind:       Evict, Attack: []string{"T1648"}, Stays: true,
		Parts: []string{partDurable},
		Looks: []Part{Look(Part{Name: partDurable, Needs: []awsapi.Need{when(on("Lambda:ListDurableExecutionsByFunction", "function ARN", false), "planning with --stop-durable")}}, runningOf, nil)},
		Keys: func(s *Survey) []string {
			if !s.in.StopDurable {
				return nil
			}
			return Found[[]string](s, partDurable)
		},
		Lacks: func(s *Survey) string {
			if s.in.StopDurable {
				return ""
			}
			return "it cannot be taken back: --stop-durable says that it is meant"
		},
		Apply: func(_ Place, before durableRun, _ Params) (durableRun, error) {
			if !before.running() {
				return before, nil
			}
			return durableRun{string(lambdatypes.ExecutionStatusStopped)}, nil
		},
		Destroys: func(p Place, _ durableRun) []Artefact {
			return []Artefact{{Name: "lambda.durable.history", ARN: p.Key}}
		},
		Breaks: func(_ *Survey, before map[string]durableRun) []Impact {
			var all []Impact
			for _, key := range sortedKeys(before) {
				all = append(all, Impact{What: "durable execution", Resource: key, Detail: "ends for good: steps that are under way are cut off, callbacks that it waits for find nobody"})
			}
			return all
		},
		Worth: func(*Survey) []string {
			return []string{"those of this plan only: while the function can be called, others can begin"}
		},
		Fixture: Fixture{Resource: "arn:aws:lambda:eu-central-1:123456789012:function:orderflow", StopDurable: true},
	})
}

// runningOf are the executions of all versions that run.
func runningOf(ctx context.Context, cfg aws.Config, s *Survey) (arns []string, err error) {
	c := lambdaClient(cfg)
	err = pages(func(m *string) (*string, error) {
		out, err := c.ListDurableExecutionsByFunction(ctx, &lambda.ListDurableExecutionsByFunctionInput{
			FunctionName: aws.String(s.Function), Statuses: []lambdatypes.ExecutionStatus{lambdatypes.ExecutionStatusRunning}, MaxItems: maxDurable, Marker: m})
		if err != nil {
			return nil, err
		}
		for _, e := range out.DurableExecutions {
			if len(arns) == maxDurable {
				return nil, fmt.Errorf("more than %d run: apply this plan, and make another", maxDurable)
			}
			if e.Status == lambdatypes.ExecutionStatusRunning && aws.ToString(e.DurableExecutionArn) != "" {
				arns = append(arns, aws.ToString(e.DurableExecutionArn))
			}
		}
		return out.NextMarker, nil
	})
	return arns, err
}

// readDurable leaves out what it was given and gave back.
func readDurable(ctx context.Context, cfg aws.Config, p Place) (durableRun, Token, error) {
	out, err := lambdaClient(cfg).GetDurableExecution(ctx, &lambda.GetDurableExecutionInput{DurableExecutionArn: aws.String(p.Key), IncludeExecutionData: aws.Bool(false)})
	switch {
	case isCode(err, "ResourceNotFoundException"): // it ended, and its retention with it
		return durableRun{}, "", nil
	case err != nil:
		return durableRun{}, "", err
	case out.Status == "":
		return durableRun{}, "", errors.New("AWS answers without the status")
	}
	return durableRun{string(out.Status)}, "", nil
}

func durableSteps(p Place, now, to durableRun, _ Token) []Step {
	if !now.running() || to.running() {
		return nil // what has ended does not begin again
	}
	in := &lambda.StopDurableExecutionInput{DurableExecutionArn: aws.String(p.Key),
		Error: &lambdatypes.ErrorObject{ErrorType: aws.String("Contained"), ErrorMessage: aws.String("stopped to contain an incident")}}
	return []Step{{"Lambda:StopDurableExecution", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := lambdaClient(cfg).StopDurableExecution(ctx, in)
		return err
	}}}
}
