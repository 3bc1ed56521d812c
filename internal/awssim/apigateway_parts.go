package awssim

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	gt "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

// Stages, authorizers and validators of REST APIs.

func createGatewayDeployment(c *call, in *apigateway.CreateDeploymentInput) (*apigateway.CreateDeploymentOutput, error) {
	a, err := c.restAPI("POST", in.RestApiId, "deployments")
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(a.resources, func(r *gt.Resource) bool { return len(r.ResourceMethods) > 0 }) {
		return nil, fail("BadRequestException", "The REST API doesn't contain any methods")
	}
	id := c.id("alnum:6", "deployment")
	a.deployments = append(a.deployments, id)
	if in.StageName != nil {
		a.putStage(c, gt.Stage{StageName: in.StageName, DeploymentId: &id, Description: in.StageDescription, Variables: in.Variables, TracingEnabled: aws.ToBool(in.TracingEnabled)})
	}
	return &apigateway.CreateDeploymentOutput{Id: &id, CreatedDate: aws.Time(c.now), Description: in.Description}, nil
}

// putStage makes a stage, or lets the one of that name point to another deployment.
func (a *restAPI) putStage(c *call, s gt.Stage) gt.Stage {
	s.CreatedDate, s.LastUpdatedDate = aws.Time(c.now), aws.Time(c.now)
	s.CacheClusterStatus = gt.CacheClusterStatusNotAvailable
	for i := range a.stages {
		if *a.stages[i].StageName == *s.StageName {
			a.stages[i].DeploymentId, a.stages[i].LastUpdatedDate = s.DeploymentId, s.LastUpdatedDate
			return a.stages[i]
		}
	}
	a.stages = append(a.stages, s)
	return s
}

func createGatewayStage(c *call, in *apigateway.CreateStageInput) (*apigateway.CreateStageOutput, error) {
	a, err := c.restAPI("POST", in.RestApiId, "stages")
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(a.stages, func(s gt.Stage) bool { return *s.StageName == *in.StageName }) {
		return nil, fail("ConflictException", "Stage already exists")
	}
	if !slices.Contains(a.deployments, aws.ToString(in.DeploymentId)) {
		return nil, fail("NotFoundException", "Invalid Deployment identifier specified")
	}
	if in.CanarySettings != nil {
		return nil, fail("BadRequestException", "freezeframe simulator: canary settings are not simulated")
	}
	s := a.putStage(c, gt.Stage{StageName: in.StageName, DeploymentId: in.DeploymentId, Description: in.Description, Variables: in.Variables, TracingEnabled: in.TracingEnabled, Tags: in.Tags})
	return &apigateway.CreateStageOutput{StageName: s.StageName, DeploymentId: s.DeploymentId, Description: s.Description, Variables: s.Variables, TracingEnabled: s.TracingEnabled, Tags: s.Tags,
		CacheClusterStatus: s.CacheClusterStatus, CreatedDate: s.CreatedDate, LastUpdatedDate: s.LastUpdatedDate}, nil
}

func getGatewayStages(c *call, in *apigateway.GetStagesInput) (*apigateway.GetStagesOutput, error) {
	a, err := c.restAPI("GET", in.RestApiId, "stages")
	if err != nil {
		return nil, err
	}
	out := &apigateway.GetStagesOutput{Item: []gt.Stage{}}
	for _, s := range a.stages {
		if in.DeploymentId == nil || *in.DeploymentId == *s.DeploymentId {
			out.Item = append(out.Item, s)
		}
	}
	return out, nil
}

