package practices

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// apiGateway: who may call the function over HTTP, how often, and with what: function URLs of every
// alias, REST APIs, HTTP and WebSocket APIs.
func apiGateway() []Check {
	ref := func(more ...Reference) []Reference { return append(more, Reference{CSF, "PR.AA-03"}) }
	rest := func(more ...string) []string {
		return append([]string{"apigateway.apis", "apigateway.resources", "apigateway.stages"}, more...)
	}
	web := func(more ...string) []string {
		return append([]string{"apigatewayv2.apis", "apigatewayv2.api", "apigatewayv2.stages"}, more...)
	}
	return []Check{
		{ID: "api-gateway/url-auth", Area: APIGateway, Severity: Critical, Reads: []string{"lambda.urls"}, Look: urlAuth, Traces: []string{"CreateFunctionUrlConfig", "UpdateFunctionUrlConfig"},
			Title: "Every function URL, aliases' too, asks who calls", Why: "Anybody on the internet can call it, and AWS writes no name down.", References: ref(Reference{Prowler, "awslambda_function_url_public"}, Reference{ATTACK, "T1133"})},
		{ID: "api-gateway/url-cors", Area: APIGateway, Severity: Medium, Reads: []string{"lambda.urls"}, Look: urlCORS, Traces: []string{"UpdateFunctionUrlConfig"},
			Title: "No function URL lets every web site call it", Why: "Any page that a user opens can call it in that user's browser.", References: ref(Reference{Prowler, "awslambda_function_url_cors_policy"})},
		{ID: "api-gateway/rest-authorizer", Area: APIGateway, Severity: High, Reads: rest("apigateway.api"), Look: restAuthorizer,
			Title: "Every method of a REST API that calls this function asks who calls", Why: "An API may have an authorizer, and the one method that reaches this function none.", References: ref(Reference{Prowler, "apigateway_restapi_authorizers_enabled"}, Reference{ATTACK, "T1190"})},
		{ID: "api-gateway/rest-validation", Area: APIGateway, Severity: Low, Reads: rest(), Look: restValidation,
			Title: "Requests to methods that call this function are validated", Why: "Whatever is sent reaches the code.", References: []Reference{{ATTACK, "T1190"}, {CSF, "PR.PS-06"}}},
		{ID: "api-gateway/rest-throttling", Area: APIGateway, Severity: Medium, Reads: rest(), Look: restThrottling,
			Title: "Stages of REST APIs that call it are throttled", Why: "One caller uses up the account's concurrency, or its budget.", References: []Reference{{ATTACK, "T1499.003"}, {CSF, "PR.IR-04"}}},
		{ID: "api-gateway/rest-waf", Area: APIGateway, Severity: Medium, Reads: rest(), Look: restWAF,
			Title: "A web ACL stands before the stages of REST APIs that call it", Why: "Known exploits reach the code.", References: []Reference{{FSBP, "APIGateway.4"}, {Prowler, "apigateway_restapi_waf_acl_attached"}, {ATTACK, "T1190"}, {CSF, "PR.IR-01"}}},
		{ID: "api-gateway/rest-access-logs", Area: APIGateway, Severity: Medium, Reads: rest(), Look: restAccessLogs,
			Title: "Stages of REST APIs that call it write access logs", Why: "Who called, from where, is not written down.", References: []Reference{{FSBP, "APIGateway.1"}, {Prowler, "apigateway_restapi_logging_enabled"}, {CSF, "PR.PS-04"}}},
		{ID: "api-gateway/http-authorizer", Area: APIGateway, Severity: High, Reads: web("apigatewayv2.routes"), Look: httpAuthorizer,
			Title: "Every route of an HTTP or WebSocket API that calls this function asks who calls", Why: "An API may have an authorizer, and the one route that reaches this function none.", References: ref(Reference{FSBP, "APIGateway.8"}, Reference{Prowler, "apigatewayv2_api_authorizers_enabled"}, Reference{ATTACK, "T1190"})},
		{ID: "api-gateway/http-throttling", Area: APIGateway, Severity: Medium, Reads: web(), Look: httpThrottling,
			Title: "Stages of HTTP and WebSocket APIs that call it are throttled", Why: "One caller uses up the account's concurrency, or its budget.", References: []Reference{{ATTACK, "T1499.003"}, {CSF, "PR.IR-04"}}},
		{ID: "api-gateway/http-cors", Area: APIGateway, Severity: Medium, Reads: web(), Look: httpCORS,
			Title: "No HTTP API that calls it lets every web site call it", Why: "Any page that a user opens can call it in that user's browser.", References: ref()},
		{ID: "api-gateway/http-access-logs", Area: APIGateway, Severity: Medium, Reads: web(), Look: httpAccessLogs,
			Title: "Stages of HTTP and WebSocket APIs that call it write access logs", Why: "Who called, from where, is not written down.", References: []Reference{{FSBP, "APIGateway.9"}, {Prowler, "apigatewayv2_api_access_logging_enabled"}, {CSF, "PR.PS-04"}}},
	}
}

