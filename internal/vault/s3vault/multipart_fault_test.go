package s3vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// How an upload gets over what a server and a network do to it.
func TestMultipartFaults(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		for name, c := range map[string]struct {
			on     string
			answer func(n int) (*http.Response, error)
			want   map[string]int // calls
		}{
			"conflict":           {"complete", first(answer(409, "ConditionalRequestConflict"), nil), map[string]int{"create": 1, "part": 8, "complete": 2}},
			"busy":               {"complete", first(answer(503, "SlowDown"), nil), map[string]int{"create": 1, "part": 8, "complete": 2}},
			"part broke off":     {"part", first(nil, errCut), map[string]int{"create": 1, "part": 9, "complete": 1}},
			"part failed":        {"part", first(answer(500, "InternalError"), nil), map[string]int{"create": 1, "part": 9, "complete": 1}},
			"start broke off":    {"create", first(nil, errCut), map[string]int{"create": 2, "part": 8, "complete": 1}},
			"gone at complete":   {"complete", first(answer(404, "NoSuchUpload"), nil), map[string]int{"create": 2, "part": 16, "complete": 2}},
			"a lasting conflict": {"complete", conflicts(maxConflicts + 1), map[string]int{"create": 2, "part": 16, "complete": maxConflicts + 2, "abort": 1}},
		} {
			if testing.Short() && name != "conflict" && name != "part broke off" { // for the race detector two do
				continue
			}
			t.Run(name, func(t *testing.T) {
				w := &wire{before: func(call string, n int) (*http.Response, error) {
					if call == c.on {
						return c.answer(n)
					}
					return nil, nil
				}}
				v, data := p.vault(t, w, Options{StateDir: t.TempDir()}), large(1)
				v.prefix = strings.ReplaceAll(name, " ", "-") + "/"
				if _, err := store(ctx, v, data); err != nil {
					t.Error(err)
				}
				delete(w.calls, "other")
				if !maps.Equal(w.calls, c.want) {
					t.Errorf("calls %v, want %v", w.calls, c.want)
				}
				holds(t, v, data)
			})
		}
	})
}

func first(out *http.Response, err error) func(int) (*http.Response, error) {
	return func(n int) (*http.Response, error) {
		if n == 1 {
			return out, err
		}
		return nil, nil
	}
}

func conflicts(most int) func(int) (*http.Response, error) {
	return func(n int) (*http.Response, error) {
		if n <= most {
			return answer(409, "ConditionalRequestConflict"), nil
		}
		return nil, nil
	}
}

// An upload that vanishes over and over is not begun for ever.
func TestMultipartNeverEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("parts of many megabytes, sent as TestMultipartFaults sends them under it")
	}
	p := simulated(t, allowAll)
	w := &wire{before: func(call string, _ int) (*http.Response, error) {
		if call == "complete" {
			return answer(404, "NoSuchUpload"), nil
		}
		return nil, nil
	}}
	_, err := store(ctx, p.vault(t, w, Options{StateDir: t.TempDir()}), large(1))
	if code(err) != "NoSuchUpload" || w.count("create") != maxRestarts+1 {
		t.Errorf("%v, calls %v", err, w.calls)
	}
}

// An upload that somebody aborted between two runs is begun anew.
func TestMultipartAborted(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		data, o := large(2), Options{StateDir: t.TempDir()}
		p.dieAfter(t, 3, data, o)
		up, err := p.client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &p.bucket})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &p.bucket, Key: up.Uploads[0].Key, UploadId: up.Uploads[0].UploadId}); err != nil {
			t.Fatal(err)
		}
		w := &wire{}
		v := p.vault(t, w, o)
		if _, err := store(ctx, v, data); err != nil || w.count("create") != 1 || w.count("part") != largeParts {
			t.Errorf("%v, calls %v", err, w.calls)
		}
		holds(t, v, data)
	})
}

// Without a folder for the state nobody could go on: what cannot be finished is aborted.
func TestMultipartWithoutState(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		dying, die := context.WithCancel(ctx)
		w := &wire{before: func(call string, n int) (*http.Response, error) {
			if call == "part" && n == 4 {
				die()
			}
			return nil, nil
		}}
		if _, err := store(dying, p.vault(t, w, Options{}), large(3)); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want context.Canceled", err)
		}
		if n := p.unfinished(t); n != 0 || w.count("abort") != 1 {
			t.Errorf("%d uploads unfinished, calls %v", n, w.calls)
		}
	})
}

