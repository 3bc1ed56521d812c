package awssim

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// trailOf plays one UpdateFunctionConfiguration and one Invoke, by alice of
// another account where the function's account is not hers.
func trailOf(t *testing.T, owner string, tweak func(*http.Request)) (*Cloud, []eventJSON) {
	t.Helper()
	clock := &frozen{time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
	fn := arnOf("lambda", "us-east-1", owner, "function:f")
	c, cfg := toyCloud(t, Config{Clock: clock, TrailDelay: 10 * time.Minute},
		op("lambda", "UpdateFunctionConfiguration", func(c *call, in *lambda.UpdateFunctionConfigurationInput) (*lambda.UpdateFunctionConfigurationOutput, error) {
			c.authorized = true
			if err := c.asked("lambda:UpdateFunctionConfiguration", fn); err != nil {
				return nil, err
			}
			if *in.Handler == "denied" {
				return nil, &apiError{Code: "AccessDeniedException", Message: "User: x is not authorized to perform: y on resource: " + fn, Status: 403}
			}
			return &lambda.UpdateFunctionConfigurationOutput{FunctionName: aws.String("f"), FunctionArn: &fn,
				Environment: &lambdatypes.EnvironmentResponse{Variables: in.Environment.Variables}}, nil
		}),
		op("lambda", "Invoke", func(c *call, in *lambda.InvokeInput) (*lambda.InvokeOutput, error) {
			return &lambda.InvokeOutput{StatusCode: 200}, c.allow("lambda:InvokeFunction", "*")
		}))
	if tweak != nil {
		cfg.HTTPClient = tweaked{cfg.HTTPClient, tweak}
	}
	cl, ctx := lambda.NewFromConfig(cfg), context.Background()
	for _, handler := range []string{"h", "denied"} {
		_, err := cl.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: &fn, Handler: &handler,
			Environment: &lambdatypes.Environment{Variables: map[string]string{"DB_PASSWORD": "hunter2"}}})
		if (err != nil) != (handler == "denied") {
			t.Fatal(err)
		}
	}
	must(cl.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("f"), Payload: []byte("hunter2")}))(t)
	var out []eventJSON
	for _, raw := range c.Records() {
		if strings.Contains(string(raw), "hunter2") {
			t.Errorf("a secret shows: %s", raw)
		}
		var e eventJSON
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return c, out
}

func TestTrailOfLambda(t *testing.T) {
	c, ev := trailOf(t, "111122223333", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "198.51.100.7") })
	if len(ev) != 3 {
		t.Fatalf("%d records", len(ev))
	}
	done, denied, invoke := ev[0], ev[1], ev[2]
	if done.EventName != "UpdateFunctionConfiguration20150331v2" || done.SourceIPAddress != "198.51.100.7" || done.EventTime != "2026-05-06T07:08:09Z" || done.ReadOnly {
		t.Errorf("%+v", done)
	}
	if env, ok := done.RequestParameters.(map[string]any)["environment"].(map[string]any); !ok || len(env) != 0 {
		t.Errorf("environment is %v, not {}", done.RequestParameters)
	}
	if denied.RequestParameters != nil || denied.ErrorCode != "AccessDenied" || !strings.Contains(denied.ErrorMessage, "on resource: arn:") {
		t.Errorf("denied: %+v", denied)
	}
	if invoke.EventCategory != "Data" || invoke.ManagementEvent {
		t.Errorf("Invoke is not a data event: %+v", invoke)
	}
	if n := len(c.visibleRecords("111122223333", "us-east-1", c.Now().Add(9*time.Minute))); n != 0 {
		t.Errorf("%d visible before they can have arrived", n)
	}
	seen := c.visibleRecords("111122223333", "us-east-1", c.Now().Add(10*time.Minute))
	if len(seen) != 2 {
		t.Fatalf("%d visible, want the two management events", len(seen))
	}
	for _, r := range seen {
		named := len(r.resources) > 0
		if named == (strings.Contains(string(r.raw), "errorCode")) {
			t.Errorf("a denied call is found by resource name, or a done one is not: %+v", r.resources)
		}
		if r.username != "alice" || !strings.HasPrefix(r.accessKey, "AKIA") {
			t.Errorf("not found by its principal: %q %q", r.username, r.accessKey)
		}
	}
}

