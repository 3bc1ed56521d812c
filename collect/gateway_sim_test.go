package collect

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	httptypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

var gatewaysOnly = Options{Unpaced: true, Only: []string{"lambda.configuration", "lambda.aliases", "lambda.policy", "apigateway.apis", "apigatewayv2.apis"}}

// callersIn are the names of the APIs in a list of callers, each with what it calls.
func callersIn(t *testing.T, doc []byte) map[string][]gatewayCall {
	t.Helper()
	var got gatewayCallers
	if err := json.Unmarshal(doc, &got); err != nil {
		t.Fatalf("%v: %s", err, doc)
	}
	out := map[string][]gatewayCall{}
	for _, a := range got.APIs {
		out[a.Name] = a.Calls
	}
	return out
}

// TestGateways: APIs are found by alias, version, stage variable and authorizer; what calls
// another function is not there, and templates, parameters and stage variables are sealed.
func TestGateways(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		m, sum := collectSim(t, a, gatewaysOnly)
		if !sum.Complete {
			t.Errorf("%v", m.states())
		}
		rest, web := callersIn(t, m.bytes["apigateway.apis payments"]), callersIn(t, m.bytes["apigatewayv2.apis payments"])
		if len(rest) != 2 || len(rest["orders"]) != 2 || rest["orders"][0].Where != "GET /item" || rest["orders"][0].Stage != "prod" || !strings.HasSuffix(rest["orders"][1].Uri, ":live/invocations") ||
			len(rest["gate"]) != 1 || rest["gate"][0].Where != "authorizer tokens" || len(web) != 1 || !strings.HasSuffix(web["shop"][0].Uri, ":payments:1") {
			t.Errorf("%+v, %+v", rest, web)
		}
		found := map[string]string{}
		for _, e := range m.entries {
			if e.State == evidence.Collected {
				found[e.Artefact] += string(m.bytes[key(e)])
			}
		}
		for artefact, holds := range map[string][]string{
			"apigateway.api":            {`"name":"orders"`, `"name":"gate"`, `execute-api:Invoke`},
			"apigateway.resources":      {`"path":"/item"`, `"requestValidatorId"`, `"requestTemplates":{"application/json":"[sealed:`, `"timeoutInMillis":29000`},
			"apigateway.authorizers":    {`"identitySource":"method.request.header.Authorization"`},
			"apigateway.stages":         {`"throttlingRateLimit":100`, `"webAclArn":"arn:aws:wafv2:`, `"password":"[sealed:`, `"destinationArn":"arn:aws:logs:`},
			"apigateway.validators":     {`"validateRequestBody":true`},
			"apigatewayv2.api":          {`"AllowOrigins":["*"]`},
			"apigatewayv2.routes":       {`"RouteKey":"POST /pay"`},
			"apigatewayv2.integrations": {`"append:header.x-key":"[sealed:`},
			"apigatewayv2.authorizers":  {`"Issuer":"https://issuer.example.com"`},
			"apigatewayv2.stages":       {`"ThrottlingBurstLimit":10`, `"password":"[sealed:`},
		} {
			for _, h := range holds {
				if !strings.Contains(found[artefact], h) {
					t.Errorf("%s does not hold %s: %s", artefact, h, found[artefact])
				}
			}
		}
		for artefact, doc := range found {
			if strings.Contains(doc, bench.Secret) || strings.Contains(doc, "billing") || strings.Contains(doc, "chat") {
				t.Errorf("%s: %s", artefact, doc)
			}
		}
		wantStates(t, collectBare(t, a, gatewaysOnly.Only...), evidence.Absent, "apigateway.apis bare", "apigatewayv2.apis bare")
	})
}

