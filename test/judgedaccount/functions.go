package judgedaccount

import "fmt"

// functions are told apart by how they are made.
func (m *maker) functions() {
	m.function("plain", nil, nil)
	vpc := func(subnets ...int) obj {
		var ids []string
		for _, i := range subnets {
			ids = append(ids, fmt.Sprintf("subnet-%017d", i))
		}
		return obj{"VpcConfig": obj{"SubnetIds": ids, "SecurityGroupIds": []string{"sg-0aaaaaaaaaaaaaaaa"}}}
	}
	m.function("vpc-one", vpc(1), nil)
	m.function("vpc-two", vpc(1, 2), nil)
	m.function("vpc-one-zone", vpc(1, 3), nil)

	settings := func(key string, more ...string) obj {
		v := obj{"STAGE": "prod"}
		for i := 0; i+1 < len(more); i += 2 {
			v[more[i]] = more[i+1]
		}
		out := obj{"Environment": obj{"Variables": v}}
		if key != "" {
			out["KMSKeyArn"] = m.keys[key]
		}
		return out
	}
	m.function("env-turning", settings("turning"), nil)
	m.function("env-still", settings("still"), nil)
	m.function("env-open", settings(""), nil)
	m.function("key-only", obj{"KMSKeyArn": m.keys["turning"]}, nil)

	m.function("layer-own", obj{"Layers": []string{arn("lambda", "layer:own:1")}}, nil)
	foreign := "arn:aws:lambda:" + Region + ":" + stranger + ":layer:theirs:1"
	m.function("layer-foreign", obj{"Layers": []string{foreign}}, nil)
	m.function("layer-both", obj{"Layers": []string{arn("lambda", "layer:own:1"), foreign}}, nil)

	m.function("admin-inline", nil, func(role string) { m.inline(role, allowAll) })
	m.function("admin-custom", nil, func(role string) { m.attach(role, "arn:aws:iam::"+ID+":policy/admin-custom") })
	m.function("admin-aws", nil, func(role string) { m.attach(role, "arn:aws:iam::aws:policy/AdministratorAccess") })
	m.function("modest-custom", nil, func(role string) { m.attach(role, "arn:aws:iam::"+ID+":policy/modest-custom") })
	m.function("modest-aws", nil, func(role string) {
		m.attach(role, "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
	})
	m.function("all-of-one", nil, func(role string) {
		m.inline(role, policy(`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::shop/*"}`))
	})

	for _, s := range []string{"secret-turning", "secret-still"} {
		secret := text(m.do("SecretsManager:CreateSecret", obj{"Name": s, "SecretString": "x"}), "ARN")
		m.function(s, settings("turning", "DB_SECRET_ARN", secret), nil)
	}
	m.do("SecretsManager:RotateSecret", obj{"SecretId": "secret-turning", "RotateImmediately": false, "RotationLambdaARN": arn("lambda", "function:plain"), "RotationRules": obj{"AutomaticallyAfterDays": 30}})
}

// doors are policies, URLs, APIs and logs.
func (m *maker) doors() {
	grant := func(name string, in obj) {
		m.function(name, nil, nil)
		in["FunctionName"], in["StatementId"] = name, "s"
		if in["Action"] == nil {
			in["Action"] = "lambda:InvokeFunction"
		}
		m.do("Lambda:AddPermission", in)
	}
	grant("open-all", obj{"Principal": "*"})
	grant("open-org", obj{"Principal": "*", "PrincipalOrgID": "o-a1b2c3d4e5"})
	grant("open-account", obj{"Principal": "*", "SourceAccount": ID})
	grant("open-url", obj{"Principal": "*", "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"})
	grant("open-partner", obj{"Principal": stranger})
	grant("open-bucket", obj{"Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::shop", "SourceAccount": ID})
	grant("open-service", obj{"Principal": "sns.amazonaws.com"})

	url := func(name, auth string, cors obj) {
		m.function(name, nil, nil)
		in := obj{"FunctionName": name, "AuthType": auth}
		if cors != nil {
			in["Cors"] = cors
		}
		m.do("Lambda:CreateFunctionUrlConfig", in)
	}
	url("url-iam", "AWS_IAM", nil)
	url("url-none", "NONE", nil)
	url("url-wide", "AWS_IAM", obj{"AllowOrigins": []string{"*"}})
	url("url-narrow", "AWS_IAM", obj{"AllowOrigins": []string{"https://shop.example"}})

	for name, key := range map[string]string{"logs-key": "turning", "logs-open": ""} {
		m.function(name, nil, nil)
		in := obj{"logGroupName": "/aws/lambda/" + name}
		if key != "" {
			m.do("KMS:PutKeyPolicy", obj{"KeyId": m.keys[key], "PolicyName": "default", "Policy": policy(
				fmt.Sprintf(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"kms:*","Resource":"*"}`, ID),
				fmt.Sprintf(`{"Effect":"Allow","Principal":{"Service":"logs.%s.amazonaws.com"},"Action":["kms:Encrypt*","kms:Decrypt*","kms:ReEncrypt*","kms:GenerateDataKey*","kms:Describe*"],"Resource":"*"}`, Region))})
			in["kmsKeyId"] = m.keys[key]
		}
		m.do("CloudWatchLogs:CreateLogGroup", in)
	}
	m.rest("rest-guarded", true)
	m.rest("rest-open", false)
	m.http("http-logged", true)
	m.http("http-silent", false)
}

func (m *maker) rest(name string, guarded bool) {
	m.function(name, nil, nil)
	api := m.do("APIGateway:CreateRestApi", obj{"name": name})
	id, root := text(api, "id"), text(api, "rootResourceId")
	m.do("APIGateway:PutMethod", obj{"restApiId": id, "resourceId": root, "httpMethod": "POST", "authorizationType": "AWS_IAM"})
	m.do("APIGateway:PutIntegration", obj{"restApiId": id, "resourceId": root, "httpMethod": "POST", "type": "AWS_PROXY", "integrationHttpMethod": "POST",
		"uri": "arn:aws:apigateway:" + Region + ":lambda:path/2015-03-31/functions/" + arn("lambda", "function:"+name) + "/invocations"})
	m.do("APIGateway:CreateDeployment", obj{"restApiId": id, "stageName": "prod"})
	if guarded {
		m.cloud.StageGatewayWebACL(ID, Region, id, "prod", arn("wafv2", "regional/webacl/front/a1b2"))
	}
}

func (m *maker) http(name string, logged bool) {
	m.function(name, nil, nil)
	id := text(m.do("ApiGatewayV2:CreateApi", obj{"Name": name, "ProtocolType": "HTTP"}), "ApiId")
	to := text(m.do("ApiGatewayV2:CreateIntegration", obj{"ApiId": id, "IntegrationType": "AWS_PROXY", "IntegrationUri": arn("lambda", "function:"+name), "PayloadFormatVersion": "2.0"}), "IntegrationId")
	m.do("ApiGatewayV2:CreateRoute", obj{"ApiId": id, "RouteKey": "POST /pay", "Target": "integrations/" + to, "AuthorizationType": "AWS_IAM"})
	in := obj{"ApiId": id, "StageName": "prod"}
	if logged {
		in["AccessLogSettings"] = obj{"DestinationArn": arn("logs", "log-group:access"), "Format": "$context.requestId"}
	}
	m.do("ApiGatewayV2:CreateStage", in)
}
