package awssim

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func createFunction(c *call, in *lambda.CreateFunctionInput) (*lambda.CreateFunctionOutput, error) {
	t := c.target(in.FunctionName, nil)
	if err := c.may("CreateFunction", t); err != nil {
		return nil, err
	}
	if err := c.passRole(in.Role); err != nil {
		return nil, err
	}
	if t.fn != nil {
		return nil, conflict("Function already exist: %s", t.name)
	}
	f := newFunction(t)
	v := f.latest
	cfg := &v.config
	overlay(cfg, in)
	if err := c.place(t.state, v, &codeSource{zip: in.Code.ZipFile, bucket: in.Code.S3Bucket, key: in.Code.S3Key, version: in.Code.S3ObjectVersion, mode: in.Code.S3ObjectStorageMode, image: in.Code.ImageUri}); err != nil {
		return nil, err
	}
	c.defaults(cfg, t.name)
	if err := c.settings(t.state, cfg, settingsOf(in)); err != nil {
		return nil, err
	}
	if in.CodeSigningConfigArn != nil {
		if t.state.signing[*in.CodeSigningConfigArn] == nil {
			return nil, fail("CodeSigningConfigNotFoundException", "The code signing configuration cannot be found.")
		}
		f.signing = *in.CodeSigningConfigArn
	}
	for k, val := range in.Tags {
		f.tags[k] = val
	}
	c.touch(f)
	v.created = true
	t.state.functions[t.name] = f
	if in.Publish {
		v = c.publish(t.state, f, "")
	}
	return like[lambda.CreateFunctionOutput](v.view(c.now, c.cfg.Settle)), nil
}

func newFunction(t *lambdaTarget) *function {
	return &function{
		name: t.name, arn: t.arn, next: 1, latest: &version{number: "$LATEST"}, aliases: map[string]*lt.AliasConfiguration{},
		policies: map[string]*functionPolicy{}, urls: map[string]*functionURL{}, invokes: map[string]*invokeConfig{},
		provisioned: map[string]*provisioned{}, runtimes: map[string]*runtimeConfig{}, recursion: lt.RecursiveLoopTerminate, tags: map[string]string{},
	}
}

// passRole: the role must be one that the caller may pass, and that Lambda may assume.
func (c *call) passRole(role *string) error {
	a, ok := parseARN(aws.ToString(role))
	if !ok {
		return invalid("The role defined for the function cannot be assumed by Lambda.")
	}
	if err := c.allow("iam:PassRole", *role, withCondition("iam:PassedToService", "lambda.amazonaws.com")); err != nil {
		return err
	}
	r := c.account(a.account).roles[lastPart(a.resource)]
	if r == nil || !c.Cloud.trusts(r, "lambda.amazonaws.com") {
		return invalid("The role defined for the function cannot be assumed by Lambda.")
	}
	return nil
}

// defaults are what AWS fills in.
func (c *call) defaults(cfg *lt.FunctionConfiguration, name string) {
	cfg.FunctionName, cfg.FunctionArn, cfg.Version = aws.String(name), aws.String(c.arn("lambda", "function:"+name)), aws.String("$LATEST")
	if cfg.MemorySize == nil {
		cfg.MemorySize = aws.Int32(128)
	}
	if cfg.Timeout == nil {
		cfg.Timeout = aws.Int32(3)
	}
	if cfg.Description == nil {
		cfg.Description = aws.String("")
	}
	if cfg.PackageType == "" {
		cfg.PackageType = lt.PackageTypeZip
	}
	if len(cfg.Architectures) == 0 {
		cfg.Architectures = []lt.Architecture{lt.ArchitectureX8664}
	}
	if cfg.EphemeralStorage == nil {
		cfg.EphemeralStorage = &lt.EphemeralStorage{Size: aws.Int32(512)}
	}
	cfg.TracingConfig = &lt.TracingConfigResponse{Mode: lt.TracingModePassThrough}
	cfg.SnapStart = &lt.SnapStartResponse{ApplyOn: lt.SnapStartApplyOnNone, OptimizationStatus: lt.SnapStartOptimizationStatusOff}
	if cfg.LoggingConfig == nil {
		cfg.LoggingConfig = &lt.LoggingConfig{LogFormat: lt.LogFormatText, LogGroup: aws.String("/aws/lambda/" + name)}
	}
	if cfg.PackageType == lt.PackageTypeZip {
		cfg.RuntimeVersionConfig = &lt.RuntimeVersionConfig{RuntimeVersionArn: aws.String(runtimeARN(c.region, string(cfg.Runtime)))}
	}
}

// settings are the parts whose input shape is not the output's.
type settings struct {
	env     *lt.Environment
	layers  []string
	image   *lt.ImageConfig
	snap    *lt.SnapStart
	tracing *lt.TracingConfig
	vpc     *lt.VpcConfig
}

func settingsOf(in *lambda.CreateFunctionInput) settings {
	return settings{in.Environment, in.Layers, in.ImageConfig, in.SnapStart, in.TracingConfig, in.VpcConfig}
}

