package collect

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	cttypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// CheckResult is the answer to one of the doctor's questions.
type CheckResult string

// Results of checks. A warning costs evidence or time, a failure makes a command incomplete.
const (
	CheckPass    CheckResult = "pass"
	CheckWarn    CheckResult = "warn"
	CheckFail    CheckResult = "fail"
	CheckUnknown CheckResult = "unknown"
)

// Check is one question and its answer; Fix is what would mend it.
type Check struct {
	ID     string      `json:"id"`
	Result CheckResult `json:"result"`
	Got    string      `json:"got"`
	Fix    string      `json:"fix,omitempty"`
}

// DoctorNeeds are the doctor's own calls, beside the reads that it tries out.
func DoctorNeeds() []awsapi.Need {
	return []awsapi.Need{
		need("Lambda:GetFunctionConfiguration", "lambda:GetFunctionConfiguration", "function ARN"),
		need("IAM:SimulatePrincipalPolicy", "iam:SimulatePrincipalPolicy", "role ARN"),
		{Call: "IAM:GetRole", IAM: []awsapi.Grant{{Action: "iam:GetRole", Resource: "role ARN"}}, When: "the caller is a role session"},
		need("CloudTrail:DescribeTrails", "cloudtrail:DescribeTrails", "*"),
		{Call: "CloudTrail:GetTrailStatus", IAM: []awsapi.Grant{{Action: "cloudtrail:GetTrailStatus", Resource: "trail ARN"}}, When: "there is a trail"},
		{Call: "CloudTrail:GetEventSelectors", IAM: []awsapi.Grant{{Action: "cloudtrail:GetEventSelectors", Resource: "trail ARN"}}, When: "there is a trail"},
		need("CloudWatchLogs:DescribeLogGroups", "logs:DescribeLogGroups", "*"),
	}
}

// Patient is what the doctor looks at.
type Patient struct {
	Session *awsapi.Session // read-only
	Target  Target
	Needs   []awsapi.Need // of the mode that is asked about
	// Collecting: the needs are those of a collection, so that the reads themselves can be
	// tried where policies cannot be asked.
	Collecting bool
	Now        func() time.Time
}

// Doctor asks what would keep a command from doing its work. It changes nothing. The error
// is of the context only; what cannot be found out is a check with result unknown.
func Doctor(ctx context.Context, p Patient) ([]Check, error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	var skew time.Duration
	cfg := p.Session.ConfigRecorded("", DoctorNeeds(), func(x awsapi.Exchange) {
		if x.Skew != 0 {
			skew = x.Skew
		}
	})
	d := &doctor{Patient: p, cfg: cfg}
	var all []Check
	function, check := d.function(ctx)
	all = append(all, check, clockCheck(skew))
	all = append(all, d.permissions(ctx, function))
	all = append(all, d.dataEvents(ctx), d.retention(ctx, function))
	if err := ctx.Err(); err != nil {
		return all, err
	}
	return all, nil
}

type doctor struct {
	Patient
	cfg aws.Config
}

func (d *doctor) function(ctx context.Context) (*lambda.GetFunctionConfigurationOutput, Check) {
	c := Check{ID: "function", Result: CheckPass}
	out, err := lambda.NewFromConfig(d.cfg).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &d.Target.Function})
	if err != nil {
		_, text := classify(err)
		c.Result, c.Got, c.Fix = CheckFail, text, "freezeframe doctor --policy collect, and attach it to "+d.Session.Identity.ARN
		return nil, c
	}
	c.Got = fmt.Sprintf("%s, %s, code of %s", aws.ToString(out.FunctionArn), out.Runtime, aws.ToString(out.LastModified))
	if out.PackageType == lambdatypes.PackageTypeImage {
		c.Got = aws.ToString(out.FunctionArn) + ", a container image"
	}
	return out, c
}

// clockCheck: signatures more than five minutes off are refused (AWS Signature Version 4);
// seconds make times of this host hard to compare.
func clockCheck(skew time.Duration) Check {
	c := Check{ID: "clock", Result: CheckPass, Got: fmt.Sprintf("this clock minus AWS's: %s", skew.Round(time.Second))}
	if skew.Abs() < 2*time.Second { // an answer's Date has whole seconds, and was on its way for a while
		c.Got = "this clock and AWS's differ by less than 2s, which is as near as an answer tells"
	}
	switch off := skew.Abs(); {
	case off > 5*time.Minute:
		c.Result, c.Fix = CheckFail, "set this computer's clock: AWS refuses signatures that are more than five minutes off"
	case off > 5*time.Second:
		c.Result, c.Fix = CheckWarn, "set this computer's clock (collections record the difference)"
	}
	return c
}

