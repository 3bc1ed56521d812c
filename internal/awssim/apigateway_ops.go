package awssim

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	gt "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

// gatewayOps is what is simulated of API Gateway's REST APIs. No request passes through one.
func gatewayOps() []operation {
	return []operation{
		op("apigateway", "CreateRestApi", createRestAPI), op("apigateway", "GetRestApi", getRestAPI), op("apigateway", "GetRestApis", getRestAPIs), op("apigateway", "DeleteRestApi", deleteRestAPI),
		op("apigateway", "CreateResource", createGatewayResource), op("apigateway", "GetResources", getGatewayResources),
		op("apigateway", "PutMethod", putMethod), op("apigateway", "UpdateMethod", updateMethod), op("apigateway", "PutIntegration", putIntegration), op("apigateway", "DeleteIntegration", deleteIntegration),
		op("apigateway", "CreateDeployment", createGatewayDeployment), op("apigateway", "CreateStage", createGatewayStage), op("apigateway", "GetStages", getGatewayStages), op("apigateway", "UpdateStage", updateGatewayStage),
		op("apigateway", "CreateAuthorizer", createGatewayAuthorizer), op("apigateway", "GetAuthorizers", getGatewayAuthorizers),
		op("apigateway", "CreateRequestValidator", createValidator), op("apigateway", "GetRequestValidators", getValidators),
	}
}

// gatewayState is API Gateway in one account and region: REST APIs, and below http those of
// the second API.
type gatewayState struct {
	rest map[string]*restAPI
	http map[string]*httpAPI
}

func newGatewayState() *gatewayState {
	return &gatewayState{rest: map[string]*restAPI{}, http: map[string]*httpAPI{}}
}

type restAPI struct {
	about       gt.RestApi
	resources   []*gt.Resource
	stages      []gt.Stage
	deployments []string
	authorizers []gt.Authorizer
	validators  []gt.RequestValidator
}

func (s *gatewayState) objects(account, region string, put putObject) {
	at := "apigateway/" + account + "/" + region
	for id, a := range s.rest {
		put(at+"/rest/"+id, map[string]any{"about": a.about, "resources": a.resources, "stages": a.stages, "deployments": a.deployments, "authorizers": a.authorizers, "validators": a.validators}, nil)
	}
	for id, a := range s.http {
		put(at+"/http/"+id, map[string]any{"about": a.about, "routes": a.routes, "integrations": a.integrations, "stages": a.stages, "authorizers": a.authorizers}, nil)
	}
}

func (c *call) gateways() *gatewayState {
	return c.gateway.at(c.accountID, c.region, newGatewayState)
}

// gatewayARN: API Gateway's own permissions are HTTP verbs on paths without an account.
func (c *call) gatewayARN(path ...string) string {
	return arnOf("apigateway", c.region, "", "/"+strings.Join(path, "/"))
}

func (c *call) restAPI(verb string, id *string, below ...string) (*restAPI, error) {
	n := aws.ToString(id)
	if err := c.allow("apigateway:"+verb, c.gatewayARN(append([]string{"restapis", n}, below...)...)); err != nil {
		return nil, err
	}
	if a := c.gateways().rest[n]; a != nil {
		return a, nil
	}
	return nil, fail("NotFoundException", "Invalid API identifier specified %s:%s", c.accountID, n)
}

func createRestAPI(c *call, in *apigateway.CreateRestApiInput) (*apigateway.CreateRestApiOutput, error) {
	if err := c.allow("apigateway:POST", c.gatewayARN("restapis")); err != nil {
		return nil, err
	}
	if in.CloneFrom != nil {
		return nil, fail("BadRequestException", "freezeframe simulator: CloneFrom is not simulated")
	}
	id, root := c.id("alnum:10", "api"), c.id("alnum:10", "root")
	a := &restAPI{about: gt.RestApi{Id: &id, Name: in.Name, RootResourceId: &root, ApiKeySource: in.ApiKeySource, BinaryMediaTypes: in.BinaryMediaTypes, CreatedDate: aws.Time(c.now), Description: in.Description,
		DisableExecuteApiEndpoint: in.DisableExecuteApiEndpoint, EndpointConfiguration: in.EndpointConfiguration, MinimumCompressionSize: in.MinimumCompressionSize, Policy: escapedPolicy(in.Policy), Tags: in.Tags, Version: in.Version}}
	if a.about.ApiKeySource == "" {
		a.about.ApiKeySource = gt.ApiKeySourceTypeHeader
	}
	if a.about.EndpointConfiguration == nil {
		a.about.EndpointConfiguration = &gt.EndpointConfiguration{Types: []gt.EndpointType{gt.EndpointTypeEdge}}
	}
	a.resources = []*gt.Resource{{Id: &root, Path: aws.String("/")}}
	c.gateways().rest[id] = a
	out := apigateway.CreateRestApiOutput(a.whole())
	return &out, nil
}

