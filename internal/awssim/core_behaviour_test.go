package awssim

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// toyGetFunction is a toy that counts how often it ran.
func toyGetFunction(ran *int) operation {
	return op("lambda", "GetFunction", func(c *call, in *lambda.GetFunctionInput) (*lambda.GetFunctionOutput, error) {
		if err := c.allow("lambda:GetFunction", c.arn("lambda", "function:"+*in.FunctionName)); err != nil {
			return nil, err
		}
		*ran++
		return &lambda.GetFunctionOutput{Configuration: &lambdatypes.FunctionConfiguration{FunctionName: in.FunctionName}}, nil
	})
}

func toyGet(cfg aws.Config, name string) error {
	_, err := lambda.NewFromConfig(cfg).GetFunction(context.Background(), &lambda.GetFunctionInput{FunctionName: &name})
	return err
}

func TestValidation(t *testing.T) {
	ran := 0
	_, cfg := toyCloud(t, Config{}, toyGetFunction(&ran),
		echo("iam", "CreateUser", &iam.CreateUserInput{}, &iam.CreateUserOutput{}),
		echo("kms", "ListKeys", &kms.ListKeysInput{}, &kms.ListKeysOutput{}))
	err := toyGet(cfg, "bad name!")
	if codeOf(err) != "ValidationException" || !strings.Contains(err.Error(), "1 validation error detected: Value 'bad name!' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern") {
		t.Errorf("lambda: %v", err)
	}
	_, err = iam.NewFromConfig(cfg).CreateUser(context.Background(), &iam.CreateUserInput{UserName: aws.String("a b")})
	if codeOf(err) != "ValidationError" || !strings.Contains(err.Error(), "The specified value for userName is invalid") {
		t.Errorf("iam: %v", err)
	}
	_, err = kms.NewFromConfig(cfg).ListKeys(context.Background(), &kms.ListKeysInput{Limit: aws.Int32(5000)})
	if codeOf(err) != "ValidationException" || !strings.Contains(err.Error(), "Value '5000' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 1000") {
		t.Errorf("kms: %v", err)
	}
	if ran != 0 {
		t.Error("an invalid request reached the operation")
	}
}

func TestErrorsOfServices(t *testing.T) {
	_, cfg := toyCloud(t, Config{},
		op("lambda", "GetFunction", func(c *call, in *lambda.GetFunctionInput) (*lambda.GetFunctionOutput, error) {
			return nil, fail("ResourceNotFoundException", "Function not found: %s", *in.FunctionName)
		}),
		op("iam", "GetUser", func(c *call, in *iam.GetUserInput) (*iam.GetUserOutput, error) {
			return nil, fail("NoSuchEntity", "The user with name %s cannot be found.", *in.UserName)
		}),
		op("kms", "DescribeKey", func(c *call, in *kms.DescribeKeyInput) (*kms.DescribeKeyOutput, error) {
			return nil, errBadMarker
		}))
	var missing *lambdatypes.ResourceNotFoundException
	if err := toyGet(cfg, "f"); !errors.As(err, &missing) || aws.ToString(missing.Message) != "Function not found: f" || aws.ToString(missing.Type) != "User" {
		t.Errorf("lambda: %v", err)
	}
	_, err := iam.NewFromConfig(cfg).GetUser(context.Background(), &iam.GetUserInput{UserName: aws.String("u")})
	var none *iamtypes.NoSuchEntityException
	if !errors.As(err, &none) || !strings.Contains(err.Error(), "StatusCode: 404") {
		t.Errorf("iam: %v", err)
	}
	_, err = kms.NewFromConfig(cfg).DescribeKey(context.Background(), &kms.DescribeKeyInput{KeyId: aws.String("k")})
	if codeOf(err) != "InvalidMarkerException" {
		t.Errorf("kms: %v", err)
	}
	_, err = kms.NewFromConfig(cfg).ListKeys(context.Background(), &kms.ListKeysInput{})
	if codeOf(err) != "NotImplemented" || !strings.Contains(err.Error(), "freezeframe simulator: KMS.ListKeys is not simulated") {
		t.Errorf("not simulated: %v", err)
	}
	_, err = kms.NewFromConfig(cfg).ConnectCustomKeyStore(context.Background(), &kms.ConnectCustomKeyStoreInput{CustomKeyStoreId: aws.String("x")})
	if codeOf(err) != "NotImplemented" || !strings.Contains(err.Error(), "KMS.ConnectCustomKeyStore") {
		t.Errorf("known by name only: %v", err)
	}
}

