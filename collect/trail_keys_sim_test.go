package collect

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// TestTrailKeys: for each region with digests the public keys of the window lie in the case,
// under the fingerprints that the digests name; without digests nobody asks for keys.
func TestTrailKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		m, sum := collectSim(t, a, onlyTrails(AutoTrailBucket))
		var regions []string
		for _, e := range m.entries {
			if e.Artefact != "cloudtrail.keys" || e.Item == nil {
				continue
			}
			regions = append(regions, e.Source.Region)
			var doc struct {
				PublicKeyList []struct {
					Fingerprint string
					Value       []byte
				}
			}
			// The store in memory joins the documents of both regions: they go by one name.
			if err := json.NewDecoder(bytes.NewReader(m.bytes[key(e)])).Decode(&doc); err != nil || len(doc.PublicKeyList) != 1 {
				t.Fatalf("%v: %s", err, m.bytes[key(e)])
			}
			if _, err := x509.ParsePKCS1PublicKey(doc.PublicKeyList[0].Value); err != nil || len(doc.PublicKeyList[0].Fingerprint) != 32 {
				t.Errorf("%+v: %v", doc, err)
			}
			from, err := time.Parse(time.RFC3339, e.Item.Params["StartTime"])
			if day := from.Format(time.TimeOnly); err != nil || day != "00:00:00" || e.Item.Params["EndTime"] < e.Item.Params["StartTime"] {
				t.Errorf("asked for %v", e.Item.Params)
			}
		}
		slices.Sort(regions)
		if !sum.Complete || !slices.Equal(regions, []string{bench.Region, "us-east-1"}) {
			t.Errorf("keys of %v, %+v", regions, sum)
		}

		target, err := ParseTarget(bench.AccountID, bench.Region, bench.Function)
		if err != nil {
			t.Fatal(err)
		}
		if policy, err := Policy(All, target); err != nil || !strings.Contains(string(policy), "cloudtrail:ListPublicKeys") {
			t.Errorf("the policy that doctor prints lacks the permission: %v", err)
		}
		a.Cloud.Inject(awssim.Fault{Op: "CloudTrail:ListPublicKeys", Fail: awssim.Fail{Code: "AccessDenied", Message: "injected", Status: http.StatusForbidden}})
		m, sum = collectSim(t, a, onlyTrails(AutoTrailBucket))
		denied := 0
		for _, e := range m.entries {
			if e.Artefact == "cloudtrail.keys" && e.State == evidence.Denied {
				denied++
			}
		}
		if sum.Complete || denied != 2 || len(objectsIn(m, "cloudtrail.log")) == 0 {
			t.Errorf("denied: %d gaps, %+v", denied, sum)
		}

		before := len(a.Cloud.Calls())
		collectSim(t, a, onlyTrails())
		for _, c := range a.Cloud.Calls()[before:] {
			if strings.HasSuffix(c.API, "ListPublicKeys") {
				t.Error("keys are asked for without a bucket")
			}
		}
	})
}
