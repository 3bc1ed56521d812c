package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

var errNoDownload = errors.New("nothing is downloaded in a rehearsal")

// Resources are the ARN patterns that a grant's template stands for. What an artefact
// belongs to is known only while collecting (a role's policies, a layer of another
// account), so that the patterns are as wide as AWS lets such things be. nil is "*".
func Resources(t Target) func(template string) []string {
	part := partitionOf(t.Region)
	return func(template string) []string {
		switch template {
		case "function ARN", "version ARN", "alias or version ARN", "function or alias ARN", "function, alias or version ARN":
			return []string{t.ARN, t.ARN + ":*"}
		case "durable execution ARN": // its own, with the version that runs: the function's alone is refused
			return []string{t.ARN + ":*/durable-execution/*"}
		case "role ARN", "the rule's role, if it has one", "the target's role, if it has one", "the schedule's role", "the filter's role, if it has one":
			return []string{fmt.Sprintf("arn:%s:iam::%s:role/*", part, t.Account)}
		case "user ARN":
			return []string{fmt.Sprintf("arn:%s:iam::%s:user/*", part, t.Account)}
		case "policy ARN":
			return []string{fmt.Sprintf("arn:%s:iam::%s:policy/*", part, t.Account), fmt.Sprintf("arn:%s:iam::aws:policy/*", part)}
		case "layer version ARN": // layers come from other accounts too
			return []string{fmt.Sprintf("arn:%s:lambda:%s:*:layer:*:*", part, t.Region)}
		case "log group ARN": // a function of CloudFront logs in every region, under any name
			return []string{fmt.Sprintf("arn:%s:logs:*:%s:log-group:*", part, t.Account)}
		case "key ARN": // the key may be another account's
			return []string{fmt.Sprintf("arn:%s:kms:%s:*:key/*", part, t.Region)}
		case "bucket ARN":
			return []string{fmt.Sprintf("arn:%s:s3:::*", part)}
		case "trail bucket ARN": // it may be another account's
			return []string{fmt.Sprintf("arn:%s:s3:::*", part)}
		case "trail object ARN":
			return []string{fmt.Sprintf("arn:%s:s3:::*AWSLogs/*", part)}
		}
		if own := ownResources()[template]; own[0] != "" {
			return []string{fmt.Sprintf("arn:%s:%s:%s:%s:%s", part, own[0], t.Region, t.Account, own[1])}
		}
		return around(t, template)
	}
}

// around are the resources of the services around a function, which may be others' too.
func around(t Target, template string) []string {
	part := partitionOf(t.Region)
	switch template {
	case "topic ARN": // topics and queues of other accounts may be named
		return []string{fmt.Sprintf("arn:%s:sns:*:*:*", part)}
	case "queue ARN":
		return []string{fmt.Sprintf("arn:%s:sqs:*:*:*", part)}
	case "secret ARN":
		return []string{fmt.Sprintf("arn:%s:secretsmanager:*:*:secret:*", part)}
	case "object ARN", "object ARN of a package that is kept by reference":
		return []string{fmt.Sprintf("arn:%s:s3:::*/*", part)}
	case "repository ARN": // images of other accounts may be shared
		return []string{fmt.Sprintf("arn:%s:ecr:*:*:repository/*", part)}
	case "REST API ARN": // API Gateway's resources have no account
		return []string{fmt.Sprintf("arn:%s:apigateway:%s::/restapis", part, t.Region), fmt.Sprintf("arn:%s:apigateway:%s::/restapis/*", part, t.Region)}
	case "HTTP API ARN":
		return []string{fmt.Sprintf("arn:%s:apigateway:%s::/apis", part, t.Region), fmt.Sprintf("arn:%s:apigateway:%s::/apis/*", part, t.Region)}
	case "distribution ARN":
		return []string{fmt.Sprintf("arn:%s:cloudfront::%s:distribution/*", part, t.Account)}
	case "trail ARN":
		return []string{fmt.Sprintf("arn:%s:cloudtrail:*:*:trail/*", part)}
	case "table ARN": // Glue asks for a table, its database and its catalogue
		glue := fmt.Sprintf("arn:%s:glue:%s:%s:", part, t.Region, t.Account)
		return []string{glue + "catalog", glue + "database/*", glue + "table/*"}
	case "result object ARN": // where Athena's results lie by custom; whoever has another place names it
		return []string{fmt.Sprintf("arn:%s:s3:::aws-athena-query-results-*/*", part)}
	}
	return nil
}

