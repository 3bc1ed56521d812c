package collect

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cttypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go/document"
)

// blob and choice stand for shapes that none of the calls of today returns.
type blob struct{ Data []byte }

type choice interface{ isChoice() }

type choiceMemberText struct{ Value string }

func (*choiceMemberText) isChoice() {}

type choiceMemberKey struct{ Value kmstypes.Tag }

func (*choiceMemberKey) isChoice() {}

type withChoice struct{ A, B, C choice }

type free struct{ raw string }

func (f free) MarshalSmithyDocument() ([]byte, error)    { return []byte(f.raw), nil }
func (f free) UnmarshalSmithyDocument(v any) error       { return nil }
func (f free) ImplementsSmithyDocument(document.NoSerde) {}

type withFree struct{ Doc any }

func TestDocument(t *testing.T) {
	at := time.Date(2026, 11, 23, 22, 0, 0, 250e6, time.FixedZone("CET", 3600))
	enc := encoder{redact: func(v string) string { return "[sealed:" + strings.Repeat("x", len(v)) + "]" }}
	for _, c := range []struct {
		name string
		in   any
		want string
	}{
		{"unset is not zero", &lambda.GetFunctionConcurrencyOutput{}, `{}`},
		{"zero is zero", &lambda.GetFunctionConcurrencyOutput{ReservedConcurrentExecutions: aws.Int32(0)}, `{"ReservedConcurrentExecutions":0}`},
		{"environment is redacted, keys stay", &lambda.GetFunctionOutput{Configuration: &lambdatypes.FunctionConfiguration{
			FunctionName: aws.String("f"), CodeSize: 7, Environment: &lambdatypes.EnvironmentResponse{Variables: map[string]string{"TOKEN": "abc"}}}},
			`{"Configuration":{"CodeSize":7,"Environment":{"Variables":{"TOKEN":"[sealed:xxx]"}},"FunctionName":"f"}}`},
		{"in a list too", struct {
			Versions []lambdatypes.FunctionConfiguration
		}{[]lambdatypes.FunctionConfiguration{{Environment: &lambdatypes.EnvironmentResponse{Variables: map[string]string{"K": "v"}}}}},
			`{"Versions":[{"CodeSize":0,"Environment":{"Variables":{"K":"[sealed:x]"}}}]}`},
		{"presigned query goes", &lambda.GetFunctionOutput{Code: &lambdatypes.FunctionCodeLocation{Location: aws.String("https://b.s3.amazonaws.com/k?X-Amz-Signature=secret")}},
			`{"Code":{"Location":"https://b.s3.amazonaws.com/k"}}`},
		{"time in UTC", cttypes.Event{EventTime: &at, EventId: aws.String("e")}, `{"EventId":"e","EventTime":"2026-11-23T21:00:00.25Z"}`},
		{"logs spell members small", &logstypes.FilteredLogEvent{EventId: aws.String("1"), Message: aws.String("<a> & b"), Timestamp: aws.Int64(5)},
			`{"eventId":"1","message":"<a> & b","timestamp":5}`},
		{"policy documents as JSON", &iam.GetRoleOutput{Role: &iamtypes.Role{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String("%7B%22Version%22%3A%222012-10-17%22%2C%22Note%22%3A%22a+b%22%7D")}},
			`{"Role":{"AssumeRolePolicyDocument":{"Version":"2012-10-17","Note":"a+b"},"RoleName":"r"}}`},
		{"broken policy as text", &iam.GetRolePolicyOutput{PolicyDocument: aws.String("%7Bnot")}, `{"PolicyDocument":"{not"}`},
		{"empty list stays, nil list goes", &iam.ListRolePoliciesOutput{PolicyNames: []string{}}, `{"IsTruncated":false,"PolicyNames":[]}`},
		{"blob", blob{[]byte{0, 255}}, `{"Data":"AP8="}`},
		{"unions", withChoice{A: &choiceMemberText{"x"}, B: &choiceMemberKey{kmstypes.Tag{TagKey: aws.String("k")}}}, `{"A":{"Text":"x"},"B":{"Key":{"TagKey":"k"}}}`},
		{"documents", withFree{free{`{"any":[1,2]}`}}, `{"Doc":{"any":[1,2]}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := enc.document(c.in)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want+"\n" {
				t.Errorf("got  %swant %s", got, c.want)
			}
		})
	}
}
