package awssim

import (
	"encoding/base64"
	"io"
	"slices"
	"strings"
	"time"
)

// requestParameters is the input in CloudTrail's spelling: lower camel case,
// secrets and code left out.
func (k *call) requestParameters(e *apiError) any {
	t := k.wire.target
	if e != nil && isDenied(e.Code) && (t.service.name == "lambda" || t.service.name == "sts" || t.service.name == "iam" || t.service.name == "kms") {
		return nil // AWS decides before it looks at what is asked
	}
	if t.op == nil || t.op.in == nil || k.wire.in == nil || t.service.name == "sts" && t.opName == "GetCallerIdentity" {
		return nil
	}
	m := k.params(t.op.in, k.wire.in)
	k.trailDefaults(m)
	redact(t.service.name, m)
	if t.service.name == "s3" {
		if host, ok := m["bucket"]; ok {
			m["bucketName"] = host
			delete(m, "bucket")
		}
		m["Host"] = k.http.Host
	}
	if k.trail.request != nil {
		k.trail.request(m)
	}
	return orNull(m)
}

// trailDefaults are members that a service writes though the caller left them out, as
// in records of real accounts, and the parsed ARN that Lambda adds.
func (k *call) trailDefaults(m map[string]any) {
	unset := func(keys ...string) {
		for _, key := range keys {
			if _, ok := m[key]; !ok {
				m[key] = false
			}
		}
	}
	switch k.wire.target.service.name + ":" + k.wire.target.opName {
	case "lambda:UpdateFunctionCode":
		unset("dryRun", "publish")
		k.qualifiedARN(m)
	case "lambda:UpdateFunctionConfiguration":
		m["environment"] = map[string]any{} // also when it is not what changed
	case "lambda:CreateFunction":
		unset("publish")
	case "iam:CreateLoginProfile":
		unset("passwordResetRequired")
	}
}

// qualifiedARN is the oddity of UpdateFunctionCode's records: the function's ARN
// in pieces, if the caller named it by ARN.
func (k *call) qualifiedARN(m map[string]any) {
	name, _ := m["functionName"].(string)
	a, ok := parseARN(name)
	parts := strings.Split(a.resource, ":")
	if !ok || len(parts) < 2 {
		return
	}
	qualifier := map[string]any{}
	if len(parts) > 2 {
		qualifier["qualifier"] = parts[2]
	}
	m["fullyQualifiedArn"] = map[string]any{
		"arnPrefix":         map[string]any{"partition": a.partition, "region": a.region, "account": a.account},
		"relativeId":        map[string]any{"functionName": parts[1]},
		"functionQualifier": qualifier,
	}
}

// responseElements is the output in the same spelling; null for calls that only
// read, AssumeRole and its like excepted.
func (k *call) responseElements() any {
	t := k.wire.target
	issues := t.service.name == "sts" && (strings.HasPrefix(t.opName, "AssumeRole") || t.opName == "GetSessionToken" || t.opName == "GetFederationToken")
	if t.op.out == nil || readsOnly(t.service.name, t.opName) && !issues {
		return nil
	}
	m := k.params(t.op.out, k.wire.out)
	redact(t.service.name, m)
	if t.service.name == "lambda" && t.opName == "UpdateFunctionConfiguration" || t.service.name == "lambda" && t.opName == "UpdateFunctionCode" {
		if _, ok := m["environment"]; !ok && m["functionName"] != nil {
			m["environment"] = map[string]any{}
		}
	}
	if k.trail.response != nil {
		k.trail.response(m)
	}
	return orNull(m)
}

func orNull(m map[string]any) any {
	if len(m) == 0 {
		return nil
	}
	return m
}

// params spells a struct.
func (k *call) params(sh *shape, v fields) map[string]any {
	out := map[string]any{}
	for _, m := range sh.members {
		if e, ok := v[m.name]; ok && !m.stream {
			if p := k.param(m.shape, e); p != nil {
				out[lowerFirst(m.name)] = p
			}
		}
	}
	return out
}