// ownResources are the templates of what lies in the target's account and region: service
// and resource.
func ownResources() map[string][2]string {
	return map[string][2]string{
		"capacity provider ARN":    {"lambda", "capacity-provider:*"},
		"event source mapping ARN": {"lambda", "event-source-mapping:*"},
		"mapping ARN":              {"lambda", "event-source-mapping:*"},
		"code signing config ARN":  {"lambda", "code-signing-config:*"},
		"rule ARN":                 {"events", "rule/*"},

		"code-signing configuration ARN":         {"lambda", "code-signing-config:*"},
		"rule ARN, also of freezeframe-parked-*": {"events", "rule/*"},
		"rule ARN of freezeframe-parked-*":       {"events", "rule/*freezeframe-parked-*"},
		"scalable target ARN":                    {"application-autoscaling", "scalable-target/*"},
		"schedule ARN":                           {"scheduler", "schedule/*"},
		"pipe ARN":                               {"pipes", "pipe/*"},
		"access point ARN":                       {"elasticfilesystem", "access-point/*"},
		"file system ARN":                        {"elasticfilesystem", "file-system/*"},
		"detector ARN":                           {"guardduty", "detector/*"},
		"analyzer ARN":                           {"access-analyzer", "analyzer/*"},
		"alarm ARN":                              {"cloudwatch", "alarm:*"},
		"workgroup ARN":                          {"athena", "workgroup/*"},
		"data catalog ARN":                       {"athena", "datacatalog/*"},
		"event data store ARN":                   {"cloudtrail", "eventdatastore/*"},
	}
}

// permissions asks IAM what the caller may do; where that is refused, it tries the reads.
func (d *doctor) permissions(ctx context.Context, function *lambda.GetFunctionConfigurationOutput) Check {
	c := Check{ID: "permissions", Result: CheckPass, Fix: ""}
	source, err := d.source(ctx)
	if err == nil && source == "" {
		c.Got = "the root user: no IAM policy limits it"
		return c
	}
	var missing []string
	asked := 0
	how := "by SimulatePrincipalPolicy"
	if err == nil {
		missing, asked, err = d.simulate(ctx, source, function)
	}
	if err != nil && d.Collecting {
		how = "by trying the reads"
		missing, asked, err = d.rehearse(ctx)
	}
	switch {
	case err != nil:
		return unknownCheck(c, err)
	case len(missing) > 0:
		c.Result = CheckFail
		c.Got = fmt.Sprintf("%d of %d permissions are missing, or limited to other resources (%s): %s", len(missing), asked, how, strings.Join(missing, ", "))
		c.Fix = "freezeframe doctor --policy collect|contain, and attach it to " + d.Session.Identity.ARN
	default:
		c.Got = fmt.Sprintf("all %d are there, %s", asked, how)
	}
	return c
}

// source is the ARN that policies are attached to: of a role session the role's; "" for root.
func (d *doctor) source(ctx context.Context) (string, error) {
	arn := d.Session.Identity.ARN
	_, rest, session := strings.Cut(arn, ":assumed-role/")
	switch {
	case strings.HasSuffix(arn, ":root"):
		return "", nil
	case !session:
		return arn, nil
	}
	name, _, _ := strings.Cut(rest, "/")
	out, err := iam.NewFromConfig(d.cfg).GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err != nil { // the role may have a path that nobody tells; without one the ARN is this
		return fmt.Sprintf("arn:%s:iam::%s:role/%s", partitionOf(d.Session.Region), d.Session.Identity.Account, name), nil
	}
	return aws.ToString(out.Role.Arn), nil
}

