package awsapi

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// wire counts what leaves the process and answers from a script, by path.
type wire struct {
	mu    sync.Mutex
	sent  []string
	reply func(n int, r *http.Request) (int, string, error)
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.sent = append(w.sent, r.Method+" "+r.URL.Path)
	n := len(w.sent)
	w.mu.Unlock()
	status, body, err := 200, "{}", error(nil)
	if w.reply != nil {
		status, body, err = w.reply(n, r)
	}
	if strings.Contains(r.Header.Get("Authorization"), "/sts/") {
		status, err = 200, nil
		body = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/Responder/alice</Arn><UserId>AROAX:alice</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`
	}
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Request: r,
		Header: http.Header{"Content-Type": {"application/json"}, "X-Amzn-Requestid": {"req-1"}, "X-Amzn-Errortype": {errType(status)}}}, nil
}

func errType(status int) string {
	if status == 429 {
		return "TooManyRequestsException"
	}
	return ""
}

func connect(t *testing.T, w *wire, readOnly bool, rec Recorder) *Session {
	t.Helper()
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	s, err := Connect(t.Context(), Options{Region: "eu-west-1", EndpointURL: "http://127.0.0.1:1", ReadOnly: readOnly, HTTPClient: w, Record: rec,
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")})
	if err != nil {
		t.Fatal(err)
	}
	w.sent = nil
	return s
}

func TestConnectTellsWho(t *testing.T) {
	s := connect(t, &wire{}, true, nil)
	if s.Identity.Account != "123456789012" || s.Identity.RoleName() != "Responder" || s.Endpoint != "http://127.0.0.1:1" {
		t.Fatalf("got %+v at %q", s.Identity, s.Endpoint)
	}
}

func TestGuardRefusesBeforeAByteLeaves(t *testing.T) {
	get := Need{Call: "Lambda:GetPolicy"}
	cases := []struct {
		name     string
		needs    []Need
		readOnly bool
		call     func(context.Context, *lambda.Client) error
		why      string // "" is let out
	}{
		{"declared read", []Need{get}, true, getPolicy, ""},
		{"undeclared", nil, false, getPolicy, "not among the declared"},
		{"declared write", []Need{{Call: "Lambda:PutFunctionConcurrency", Mutates: true}}, false, putConcurrency, ""},
		{"write in a dry run", []Need{{Call: "Lambda:PutFunctionConcurrency", Mutates: true}}, true, putConcurrency, "only reads"},
		{"write declared as a read", []Need{{Call: "Lambda:PutFunctionConcurrency"}}, false, putConcurrency, "declared as a read"},
		{"never, though declared", []Need{{Call: "Lambda:DeleteFunction", Mutates: true}}, false, deleteFunction, "never"},
		{"never, as plumbing", []Need{{Call: "Lambda:Invoke", Mutates: true, Class: Plumbing}}, false, invoke, "never"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := &wire{}
			s := connect(t, w, c.readOnly, nil)
			err := c.call(t.Context(), lambda.NewFromConfig(s.Config("", c.needs)))
			if c.why == "" {
				if err != nil || len(w.sent) != 1 {
					t.Fatalf("err %v, sent %v", err, w.sent)
				}
				return
			}
			if !IsRefused(err) || !strings.Contains(err.Error(), c.why) || len(w.sent) != 0 {
				t.Fatalf("err %v, sent %v; want a refusal saying %q and nothing sent", err, w.sent, c.why)
			}
		})
	}
}

func TestPresigningIsGuardedToo(t *testing.T) {
	s := connect(t, &wire{}, true, nil)
	_, err := s3.NewPresignClient(s3.NewFromConfig(s.Config("", nil))).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	if !IsRefused(err) {
		t.Fatalf("presigning an undeclared call: %v", err)
	}
}

func TestWritesAreNotRepeatedAfterALostReply(t *testing.T) {
	for _, c := range []struct {
		name  string
		reply func(n int, r *http.Request) (int, string, error)
		sent  int
		ok    bool
	}{
		{"connection lost", func(int, *http.Request) (int, string, error) { return 0, "", io.ErrUnexpectedEOF }, 1, false},
		{"500", func(int, *http.Request) (int, string, error) { return 500, "{}", nil }, 1, false},
		{"throttled once", func(n int, _ *http.Request) (int, string, error) {
			if n == 1 {
				return 429, "{}", nil
			}
			return 200, "{}", nil
		}, 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &wire{reply: c.reply}
			s := connect(t, w, false, nil)
			err := putConcurrency(t.Context(), lambda.NewFromConfig(s.Config("", []Need{{Call: "Lambda:PutFunctionConcurrency", Mutates: true}})))
			if (err == nil) != c.ok || len(w.sent) != c.sent {
				t.Fatalf("err %v, sent %d; want ok %v, sent %d", err, len(w.sent), c.ok, c.sent)
			}
		})
	}
}

func TestEveryCallIsRecorded(t *testing.T) {
	var got []Exchange
	s := connect(t, &wire{reply: func(n int, _ *http.Request) (int, string, error) {
		if n < 3 {
			return 500, "{}", nil
		}
		return 404, `{"Message":"none"}`, nil
	}}, true, func(x Exchange) { got = append(got, x) })
	got = nil
	_ = getPolicy(t.Context(), lambda.NewFromConfig(s.Config("us-east-1", []Need{{Call: "Lambda:GetPolicy"}})))
	if len(got) != 1 || got[0].Call != "Lambda:GetPolicy" || got[0].Attempts != 3 || got[0].Region != "us-east-1" || got[0].RequestID != "req-1" || got[0].Error == "" {
		t.Fatalf("recorded %+v", got)
	}
}

func TestMutatingByName(t *testing.T) {
	for call, want := range map[string]bool{
		"Lambda:GetFunction": false, "IAM:SimulatePrincipalPolicy": false, "CloudTrail:LookupEvents": false,
		"IAM:GenerateServiceLastAccessedDetails": false, "Lambda:PutFunctionConcurrency": true, "IAM:DeleteRolePolicy": true,
		"Lambda:TagResource": true, "S3:HeadObject": false, "KMS:Sign": true,
	} {
		if Mutating(call) != want {
			t.Errorf("Mutating(%s) = %v", call, !want)
		}
	}
}

func getPolicy(ctx context.Context, c *lambda.Client) error {
	_, err := c.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: aws.String("f")})
	return err
}

func putConcurrency(ctx context.Context, c *lambda.Client) error {
	_, err := c.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("f"), ReservedConcurrentExecutions: aws.Int32(0)})
	return err
}

func deleteFunction(ctx context.Context, c *lambda.Client) error {
	_, err := c.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("f")})
	return err
}

func invoke(ctx context.Context, c *lambda.Client) error {
	_, err := c.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("f")})
	return err
}