// A body that changes after it was checked is refused by the server, part by part.
func TestMultipartBodyChanges(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		data := large(4)
		w := &wire{before: func(call string, _ int) (*http.Response, error) {
			if call == "create" {
				data[12*mib] ^= 1
			}
			return nil, nil
		}}
		v := p.vault(t, w, Options{StateDir: t.TempDir()})
		if _, err := store(ctx, v, data); !errors.Is(err, vault.ErrBody) || w.count("complete") != 0 {
			t.Errorf("%v, calls %v, want ErrBody", err, w.calls)
		}
	})
}

// A state that cannot be kept stops the upload before a part is sent, and leaves none behind.
func TestMultipartStateUnwritable(t *testing.T) {
	p, w := simulated(t, allowAll), &wire{}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := store(ctx, p.vault(t, w, Options{StateDir: filepath.Join(file, "uploads")}), large(5))
	if err == nil || w.count("part") != 0 || p.unfinished(t) != 0 {
		t.Errorf("%v, calls %v", err, w.calls)
	}
}

// What Needs declares is enough in an account that allows nothing else, and names every call.
func TestMultipartNeeds(t *testing.T) {
	if testing.Short() {
		t.Skip("parts of many megabytes, sent as TestMultipartFaults sends them under it")
	}
	o := Options{Bucket: "evidence", RetentionMode: types.ObjectLockModeGovernance, RetainUntil: time.Now().Add(time.Hour), LegalHold: true, StateDir: t.TempDir()}
	var statements []any
	var declared []string
	for _, n := range Needs(o) {
		declared = append(declared, n.Call)
		for _, g := range n.IAM {
			statements = append(statements, map[string]any{"Effect": "Allow", "Action": g.Action, "Resource": g.Resource})
		}
	}
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	p := simulated(t, string(policy))
	made := &calls{}
	p.cfg.APIOptions = append(p.cfg.APIOptions, made.install)
	data := large(6)
	p.dieAfter(t, 3, data, o)
	data[0] ^= 1 // so that there is something to abort
	p.dieAfter(t, 3, data, o)
	v := p.vault(t, &wire{}, o)
	if _, err := store(ctx, v, data); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Create(ctx, "small", strings.NewReader(""), 0, sumOf("")); err != nil {
		t.Fatal(err)
	}
	holds(t, v, data)
	slices.Sort(declared)
	if got := made.names(); !slices.Equal(got, declared) {
		t.Errorf("called  %v\ndeclared %v", got, declared)
	}
	o.KMSKey = "arn:aws:kms:eu-central-1:444455556666:key/k"
	for _, n := range Needs(o) {
		if n.Call == "S3:UploadPart" && !strings.Contains(fmt.Sprint(n.IAM), "{kms:GenerateDataKey "+o.KMSKey+"} {kms:Decrypt "+o.KMSKey+"}") {
			t.Errorf("%s under a key: %v", n.Call, n.IAM)
		}
		if n.Call == "S3:PutObject" && strings.Contains(fmt.Sprint(n.IAM), "kms:Decrypt") {
			t.Errorf("%s: %v", n.Call, n.IAM)
		}
	}
}

// calls collects the names under which awsapi knows calls.
type calls struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (c *calls) install(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Names",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			c.mu.Lock()
			if c.seen == nil {
				c.seen = map[string]bool{}
			}
			c.seen[awsmiddleware.GetServiceID(ctx)+":"+awsmiddleware.GetOperationName(ctx)] = true
			c.mu.Unlock()
			return next.HandleInitialize(ctx, in)
		}), middleware.After)
}

func (c *calls) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.seen))
}

