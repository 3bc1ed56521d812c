package builtin

// sample is one rule's events: sequences that it hits, and ones that it does not. An
// event is what differs from an ordinary call by a deployment role (base); several of a
// sequence stand in lines of their own, ten seconds apart unless they say eventTime.
type sample struct {
	rule    string
	yes, no []string
}

// lambda makes an event of Lambda's control plane.
func lambda(name, parameters string) string {
	return `{"eventName":"` + name + `","requestParameters":` + parameters + `}`
}

// of makes an event of another service.
func of(source, name, parameters string) string {
	return `{"eventSource":"` + source + `.amazonaws.com","eventName":"` + name + `","requestParameters":` + parameters + `}`
}

const (
	scoped = `"userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/pay/pay","accessKeyId":"ASIAX","inScopeOf":{"issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"arn:aws:lambda:eu-west-1:111122223333:function:pay"}}`
	inside = `"userAgent":"Boto3/1.34 exec-env/AWS_Lambda_python3.12"`
	other  = "444455556666"
	own    = "111122223333"
)

func config(parameters string) string {
	return lambda("UpdateFunctionConfiguration20150331v2", parameters)
}

func denied(name string) string {
	return `{"eventName":"` + name + `","errorCode":"AccessDenied","requestParameters":null}`
}

func samples() []sample {
	return append(append(samplesOfCode(), samplesOfAccess()...), samplesOfTheRest()...)
}

func samplesOfCode() []sample {
	layer := func(account string) string { return `"arn:aws:lambda:eu-west-1:` + account + `:layer:l:1"` }
	return []sample{
		{"Function code replaced", []string{lambda("UpdateFunctionCode20150331v2", `{"functionName":"f"}`), lambda("UpdateFunctionCode", `{}`), lambda("UpdateFunctionCode20150331v2", `{"dryRun":false}`)},
			[]string{lambda("UpdateFunctionCode20150331v2", `{"dryRun":true}`), denied("UpdateFunctionCode20150331v2"), config(`{}`)}},
		{"Function code replaced by the root user", []string{`{"eventName":"UpdateFunctionCode20150331v2","userIdentity":{"type":"Root","arn":"arn:aws:iam::111122223333:root"}}`},
			[]string{lambda("UpdateFunctionCode20150331v2", `{}`)}},
		{"Alias routes part of its traffic to a second version", []string{lambda("UpdateAlias20150331", `{"routingConfig":{"additionalVersionWeights":{"7":0.05}}}`)},
			[]string{lambda("UpdateAlias20150331", `{"functionVersion":"7"}`), lambda("UpdateAlias20150331", `{"routingConfig":{"additionalVersionWeights":{}}}`)}},
		{"Layers of other accounts alone attached to a function", []string{config(`{"layers":[` + layer(other) + `]}`), lambda("CreateFunction20150331", `{"layers":[`+layer(other)+`]}`)},
			[]string{config(`{"layers":[` + layer(own) + `]}`), config(`{"layers":[]}`), config(`{}`)}},
		{"Layers in a change of configuration", []string{config(`{"layers":[` + layer(own) + `,` + layer(other) + `]}`), config(`{"layers":[]}`)}, []string{config(`{"timeout":5}`)}},
		{"Layer version opened to everyone", []string{lambda("AddLayerVersionPermission20181031", `{"principal":"*","action":"lambda:GetLayerVersion"}`)},
			[]string{lambda("AddLayerVersionPermission20181031", `{"principal":"*","organizationId":"o-1"}`), lambda("AddLayerVersionPermission20181031", `{"principal":"444455556666"}`)}},
		{"Function environment in a change of configuration", []string{config(`{"environment":{}}`)}, []string{config(`{"timeout":5}`)}},
		{"Function entry point or runtime changed", []string{config(`{"handler":"x.y"}`), config(`{"runtime":"python3.12"}`), config(`{"imageConfig":{"command":["x"]}}`)}, []string{config(`{"timeout":5}`)}},
		{"Function pinned to a runtime version", []string{lambda("PutRuntimeManagementConfig", `{"updateRuntimeOn":"Manual","runtimeVersionArn":"a"}`)}, []string{lambda("PutRuntimeManagementConfig", `{"updateRuntimeOn":"Auto"}`)}},
		{"Event source mapping made or redirected", []string{lambda("CreateEventSourceMapping20150331", `{"functionName":"f","eventSourceArn":"a"}`), lambda("UpdateEventSourceMapping20150331", `{"functionName":"g"}`)},
			[]string{lambda("UpdateEventSourceMapping20150331", `{"enabled":false}`)}},
		{"Code signing taken off a function", []string{lambda("DeleteFunctionCodeSigningConfig", `{"functionName":"f"}`)}, []string{lambda("PutFunctionCodeSigningConfig", `{"functionName":"f"}`)}},
		{"Code signing only warns", []string{lambda("UpdateCodeSigningConfig", `{"codeSigningPolicies":{"untrustedArtifactOnDeployment":"Warn"}}`)},
			[]string{lambda("UpdateCodeSigningConfig", `{"codeSigningPolicies":{"untrustedArtifactOnDeployment":"Enforce"}}`)}},
		{"Function taken out of its network", []string{config(`{"vpcConfig":{"subnetIds":[],"securityGroupIds":[]}}`)}, []string{config(`{"vpcConfig":{"subnetIds":["subnet-1"]}}`), config(`{"timeout":5}`)}},
		{"File system mounted into a function", []string{config(`{"fileSystemConfigs":[{"arn":"arn:aws:elasticfilesystem:eu-west-1:111122223333:access-point/fsap-1","localMountPath":"/mnt/x"}]}`)}, []string{config(`{"fileSystemConfigs":[]}`)}},
		{"Function starts from snapshots", []string{config(`{"snapStart":{"applyOn":"PublishedVersions"}}`)}, []string{config(`{"snapStart":{"applyOn":"None"}}`)}},
		{"Image pushed", []string{of("ecr", "PutImage", `{"repositoryName":"r"}`)}, []string{of("ecr", "BatchGetImage", `{"repositoryName":"r"}`)}},
		{"Image tags made mutable", []string{of("ecr", "PutImageTagMutability", `{"imageTagMutability":"MUTABLE"}`)}, []string{of("ecr", "PutImageTagMutability", `{"imageTagMutability":"IMMUTABLE"}`)}},
		{"Image repository opened to everyone", []string{of("ecr", "SetRepositoryPolicy", `{"policyText":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"ecr:*\"}]}"}`)},
			[]string{of("ecr", "SetRepositoryPolicy", `{"policyText":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"lambda.amazonaws.com\"}}]}"}`),
				of("ecr", "SetRepositoryPolicy", `{"policyText":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Condition\":{\"StringEquals\":{\"aws:PrincipalOrgID\":\"o-1\"}}}]}"}`)}},
		{"Function put at the edge", []string{of("cloudfront", "UpdateDistribution2020_05_31", `{"distributionConfig":{"defaultCacheBehavior":{"lambdaFunctionAssociations":{"items":[{"lambdaFunctionARN":"arn:aws:lambda:us-east-1:111122223333:function:e:1"}]}}}}`)},
			[]string{of("cloudfront", "UpdateDistribution2020_05_31", `{"distributionConfig":{"comment":"x"}}`)}},
	}
}

