// Package s3vault keeps a case in an S3 bucket, best one with versioning and Object
// Lock in an account of its own. Every object is one PutObject with its SHA-256 and
// If-None-Match: *, so that S3 checks the bytes and refuses to write twice; one that is
// too large for that goes in parts, with the CRC-64/NVME of each and of the whole, and is
// taken up again by another process. Every read names the version that was written first,
// because a lock stops neither delete markers nor newer versions.
package s3vault

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const (
	// maxObject is what a single PutObject takes. S3 keeps its SHA-256 of the whole object;
	// of a multipart upload it keeps none.
	maxObject = 5 << 30
	// maxConflicts bounds tries after 409: another write to the same key was under way.
	maxConflicts = 8
	firstBackoff = 50 * time.Millisecond
)

var (
	// ErrLocation: not of the form s3://bucket/prefix.
	ErrLocation = errors.New("not an S3 location (s3://bucket/prefix)")
	// ErrTooLarge: more than S3 takes as one object in parts.
	ErrTooLarge = errors.New("larger than 5 TiB")
)

// Options say where and how objects are stored. Only Bucket is required.
type Options struct {
	Bucket, Prefix string
	Owner          string // account id of the bucket's owner, sent with every call; "" if unknown

	RetentionMode types.ObjectLockMode // GOVERNANCE or COMPLIANCE; "" leaves it to the bucket's default
	RetainUntil   time.Time            // required with RetentionMode
	LegalHold     bool
	KMSKey        string // SSE-KMS with this key; "" leaves it to the bucket's default

	// SinglePut is the largest object, in bytes, that is one PutObject: 0 is S3's limit, 5 GiB.
	// What is larger goes in parts.
	SinglePut int64
	// PartSize is that of every part but the last, in bytes, at least S3's 5 MiB and at most
	// its 5 GiB. 0 is 64 MiB. Either is raised where it would make more than 10,000 parts.
	PartSize int64
	// StateDir is the folder for the state of unfinished uploads, made with mode 0700: a
	// process that is given the same one goes on with them. One file, mode 0600, for each
	// name, gone when the object is there. "" keeps none: an upload that does not end well is
	// aborted, and what a killed process left is known to nobody.
	StateDir string
	// Now is the clock, for the state. nil is time.Now.
	Now func() time.Time

	// Wait pauses before try n (from 1) after a conflict. nil waits 50 ms times 2^n, with full jitter.
	Wait func(ctx context.Context, n int) error
}

// Vault implements vault.Vault on a bucket.
type Vault struct {
	s3        *s3.Client
	o         Options
	prefix    string // "" or ends with '/'
	versions  *versionCache
	uploading *keyLocks // names whose multipart uploads are under way
}

// Parse splits s3://bucket/prefix.
func Parse(location string) (bucket, prefix string, err error) {
	rest, ok := strings.CutPrefix(location, "s3://")
	bucket, prefix, _ = strings.Cut(rest, "/")
	prefix = strings.Trim(prefix, "/")
	if !ok || bucket == "" {
		return "", "", fmt.Errorf("%.200q: %w", location, ErrLocation)
	}
	if prefix != "" {
		if err := vault.CheckName(prefix); err != nil {
			return "", "", fmt.Errorf("%.200q: %w: %w", location, ErrLocation, err)
		}
	}
	return bucket, prefix, nil
}

// New is the vault at a place. cfg must allow the calls of Needs.
func New(cfg aws.Config, o Options) (*Vault, error) {
	if o.RetentionMode != "" && o.RetainUntil.IsZero() {
		return nil, fmt.Errorf("vault s3://%s: retention mode %s without a date", o.Bucket, o.RetentionMode)
	}
	if o.SinglePut < 0 || o.PartSize < 0 || o.PartSize > maxPart {
		return nil, fmt.Errorf("vault s3://%s: single put of %d bytes, parts of %d: not between 0 and 5 GiB", o.Bucket, o.SinglePut, o.PartSize)
	}
	v := &Vault{o: o, versions: newVersionCache(), uploading: newKeyLocks()}
	if v.prefix = strings.Trim(o.Prefix, "/"); v.prefix != "" {
		v.prefix += "/"
	}
	if _, _, err := Parse(v.String()); err != nil {
		return nil, err
	}
	if v.o.Wait == nil {
		v.o.Wait = backoff
	}
	if v.o.Now == nil {
		v.o.Now = time.Now
	}
	if v.o.SinglePut == 0 || v.o.SinglePut > maxObject {
		v.o.SinglePut = maxObject
	}
	v.s3 = s3.NewFromConfig(cfg, func(so *s3.Options) {
		// A bucket name with dots breaks TLS, and an emulator knows no other names than its own.
		so.UsePathStyle = cfg.BaseEndpoint != nil || strings.Contains(o.Bucket, ".")
	})
	return v, nil
}

// String is the location: s3://bucket/prefix.
func (v *Vault) String() string {
	return strings.TrimSuffix("s3://"+v.o.Bucket+"/"+v.prefix, "/")
}

