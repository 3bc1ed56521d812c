package collect

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

const restParts = "apigateway.resources, apigateway.authorizers or apigateway.stages"

// restAPIs finds the REST APIs that call the function, or let it decide who may call. What is
// read is an API's working copy: a stage serves what was deployed from it.
func restAPIs() Collector {
	return Collector{
		Name: "apigateway.apis", About: "REST APIs whose integrations or authorizers call the function, any version or alias: resources, authorizers, stages, validators, policy",
		Needs: []awsapi.Need{
			need("APIGateway:GetRestApis", "apigateway:GET", "REST API ARN"),
			need("APIGateway:GetRestApi", "apigateway:GET", "REST API ARN"),
			need("APIGateway:GetResources", "apigateway:GET", "REST API ARN"),
			need("APIGateway:GetAuthorizers", "apigateway:GET", "REST API ARN"),
			need("APIGateway:GetStages", "apigateway:GET", "REST API ARN"),
			need("APIGateway:GetRequestValidators", "apigateway:GET", "REST API ARN"),
		},
		Collect: collectRestAPIs,
	}
}

func collectRestAPIs(ctx context.Context, j *Job) {
	w := j.want("apigateway.apis", "", "APIGateway:GetRestApis")
	j.plan(w)
	c := apigateway.NewFromConfig(j.config(j.Target.Region))
	ids := j.gatewaysOf(ctx, w, restParts, func() sweep { return j.sweepRestAPIs(ctx, c) }, "no REST API of this account and region calls it")
	each(ids, gatewaysAtOnce, func(id string) { j.restAPI(ctx, c, id) })
}

func (j *Job) sweepRestAPIs(ctx context.Context, c *apigateway.Client) sweep {
	return sweepOnce(ctx, j, "apigateway", func(ctx context.Context) ([]any, stamp, error) {
		all, s, err := pages(ctx, j, pager[apigateway.GetRestApisInput, apigateway.GetRestApisOutput, apigateway.Options]{
			call: c.GetRestApis, in: &apigateway.GetRestApisInput{Limit: aws.Int32(500)},
			next: func(in *apigateway.GetRestApisInput, out *apigateway.GetRestApisOutput) string {
				in.Position = out.Position
				return aws.ToString(in.Position)
			},
		}, func(o *apigateway.GetRestApisOutput) []any {
			var page []any
			for _, a := range o.Items {
				page = append(page, &gateway{id: aws.ToString(a.Id), name: aws.ToString(a.Name)})
			}
			return page
		})
		if len(all) > maxGateways {
			all, err = all[:maxGateways], tooMany(maxGateways)
		}
		book := &gatewayBook{}
		each(all, gatewaysAtOnce, func(a any) { j.readRestAPI(ctx, c, book, a.(*gateway)); a.(*gateway).sorted() })
		return all, s, err
	})
}

func resourcePages(c *apigateway.Client, id string) pager[apigateway.GetResourcesInput, apigateway.GetResourcesOutput, apigateway.Options] {
	return pager[apigateway.GetResourcesInput, apigateway.GetResourcesOutput, apigateway.Options]{
		call: c.GetResources, in: &apigateway.GetResourcesInput{RestApiId: &id, Embed: []string{"methods"}, Limit: aws.Int32(500)},
		next: func(in *apigateway.GetResourcesInput, out *apigateway.GetResourcesOutput) string {
			in.Position = out.Position
			return aws.ToString(in.Position)
		},
	}
}

func authorizerPages(c *apigateway.Client, id string) pager[apigateway.GetAuthorizersInput, apigateway.GetAuthorizersOutput, apigateway.Options] {
	return pager[apigateway.GetAuthorizersInput, apigateway.GetAuthorizersOutput, apigateway.Options]{
		call: c.GetAuthorizers, in: &apigateway.GetAuthorizersInput{RestApiId: &id, Limit: aws.Int32(500)},
		next: func(in *apigateway.GetAuthorizersInput, out *apigateway.GetAuthorizersOutput) string {
			in.Position = out.Position
			return aws.ToString(in.Position)
		},
	}
}

// restWant is an artefact of one REST API.
func (j *Job) restWant(id, part, call string) want {
	return j.of("apigateway."+part, j.gatewayARN("restapis", id), "", j.Target.Region, "APIGateway:"+call)
}

