package contain

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

const (
	partGateways    = "API Gateway"
	maxGatewayParts = 5_000 // methods, integrations and authorizers of one API: an intruder can make many
)

// calledByGateways are the roads by API Gateway. From a function there is no look-up of the
// APIs that call it, and reading every API of a region takes minutes: those are read that the
// function's policies admit. One that calls with a role of its own needs no grant, and is not
// among them.
type calledByGateways struct {
	Routes []gatewayRoute
	Open   bool     // a grant names no API: there may be more
	Others []string // admitted APIs of other accounts: what they call cannot be read
}

// gatewayRoute is one integration or authorizer that calls the function.
type gatewayRoute struct {
	API              string // ARN
	Where, Qualifier string
	Variable         string // what it calls hangs on a stage variable that no stage has
}

func gatewayLook() Part {
	read := func(call, what string) awsapi.Need {
		return when(does(call, "apigateway:GET", what, false), "a policy admits API Gateway")
	}
	needs := append(admittedNeeds(),
		read("APIGateway:GetResources", "REST API ARN"), read("APIGateway:GetAuthorizers", "REST API ARN"), read("APIGateway:GetStages", "REST API ARN"),
		read("ApiGatewayV2:GetIntegrations", "HTTP API ARN"), read("ApiGatewayV2:GetRoutes", "HTTP API ARN"), read("ApiGatewayV2:GetAuthorizers", "HTTP API ARN"), read("ApiGatewayV2:GetStages", "HTTP API ARN"))
	return Look(Part{Name: partGateways, Needs: needs}, lookForGateways, func(_ *Survey, found calledByGateways) []Caller {
		var all []Caller
		for _, r := range found.Routes {
			c := Caller{Kind: "route", Name: r.API, Qualifier: r.Qualifier, Detail: r.Where}
			if r.Variable != "" {
				c.Detail += ", which may be this function: what it calls hangs on a stage variable that no stage has (" + r.Variable + ")"
			}
			all = append(all, c)
		}
		for _, arn := range found.Others {
			all = append(all, Caller{Kind: "route", Name: arn, Detail: "of another account, admitted by a grant: which qualifier it calls cannot be read"})
		}
		if found.Open {
			all = append(all, Caller{Kind: "route", Name: "any API", Detail: "a grant to apigateway.amazonaws.com names none: which call it cannot be looked up"})
		}
		return all
	})
}

func lookForGateways(ctx context.Context, cfg aws.Config, s *Survey) (found calledByGateways, err error) {
	var arns []string
	arns, found.Open, err = s.sources(ctx, cfg, "apigateway.amazonaws.com")
	seen := map[[2]string]bool{}
	for _, arn := range arns {
		parts := strings.SplitN(arn, ":", 6) // arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH
		if len(parts) != 6 || parts[2] != "execute-api" {
			found.Open = found.Open || strings.ContainsAny(arn, "*?")
			continue
		}
		id, _, _ := strings.Cut(parts[5], "/")
		if at := [2]string{parts[3], id}; seen[at] || id == "" {
			continue
		} else if strings.ContainsAny(parts[3]+parts[4]+id, "*?") {
			found.Open = true
			continue
		} else {
			seen[at] = true
		}
		if parts[4] != s.Account {
			found.Others = append(found.Others, arn)
			continue
		}
		there := cfg.Copy()
		there.Region = parts[3]
		routes, failed := routesOf(ctx, there, s, parts[1], id)
		found.Routes = append(found.Routes, routes...)
		if failed != nil && err == nil {
			err = fmt.Errorf("API %s in %s: %w", id, parts[3], failed)
		}
	}
	return found, err
}

// uri is what an integration or authorizer calls.
type uri struct{ where, text string }

