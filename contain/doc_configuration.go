package contain

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// configuration is what UpdateFunctionConfiguration can set of $LATEST, but for the
// environment, which has secrets and a document of its own. A write states only what differs.
type configuration struct {
	Role        string                   `json:"role,omitempty"`
	Handler     string                   `json:"handler,omitempty"`
	Runtime     string                   `json:"runtime,omitempty"`
	Description string                   `json:"description,omitempty"`
	Timeout     int32                    `json:"timeout,omitempty"`
	Memory      int32                    `json:"memory,omitempty"`
	Storage     int32                    `json:"storage,omitempty"` // /tmp, MB
	Layers      []string                 `json:"layers,omitempty"`  // ARNs, in their order
	Subnets     []string                 `json:"subnets,omitempty"` // sorted
	Groups      []string                 `json:"groups,omitempty"`  // security groups, sorted
	IPv6        bool                     `json:"ipv6,omitempty"`
	Tracing     string                   `json:"tracing,omitempty"`
	Logging     map[string]string        `json:"logging,omitempty"` // members of LoggingConfig
	Mounts      []mount                  `json:"mounts,omitempty"`
	DeadLetter  string                   `json:"dead_letter,omitempty"`
	Key         string                   `json:"key,omitempty"` // KMS key of the environment; "" is Lambda's own
	SnapStart   string                   `json:"snap_start,omitempty"`
	Image       *lambdatypes.ImageConfig `json:"image,omitempty"` // overrides of a container image
	Busy        bool                     `json:"busy,omitempty"`  // AWS is at work on it; not part of what is compared
}

// mount is a file system that the function sees.
type mount struct {
	ARN  string `json:"arn"`
	Path string `json:"path"`
}

const (
	docConfiguration  = "lambda.configuration"
	actConfiguration  = "configuration-back"
	partConfiguration = "good configuration"
)

func configurationActs() []Act {
	return Define(Doc[configuration]{
		Name: docConfiguration,
		Needs: []awsapi.Need{
			on("Lambda:GetFunctionConfiguration", "function ARN", false),
			{Call: "Lambda:UpdateFunctionConfiguration", Mutates: true, IAM: []awsapi.Grant{
				{Action: "lambda:UpdateFunctionConfiguration", Resource: "function ARN"}, {Action: "iam:PassRole", Resource: "role ARN"},
				{Action: "lambda:GetLayerVersion", Resource: "layer version ARN"}}}, // of each layer that it names
		},
		Resource: functionARN,
		Read:     readConfiguration,
		Equal:    sameConfiguration,
		Settled:  func(s configuration) bool { return !s.Busy },
		Steps:    configurationSteps,
	}, configurationEdit(), groupsEdit())
}

func configurationEdit() Edit[configuration] {
	return Edit[configuration]{
		Name:  actConfiguration,
		About: "put the configuration of a collected good version (--good-version, or $LATEST as collected before the first suspected change) back as that of $LATEST, but for its environment",
		Lossy: "a layer version that was deleted, and a runtime that AWS has blocked since, are not taken back by Lambda",
		Kind:  Evict, Level: LevelEvict, Attack: []string{"T1578", "T1574"},
		Answers: []Answer{{Kind: "function-configuration"}},
		Looks: []Part{Look(Part{Name: partConfiguration, Needs: []awsapi.Need{when(on("Lambda:GetFunction", "function ARN", false), "planning, where the case has no configuration of the good version")}},
			goodConfigurationOf, nil)},
		Parts: []string{partConfiguration},
		Keys: func(s *Survey) []string {
			if configurationLacks(s) != "" {
				return nil
			}
			return []string{""}
		},
		Lacks: configurationLacks,
		Params: func(_ PlanInput, s *Survey) Params {
			g := Found[goodConfiguration](s, partConfiguration)
			return Params{"configuration": g.JSON, "from": g.From}
		},
		Apply: func(_ Place, before configuration, params Params) (configuration, error) {
			good, err := decode[configuration](json.RawMessage(params["configuration"]))
			if err != nil {
				return configuration{}, err
			}
			good.Busy = before.Busy
			if sameConfiguration(before, good) {
				return before, nil
			}
			return good, nil
		},
		Destroys: configurationArtefacts,
		Breaks: func(s *Survey, before map[string]configuration) []Impact {
			g := Found[goodConfiguration](s, partConfiguration)
			good, err := decode[configuration](json.RawMessage(g.JSON))
			if err != nil {
				return nil
			}
			var all []Impact
			for _, m := range differing(before[""], good) {
				all = append(all, Impact{What: "function", Resource: s.ARN, Detail: m.name + " of $LATEST goes back to what it was in " + g.From})
			}
			return all
		},
		Worth: func(*Survey) []string {
			return []string{
				"$LATEST only: published versions keep their configuration (alias-back)",
				"the environment stays as it is: environment-back, where the case holds a good one (freezeframe collect); durable execution, capacity provider and runtime management are not touched",
				"Lambda checks the role when it changes the network: with the role denied it refuses, so lift the deny for that time, or leave the network",
			}
		},
		Fixture: Fixture{Good: "1"},
	}
}

