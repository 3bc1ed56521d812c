package deploy

import (
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/test/stack"
)

// judge is the path of somebody else's program.
func judge(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	switch {
	case path == "" && os.Getenv("FREEZEFRAME_CI") != "":
		t.Fatalf("%s is not set: run .ci/tools", variable)
	case path == "":
		t.Skipf("SKIPPED LOUDLY: %s is not set: eval \"$(.ci/tools)\"", variable)
	}
	return path
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// TestDeployLints: cfn-lint, which has the schema of every resource and the name of every permission,
// has nothing to say about the templates, with nothing ignored. That it would is seen from mistakes.
func TestDeployLints(t *testing.T) {
	lint := judge(t, "FREEZEFRAME_CFN_LINT")
	if testing.Short() {
		t.Skip("another program judges a text: the plain run has it")
	}
	run := func(text string) (string, error) {
		out, err := exec.Command(lint, "--include-checks", "W", "--", file(t, "template.yaml", text)).CombinedOutput()
		return string(out), err
	}
	for _, which := range []string{Security, Member} {
		text := printed(t, which)
		if strings.Contains(text, "cfn-lint:") || strings.Contains(text, "ignore_checks") {
			t.Errorf("%s tells its judge to look away", which)
		}
		if out, err := run(text); err != nil || strings.TrimSpace(out) != "" {
			t.Errorf("%s: %v\n%s", which, err, out)
		}
	}
	planted := []struct{ which, old, now string }{
		{Security, "KeySpec: ECC_NIST_P256", "KeySpec: ECC_NIST_P257"},
		{Security, "!GetAtt DeadLetters.Arn", "!GetAtt DeadLetter.Arn"},
		{Member, "access-analyzer:ListFindings", "access-analyzer:ListFindingsV2"},
	}
	for _, p := range planted {
		text := strings.Replace(printed(t, p.which), p.old, p.now, 1)
		if !strings.Contains(text, p.now) {
			t.Fatalf("%s is not in the template", p.old)
		}
		if out, err := run(text); err == nil {
			t.Errorf("%s: the judge lets it pass\n%s", p.now, out)
		}
	}
	t.Logf("2 templates without a word, %d mistakes refused", len(planted))
}

// unknown are the resources that moto's CloudFormation does not make; they are tried on the simulated
// account (TestRoles, TestVault) and by cfn-lint.
func unknown() []string {
	return []string{"VaultPolicy", "AccessLogPolicy", "QueuePolicy", "MemberBusPolicy", "DeadLettersAlarm", "OldestAlertAlarm"}
}

// TestDeployOnMoto: moto's CloudFormation makes the stacks of the templates, and the roles and keys
// that it made have the policies that the other tests try. Its EventBridge brings alerts to the queue
// and leaves others where they are. openssl takes the signature of its KMS.
func TestDeployOnMoto(t *testing.T) {
	moto, python := judge(t, "FREEZEFRAME_MOTO"), judge(t, "FREEZEFRAME_PYTHON")
	if testing.Short() {
		t.Skip("processes of others, which the race detector does not see: the plain run has it")
	}
	endpoint := serve(t, moto)
	alerts := map[string]bool{ // whether moto's rules take it
		"guardduty-lambda": true, "guardduty-accesskey": true, "guardduty-sequence": true, "cloudtrail-code": true, "alarm-event": true,
		"guardduty-bucket": false, "alarm-ok": false,
	}
	events := map[string]json.RawMessage{}
	for name := range alerts {
		events[name] = named(t, name)
	}
	cmd := exec.Command(python, "testdata/stacks.py", endpoint, file(t, "security.yaml", printed(t, Security)), file(t, "member.yaml", printed(t, Member)), file(t, "alerts.json", text(t, events)), "ECC_NIST_P256", "SIGN_VERIFY")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	must(t, err)
	var got struct {
		Security, Member struct {
			Status    string
			Resources map[string]struct{ ID string }
			Outputs   map[string]string
		}
		Roles map[string]struct {
			Trust    map[string]any
			Policies map[string]map[string]any
		}
		Keys    map[string]map[string]any
		Signed  struct{ Message, Signature, Public []byte }
		Queue   map[string]string
		Arrived map[string]int
	}
	must(t, json.Unmarshal(out, &got))
	if got.Security.Status != "CREATE_COMPLETE" || got.Member.Status != "CREATE_COMPLETE" {
		t.Errorf("%s, %s", got.Security.Status, got.Member.Status)
	}
	for name, want := range alerts {
		if n := got.Arrived[name]; (n == 2) != want || n != 0 && n != 2 { // by the own bus, and by the members'
			t.Errorf("%s came %d times", name, n)
		}
	}
	sec, mem := asMoto(t, got.Security.Outputs, got.Keys)
	made := 0
	for _, name := range sec.Resources() {
		if _, ok := got.Security.Resources[name]; ok == slices.Contains(unknown(), name) && name != "ImagePolicy" {
			t.Errorf("moto made %s: %v", name, ok)
		} else if ok {
			made++
		}
	}
	same := func(what string, made, tested any) {
		t.Helper()
		if !reflect.DeepEqual(plain(t, made), plain(t, tested)) {
			t.Errorf("%s: moto made\n%s\nand tested is\n%s", what, text(t, made), text(t, tested))
		}
	}
	same("the worker's policy", got.Roles["freezeframe-worker"].Policies["worker"], sec.Properties("WorkerPolicy")["PolicyDocument"])
	same("the worker's trust", got.Roles["freezeframe-worker"].Trust, sec.Properties("WorkerRole")["AssumeRolePolicyDocument"])
	same("the signing key's policy", got.Keys["SigningKey"], sec.Properties("SigningKey")["KeyPolicy"])
	same("the encryption key's policy", got.Keys["EncryptionKey"], sec.Properties("EncryptionKey")["KeyPolicy"])
	for role, policy := range map[string]string{"CollectionRole": "collect", "ContainmentRole": "contain"} {
		p := mem.Properties(role)
		same(role, got.Roles[p["RoleName"].(string)].Policies[policy], stack.At(t, p, "Policies", 0, "PolicyDocument"))
		same(role+"'s trust", got.Roles[p["RoleName"].(string)].Trust, p["AssumeRolePolicyDocument"])
	}
	if !strings.Contains(got.Queue["RedrivePolicy"], "freezeframe-dead-letters") || got.Queue["SqsManagedSseEnabled"] != "true" {
		t.Errorf("the queue: %v", got.Queue)
	}
	verified(t, got.Signed.Message, got.Signed.Signature, got.Signed.Public)
	t.Logf("moto made %d resources of the security account and %d of a member; it knows no %s", made, len(got.Member.Resources), strings.Join(unknown(), ", "))
}

// asMoto are the stacks with what moto named.
func asMoto(t *testing.T, outputs map[string]string, keys map[string]map[string]any) (sec, mem *stack.Stack) {
	t.Helper()
	const here, region = "123456789012", "us-east-1"
	sec = stack.New(t, printed(t, Security), map[string]any{
		"Image": "freezeframe@sha256:0", "VpcId": "v", "SubnetIds": "s", "ExternalId": external, "Recipient": recipient, "Authority": "a test", "OrganizationId": "o-abcdefghij",
	}, here, region)
	vault, _, _ := strings.Cut(strings.TrimPrefix(outputs["Cases"], "s3://"), "/")
	sec.Refs["WorkerRole"] = "freezeframe-worker"
	sec.Attributes["WorkerRole.Arn"], sec.Attributes["VaultBucket.Arn"], sec.Attributes["AlertQueue.Arn"] = outputs["WorkerRoleArn"], "arn:aws:s3:::"+vault, "arn:aws:sqs:"+region+":"+here+":freezeframe-alerts"
	sec.Attributes["EncryptionKey.Arn"] = outputs["EncryptionKeyArn"]
	return sec, stack.New(t, printed(t, Member), map[string]any{"WorkerRoleArn": outputs["WorkerRoleArn"], "ExternalId": external, "SecurityBusArn": outputs["MemberBusArn"], "HomeRegion": region, "Containment": "yes"}, here, region)
}

// named is a sample as an event; an alarm with a name that the rules wait for.
func named(t *testing.T, name string) json.RawMessage {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "alert", "testdata", name+".json"))
	must(t, err)
	var event map[string]any
	must(t, json.Unmarshal(b, &event))
	if d, ok := event["detail"].(map[string]any); ok && d["alarmName"] != nil {
		d["alarmName"] = "freezeframe-errors"
	}
	return json.RawMessage(text(t, event))
}

