package check

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/internal/vault/s3vault"
)

func TestGoodBucketPasses(t *testing.T) {
	s := fit(t)
	s.in.Live = true
	r := s.differs(nil)
	if !r.OK() || r.Unknown() != 0 || r.Region != region || !strings.HasPrefix(r.Canary, prefix+"/"+canaryName) || r.CanaryVersion == "" {
		t.Errorf("%+v", r)
	}
	if got := find(t, r, "retention").Got; !strings.Contains(got, "GOVERNANCE, 90 days") {
		t.Errorf("retention: %s", got)
	}
}

type breakage struct {
	name string
	how  func(*shop)
	want map[string]Result
}

func only(id string, r Result) map[string]Result { return map[string]Result{id: r} }

func deny(body string) string { return `{"Effect":"Deny",` + body + `}` }

const objects = `"Resource":"arn:aws:s3:::` + bucket + `/*"`

func settingBreakages() []breakage {
	return []breakage{
		{"the investigated account's own", func(s *shop) { s.in.SubjectAccount = keeperAccount }, map[string]Result{"separation": Fail, "kms-account": Fail}},
		{"own and owner not given", func(s *shop) { s.in.SubjectAccount, s.in.Owner = keeperAccount, "" }, map[string]Result{"owner": Unknown, "separation": Fail, "kms-account": Fail}},
		{"owner not given", func(s *shop) { s.in.Owner = "" }, map[string]Result{"owner": Unknown, "kms-account": Unknown}},
		{"subject not given", func(s *shop) { s.in.SubjectAccount = "" }, only("separation", Unknown)},
		{"versioning suspended", func(s *shop) {
			s.client = answering{s.client, "versioning", 200, `<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>`}
		}, only("versioning", Fail)},
		{"versioning never on", func(s *shop) { s.client = answering{s.client, "versioning", 200, `<VersioningConfiguration/>`} }, only("versioning", Fail)},
		{"no default retention", func(s *shop) { s.lock(nil) }, map[string]Result{"retention": Fail, "lifecycle": Unknown}},
		{"compliance for a year", func(s *shop) {
			s.lock(&types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{Mode: types.ObjectLockRetentionModeCompliance, Years: aws.Int32(1)}})
		}, nil},
		{"retained for longer than the lifecycle", func(s *shop) {
			s.lock(&types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{Mode: types.ObjectLockRetentionModeCompliance, Years: aws.Int32(2)}})
		}, only("lifecycle", Fail)},
		{"objects of their writers", func(s *shop) {
			_, err := s.s3.PutBucketOwnershipControls(s.t.Context(), &s3.PutBucketOwnershipControlsInput{Bucket: aws.String(bucket),
				OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipObjectWriter}}}})
			s.must(err)
		}, only("ownership", Fail)},
		{"no ownership controls", func(s *shop) {
			_, err := s.s3.DeleteBucketOwnershipControls(s.t.Context(), &s3.DeleteBucketOwnershipControlsInput{Bucket: aws.String(bucket)})
			s.must(err)
		}, only("ownership", Fail)},
		{"one way to publish", func(s *shop) {
			_, err := s.s3.PutPublicAccessBlock(s.t.Context(), &s3.PutPublicAccessBlockInput{Bucket: aws.String(bucket),
				PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), RestrictPublicBuckets: aws.Bool(false)}})
			s.must(err)
		}, only("public-access", Fail)},
		{"no public access block", func(s *shop) {
			_, err := s.s3.DeletePublicAccessBlock(s.t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: aws.String(bucket)})
			s.must(err)
		}, only("public-access", Fail)},
	}
}

