package practices

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/inspector2/types"

	"github.com/freezeframe-ir/freezeframe/bench"
)

// scannedImage is a function that is a container image; "till-image" is another area's.
const (
	scannedImage = "scanned"
	repository   = "scanned"
)

func testingUpdateAfter(w *world) {
	w.do("Lambda:UpdateFunctionCode", obj{"FunctionName": elder, "ZipFile": zipped("elder again"), "Publish": true})
	for _, alias := range []string{"live", "next"} {
		w.do("Lambda:CreateAlias", obj{"FunctionName": elder, "Name": alias, "FunctionVersion": "2"})
	}
	w.do("Lambda:AddPermission", obj{"FunctionName": elder, "Qualifier": "1", "Action": "lambda:InvokeFunction", "StatementId": "topic", "Principal": "sns.amazonaws.com", "SourceArn": arn("sns", "orders")})
	w.do("Lambda:CreateAlias", obj{"FunctionName": till, "Name": "edge", "FunctionVersion": "2"})
	w.do("SQS:CreateQueue", obj{"QueueName": "till-orders"})
	w.ids["mapping"] = text(w.do("Lambda:CreateEventSourceMapping", obj{"FunctionName": till + ":live", "EventSourceArn": arn("sqs", "till-orders")}), "UUID")
	for _, q := range []string{"$LATEST", "live", "edge"} {
		w.do("Lambda:PutFunctionEventInvokeConfig", obj{"FunctionName": till, "Qualifier": q, "DestinationConfig": obj{"OnFailure": obj{"Destination": arn("sqs", "till-failed")}}})
	}
	w.cloud.StageInspector(account, region, true)
	w.do("ECR:CreateRepository", obj{"repositoryName": repository})
	w.ids["first"], w.ids["second"] = w.pushImage("first"), w.pushImage("second")
	w.scan("first")
	w.makeFunction(scannedImage, obj{"PackageType": "Image", "Runtime": nil, "Handler": nil, "Code": obj{"ImageUri": w.ids["first"]}, "Publish": true})
}

// pushImage gives the image's address by its digest.
func (w *world) pushImage(tag string) string {
	w.t.Helper()
	cfg := aws.Config{Region: region, HTTPClient: w.cloud.Client(), BaseEndpoint: aws.String(endpoint), Credentials: credentials.NewStaticCredentialsProvider(w.keys.AccessKeyID, w.keys.SecretAccessKey, "")}
	digest, err := bench.PushImage(w.t.Context(), cfg, repository, tag, tag)
	if err != nil {
		w.t.Fatal(err)
	}
	return account + ".dkr.ecr." + region + ".amazonaws.com/" + repository + "@" + digest
}

func (w *world) scan(image string, found ...ecrtypes.ImageScanFinding) {
	_, digest, _ := strings.Cut(w.ids[image], "@")
	w.cloud.StageImageScan(account, region, repository, digest, ecrtypes.ImageScanFindings{Findings: found})
}

// vulnerable is what Inspector knows of till's code.
func (w *world) vulnerable(status types.FindingStatus) {
	w.cloud.StageInspector(account, region, true, types.Finding{FindingArn: aws.String(arn("inspector2", "finding/0a1b")), Status: status, Type: types.FindingTypePackageVulnerability, Severity: types.SeverityCritical, Title: aws.String("CVE-2026-0001 - requests"), Description: aws.String("an old package"),
		Resources: []types.Resource{{Id: aws.String(arn("lambda", "function:"+till+":$LATEST")), Type: types.ResourceTypeAwsLambdaFunction,
			Details: &types.ResourceDetails{AwsLambdaFunction: &types.AwsLambdaFunctionDetails{FunctionName: aws.String(till), Version: aws.String("$LATEST"), Runtime: types.RuntimeUnsupported, CodeSha256: aws.String("x"), ExecutionRoleArn: aws.String(roleARN(tillRole))}}}}})
}

func testingUpdateFixtures() []fixture {
	configuration, refused := []string{"lambda.configuration"}, "Lambda:GetFunction"
	inspector, images := []string{"inspector2.findings"}, []string{"ecr.image"}
	return []fixture{
		{check: "testing-update/runtime-supported", fail: configured(obj{"Runtime": "python3.9"}), collectors: configuration, denied: refused},
		{check: "testing-update/runtime-ending", fail: configured(obj{"Runtime": "nodejs22.x"}), collectors: configuration, denied: refused},
		{check: "testing-update/runtime-mode", fail: called("Lambda:PutRuntimeManagementConfig", obj{"FunctionName": till, "UpdateRuntimeOn": "Manual", "RuntimeVersionArn": "arn:aws:lambda:" + region + "::runtime:" + strings.Repeat("0a", 32)}),
			collectors: []string{"lambda.runtime"}, denied: "Lambda:GetRuntimeManagementConfig"},
		{check: "testing-update/code-age", on: elder, fail: called("Lambda:UpdateAlias", obj{"FunctionName": elder, "Name": "live", "FunctionVersion": "1"}), collectors: configuration, denied: "Lambda:ListAliases"},
		{check: "testing-update/alias-latest", fail: called("Lambda:UpdateAlias", obj{"FunctionName": till, "Name": "edge", "FunctionVersion": "$LATEST"}), collectors: []string{"lambda.aliases"}, denied: "Lambda:ListAliases"},
		{check: "testing-update/mapping-latest", fail: called("Lambda:UpdateEventSourceMapping", obj{"UUID": "$mapping", "FunctionName": till}), collectors: []string{"lambda.mappings"}, denied: "Lambda:ListEventSourceMappings"},
		{check: "testing-update/async-failure", fail: called("Lambda:DeleteFunctionEventInvokeConfig", obj{"FunctionName": till, "Qualifier": "live"}), collectors: []string{"lambda.invoke-config"}, denied: "Lambda:ListFunctionEventInvokeConfigs"},
		{check: "testing-update/inspector-on", fail: func(w *world) { w.cloud.StageInspector(account, region, false) }, collectors: inspector, denied: "Inspector2:BatchGetAccountStatus",
			also: map[string]string{"testing-update/known-vulnerabilities": "where Inspector is off, that it knows of none says nothing"}},
		{check: "testing-update/known-vulnerabilities", collectors: inspector, denied: "Inspector2:ListFindings", fail: func(w *world) { w.vulnerable(types.FindingStatusActive) }},
		{check: "testing-update/image-scanned", on: scannedImage, fail: func(w *world) {
			w.do("Lambda:UpdateFunctionCode", obj{"FunctionName": scannedImage, "ImageUri": w.ids["second"]})
		}, collectors: images, denied: "ECR:DescribeImageScanFindings"},
		{check: "testing-update/image-findings", on: scannedImage, collectors: images, denied: "ECR:DescribeImageScanFindings", fail: func(w *world) {
			w.scan("first", ecrtypes.ImageScanFinding{Name: aws.String("CVE-2026-0002"), Severity: ecrtypes.FindingSeverityCritical})
		}},
	}
}
