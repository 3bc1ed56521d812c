package awssim

import (
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
	if err := creatable(t, in); err != nil {
		return nil, err
	}
	f := newFunction(t)
	v := f.latest
	cfg := &v.config
	overlay(cfg, in)
	if in.CodeSigningConfigArn != nil {
		if err := f.sign(t.state, *in.CodeSigningConfigArn); err != nil {
			return nil, err
		}
	}
	if err := f.trusted(t.state); err != nil {
		return nil, err
	}
	if err := c.place(t.state, v, &codeSource{zip: in.Code.ZipFile, bucket: in.Code.S3Bucket, key: in.Code.S3Key, version: in.Code.S3ObjectVersion, mode: in.Code.S3ObjectStorageMode, image: in.Code.ImageUri, kms: in.Code.SourceKMSKeyArn}); err != nil {
		return nil, err
	}
	if err := c.capacity(cfg); err != nil {
		return nil, err
	}
	c.defaults(cfg, t.name)
	if err := c.settings(cfg, settingsOf(in)); err != nil {
		return nil, err
	}
	for k, val := range in.Tags {
		f.tags[k] = val
	}
	c.touch(f)
	v.created = true
	t.state.functions[t.name] = f
	if in.Publish {
		v = c.publish(f, nil)
	}
	return like[lambda.CreateFunctionOutput](c.seen(v)), nil
}

// creatable is what AWS asks of a new function before it looks at the code (texts of the
// package types not verified).
func creatable(t *lambdaTarget, in *lambda.CreateFunctionInput) error {
	image := in.Code.ImageUri != nil
	switch {
	case len(t.name) > 64:
		return invalid("1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64", t.name)
	case t.fn != nil:
		return conflict("Function already exist: %s", t.name)
	case image != (in.PackageType == lt.PackageTypeImage):
		return invalid("The source of the code does not fit the package type.")
	case !image && (in.Runtime == "" || in.Handler == nil):
		return invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	case image && (in.Runtime != "" || in.Handler != nil || len(in.Layers) > 0):
		return invalid("Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.")
	}
	return nil
}

func newFunction(t *lambdaTarget) *function {
	return &function{
		name: t.name, arn: t.arn, next: 1, latest: &version{number: "$LATEST"}, aliases: map[string]*lt.AliasConfiguration{},
		policies: map[string]*functionPolicy{}, urls: map[string]*functionURL{}, invokes: map[string]*invokeConfig{},
		provisioned: map[string]*provisioned{}, runtimes: map[string]*runtimeConfig{}, scaling: map[string]*lt.FunctionScalingConfig{}, recursion: lt.RecursiveLoopTerminate, tags: map[string]string{},
	}
}

// passRole: the role must be one that the caller may pass, and that Lambda may assume.
func (c *call) passRole(role *string) error {
	a, ok := parseARN(aws.ToString(role))
	if !ok {
		return invalid("The role defined for the function cannot be assumed by Lambda.")
	}
	if a.account != c.accountID {
		return &apiError{Code: "AccessDeniedException", Status: 403, Message: "Cross-account pass role is not allowed."}
	}
	if err := c.allow("iam:PassRole", *role, withCondition("iam:PassedToService", "lambda.amazonaws.com")); err != nil {
		return err
	}
	r := c.account(a.account).roles[lastPart(a.resource)]
	if r == nil || r.arn != *role || !c.Cloud.trusts(r, "lambda.amazonaws.com") {
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
	cfg.LoggingConfig = &lt.LoggingConfig{LogFormat: lt.LogFormatText, LogGroup: aws.String("/aws/lambda/" + name)}
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
	logging *lt.LoggingConfig
	key     *string // of the environment
	mounts  []lt.FileSystemConfig
}

func settingsOf(in *lambda.CreateFunctionInput) settings {
	return settings{in.Environment, in.Layers, in.ImageConfig, in.SnapStart, in.TracingConfig, in.VpcConfig, in.LoggingConfig, in.KMSKeyArn, in.FileSystemConfigs}
}

func (c *call) settings(cfg *lt.FunctionConfiguration, in settings) error {
	if err := c.setEnvironment(cfg, in.env, in.key); err != nil {
		return err
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
		cfg.VpcConfig = &lt.VpcConfigResponse{SubnetIds: orEmpty(in.vpc.SubnetIds), SecurityGroupIds: orEmpty(in.vpc.SecurityGroupIds), Ipv6AllowedForDualStack: in.vpc.Ipv6AllowedForDualStack, VpcId: aws.String("")}
		vpc, err := c.vpcConfig(aws.ToString(cfg.FunctionName), in.vpc.SubnetIds, in.vpc.SecurityGroupIds)
		if err != nil {
			return err
		}
		cfg.VpcConfig.VpcId = aws.String(vpc)
	}
	if err := c.mountable(cfg, in.mounts); err != nil {
		return err
	}
	if in.logging != nil {
		cfg.LoggingConfig = mergeLogging(*cfg.LoggingConfig, *in.logging)
	}
	if d := cfg.DeadLetterConfig; d != nil && aws.ToString(d.TargetArn) == "" {
		cfg.DeadLetterConfig = nil // an empty ARN takes the queue away
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

// shown is a configuration as asked for: an alias shows its version under its own ARN.
func (c *call) shown(t *lambdaTarget, v *version) *lt.FunctionConfiguration {
	out := c.seen(v)
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
		latest := c.listed(f.latest)
		if in.FunctionVersion != lt.FunctionVersionAll {
			all = append(all, latest)
			continue
		}
		latest.FunctionArn = aws.String(f.arn + ":$LATEST")
		all = append(all, latest)
		for _, v := range f.published {
			all = append(all, c.listed(v))
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
	switch {
	case t.qualifier == "$LATEST":
		return nil, invalid("$LATEST version cannot be deleted without deleting the function.")
	case t.fn.aliases[t.qualifier] != nil: // text not verified
		return nil, invalid("Deletion of aliases is not currently supported.")
	case t.qualifier != "":
		return nil, t.fn.unpublish(t.qualifier)
	}
	delete(t.state.functions, t.name) // its mappings stay, as on AWS
	return nil, nil
}

// unpublish removes a version and what hangs on it; one that is not there is removed already.
func (f *function) unpublish(number string) error {
	for _, name := range sortedNames(f.aliases) {
		a := f.aliases[name]
		weighted := false
		if a.RoutingConfig != nil {
			_, weighted = a.RoutingConfig.AdditionalVersionWeights[number]
		}
		if weighted || aws.ToString(a.FunctionVersion) == number {
			return conflict("Function version %s cannot be deleted because it is referenced by an alias.", number)
		}
	}
	for i, v := range f.published {
		if v.number == number {
			f.published = append(f.published[:i:i], f.published[i+1:]...)
			f.forget(number)
			delete(f.runtimes, number)
			return nil
		}
	}
	return nil
}

// forget removes what hangs on a qualifier that is gone.
func (f *function) forget(qualifier string) {
	delete(f.policies, qualifier)
	delete(f.urls, qualifier)
	delete(f.provisioned, qualifier)
	delete(f.invokes, qualifier)
}
