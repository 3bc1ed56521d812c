package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/durable"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/oci"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

func (p *program) caseImageCommand() *cli.Command {
	return &cli.Command{
		Name: "image", Usage: "write the container image that a version ran as an OCI image layout, for other tools (from the case alone)",
		ArgsUsage:   "DIR",
		Description: "freezeframe case image --qualifier 7 ./image-7\nfreezeframe case image --out image.tar\nskopeo inspect oci:./image-7\n\nEvery byte is compared with its digest again, and no file has a name that came from the image. Nothing of it is unpacked or run.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "function", Usage: "name or ARN, if the case holds images of several"},
			&cli.StringFlag{Name: "qualifier", Usage: "version whose image is wanted", Value: "$LATEST"},
			&cli.StringFlag{Name: "out", Usage: "write one .tar (oci-archive) instead of a folder"},
		},
		Action: p.caseImage,
	}
}

// imageWritten is what `case image` answers.
type imageWritten struct {
	Schema    string           `json:"schema"`
	Path      string           `json:"path"`
	Function  string           `json:"function"` // ARN
	Qualifier string           `json:"qualifier"`
	Image     string           `json:"image"`    // as Lambda resolved it
	Deployed  string           `json:"deployed"` // as it was named then
	Manifest  oci.Descriptor   `json:"manifest"`
	Blobs     []oci.Descriptor `json:"blobs"`
	From      []evidence.Ref   `json:"from"`
}

func (p *program) caseImage(c *cli.Context) error {
	path, archive, err := imagePath(c)
	if err != nil {
		return err
	}
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	out, arch, err := ranImage(c.Context, opened, c.String("function"), c.String("qualifier"))
	if err != nil {
		return err
	}
	out.Path = path
	image, err := imageIn(c.Context, opened, out, arch)
	if err != nil {
		return err
	}
	if archive {
		err = writeImageArchive(path, *image)
	} else {
		err = writeImageFolder(path, *image)
	}
	if err != nil {
		return fmt.Errorf("image to %s: %w", path, err)
	}
	err = p.recordAnalysis(c, opened, "image written", map[string]string{"function": out.Function, "qualifier": out.Qualifier, "manifest": string(out.Manifest.Digest)})
	if err != nil {
		return err
	}
	return p.s.Show(out, func(t *ui.Printer) {
		t.Line("%s %s ran %s (deployed as %s)", out.Function, out.Qualifier, out.Image, out.Deployed)
		t.Line("%s: manifest %s, %s, every digest compared", out.Path, out.Manifest.Digest, ui.Plural(len(out.Blobs), "blob"))
		kind := "oci"
		if archive {
			kind = "oci-archive"
		}
		t.Line("next: skopeo inspect %s:%s", kind, out.Path)
	})
}

// imagePath is where the image goes: it must not be there yet.
func imagePath(c *cli.Context) (path string, archive bool, err error) {
	path, archive = c.String("out"), c.String("out") != ""
	switch {
	case archive && c.NArg() > 0 || !archive && c.NArg() != 1:
		return "", false, ui.UsageHint("freezeframe case image --qualifier 7 ./image", "one new folder is wanted, or --out FILE.tar")
	case !archive:
		path = c.Args().First()
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", false, fmt.Errorf("image to %s: %w", path, err)
	}
	if _, err := os.Lstat(path); err == nil {
		return "", false, ui.UsageHint("freezeframe case image ANOTHER", "%s is there already", path)
	}
	return path, archive, nil
}

// ranImage finds what a version ran by the newest bag that tells, and for which architecture.
func ranImage(ctx context.Context, c *evidence.Case, function, qualifier string) (*imageWritten, string, error) {
	var at *evidence.Found
	var functions, qualifiers []string
	wanted := func(e evidence.Entry) bool {
		return e.Artefact == "ecr.image" && e.Item != nil && (function == "" || e.Source.ARN == function || strings.HasSuffix(e.Source.ARN, ":function:"+function))
	}
	for f, err := range c.Find(ctx, wanted) {
		if err != nil {
			return nil, "", err
		}
		functions, qualifiers = append(functions, f.Entry.Source.ARN), append(qualifiers, f.Entry.Source.Qualifier)
		if at == nil && f.Entry.Source.Qualifier == qualifier {
			at = &f
		}
	}
	slices.Sort(functions)
	slices.Sort(qualifiers)
	functions, qualifiers = slices.Compact(functions), slices.Compact(qualifiers)
	switch {
	case len(functions) == 0:
		return nil, "", ui.UsageHint("freezeframe collect --function NAME", "the case holds no container image of a function")
	case len(functions) > 1:
		return nil, "", ui.UsageHint("freezeframe case image --function "+functions[0], "the case holds images of %s: say which with --function", strings.Join(functions, ", "))
	case at == nil:
		return nil, "", ui.UsageHint("freezeframe case image --qualifier '"+qualifiers[0]+"'", "the case knows no image of version %q, but of %s", qualifier, strings.Join(qualifiers, ", "))
	}
	data, err := readItem(ctx, at.Bag, *at.Entry.Item, oci.MaxManifest)
	if err != nil {
		return nil, "", err
	}
	var doc struct {
		ImageURI         string `json:"ImageUri"`
		ResolvedImageURI string `json:"ResolvedImageUri"`
		Architectures    []string
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, "", fmt.Errorf("reading ecr.image of %s: %w", functions[0], err)
	}
	out := &imageWritten{Schema: "freezeframe/image/v1", Function: functions[0], Qualifier: qualifier, Image: doc.ResolvedImageURI, Deployed: doc.ImageURI, Blobs: []oci.Descriptor{}}
	out.From = append(out.From, at.Bag.Ref(*at.Entry.Item))
	return out, strings.Join(doc.Architectures, ","), nil // a version has one
}

