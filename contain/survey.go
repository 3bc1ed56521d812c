package contain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sort"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// Survey is what planning knows of a target beyond the documents themselves. Of a role,
// a user or another resource only the target, the role's part and what Looks found are set.
type Survey struct {
	Target
	Findings []finding.Finding // that name it

	DLQ         string
	KMSKey      string   // ARN of the key that encrypts its environment, "" if AWS's own does
	EnvKeys     []string // names of the environment's variables, sorted; never values
	EnvError    string   // why they cannot be read, such as a key that is denied
	Layers      []string // ARNs of layer versions
	VPC         string
	Subnets     []string          // of a function in a VPC
	Versions    []string          // published ones
	Managed     []string          // of those that run on managed instances
	VersionDLQ  map[string]string // of those that have one
	Aliases     []lambdatypes.AliasConfiguration
	Mappings    []lambdatypes.EventSourceMappingConfiguration
	URLs        []lambdatypes.FunctionUrlConfig
	Invokes     []lambdatypes.FunctionEventInvokeConfig
	Provisioned []string // qualifiers
	Sharing     []string // ARNs of other functions that use the role
	Trust       string   // the role's trust policy
	Missing     map[string]error

	in    PlanInput
	names []string // by which it was named
	given bool     // named by whoever plans, and not only by a finding
	mu    sync.Mutex
	found map[string]any

	admitted  admitted
	rotatable map[string]rotated // ARN of a secret and the wanted state: what may be rotated
}

// Parts of a survey that may be missing.
const (
	partVersions    = "versions"
	partAliases     = "aliases"
	partMappings    = "event source mappings"
	partURLs        = "function URLs"
	partInvokes     = "destinations"
	partProvisioned = "provisioned concurrency"
	partSharing     = "functions sharing the role"
	partRole        = "role"
	partUser        = "user"
)

// surveyNeeds are the calls of a survey.
func surveyNeeds() []awsapi.Need {
	read := func(call, action, resource string) awsapi.Need {
		return awsapi.Need{Call: call, IAM: []awsapi.Grant{{Action: action, Resource: resource}}, When: "planning"}
	}
	return []awsapi.Need{
		read("Lambda:GetFunctionConfiguration", "lambda:GetFunctionConfiguration", "function ARN"),
		read("Lambda:ListVersionsByFunction", "lambda:ListVersionsByFunction", "function ARN"),
		read("Lambda:ListAliases", "lambda:ListAliases", "function ARN"),
		read("Lambda:ListEventSourceMappings", "lambda:ListEventSourceMappings", "*"),
		read("Lambda:ListFunctionUrlConfigs", "lambda:ListFunctionUrlConfigs", "function ARN"),
		read("Lambda:ListFunctionEventInvokeConfigs", "lambda:ListFunctionEventInvokeConfigs", "function ARN"),
		read("Lambda:ListProvisionedConcurrencyConfigs", "lambda:ListProvisionedConcurrencyConfigs", "function ARN"),
		read("Lambda:ListFunctions", "lambda:ListFunctions", "*"),
		read("IAM:GetRole", "iam:GetRole", "role ARN"),
		read("IAM:GetUser", "iam:GetUser", "user ARN"),
	}
}

// function asks for everything about a function at once. Only the configuration is indispensable.
func (v *Survey) function(ctx context.Context, s *awsapi.Session, function string) error {
	c := lambda.NewFromConfig(s.Config(regionOf(function), surveyNeeds()))
	parts := map[string]func(context.Context, *lambda.Client, *string) error{
		partVersions: v.versions, partAliases: v.aliases, partMappings: v.mappings, partURLs: v.urls,
		partInvokes: v.invokes, partProvisioned: v.provisioned,
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return v.configuration(gctx, c, s, function) })
	for part, read := range parts {
		g.Go(func() error { v.note(part, read(gctx, c, aws.String(function))); return nil })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	var more sync.WaitGroup
	more.Go(func() { v.note(partSharing, v.sharing(ctx, c)) })
	more.Go(func() { v.note(partRole, v.role(ctx, s, roleName(v.Role))) })
	more.Wait()
	return ctx.Err()
}

// role reads the role's id and whom it trusts, and of a role that is a target its ARN.
func (v *Survey) role(ctx context.Context, s *awsapi.Session, name string) error {
	out, err := iamClient(s.Config("", surveyNeeds())).GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(name)})
	if err != nil {
		return err
	}
	if out.Role == nil {
		return errors.New("AWS answers without the role")
	}
	v.ID, v.Trust = aws.ToString(out.Role.RoleId), plainJSON(aws.ToString(out.Role.AssumeRolePolicyDocument))
	if v.Kind == OnRole {
		v.ARN = aws.ToString(out.Role.Arn)
		v.Role = v.ARN
	}
	return nil
}

