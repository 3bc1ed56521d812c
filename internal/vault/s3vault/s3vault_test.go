package s3vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

var ctx = context.Background()

func config(endpoint string) aws.Config {
	return aws.Config{
		Region:       "eu-central-1",
		BaseEndpoint: &endpoint,
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret-key-of-tests", ""),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// scripted answers each request from a list and keeps what it was asked.
type scripted struct {
	mu      sync.Mutex
	answers []func(http.ResponseWriter)
	asked   []*http.Request
	bodies  []string
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	s.asked, s.bodies = append(s.asked, r), append(s.bodies, string(body))
	if len(s.answers) == 0 {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	answer := s.answers[0]
	s.answers = s.answers[1:]
	answer(w)
}

func fail(status int, code string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>m</Message></Error>", code)
	}
}

func ok(version string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.Header().Set("x-amz-version-id", version) }
}

func xml(text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/xml")
		io.WriteString(w, text)
	}
}

func scriptedVault(t *testing.T, o Options, answers ...func(http.ResponseWriter)) (*Vault, *scripted) {
	t.Helper()
	s := &scripted{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	o.Bucket, o.Prefix = "evidence", "cases/42"
	if o.Wait == nil {
		o.Wait = func(context.Context, int) error { return nil }
	}
	v, err := New(config(server.URL), o)
	if err != nil {
		t.Fatal(err)
	}
	return v, s
}

func create(v *Vault, text string) (vault.Entry, error) {
	return v.Create(ctx, "ledger/00000000.json", strings.NewReader(text), int64(len(text)), sha256.Sum256([]byte(text)))
}

func TestCreateSaysEverything(t *testing.T) {
	until := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	v, s := scriptedVault(t, Options{
		Owner: "111122223333", RetentionMode: types.ObjectLockModeCompliance, RetainUntil: until, LegalHold: true, KMSKey: "alias/evidence",
	}, ok("v1"))
	e, err := create(v, "hello")
	if err != nil || e.Version != "v1" || e.Size != 5 {
		t.Fatal(e, err)
	}
	if got := s.asked[0].URL.Path; got != "/evidence/cases/42/ledger/00000000.json" || s.bodies[0] != "hello" {
		t.Errorf("put %q to %s", s.bodies[0], got)
	}
	for header, want := range map[string]string{
		"If-None-Match":                               "*",
		"x-amz-checksum-sha256":                       "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
		"x-amz-content-sha256":                        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
		"x-amz-expected-bucket-owner":                 "111122223333",
		"x-amz-object-lock-mode":                      "COMPLIANCE",
		"x-amz-object-lock-legal-hold":                "ON",
		"x-amz-server-side-encryption":                "aws:kms",
		"x-amz-object-lock-retain-until-date":         "2027-01-02T03:04:05Z",
		"x-amz-server-side-encryption-aws-kms-key-id": "alias/evidence",
	} {
		if got := s.asked[0].Header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	for code, want := range map[string]error{
		"PreconditionFailed": vault.ErrExists, "NoSuchBucket": vault.ErrGone, "BadDigest": vault.ErrBody,
	} {
		v, _ := scriptedVault(t, Options{}, fail(412, code))
		if _, err := create(v, "x"); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", code, err, want)
		}
	}
	v, s := scriptedVault(t, Options{}, fail(409, "ConditionalRequestConflict"), fail(409, "OperationAborted"), ok("v1"))
	if _, err := create(v, "body"); err != nil || len(s.asked) != 3 || s.bodies[2] != "body" {
		t.Errorf("after two conflicts: %v, %d calls, %q", err, len(s.asked), s.bodies)
	}
	var endless []func(http.ResponseWriter)
	for range 50 {
		endless = append(endless, fail(409, "ConditionalRequestConflict"))
	}
	v, s = scriptedVault(t, Options{}, endless...)
	if _, err := create(v, "x"); err == nil || len(s.asked) != maxConflicts+1 {
		t.Errorf("endless conflicts: %v after %d calls", err, len(s.asked))
	}
	v, s = scriptedVault(t, Options{})
	if _, err := v.Create(ctx, "a", strings.NewReader("abc"), 3, sha256.Sum256([]byte("abd"))); !errors.Is(err, vault.ErrBody) || len(s.asked) != 0 {
		t.Errorf("a body that differs: %v after %d calls", err, len(s.asked))
	}
}

const versionsHead = `<ListVersionsResult><Name>evidence</Name>`

func version(key, id, at string, latest bool) string {
	return fmt.Sprintf("<Version><Key>cases/42/%s</Key><VersionId>%s</VersionId><IsLatest>%v</IsLatest><LastModified>%s</LastModified><Size>3</Size></Version>", key, id, latest, at)
}

func marker(key, id, at string) string {
	return fmt.Sprintf("<DeleteMarker><Key>cases/42/%s</Key><VersionId>%s</VersionId><IsLatest>true</IsLatest><LastModified>%s</LastModified></DeleteMarker>", key, id, at)
}

// A marker and a newer version on top do not hide what was written first.
func TestFirstVersion(t *testing.T) {
	page1 := versionsHead + `<IsTruncated>true</IsTruncated><NextKeyMarker>cases/42/a</NextKeyMarker><NextVersionIdMarker>v2</NextVersionIdMarker>` +
		version("a", "v2", "2026-11-23T10:00:00.000Z", false) + marker("a", "m1", "2026-11-23T11:00:00.000Z") + `</ListVersionsResult>`
	page2 := versionsHead + `<IsTruncated>false</IsTruncated>` + version("a", "v1", "2026-11-23T09:00:00.000Z", false) +
		version("a.txt", "w1", "2026-11-23T09:00:00.000Z", true) + `</ListVersionsResult>`
	v, s := scriptedVault(t, Options{Owner: "1"}, xml(page1), xml(page2), xml("abc"), xml("abc"))
	var got []string
	for e, err := range v.List(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s@%s %v", e.Name, e.Version, e.Marker))
	}
	if want := "[a@v1 false a@v2 false a@m1 true a.txt@w1 false]"; fmt.Sprint(got) != want {
		t.Errorf("listed %v, want %s", got, want)
	}
	if q := s.asked[1].URL.Query(); q.Get("key-marker") != "cases/42/a" || q.Get("version-id-marker") != "v2" {
		t.Errorf("second page asked with %v", q)
	}
	r, err := v.Open(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if id := s.asked[2].URL.Query().Get("versionId"); id != "v1" {
		t.Errorf("opened version %s, want v1", id)
	}
	fresh, s := scriptedVault(t, Options{}, xml(page1), xml(page2), xml("abc"))
	if r, err = fresh.Open(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	data, _ := io.ReadAll(r)
	r.Close()
	if id := s.asked[2].URL.Query().Get("versionId"); id != "v1" || !bytes.Equal(data, []byte("abc")) {
		t.Errorf("without a listing before: version %s, %q", id, data)
	}
}

// TestPageOverlaps: a page that begins with what the one before it ended with is no second writing of
// it; another version of the name is.
func TestPageOverlaps(t *testing.T) {
	const at = "2026-11-23T10:00:00.000Z"
	page := versionsHead + `<IsTruncated>true</IsTruncated><NextKeyMarker>cases/42/b</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>` +
		version("a", "v1", at, true) + version("b", "v1", at, true) + `</ListVersionsResult>`
	v, _ := scriptedVault(t, Options{}, xml(page), xml(versionsHead+`<IsTruncated>false</IsTruncated>`+version("b", "v1", at, true)+version("b", "v0", at, false)+version("c", "v1", at, true)+`</ListVersionsResult>`))
	var got []string
	for e, err := range v.List(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Name+"@"+e.Version)
	}
	if want := "[a@v1 b@v0 b@v1 c@v1]"; fmt.Sprint(got) != want {
		t.Errorf("listed %v, want %s", got, want)
	}
}

func TestSamePageAgain(t *testing.T) {
	page := versionsHead + `<IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker></ListVersionsResult>`
	v, s := scriptedVault(t, Options{}, xml(page), xml(page), xml(page), xml(page))
	var last error
	for _, err := range v.List(ctx, "") {
		last = err
	}
	if last == nil || len(s.asked) != 2 {
		t.Errorf("%v after %d calls", last, len(s.asked))
	}
}

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"s3://b": "b|", "s3://b/": "b|", "s3://b/p/q/": "b|p/q", "b/p": "error", "s3://": "error", "s3://b/a b": "error", "s3://b/../c": "error",
	} {
		bucket, prefix, err := Parse(in)
		got := bucket + "|" + prefix
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if _, err := New(aws.Config{}, Options{Bucket: "b", RetentionMode: types.ObjectLockModeGovernance}); err == nil {
		t.Error("retention without a date was accepted")
	}
}
