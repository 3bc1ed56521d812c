package s3vault

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// List implements vault.Vault over all versions and delete markers, by name, and of one
// name the oldest first. Names of which there are many versions are held in memory one at a time.
func (v *Vault) List(ctx context.Context, prefix string) iter.Seq2[vault.Entry, error] {
	return func(yield func(vault.Entry, error) bool) {
		var same []vault.Entry // of one name, newest first, as S3 lists them
		flush := func() bool {
			for _, e := range slices.Backward(same) {
				if !yield(e, nil) {
					return false
				}
			}
			if n := len(same); n > 0 && same[0].Odd == "" {
				v.remember(same)
			}
			same = same[:0]
			return true
		}
		for e, err := range v.newestFirst(ctx, prefix) {
			if err != nil {
				if flush() {
					yield(vault.Entry{}, err)
				}
				return
			}
			if len(same) > 0 && same[0].Name != e.Name && !flush() {
				return
			}
			same = append(same, e)
		}
		flush()
	}
}

// remember keeps which version of a name was written first.
func (v *Vault) remember(newestFirst []vault.Entry) {
	for _, e := range slices.Backward(newestFirst) {
		if !e.Marker {
			v.versions.put(e.Name, e.Version)
			return
		}
	}
}

// newestFirst yields versions and markers as S3 orders them, page by page.
func (v *Vault) newestFirst(ctx context.Context, prefix string) iter.Seq2[vault.Entry, error] {
	return func(yield func(vault.Entry, error) bool) {
		in := &s3.ListObjectVersionsInput{
			Bucket: &v.o.Bucket, Prefix: aws.String(v.prefix + prefix), ExpectedBucketOwner: v.owner(),
		}
		var told lastTold
		for {
			out, err := v.s3.ListObjectVersions(ctx, in)
			if err != nil {
				yield(vault.Entry{}, v.wrap("list", prefix, err))
				return
			}
			for _, e := range v.page(out) {
				if !told.first(e) {
					continue
				}
				if !yield(e, nil) {
					return
				}
			}
			if !aws.ToBool(out.IsTruncated) {
				return
			}
			key, version := aws.ToString(out.NextKeyMarker), aws.ToString(out.NextVersionIdMarker)
			if key == aws.ToString(in.KeyMarker) && version == aws.ToString(in.VersionIdMarker) {
				yield(vault.Entry{}, fmt.Errorf("list %s: S3 says there is more, and gives the same page again", v))
				return
			}
			in.KeyMarker, in.VersionIdMarker = out.NextKeyMarker, out.NextVersionIdMarker
		}
	}
}

// lastTold is the name that was told last, and its versions. A server that begins a page with what
// the one before it ended with (versitygw 1.8) would otherwise tell of a name that was written twice.
type lastTold struct {
	name     string
	versions map[string]bool
}

func (l *lastTold) first(e vault.Entry) bool {
	if e.Name != l.name || l.versions == nil {
		l.name, l.versions = e.Name, map[string]bool{}
	}
	again := l.versions[e.Version]
	l.versions[e.Version] = true
	return !again
}

type stamped struct {
	vault.Entry
	at     int64 // when it was written, ns
	latest bool
}

// page merges the two lists of an answer, by name and then newest first. S3 gives times in
// whole seconds; among equal ones the latest comes first, and a marker before what it hides.
func (v *Vault) page(out *s3.ListObjectVersionsOutput) []vault.Entry {
	var all []stamped
	add := func(key, version *string, size *int64, marker bool, at int64, latest *bool) {
		e := vault.Entry{
			Name: strings.TrimPrefix(aws.ToString(key), v.prefix), Version: aws.ToString(version),
			Size: aws.ToInt64(size), Marker: marker,
		}
		if vault.CheckName(e.Name) != nil {
			e.Odd = "unsafe name"
		}
		all = append(all, stamped{e, at, aws.ToBool(latest)})
	}
	for _, o := range out.Versions {
		add(o.Key, o.VersionId, o.Size, false, aws.ToTime(o.LastModified).UnixNano(), o.IsLatest)
	}
	for _, m := range out.DeleteMarkers {
		add(m.Key, m.VersionId, nil, true, aws.ToTime(m.LastModified).UnixNano(), m.IsLatest)
	}
	slices.SortStableFunc(all, func(a, b stamped) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), rank(b.latest)-rank(a.latest), cmp.Compare(b.at, a.at), rank(b.Marker)-rank(a.Marker))
	})
	entries := make([]vault.Entry, len(all))
	for i, s := range all {
		entries[i] = s.Entry
	}
	return entries
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// firstVersion is the version of a name that was written first: what came later is not what
// was sealed. vault.ErrNotFound if there is none.
func (v *Vault) firstVersion(ctx context.Context, name string) (string, error) {
	if version, ok := v.versions.get(name); ok {
		return version, nil
	}
	first, found := "", false
	for e, err := range v.newestFirst(ctx, name) {
		if err != nil {
			return "", err
		}
		if e.Name != name {
			break // names are in order, and the bare name comes before longer ones
		}
		if !e.Marker {
			first, found = e.Version, true
		}
	}
	if !found {
		return "", fmt.Errorf("read %s in %s: %w", name, v, vault.ErrNotFound)
	}
	v.versions.put(name, first)
	return first, nil
}

// versionCache remembers first versions, so that reading after a listing costs one call, not two.
// A first version never changes. Bounded: when full it starts over.
type versionCache struct {
	mu   sync.Mutex
	byID map[string]string
}

const maxVersions = 8192

func newVersionCache() *versionCache { return &versionCache{byID: map[string]string{}} }

func (c *versionCache) get(name string) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.byID[name]
	return v, ok
}

// put keeps what is known already: a name's first version.
func (c *versionCache) put(name, version string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byID[name]; ok {
		return
	}
	if len(c.byID) >= maxVersions {
		clear(c.byID)
	}
	c.byID[name] = version
}