func (v *Survey) user(ctx context.Context, s *awsapi.Session, name string) error {
	out, err := iamClient(s.Config("", surveyNeeds())).GetUser(ctx, &iam.GetUserInput{UserName: aws.String(name)})
	if err == nil && out.User != nil { // the path is not in every record: the ARN is the user's own
		v.ID, v.ARN = aws.ToString(out.User.UserId), first(aws.ToString(out.User.Arn), v.ARN)
	}
	return err
}

// plainJSON is a document that AWS percent-encodes (RFC 3986) and some emulators do not.
func plainJSON(text string) string {
	if json.Valid([]byte(text)) {
		return text
	}
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

func (v *Survey) note(part string, err error) {
	if err == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.Missing[part] = fmt.Errorf("listing %s: %w", part, err)
}

func (v *Survey) configuration(ctx context.Context, c *lambda.Client, s *awsapi.Session, function string) error {
	out, err := c.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(function)})
	if err != nil {
		return fmt.Errorf("reading the configuration of function %s: %w", function, err)
	}
	v.Target = Target{
		Kind: OnFunction, Account: s.Identity.Account, Region: s.Region, Function: aws.ToString(out.FunctionName),
		ARN: aws.ToString(out.FunctionArn), Role: aws.ToString(out.Role), Partition: "aws",
	}
	if parts := strings.Split(v.ARN, ":"); len(parts) >= 7 {
		v.Partition, v.Region, v.Account, v.ARN = parts[1], parts[3], parts[4], strings.Join(parts[:7], ":")
	}
	v.LogGroup = "/aws/lambda/" + v.Function
	if out.LoggingConfig != nil && aws.ToString(out.LoggingConfig.LogGroup) != "" {
		v.LogGroup = aws.ToString(out.LoggingConfig.LogGroup)
	}
	v.KMSKey = aws.ToString(out.KMSKeyArn)
	if out.Environment != nil {
		v.EnvKeys = sortedKeys(out.Environment.Variables)
		if e := out.Environment.Error; e != nil {
			v.EnvError = first(aws.ToString(e.ErrorCode), "unknown") + ": " + aws.ToString(e.Message)
		}
	}
	for _, l := range out.Layers {
		v.Layers = append(v.Layers, aws.ToString(l.Arn))
	}
	if out.DeadLetterConfig != nil {
		v.DLQ = aws.ToString(out.DeadLetterConfig.TargetArn)
	}
	if out.VpcConfig != nil {
		v.VPC, v.Subnets = aws.ToString(out.VpcConfig.VpcId), out.VpcConfig.SubnetIds
	}
	return nil
}

// pages follows a marker until there is none; an answer that repeats its marker ends it.
func pages(next func(marker *string) (*string, error)) error {
	var marker *string
	for {
		m, err := next(marker)
		if err != nil {
			return err
		}
		if aws.ToString(m) == "" {
			return nil
		}
		if aws.ToString(m) == aws.ToString(marker) {
			return errors.New("the listing repeats its marker")
		}
		marker = m
	}
}

func (v *Survey) versions(ctx context.Context, c *lambda.Client, f *string) error {
	return pages(func(m *string) (*string, error) {
		out, err := c.ListVersionsByFunction(ctx, &lambda.ListVersionsByFunctionInput{FunctionName: f, Marker: m})
		if err != nil {
			return nil, err
		}
		for _, x := range out.Versions {
			if n := aws.ToString(x.Version); n != "" && n != "$LATEST" {
				v.Versions = append(v.Versions, n)
				if x.CapacityProviderConfig != nil && x.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig != nil {
					v.Managed = append(v.Managed, n)
				}
				if x.DeadLetterConfig != nil && aws.ToString(x.DeadLetterConfig.TargetArn) != "" {
					if v.VersionDLQ == nil {
						v.VersionDLQ = map[string]string{}
					}
					v.VersionDLQ[n] = aws.ToString(x.DeadLetterConfig.TargetArn)
				}
			}
		}
		return out.NextMarker, nil
	})
}

func (v *Survey) aliases(ctx context.Context, c *lambda.Client, f *string) error {
	return pages(func(m *string) (*string, error) {
		out, err := c.ListAliases(ctx, &lambda.ListAliasesInput{FunctionName: f, Marker: m})
		if err != nil {
			return nil, err
		}
		v.Aliases = append(v.Aliases, out.Aliases...)
		return out.NextMarker, nil
	})
}