func samplesOfAccess() []sample {
	grant := func(p string) string { return lambda("AddPermission20150331v2", p) }
	destination := func(kind, account string) string {
		return lambda("PutFunctionEventInvokeConfig", `{"functionName":"f","destinationConfig":{"`+kind+`":{"destination":"arn:aws:sqs:eu-west-1:`+account+`:q"}}}`)
	}
	public := `"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*\"},\"Action\":\"lambda:InvokeFunction\"}]}"`
	trust := func(aws string) string {
		return of("iam", "UpdateAssumeRolePolicy", `{"roleName":"r","policyDocument":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"`+aws+`\"}}]}"}`)
	}
	admin := of("iam", "AttachRolePolicy", `{"roleName":"r","policyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}`)
	create := lambda("CreateFunction20150331", `{"functionName":"f","role":"arn:aws:iam::111122223333:role/r"}`)
	outside := `{"eventSource":"s3.amazonaws.com","eventName":"ListBuckets",` + scoped + `}`
	marked := `{"eventSource":"s3.amazonaws.com","eventName":"ListBuckets",` + scoped + `,` + inside + `}`
	return []sample{
		{"Function opened to everyone", []string{grant(`{"principal":"*","action":"lambda:InvokeFunction","statementId":"s"}`)},
			[]string{grant(`{"principal":"*","principalOrgID":"o-1"}`), grant(`{"principal":"sns.amazonaws.com","sourceArn":"a"}`), grant(`{"principal":"444455556666"}`)}},
		{"Function opened to another account", []string{grant(`{"principal":"444455556666"}`), grant(`{"principal":"arn:aws:iam::444455556666:root"}`)},
			[]string{grant(`{"principal":"111122223333"}`), grant(`{"principal":"arn:aws:iam::111122223333:role/x"}`), grant(`{"principal":"s3.amazonaws.com"}`)}},
		{"Function opened to an AWS service without naming a source", []string{grant(`{"principal":"s3.amazonaws.com"}`)},
			[]string{grant(`{"principal":"s3.amazonaws.com","sourceAccount":"111122223333"}`), grant(`{"principal":"s3.amazonaws.com","sourceArn":"arn:aws:s3:::b"}`), grant(`{"principal":"edgelambda.amazonaws.com"}`)}},
		{"Resource policy of a function opens it to everyone", []string{lambda("PutResourcePolicy", `{"resourceArn":"a","policy":`+public+`}`)},
			[]string{lambda("PutResourcePolicy", `{"policy":"{\"Statement\":[{\"Effect\":\"Deny\",\"Principal\":\"*\"}]}"}`), lambda("PutResourcePolicy", `{"policy":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"111122223333\"}}]}"}`)}},
		{"Function URL without authentication", []string{lambda("CreateFunctionUrlConfig", `{"authType":"NONE"}`), lambda("UpdateFunctionUrlConfig", `{"authType":"NONE"}`)}, []string{lambda("CreateFunctionUrlConfig", `{"authType":"AWS_IAM"}`)}},
		{"Failed events of a function go to another account", []string{destination("onFailure", other)}, []string{destination("onFailure", own), destination("onSuccess", other)}},
		{"Results of a function go to another account", []string{destination("onSuccess", other)}, []string{destination("onSuccess", own)}},
		{"Dead letters of a function go to another account", []string{config(`{"deadLetterConfig":{"targetArn":"arn:aws:sqs:eu-west-1:444455556666:q"}}`)}, []string{config(`{"deadLetterConfig":{"targetArn":"arn:aws:sqs:eu-west-1:111122223333:q"}}`), config(`{"deadLetterConfig":{}}`)}},
		{"Call with a function's credentials without Lambda's marker", []string{outside}, []string{marked, of("s3", "ListBuckets", `{}`), `{"eventSource":"kms.amazonaws.com","eventName":"Decrypt","sourceIPAddress":"sqs.amazonaws.com",` + scoped + `}`}},
		{"Call with a function's credentials from inside of Lambda", []string{marked}, []string{outside}},
		{"Same key of a function used inside and outside of Lambda", []string{marked + "\n" + outside, outside + "\n" + marked}, []string{marked + "\n" + marked, outside,
			`{"eventTime":"2026-11-25T00:00:00Z","eventSource":"s3.amazonaws.com","eventName":"ListBuckets",` + scoped + `,` + inside + `}` + "\n" + outside}},
		{"A function's credentials change identities or functions", []string{`{"eventSource":"iam.amazonaws.com","eventName":"CreateAccessKey",` + scoped + `,` + inside + `}`, `{"eventName":"UpdateFunctionCode20150331v2",` + scoped + `,` + inside + `}`},
			[]string{`{"eventSource":"iam.amazonaws.com","eventName":"ListUsers",` + scoped + `}`, of("iam", "CreateAccessKey", `{}`)}},
		{"New function", []string{create}, []string{lambda("CreateFunctionUrlConfig", `{"authType":"AWS_IAM"}`)}},
		{"Administrator policy given to a role", []string{admin}, []string{of("iam", "AttachRolePolicy", `{"policyArn":"arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"}`)}},
		{"New function within an hour of a role that was made administrator", []string{admin + "\n" + create}, []string{create + "\n" + admin, create, `{"eventTime":"2026-11-26T00:00:00Z",` + admin[1:] + "\n" + create}},
		{"Role policy that allows everything", []string{of("iam", "PutRolePolicy", `{"policyDocument":"{\n \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}]}"}`)},
			[]string{of("iam", "PutRolePolicy", `{"policyDocument":"{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}"}`), of("iam", "PutRolePolicy", `{"policyDocument":"{\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"}]}"}`)}},
		{"Role trusts another account or everyone", []string{trust("arn:aws:iam::444455556666:root"), trust("*"), trust("444455556666")}, []string{trust("arn:aws:iam::111122223333:role/x"), of("iam", "UpdateAssumeRolePolicy", `{"policyDocument":"{\"Statement\":[{\"Principal\":{\"Service\":\"lambda.amazonaws.com\"}}]}"}`)}},
		{"Trust of a role replaced", []string{trust("arn:aws:iam::111122223333:role/x")}, []string{of("iam", "UpdateRole", `{}`)}},
		{"Permission boundary taken off a role", []string{of("iam", "DeleteRolePermissionsBoundary", `{"roleName":"r"}`)}, []string{of("iam", "PutRolePermissionsBoundary", `{"roleName":"r"}`)}},
		{"Another version of a policy made the default", []string{of("iam", "SetDefaultPolicyVersion", `{"versionId":"v1"}`)}, []string{of("iam", "ListPolicyVersions", `{}`)}},
	}
}