// TestGatewaysUnknown: what cannot be told is a gap that names it: a variable that no stage
// has, an API elsewhere, one that cannot be read; an API that a policy admits is kept all the same.
func TestGatewaysUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		cfg := adminConfig(a)
		rest, web := apigateway.NewFromConfig(cfg), apigatewayv2.NewFromConfig(cfg)
		api, err := rest.CreateRestApi(t.Context(), &apigateway.CreateRestApiInput{Name: aws.String("hidden")})
		if err != nil {
			t.Fatal(err)
		}
		for verb, uri := range map[string]string{
			"GET": "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/${stageVariables.fn}/invocations",
			"PUT": "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/" + "arn:aws:lambda:eu-central-1:123456789012:function:other${stageVariables.fn}/invocations",
		} {
			if _, err := rest.PutMethod(t.Context(), &apigateway.PutMethodInput{RestApiId: api.Id, ResourceId: api.RootResourceId, HttpMethod: &verb, AuthorizationType: aws.String("NONE")}); err != nil {
				t.Fatal(err)
			}
			if _, err := rest.PutIntegration(t.Context(), &apigateway.PutIntegrationInput{RestApiId: api.Id, ResourceId: api.RootResourceId, HttpMethod: &verb, Type: gatewaytypes.IntegrationTypeAwsProxy, IntegrationHttpMethod: aws.String("POST"), Uri: &uri}); err != nil {
				t.Fatal(err)
			}
		}
		quiet, err := web.CreateApi(t.Context(), &apigatewayv2.CreateApiInput{Name: aws.String("quiet"), ProtocolType: httptypes.ProtocolTypeHttp})
		if err != nil {
			t.Fatal(err)
		}
		abroad := "arn:aws:execute-api:eu-west-1:123456789012:abcdefghij/*/POST/"
		grantTo(t, a, "apigateway.amazonaws.com", abroad)
		grantAs(t, a, "quiet", "apigateway.amazonaws.com", "arn:aws:execute-api:eu-central-1:123456789012:"+*quiet.ApiId+"/*/*")
		m, _ := collectSim(t, a, gatewaysOnly)
		wantStates(t, m.states(), evidence.NotCovered, "apigateway.apis.unresolved payments "+*api.Id, "apigateway.apis payments "+abroad)
		if g := gapOf(m, "apigateway.apis.unresolved payments "+*api.Id); g != nil && !strings.Contains(g.Note, "GET /: ") {
			t.Errorf("%+v", g)
		}
		if got := callersIn(t, m.bytes["apigatewayv2.apis payments"]); len(got["quiet"]) != 1 || got["quiet"][0].Uri != "" {
			t.Errorf("%+v", got)
		}
		for _, call := range []string{"APIGateway:GetAuthorizers", "ApiGatewayV2:GetIntegrations"} {
			a.Cloud.Inject(awssim.Fault{Op: call, Resource: "apis/" + *api.Id, Fail: awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 403}})
		}
		m, _ = collectSim(t, a, gatewaysOnly)
		wantStates(t, m.states(), evidence.Denied, "apigateway.authorizers /restapis/"+*api.Id)
		wantStates(t, m.states(), evidence.NotAttempted, "apigateway.apis payments")
		if n := countState(m, "apigateway.api", evidence.Collected); n != 2 {
			t.Errorf("%d APIs are kept of two that were found", n)
		}
	})
}

func countState(m *memory, artefact string, state evidence.State) (n int) {
	for _, e := range m.entries {
		if e.Artefact == artefact && e.State == state {
			n++
		}
	}
	return n
}

// TestSocketsAndVariables: a WebSocket API that asks the function who may connect, and an HTTP
// API whose stages decide what is called: only the stage that leads here is named.
func TestSocketsAndVariables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		web := apigatewayv2.NewFromConfig(adminConfig(a))
		chat, err := web.CreateApi(t.Context(), &apigatewayv2.CreateApiInput{Name: aws.String("talk"), ProtocolType: httptypes.ProtocolTypeWebsocket, RouteSelectionExpression: aws.String("$request.body.action")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := web.CreateAuthorizer(t.Context(), &apigatewayv2.CreateAuthorizerInput{ApiId: chat.ApiId, Name: aws.String("who"), AuthorizerType: httptypes.AuthorizerTypeRequest, IdentitySource: []string{"route.request.header.Auth"},
			AuthorizerUri: aws.String("arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-central-1:123456789012:function:payments:live/invocations")}); err != nil {
			t.Fatal(err)
		}
		staged, err := web.CreateApi(t.Context(), &apigatewayv2.CreateApiInput{Name: aws.String("staged"), ProtocolType: httptypes.ProtocolTypeHttp})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := web.CreateIntegration(t.Context(), &apigatewayv2.CreateIntegrationInput{ApiId: staged.ApiId, IntegrationType: httptypes.IntegrationTypeAwsProxy, PayloadFormatVersion: aws.String("2.0"),
			IntegrationUri: aws.String("arn:aws:lambda:eu-central-1:123456789012:function:${stageVariables.fn}")}); err != nil {
			t.Fatal(err)
		}
		for stage, fn := range map[string]string{"prod": "payments", "test": "sandbox"} {
			if _, err := web.CreateStage(t.Context(), &apigatewayv2.CreateStageInput{ApiId: staged.ApiId, StageName: &stage, StageVariables: map[string]string{"fn": fn}}); err != nil {
				t.Fatal(err)
			}
		}
		m, sum := collectSim(t, a, gatewaysOnly)
		got := callersIn(t, m.bytes["apigatewayv2.apis payments"])
		if !sum.Complete || len(got["talk"]) != 1 || got["talk"][0].Where != "authorizer who" || len(got["staged"]) != 1 || got["staged"][0].Stage != "prod" || !strings.HasSuffix(got["staged"][0].Uri, "${stageVariables.fn}") {
			t.Errorf("%+v; %v", got, m.states())
		}
		a.Cloud.Inject(awssim.Fault{Op: "ApiGatewayV2:GetStages", Resource: *staged.ApiId, Fail: awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 403}})
		m, _ = collectSim(t, a, gatewaysOnly)
		wantStates(t, m.states(), evidence.Denied, "apigatewayv2.stages /apis/"+*staged.ApiId)
		wantStates(t, m.states(), evidence.NotAttempted, "apigatewayv2.apis payments")
	})
}

