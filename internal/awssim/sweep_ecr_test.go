package awssim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	et "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const ociManifest = "application/vnd.oci.image.manifest.v1+json"

// pushBlob uploads in parts of five MiB.
func pushBlob(t *testing.T, cl *ecr.Client, repo, data string) string {
	t.Helper()
	ctx := context.Background()
	id := must(cl.InitiateLayerUpload(ctx, &ecr.InitiateLayerUploadInput{RepositoryName: &repo}))(t).UploadId
	for at := 0; at < len(data); at += layerPartLeast {
		part := data[at:min(at+layerPartLeast, len(data))]
		must(cl.UploadLayerPart(ctx, &ecr.UploadLayerPartInput{RepositoryName: &repo, UploadId: id, PartFirstByte: aws.Int64(int64(at)), PartLastByte: aws.Int64(int64(at + len(part) - 1)), LayerPartBlob: []byte(part)}))(t)
	}
	digest := ociDigest(data)
	must(cl.CompleteLayerUpload(ctx, &ecr.CompleteLayerUploadInput{RepositoryName: &repo, UploadId: id, LayerDigests: []string{digest}}))(t)
	return digest
}

func imageManifest(config, layer string, sizes ...int) string {
	return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":%q,"size":%d}]}`, ociManifest, config, sizes[0], layer, sizes[1])
}

// TestSweepECR pushes an image part by part and pulls it again.
func TestSweepECR(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl, repo := ecr.NewFromConfig(cfg), aws.String("shop/thumbs")
	arn := must(cl.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: repo, ImageTagMutability: et.ImageTagMutabilityImmutable}))(t).Repository.RepositoryArn
	if *arn != "arn:aws:ecr:us-east-1:111122223333:repository/shop/thumbs" {
		t.Errorf("ARN %s", *arn)
	}
	if r := must(cl.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{*repo}}))(t).Repositories; len(r) != 1 || *r[0].RepositoryUri != "111122223333.dkr.ecr.us-east-1.amazonaws.com/shop/thumbs" {
		t.Errorf("%+v", r)
	}
	must(cl.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{}))(t)
	big := strings.Repeat("layer of more than one part", 300_000)
	config, layer := pushBlob(t, cl, *repo, `{"architecture":"amd64","os":"linux"}`), pushBlob(t, cl, *repo, big)
	if l := must(cl.BatchCheckLayerAvailability(ctx, &ecr.BatchCheckLayerAvailabilityInput{RepositoryName: repo, LayerDigests: []string{layer, ociDigest("x")}}))(t).Layers; l[0].LayerAvailability != et.LayerAvailabilityAvailable || *l[0].LayerSize != int64(len(big)) || l[1].LayerAvailability != et.LayerAvailabilityUnavailable {
		t.Errorf("%+v", l)
	}
	manifest := imageManifest(config, layer, 37, len(big))
	digest := *must(cl.PutImage(ctx, &ecr.PutImageInput{RepositoryName: repo, ImageManifest: &manifest, ImageTag: aws.String("v1")}))(t).Image.ImageId.ImageDigest
	if digest != ociDigest(manifest) {
		t.Errorf("digest %s", digest)
	}
	got := must(cl.BatchGetImage(ctx, &ecr.BatchGetImageInput{RepositoryName: repo, ImageIds: []et.ImageIdentifier{{ImageDigest: &digest}, {ImageTag: aws.String("none")}}, AcceptedMediaTypes: []string{ociManifest}}))(t)
	if len(got.Images) != 1 || *got.Images[0].ImageManifest != manifest || len(got.Failures) != 1 || got.Failures[0].FailureCode != et.ImageFailureCodeImageNotFound {
		t.Errorf("%+v", got)
	}
	url := *must(cl.GetDownloadUrlForLayer(ctx, &ecr.GetDownloadUrlForLayerInput{RepositoryName: repo, LayerDigest: &layer}))(t).DownloadUrl
	if status, body := fetched(t, c, url); status != 200 || body != big {
		t.Errorf("downloading a layer: %d, %d bytes", status, len(body))
	}
	if status, _ := fetched(t, c, strings.Replace(url, layer[7:], config[7:], 1)); status != 403 {
		t.Errorf("an address of another layer, unsigned: %d", status)
	}
	aboutImage(t, c, cl, *repo, digest)
	refusedByECR(t, cl, *repo, layer, manifest)
	for _, call := range c.Records() {
		var rec struct {
			EventName, EventSource string
			Resources              []struct{ ARN string }
		}
		if err := json.Unmarshal(call, &rec); err != nil || rec.EventName == "PutImage" && (rec.EventSource != "ecr.amazonaws.com" || len(rec.Resources) != 1 || rec.Resources[0].ARN != *arn) {
			t.Errorf("record: %s, %v", call, err)
		}
	}
}

