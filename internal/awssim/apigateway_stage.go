package awssim

import (
	"maps"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	gt "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

// updateGatewayStage takes patches, as all updates of the first API. Paths are those of
// 'Patch operations' in its API reference, as far as they are here; others are refused by name.
func updateGatewayStage(c *call, in *apigateway.UpdateStageInput) (*apigateway.UpdateStageOutput, error) {
	a, err := c.restAPI("PATCH", in.RestApiId, "stages", aws.ToString(in.StageName))
	if err != nil {
		return nil, err
	}
	s := a.stage(in.StageName)
	if s == nil {
		return nil, fail("NotFoundException", "Invalid stage identifier specified")
	}
	next := *s
	next.Variables, next.MethodSettings = map[string]string{}, map[string]gt.MethodSetting{}
	maps.Copy(next.Variables, s.Variables)
	maps.Copy(next.MethodSettings, s.MethodSettings)
	if s.AccessLogSettings != nil {
		next.AccessLogSettings = &gt.AccessLogSettings{DestinationArn: s.AccessLogSettings.DestinationArn, Format: s.AccessLogSettings.Format}
	}
	for _, p := range in.PatchOperations {
		if p.Op != gt.OpReplace && p.Op != gt.OpAdd {
			return nil, fail("BadRequestException", "freezeframe simulator: patches that %s are not simulated", p.Op)
		}
		if err := patchStage(&next, aws.ToString(p.Path), aws.ToString(p.Value)); err != nil {
			return nil, err
		}
	}
	next.LastUpdatedDate = aws.Time(c.now)
	*s = next
	return &apigateway.UpdateStageOutput{StageName: s.StageName, DeploymentId: s.DeploymentId, Description: s.Description, Variables: s.Variables, TracingEnabled: s.TracingEnabled, Tags: s.Tags,
		AccessLogSettings: s.AccessLogSettings, MethodSettings: s.MethodSettings, CacheClusterStatus: s.CacheClusterStatus, CreatedDate: s.CreatedDate, LastUpdatedDate: s.LastUpdatedDate, WebAclArn: s.WebAclArn}, nil
}

func (a *restAPI) stage(name *string) *gt.Stage {
	for i := range a.stages {
		if *a.stages[i].StageName == aws.ToString(name) {
			return &a.stages[i]
		}
	}
	return nil
}

func patchStage(s *gt.Stage, path, value string) error {
	if s.AccessLogSettings == nil && strings.HasPrefix(path, "/accessLogSettings/") {
		s.AccessLogSettings = &gt.AccessLogSettings{}
	}
	name, variable := strings.CutPrefix(path, "/variables/")
	switch {
	case variable:
		s.Variables[name] = value
	case path == "/description":
		s.Description = &value
	case path == "/tracingEnabled":
		s.TracingEnabled = value == "true"
	case path == "/accessLogSettings/destinationArn":
		s.AccessLogSettings.DestinationArn = &value
	case path == "/accessLogSettings/format":
		s.AccessLogSettings.Format = &value
	default:
		return patchMethods(s, path, value)
	}
	return nil
}

// patchMethods: "/*/*/throttling/rateLimit", "/~1orders/POST/logging/loglevel".
func patchMethods(s *gt.Stage, path, value string) error {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	if len(parts) != 4 {
		return fail("BadRequestException", "Invalid patch path %s", path)
	}
	key := strings.TrimPrefix(strings.ReplaceAll(parts[0], "~1", "/"), "/") + "/" + parts[1]
	m, had := s.MethodSettings[key]
	if !had { // what a stage's methods have by default
		m = gt.MethodSetting{LoggingLevel: aws.String("OFF"), ThrottlingBurstLimit: -1, ThrottlingRateLimit: -1, CacheTtlInSeconds: 300, RequireAuthorizationForCacheControl: true,
			UnauthorizedCacheControlHeaderStrategy: gt.UnauthorizedCacheControlHeaderStrategySucceedWithResponseHeader}
	}
	rate, err := strconv.ParseFloat(value, 64)
	switch parts[2] + "/" + parts[3] {
	case "throttling/rateLimit":
		m.ThrottlingRateLimit = rate
	case "throttling/burstLimit":
		m.ThrottlingBurstLimit = int32(rate)
	case "logging/loglevel":
		m.LoggingLevel, err = &value, nil
	case "logging/dataTrace":
		m.DataTraceEnabled, err = value == "true", nil
	default:
		return fail("BadRequestException", "freezeframe simulator: the patch path %s is not simulated", path)
	}
	if err != nil {
		return fail("BadRequestException", "Invalid value for %s: %s", path, value)
	}
	s.MethodSettings[key] = m
	return nil
}

// StageGatewayWebACL puts a web ACL before a stage: WAF's AssociateWebACL does that on AWS.
func (c *Cloud) StageGatewayWebACL(account, region, api, stage, acl string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.gateway.at(account, region, newGatewayState).rest[api]; a != nil {
		if s := a.stage(&stage); s != nil {
			s.WebAclArn = &acl
		}
	}
}