// escapedPolicy: this service gives back a policy as JSON text whose quotes and slashes are
// escaped once more (terraform-provider-aws undoes it in flattenAPIPolicy).
func escapedPolicy(policy *string) *string {
	if policy == nil {
		return nil
	}
	return aws.String(strings.NewReplacer(`"`, `\"`, `/`, `\/`).Replace(*policy))
}

// whole is the answer that Create and Get share.
func (a *restAPI) whole() apigateway.GetRestApiOutput {
	b := a.about
	return apigateway.GetRestApiOutput{Id: b.Id, Name: b.Name, RootResourceId: b.RootResourceId, ApiKeySource: b.ApiKeySource, BinaryMediaTypes: b.BinaryMediaTypes, CreatedDate: b.CreatedDate, Description: b.Description,
		DisableExecuteApiEndpoint: b.DisableExecuteApiEndpoint, EndpointConfiguration: b.EndpointConfiguration, MinimumCompressionSize: b.MinimumCompressionSize, Policy: b.Policy, Tags: b.Tags, Version: b.Version}
}

func getRestAPI(c *call, in *apigateway.GetRestApiInput) (*apigateway.GetRestApiOutput, error) {
	a, err := c.restAPI("GET", in.RestApiId)
	if err != nil {
		return nil, err
	}
	out := a.whole()
	return &out, nil
}

// Collections of the first API give 25 items where no limit is asked for, at most 500.
func gatewayPage[T any](all []T, position *string, limit *int32) ([]T, *string, error) {
	if limit == nil {
		limit = aws.Int32(25)
	}
	page, next, err := paginate(slices.Clone(all), position, limit, 500)
	if err != nil {
		return nil, nil, fail("BadRequestException", "Invalid position parameter")
	}
	return page, next, nil
}

func getRestAPIs(c *call, in *apigateway.GetRestApisInput) (*apigateway.GetRestApisOutput, error) {
	if err := c.allow("apigateway:GET", c.gatewayARN("restapis")); err != nil {
		return nil, err
	}
	all := []gt.RestApi{}
	for _, id := range sortedNames(c.gateways().rest) {
		all = append(all, c.gateways().rest[id].about)
	}
	page, next, err := gatewayPage(all, in.Position, in.Limit)
	return &apigateway.GetRestApisOutput{Items: page, Position: next}, err
}

func deleteRestAPI(c *call, in *apigateway.DeleteRestApiInput) (*apigateway.DeleteRestApiOutput, error) {
	a, err := c.restAPI("DELETE", in.RestApiId)
	if err != nil {
		return nil, err
	}
	delete(c.gateways().rest, *a.about.Id)
	return nil, nil
}

func (a *restAPI) resource(id *string) (*gt.Resource, error) {
	for _, r := range a.resources {
		if *r.Id == aws.ToString(id) {
			return r, nil
		}
	}
	return nil, fail("NotFoundException", "Invalid Resource identifier specified")
}

func createGatewayResource(c *call, in *apigateway.CreateResourceInput) (*apigateway.CreateResourceOutput, error) {
	a, err := c.restAPI("POST", in.RestApiId, "resources", aws.ToString(in.ParentId))
	if err != nil {
		return nil, err
	}
	parent, err := a.resource(in.ParentId)
	if err != nil {
		return nil, err
	}
	path := strings.TrimSuffix(*parent.Path, "/") + "/" + aws.ToString(in.PathPart)
	if slices.ContainsFunc(a.resources, func(r *gt.Resource) bool { return *r.Path == path }) {
		return nil, fail("ConflictException", "Another resource with the same parent already has this name: %s", aws.ToString(in.PathPart))
	}
	r := &gt.Resource{Id: aws.String(c.id("alnum:6", path)), ParentId: in.ParentId, Path: &path, PathPart: in.PathPart}
	a.resources = append(a.resources, r)
	return &apigateway.CreateResourceOutput{Id: r.Id, ParentId: r.ParentId, Path: r.Path, PathPart: r.PathPart}, nil
}

// getGatewayResources shows only the verbs of a resource's methods, unless they are embedded.
func getGatewayResources(c *call, in *apigateway.GetResourcesInput) (*apigateway.GetResourcesOutput, error) {
	a, err := c.restAPI("GET", in.RestApiId, "resources")
	if err != nil {
		return nil, err
	}
	all := []gt.Resource{}
	for _, r := range a.resources {
		shown := *r
		if !slices.Contains(in.Embed, "methods") {
			shown.ResourceMethods = nil
			for verb := range r.ResourceMethods {
				if shown.ResourceMethods == nil {
					shown.ResourceMethods = map[string]gt.Method{}
				}
				shown.ResourceMethods[verb] = gt.Method{}
			}
		}
		all = append(all, shown)
	}
	page, next, err := gatewayPage(all, in.Position, in.Limit)
	return &apigateway.GetResourcesOutput{Items: page, Position: next}, err
}

