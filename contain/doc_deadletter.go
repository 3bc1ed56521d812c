package contain

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// deadLetters is where asynchronous events end that $LATEST does not take.
type deadLetters struct {
	Target string `json:"target,omitempty"` // ARN; "" is none
	Moving bool   `json:"moving,omitempty"` // AWS is at it
}

func deadLetterActs() []Act {
	return Define(Doc[deadLetters]{
		Name: "lambda.deadletter",
		Needs: []awsapi.Need{
			on("Lambda:GetFunctionConfiguration", "function ARN", false),
			on("Lambda:UpdateFunctionConfiguration", "function ARN", true),
		},
		Resource: functionARN,
		Read:     readDeadLetters,
		Equal:    func(a, b deadLetters) bool { return a.Target == b.Target },
		Settled:  func(s deadLetters) bool { return !s.Moving },
		Steps:    deadLetterSteps,
	}, Edit[deadLetters]{
		Name:  actDeadLetters,
		About: "clear a dead-letter queue or topic of another account: concurrency 0 would send every event there",
		Lossy: "events that fail meanwhile go to no dead-letter queue; versions that were published with it keep it",
		Kind:  Evict, Level: LevelIsolate, Attack: []string{"T1537"},
		Rank: rank(stageDestinations),
		Keys: func(s *Survey) []string {
			if isForeign(s.Target, s.DLQ) {
				return []string{""}
			}
			return nil
		},
		Apply: func(p Place, s deadLetters, _ Params) (deadLetters, error) {
			if isForeign(p.Target, s.Target) {
				return deadLetters{}, nil
			}
			return s, nil
		},
		Destroys: func(p Place, _ deadLetters) []Artefact {
			return []Artefact{{Name: "lambda.configuration", ARN: p.ARN, Qualifier: "$LATEST"}}
		},
		Breaks: func(s *Survey, before map[string]deadLetters) []Impact {
			return []Impact{{What: "asynchronous events", Resource: s.ARN, Detail: "those that fail go no longer to " + before[""].Target}}
		},
		Worth: func(s *Survey) []string {
			var all []string
			for _, v := range sortedKeys(s.VersionDLQ) {
				if isForeign(s.Target, s.VersionDLQ[v]) {
					all = append(all, fmt.Sprintf("version %s keeps sending to %s: a published version never changes, and only the role's deny keeps its events from there", v, s.VersionDLQ[v]))
				}
			}
			return all
		},
	})
}

func readDeadLetters(ctx context.Context, cfg aws.Config, p Place) (deadLetters, Token, error) {
	out, err := lambdaClient(cfg).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(p.Function)})
	if err != nil {
		return deadLetters{}, "", err
	}
	s := deadLetters{Moving: out.LastUpdateStatus == lambdatypes.LastUpdateStatusInProgress}
	if out.DeadLetterConfig != nil {
		s.Target = aws.ToString(out.DeadLetterConfig.TargetArn)
	}
	return s, Token(aws.ToString(out.RevisionId)), nil
}

// deadLetterSteps names nothing else: what an update of the configuration leaves out stays.
func deadLetterSteps(p Place, _, to deadLetters, tok Token) []Step {
	in := &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(p.Function), RevisionId: orNil(string(tok)),
		DeadLetterConfig: &lambdatypes.DeadLetterConfig{TargetArn: aws.String(to.Target)}}
	return []Step{{"Lambda:UpdateFunctionConfiguration", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := lambdaClient(cfg).UpdateFunctionConfiguration(ctx, in)
		return err
	}}}
}
