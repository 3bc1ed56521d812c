package digest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/digest"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// found is what each kind of tampering must be called, among the damage; and what more may
// be said besides.
var found = map[string][]digest.Kind{
	"record-altered":           {digest.LogAltered},
	"record-removed":           {digest.LogAltered},
	"log-removed":              {digest.LogMissing},
	"log-added":                {digest.LogUnnamed},
	"log-renamed":              {digest.LogMissing, digest.LogRenamed},
	"log-cut":                  {digest.LogUnreadable},
	"log-trailer-cut":          {digest.LogUnreadable},
	"log-appended-bytes":       {digest.LogTrailing},
	"log-appended-stream":      {digest.LogTrailing},
	"digest-removed":           {digest.DigestMissing},
	"digest-newest-removed":    {}, // nothing names them: the hours are not covered, and that is said
	"digest-altered":           {digest.DigestSignature},
	"digests-swapped":          {digest.DigestMoved, digest.DigestMoved},
	"digest-signature-altered": {digest.DigestSignature},
	"digest-signature-removed": {digest.DigestUnsigned},
	"digest-other-key":         {digest.DigestKey},
	"digest-renamed":           {digest.DigestMissing, digest.DigestMisnamed},
	"digest-of-another-trail":  {digest.DigestMoved},
	"digest-of-another-region": {digest.DigestMoved},
	"digest-cut":               {digest.DigestUnreadable},
	"digest-appended-bytes":    {digest.DigestTrailing},
}

// TestTampering does each kind of tampering to the bucket before it is collected into a case,
// and to a copy of the files on disk, and wants it found and named; the files as they were
// delivered are valid.
func TestTampering(t *testing.T) {
	cells := 0
	for i, x := range append([]bench.Tampering{{Name: "untouched"}}, bench.Tamperings()...) {
		if testing.Short() && i%4 != 0 { // for the race detector some do
			continue
		}
		t.Run(x.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(7 * time.Hour) // the bubble's day begins: of it the window takes 7 hours
				a, err := bench.NewTrails(t.Context(), awssim.Config{Seed: 1}, 9)
				if err != nil {
					t.Fatal(err)
				}
				if _, known := found[x.Name]; !known && x.Do != nil {
					t.Fatal("nobody says what this must be called")
				}
				if x.Do != nil {
					if err := a.Tamper(t.Context(), x); err != nil {
						t.Fatal(err)
					}
				}
				c := collected(t, a)
				in, err := digest.FromCase(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				judge(t, x, "case", in)
				o, err := a.TrailObjects(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				judge(t, x, "files", files(t, o, in.Keys, true))
				cells += 2
			})
		})
	}
	if len(found) != len(bench.Tamperings()) {
		t.Errorf("%d kinds of tampering, of which %d are expected here", len(bench.Tamperings()), len(found))
	}
	t.Logf("%d cells (%d kinds of tampering and none, in a case and in files), %d skipped", cells, len(found), 2*(len(found)+1)-cells)
}

func judge(t *testing.T, x bench.Tampering, where string, in digest.Input) {
	t.Helper()
	r, err := digest.Validate(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	var damage, rest []string
	for _, p := range r.All {
		line := string(p.Kind) + " " + filepath.Base(p.File)
		if p.Kind.Damage() {
			damage = append(damage, line)
		} else {
			rest = append(rest, line)
		}
		if p.File == "" && p.From.IsZero() || p.Why == "" {
			t.Errorf("%s: neither file nor time nor reason: %+v", where, p)
		}
	}
	var kinds []string
	for _, line := range damage {
		kind, _, _ := strings.Cut(line, " ")
		kinds = append(kinds, kind)
	}
	var want []string
	for _, k := range found[x.Name] {
		want = append(want, string(k))
	}
	slices.Sort(kinds)
	slices.Sort(want)
	if !slices.Equal(kinds, want) {
		t.Errorf("%s, %s: damage %v, want %v", x.Name, where, damage, want)
	}
	if x.Do == nil && r.Verdict() != digest.Complete || x.Do != nil && r.Verdict() == digest.Complete && !(where == "files" && x.Name == "digest-newest-removed") {
		t.Errorf("%s, %s: %s: %v %v", x.Name, where, r.Verdict(), damage, rest)
	}
	valid := 0
	for _, c := range r.Chains {
		for _, p := range c.Valid {
			valid += int(p.To.Sub(p.From) / time.Hour)
		}
	}
	t.Logf("%-26s %-5s %-10s %d chains, %d valid hours: %s; %s", x.Name, where, r.Verdict(), len(r.Chains), valid, strings.Join(damage, ", "), strings.Join(rest, ", "))
}

// collected is a case with the trails' files of the last hour's window.
func collected(t *testing.T, a *bench.Account) *evidence.Case {
	t.Helper()
	c := emptyCase(t)
	sum := into(t, a, c, collect.Options{Unpaced: true, Since: time.Hour, TrailBuckets: []string{collect.AutoTrailBucket}, Only: []string{"cloudtrail.trails", "cloudtrail.objects"}})
	if !sum.Complete {
		t.Fatalf("%+v", sum)
	}
	return c
}

// files writes the bucket to a folder, as aws s3 sync does, with what head-object says beside it.
func files(t *testing.T, o bench.Objects, keys digest.Keys, heads bool) digest.Input {
	t.Helper()
	dir := t.TempDir()
	for _, key := range slices.Sorted(maps.Keys(o)) {
		path := filepath.Join(dir, filepath.FromSlash(key))
		if strings.HasPrefix(key, bench.OtherPrefix) {
			continue // one trail's prefix was copied
		}
		head, err := json.Marshal(map[string]any{"Metadata": o[key].Meta})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, o[key].Body, 0o600); err != nil {
			t.Fatal(err)
		}
		if heads && strings.Contains(key, "/CloudTrail-Digest/") {
			if err := os.WriteFile(path+digest.MetadataSuffix, head, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	in, err := digest.FromPaths(context.Background(), []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	if len(in.Objects) == 0 {
		t.Fatal(fmt.Errorf("no files in %s", dir))
	}
	in.Keys = keys
	return in
}
