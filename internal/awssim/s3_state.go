package awssim

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// maxS3Object bounds an object: all of it is kept in memory.
const maxS3Object = 256 << 20

// maxS3Key is the most bytes of a key.
const maxS3Key = 1024

// s3State is all of S3: bucket names are one namespace for every account and region.
type s3State struct{ buckets map[string]*s3Bucket }

type s3Bucket struct {
	name, owner, region string
	created             time.Time
	versioning          string // "", Enabled, Suspended
	lock                bool   // Object Lock is on, for good
	retain              s3Default
	policy              string
	docs                map[string]any          // configuration documents by kind, as they were put
	objects             map[string][]*s3Version // by key, oldest first
	uploads             map[string]*s3Upload
}

// s3Default is the retention that new objects get when they ask for none.
type s3Default struct {
	mode        string // "" is none
	days, years int32
}

// s3Version is one version of an object, or a delete marker.
type s3Version struct {
	key, id  string // id is "null" for what was written without versioning
	marker   bool
	data     []byte
	etag     string // with quotes
	modified time.Time
	head     s3Head
	sums     s3Sums
	parts    []s3Part // of a multipart upload
	lock     s3Lock
	tags     map[string]string
}

// s3Head is what is stored beside the bytes and comes back in headers.
type s3Head struct {
	ContentType, CacheControl, Disposition, Encoding, Language, Redirect string
	Expires                                                              string
	SSE, KMSKey, Context, Class                                          string
	BucketKey                                                            bool
	Meta                                                                 map[string]string
}

// s3Lock protects a version from deletion.
type s3Lock struct {
	mode  string // "", GOVERNANCE, COMPLIANCE
	until time.Time
	hold  bool
	held  bool // a legal hold was ever set, be it to OFF: only then is there one to tell
}

// s3Upload is a multipart upload that was neither completed nor aborted.
type s3Upload struct {
	id, key, algorithm, kind string
	started                  time.Time
	initiator                string
	head                     s3Head
	lock                     s3Lock
	tags                     map[string]string
	parts                    map[int32]*s3Part
}

type s3Part struct {
	number   int32
	data     []byte // nil once the upload is complete
	size     int64
	etag     string
	sums     s3Sums
	modified time.Time
}

func noSuchBucket(name string) *apiError {
	return &apiError{Code: "NoSuchBucket", Message: "The specified bucket does not exist", Status: 404, Fields: map[string]any{"BucketName": name}}
}

func noSuchKey(key string) *apiError {
	return &apiError{Code: "NoSuchKey", Message: "The specified key does not exist.", Status: 404, Fields: map[string]any{"Key": key}}
}

func noSuchVersion(key, id string) *apiError {
	return &apiError{Code: "NoSuchVersion", Message: "The specified version does not exist.", Status: 404, Fields: map[string]any{"Key": key, "VersionId": id}}
}

// objectBytes is what another service reads from S3; version "" is the current
// one. The bytes are shared, not copied. Whoever calls has asked permission.
func (s *s3State) objectBytes(bucket, key, version string) ([]byte, error) {
	b := s.buckets[bucket]
	if b == nil {
		return nil, noSuchBucket(bucket)
	}
	v := b.version(key, version)
	switch {
	case v == nil && version != "":
		return nil, noSuchVersion(key, version)
	case v == nil || v.marker:
		return nil, noSuchKey(key)
	}
	return v.data, nil
}

// version finds one version; id "" is the current one, a delete marker included.
func (b *s3Bucket) version(key, id string) *s3Version {
	all := b.objects[key]
	if id == "" && len(all) > 0 {
		return all[len(all)-1]
	}
	for _, v := range all {
		if v.id == id {
			return v
		}
	}
	return nil
}

// store makes v the current version of its key. Where versioning is not on, the
// null version gives way to it.
func (b *s3Bucket) store(v *s3Version) {
	if v.id == "null" {
		b.remove(v.key, "null")
	}
	b.objects[v.key] = append(b.objects[v.key], v)
}

// remove takes one version away for good.
func (b *s3Bucket) remove(key, id string) {
	left := slices.DeleteFunc(b.objects[key], func(v *s3Version) bool { return v.id == id })
	if b.objects[key] = left; len(left) == 0 {
		delete(b.objects, key)
	}
}

// locked says why v may not go at that time: "", "HOLD", or the mode.
func (l s3Lock) locked(now time.Time) string {
	switch {
	case l.hold:
		return "HOLD"
	case l.mode != "" && now.Before(l.until):
		return l.mode
	}
	return ""
}

// objects puts buckets, versions and unfinished uploads. Object Lock's dates are
// what someone asked for, so they are logical; when something was written is not.
func (s *s3State) objects(_, _ string, put putObject) {
	for _, name := range slices.Sorted(maps.Keys(s.buckets)) {
		b := s.buckets[name]
		put("s3/"+name, map[string]any{
			"owner": b.owner, "region": b.region, "versioning": b.versioning, "lock": b.lock,
			"retain": []any{b.retain.mode, b.retain.days, b.retain.years}, "policy": b.policy, "docs": b.docs,
		}, b.created)
		for _, key := range slices.Sorted(maps.Keys(b.objects)) {
			for i, v := range b.objects[key] {
				put("s3/"+name+"/object/"+key+"/version/"+v.id, v.logical(), []any{i, v.modified})
			}
		}
		uploads := slices.SortedFunc(maps.Values(b.uploads), func(x, y *s3Upload) int { return cmp.Compare(x.id, y.id) })
		for _, u := range uploads {
			etags := map[int32]string{}
			for n, p := range u.parts {
				etags[n] = p.etag
			}
			put("s3/"+name+"/upload/"+u.id, map[string]any{"key": u.key, "head": u.head, "parts": etags}, u.started)
		}
	}
}

func (v *s3Version) logical() map[string]any {
	if v.marker {
		return map[string]any{"marker": true}
	}
	out := map[string]any{"size": len(v.data), "sha256": v.sums.whole, "etag": v.etag, "head": v.head, "tags": v.tags, "hold": v.lock.hold}
	if v.lock.mode != "" {
		out["mode"], out["until"] = v.lock.mode, v.lock.until.UTC().Format(time.RFC3339)
	}
	return out
}
