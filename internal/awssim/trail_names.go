package awssim

import (
	"slices"
	"strings"
)

// eventSource is a service's name in CloudTrail.
func eventSource(service string) string {
	if name, ok := map[string]string{
		"application-autoscaling": "autoscaling", // Application Auto Scaling user guide, "Log API calls using CloudTrail"
		"cloudwatch":              "monitoring", "accessanalyzer": "access-analyzer", "apigatewayv2": "apigateway", "efs": "elasticfilesystem", "elbv2": "elasticloadbalancing",
	}[service]; ok {
		service = name
	}
	return service + ".amazonaws.com"
}

// eventName is an operation's name in CloudTrail. Lambda's carry the API version
// that introduced them. Sources: AWS Lambda developer guide, "Logging Lambda API
// calls using CloudTrail" (whose list omits suffixes), and logs of real accounts.
func eventName(service, op string) string {
	if service != "lambda" {
		return op
	}
	for suffix, ops := range map[string][]string{
		"20150331v2": {"GetPolicy", "AddPermission", "RemovePermission", "UpdateFunctionCode", "UpdateFunctionConfiguration", "GetFunction", "GetFunctionConfiguration"},
		"20150331": {"CreateFunction", "DeleteFunction", "CreateEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping",
			"GetEventSourceMapping", "ListEventSourceMappings", "CreateAlias", "UpdateAlias", "DeleteAlias", "GetAlias", "ListAliases", "PublishVersion", "ListFunctions", "ListVersionsByFunction"},
		"20181031": {"PublishLayerVersion", "DeleteLayerVersion", "GetLayerVersion", "GetLayerVersionByArn", "GetLayerVersionPolicy", "ListLayers", "ListLayerVersions",
			"AddLayerVersionPermission", "RemoveLayerVersionPermission"},
		"20160819":   {"GetAccountSettings"},
		"20170331":   {"ListTags"},
		"20171031":   {"PutFunctionConcurrency", "DeleteFunctionConcurrency"},
		"20170331v2": {"TagResource", "UntagResource"},
	} {
		if slices.Contains(ops, op) {
			return op + suffix
		}
	}
	return op
}

// kindOfEvent says how CloudTrail treats an operation.
type kindOfEvent struct {
	data      bool // a data event: only trails that select it get it
	resources bool // the record lists resources[]
}

func eventKind(service, op string) kindOfEvent {
	switch service {
	case "sts", "kms", "ecr": // ECR user guide, "Logging Amazon ECR actions with AWS CloudTrail"
		return kindOfEvent{resources: true}
	case "lambda":
		data := op == "Invoke" || op == "InvokeAsync"
		return kindOfEvent{data: data, resources: data}
	case "s3":
		return kindOfEvent{data: s3DataEvent(op), resources: true}
	case "sqs":
		data := slices.Contains([]string{"SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch",
			"ChangeMessageVisibility", "ChangeMessageVisibilityBatch"}, op)
		return kindOfEvent{data: data, resources: data}
	case "logs":
		return kindOfEvent{data: op == "PutLogEvents"}
	case "cloudwatch": // CloudWatch user guide, "Logging CloudWatch API calls with AWS CloudTrail": data events of type AWS::CloudWatch::Metric
		return kindOfEvent{data: slices.Contains([]string{"GetMetricData", "ListMetrics", "PutMetricData"}, op)}
	case "xray": // X-Ray developer guide, "Logging X-Ray API calls with AWS CloudTrail": data events of type AWS::XRay::Trace
		return kindOfEvent{data: slices.Contains([]string{"PutTraceSegments", "GetTraceSummaries", "BatchGetTraces"}, op)}
	case "sns": // SNS developer guide, "Logging AWS SNS API calls using CloudTrail": data events of type AWS::SNS::Topic
		return kindOfEvent{data: op == "Publish", resources: op == "Publish"}
	case "events":
		return kindOfEvent{data: op == "PutEvents"}
	}
	return kindOfEvent{}
}

// s3DataEvent: calls on objects are data events, calls on buckets are not.
func s3DataEvent(op string) bool {
	return strings.Contains(op, "Object") && !strings.Contains(op, "ObjectLockConfiguration") ||
		strings.Contains(op, "Multipart") || strings.HasPrefix(op, "UploadPart") || op == "ListParts" || op == "HeadBucket"
}

// readsOnly says that an operation cannot change the account.
func readsOnly(service, op string) bool {
	for _, prefix := range []string{"Get", "List", "Describe", "Lookup", "Head", "Simulate", "Filter", "BatchGet", "BatchCheck", "Test", "Verify"} {
		if strings.HasPrefix(op, prefix) {
			return true
		}
	}
	switch service {
	case "sts":
		return true // credentials come into being; the account stays as it is
	case "kms":
		return slices.Contains([]string{"Decrypt", "Encrypt", "ReEncrypt", "Sign", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateMac", "GenerateRandom"}, op)
	case "iam":
		return op == "GenerateServiceLastAccessedDetails" || op == "GenerateCredentialReport"
	case "logs", "cloudtrail":
		return op == "StartQuery" || op == "StopQuery" || op == "CancelQuery"
	}
	return false
}

// trailReadOnly is what the record says in readOnly, which is not always what
// readsOnly says.
func trailReadOnly(service, op string) bool {
	if service == "sts" && op == "GetFederationToken" || service == "sqs" && op == "ReceiveMessage" {
		return false
	}
	return readsOnly(service, op)
}