type functionURL struct {
	FunctionArn, FunctionUrl, AuthType string //nolint:revive // the API's names
	Cors                               *cors
}

// cors are the settings of a function URL or an HTTP API: what is put replaces all of them.
type cors struct {
	AllowCredentials bool     `json:",omitempty"`
	AllowHeaders     []string `json:",omitempty"`
	AllowMethods     []string `json:",omitempty"`
	AllowOrigins     []string `json:",omitempty"`
	ExposeHeaders    []string `json:",omitempty"`
	MaxAge           int64    `json:",omitempty"`
}

// forSite are the options with another origin, as the AWS CLI takes them. "$SITE" is the shell's.
func (c cors) forSite() string {
	c.AllowOrigins = nil
	rest, err := json.Marshal(c)
	if err != nil {
		rest = []byte("{}") // of text, numbers and a switch this cannot be
	}
	before := strings.TrimSuffix(string(rest), "}")
	if before != "{" {
		before += ","
	}
	return shell("%s", before+`"AllowOrigins":["`) + `"$SITE"` + `'"]}'`
}

// eachURL judges the function URLs of all aliases and of the function.
func (f *Facts) eachURL(judge func(u functionURL, at Origin) Finding) []Finding {
	d := doc[struct{ FunctionUrlConfigs []functionURL }](f, "lambda.urls", "", "")
	var out []Finding
	for _, u := range d.V.FunctionUrlConfigs {
		out = append(out, judge(u, d.Origin))
	}
	switch {
	case d.Gap != nil:
		out = append(out, unknown(f.Function, d.Gap))
	case len(out) == 0:
		out = append(out, pass(f.Function, d.Origin, "it has no URL"))
	}
	return out
}

// fixURL updates the URL of the function or of one alias.
func (f *Facts) fixURL(x Finding, u functionURL, s script, options, terraform string) Finding {
	qualifier := strings.TrimPrefix(strings.TrimPrefix(u.FunctionArn, f.Function), ":")
	command, hclText := shell("aws lambda update-function-url-config --region %s --function-name %s ", f.Region, f.Name), hcl("resource \"aws_lambda_function_url\" \"url\" {\n  function_name = %s\n", f.Name)
	if qualifier != "" {
		command, hclText = command+shell("--qualifier %s ", qualifier), hclText+hcl("  qualifier = %s\n", qualifier)
	}
	return x.fix(s.then(command+options).String(), hclText+"  "+terraform+"\n}")
}

func urlAuth(f *Facts) []Finding {
	return f.eachURL(func(u functionURL, at Origin) Finding {
		if u.AuthType == "AWS_IAM" {
			return pass(u.FunctionArn, at, "its URL asks for a signature")
		}
		return f.fixURL(fail(u.FunctionArn, at, "%s asks nobody who they are: %s", u.FunctionUrl, u.AuthType), u, run().note("calls without a signature of AWS's are refused from then on: browsers and webhooks make none"), "--auth-type AWS_IAM", `authorization_type = "AWS_IAM"`)
	})
}

