package conformance

import (
	"fmt"
	"strings"
	"testing"
)

const foreignTrust = `{"Version":"2012-10-17","Statement":[{"Sid":"own","Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"},` +
	`{"Sid":"theirs","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999988887777:root"},"Action":"sts:AssumeRole"}]}`

// TestActorOnMoto contains an actor, and keeps evidence from going, in an account that moto
// keeps and that the AWS CLI made and looks at: neither shares a belief with the simulator.
func TestActorOnMoto(t *testing.T) {
	x := moto(t)
	dir := t.TempDir()
	home := append(x.env(), "FREEZEFRAME_HOME="+dir+"/home", "FREEZEFRAME_CASE="+dir+"/case")
	cli := func(args ...string) string {
		t.Helper()
		return strings.TrimSpace(must(t, 0, x.env(), tool(t, "FREEZEFRAME_AWS"), append(args, "--output", "text")...).out)
	}
	cli("iam", "create-user", "--user-name", "mallory", "--path", "/staff/")
	key := cli("iam", "create-access-key", "--user-name", "mallory", "--query", "AccessKey.AccessKeyId")
	cli("iam", "create-role", "--role-name", "lent", "--assume-role-policy-document", foreignTrust)
	doomed := cli("kms", "create-key", "--query", "KeyMetadata.Arn")
	cli("kms", "schedule-key-deletion", "--key-id", doomed[strings.LastIndex(doomed, "/")+1:], "--pending-window-in-days", "7")
	secret := cli("secretsmanager", "create-secret", "--name", "shop/doomed", "--secret-string", "x", "--query", "ARN")
	cli("secretsmanager", "delete-secret", "--secret-id", secret)
	cli("s3api", "create-bucket", "--bucket", "audit-logs-of-moto")
	trail := cli("cloudtrail", "create-trail", "--name", "stopped", "--s3-bucket-name", "audit-logs-of-moto", "--query", "TrailARN")
	cli("cloudtrail", "start-logging", "--name", "stopped")
	cli("cloudtrail", "stop-logging", "--name", "stopped")
	cli("logs", "create-log-group", "--log-group-name", "/shop/short")
	cli("logs", "put-retention-policy", "--log-group-name", "/shop/short", "--retention-in-days", "3")
	group := strings.TrimSuffix(cli("logs", "describe-log-groups", "--query", "logGroups[0].arn"), ":*")

	must(t, 0, home, built.freezeframe, "case", "open", dir+"/case", "--title", "t", "--authority", "a", "--operator", "o")
	args := []string{"contain", "plan", "--out", dir + "/plan.json"}
	for _, act := range []string{"key-inactive", "user-quarantine", "trust-outsiders", "key-deletion-cancel", "secret-restore", "logging-start", "data-events-on", "retention-longer"} {
		args = append(args, "--act", act)
	}
	for _, actor := range []string{"user/mallory", "role/lent"} {
		args = append(args, "--actor", fmt.Sprintf("arn:aws:iam::%s:%s", account, actor))
	}
	for _, resource := range []string{doomed, secret, trail, group} {
		args = append(args, "--resource", resource)
	}
	must(t, 0, home, built.freezeframe, args...)
	must(t, 0, home, built.freezeframe, "contain", "apply", dir+"/plan.json")

	seen := func(when string, want map[string]string, asked map[string][]string) {
		t.Helper()
		for what, call := range asked {
			if got := cli(call...); !strings.Contains(got, want[what]) || want[what] == "" && got != "" {
				t.Errorf("%s, %s: the AWS CLI sees %q, not %q", when, what, got, want[what])
			}
		}
	}
	asked := map[string][]string{
		"key":       {"iam", "list-access-keys", "--user-name", "mallory", "--query", "AccessKeyMetadata[?AccessKeyId=='" + key + "'].Status"},
		"policies":  {"iam", "list-user-policies", "--user-name", "mallory", "--query", "sort(PolicyNames)"},
		"trust":     {"iam", "get-role", "--role-name", "lent", "--query", "Role.AssumeRolePolicyDocument.Statement[].Sid"},
		"kms":       {"kms", "describe-key", "--key-id", doomed, "--query", "KeyMetadata.KeyState"},
		"secret":    {"secretsmanager", "describe-secret", "--secret-id", secret, "--query", "DeletedDate"},
		"trail":     {"cloudtrail", "get-trail-status", "--name", "stopped", "--query", "IsLogging"},
		"selectors": {"cloudtrail", "get-event-selectors", "--trail-name", "stopped", "--query", "EventSelectors[].DataResources[].Type"},
		"retention": {"logs", "describe-log-groups", "--query", "logGroups[0].retentionInDays"},
	}
	seen("applied", map[string]string{"key": "Inactive", "policies": "AWSRevokeOlderSessions\tfreezeframe-quarantine", "trust": "own", "kms": "Enabled", "secret": "None", "trail": "True",
		"selectors": "AWS::Lambda::Function", "retention": "None"}, asked)
	if trust := cli(asked["trust"]...); strings.Contains(trust, "theirs") {
		t.Errorf("the AWS CLI sees that others may take the role: %s", trust)
	}
	must(t, 0, home, built.freezeframe, "contain", "undo", "--all", "--reason", "a test", "--accept-risk", "a test")
	seen("undone", map[string]string{"key": "Active", "policies": "", "trust": "own\ttheirs", "kms": "Enabled", "secret": "None", "trail": "True", "selectors": "", "retention": "3"}, asked)
	must(t, 0, home, built.freezeframe, "verify")
}
