package builtin

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"
)

// deployments makes events as pipelines make them: several tools deploy several services,
// one after another, functions run meanwhile and call AWS with their roles, and now and
// then somebody looks at the console or lacks a permission.
func deployments(r *rand.Rand, n int) [][]byte {
	d := deployer{r: r, at: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)}
	for len(d.out) < n {
		switch d.r.IntN(10) {
		case 0, 1, 2, 3:
			d.terraform()
		case 4, 5, 6:
			d.cloudformation()
		case 7, 8:
			d.script()
		default:
			d.person()
		}
		d.running()
		d.at = d.at.Add(time.Duration(5+r.IntN(60)) * time.Minute)
	}
	return d.out[:n]
}

type deployer struct {
	r           *rand.Rand
	at          time.Time
	out         [][]byte
	agent, role string
}

const account = "111122223333"

func arn(service, what string) string {
	return "arn:aws:" + service + ":eu-west-1:" + account + ":" + what
}

// call writes one event by the deployer of the moment.
func (d *deployer) call(source, name string, parameters map[string]any) {
	d.event(source, name, map[string]any{"requestParameters": parameters})
}

func (d *deployer) event(source, name string, more map[string]any) {
	d.at = d.at.Add(time.Duration(200+d.r.IntN(3000)) * time.Millisecond)
	ev := map[string]any{"eventVersion": "1.11", "eventTime": d.at.Truncate(time.Second).Format(time.RFC3339), "eventSource": source + ".amazonaws.com", "eventName": name,
		"awsRegion": "eu-west-1", "recipientAccountId": account, "sourceIPAddress": fmt.Sprintf("198.51.100.%d", d.r.IntN(250)), "userAgent": d.agent,
		"eventID": fmt.Sprintf("ci-%06d", len(d.out)),
		"userIdentity": map[string]any{"type": "AssumedRole", "arn": "arn:aws:sts::" + account + ":assumed-role/" + d.role + "/run", "accountId": account,
			"accessKeyId": fmt.Sprintf("ASIA%s%04d", "CI", d.r.IntN(40)), "sessionContext": map[string]any{"sessionIssuer": map[string]any{"type": "Role"}}}}
	for k, v := range more {
		ev[k] = v
	}
	b, err := json.Marshal(ev)
	if err != nil {
		panic(err) // maps of texts and numbers
	}
	d.out = append(d.out, b)
}

func (d *deployer) function() string {
	return fmt.Sprintf("%s-%s", []string{"pay", "shop", "mail", "search", "auth"}[d.r.IntN(5)], []string{"api", "worker", "cron", "stream", "hook"}[d.r.IntN(5)])
}

// terraform refreshes everything, then changes a little.
func (d *deployer) terraform() {
	d.agent, d.role = "APN/1.0 HashiCorp/1.0 Terraform/1.9.5 aws-sdk-go-v2/1.30", "terraform"
	for range 5 + d.r.IntN(25) {
		f := map[string]any{"functionName": d.function()}
		d.call("lambda", "GetFunction20150331v2", f)
		d.call("lambda", "ListVersionsByFunction20150331", f)
		d.call("lambda", "GetFunctionCodeSigningConfig", f)
		d.call("lambda", "GetPolicy20150331v2", f)
		d.call("iam", "GetRole", map[string]any{"roleName": "r"})
		d.call("logs", "DescribeLogGroups", map[string]any{"logGroupNamePrefix": "/aws/lambda/"})
	}
	f := d.function()
	d.change(f)
	if d.r.IntN(3) == 0 {
		d.create(f + fmt.Sprint(d.r.IntN(1000)))
	}
}