// TestWrongShapesAreLoud: what AWS's shapes forbid never leaves.
func TestWrongShapesAreLoud(t *testing.T) {
	_, cfg := toyCloud(t, Config{},
		echo("lambda", "GetFunction", &lambda.GetFunctionInput{}, &lambda.GetFunctionOutput{Configuration: &lambdatypes.FunctionConfiguration{State: "Odd"}}),
		echo("iam", "GetUser", &iam.GetUserInput{}, &iam.GetUserOutput{User: &iamtypes.User{UserName: aws.String("u")}}),
		op("sts", "GetCallerIdentity", func(*call, *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
			return &sts.GetCallerIdentityOutput{}, nil
		}))
	err := toyGet(cfg, "f")
	if codeOf(err) != "InternalFailure" || !strings.Contains(err.Error(), "'Odd' at 'configuration.state'") || !strings.Contains(err.Error(), "StatusCode: 500") {
		t.Errorf("enum: %v", err)
	}
	_, err = iam.NewFromConfig(cfg).GetUser(context.Background(), &iam.GetUserInput{})
	if codeOf(err) != "InternalFailure" || !strings.Contains(err.Error(), "'user.arn'") {
		t.Errorf("required: %v", err)
	}
	_, err = sts.NewFromConfig(cfg).GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
	if codeOf(err) != "InternalFailure" || !strings.Contains(err.Error(), "STS.GetCallerIdentity answered without asking") {
		t.Errorf("unasked: %v", err)
	}
}

func TestFaults(t *testing.T) {
	ran := 0
	c, cfg := toyCloud(t, Config{}, toyGetFunction(&ran))
	c.Inject(
		Fault{Op: "Lambda:GetFunction", Nth: 2, Fail: Fail{Code: "ServiceException", Message: "m", Status: 500}},
		Fault{Op: "Lambda:GetFunction", Resource: "function:other", Fail: Fail{Code: "AccessDeniedException", Message: "m", Status: 403}},
		Fault{Op: "Lambda:GetFunction", Resource: "function:gone", Nth: 1, AfterEffect: true, Fail: Fail{Drop: true}},
		Fault{Op: "Lambda:GetFunction", Resource: "function:cut", Fail: Fail{Drop: true}},
	)
	for i, tc := range []struct {
		name, want string
		runs       int
	}{{"f", "", 1}, {"f", "ServiceException", 1}, {"f", "", 2}, {"other", "AccessDeniedException", 2}, {"gone", "connection", 3}, {"gone", "", 4}, {"cut", "connection", 4}} {
		err := toyGet(cfg, tc.name)
		got := codeOf(err)
		if err != nil && got == "" {
			got = "connection"
		}
		if got != tc.want || ran != tc.runs {
			t.Errorf("call %d of %s: %q after %d runs, want %q after %d (%v)", i, tc.name, got, ran, tc.want, tc.runs, err)
		}
	}
	codes := ""
	for _, call := range c.Calls() {
		codes += call.ErrorCode + ","
	}
	if codes != ",ServiceException,,AccessDeniedException,,," {
		t.Errorf("calls recorded: %q (a reply that was lost was done all the same, a dropped request never arrived)", codes)
	}
	c.ClearFaults()
	if err := toyGet(cfg, "cut"); err != nil {
		t.Error(err)
	}
}

