package awssim

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// TestStagedVersions: what is made at each download is a package as any other: the bytes
// that its hash and size declare, an archive, and another for each seed.
func TestStagedVersions(t *testing.T) {
	l := newLambdaAccount(t, 0)
	const size = 300_000
	for _, seed := range []string{"a", "b"} {
		if err := l.c.StageVersion(functionARN, seed, size); err != nil {
			t.Fatal(err)
		}
	}
	list := must(l.lambda.ListVersionsByFunction(l.ctx, &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("pay")}))(t)
	if len(list.Versions) != 3 {
		t.Fatalf("%d versions", len(list.Versions))
	}
	seen := map[string]bool{}
	for _, v := range list.Versions[1:] {
		out := must(l.lambda.GetFunction(l.ctx, &lambda.GetFunctionInput{FunctionName: aws.String("pay"), Qualifier: v.Version}))(t)
		resp := must(l.c.Client().Get(aws.ToString(out.Code.Location)))(t)
		body := must(io.ReadAll(resp.Body))(t)
		if resp.StatusCode != http.StatusOK || int64(len(body)) != out.Configuration.CodeSize || packageHash(body) != aws.ToString(out.Configuration.CodeSha256) {
			t.Errorf("version %s: status %d, %d bytes of %d", aws.ToString(v.Version), resp.StatusCode, len(body), out.Configuration.CodeSize)
		}
		seen[packageHash(body)] = true
		z := must(zip.NewReader(bytes.NewReader(body), int64(len(body))))(t)
		f := must(z.File[0].Open())(t)
		if n, err := io.Copy(io.Discard, f); err != nil || n != size { // its sum is checked
			t.Errorf("the file in it: %d bytes, %v", n, err)
		}
	}
	if len(seen) != 2 {
		t.Errorf("%d different packages of 2", len(seen))
	}
}
