package collect

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	httptypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

const httpParts = "apigatewayv2.integrations, apigatewayv2.authorizers or apigatewayv2.stages"

// httpAPIs finds the HTTP and WebSocket APIs that call the function, or let it decide who may.
func httpAPIs() Collector {
	return Collector{
		Name: "apigatewayv2.apis", About: "HTTP and WebSocket APIs whose integrations or authorizers call the function, any version or alias: routes, integrations, authorizers, stages",
		Needs: []awsapi.Need{
			need("ApiGatewayV2:GetApis", "apigateway:GET", "HTTP API ARN"),
			need("ApiGatewayV2:GetApi", "apigateway:GET", "HTTP API ARN"),
			need("ApiGatewayV2:GetRoutes", "apigateway:GET", "HTTP API ARN"),
			need("ApiGatewayV2:GetIntegrations", "apigateway:GET", "HTTP API ARN"),
			need("ApiGatewayV2:GetAuthorizers", "apigateway:GET", "HTTP API ARN"),
			need("ApiGatewayV2:GetStages", "apigateway:GET", "HTTP API ARN"),
		},
		Collect: collectHTTPAPIs,
	}
}

func collectHTTPAPIs(ctx context.Context, j *Job) {
	w := j.want("apigatewayv2.apis", "", "ApiGatewayV2:GetApis")
	j.plan(w)
	c := apigatewayv2.NewFromConfig(j.config(j.Target.Region))
	ids := j.gatewaysOf(ctx, w, httpParts, func() sweep { return j.sweepHTTPAPIs(ctx, c) }, "no HTTP or WebSocket API of this account and region calls it")
	each(ids, gatewaysAtOnce, func(id string) { j.httpAPI(ctx, c, id) })
}

func (j *Job) sweepHTTPAPIs(ctx context.Context, c *apigatewayv2.Client) sweep {
	return sweepOnce(ctx, j, "apigatewayv2", func(ctx context.Context) ([]any, stamp, error) {
		all, s, err := pages(ctx, j, pager[apigatewayv2.GetApisInput, apigatewayv2.GetApisOutput, apigatewayv2.Options]{
			call: c.GetApis, in: &apigatewayv2.GetApisInput{},
			next: func(in *apigatewayv2.GetApisInput, out *apigatewayv2.GetApisOutput) string {
				in.NextToken = out.NextToken
				return aws.ToString(in.NextToken)
			},
		}, func(o *apigatewayv2.GetApisOutput) []any {
			var page []any
			for _, a := range o.Items {
				page = append(page, &gateway{id: aws.ToString(a.ApiId), name: aws.ToString(a.Name)})
			}
			return page
		})
		if len(all) > maxGateways {
			all, err = all[:maxGateways], tooMany(maxGateways)
		}
		book := &gatewayBook{}
		each(all, gatewaysAtOnce, func(a any) { j.readHTTPAPI(ctx, c, book, a.(*gateway)); a.(*gateway).sorted() })
		return all, s, err
	})
}

