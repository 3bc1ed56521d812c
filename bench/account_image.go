package bench

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// ImageFunction is a function of the account that is a container image.
const (
	ImageFunction = "thumbnails"
	Repository    = "shop/thumbnails"
)

// addImages makes a function of two images that share a layer, and pushes two more that no
// version runs: one of another function, one over the tag of the second.
func (a *Account) addImages(ctx context.Context) error {
	c := ecr.NewFromConfig(a.cfg)
	if _, err := c.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String(Repository)}); err != nil {
		return err
	}
	fn, uri := lambda.NewFromConfig(a.cfg), AccountID+".dkr.ecr."+Region+".amazonaws.com/"+Repository+":"
	digests := map[string]string{}
	for _, tag := range []string{"v1", "v2", "other"} {
		digest, err := PushImage(ctx, a.cfg, Repository, tag, "base", tag)
		if err != nil {
			return err
		}
		digests[tag] = digest
	}
	if _, err := fn.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String(ImageFunction), Role: &a.role, PackageType: lambdatypes.PackageTypeImage,
		Code: &lambdatypes.FunctionCode{ImageUri: aws.String(uri + "v1")}, Publish: true}); err != nil {
		return err
	}
	if _, err := fn.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String(ImageFunction), ImageUri: aws.String(uri + "v2"), Publish: true}); err != nil {
		return err
	}
	if _, err := PushImage(ctx, a.cfg, Repository, "v2", "base", "evil"); err != nil {
		return err
	}
	a.Cloud.StageImageScan(AccountID, Region, Repository, digests["v2"], ecrtypes.ImageScanFindings{
		Findings:              []ecrtypes.ImageScanFinding{{Name: aws.String("CVE-2026-0001"), Severity: ecrtypes.FindingSeverityCritical}},
		FindingSeverityCounts: map[string]int32{"CRITICAL": 1},
	})
	_, err := c.PutLifecyclePolicy(ctx, &ecr.PutLifecyclePolicyInput{RepositoryName: aws.String(Repository),
		LifecyclePolicyText: aws.String(`{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"imageCountMoreThan","countNumber":50},"action":{"type":"expire"}}]}`)})
	return err
}

// PushImage pushes an image of one layer a name, as docker push does, and gives its digest.
func PushImage(ctx context.Context, cfg aws.Config, repository, tag string, layers ...string) (string, error) {
	type descriptor struct {
		MediaType string `json:"mediaType"`
		Digest    string `json:"digest"`
		Size      int    `json:"size"`
	}
	const manifestType = "application/vnd.oci.image.manifest.v1+json"
	var described []descriptor
	var diffs []string
	c := ecr.NewFromConfig(cfg)
	for _, name := range layers {
		packed, plain := imageLayer(name)
		if err := pushBlob(ctx, c, repository, packed); err != nil {
			return "", err
		}
		described = append(described, descriptor{"application/vnd.oci.image.layer.v1.tar+gzip", ociDigest(packed), len(packed)})
		diffs = append(diffs, ociDigest(plain))
	}
	config, err := json.Marshal(map[string]any{"architecture": "amd64", "os": "linux", "config": map[string]any{"Entrypoint": []string{"/app"}}, "rootfs": map[string]any{"type": "layers", "diff_ids": diffs}})
	if err != nil {
		return "", err
	}
	if err := pushBlob(ctx, c, repository, config); err != nil {
		return "", err
	}
	manifest, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": manifestType, "config": descriptor{"application/vnd.oci.image.config.v1+json", ociDigest(config), len(config)}, "layers": described})
	if err != nil {
		return "", err
	}
	out, err := c.PutImage(ctx, &ecr.PutImageInput{RepositoryName: &repository, ImageManifest: aws.String(string(manifest)), ImageManifestMediaType: aws.String(manifestType), ImageTag: &tag})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Image.ImageId.ImageDigest), nil
}

// pushBlob uploads what is not there yet, in one part.
func pushBlob(ctx context.Context, c *ecr.Client, repository string, data []byte) error {
	digest := ociDigest(data)
	had, err := c.BatchCheckLayerAvailability(ctx, &ecr.BatchCheckLayerAvailabilityInput{RepositoryName: &repository, LayerDigests: []string{digest}})
	if err != nil || had.Layers[0].LayerAvailability == ecrtypes.LayerAvailabilityAvailable {
		return err
	}
	up, err := c.InitiateLayerUpload(ctx, &ecr.InitiateLayerUploadInput{RepositoryName: &repository})
	if err != nil {
		return err
	}
	if _, err := c.UploadLayerPart(ctx, &ecr.UploadLayerPartInput{RepositoryName: &repository, UploadId: up.UploadId, PartFirstByte: aws.Int64(0), PartLastByte: aws.Int64(int64(len(data) - 1)), LayerPartBlob: data}); err != nil {
		return err
	}
	_, err = c.CompleteLayerUpload(ctx, &ecr.CompleteLayerUploadInput{RepositoryName: &repository, UploadId: up.UploadId, LayerDigests: []string{digest}})
	return err
}

// imageLayer is a file of seeded bytes as a layer, compressed and not.
func imageLayer(name string) (packed, plain []byte) {
	var b, z bytes.Buffer
	t := tar.NewWriter(&b)
	const size = 16 << 10
	err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "app/" + name, Size: size, Mode: 0o755})
	if err == nil {
		_, err = io.CopyN(t, rand.NewChaCha8(sha256.Sum256([]byte(name))), size)
	}
	if err == nil {
		err = t.Close()
	}
	w := gzip.NewWriter(&z)
	if err == nil {
		_, err = w.Write(b.Bytes())
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("making layer %s: %v", name, err)) // a buffer does not fail
	}
	return z.Bytes(), b.Bytes()
}

func ociDigest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