func (k *call) param(sh *shape, v any) any {
	switch v := v.(type) {
	case fields:
		return k.params(sh, v)
	case dict:
		out := make(map[string]any, len(v))
		for key, e := range v {
			out[key] = k.param(sh.elem.shape, e)
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			out = append(out, k.param(sh.elem.shape, e))
		}
		return out
	case time.Time:
		return v.UTC().Format(k.trailDate())
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case io.Reader:
		return nil
	}
	return v
}

// trailDate is how a service's dates are written in its records: IAM's have no
// comma after the year.
func (k *call) trailDate() string {
	if k.wire.target.service.name == "iam" {
		return "Jan 2, 2006 3:04:05 PM"
	}
	return "Jan 2, 2006, 3:04:05 PM"
}

// hidden says that a member's value never shows, at whatever depth it stands.
func hidden(service, key string) bool {
	switch key {
	case "secretAccessKey", "password", "newPassword", "oldPassword", "sAMLAssertion", "webIdentityToken", "sSECustomerKey":
		return true
	case "zipFile", "payload":
		return service == "lambda"
	case "plaintext", "message", "ciphertextBlob", "signature", "keyMaterial", "mac", "publicKey":
		return service == "kms"
	case "messageBody", "messageAttributes":
		return service == "sqs"
	case "secretString", "secretBinary":
		return service == "secretsmanager"
	case "value":
		return service == "ssm"
	case "logEvents":
		return service == "logs"
	}
	return false
}

// redact leaves out what CloudTrail never shows. Lambda's environment is there,
// but empty.
func redact(service string, m map[string]any) {
	for key, v := range m {
		if hidden(service, key) {
			delete(m, key)
			continue
		}
		if service == "lambda" && key == "environment" {
			m[key] = map[string]any{}
			continue
		}
		redactIn(service, v)
	}
}

func redactIn(service string, v any) {
	switch v := v.(type) {
	case map[string]any:
		redact(service, v)
	case []any:
		for _, e := range v {
			redactIn(service, e)
		}
	}
}

// namedResources finds the resources that parameters name, as LookupEvents
// lists them.
func namedResources(service string, m map[string]any) []trailResource {
	types := map[string]string{
		"lambda.functionName": "AWS::Lambda::Function", "lambda.functionArn": "AWS::Lambda::Function", "lambda.layerArn": "AWS::Lambda::LayerVersion",
		"lambda.layerName": "AWS::Lambda::LayerVersion", "lambda.role": "AWS::IAM::Role",
		"iam.userName": "AWS::IAM::User", "iam.roleName": "AWS::IAM::Role", "iam.groupName": "AWS::IAM::Group", "iam.policyArn": "AWS::IAM::Policy",
		"iam.policyName": "AWS::IAM::Policy", "iam.accessKeyId": "AWS::IAM::AccessKey", "iam.arn": "", "sts.roleArn": "AWS::IAM::Role",
		"sts.roleSessionName": "AWS::STS::AssumedRole", "cloudtrail.name": "AWS::CloudTrail::Trail", "cloudtrail.trailName": "AWS::CloudTrail::Trail",
		"cloudtrail.trailARN": "AWS::CloudTrail::Trail", "s3.bucketName": "AWS::S3::Bucket", "kms.keyId": "AWS::KMS::Key",
		"events.rule": "AWS::Events::Rule", "sts.accessKeyId": "AWS::STS::Credentials",
	}
	var out []trailResource
	for key, v := range m {
		switch v := v.(type) {
		case string:
			if kind := types[service+"."+key]; kind != "" && v != "" {
				out = append(out, trailResource{v, kind})
			}
		case map[string]any:
			if service == "iam" || service == "sts" { // the answer's user, role, accessKey, credentials
				out = append(out, namedResources(service, v)...)
			}
		}
	}
	slices.SortFunc(out, func(a, b trailResource) int { return strings.Compare(a.kind+a.arn, b.kind+b.arn) })
	return out
}