// Each request says what it must; the owner stands in all of them.
func TestMultipartSaysEverything(t *testing.T) {
	until := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	etag := func(w http.ResponseWriter) { w.Header().Set("ETag", `"e"`) }
	v, s := scriptedVault(t, Options{
		SinglePut: 1, PartSize: 3, Owner: "111122223333", KMSKey: "alias/evidence",
		RetentionMode: types.ObjectLockModeCompliance, RetainUntil: until, LegalHold: true,
	}, xml(versionsHead+"</ListVersionsResult>"), xml("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"),
		etag, etag, ok("v1"))
	if e, err := create(v, "hello"); err != nil || e.Version != "v1" {
		t.Fatal(e, err)
	}
	for i, r := range s.asked {
		if got := r.Header.Get("x-amz-expected-bucket-owner"); got != "111122223333" {
			t.Errorf("call %d %s: owner %q", i, r.URL, got)
		}
	}
	check := func(r *http.Request, want map[string]string) {
		for header, value := range want {
			if got := r.Header.Get(header); got != value {
				t.Errorf("%s %s: %s: %q, want %q", r.Method, r.URL, header, got, value)
			}
		}
	}
	check(s.asked[1], map[string]string{
		"x-amz-checksum-algorithm": "CRC64NVME", "x-amz-checksum-type": "FULL_OBJECT", "Content-Type": "application/octet-stream",
		"x-amz-meta-freezeframe-sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
		"x-amz-object-lock-mode":        "COMPLIANCE", "x-amz-object-lock-legal-hold": "ON", "x-amz-object-lock-retain-until-date": "2027-01-02T03:04:05Z",
		"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "alias/evidence",
	})
	bodies := map[string]string{}
	for i, r := range s.asked[2:4] {
		bodies[r.URL.Query().Get("partNumber")] = s.bodies[2+i]
		sum := sumOf(s.bodies[2+i])
		check(r, map[string]string{"x-amz-content-sha256": fmt.Sprintf("%x", sum), "x-amz-checksum-crc64nvme": surveyed(t, []byte(s.bodies[2+i]), 9).crc})
	}
	if bodies["1"] != "hel" || bodies["2"] != "lo" {
		t.Errorf("parts %q", bodies)
	}
	check(s.asked[4], map[string]string{
		"If-None-Match": "*", "x-amz-checksum-type": "FULL_OBJECT", "x-amz-mp-object-size": "5", "x-amz-checksum-crc64nvme": surveyed(t, []byte("hello"), 9).crc,
	})
}

