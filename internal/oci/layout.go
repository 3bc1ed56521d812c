package oci

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// ErrDigest is content that is not what its digest says.
var ErrDigest = errors.New("the bytes are not those of the digest")

// Blob is content that is to be had.
type Blob struct {
	Descriptor
	Open func() (io.ReadCloser, error)
}

// Image is a whole image: its manifest, what that refers to, and the index it was found by, if any.
type Image struct {
	Manifest Descriptor
	Platform *Platform
	Blobs    []Blob // the manifest, the configuration, the layers, indexes: each once
}

// Sink takes the files of a layout. Their names are made here, of digests that were compared.
type Sink interface {
	Put(name string, size int64, write func(io.Writer) error) error
}

// WriteLayout writes an image as an OCI image layout (image-spec, "OCI Image Layout
// Specification", version 1.0.0). Every blob is compared with its size and digest as it is
// written: after an error nothing that the sink took is to be used.
func WriteLayout(to Sink, image Image) error {
	written := map[string]bool{}
	for _, b := range image.Blobs {
		if written[b.Digest] {
			continue // the same layer twice
		}
		written[b.Digest] = true
		if !IsDigest(b.Digest) {
			return fmt.Errorf("%w: %q is none", ErrDigest, clip(b.Digest))
		}
		if err := to.Put("blobs/sha256/"+strings.TrimPrefix(b.Digest, "sha256:"), b.Size, b.copy); err != nil {
			return fmt.Errorf("blob %s: %w", b.Digest, err)
		}
	}
	if !written[image.Manifest.Digest] {
		return fmt.Errorf("manifest %s: %w: it is not among the blobs", image.Manifest.Digest, ErrDigest)
	}
	root := image.Manifest
	root.Platform = image.Platform
	index, err := json.Marshal(struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Manifests     []Descriptor `json:"manifests"`
	}{2, MediaIndex, []Descriptor{root}})
	if err != nil {
		return fmt.Errorf("index.json: %w", err)
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{"index.json", index}, {"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)}} {
		if err := to.Put(f.name, int64(len(f.data)), func(w io.Writer) error { _, err := w.Write(f.data); return err }); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

func (b Blob) copy(w io.Writer) (err error) {
	r, err := b.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(r, b.Size+1))
	if err != nil {
		return err
	}
	if got := "sha256:" + hex.EncodeToString(h.Sum(nil)); n != b.Size || got != b.Digest {
		return fmt.Errorf("%w: %d bytes of %d, %s", ErrDigest, n, b.Size, got)
	}
	return nil
}

// Folder is a sink that makes a new folder. Files are the user's own to read.
type Folder struct{ root string }

// NewFolder makes the folder, which must not be there.
func NewFolder(path string) (*Folder, error) {
	if err := os.Mkdir(path, 0o700); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(path, "blobs", "sha256"), 0o700); err != nil {
		return nil, err
	}
	return &Folder{path}, nil
}

// Put implements Sink.
func (f *Folder) Put(name string, _ int64, write func(io.Writer) error) (err error) {
	file, err := os.OpenFile(filepath.Join(f.root, filepath.FromSlash(name)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return write(file)
}

// Remove takes the folder away again: what is in it is not whole.
func (f *Folder) Remove() error { return os.RemoveAll(f.root) }

// Tar is a sink that writes a tar archive of the layout, which skopeo calls oci-archive.
type Tar struct{ w *tar.Writer }

// NewTar begins an archive on w.
func NewTar(w io.Writer) *Tar { return &Tar{tar.NewWriter(w)} }

// Put implements Sink: content of another size than told is an error.
func (t *Tar) Put(name string, size int64, write func(io.Writer) error) error {
	if err := t.w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, Format: tar.FormatPAX}); err != nil {
		return err
	}
	return write(t.w)
}

// Close ends the archive.
func (t *Tar) Close() error { return t.w.Close() }
