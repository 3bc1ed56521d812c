package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// trailKinds are what CloudTrail delivers, by folder, and the artefact that each becomes.
var trailKinds = [...]struct{ folder, artefact string }{
	{"CloudTrail", "cloudtrail.log"},
	{"CloudTrail-Digest", "cloudtrail.digest"},
}

const (
	objectTries = 3  // a connection that breaks in the middle of an object
	deniedMost  = 16 // objects of a place that are denied before the rest is not asked for
)

// trailObject is an object of a trail's bucket that is to be fetched.
type trailObject struct {
	place  *trailPlace
	list   want // where it was found
	kind   string
	region string
	day    string // of delivery: "2026/11/20"
	key    string
	size   int64
}

// trailFetch gathers what there is to fetch, then fetches it within its bounds.
type trailFetch struct {
	j *Job

	mu      sync.Mutex
	objects []trailObject
	known   map[string]bool // their ARNs: a listing that goes in a circle has them twice
}

// list finds the objects of one place.
func (f *trailFetch) list(ctx context.Context, p *trailPlace) {
	if !bucketName.MatchString(p.bucket) {
		f.j.gap(p.want(p.prefix, ""), stamp{}, evidence.Failed, "", "not the name of a bucket")
		return
	}
	p.locate(ctx)
	for _, root := range p.roots(ctx) {
		for _, k := range trailKinds {
			each(f.j.lookupRegions(), callsAtOnce, func(region string) {
				prefix := root + k.folder + "/" + region + "/"
				for _, o := range p.listing(ctx, prefix, region) {
					key := aws.ToString(o.Key)
					rest := strings.TrimPrefix(key, prefix)
					f.add(trailObject{p, p.want(prefix, region), k.artefact, region, rest[:min(len(rest), len("2026/11/20"))], key, aws.ToInt64(o.Size)})
				}
			})
		}
	}
}

func (f *trailFetch) add(o trailObject) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if arn := o.place.arn() + "/" + o.key; !f.known[arn] {
		f.known[arn] = true
		f.objects = append(f.objects, o)
	}
}

// fetch takes digests first, which are small and vouch for the rest, then log files, the
// newest day first. What is over a bound is counted, one gap a listing.
func (f *trailFetch) fetch(ctx context.Context) {
	slices.SortFunc(f.objects, func(a, b trailObject) int {
		return cmp.Or(strings.Compare(a.kind, b.kind), strings.Compare(b.day, a.day), strings.Compare(a.key, b.key))
	})
	left, over, denied := f.j.run.o.MaxTrailBytes, newCounts(), newCounts()
	var take []trailObject
	for _, o := range f.objects {
		if len(take) == maxTrailObjects || o.size > left {
			over.add(o)
			continue
		}
		left -= o.size
		take = append(take, o)
	}
	for _, o := range take {
		f.j.plan(o.want())
	}
	var refused, had atomic.Int64
	each(take, f.j.run.o.Parallel, func(o trailObject) {
		switch {
		case f.j.have(o.want()):
		case ctx.Err() != nil: // close records it
		case had.Load() == 0 && refused.Load() >= deniedMost:
			f.j.run.book.forget(o.want())
			denied.add(o)
		case f.get(ctx, o) == evidence.Denied:
			refused.Add(1)
		default:
			had.Add(1)
		}
	})
	over.gaps(f.j, evidence.Truncated, "raise --max-trail-bytes: the cap on bytes or objects of trails' buckets is met")
	denied.gaps(f.j, evidence.NotAttempted, "the first objects were denied, these were not asked for")
}

func (o trailObject) want() want {
	w := o.place.j.of(o.kind, o.place.arn()+"/"+o.key, "", o.region, getCall)
	w.name = path.Base(o.key)
	w.params = map[string]string{"Bucket": o.place.bucket, "Key": o.key}
	return w
}

// get stores one object as it lies there: gzip and all.
func (f *trailFetch) get(ctx context.Context, o trailObject) evidence.State {
	w := o.want()
	for try := 1; ; try++ {
		out, s, err := ask(ctx, f.j, o.place.c.GetObject, &s3.GetObjectInput{Bucket: &o.place.bucket, Key: &o.key, ChecksumMode: s3types.ChecksumModeEnabled})
		if err == nil {
			w.params = objectParams(o, out)
			err = f.j.put(ctx, w, s, func(to io.Writer) error { return copyObject(to, out.Body, o.size) })
			if err = errors.Join(err, out.Body.Close()); err == nil {
				return evidence.Collected
			}
			if try < objectTries && ctx.Err() == nil && !errors.Is(err, errGrew) {
				continue // the connection broke
			}
		}
		f.j.permit(w, s, err, "s3:GetObject on "+o.place.arn()+"/*, and kms:Decrypt where a key encrypts it")
		state, _ := classify(err)
		return state
	}
}

var errGrew = errors.New("the object is not as long as it was listed: it was written to since")

func copyObject(to io.Writer, from io.Reader, size int64) error {
	n, err := io.Copy(to, io.LimitReader(from, size+1))
	if err == nil && n != size {
		err = errGrew
	}
	return err
}

// objectParams keeps what S3 knows of an object: a digest's signature is metadata of its own.
func objectParams(o trailObject, out *s3.GetObjectOutput) map[string]string {
	p := map[string]string{"Bucket": o.place.bucket, "Key": o.key}
	for name, v := range map[string]*string{
		"ETag": out.ETag, "VersionId": out.VersionId, "ContentType": out.ContentType, "ContentEncoding": out.ContentEncoding, "SSEKMSKeyId": out.SSEKMSKeyId,
		"ChecksumCRC32": out.ChecksumCRC32, "ChecksumCRC32C": out.ChecksumCRC32C, "ChecksumCRC64NVME": out.ChecksumCRC64NVME, "ChecksumSHA1": out.ChecksumSHA1, "ChecksumSHA256": out.ChecksumSHA256,
	} {
		if v != nil {
			p[name] = *v
		}
	}
	if out.LastModified != nil {
		p["LastModified"] = out.LastModified.UTC().Format(time.RFC3339)
	}
	for name, v := range map[string]string{"ServerSideEncryption": string(out.ServerSideEncryption), "ChecksumType": string(out.ChecksumType), "ObjectLockMode": string(out.ObjectLockMode)} {
		if v != "" {
			p[name] = v
		}
	}
	for name, v := range out.Metadata {
		p["x-amz-meta-"+strings.ToLower(name)] = v
	}
	return p
}

// counts are objects that are not fetched, by listing.
type counts struct {
	mu sync.Mutex
	of map[slot]*count
}

type count struct {
	first   trailObject
	objects int
	bytes   int64
}

func newCounts() *counts { return &counts{of: map[slot]*count{}} }

func (c *counts) add(o trailObject) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := o.list.slot()
	if c.of[k] == nil {
		c.of[k] = &count{first: o}
	}
	c.of[k].objects++
	c.of[k].bytes += o.size
}

// gaps are one for each listing: of how many objects it speaks.
func (c *counts) gaps(j *Job, state evidence.State, why string) {
	for _, n := range c.of {
		w := n.first.list
		w.artefact, w.call, w.src.Qualifier = n.first.kind, getCall, w.src.Qualifier+"*"
		j.gap(w, stamp{}, state, "", fmt.Sprintf("%d objects of %d bytes: %s", n.objects, n.bytes, why))
	}
}
