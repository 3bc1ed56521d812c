package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	fronttypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	watchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	configtypes "github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	guardtypes "github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	inspectortypes "github.com/aws/aws-sdk-go-v2/service/inspector2/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/xray"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/inspect/hostile"
)

const (
	hostileARN  = "arn:aws:lambda:" + bench.Region + ":" + bench.AccountID + ":function:" + bench.Function
	hostileRole = "payments-role"
)

// putAtMost is how many values are put where each costs a resource of its own.
var putAtMost = map[string]int{
	"version description": 3, "layer description": 1, "layer licence": 1, "handler": 1, "environment value": 1, "function tag": 1, "subscription filter name": 1, "role description": 1,
	"condition of an inline policy": 1, "parameter description": 1, "secret description": 1, "key description": 1, "API description": 2, "distribution comment": 3,
}

// hostileAccount is one whose every place for text holds what the attacker wrote.
type hostileAccount struct {
	*bench.Account
	t    *testing.T
	ctx  context.Context
	cfg  aws.Config
	all  []hostile.Text
	puts map[string]func(values []string) // by place
	held map[string][]string              // values that were put, by place
	file []byte                           // of a trail, as the attacker wrote it
}

func newHostileAccount(t *testing.T) *hostileAccount {
	t.Helper()
	a, err := bench.NewAccount(t.Context(), awssim.Config{}, 1, 8<<10)
	if err != nil {
		t.Fatal(err)
	}
	h := &hostileAccount{Account: a, t: t, ctx: t.Context(), all: hostile.Corpus(1), held: map[string][]string{}, cfg: aws.Config{
		Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: a.Cloud.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, ""),
	}}
	h.puts = map[string]func([]string){
		"alias description": h.aliases, "version description": h.versions, "layer description": h.layers, "layer licence": h.licences, "handler": h.handlers,
		"environment value": h.environment, "function tag": h.tags, "function URL origin": h.origins, "log stream name": h.streams, "log message": h.messages,
		"subscription filter name": h.filters, "rule description": h.rules, "role description": h.role, "condition of an inline policy": h.conditions,
		"parameter description": h.parameters, "secret description": h.secrets, "key description": h.key, "schedule description": h.schedules,
		"alarm description": h.alarms, "API description": h.apis, "distribution comment": h.distributions, "trace annotation": h.traces,
		"GuardDuty finding": h.guard, "Inspector finding": h.inspector, "recorded configuration": h.recorded, "user agent": h.agents,
		"request parameter": h.parametersOfCalls, "error message": h.errors, "object key": h.objects,
	}
	for _, p := range hostile.Places() {
		put := h.puts[p.Name]
		if put == nil {
			t.Fatalf("nothing puts a text into a %s", p.Name)
		}
		values, held := p.Packed(h.all)
		if p.Name == "log message" { // each a line of its own: what a line begins with counts
			values = nil
			for _, x := range held {
				values = append(values, x.Text)
			}
		}
		if most := putAtMost[p.Name]; most > 0 {
			values = values[:most]
		}
		h.held[p.Name] = values
		put(values)
		t.Logf("%-30s %3d texts in %2d values", p.Name, len(held), len(values))
	}
	h.trailFile()
	h.bombs()
	return h
}

func (h *hostileAccount) must(what string, err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatalf("%s: %.2000v", what, err)
	}
}

func (h *hostileAccount) aliases(values []string) {
	for i, v := range values {
		_, err := lambda.NewFromConfig(h.cfg).CreateAlias(h.ctx, &lambda.CreateAliasInput{FunctionName: aws.String(bench.Function), Name: aws.String(fmt.Sprintf("h%d", i)), FunctionVersion: aws.String("1"), Description: &v})
		h.must("alias", err)
	}
}

func (h *hostileAccount) versions(values []string) {
	for i, v := range values {
		c := lambda.NewFromConfig(h.cfg)
		_, err := c.UpdateFunctionCode(h.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String(bench.Function), ZipFile: bench.Pack(v, 1<<10+i)})
		h.must("code", err)
		_, err = c.PublishVersion(h.ctx, &lambda.PublishVersionInput{FunctionName: aws.String(bench.Function), Description: &v})
		h.must("version", err)
	}
}

