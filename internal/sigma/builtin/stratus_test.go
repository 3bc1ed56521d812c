package builtin

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestRecordedAttacks: attacks on functions that somebody else carried out and recorded
// hit the rule that is meant for them.
func TestRecordedAttacks(t *testing.T) {
	root := os.Getenv("FREEZEFRAME_SHARED")
	if root == "" {
		root = "../../../../shared"
	}
	dir := filepath.Join(root, "data", "cloudtrail", "stratus")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIPPED LOUDLY: no recorded attacks at %s", dir)
	}
	e := engine(t)
	p := player{t, e, e.NewMatcher()}
	for file, rule := range map[string]string{
		"aws.persistence.lambda-backdoor-function":          "Function opened to everyone",
		"aws.persistence.lambda-overwrite-code":             "Function code replaced",
		"aws.persistence.lambda-layer-extension":            "Function environment in a change of configuration",
		"aws.persistence.iam-backdoor-role":                 "Role trusts another account or everyone",
		"aws.defense-evasion.cloudtrail-stop":               "Trail stopped or deleted",
		"aws.defense-evasion.cloudtrail-delete":             "Trail stopped or deleted",
		"aws.defense-evasion.cloudtrail-event-selectors":    "Trail told to record no management events",
		"aws.persistence.sts-federation-token":              "Federation token asked for",
		"aws.persistence.iam-create-user-login-profile":     "Password given to a user",
		"aws.persistence.rolesanywhere-create-trust-anchor": "Certificates of an outside authority accepted for roles",
		"aws.persistence.iam-create-backdoor-role":          "Administrator policy given to a role",
	} {
		b, err := os.ReadFile(filepath.Join(dir, file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var records []json.RawMessage
		if err := json.Unmarshal(b, &records); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, r := range records { // one by one: the files are in no order
			found = found || p.play([][]byte{r})[rule] > 0
		}
		if !found {
			t.Errorf("%s: no event hits %q", file, rule)
		}
	}
}
