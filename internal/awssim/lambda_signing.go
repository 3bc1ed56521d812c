package awssim

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

type signingConfig struct{ config lt.CodeSigningConfig }

func (c *call) signingAt() *lambdaState { return c.lambda.at(c.accountID, c.region, newLambdaState) }

// signing finds a code signing configuration.
func (c *call) signing(action string, arn *string) (*lambdaState, *signingConfig, error) {
	if err := c.allow("lambda:"+action, aws.ToString(arn)); err != nil {
		return nil, nil, err
	}
	s := c.signingAt()
	k := s.signing[aws.ToString(arn)]
	if k == nil {
		return nil, nil, &apiError{Code: "ResourceNotFoundException", Message: "The Lambda code signing configuration " + aws.ToString(arn) + " can not be found.", Fields: map[string]any{"Type": "User"}}
	}
	return s, k, nil
}

func createSigning(c *call, in *lambda.CreateCodeSigningConfigInput) (*lambda.CreateCodeSigningConfigOutput, error) {
	if err := c.allow("lambda:CreateCodeSigningConfig", "*"); err != nil {
		return nil, err
	}
	id := "csc-" + c.id("hex:17")
	arn := c.arn("lambda", "code-signing-config:"+id)
	k := &signingConfig{lt.CodeSigningConfig{AllowedPublishers: in.AllowedPublishers, CodeSigningConfigArn: aws.String(arn), CodeSigningConfigId: aws.String(id), CodeSigningPolicies: in.CodeSigningPolicies, Description: aws.String(aws.ToString(in.Description)), LastModified: aws.String(lambdaTime(c.now))}}
	if k.config.CodeSigningPolicies == nil {
		k.config.CodeSigningPolicies = &lt.CodeSigningPolicies{UntrustedArtifactOnDeployment: lt.CodeSigningPolicyWarn} // AWS's default
	}
	c.signingAt().signing[arn] = k
	return &lambda.CreateCodeSigningConfigOutput{CodeSigningConfig: &k.config}, nil
}

func getSigning(c *call, in *lambda.GetCodeSigningConfigInput) (*lambda.GetCodeSigningConfigOutput, error) {
	_, k, err := c.signing("GetCodeSigningConfig", in.CodeSigningConfigArn)
	if err != nil {
		return nil, err
	}
	return &lambda.GetCodeSigningConfigOutput{CodeSigningConfig: &k.config}, nil
}

func updateSigning(c *call, in *lambda.UpdateCodeSigningConfigInput) (*lambda.UpdateCodeSigningConfigOutput, error) {
	_, k, err := c.signing("UpdateCodeSigningConfig", in.CodeSigningConfigArn)
	if err != nil {
		return nil, err
	}
	overlay(&k.config, in)
	k.config.LastModified = aws.String(lambdaTime(c.now))
	return &lambda.UpdateCodeSigningConfigOutput{CodeSigningConfig: &k.config}, nil
}

func deleteSigning(c *call, in *lambda.DeleteCodeSigningConfigInput) (*lambda.DeleteCodeSigningConfigOutput, error) {
	s, _, err := c.signing("DeleteCodeSigningConfig", in.CodeSigningConfigArn)
	if err != nil {
		return nil, err
	}
	for _, f := range s.functions {
		if f.signing == *in.CodeSigningConfigArn {
			return nil, conflict("Cannot delete the code signing configuration because it is attached to a function.")
		}
	}
	delete(s.signing, *in.CodeSigningConfigArn)
	return &lambda.DeleteCodeSigningConfigOutput{}, nil
}

func listSigning(c *call, in *lambda.ListCodeSigningConfigsInput) (*lambda.ListCodeSigningConfigsOutput, error) {
	if err := c.allow("lambda:ListCodeSigningConfigs", "*"); err != nil {
		return nil, err
	}
	all := []lt.CodeSigningConfig{}
	s := c.signingAt()
	for _, arn := range sortedNames(s.signing) {
		all = append(all, s.signing[arn].config)
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 50)
	return &lambda.ListCodeSigningConfigsOutput{CodeSigningConfigs: orEmpty(page), NextMarker: next}, err
}

