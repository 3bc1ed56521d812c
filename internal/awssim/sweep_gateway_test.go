package awssim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	gt "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	v2 "github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	vt "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
)

// integrationF is how an integration names function f.
const integrationF = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/" + functionF + "/invocations"

// TestSweepRestAPIs: APIs and resources page as wide as is documented; what is not there or
// there already is refused.
func TestSweepRestAPIs(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	cl := apigateway.NewFromConfig(cfg)
	made := must(cl.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String("orders"), Tags: map[string]string{"a": "b"}, MinimumCompressionSize: aws.Int32(0), Policy: aws.String(`{"Version":"2012-10-17","Statement":[]}`)}))(t)
	if got := must(cl.GetRestApi(ctx, &apigateway.GetRestApiInput{RestApiId: made.Id}))(t); *got.Name != "orders" || *got.RootResourceId != *made.RootResourceId || *got.Policy != `{\"Version\":\"2012-10-17\",\"Statement\":[]}` || got.EndpointConfiguration.Types[0] != gt.EndpointTypeEdge {
		t.Errorf("%+v", got)
	}
	for i := range 25 {
		must(cl.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String(fmt.Sprint("more", i))}))(t)
	}
	first := must(cl.GetRestApis(ctx, &apigateway.GetRestApisInput{}))(t)
	if rest := must(cl.GetRestApis(ctx, &apigateway.GetRestApisInput{Position: first.Position}))(t); len(first.Items) != 25 || len(rest.Items) != 1 || rest.Position != nil {
		t.Errorf("pages of %d and %d", len(first.Items), len(rest.Items))
	}
	if n := len(must(cl.GetRestApis(ctx, &apigateway.GetRestApisInput{Limit: aws.Int32(500)}))(t).Items); n != 26 {
		t.Errorf("%d on a wide page", n)
	}
	in := &apigateway.CreateResourceInput{RestApiId: made.Id, ParentId: made.RootResourceId, PathPart: aws.String("items")}
	items := must(cl.CreateResource(ctx, in))(t)
	below := must(cl.CreateResource(ctx, &apigateway.CreateResourceInput{RestApiId: made.Id, ParentId: items.Id, PathPart: aws.String("{id}")}))(t)
	if *below.Path != "/items/{id}" {
		t.Errorf("the path is %s", *below.Path)
	}
	one := must(cl.GetResources(ctx, &apigateway.GetResourcesInput{RestApiId: made.Id, Limit: aws.Int32(2)}))(t)
	if two := must(cl.GetResources(ctx, &apigateway.GetResourcesInput{RestApiId: made.Id, Position: one.Position}))(t); len(one.Items) != 2 || len(two.Items) != 1 || *two.Items[0].Id != *below.Id {
		t.Errorf("resources %+v, then %+v", one.Items, two.Items)
	}
	_, again := cl.CreateResource(ctx, in)
	_, parent := cl.CreateResource(ctx, &apigateway.CreateResourceInput{RestApiId: made.Id, ParentId: aws.String("none"), PathPart: aws.String("x")})
	_, position := cl.GetRestApis(ctx, &apigateway.GetRestApisInput{Position: aws.String("x")})
	refused(t, again, "ConflictException")
	refused(t, parent, "NotFoundException")
	refused(t, position, "BadRequestException")
	must(cl.DeleteRestApi(ctx, &apigateway.DeleteRestApiInput{RestApiId: made.Id}))(t)
	_, gone := cl.GetRestApi(ctx, &apigateway.GetRestApiInput{RestApiId: made.Id})
	refused(t, gone, "NotFoundException")
}

