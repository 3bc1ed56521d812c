package collect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/oci"
)

func imagesOnly() Options {
	return Options{Unpaced: true, Only: []string{"lambda.configuration", "lambda.code", "ecr.image"}}
}

// countOf counts artefacts by name and state.
func countOf(m *memory) map[string]int {
	n := map[string]int{}
	for _, e := range m.entries {
		n[e.Artefact+" "+string(e.State)]++
	}
	return n
}

// TestImages: what the versions run is there by digest, byte for byte, each layer once; what
// they do not run, though it has their tag or lies beside it, is not.
func TestImages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		before := a.Cloud.Digest()
		m, sum := collectFunction(t, sessionAs(t, a, "again", allowAll), bench.ImageFunction, imagesOnly())
		got := countOf(m)
		for k, want := range map[string]int{"ecr.image collected": 3, "ecr.manifest collected": 2, "ecr.config collected": 2, "ecr.layer collected": 3, "ecr.repository collected": 1, "ecr.repository.policy collected": 1,
			"ecr.repository.lifecycle collected": 1, "ecr.image.details collected": 2, "ecr.image.findings collected": 1, "ecr.image.findings absent": 1, "ecr.tag collected": 2, "lambda.code absent": 3} {
			if got[k] != want {
				t.Errorf("%s: %d, want %d", k, got[k], want)
			}
		}
		if !sum.Complete {
			t.Errorf("%v", got)
		}
		deployed := map[string]bool{}
		for _, e := range m.entries {
			body := m.bytes[key(e)]
			switch e.Artefact {
			case "ecr.manifest", "ecr.config", "ecr.layer":
				if oci.DigestOf(body) != e.Source.Qualifier {
					t.Errorf("%s is %s", key(e), oci.DigestOf(body))
				}
			case "ecr.image":
				var doc runs
				if err := json.Unmarshal(body, &doc); err != nil || !doc.CodeSha256IsDigest || !strings.HasPrefix(doc.ImageUri, "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/thumbnails:v") {
					t.Errorf("%s, %v", body, err)
				}
				_, digest, _ := strings.Cut(doc.ResolvedImageUri, "@")
				deployed[digest] = true
			case "ecr.tag":
				var doc ecr.DescribeImagesOutput
				if err := json.Unmarshal(body, &doc); err != nil {
					t.Error(err)
				}
				if evil := !deployed[*doc.ImageDetails[0].ImageDigest]; len(deployed) == 2 && evil != (e.Source.Qualifier == "v2") {
					t.Errorf("%s: %s", e.Source.Qualifier, body)
				}
			}
		}
		if len(deployed) != 2 {
			t.Errorf("%v", deployed)
		}
		if after := a.Cloud.Digest(); after == before {
			t.Error("the session's user is not in the account") // Bootstrap changes it; what follows does not
		}
		wantStates(t, collectBare(t, a, "ecr.image"), evidence.Absent, "ecr.image bare")
	})
}

// rewriting changes what passes between an account and whoever asks it.
type rewriting struct {
	to     http.RoundTripper
	change func(req *http.Request, body []byte) []byte
}

func (r rewriting) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.to.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if err := resp.Body.Close(); err != nil {
		return nil, err
	}
	body = r.change(req, body)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return resp, nil
}

// imagesThrough collects the images through a changed wire.
func imagesThrough(t *testing.T, a *bench.Account, change func(*http.Request, []byte) []byte) *memory {
	t.Helper()
	keys := a.Cloud.Bootstrap(bench.AccountID, "through", allowAll)
	client := a.Cloud.Client()
	client.Transport = rewriting{client.Transport, change}
	s, err := awsapi.Connect(t.Context(), awsapi.Options{Region: bench.Region, EndpointURL: bench.Endpoint, HTTPClient: client, ReadOnly: true,
		Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, "")})
	if err != nil {
		t.Fatal(err)
	}
	m, _ := collectFunction(t, s, bench.ImageFunction, imagesOnly())
	return m
}

func isCall(req *http.Request, target string) bool {
	return strings.HasSuffix(req.Header.Get("X-Amz-Target"), "."+target)
}

// TestImagesOfALyingRegistry: no byte is taken for what its digest does not say.
func TestImagesOfALyingRegistry(t *testing.T) {
	isLayer := func(req *http.Request) bool { return strings.Contains(req.URL.Path, "starport") }
	for _, c := range []struct {
		name   string
		change func(req *http.Request, body []byte) []byte
		want   map[string]int
	}{
		{"another manifest", func(req *http.Request, body []byte) []byte {
			if isCall(req, "BatchGetImage") {
				return bytes.Replace(body, []byte("schemaVersion"), []byte("sch3maVersion"), 1)
			}
			return body
		}, map[string]int{"ecr.manifest mismatch": 2, "ecr.layer not_attempted": 2}},
		{"other bytes", func(req *http.Request, body []byte) []byte {
			if isLayer(req) {
				body[0] ^= 1
			}
			return body
		}, map[string]int{"ecr.layer mismatch": 3, "ecr.config mismatch": 2}},
		{"more bytes", func(req *http.Request, body []byte) []byte {
			if isLayer(req) {
				return append(body, 0)
			}
			return body
		}, map[string]int{"ecr.layer too_large": 3, "ecr.config too_large": 2}},
		{"another host", func(req *http.Request, body []byte) []byte {
			if isCall(req, "GetDownloadUrlForLayer") {
				return bytes.ReplaceAll(body, []byte("aws.invalid"), []byte("evil.example"))
			}
			return body
		}, map[string]int{"ecr.layer failed": 3, "ecr.config failed": 2}},
		{"an image that is not in ECR", func(req *http.Request, body []byte) []byte {
			return bytes.ReplaceAll(body, []byte(".dkr.ecr."), []byte(".dkr.xcr."))
		}, map[string]int{"ecr.manifest not_covered": 3}},
		{"no image", func(req *http.Request, body []byte) []byte {
			if isCall(req, "BatchGetImage") {
				return []byte(`{"images":[],"failures":[{"failureCode":"ImageNotFound","failureReason":"gone"}]}`)
			}
			return body
		}, map[string]int{"ecr.manifest absent": 2, "ecr.layer not_attempted": 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := countOf(imagesThrough(t, simAccount(t, awssim.Config{}), c.change))
				for k, n := range got {
					artefact, state, _ := strings.Cut(k, " ")
					if slices.Contains([]string{"ecr.manifest", "ecr.config", "ecr.layer"}, artefact) && state != "collected" && c.want[k] != n {
						t.Errorf("%s: %d", k, n)
					}
				}
				for k, n := range c.want {
					if got[k] != n {
						t.Errorf("%s: %d, want %d of %v", k, got[k], n, got)
					}
				}
			})
		})
	}
}