func listFunctionsBySigning(c *call, in *lambda.ListFunctionsByCodeSigningConfigInput) (*lambda.ListFunctionsByCodeSigningConfigOutput, error) {
	s, _, err := c.signing("ListFunctionsByCodeSigningConfig", in.CodeSigningConfigArn)
	if err != nil {
		return nil, err
	}
	all := []string{}
	for _, f := range sortedFunctions(s.functions) {
		if f.signing == *in.CodeSigningConfigArn {
			all = append(all, f.arn)
		}
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 50)
	return &lambda.ListFunctionsByCodeSigningConfigOutput{FunctionArns: orEmpty(page), NextMarker: next}, err
}

func (f *function) sign(s *lambdaState, arn string) error {
	if s.signing[arn] == nil {
		return lambdaFail("CodeSigningConfigNotFoundException", "The code signing configuration cannot be found. Check that the provided configuration is not deleted: %s.", arn)
	}
	f.signing = arn
	return nil
}

func putFunctionSigning(c *call, in *lambda.PutFunctionCodeSigningConfigInput) (*lambda.PutFunctionCodeSigningConfigOutput, error) {
	t, err := c.whole("PutFunctionCodeSigningConfig", in.FunctionName)
	if err != nil {
		return nil, err
	}
	if err := t.fn.sign(t.state, aws.ToString(in.CodeSigningConfigArn)); err != nil {
		return nil, err
	}
	return &lambda.PutFunctionCodeSigningConfigOutput{CodeSigningConfigArn: in.CodeSigningConfigArn, FunctionName: aws.String(t.name)}, nil
}

// getFunctionSigning: a function without one answers with its name alone.
func getFunctionSigning(c *call, in *lambda.GetFunctionCodeSigningConfigInput) (*lambda.GetFunctionCodeSigningConfigOutput, error) {
	t, err := c.whole("GetFunctionCodeSigningConfig", in.FunctionName)
	if err != nil {
		return nil, err
	}
	out := &lambda.GetFunctionCodeSigningConfigOutput{FunctionName: aws.String(t.name)}
	if t.fn.signing != "" {
		out.CodeSigningConfigArn = aws.String(t.fn.signing)
	}
	return out, nil
}

func deleteFunctionSigning(c *call, in *lambda.DeleteFunctionCodeSigningConfigInput) (*lambda.DeleteFunctionCodeSigningConfigOutput, error) {
	t, err := c.whole("DeleteFunctionCodeSigningConfig", in.FunctionName)
	if err != nil {
		return nil, err
	}
	t.fn.signing = ""
	return nil, nil
}

// runtimeConfig is the runtime management of $LATEST or a version.
type runtimeConfig struct {
	on  lt.UpdateRuntimeOn
	arn *string
}

func (c *call) runtimeTarget(action string, name, qualifier *string) (*lambdaTarget, string, error) {
	t, err := c.function(action, name, qualifier)
	if err != nil {
		return nil, "", err
	}
	v, err := t.resolve()
	if err != nil {
		return nil, "", err
	}
	return t, v.number, nil
}

