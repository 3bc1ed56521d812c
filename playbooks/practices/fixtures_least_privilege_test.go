package practices

import "fmt"

const tillRole = "till-role"

// trusted lets Lambda assume a role for one function.
func trusted(function string) string {
	return policy(fmt.Sprintf(`{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"ArnEquals":{"aws:SourceArn":%q}}}`, functionARN(function)))
}

// tillPolicy is all that a function needs.
func tillPolicy(function string, more ...string) string {
	return policy(append([]string{fmt.Sprintf(`{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":[%q,%q]}`, arn("logs", "log-group:/aws/lambda/"+function+":*"), arn("logs", "log-group:/shop/*"))}, more...)...)
}

// makeRole makes an execution role that any function may have until bound is called.
func (w *world) makeRole(name, doc string) {
	w.do("IAM:CreateRole", obj{"RoleName": name, "PermissionsBoundary": "arn:aws:iam::" + account + ":policy/edge",
		"AssumeRolePolicyDocument": policy(`{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`)})
	w.do("IAM:PutRolePolicy", obj{"RoleName": name, "PolicyName": "own", "PolicyDocument": doc})
}

// leastPrivilegeBefore makes the roles, and a layer of the account's own.
func leastPrivilegeBefore(w *world) {
	w.do("IAM:CreatePolicy", obj{"PolicyName": "edge", "PolicyDocument": allowAll})
	w.do("IAM:CreatePolicy", obj{"PolicyName": "attached", "PolicyDocument": policy(fmt.Sprintf(`{"Effect":"Allow","Action":"sqs:SendMessage","Resource":%q}`, arn("sqs", "till-failed")))})
	for _, f := range []string{till, image} {
		role := f + "-role"
		w.makeRole(role, tillPolicy(f))
		w.do("IAM:AttachRolePolicy", obj{"RoleName": role, "PolicyArn": "arn:aws:iam::" + account + ":policy/attached"})
		w.set("Role", roleARN(role), f)
	}
	layer := w.do("Lambda:PublishLayerVersion", obj{"LayerName": "tracing", "Content": obj{"ZipFile": zipped("layer")}})
	w.do("Lambda:AddLayerVersionPermission", obj{"LayerName": "tracing", "VersionNumber": 1, "StatementId": "own", "Action": "lambda:GetLayerVersion", "Principal": account})
	w.set("Layers", []string{text(layer, "LayerVersionArn")}, till)
	w.set("Runtime", "python3.13", till)
	w.set("Handler", "index.handler", till)
	w.set("Code", obj{"ZipFile": zipped("1")}, till)
	w.variable("STAGE", "prod")
	w.do("SNS:CreateTopic", obj{"Name": "orders"})
	w.do("SQS:CreateQueue", obj{"QueueName": "till-failed"})
}

// leastPrivilegeAfter lets a topic of the account call every qualifier, and lets the functions
// turn to every service that their policies open.
func leastPrivilegeAfter(w *world) {
	for _, q := range []string{"", "live", "1"} {
		w.grant(q, obj{"StatementId": "topic", "Principal": "sns.amazonaws.com", "SourceArn": arn("sns", "orders"), "SourceAccount": account})
	}
	for _, f := range []string{till, image} {
		w.use(f)
		w.do("IAM:UpdateAssumeRolePolicy", obj{"RoleName": f + "-role", "PolicyDocument": trusted(f)})
	}
}

// use makes a function turn to every service that its policies open.
func (w *world) use(function string) {
	keys, err := w.cloud.ExecutionCredentials(functionARN(function))
	if err != nil {
		w.t.Fatal(err)
	}
	w.as(keys, "CloudWatchLogs:CreateLogStream", obj{"logGroupName": "/aws/lambda/" + function, "logStreamName": "2026/11/26/[$LATEST]0123456789abcdef0123456789abcdef"})
	w.as(keys, "SQS:SendMessage", obj{"QueueUrl": "https://sqs." + region + ".amazonaws.com/" + account + "/till-failed", "MessageBody": "x"})
}

// grant adds a permission to a qualifier's policy.
func (w *world) grant(qualifier string, more obj) {
	in := obj{"FunctionName": till, "Action": "lambda:InvokeFunction"}
	if qualifier != "" {
		in["Qualifier"] = qualifier
	}
	for k, v := range more {
		in[k] = v
	}
	w.do("Lambda:AddPermission", in)
}

func putRole(statement string) func(*world) {
	return func(w *world) {
		w.do("IAM:PutRolePolicy", obj{"RoleName": tillRole, "PolicyName": "own", "PolicyDocument": tillPolicy(till, statement)})
	}
}