// dataEvents: without them, who invoked the function is not in CloudTrail.
func (d *doctor) dataEvents(ctx context.Context) Check {
	c := Check{ID: "data-events", Result: CheckWarn, Got: "no trail: Event history reaches back 90 days and has no data events", Fix: "aws cloudtrail create-trail --name NAME --s3-bucket-name BUCKET"}
	client := cloudtrail.NewFromConfig(d.cfg)
	trails, err := client.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{})
	if err != nil {
		return unknownCheck(c, err)
	}
	for _, t := range trails.TrailList {
		name := aws.ToString(t.TrailARN)
		status, err := client.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: &name})
		if err != nil {
			return unknownCheck(c, err)
		}
		if !aws.ToBool(status.IsLogging) {
			c.Got, c.Fix = "trail "+name+" is not logging", "aws cloudtrail start-logging --name "+name
			continue
		}
		selectors, err := client.GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: &name})
		if err != nil {
			return unknownCheck(c, err)
		}
		if logsInvokes(selectors, d.Target.ARN) {
			return Check{ID: c.ID, Result: CheckPass, Got: "trail " + name + " records invocations"}
		}
		c.Got = "trail " + name + " does not record invocations of this function: who called it is not to be known"
		c.Fix = "aws cloudtrail put-event-selectors --trail-name " + name + " ... with data events of AWS::Lambda::Function (merge them with what is there; they cost)"
	}
	return c
}

// logsInvokes says whether a trail's selectors take the function's data events.
func logsInvokes(s *cloudtrail.GetEventSelectorsOutput, arn string) bool {
	for _, e := range s.EventSelectors {
		for _, r := range e.DataResources {
			if aws.ToString(r.Type) != "AWS::Lambda::Function" {
				continue
			}
			for _, v := range r.Values { // "arn:aws:lambda" is every function
				if v == arn || strings.HasPrefix(arn, strings.TrimSuffix(v, "/")) {
					return true
				}
			}
		}
	}
	for _, e := range s.AdvancedEventSelectors {
		if takes(e.FieldSelectors, "resources.type", "AWS::Lambda::Function") && takes(e.FieldSelectors, "eventCategory", "Data") &&
			(!names(e.FieldSelectors, "resources.ARN") || takes(e.FieldSelectors, "resources.ARN", arn)) {
			return true
		}
	}
	return false
}

func names(fields []cttypes.AdvancedFieldSelector, field string) bool {
	return slices.ContainsFunc(fields, func(f cttypes.AdvancedFieldSelector) bool { return aws.ToString(f.Field) == field })
}

func takes(fields []cttypes.AdvancedFieldSelector, field, value string) bool {
	for _, f := range fields {
		if aws.ToString(f.Field) != field {
			continue
		}
		begins := func(p string) bool { return strings.HasPrefix(value, p) }
		if slices.Contains(f.Equals, value) || slices.ContainsFunc(f.StartsWith, begins) {
			return true
		}
	}
	return false
}

// retention: what the log group will have forgotten soon.
func (d *doctor) retention(ctx context.Context, function *lambda.GetFunctionConfigurationOutput) Check {
	group := "/aws/lambda/" + d.Target.Function
	if function != nil && function.LoggingConfig != nil && aws.ToString(function.LoggingConfig.LogGroup) != "" {
		group = *function.LoggingConfig.LogGroup
	}
	c := Check{ID: "log-retention", Result: CheckPass}
	out, err := cloudwatchlogs.NewFromConfig(d.cfg).DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &group})
	if err != nil {
		return unknownCheck(c, err)
	}
	for _, g := range out.LogGroups {
		if aws.ToString(g.LogGroupName) != group {
			continue
		}
		days := aws.ToInt32(g.RetentionInDays)
		switch {
		case days == 0:
			c.Got = group + " keeps its events"
		case days <= 7:
			gone := d.Now().UTC().AddDate(0, 0, -int(days))
			c.Result, c.Got = CheckWarn, fmt.Sprintf("%s keeps %d days: what is older than %s is going", group, days, gone.Format(time.RFC3339))
			c.Fix = "freezeframe collect --function " + d.Target.Function + ", now; aws logs put-retention-policy --log-group-name " + group + " --retention-in-days 90"
		default:
			c.Got = fmt.Sprintf("%s keeps %d days", group, days)
		}
		return c
	}
	c.Result, c.Got = CheckWarn, "no log group "+group+": the function has not logged, may not, or somebody deleted it"
	return c
}

func unknownCheck(c Check, err error) Check {
	_, text := classify(err)
	c.Result, c.Got, c.Fix = CheckUnknown, text, "freezeframe doctor --policy doctor, which prints what these questions need"
	return c
}

// noDownload answers every download, so that a rehearsal asks AWS and fetches no code.
type noDownload struct{}

func (noDownload) Do(*http.Request) (*http.Response, error) { return nil, errNoDownload }
