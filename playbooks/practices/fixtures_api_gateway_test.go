package practices

func integrationURI(function string) string {
	return "arn:aws:apigateway:" + region + ":lambda:path/2015-03-31/functions/" + functionARN(function) + "/invocations"
}

// apiGatewayAfter gives the alias a URL, and makes a REST and an HTTP API that call it.
func apiGatewayAfter(w *world) {
	for _, q := range []obj{{}, {"Qualifier": "live"}} {
		q["FunctionName"], q["AuthType"], q["Cors"] = till, "AWS_IAM", obj{"AllowOrigins": []string{"https://shop.example"}}
		w.do("Lambda:CreateFunctionUrlConfig", q)
	}
	api := w.do("APIGateway:CreateRestApi", obj{"name": "orders"})
	w.ids["rest"], w.ids["root"] = text(api, "id"), text(api, "rootResourceId")
	w.ids["validator"] = text(w.do("APIGateway:CreateRequestValidator", obj{"restApiId": w.ids["rest"], "name": "body", "validateRequestBody": true}), "id")
	w.method("POST", "AWS_IAM", w.ids["validator"])
	w.restStage("prod", true, true, true)
	w.ids["http"] = w.httpAPI("shop", "https://shop.example")
}

func (w *world) method(verb, authorization, validator string) {
	in := obj{"restApiId": w.ids["rest"], "resourceId": w.ids["root"], "httpMethod": verb, "authorizationType": authorization}
	if validator != "" {
		in["requestValidatorId"] = validator
	}
	w.do("APIGateway:PutMethod", in)
	w.do("APIGateway:PutIntegration", obj{"restApiId": w.ids["rest"], "resourceId": w.ids["root"], "httpMethod": verb, "type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": integrationURI(till + ":live")})
}

func (w *world) restStage(name string, throttled, logged, guarded bool) {
	w.do("APIGateway:CreateDeployment", obj{"restApiId": w.ids["rest"], "stageName": name})
	var patches []obj
	patch := func(path, value string) {
		patches = append(patches, obj{"op": "replace", "path": path, "value": value})
	}
	if throttled {
		patch("/*/*/throttling/rateLimit", "100")
		patch("/*/*/throttling/burstLimit", "50")
	}
	if logged {
		patch("/accessLogSettings/destinationArn", arn("logs", "log-group:access"))
	}
	w.do("APIGateway:UpdateStage", obj{"restApiId": w.ids["rest"], "stageName": name, "patchOperations": patches})
	if guarded {
		w.cloud.StageGatewayWebACL(account, region, w.ids["rest"], name, arn("wafv2", "regional/webacl/front/a1b2"))
	}
}

// httpAPI makes one with a route that calls the alias.
func (w *world) httpAPI(name, origin string) string {
	id := text(w.do("ApiGatewayV2:CreateApi", obj{"Name": name, "ProtocolType": "HTTP", "CorsConfiguration": obj{"AllowOrigins": []string{origin}}}), "ApiId")
	to := text(w.do("ApiGatewayV2:CreateIntegration", obj{"ApiId": id, "IntegrationType": "AWS_PROXY", "IntegrationUri": functionARN(till + ":live"), "PayloadFormatVersion": "2.0"}), "IntegrationId")
	w.ids["integration"] = to
	w.do("ApiGatewayV2:CreateRoute", obj{"ApiId": id, "RouteKey": "POST /pay", "Target": "integrations/" + to, "AuthorizationType": "AWS_IAM"})
	w.httpStage(id, "prod", true, true)
	return id
}

func (w *world) httpStage(id, name string, throttled, logged bool) {
	in := obj{"ApiId": id, "StageName": name}
	if throttled {
		in["DefaultRouteSettings"] = obj{"ThrottlingBurstLimit": 10, "ThrottlingRateLimit": 5}
	}
	if logged {
		in["AccessLogSettings"] = obj{"DestinationArn": arn("logs", "log-group:access"), "Format": "$context.requestId"}
	}
	w.do("ApiGatewayV2:CreateStage", in)
}

func apiGatewayFixtures() []fixture {
	// Policies say whether APIs of other accounts may call it.
	urls, rest, web := []string{"lambda.urls"}, []string{"apigateway.apis", "lambda.policy"}, []string{"apigatewayv2.apis", "lambda.policy"}
	return []fixture{
		{check: "api-gateway/url-auth", collectors: urls, denied: "Lambda:ListFunctionUrlConfigs", fail: func(w *world) {
			w.do("Lambda:UpdateFunctionUrlConfig", obj{"FunctionName": till, "Qualifier": "live", "AuthType": "NONE"})
		}},
		{check: "api-gateway/url-cors", collectors: urls, denied: "Lambda:ListFunctionUrlConfigs", fail: func(w *world) {
			w.do("Lambda:UpdateFunctionUrlConfig", obj{"FunctionName": till, "Qualifier": "live", "Cors": obj{"AllowOrigins": []string{"*"}}})
		}},
		{check: "api-gateway/rest-authorizer", collectors: rest, denied: "APIGateway:GetResources", fail: func(w *world) { w.method("GET", "NONE", w.ids["validator"]) }},
		{check: "api-gateway/rest-validation", collectors: rest, denied: "APIGateway:GetRestApis", fail: func(w *world) { w.method("GET", "AWS_IAM", "") }},
		{check: "api-gateway/rest-throttling", collectors: rest, denied: "APIGateway:GetStages", fail: func(w *world) { w.restStage("test", false, true, true) }},
		{check: "api-gateway/rest-access-logs", collectors: rest, denied: "APIGateway:GetStages", fail: func(w *world) { w.restStage("test", true, false, true) }},
		{check: "api-gateway/rest-waf", collectors: rest, denied: "APIGateway:GetStages", fail: func(w *world) { w.restStage("test", true, true, false) }},
		{check: "api-gateway/http-authorizer", collectors: web, denied: "ApiGatewayV2:GetRoutes", fail: func(w *world) {
			w.do("ApiGatewayV2:CreateRoute", obj{"ApiId": w.ids["http"], "RouteKey": "GET /pay", "Target": "integrations/" + w.ids["integration"]})
		}},
		{check: "api-gateway/http-throttling", collectors: web, denied: "ApiGatewayV2:GetStages", fail: func(w *world) { w.httpStage(w.ids["http"], "test", false, true) }},
		{check: "api-gateway/http-access-logs", collectors: web, denied: "ApiGatewayV2:GetStages", fail: func(w *world) { w.httpStage(w.ids["http"], "test", true, false) }},
		{check: "api-gateway/http-cors", collectors: web, denied: "ApiGatewayV2:GetApi", fail: func(w *world) { w.httpAPI("second", "*") }},
	}
}