func putTrust(statement string) func(*world) {
	return func(w *world) {
		doc := trusted(till)
		w.do("IAM:UpdateAssumeRolePolicy", obj{"RoleName": tillRole, "PolicyDocument": doc[:len(doc)-2] + "," + statement + "]}"})
	}
}

func putGrant(qualifier string, in obj) func(*world) {
	return func(w *world) { w.grant(qualifier, in) }
}

func leastPrivilegeFixtures() []fixture {
	const trustAlone = "a trust that admits another does not name this function alone: whether others have the role is not known"
	role, policies := []string{"iam.role"}, []string{"lambda.policy"}
	return []fixture{
		{check: "least-privilege/admin-role", fail: putRole(`{"Effect":"Allow","Action":"*","Resource":"*"}`), collectors: role, denied: "IAM:GetRolePolicy"},
		{check: "least-privilege/service-wildcard", fail: putRole(`{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"}`), collectors: role, denied: "IAM:ListRolePolicies"},
		{check: "least-privilege/not-action", fail: putRole(`{"Effect":"Allow","NotAction":["iam:*","lambda:*","ec2:*","cloudformation:*","glue:*","ecs:*","codebuild:*","states:*","sagemaker:*","ssm:*"],"Resource":"*"}`), collectors: role, denied: "IAM:ListAttachedRolePolicies"},
		{check: "least-privilege/pass-role-any", fail: putRole(`{"Effect":"Allow","Action":"iam:PassRole","Resource":"*"}`), collectors: role, denied: "IAM:GetPolicyVersion"},
		{check: "least-privilege/assume-any-role", fail: putRole(`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`), collectors: role, denied: "IAM:GetPolicy"},
		{check: "least-privilege/escalation-path", fail: putRole(`{"Effect":"Allow","Action":"iam:PutRolePolicy","Resource":"` + roleARN(tillRole) + `"}`), collectors: role, denied: "IAM:GetRolePolicy"},
		{check: "least-privilege/boundary", fail: func(w *world) { w.do("IAM:DeleteRolePermissionsBoundary", obj{"RoleName": tillRole}) }, collectors: role, denied: "IAM:GetRole"},
		{check: "least-privilege/trust-only-lambda", fail: putTrust(`{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"sts:AssumeRole"}`), collectors: role, denied: "IAM:GetRole", also: map[string]string{"least-privilege/shared-role": trustAlone}},
		{check: "least-privilege/trust-foreign", fail: putTrust(`{"Effect":"Allow","Principal":{"AWS":"` + stranger + `"},"Action":"sts:AssumeRole"}`), collectors: role, denied: "IAM:GetRole", also: map[string]string{"least-privilege/shared-role": trustAlone}},
		{check: "least-privilege/shared-role", with: []string{"other"}, collectors: role, denied: "IAM:GetRole", fail: func(w *world) {
			w.do("IAM:UpdateAssumeRolePolicy", obj{"RoleName": tillRole, "PolicyDocument": policy(`{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`)})
			w.do("Lambda:CreateFunction", obj{"FunctionName": "other", "Role": roleARN(tillRole), "Runtime": "python3.13", "Handler": "index.handler", "Code": obj{"ZipFile": zipped("other")}})
		}},
		{check: "least-privilege/unused-services", fail: putRole(`{"Effect":"Allow","Action":"ecr:DescribeImages","Resource":"*"}`), collectors: []string{"iam.last-accessed"}, denied: "IAM:GenerateServiceLastAccessedDetails"},
		{check: "least-privilege/policy-public", fail: putGrant("live", obj{"StatementId": "all", "Principal": "*"}), collectors: policies, denied: "Lambda:GetResourcePolicy"},
		{check: "least-privilege/policy-cross-account", fail: putGrant("1", obj{"StatementId": "partner", "Principal": stranger}), collectors: policies, denied: "Lambda:GetResourcePolicy"},
		{check: "least-privilege/policy-any-source", fail: putGrant("2", obj{"StatementId": "any", "Principal": "s3.amazonaws.com"}), collectors: policies, denied: "Lambda:ListAliases"},
		{check: "least-privilege/policy-more-than-invoke", fail: putGrant("", obj{"StatementId": "more", "Principal": account, "Action": "lambda:UpdateFunctionCode"}), collectors: policies, denied: "Lambda:ListVersionsByFunction"},
		{check: "least-privilege/layer-policy", fail: func(w *world) {
			w.do("Lambda:AddLayerVersionPermission", obj{"LayerName": "tracing", "VersionNumber": 1, "StatementId": "all", "Action": "lambda:GetLayerVersion", "Principal": "*"})
		}, collectors: []string{"lambda.layers"}, denied: "Lambda:GetLayerVersionPolicy"},
	}
}
