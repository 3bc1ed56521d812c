package check

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// judge is a third party's program, or the test is skipped.
func judge(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		if os.Getenv("FREEZEFRAME_CI") != "" {
			t.Fatalf("%s is not set", variable)
		}
		t.Skipf("SKIPPED LOUDLY: %s is not set: eval \"$(.ci/tools)\"", variable)
	}
	return path
}

// words is what a shell makes of a line.
func words(t *testing.T, line string) []string {
	t.Helper()
	out, err := exec.Command("sh", "-c", `for w in `+line+`; do printf '%s\0' "$w"; done`).Output()
	if err != nil {
		t.Fatalf("sh cannot read %s: %v", line, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

func TestQuotedForAShell(t *testing.T) {
	for _, s := range []string{"plain-1.2_x", "", "it's", "$(touch /tmp/x)", "`id`", "a b\tc\nd", "*", "~", `\`, `"`, "'; id; '", "é", "#x", "{a,b}", "!"} {
		if got := words(t, "x "+quote(s)); len(got) != 2 || got[1] != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	p := &probe{in: Inputs{Bucket: "b'$(id)", Owner: keeperAccount}, region: region}
	for _, line := range []string{p.s3api("get-bucket-policy"), p.lockFix(), p.allow(), p.policyFix(iampolicy.Document{})} {
		if got := strings.Join(words(t, line), " "); !strings.Contains(got, "b'$(id)") {
			t.Errorf("%s became %q", line, got)
		}
	}
}

func TestNamesOfCommands(t *testing.T) {
	for op, want := range map[string]string{"HeadBucket": "head-bucket", "GetPublicAccessBlock": "get-public-access-block", "GetBucketLifecycleConfiguration": "get-bucket-lifecycle-configuration"} {
		if got := kebab(op); got != want {
			t.Errorf("%s: %s", op, got)
		}
	}
}

// served lets the AWS CLI reach the simulated account; check and Fix use the same endpoint.
func served(s *shop) {
	server := httptest.NewServer(s.cloud)
	s.t.Cleanup(server.Close)
	s.client = server.Client()
	config := s.session(Needs(Inputs{Bucket: bucket, Live: true}))
	s.in.Config = func(r string) aws.Config {
		cfg := config(r)
		cfg.BaseEndpoint = &server.URL
		return cfg
	}
}

// sh runs a line as the admin, aws being the AWS CLI.
func (s *shop) sh(aws, line string) {
	s.t.Helper()
	cmd := exec.Command("sh", "-c", "aws() { \"$AWS_CLI\" \"$@\"; }; "+line)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.t.TempDir(), "AWS_CLI=" + aws, "AWS_DEFAULT_REGION=us-west-2", "AWS_PAGER=",
		"AWS_ACCESS_KEY_ID=" + s.keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + s.keys.SecretAccessKey}
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s\n%v\n%s", line, err, out)
	}
}

func (s *shop) again() Report {
	s.t.Helper()
	r, err := Run(s.t.Context(), s.in)
	s.must(err)
	return r
}

// The AWS CLI takes each Fix, and the check passes afterwards.
func TestFixesFix(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY: the AWS CLI between reads, which share nothing; run without -short")
	}
	cli := judge(t, "FREEZEFRAME_AWS")
	for _, id := range []string{"no default retention", "objects of their writers", "one way to publish", "no policy", "denied on a condition", "TLS not wanted", "SSE-S3", "another account's key",
		"disabled key", "key to be deleted", "objects expire early everywhere", "tagged objects expire early"} {
		all := slices.Concat(settingBreakages(), policyBreakages(), storageBreakages())
		b := all[slices.IndexFunc(all, func(b breakage) bool { return b.name == id })]
		t.Run(id, func(t *testing.T) {
			s := fit(t)
			b.how(s)
			served(s)
			for range len(checks()) {
				r := s.again()
				i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Result == Fail })
				if i < 0 {
					break
				}
				s.sh(cli, r.Findings[i].Fix)
				if f := find(t, s.again(), r.Findings[i].ID); f.Result != Pass {
					t.Fatalf("after %s\n%+v", r.Findings[i].Fix, f)
				}
			}
			if r := s.again(); !r.OK() || r.Unknown() != 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}

// From a bucket with nothing, by the fixes alone; those that name what only the user knows have it filled in.
func TestFixesFromNothing(t *testing.T) {
	cli := judge(t, "FREEZEFRAME_AWS")
	s := newShop(t)
	s.make(false)
	_, err := s.s3.DeletePublicAccessBlock(t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: aws.String(bucket)})
	s.must(err)
	served(s)
	for _, f := range s.again().Findings {
		if f = find(t, s.again(), f.ID); f.Result == Pass || f.Level == Must && f.ID == "lifecycle" {
			continue
		}
		s.sh(cli, strings.NewReplacer("LOG-BUCKET", "logs-4711", "REPLICA-BUCKET", "replica-4711", "REPLICATION-ROLE", "replicator").Replace(f.Fix))
	}
	s.in.Live = true
	r := s.again()
	for _, f := range r.Findings {
		if f.Result != Pass {
			t.Errorf("%+v", f)
		}
	}
}

// What was denied is allowed by its Fix, within what IAM takes of a user. The first lets
// the check see the key, which the second names.
func TestFixesOfDenials(t *testing.T) {
	cli := judge(t, "FREEZEFRAME_AWS")
	s := fit(t)
	s.policy(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":["s3:DeleteObject","s3:DeleteObjectVersion","s3:BypassGovernanceRetention"],"Resource":"arn:aws:s3:::` + bucket + `/*"},
{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::` + bucket + `/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`)
	s.creds = s.cloud.Bootstrap(keeperAccount, "reader", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}]}`)
	s.in.Caller = "arn:aws:iam::" + keeperAccount + ":user/team/reader"
	s.in.Live = true
	served(s)
	if r := s.again(); r.Unknown() != len(checks())+len(liveChecks()) {
		t.Fatalf("%d unknown: %+v", r.Unknown(), r)
	}
	for range 2 {
		r := s.again()
		i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Result == Unknown })
		if i < 0 {
			break
		}
		s.sh(cli, r.Findings[i].Fix)
	}
	r := s.again()
	if !r.OK() || r.Unknown() != 0 {
		t.Errorf("%+v", r)
	}
}

func TestLifecycleFixKeepsTheRest(t *testing.T) {
	s := fit(t)
	s.rules(rule("abort", "", func(r *types.LifecycleRule) {
		r.AbortIncompleteMultipartUpload = &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)}
	}), rule("early", "", current(3)))
	f := find(t, s.run(), "lifecycle")
	w := words(t, f.Fix)
	var got struct {
		Rules []struct{ ID, Status string }
	}
	s.must(json.Unmarshal([]byte(w[slices.Index(w, "--lifecycle-configuration")+1]), &got))
	if len(got.Rules) != 2 || got.Rules[0].Status != "Enabled" || got.Rules[1].Status != "Disabled" || !strings.Contains(f.Got, `"early"`) {
		t.Errorf("%+v\n%s", got, f.Got)
	}
	if strings.Contains(f.Fix, "null") {
		t.Errorf("the AWS CLI takes no null: %s", f.Fix)
	}
}

func TestPolicyFixKeepsTheRest(t *testing.T) {
	s := fit(t)
	s.without("Keep", `{"Sid":"FreezeframeNoDeletes","Effect":"Allow","Principal":{"AWS":"`+keeperAccount+`"},"Action":"s3:GetObject",`+objects+`}`,
		`{"Sid":"Mine","Effect":"Allow","Principal":{"AWS":"`+keeperAccount+`"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::`+bucket+`"}`)
	f := find(t, s.run(), "policy-deletes")
	w := words(t, f.Fix)
	policy := w[slices.Index(w, "--policy")+1]
	for _, sid := range []string{"Mine", "Locked", "TLS", "FreezeframeNoDeletes"} {
		if strings.Count(policy, `"Sid":"`+sid+`"`) != 1 {
			t.Errorf("%s: %s", sid, policy)
		}
	}
	s.policy(policy)
	s.differs(nil)
}

func TestKeyInAnotherRegionIsAskedThere(t *testing.T) {
	s := fit(t)
	far := s.admin.Copy()
	far.Region = "us-west-2"
	out, err := kms.NewFromConfig(far).CreateKey(t.Context(), &kms.CreateKeyInput{})
	s.must(err)
	s.encrypt(types.ServerSideEncryptionAwsKms, *out.KeyMetadata.Arn)
	s.differs(nil)
}