func urlCORS(f *Facts) []Finding {
	return f.eachURL(func(u functionURL, at Origin) Finding {
		if u.Cors == nil || !slices.Contains(u.Cors.AllowOrigins, "*") {
			return pass(u.FunctionArn, at, "not every web site may call it")
		}
		return f.fixURL(fail(u.FunctionArn, at, "every web site may call %s", u.FunctionUrl), u, run().note("browsers on other sites "+refusedFromThenOn).ask("SITE", theSite), "--cors "+u.Cors.forSite(), "cors {\n    allow_origins = [\"https://SITE\"]\n  }")
	})
}

// gatewayAPI is one that calls the function.
type gatewayAPI struct {
	ID, Name string
	Calls    []struct{ Where, Uri, Stage string } //nolint:revive // the API's name
	ARN      string                               `json:"-"`
	At       Origin                               `json:"-"`
}

func (a gatewayAPI) where(what string) bool {
	return slices.ContainsFunc(a.Calls, func(c struct{ Where, Uri, Stage string }) bool { return c.Where == what }) //nolint:revive // the API's name
}

// eachAPI judges the APIs of a kind that call the function.
func (f *Facts) eachAPI(artefact, kind string, judge func(a gatewayAPI) []Finding) []Finding {
	d := doc[struct{ APIs []gatewayAPI }](f, artefact, "", "")
	var out []Finding
	if d.Gap != nil {
		out = append(out, unknown(f.Function, d.Gap))
	}
	if slices.Contains(f.qualifiers(artefact, ""), "*") {
		out = append(out, unknown(f.Function, orNone(doc[struct{}](f, artefact, "", "*").Gap, d.Origin)))
	}
	for _, a := range d.V.APIs {
		a.ARN, a.At = "arn:"+part(f.Function, 1)+":apigateway:"+f.Region+"::/"+kind+"/"+a.ID, d.Origin
		out = append(out, judge(a)...)
	}
	if d.None {
		out = append(out, notApplicable(f.Function, "no such API calls it"))
	}
	return out
}

type restMethod struct {
	HTTPMethod         string `json:"httpMethod"`
	AuthorizationType  string `json:"authorizationType"`
	RequestValidatorID string `json:"requestValidatorId"`
}

type restResource struct {
	ID      string                `json:"id"`
	Path    string                `json:"path"`
	Methods map[string]restMethod `json:"resourceMethods"`
}