func (c *call) settings(s *lambdaState, cfg *lt.FunctionConfiguration, in settings) error {
	if in.env != nil {
		cfg.Environment = nil
		if in.env.Variables != nil {
			cfg.Environment = &lt.EnvironmentResponse{Variables: in.env.Variables}
		}
	}
	if in.layers != nil {
		list, err := c.layersOf(in.layers)
		if err != nil {
			return err
		}
		cfg.Layers = list
	}
	if in.image != nil {
		cfg.ImageConfigResponse = &lt.ImageConfigResponse{ImageConfig: in.image}
	}
	if in.snap != nil {
		cfg.SnapStart = &lt.SnapStartResponse{ApplyOn: in.snap.ApplyOn, OptimizationStatus: lt.SnapStartOptimizationStatusOff}
	}
	if in.tracing != nil {
		cfg.TracingConfig = &lt.TracingConfigResponse{Mode: in.tracing.Mode}
	}
	if in.vpc != nil {
		cfg.VpcConfig = &lt.VpcConfigResponse{SubnetIds: in.vpc.SubnetIds, SecurityGroupIds: in.vpc.SecurityGroupIds, Ipv6AllowedForDualStack: in.vpc.Ipv6AllowedForDualStack, VpcId: aws.String("")}
		if len(in.vpc.SubnetIds) > 0 {
			cfg.VpcConfig.VpcId = aws.String("vpc-" + c.idFrom("hex:17", strings.Join(in.vpc.SubnetIds, ",")))
		}
	}
	if cfg.LoggingConfig != nil && cfg.LoggingConfig.LogGroup == nil {
		l := *cfg.LoggingConfig
		l.LogGroup = aws.String("/aws/lambda/" + aws.ToString(cfg.FunctionName))
		cfg.LoggingConfig = &l
	}
	cfg.ConfigSha256 = aws.String(configHash(cfg))
	return nil
}

func getFunction(c *call, in *lambda.GetFunctionInput) (*lambda.GetFunctionOutput, error) {
	t, err := c.function("GetFunction", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	v, err := t.resolve()
	if err != nil {
		return nil, err
	}
	out := &lambda.GetFunctionOutput{Configuration: c.shown(t, v), Code: c.location(t, v)}
	if t.fn.reserved != nil {
		out.Concurrency = &lt.Concurrency{ReservedConcurrentExecutions: t.fn.reserved}
	}
	// Tags come only with permission of their own, and never for another version than $LATEST's function.
	if len(t.fn.tags) > 0 && c.allowed("lambda:ListTags", t.arn) {
		out.Tags = t.fn.tags
	} else if len(t.fn.tags) > 0 {
		out.TagsError = &lt.TagsError{ErrorCode: aws.String("AccessDeniedException"), Message: aws.String("User: " + c.caller.arn + " is not authorized to perform: lambda:ListTags on resource: " + t.arn)}
	}
	return out, nil
}

// shown is a configuration as asked for: an alias shows its version under the version's ARN.
func (c *call) shown(t *lambdaTarget, v *version) *lt.FunctionConfiguration {
	out := v.view(c.now, c.cfg.Settle)
	if t.qualifier != "" {
		out.FunctionArn = aws.String(t.qualified())
	}
	return out
}

func getFunctionConfiguration(c *call, in *lambda.GetFunctionConfigurationInput) (*lambda.GetFunctionConfigurationOutput, error) {
	t, err := c.function("GetFunctionConfiguration", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	v, err := t.resolve()
	if err != nil {
		return nil, err
	}
	return like[lambda.GetFunctionConfigurationOutput](c.shown(t, v)), nil
}

func listFunctions(c *call, in *lambda.ListFunctionsInput) (*lambda.ListFunctionsOutput, error) {
	if err := c.allow("lambda:ListFunctions", "*"); err != nil {
		return nil, err
	}
	all := []lt.FunctionConfiguration{}
	for _, f := range sortedFunctions(c.lambda.at(c.accountID, c.region, newLambdaState).functions) {
		all = append(all, f.latest.listed())
		if in.FunctionVersion == lt.FunctionVersionAll {
			for _, v := range f.published {
				all = append(all, v.listed())
			}
		}
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 50)
	return &lambda.ListFunctionsOutput{Functions: orEmpty(page), NextMarker: next}, err
}

func deleteFunction(c *call, in *lambda.DeleteFunctionInput) (*lambda.DeleteFunctionOutput, error) {
	t, err := c.function("DeleteFunction", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if t.qualifier != "" && t.qualifier != "$LATEST" {
		return deleteVersion(t)
	}
	delete(t.state.functions, t.name)
	return nil, nil
}

func deleteVersion(t *lambdaTarget) (*lambda.DeleteFunctionOutput, error) {
	for i, v := range t.fn.published {
		if v.number != t.qualifier {
			continue
		}
		for _, a := range t.fn.aliases {
			if aws.ToString(a.FunctionVersion) == v.number {
				return nil, conflict("Function version %s cannot be deleted because it is referenced by an alias.", v.number)
			}
		}
		t.fn.published = append(t.fn.published[:i:i], t.fn.published[i+1:]...)
		return nil, nil
	}
	return nil, notFound(t.qualified())
}