func policyBreakages() []breakage {
	return []breakage{
		{"no policy", func(s *shop) {
			_, err := s.s3.DeleteBucketPolicy(s.t.Context(), &s3.DeleteBucketPolicyInput{Bucket: aws.String(bucket)})
			s.must(err)
		}, map[string]Result{"policy-deletes": Fail, "policy-bypass": Fail, "policy-tls": Fail}},
		{"deletes not denied", func(s *shop) { s.without("Keep") }, only("policy-deletes", Fail)},
		{"bypass not denied", func(s *shop) { s.without("Locked") }, only("policy-bypass", Fail)},
		{"TLS not wanted", func(s *shop) { s.without("TLS") }, only("policy-tls", Fail)},
		{"only markers denied", func(s *shop) {
			s.without("Keep", deny(`"Principal":"*","Action":"s3:DeleteObject",`+objects))
		}, only("policy-deletes", Fail)},
		{"denied elsewhere", func(s *shop) {
			s.without("Keep", deny(`"Principal":"*","Action":"s3:Delete*","Resource":"arn:aws:s3:::`+bucket+`/cases/1/case.json"`))
		}, only("policy-deletes", Fail)},
		{"denied to all but one", func(s *shop) {
			s.without("Keep", deny(`"NotPrincipal":{"AWS":"arn:aws:iam::`+keeperAccount+`:user/keeper"},"Action":"s3:Delete*",`+objects))
		}, only("policy-deletes", Fail)},
		{"denied on a condition", func(s *shop) {
			s.without("Keep", deny(`"Principal":"*","Action":"s3:Delete*",`+objects+`,"Condition":{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::`+keeperAccount+`:role/admin"}}`))
		}, only("policy-deletes", Fail)},
		{"denied to somebody", func(s *shop) {
			s.without("Locked", deny(`"Principal":{"AWS":"`+subjectAccount+`"},"Action":"s3:BypassGovernanceRetention",`+objects))
		}, only("policy-bypass", Fail)},
		{"by NotAction and NotResource", func(s *shop) {
			s.without("Keep", deny(`"Principal":"*","NotAction":["s3:Get*","s3:Put*","s3:List*","s3:BypassGovernanceRetention"],"NotResource":"arn:aws:s3:::`+bucket+`"`))
		}, nil},
		{"allowed instead", func(s *shop) {
			s.without("Keep", `{"Effect":"Allow","Principal":{"AWS":"`+keeperAccount+`"},"Action":"s3:DeleteObject*",`+objects+`}`)
		}, only("policy-deletes", Fail)},
		{"TLS over an address only", func(s *shop) {
			s.without("TLS", deny(`"Principal":"*","Action":"s3:*",`+objects+`,"Condition":{"Bool":{"aws:SecureTransport":"false"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`))
		}, only("policy-tls", Fail)},
		{"TLS the wrong way round", func(s *shop) {
			s.without("TLS", deny(`"Principal":"*","Action":"s3:Nothing",`+objects+`,"Condition":{"Bool":{"aws:SecureTransport":"true"}}`))
		}, only("policy-tls", Fail)},
		{"unreadable", func(s *shop) { s.client = answering{s.client, "policy", 200, `{"Statement":[{"Effect":"Deny"`} },
			map[string]Result{"policy-deletes": Unknown, "policy-bypass": Unknown, "policy-tls": Unknown}},
		{"huge", func(s *shop) { s.client = answering{s.client, "policy", 200, strings.Repeat(" ", 1<<20) + goodPolicy} },
			map[string]Result{"policy-deletes": Unknown, "policy-bypass": Unknown, "policy-tls": Unknown}},
	}
}