// eachMethod judges the methods of REST APIs that call the function. bad says what is wrong, with
// the patch that mends it.
func (f *Facts) eachMethod(bad func(m restMethod) (what string, cli func(patch string) script, terraform string), excused func(a gatewayAPI) (bool, *Gap), good string) []Finding {
	return f.eachAPI("apigateway.apis", "restapis", func(a gatewayAPI) []Finding {
		d := doc[struct {
			Items []restResource `json:"items"`
		}](f, "apigateway.resources", a.ARN, "")
		var out []Finding
		if d.Gap != nil {
			out = append(out, unknown(a.ARN, d.Gap))
		}
		for _, r := range d.V.Items {
			for _, verb := range slices.Sorted(keys(r.Methods)) {
				m := r.Methods[verb]
				if !a.where(verb + " " + r.Path) {
					continue
				}
				target := a.ARN + "/resources/" + r.ID + "/methods/" + verb
				what, cli, terraform := bad(m)
				ok, gap := false, (*Gap)(nil)
				if what != "" && excused != nil {
					ok, gap = excused(a)
				}
				switch {
				case what == "" || ok:
					out = append(out, pass(target, d.Origin, "%s %s: "+good, verb, r.Path).also(a.At))
				case gap != nil:
					out = append(out, unknown(target, gap))
				default:
					out = append(out, fail(target, d.Origin, "%s %s of %s "+what, verb, r.Path, a.Name).also(a.At).fix(cli(
						shell("aws apigateway update-method --region %s --rest-api-id %s --resource-id %s --http-method %s --patch-operations ", f.Region, a.ID, r.ID, verb)).
						then(shell(`aws apigateway create-deployment --region %s --rest-api-id %s --stage-name "$STAGE"`, f.Region, a.ID)).
						ask("STAGE", "the stage that callers use. All that was changed in the API since it was deployed last goes out with it").String(),
						hcl("resource \"aws_api_gateway_method\" \"method\" {\n  rest_api_id = %s\n  resource_id = %s\n  http_method = %s\n  ", a.ID, r.ID, verb)+terraform+"\n}"))
				}
			}
		}
		if len(out) == 0 {
			out = append(out, notApplicable(a.ARN, "none of its methods calls the function by itself"))
		}
		return out
	})
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func restAuthorizer(f *Facts) []Finding {
	return f.eachMethod(func(m restMethod) (string, func(string) script, string) {
		if m.AuthorizationType != "" && m.AuthorizationType != "NONE" || m.HTTPMethod == "OPTIONS" {
			return "", nil, ""
		}
		return "asks nobody who they are", func(patch string) script {
			return run(patch + "op=replace,path=/authorizationType,value=AWS_IAM").note("calls without a signature of AWS's are refused from then on; for tokens, an authorizer takes its place")
		}, `authorization = "AWS_IAM"`
	}, f.narrowAPI, "it asks who calls, or the API's policy does")
}

// narrowAPI says whether an API's own policy admits not everybody. API Gateway gives it as JSON
// text with escaped quotes.
func (f *Facts) narrowAPI(a gatewayAPI) (bool, *Gap) {
	d := doc[struct {
		Policy string `json:"policy"`
	}](f, "apigateway.api", a.ARN, "")
	if !d.Has {
		return false, orNone(d.Gap, d.Origin)
	}
	if d.V.Policy == "" {
		return false, nil
	}
	p, err := iampolicy.Parse(strings.ReplaceAll(d.V.Policy, `\"`, `"`))
	if err != nil {
		return false, malformed(d.Origin)
	}
	return !slices.ContainsFunc(p.Statements, func(s iampolicy.Statement) bool { return s.Expose(f.Account).Reach == iampolicy.Public }), nil
}

func restValidation(f *Facts) []Finding {
	return f.eachMethod(func(m restMethod) (string, func(string) script, string) {
		if m.RequestValidatorID != "" {
			return "", nil, ""
		}
		return "validates nothing", func(patch string) script {
			return run(patch+`"op=replace,path=/requestValidatorId,value=$VALIDATOR_ID"`).note("requests that do not fit are refused from then on").
				ask("VALIDATOR_ID", "the id of a validator of this API (aws apigateway get-request-validators; create-request-validator makes one). It holds requests against the models and parameters that the method names")
		}, `request_validator_id = "VALIDATOR-ID"`
	}, nil, "a validator looks at requests")
}

type restStage struct {
	Name     string `json:"stageName"`
	WebACL   string `json:"webAclArn"`
	Settings map[string]struct {
		Rate  float64 `json:"throttlingRateLimit"`
		Burst int64   `json:"throttlingBurstLimit"`
	} `json:"methodSettings"`
	AccessLogs struct {
		Destination string `json:"destinationArn"`
	} `json:"accessLogSettings"`
}

// eachRESTStage judges the stages of REST APIs that call the function.
func (f *Facts) eachRESTStage(bad func(a gatewayAPI, s restStage) (what string, cli script, terraform string), good string) []Finding {
	return f.eachAPI("apigateway.apis", "restapis", func(a gatewayAPI) []Finding {
		d := doc[struct {
			Items []restStage `json:"item"`
		}](f, "apigateway.stages", a.ARN, "")
		var out []Finding
		if d.Gap != nil {
			out = append(out, unknown(a.ARN, d.Gap))
		}
		for _, s := range d.V.Items {
			target := a.ARN + "/stages/" + s.Name
			what, cli, terraform := bad(a, s)
			if what == "" {
				out = append(out, pass(target, d.Origin, good).also(a.At))
				continue
			}
			out = append(out, fail(target, d.Origin, "stage %s of %s "+what, s.Name, a.Name).also(a.At).fix(cli.String(), hcl("# of rest_api_id = %s, stage_name = %s\n", a.ID, s.Name)+terraform))
		}
		if d.None {
			out = append(out, notApplicable(a.ARN, "it is not deployed"))
		}
		return out
	})
}

const (
	theSite    = "the site whose pages call it, as https://shop.example"
	aRate      = "calls a second, more than there are on a busy day"
	aBurst     = "calls at once, more than there are on a busy day"
	aLogGroup  = "the ARN of a log group that is there, without :* at its end"
	accessLine = "$context.requestTime $context.identity.sourceIp $context.identity.userArn $context.httpMethod $context.path $context.status $context.requestId"
)

// patchStage updates a stage at once: no deployment is needed.
func (f *Facts) patchStage(a gatewayAPI, s restStage, patches string) script {
	return run(shell("aws apigateway update-stage --region %s --rest-api-id %s --stage-name %s --patch-operations ", f.Region, a.ID, s.Name) + patches)
}

func restThrottling(f *Facts) []Finding {
	return f.eachRESTStage(func(a gatewayAPI, s restStage) (string, script, string) {
		if m, ok := s.Settings["*/*"]; ok && m.Rate > 0 && m.Burst > 0 {
			return "", script{}, ""
		}
		return "has no limit of its own for all methods", f.patchStage(a, s, `"op=replace,path=/*/*/throttling/rateLimit,value=$RATE" "op=replace,path=/*/*/throttling/burstLimit,value=$BURST"`).
				note("what is beyond it is refused (429)").ask("RATE", aRate).ask("BURST", aBurst),
			"resource \"aws_api_gateway_method_settings\" \"all\" {\n  method_path = \"*/*\"\n  settings {\n    throttling_rate_limit  = 100\n    throttling_burst_limit = 50\n  }\n}"
	}, "all its methods are throttled")
}

func restWAF(f *Facts) []Finding {
	return f.eachRESTStage(func(a gatewayAPI, s restStage) (string, script, string) {
		if s.WebACL != "" {
			return "", script{}, ""
		}
		return "has no web ACL", run(shell(`aws wafv2 associate-web-acl --region %s --web-acl-arn "$WEB_ACL_ARN" --resource-arn %s`, f.Region, a.ARN+"/stages/"+s.Name)).
			ask("WEB_ACL_ARN", shell("the ARN of a regional web ACL in %s (aws wafv2 list-web-acls --scope REGIONAL). What its rules block is refused: let it count first", f.Region)), "resource \"aws_wafv2_web_acl_association\" \"stage\" {\n  resource_arn = \"STAGE-ARN\"\n  web_acl_arn  = \"WEB-ACL-ARN\"\n}"
	}, "a web ACL stands before it")
}

func restAccessLogs(f *Facts) []Finding {
	return f.eachRESTStage(func(a gatewayAPI, s restStage) (string, script, string) {
		if s.AccessLogs.Destination != "" {
			return "", script{}, ""
		}
		return "writes no access log", f.patchStage(a, s, `"op=replace,path=/accessLogSettings/destinationArn,value=$LOG_GROUP_ARN" 'op=replace,path=/accessLogSettings/format,value=`+accessLine+`'`).
			note("the account needs a role by which API Gateway may write logs (aws apigateway get-account)").ask("LOG_GROUP_ARN", aLogGroup), "resource \"aws_api_gateway_stage\" \"stage\" {\n  access_log_settings {\n    destination_arn = \"LOG-GROUP-ARN\"\n    format          = \"$context.identity.sourceIp $context.requestId\"\n  }\n}"
	}, "it writes an access log")
}
