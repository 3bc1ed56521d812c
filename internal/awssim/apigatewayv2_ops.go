package awssim

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	v2 "github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	vt "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
)

// httpAPIOps is what is simulated of API Gateway's HTTP and WebSocket APIs.
func httpAPIOps() []operation {
	return []operation{
		op("apigatewayv2", "CreateApi", createAPI), op("apigatewayv2", "GetApi", getAPI), op("apigatewayv2", "GetApis", getAPIs), op("apigatewayv2", "DeleteApi", deleteAPI),
		op("apigatewayv2", "CreateIntegration", createIntegration), op("apigatewayv2", "GetIntegrations", getIntegrations),
		op("apigatewayv2", "CreateRoute", createRoute), op("apigatewayv2", "GetRoutes", getRoutes),
		op("apigatewayv2", "CreateStage", createStage), op("apigatewayv2", "GetStages", getStages),
		op("apigatewayv2", "CreateAuthorizer", createAuthorizer), op("apigatewayv2", "GetAuthorizers", getAuthorizers),
		op("apigatewayv2", "UpdateApi", updateAPI), op("apigatewayv2", "UpdateRoute", updateRoute), op("apigatewayv2", "UpdateStage", updateHTTPStage),
	}
}

type httpAPI struct {
	about        vt.Api
	routes       []vt.Route
	integrations []vt.Integration
	stages       []vt.Stage
	authorizers  []vt.Authorizer
}

func (c *call) httpAPI(verb string, id *string, below ...string) (*httpAPI, error) {
	n := aws.ToString(id)
	if err := c.allow("apigateway:"+verb, c.gatewayARN(append([]string{"apis", n}, below...)...)); err != nil {
		return nil, err
	}
	if a := c.gateways().http[n]; a != nil {
		return a, nil
	}
	return nil, fail("NotFoundException", "Invalid API identifier specified %s", n)
}

// httpPage: the second API counts in text.
func httpPage[T any](all []T, token, most *string) ([]T, *string, error) {
	var max *int32
	if most != nil {
		n, err := strconv.ParseInt(*most, 10, 32)
		if err != nil || n < 1 {
			return nil, nil, fail("BadRequestException", "Invalid maxResults value")
		}
		max = aws.Int32(int32(n))
	}
	page, next, err := paginate(slices.Clone(all), token, max, 100)
	if err != nil {
		return nil, nil, fail("BadRequestException", "Invalid nextToken value")
	}
	return page, next, nil
}

