// Package oci reads what a container image's manifests say, and writes an image as an OCI
// image layout that other tools read. Manifests are an attacker's text: they name things by
// digest alone here, and whoever has bytes for a digest compares them.
package oci

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
)

// Media types of manifests that are followed. Docker's second schema has the same members.
const (
	MediaManifest       = "application/vnd.oci.image.manifest.v1+json"
	MediaIndex          = "application/vnd.oci.image.index.v1+json"
	MediaDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	MediaDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// MediaTypes are all of them: what a registry may answer with.
func MediaTypes() []string {
	return []string{MediaManifest, MediaIndex, MediaDockerManifest, MediaDockerList}
}

// MaxManifest is the largest manifest that is read: ECR takes no larger one.
const MaxManifest = 4 << 20

// Descriptor names content by its digest.
type Descriptor struct {
	MediaType string    `json:"mediaType"`
	Digest    string    `json:"digest"`
	Size      int64     `json:"size"`
	Platform  *Platform `json:"platform,omitempty"`
}

// Platform is what an index says that an image runs on.
type Platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Variant      string `json:"variant,omitempty"`
}

// Manifest is an image (Config and Layers) or an index of images (Manifests).
type Manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        *Descriptor  `json:"config"`
	Layers        []Descriptor `json:"layers"`
	Manifests     []Descriptor `json:"manifests"`
}

// Errors of manifests that callers branch on.
var (
	ErrManifest = errors.New("not a manifest of an image or of an index")
	ErrPlatform = errors.New("the index has no image for the platform")
)

// ParseManifest reads a manifest strictly: a member that is there twice, or a digest that is
// not SHA-256, is refused, because two readers would see two images in it.
func ParseManifest(data []byte) (*Manifest, error) {
	if len(data) > MaxManifest {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrManifest, MaxManifest)
	}
	m := new(Manifest)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if m.SchemaVersion != 2 || (m.Config == nil) == (len(m.Manifests) == 0) {
		return nil, fmt.Errorf("%w: schema version %d, %d layers, %d manifests", ErrManifest, m.SchemaVersion, len(m.Layers), len(m.Manifests))
	}
	all := append(append([]Descriptor{}, m.Layers...), m.Manifests...)
	if m.Config != nil {
		all = append(all, *m.Config)
	}
	for _, d := range all {
		if !IsDigest(d.Digest) || d.Size < 0 {
			return nil, fmt.Errorf("%w: it names content of %d bytes by %q", ErrManifest, d.Size, clip(d.Digest))
		}
	}
	return m, nil
}

func clip(s string) string {
	if len(s) > 100 {
		s = s[:100] + "..."
	}
	return s
}

// Index says whether it lists images, and is none itself.
func (m *Manifest) Index() bool { return m.Config == nil }

// Pick is the first image of an index that is for Linux on an architecture as Lambda calls it.
// An index with one image that says no platform has that one.
func (m *Manifest) Pick(architecture string) (Descriptor, error) {
	arch := map[string]string{"": "amd64", "x86_64": "amd64"}[architecture]
	if arch == "" {
		arch = architecture // arm64 is arm64
	}
	for _, d := range m.Manifests {
		if p := d.Platform; p != nil && p.OS == "linux" && p.Architecture == arch {
			return d, nil
		}
	}
	if len(m.Manifests) == 1 && m.Manifests[0].Platform == nil {
		return m.Manifests[0], nil
	}
	return Descriptor{}, fmt.Errorf("%w: linux/%s, of %d", ErrPlatform, arch, len(m.Manifests))
}

// IsDigest says whether a text is sha256: and 64 digits of lower-case hex.
func IsDigest(s string) bool {
	digits, ok := strings.CutPrefix(s, "sha256:")
	return ok && len(digits) == 2*sha256.Size && strings.Trim(digits, "0123456789abcdef") == ""
}

// DigestOf is the digest of bytes.
func DigestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Base64 is a digest's hash as the case declares hashes; "" if it is no digest.
func Base64(digest string) string {
	if !IsDigest(digest) {
		return ""
	}
	raw, err := hex.DecodeString(strings.TrimPrefix(digest, "sha256:"))
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// Reference is where an image lies in ECR.
type Reference struct{ Account, Region, Repository, Tag, Digest string }

// ParseReference reads ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME[:TAG][@DIGEST], with the hosts
// of other partitions and of the FIPS and dual-stack endpoints. AWS's user writes it.
func ParseReference(uri string) (Reference, bool) {
	p := regexp.MustCompile(`^([0-9]{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]{1,32})\.(?:amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn|amazonaws\.eu)/` +
		`([a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`).FindStringSubmatch(uri)
	if p == nil || len(p[3]) > 256 {
		return Reference{}, false
	}
	return Reference{Account: p[1], Region: p[2], Repository: p[3], Tag: p[4], Digest: p[5]}, true
}
