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

// signing is the code-signing configuration that a function's deployments are held
// against, by ARN; "" is none.
type signing struct {
	Config string `json:"config"`
}

const (
	actSigning  = "code-signing-enforce"
	partSigning = "code-signing configuration"
)

func signingActs() []Act {
	return Define(Doc[signing]{
		Name: "lambda.signing",
		Needs: []awsapi.Need{
			on("Lambda:GetFunctionCodeSigningConfig", "function ARN", false),
			{Call: "Lambda:PutFunctionCodeSigningConfig", Mutates: true, IAM: []awsapi.Grant{
				{Action: "lambda:PutFunctionCodeSigningConfig", Resource: "function ARN"}, {Action: "lambda:PutFunctionCodeSigningConfig", Resource: "code-signing configuration ARN"}}},
			when(on("Lambda:DeleteFunctionCodeSigningConfig", "function ARN", true), "undoing, where there was none"),
		},
		Resource: functionARN,
		Read:     readSigning,
		Steps:    signingSteps,
	}, Edit[signing]{
		Name:  actSigning,
		About: "hold deployments of the function against the code-signing configuration of --signing-config, which must enforce",
		Kind:  Isolate, Attack: []string{"T1525", "T1648"},
		Rank: rank(stageEvict + 1), // code that goes back is seldom signed: after that
		Looks: []Part{Look(Part{Name: partSigning, Needs: []awsapi.Need{
			when(on("Lambda:GetCodeSigningConfig", "code-signing configuration ARN", false), "a code-signing configuration is named"),
			when(on("Lambda:ListFunctionsByCodeSigningConfig", "code-signing configuration ARN", false), "a code-signing configuration is named"),
		}}, signingOf, nil)},
		Parts: []string{partSigning},
		Keys: func(s *Survey) []string {
			if signingLacks(s) != "" {
				return nil
			}
			return []string{""}
		},
		Lacks:  signingLacks,
		Params: func(in PlanInput, _ *Survey) Params { return Params{"config": in.SigningConfig} },
		Apply: func(_ Place, _ signing, params Params) (signing, error) {
			if params["config"] == "" {
				return signing{}, errors.New("no code-signing configuration is named")
			}
			return signing{params["config"]}, nil
		},
		Destroys: func(p Place, _ signing) []Artefact { return []Artefact{{Name: "lambda.signing", ARN: p.ARN}} },
		Breaks: func(s *Survey, before map[string]signing) []Impact {
			all := []Impact{{What: "function", Resource: s.ARN, Detail: "code and layers that are not signed by an allowed publisher are refused, good ones too: put good code back first, or sign it"}}
			if was := before[""].Config; was != "" {
				all = append(all, Impact{What: "function", Resource: s.ARN, Detail: "its code-signing configuration " + was + " is overwritten; lifting puts it back"})
			}
			for _, f := range Found[signingFound](s, partSigning).Functions {
				all = append(all, Impact{What: "function", Resource: f, Detail: "shares the code-signing configuration: a change of it (to Warn, or a publisher more) concerns all of them"})
			}
			return all
		},
		Worth: func(*Survey) []string {
			return []string{
				"deployments only: code that is there is not looked at, and runs on",
				"whoever may change the configuration, or sign by a profile that it allows, gets around it; container images are not held against it",
			}
		},
		Fixture: Fixture{Signing: true},
	})
}

// signingFound is what is known of the named configuration.
type signingFound struct {
	Fault     string
	Functions []string // others that use it
}

func signingOf(ctx context.Context, cfg aws.Config, s *Survey) (signingFound, error) {
	arn := s.in.SigningConfig
	if arn == "" {
		return signingFound{}, nil
	}
	c := lambdaClient(cfg)
	out, err := c.GetCodeSigningConfig(ctx, &lambda.GetCodeSigningConfigInput{CodeSigningConfigArn: aws.String(arn)})
	switch {
	case isCode(err, "ResourceNotFoundException"):
		return signingFound{Fault: "there is no code-signing configuration " + arn}, nil
	case err != nil:
		return signingFound{}, err
	case out.CodeSigningConfig == nil || out.CodeSigningConfig.CodeSigningPolicies == nil ||
		out.CodeSigningConfig.CodeSigningPolicies.UntrustedArtifactOnDeployment != lambdatypes.CodeSigningPolicyEnforce:
		return signingFound{Fault: fmt.Sprintf("code-signing configuration %s only warns: it refuses nothing", arn)}, nil
	}
	var found signingFound
	err = pages(func(m *string) (*string, error) {
		page, err := c.ListFunctionsByCodeSigningConfig(ctx, &lambda.ListFunctionsByCodeSigningConfigInput{CodeSigningConfigArn: aws.String(arn), Marker: m})
		if err != nil {
			return nil, err
		}
		for _, f := range page.FunctionArns {
			if f != s.ARN {
				found.Functions = append(found.Functions, f)
			}
		}
		return page.NextMarker, nil
	})
	return found, err
}

func signingLacks(s *Survey) string {
	if s.in.SigningConfig == "" {
		return "name a code-signing configuration that enforces: --signing-config ARN"
	}
	return Found[signingFound](s, partSigning).Fault
}

func readSigning(ctx context.Context, cfg aws.Config, p Place) (signing, Token, error) {
	out, err := lambdaClient(cfg).GetFunctionCodeSigningConfig(ctx, &lambda.GetFunctionCodeSigningConfigInput{FunctionName: aws.String(p.Function)})
	if err != nil {
		return signing{}, "", err
	}
	return signing{aws.ToString(out.CodeSigningConfigArn)}, "", nil
}

func signingSteps(p Place, _, to signing, _ Token) []Step {
	function := aws.String(p.Function)
	if to.Config == "" {
		in := &lambda.DeleteFunctionCodeSigningConfigInput{FunctionName: function}
		return []Step{{"Lambda:DeleteFunctionCodeSigningConfig", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := lambdaClient(cfg).DeleteFunctionCodeSigningConfig(ctx, in)
			return err
		}}}
	}
	in := &lambda.PutFunctionCodeSigningConfigInput{FunctionName: function, CodeSigningConfigArn: aws.String(to.Config)}
	return []Step{{"Lambda:PutFunctionCodeSigningConfig", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := lambdaClient(cfg).PutFunctionCodeSigningConfig(ctx, in)
		return err
	}}}
}