func (h *hostileAccount) layer(name, description, licence string) string {
	out, err := lambda.NewFromConfig(h.cfg).PublishLayerVersion(h.ctx, &lambda.PublishLayerVersionInput{LayerName: &name, Description: &description, LicenseInfo: &licence,
		Content: &lambdatypes.LayerVersionContentInput{ZipFile: bench.Pack(name, 1<<10)}})
	h.must("layer", err)
	return *out.LayerVersionArn
}

func (h *hostileAccount) layers(values []string) { h.useLayer(h.layer("described", values[0], "MIT")) }

func (h *hostileAccount) licences(values []string) { h.useLayer(h.layer("licensed", "x", values[0])) }

func (h *hostileAccount) useLayer(arn string) {
	c := lambda.NewFromConfig(h.cfg)
	is, err := c.GetFunctionConfiguration(h.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(bench.Function)})
	h.must("configuration", err)
	arns := []string{arn}
	for _, l := range is.Layers {
		arns = append(arns, *l.Arn)
	}
	_, err = c.UpdateFunctionConfiguration(h.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(bench.Function), Layers: arns})
	h.must("layers", err)
}

func (h *hostileAccount) handlers(values []string) {
	_, err := lambda.NewFromConfig(h.cfg).UpdateFunctionConfiguration(h.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(bench.Function), Handler: &values[0]})
	h.must("handler", err)
}

func (h *hostileAccount) environment(values []string) {
	_, err := lambda.NewFromConfig(h.cfg).UpdateFunctionConfiguration(h.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(bench.Function),
		Environment: &lambdatypes.Environment{Variables: map[string]string{"NODE_OPTIONS": values[0], "constructor": "x"}}})
	h.must("environment", err)
}

func (h *hostileAccount) tags(values []string) {
	_, err := lambda.NewFromConfig(h.cfg).TagResource(h.ctx, &lambda.TagResourceInput{Resource: aws.String(hostileARN), Tags: map[string]string{"=1+1": values[0], "\u2028": "x"}})
	h.must("tag", err)
}

func (h *hostileAccount) origins(values []string) {
	_, err := lambda.NewFromConfig(h.cfg).UpdateFunctionUrlConfig(h.ctx, &lambda.UpdateFunctionUrlConfigInput{FunctionName: aws.String(bench.Function), Cors: &lambdatypes.Cors{AllowOrigins: values}})
	h.must("origin", err)
}

func (h *hostileAccount) streams(values []string) {
	for _, v := range values {
		h.Cloud.StageLogEvents(bench.AccountID, bench.Region, bench.ColdLogs, v, awssim.LogLine{At: h.Cloud.Now().Add(-time.Hour), Message: "of a stream with such a name"})
		_, err := cloudwatchlogs.NewFromConfig(h.cfg).CreateLogStream(h.ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String("/aws/lambda/" + bench.Function), LogStreamName: &v})
		h.must("log stream", err)
	}
}

func (h *hostileAccount) messages(values []string) {
	var lines []awssim.LogLine
	for i, v := range values {
		lines = append(lines, awssim.LogLine{At: h.Cloud.Now().Add(-time.Hour + time.Duration(i)*time.Second), Message: v})
	}
	for _, stream := range []string{"2026/11/23/[1]hostile", h.held["log stream name"][0]} {
		h.Cloud.StageLogEvents(bench.AccountID, bench.Region, "/aws/lambda/"+bench.Function, stream, lines...)
	}
}

func (h *hostileAccount) filters(values []string) {
	for _, v := range values {
		_, err := cloudwatchlogs.NewFromConfig(h.cfg).PutSubscriptionFilter(h.ctx, &cloudwatchlogs.PutSubscriptionFilterInput{LogGroupName: aws.String("/aws/lambda/" + bench.Function), FilterName: &v, FilterPattern: &v,
			DestinationArn: aws.String(hostileARN + "2")})
		h.must("filter", err)
	}
}