func integrationPages(c *apigatewayv2.Client, id string) pager[apigatewayv2.GetIntegrationsInput, apigatewayv2.GetIntegrationsOutput, apigatewayv2.Options] {
	return pager[apigatewayv2.GetIntegrationsInput, apigatewayv2.GetIntegrationsOutput, apigatewayv2.Options]{
		call: c.GetIntegrations, in: &apigatewayv2.GetIntegrationsInput{ApiId: &id},
		next: func(in *apigatewayv2.GetIntegrationsInput, out *apigatewayv2.GetIntegrationsOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}
}

func httpAuthorizerPages(c *apigatewayv2.Client, id string) pager[apigatewayv2.GetAuthorizersInput, apigatewayv2.GetAuthorizersOutput, apigatewayv2.Options] {
	return pager[apigatewayv2.GetAuthorizersInput, apigatewayv2.GetAuthorizersOutput, apigatewayv2.Options]{
		call: c.GetAuthorizers, in: &apigatewayv2.GetAuthorizersInput{ApiId: &id},
		next: func(in *apigatewayv2.GetAuthorizersInput, out *apigatewayv2.GetAuthorizersOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}
}

func httpStagePages(c *apigatewayv2.Client, id string) pager[apigatewayv2.GetStagesInput, apigatewayv2.GetStagesOutput, apigatewayv2.Options] {
	return pager[apigatewayv2.GetStagesInput, apigatewayv2.GetStagesOutput, apigatewayv2.Options]{
		call: c.GetStages, in: &apigatewayv2.GetStagesInput{ApiId: &id},
		next: func(in *apigatewayv2.GetStagesInput, out *apigatewayv2.GetStagesOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}
}

// httpWant is an artefact of one API.
func (j *Job) httpWant(id, part, call string) want {
	return j.of("apigatewayv2."+part, j.gatewayARN("apis", id), "", j.Target.Region, "ApiGatewayV2:"+call)
}

func (j *Job) readHTTPAPI(ctx context.Context, c *apigatewayv2.Client, book *gatewayBook, g *gateway) {
	err := integrationPages(c, g.id).each(ctx, j, nil, func(o *apigatewayv2.GetIntegrationsOutput) error {
		for _, i := range o.Items {
			if err := book.add(g, "integration "+aws.ToString(i.IntegrationId), i.IntegrationUri); err != nil {
				return err
			}
		}
		return nil
	})
	j.unread(g, j.httpWant(g.id, "integrations", "GetIntegrations"), err)
	err = httpAuthorizerPages(c, g.id).each(ctx, j, nil, func(o *apigatewayv2.GetAuthorizersOutput) error {
		for _, a := range o.Items {
			if err := book.add(g, "authorizer "+aws.ToString(a.Name), a.AuthorizerUri); err != nil {
				return err
			}
		}
		return nil
	})
	j.unread(g, j.httpWant(g.id, "authorizers", "GetAuthorizers"), err)
	if !g.hasVariables() {
		return
	}
	var stages []gatewayStage
	err = httpStagePages(c, g.id).each(ctx, j, nil, func(o *apigatewayv2.GetStagesOutput) error {
		for _, s := range o.Items {
			if len(stages) == maxAPIParts {
				return tooMany(maxAPIParts)
			}
			stages = append(stages, gatewayStage{aws.ToString(s.StageName), s.StageVariables})
		}
		return nil
	})
	if err != nil {
		j.unread(g, j.httpWant(g.id, "stages", "GetStages"), err)
		return
	}
	g.resolve(stages)
}

// httpAPI keeps one API. What its templates, parameters and stage variables say may be secret.
func (j *Job) httpAPI(ctx context.Context, c *apigatewayv2.Client, id string) {
	if !j.run.claim("http api " + j.gatewayARN("apis", id)) {
		return
	}
	api, routes := j.httpWant(id, "api", "GetApi"), j.httpWant(id, "routes", "GetRoutes")
	integrations, authorizers, stages := j.httpWant(id, "integrations", "GetIntegrations"), j.httpWant(id, "authorizers", "GetAuthorizers"), j.httpWant(id, "stages", "GetStages")
	j.plan(api, routes)
	parts := []func(){
		func() { fetch(ctx, j, api, c.GetApi, &apigatewayv2.GetApiInput{ApiId: &id}) },
		func() {
			gathered[apigatewayv2.GetRoutesInput, apigatewayv2.GetRoutesOutput, apigatewayv2.Options, httptypes.Route]{
				pager: pager[apigatewayv2.GetRoutesInput, apigatewayv2.GetRoutesOutput, apigatewayv2.Options]{
					call: c.GetRoutes, in: &apigatewayv2.GetRoutesInput{ApiId: &id},
					next: func(in *apigatewayv2.GetRoutesInput, out *apigatewayv2.GetRoutesOutput) string {
						in.NextToken = out.NextToken
						return aws.ToString(in.NextToken)
					},
				},
				member: "Items", items: func(o *apigatewayv2.GetRoutesOutput) []httptypes.Route { return o.Items }, most: maxAPIParts, none: "no routes",
			}.get(ctx, j, routes)
		},
	}
	if j.fresh(integrations) {
		parts = append(parts, func() {
			gathered[apigatewayv2.GetIntegrationsInput, apigatewayv2.GetIntegrationsOutput, apigatewayv2.Options, httptypes.Integration]{
				pager: integrationPages(c, id), member: "Items", items: func(o *apigatewayv2.GetIntegrationsOutput) []httptypes.Integration { return o.Items }, most: maxAPIParts, none: "no integrations",
			}.redacted(ctx, j, integrations, "RequestTemplates", "RequestParameters", "ResponseParameters")
		})
	}
	if j.fresh(authorizers) {
		parts = append(parts, func() {
			gathered[apigatewayv2.GetAuthorizersInput, apigatewayv2.GetAuthorizersOutput, apigatewayv2.Options, httptypes.Authorizer]{
				pager: httpAuthorizerPages(c, id), member: "Items", items: func(o *apigatewayv2.GetAuthorizersOutput) []httptypes.Authorizer { return o.Items }, most: maxAPIParts, none: "no authorizers",
			}.get(ctx, j, authorizers)
		})
	}
	if j.fresh(stages) {
		parts = append(parts, func() {
			gathered[apigatewayv2.GetStagesInput, apigatewayv2.GetStagesOutput, apigatewayv2.Options, httptypes.Stage]{
				pager: httpStagePages(c, id), member: "Items", items: func(o *apigatewayv2.GetStagesOutput) []httptypes.Stage { return o.Items }, most: maxAPIParts, none: "it has no stage",
			}.redacted(ctx, j, stages, "StageVariables")
		})
	}
	both(parts...)
}