// mappings reads them all: filtered by function, AWS leaves out those of versions and aliases.
func (v *Survey) mappings(ctx context.Context, c *lambda.Client, f *string) error {
	short := *f
	if i := strings.LastIndex(short, ":function:"); i >= 0 {
		short = short[i+len(":function:"):]
	}
	err := pages(func(m *string) (*string, error) {
		out, err := c.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{Marker: m})
		if err != nil {
			return nil, err
		}
		for _, x := range out.EventSourceMappings {
			_, rest, _ := strings.Cut(aws.ToString(x.FunctionArn), ":function:")
			if n, _, _ := strings.Cut(rest, ":"); n == short {
				v.Mappings = append(v.Mappings, x)
			}
		}
		return out.NextMarker, nil
	})
	sort.Slice(v.Mappings, func(i, j int) bool {
		return aws.ToString(v.Mappings[i].UUID) < aws.ToString(v.Mappings[j].UUID)
	})
	return err
}

func (v *Survey) urls(ctx context.Context, c *lambda.Client, f *string) error {
	return pages(func(m *string) (*string, error) {
		out, err := c.ListFunctionUrlConfigs(ctx, &lambda.ListFunctionUrlConfigsInput{FunctionName: f, Marker: m})
		if err != nil {
			return nil, err
		}
		v.URLs = append(v.URLs, out.FunctionUrlConfigs...)
		return out.NextMarker, nil
	})
}

func (v *Survey) invokes(ctx context.Context, c *lambda.Client, f *string) error {
	return pages(func(m *string) (*string, error) {
		out, err := c.ListFunctionEventInvokeConfigs(ctx, &lambda.ListFunctionEventInvokeConfigsInput{FunctionName: f, Marker: m})
		if err != nil {
			return nil, err
		}
		v.Invokes = append(v.Invokes, out.FunctionEventInvokeConfigs...)
		return out.NextMarker, nil
	})
}

func (v *Survey) provisioned(ctx context.Context, c *lambda.Client, f *string) error {
	return pages(func(m *string) (*string, error) {
		out, err := c.ListProvisionedConcurrencyConfigs(ctx, &lambda.ListProvisionedConcurrencyConfigsInput{FunctionName: f, Marker: m})
		if err != nil {
			return nil, err
		}
		for _, x := range out.ProvisionedConcurrencyConfigs {
			v.Provisioned = append(v.Provisioned, qualifierOf(aws.ToString(x.FunctionArn)))
		}
		return out.NextMarker, nil
	})
}

func (v *Survey) sharing(ctx context.Context, c *lambda.Client) error {
	err := pages(func(m *string) (*string, error) {
		out, err := c.ListFunctions(ctx, &lambda.ListFunctionsInput{Marker: m})
		if err != nil {
			return nil, err
		}
		for _, x := range out.Functions {
			if n := aws.ToString(x.FunctionName); aws.ToString(x.Role) == v.Role && n != v.Function {
				v.Sharing = append(v.Sharing, first(aws.ToString(x.FunctionArn), n))
			}
		}
		return out.NextMarker, nil
	})
	sort.Strings(v.Sharing)
	return err
}

// qualifierOf is what follows the name in a function ARN, "" if nothing does.
func qualifierOf(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) < 8 {
		return ""
	}
	return parts[7]
}

// qualified is the ARN of a qualifier: "" is the function itself.
func qualified(t Target, qualifier string) string {
	if qualifier == "" {
		return t.ARN
	}
	return t.ARN + ":" + qualifier
}

// qualifiers are all names by which the function can be called: itself, aliases, versions.
func (v *Survey) qualifiers() []string {
	all := []string{""}
	for _, a := range v.Aliases {
		all = append(all, aws.ToString(a.Name))
	}
	return append(all, v.Versions...)
}

// unqualified is a name or ARN without its qualifier.
func unqualified(function string) string {
	parts := strings.Split(function, ":")
	switch {
	case len(parts) > 7 && parts[0] == "arn":
		return strings.Join(parts[:7], ":")
	case len(parts) == 2:
		return parts[0]
	}
	return function
}

// regionOf is the region in an ARN, or "".
func regionOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[3]
	}
	return ""
}

// roleName is the last part of a role's ARN.
func roleName(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

// code is an API error's code, or "".
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

func isCode(err error, codes ...string) bool {
	c := code(err)
	for _, x := range codes {
		if c == x {
			return true
		}
	}
	return false
}

func lambdaClient(cfg aws.Config) *lambda.Client { return lambda.NewFromConfig(cfg) }
func iamClient(cfg aws.Config) *iam.Client       { return iam.NewFromConfig(cfg) }
