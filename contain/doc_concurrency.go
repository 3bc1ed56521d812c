package contain

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// concurrency is a function's reservation. Unset is not 0: unset runs from the
// account's pool, 0 does not run at all.
type concurrency struct {
	Reserved *int32 `json:"reserved"`
}

func functionARN(p Place) string { return p.ARN }

// on is one need on one resource.
func on(call, resource string, mutates bool) awsapi.Need {
	service, op, _ := strings.Cut(call, ":")
	return awsapi.Need{Call: call, Mutates: mutates, IAM: []awsapi.Grant{{Action: strings.ToLower(service) + ":" + op, Resource: resource}}}
}

// does is one need of a service whose IAM prefix is not its SDK's name.
func does(call, action, resource string, mutates bool) awsapi.Need {
	return awsapi.Need{Call: call, Mutates: mutates, IAM: []awsapi.Grant{{Action: action, Resource: resource}}}
}

// when says when a need's call is made.
func when(n awsapi.Need, words string) awsapi.Need {
	n.When = words
	return n
}

func concurrencyActs() []Act {
	return Define(Doc[concurrency]{
		Name: "lambda.concurrency",
		Needs: []awsapi.Need{
			on("Lambda:GetFunctionConcurrency", "function ARN", false),
			on("Lambda:PutFunctionConcurrency", "function ARN", true),
			when(on("Lambda:DeleteFunctionConcurrency", "function ARN", true), "lifting, where none was reserved before"),
		},
		Resource: functionARN,
		Read:     readConcurrency,
		Steps:    concurrencySteps,
	}, Edit[concurrency]{
		Name:  actConcurrency,
		About: "reserve no concurrency: every version of the function stops being invoked",
		Lossy: "asynchronous events that arrive meanwhile go to the dead-letter queue or failure destination at once, or are lost; " +
			"the reservation is free for others while it is 0, so putting it back can fail below the account's unreserved minimum; " +
			"runs in flight go on to their timeout",
		Kind: Isolate, Level: LevelStop, Attack: []string{"T1648", "T1496", "T1190"},
		Answers: []Answer{{Kind: "function"}, {Kind: "function-code"}, {Kind: "function-version"}, {Kind: "concurrency"}},
		Rank:    rank(stageConcurrency), Requires: []string{actScaling, actProvisioned},
		Keys:  func(*Survey) []string { return []string{""} },
		Looks: []Part{gatewayLook(), balancerLook()}, // whose roads it closes, without touching the API or the load balancer
		Apply: func(Place, concurrency, Params) (concurrency, error) { return concurrency{aws.Int32(0)}, nil },
		Destroys: func(p Place, _ concurrency) []Artefact {
			return []Artefact{
				{Name: "lambda.concurrency", ARN: p.ARN}, {Name: "lambda.provisioned", ARN: p.ARN},
				{Name: "lambda.mappings", ARN: p.ARN}, {Name: "lambda.invoke-config", ARN: p.ARN},
			}
		},
		Breaks: func(s *Survey, _ map[string]concurrency) []Impact { return frozen(s) },
		Contained: func(s concurrency) string {
			if s.Reserved != nil && *s.Reserved == 0 {
				return "concurrency is 0"
			}
			return ""
		},
	})
}

func readConcurrency(ctx context.Context, cfg aws.Config, p Place) (concurrency, Token, error) {
	out, err := lambdaClient(cfg).GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String(p.Function)})
	if err != nil {
		return concurrency{}, "", err
	}
	return concurrency{out.ReservedConcurrentExecutions}, "", nil
}

func concurrencySteps(p Place, _, to concurrency, _ Token) []Step {
	if to.Reserved == nil {
		in := &lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String(p.Function)}
		return []Step{{"Lambda:DeleteFunctionConcurrency", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := lambdaClient(cfg).DeleteFunctionConcurrency(ctx, in)
			return err
		}}}
	}
	in := &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String(p.Function), ReservedConcurrentExecutions: to.Reserved}
	return []Step{{"Lambda:PutFunctionConcurrency", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := lambdaClient(cfg).PutFunctionConcurrency(ctx, in)
		return err
	}}}
}

// frozen is what stops when the function does.
func frozen(s *Survey) []Impact {
	all := []Impact{{What: "function", Resource: s.ARN, Detail: "every version and alias answers 429 TooManyRequestsException"}}
	for _, c := range callers(s) {
		if c.Kind != "alias" {
			all = append(all, Impact{What: "trigger", Resource: c.Name, Detail: fmt.Sprintf("%s on %s no longer reaches the function", c.Kind, orLatest(c.Qualifier))})
		}
	}
	where := destinations(s)
	if len(where) == 0 {
		where = []string{"nowhere: with neither dead-letter queue nor failure destination they count as lost"}
	}
	for _, w := range where {
		all = append(all, Impact{What: "asynchronous events", Resource: s.ARN, Detail: "new ones go at once, without retry, to " + w})
	}
	return all
}

// destinations are where events end that the function does not take, each in words.
func destinations(s *Survey) []string {
	var all []string
	if s.DLQ != "" {
		all = append(all, "the dead-letter queue "+s.DLQ)
	}
	for _, c := range s.Invokes {
		if d := onFailure(c.DestinationConfig); d != "" {
			all = append(all, fmt.Sprintf("the failure destination %s (of %s)", d, orLatest(qualifierOf(aws.ToString(c.FunctionArn)))))
		}
	}
	return all
}

func onFailure(d *lambdatypes.DestinationConfig) string {
	if d == nil || d.OnFailure == nil {
		return ""
	}
	return aws.ToString(d.OnFailure.Destination)
}

func orLatest(qualifier string) string {
	if qualifier == "" {
		return "$LATEST"
	}
	return qualifier
}