// createAPI makes the API; with a target it is quick-created: one route, one integration and
// a stage that deploys by itself.
func createAPI(c *call, in *v2.CreateApiInput) (*v2.CreateApiOutput, error) {
	if err := c.allow("apigateway:POST", c.gatewayARN("apis")); err != nil {
		return nil, err
	}
	if in.ProtocolType == vt.ProtocolTypeWebsocket && in.RouteSelectionExpression == nil {
		return nil, fail("BadRequestException", "RouteSelectionExpression is a required parameter for WebSocket APIs")
	}
	if in.ProtocolType == vt.ProtocolTypeWebsocket && in.Target != nil {
		return nil, fail("BadRequestException", "Quick create is supported for HTTP APIs only") // the API reference: "Supported only for HTTP APIs"; the words are ours
	}
	id := c.id("alnum:10", "api")
	b := vt.Api{ApiId: &id, Name: in.Name, ProtocolType: in.ProtocolType, ApiEndpoint: aws.String("https://" + id + ".execute-api." + c.region + ".amazonaws.com"), CorsConfiguration: in.CorsConfiguration, CreatedDate: aws.Time(c.now),
		Description: in.Description, DisableExecuteApiEndpoint: orElse(in.DisableExecuteApiEndpoint, aws.Bool(false)), RouteSelectionExpression: orElse(in.RouteSelectionExpression, aws.String("$request.method $request.path")),
		ApiKeySelectionExpression: orElse(in.ApiKeySelectionExpression, aws.String("$request.header.x-api-key")), Tags: in.Tags, Version: in.Version, IpAddressType: in.IpAddressType}
	if b.IpAddressType == "" {
		b.IpAddressType = vt.IpAddressTypeIpv4
	}
	if b.ProtocolType == vt.ProtocolTypeWebsocket {
		b.ApiEndpoint = aws.String("wss" + strings.TrimPrefix(*b.ApiEndpoint, "https"))
	}
	a := &httpAPI{about: b}
	c.gateways().http[id] = a
	if in.Target != nil {
		i := vt.Integration{IntegrationId: aws.String(c.id("alnum:7", "integration")), ApiGatewayManaged: aws.Bool(true), IntegrationType: vt.IntegrationTypeAwsProxy, IntegrationUri: in.Target, IntegrationMethod: aws.String("POST"),
			ConnectionType: vt.ConnectionTypeInternet, PayloadFormatVersion: aws.String("2.0"), TimeoutInMillis: aws.Int32(30000), CredentialsArn: in.CredentialsArn}
		a.integrations = append(a.integrations, i)
		a.routes = append(a.routes, vt.Route{RouteId: aws.String(c.id("alnum:7", "route")), ApiGatewayManaged: aws.Bool(true), ApiKeyRequired: aws.Bool(false), AuthorizationType: vt.AuthorizationTypeNone,
			RouteKey: orElse(in.RouteKey, aws.String("$default")), Target: aws.String("integrations/" + *i.IntegrationId)})
		a.stages = append(a.stages, vt.Stage{StageName: aws.String("$default"), ApiGatewayManaged: aws.Bool(true), AutoDeploy: aws.Bool(true), CreatedDate: aws.Time(c.now), LastUpdatedDate: aws.Time(c.now)})
	}
	out := v2.CreateApiOutput(a.whole())
	return &out, nil
}

func (a *httpAPI) whole() v2.GetApiOutput {
	b := a.about
	return v2.GetApiOutput{ApiId: b.ApiId, Name: b.Name, ProtocolType: b.ProtocolType, ApiEndpoint: b.ApiEndpoint, CorsConfiguration: b.CorsConfiguration, CreatedDate: b.CreatedDate, Description: b.Description,
		DisableExecuteApiEndpoint: b.DisableExecuteApiEndpoint, RouteSelectionExpression: b.RouteSelectionExpression, ApiKeySelectionExpression: b.ApiKeySelectionExpression, Tags: b.Tags, Version: b.Version, IpAddressType: b.IpAddressType}
}

func getAPI(c *call, in *v2.GetApiInput) (*v2.GetApiOutput, error) {
	a, err := c.httpAPI("GET", in.ApiId)
	if err != nil {
		return nil, err
	}
	out := a.whole()
	return &out, nil
}

func getAPIs(c *call, in *v2.GetApisInput) (*v2.GetApisOutput, error) {
	if err := c.allow("apigateway:GET", c.gatewayARN("apis")); err != nil {
		return nil, err
	}
	all := []vt.Api{}
	for _, id := range sortedNames(c.gateways().http) {
		all = append(all, c.gateways().http[id].about)
	}
	page, next, err := httpPage(all, in.NextToken, in.MaxResults)
	return &v2.GetApisOutput{Items: page, NextToken: next}, err
}

func deleteAPI(c *call, in *v2.DeleteApiInput) (*v2.DeleteApiOutput, error) {
	a, err := c.httpAPI("DELETE", in.ApiId)
	if err != nil {
		return nil, err
	}
	delete(c.gateways().http, *a.about.ApiId)
	return nil, nil
}