func (h *hostileAccount) rules(values []string) {
	c := eventbridge.NewFromConfig(h.cfg)
	for i, v := range values {
		name := fmt.Sprintf("hostile-%d", i)
		_, err := c.PutRule(h.ctx, &eventbridge.PutRuleInput{Name: &name, Description: &v, ScheduleExpression: aws.String("rate(1 hour)")})
		h.must("rule", err)
		_, err = c.PutTargets(h.ctx, &eventbridge.PutTargetsInput{Rule: &name, Targets: []eventtypes.Target{{Id: aws.String("1"), Arn: aws.String(hostileARN)}}})
		h.must("target", err)
	}
}

func (h *hostileAccount) role(values []string) {
	_, err := iam.NewFromConfig(h.cfg).UpdateRole(h.ctx, &iam.UpdateRoleInput{RoleName: aws.String(hostileRole), Description: &values[0]})
	h.must("role", err)
}

func (h *hostileAccount) conditions(values []string) {
	doc, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
		"Condition": map[string]any{"StringEquals": map[string]any{"aws:PrincipalTag/team": values[0]}}}}})
	h.must("condition", err)
	var ascii strings.Builder
	for _, r := range string(doc) {
		switch {
		case r < 0x7f:
			ascii.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&ascii, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&ascii, `\u%04x`, r)
		}
	}
	_, err = iam.NewFromConfig(h.cfg).PutRolePolicy(h.ctx, &iam.PutRolePolicyInput{RoleName: aws.String(hostileRole), PolicyName: aws.String("=hostile@"), PolicyDocument: aws.String(ascii.String())})
	h.must("inline policy", err)
}

func (h *hostileAccount) parameters(values []string) {
	_, err := ssm.NewFromConfig(h.cfg).PutParameter(h.ctx, &ssm.PutParameterInput{Name: aws.String("/shop/hostile"), Description: &values[0], Type: ssmtypes.ParameterTypeString, Value: aws.String("x")})
	h.must("parameter", err)
}