// readRestAPI looks for what one API calls, and keeps no more of it.
func (j *Job) readRestAPI(ctx context.Context, c *apigateway.Client, book *gatewayBook, g *gateway) {
	err := resourcePages(c, g.id).each(ctx, j, nil, func(o *apigateway.GetResourcesOutput) error {
		for _, r := range o.Items {
			for verb, m := range r.ResourceMethods {
				if m.MethodIntegration == nil {
					continue
				}
				if err := book.add(g, verb+" "+aws.ToString(r.Path), m.MethodIntegration.Uri); err != nil {
					return err
				}
			}
		}
		return nil
	})
	j.unread(g, j.restWant(g.id, "resources", "GetResources"), err)
	err = authorizerPages(c, g.id).each(ctx, j, nil, func(o *apigateway.GetAuthorizersOutput) error {
		for _, a := range o.Items {
			if err := book.add(g, "authorizer "+aws.ToString(a.Name), a.AuthorizerUri); err != nil {
				return err
			}
		}
		return nil
	})
	j.unread(g, j.restWant(g.id, "authorizers", "GetAuthorizers"), err)
	if !g.hasVariables() {
		return
	}
	out, _, err := ask(ctx, j, c.GetStages, &apigateway.GetStagesInput{RestApiId: &g.id})
	if err != nil {
		j.unread(g, j.restWant(g.id, "stages", "GetStages"), err)
		return
	}
	g.resolve(restStages(out.Item))
}

func restStages(all []gatewaytypes.Stage) []gatewayStage {
	var out []gatewayStage
	for _, s := range all {
		out = append(out, gatewayStage{aws.ToString(s.StageName), s.Variables})
		if s.CanarySettings != nil && len(s.CanarySettings.StageVariableOverrides) > 0 {
			canary := gatewayStage{aws.ToString(s.StageName) + " (canary)", map[string]string{}}
			for _, from := range []map[string]string{s.Variables, s.CanarySettings.StageVariableOverrides} {
				for k, v := range from {
					canary.variables[k] = v
				}
			}
			out = append(out, canary)
		}
	}
	return out
}

// restAPI keeps one API. What its templates, parameters and stage variables say may be secret.
func (j *Job) restAPI(ctx context.Context, c *apigateway.Client, id string) {
	if !j.run.claim("rest api " + j.gatewayARN("restapis", id)) {
		return
	}
	api, resources, authorizers := j.restWant(id, "api", "GetRestApi"), j.restWant(id, "resources", "GetResources"), j.restWant(id, "authorizers", "GetAuthorizers")
	stages, validators := j.restWant(id, "stages", "GetStages"), j.restWant(id, "validators", "GetRequestValidators")
	j.plan(api, validators)
	parts := []func(){
		func() { fetch(ctx, j, api, c.GetRestApi, &apigateway.GetRestApiInput{RestApiId: &id}) },
		func() {
			gathered[apigateway.GetRequestValidatorsInput, apigateway.GetRequestValidatorsOutput, apigateway.Options, gatewaytypes.RequestValidator]{
				pager: pager[apigateway.GetRequestValidatorsInput, apigateway.GetRequestValidatorsOutput, apigateway.Options]{
					call: c.GetRequestValidators, in: &apigateway.GetRequestValidatorsInput{RestApiId: &id, Limit: aws.Int32(500)},
					next: func(in *apigateway.GetRequestValidatorsInput, out *apigateway.GetRequestValidatorsOutput) string {
						in.Position = out.Position
						return aws.ToString(in.Position)
					},
				},
				member: "items", items: func(o *apigateway.GetRequestValidatorsOutput) []gatewaytypes.RequestValidator { return o.Items },
				most: maxAPIParts, none: "no request is validated",
			}.get(ctx, j, validators)
		},
	}
	if j.fresh(resources) {
		parts = append(parts, func() {
			gathered[apigateway.GetResourcesInput, apigateway.GetResourcesOutput, apigateway.Options, gatewaytypes.Resource]{
				pager: resourcePages(c, id), member: "items", items: func(o *apigateway.GetResourcesOutput) []gatewaytypes.Resource { return o.Items }, most: maxAPIParts, none: "no resources",
			}.redacted(ctx, j, resources, "requestTemplates", "requestParameters", "responseTemplates", "responseParameters")
		})
	}
	if j.fresh(authorizers) {
		parts = append(parts, func() {
			gathered[apigateway.GetAuthorizersInput, apigateway.GetAuthorizersOutput, apigateway.Options, gatewaytypes.Authorizer]{
				pager: authorizerPages(c, id), member: "items", items: func(o *apigateway.GetAuthorizersOutput) []gatewaytypes.Authorizer { return o.Items }, most: maxAPIParts, none: "no authorizers",
			}.get(ctx, j, authorizers)
		})
	}
	if j.fresh(stages) {
		parts = append(parts, func() { j.restStages(ctx, c, stages, id) })
	}
	both(parts...)
}

func (j *Job) restStages(ctx context.Context, c *apigateway.Client, w want, id string) {
	if j.have(w) {
		return
	}
	out, s, err := ask(ctx, j, c.GetStages, &apigateway.GetStagesInput{RestApiId: &id})
	switch {
	case err != nil:
		j.refused(w, s, err)
	case len(out.Item) == 0:
		j.none(w, s, "it is not deployed")
	default:
		j.putRedacted(ctx, w, s, map[string]any{"item": out.Item}, "variables", "stageVariableOverrides")
	}
}
