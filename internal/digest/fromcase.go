package digest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// maxDocument bounds a collected document.
const maxDocument = 64 << 20

// Artefacts that hold what is validated, and with what.
const (
	digestArtefact  = "cloudtrail.digest"
	logArtefact     = "cloudtrail.log"
	keysArtefact    = "cloudtrail.keys"
	objectsArtefact = "cloudtrail.objects"
	trailsArtefact  = "cloudtrail.trails"
)

// FromCase gathers what the sealed bags of a case hold.
func FromCase(ctx context.Context, c *evidence.Case) (Input, error) {
	g := gatherer{in: Input{Keys: Keys{}, Listed: map[string]bool{}}, seen: map[string]evidence.Ref{}}
	for b, err := range c.Bags(ctx) {
		switch {
		case ctx.Err() != nil:
			return Input{}, ctx.Err()
		case b == nil:
			return Input{}, err
		case err != nil:
			g.trouble("collections/"+b.ID()+"/", err)
		case b.Sealed():
			g.bag(ctx, b)
		}
	}
	return g.in, ctx.Err()
}

type gatherer struct {
	in   Input
	seen map[string]evidence.Ref // objects, by place
}

func (g *gatherer) trouble(file string, err error) {
	g.in.Problems = append(g.in.Problems, Problem{Kind: Unreadable, File: file, Why: err.Error()})
}

func (g *gatherer) bag(ctx context.Context, b *evidence.Bag) {
	entries, err := b.Coverage(ctx)
	if err != nil {
		g.trouble("collections/"+b.ID()+"/", err)
		return
	}
	for _, e := range entries {
		switch {
		case e.Item == nil:
			g.missing(e)
		case e.Artefact == digestArtefact || e.Artefact == logArtefact:
			g.object(b, *e.Item)
		case e.Artefact == keysArtefact || e.Artefact == objectsArtefact || e.Artefact == trailsArtefact:
			if err := g.document(ctx, b, e); err != nil {
				g.trouble(b.Ref(*e.Item).Path, err)
			}
		}
	}
}

// missing books what was to be collected and was not.
func (g *gatherer) missing(e evidence.Entry) {
	switch {
	case e.Artefact != digestArtefact && e.Artefact != logArtefact && e.Artefact != objectsArtefact, e.State.Complete():
	default:
		p := Problem{Kind: NotCollected, File: "s3://" + strings.TrimPrefix(e.Source.ARN[strings.LastIndexByte(e.Source.ARN, ':')+1:], ":"), Why: string(e.State)}
		if e.Source.Qualifier != "" {
			p.File += "/" + e.Source.Qualifier
		}
		if e.Gap != nil {
			if why := cmp.Or(e.Gap.Note, e.Gap.Error); why != "" {
				p.Why += ": " + why
			}
		}
		g.in.Problems = append(g.in.Problems, p)
	}
}

func (g *gatherer) object(b *evidence.Bag, it evidence.Item) {
	p := it.Params
	where := p["Bucket"] + "/" + p["Key"]
	ref := b.Ref(it)
	if before, had := g.seen[where]; had {
		if before.SHA256 != ref.SHA256 {
			g.in.Problems = append(g.in.Problems, Problem{Kind: Changed, File: "s3://" + where, Why: fmt.Sprintf("it was collected as %s, and is another file in %s", before.Path, ref.Path)})
		}
		return
	}
	g.seen[where] = ref
	o := Object{Bucket: p["Bucket"], Key: p["Key"], Signature: p["x-amz-meta-signature"],
		Open: func(ctx context.Context) (io.ReadCloser, error) { return b.Open(ctx, it) }}
	o.Modified, _ = time.Parse(time.RFC3339, p["LastModified"])
	g.in.Objects = append(g.in.Objects, o)
}

// document reads keys, a listing, or the trails.
func (g *gatherer) document(ctx context.Context, b *evidence.Bag, e evidence.Entry) error {
	r, err := b.Open(ctx, *e.Item)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	if len(text) > maxDocument {
		return fmt.Errorf("a document of more than %d bytes", maxDocument)
	}
	switch e.Artefact {
	case keysArtefact:
		return g.in.Keys.Add(e.Source.Region, text)
	case objectsArtefact:
		return g.listing(e, text)
	}
	var doc struct {
		TrailList []struct {
			S3BucketName, S3KeyPrefix string
			LogFileValidationEnabled  bool
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return err
	}
	for _, t := range doc.TrailList {
		if !t.LogFileValidationEnabled {
			g.in.Loose = append(g.in.Loose, strings.TrimSuffix(t.S3BucketName+"/"+strings.Trim(t.S3KeyPrefix, "/"), "/"))
		}
	}
	return nil
}

func (g *gatherer) listing(e evidence.Entry, text []byte) error {
	var doc struct{ Contents []struct{ Key string } }
	if err := json.Unmarshal(text, &doc); err != nil {
		return err
	}
	p := e.Item.Params
	for _, o := range doc.Contents {
		g.in.Listed[p["Bucket"]+"/"+o.Key] = true
	}
	if p["from"] != "" && e.State == evidence.Collected {
		day := strings.NewReplacer("-", "/")
		g.in.Looks = append(g.in.Looks, Look{Bucket: p["Bucket"], Prefix: p["Prefix"], From: day.Replace(p["from"]), To: day.Replace(p["to"]), At: e.Item.Started})
	}
	return nil
}