// simulate asks for each action on the resource that it will be used on, as far as that is known.
func (d *doctor) simulate(ctx context.Context, source string, function *lambda.GetFunctionConfigurationOutput) (missing []string, asked int, err error) {
	byResource := map[string][]string{}
	for _, n := range d.Needs {
		for _, g := range n.IAM {
			where := "*"
			switch {
			case g.Resource == "function ARN":
				where = d.Target.ARN
			case g.Resource == "role ARN" && function != nil:
				where = aws.ToString(function.Role)
			default:
				if known := Resources(d.Target)(g.Resource); len(known) > 0 {
					where = strings.ReplaceAll(known[0], "*", "x") // stands for any: patterns as wide as ours match it
				}
			}
			if !slices.Contains(byResource[where], g.Action) {
				byResource[where] = append(byResource[where], g.Action)
			}
		}
	}
	client := iam.NewFromConfig(d.cfg)
	for _, where := range slices.Sorted(maps.Keys(byResource)) {
		for actions := range slices.Chunk(byResource[where], 50) {
			in := &iam.SimulatePrincipalPolicyInput{PolicySourceArn: &source, ActionNames: actions, ResourceArns: []string{where}}
			var seen tokens
			for {
				out, err := client.SimulatePrincipalPolicy(ctx, in)
				if err == nil && out.IsTruncated && seen.repeats(aws.ToString(out.Marker)) {
					err = errLoop
				}
				if err != nil {
					return nil, 0, err
				}
				for _, r := range out.EvaluationResults {
					asked++
					if r.EvalDecision != iamtypes.PolicyEvaluationDecisionTypeAllowed {
						missing = append(missing, aws.ToString(r.EvalActionName))
					}
				}
				if !out.IsTruncated || aws.ToString(out.Marker) == "" {
					break
				}
				in.Marker = out.Marker
			}
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing), asked, nil
}

// rehearse makes the reads of a collection, as few of each as can be, and keeps nothing.
func (d *doctor) rehearse(ctx context.Context) (missing []string, asked int, err error) {
	in := Inputs{Connect: d.Session.ConfigRecorded, HTTP: noDownload{}, Endpoint: d.Session.Endpoint}
	sink := &noted{denied: map[string]bool{}}
	o := Options{Since: time.Minute, MaxLogBytes: 1, MaxKeys: 1, Now: d.Now}
	if _, err := Run(ctx, in, []Target{d.Target}, sink, o); err != nil {
		return nil, 0, err
	}
	for _, n := range d.Needs {
		asked += len(n.IAM)
		if sink.denied[n.Call] {
			for _, g := range n.IAM {
				missing = append(missing, g.Action)
			}
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing), asked, nil
}

// noted is a store that keeps only which calls were denied.
type noted struct {
	mu     sync.Mutex
	denied map[string]bool
}

func (s *noted) Put(_ context.Context, m evidence.Meta, write func(io.Writer) error) (evidence.Item, error) {
	return evidence.Item{Meta: m}, write(io.Discard)
}

func (s *noted) PutSecret(context.Context, evidence.Meta, []byte, []byte) (sealed, redacted evidence.Item, err error) {
	return evidence.Item{}, evidence.Item{}, nil
}

func (s *noted) Gap(g evidence.Gap) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.State == evidence.Denied {
		s.denied[g.Call] = true
	}
	return nil
}

func (s *noted) MAC([]byte) string { return "" }

// Policy is the least that a collection of a scope has to be allowed; reading secrets and
// running code is denied for good.
func Policy(s Scope, t Target) ([]byte, error) {
	return awsapi.PolicyFor(append(Needs(s), ResolveNeeds()...), Resources(t), Never())
}

// Never is denied to whoever collects, whatever else they may.
func Never() []string {
	return []string{"lambda:InvokeAsync", "lambda:InvokeFunction", "lambda:InvokeFunctionUrl", "secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue", "ssm:GetParameter", "ssm:GetParameterHistory", "ssm:GetParameters", "ssm:GetParametersByPath"}
}