func TestQuotas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ran := 0
		_, cfg := toyCloud(t, Config{Quotas: true}, toyGetFunction(&ran),
			echo("lambda", "GetPolicy", &lambda.GetPolicyInput{}, &lambda.GetPolicyOutput{}))
		policy := func() error {
			_, err := lambda.NewFromConfig(cfg).GetPolicy(context.Background(), &lambda.GetPolicyInput{FunctionName: aws.String("f")})
			return err
		}
		for i := range 15 {
			if err := policy(); err != nil {
				t.Fatalf("call %d: %v", i+1, err)
			}
		}
		var slow *lambdatypes.TooManyRequestsException
		if err := policy(); !errors.As(err, &slow) || slow.Reason != "CallerRateLimitExceeded" || aws.ToString(slow.RetryAfterSeconds) == "" {
			t.Errorf("the 16th in a second: %v", err)
		}
		if err := toyGet(cfg, "f"); err != nil {
			t.Errorf("GetFunction has a quota of its own: %v", err)
		}
		time.Sleep(time.Second/15 + time.Millisecond)
		if err := policy(); err != nil {
			t.Errorf("a fifteenth of a second later: %v", err)
		}
		if err := policy(); err == nil {
			t.Error("two after a fifteenth of a second")
		}
	})
}

// TestSameSeedSameRecords: and another seed, others.
func TestSameSeedSameRecords(t *testing.T) {
	play := func(seed uint64) string {
		ran := 0
		c, cfg := toyCloud(t, Config{Seed: seed, Clock: &frozen{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}}, toyGetFunction(&ran),
			echo("lambda", "TagResource", &lambda.TagResourceInput{}, &lambda.TagResourceOutput{}))
		tags := map[string]string{"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"} // which the SDK sends in any order
		must(lambda.NewFromConfig(cfg).TagResource(context.Background(), &lambda.TagResourceInput{Resource: aws.String("arn:aws:lambda:us-east-1:111122223333:function:f"), Tags: tags}))(t)
		for _, name := range []string{"a", "a", "b"} {
			if err := toyGet(cfg, name); err != nil {
				t.Fatal(err)
			}
		}
		all, _ := json.Marshal(c.Records())
		return string(all)
	}
	one := play(7)
	for range 8 {
		if two := play(7); one != two {
			t.Fatalf("same seed:\n%s\n%s", one, two)
		}
	}
	if play(7) == play(8) {
		t.Error("another seed gives the same ids")
	}
}

func TestPaginate(t *testing.T) {
	items := []int{1, 2, 3, 4, 5}
	var got []int
	var marker *string
	for range 4 {
		page, next, err := paginate(items, marker, aws.Int32(2), 50)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page...)
		if marker = next; next == nil {
			break
		}
	}
	if len(got) != 5 || marker != nil {
		t.Errorf("%v", got)
	}
	for _, bad := range []string{"x", "2", makeMarker(2) + "A", "AAAA"} {
		if _, _, err := paginate(items, &bad, nil, 2); !errors.Is(err, errBadMarker) {
			t.Errorf("marker %q: %v", bad, err)
		}
	}
}

func TestIDs(t *testing.T) {
	c := New(Config{})
	k := &call{Cloud: c, requestID: "r"}
	seen := map[string]bool{}
	for kind, n := range map[string]int{"uuid": 36, "AIDA": 21, "AROA": 21, "AKIA": 20, "ASIA": 20, "secret": 40, "hex:12": 12, "alnum:7": 7, "ALNUM:70": 70} {
		for range 3 {
			id := k.id(kind, "x")
			if len(id) != n || seen[id] {
				t.Errorf("%s: %q", kind, id)
			}
			seen[id] = true
		}
	}
}

func TestUnknownService(t *testing.T) {
	c, cfg := toyCloud(t, Config{})
	r := must(http.NewRequest("POST", "https://mediaconvert.us-east-1.amazonaws.com/", strings.NewReader("Action=ListJobs")))(t)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/mediaconvert/aws4_request, SignedHeaders=host, Signature=00")
	r.Header.Set("X-Amz-Date", "20260101T000000Z")
	res := must(c.Client().Do(r))(t)
	res.Body.Close()
	if res.StatusCode != http.StatusNotImplemented || res.Header.Get("X-Amzn-Errortype") != "NotImplemented" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	_ = cfg
}
