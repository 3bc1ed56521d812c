package kill

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/internal/vault/s3vault"
	"github.com/freezeframe-ir/freezeframe/test/scratch"
)

const function, bucketName = bench.Function, "evidence"

// emptyZip is an archive without entries.
var emptyZip = append([]byte("PK\x05\x06"), make([]byte, 18)...)

// world is one account, one case, and what was asked of the account.
type world struct {
	k      kill
	binary string
	dir    string
	acct   *bench.Account
	url    string
	where  string // of the case

	mu       sync.Mutex
	requests []request
	onPut    func(key string, serve func()) // in the bucket; nil lets it be
}

// request is one exchange with the account (not with the vault).
type request struct{ signature, id string }

func newWorld(t *testing.T, binary string, k kill) *world {
	t.Helper()
	a, err := bench.NewAccount(context.Background(), awssim.Config{}, 3, 32<<10)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{k: k, binary: binary, dir: t.TempDir(), acct: a}
	// $LATEST gets code of its own, so that every download is of one artefact.
	if _, err := lambda.NewFromConfig(w.config()).UpdateFunctionCode(context.Background(), &lambda.UpdateFunctionCodeInput{
		FunctionName: aws.String(function), ZipFile: emptyZip,
	}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(server.Close)
	w.url, w.where = server.URL, filepath.Join(w.dir, "case")
	if k.bucket {
		w.where = "s3://" + bucketName + "/case"
		in := &s3.CreateBucketInput{Bucket: aws.String(bucketName), ObjectLockEnabledForBucket: aws.Bool(true),
			CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(bench.Region)}}
		if bench.Region == "us-east-1" {
			in.CreateBucketConfiguration = nil
		}
		if _, err := w.s3().CreateBucket(context.Background(), in); err != nil {
			t.Fatal(err)
		}
	}
	if code, said := w.run("case", "open", w.where, "--title", "t", "--authority", "a", "--operator", "o"); code != 0 {
		t.Fatalf("opening the case: exit code %d\n%s", code, said)
	}
	return w
}

func (w *world) config() aws.Config {
	return aws.Config{
		Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: w.acct.Cloud.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(w.acct.Keys.AccessKeyID, w.acct.Keys.SecretAccessKey, ""),
	}
}

func (w *world) s3() *s3.Client {
	return s3.NewFromConfig(w.config(), func(o *s3.Options) { o.UsePathStyle = true })
}

// serve passes on to the simulated account and notes what was asked.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	if key, ok := strings.CutPrefix(r.URL.Path, "/"+bucketName+"/"); ok {
		w.mu.Lock()
		on := w.onPut
		w.mu.Unlock()
		if r.Method == http.MethodPut && on != nil {
			on(key, func() { w.acct.Cloud.ServeHTTP(rw, r) })
			return
		}
		w.acct.Cloud.ServeHTTP(rw, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	w.acct.Cloud.ServeHTTP(rw, r)
	q := url.Values{}
	for k, v := range r.URL.Query() {
		if !strings.HasPrefix(k, "X-Amz-") {
			q[k] = v
		}
	}
	id := rw.Header().Get("X-Amzn-Requestid")
	w.mu.Lock()
	defer w.mu.Unlock()
	scope, _, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders") // names the region
	if parts := strings.Split(scope, "/"); len(parts) > 2 {
		scope = parts[2]
	}
	w.requests = append(w.requests, request{strings.Join([]string{r.Method, r.URL.Path, q.Encode(), r.Header.Get("X-Amz-Target"), scope, string(body)}, " "), id})
}

func (w *world) command(args ...string) *exec.Cmd {
	cmd := exec.Command(w.binary, args...)
	cmd.Dir = w.dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TMPDIR=" + w.dir, "FREEZEFRAME_HOME=" + filepath.Join(w.dir, "home"), "FREEZEFRAME_CASE=" + w.where,
		"AWS_ENDPOINT_URL=" + w.url, "AWS_REGION=" + bench.Region, "AWS_ACCESS_KEY_ID=" + w.acct.Keys.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + w.acct.Keys.SecretAccessKey, "AWS_EC2_METADATA_DISABLED=true", scratch.Process,
	}
	return cmd
}

func (w *world) run(args ...string) (int, string) {
	out, err := w.command(args...).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // os/exec's own, as it comes
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		return -1, err.Error()
	}
	return 0, string(out)
}

