package awssim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	et "github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// layerURL gives an address on the host that the caller used. Path and query look like
// those of the bucket that ECR keeps a region's layers in.
func layerURL(c *call, in *ecr.GetDownloadUrlForLayerInput) (*ecr.GetDownloadUrlForLayerOutput, error) {
	t, err := c.repository("GetDownloadUrlForLayer", in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	digest := aws.ToString(in.LayerDigest)
	if t.repo.blobs[digest] == nil {
		return nil, fail("LayersNotFoundException", "The layer with digest '%s' does not exist in the repository with name '%s' in the registry with id '%s'", digest, t.name, t.account)
	}
	scheme := "http"
	if c.http.TLS != nil || c.http.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	path := fmt.Sprintf("/prod-%s-starport-layer-bucket/%s/%s/%s", c.region, t.account, strings.ReplaceAll(t.name, "/", ":"), strings.TrimPrefix(digest, "sha256:"))
	q := url.Values{"X-Amz-Algorithm": {"AWS4-HMAC-SHA256"}, "X-Amz-Date": {c.now.UTC().Format("20060102T150405Z")},
		"X-Amz-Expires": {"3600"}, "X-Amz-SignedHeaders": {"host"}, "X-Amz-Security-Token": {c.idFrom("token", digest, c.region, t.account)}}
	q.Set("X-Amz-Signature", c.codeSignature(path, q))
	return &ecr.GetDownloadUrlForLayerOutput{LayerDigest: &digest, DownloadUrl: aws.String(scheme + "://" + c.http.Host + path + "?" + q.Encode())}, nil
}

// isLayerURL says whether a request is for an address that layerURL gave.
func isLayerURL(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/prod-") && strings.Contains(r.URL.Path, "-starport-layer-bucket/")
}

// layerIn finds the bytes behind a path that was signed.
func (c *Cloud) layerIn(path string) []byte {
	part := strings.Split(strings.TrimPrefix(path, "/"), "/") // bucket, account, repository, digest
	if len(part) != 4 {
		return nil
	}
	region := strings.TrimSuffix(strings.TrimPrefix(part[0], "prod-"), "-starport-layer-bucket")
	r := c.ecr.at(part[1], region, newECRState).repositories[strings.ReplaceAll(part[2], ":", "/")]
	if r == nil || r.blobs["sha256:"+part[3]] == nil {
		return nil
	}
	return r.blobs["sha256:"+part[3]].data
}

// imageURI is ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME[:TAG][@DIGEST].
type imageURI struct {
	account, region, name string
	id                    et.ImageIdentifier
}

func parseImageURI(uri string) (u imageURI, ok bool) {
	host, rest, _ := strings.Cut(uri, "/")
	part := strings.Split(host, ".")
	if len(part) < 6 || part[1] != "dkr" || part[2] != "ecr" || part[4] != "amazonaws" || rest == "" {
		return u, false
	}
	u.account, u.region = part[0], part[3]
	rest, digest, pinned := strings.Cut(rest, "@")
	name, tag, tagged := strings.Cut(rest, ":")
	u.name = name
	switch {
	case pinned:
		u.id.ImageDigest = &digest
	case tagged:
		u.id.ImageTag = &tag
	default:
		u.id.ImageTag = aws.String("latest")
	}
	return u, name != ""
}

// pullImage is what Lambda does with an image at deployment: it resolves the tag to a
// digest, once. Which images it takes: Lambda developer guide, "Create a Lambda function
// using a container image" (one platform; the same region; another account's repository
// must admit lambda.amazonaws.com). The texts are those that users report.
func (c *call) pullImage(uri, function string) (digest string, err error) {
	u, ok := parseImageURI(uri)
	if !ok || u.region != c.region {
		return "", invalid("Source image %s is not valid. Provide a valid source image.", uri)
	}
	r := c.ecr.at(u.account, u.region, newECRState).repositories[u.name]
	if r == nil {
		return "", invalid("Source image %s does not exist. Provide a valid source image.", uri)
	}
	if !c.lambdaMayPull(r, u.account, c.arn("lambda", "function:"+function)) {
		return "", &apiError{Code: "AccessDeniedException", Status: 403, Message: "Lambda does not have permission to access the ECR image. Check the ECR permissions."}
	}
	digest, code := r.find(u.id)
	if code != "" {
		return "", invalid("Source image %s does not exist. Provide a valid source image.", uri)
	}
	var m manifestOf
	if err := json.Unmarshal([]byte(r.images[digest].manifest), &m); err != nil || m.Config == nil {
		return "", invalid("The image manifest, config or layer media type for the source image %s is not supported.", uri)
	}
	return digest, nil
}

// lambdaMayPull: the repository's policy admits Lambda, or Lambda adds a statement with the
// caller's permissions to read and set that policy (same guide, "Amazon ECR permissions").
func (c *call) lambdaMayPull(r *repository, account, function string) bool {
	k := &call{Cloud: c.Cloud, caller: identity{kind: "AWSService", invokedBy: "lambda.amazonaws.com"}, now: c.now, region: c.region}
	admitted := func() bool {
		for _, action := range []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"} {
			if !k.allowed(action, aws.ToString(r.about.RepositoryArn), withResourcePolicy(r.policy, account), withCondition("aws:SourceArn", function)) {
				return false
			}
		}
		return true
	}
	if admitted() {
		return true
	}
	arn := aws.ToString(r.about.RepositoryArn)
	if account != c.accountID || !c.allowed("ecr:GetRepositoryPolicy", arn, withResourcePolicy(r.policy, account)) || !c.allowed("ecr:SetRepositoryPolicy", arn, withResourcePolicy(r.policy, account)) {
		return false
	}
	doc := iampolicy.Document{Version: "2008-10-17"}
	if r.policy != "" {
		had, err := iampolicy.Parse(r.policy)
		if err != nil {
			return false
		}
		doc = had
	}
	doc, err := doc.With([]byte(`{"Sid":"LambdaECRImageRetrievalPolicy","Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":["ecr:BatchGetImage","ecr:DeleteRepositoryPolicy","ecr:GetDownloadUrlForLayer","ecr:GetRepositoryPolicy","ecr:SetRepositoryPolicy"],"Condition":{"StringLike":{"aws:sourceArn":"` +
		arnOf("lambda", c.region, account, "function:*") + `"}}}`))
	if err != nil {
		return false
	}
	r.policy = doc.String()
	return true
}
