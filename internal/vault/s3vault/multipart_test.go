package s3vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/internal/vault/vaulttest"
)

func TestMultipartRoundTrip(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		data, dir, w := large(1), filepath.Join(t.TempDir(), "uploads"), &wire{}
		v := p.vault(t, w, Options{StateDir: dir})
		// A body that cannot be read at an offset goes as well.
		e, err := v.Create(ctx, "big/volume.raw", struct{ io.ReadSeeker }{bytes.NewReader(data)}, int64(len(data)), sha256.Sum256(data))
		if err != nil || e.Version == "" || e.Size != int64(len(data)) {
			t.Fatal(e, err)
		}
		if w.count("part") != largeParts || w.count("complete") != 1 {
			t.Errorf("calls %v, want %d parts", w.calls, largeParts)
		}
		holds(t, v, data)
		head, err := p.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &p.bucket, Key: aws.String("cases/1/big/volume.raw"), ChecksumMode: types.ChecksumModeEnabled})
		if err != nil {
			t.Fatal(err)
		}
		sum, found := sha256.Sum256(data), surveyed(t, data, 7*mib)
		if head.Metadata[sumMetadata] != hex.EncodeToString(sum[:]) || aws.ToString(head.ContentType) != "application/octet-stream" ||
			aws.ToString(head.VersionId) != e.Version || aws.ToString(head.ChecksumCRC64NVME) != found.crc || head.ChecksumType != types.ChecksumTypeFullObject {
			t.Errorf("stored as %v %s %s, checksum %s %s; want version %s, checksum %s", head.Metadata, aws.ToString(head.ContentType),
				aws.ToString(head.VersionId), aws.ToString(head.ChecksumCRC64NVME), head.ChecksumType, e.Version, found.crc)
		}
		for who, again := range map[string]*Vault{"same": v, "new": p.vault(t, w, Options{StateDir: dir})} {
			if _, err := store(ctx, again, data); !errors.Is(err, vault.ErrExists) {
				t.Errorf("second create by the %s vault: %v, want ErrExists", who, err)
			}
		}
		left, err := os.ReadDir(dir)
		if n := p.unfinished(t); n != 0 || w.count("part") != largeParts || err != nil || len(left) != 0 {
			t.Errorf("%d uploads unfinished, calls %v, state %v, %v", n, w.calls, left, err)
		}
	})
}

func surveyed(t *testing.T, data []byte, partSize int64) survey {
	t.Helper()
	s, err := surveyBody(ctx, bytes.NewReader(data), int64(len(data)), sha256.Sum256(data), partSize)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What a dead process stored is not sent again.
func TestMultipartResumes(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		data, o := large(2), Options{StateDir: filepath.Join(t.TempDir(), "deep", "uploads")}
		p.dieAfter(t, 3, data, o)
		if n := p.unfinished(t); n != 1 {
			t.Fatalf("%d uploads unfinished, want 1", n)
		}
		private(t, o.StateDir)
		w := &wire{}
		o.PartSize, o.SinglePut = 6*mib, 8*mib // the upload keeps its own
		v := p.vault(t, w, o)
		if _, err := store(ctx, v, data); err != nil {
			t.Fatal(err)
		}
		if w.count("create") != 0 || w.count("part") != largeParts-3 || w.count("complete") != 1 {
			t.Errorf("calls %v, want the %d parts that were missing", w.calls, largeParts-3)
		}
		holds(t, v, data)
	})
}

func private(t *testing.T, dir string) {
	t.Helper()
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("state folder: %v %v", info, err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) != 1 {
		t.Fatalf("state files %v, want one", files)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("state file: %v %v", info, err)
	}
}

