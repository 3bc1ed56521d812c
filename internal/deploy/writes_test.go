package deploy

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/test/stack"
)

// apiNames are those services of the simulated AWS whose API is not named as they are, but for case.
func apiNames() map[string]string {
	return map[string]string{"logs": "CloudWatchLogs", "events": "EventBridge", "elbv2": "ElasticLoadBalancingv2", "config": "ConfigService", "application-autoscaling": "ApplicationAutoScaling"}
}

// members are values that calls may want, by the names of their members: of what there is.
func memberValues() map[string]string {
	function := "arn:aws:lambda:" + bench.Region + ":" + bench.AccountID + ":function:" + bench.Function
	role := "arn:aws:iam::" + bench.AccountID + ":role/payments-role"
	return map[string]string{
		"FunctionName": bench.Function, "ResourceArn": function, "Resource": function, "Qualifier": "1", "FunctionVersion": "1", "Role": role, "RoleName": "payments-role", "UserName": "owner", "PolicyName": "p",
		"PolicyArn": adminPolicy, "PolicyDocument": everything, "Policy": everything, "AssumeRolePolicyDocument": everything, "PermissionsBoundary": adminPolicy, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
		"Bucket": bucketName, "Key": "k", "KeyId": "alias/any", "QueueUrl": "https://sqs." + bench.Region + ".amazonaws.com/" + bench.AccountID + "/q", "QueueName": "q", "TopicArn": "arn:aws:sns:" + bench.Region + ":" + bench.AccountID + ":t",
		"Name": "n", "Rule": "r", "LogGroupName": "/aws/lambda/" + bench.Function, "LogStreamName": "s", "SecretId": "s", "UUID": "00000000-0000-0000-0000-000000000000", "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*",
	}
}

const adminPolicy = "arn:aws:iam::aws:policy/AdministratorAccess"

// TestCollectionRoleWritesNothing: every call of the simulated AWS that changes something is tried
// under the role that reads, and refused. What AWS would not have read, because more has to be said,
// is held against the policy by the name of its permission.
func TestCollectionRoleWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		keys, err := w.a.Cloud.ServiceCredentials(w.sec.Attributes["WorkerRole.Arn"], "ecs-tasks.amazonaws.com", "task")
		must(t, err)
		s, err := w.connect(keys)
		must(t, err)
		in, err := s.Assume(t.Context(), "arn:aws:iam::"+bench.AccountID+":role/freezeframe-collect")
		must(t, err)
		c, err := in.Config("", nil).Credentials.Retrieve(t.Context())
		must(t, err)
		as := awssim.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
		allowed := w.allowed("CollectionRole")
		before := w.a.Cloud.Digest()
		tried, named := 0, 0
		apis := w.apis()
		for _, op := range awssim.Operations() {
			service, name, _ := strings.Cut(op, ":")
			call := apis[service] + ":" + name
			if !awsapi.Mutating(call) || call == "KMS:Decrypt" { // which opens, and changes nothing
				continue
			}
			err := w.tried(as, call)
			e, isAct := errors.AsType[*awssim.ActError](err)
			switch {
			case errors.Is(err, awssim.ErrAct):
				t.Errorf("%s cannot be tried: %v", call, err)
			case err == nil:
				t.Errorf("%s is done", call)
			case isAct && refused(e.Code):
				tried++
			default:
				named++
				if allowed[strings.ToLower(service+":"+name)] {
					t.Errorf("%s is allowed: %v", call, err)
				}
			}
		}
		if w.a.Cloud.Digest() != before {
			t.Error("the account was changed")
		}
		if tried < named {
			t.Errorf("only %d calls were refused, and %d were not read", tried, named)
		}
		t.Logf("%d calls refused, %d more not in the policy; 0 skipped", tried, named)
	})
}

// tried makes a call, and says what it wants until it has all that AWS asks for before it asks
// whether the caller may.
func (w *world) tried(as awssim.Credentials, call string) error {
	with := map[string]any{}
	add := func(name string, values ...any) {
		for _, v := range values {
			if w.a.Cloud.CheckAct(awssim.Act{Call: call, With: json.RawMessage(text(w.t, map[string]any{name: v}))}) == nil {
				with[name] = v
				return
			}
		}
	}
	for name, v := range memberValues() {
		add(name, v)
	}
	var err error
	for range 6 {
		_, err = w.a.Cloud.Act(awssim.Act{By: as, Call: call, With: json.RawMessage(text(w.t, with)), Region: bench.Region})
		if err == nil || !strings.Contains(err.Error(), "Value null at '") {
			return err
		}
		for _, part := range strings.Split(err.Error(), "Value null at '")[1:] {
			name, _, _ := strings.Cut(part, "'")
			for _, spelled := range []string{name, strings.ToUpper(name[:1]) + name[1:]} {
				add(spelled, "abcd1234", []string{"abcd1234"}, 1, true, map[string]any{}, []any{})
			}
		}
	}
	return err
}

// allowed are the actions that a role's policy allows, in small letters.
func (w *world) allowed(where string) map[string]bool {
	out := map[string]bool{}
	for _, s := range w.document(where)["Statement"].([]any) {
		if m := s.(map[string]any); m["Effect"] == "Allow" {
			for _, a := range stack.Strings(m["Action"]) {
				out[strings.ToLower(a)] = true
			}
		}
	}
	return out
}

// apis are the names of services as calls have them.
func (w *world) apis() map[string]string {
	out := apiNames()
	for _, api := range []string{"AccessAnalyzer", "APIGateway", "ApiGatewayV2", "Athena", "CloudFront", "CloudTrail", "CloudWatch", "EC2", "ECR", "EFS", "GuardDuty", "IAM", "Inspector2", "KMS", "Lambda", "Pipes", "S3", "Scheduler", "SecretsManager", "SNS", "SQS", "SSM", "STS", "XRay"} {
		if out[strings.ToLower(api)] == "" {
			out[strings.ToLower(api)] = api
		}
	}
	return out
}

// TestAccessLevels: AWS's own levels of the permissions. The role that reads has none but Read and
// List, and Decrypt, which AWS counts as a write; the role that contains manages permissions by
// attaching and detaching alone, which a condition binds to one policy.
func TestAccessLevels(t *testing.T) {
	data := filepath.Join(judge(t, "FREEZEFRAME_IAM_SIMULATE"), "@cloud-copilot", "iam-data", "data", "actions")
	level := func(action string) string {
		service, name, _ := strings.Cut(action, ":")
		b, err := os.ReadFile(filepath.Join(data, service+".json"))
		must(t, err)
		var all map[string]struct{ AccessLevel string }
		must(t, json.Unmarshal(b, &all))
		for known, about := range all {
			if strings.EqualFold(known, name) {
				return about.AccessLevel
			}
		}
		return "unknown to IAM"
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		reads := []string{"Read", "List"}
		n := 0
		for action := range w.allowed("CollectionRole") {
			if n++; action != "kms:decrypt" && !slices.Contains(reads, level(action)) {
				t.Errorf("the role that reads may %s: %s", action, level(action))
			}
		}
		for action := range w.allowed("ContainmentRole") {
			n++
			switch l := level(action); {
			case slices.Contains(reads, l), l == "Write":
			case strings.HasPrefix(l, "Permissions management") && (action == "iam:attachrolepolicy" || action == "iam:detachrolepolicy"):
			default:
				t.Errorf("the role that contains may %s: %s", action, l)
			}
		}
		t.Logf("%d permissions", n)
	})
}
