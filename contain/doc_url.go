package contain

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// urlConfig is the function URL of one qualifier (Place.Key). CORS and invoke mode are
// restated with each write, so that none of them falls back to a default.
type urlConfig struct {
	AuthType   lambdatypes.FunctionUrlAuthType `json:"auth_type"`
	InvokeMode lambdatypes.InvokeMode          `json:"invoke_mode,omitempty"`
	Cors       *lambdatypes.Cors               `json:"cors,omitempty"`
	Gone       bool                            `json:"gone,omitempty"` // there is none: an address once deleted does not come back
}

const docURL = "lambda.urls"

func urlActs() []Act {
	return Define(Doc[urlConfig]{
		Name: docURL,
		Needs: []awsapi.Need{
			on("Lambda:GetFunctionUrlConfig", "function or alias ARN", false),
			on("Lambda:UpdateFunctionUrlConfig", "function or alias ARN", true),
		},
		Resource: func(p Place) string { return qualified(p.Target, p.Key) },
		Read:     readURL,
		Steps:    urlSteps,
	}, Edit[urlConfig]{
		Name:  actURL,
		About: "function URLs that anyone may call ask for an IAM signature",
		Kind:  Evict, Level: LevelIsolate, Attack: []string{"T1133"},
		Answers: []Answer{{Kind: "function-url", Key: findingQualifier}},
		Rank:    rank(stageGrants),
		Keys: func(s *Survey) []string {
			var keys []string
			for _, u := range s.URLs {
				keys = append(keys, qualifierOf(aws.ToString(u.FunctionArn)))
			}
			return keys
		},
		Parts: []string{partURLs},
		Apply: func(_ Place, s urlConfig, _ Params) (urlConfig, error) {
			if !s.Gone {
				s.AuthType = lambdatypes.FunctionUrlAuthTypeAwsIam
			}
			return s, nil
		},
		Destroys: func(p Place, _ urlConfig) []Artefact { return []Artefact{{Name: "lambda.urls", ARN: p.ARN}} },
		Breaks: func(_ *Survey, before map[string]urlConfig) []Impact {
			var all []Impact
			for _, key := range sortedKeys(before) {
				if before[key].AuthType == lambdatypes.FunctionUrlAuthTypeNone {
					all = append(all, Impact{What: "url", Resource: orLatest(key), Detail: "callers without an IAM signature get 403"})
				}
			}
			return all
		},
	})
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return aws.String(s)
}

func readURL(ctx context.Context, cfg aws.Config, p Place) (urlConfig, Token, error) {
	out, err := lambdaClient(cfg).GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{
		FunctionName: aws.String(p.Function), Qualifier: orNil(p.Key),
	})
	if isCode(err, "ResourceNotFoundException") {
		return urlConfig{Gone: true}, "", nil
	}
	if err != nil {
		return urlConfig{}, "", err
	}
	return urlConfig{AuthType: out.AuthType, InvokeMode: out.InvokeMode, Cors: out.Cors}, "", nil
}

func urlSteps(p Place, now, to urlConfig, _ Token) []Step {
	if to.Gone || now.Gone {
		return nil
	}
	in := &lambda.UpdateFunctionUrlConfigInput{
		FunctionName: aws.String(p.Function), Qualifier: orNil(p.Key),
		AuthType: to.AuthType, InvokeMode: to.InvokeMode, Cors: to.Cors,
	}
	return []Step{{"Lambda:UpdateFunctionUrlConfig", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := lambdaClient(cfg).UpdateFunctionUrlConfig(ctx, in)
		return err
	}}}
}