// TestGatewaysCutShort: a page that fails leaves what came before it, and says so.
func TestGatewaysCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		web := apigatewayv2.NewFromConfig(adminConfig(a))
		for i := range 120 {
			if _, err := web.CreateApi(t.Context(), &apigatewayv2.CreateApiInput{Name: aws.String(fmt.Sprint("more", i)), ProtocolType: httptypes.ProtocolTypeHttp, Target: aws.String("arn:aws:lambda:eu-central-1:123456789012:function:payments")}); err != nil {
				t.Fatal(err)
			}
		}
		a.Cloud.Inject(awssim.Fault{Op: "ApiGatewayV2:GetApis", Nth: 2, Fail: awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 403}})
		m, _ := collectSim(t, a, gatewaysOnly)
		wantStates(t, m.states(), evidence.Truncated, "apigatewayv2.apis payments")
		if n := countState(m, "apigatewayv2.api", evidence.Collected); n < 90 || n >= 121 {
			t.Errorf("%d APIs of the first page", n)
		}
	})
}

func TestCalledBy(t *testing.T) {
	target := Target{Account: "123456789012", Region: "eu-central-1", Function: "payments", ARN: "arn:aws:lambda:eu-central-1:123456789012:function:payments"}
	path := func(name string) string {
		return "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/" + name + "/invocations"
	}
	for uri, want := range map[string]bool{
		path(target.ARN):                       true,
		path(target.ARN + ":live"):             true,
		path(target.ARN + "2"):                 false,
		path("payments"):                       true,
		path("payments:live"):                  true,
		path("payments2"):                      false,
		path("123456789012:function:payments"): true,
		path("arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Apayments"):                                         true,
		"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/payments/invocations":                                   false,
		"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/" + target.ARN + "/invocations":                         true,
		"arn:aws:apigateway:eu-central-1:lambda:path/2021-11-15/functions/" + target.ARN + ":1/response-streaming-invocations": true,
		target.ARN:                      true,
		target.ARN + ":$LATEST":         true,
		"payments":                      false,
		"https://example.com/functions": false,
		"":                              false,
	} {
		if got := target.calledBy(uri); got != want {
			t.Errorf("%s: %v", uri, got)
		}
	}
	for uri, want := range map[string]bool{
		path("${stageVariables.a}"): true,
		path("arn:aws:lambda:eu-central-1:123456789012:function:${stageVariables.a}"):    true,
		path("arn:aws:lambda:eu-central-1:123456789012:function:pay${stageVariables.a}"): true,
		path("arn:aws:lambda:eu-central-1:123456789012:function:x${stageVariables.a}"):   false,
		"arn:aws:apigateway:eu-central-1:lambda:path/${stageVariables.a}":                true,
		"arn:aws:apigateway:eu-central-1:sqs:path/${stageVariables.a}":                   false,
		"arn:aws:apigateway:${stageVariables.a}":                                         true,
		"${stageVariables.a}":                                                            true,
		"https://${stageVariables.a}/":                                                   false,
	} {
		if got := target.mayBeCalledBy(uri); got != want {
			t.Errorf("%s: %v", uri, got)
		}
	}
	if !slices.Contains(explained(), gatewayService) {
		t.Error("API Gateway is not explained")
	}
}

// grantAs lets a service call the function from a source, by a statement of that name.
func grantAs(t *testing.T, a *bench.Account, sid, service, source string) {
	t.Helper()
	_, err := lambda.NewFromConfig(adminConfig(a)).AddPermission(t.Context(), &lambda.AddPermissionInput{FunctionName: aws.String(bench.Function), StatementId: &sid,
		Action: aws.String("lambda:InvokeFunction"), Principal: &service, SourceArn: &source})
	if err != nil {
		t.Fatal(err)
	}
}