// TestTrailOfTwoAccounts: the owner gets a record of what another account did,
// with no more of the caller than the account, and none of what was refused.
func TestTrailOfTwoAccounts(t *testing.T) {
	c, ev := trailOf(t, "999988887777", nil)
	owner := c.visibleRecords("999988887777", "us-east-1", c.Now().Add(time.Hour))
	if len(owner) != 1 {
		t.Fatalf("%d records in the owner's account", len(owner))
	}
	var e eventJSON
	if err := json.Unmarshal(owner[0].raw, &e); err != nil {
		t.Fatal(err)
	}
	if e.UserIdentity.Type != "AWSAccount" || e.UserIdentity.AccountID != "111122223333" || e.UserIdentity.ARN != "" || e.RecipientAccountID != "999988887777" {
		t.Errorf("%+v", e.UserIdentity)
	}
	if e.SharedEventID == "" || e.SharedEventID != ev[0].SharedEventID || e.EventID == ev[0].EventID || e.RequestID != ev[0].RequestID {
		t.Errorf("the two records do not belong together: %+v", e)
	}
	if owner[0].username != "" || owner[0].accessKey != "" {
		t.Error("the owner finds it by another account's principal")
	}
}

func TestIdentityShapes(t *testing.T) {
	issued := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	role := identity{kind: "AssumedRole", account: "1", arn: "arn:aws:sts::1:assumed-role/R/f", principalID: "AROA:f", keyID: "ASIA",
		session: &session{roleName: "R", roleARN: "arn:aws:iam::1:role/R", roleID: "AROA", name: "f", issued: issued, functionARN: "arn:aws:lambda:us-east-1:1:function:f", functionVersion: "$LATEST"}}
	for _, tc := range []struct {
		id   identity
		want string
	}{
		{role, `{"type":"AssumedRole","principalId":"AROA:f","arn":"arn:aws:sts::1:assumed-role/R/f","accountId":"1","accessKeyId":"ASIA","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROA","arn":"arn:aws:iam::1:role/R","accountId":"1","userName":"R"},"webIdFederationData":{},"attributes":{"creationDate":"2026-01-02T03:04:05Z","mfaAuthenticated":"false"}},"inScopeOf":{"issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"arn:aws:lambda:us-east-1:1:function:f","credentialsIssuedToVersion":"$LATEST"}}`},
		{identity{kind: "AWSService", invokedBy: "lambda.amazonaws.com"}, `{"type":"AWSService","invokedBy":"lambda.amazonaws.com"}`},
		{identity{kind: "IAMUser", account: "1", arn: "a", principalID: "AIDA", keyID: "AKIA", name: "u"}, `{"type":"IAMUser","principalId":"AIDA","arn":"a","accountId":"1","accessKeyId":"AKIA","userName":"u"}`},
	} {
		got := string(must(json.Marshal(identityOf(tc.id, "1")))(t))
		if got != tc.want {
			t.Errorf("\n got %s\nwant %s", got, tc.want)
		}
	}
}

func TestServiceEvent(t *testing.T) {
	c := New(Config{TrailDelay: time.Minute})
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c.recordService(serviceEvent{service: "sts", name: "AssumeRole", invokedBy: "lambda.amazonaws.com", account: "1", region: "us-east-1", at: at, readOnly: true, call: true,
		request: map[string]any{"roleArn": "r"}, resources: []trailResource{{"arn:aws:iam::1:role/R", "AWS::IAM::Role"}}})
	got := c.visibleRecords("1", "us-east-1", at.Add(time.Minute))
	if len(got) != 1 || !strings.Contains(string(got[0].raw), `"userIdentity":{"type":"AWSService","invokedBy":"lambda.amazonaws.com"}`) ||
		!strings.Contains(string(got[0].raw), `"sourceIPAddress":"lambda.amazonaws.com"`) {
		t.Errorf("%+v", got)
	}
}
