package s3vault

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const (
	maxParallel = 4 // parts under way at a time
	// maxRestarts bounds how often an upload that vanished is begun again within one Create.
	maxRestarts = 3
	// sumMetadata is the object's metadata (x-amz-meta-...) that carries its SHA-256 in hex:
	// S3's own SHA-256 of a multipart upload is one of its parts' checksums.
	sumMetadata = "freezeframe-sha256"
	// abortTime is for an abort after the caller's context ended.
	abortTime = 5 * time.Second
)

// errUploadGone: the upload cannot be finished, and another one may be.
var errUploadGone = errors.New("the multipart upload is gone")

// upload is one object on its way in parts.
type upload struct {
	v      *Vault
	name   string
	sum    [32]byte
	size   int64
	state  uploadState // UploadID is "" while there is none
	found  survey
	source *source
	unsure bool // an earlier Complete may have taken effect
}

// createMultipart is Create for what one PutObject does not take. Whatever ends it but
// success or a taken name leaves the upload as it is, for the next Create with the same
// name and bytes to go on with, in this process or in another with the same StateDir.
// Without a StateDir nobody would know the upload, and it is aborted.
func (v *Vault) createMultipart(ctx context.Context, name string, body io.ReadSeeker, size int64, sum [32]byte) (vault.Entry, error) {
	unlock, err := v.uploading.lock(ctx, name)
	if err != nil {
		return vault.Entry{}, err
	}
	defer unlock()
	u := &upload{v: v, name: name, sum: sum, size: size, state: v.newState(v.prefix+name, size, sum)}
	old, err := v.loadState(u.state.Key)
	if err != nil {
		return vault.Entry{}, err
	}
	known := old.continues(u.state)
	if known {
		u.state, u.unsure = old, old.Completing
	}
	if u.found, err = surveyBody(ctx, body, size, sum, u.state.PartSize); err != nil {
		return vault.Entry{}, fmt.Errorf("write %s to %s: %w", name, v, err)
	}
	u.source = newSource(body)
	defer u.source.giveBack()
	if old.UploadID != "" && !known {
		// A refusal to abort leaves parts that are paid for; it must not keep evidence out.
		_ = v.abort(ctx, old)
	}
	e, err := u.run(ctx)
	for n := 0; errors.Is(err, errUploadGone) && n < maxRestarts; n++ {
		e, err = u.run(ctx)
	}
	if err != nil && v.o.StateDir == "" && u.state.UploadID != "" {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
		defer cancel()
		_ = v.abort(last, u.state) // the error that led here matters more
	}
	return e, err
}

// run takes an upload from where it stands to its end. errUploadGone: it may be run again.
func (u *upload) run(ctx context.Context) (vault.Entry, error) {
	have, err := u.stored(ctx)
	if err != nil {
		return vault.Entry{}, err
	}
	// A taken name is found out before gigabytes are sent, not only by If-None-Match after them.
	if _, err := u.v.firstVersion(ctx, u.name); err == nil {
		return u.taken(ctx)
	} else if !errors.Is(err, vault.ErrNotFound) {
		return vault.Entry{}, err
	}
	if u.state.UploadID == "" {
		if err := u.start(ctx); err != nil {
			return vault.Entry{}, err
		}
	}
	done, err := u.send(ctx, have)
	if err != nil {
		return vault.Entry{}, err
	}
	return u.complete(ctx, done)
}

// taken is the answer when the name has an object: it may be the one that an earlier
// Complete of ours made. Then it is compared; otherwise it is vault.ErrExists.
func (u *upload) taken(ctx context.Context) (vault.Entry, error) {
	err := fmt.Errorf("write %s to %s: %w", u.name, u.v, vault.ErrExists)
	if u.unsure {
		var e vault.Entry
		if e, err = u.v.ours(ctx, u.name, u.size, u.sum); err == nil {
			_ = u.drop(ctx) // S3 has no upload any more whose object is there
			return e, nil
		}
	}
	if !errors.Is(err, vault.ErrExists) {
		return vault.Entry{}, err // not known yet: the state stays
	}
	return vault.Entry{}, errors.Join(err, u.drop(ctx))
}

// drop gives the upload up, here and in the bucket.
func (u *upload) drop(ctx context.Context) error {
	if u.state.UploadID != "" {
		if err := u.v.abort(ctx, u.state); err != nil {
			return err // the state stays, so that the next Create of the name can try again
		}
		u.state.UploadID = ""
	}
	return u.v.dropState(u.state.Key)
}