// TestSweepMethods: methods show when they are asked for, with what they call.
func TestSweepMethods(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	cl := apigateway.NewFromConfig(cfg)
	api := must(cl.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String("orders")}))(t)
	id, root := api.Id, api.RootResourceId
	_, empty := cl.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: id})
	refused(t, empty, "BadRequestException")
	validator := must(cl.CreateRequestValidator(ctx, &apigateway.CreateRequestValidatorInput{RestApiId: id, Name: aws.String("body"), ValidateRequestBody: true}))(t)
	auth := must(cl.CreateAuthorizer(ctx, &apigateway.CreateAuthorizerInput{RestApiId: id, Name: aws.String("tokens"), Type: gt.AuthorizerTypeToken, AuthorizerUri: aws.String(integrationF), IdentitySource: aws.String("method.request.header.Authorization")}))(t)
	method := &apigateway.PutMethodInput{RestApiId: id, ResourceId: root, HttpMethod: aws.String("POST"), AuthorizationType: aws.String("CUSTOM"), AuthorizerId: auth.Id, RequestValidatorId: validator.Id, RequestParameters: map[string]bool{"method.request.header.X": true}}
	must(cl.PutMethod(ctx, method))(t)
	call := &apigateway.PutIntegrationInput{RestApiId: id, ResourceId: root, HttpMethod: aws.String("POST"), Type: gt.IntegrationTypeAwsProxy, Uri: aws.String(integrationF), IntegrationHttpMethod: aws.String("POST")}
	if got := must(cl.PutIntegration(ctx, call))(t); got.TimeoutInMillis != 29000 || *got.HttpMethod != "POST" {
		t.Errorf("%+v", got)
	}
	bare := must(cl.GetResources(ctx, &apigateway.GetResourcesInput{RestApiId: id}))(t).Items[0].ResourceMethods
	whole := must(cl.GetResources(ctx, &apigateway.GetResourcesInput{RestApiId: id, Embed: []string{"methods"}}))(t).Items[0].ResourceMethods
	if m, ok := bare["POST"]; !ok || m.MethodIntegration != nil || *whole["POST"].MethodIntegration.Uri != integrationF || *whole["POST"].AuthorizerId != *auth.Id {
		t.Errorf("%+v, whole %+v", bare, whole)
	}
	if a := must(cl.GetAuthorizers(ctx, &apigateway.GetAuthorizersInput{RestApiId: id}))(t).Items; len(a) != 1 || *a[0].AuthorizerUri != integrationF || *a[0].AuthorizerResultTtlInSeconds != 300 {
		t.Errorf("authorizers: %+v", a)
	}
	if v := must(cl.GetRequestValidators(ctx, &apigateway.GetRequestValidatorsInput{RestApiId: id}))(t).Items; len(v) != 1 || !v[0].ValidateRequestBody || v[0].ValidateRequestParameters {
		t.Errorf("validators: %+v", v)
	}
	d := must(cl.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: id, StageName: aws.String("prod"), Variables: map[string]string{"k": "v"}}))(t)
	stage := &apigateway.CreateStageInput{RestApiId: id, StageName: aws.String("test"), DeploymentId: d.Id, TracingEnabled: true}
	must(cl.CreateStage(ctx, stage))(t)
	if s := must(cl.GetStages(ctx, &apigateway.GetStagesInput{RestApiId: id}))(t).Item; len(s) != 2 || s[0].Variables["k"] != "v" || !s[1].TracingEnabled {
		t.Errorf("stages: %+v", s)
	}
	if s := must(cl.GetStages(ctx, &apigateway.GetStagesInput{RestApiId: id, DeploymentId: aws.String("other")}))(t).Item; len(s) != 0 {
		t.Errorf("stages of another deployment: %+v", s)
	}
	rate := []gt.PatchOperation{{Op: gt.OpReplace, Path: aws.String("/*/*/throttling/rateLimit"), Value: aws.String("2.5")}, {Op: gt.OpReplace, Path: aws.String("/~1items/GET/logging/loglevel"), Value: aws.String("INFO")},
		{Op: gt.OpReplace, Path: aws.String("/accessLogSettings/format"), Value: aws.String("$context.requestId")}, {Op: gt.OpReplace, Path: aws.String("/variables/k2"), Value: aws.String("v2")}}
	if s := must(cl.UpdateStage(ctx, &apigateway.UpdateStageInput{RestApiId: id, StageName: aws.String("prod"), PatchOperations: rate}))(t); s.MethodSettings["*/*"].ThrottlingRateLimit != 2.5 || *s.MethodSettings["items/GET"].LoggingLevel != "INFO" || len(s.Variables) != 2 {
		t.Errorf("%+v", s)
	}
	_, path := cl.UpdateStage(ctx, &apigateway.UpdateStageInput{RestApiId: id, StageName: aws.String("prod"), PatchOperations: []gt.PatchOperation{{Op: gt.OpReplace, Path: aws.String("/x"), Value: aws.String("y")}}})
	_, none := cl.UpdateStage(ctx, &apigateway.UpdateStageInput{RestApiId: id, StageName: aws.String("none")})
	_, missing := cl.PutIntegration(ctx, &apigateway.PutIntegrationInput{RestApiId: id, ResourceId: root, HttpMethod: aws.String("POST"), Type: gt.IntegrationTypeAws, Uri: aws.String(integrationF)})
	must(cl.DeleteIntegration(ctx, &apigateway.DeleteIntegrationInput{RestApiId: id, ResourceId: root, HttpMethod: aws.String("POST")}))(t)
	_, gone := cl.DeleteIntegration(ctx, &apigateway.DeleteIntegrationInput{RestApiId: id, ResourceId: root, HttpMethod: aws.String("POST")})
	_, verb := cl.PutIntegration(ctx, &apigateway.PutIntegrationInput{RestApiId: id, ResourceId: root, HttpMethod: aws.String("GET"), Type: gt.IntegrationTypeMock})
	_, second := cl.PutMethod(ctx, method)
	_, twice := cl.CreateStage(ctx, stage)
	_, uri := cl.CreateAuthorizer(ctx, &apigateway.CreateAuthorizerInput{RestApiId: id, Name: aws.String("x"), Type: gt.AuthorizerTypeRequest})
	for err, code := range map[error]string{gone: "NotFoundException", verb: "NotFoundException", second: "ConflictException", twice: "ConflictException", uri: "BadRequestException", path: "BadRequestException", none: "NotFoundException", missing: "BadRequestException"} {
		refused(t, err, code)
	}
}

