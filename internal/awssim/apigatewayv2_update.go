package awssim

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	v2 "github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	vt "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
)

// Updates of the second API are PATCH: a member that is left out stays as it is. Structures are
// replaced whole: the API reference says of none that it is merged.

func updateAPI(c *call, in *v2.UpdateApiInput) (*v2.UpdateApiOutput, error) {
	a, err := c.httpAPI("PATCH", in.ApiId)
	if err != nil {
		return nil, err
	}
	if in.CredentialsArn != nil || in.RouteKey != nil || in.Target != nil {
		return nil, fail("BadRequestException", "freezeframe simulator: an update of what was quick-created is not simulated")
	}
	b := &a.about
	b.Name, b.Description, b.Version = orElse(in.Name, b.Name), orElse(in.Description, b.Description), orElse(in.Version, b.Version)
	b.DisableExecuteApiEndpoint, b.RouteSelectionExpression = orElse(in.DisableExecuteApiEndpoint, b.DisableExecuteApiEndpoint), orElse(in.RouteSelectionExpression, b.RouteSelectionExpression)
	b.ApiKeySelectionExpression, b.CorsConfiguration = orElse(in.ApiKeySelectionExpression, b.ApiKeySelectionExpression), orElse(in.CorsConfiguration, b.CorsConfiguration)
	if in.IpAddressType != "" {
		b.IpAddressType = in.IpAddressType
	}
	return &v2.UpdateApiOutput{ApiId: b.ApiId, Name: b.Name, ProtocolType: b.ProtocolType, ApiEndpoint: b.ApiEndpoint, CorsConfiguration: b.CorsConfiguration, CreatedDate: b.CreatedDate, Description: b.Description,
		DisableExecuteApiEndpoint: b.DisableExecuteApiEndpoint, RouteSelectionExpression: b.RouteSelectionExpression, ApiKeySelectionExpression: b.ApiKeySelectionExpression, Tags: b.Tags, Version: b.Version, IpAddressType: b.IpAddressType}, nil
}

func updateRoute(c *call, in *v2.UpdateRouteInput) (*v2.UpdateRouteOutput, error) {
	a, err := c.httpAPI("PATCH", in.ApiId, "routes", aws.ToString(in.RouteId))
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(a.routes, func(r vt.Route) bool { return *r.RouteId == aws.ToString(in.RouteId) })
	if i < 0 {
		return nil, fail("NotFoundException", "Unable to find Route by key %s within the provided Api", aws.ToString(in.RouteId))
	}
	r := &a.routes[i]
	r.RouteKey, r.Target, r.AuthorizerId = orElse(in.RouteKey, r.RouteKey), orElse(in.Target, r.Target), orElse(in.AuthorizerId, r.AuthorizerId)
	r.ApiKeyRequired, r.OperationName = orElse(in.ApiKeyRequired, r.ApiKeyRequired), orElse(in.OperationName, r.OperationName)
	if in.AuthorizationType != "" {
		r.AuthorizationType = in.AuthorizationType
	}
	if in.AuthorizationScopes != nil {
		r.AuthorizationScopes = in.AuthorizationScopes
	}
	if in.RequestModels != nil {
		r.RequestModels = in.RequestModels
	}
	if in.RequestParameters != nil {
		r.RequestParameters = in.RequestParameters
	}
	return &v2.UpdateRouteOutput{RouteId: r.RouteId, RouteKey: r.RouteKey, ApiKeyRequired: r.ApiKeyRequired, AuthorizationType: r.AuthorizationType, AuthorizerId: r.AuthorizerId,
		AuthorizationScopes: r.AuthorizationScopes, OperationName: r.OperationName, RequestModels: r.RequestModels, RequestParameters: r.RequestParameters, Target: r.Target}, nil
}

func updateHTTPStage(c *call, in *v2.UpdateStageInput) (*v2.UpdateStageOutput, error) {
	a, err := c.httpAPI("PATCH", in.ApiId, "stages", aws.ToString(in.StageName))
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(a.stages, func(s vt.Stage) bool { return *s.StageName == aws.ToString(in.StageName) })
	if i < 0 {
		return nil, fail("NotFoundException", "Unable to find Stage by name %s within the provided Api", aws.ToString(in.StageName))
	}
	s := &a.stages[i]
	s.AutoDeploy, s.AccessLogSettings, s.DefaultRouteSettings = orElse(in.AutoDeploy, s.AutoDeploy), orElse(in.AccessLogSettings, s.AccessLogSettings), orElse(in.DefaultRouteSettings, s.DefaultRouteSettings)
	s.Description, s.DeploymentId, s.ClientCertificateId = orElse(in.Description, s.Description), orElse(in.DeploymentId, s.DeploymentId), orElse(in.ClientCertificateId, s.ClientCertificateId)
	if in.RouteSettings != nil {
		s.RouteSettings = in.RouteSettings
	}
	if in.StageVariables != nil {
		s.StageVariables = in.StageVariables
	}
	s.LastUpdatedDate = aws.Time(c.now)
	return &v2.UpdateStageOutput{StageName: s.StageName, AutoDeploy: s.AutoDeploy, AccessLogSettings: s.AccessLogSettings, DefaultRouteSettings: s.DefaultRouteSettings, RouteSettings: s.RouteSettings, Description: s.Description,
		DeploymentId: s.DeploymentId, ClientCertificateId: s.ClientCertificateId, StageVariables: s.StageVariables, Tags: s.Tags, CreatedDate: s.CreatedDate, LastUpdatedDate: s.LastUpdatedDate}, nil
}