// change deploys a new version of a function.
func (d *deployer) change(f string) {
	d.call("lambda", "UpdateFunctionCode20150331v2", map[string]any{"functionName": f, "publish": true, "dryRun": false, "s3Bucket": "artifacts", "s3Key": f})
	c := map[string]any{"functionName": f, "environment": map[string]any{}, "timeout": 30, "memorySize": 512}
	switch d.r.IntN(6) {
	case 0:
		c["layers"] = []string{arn("lambda", "layer:common:12"), "arn:aws:lambda:eu-west-1:017000801446:layer:AWSLambdaPowertoolsPythonV3:7"}
	case 1:
		c["vpcConfig"] = map[string]any{"subnetIds": []string{"subnet-1", "subnet-2"}, "securityGroupIds": []string{"sg-1"}}
	case 2:
		c["loggingConfig"] = map[string]any{"logFormat": "JSON", "applicationLogLevel": "INFO", "systemLogLevel": "INFO"}
		c["tracingConfig"] = map[string]any{"mode": "Active"}
	case 3:
		c["runtime"], c["handler"] = "python3.13", "app.handler"
	case 4:
		c["deadLetterConfig"] = map[string]any{"targetArn": arn("sqs", f+"-dlq")}
		c["layers"] = []string{}
	}
	d.call("lambda", "UpdateFunctionConfiguration20150331v2", c)
	d.call("lambda", "PublishVersion20150331", map[string]any{"functionName": f})
	weights := map[string]any{}
	if d.r.IntN(4) == 0 {
		weights["12"] = 0.1
	}
	d.call("lambda", "UpdateAlias20150331", map[string]any{"functionName": f, "name": "live", "functionVersion": "11", "routingConfig": map[string]any{"additionalVersionWeights": weights}})
	d.call("lambda", "TagResource20170331v2", map[string]any{"resource": arn("lambda", "function:"+f), "tags": map[string]any{"commit": "abc"}})
}

