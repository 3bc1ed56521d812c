package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// signedConfig signs as given.
func signedConfig(a *bench.Account, region, key, secret, token string) aws.Config {
	return aws.Config{Region: region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: a.Cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(key, secret, token)}
}

// TestLookupFollowsWhoTookTheRole: somebody assumes the function's role under a name of his
// own, in a region of his choice, and goes on from there as another role. Nothing of that
// names the function.
func TestLookupFollowsWhoTookTheRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const elsewhere = "us-west-2"
		a := simAccount(t, awssim.Config{})
		owner := func(region string) aws.Config {
			return signedConfig(a, region, a.Keys.AccessKeyID, a.Keys.SecretAccessKey, "")
		}
		i := iam.NewFromConfig(owner(bench.Region))
		open := aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + bench.AccountID + `:root"},"Action":"sts:AssumeRole"}]}`)
		if _, err := i.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("payments-role"), PolicyDocument: open}); err != nil {
			t.Fatal(err)
		}
		if _, err := i.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("next"), AssumeRolePolicyDocument: open}); err != nil {
			t.Fatal(err)
		}
		all := aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
		for _, role := range []string{"payments-role", "next"} {
			if _, err := i.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("all"), PolicyDocument: all}); err != nil {
				t.Fatal(err)
			}
		}
		assume := func(cfg aws.Config, role string) (*ststypes.Credentials, aws.Config) {
			out, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + bench.AccountID + ":role/" + role), RoleSessionName: aws.String("thief")})
			if err != nil {
				t.Fatal(err)
			}
			return out.Credentials, signedConfig(a, elsewhere, *out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
		}
		first, cfg := assume(owner(elsewhere), "service/payments-role")
		if _, err := lambda.NewFromConfig(cfg).GetAccountSettings(t.Context(), &lambda.GetAccountSettingsInput{}); err != nil {
			t.Fatal(err)
		}
		second, cfg := assume(cfg, "next")
		if _, err := sqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("loot")}); err != nil {
			t.Fatal(err)
		}
		m, sum := collectSim(t, a, Options{Unpaced: true, Regions: []string{elsewhere}, Only: []string{"lambda.configuration", "iam.role", "cloudtrail.lookup"}})
		if !sum.Complete {
			t.Errorf("%+v", sum)
		}
		for k, want := range map[string]string{*first.AccessKeyId: "GetAccountSettings", *second.AccessKeyId: "CreateQueue"} {
			at := "cloudtrail.lookup role/service/payments-role AccessKeyId=" + k + " @" + elsewhere
			if !strings.Contains(string(m.bytes[at]), want) {
				t.Errorf("%s holds no %s: %s", at, want, m.states()[at])
			}
		}
	})
}

// TestLookupSaysHowFarItReaches: to 15 minutes before it was asked, or to the end of a
// window that is over since.
func TestLookupSaysHowFarItReaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for until, want := range map[time.Duration]string{0: "1999-12-31T23:45:00Z", -time.Hour: "1999-12-31T23:00:00Z"} {
			m, _ := collectFrom(t, newFake(), Options{Until: time.Now().Add(until), Regions: []string{"all"}, Unpaced: true})
			n := 0
			for _, e := range m.entries {
				if e.Artefact == "cloudtrail.lookup" && e.Item != nil {
					n++
					if !strings.HasPrefix(e.Item.Note, "complete to "+want) {
						t.Errorf("%s: %s", key(e), e.Item.Note)
					}
				}
			}
			g := gapOf(m, "cloudtrail.lookup  Region=* @")
			if n < 17*3 || g == nil || g.State != evidence.NotCovered {
				t.Errorf("%d lookups, %+v", n, g)
			}
		}
	})
}

// keptPage is a store that had one artefact before.
type keptPage []byte

func (keptPage) Kept(string, evidence.Source) (evidence.Entry, bool) {
	return evidence.Entry{State: evidence.Collected, Item: &evidence.Item{}}, true
}
func (keptPage) KeptGaps() []evidence.Gap { return nil }
func (p keptPage) OpenKept(context.Context, evidence.Item) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(p)), nil
}

// TestLookupPagesOfLongEventsAreRecalled: fifty events of the largest size are one line of a
// case, and no damage to it.
func TestLookupPagesOfLongEventsAreRecalled(t *testing.T) {
	record, err := json.Marshal(`{"userIdentity":{"type":"AssumedRole","accessKeyId":"ASIAEXAMPLEEXAMPLE77","sessionContext":{"sessionIssuer":{"arn":"r"}}},"requestParameters":{"x":"` + strings.Repeat(`\"`, 128<<10) + `"}}`)
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(`{"Events":[`)
	for range 50 {
		line = append(append(append(line, `{"CloudTrailEvent":`...), record...), "},"...)
	}
	line[len(line)-1] = ']'
	j := &Job{run: &runner{kept: keptPage(append(line, "}\n"...)), book: newBook(newMemory(), nil, func(error) {})}}
	found := newKeysOfRoles()
	if !j.recallEvents(t.Context(), want{}, found.read) || j.run.book.storeError() != nil || len(found.of("r", "f")) != 1 {
		t.Errorf("%d bytes: %v, %v", len(line), j.run.book.storeError(), found.seen)
	}
}
