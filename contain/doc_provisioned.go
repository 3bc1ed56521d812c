package contain

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// provisioned is the provisioned concurrency of one qualifier (Place.Key). A
// reservation below the provisioned total is refused, so it has to go first.
type provisioned struct {
	Requested *int32 `json:"requested"`
	Status    string `json:"status,omitempty"` // IN_PROGRESS; AWS's business, not part of what is compared
}

func provisionedActs() []Act {
	return Define(Doc[provisioned]{
		Name: "lambda.provisioned",
		Needs: []awsapi.Need{
			on("Lambda:GetProvisionedConcurrencyConfig", "alias or version ARN", false),
			on("Lambda:DeleteProvisionedConcurrencyConfig", "alias or version ARN", true),
			when(on("Lambda:PutProvisionedConcurrencyConfig", "alias or version ARN", true), "lifting"),
		},
		Resource: func(p Place) string { return qualified(p.Target, p.Key) },
		Read:     readProvisioned,
		Equal:    func(a, b provisioned) bool { return sameNumber(a.Requested, b.Requested) },
		Settled: func(s provisioned) bool {
			return s.Status != string(lambdatypes.ProvisionedConcurrencyStatusEnumInProgress)
		},
		Steps: provisionedSteps,
	}, withScaling(forGood(provisionedEdit(), actProvisionedEvict, "delete for good provisioned concurrency that an intruder has set, by its finding; named without one: all of the function's",
		Fixture{}))...)
}

// withScaling lets the evicting twin wait for its own kind of auto scaling: with the
// isolating one, release would resume what puts the capacity back.
func withScaling(acts []Edit[provisioned]) []Edit[provisioned] {
	acts[1].Requires = []string{actScalingEvict}
	return acts
}

// provisionedEdit and its evicting twin share the document of a qualifier: concurrency 0
// waits for the first, whosever the capacity was.
func provisionedEdit() Edit[provisioned] {
	return Edit[provisioned]{
		Name:  actProvisioned,
		About: "delete provisioned concurrency, which would refuse concurrency 0",
		Lossy: "warm environments, with whatever is in their memory and /tmp, are gone",
		Kind:  Isolate, Attack: []string{"T1496"},
		Answers: []Answer{{Kind: "function-provisioned", Key: findingQualifier}},
		Rank:    rank(stageProvisioned), Holds: true, Requires: []string{actScaling},
		Keys: func(s *Survey) []string { return s.Provisioned }, Parts: []string{partProvisioned},
		Apply: func(Place, provisioned, Params) (provisioned, error) { return provisioned{}, nil },
		Destroys: func(p Place, _ provisioned) []Artefact {
			return []Artefact{{Name: "lambda.provisioned", ARN: p.ARN}}
		},
		Breaks: func(_ *Survey, before map[string]provisioned) []Impact {
			var all []Impact
			for _, key := range sortedKeys(before) {
				if n := before[key].Requested; n != nil {
					all = append(all, Impact{What: "alias or version", Resource: key, Detail: fmt.Sprintf("%d provisioned environments end", *n)})
				}
			}
			return all
		},
	}
}

func sameNumber(a, b *int32) bool {
	return (a == nil) == (b == nil) && aws.ToInt32(a) == aws.ToInt32(b)
}

func readProvisioned(ctx context.Context, cfg aws.Config, p Place) (provisioned, Token, error) {
	out, err := lambdaClient(cfg).GetProvisionedConcurrencyConfig(ctx, &lambda.GetProvisionedConcurrencyConfigInput{
		FunctionName: aws.String(p.Function), Qualifier: aws.String(p.Key),
	})
	if isCode(err, "ProvisionedConcurrencyConfigNotFoundException") {
		return provisioned{}, "", nil
	}
	if err != nil {
		return provisioned{}, "", err
	}
	s := provisioned{Requested: out.RequestedProvisionedConcurrentExecutions}
	if out.Status == lambdatypes.ProvisionedConcurrencyStatusEnumInProgress {
		s.Status = string(out.Status)
	}
	return s, "", nil
}

func provisionedSteps(p Place, _, to provisioned, _ Token) []Step {
	if to.Requested == nil {
		in := &lambda.DeleteProvisionedConcurrencyConfigInput{FunctionName: aws.String(p.Function), Qualifier: aws.String(p.Key)}
		return []Step{{"Lambda:DeleteProvisionedConcurrencyConfig", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := lambdaClient(cfg).DeleteProvisionedConcurrencyConfig(ctx, in)
			return err
		}}}
	}
	in := &lambda.PutProvisionedConcurrencyConfigInput{
		FunctionName: aws.String(p.Function), Qualifier: aws.String(p.Key), ProvisionedConcurrentExecutions: to.Requested,
	}
	return []Step{{"Lambda:PutProvisionedConcurrencyConfig", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := lambdaClient(cfg).PutProvisionedConcurrencyConfig(ctx, in)
		return err
	}}}
}