// A part that another wrote in place of ours, of the same size, is sent again; and without a
// folder for the state a new process starts over.
func TestMultipartTrustsNoPart(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		data, o := large(3), Options{StateDir: t.TempDir()}
		p.dieAfter(t, 3, data, o)
		up, err := p.client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &p.bucket})
		if err != nil {
			t.Fatal(err)
		}
		// A part that was under way when it died may have arrived.
		stored, err := p.client.ListParts(ctx, &s3.ListPartsInput{Bucket: &p.bucket, Key: up.Uploads[0].Key, UploadId: up.Uploads[0].UploadId})
		if err != nil {
			t.Fatal(err)
		}
		want := largeParts - len(stored.Parts)
		if slices.ContainsFunc(stored.Parts, func(x types.Part) bool { return aws.ToInt32(x.PartNumber) == 2 }) {
			want++
		}
		_, err = p.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &p.bucket, Key: up.Uploads[0].Key, UploadId: up.Uploads[0].UploadId, PartNumber: aws.Int32(2),
			Body: bytes.NewReader(large(4)[:5*mib]), ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme,
		})
		if err != nil {
			t.Fatal(err)
		}
		w := &wire{}
		v := p.vault(t, w, o)
		if _, err := store(ctx, v, data); err != nil || w.count("part") != want || want < 3 {
			t.Errorf("%v, calls %v, want %d parts", err, w.calls, want)
		}
		holds(t, v, data)
	})
}

// The bytes changed between two runs: nothing of the old upload gets into the object.
func TestMultipartOtherBody(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		data, o := large(5), Options{StateDir: t.TempDir()}
		p.dieAfter(t, 3, data, o)
		data[39*mib] ^= 1 // the parts that are stored would all fit
		w := &wire{}
		v := p.vault(t, w, o)
		if _, err := store(ctx, v, data); err != nil {
			t.Fatal(err)
		}
		if w.count("abort") != 1 || w.count("create") != 1 || w.count("part") != largeParts || w.count("list") != 0 {
			t.Errorf("calls %v, want one abort and %d parts", w.calls, largeParts)
		}
		if n := p.unfinished(t); n != 0 {
			t.Errorf("%d uploads unfinished", n)
		}
		holds(t, v, data)
	})
}

// Retention of the object that multipart made, asked of the server.
func TestMultipartLock(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
		v := p.vault(t, &wire{}, Options{RetentionMode: types.ObjectLockModeCompliance, RetainUntil: until, LegalHold: true})
		e, err := store(ctx, v, large(6))
		if err != nil {
			t.Fatal(err)
		}
		key := aws.String("cases/1/big/volume.raw")
		kept, err := p.client.GetObjectRetention(ctx, &s3.GetObjectRetentionInput{Bucket: &p.bucket, Key: key, VersionId: &e.Version})
		if err != nil || kept.Retention.Mode != types.ObjectLockRetentionModeCompliance || !aws.ToTime(kept.Retention.RetainUntilDate).Equal(until) {
			t.Errorf("retention %+v %v, want until %v", kept, err, until)
		}
		hold, err := p.client.GetObjectLegalHold(ctx, &s3.GetObjectLegalHoldInput{Bucket: &p.bucket, Key: key, VersionId: &e.Version})
		if err != nil || hold.LegalHold.Status != types.ObjectLockLegalHoldStatusOn {
			t.Errorf("legal hold %+v %v", hold, err)
		}
		_, err = p.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &p.bucket, Key: key, VersionId: &e.Version})
		if code(err) != "AccessDenied" {
			t.Errorf("deleting the locked version: %v", err)
		}
	})
}

var errCut = errors.New("connection cut by the test")

// The object was made and the answer got lost: that is no ErrExists, within a process and
// after its death.
func TestMultipartLostReply(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		data, w := large(7), &wire{after: func(call string, n int) error {
			if call == "complete" && n == 1 {
				return errCut
			}
			return nil
		}}
		v := p.vault(t, w, Options{StateDir: t.TempDir()})
		e, err := store(ctx, v, data)
		if err != nil || e.Version == "" || w.count("complete") != 2 {
			t.Errorf("%+v %v, calls %v", e, err, w.calls)
		}
		holds(t, v, data)
	})
	everywhere(t, func(t *testing.T, p place) {
		dying, die := context.WithCancel(ctx)
		data, o, w := large(8), Options{StateDir: t.TempDir()}, &wire{after: func(call string, _ int) error {
			if call == "complete" {
				die()
				return context.Canceled
			}
			return nil
		}}
		if _, err := store(dying, p.vault(t, w, o), data); !errors.Is(err, context.Canceled) {
			t.Fatalf("died at complete: %v", err)
		}
		w = &wire{}
		v := p.vault(t, w, o)
		if e, err := store(ctx, v, data); err != nil || e.Version == "" || w.count("create")+w.count("part")+w.count("complete") != 0 {
			t.Errorf("after a death at complete: %+v %v, calls %v", e, err, w.calls)
		}
		holds(t, v, data)
		if _, err := store(ctx, v, data); !errors.Is(err, vault.ErrExists) {
			t.Errorf("and once more: %v, want ErrExists", err)
		}
	})
}