// vault opens the case's place with a road of our own.
func (w *world) vault(t *testing.T) vault.Vault {
	t.Helper()
	if !w.k.bucket {
		v, err := vault.OpenFolder(w.where)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	o := s3vault.Options{Bucket: bucketName, Prefix: "case"}
	s, err := awsapi.Connect(context.Background(), awsapi.Options{Unasked: true, Region: bench.Region, EndpointURL: bench.Endpoint, HTTPClient: w.acct.Cloud.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(w.acct.Keys.AccessKeyID, w.acct.Keys.SecretAccessKey, "")})
	if err != nil {
		t.Fatal(err)
	}
	v, err := s3vault.New(s.Config("", s3vault.Needs(o)), o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// complete are the requests whose artefacts are whole in the unfinished bag: announced in
// its journal, and there. GetFunction may be repeated where code or environment are not.
func (w *world) complete(t *testing.T) map[string]string {
	t.Helper()
	v := w.vault(t)
	there := map[string]bool{}
	for e, err := range v.List(context.Background(), "collections/") {
		if err != nil {
			t.Fatal(err)
		}
		there[e.Name] = e.Odd == ""
	}
	type note struct {
		Item struct {
			Artefact, Path, Call string
			Request              string `json:"request_id"`
			Source               evidence.Source
			Params               map[string]string
		}
		Artefact, State string
		Request         string `json:"request_id"`
	}
	notes := map[string]note{} // by artefact and qualifier
	for name := range there {
		_, segment, ok := strings.Cut(name, "/journal/")
		if !ok || segment == "" || !there[name] {
			continue
		}
		r, err := v.Open(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(r)
		for dec.More() {
			var line struct {
				Kind  string
				Value json.RawMessage
			}
			var n note
			if err := dec.Decode(&line); err != nil {
				t.Fatal(err)
			}
			if line.Kind != "item" && line.Kind != "gap" {
				continue
			}
			if err := json.Unmarshal(line.Value, &n); err != nil {
				t.Fatal(err)
			}
			bag, _, _ := strings.Cut(name, "/journal/")
			if line.Kind == "item" && there[bag+"/"+n.Item.Path] && n.State == "collected" {
				notes[n.Item.Artefact+" "+n.Item.Source.ARN+" "+n.Item.Source.Qualifier] = n
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	out := map[string]string{} // request id or path of a download -> artefact
	for key, n := range notes {
		at := n.Item.Source.ARN + " " + n.Item.Source.Qualifier
		_, code := notes["lambda.code "+at]
		_, env := notes["lambda.environment "+at]
		switch {
		case n.Item.Artefact == "lambda.configuration" && !(code && env):
		case n.Item.Artefact == "lambda.environment" && !code:
		case n.Item.Artefact == "lambda.layers":
			if _, content := notes["lambda.layers.content "+at]; content {
				out[n.Item.Request] = key
			}
		case n.Item.Request != "":
			out[n.Item.Request] = key
		case n.Item.Params["Location"] != "":
			if u, err := url.Parse(n.Item.Params["Location"]); err == nil {
				out[u.Path] = key
			}
		}
	}
	return out
}

// goOn resumes, verifies, and looks for what was fetched twice.
func (w *world) goOn(t *testing.T) {
	t.Helper()
	complete := w.complete(t)
	w.mu.Lock()
	before := slices.Clone(w.requests)
	w.onPut = nil
	w.mu.Unlock()
	code, said := w.run("collect", "--resume")
	if code == 2 && strings.Contains(said, "no unfinished collection") && len(w.payload(t)) == 0 {
		code, said = w.run("collect", "--function", function)
	} else if code == 2 && strings.Contains(said, "no unfinished collection") {
		code = 0 // all was there but an event or a signature
	}
	if code != 0 {
		t.Errorf("%s: resuming: exit code %d\n%s", w.k, code, said)
	}
	if code, said := w.run("verify"); code != 0 {
		t.Errorf("%s: verify: exit code %d\n%s", w.k, code, said)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	again := map[string]bool{}
	for _, r := range w.requests[len(before):] {
		again[r.signature] = true
	}
	for _, r := range before {
		what := complete[r.id]
		if what == "" {
			what = complete[strings.Fields(r.signature)[1]]
		}
		if what != "" && again[r.signature] {
			t.Errorf("%s: %s was complete and was fetched again: %.200s", w.k, what, r.signature)
		}
	}
}

// payload are the names of what was collected; sealed artefacts by their number.
func (w *world) payload(t *testing.T) []string {
	t.Helper()
	var out []string
	for e, err := range w.vault(t).List(context.Background(), "collections/") {
		if err != nil {
			t.Fatal(err)
		}
		_, path, ok := strings.Cut(e.Name, "/data/")
		if !ok || e.Odd != "" {
			continue
		}
		if strings.HasPrefix(path, "sealed/") {
			path = "sealed"
		}
		out = append(out, path)
	}
	slices.Sort(out)
	return out
}