func (h *hostileAccount) secrets(values []string) {
	out, err := secretsmanager.NewFromConfig(h.cfg).CreateSecret(h.ctx, &secretsmanager.CreateSecretInput{Name: aws.String("shop/hostile"), Description: &values[0], SecretString: aws.String("x")})
	h.must("secret", err)
	_, err = iam.NewFromConfig(h.cfg).PutRolePolicy(h.ctx, &iam.PutRolePolicyInput{RoleName: aws.String(hostileRole), PolicyName: aws.String("reads"), PolicyDocument: aws.String(fmt.Sprintf(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":%q}]}`, *out.ARN))})
	h.must("policy", err)
}

func (h *hostileAccount) key(values []string) {
	is, err := lambda.NewFromConfig(h.cfg).GetFunctionConfiguration(h.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(bench.Function)})
	h.must("configuration", err)
	_, err = kms.NewFromConfig(h.cfg).UpdateKeyDescription(h.ctx, &kms.UpdateKeyDescriptionInput{KeyId: is.KMSKeyArn, Description: &values[0]})
	h.must("key", err)
}

func (h *hostileAccount) schedules(values []string) {
	for i, v := range values {
		_, err := scheduler.NewFromConfig(h.cfg).CreateSchedule(h.ctx, &scheduler.CreateScheduleInput{Name: aws.String(fmt.Sprintf("hostile-%d", i)), Description: &v, ScheduleExpression: aws.String("rate(1 hour)"),
			FlexibleTimeWindow: &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff},
			Target:             &schedulertypes.Target{Arn: aws.String(hostileARN), RoleArn: aws.String("arn:aws:iam::" + bench.AccountID + ":role/service/" + hostileRole)}})
		h.must("schedule", err)
	}
}

func (h *hostileAccount) alarms(values []string) {
	for i, v := range values {
		_, err := cloudwatch.NewFromConfig(h.cfg).PutMetricAlarm(h.ctx, &cloudwatch.PutMetricAlarmInput{AlarmName: aws.String(fmt.Sprintf("=hostile\x1b[31m\u202e%d", i)), AlarmDescription: &v,
			Namespace: aws.String("AWS/Lambda"), MetricName: aws.String("Errors"), Dimensions: []watchtypes.Dimension{{Name: aws.String("FunctionName"), Value: aws.String(bench.Function)}},
			Statistic: watchtypes.StatisticSum, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: watchtypes.ComparisonOperatorGreaterThanThreshold})
		h.must("alarm", err)
	}
}

func (h *hostileAccount) apis(values []string) {
	c := apigateway.NewFromConfig(h.cfg)
	api, err := c.CreateRestApi(h.ctx, &apigateway.CreateRestApiInput{Name: &values[0], Description: &values[len(values)-1]})
	h.must("API", err)
	_, err = c.PutMethod(h.ctx, &apigateway.PutMethodInput{RestApiId: api.Id, ResourceId: api.RootResourceId, HttpMethod: aws.String("POST"), AuthorizationType: aws.String("NONE")})
	h.must("method", err)
	_, err = c.PutIntegration(h.ctx, &apigateway.PutIntegrationInput{RestApiId: api.Id, ResourceId: api.RootResourceId, HttpMethod: aws.String("POST"), Type: gatewaytypes.IntegrationTypeAws, IntegrationHttpMethod: aws.String("POST"),
		Uri: aws.String("arn:aws:apigateway:" + bench.Region + ":lambda:path/2015-03-31/functions/" + hostileARN + "/invocations")})
	h.must("integration", err)
	_, err = c.CreateDeployment(h.ctx, &apigateway.CreateDeploymentInput{RestApiId: api.Id, StageName: aws.String("prod"), Description: &values[0], StageDescription: &values[0]})
	h.must("deployment", err)
}

func (h *hostileAccount) distributions(values []string) {
	for _, v := range values {
		h.Cloud.StageDistribution(bench.AccountID, fronttypes.DistributionConfig{Comment: &v,
			DefaultCacheBehavior: &fronttypes.DefaultCacheBehavior{TargetOriginId: aws.String("site"), ViewerProtocolPolicy: fronttypes.ViewerProtocolPolicyHttpsOnly,
				LambdaFunctionAssociations: &fronttypes.LambdaFunctionAssociations{Quantity: aws.Int32(1), Items: []fronttypes.LambdaFunctionAssociation{{EventType: fronttypes.EventTypeOriginRequest, LambdaFunctionARN: aws.String(hostileARN + ":1")}}}},
			Origins: &fronttypes.Origins{Quantity: aws.Int32(1), Items: []fronttypes.Origin{{Id: aws.String("site"), DomainName: aws.String("site.example.com")}}}})
	}
}

func (h *hostileAccount) traces(values []string) {
	for i, v := range values {
		at := h.Cloud.Now().Add(-time.Duration(i+1) * time.Minute).Unix()
		doc, err := json.Marshal(map[string]any{"id": fmt.Sprintf("%016x", 100+i), "trace_id": fmt.Sprintf("1-%08x-%024x", at, 100+i), "name": bench.Function, "origin": "AWS::Lambda::Function", "start_time": at, "end_time": at + 1,
			"annotations": map[string]string{"hostile": v}, "metadata": map[string]any{"default": map[string]string{v: v}}, "http": map[string]any{"request": map[string]string{"method": "GET", "url": "https://x/" + v, "user_agent": v}}})
		h.must("segment", err)
		_, err = xray.NewFromConfig(h.cfg).PutTraceSegments(h.ctx, &xray.PutTraceSegmentsInput{TraceSegmentDocuments: []string{string(doc)}})
		h.must("trace", err)
	}
}

func (h *hostileAccount) guard(values []string) {
	for _, v := range values {
		h.Cloud.StageGuardDutyFinding(bench.AccountID, bench.Region, guardtypes.Finding{Type: aws.String("Trojan:Lambda/DropPoint"), Severity: aws.Float64(5), Title: &v, Description: &v,
			Resource: &guardtypes.Resource{ResourceType: aws.String("Lambda"), LambdaDetails: &guardtypes.LambdaDetails{FunctionName: aws.String(bench.Function), FunctionArn: aws.String(hostileARN), Description: &v,
				Tags: []guardtypes.Tag{{Key: &v, Value: &v}}}}})
	}
}

func (h *hostileAccount) inspector(values []string) {
	for _, v := range values {
		h.Cloud.StageInspector(bench.AccountID, bench.Region, true, inspectortypes.Finding{Type: inspectortypes.FindingTypePackageVulnerability, Severity: inspectortypes.SeverityHigh, Title: &v, Description: &v,
			Resources: []inspectortypes.Resource{{Id: aws.String(hostileARN + ":$LATEST"), Type: inspectortypes.ResourceTypeAwsLambdaFunction, Details: &inspectortypes.ResourceDetails{
				AwsLambdaFunction: &inspectortypes.AwsLambdaFunctionDetails{FunctionName: aws.String(bench.Function), Version: aws.String("$LATEST"), Runtime: inspectortypes.RuntimeUnsupported, CodeSha256: aws.String("x"), ExecutionRoleArn: aws.String("x")}}}}})
	}
}

func (h *hostileAccount) recorded(values []string) {
	for i, v := range values {
		doc, err := json.Marshal(map[string]any{"functionName": bench.Function, "description": v, v[:1]: "key"})
		h.must("configuration", err)
		h.Cloud.StageConfigItem(bench.AccountID, bench.Region, configtypes.ConfigurationItem{ResourceType: configtypes.ResourceTypeFunction, ResourceId: aws.String(bench.Function), ResourceName: aws.String(bench.Function), Arn: aws.String(hostileARN),
			ConfigurationItemCaptureTime: aws.Time(h.Cloud.Now().UTC().Truncate(time.Second).Add(-time.Duration(i+10) * time.Minute)), Configuration: aws.String(string(doc)), Tags: map[string]string{"team": v[:1]}})
	}
}

// attacker is a client whose calls carry a user agent.
func (h *hostileAccount) attacker(agent string) *lambda.Client {
	cfg := h.cfg.Copy()
	cfg.HTTPClient = agentClient{h.Cloud.Client(), agent}
	return lambda.NewFromConfig(cfg)
}

type agentClient struct {
	*http.Client
	agent string
}

func (c agentClient) Do(req *http.Request) (*http.Response, error) {
	req.Header.Set("User-Agent", c.agent)
	return c.Client.Do(req)
}

func (h *hostileAccount) agents(values []string) {
	for i, v := range values {
		_, err := h.attacker(v).AddPermission(h.ctx, &lambda.AddPermissionInput{FunctionName: aws.String(bench.Function), StatementId: aws.String(fmt.Sprintf("hostile%d", i)), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("*")})
		h.must("user agent", err)
	}
}

func (h *hostileAccount) parametersOfCalls(values []string) {
	for _, v := range values {
		_, err := lambda.NewFromConfig(h.cfg).UpdateFunctionConfiguration(h.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(bench.Function), Description: &v})
		h.must("request parameter", err)
	}
}

// errors are made by asking for what is not there: AWS repeats the name.
func (h *hostileAccount) errors(values []string) {
	for _, v := range values {
		if _, err := lambda.NewFromConfig(h.cfg).GetFunction(h.ctx, &lambda.GetFunctionInput{FunctionName: aws.String(bench.Function), Qualifier: &v}); err == nil {
			h.t.Errorf("a version of that name: %q", v)
		}
	}
}

// objects lie where the trail delivers, as if it had.
func (h *hostileAccount) objects(values []string) {
	c := s3.NewFromConfig(h.cfg, func(o *s3.Options) { o.UsePathStyle = true })
	at := h.Cloud.Now().UTC()
	for _, v := range values {
		key := "AWSLogs/" + bench.AccountID + "/CloudTrail/" + bench.Region + "/" + at.Format("2006/01/02") + "/" + v
		_, err := c.PutObject(h.ctx, &s3.PutObjectInput{Bucket: aws.String(bench.TrailBucket), Key: &key, Body: bytes.NewReader([]byte("\x1b[31mno gzip"))})
		h.must("object", err)
	}
}

// bombs are log files that grow when they are read: of nothing, of one text, of one record.
func (h *hostileAccount) bombs() {
	c := s3.NewFromConfig(h.cfg, func(o *s3.Options) { o.UsePathStyle = true })
	at := h.Cloud.Now().UTC()
	for name, parts := range map[string][3]string{
		"zeros": {"", "\x00", ""}, "text": {`{"Records":[{"eventName":"`, "A", `"}]}`}, "depth": {`{"Records":`, "[", ``}, "record": {`{"Records":[{"x":[`, "1,", `1]}]}`},
	} {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		block := []byte(strings.Repeat(parts[1], 1<<20/len(parts[1])))
		_, err := io.WriteString(z, parts[0])
		for i := 0; i < 4 && err == nil; i++ {
			_, err = z.Write(block)
		}
		h.must("bomb", err)
		_, err = io.WriteString(z, parts[2])
		h.must("bomb", errors.Join(err, z.Close()))
		key := "AWSLogs/" + bench.AccountID + "/CloudTrail/" + bench.Region + "/" + at.Format("2006/01/02") + "/" + bench.AccountID + "_CloudTrail_" + bench.Region + "_" + at.Format("20060102T1504Z") + "_" + name + ".json.gz"
		_, err = c.PutObject(h.ctx, &s3.PutObjectInput{Bucket: aws.String(bench.TrailBucket), Key: &key, Body: bytes.NewReader(b.Bytes())})
		h.must("bomb", err)
	}
}

// trailFile is a log file by an attacker who may write to the bucket: each text is in every member.
func (h *hostileAccount) trailFile() {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	at := h.Cloud.Now().UTC()
	fmt.Fprint(z, `{"Records":[`)
	for i, x := range h.all {
		q, err := json.Marshal(strings.ToValidUTF8(x.Text, "\ufffd"))
		h.must("record", err)
		if !json.Valid(q) {
			h.t.Fatal("no JSON")
		}
		raw := string(q)
		if strings.ContainsRune(strings.ToValidUTF8(x.Text, "\ufffd"), '\ufffd') && !strings.ContainsAny(x.Text, "\"\\\x00\n") {
			raw = `"` + x.Text + `"` // bytes that are not UTF-8, as they are
		}
		fmt.Fprintf(z, `{"eventVersion":"1.11","eventTime":%q,"eventTime":%q,"eventSource":"lambda.amazonaws.com","eventName":%s,"awsRegion":%q,"sourceIPAddress":%s,"userAgent":%s,"errorCode":%s,"errorMessage":%s,
			"userIdentity":{"type":"IAMUser","userName":%s,"arn":%s,"principalId":%s,"accessKeyId":"AKIAHOSTILE%05d"},"requestParameters":{"functionName":%q,"description":%s,%s:1,"__proto__":{"a":1}},
			"responseElements":{"deep":%s%s,"huge":%s},"eventID":"hostile-%d","requestID":%s,"recipientAccountId":%q,"eventType":"AwsApiCall","eventCategory":"Management"},`,
			at.Format(time.RFC3339), at.Add(-time.Minute).Format(time.RFC3339), raw, bench.Region, raw, raw, raw, raw, raw, raw, raw, i, bench.Function, raw, raw,
			strings.Repeat("[", 20), strings.Repeat("]", 20), strings.Repeat("9", 500), i, raw, bench.AccountID)
	}
	fmt.Fprintf(z, `{"deep":%s%s}]}`, strings.Repeat("[", 100_000), strings.Repeat("]", 100_000))
	h.must("gzip", z.Close())
	h.file = b.Bytes()
	key := "AWSLogs/" + bench.AccountID + "/CloudTrail/" + bench.Region + "/" + at.Format("2006/01/02") + "/" + bench.AccountID + "_CloudTrail_" + bench.Region + "_" + at.Format("20060102T1504Z") + "_abcdefghijklmnop.json.gz"
	_, err := s3.NewFromConfig(h.cfg, func(o *s3.Options) { o.UsePathStyle = true }).PutObject(h.ctx, &s3.PutObjectInput{Bucket: aws.String(bench.TrailBucket), Key: &key, Body: bytes.NewReader(b.Bytes())})
	h.must("trail file", err)
}