func putMethod(c *call, in *apigateway.PutMethodInput) (*apigateway.PutMethodOutput, error) {
	a, err := c.restAPI("PUT", in.RestApiId, "resources", aws.ToString(in.ResourceId), "methods", aws.ToString(in.HttpMethod))
	if err != nil {
		return nil, err
	}
	r, err := a.resource(in.ResourceId)
	if err != nil {
		return nil, err
	}
	if r.ResourceMethods == nil {
		r.ResourceMethods = map[string]gt.Method{}
	}
	if _, had := r.ResourceMethods[*in.HttpMethod]; had {
		return nil, fail("ConflictException", "Method already exists for this resource")
	}
	m := gt.Method{HttpMethod: in.HttpMethod, AuthorizationType: in.AuthorizationType, AuthorizerId: in.AuthorizerId, AuthorizationScopes: in.AuthorizationScopes, ApiKeyRequired: &in.ApiKeyRequired,
		OperationName: in.OperationName, RequestModels: in.RequestModels, RequestParameters: in.RequestParameters, RequestValidatorId: in.RequestValidatorId}
	r.ResourceMethods[*in.HttpMethod] = m
	return &apigateway.PutMethodOutput{HttpMethod: m.HttpMethod, AuthorizationType: m.AuthorizationType, AuthorizerId: m.AuthorizerId, AuthorizationScopes: m.AuthorizationScopes, ApiKeyRequired: m.ApiKeyRequired,
		OperationName: m.OperationName, RequestModels: m.RequestModels, RequestParameters: m.RequestParameters, RequestValidatorId: m.RequestValidatorId}, nil
}

func (a *restAPI) method(resource, verb *string) (*gt.Resource, gt.Method, error) {
	r, err := a.resource(resource)
	if err != nil {
		return nil, gt.Method{}, err
	}
	m, ok := r.ResourceMethods[aws.ToString(verb)]
	if !ok {
		return nil, gt.Method{}, fail("NotFoundException", "Invalid Method identifier specified")
	}
	return r, m, nil
}

func putIntegration(c *call, in *apigateway.PutIntegrationInput) (*apigateway.PutIntegrationOutput, error) {
	a, err := c.restAPI("PUT", in.RestApiId, "resources", aws.ToString(in.ResourceId), "methods", aws.ToString(in.HttpMethod), "integration")
	if err != nil {
		return nil, err
	}
	r, m, err := a.method(in.ResourceId, in.HttpMethod)
	if err != nil {
		return nil, err
	}
	if in.Type != gt.IntegrationTypeMock && in.IntegrationHttpMethod == nil {
		return nil, fail("BadRequestException", "Enumeration value for HttpMethod must be non-empty")
	}
	timeout := int32(29000)
	if in.TimeoutInMillis != nil {
		timeout = *in.TimeoutInMillis
	}
	g := gt.Integration{Type: in.Type, Uri: in.Uri, HttpMethod: in.IntegrationHttpMethod, Credentials: in.Credentials, ConnectionType: in.ConnectionType, ConnectionId: in.ConnectionId, RequestParameters: in.RequestParameters,
		RequestTemplates: in.RequestTemplates, PassthroughBehavior: in.PassthroughBehavior, ContentHandling: in.ContentHandling, TimeoutInMillis: timeout, CacheNamespace: in.ResourceId, TlsConfig: in.TlsConfig}
	if g.PassthroughBehavior == nil {
		g.PassthroughBehavior = aws.String("WHEN_NO_MATCH")
	}
	m.MethodIntegration = &g
	r.ResourceMethods[*in.HttpMethod] = m
	return &apigateway.PutIntegrationOutput{Type: g.Type, Uri: g.Uri, HttpMethod: g.HttpMethod, Credentials: g.Credentials, ConnectionType: g.ConnectionType, ConnectionId: g.ConnectionId, RequestParameters: g.RequestParameters,
		RequestTemplates: g.RequestTemplates, PassthroughBehavior: g.PassthroughBehavior, ContentHandling: g.ContentHandling, TimeoutInMillis: timeout, CacheNamespace: g.CacheNamespace, TlsConfig: g.TlsConfig}, nil
}

func deleteIntegration(c *call, in *apigateway.DeleteIntegrationInput) (*apigateway.DeleteIntegrationOutput, error) {
	a, err := c.restAPI("DELETE", in.RestApiId, "resources", aws.ToString(in.ResourceId), "methods", aws.ToString(in.HttpMethod), "integration")
	if err != nil {
		return nil, err
	}
	r, m, err := a.method(in.ResourceId, in.HttpMethod)
	if err != nil {
		return nil, err
	}
	if m.MethodIntegration == nil {
		return nil, fail("NotFoundException", "Invalid Integration identifier specified")
	}
	m.MethodIntegration = nil
	r.ResourceMethods[*in.HttpMethod] = m
	return nil, nil
}