func createGatewayAuthorizer(c *call, in *apigateway.CreateAuthorizerInput) (*apigateway.CreateAuthorizerOutput, error) {
	a, err := c.restAPI("POST", in.RestApiId, "authorizers")
	if err != nil {
		return nil, err
	}
	ttl := aws.Int32(300)
	x := gt.Authorizer{Id: aws.String(c.id("alnum:6", *in.Name)), Name: in.Name, Type: in.Type, AuthType: in.AuthType, AuthorizerUri: in.AuthorizerUri, AuthorizerCredentials: in.AuthorizerCredentials,
		AuthorizerResultTtlInSeconds: orElse(in.AuthorizerResultTtlInSeconds, ttl), IdentitySource: in.IdentitySource, IdentityValidationExpression: in.IdentityValidationExpression, ProviderARNs: in.ProviderARNs}
	if x.AuthorizerUri == nil && x.Type != gt.AuthorizerTypeCognitoUserPools {
		return nil, fail("BadRequestException", "Invalid Authorizer URI")
	}
	a.authorizers = append(a.authorizers, x)
	return &apigateway.CreateAuthorizerOutput{Id: x.Id, Name: x.Name, Type: x.Type, AuthType: x.AuthType, AuthorizerUri: x.AuthorizerUri, AuthorizerCredentials: x.AuthorizerCredentials,
		AuthorizerResultTtlInSeconds: x.AuthorizerResultTtlInSeconds, IdentitySource: x.IdentitySource, IdentityValidationExpression: x.IdentityValidationExpression, ProviderARNs: x.ProviderARNs}, nil
}

func getGatewayAuthorizers(c *call, in *apigateway.GetAuthorizersInput) (*apigateway.GetAuthorizersOutput, error) {
	a, err := c.restAPI("GET", in.RestApiId, "authorizers")
	if err != nil {
		return nil, err
	}
	page, next, err := gatewayPage(a.authorizers, in.Position, in.Limit)
	return &apigateway.GetAuthorizersOutput{Items: page, Position: next}, err
}

func createValidator(c *call, in *apigateway.CreateRequestValidatorInput) (*apigateway.CreateRequestValidatorOutput, error) {
	a, err := c.restAPI("POST", in.RestApiId, "requestvalidators")
	if err != nil {
		return nil, err
	}
	v := gt.RequestValidator{Id: aws.String(c.id("alnum:6", "validator")), Name: in.Name, ValidateRequestBody: in.ValidateRequestBody, ValidateRequestParameters: in.ValidateRequestParameters}
	a.validators = append(a.validators, v)
	return &apigateway.CreateRequestValidatorOutput{Id: v.Id, Name: v.Name, ValidateRequestBody: v.ValidateRequestBody, ValidateRequestParameters: v.ValidateRequestParameters}, nil
}

func getValidators(c *call, in *apigateway.GetRequestValidatorsInput) (*apigateway.GetRequestValidatorsOutput, error) {
	a, err := c.restAPI("GET", in.RestApiId, "requestvalidators")
	if err != nil {
		return nil, err
	}
	page, next, err := gatewayPage(a.validators, in.Position, in.Limit)
	return &apigateway.GetRequestValidatorsOutput{Items: page, Position: next}, err
}

// updateMethod takes patches of what a method asks of callers; others are refused by name.
func updateMethod(c *call, in *apigateway.UpdateMethodInput) (*apigateway.UpdateMethodOutput, error) {
	a, err := c.restAPI("PATCH", in.RestApiId, "resources", aws.ToString(in.ResourceId), "methods", aws.ToString(in.HttpMethod))
	if err != nil {
		return nil, err
	}
	r, m, err := a.method(in.ResourceId, in.HttpMethod)
	if err != nil {
		return nil, err
	}
	for _, p := range in.PatchOperations {
		if p.Op != gt.OpReplace {
			return nil, fail("BadRequestException", "freezeframe simulator: patches that %s are not simulated", p.Op)
		}
		switch path := aws.ToString(p.Path); path {
		case "/authorizationType":
			m.AuthorizationType = p.Value
		case "/authorizerId":
			m.AuthorizerId = p.Value
		case "/requestValidatorId":
			m.RequestValidatorId = p.Value
		default:
			return nil, fail("BadRequestException", "freezeframe simulator: the patch path %s is not simulated", path)
		}
	}
	r.ResourceMethods[*in.HttpMethod] = m
	return &apigateway.UpdateMethodOutput{HttpMethod: m.HttpMethod, AuthorizationType: m.AuthorizationType, AuthorizerId: m.AuthorizerId, AuthorizationScopes: m.AuthorizationScopes, ApiKeyRequired: m.ApiKeyRequired,
		OperationName: m.OperationName, RequestModels: m.RequestModels, RequestParameters: m.RequestParameters, RequestValidatorId: m.RequestValidatorId, MethodIntegration: m.MethodIntegration, MethodResponses: m.MethodResponses}, nil
}