func createIntegration(c *call, in *v2.CreateIntegrationInput) (*v2.CreateIntegrationOutput, error) {
	a, err := c.httpAPI("POST", in.ApiId, "integrations")
	if err != nil {
		return nil, err
	}
	if in.TlsConfig != nil || in.ResponseParameters != nil {
		return nil, fail("BadRequestException", "freezeframe simulator: TlsConfig and ResponseParameters of an integration are not simulated")
	}
	i := vt.Integration{IntegrationId: aws.String(c.id("alnum:7", "integration")), IntegrationType: in.IntegrationType, IntegrationUri: in.IntegrationUri, IntegrationMethod: in.IntegrationMethod, IntegrationSubtype: in.IntegrationSubtype,
		ConnectionType: in.ConnectionType, ConnectionId: in.ConnectionId, CredentialsArn: in.CredentialsArn, Description: in.Description, PayloadFormatVersion: in.PayloadFormatVersion, RequestParameters: in.RequestParameters,
		RequestTemplates: in.RequestTemplates, TimeoutInMillis: orElse(in.TimeoutInMillis, aws.Int32(30000))}
	if i.ConnectionType == "" {
		i.ConnectionType = vt.ConnectionTypeInternet
	}
	a.integrations = append(a.integrations, i)
	return &v2.CreateIntegrationOutput{IntegrationId: i.IntegrationId, IntegrationType: i.IntegrationType, IntegrationUri: i.IntegrationUri, IntegrationMethod: i.IntegrationMethod, IntegrationSubtype: i.IntegrationSubtype,
		ConnectionType: i.ConnectionType, ConnectionId: i.ConnectionId, CredentialsArn: i.CredentialsArn, Description: i.Description, PayloadFormatVersion: i.PayloadFormatVersion, RequestParameters: i.RequestParameters,
		RequestTemplates: i.RequestTemplates, TimeoutInMillis: i.TimeoutInMillis}, nil
}

func getIntegrations(c *call, in *v2.GetIntegrationsInput) (*v2.GetIntegrationsOutput, error) {
	a, err := c.httpAPI("GET", in.ApiId, "integrations")
	if err != nil {
		return nil, err
	}
	page, next, err := httpPage(a.integrations, in.NextToken, in.MaxResults)
	return &v2.GetIntegrationsOutput{Items: page, NextToken: next}, err
}

func createRoute(c *call, in *v2.CreateRouteInput) (*v2.CreateRouteOutput, error) {
	a, err := c.httpAPI("POST", in.ApiId, "routes")
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(a.routes, func(r vt.Route) bool { return *r.RouteKey == *in.RouteKey }) {
		return nil, fail("ConflictException", "Route with key %s already exists for this API", *in.RouteKey)
	}
	if id, ok := strings.CutPrefix(aws.ToString(in.Target), "integrations/"); in.Target != nil && (!ok || !slices.ContainsFunc(a.integrations, func(i vt.Integration) bool { return *i.IntegrationId == id })) {
		return nil, fail("BadRequestException", "Invalid target specified")
	}
	r := vt.Route{RouteId: aws.String(c.id("alnum:7", "route")), RouteKey: in.RouteKey, ApiKeyRequired: orElse(in.ApiKeyRequired, aws.Bool(false)), AuthorizationType: in.AuthorizationType, AuthorizerId: in.AuthorizerId,
		AuthorizationScopes: in.AuthorizationScopes, OperationName: in.OperationName, RequestModels: in.RequestModels, RequestParameters: in.RequestParameters, Target: in.Target}
	if r.AuthorizationType == "" {
		r.AuthorizationType = vt.AuthorizationTypeNone
	}
	a.routes = append(a.routes, r)
	return &v2.CreateRouteOutput{RouteId: r.RouteId, RouteKey: r.RouteKey, ApiKeyRequired: r.ApiKeyRequired, AuthorizationType: r.AuthorizationType, AuthorizerId: r.AuthorizerId,
		AuthorizationScopes: r.AuthorizationScopes, OperationName: r.OperationName, RequestModels: r.RequestModels, RequestParameters: r.RequestParameters, Target: r.Target}, nil
}

