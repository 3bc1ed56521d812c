package conformance

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAWSCLI drives the simulated account with the real AWS CLI, and lets the shapes' judge
// watch.
func TestAWSCLI(t *testing.T) {
	x, end := simulator(t)
	cli := func(want int, args ...string) result {
		return must(t, want, x.env(), tool(t, "FREEZEFRAME_AWS"), args...)
	}
	field := func(query string, args ...string) string {
		return strings.TrimSpace(cli(0, append(args, "--query", query, "--output", "text")...).out)
	}
	refused := func(code string, args ...string) {
		t.Helper()
		if r := runIn(t, x.env(), tool(t, "FREEZEFRAME_AWS"), args...); r.code == 0 || !strings.Contains(r.err, "("+code+")") {
			t.Errorf("%s: %s is wanted: %s", strings.Join(args[:2], " "), code, r.err)
		}
	}
	dir := t.TempDir()
	one, two := pack(t, dir, "one"), pack(t, dir, "two")
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	cli(0, "iam", "create-role", "--role-name", "r", "--assume-role-policy-document", trust)
	cli(0, "lambda", "create-function", "--function-name", "f", "--role", "arn:aws:iam::"+account+":role/r", "--runtime", "python3.12", "--handler", "app.handler", "--zip-file", "fileb://"+one)
	cli(0, "lambda", "publish-version", "--function-name", "f")
	cli(0, "lambda", "update-function-code", "--function-name", "f", "--zip-file", "fileb://"+two)

	// Every version's code, downloaded, is what CodeSha256 says.
	for qualifier, file := range map[string]string{"1": one, "$LATEST": two} {
		var got struct {
			Configuration struct{ CodeSha256 string }
			Code          struct{ Location string }
		}
		decode(t, cli(0, "lambda", "get-function", "--function-name", "f", "--qualifier", qualifier).out, &got)
		body := download(t, got.Code.Location)
		sum := sha256.Sum256(body)
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(body, want) || base64.StdEncoding.EncodeToString(sum[:]) != got.Configuration.CodeSha256 {
			t.Errorf("qualifier %s: the code downloaded is not the code deployed", qualifier)
		}
	}

	cli(0, "lambda", "create-alias", "--function-name", "f", "--name", "live", "--function-version", "1")
	cli(0, "lambda", "add-permission", "--function-name", "f", "--qualifier", "live", "--statement-id", "s", "--action", "lambda:InvokeFunction", "--principal", "999988887777")
	refused("ResourceNotFoundException", "lambda", "get-policy", "--function-name", "f")
	if p := field("Policy", "lambda", "get-policy", "--function-name", "f", "--qualifier", "live"); !strings.Contains(p, "arn:aws:iam::999988887777:root") || !strings.Contains(p, ":function:f:live") {
		t.Errorf("the alias's policy is %s", p)
	}
	cli(0, "lambda", "invoke", "--function-name", "f", dir+"/out")
	cli(0, "lambda", "put-function-concurrency", "--function-name", "f", "--reserved-concurrent-executions", "0")
	if n := field("Concurrency.ReservedConcurrentExecutions", "lambda", "get-function", "--function-name", "f"); n != "0" {
		t.Errorf("concurrency is %s", n)
	}
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	refused("TooManyRequestsException", "lambda", "invoke", "--function-name", "f", dir+"/out")
	if names := field("Events[].EventName", "cloudtrail", "lookup-events", "--lookup-attributes", "AttributeKey=EventSource,AttributeValue=lambda.amazonaws.com"); !strings.Contains(names, "UpdateFunctionCode20150331v2") {
		t.Errorf("the event history holds %s", names)
	}
	refused("InvalidLookupAttributesException", "cloudtrail", "lookup-events", "--lookup-attributes", "AttributeKey=EventName,AttributeValue=a", "AttributeKey=Username,AttributeValue=b")

	cli(0, "s3api", "create-bucket", "--bucket", "vault", "--object-lock-enabled-for-bucket")
	put := []string{"s3api", "put-object", "--bucket", "vault", "--key", "k", "--body", one, "--checksum-algorithm", "SHA256"}
	version := field("VersionId", append(put, "--object-lock-mode", "COMPLIANCE", "--object-lock-retain-until-date", "2099-01-01T00:00:00Z")...)
	refused("AccessDenied", "s3api", "delete-object", "--bucket", "vault", "--key", "k", "--version-id", version)
	refused("PreconditionFailed", append(put, "--if-none-match", "*")...)

	v := end()
	for _, p := range v.Problems {
		t.Errorf("the shapes' judge: %s", p)
	}
	t.Logf("AWS CLI: %d operations of the simulated account, none against AWS's shapes", len(v.Covered))
}

// TestSignatures: what is wrong with a signature gives AWS's own error code to the AWS CLI,
// and to a request made by hand where the CLI cannot be made to err.
func TestSignatures(t *testing.T) {
	x, _ := simulator(t)
	aws := tool(t, "FREEZEFRAME_AWS")
	wrong := x
	wrong.secret = "not-the-secret"
	unknown := x
	unknown.key = "AKIAAAAAAAAAAAAAAAAA"
	for _, c := range []struct {
		name string
		x    target
		args []string
		code string
	}{
		{"wrong secret", wrong, []string{"lambda", "list-functions"}, "InvalidSignatureException"},
		{"wrong secret", wrong, []string{"iam", "list-roles"}, "SignatureDoesNotMatch"},
		{"wrong secret", wrong, []string{"s3api", "list-buckets"}, "SignatureDoesNotMatch"},
		{"unknown key", unknown, []string{"lambda", "list-functions"}, "UnrecognizedClientException"},
		{"unknown key", unknown, []string{"iam", "list-roles"}, "InvalidClientTokenId"},
		{"unknown key", unknown, []string{"s3api", "list-buckets"}, "InvalidAccessKeyId"},
	} {
		if r := runIn(t, c.x.env(), aws, c.args...); r.code == 0 || !strings.Contains(r.err, "("+c.code+")") {
			t.Errorf("%s, %s: %s is wanted: %d %s", c.name, c.args[0], c.code, r.code, r.err)
		}
	}
	// The CLI signs with this script's clock and body; crooked.py bends one of them.
	for _, c := range []struct{ bend, service, code string }{
		{"date", "lambda", "InvalidSignatureException"}, {"date", "iam", "SignatureDoesNotMatch"}, {"date", "s3", "RequestTimeTooSkewed"},
		{"body", "lambda", "InvalidSignatureException"}, {"body", "iam", "SignatureDoesNotMatch"}, {"body", "s3", "XAmzContentSHA256Mismatch"},
		{"none", "lambda", "MissingAuthenticationTokenException"}, {"none", "iam", "MissingAuthenticationToken"}, {"none", "s3", "AccessDenied"},
	} {
		if r := runIn(t, x.env(), tool(t, "FREEZEFRAME_PYTHON"), "compare/crooked.py", x.endpoint, c.bend, c.service); strings.TrimSpace(r.out) != c.code {
			t.Errorf("%s bent, %s: %q, want %s %s", c.bend, c.service, strings.TrimSpace(r.out), c.code, r.err)
		}
	}
}

func pack(t *testing.T, dir, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("app.py")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, text+".zip")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func download(t *testing.T, url string) []byte {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("downloading: %d %v", res.StatusCode, err)
	}
	return b
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}
