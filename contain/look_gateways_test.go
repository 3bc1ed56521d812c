package contain

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/bench"
)

// admit lets a service call the function on behalf of a source, or of anybody.
func (f *field) admit(t *testing.T, sid, service, source string) {
	t.Helper()
	c := lambda.NewFromConfig(f.olivia("admits-" + sid))
	in := &lambda.AddPermissionInput{FunctionName: aws.String(bench.Function), StatementId: &sid, Action: aws.String("lambda:InvokeFunction"), Principal: &service}
	if source != "" {
		in.SourceArn = &source
	}
	_, err := c.AddPermission(t.Context(), in)
	must(t, err)
}

// TestFrontRoads: APIs and load balancers that the function's policies admit are roads of
// the plan, each with the qualifier that it really calls; what cannot be looked up is said.
func TestFrontRoads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newField(t)
		execute := "arn:aws:execute-api:" + bench.Region + ":" + bench.AccountID + ":"
		ids := f.apis(t)
		for i, name := range []string{"gate", "shop", "billing", "chat"} {
			f.admit(t, "api"+string(rune('a'+i)), "apigateway.amazonaws.com", execute+ids[name]+"/*/*/*")
		}
		f.admit(t, "gone", "apigateway.amazonaws.com", execute+"zzzzzzzzzz/*/*/*")
		f.admit(t, "abroad", "apigateway.amazonaws.com", "arn:aws:execute-api:"+bench.Region+":999988887777:abcdefghij/*/*/*")
		plan := func(acts ...string) *Plan {
			p, err := NewPlan(t.Context(), PlanInput{Session: f.session, Functions: []string{bench.Function}, Acts: acts, Bad: []string{"1"}})
			must(t, err)
			for _, w := range p.Warnings {
				if strings.Contains(w, partGateways) || strings.Contains(w, partBalancers) {
					t.Errorf("not wholly read: %s", w)
				}
			}
			return p
		}
		p := plan(actURL)
		base := "arn:aws:apigateway:" + bench.Region + "::/"
		want := []string{
			"route " + base + "apis/" + ids["shop"] + " [1] integration", "route " + base + "restapis/" + ids["gate"] + " [] authorizer tokens", "route " + base + "restapis/" + ids["orders"] + " [live] POST /",
			"route " + base + "restapis/" + ids["orders"] + " [] GET /item", "route arn:aws:execute-api:" + bench.Region + ":999988887777:abcdefghij/*/*/* [] of another account", "target group",
		}
		var got []string
		for _, c := range p.Callers {
			if c.Kind == "route" || c.Kind == "target group" {
				got = append(got, c.Kind+" "+c.Name+" ["+c.Qualifier+"] "+c.Detail)
				if c.Closed != "" {
					t.Errorf("closed by %s: %s", c.Closed, got[len(got)-1])
				}
			}
		}
		for _, w := range want {
			if !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, w) }) {
				t.Errorf("not a road: %s\nof %s", w, strings.Join(got, "\n   "))
			}
		}
		if len(got) != len(want) || !strings.Contains(strings.Join(got, "\n"), "of POST /pay") || !strings.Contains(strings.Join(got, "\n"), "[live] of arn:aws:elasticloadbalancing:") {
			t.Errorf("roads\n%s", strings.Join(got, "\n"))
		}
		if !slices.ContainsFunc(p.Warnings, func(w string) bool {
			return strings.Contains(w, ids["shop"]) && strings.Contains(w, "still reaches version 1")
		}) {
			t.Errorf("nobody is warned that an API reaches bad code: %q", p.Warnings)
		}
		for _, c := range plan(actConcurrency).Callers {
			if (c.Kind == "route" || c.Kind == "target group") && c.Closed != actConcurrency {
				t.Errorf("concurrency 0 leaves %s %s open: %q", c.Kind, c.Name, c.Closed)
			}
		}
		f.admit(t, "anyapi", "apigateway.amazonaws.com", "")
		f.admit(t, "anygroup", "elasticloadbalancing.amazonaws.com", "")
		if p := plan(actURL); !slices.ContainsFunc(p.Callers, func(c Caller) bool { return c.Kind == "route" && c.Name == "any API" }) {
			t.Error("a grant that names no API is passed over")
		}
	})
}

// TestURIsOfAPIs: whose function a URI names, and by which qualifier.
func TestURIsOfAPIs(t *testing.T) {
	v := &Survey{Target: Target{Account: "111122223333", Region: "eu-west-1", Function: "pay", ARN: "arn:aws:lambda:eu-west-1:111122223333:function:pay"}}
	path := func(region, function string) string {
		return "arn:aws:apigateway:" + region + ":lambda:path/2015-03-31/functions/" + function + "/invocations"
	}
	stages := []map[string]string{{"fn": "pay:live"}, {"fn": "other"}, {"fn": "pay"}}
	for _, c := range []struct {
		text string
		want []string // qualifiers; "?" is not known
	}{
		{path("eu-west-1", v.ARN), []string{""}}, {path("eu-west-1", v.ARN+":live"), []string{"live"}}, {path("us-east-1", v.ARN+":2"), []string{"2"}},
		{path("eu-west-1", "pay"), []string{""}}, {path("eu-west-1", "pay:live"), []string{"live"}}, {path("us-east-1", "pay"), nil}, {path("eu-west-1", "pay2"), nil},
		{path("eu-west-1", strings.ReplaceAll(v.ARN, ":", "%3A")), []string{""}}, {v.ARN + ":1", []string{"1"}}, {v.ARN + "2", nil}, {"https://pay.example/functions", nil},
		{path("eu-west-1", "111122223333:function:${stageVariables.fn}"), []string{"live", ""}}, {path("eu-west-1", "${stageVariables.none}"), []string{"?"}},
		{path("eu-west-1", "111122223334:function:${stageVariables.fn}"), nil},
	} {
		var got []string
		for _, r := range v.routes(uri{"x", c.text}, stages) {
			if r.Variable != "" {
				r.Qualifier = "?"
			}
			got = append(got, r.Qualifier)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.text, got, c.want)
		}
	}
}

// apis are the ids of the account's APIs by their names.
func (f *field) apis(t *testing.T) map[string]string {
	t.Helper()
	ids := map[string]string{}
	rest, err := apigateway.NewFromConfig(f.olivia("rest")).GetRestApis(t.Context(), &apigateway.GetRestApisInput{})
	must(t, err)
	for _, a := range rest.Items {
		ids[aws.ToString(a.Name)] = aws.ToString(a.Id)
	}
	http, err := apigatewayv2.NewFromConfig(f.olivia("http")).GetApis(t.Context(), &apigatewayv2.GetApisInput{})
	must(t, err)
	for _, a := range http.Items {
		ids[aws.ToString(a.Name)] = aws.ToString(a.ApiId)
	}
	return ids
}

// olivia is an administrator.
func (f *field) olivia(name string) aws.Config {
	keys := f.cloud.Bootstrap(bench.AccountID, name, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	return aws.Config{Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: f.cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, "")}
}