// create makes a function with all that belongs to it.
func (d *deployer) create(f string) {
	d.call("iam", "CreateRole", map[string]any{"roleName": f, "assumeRolePolicyDocument": `{"Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`})
	d.call("iam", "AttachRolePolicy", map[string]any{"roleName": f, "policyArn": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"})
	d.call("iam", "PutRolePolicy", map[string]any{"roleName": f, "policyName": "inline", "policyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:*","s3:GetObject"],"Resource":"*"}]}`})
	d.call("iam", "UpdateAssumeRolePolicy", map[string]any{"roleName": f, "policyDocument": `{"Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`})
	d.call("logs", "CreateLogGroup", map[string]any{"logGroupName": "/aws/lambda/" + f})
	d.call("logs", "PutRetentionPolicy", map[string]any{"logGroupName": "/aws/lambda/" + f, "retentionInDays": []int{7, 14, 30, 365}[d.r.IntN(4)]})
	d.call("ec2", "AuthorizeSecurityGroupEgress", map[string]any{"groupId": "sg-1", "ipPermissions": map[string]any{"items": []any{map[string]any{"ipProtocol": "-1", "ipRanges": map[string]any{"items": []any{map[string]any{"cidrIp": "0.0.0.0/0"}}}}}}})
	d.call("lambda", "CreateFunction20150331", map[string]any{"functionName": f, "role": "arn:aws:iam::" + account + ":role/" + f, "runtime": "nodejs22.x", "handler": "i.h", "environment": map[string]any{}, "snapStart": map[string]any{"applyOn": "None"}})
	switch d.r.IntN(4) {
	case 0:
		d.call("lambda", "AddPermission20150331v2", map[string]any{"functionName": f, "action": "lambda:InvokeFunction", "principal": "apigateway.amazonaws.com", "sourceArn": arn("execute-api", "abc/*/*"), "statementId": "gw"})
	case 1:
		d.call("lambda", "AddPermission20150331v2", map[string]any{"functionName": f, "action": "lambda:InvokeFunction", "principal": "s3.amazonaws.com", "sourceArn": "arn:aws:s3:::in", "sourceAccount": account, "statementId": "s3"})
	case 2:
		d.call("lambda", "CreateEventSourceMapping20150331", map[string]any{"functionName": f, "eventSourceArn": arn("sqs", f), "destinationConfig": map[string]any{"onFailure": map[string]any{"destination": arn("sqs", "failed")}}})
	default:
		d.call("lambda", "CreateFunctionUrlConfig", map[string]any{"functionName": f, "authType": "AWS_IAM"})
		d.call("lambda", "PutFunctionEventInvokeConfig", map[string]any{"functionName": f, "destinationConfig": map[string]any{"onFailure": map[string]any{"destination": arn("sns", "failed")}}})
	}
	d.call("events", "PutRule", map[string]any{"name": f, "scheduleExpression": "rate(5 minutes)"})
	d.call("events", "PutTargets", map[string]any{"rule": f, "targets": []any{map[string]any{"id": "1", "arn": arn("lambda", "function:"+f)}}})
	d.call("lambda", "PutProvisionedConcurrencyConfig", map[string]any{"functionName": f, "provisionedConcurrentExecutions": 5 + d.r.IntN(40)})
}

// cloudformation deploys through AWS's own service.
func (d *deployer) cloudformation() {
	d.agent, d.role = "cloudformation.amazonaws.com", "cfn-exec"
	f := d.function()
	d.call("cloudformation", "CreateChangeSet", map[string]any{"stackName": f})
	d.call("cloudformation", "ExecuteChangeSet", map[string]any{"stackName": f})
	d.change(f)
	if d.r.IntN(2) == 0 {
		d.create(f + fmt.Sprint(d.r.IntN(1000)))
	}
	if d.r.IntN(5) == 0 {
		d.call("lambda", "DeleteFunction20150331", map[string]any{"functionName": f + "-old"})
	}
}

// script builds an image and updates a function with the command line.
func (d *deployer) script() {
	d.agent, d.role = "aws-cli/2.28.1 md/awscrt#0.27 ua/2.1 os/linux", "github-actions"
	f := d.function()
	d.call("sts", "AssumeRoleWithWebIdentity", map[string]any{"roleArn": "arn:aws:iam::" + account + ":role/github-actions"})
	d.call("ecr", "GetAuthorizationToken", nil)
	d.call("ecr", "InitiateLayerUpload", map[string]any{"repositoryName": f})
	d.call("ecr", "PutImage", map[string]any{"repositoryName": f, "imageTag": "v1"})
	d.call("lambda", "GetFunction20150331v2", map[string]any{"functionName": f})
	d.change(f)
	d.call("lambda", "GetFunctionConfiguration20150331v2", map[string]any{"functionName": f})
}

// person looks around in the console, and lacks a permission now and then.
func (d *deployer) person() {
	d.agent, d.role = "Mozilla/5.0 AWS Console", "AWSReservedSSO_Developer_1a2b"
	for range 1 + d.r.IntN(8) {
		d.call("lambda", "GetFunction20150331v2", map[string]any{"functionName": d.function()})
		d.call("cloudwatch", "GetMetricData", nil)
		d.call("logs", "FilterLogEvents", map[string]any{"logGroupName": "/aws/lambda/" + d.function()})
	}
	for _, name := range []string{"GetAccountSettings20160819", "ListFunctions20150331"}[:d.r.IntN(3)] {
		d.event("lambda", name, map[string]any{"errorCode": "AccessDenied", "errorMessage": "not authorized", "requestParameters": nil})
	}
}

// running is what functions do with their roles meanwhile.
func (d *deployer) running() {
	for range 5 + d.r.IntN(20) {
		f := d.function()
		identity := map[string]any{"type": "AssumedRole", "arn": "arn:aws:sts::" + account + ":assumed-role/" + f + "/" + f, "accessKeyId": "ASIA" + f,
			"inScopeOf": map[string]any{"issuerType": "AWS::Lambda::Function", "credentialsIssuedTo": arn("lambda", "function:"+f)}}
		call := []string{"s3 ListBuckets", "secretsmanager GetSecretValue", "kms Decrypt", "dynamodb DescribeTable", "sqs GetQueueUrl", "logs CreateLogStream"}[d.r.IntN(6)]
		var source, name string
		if _, err := fmt.Sscan(call, &source, &name); err != nil {
			panic(err)
		}
		more := map[string]any{"userIdentity": identity, "userAgent": "Boto3/1.34 md/Botocore exec-env/AWS_Lambda_python3.13"}
		if name == "Decrypt" { // by Lambda itself, on the function's behalf
			more["userAgent"], more["sourceIPAddress"] = "lambda.amazonaws.com", "lambda.amazonaws.com"
		}
		d.event(source, name, more)
	}
}