func getRuntime(c *call, in *lambda.GetRuntimeManagementConfigInput) (*lambda.GetRuntimeManagementConfigOutput, error) {
	t, number, err := c.runtimeTarget("GetRuntimeManagementConfig", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	out := &lambda.GetRuntimeManagementConfigOutput{FunctionArn: aws.String(t.arn + ":" + number), UpdateRuntimeOn: lt.UpdateRuntimeOnAuto}
	if r := t.fn.runtimes[number]; r != nil {
		out.UpdateRuntimeOn, out.RuntimeVersionArn = r.on, r.arn
	}
	return out, nil
}

func putRuntime(c *call, in *lambda.PutRuntimeManagementConfigInput) (*lambda.PutRuntimeManagementConfigOutput, error) {
	t, number, err := c.runtimeTarget("PutRuntimeManagementConfig", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if (in.UpdateRuntimeOn == lt.UpdateRuntimeOnManual) != (in.RuntimeVersionArn != nil) {
		return nil, invalid("RuntimeVersionArn is required for, and only for, the update mode Manual.")
	}
	t.fn.runtimes[number] = &runtimeConfig{in.UpdateRuntimeOn, in.RuntimeVersionArn}
	if v := t.fn.numbered(number); in.RuntimeVersionArn != nil {
		v.config.RuntimeVersionConfig = &lt.RuntimeVersionConfig{RuntimeVersionArn: in.RuntimeVersionArn}
	}
	return &lambda.PutRuntimeManagementConfigOutput{FunctionArn: aws.String(t.arn + ":" + number), UpdateRuntimeOn: in.UpdateRuntimeOn, RuntimeVersionArn: in.RuntimeVersionArn}, nil
}

func getRecursion(c *call, in *lambda.GetFunctionRecursionConfigInput) (*lambda.GetFunctionRecursionConfigOutput, error) {
	t, err := c.whole("GetFunctionRecursionConfig", in.FunctionName)
	if err != nil {
		return nil, err
	}
	return &lambda.GetFunctionRecursionConfigOutput{RecursiveLoop: t.fn.recursion}, nil
}

func putRecursion(c *call, in *lambda.PutFunctionRecursionConfigInput) (*lambda.PutFunctionRecursionConfigOutput, error) {
	t, err := c.whole("PutFunctionRecursionConfig", in.FunctionName)
	if err != nil {
		return nil, err
	}
	t.fn.recursion = in.RecursiveLoop
	return &lambda.PutFunctionRecursionConfigOutput{RecursiveLoop: t.fn.recursion}, nil
}

// getAccountSettings counts what there is against AWS's default limits.
func getAccountSettings(c *call, _ *lambda.GetAccountSettingsInput) (*lambda.GetAccountSettingsOutput, error) {
	if err := c.allow("lambda:GetAccountSettings", "*"); err != nil {
		return nil, err
	}
	s := c.signingAt()
	var size int64
	for _, l := range s.layers {
		for _, v := range l.versions {
			size += v.content.CodeSize
		}
	}
	for _, f := range s.functions {
		size += f.latest.config.CodeSize
		for _, v := range f.published {
			size += v.config.CodeSize
		}
	}
	return &lambda.GetAccountSettingsOutput{
		AccountLimit: &lt.AccountLimit{CodeSizeUnzipped: 262144000, CodeSizeZipped: 52428800, TotalCodeSize: 80530636800, ConcurrentExecutions: s.settings, UnreservedConcurrentExecutions: aws.Int32(s.unreserved(""))},
		AccountUsage: &lt.AccountUsage{FunctionCount: int64(len(s.functions)), TotalCodeSize: size},
	}, nil
}

// tagged finds the tags of a function or mapping by ARN.
func (c *call) tagged(action string, arn *string) (map[string]string, error) {
	a, ok := parseARN(aws.ToString(arn))
	if err := c.allow("lambda:"+action, aws.ToString(arn)); err != nil {
		return nil, err
	}
	if ok && len(a.resource) > 9 && a.resource[:9] == "function:" {
		t := c.target(arn, nil)
		if t.bad != nil {
			return nil, t.bad
		}
		if t.qualifier != "" {
			return nil, invalid("Tags on function aliases and versions are not supported. Please specify either a function ARN or an Event Source Mapping ARN.")
		}
		if t.fn == nil {
			return nil, notFound(t.arn)
		}
		c.trail.resources = []trailResource{{t.arn, "AWS::Lambda::Function"}}
		return t.fn.tags, nil
	}
	if m := c.signingAt().mappings[lastColon(a.resource)]; m != nil && !m.gone(c.now, c.cfg.Settle) {
		if m.tags == nil {
			m.tags = map[string]string{}
		}
		return m.tags, nil
	}
	return nil, none()
}

func lastColon(s string) string {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == ':' {
			return s[i+1:]
		}
	}
	return s
}

func listTags(c *call, in *lambda.ListTagsInput) (*lambda.ListTagsOutput, error) {
	tags, err := c.tagged("ListTags", in.Resource)
	if err != nil {
		return nil, err
	}
	return &lambda.ListTagsOutput{Tags: tags}, nil
}

func tagResource(c *call, in *lambda.TagResourceInput) (*lambda.TagResourceOutput, error) {
	tags, err := c.tagged("TagResource", in.Resource)
	if err != nil {
		return nil, err
	}
	for k, v := range in.Tags {
		tags[k] = v
	}
	return nil, nil
}

func untagResource(c *call, in *lambda.UntagResourceInput) (*lambda.UntagResourceOutput, error) {
	tags, err := c.tagged("UntagResource", in.Resource)
	if err != nil {
		return nil, err
	}
	for _, k := range in.TagKeys {
		delete(tags, k)
	}
	return nil, nil
}
