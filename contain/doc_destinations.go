package contain

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// destinationsOf are where the results of asynchronous events of one qualifier (Place.Key)
// go. Both are restated with each write, whether AWS takes an update as one of the whole
// setting or of its members.
type destinationsOf struct {
	OnFailure string `json:"on_failure,omitempty"`
	OnSuccess string `json:"on_success,omitempty"`
	None      bool   `json:"none,omitempty"` // there is no such configuration
}

const docDestinations = "lambda.destinations"

func destinationActs() []Act {
	return Define(Doc[destinationsOf]{
		Name: docDestinations,
		Needs: []awsapi.Need{
			on("Lambda:GetFunctionEventInvokeConfig", "function, alias or version ARN", false),
			on("Lambda:UpdateFunctionEventInvokeConfig", "function, alias or version ARN", true),
		},
		Resource: func(p Place) string { return qualified(p.Target, p.Key) },
		Read:     readDestinations,
		Steps:    destinationSteps,
	}, Edit[destinationsOf]{
		Name:  actDestinations,
		About: "clear destinations of asynchronous events that lie in other accounts, on every qualifier: concurrency 0 would send every event there",
		Lossy: "events that end meanwhile leave no record at that destination",
		Kind:  Evict, Level: LevelIsolate, Attack: []string{"T1537"},
		Answers: []Answer{{Kind: "invoke-configuration", Key: func(f finding.Finding) string { return orLatest(findingQualifier(f)) }}},
		Rank:    rank(stageDestinations),
		Keys: func(s *Survey) []string {
			var keys []string
			for _, c := range s.Invokes {
				q := orLatest(qualifierOf(aws.ToString(c.FunctionArn)))
				if isForeign(s.Target, onFailure(c.DestinationConfig)) || isForeign(s.Target, onSuccess(c.DestinationConfig)) || slices.Contains(foundInvokes(s.Findings), q) {
					keys = append(keys, q)
				}
			}
			return keys
		},
		Parts: []string{partInvokes},
		Params: func(_ PlanInput, s *Survey) Params {
			if found := foundInvokes(s.Findings); len(found) > 0 {
				return Params{"found": strings.Join(found, "\n")}
			}
			return nil
		},
		Apply: func(p Place, s destinationsOf, params Params) (destinationsOf, error) {
			found := slices.Contains(strings.Split(params["found"], "\n"), p.Key)
			if found || isForeign(p.Target, s.OnFailure) {
				s.OnFailure = ""
			}
			if found || isForeign(p.Target, s.OnSuccess) {
				s.OnSuccess = ""
			}
			return s, nil
		},
		Destroys: func(p Place, _ destinationsOf) []Artefact {
			return []Artefact{{Name: "lambda.invoke-config", ARN: p.ARN}}
		},
		Breaks: lostDestinations,
		Worth:  ownerless,
	})
}

// lostDestinations are those that are cleared.
func lostDestinations(_ *Survey, before map[string]destinationsOf) []Impact {
	var all []Impact
	for _, key := range sortedKeys(before) {
		for what, to := range map[string]string{"failures": before[key].OnFailure, "results": before[key].OnSuccess} {
			if to != "" {
				all = append(all, Impact{What: "asynchronous events", Resource: key, Detail: what + " may no longer go to " + to})
			}
		}
	}
	slices.SortFunc(all, func(a, b Impact) int { return strings.Compare(a.Resource+a.Detail, b.Resource+b.Detail) })
	return all
}

// ownerless are destinations that do not say whose they are, such as buckets.
func ownerless(s *Survey) []string {
	var all []string
	for _, c := range s.Invokes {
		for _, to := range []string{onFailure(c.DestinationConfig), onSuccess(c.DestinationConfig)} {
			if to != "" && accountOf(to) == "" {
				all = append(all, fmt.Sprintf("destination %s of %s names no account: look whose it is", to, orLatest(qualifierOf(aws.ToString(c.FunctionArn)))))
			}
		}
	}
	return all
}

// isForeign says whether something is of another account than the target. What names no
// account, such as a bucket, is not known to be.
func isForeign(t Target, arn string) bool {
	account := accountOf(arn)
	return account != "" && account != t.Account
}

func onSuccess(d *lambdatypes.DestinationConfig) string {
	if d == nil || d.OnSuccess == nil {
		return ""
	}
	return aws.ToString(d.OnSuccess.Destination)
}

// foundInvokes are the qualifiers whose configuration findings name.
func foundInvokes(all []finding.Finding) []string {
	var out []string
	for _, f := range all {
		if f.Kind == "invoke-configuration" {
			out = append(out, orLatest(findingQualifier(f)))
		}
	}
	return out
}

func readDestinations(ctx context.Context, cfg aws.Config, p Place) (destinationsOf, Token, error) {
	out, err := lambdaClient(cfg).GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: aws.String(p.Function), Qualifier: aws.String(p.Key)})
	if isCode(err, "ResourceNotFoundException") {
		return destinationsOf{None: true}, "", nil
	}
	if err != nil {
		return destinationsOf{}, "", err
	}
	return destinationsOf{OnFailure: onFailure(out.DestinationConfig), OnSuccess: onSuccess(out.DestinationConfig)}, "", nil
}

// destinationSteps: an empty text takes a destination away, and one that was never there is
// not named at all.
func destinationSteps(p Place, now, to destinationsOf, _ Token) []Step {
	if now.None || to.None {
		return nil
	}
	d := &lambdatypes.DestinationConfig{}
	if now.OnFailure != "" || to.OnFailure != "" {
		d.OnFailure = &lambdatypes.OnFailure{Destination: aws.String(to.OnFailure)}
	}
	if now.OnSuccess != "" || to.OnSuccess != "" {
		d.OnSuccess = &lambdatypes.OnSuccess{Destination: aws.String(to.OnSuccess)}
	}
	in := &lambda.UpdateFunctionEventInvokeConfigInput{FunctionName: aws.String(p.Function), Qualifier: aws.String(p.Key), DestinationConfig: d}
	return []Step{{"Lambda:UpdateFunctionEventInvokeConfig", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := lambdaClient(cfg).UpdateFunctionEventInvokeConfig(ctx, in)
		return err
	}}}
}
