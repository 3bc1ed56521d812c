package collect

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

var simTarget = Target{Account: bench.AccountID, Region: bench.Region, Function: bench.Function, ARN: "arn:aws:lambda:" + bench.Region + ":" + bench.AccountID + ":function:" + bench.Function}

func sessionAs(t *testing.T, a *bench.Account, name, policy string) *awsapi.Session {
	t.Helper()
	keys := a.Cloud.Bootstrap(bench.AccountID, name, policy)
	s, err := awsapi.Connect(t.Context(), awsapi.Options{
		Region: bench.Region, EndpointURL: bench.Endpoint, HTTPClient: a.Cloud.Client(), ReadOnly: true,
		Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDoctor(t *testing.T) {
	allow := func(actions ...string) string {
		b, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{"Effect": "Allow", "Action": actions, "Resource": "*"}}})
		return string(b)
	}
	var every []string
	for _, n := range append(Needs(All), DoctorNeeds()...) {
		for _, g := range n.IAM {
			if !slices.Contains(every, g.Action) {
				every = append(every, g.Action)
			}
		}
	}
	but := func(not ...string) []string {
		return slices.DeleteFunc(slices.Clone(every), func(a string) bool { return slices.Contains(not, a) })
	}
	for _, c := range []struct {
		name, policy string
		want         map[string]CheckResult
		says         string
	}{
		{"all", allow(every...), map[string]CheckResult{"function": CheckPass, "permissions": CheckPass, "clock": CheckPass, "data-events": CheckWarn, "log-retention": CheckPass}, "SimulatePrincipalPolicy"},
		{"one-missing", allow(but("lambda:GetPolicy")...), map[string]CheckResult{"permissions": CheckFail}, "lambda:GetPolicy"},
		{"not-asked", allow(but("iam:SimulatePrincipalPolicy")...), map[string]CheckResult{"permissions": CheckPass}, "by trying the reads"},
		{"not-asked-one-missing", allow(but("iam:SimulatePrincipalPolicy", "lambda:ListTags")...), map[string]CheckResult{"permissions": CheckFail}, "lambda:ListTags"},
		{"nothing", allow("sts:GetCallerIdentity"), map[string]CheckResult{"function": CheckFail, "permissions": CheckFail, "data-events": CheckUnknown, "log-retention": CheckUnknown}, "lambda:GetFunction"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := simAccount(t, awssim.Config{})
				s := sessionAs(t, a, "who", c.policy)
				before := a.Cloud.Digest()
				all, err := Doctor(t.Context(), Patient{Session: s, Target: simTarget, Needs: Needs(All), Collecting: true})
				if err != nil {
					t.Fatal(err)
				}
				if a.Cloud.Digest() != before {
					t.Error("asking changed the account")
				}
				for _, x := range all {
					if w, ok := c.want[x.ID]; ok && x.Result != w {
						t.Errorf("%s: %s, want %s: %s", x.ID, x.Result, w, x.Got)
					}
					if x.ID == "permissions" && !strings.Contains(x.Got, c.says) {
						t.Errorf("says %s, want %q", x.Got, c.says)
					}
					if (x.Result == CheckFail || x.Result == CheckUnknown) && x.Fix == "" {
						t.Errorf("%s %s: no fix", x.ID, x.Result)
					}
				}
			})
		})
	}
}

func TestDoctorSeesWhatExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		cfg := aws.Config{Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: a.Cloud.Client(),
			Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, "")}
		if _, err := cloudwatchlogs.NewFromConfig(cfg).PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String(bench.ColdLogs), RetentionInDays: aws.Int32(1)}); err != nil {
			t.Fatal(err)
		}
		all, err := Doctor(t.Context(), Patient{Session: sessionAs(t, a, "root2", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`), Target: simTarget, Needs: Needs(All)})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(all, func(c Check) bool { return c.ID == "log-retention" })
		if all[i].Result != CheckWarn || !strings.Contains(all[i].Got, time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)) {
			t.Errorf("%+v", all[i])
		}
	})
}

func TestClock(t *testing.T) {
	for skew, want := range map[time.Duration]CheckResult{0: CheckPass, -time.Second: CheckPass, 20 * time.Second: CheckWarn, -6 * time.Minute: CheckFail} {
		if c := clockCheck(skew); c.Result != want {
			t.Errorf("%s: %+v", skew, c)
		}
	}
}
