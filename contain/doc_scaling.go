package contain

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// instances are the bounds of one published version (Place.Key) that runs on managed instances.
type instances struct {
	Min *int32 `json:"min"`
	Max *int32 `json:"max"`
}

func instanceActs() []Act {
	return Define(Doc[instances]{
		Name: "lambda.scaling",
		Needs: []awsapi.Need{
			on("Lambda:GetFunctionScalingConfig", "version ARN", false),
			on("Lambda:PutFunctionScalingConfig", "version ARN", true),
		},
		Resource: func(p Place) string { return qualified(p.Target, p.Key) },
		Read: func(ctx context.Context, cfg aws.Config, p Place) (instances, Token, error) {
			out, err := lambdaClient(cfg).GetFunctionScalingConfig(ctx, &lambda.GetFunctionScalingConfigInput{FunctionName: aws.String(p.Function), Qualifier: aws.String(p.Key)})
			if err != nil || out.RequestedFunctionScalingConfig == nil {
				return instances{}, "", err
			}
			return instances{out.RequestedFunctionScalingConfig.MinExecutionEnvironments, out.RequestedFunctionScalingConfig.MaxExecutionEnvironments}, "", nil
		},
		Steps: func(p Place, _, to instances, _ Token) []Step {
			in := &lambda.PutFunctionScalingConfigInput{FunctionName: aws.String(p.Function), Qualifier: aws.String(p.Key)}
			if to.Min != nil || to.Max != nil {
				in.FunctionScalingConfig = &lambdatypes.FunctionScalingConfig{MinExecutionEnvironments: to.Min, MaxExecutionEnvironments: to.Max}
			}
			return []Step{{"Lambda:PutFunctionScalingConfig", in, func(ctx context.Context, cfg aws.Config) error {
				_, err := lambdaClient(cfg).PutFunctionScalingConfig(ctx, in)
				return err
			}}}
		},
	}, hostileInstances(forGood(instanceEdit(), actInstancesEvict,
		"keep hostile versions scaled to no managed instance for good: those of --bad-version, those that findings name, and all of a function that an intruder made", instanceEdit().Fixture))...)
}

// hostileInstances gives the evicting twin the versions that somebody calls hostile, one by
// one: versions of one function may be the owner's and the intruder's side by side. Named by
// itself, the act means all of the functions that are named.
func hostileInstances(acts []Edit[instances]) []Edit[instances] {
	evict := &acts[1]
	evict.Level = LevelEvict
	evict.Keys = func(s *Survey) []string {
		if s.given && slices.Contains(s.in.Acts, actInstancesEvict) {
			return s.Managed
		}
		var keys []string
		for _, v := range s.Managed {
			hostile := s.given && slices.Contains(s.in.Bad, v)
			for _, f := range s.Findings {
				hostile = hostile || f.Kind == "function" && f.Change == "created" || slices.Contains([]string{"function-version", "function-scaling"}, f.Kind) && findingQualifier(f) == v
			}
			if hostile {
				keys = append(keys, v)
			}
		}
		return keys
	}
	return acts
}

func instanceEdit() Edit[instances] {
	return Edit[instances]{
		Name:  actInstances,
		About: "scale every published version that runs on managed instances to no execution environment",
		Lossy: "environments end, with whatever is in their memory and /tmp; one in which a run is under way may live to its timeout, up to 5,400 seconds",
		Kind:  Isolate, Level: LevelStop, Attack: []string{"T1578", "T1648"},
		Answers: []Answer{{Kind: "function", Change: "created"}, {Kind: "function-version", Key: findingQualifier}, {Kind: "function-scaling", Key: findingQualifier}},
		Rank:    rank(stageConcurrency),
		Keys:    func(s *Survey) []string { return s.Managed }, Parts: []string{partVersions},
		Apply: func(Place, instances, Params) (instances, error) { return instances{aws.Int32(0), aws.Int32(0)}, nil },
		Destroys: func(p Place, _ instances) []Artefact {
			return []Artefact{{Name: "lambda.scaling", ARN: p.ARN, Qualifier: p.Key}}
		},
		Breaks: func(_ *Survey, before map[string]instances) []Impact {
			var all []Impact
			for _, key := range sortedKeys(before) {
				all = append(all, Impact{What: "version", Resource: key, Detail: fmt.Sprintf("runs on no managed instance (%d to %d environments before)", aws.ToInt32(before[key].Min), aws.ToInt32(before[key].Max))})
			}
			return all
		},
		Contained: func(s instances) string {
			if s.Max != nil && *s.Max == 0 {
				return "managed instances are scaled to 0"
			}
			return ""
		},
		Fixture: Fixture{Resource: "arn:aws:lambda:eu-central-1:123456789012:function:render"},
	}
}

// recursion is what Lambda does about the function calling itself in a loop.
type recursion struct {
	Loop string `json:"loop"`
}

func recursionActs() []Act {
	return Define(Doc[recursion]{
		Name: "lambda.recursion",
		Needs: []awsapi.Need{
			on("Lambda:GetFunctionRecursionConfig", "function ARN", false),
			on("Lambda:PutFunctionRecursionConfig", "function ARN", true),
		},
		Resource: functionARN,
		Read: func(ctx context.Context, cfg aws.Config, p Place) (recursion, Token, error) {
			out, err := lambdaClient(cfg).GetFunctionRecursionConfig(ctx, &lambda.GetFunctionRecursionConfigInput{FunctionName: aws.String(p.Function)})
			if err != nil {
				return recursion{}, "", err
			}
			return recursion{string(out.RecursiveLoop)}, "", nil
		},
		Steps: func(p Place, _, to recursion, _ Token) []Step {
			in := &lambda.PutFunctionRecursionConfigInput{FunctionName: aws.String(p.Function), RecursiveLoop: lambdatypes.RecursiveLoop(to.Loop)}
			return []Step{{"Lambda:PutFunctionRecursionConfig", in, func(ctx context.Context, cfg aws.Config) error {
				_, err := lambdaClient(cfg).PutFunctionRecursionConfig(ctx, in)
				return err
			}}}
		},
	}, forGood(recursionEdit(), actRecursionEvict, "end for good the loops of the function that an intruder has allowed", Fixture{})...)
}

func recursionEdit() Edit[recursion] {
	return Edit[recursion]{
		Name:  actRecursion,
		About: "end runs that call the function in a loop (by way of SQS, SNS, S3 or itself), where that was allowed",
		Kind:  Isolate, Attack: []string{"T1496"},
		Answers: []Answer{{Kind: "function-recursion"}},
		Keys:    func(*Survey) []string { return []string{""} },
		Apply: func(Place, recursion, Params) (recursion, error) {
			return recursion{string(lambdatypes.RecursiveLoopTerminate)}, nil
		},
		Destroys: func(p Place, _ recursion) []Artefact { return []Artefact{{Name: "lambda.recursion", ARN: p.ARN}} },
		Breaks: func(s *Survey, _ map[string]recursion) []Impact {
			return []Impact{{What: "function", Resource: s.ARN, Detail: "a loop that was meant ends after about 16 rounds"}}
		},
	}
}
