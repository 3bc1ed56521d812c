package digest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
	"time"
)

// writer writes digests as CloudTrail does, with a key of its own.
type writer struct {
	t    *testing.T
	key  *rsa.PrivateKey
	last *Object
	in   Input
}

var begin = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func newWriter(t *testing.T) *writer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{t: t, key: key, in: Input{Keys: Keys{}}}
	answer, err := json.Marshal(map[string]any{"PublicKeyList": []any{map[string]any{"Value": x509.MarshalPKCS1PublicKey(&key.PublicKey), "Fingerprint": "f0"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.in.Keys.Add("eu-west-1", answer); err != nil {
		t.Fatal(err)
	}
	return w
}

func packed(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(text)
	_ = z.Close()
	return b.Bytes()
}

func object(bucket, key string, body []byte) Object {
	return Object{Bucket: bucket, Key: key, Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }}
}

// hour adds a digest of an hour with one log file.
func (w *writer) hour(n int, bucket, prefix, suffix string) {
	w.t.Helper()
	from := begin.Add(time.Duration(n) * time.Hour)
	to := from.Add(time.Hour)
	day := to.Format("2006/01/02")
	logText := fmt.Appendf(nil, `{"Records":[{"n":%d}]}`, n)
	logKey := fmt.Sprintf("%sAWSLogs/111122223333/CloudTrail/eu-west-1/%s/111122223333_CloudTrail_eu-west-1_%s_R%s%d.json.gz", prefix, from.Format("2006/01/02"), from.Add(5*time.Minute).Format("20060102T1504Z"), strings.Trim(suffix, "_"), n)
	doc := map[string]any{
		"awsAccountId": "111122223333", "digestStartTime": from.Format(time.RFC3339), "digestEndTime": to.Format(time.RFC3339), "digestS3Bucket": bucket,
		"digestS3Object":             fmt.Sprintf("%sAWSLogs/111122223333/CloudTrail-Digest/eu-west-1/%s/111122223333_CloudTrail-Digest_eu-west-1_my_trail.x_us-east-1_%s%s.json.gz", prefix, day, to.Format("20060102T150405Z"), suffix),
		"digestPublicKeyFingerprint": "f0", "digestSignatureAlgorithm": "SHA256withRSA", "previousDigestSignature": nil, "previousDigestS3Bucket": nil, "previousDigestS3Object": nil,
		"logFiles": []any{map[string]any{"s3Bucket": bucket, "s3Object": logKey, "hashValue": fmt.Sprintf("%x", sha256.Sum256(logText)), "hashAlgorithm": "SHA-256"}},
	}
	before := "null"
	if w.last != nil {
		before = w.last.Signature
		doc["previousDigestS3Bucket"], doc["previousDigestS3Object"], doc["previousDigestSignature"] = w.last.Bucket, w.last.Key, before
	}
	text, err := json.Marshal(doc)
	if err != nil {
		w.t.Fatal(err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s/%s\n%x\n%s", doc["digestEndTime"], bucket, doc["digestS3Object"], sha256.Sum256(text), before))
	signature, err := rsa.SignPKCS1v15(nil, w.key, crypto.SHA256, sum[:])
	if err != nil {
		w.t.Fatal(err)
	}
	o := object(bucket, doc["digestS3Object"].(string), packed(text))
	o.Signature = hex.EncodeToString(signature)
	w.last = &o
	w.in.Objects = append(w.in.Objects, o, object(bucket, logKey, packed(logText)))
}

func (w *writer) report() Report {
	w.t.Helper()
	r, err := Validate(w.t.Context(), w.in)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func kinds(r Report) map[Kind]int {
	out := map[Kind]int{}
	for _, p := range r.All {
		out[p.Kind]++
	}
	return out
}

// TestBackfill: digests that were made later are a chain of their own, beside the hourly one,
// and a trail's chain goes on in another bucket and under another prefix.
func TestBackfill(t *testing.T) {
	w := newWriter(t)
	w.hour(0, "a", "", "")
	w.hour(1, "b", "AWSLogs/", "")
	w.hour(2, "b", "AWSLogs/", "")
	w.last = nil
	w.hour(0, "a", "", "_backfill")
	w.hour(5, "a", "", "_backfill")
	r := w.report()
	if len(r.Chains) != 2 || len(kinds(r)) != 0 || r.Verdict() != Complete {
		t.Fatalf("%s %+v", r.Verdict(), r)
	}
	hourly, back := r.Chains[0], r.Chains[1]
	if back.Backfill == hourly.Backfill || !back.Backfill && len(back.Valid) != 1 {
		hourly, back = back, hourly
	}
	if len(hourly.Valid) != 1 || !hourly.Valid[0].To.Equal(begin.Add(3*time.Hour)) || len(back.Valid) != 2 || hourly.Trail != "my_trail.x" || hourly.Home != "us-east-1" {
		t.Errorf("%+v\n%+v", hourly, back)
	}
}

// TestNothingIsValidWithoutAKey: not without keys at all, nor with those of another region,
// nor with another key under the right fingerprint.
func TestNothingIsValidWithoutAKey(t *testing.T) {
	w := newWriter(t)
	w.hour(0, "a", "", "")
	w.hour(1, "a", "", "")
	right := w.in.Keys["eu-west-1"]
	other := newWriter(t).in.Keys["eu-west-1"]
	for name, c := range map[string]struct {
		keys    Keys
		want    map[Kind]int
		verdict string
	}{
		"none":             {Keys{}, map[Kind]int{NoKeys: 1}, Incomplete},
		"of other regions": {Keys{"eu-west-2": right}, map[Kind]int{NoKeys: 1}, Incomplete},
		"another":          {Keys{"eu-west-1": other}, map[Kind]int{DigestSignature: 2, LogUncovered: 2}, Damaged},
		"no such":          {Keys{"eu-west-1": {}}, map[Kind]int{DigestKey: 2, LogUncovered: 2}, Damaged},
		"of no region":     {Keys{AnyRegion: right}, map[Kind]int{}, Complete},
	} {
		w.in.Keys = c.keys
		r := w.report()
		if !maps.Equal(kinds(r), c.want) || r.Verdict() != c.verdict {
			t.Errorf("%s: %s %v %+v", name, r.Verdict(), kinds(r), r)
		}
		if c.verdict != Complete && (r.Chains[0].ValidDigests > 0 || len(r.Chains[0].Valid) > 0 || r.Chains[0].ValidLogs > 0) {
			t.Errorf("%s: something is called valid: %+v", name, r.Chains[0])
		}
	}
}

// TestWithoutMetadata: each digest's signature stands in the next one too; only the newest
// cannot be validated where files came without what S3 kept with them.
func TestWithoutMetadata(t *testing.T) {
	w := newWriter(t)
	for n := range 3 {
		w.hour(n, "a", "", "")
	}
	for i := range w.in.Objects {
		w.in.Objects[i].NoMetadata, w.in.Objects[i].Signature, w.in.Objects[i].Path = true, "", "/x/"+w.in.Objects[i].Key
	}
	r := w.report()
	if !maps.Equal(kinds(r), map[Kind]int{Unproven: 1}) || r.Chains[0].ValidDigests != 2 || r.Chains[0].ValidLogs != 2 || r.Verdict() != Incomplete {
		t.Errorf("%s %+v", r.Verdict(), r)
	}
}

// TestChainBeginsAnew: what lies between is said not to be covered.
func TestChainBeginsAnew(t *testing.T) {
	w := newWriter(t)
	w.hour(0, "a", "", "")
	w.last = nil
	w.hour(4, "a", "", "")
	r := w.report()
	p := r.Chains[0].Problems
	if len(p) != 1 || p[0].Kind != NoDigest || !p[0].From.Equal(begin.Add(time.Hour)) || !p[0].To.Equal(begin.Add(4*time.Hour)) || !strings.Contains(p[0].Why, "anew") {
		t.Errorf("%+v", r)
	}
}

// TestBombs: a digest of a few kilobytes that inflates without end is refused early.
func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY: one reader, which shares nothing, of much text; run without -short")
	}
	body := packed(bytes.Repeat([]byte(" "), maxDigest+1))
	if _, _, err := read(bytes.NewReader(body)); !errors.Is(err, ErrFormat) || len(body) > 1<<20 {
		t.Errorf("%d bytes: %v", len(body), err)
	}
}

// FuzzDigest: whatever bytes lie where a digest should, they are read or refused, and what is
// read has a time and a place.
func FuzzDigest(f *testing.F) {
	f.Add(packed([]byte(`{"awsAccountId":"1","digestStartTime":"2026-01-01T00:00:00Z","digestEndTime":"2026-01-01T01:00:00Z","digestS3Bucket":"b","digestS3Object":"o","digestPublicKeyFingerprint":"f","previousDigestSignature":null,"logFiles":[{"s3Bucket":"b","s3Object":"l","hashValue":"00","hashAlgorithm":"SHA-256"}]}`)), "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/01/01/111122223333_CloudTrail-Digest_eu-west-1_t_eu-west-1_20260101T010000Z.json.gz", "ab")
	f.Add([]byte("\x1f\x8b"), "AWSLogs/AWSLogs/", "zz")
	f.Add(append(packed([]byte(`{}`)), 0), "", "")
	f.Fuzz(func(t *testing.T, body []byte, key, signature string) {
		d, hash, err := read(bytes.NewReader(body))
		if err == nil && (d.start.IsZero() && d.Start == "" || d.end.Before(d.start) || d.Object == "" || len(hash) != 64) {
			t.Errorf("read as %+v", d)
		}
		if n, ok := ParseName(key); ok && (n.Account == "" || n.Region == "" || n.Stamp.IsZero() || n.Digest && n.Trail == "") {
			t.Errorf("%q is %+v", key, n)
		}
		o := object("b", key, body)
		o.Signature = signature
		r, err := Validate(t.Context(), Input{Objects: []Object{o}, Keys: Keys{AnyRegion: {}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range r.Chains {
			if c.ValidDigests > 0 {
				t.Errorf("valid without a key: %+v", c)
			}
		}
	})
}