func readItem(ctx context.Context, b *evidence.Bag, it evidence.Item, most int64) (data []byte, err error) {
	r, err := b.Open(ctx, it)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.ReadAll(io.LimitReader(r, most+1))
}

// imageIn gathers an image's blobs in the case, by digest, beginning at the one that Lambda
// resolved. out is told what there is.
func imageIn(ctx context.Context, c *evidence.Case, out *imageWritten, arch string) (*oci.Image, error) {
	blobs, err := imageBlobs(ctx, c)
	if err != nil {
		return nil, err
	}
	image := &oci.Image{}
	add := func(d oci.Descriptor) error {
		f, ok := blobs[d.Digest]
		if !ok {
			return ui.Incomplete("freezeframe collect --resume, or freezeframe case show to see why", "the case does not hold %s of the image", d.Digest)
		}
		image.Blobs = append(image.Blobs, oci.Blob{Descriptor: d, Open: func() (io.ReadCloser, error) { return f.Bag.Open(ctx, *f.Entry.Item) }})
		out.Blobs, out.From = append(out.Blobs, d), append(out.From, f.Bag.Ref(*f.Entry.Item))
		return nil
	}
	ref, ok := oci.ParseReference(out.Image)
	if !ok {
		return nil, fmt.Errorf("%q names no image in ECR", out.Image)
	}
	root := oci.Descriptor{Digest: ref.Digest}
	for range 4 { // an index, and one in it
		f, ok := blobs[root.Digest]
		if !ok {
			return nil, ui.Incomplete("freezeframe collect --resume", "the case does not hold manifest %s", root.Digest)
		}
		data, err := readItem(ctx, f.Bag, *f.Entry.Item, oci.MaxManifest)
		if err != nil {
			return nil, err
		}
		m, err := oci.ParseManifest(data)
		if err != nil {
			return nil, fmt.Errorf("manifest %s: %w", root.Digest, err)
		}
		root.Size, root.MediaType = int64(len(data)), mediaTypeOf(m, f.Entry.Item.Params["mediaType"])
		if err := add(root); err != nil {
			return nil, err
		}
		if !m.Index() {
			image.Manifest, out.Manifest = root, root
			for _, d := range append([]oci.Descriptor{*m.Config}, m.Layers...) {
				if err := add(d); err != nil {
					return nil, err
				}
			}
			return image, nil
		}
		if root, err = m.Pick(arch); err != nil {
			return nil, fmt.Errorf("index: %w", err)
		}
		image.Platform = root.Platform
		root.Platform = nil
	}
	return nil, fmt.Errorf("manifest %s: an index of indexes, deeper than is followed", ref.Digest)
}

// mediaTypeOf is what an index has to say of a manifest: its own word, the registry's, or by its form.
func mediaTypeOf(m *oci.Manifest, served string) string {
	for _, known := range oci.MediaTypes() {
		if m.MediaType == known {
			return known
		}
	}
	if slices.Contains(oci.MediaTypes(), served) {
		return served
	}
	if m.Index() {
		return oci.MediaIndex
	}
	return oci.MediaManifest
}

// imageBlobs are the parts of images that the case holds and whose digest matched.
func imageBlobs(ctx context.Context, c *evidence.Case) (map[string]evidence.Found, error) {
	out := map[string]evidence.Found{}
	wanted := func(e evidence.Entry) bool {
		return e.Item != nil && e.State == evidence.Collected && slices.Contains([]string{"ecr.manifest", "ecr.config", "ecr.layer"}, e.Artefact)
	}
	for f, err := range c.Find(ctx, wanted) {
		if err != nil {
			return nil, err
		}
		if _, had := out[f.Entry.Source.Qualifier]; !had {
			out[f.Entry.Source.Qualifier] = f
		}
	}
	return out, nil
}

func writeImageFolder(path string, image oci.Image) error {
	folder, err := oci.NewFolder(path)
	if err != nil {
		return err
	}
	if err := oci.WriteLayout(folder, image); err != nil {
		return errors.Join(err, folder.Remove())
	}
	return nil
}

func writeImageArchive(path string, image oci.Image) error {
	file, err := durable.Create(path, 0o600)
	if err != nil {
		return err
	}
	defer file.Discard() //nolint:errcheck // after Commit it does nothing; before, the error is told already
	archive := oci.NewTar(file)
	if err := oci.WriteLayout(archive, image); err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return file.Commit()
}