// routesOf reads a REST API, or an HTTP or WebSocket one: the id does not tell which it is. A
// grant may outlive its API.
func routesOf(ctx context.Context, cfg aws.Config, s *Survey, partition, id string) ([]gatewayRoute, error) {
	kind, stages := "restapis", restVariables
	all, err := restURIs(ctx, cfg, id)
	if isCode(err, "NotFoundException") {
		kind, stages = "apis", httpVariables
		all, err = httpURIs(ctx, cfg, id)
	}
	if isCode(err, "NotFoundException") {
		return nil, nil
	}
	if err != nil && len(all) == 0 {
		return nil, err
	}
	arn := fmt.Sprintf("arn:%s:apigateway:%s::/%s/%s", partition, cfg.Region, kind, id)
	var variables []map[string]string
	if slices.ContainsFunc(all, func(u uri) bool { return strings.Contains(u.text, stageVariable) }) {
		var failed error
		if variables, failed = stages(ctx, cfg, id); err == nil {
			err = failed
		}
	}
	var routes []gatewayRoute
	for _, u := range all {
		for _, r := range s.routes(u, variables) {
			r.API = arn
			if !slices.Contains(routes, r) {
				routes = append(routes, r)
			}
		}
	}
	return routes, err
}

const stageVariable = "${stageVariables."

var inURI = regexp.MustCompile(`\$\{stageVariables\.([^}]*)\}`)

// routes are the roads of one URI: with stage variables in it, one for each stage that makes
// it call the function.
func (v *Survey) routes(u uri, stages []map[string]string) []gatewayRoute {
	if !strings.Contains(u.text, stageVariable) {
		if q, ours := v.calledByURI(u.text); ours {
			return []gatewayRoute{{Where: u.where, Qualifier: q}}
		}
		return nil
	}
	var all []gatewayRoute
	known := false
	for _, vars := range stages {
		whole := true
		text := inURI.ReplaceAllStringFunc(u.text, func(ref string) string {
			value, ok := vars[inURI.FindStringSubmatch(ref)[1]]
			whole = whole && ok
			return value
		})
		known = known || whole
		if q, ours := v.calledByURI(text); whole && ours {
			all = append(all, gatewayRoute{Where: u.where, Qualifier: q})
		}
	}
	if !known {
		all = append(all, gatewayRoute{Where: u.where, Variable: inURI.FindString(u.text)})
	}
	return all
}

// calledByURI says whether a URI of API Gateway calls the function: by a path of Lambda's
// API, or, of HTTP APIs, by the function's ARN as it is.
func (v *Survey) calledByURI(text string) (qualifier string, yes bool) {
	if plain, err := url.PathUnescape(text); err == nil {
		text = plain
	}
	path, name, isPath := strings.Cut(text, "/functions/")
	if !isPath {
		return v.calledAs(text)
	}
	name, _, _ = strings.Cut(name, "/")
	if !strings.HasPrefix(name, "arn:") && regionOf(path) != v.Region {
		return "", false // a name is one of the region that the path is of
	}
	return v.namedAs(name)
}

// gather adds a URI, up to the bound.
func gather(all []uri, where string, text *string) ([]uri, error) {
	if aws.ToString(text) == "" {
		return all, nil
	}
	if len(all) == maxGatewayParts {
		return all, fmt.Errorf("it has more than %d integrations and authorizers", maxGatewayParts)
	}
	return append(all, uri{where, *text}), nil
}

func restURIs(ctx context.Context, cfg aws.Config, id string) (all []uri, err error) {
	c := apigateway.NewFromConfig(cfg)
	err = pages(func(m *string) (*string, error) {
		out, err := c.GetResources(ctx, &apigateway.GetResourcesInput{RestApiId: &id, Embed: []string{"methods"}, Limit: aws.Int32(500), Position: m})
		if err != nil {
			return nil, err
		}
		for _, r := range out.Items {
			for _, verb := range sortedKeys(r.ResourceMethods) {
				if i := r.ResourceMethods[verb].MethodIntegration; i != nil {
					if all, err = gather(all, verb+" "+aws.ToString(r.Path), i.Uri); err != nil {
						return nil, err
					}
				}
			}
		}
		return out.Position, nil
	})
	if err != nil {
		return all, err
	}
	return all, pages(func(m *string) (*string, error) {
		out, err := c.GetAuthorizers(ctx, &apigateway.GetAuthorizersInput{RestApiId: &id, Limit: aws.Int32(500), Position: m})
		if err != nil {
			return nil, err
		}
		for _, a := range out.Items {
			if all, err = gather(all, "authorizer "+aws.ToString(a.Name), a.AuthorizerUri); err != nil {
				return nil, err
			}
		}
		return out.Position, nil
	})
}