// Somebody takes the name while the parts are under way: S3's If-None-Match finds it.
func TestMultipartNameTaken(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		dir, w := t.TempDir(), &wire{}
		w.before = func(call string, n int) (*http.Response, error) {
			if call != "complete" {
				return nil, nil
			}
			_, err := p.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &p.bucket, Key: aws.String("cases/1/big/volume.raw"), Body: bytes.NewReader([]byte("mine"))})
			return nil, err
		}
		v := p.vault(t, w, Options{StateDir: dir})
		if _, err := store(ctx, v, large(9)); !errors.Is(err, vault.ErrExists) {
			t.Errorf("%v, want ErrExists", err)
		}
		holds(t, v, []byte("mine"))
		left, err := os.ReadDir(dir)
		if n := p.unfinished(t); n != 0 || w.count("complete") != 1 || err != nil || len(left) != 0 {
			t.Errorf("%d uploads unfinished, calls %v, state %v, %v", n, w.calls, left, err)
		}
	})
}

// The same suite as for single puts, with everything over one byte in parts.
func TestMultipartSuite(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		var n atomic.Int64
		dir := t.TempDir()
		vaulttest.Run(t, func(t *testing.T) vault.Vault {
			fresh := p
			fresh.bucket = fmt.Sprintf("suite-%d", n.Add(1))
			lockedBucket(t, p.client, fresh.bucket)
			return fresh.vault(t, &wire{}, Options{SinglePut: 1, PartSize: 5 * mib, StateDir: dir})
		})
	})
}

// The check value of CRC-64/NVME in the catalogue of parametrised CRC algorithms.
func TestCRC(t *testing.T) {
	want, _ := hex.DecodeString("ae8b14860a799888")
	for _, partSize := range []int64{1, 4, 9, 100} {
		if got := surveyed(t, []byte("123456789"), partSize).crc; got != base64.StdEncoding.EncodeToString(want) {
			t.Errorf("in parts of %d: %s", partSize, got)
		}
	}
}

func TestState(t *testing.T) {
	v, _ := scriptedVault(t, Options{StateDir: t.TempDir(), Now: func() time.Time { return time.Unix(1e9, 5).UTC() }})
	s := v.newState("cases/42/k", 100, [32]byte{1})
	s.UploadID = "u"
	if err := v.saveState(s); err != nil {
		t.Fatal(err)
	}
	if got, err := v.loadState(s.Key); err != nil || got != s || !got.continues(v.newState(s.Key, 100, [32]byte{1})) {
		t.Errorf("%+v %v, want %+v", got, err, s)
	}
	for what, spoil := range map[string]func(*uploadState){
		"another size": func(s *uploadState) { s.Size++ }, "another hash": func(s *uploadState) { s.SHA256 = "00" },
		"no lock": func(s *uploadState) { s.LegalHold = true }, "another key": func(s *uploadState) { s.KMSKey = "k" },
		"no part size": func(s *uploadState) { s.PartSize = 0 }, "no upload": func(s *uploadState) { s.UploadID = "" },
	} {
		other := s
		spoil(&other)
		if other.continues(v.newState(s.Key, 100, [32]byte{1})) {
			t.Errorf("%s: continued", what)
		}
	}
	until := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	early, late := s, s
	early.RetainUntil, late.RetainUntil = until, until.Add(25*time.Hour)
	if early.continues(late) || !late.continues(early) {
		t.Error("a retention that ends a day too early was taken up")
	}
	for _, text := range []string{"", "{", `{"format":"x"}`, string(must(json.Marshal(uploadState{Format: stateFormat, Bucket: "evidence", Key: "other"})))} {
		if err := os.WriteFile(v.statePath(s.Key), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := v.loadState(s.Key); err != nil || got != (uploadState{}) {
			t.Errorf("%q: %+v %v", text, got, err)
		}
	}
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}
