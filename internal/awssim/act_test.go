package awssim

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

const actAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

type stood struct{ at time.Time }

func (s *stood) Now() time.Time { return s.at }

func acted(t *testing.T, c *Cloud, a Act) map[string]any {
	t.Helper()
	raw, err := c.Act(a)
	if err != nil {
		t.Fatalf("%s: %v", a.Call, err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestActIsTheCall: a call by name leaves the same record and state as the same call by AWS's SDK,
// but for what only the wire has.
func TestActIsTheCall(t *testing.T) {
	clock := &stood{time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC)}
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	byName, bySDK := New(Config{Clock: clock}), New(Config{Clock: clock})
	a := Act{By: byName.Bootstrap("111122223333", "olivia", actAll), Address: "198.51.100.1", Agent: "x"}
	a.Call, a.With = "IAM:CreateRole", json.RawMessage(`{"RoleName":"r","AssumeRolePolicyDocument":`+quoted(trust)+`}`)
	acted(t, byName, a)
	a.Call, a.With = "Lambda:AddPermission", json.RawMessage(`{"FunctionName":"none","StatementId":"s","Action":"lambda:InvokeFunction","Principal":"*"}`)
	_, err := byName.Act(a)
	var api *ActError
	if !errors.As(err, &api) || api.Code != "ResourceNotFoundException" || api.Refused {
		t.Errorf("a function that is not there: %v", err)
	}

	key := bySDK.Bootstrap("111122223333", "olivia", actAll)
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: aws.String("http://act.invalid"), HTTPClient: bySDK.Client(), Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, "")}
	if _, err := iam.NewFromConfig(cfg).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String(trust)}); err != nil {
		t.Fatal(err)
	}
	_, _ = lambda.NewFromConfig(cfg).AddPermission(t.Context(), &lambda.AddPermissionInput{FunctionName: aws.String("none"), StatementId: aws.String("s"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("*")})
	if len(byName.Records()) != 2 || len(bySDK.Records()) != 2 {
		t.Fatalf("%d and %d records", len(byName.Records()), len(bySDK.Records()))
	}
	for i := range byName.Records() {
		x, y := plainRecord(t, byName.Records()[i]), plainRecord(t, bySDK.Records()[i])
		if x != y {
			t.Errorf("record %d by name and by the SDK:\n%s\n%s", i, x, y)
		}
	}
	if len(byName.Objects()) != len(bySDK.Objects()) {
		t.Errorf("%d objects by name, %d by the SDK", len(byName.Objects()), len(bySDK.Objects()))
	}
}

func quoted(s string) string { b, _ := json.Marshal(s); return string(b) }

// plainRecord is a record without what comes of the wire: ids of the request, host, address, agent.
func plainRecord(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	m := map[string]any{}
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"requestID", "eventID", "tlsDetails", "sourceIPAddress", "userAgent"} {
		delete(m, k)
	}
	b, _ := json.Marshal(m)
	text := string(b)
	if i := strings.Index(text, `"roleId":"`); i >= 0 { // made of the request's id
		text = text[:i] + text[i+len(`"roleId":"AROA`)+20:]
	}
	return text
}

// TestActRefuses: keys that do not sign, spelling, and what policies and shapes forbid.
func TestActRefuses(t *testing.T) {
	c := New(Config{Clock: &stood{time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC)}})
	owner := c.Bootstrap("111122223333", "olivia", actAll)
	nobody := c.Bootstrap("111122223333", "nobody", `{"Version":"2012-10-17","Statement":[]}`)
	wrong := owner
	wrong.SecretAccessKey += "x"
	for _, k := range []struct {
		name string
		a    Act
		want string // of the error's text
	}{
		{"unknown key", Act{By: Credentials{AccessKeyID: "AKIAXXXXXXXXXXXXXXXX"}, Call: "IAM:ListUsers"}, "InvalidClientTokenId"},
		{"wrong secret", Act{By: wrong, Call: "Lambda:ListFunctions"}, "InvalidSignatureException"},
		{"not allowed", Act{By: nobody, Call: "S3:ListBuckets"}, "AccessDenied"},
		{"a shape's limit", Act{By: owner, Call: "Lambda:GetFunction", With: json.RawMessage(`{}`)}, "ValidationException"},
		{"no such service", Act{By: owner, Call: "Lamda:GetFunction"}, "did you mean Lambda"},
		{"no such operation", Act{By: owner, Call: "Lambda:GetFunctoin"}, "did you mean GetFunction"},
		{"no such member", Act{By: owner, Call: "Lambda:GetFunction", With: json.RawMessage(`{"FunctionNam":"x"}`)}, "did you mean FunctionName"},
		{"another type", Act{By: owner, Call: "Lambda:PutFunctionConcurrency", With: json.RawMessage(`{"FunctionName":"x","ReservedConcurrentExecutions":"many"}`)}, "cannot be converted"},
	} {
		_, err := c.Act(k.a)
		if err == nil || !strings.Contains(err.Error(), k.want) {
			t.Errorf("%s: %v, want %s", k.name, err, k.want)
		}
	}
	if n := len(c.Calls()); n != 2 {
		t.Errorf("%d calls are recorded: only those that were signed and spelled rightly are calls", n)
	}
	acted(t, c, Act{By: owner, Call: "IAM:UpdateAccessKey", With: json.RawMessage(`{"UserName":"nobody","AccessKeyId":"` + nobody.AccessKeyID + `","Status":"Inactive"}`)})
	if _, err := c.Act(Act{By: nobody, Call: "S3:ListBuckets"}); err == nil || !strings.Contains(err.Error(), "InvalidAccessKeyId") {
		t.Errorf("an inactive key: %v", err)
	}
}

// TestActStreams: what goes through a body on the wire is a member here, both ways.
func TestActStreams(t *testing.T) {
	c := New(Config{})
	owner := c.Bootstrap("111122223333", "olivia", actAll)
	acted(t, c, Act{By: owner, Call: "S3:CreateBucket", With: json.RawMessage(`{"Bucket":"shop-customers"}`)})
	acted(t, c, Act{By: owner, Call: "S3:PutObject", With: json.RawMessage(`{"Bucket":"shop-customers","Key":"a/b c","Body":"aGVsbG8="}`)})
	out := acted(t, c, Act{By: owner, Call: "S3:GetObject", With: json.RawMessage(`{"Bucket":"shop-customers","Key":"a/b c"}`)})
	if out["Body"] != "aGVsbG8=" {
		t.Errorf("read back: %v", out)
	}
	buckets, _ := acted(t, c, Act{By: owner, Call: "S3:ListBuckets"})["Buckets"].([]any)
	if len(buckets) != 1 {
		t.Errorf("%d buckets", len(buckets))
	}
}
