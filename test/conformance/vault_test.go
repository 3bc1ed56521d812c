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
	must(t, 0, env, built.freezeframe, "case", "open", "s3://evidence/case-1", "--title", "t", "--authority", "a", "--operator", "o")
	must(t, 0, env, built.freezeframe, "collect", "--function", "payments")
	must(t, 0, env, built.freezeframe, "verify")

	// What lies in the bucket speaks for itself, without this tool.
	must(t, 0, v.env(), aws, "s3", "cp", "--recursive", "--quiet", "s3://evidence/case-1", dir+"/copy")
	bags(t, dir+"/copy")

	// Somebody lays a new version over an object.
	var list struct{ Contents []struct{ Key string } }
	if err := json.Unmarshal([]byte(must(t, 0, v.env(), aws, "s3api", "list-objects-v2", "--bucket", "evidence").out), &list); err != nil {
		t.Fatal(err)
	}
	victim := ""
	for _, o := range list.Contents {
		if strings.HasSuffix(o.Key, "lambda.concurrency.json") {
			victim = o.Key
		}
	}
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, 0, v.env(), aws, "s3api", "put-object", "--bucket", "evidence", "--key", victim, "--body", other)
	if r := must(t, 5, env, built.freezeframe, "verify"); !strings.Contains(r.out, "lambda.concurrency.json") {
		t.Errorf("the damage is not named: %s", r.out)
	}
	t.Logf("%d objects in a locked bucket, verified with and without this tool; a version laid over one is seen", len(list.Contents))
}