func TestMultipartLimits(t *testing.T) {
	v, s := scriptedVault(t, Options{})
	for _, size := range []int64{maxObject + 1, 600 << 30, 700 << 30, maxMultipart} {
		p := v.partSize(size)
		if p < minPart || p > maxPart || parts(size, p) > maxParts || p%mebibyte != 0 {
			t.Errorf("%d bytes: %d parts of %d", size, parts(size, p), p)
		}
	}
	if _, err := v.Create(ctx, "a", bytes.NewReader(nil), maxMultipart+1, sumOf("")); !errors.Is(err, ErrTooLarge) || len(s.asked) != 0 {
		t.Errorf("more than S3 takes: %v after %d calls", err, len(s.asked))
	}
	if _, err := v.Create(ctx, "a", bytes.NewReader(nil), maxObject+1, sumOf("")); !errors.Is(err, vault.ErrBody) || len(s.asked) != 0 {
		t.Errorf("a body that is cut: %v after %d calls", err, len(s.asked))
	}
	for _, o := range []Options{{Bucket: "b", PartSize: -1}, {Bucket: "b", SinglePut: -1}, {Bucket: "b", PartSize: maxPart + 1}} {
		if _, err := New(aws.Config{}, o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

// S3 that gives no later page of parts does not hold us for ever.
func TestMultipartSamePage(t *testing.T) {
	page := xml("<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>1</NextPartNumberMarker></ListPartsResult>")
	v, s := scriptedVault(t, Options{SinglePut: 1, PartSize: 3, StateDir: t.TempDir()}, page, page, page)
	st := v.newState("cases/42/ledger/00000000.json", 5, sumOf("hello"))
	st.UploadID = "u"
	if err := v.saveState(st); err != nil {
		t.Fatal(err)
	}
	if _, err := create(v, "hello"); err == nil || len(s.asked) != 2 {
		t.Errorf("%v after %d calls", err, len(s.asked))
	}
}

// What is stored is read from all pages, and only what is equal in size and CRC counts.
func TestMultipartPages(t *testing.T) {
	const text = "abcdefgh" // parts abc, def, gh
	spans := surveyed(t, []byte(text), 3).spans
	part := func(n, size int, crc string) string {
		return fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>e%d</ETag><Size>%d</Size><ChecksumCRC64NVME>%s</ChecksumCRC64NVME></Part>", n, n, size, crc)
	}
	v, s := scriptedVault(t, Options{SinglePut: 1, PartSize: 3, StateDir: t.TempDir()},
		xml("<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>1</NextPartNumberMarker>"+part(1, 3, spans[0].crc)+"</ListPartsResult>"),
		xml("<ListPartsResult>"+part(2, 4, spans[1].crc)+part(3, 2, spans[2].crc)+part(4, 3, spans[0].crc)+part(0, 3, spans[0].crc)+"</ListPartsResult>"),
		xml(versionsHead+"</ListVersionsResult>"), func(w http.ResponseWriter) { w.Header().Set("ETag", "again2") }, ok("v1"))
	st := v.newState("cases/42/ledger/00000000.json", int64(len(text)), sumOf(text))
	st.UploadID = "u"
	if err := v.saveState(st); err != nil {
		t.Fatal(err)
	}
	if _, err := create(v, text); err != nil || len(s.asked) != 5 {
		t.Fatalf("%v after %d calls", err, len(s.asked))
	}
	if s.asked[1].URL.Query().Get("part-number-marker") != "1" || s.bodies[3] != "def" {
		t.Errorf("asked %s, sent %q", s.asked[1].URL, s.bodies[3])
	}
	for i, etag := range []string{"e1", "again2", "e3"} {
		want := fmt.Sprintf("<ChecksumCRC64NVME>%s</ChecksumCRC64NVME><ETag>%s</ETag><PartNumber>%d</PartNumber>", spans[i].crc, etag, i+1)
		if !strings.Contains(s.bodies[4], want) {
			t.Errorf("completed with %s, want %s in it", s.bodies[4], want)
		}
	}
}

// Each part is signed with the hash of the bytes that were checked, whatever they became.
func TestMultipartSignsWhatWasChecked(t *testing.T) {
	body := []byte("hello")
	v, s := scriptedVault(t, Options{SinglePut: 1, PartSize: 9}, xml(versionsHead+"</ListVersionsResult>"), func(w http.ResponseWriter) {
		body[0] = 'j'
		xml("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")(w)
	}, fail(400, "XAmzContentSHA256Mismatch"), ok(""))
	_, err := v.Create(ctx, "a", bytes.NewReader(body), 5, sumOf("hello"))
	if !errors.Is(err, vault.ErrBody) || s.bodies[2] != "jello" || s.asked[2].Header.Get("x-amz-content-sha256") != fmt.Sprintf("%x", sumOf("hello")) {
		t.Errorf("%v; sent %q with hash %s", err, s.bodies[2], s.asked[2].Header.Get("x-amz-content-sha256"))
	}
}

// An upload that starts over after a Complete of unknown outcome still says, in its state, that
// the name may come to be ours.
func TestMultipartStaysUnsure(t *testing.T) {
	var seen atomic.Bool
	p, o := simulated(t, allowAll), Options{StateDir: t.TempDir()}
	w := &wire{}
	w.before = func(call string, n int) (*http.Response, error) {
		switch {
		case call == "complete" && n == 1:
			return nil, errCut
		case call == "complete" && n == 2:
			return answer(404, "NoSuchUpload"), nil
		case call == "part" && n > largeParts:
			files, _ := filepath.Glob(filepath.Join(o.StateDir, "*.json"))
			if len(files) != 1 {
				return nil, fmt.Errorf("state files %v", files)
			}
			data, err := os.ReadFile(files[0])
			seen.Store(strings.Contains(string(data), `"completing": true`))
			return answer(403, "AccessDenied"), err
		}
		return nil, nil
	}
	if _, err := store(ctx, p.vault(t, w, o), large(1)); code(err) != "AccessDenied" || !seen.Load() {
		t.Errorf("%v, still completing: %v", err, seen.Load())
	}
}
