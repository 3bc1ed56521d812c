package practices

import (
	"slices"
	"strings"
)

type httpAPI struct {
	ProtocolType      string
	CorsConfiguration *cors
}

func (f *Facts) eachHTTPAPI(judge func(a gatewayAPI, about Doc[httpAPI]) []Finding) []Finding {
	return f.eachAPI("apigatewayv2.apis", "apis", func(a gatewayAPI) []Finding {
		d := doc[httpAPI](f, "apigatewayv2.api", a.ARN, "")
		if !d.Has {
			return []Finding{unknown(a.ARN, orNone(d.Gap, d.Origin))}
		}
		return judge(a, d)
	})
}

// httpAuthorizer: a WebSocket API asks once, at $connect.
func httpAuthorizer(f *Facts) []Finding {
	return f.eachHTTPAPI(func(a gatewayAPI, about Doc[httpAPI]) []Finding {
		d := doc[struct {
			Items []struct{ RouteId, RouteKey, Target, AuthorizationType string } //nolint:revive // the API's name
		}](f, "apigatewayv2.routes", a.ARN, "")
		var out []Finding
		if d.Gap != nil {
			out = append(out, unknown(a.ARN, d.Gap))
		}
		for _, r := range d.V.Items {
			socket := about.V.ProtocolType == "WEBSOCKET"
			if socket && r.RouteKey != "$connect" || !socket && !a.where("integration "+strings.TrimPrefix(r.Target, "integrations/")) {
				continue
			}
			target := a.ARN + "/routes/" + r.RouteId
			if r.AuthorizationType != "" && r.AuthorizationType != "NONE" {
				out = append(out, pass(target, d.Origin, "%s asks who calls: %s", r.RouteKey, r.AuthorizationType).also(a.At))
				continue
			}
			out = append(out, fail(target, d.Origin, "%s of %s asks nobody who they are", r.RouteKey, a.Name).also(a.At).fix(
				run(shell("aws apigatewayv2 update-route --region %s --api-id %s --route-id %s --authorization-type AWS_IAM", f.Region, a.ID, r.RouteId)).
					note("calls without a signature of AWS's are refused from then on; for tokens, an authorizer takes its place").
					note(shell("where a stage does not deploy by itself: aws apigatewayv2 create-deployment --region %s --api-id %s --stage-name STAGE", f.Region, a.ID)).String(),
				hcl("resource \"aws_apigatewayv2_route\" \"route\" {\n  api_id             = %s\n  route_key          = %s\n  authorization_type = \"AWS_IAM\"\n}", a.ID, r.RouteKey)))
		}
		if len(out) == 0 {
			out = append(out, notApplicable(a.ARN, "none of its routes calls the function by itself"))
		}
		return out
	})
}

func httpCORS(f *Facts) []Finding {
	return f.eachHTTPAPI(func(a gatewayAPI, about Doc[httpAPI]) []Finding {
		if c := about.V.CorsConfiguration; c != nil && slices.Contains(c.AllowOrigins, "*") {
			return []Finding{fail(a.ARN, about.Origin, "every web site may call %s", a.Name).also(a.At).fix(
				run(shell("aws apigatewayv2 update-api --region %s --api-id %s --cors-configuration ", f.Region, a.ID)+c.forSite()).
					note("browsers on other sites "+refusedFromThenOn).ask("SITE", theSite).String(),
				hcl("resource \"aws_apigatewayv2_api\" \"api\" {\n  name          = %s\n  protocol_type = \"HTTP\"\n  cors_configuration {\n    allow_origins = [\"https://SITE\"]\n  }\n}", a.Name))}
		}
		return []Finding{pass(a.ARN, about.Origin, "not every web site may call it").also(a.At)}
	})
}

type httpStage struct {
	StageName            string
	AccessLogSettings    *struct{ DestinationArn string }
	DefaultRouteSettings *struct {
		ThrottlingRateLimit  float64
		ThrottlingBurstLimit int64
	}
}

func (f *Facts) eachHTTPStage(bad func(s httpStage) (what string, cli func(update string) script, terraform string), good string) []Finding {
	return f.eachHTTPAPI(func(a gatewayAPI, _ Doc[httpAPI]) []Finding {
		d := doc[struct{ Items []httpStage }](f, "apigatewayv2.stages", a.ARN, "")
		var out []Finding
		if d.Gap != nil {
			out = append(out, unknown(a.ARN, d.Gap))
		}
		for _, s := range d.V.Items {
			target := a.ARN + "/stages/" + s.StageName
			what, cli, terraform := bad(s)
			if what == "" {
				out = append(out, pass(target, d.Origin, good).also(a.At))
				continue
			}
			out = append(out, fail(target, d.Origin, "stage %s of %s "+what, s.StageName, a.Name).also(a.At).fix(
				cli(shell("aws apigatewayv2 update-stage --region %s --api-id %s --stage-name %s ", f.Region, a.ID, s.StageName)).String(),
				hcl("resource \"aws_apigatewayv2_stage\" \"stage\" {\n  api_id = %s\n  name   = %s\n  ", a.ID, s.StageName)+terraform+"\n}"))
		}
		if d.None {
			out = append(out, notApplicable(a.ARN, "it has no stage"))
		}
		return out
	})
}

func httpThrottling(f *Facts) []Finding {
	return f.eachHTTPStage(func(s httpStage) (string, func(string) script, string) {
		if d := s.DefaultRouteSettings; d != nil && d.ThrottlingRateLimit > 0 && d.ThrottlingBurstLimit > 0 {
			return "", nil, ""
		}
		return "has no limit of its own for all routes", func(update string) script {
			return run(update+`--default-route-settings "ThrottlingRateLimit=$RATE,ThrottlingBurstLimit=$BURST"`).note("what is beyond it is refused (429)").ask("RATE", aRate).ask("BURST", aBurst)
		}, "default_route_settings {\n    throttling_rate_limit  = 100\n    throttling_burst_limit = 50\n  }"
	}, "all its routes are throttled")
}

func httpAccessLogs(f *Facts) []Finding {
	return f.eachHTTPStage(func(s httpStage) (string, func(string) script, string) {
		if s.AccessLogSettings != nil && s.AccessLogSettings.DestinationArn != "" {
			return "", nil, ""
		}
		return "writes no access log", func(update string) script {
			return run(update+`--access-log-settings "DestinationArn=$LOG_GROUP_ARN,Format='`+strings.ReplaceAll(accessLine, "$", `\$`)+`'"`).ask("LOG_GROUP_ARN", aLogGroup)
		}, "access_log_settings {\n    destination_arn = \"LOG-GROUP-ARN\"\n    format          = \"$context.identity.sourceIp $context.requestId\"\n  }"
	}, "it writes an access log")
}
