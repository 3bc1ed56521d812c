package conformance

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVault keeps a case in a bucket of versitygw (a real Object Lock), while the account
// under investigation is the simulated one; and shows that tampering is seen.
func TestVault(t *testing.T) {
	x, _ := simulator(t)
	v := versitygw(t)
	dir := t.TempDir()
	aws := tool(t, "FREEZEFRAME_AWS")
	must(t, 0, v.env(), aws, "s3api", "create-bucket", "--bucket", "evidence", "--object-lock-enabled-for-bucket")
	must(t, 0, x.env(), tool(t, "FREEZEFRAME_PYTHON"), "compare/seed.py", x.endpoint, account)

	// The vault's session has a profile of its own.
	credentials := dir + "/credentials"
	if err := os.WriteFile(credentials, []byte("[vault]\naws_access_key_id = "+v.key+"\naws_secret_access_key = "+v.secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append(x.env(), "AWS_SHARED_CREDENTIALS_FILE="+credentials, "FREEZEFRAME_HOME="+dir+"/home", "FREEZEFRAME_CASE=s3://evidence/case-1",
		"FREEZEFRAME_VAULT_PROFILE=vault", "FREEZEFRAME_VAULT_REGION=us-east-1", "FREEZEFRAME_VAULT_ENDPOINT_URL="+v.endpoint)
	must(t, 0, env, built.freezeframe, "case", "open", "s3://evidence/case-1", "--title", "t", "--authority", "a", "--operator", "o", "--retention", "compliance:1")
	must(t, 0, env, built.freezeframe, "collect", "--function", "payments")
	must(t, 0, env, built.freezeframe, "verify")

	// What lies in the bucket speaks for itself, without this tool.
	must(t, 0, v.env(), aws, "s3", "cp", "--recursive", "--quiet", "s3://evidence/case-1", dir+"/copy")
	bags(t, dir+"/copy")

	// The lock is the server's: no version can be deleted, and create-only writes do not overwrite.
	var list struct {
		Versions []struct{ Key, VersionId string }
	}
	if err := json.Unmarshal([]byte(must(t, 0, v.env(), aws, "s3api", "list-object-versions", "--bucket", "evidence").out), &list); err != nil {
		t.Fatal(err)
	}
	victim, hidden := "", ""
	tried := 0
	for i, o := range list.Versions {
		if strings.HasSuffix(o.Key, "lambda.recursion.json") {
			victim = o.Key
		}
		if strings.HasSuffix(o.Key, "lambda.aliases.json") {
			hidden = o.Key
		}
		if i%4 > 0 {
			continue // one call of the CLI takes a second
		}
		tried++
		r := runIn(t, v.env(), aws, "s3api", "delete-object", "--bucket", "evidence", "--key", o.Key, "--version-id", o.VersionId, "--bypass-governance-retention")
		if r.code == 0 || !strings.Contains(r.err, "AccessDenied") && !strings.Contains(r.err, "ObjectLock") {
			t.Errorf("a locked version was deleted, or refused otherwise: %s: %s", o.Key, r.err)
		}
	}
	must(t, 0, env, built.freezeframe, "verify")

	// Somebody lays a new version over an object.
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := runIn(t, v.env(), aws, "s3api", "put-object", "--bucket", "evidence", "--key", victim, "--body", other, "--if-none-match", "*"); r.code == 0 || !strings.Contains(r.err, "PreconditionFailed") {
		t.Errorf("a create-only write went over an object: %s", r.err)
	}
	must(t, 0, v.env(), aws, "s3api", "put-object", "--bucket", "evidence", "--key", victim, "--body", other)
	if r := must(t, 5, env, built.freezeframe, "verify"); !strings.Contains(r.out, "lambda.recursion.json") {
		t.Errorf("the damage is not named: %s", r.out)
	}
	// Somebody hides another behind a delete marker.
	must(t, 0, v.env(), aws, "s3api", "delete-object", "--bucket", "evidence", "--key", hidden)
	if r := must(t, 5, env, built.freezeframe, "verify"); !strings.Contains(r.out, "lambda.aliases.json: hidden by a delete marker") || !strings.Contains(r.out, "lambda.recursion.json") {
		t.Errorf("the damage is not named: %s", r.out)
	}
	t.Logf("%d locked versions, %d tried and none could be deleted; verified with and without this tool; a version laid over one and a delete marker are seen", len(list.Versions), tried)
}