// Create implements vault.Vault. 412 is vault.ErrExists. A create-only write may be repeated
// after any failure; if an earlier try of ours may have been the one that wrote, what is
// there is compared before it is called somebody else's. More than S3 takes is ErrTooLarge.
func (v *Vault) Create(ctx context.Context, name string, body io.ReadSeeker, size int64, sum [32]byte) (vault.Entry, error) {
	if err := errors.Join(ctx.Err(), vault.CheckName(name)); err != nil {
		return vault.Entry{}, err
	}
	switch {
	case size > maxMultipart:
		return vault.Entry{}, fmt.Errorf("write %s to %s: %w", name, v, ErrTooLarge)
	case size > v.o.SinglePut:
		return v.createMultipart(ctx, name, body, size, sum)
	}
	if err := checkBody(body, size, sum); err != nil {
		return vault.Entry{}, fmt.Errorf("write %s to %s: %w", name, v, err)
	}
	in := v.putInput(name, size, sum)
	unsure := false // whether an earlier try took effect
	for n := 1; ; n++ {
		if _, err := body.Seek(0, io.SeekStart); err != nil {
			return vault.Entry{}, fmt.Errorf("rewind body of %s: %w", name, err)
		}
		in.Body = body
		out, err := v.s3.PutObject(ctx, in, knownHash(sum))
		if err == nil {
			version := aws.ToString(out.VersionId)
			v.versions.put(name, version)
			return vault.Entry{Name: name, Size: size, Version: version}, nil
		}
		broke := isTransient(err)
		switch {
		case unsure && code(err) == "PreconditionFailed":
			return v.ours(ctx, name, size, sum)
		case !isConflict(err) && !broke || n > maxConflicts:
			return vault.Entry{}, v.wrap("write", name, err)
		}
		unsure = unsure || broke
		if err := v.o.Wait(ctx, n); err != nil {
			return vault.Entry{}, err
		}
	}
}

// ours says whether what is there is what we wanted to write: ErrExists if not.
func (v *Vault) ours(ctx context.Context, name string, size int64, sum [32]byte) (vault.Entry, error) {
	r, err := v.Open(ctx, name)
	if err != nil {
		return vault.Entry{}, err
	}
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err = errors.Join(err, r.Close()); err != nil {
		return vault.Entry{}, fmt.Errorf("compare %s in %s: %w", name, v, err)
	}
	if n != size || [32]byte(h.Sum(nil)) != sum {
		return vault.Entry{}, fmt.Errorf("write %s in %s: %w", name, v, vault.ErrExists)
	}
	version, err := v.firstVersion(ctx, name)
	return vault.Entry{Name: name, Size: size, Version: version}, err
}

// checkBody: S3 compares too, but an emulator may not, and a refusal here costs no upload.
func checkBody(body io.ReadSeeker, size int64, sum [32]byte) error {
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("rewind: %w", err)
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(body, size+1))
	if err != nil {
		return err
	}
	if n != size || [32]byte(h.Sum(nil)) != sum {
		return vault.ErrBody
	}
	return nil
}

func (v *Vault) putInput(name string, size int64, sum [32]byte) *s3.PutObjectInput {
	in := &s3.PutObjectInput{
		Bucket:              &v.o.Bucket,
		Key:                 aws.String(v.prefix + name),
		ContentLength:       &size,
		ContentType:         aws.String("application/octet-stream"), // nobody's browser is to interpret evidence
		IfNoneMatch:         aws.String("*"),
		ChecksumAlgorithm:   types.ChecksumAlgorithmSha256,
		ChecksumSHA256:      aws.String(base64.StdEncoding.EncodeToString(sum[:])),
		ExpectedBucketOwner: v.owner(),
	}
	if v.o.RetentionMode != "" {
		in.ObjectLockMode = v.o.RetentionMode
		in.ObjectLockRetainUntilDate = aws.Time(v.o.RetainUntil)
	}
	if v.o.LegalHold {
		in.ObjectLockLegalHoldStatus = types.ObjectLockLegalHoldStatusOn
	}
	if v.o.KMSKey != "" {
		in.ServerSideEncryption = types.ServerSideEncryptionAwsKms
		in.SSEKMSKeyId = &v.o.KMSKey
	}
	return in
}

func (v *Vault) owner() *string {
	if v.o.Owner == "" {
		return nil
	}
	return &v.o.Owner
}

// knownHash signs with the hash that checkBody has just confirmed, instead of reading the body once more.
func knownHash(sum [32]byte) func(*s3.Options) {
	set := middleware.InitializeMiddlewareFunc("KnownPayloadHash",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			return next.HandleInitialize(v4.SetPayloadHash(ctx, hex.EncodeToString(sum[:])), in)
		})
	return func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(set, middleware.Before)
		})
	}
}

// Open implements vault.Vault: the version that was written first, even behind a delete marker.
func (v *Vault) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := errors.Join(ctx.Err(), vault.CheckName(name)); err != nil {
		return nil, err
	}
	version, err := v.firstVersion(ctx, name)
	if err != nil {
		return nil, err
	}
	in := &s3.GetObjectInput{Bucket: &v.o.Bucket, Key: aws.String(v.prefix + name), ExpectedBucketOwner: v.owner()}
	if version != "" {
		in.VersionId = &version
	}
	out, err := v.s3.GetObject(ctx, in)
	if err != nil {
		return nil, v.wrap("read", name, err)
	}
	return &body{ctx: ctx, v: v, in: in, r: out.Body}, nil
}

func backoff(ctx context.Context, n int) error {
	most := firstBackoff << min(n, 6)
	t := time.NewTimer(time.Duration(rand.Int64N(int64(most)))) // jitter: nothing that anybody reproduces
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