// aboutImage reads what is said of an image and its repository; some of it there is none.
func aboutImage(t *testing.T, c *Cloud, cl *ecr.Client, repo, digest string) {
	t.Helper()
	ctx := context.Background()
	if d := must(cl.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: &repo, ImageIds: []et.ImageIdentifier{{ImageDigest: &digest}}}))(t).ImageDetails; len(d) != 1 || d[0].ImageTags[0] != "v1" || d[0].LastRecordedPullTime != nil {
		t.Errorf("%+v", d)
	}
	if ids := must(cl.ListImages(ctx, &ecr.ListImagesInput{RepositoryName: &repo}))(t).ImageIds; len(ids) != 1 || *ids[0].ImageTag != "v1" {
		t.Errorf("%+v", ids)
	}
	_, err := cl.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: &repo})
	refused(t, err, "RepositoryPolicyNotFoundException")
	_, err = cl.GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: &repo})
	refused(t, err, "LifecyclePolicyNotFoundException")
	id := &et.ImageIdentifier{ImageDigest: &digest}
	_, err = cl.DescribeImageScanFindings(ctx, &ecr.DescribeImageScanFindingsInput{RepositoryName: &repo, ImageId: id})
	refused(t, err, "ScanNotFoundException")
	policy := `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}]}`
	must(cl.SetRepositoryPolicy(ctx, &ecr.SetRepositoryPolicyInput{RepositoryName: &repo, PolicyText: &policy}))(t)
	if p := must(cl.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: &repo}))(t).PolicyText; *p != policy {
		t.Errorf("policy %s", *p)
	}
	rules := `{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"imageCountMoreThan","countNumber":5},"action":{"type":"expire"}}]}`
	must(cl.PutLifecyclePolicy(ctx, &ecr.PutLifecyclePolicyInput{RepositoryName: &repo, LifecyclePolicyText: &rules}))(t)
	must(cl.GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: &repo}))(t)
	var findings []et.ImageScanFinding
	for i := range 150 {
		findings = append(findings, et.ImageScanFinding{Name: aws.String(fmt.Sprint("CVE-2024-", i)), Severity: et.FindingSeverityHigh})
	}
	c.StageImageScan(c.AccountID(), c.Region(), repo, digest, et.ImageScanFindings{Findings: findings, FindingSeverityCounts: map[string]int32{"HIGH": 150}})
	first := must(cl.DescribeImageScanFindings(ctx, &ecr.DescribeImageScanFindingsInput{RepositoryName: &repo, ImageId: id}))(t)
	rest := must(cl.DescribeImageScanFindings(ctx, &ecr.DescribeImageScanFindingsInput{RepositoryName: &repo, ImageId: id, NextToken: first.NextToken}))(t)
	if len(first.ImageScanFindings.Findings) != 100 || len(rest.ImageScanFindings.Findings) != 50 || rest.NextToken != nil {
		t.Errorf("pages of %d and %d", len(first.ImageScanFindings.Findings), len(rest.ImageScanFindings.Findings))
	}
}

func refusedByECR(t *testing.T, cl *ecr.Client, repo, layer, manifest string) {
	t.Helper()
	ctx := context.Background()
	for code, call := range map[string]func() error{
		"RepositoryAlreadyExistsException": func() error {
			_, err := cl.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: &repo})
			return err
		},
		"RepositoryNotFoundException": func() error {
			_, err := cl.ListImages(ctx, &ecr.ListImagesInput{RepositoryName: aws.String("none")})
			return err
		},
		"InvalidParameterException": func() error {
			_, err := cl.ListImages(ctx, &ecr.ListImagesInput{RepositoryName: aws.String("UPPER")})
			return err
		},
		"LayersNotFoundException": func() error {
			m := imageManifest(layer, ociDigest("x"), 1, 1)
			_, err := cl.PutImage(ctx, &ecr.PutImageInput{RepositoryName: &repo, ImageManifest: &m})
			return err
		},
		"ImageAlreadyExistsException": func() error {
			_, err := cl.PutImage(ctx, &ecr.PutImageInput{RepositoryName: &repo, ImageManifest: &manifest, ImageTag: aws.String("v1")})
			return err
		},
		"ImageTagAlreadyExistsException": func() error {
			m := manifest + "\n"
			_, err := cl.PutImage(ctx, &ecr.PutImageInput{RepositoryName: &repo, ImageManifest: &m, ImageTag: aws.String("v1")})
			return err
		},
		"ImageDigestDoesNotMatchException": func() error {
			_, err := cl.PutImage(ctx, &ecr.PutImageInput{RepositoryName: &repo, ImageManifest: &manifest, ImageDigest: aws.String(ociDigest("x"))})
			return err
		},
		"ImageNotFoundException": func() error {
			_, err := cl.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: &repo, ImageIds: []et.ImageIdentifier{{ImageTag: aws.String("none")}}})
			return err
		},
		"UploadNotFoundException": func() error {
			_, err := cl.CompleteLayerUpload(ctx, &ecr.CompleteLayerUploadInput{RepositoryName: &repo, UploadId: aws.String("00000000-0000-0000-0000-000000000000"), LayerDigests: []string{layer}})
			return err
		},
	} {
		refused(t, call(), code)
	}
}