func getRoutes(c *call, in *v2.GetRoutesInput) (*v2.GetRoutesOutput, error) {
	a, err := c.httpAPI("GET", in.ApiId, "routes")
	if err != nil {
		return nil, err
	}
	page, next, err := httpPage(a.routes, in.NextToken, in.MaxResults)
	return &v2.GetRoutesOutput{Items: page, NextToken: next}, err
}

func createStage(c *call, in *v2.CreateStageInput) (*v2.CreateStageOutput, error) {
	a, err := c.httpAPI("POST", in.ApiId, "stages")
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(a.stages, func(s vt.Stage) bool { return *s.StageName == *in.StageName }) {
		return nil, fail("ConflictException", "Stage already exists")
	}
	s := vt.Stage{StageName: in.StageName, AutoDeploy: in.AutoDeploy, AccessLogSettings: in.AccessLogSettings, DefaultRouteSettings: in.DefaultRouteSettings, RouteSettings: in.RouteSettings, Description: in.Description,
		DeploymentId: in.DeploymentId, StageVariables: in.StageVariables, Tags: in.Tags, CreatedDate: aws.Time(c.now), LastUpdatedDate: aws.Time(c.now)}
	a.stages = append(a.stages, s)
	return &v2.CreateStageOutput{StageName: s.StageName, AutoDeploy: s.AutoDeploy, AccessLogSettings: s.AccessLogSettings, DefaultRouteSettings: s.DefaultRouteSettings, RouteSettings: s.RouteSettings, Description: s.Description,
		DeploymentId: s.DeploymentId, StageVariables: s.StageVariables, Tags: s.Tags, CreatedDate: s.CreatedDate, LastUpdatedDate: s.LastUpdatedDate}, nil
}

func getStages(c *call, in *v2.GetStagesInput) (*v2.GetStagesOutput, error) {
	a, err := c.httpAPI("GET", in.ApiId, "stages")
	if err != nil {
		return nil, err
	}
	page, next, err := httpPage(a.stages, in.NextToken, in.MaxResults)
	return &v2.GetStagesOutput{Items: page, NextToken: next}, err
}

func createAuthorizer(c *call, in *v2.CreateAuthorizerInput) (*v2.CreateAuthorizerOutput, error) {
	a, err := c.httpAPI("POST", in.ApiId, "authorizers")
	if err != nil {
		return nil, err
	}
	x := vt.Authorizer{AuthorizerId: aws.String(c.id("alnum:6", *in.Name)), Name: in.Name, AuthorizerType: in.AuthorizerType, AuthorizerUri: in.AuthorizerUri, AuthorizerCredentialsArn: in.AuthorizerCredentialsArn,
		AuthorizerPayloadFormatVersion: in.AuthorizerPayloadFormatVersion, AuthorizerResultTtlInSeconds: in.AuthorizerResultTtlInSeconds, EnableSimpleResponses: in.EnableSimpleResponses, IdentitySource: in.IdentitySource, JwtConfiguration: in.JwtConfiguration}
	a.authorizers = append(a.authorizers, x)
	return &v2.CreateAuthorizerOutput{AuthorizerId: x.AuthorizerId, Name: x.Name, AuthorizerType: x.AuthorizerType, AuthorizerUri: x.AuthorizerUri, AuthorizerCredentialsArn: x.AuthorizerCredentialsArn,
		AuthorizerPayloadFormatVersion: x.AuthorizerPayloadFormatVersion, AuthorizerResultTtlInSeconds: x.AuthorizerResultTtlInSeconds, EnableSimpleResponses: x.EnableSimpleResponses, IdentitySource: x.IdentitySource, JwtConfiguration: x.JwtConfiguration}, nil
}

func getAuthorizers(c *call, in *v2.GetAuthorizersInput) (*v2.GetAuthorizersOutput, error) {
	a, err := c.httpAPI("GET", in.ApiId, "authorizers")
	if err != nil {
		return nil, err
	}
	page, next, err := httpPage(a.authorizers, in.NextToken, in.MaxResults)
	return &v2.GetAuthorizersOutput{Items: page, NextToken: next}, err
}
