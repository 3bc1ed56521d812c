package collect

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// special answers GetFunction with one configuration for every version.
func special(f *fake, configuration, code string) {
	f.versions = 1
	f.faults["Lambda:GetFunction"] = func() *http.Response {
		return response(200, fmt.Sprintf(`{"Configuration":{"FunctionName":"payments","Version":"1","Role":%q%s},"Code":{%s}}`, fakeRole, configuration, code))
	}
}

// gapOf is the gap of a key, nil if it was collected or is not there.
func gapOf(m *memory, k string) *evidence.Gap {
	for _, e := range m.entries {
		if key(e) == k && e.Gap != nil {
			return e.Gap
		}
	}
	return nil
}

func TestWhatIsNotThere(t *testing.T) {
	for _, c := range []struct {
		name, configuration, code string
		key                       string
		want                      evidence.State
		says                      string
	}{
		{"image", `,"PackageType":"Image"`, `"ImageUri":"1.dkr.ecr/x:tag","ResolvedImageUri":"1.dkr.ecr/x@sha256:ab"`, "lambda.code payments 1", evidence.Absent, "1.dkr.ecr/x@sha256:ab"},
		{"code by reference", ``, `"ResolvedS3Object":{"S3Bucket":"arn:aws:s3:eu-central-1:1:accesspoint/x","S3Key":"k.zip","S3ObjectVersion":"v7"}`, "lambda.code payments 1", evidence.NotCovered, "not the name of a bucket: arn:aws:s3"},
		{"code that Lambda cannot give", ``, `"Error":{"ErrorCode":"KMSDisabledException","Message":"key is off"}`, "lambda.code payments 1", evidence.Unreadable, "not give the code out"},
		{"no address", ``, ``, "lambda.code payments 1", evidence.Failed, ""},
		{"environment that KMS denies", `,"Environment":{"Error":{"ErrorCode":"AccessDeniedException","Message":"kms:Decrypt"}}`, `"Location":""`, "lambda.environment payments 1", evidence.Unreadable, "could not decrypt"},
		{"no environment", ``, `"Location":""`, "lambda.environment payments 1", evidence.Absent, "no environment"},
		{"nothing at all", `,"Environment":null,"PackageType":null`, `"Location":null`, "lambda.environment payments $LATEST", evidence.Absent, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				special(f, c.configuration, c.code)
				m, _ := collectFrom(t, f, Options{})
				g := gapOf(m, c.key)
				if g == nil || g.State != c.want || !strings.Contains(g.Note, c.says) {
					t.Errorf("%s: %+v (%s)", c.key, g, m.states()[c.key])
				}
			})
		})
	}
}

func TestEnvironmentFromTheListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.faults["Lambda:GetFunction"] = func() *http.Response { return denied("Lambda:GetFunction") }
		m, _ := collectFrom(t, f, Options{})
		for _, k := range []string{"lambda.environment payments $LATEST", "lambda.environment payments 3", "iam.role role/service/payments-role"} {
			if m.states()[k] != evidence.Collected {
				t.Errorf("%s: %s, though the listing has it", k, m.states()[k])
			}
		}
	})
}

func TestPagesBeforeARefusalAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		var n atomic.Int64
		f.faults["CloudWatchLogs:FilterLogEvents"] = func() *http.Response {
			if n.Add(1) == 1 {
				return nil
			}
			return denied("")
		}
		m, sum := collectFrom(t, f, Options{})
		const k = "logs.events /aws/lambda/payments s"
		if g := gapOf(m, k); m.states()[k] != evidence.Truncated || g == nil || !strings.Contains(g.Error, "AccessDenied") || sum.Complete {
			t.Errorf("%s, %+v", m.states()[k], g)
		}
		if got := string(unpacked(t, m.bytes[k])); !strings.Contains(got, "START") || strings.Contains(got, "END") {
			t.Errorf("kept %q", got)
		}
	})
}

func TestLogsAreCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, sum := collectFrom(t, newFake(), Options{MaxLogBytes: 100})
		const k = "logs.events /aws/lambda/payments s"
		b := unpacked(t, m.bytes[k])
		if m.states()[k] != evidence.Truncated || len(b) == 0 || len(b) > 100 || sum.Complete {
			t.Fatalf("%s, %d bytes", m.states()[k], len(b))
		}
		if b[len(b)-1] != '\n' {
			t.Errorf("a line is cut: %q", b)
		}
	})
}

func TestKeysAreCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		var records []string
		for i := range 5 {
			records = append(records, fmt.Sprintf(`{"EventId":"%d","Username":"payments","CloudTrailEvent":"{\"userIdentity\":{\"type\":\"AssumedRole\",\"accessKeyId\":\"ASIAEXAMPLEEXAMPL%03d\",\"sessionContext\":{\"sessionIssuer\":{\"arn\":\"%s\"}}}}"}`, i, i, fakeRole))
		}
		f.faults["CloudTrail:LookupEvents"] = func() *http.Response {
			return response(200, `{"Events":[`+strings.Join(records, ",")+`,{"EventId":"x","CloudTrailEvent":"not json"},{"EventId":"y"}]}`)
		}
		m, sum := collectFrom(t, f, Options{MaxKeys: 2})
		if n := strings.Count(strings.Join(slices.Sorted(maps.Keys(m.states())), "\n"), "AccessKeyId=ASIA"); n != 2*2 {
			t.Errorf("%d lookups of keys", n)
		}
		g := gapOf(m, "cloudtrail.lookup role/service/payments-role AccessKeyId=* @eu-central-1")
		if g == nil || g.State != evidence.Truncated || sum.Complete {
			t.Errorf("%+v", g)
		}
		if m.states()["cloudtrail.lookup role/service/payments-role AccessKeyId=ASIAEXAMPLEEXAMPL001 @us-east-1"] != evidence.Collected {
			t.Errorf("%v", m.states())
		}
	})
}

func TestKeysOfOtherSessionsComeFirst(t *testing.T) {
	k := newKeysOfRoles()
	k.put("r", "ASIAAAAAAAAAAAAAAAAA", "payments")
	k.put("r", "ASIAZZZZZZZZZZZZZZZZ", "thief")
	k.put("r", "no key", "thief")
	k.put("other", "ASIABBBBBBBBBBBBBBBB", "x")
	if got := strings.Join(k.of("r", "payments"), " "); got != "ASIAZZZZZZZZZZZZZZZZ ASIAAAAAAAAAAAAAAAAA" {
		t.Error(got)
	}
}

func TestProgressAddsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var last Progress
		calls := 0
		_, sum := collectFrom(t, newFake(), Options{Progress: func(p Progress) {
			if p.Done < last.Done || p.Bytes < last.Bytes || p.Done > p.Planned {
				t.Errorf("%+v after %+v", p, last)
			}
			last = p
			calls++
		}})
		n := 0
		for _, c := range sum.States {
			n += c
		}
		if last.Done != n || last.Planned != n || last.Gaps != 0 || last.Bytes != sum.Bytes || calls < n || last.Last == "" {
			t.Errorf("%+v, %d states, %d calls", last, n, calls)
		}
	})
}

func TestImagesHaveNoRuntime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.faults["Lambda:ListVersionsByFunction"] = func() *http.Response {
			return response(200, `{"Versions":[{"Version":"$LATEST","PackageType":"Image"},{"Version":"1","PackageType":"Zip"}]}`)
		}
		f.faults["Lambda:GetRuntimeManagementConfig"] = func() *http.Response {
			r := response(400, `{"Type":"User","message":"not supported for container images"}`)
			r.Header.Set("X-Amzn-Errortype", "InvalidParameterValueException")
			return r
		}
		m, _ := collectFrom(t, f, Options{})
		if got := m.states(); got["lambda.runtime payments $LATEST"] != evidence.Absent || got["lambda.runtime payments 1"] != evidence.Failed {
			t.Errorf("%v", got)
		}
	})
}