// TestImageFunction: the image must be there, in the region, of one platform, and Lambda
// must be let in; its tag is resolved once.
func TestImageFunction(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl, fn := ecr.NewFromConfig(cfg), lambda.NewFromConfig(cfg)
	repo, uri := "thumbs", "111122223333.dkr.ecr.us-east-1.amazonaws.com/thumbs"
	create := func(name, image string) error {
		_, err := fn.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: &name, Role: aws.String("arn:aws:iam::" + c.AccountID() + ":role/r"), PackageType: lt.PackageTypeImage, Code: &lt.FunctionCode{ImageUri: &image}})
		return err
	}
	wantError(t, "no repository", create("g", uri+":v1"), "InvalidParameterValueException", "Source image "+uri+":v1 does not exist. Provide a valid source image.")
	must(cl.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: &repo}))(t)
	config, layer := pushBlob(t, cl, repo, "{}"), pushBlob(t, cl, repo, "layer")
	push := func(manifest string) string {
		return *must(cl.PutImage(ctx, &ecr.PutImageInput{RepositoryName: &repo, ImageManifest: &manifest, ImageTag: aws.String("v1")}))(t).Image.ImageId.ImageDigest
	}
	first := push(imageManifest(config, layer, 2, 5))
	wantCode(t, "elsewhere", create("g", strings.Replace(uri, "us-east-1", "eu-west-1", 1)+":v1"), "InvalidParameterValueException")
	wantCode(t, "no such tag", create("g", uri+":v2"), "InvalidParameterValueException")
	wantCode(t, "created", create("g", uri+":v1"), "")
	if p := must(cl.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: &repo}))(t).PolicyText; !strings.Contains(*p, "LambdaECRImageRetrievalPolicy") {
		t.Errorf("Lambda did not add its statement: %s", *p)
	}
	second := push(imageManifest(config, layer, 2, 5) + "\n")
	got := must(fn.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("g")}))(t)
	if *got.Code.ImageUri != uri+":v1" || *got.Code.ResolvedImageUri != uri+"@"+first || got.Code.Location != nil || "sha256:"+*got.Configuration.CodeSha256 != first {
		t.Errorf("%+v", got.Code)
	}
	out := must(fn.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("g"), ImageUri: aws.String(uri + "@" + second), Publish: true}))(t)
	if "sha256:"+*out.CodeSha256 != second || *out.Version != "1" {
		t.Errorf("%+v", out)
	}
	index := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":%q,"digest":%q,"size":%d}]}`, ociManifest, first, 1)
	wantCode(t, "an index", create("h", uri+"@"+push(index)), "InvalidParameterValueException")

	// Another account's repository is shared by its policy, or not at all.
	other := ecr.NewFromConfig(clientConfig(c, c.Bootstrap("999988887777", "owner", allowAll)))
	must(other.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: &repo}))(t)
	config, layer = pushBlob(t, other, repo, "{}"), pushBlob(t, other, repo, "layer")
	m := imageManifest(config, layer, 2, 5)
	must(other.PutImage(ctx, &ecr.PutImageInput{RepositoryName: &repo, ImageManifest: &m, ImageTag: aws.String("v1")}))(t)
	foreign := strings.Replace(uri, "111122223333", "999988887777", 1) + ":v1"
	wantCode(t, "not shared", create("h", foreign), "AccessDeniedException")
	policy := `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Condition":{"StringLike":{"aws:sourceArn":"arn:aws:lambda:us-east-1:111122223333:function:*"}}}]}`
	must(other.SetRepositoryPolicy(ctx, &ecr.SetRepositoryPolicyInput{RepositoryName: &repo, PolicyText: &policy}))(t)
	wantCode(t, "shared", create("h", foreign), "")
}

// fetched is what an address gives that the account presigned.
func fetched(t *testing.T, c *Cloud, url string) (int, string) {
	t.Helper()
	resp := must(c.Client().Get(url))(t)
	body := must(io.ReadAll(resp.Body))(t)
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(body)
}
