package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	httptypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

func integrationOf(function string) *string {
	return aws.String("arn:aws:apigateway:" + Region + ":lambda:path/2015-03-31/functions/" + function + "/invocations")
}

// addGateways lets REST APIs call the function by its alias and by a stage variable, and ask
// it who may call; an HTTP API calls a version. Each kind has one that calls another function.
func (a *Account) addGateways(ctx context.Context) error {
	c := apigateway.NewFromConfig(a.cfg)
	orders, err := a.restAPI(ctx, c, "orders", functionARN()+":live")
	if err != nil {
		return err
	}
	if _, err := lambda.NewFromConfig(a.cfg).AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: aws.String(Function), StatementId: aws.String("gateway"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("apigateway.amazonaws.com"), SourceArn: aws.String("arn:aws:execute-api:" + Region + ":" + AccountID + ":" + *orders + "/*/POST/")}); err != nil {
		return err
	}
	if err := a.addOrders(ctx, c, orders); err != nil {
		return err
	}
	if _, err := a.restAPI(ctx, c, "billing", functionARN()+"2"); err != nil {
		return err
	}
	gate, err := a.restAPI(ctx, c, "gate", functionARN()+"2")
	if err != nil {
		return err
	}
	if _, err := c.CreateAuthorizer(ctx, &apigateway.CreateAuthorizerInput{RestApiId: gate, Name: aws.String("tokens"), Type: gatewaytypes.AuthorizerTypeToken, AuthorizerUri: integrationOf(functionARN()), IdentitySource: aws.String("method.request.header.Authorization")}); err != nil {
		return err
	}
	return a.addHTTPAPIs(ctx)
}

// restAPI has one method, which calls a function, and is deployed as "prod".
func (a *Account) restAPI(ctx context.Context, c *apigateway.Client, name, function string) (*string, error) {
	api, err := c.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: &name, Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"*"}]}`)})
	if err != nil {
		return nil, err
	}
	if _, err := c.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: api.Id, ResourceId: api.RootResourceId, HttpMethod: aws.String("POST"), AuthorizationType: aws.String("NONE")}); err != nil {
		return nil, err
	}
	if _, err := c.PutIntegration(ctx, &apigateway.PutIntegrationInput{RestApiId: api.Id, ResourceId: api.RootResourceId, HttpMethod: aws.String("POST"), Type: gatewaytypes.IntegrationTypeAws, IntegrationHttpMethod: aws.String("POST"),
		Uri: integrationOf(function), RequestTemplates: map[string]string{"application/json": `{"password":"` + Secret + `"}`}}); err != nil {
		return nil, err
	}
	_, err = c.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: api.Id, StageName: aws.String("prod"), Variables: map[string]string{"fn": Function, "password": Secret}})
	return api.Id, err
}

func (a *Account) addOrders(ctx context.Context, c *apigateway.Client, id *string) error {
	api, err := c.GetRestApi(ctx, &apigateway.GetRestApiInput{RestApiId: id})
	if err != nil {
		return err
	}
	item, err := c.CreateResource(ctx, &apigateway.CreateResourceInput{RestApiId: id, ParentId: api.RootResourceId, PathPart: aws.String("item")})
	if err != nil {
		return err
	}
	check, err := c.CreateRequestValidator(ctx, &apigateway.CreateRequestValidatorInput{RestApiId: id, Name: aws.String("body"), ValidateRequestBody: true})
	if err != nil {
		return err
	}
	if _, err := c.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: id, ResourceId: item.Id, HttpMethod: aws.String("GET"), AuthorizationType: aws.String("AWS_IAM"), RequestValidatorId: check.Id}); err != nil {
		return err
	}
	if _, err := c.PutIntegration(ctx, &apigateway.PutIntegrationInput{RestApiId: id, ResourceId: item.Id, HttpMethod: aws.String("GET"), Type: gatewaytypes.IntegrationTypeAwsProxy, IntegrationHttpMethod: aws.String("POST"),
		Uri: integrationOf("arn:aws:lambda:" + Region + ":" + AccountID + ":function:${stageVariables.fn}")}); err != nil {
		return err
	}
	var patches []gatewaytypes.PatchOperation
	for path, value := range map[string]string{"/*/*/throttling/rateLimit": "100", "/*/*/throttling/burstLimit": "50", "/accessLogSettings/destinationArn": "arn:aws:logs:" + Region + ":" + AccountID + ":log-group:access"} {
		patches = append(patches, gatewaytypes.PatchOperation{Op: gatewaytypes.OpReplace, Path: &path, Value: &value})
	}
	if _, err := c.UpdateStage(ctx, &apigateway.UpdateStageInput{RestApiId: id, StageName: aws.String("prod"), PatchOperations: patches}); err != nil {
		return err
	}
	a.Cloud.StageGatewayWebACL(AccountID, Region, *id, "prod", "arn:aws:wafv2:"+Region+":"+AccountID+":regional/webacl/front/a1b2")
	return nil
}

func (a *Account) addHTTPAPIs(ctx context.Context) error {
	c := apigatewayv2.NewFromConfig(a.cfg)
	shop, err := c.CreateApi(ctx, &apigatewayv2.CreateApiInput{Name: aws.String("shop"), ProtocolType: httptypes.ProtocolTypeHttp, CorsConfiguration: &httptypes.Cors{AllowOrigins: []string{"*"}}})
	if err != nil {
		return err
	}
	to, err := c.CreateIntegration(ctx, &apigatewayv2.CreateIntegrationInput{ApiId: shop.ApiId, IntegrationType: httptypes.IntegrationTypeAwsProxy, IntegrationUri: aws.String(functionARN() + ":1"), PayloadFormatVersion: aws.String("2.0"),
		RequestParameters: map[string]string{"append:header.x-key": Secret}})
	if err != nil {
		return err
	}
	if _, err := c.CreateRoute(ctx, &apigatewayv2.CreateRouteInput{ApiId: shop.ApiId, RouteKey: aws.String("POST /pay"), Target: aws.String("integrations/" + *to.IntegrationId)}); err != nil {
		return err
	}
	if _, err := c.CreateStage(ctx, &apigatewayv2.CreateStageInput{ApiId: shop.ApiId, StageName: aws.String("$default"), AutoDeploy: aws.Bool(true), StageVariables: map[string]string{"password": Secret},
		DefaultRouteSettings: &httptypes.RouteSettings{ThrottlingBurstLimit: aws.Int32(10), ThrottlingRateLimit: aws.Float64(5)}}); err != nil {
		return err
	}
	if _, err := c.CreateAuthorizer(ctx, &apigatewayv2.CreateAuthorizerInput{ApiId: shop.ApiId, Name: aws.String("jwt"), AuthorizerType: httptypes.AuthorizerTypeJwt, IdentitySource: []string{"$request.header.Authorization"},
		JwtConfiguration: &httptypes.JWTConfiguration{Audience: []string{"shop"}, Issuer: aws.String("https://issuer.example.com")}}); err != nil {
		return err
	}
	chat, err := c.CreateApi(ctx, &apigatewayv2.CreateApiInput{Name: aws.String("chat"), ProtocolType: httptypes.ProtocolTypeWebsocket, RouteSelectionExpression: aws.String("$request.body.action")})
	if err != nil {
		return err
	}
	_, err = c.CreateIntegration(ctx, &apigatewayv2.CreateIntegrationInput{ApiId: chat.ApiId, IntegrationType: httptypes.IntegrationTypeAwsProxy, IntegrationMethod: aws.String("POST"), IntegrationUri: integrationOf(functionARN() + "2")})
	return err
}
