package awssim

import (
	"cmp"
	"crypto/sha256"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	et "github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// ecrState is ECR in one account and region.
type ecrState struct{ repositories map[string]*repository }

func newECRState() *ecrState { return &ecrState{repositories: map[string]*repository{}} }

type repository struct {
	about     et.Repository
	images    map[string]*pushedImage // by digest
	tags      map[string]string       // tag -> digest
	blobs     map[string]*imageBlob   // layers and image configurations, by digest
	uploads   map[string]*layerUpload
	policy    string
	lifecycle string
	scans     map[string]*imageScan // by digest
}

// pushedImage is a manifest as it was pushed: its digest is one of these bytes.
type pushedImage struct {
	manifest, mediaType string
	size                int64 // of what it refers to
	pushed              time.Time
	pulled              *time.Time // when ECR says that it was pulled last
}

type imageBlob struct {
	data      []byte
	mediaType string // as the first manifest that refers to it calls it
}

type layerUpload struct {
	data  []byte
	small bool // a part below the least size: only the last may be
}

type imageScan struct {
	status   et.ImageScanStatus
	findings et.ImageScanFindings
}

func ociDigest[B ~string | ~[]byte](b B) string {
	sum := sha256.Sum256([]byte(b))
	return "sha256:" + hexOf(sum[:])
}

// objects: what was pushed is named by its digest; that somebody pulled is bookkeeping.
func (s *ecrState) objects(account, region string, put putObject) {
	for name, r := range s.repositories {
		about, sums := r.about, map[string]string{}
		about.CreatedAt = nil
		for digest := range r.images {
			sums[digest] = "image"
		}
		for digest := range r.blobs {
			sums[digest] = "blob"
		}
		put("ecr/"+account+"/"+region+"/"+name, map[string]any{"about": about, "content": sums, "tags": r.tags, "policy": r.policy, "lifecycle": r.lifecycle, "scans": r.scans},
			map[string]any{"created": r.about.CreatedAt, "uploads": len(r.uploads)})
	}
}

// repositoryTarget is a repository named in a call.
type repositoryTarget struct {
	state              *ecrState
	account, name, arn string
	repo               *repository
}

func (t *repositoryTarget) missing() error {
	return fail("RepositoryNotFoundException", "The repository with name '%s' does not exist in the registry with id '%s'", t.name, t.account)
}

// repository finds one that the caller may act on, in the registry named or the caller's own.
func (c *call) repository(action string, registry, name *string) (*repositoryTarget, error) {
	t := &repositoryTarget{account: cmp.Or(aws.ToString(registry), c.accountID), name: aws.ToString(name)}
	t.state = c.ecr.at(t.account, c.region, newECRState)
	t.arn = arnOf("ecr", c.region, t.account, "repository/"+t.name)
	t.repo = t.state.repositories[t.name]
	policy := ""
	if t.repo != nil {
		policy = t.repo.policy
	}
	c.trail.resources = []trailResource{{t.arn, "AWS::ECR::Repository"}}
	if err := c.allow("ecr:"+action, t.arn, withResourcePolicy(policy, t.account)); err != nil {
		return nil, err
	}
	if t.repo == nil && action != "CreateRepository" {
		return nil, t.missing()
	}
	return t, nil
}

// find is the digest that an identifier names, or why it names none, in the words of a
// failure of BatchGetImage.
func (r *repository) find(id et.ImageIdentifier) (digest string, code et.ImageFailureCode) {
	digest = aws.ToString(id.ImageDigest)
	if id.ImageTag != nil {
		tagged, ok := r.tags[*id.ImageTag]
		switch {
		case !ok:
			return "", et.ImageFailureCodeImageNotFound
		case digest != "" && digest != tagged:
			return "", et.ImageFailureCodeImageTagDoesNotMatchDigest
		}
		digest = tagged
	}
	switch {
	case digest == "":
		return "", et.ImageFailureCodeMissingDigestAndTag
	case r.images[digest] == nil:
		return "", et.ImageFailureCodeImageNotFound
	}
	return digest, ""
}

// tagsOf are the tags that point at a digest, sorted.
func (r *repository) tagsOf(digest string) []string {
	var out []string
	for _, tag := range sortedNames(r.tags) {
		if r.tags[tag] == digest {
			out = append(out, tag)
		}
	}
	return out
}

// imageMissing is ImageNotFoundException in ECR's words (seen in the AWS CLI's issues).
func (t *repositoryTarget) imageMissing(id et.ImageIdentifier) error {
	return fail("ImageNotFoundException", "The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository with name '%s' in the registry with id '%s'",
		orNullText(id.ImageDigest), orNullText(id.ImageTag), t.name, t.account)
}

func orNullText(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

// StageImageScan lets a scan of an image have found something.
func (c *Cloud) StageImageScan(account, region, name, digest string, findings et.ImageScanFindings) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.ecr.at(account, region, newECRState).repositories[name]; r != nil {
		r.scans[digest] = &imageScan{et.ImageScanStatus{Status: et.ScanStatusComplete, Description: aws.String("The scan was completed successfully.")}, findings}
	}
}