func configurationArtefacts(p Place, _ configuration) []Artefact {
	return []Artefact{{Name: "lambda.configuration", ARN: p.ARN, Qualifier: latestPlain}}
}

// goodConfiguration is the configuration to go back to.
type goodConfiguration struct{ JSON, From string }

func goodConfigurationOf(ctx context.Context, cfg aws.Config, s *Survey) (goodConfiguration, error) {
	was, from, err := s.goodDeployed(ctx, cfg)
	if err != nil || was == nil || was.Configuration == nil {
		return goodConfiguration{}, err
	}
	b, err := canonical(configurationOf(was.Configuration))
	return goodConfiguration{string(b), from}, err
}

func configurationLacks(s *Survey) string {
	if Found[goodConfiguration](s, partConfiguration).JSON == "" {
		return "no good configuration is known: --good-version N with a version that is there or collected and not bad; or a finding, and a collection of $LATEST from before it"
	}
	return ""
}

func sameConfiguration(a, b configuration) bool { return len(differing(a, b)) == 0 }

func readConfiguration(ctx context.Context, cfg aws.Config, p Place) (configuration, Token, error) {
	out, err := lambdaClient(cfg).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(p.Function)})
	if err != nil {
		return configuration{}, "", err
	}
	s := configurationOf(&lambdatypes.FunctionConfiguration{
		Role: out.Role, Handler: out.Handler, Runtime: out.Runtime, Description: out.Description, Timeout: out.Timeout, MemorySize: out.MemorySize,
		EphemeralStorage: out.EphemeralStorage, Layers: out.Layers, VpcConfig: out.VpcConfig, TracingConfig: out.TracingConfig, LoggingConfig: out.LoggingConfig,
		FileSystemConfigs: out.FileSystemConfigs, DeadLetterConfig: out.DeadLetterConfig, KMSKeyArn: out.KMSKeyArn, SnapStart: out.SnapStart,
		ImageConfigResponse: out.ImageConfigResponse, State: out.State, LastUpdateStatus: out.LastUpdateStatus,
	})
	return s, Token(aws.ToString(out.RevisionId)), nil
}

func configurationOf(c *lambdatypes.FunctionConfiguration) configuration {
	s := configuration{
		Role: aws.ToString(c.Role), Handler: aws.ToString(c.Handler), Runtime: string(c.Runtime), Description: aws.ToString(c.Description),
		Timeout: aws.ToInt32(c.Timeout), Memory: aws.ToInt32(c.MemorySize), Key: aws.ToString(c.KMSKeyArn), Busy: busy(c),
	}
	if c.EphemeralStorage != nil {
		s.Storage = aws.ToInt32(c.EphemeralStorage.Size)
	}
	for _, l := range c.Layers {
		s.Layers = append(s.Layers, aws.ToString(l.Arn))
	}
	if v := c.VpcConfig; v != nil {
		s.Subnets, s.Groups, s.IPv6 = sorted(v.SubnetIds), sorted(v.SecurityGroupIds), aws.ToBool(v.Ipv6AllowedForDualStack)
	}
	if c.TracingConfig != nil {
		s.Tracing = string(c.TracingConfig.Mode)
	}
	if l := c.LoggingConfig; l != nil {
		s.Logging = map[string]string{"LogFormat": string(l.LogFormat), "LogGroup": aws.ToString(l.LogGroup)}
		if l.LogFormat == lambdatypes.LogFormatJson { // levels are of JSON alone
			s.Logging["ApplicationLogLevel"], s.Logging["SystemLogLevel"] = string(l.ApplicationLogLevel), string(l.SystemLogLevel)
		}
	}
	for _, m := range c.FileSystemConfigs {
		s.Mounts = append(s.Mounts, mount{aws.ToString(m.Arn), aws.ToString(m.LocalMountPath)})
	}
	if c.DeadLetterConfig != nil {
		s.DeadLetter = aws.ToString(c.DeadLetterConfig.TargetArn)
	}
	if c.SnapStart != nil {
		s.SnapStart = string(c.SnapStart.ApplyOn)
	}
	if r := c.ImageConfigResponse; r != nil && r.ImageConfig != nil {
		s.Image = r.ImageConfig
	}
	return s
}

func sorted(all []string) []string {
	if len(all) == 0 {
		return nil
	}
	out := slices.Clone(all)
	slices.Sort(out)
	return out
}

func configurationSteps(p Place, now, to configuration, tok Token) []Step {
	in := &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(p.Function), RevisionId: orNil(string(tok))}
	changes := differing(now, to)
	if len(changes) == 0 {
		return nil
	}
	for _, c := range changes {
		c.set(in)
	}
	return []Step{{"Lambda:UpdateFunctionConfiguration", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := lambdaClient(cfg).UpdateFunctionConfiguration(ctx, in)
		return err
	}}}
}
