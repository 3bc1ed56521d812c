package contain

import (
	"context"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
)

// httpURIs are those of an HTTP or WebSocket API: of each integration with the routes that
// lead to it, since one without a route calls nobody yet.
func httpURIs(ctx context.Context, cfg aws.Config, id string) (all []uri, err error) {
	c := apigatewayv2.NewFromConfig(cfg)

	err = pages(func(m *string) (*string, error) {
		out, err := c.GetIntegrations(ctx, &apigatewayv2.GetIntegrationsInput{ApiId: &id, NextToken: m})
		if err != nil {
			return nil, err
		}
		for _, i := range out.Items {
			if all, err = gather(all, "integration "+aws.ToString(i.IntegrationId), i.IntegrationUri); err != nil {
				return nil, err
			}

		}
		return out.NextToken, nil
	})
	if err != nil {
		return all, err
	}
	err = pages(func(m *string) (*string, error) {
		out, err := c.GetAuthorizers(ctx, &apigatewayv2.GetAuthorizersInput{ApiId: &id, NextToken: m})
		if err != nil {
			return nil, err
		}
		for _, a := range out.Items {
			if all, err = gather(all, "authorizer "+aws.ToString(a.Name), a.AuthorizerUri); err != nil {
				return nil, err
			}
		}
		return out.NextToken, nil
	})
	if err != nil {
		return all, err
	}
	return all, pages(func(m *string) (*string, error) {
		out, err := c.GetRoutes(ctx, &apigatewayv2.GetRoutesInput{ApiId: &id, NextToken: m})
		if err != nil {
			return nil, err
		}
		for _, r := range out.Items {
			to := aws.ToString(r.Target)
			for i := range all {
				if all[i].where == strings.Replace(to, "integrations/", "integration ", 1) {
					all[i].where += " of " + aws.ToString(r.RouteKey)
				}
			}
		}
		return out.NextToken, nil
	})
}

// restVariables are the variables of each stage, and of each canary of one.
func restVariables(ctx context.Context, cfg aws.Config, id string) (all []map[string]string, err error) {
	out, err := apigateway.NewFromConfig(cfg).GetStages(ctx, &apigateway.GetStagesInput{RestApiId: &id})
	if err != nil {
		return nil, err
	}
	for _, s := range out.Item {
		all = append(all, s.Variables)
		if s.CanarySettings != nil && len(s.CanarySettings.StageVariableOverrides) > 0 {
			canary := maps.Clone(s.Variables)
			if canary == nil {
				canary = map[string]string{}
			}
			maps.Copy(canary, s.CanarySettings.StageVariableOverrides)
			all = append(all, canary)
		}
	}
	return all, nil
}

func httpVariables(ctx context.Context, cfg aws.Config, id string) (all []map[string]string, err error) {
	err = pages(func(m *string) (*string, error) {
		out, err := apigatewayv2.NewFromConfig(cfg).GetStages(ctx, &apigatewayv2.GetStagesInput{ApiId: &id, NextToken: m})
		if err != nil {
			return nil, err
		}
		for _, s := range out.Items {
			all = append(all, s.StageVariables)
		}
		return out.NextToken, nil
	})
	return all, err
}