func storageBreakages() []breakage {
	noKey := map[string]Result{"encryption": Fail, "kms-account": Unknown, "kms-enabled": Unknown}
	return []breakage{
		{"SSE-S3", func(s *shop) { s.encrypt(types.ServerSideEncryptionAes256, "") }, noKey},
		{"no key named", func(s *shop) { s.encrypt(types.ServerSideEncryptionAwsKms, "") }, map[string]Result{"kms-account": Unknown, "kms-enabled": Unknown}},
		{"another account's key", func(s *shop) { s.encrypt(types.ServerSideEncryptionAwsKms, s.foreignKey()) }, only("kms-account", Fail)},
		{"a key that is not there", func(s *shop) {
			s.encrypt(types.ServerSideEncryptionAwsKms, "arn:aws:kms:"+region+":"+keeperAccount+":key/00000000-0000-4000-8000-000000000000")
		}, only("kms-enabled", Fail)},
		{"disabled key", func(s *shop) {
			_, err := s.kms.DisableKey(s.t.Context(), &kms.DisableKeyInput{KeyId: &s.key})
			s.must(err)
		}, only("kms-enabled", Fail)},
		{"key to be deleted", func(s *shop) {
			_, err := s.kms.ScheduleKeyDeletion(s.t.Context(), &kms.ScheduleKeyDeletionInput{KeyId: &s.key})
			s.must(err)
		}, only("kms-enabled", Fail)},
		{"versions expire early", func(s *shop) { s.rules(rule("early", prefix, noncurrent(89))) }, only("lifecycle", Fail)},
		{"versions expire in time", func(s *shop) { s.rules(rule("late", prefix, noncurrent(90))) }, nil},
		{"objects expire early everywhere", func(s *shop) { s.rules(rule("early", "", current(30))) }, only("lifecycle", Fail)},
		{"some objects expire early", func(s *shop) { s.rules(rule("early", prefix+"/ledger", current(30))) }, only("lifecycle", Fail)},
		{"other objects expire early", func(s *shop) { s.rules(rule("early", "tmp/", current(1)), rule("early2", "cases/2/", noncurrent(1))) }, nil},
		{"tagged objects expire early", func(s *shop) {
			s.rules(rule("tagged", "", current(30), func(r *types.LifecycleRule) {
				r.Filter = &types.LifecycleRuleFilter{Tag: &types.Tag{Key: aws.String("k"), Value: aws.String("v")}}
			}))
		}, only("lifecycle", Fail)},
		{"switched off", func(s *shop) {
			s.rules(rule("early", "", current(30), func(r *types.LifecycleRule) { r.Status = types.ExpirationStatusDisabled }))
		}, nil},
		{"expire on a date", func(s *shop) {
			s.rules(rule("dated", "", func(r *types.LifecycleRule) {
				r.Expiration = &types.LifecycleExpiration{Date: aws.Time(s.cloud.Now().AddDate(9, 0, 0))}
			}))
		}, only("lifecycle", Fail)},
		{"no lifecycle", func(s *shop) {
			_, err := s.s3.DeleteBucketLifecycle(s.t.Context(), &s3.DeleteBucketLifecycleInput{Bucket: aws.String(bucket)})
			s.must(err)
		}, nil},
		{"no replication", func(s *shop) {
			_, err := s.s3.DeleteBucketReplication(s.t.Context(), &s3.DeleteBucketReplicationInput{Bucket: aws.String(bucket)})
			s.must(err)
		}, only("replication", Fail)},
		{"replication off", func(s *shop) { s.replicate(types.ReplicationRuleStatusDisabled, "") }, only("replication", Fail)},
		{"part replicated", func(s *shop) { s.replicate(types.ReplicationRuleStatusEnabled, prefix+"/ledger/") }, only("replication", Fail)},
		{"not logged", func(s *shop) { s.logging(false) }, only("readers", Fail)},
	}
}