// plain is a document with single strings as they are in lists, since both are the same to IAM.
func plain(t *testing.T, v any) any {
	t.Helper()
	var out any
	must(t, json.Unmarshal([]byte(text(t, v)), &out))
	return out
}

// verified asks openssl.
func verified(t *testing.T, message, signature, public []byte) {
	t.Helper()
	pem := "-----BEGIN PUBLIC KEY-----\n" + base64.StdEncoding.EncodeToString(public) + "\n-----END PUBLIC KEY-----\n"
	for _, c := range []struct {
		message string
		ok      bool
	}{{string(message), true}, {string(message) + "!", false}} {
		out, err := exec.Command("openssl", "dgst", "-sha256", "-verify", file(t, "public.pem", pem), "-signature", file(t, "signature", string(signature)), file(t, "message", c.message)).CombinedOutput()
		if (err == nil) != c.ok {
			t.Errorf("openssl about %q: %v %s", c.message, err, out)
		}
	}
}

// serve starts moto on a free port.
func serve(t *testing.T, moto string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	at := l.Addr().String()
	must(t, l.Close())
	_, port, err := net.SplitHostPort(at)
	must(t, err)
	cmd := exec.Command(moto, "-H", "127.0.0.1", "-p", port)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=y")
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for range 600 { // until it listens: it takes seconds on a busy machine
		if c, err := http.Get("http://" + at + "/moto-api/"); err == nil {
			_ = c.Body.Close()
			return "http://" + at
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("moto does not listen")
	return ""
}
