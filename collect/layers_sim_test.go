package collect

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const stranger = "210987654321"

// lambdaOf is Lambda as somebody of an account sees it.
func lambdaOf(a *bench.Account, keys awssim.Credentials) *lambda.Client {
	return lambda.NewFromConfig(aws.Config{Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: a.Cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, "")})
}

// foreignLayers lets function bare run three layers of another account.
func foreignLayers(t *testing.T, a *bench.Account) (arns map[string]string, owner *lambda.Client) {
	t.Helper()
	bare(t, a)
	owner, arns = lambdaOf(a, a.Cloud.Bootstrap(stranger, "owner", allowAll)), map[string]string{}
	var use []string
	for _, name := range []string{"shared", "revoked", "deleted"} {
		out, err := owner.PublishLayerVersion(t.Context(), &lambda.PublishLayerVersionInput{LayerName: &name, Content: &lambdatypes.LayerVersionContentInput{ZipFile: bench.Pack(name, 4<<10)}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := owner.AddLayerVersionPermission(t.Context(), &lambda.AddLayerVersionPermissionInput{LayerName: &name, VersionNumber: aws.Int64(1), StatementId: aws.String("use"), Action: aws.String("lambda:GetLayerVersion"), Principal: aws.String(bench.AccountID)}); err != nil {
			t.Fatal(err)
		}
		arns[name], use = aws.ToString(out.LayerVersionArn), append(use, aws.ToString(out.LayerVersionArn))
	}
	if _, err := lambdaOf(a, a.Keys).UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("bare"), Layers: use}); err != nil {
		t.Fatal(err)
	}
	return arns, owner
}

// TestLayersOfAnotherAccount: what is shared is taken by its ARN; what is not ours to read, or
// was deleted while functions go on running it, is a gap that names the layer version.
func TestLayersOfAnotherAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		arns, owner := foreignLayers(t, a)
		if _, err := owner.RemoveLayerVersionPermission(t.Context(), &lambda.RemoveLayerVersionPermissionInput{LayerName: aws.String("revoked"), VersionNumber: aws.Int64(1), StatementId: aws.String("use")}); err != nil {
			t.Fatal(err)
		}
		if _, err := owner.DeleteLayerVersion(t.Context(), &lambda.DeleteLayerVersionInput{LayerName: aws.String("deleted"), VersionNumber: aws.Int64(1)}); err != nil {
			t.Fatal(err)
		}
		m, sum := collectFunction(t, sessionAs(t, a, "again", allowAll), "bare", Options{Unpaced: true, Only: []string{"lambda.configuration", "lambda.layers"}})
		if sum.Complete {
			t.Error("complete, though two layers are missing")
		}
		got := map[string]evidence.Entry{}
		for _, e := range m.entries {
			got[e.Artefact+" "+e.Source.ARN] = e
		}
		for k, want := range map[string]evidence.State{
			"lambda.layers shared": evidence.Collected, "lambda.layers.content shared": evidence.Collected, "lambda.layers.policy shared": evidence.Denied,
			"lambda.layers revoked": evidence.Denied, "lambda.layers.content revoked": evidence.NotAttempted, "lambda.layers.policy revoked": evidence.Denied,
			// Without a policy to go by another account's layer is denied (that AWS says so of a deleted one is not verified).
			"lambda.layers deleted": evidence.Denied, "lambda.layers.content deleted": evidence.NotAttempted, "lambda.layers.policy deleted": evidence.Denied,
		} {
			artefact, name, _ := strings.Cut(k, " ")
			e := got[artefact+" "+arns[name]]
			if e.State != want {
				t.Errorf("%s is %q, want %q: %+v", k, e.State, want, e.Gap)
			}
			if artefact == "lambda.layers.content" && e.Gap != nil && !strings.Contains(e.Gap.Note, arns[name]) {
				t.Errorf("the gap does not name the layer: %s", e.Gap.Note)
			}
		}
		for _, e := range m.entries {
			if e.Artefact == "lambda.layers.content" && e.Item != nil && !bytes.Equal(m.bytes[key(e)], bench.Pack("shared", 4<<10)) {
				t.Errorf("%s: %d bytes", key(e), len(m.bytes[key(e)]))
			}
		}
	})
}

// TestDeletedLayer: a layer version of the account itself that is gone was expected to be there.
func TestDeletedLayer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		if _, err := lambdaOf(a, a.Keys).DeleteLayerVersion(t.Context(), &lambda.DeleteLayerVersionInput{LayerName: aws.String("tracing"), VersionNumber: aws.Int64(1)}); err != nil {
			t.Fatal(err)
		}
		m, sum := collectSim(t, a, Options{Unpaced: true, Only: []string{"lambda.configuration", "lambda.layers"}})
		for _, e := range m.entries {
			if e.Artefact == "lambda.layers" && (e.State != evidence.Absent || !strings.Contains(e.Gap.Note, "expected") || !strings.HasSuffix(e.Source.ARN, ":layer:tracing:1")) {
				t.Errorf("%+v", e)
			}
		}
		if sum.Complete || countOf(m)["lambda.layers.content not_attempted"] != 1 {
			t.Errorf("%+v", countOf(m))
		}
	})
}