func samplesOfTheRest() []sample {
	deleted := func(names ...string) string {
		s := ""
		for _, n := range names {
			s += lambda("DeleteFunction20150331", `{"functionName":"`+n+`"}`) + "\n"
		}
		return s
	}
	read := func(agent string, n int) string {
		s := ""
		for i := range n {
			s += `{"eventName":"GetFunction20150331v2","userAgent":"` + agent + `","requestParameters":{"functionName":"f` + string(rune('a'+i)) + `"}}` + "\n"
		}
		return s
	}
	tries := denied("ListFunctions20150331") + "\n" + denied("GetFunction20150331v2") + "\n" + denied("GetPolicy20150331v2") + "\n" + denied("CreateFunction20150331") + "\n" + denied("UpdateFunctionCode20150331v2")
	return []sample{
		{"Event rule on changes of identities", []string{of("events", "PutRule", `{"eventPattern":"{\"detail\":{\"eventName\":[\"CreateUser\"]}}"}`)}, []string{of("events", "PutRule", `{"scheduleExpression":"rate(1 hour)"}`)}},
		{"Logs handed to a destination in another account", []string{of("logs", "PutSubscriptionFilter", `{"destinationArn":"arn:aws:lambda:eu-west-1:444455556666:function:x"}`)}, []string{of("logs", "PutSubscriptionFilter", `{"destinationArn":"arn:aws:lambda:eu-west-1:111122223333:function:x"}`)}},
		{"Function invoked on a schedule or by a topic", []string{of("scheduler", "CreateSchedule", `{"target":{"arn":"arn:aws:lambda:eu-west-1:111122223333:function:x"}}`), of("events", "PutTargets", `{"targets":[{"id":"1","arn":"arn:aws:lambda:eu-west-1:111122223333:function:x"}]}`), of("sns", "Subscribe", `{"protocol":"lambda","endpoint":"a"}`)},
			[]string{of("scheduler", "CreateSchedule", `{"target":{"arn":"arn:aws:sqs:eu-west-1:111122223333:q"}}`), of("sns", "Subscribe", `{"protocol":"email"}`)}},
		{"Security group lets everything out", []string{of("ec2", "AuthorizeSecurityGroupEgress", `{"ipPermissions":{"items":[{"ipProtocol":"-1","ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}]}}`)}, []string{of("ec2", "AuthorizeSecurityGroupEgress", `{"ipPermissions":{"items":[{"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}}]}}`)}},
		{"Function log silenced by its level", []string{config(`{"loggingConfig":{"applicationLogLevel":"FATAL"}}`), config(`{"loggingConfig":{"systemLogLevel":"WARN"}}`)}, []string{config(`{"loggingConfig":{"applicationLogLevel":"INFO"}}`)}},
		{"Log group of a function deleted", []string{of("logs", "DeleteLogGroup", `{"logGroupName":"/aws/lambda/f"}`), of("logs", "DeleteLogStream", `{"logGroupName":"/aws/lambda/f"}`)}, []string{of("logs", "DeleteLogGroup", `{"logGroupName":"/app/x"}`), of("logs", "CreateLogGroup", `{"logGroupName":"/aws/lambda/f"}`)}},
		{"Log of a function kept for days only", []string{of("logs", "PutRetentionPolicy", `{"logGroupName":"/aws/lambda/f","retentionInDays":1}`)}, []string{of("logs", "PutRetentionPolicy", `{"logGroupName":"/aws/lambda/f","retentionInDays":30}`)}},
		{"Tracing of a function turned down", []string{config(`{"tracingConfig":{"mode":"PassThrough"}}`)}, []string{config(`{"tracingConfig":{"mode":"Active"}}`)}},
		{"Trail stopped or deleted", []string{of("cloudtrail", "StopLogging", `{"name":"t"}`), of("cloudtrail", "DeleteTrail", `{"name":"t"}`)}, []string{of("cloudtrail", "StartLogging", `{"name":"t"}`)}},
		{"Trail told to record no management events", []string{of("cloudtrail", "PutEventSelectors", `{"trailName":"t","eventSelectors":[{"includeManagementEvents":false}]}`), of("cloudtrail", "PutEventSelectors", `{"eventSelectors":[{"includeManagementEvents":true},{"includeManagementEvents":false}]}`)},
			[]string{of("cloudtrail", "PutEventSelectors", `{"eventSelectors":[{"includeManagementEvents":true}]}`), of("cloudtrail", "PutEventSelectors", `{"advancedEventSelectors":[]}`)}},
		{"Event selectors of a trail replaced", []string{of("cloudtrail", "PutEventSelectors", `{"advancedEventSelectors":[]}`)}, []string{of("cloudtrail", "GetEventSelectors", `{}`), `{"eventSource":"cloudtrail.amazonaws.com","eventName":"PutEventSelectors","errorCode":"AccessDenied"}`}},
		{"Federation token asked for", []string{of("sts", "GetFederationToken", `{"name":"x"}`)}, []string{of("sts", "GetSessionToken", `{}`), `{"eventSource":"sts.amazonaws.com","eventName":"GetFederationToken","errorCode":"AccessDenied"}`}},
		{"Password given to a user", []string{of("iam", "CreateLoginProfile", `{"userName":"u"}`)}, []string{of("iam", "GetLoginProfile", `{"userName":"u"}`), of("iam", "DeleteLoginProfile", `{"userName":"u"}`)}},
		{"Certificates of an outside authority accepted for roles", []string{of("rolesanywhere", "CreateTrustAnchor", `{"name":"n"}`)}, []string{of("rolesanywhere", "ListTrustAnchors", `{}`)}},
		{"Durable execution answered, paused or resumed by hand", []string{lambda("SendDurableExecutionCallbackSuccess", `{}`), lambda("PauseDurableExecution", `{}`)}, []string{`{"eventName":"SendDurableExecutionCallbackSuccess",` + inside + `}`, lambda("GetDurableExecution", `{}`)}},
		{"Endless recursion of a function allowed", []string{lambda("PutFunctionRecursionConfig", `{"recursiveLoop":"Allow"}`)}, []string{lambda("PutFunctionRecursionConfig", `{"recursiveLoop":"Terminate"}`)}},
		{"Very many environments kept ready", []string{lambda("PutProvisionedConcurrencyConfig", `{"provisionedConcurrentExecutions":900}`)}, []string{lambda("PutProvisionedConcurrencyConfig", `{"provisionedConcurrentExecutions":10}`)}},
		{"Capacity provider made or changed", []string{lambda("CreateCapacityProvider", `{}`), lambda("UpdateCapacityProvider", `{}`)}, []string{lambda("GetCapacityProvider", `{}`)}},
		{"Tags of a function changed", []string{lambda("TagResource20170331v2", `{}`), lambda("UntagResource20170331v2", `{}`)}, []string{lambda("ListTags20170331", `{}`)}},
		{"Function deleted", []string{deleted("a")}, []string{lambda("DeleteFunctionConcurrency20171031", `{}`), denied("DeleteFunction20150331")}},
		{"Many functions deleted within minutes", []string{deleted("a", "b", "c", "d", "e")}, []string{deleted("a", "b", "c", "d"), deleted("a", "a", "a", "a", "a")}},
		{"Code and configuration of a function read", []string{read("aws-cli/2.15", 1)}, []string{read("APN/1.0 HashiCorp/1.0 Terraform/1.9", 1), lambda("GetFunctionConfiguration20150331v2", `{}`)}},
		{"Code of many functions read within minutes", []string{read("aws-cli/2.15", 20)}, []string{read("aws-cli/2.15", 19), read("Terraform/1.9", 26)}},
		{"Call on a function denied", []string{denied("ListFunctions20150331")}, []string{lambda("ListFunctions20150331", `{}`)}},
		{"Many kinds of calls on functions denied within minutes", []string{tries + "\n" + denied("AddPermission20150331v2")}, []string{tries}},
	}
}
