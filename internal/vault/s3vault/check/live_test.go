package check

import (
	"bytes"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// left are the versions and markers under the prefix.
func (s *shop) left() (versions []string, markers int) {
	s.t.Helper()
	out, err := s.s3.ListObjectVersions(s.t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String(bucket)})
	s.must(err)
	for _, v := range out.Versions {
		versions = append(versions, *v.Key+"@"+*v.VersionId)
	}
	return versions, len(out.DeleteMarkers)
}

func TestLiveOnLockedBucket(t *testing.T) {
	s := fit(t)
	s.in.Live, s.in.Rand = true, bytes.NewReader(make([]byte, 10))
	r := s.differs(nil)
	if got := find(t, r, "live-delete").Got; !strings.Contains(got, "AccessDenied") {
		t.Error(got)
	}
	if !strings.HasSuffix(r.Canary, "0000000000000000") {
		t.Errorf("the name is not from Rand: %s", r.Canary)
	}
	versions, markers := s.left()
	if len(versions) != 1 || versions[0] != r.Canary+"@"+r.CanaryVersion || markers != 0 {
		t.Errorf("left %v and %d markers, reported %s", versions, markers, r.Canary)
	}
}

// The lock alone refuses too, to whom the policy allows it.
func TestLiveLockWithoutPolicy(t *testing.T) {
	s := fit(t)
	_, err := s.s3.DeleteBucketPolicy(t.Context(), &s3.DeleteBucketPolicyInput{Bucket: aws.String(bucket)})
	s.must(err)
	s.in.Live = true
	r := s.differs(map[string]Result{"policy-deletes": Fail, "policy-bypass": Fail, "policy-tls": Fail})
	if got := find(t, r, "live-delete").Got; !strings.Contains(got, "object lock") {
		t.Error(got)
	}
}

func unlocked(t *testing.T, versioning bool) *shop {
	s := newShop(t)
	s.make(false)
	s.in.Live = true
	if versioning {
		_, err := s.s3.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: aws.String(bucket), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
		s.must(err)
	}
	return s
}

func results(r Report) map[string]Result {
	out := map[string]Result{}
	for _, f := range r.Findings {
		out[f.ID] = f.Result
	}
	return out
}

func wantResults(t *testing.T, r Report, want map[string]Result) {
	t.Helper()
	got := results(r)
	for id, w := range want {
		if got[id] != w {
			t.Errorf("%s: %s (%s), want %s", id, got[id], find(t, r, id).Got, w)
		}
	}
}

func TestLiveOnUnlockedBucket(t *testing.T) {
	s := unlocked(t, true)
	r := s.run()
	wantResults(t, r, map[string]Result{"live-create": Pass, "live-once": Pass, "live-checksum": Pass, "live-lock": Fail, "live-delete": Fail})
	if versions, markers := s.left(); len(versions)+markers != 0 || r.Canary != "" || r.OK() {
		t.Errorf("left %v and %d markers, reported %q", versions, markers, r.Canary)
	}
}

// Without versions nothing is deleted: the deletion would be for good, or a marker.
func TestLiveWithoutVersioning(t *testing.T) {
	s := unlocked(t, false)
	r := s.run()
	wantResults(t, r, map[string]Result{"live-create": Pass, "live-once": Pass, "live-lock": Fail, "live-delete": Fail})
	if _, tried := s.calls["S3:DeleteObject"]; tried {
		t.Error("DeleteObject was called")
	}
	if versions, _ := s.left(); len(versions) != 1 || r.Canary == "" {
		t.Errorf("left %v, reported %q", versions, r.Canary)
	}
}

func TestLiveUnanswered(t *testing.T) {
	all := map[string]Result{"live-create": Unknown, "live-once": Unknown, "live-checksum": Unknown, "live-lock": Unknown, "live-delete": Unknown}
	denied := awssim.Fail{Code: "AccessDenied", Status: 403}
	for _, c := range []struct {
		name   string
		fault  awssim.Fault
		want   map[string]Result
		canary bool
	}{
		{"may not write", awssim.Fault{Op: "S3:PutObject", Fail: denied}, all, false},
		{"reply lost", awssim.Fault{Op: "S3:PutObject", AfterEffect: true, Fail: awssim.Fail{Drop: true}}, all, true},
		{"internal error", awssim.Fault{Op: "S3:PutObject", Fail: awssim.Fail{Code: "InternalError", Status: 500}}, all, true},
		{"refused", awssim.Fault{Op: "S3:PutObject", Fail: awssim.Fail{Code: "KMS.DisabledException", Status: 400}},
			map[string]Result{"live-create": Fail, "live-once": Unknown, "live-checksum": Unknown, "live-lock": Unknown, "live-delete": Unknown}, false},
		{"no conditional writes", awssim.Fault{Op: "S3:PutObject", Nth: 2, Fail: awssim.Fail{Code: "NotImplemented", Status: 501}}, only("live-once", Unknown), true},
		{"may not read", awssim.Fault{Op: "S3:HeadObject", Fail: denied}, map[string]Result{"live-checksum": Unknown, "live-lock": Unknown}, true},
		{"delete not implemented", awssim.Fault{Op: "S3:DeleteObject", Fail: awssim.Fail{Code: "NotImplemented", Status: 501}}, only("live-delete", Unknown), true},
		{"refused by another name", awssim.Fault{Op: "S3:DeleteObject", Fail: awssim.Fail{Code: "InvalidRequest", Message: "Object is WORM protected and cannot be overwritten", Status: 400}}, only("live-delete", Unknown), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := fit(t)
			s.in.Live = true
			s.cloud.Inject(c.fault)
			r := s.differs(c.want)
			if (r.Canary != "") != c.canary {
				t.Errorf("canary %q", r.Canary)
			}
		})
	}
}

// A caller that may not see locks gets an answer without one, which proves nothing.
func TestLiveLockNotShown(t *testing.T) {
	s := fit(t)
	s.in.Live = true
	s.creds = s.cloud.Bootstrap(keeperAccount, "writer", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"s3:GetObjectRetention","Resource":"*"}]}`)
	r := s.differs(only("live-lock", Unknown))
	if f := find(t, r, "live-lock"); !strings.Contains(f.Fix, "s3:GetObjectRetention") {
		t.Errorf("%+v", f)
	}
}
