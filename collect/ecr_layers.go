package collect

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/oci"
)

// manifest keeps a manifest as it was served and goes on to what it refers to: an image's
// configuration and layers, or the one image of an index that the function's architecture
// runs. A manifest that is not what its digest says leads nowhere.
func (i *imageRun) manifest(ctx context.Context, digest string, depth int) {
	w := i.want("ecr.manifest", digest, "ECR:BatchGetImage")
	w.declared = &evidence.Declared{Algorithm: "sha256", Value: oci.Base64(digest)}
	data, ok := i.manifestBytes(ctx, w, digest)
	if ctx.Err() != nil {
		return // close records it
	}
	content := i.want("ecr.layer", "* of "+digest, "ECR:GetDownloadUrlForLayer")
	if !ok || oci.DigestOf(data) != digest {
		i.skip(content, "what the image consists of is unknown: ecr.manifest "+digest+" could not be had as its digest says")
		return
	}
	m, err := oci.ParseManifest(data)
	switch {
	case err != nil:
		i.gap(content, stamp{}, evidence.Unreadable, clip(err.Error()), "what the image consists of is unknown")
		return
	case !m.Index():
		i.content(ctx, m)
		return
	case depth > 2:
		i.gap(content, stamp{}, evidence.NotCovered, "", "an index of indexes, deeper than is followed")
		return
	}
	picked, err := m.Pick(string(i.arch))
	if err != nil {
		i.gap(content, stamp{}, evidence.Failed, clip(err.Error()), "no image to follow")
		return
	}
	if i.run.claim("image " + i.arn + " " + picked.Digest) {
		i.manifest(ctx, picked.Digest, depth+1)
	}
}

// manifestBytes are those of the case, or those that ECR serves.
func (i *imageRun) manifestBytes(ctx context.Context, w want, digest string) ([]byte, bool) {
	if e, ok := i.keptEntry(w); ok && e.Item != nil {
		data, err := i.keptBytes(ctx, *e.Item)
		if err != nil {
			i.run.book.fail(err)
			return nil, false
		}
		return data, i.have(w)
	}
	if i.have(w) {
		return nil, false
	}
	i.plan(w)
	out, s, err := ask(ctx, i.Job, i.ecr.BatchGetImage, &ecr.BatchGetImageInput{RegistryId: &i.ref.Account, RepositoryName: &i.ref.Repository,
		ImageIds: []ecrtypes.ImageIdentifier{{ImageDigest: &digest}}, AcceptedMediaTypes: oci.MediaTypes()})
	if err == nil && (len(out.Images) != 1 || out.Images[0].ImageManifest == nil) {
		err = imageFailure(out.Failures)
	}
	if err != nil {
		i.refused(w, s, err)
		return nil, false
	}
	text := *out.Images[0].ImageManifest
	w.params = map[string]string{"mediaType": clip(aws.ToString(out.Images[0].ImageManifestMediaType))}
	_ = i.put(ctx, w, s, func(out io.Writer) error { // its only error is the store's, which put reported
		_, err := io.WriteString(out, text)
		return err
	})
	return []byte(text), true
}

// content plans all of an image before the first byte of it is asked for.
func (i *imageRun) content(ctx context.Context, m *oci.Manifest) {
	type part struct {
		want
		oci.Descriptor
	}
	var parts []part
	room := int64(maxImage)
	for n, d := range append([]oci.Descriptor{*m.Config}, m.Layers...) {
		artefact, ext := "ecr.layer", extensionOf(d.MediaType)
		if n == 0 {
			artefact, ext = "ecr.config", "json"
		}
		if !i.run.claim(artefact + " " + i.arn + " " + d.Digest) {
			continue // of another version too
		}
		w := i.want(artefact, d.Digest, "ECR:GetDownloadUrlForLayer")
		w.name = strings.TrimSuffix(w.name, "json") + ext
		if d.Size > room || n > maxLayers {
			i.gap(w, stamp{}, evidence.TooLarge, "", fmt.Sprintf("the manifest says %d bytes, in layer %d of %d; of an image at most %d layers and %d bytes are collected", d.Size, n, len(m.Layers), maxLayers, int64(maxImage)))
			continue
		}
		room -= d.Size
		i.plan(w)
		parts = append(parts, part{w, d})
	}
	each(parts, callsAtOnce, func(p part) { i.blob(ctx, p.want, p.Descriptor) })
}

// extensionOf is a hint for who looks at the file.
func extensionOf(mediaType string) string {
	switch {
	case strings.HasSuffix(mediaType, "gzip"):
		return "tar.gz"
	case strings.HasSuffix(mediaType, "zstd"):
		return "tar.zst"
	}
	return "tar"
}

// blob downloads content of exactly the size that the manifest says. Its address is asked for
// when a download is free to begin. What a manifest says about other places to get a layer
// from is not followed.
func (i *imageRun) blob(ctx context.Context, w want, d oci.Descriptor) {
	if i.have(w) {
		return
	}
	i.download(ctx, w, pack{declared: oci.Base64(d.Digest), size: d.Size, exact: true, again: func(ctx context.Context) (string, error) {
		out, _, err := ask(ctx, i.Job, i.ecr.GetDownloadUrlForLayer, &ecr.GetDownloadUrlForLayerInput{RegistryId: &i.ref.Account, RepositoryName: &i.ref.Repository, LayerDigest: &d.Digest})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.DownloadUrl), nil
	}})
}
