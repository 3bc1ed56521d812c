package awssim

import (
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	et "github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// ecrOps is what is simulated of ECR: pushing and pulling by its API, and what is said of
// a repository and its images. What scans find is staged (StageImageScan);
// a scan that is started finds nothing, and has ended.
func ecrOps() []operation {
	return []operation{
		op("ecr", "CreateRepository", createRepository), op("ecr", "DescribeRepositories", describeRepositories),
		op("ecr", "InitiateLayerUpload", initiateLayerUpload), op("ecr", "UploadLayerPart", uploadLayerPart), op("ecr", "CompleteLayerUpload", completeLayerUpload),
		op("ecr", "BatchCheckLayerAvailability", checkLayers), op("ecr", "PutImage", putImage),
		op("ecr", "BatchGetImage", batchGetImage), op("ecr", "GetDownloadUrlForLayer", layerURL),
		op("ecr", "ListImages", listImages), op("ecr", "DescribeImages", describeImages), op("ecr", "DescribeImageScanFindings", scanFindings),
		op("ecr", "SetRepositoryPolicy", setRepositoryPolicy), op("ecr", "GetRepositoryPolicy", getRepositoryPolicy),
		op("ecr", "PutLifecyclePolicy", putLifecyclePolicy), op("ecr", "GetLifecyclePolicy", getLifecyclePolicy),
		op("ecr", "PutImageTagMutability", putTagMutability), op("ecr", "StartImageScan", startScan),
	}
}

// describeRepositories asks for each that is named, or once for the registry.
func describeRepositories(c *call, in *ecr.DescribeRepositoriesInput) (*ecr.DescribeRepositoriesOutput, error) {
	var all []et.Repository
	for _, name := range in.RepositoryNames {
		t, err := c.repository("DescribeRepositories", in.RegistryId, &name)
		if err != nil {
			return nil, err
		}
		all = append(all, t.repo.about)
	}
	if len(in.RepositoryNames) == 0 {
		account := c.accountID
		if in.RegistryId != nil {
			account = *in.RegistryId
		}
		if err := c.allow("ecr:DescribeRepositories", arnOf("ecr", c.region, account, "repository/*")); err != nil {
			return nil, err
		}
		s := c.ecr.at(account, c.region, newECRState)
		for _, name := range sortedNames(s.repositories) {
			all = append(all, s.repositories[name].about)
		}
	}
	page, next, err := paginate(all, in.NextToken, in.MaxResults, pageOfECR(in.MaxResults))
	return &ecr.DescribeRepositoriesOutput{Repositories: orEmpty(page), NextToken: next}, err
}

// pageOfECR: 100 unless more is asked for (API reference).
func pageOfECR(most *int32) int {
	if most != nil {
		return 1000
	}
	return 100
}

func checkLayers(c *call, in *ecr.BatchCheckLayerAvailabilityInput) (*ecr.BatchCheckLayerAvailabilityOutput, error) {
	t, err := c.repository("BatchCheckLayerAvailability", in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	out := &ecr.BatchCheckLayerAvailabilityOutput{Layers: []et.Layer{}, Failures: []et.LayerFailure{}}
	for _, digest := range in.LayerDigests {
		l := et.Layer{LayerDigest: &digest, LayerAvailability: et.LayerAvailabilityUnavailable}
		if b := t.repo.blobs[digest]; b != nil {
			l.LayerAvailability, l.LayerSize = et.LayerAvailabilityAvailable, aws.Int64(int64(len(b.data)))
			if b.mediaType != "" {
				l.MediaType = &b.mediaType
			}
		}
		out.Layers = append(out.Layers, l)
	}
	return out, nil
}

// batchGetImage gives manifests as they were pushed. One of a media type that the caller
// does not accept is not converted here: it fails (what AWS says then is not verified).
func batchGetImage(c *call, in *ecr.BatchGetImageInput) (*ecr.BatchGetImageOutput, error) {
	t, err := c.repository("BatchGetImage", in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	out := &ecr.BatchGetImageOutput{Images: []et.Image{}, Failures: []et.ImageFailure{}}
	for _, id := range in.ImageIds {
		digest, code := t.repo.find(id)
		reason := "Requested image not found"
		if code == "" && len(in.AcceptedMediaTypes) > 0 && !slices.Contains(in.AcceptedMediaTypes, t.repo.images[digest].mediaType) {
			code, reason = et.ImageFailureCodeImageNotFound, "freezeframe simulator: the image has a media type that is not accepted"
		}
		if code != "" {
			out.Failures = append(out.Failures, et.ImageFailure{ImageId: &id, FailureCode: code, FailureReason: &reason})
			continue
		}
		out.Images = append(out.Images, *t.image(digest, id.ImageTag))
	}
	return out, nil
}

func listImages(c *call, in *ecr.ListImagesInput) (*ecr.ListImagesOutput, error) {
	t, err := c.repository("ListImages", in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if in.Filter != nil {
		return nil, fail("InvalidParameterException", "freezeframe simulator: filters of images are not simulated")
	}
	ids := []et.ImageIdentifier{}
	for _, digest := range sortedNames(t.repo.images) {
		tags := t.repo.tagsOf(digest)
		for _, tag := range tags {
			ids = append(ids, et.ImageIdentifier{ImageDigest: &digest, ImageTag: &tag})
		}
		if len(tags) == 0 {
			ids = append(ids, et.ImageIdentifier{ImageDigest: &digest})
		}
	}
	page, next, err := paginate(ids, in.NextToken, in.MaxResults, pageOfECR(in.MaxResults))
	return &ecr.ListImagesOutput{ImageIds: orEmpty(page), NextToken: next}, err
}

func describeImages(c *call, in *ecr.DescribeImagesInput) (*ecr.DescribeImagesOutput, error) {
	t, err := c.repository("DescribeImages", in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if in.Filter != nil {
		return nil, fail("InvalidParameterException", "freezeframe simulator: filters of images are not simulated")
	}
	digests := sortedNames(t.repo.images)
	if len(in.ImageIds) > 0 {
		digests = nil
		for _, id := range in.ImageIds {
			digest, code := t.repo.find(id)
			if code != "" {
				return nil, t.imageMissing(id)
			}
			digests = append(digests, digest)
		}
	}
	all := []et.ImageDetail{}
	for _, digest := range digests {
		i := t.repo.images[digest]
		d := et.ImageDetail{RegistryId: &t.account, RepositoryName: &t.name, ImageDigest: &digest, ImageTags: t.repo.tagsOf(digest), ImagePushedAt: aws.Time(i.pushed), ImageSizeInBytes: &i.size, LastRecordedPullTime: i.pulled}
		if i.mediaType != "" {
			d.ImageManifestMediaType = &i.mediaType
		}
		if s := t.repo.scans[digest]; s != nil {
			d.ImageScanStatus = &s.status
			d.ImageScanFindingsSummary = &et.ImageScanFindingsSummary{FindingSeverityCounts: s.findings.FindingSeverityCounts, ImageScanCompletedAt: s.findings.ImageScanCompletedAt}
		}
		all = append(all, d)
	}
	page, next, err := paginate(all, in.NextToken, in.MaxResults, pageOfECR(in.MaxResults))
	return &ecr.DescribeImagesOutput{ImageDetails: orEmpty(page), NextToken: next}, err
}

func scanFindings(c *call, in *ecr.DescribeImageScanFindingsInput) (*ecr.DescribeImageScanFindingsOutput, error) {
	t, err := c.repository("DescribeImageScanFindings", in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	digest, code := t.repo.find(*in.ImageId)
	if code != "" {
		return nil, t.imageMissing(*in.ImageId)
	}
	s := t.repo.scans[digest]
	if s == nil {
		return nil, fail("ScanNotFoundException", "Image scan does not exist for the image with '{imageDigest:'%s', imageTag:'%s'}' in the repository with name '%s' in the registry with id '%s'", digest, orNullText(in.ImageId.ImageTag), t.name, t.account)
	}
	findings := s.findings
	page, next, err := paginate(findings.Findings, in.NextToken, in.MaxResults, pageOfECR(in.MaxResults))
	findings.Findings = page
	return &ecr.DescribeImageScanFindingsOutput{RegistryId: &t.account, RepositoryName: &t.name, ImageId: &et.ImageIdentifier{ImageDigest: &digest, ImageTag: in.ImageId.ImageTag},
		ImageScanStatus: &s.status, ImageScanFindings: &findings, NextToken: next}, err
}

func setRepositoryPolicy(c *call, in *ecr.SetRepositoryPolicyInput) (*ecr.SetRepositoryPolicyOutput, error) {
	t, err := c.repository("SetRepositoryPolicy", in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if _, err := iampolicy.Parse(aws.ToString(in.PolicyText)); err != nil {
		return nil, fail("InvalidParameterException", "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'")
	}
	t.repo.policy = *in.PolicyText
	return &ecr.SetRepositoryPolicyOutput{RegistryId: &t.account, RepositoryName: &t.name, PolicyText: in.PolicyText}, nil
}

func getRepositoryPolicy(c *call, in *ecr.GetRepositoryPolicyInput) (*ecr.GetRepositoryPolicyOutput, error) {
	t, err := c.repository("GetRepositoryPolicy", in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if t.repo.policy == "" {
		return nil, fail("RepositoryPolicyNotFoundException", "Repository policy does not exist for the repository with name '%s' in the registry with id '%s'", t.name, t.account)
	}
	return &ecr.GetRepositoryPolicyOutput{RegistryId: &t.account, RepositoryName: &t.name, PolicyText: &t.repo.policy}, nil
}

func putLifecyclePolicy(c *call, in *ecr.PutLifecyclePolicyInput) (*ecr.PutLifecyclePolicyOutput, error) {
	t, err := c.repository("PutLifecyclePolicy", in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	var doc struct{ Rules []json.RawMessage }
	if json.Unmarshal([]byte(*in.LifecyclePolicyText), &doc) != nil || len(doc.Rules) == 0 {
		return nil, fail("InvalidParameterException", "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure'")
	}
	t.repo.lifecycle = *in.LifecyclePolicyText
	return &ecr.PutLifecyclePolicyOutput{RegistryId: &t.account, RepositoryName: &t.name, LifecyclePolicyText: in.LifecyclePolicyText}, nil
}

func getLifecyclePolicy(c *call, in *ecr.GetLifecyclePolicyInput) (*ecr.GetLifecyclePolicyOutput, error) {
	t, err := c.repository("GetLifecyclePolicy", in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if t.repo.lifecycle == "" {
		return nil, fail("LifecyclePolicyNotFoundException", "Lifecycle policy does not exist for the repository with name '%s' in the registry with id '%s'", t.name, t.account)
	}
	return &ecr.GetLifecyclePolicyOutput{RegistryId: &t.account, RepositoryName: &t.name, LifecyclePolicyText: &t.repo.lifecycle}, nil
}

func putTagMutability(c *call, in *ecr.PutImageTagMutabilityInput) (*ecr.PutImageTagMutabilityOutput, error) {
	t, err := c.repository("PutImageTagMutability", in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if len(in.ImageTagMutabilityExclusionFilters) > 0 {
		return nil, fail("InvalidParameterException", "freezeframe simulator: tags that are left out are not simulated")
	}
	t.repo.about.ImageTagMutability = in.ImageTagMutability
	return &ecr.PutImageTagMutabilityOutput{RegistryId: &t.account, RepositoryName: &t.name, ImageTagMutability: in.ImageTagMutability}, nil
}

// startScan: that an image may be scanned once in 24 hours is not simulated.
func startScan(c *call, in *ecr.StartImageScanInput) (*ecr.StartImageScanOutput, error) {
	t, err := c.repository("StartImageScan", in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	digest, code := t.repo.find(*in.ImageId)
	if code != "" {
		return nil, t.imageMissing(*in.ImageId)
	}
	if t.repo.scans[digest] == nil {
		t.repo.scans[digest] = &imageScan{status: et.ImageScanStatus{Status: et.ScanStatusComplete, Description: aws.String("The scan was completed successfully.")}}
	}
	return &ecr.StartImageScanOutput{RegistryId: &t.account, RepositoryName: &t.name, ImageId: &et.ImageIdentifier{ImageDigest: &digest, ImageTag: in.ImageId.ImageTag},
		ImageScanStatus: &et.ImageScanStatus{Status: et.ScanStatusInProgress}}, nil
}