// gone forgets an upload that the bucket does not have. Its state stays until the next one's
// takes its place: it knows whether S3 was told to complete.
func (u *upload) gone(err error) error {
	u.state.UploadID = ""
	return u.v.wrap("write", u.name, fmt.Errorf("%w: %w", errUploadGone, err))
}

// start begins an upload and makes its id durable before anything is sent. What is killed
// between the two leaves an upload without parts, which costs nothing.
func (u *upload) start(ctx context.Context) error {
	var out *s3.CreateMultipartUploadOutput
	err := u.v.again(ctx, func() (err error) {
		out, err = u.v.s3.CreateMultipartUpload(ctx, u.createInput())
		return err
	})
	if err == nil && aws.ToString(out.UploadId) == "" {
		err = errors.New("the answer has no upload id")
	}
	if err != nil {
		return u.v.wrap("start upload of", u.name, err)
	}
	fresh := u.v.newState(u.state.Key, u.size, u.sum)
	fresh.UploadID, fresh.Completing = *out.UploadId, u.unsure
	fresh.PartSize = u.state.PartSize // what was surveyed
	u.state = fresh
	if err := u.v.saveState(u.state); err != nil {
		return errors.Join(err, u.drop(ctx))
	}
	return nil
}

func (u *upload) createInput() *s3.CreateMultipartUploadInput {
	like := u.v.putInput(u.name, u.size, u.sum)
	return &s3.CreateMultipartUploadInput{
		Bucket: like.Bucket, Key: like.Key, ExpectedBucketOwner: like.ExpectedBucketOwner,
		ContentType:               like.ContentType,
		ChecksumAlgorithm:         types.ChecksumAlgorithmCrc64nvme,
		ChecksumType:              types.ChecksumTypeFullObject,
		Metadata:                  map[string]string{sumMetadata: hex.EncodeToString(u.sum[:])},
		ObjectLockMode:            like.ObjectLockMode,
		ObjectLockRetainUntilDate: like.ObjectLockRetainUntilDate,
		ObjectLockLegalHoldStatus: like.ObjectLockLegalHoldStatus,
		ServerSideEncryption:      like.ServerSideEncryption,
		SSEKMSKeyId:               like.SSEKMSKeyId,
	}
}

// stored are the ETags of the parts that the bucket has already, of those that are equal to
// ours in size and CRC. An upload that is gone is forgotten.
func (u *upload) stored(ctx context.Context) (map[int32]string, error) {
	have := map[int32]string{}
	if u.state.UploadID == "" {
		return have, nil
	}
	in := &s3.ListPartsInput{Bucket: &u.v.o.Bucket, Key: &u.state.Key, UploadId: &u.state.UploadID, ExpectedBucketOwner: u.v.owner()}
	for last := 0; ; {
		out, err := u.v.s3.ListParts(ctx, in)
		if code(err) == "NoSuchUpload" {
			_ = u.gone(err) // an upload starts over, unless its object is there
			return map[int32]string{}, nil
		}
		if err != nil {
			return nil, u.v.wrap("list stored parts of", u.name, err)
		}
		for _, p := range out.Parts {
			if n := aws.ToInt32(p.PartNumber); n >= 1 && int(n) <= len(u.found.spans) && p.ETag != nil {
				if ours := u.found.spans[n-1]; aws.ToInt64(p.Size) == ours.size && aws.ToString(p.ChecksumCRC64NVME) == ours.crc {
					have[n] = *p.ETag
				}
			}
		}
		if !aws.ToBool(out.IsTruncated) {
			return have, nil
		}
		next, err := strconv.Atoi(aws.ToString(out.NextPartNumberMarker))
		if err != nil || next <= last {
			return nil, fmt.Errorf("list stored parts of %s in %s: S3 says there is more, and gives no later page", u.name, u.v)
		}
		last, in.PartNumberMarker = next, out.NextPartNumberMarker
	}
}

// send uploads the parts that are not stored, and gives all of them for Complete.
func (u *upload) send(ctx context.Context, have map[int32]string) ([]types.CompletedPart, error) {
	done := make([]types.CompletedPart, len(u.found.spans))
	group, sending := errgroup.WithContext(ctx)
	group.SetLimit(maxParallel)
	for i, p := range u.found.spans {
		done[i] = types.CompletedPart{PartNumber: &p.number, ChecksumCRC64NVME: &p.crc}
		if etag, ok := have[p.number]; ok {
			done[i].ETag = &etag
			continue
		}
		if sending.Err() != nil {
			break
		}
		group.Go(func() (err error) {
			done[i].ETag, err = u.sendPart(sending, p)
			return err
		})
	}
	err := group.Wait()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case code(err) == "NoSuchUpload":
		return nil, u.gone(err)
	case err != nil:
		return nil, err
	}
	return done, nil
}