// foreignKey is of another account, which lets the keeper look at it.
func (s *shop) foreignKey() string {
	other := kms.NewFromConfig(configOf(s.cloud, s.cloud.Bootstrap(otherAccount, "other", allowAll)))
	out, err := other.CreateKey(s.t.Context(), &kms.CreateKeyInput{Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::` + otherAccount + `:root","arn:aws:iam::` + keeperAccount + `:root"]},"Action":"kms:*","Resource":"*"}]}`)})
	s.must(err)
	return *out.KeyMetadata.Arn
}

func TestEachPropertyBroken(t *testing.T) {
	for _, b := range slices.Concat(settingBreakages(), policyBreakages(), storageBreakages()) {
		t.Run(b.name, func(t *testing.T) {
			s := fit(t)
			b.how(s)
			r := s.differs(b.want)
			ok := true
			for id, result := range b.want {
				ok = ok && (result != Fail || id == "replication")
			}
			if r.OK() != ok {
				t.Errorf("OK is %v", r.OK())
			}
		})
	}
}

func TestDaysOfRetention(t *testing.T) {
	leap := time.Date(2028, 1, 31, 22, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		days, years *int32
		want        int
	}{{aws.Int32(90), nil, 90}, {aws.Int32(90), aws.Int32(0), 90}, {nil, aws.Int32(1), 366}, {aws.Int32(0), aws.Int32(4), 1461}} {
		d := &types.DefaultRetention{Days: c.days, Years: c.years}
		if got := keptDays(d, leap); got != c.want {
			t.Errorf("%d days, want %d", got, c.want)
		}
	}
	if got := keptDays(nil, leap); got != 0 {
		t.Error(got)
	}
}

func TestWithoutObjectLock(t *testing.T) {
	s := newShop(t)
	s.make(false)
	_, err := s.s3.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: aws.String(bucket), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
	s.must(err)
	s.furnish()
	s.differs(map[string]Result{"object-lock": Fail, "retention": Fail, "lifecycle": Unknown})
}

// unanswered are the findings that each read, and no other, decides.
func unanswered() map[string][]string {
	return map[string][]string{
		"S3:HeadBucket":                      {"owner", "separation"},
		"S3:GetBucketVersioning":             {"versioning"},
		"S3:GetObjectLockConfiguration":      {"object-lock", "retention", "lifecycle"},
		"S3:GetBucketOwnershipControls":      {"ownership"},
		"S3:GetPublicAccessBlock":            {"public-access"},
		"S3:GetBucketPolicy":                 {"policy-deletes", "policy-bypass", "policy-tls"},
		"S3:GetBucketEncryption":             {"encryption", "kms-account", "kms-enabled"},
		"KMS:DescribeKey":                    {"kms-enabled"},
		"S3:GetBucketLifecycleConfiguration": {"lifecycle"},
		"S3:GetBucketReplication":            {"replication"},
		"S3:GetBucketLogging":                {"readers"},
		"CloudTrail:DescribeTrails":          {"readers"},
		"CloudTrail:GetEventSelectors":       {"readers"},
		"CloudTrail:GetTrailStatus":          {"readers"},
	}
}

func TestEachReadDeniedOrNotImplemented(t *testing.T) {
	for _, need := range Needs(Inputs{Bucket: bucket}) {
		ids, ok := unanswered()[need.Call]
		if !ok {
			t.Errorf("%s is not in the test's table", need.Call)
		}
		for code, status := range map[string]int{"AccessDenied": 403, "NotImplemented": 501} {
			t.Run(need.Call+" "+code, func(t *testing.T) {
				s := fit(t)
				if strings.HasPrefix(need.Call, "CloudTrail:") {
					s.logging(false)
					s.trail(classic("All", "arn:aws:s3:::"+bucket+"/"))
				}
				s.cloud.Inject(awssim.Fault{Op: need.Call, Fail: awssim.Fail{Code: code, Status: status}})
				want := map[string]Result{}
				for _, id := range ids {
					want[id] = Unknown
				}
				r := s.differs(want)
				if r.Unknown() != len(ids) || !r.OK() {
					t.Errorf("%d unknown, OK %v", r.Unknown(), r.OK())
				}
				f := find(t, r, ids[0])
				if code == "AccessDenied" && (!strings.Contains(f.Got, "denied") || !strings.Contains(f.Fix, need.IAM[0].Action) || !strings.Contains(f.Fix, "--user-name keeper")) {
					t.Errorf("%+v", f)
				}
				if code == "NotImplemented" && !strings.Contains(f.Got, "not implement") {
					t.Errorf("%+v", f)
				}
			})
		}
	}
}

func TestBucketOfAnotherOwner(t *testing.T) {
	s := fit(t)
	s.in.Owner, s.in.Live = otherAccount, true
	want := map[string]Result{"owner": Fail}
	for _, c := range slices.Concat(checks()[2:], liveChecks()) {
		want[c.id] = Unknown
	}
	r := s.differs(want)
	if r.OK() || r.Canary != "" {
		t.Errorf("%+v", r)
	}
	if got := slices.Sorted(maps.Keys(s.calls)); !slices.Equal(got, []string{"S3:HeadBucket"}) {
		t.Errorf("calls to another account's bucket: %v", got)
	}
}

// A server that takes every owner for the right one proves nothing by its consent.
func TestServerThatIgnoresTheOwner(t *testing.T) {
	s := fit(t)
	s.client = ownerless{s.client}
	s.differs(map[string]Result{"owner": Unknown, "separation": Unknown})
}

func TestNoSuchBucket(t *testing.T) {
	s := newShop(t)
	s.in.Config = s.session(Needs(s.in))
	_, err := Run(t.Context(), s.in)
	if !errors.Is(err, vault.ErrGone) {
		t.Error(err)
	}
	for _, name := range []string{"", "a/b", "$(id)/../x"} {
		s.in.Bucket = name
		if _, err := Run(t.Context(), s.in); !errors.Is(err, s3vault.ErrLocation) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestBucketInAnotherRegion(t *testing.T) {
	s := fit(t)
	config := s.session(Needs(s.in))
	s.in.Config = func(r string) aws.Config {
		cfg := config(r)
		if r == "" {
			cfg.Region = "us-west-2"
		}
		return cfg
	}
	r, err := Run(t.Context(), s.in)
	if err != nil || r.Region != region || !r.OK() || r.Unknown() != 0 {
		t.Errorf("%v %+v", err, r)
	}
}

func TestEndsEarly(t *testing.T) {
	s := fit(t)
	s.in.Config = s.session(slices.DeleteFunc(Needs(s.in), func(n awsapi.Need) bool { return n.Call == "S3:GetBucketPolicy" }))
	if r, err := Run(t.Context(), s.in); !awsapi.IsRefused(err) || len(r.Findings) != 7 {
		t.Errorf("an undeclared call: %v, %d findings", err, len(r.Findings))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, s.in); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestCallsAreThoseDeclared(t *testing.T) {
	s := fit(t)
	s.in.Live = true
	s.differs(nil)
	s.logging(false)
	s.trail(classic("All", "arn:aws:s3"))
	s.differs(nil)
	want := map[string]awsapi.Class{}
	for _, n := range Needs(s.in) {
		want[n.Call] = awsapi.Vault
		if len(n.IAM) == 0 || n.Mutates != awsapi.Mutating(n.Call) {
			t.Errorf("%+v", n)
		}
	}
	if !maps.Equal(s.calls, want) {
		t.Errorf("made %v\ndeclared %v", s.calls, want)
	}
	if n := len(Needs(Inputs{})); n != len(want)-3 {
		t.Errorf("%d calls without the live ones", n)
	}
}

// headers keeps what each S3 request says of the owner.
type headers struct {
	to     aws.HTTPClient
	owners *[]string
}

func (h headers) Do(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Host, "s3.") || strings.HasPrefix(r.URL.Host, bucket) {
		*h.owners = append(*h.owners, r.Header.Get("X-Amz-Expected-Bucket-Owner"))
	}
	return h.to.Do(r)
}

// Only the question whether there is such a bucket leaves the owner open.
func TestEveryCallExpectsTheOwner(t *testing.T) {
	s := fit(t)
	var owners []string
	s.client, s.in.Live = headers{s.client, &owners}, true
	s.differs(nil)
	if len(owners) < 15 || owners[0] != "" {
		t.Fatalf("%q", owners)
	}
	others := slices.DeleteFunc(owners[1:], func(o string) bool { return o == keeperAccount })
	if !slices.Equal(others, []string{"000000000001"}) { // to see that the server compares
		t.Errorf("%q", others)
	}
}