// TestSweepHTTPAPIs: an API with a target has its route at once; others are put together.
func TestSweepHTTPAPIs(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	cl := v2.NewFromConfig(cfg)
	quick := must(cl.CreateApi(ctx, &v2.CreateApiInput{Name: aws.String("quick"), ProtocolType: vt.ProtocolTypeHttp, Target: aws.String(functionF)}))(t)
	if r := must(cl.GetRoutes(ctx, &v2.GetRoutesInput{ApiId: quick.ApiId}))(t).Items; len(r) != 1 || *r[0].RouteKey != "$default" || !*r[0].ApiGatewayManaged {
		t.Errorf("routes: %+v", r)
	}
	socket := must(cl.CreateApi(ctx, &v2.CreateApiInput{Name: aws.String("chat"), ProtocolType: vt.ProtocolTypeWebsocket, RouteSelectionExpression: aws.String("$request.body.action")}))(t)
	if got := must(cl.GetApi(ctx, &v2.GetApiInput{ApiId: socket.ApiId}))(t); got.ProtocolType != vt.ProtocolTypeWebsocket || *got.RouteSelectionExpression != "$request.body.action" || !strings.HasPrefix(*got.ApiEndpoint, "wss://") {
		t.Errorf("%+v", got)
	}
	id := socket.ApiId
	call := must(cl.CreateIntegration(ctx, &v2.CreateIntegrationInput{ApiId: id, IntegrationType: vt.IntegrationTypeAwsProxy, IntegrationUri: aws.String(integrationF), IntegrationMethod: aws.String("POST"), RequestTemplates: map[string]string{"200": "{}"}}))(t)
	if i := must(cl.GetIntegrations(ctx, &v2.GetIntegrationsInput{ApiId: id}))(t).Items; len(i) != 1 || *i[0].IntegrationUri != integrationF || i[0].ConnectionType != vt.ConnectionTypeInternet {
		t.Errorf("integrations: %+v", i)
	}
	auth := must(cl.CreateAuthorizer(ctx, &v2.CreateAuthorizerInput{ApiId: id, Name: aws.String("tokens"), AuthorizerType: vt.AuthorizerTypeRequest, AuthorizerUri: aws.String(integrationF), IdentitySource: []string{"route.request.header.Auth"}}))(t)
	if a := must(cl.GetAuthorizers(ctx, &v2.GetAuthorizersInput{ApiId: id}))(t).Items; len(a) != 1 || *a[0].AuthorizerUri != integrationF {
		t.Errorf("authorizers: %+v", a)
	}
	route := &v2.CreateRouteInput{ApiId: id, RouteKey: aws.String("$connect"), AuthorizationType: vt.AuthorizationTypeCustom, AuthorizerId: auth.AuthorizerId, Target: aws.String("integrations/" + *call.IntegrationId)}
	must(cl.CreateRoute(ctx, route))(t)
	must(cl.CreateRoute(ctx, &v2.CreateRouteInput{ApiId: id, RouteKey: aws.String("send")}))(t)
	first := must(cl.GetRoutes(ctx, &v2.GetRoutesInput{ApiId: id, MaxResults: aws.String("1")}))(t)
	if rest := must(cl.GetRoutes(ctx, &v2.GetRoutesInput{ApiId: id, NextToken: first.NextToken}))(t); len(first.Items) != 1 || len(rest.Items) != 1 || rest.Items[0].AuthorizationType != vt.AuthorizationTypeNone {
		t.Errorf("routes %+v, then %+v", first.Items, rest.Items)
	}
	stage := &v2.CreateStageInput{ApiId: id, StageName: aws.String("prod"), StageVariables: map[string]string{"k": "v"}, DefaultRouteSettings: &vt.RouteSettings{ThrottlingBurstLimit: aws.Int32(5), ThrottlingRateLimit: aws.Float64(2.5)},
		AccessLogSettings: &vt.AccessLogSettings{DestinationArn: aws.String("arn:aws:logs:us-east-1:111122223333:log-group:access"), Format: aws.String("$context.requestId")}}
	must(cl.CreateStage(ctx, stage))(t)
	if s := must(cl.GetStages(ctx, &v2.GetStagesInput{ApiId: id}))(t).Items; len(s) != 1 || s[0].StageVariables["k"] != "v" || *s[0].DefaultRouteSettings.ThrottlingRateLimit != 2.5 {
		t.Errorf("stages: %+v", s)
	}
	if n := len(must(cl.GetApis(ctx, &v2.GetApisInput{}))(t).Items); n != 2 {
		t.Errorf("%d APIs", n)
	}
	_, again := cl.CreateRoute(ctx, route)
	_, twice := cl.CreateStage(ctx, stage)
	_, target := cl.CreateRoute(ctx, &v2.CreateRouteInput{ApiId: id, RouteKey: aws.String("x"), Target: aws.String("integrations/none")})
	_, selection := cl.CreateApi(ctx, &v2.CreateApiInput{Name: aws.String("x"), ProtocolType: vt.ProtocolTypeWebsocket})
	_, quicker := cl.CreateApi(ctx, &v2.CreateApiInput{Name: aws.String("x"), ProtocolType: vt.ProtocolTypeWebsocket, RouteSelectionExpression: aws.String("$request.body.action"), Target: aws.String(functionF)})
	_, most := cl.GetApis(ctx, &v2.GetApisInput{MaxResults: aws.String("none")})
	_, token := cl.GetApis(ctx, &v2.GetApisInput{NextToken: aws.String("x")})
	must(cl.DeleteApi(ctx, &v2.DeleteApiInput{ApiId: id}))(t)
	_, gone := cl.GetStages(ctx, &v2.GetStagesInput{ApiId: id})
	for err, code := range map[error]string{again: "ConflictException", twice: "ConflictException", target: "BadRequestException", selection: "BadRequestException", quicker: "BadRequestException", most: "BadRequestException", token: "BadRequestException", gone: "NotFoundException"} {
		refused(t, err, code)
	}
}