// sendPart may be repeated: the same part again takes the place of the first.
func (u *upload) sendPart(ctx context.Context, p span) (*string, error) {
	var out *s3.UploadPartOutput
	err := u.v.again(ctx, func() (err error) {
		out, err = u.v.s3.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &u.v.o.Bucket, Key: &u.state.Key, UploadId: &u.state.UploadID, PartNumber: &p.number,
			Body: io.NewSectionReader(u.source, p.at, p.size), ContentLength: &p.size,
			ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme, ChecksumCRC64NVME: &p.crc, ExpectedBucketOwner: u.v.owner(),
		}, knownHash(p.sum))
		return err
	})
	if err == nil && aws.ToString(out.ETag) == "" {
		err = errors.New("the answer has no ETag")
	}
	if err != nil {
		return nil, u.v.wrap(fmt.Sprintf("send part %d of", p.number), u.name, err)
	}
	return out.ETag, nil
}

// complete makes the object of its parts. The state says so first: after a death, what is
// found under the name may be ours.
func (u *upload) complete(ctx context.Context, done []types.CompletedPart) (vault.Entry, error) {
	u.state.Completing = true
	if err := u.v.saveState(u.state); err != nil {
		return vault.Entry{}, err
	}
	for n := 1; ; n++ {
		out, err := u.v.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &u.v.o.Bucket, Key: &u.state.Key, UploadId: &u.state.UploadID, ExpectedBucketOwner: u.v.owner(),
			IfNoneMatch: aws.String("*"), MpuObjectSize: &u.size,
			ChecksumType: types.ChecksumTypeFullObject, ChecksumCRC64NVME: &u.found.crc,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: done},
		})
		if err == nil && u.unsure && aws.ToString(out.VersionId) == "" {
			return u.taken(ctx) // an answer that only repeats an earlier one need not name the version
		}
		if err == nil {
			return u.finished(aws.ToString(out.VersionId)), nil
		}
		broke := isTransient(err)
		u.unsure = u.unsure || broke
		switch {
		case code(err) == "PreconditionFailed":
			return u.taken(ctx)
		case code(err) == "NoSuchUpload":
			return vault.Entry{}, u.gone(err) // completed by a try whose reply was lost, or aborted: run finds out
		case isConflict(err) && n > maxConflicts, code(err) == "BadDigest":
			// Neither will ever complete. Of a 409 that stays S3 says: start another upload.
			return vault.Entry{}, errors.Join(u.v.wrap("complete", u.name, fmt.Errorf("%w: %w", errUploadGone, err)), u.drop(ctx))
		case !isConflict(err) && !broke || n > maxConflicts:
			return vault.Entry{}, u.v.wrap("complete", u.name, err)
		}
		if err := u.v.o.Wait(ctx, n); err != nil {
			return vault.Entry{}, err
		}
	}
}

// finished forgets the upload that became an object. A state that cannot be removed does no
// harm: the next Create of the name compares what is there.
func (u *upload) finished(version string) vault.Entry {
	_ = u.v.dropState(u.state.Key)
	u.state.UploadID = ""
	u.v.versions.put(u.name, version)
	return vault.Entry{Name: u.name, Size: u.size, Version: version}
}

// abort gives an upload's parts up: no error if it is gone already.
func (v *Vault) abort(ctx context.Context, s uploadState) error {
	err := v.again(ctx, func() error {
		_, err := v.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
			Bucket: &v.o.Bucket, Key: &s.Key, UploadId: &s.UploadID, ExpectedBucketOwner: v.owner(),
		})
		return err
	})
	if err != nil && code(err) != "NoSuchUpload" {
		return v.wrap("abort upload of", s.Key, err)
	}
	return nil
}

// again repeats a call that does no harm twice while the server fails or is busy.
func (v *Vault) again(ctx context.Context, call func() error) error {
	for n := 1; ; n++ {
		err := call()
		if err == nil || n > maxConflicts || !isTransient(err) && !isConflict(err) {
			return err
		}
		if err := v.o.Wait(ctx, n); err != nil {
			return err
		}
	}
}
