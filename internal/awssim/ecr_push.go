package awssim

import (
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	et "github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

const (
	layerPartSize  = 10 << 20 // what InitiateLayerUpload asks for
	layerPartLeast = 5 << 20  // below it only the last part may be (ECR user guide, "Amazon ECR service quotas")
)

func createRepository(c *call, in *ecr.CreateRepositoryInput) (*ecr.CreateRepositoryOutput, error) {
	t, err := c.repository("CreateRepository", in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if t.repo != nil {
		return nil, fail("RepositoryAlreadyExistsException", "The repository with name '%s' already exists in the registry with id '%s'", t.name, t.account)
	}
	r := &repository{images: map[string]*pushedImage{}, tags: map[string]string{}, blobs: map[string]*imageBlob{}, uploads: map[string]*layerUpload{}, scans: map[string]*imageScan{}}
	r.about = et.Repository{
		RegistryId: &t.account, RepositoryName: &t.name, RepositoryArn: &t.arn, CreatedAt: aws.Time(c.now), ImageTagMutability: in.ImageTagMutability,
		RepositoryUri: aws.String(t.account + ".dkr.ecr." + c.region + ".amazonaws.com/" + t.name), EncryptionConfiguration: in.EncryptionConfiguration, ImageScanningConfiguration: in.ImageScanningConfiguration,
	}
	if r.about.ImageTagMutability == "" {
		r.about.ImageTagMutability = et.ImageTagMutabilityMutable
	}
	if r.about.EncryptionConfiguration == nil {
		r.about.EncryptionConfiguration = &et.EncryptionConfiguration{EncryptionType: et.EncryptionTypeAes256}
	}
	if r.about.ImageScanningConfiguration == nil {
		r.about.ImageScanningConfiguration = &et.ImageScanningConfiguration{}
	}
	t.state.repositories[t.name] = r
	return &ecr.CreateRepositoryOutput{Repository: &r.about}, nil
}

func initiateLayerUpload(c *call, in *ecr.InitiateLayerUploadInput) (*ecr.InitiateLayerUploadOutput, error) {
	t, err := c.repository("InitiateLayerUpload", in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	id := c.id("uuid", t.arn)
	t.repo.uploads[id] = &layerUpload{}
	return &ecr.InitiateLayerUploadOutput{UploadId: &id, PartSize: aws.Int64(layerPartSize)}, nil
}

func (t *repositoryTarget) upload(id *string) (*layerUpload, error) {
	if u := t.repo.uploads[aws.ToString(id)]; u != nil {
		return u, nil
	}
	return nil, fail("UploadNotFoundException", "The upload with id '%s' does not exist in the repository with name '%s'", aws.ToString(id), t.name)
}

func uploadLayerPart(c *call, in *ecr.UploadLayerPartInput) (*ecr.UploadLayerPartOutput, error) {
	t, err := c.repository("UploadLayerPart", in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	u, err := t.upload(in.UploadId)
	if err != nil {
		return nil, err
	}
	first, last := aws.ToInt64(in.PartFirstByte), aws.ToInt64(in.PartLastByte)
	if first != int64(len(u.data)) || last-first+1 != int64(len(in.LayerPartBlob)) {
		e := fail("InvalidLayerPartException", "The layer part is not valid: it does not follow the part before it, or has another size than it says.")
		e.Fields = map[string]any{"lastValidByteReceived": max(int64(len(u.data))-1, 0), "registryId": t.account, "repositoryName": t.name, "uploadId": *in.UploadId}
		return nil, e
	}
	if u.small {
		return nil, tooSmall()
	}
	u.small = len(in.LayerPartBlob) < layerPartLeast
	u.data = append(u.data, in.LayerPartBlob...)
	return &ecr.UploadLayerPartOutput{LastByteReceived: &last, RegistryId: &t.account, RepositoryName: &t.name, UploadId: in.UploadId}, nil
}

func tooSmall() error {
	return fail("LayerPartTooSmallException", "Layer parts must be at least %d bytes in size", layerPartLeast)
}

func completeLayerUpload(c *call, in *ecr.CompleteLayerUploadInput) (*ecr.CompleteLayerUploadOutput, error) {
	t, err := c.repository("CompleteLayerUpload", in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	u, err := t.upload(in.UploadId)
	if err != nil {
		return nil, err
	}
	digest := ociDigest(u.data)
	switch {
	case len(u.data) == 0:
		return nil, fail("EmptyUploadException", "The specified layer upload does not contain any layer parts")
	case in.LayerDigests[0] != digest:
		return nil, fail("InvalidLayerException", "The layer digest calculation performed by Amazon ECR upon receipt of the image layer does not match the digest specified.")
	case t.repo.blobs[digest] != nil:
		return nil, fail("LayerAlreadyExistsException", "The layer with digest '%s' already exists in the repository with name '%s' in registry with id '%s'", digest, t.name, t.account)
	}
	t.repo.blobs[digest] = &imageBlob{data: u.data}
	delete(t.repo.uploads, *in.UploadId)
	return &ecr.CompleteLayerUploadOutput{LayerDigest: &digest, RegistryId: &t.account, RepositoryName: &t.name, UploadId: in.UploadId}, nil
}

// manifestOf is what ECR reads of a manifest: an image's blobs, or an index's images.
type manifestOf struct {
	SchemaVersion int              `json:"schemaVersion"`
	MediaType     string           `json:"mediaType"`
	Config        *blobDescriptor  `json:"config"`
	Layers        []blobDescriptor `json:"layers"`
	Manifests     []blobDescriptor `json:"manifests"`
}

type blobDescriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
}

// putImage checks that all is there that the manifest refers to.
func putImage(c *call, in *ecr.PutImageInput) (*ecr.PutImageOutput, error) {
	t, err := c.repository("PutImage", in.RegistryId, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	text := aws.ToString(in.ImageManifest)
	var m manifestOf
	if err := json.Unmarshal([]byte(text), &m); err != nil || m.SchemaVersion != 2 || m.Config == nil && len(m.Manifests) == 0 {
		return nil, fail("InvalidParameterException", "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'")
	}
	if in.ImageManifestMediaType != nil {
		m.MediaType = *in.ImageManifestMediaType
	}
	digest := ociDigest(text)
	if in.ImageDigest != nil && *in.ImageDigest != digest {
		return nil, fail("ImageDigestDoesNotMatchException", "The specified image digest '%s' does not match the calculated digest '%s'", *in.ImageDigest, digest)
	}
	size, err := t.refers(&m)
	if err != nil {
		return nil, err
	}
	if err := t.tag(digest, in.ImageTag); err != nil {
		return nil, err
	}
	if t.repo.images[digest] == nil {
		t.repo.images[digest] = &pushedImage{manifest: text, mediaType: m.MediaType, size: size, pushed: c.now}
	}
	return &ecr.PutImageOutput{Image: t.image(digest, in.ImageTag)}, nil
}

// refers sums up what a manifest refers to: all of it must have been pushed.
func (t *repositoryTarget) refers(m *manifestOf) (size int64, err error) {
	for _, d := range m.Manifests {
		had := t.repo.images[d.Digest]
		if had == nil {
			return 0, fail("ReferencedImagesNotFoundException", "Images with digests '[%s]' required for pushing image into repository with name '%s' in the registry with id '%s' do not exist", d.Digest, t.name, t.account)
		}
		size += had.size
	}
	blobs := m.Layers
	if m.Config != nil {
		blobs = append(blobs, *m.Config)
	}
	for _, d := range blobs {
		b := t.repo.blobs[d.Digest]
		if b == nil {
			return 0, fail("LayersNotFoundException", "The layers with digests '[%s]' do not exist in the repository with name '%s' in the registry with id '%s'", d.Digest, t.name, t.account)
		}
		if b.mediaType == "" {
			b.mediaType = d.MediaType
		}
		size += int64(len(b.data))
	}
	return size, nil
}

// tag points a tag at a digest, if the repository lets tags move.
func (t *repositoryTarget) tag(digest string, tag *string) error {
	had := t.repo.images[digest] != nil
	if tag == nil {
		if had {
			return fail("ImageAlreadyExistsException", "Image with digest '%s' already exists in the repository with name '%s' in registry with id '%s'", digest, t.name, t.account)
		}
		return nil
	}
	switch at := t.repo.tags[*tag]; {
	case at == digest:
		return fail("ImageAlreadyExistsException", "Image with digest '%s' and tag '%s' already exists in the repository with name '%s' in registry with id '%s'", digest, *tag, t.name, t.account)
	case at != "" && t.repo.about.ImageTagMutability == et.ImageTagMutabilityImmutable:
		return fail("ImageTagAlreadyExistsException", "The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the tag is immutable.", *tag, t.name)
	}
	t.repo.tags[*tag] = digest
	return nil
}

func (t *repositoryTarget) image(digest string, tag *string) *et.Image {
	i := t.repo.images[digest]
	return &et.Image{RegistryId: &t.account, RepositoryName: &t.name, ImageId: &et.ImageIdentifier{ImageDigest: &digest, ImageTag: tag},
		ImageManifest: &i.manifest, ImageManifestMediaType: &i.mediaType}
}