// TestImageIndex: of an index the image of the function's architecture is followed. Lambda
// takes none today, so GetFunction is made to name one.
func TestImageIndex(t *testing.T) {
	for name, platform := range map[string]string{"ours": `"platform":{"architecture":"amd64","os":"linux"}`, "another": `"platform":{"architecture":"arm64","os":"linux"}`} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := simAccount(t, awssim.Config{})
				c := ecr.NewFromConfig(aws.Config{Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: a.Cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, "")})
				image, err := c.BatchGetImage(t.Context(), &ecr.BatchGetImageInput{RepositoryName: aws.String(bench.Repository), ImageIds: []ecrtypes.ImageIdentifier{{ImageTag: aws.String("v1")}}})
				if err != nil {
					t.Fatal(err)
				}
				digest := *image.Images[0].ImageId.ImageDigest
				index := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":%q,"digest":%q,"size":%d,%s}]}`, oci.MediaIndex, oci.MediaManifest, digest, len(*image.Images[0].ImageManifest), platform)
				pushed, err := c.PutImage(t.Context(), &ecr.PutImageInput{RepositoryName: aws.String(bench.Repository), ImageManifest: &index, ImageTag: aws.String("multi")})
				if err != nil {
					t.Fatal(err)
				}
				m := imagesThrough(t, a, func(req *http.Request, body []byte) []byte {
					if strings.Contains(req.URL.Path, "/functions/"+bench.ImageFunction) && !strings.Contains(req.URL.Path, "versions") {
						return bytes.ReplaceAll(body, []byte(`@`+digest), []byte(`@`+*pushed.Image.ImageId.ImageDigest))
					}
					return body
				})
				got := countOf(m)
				if ours := map[string]int{"ecr.manifest collected": 3, "ecr.layer collected": 3, "ecr.layer failed": 0}; name == "ours" {
					for k, n := range ours {
						if got[k] != n {
							t.Errorf("%s: %d of %v", k, got[k], got)
						}
					}
				} else if got["ecr.manifest collected"] != 2 || got["ecr.layer failed"] != 1 || got["ecr.layer collected"] != 2 {
					t.Errorf("%v", got)
				}
			})
		})
	}
}

// TestImagesAreResumed: what was denied is asked for again, and nothing else.
func TestImagesAreResumed(t *testing.T) {
	ctx := t.Context()
	c := newCase(t)
	a := simAccount(t, awssim.Config{})
	s := sessionAs(t, a, "resumer", allowAll)
	target, err := ParseTarget(bench.AccountID, bench.Region, bench.ImageFunction)
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range []string{"ECR:DescribeImageScanFindings", "ECR:GetRepositoryPolicy"} {
		a.Cloud.Inject(awssim.Fault{Op: op, Fail: awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 403}})
	}
	a.Cloud.Inject(awssim.Fault{Op: "ECR:GetDownloadUrlForLayer", Nth: 2, Fail: awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 403}})
	o := imagesOnly()
	o.Only = append(o.Only, "lambda.environment")
	_, sum, err := Into(ctx, s, c, evidence.Header{Operator: "o"}, []Target{target}, o)
	if err != nil || sum.States[evidence.Denied] != 4 {
		t.Fatalf("%+v, %v", sum, err)
	}
	a.Cloud.ClearFaults()
	open, err := Resumable(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	before := len(a.Cloud.Calls())
	if _, sum, err = Resume(ctx, s, c, open[0], evidence.Header{Operator: "o"}, Options{Unpaced: true}); err != nil || !sum.Complete {
		t.Errorf("%+v, %v", sum, err)
	}
	made := map[string]int{}
	for _, call := range a.Cloud.Calls()[before:] {
		made[call.Operation]++
	}
	for op, n := range map[string]int{"DescribeImageScanFindings": 2, "GetRepositoryPolicy": 1, "GetDownloadUrlForLayer": 1, "BatchGetImage": 0, "DescribeImages": 0, "DescribeRepositories": 0, "GetFunction": 0} {
		if made[op] != n {
			t.Errorf("%s was called %d times, want %d", op, made[op], n)
		}
	}
	for p, err := range c.Verify(ctx) {
		t.Errorf("verify: %+v, %v", p, err)
	}
}
