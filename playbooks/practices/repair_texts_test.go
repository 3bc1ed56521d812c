package practices

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	terraform "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// judge holds the texts of repairs against what others say of them: a shell, AWS's models of its
// calls, and Terraform's own parser.
type judge struct {
	mu       sync.Mutex
	bin      string // for PATH: an aws that writes its words down
	models   string // folder of AWS's models; "" where there are none
	services map[string]model
	seen     map[string]bool
	commands int
	unknown  map[string]bool // calls that AWS's models here do not have
}

type model struct {
	Operations map[string]struct {
		Input struct{ Shape string }
	}
	Shapes map[string]struct {
		Members  map[string]struct{ IdempotencyToken bool }
		Required []string
	}
}

func newJudge(t *testing.T) *judge {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"aws": "printf '%s\\0' \"$#\" \"$@\" >>\"$WORDS\"\necho VALUE\n", "sleep": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	shared := os.Getenv("FREEZEFRAME_SHARED")
	if shared == "" {
		shared = "../../../shared"
	}
	models := filepath.Join(shared, "data/aws-models")
	if _, err := os.Stat(models); err != nil {
		if os.Getenv("FREEZEFRAME_CI") != "" {
			t.Fatal(err)
		}
		t.Logf("SKIPPED LOUDLY: no AWS API shapes at %s: which calls and parameters there are is not asked", models)
		models = ""
	}
	return &judge{bin: dir, models: models, services: map[string]model{}, seen: map[string]bool{}, unknown: map[string]bool{}}
}

// repairs judges every repair of a report, each text once.
func (j *judge) repairs(t *testing.T, r *Report) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, x := range r.Results {
		if x.Repair == nil || j.seen[x.Repair.CLI] {
			continue
		}
		j.seen[x.Repair.CLI] = true
		j.terraform(t, x.Repair.Terraform)
		said := false
		for _, words := range j.words(t, x.Repair.CLI) {
			said = true
			j.commands++
			if err := j.known(words); err != nil {
				t.Errorf("%s: %v\n%s", x.Check, err, x.Repair.CLI)
			}
		}
		if !said {
			t.Errorf("%s: no command\n%s", x.Check, x.Repair.CLI)
		}
	}
}

func (j *judge) terraform(t *testing.T, text string) {
	t.Helper()
	if _, problems := hclsyntax.ParseConfig([]byte(text), "repair.tf", terraform.InitialPos); problems.HasErrors() {
		t.Errorf("Terraform: %v\n%s", problems, text)
	}
	if !strings.HasPrefix(text, untried) {
		t.Errorf("it does not say that nobody tried it:\n%s", text)
	}
}

var (
	assignment = regexp.MustCompile(`(?m)^([A-Z_0-9]+)=''$`)
)

// words runs a text with a command that writes its words down, and leaves the world alone.
func (j *judge) words(t *testing.T, text string) (commands [][]string) {
	t.Helper()
	dir := t.TempDir()
	list := filepath.Join(dir, "words")
	run := func(text string) error {
		cmd := exec.Command("/bin/sh", "-c", text)
		cmd.Dir, cmd.Env = dir, []string{"PATH=" + j.bin, "WORDS=" + list}
		if said, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, said)
		}
		return nil
	}
	if assignment.MatchString(text) && run(text) == nil {
		t.Errorf("it runs with nothing filled in:\n%s", text)
	}
	if _, err := os.Stat(list); err == nil {
		t.Errorf("with nothing filled in a command ran:\n%s", text)
	}
	filled := assignment.ReplaceAllStringFunc(text, func(line string) string {
		name := strings.TrimSuffix(line, "=''")
		if !strings.Contains(text, "# "+name+": ") || !strings.Contains(text, "$"+name) {
			t.Errorf("what is %s, and what for?\n%s", name, text)
		}
		if name == "COLLECTED" {
			return name + "=yes"
		}
		return name + "='a value'"
	})
	if err := run(filled); err != nil {
		t.Errorf("%v\n%s", err, filled)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("it left more than its words: %v %v\n%s", left, err, text)
	}
	data, err := os.ReadFile(list)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	parts := strings.Split(string(data), "\x00")
	for at := 0; at < len(parts)-1; {
		n, err := strconv.Atoi(parts[at])
		if err != nil {
			t.Fatal(err)
		}
		commands = append(commands, parts[at+1:at+1+n])
		at += 1 + n
	}
	return commands
}

// known says whether AWS has such a call, with such parameters, and whether those are given that
// it has to have. Spelling is the AWS CLI's: words of the API's names, with dashes.
func (j *judge) known(words []string) error {
	if j.models == "" {
		return nil
	}
	if len(words) < 2 {
		return fmt.Errorf("no command: %q", words)
	}
	if words[0] == "lambda" && words[1] == "wait" {
		words = append([]string{"lambda", "get-function-configuration"}, words[3:]...) // what it asks
	}
	m, err := j.service(words[0])
	if err != nil {
		return err
	}
	name := ""
	for op := range m.Operations {
		if dashed(op) == words[1] {
			name = op
		}
	}
	if name == "" {
		j.unknown[words[0]+" "+words[1]] = true
		return nil
	}
	in := m.Shapes[m.Operations[name].Input.Shape]
	var members, given []string
	for member := range in.Members {
		members = append(members, dashed(member))
	}
	for _, w := range words[2:] {
		if option, ok := strings.CutPrefix(w, "--"); ok {
			given = append(given, strings.TrimPrefix(option, "no-"))
		}
	}
	for _, o := range given {
		ours := []string{"region", "query", "output", "cli-input-json"}
		if name == "PublishLayerVersion" {
			ours = append(ours, "zip-file") // the CLI's own, of Content
		}
		if name == "PutConfigurationRecorder" {
			ours = append(ours, "recording-group") // the CLI's own, of ConfigurationRecorder
		}
		if !slices.Contains(members, o) && !slices.Contains(ours, o) {
			return fmt.Errorf("%s has no %s", name, o)
		}
	}
	if !slices.Contains(given, "region") && words[0] != "iam" {
		return fmt.Errorf("%s: in which region?", name)
	}
	for _, r := range in.Required {
		if !in.Members[r].IdempotencyToken && !slices.Contains(given, dashed(r)) && !slices.Contains(given, "cli-input-json") && (name != "PublishLayerVersion" || r != "Content") {
			return fmt.Errorf("%s lacks %s", name, r)
		}
	}
	return nil
}

func (j *judge) service(name string) (model, error) {
	if m, ok := j.services[name]; ok {
		return m, nil
	}
	file := map[string]string{"configservice": "config"}[name]
	if file == "" {
		file = name
	}
	var m model
	f, err := os.Open(filepath.Join(j.models, file+".json.gz"))
	if err != nil {
		return m, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	z, err := gzip.NewReader(f)
	if err == nil {
		err = json.NewDecoder(z).Decode(&m)
	}
	j.services[name] = m
	return m, err
}

var (
	capital = regexp.MustCompile(`(.)([A-Z][a-z]+)`)
	small   = regexp.MustCompile(`([a-z0-9])([A-Z])`)
)

// dashed is botocore's spelling (xform_name) with dashes.
func dashed(name string) string {
	return strings.ToLower(small.ReplaceAllString(capital.ReplaceAllString(name, "$1-$2"), "$1-$2"))
}

// notInModels are calls of repairs that the models here, which are a part of AWS's, do not have.
// TestRepairs runs them by the AWS CLI, whose models are whole.
func notInModels() []string {
	return []string{"ec2 create-flow-logs", "ec2 create-vpc-endpoint", "ec2 modify-vpc-endpoint", "ec2 replace-network-acl-entry", "ec2 revoke-security-group-ingress", "inspector2 enable", "wafv2 associate-web-acl"}
}

// hostileName is what AWS lets somebody call an alarm, or write into a policy.
const hostileName = "it's $(touch pwned) `touch pwned` \"; touch pwned #"

// TestHostileRepairs: what an intruder wrote into the account comes out of a shell as it stands
// there, in one word, and runs nothing.
func TestHostileRepairs(t *testing.T) {
	j, b := newJudge(t), &base{vault: &memory{own: map[string][]byte{}}}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		quoted, err := json.Marshal(hostileName)
		if err != nil {
			t.Fatal(err)
		}
		kept := fmt.Sprintf(`{"Sid":"own","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalTag/x":%s}}}`, account, quoted)
		foreign := fmt.Sprintf(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"*","Resource":"*"}`, stranger)
		trust := fmt.Sprintf(`{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringNotEquals":{"aws:SourceAccount":%s}}}`, quoted)
		w.do("KMS:PutKeyPolicy", obj{"KeyId": w.ids["key"], "Policy": policy(kept, foreign)})
		w.do("SecretsManager:PutResourcePolicy", obj{"SecretId": w.ids["secret"], "ResourcePolicy": policy(kept, foreign)})
		w.do("IAM:UpdateAssumeRolePolicy", obj{"RoleName": tillRole, "PolicyDocument": policy(trust, `{"Effect":"Allow","Principal":{"AWS":"`+stranger+`"},"Action":"sts:AssumeRole"}`)})
		w.do("CloudWatch:PutMetricAlarm", obj{"AlarmName": hostileName, "Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": []obj{{"Name": "FunctionName", "Value": till}}, "Statistic": "Sum", "Period": 60,
			"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold", "AlarmDescription": hostileName})
		w.setVariables(obj{"LD_PRELOAD": hostileName})
		w.collect(newCase(t, b.vault), []string{till})
		r := assessed(t, b.vault)
		j.repairs(t, r)
		told := map[string]bool{}
		for _, x := range r.Results {
			if x.Repair == nil {
				continue
			}
			for _, words := range j.words(t, x.Repair.CLI) {
				for _, word := range words {
					if strings.Contains(word, hostileName) || strings.Contains(word, strings.Trim(string(quoted), `"`)) {
						told[x.Check] = true
					}
				}
			}
		}
		for _, check := range []string{"logging-monitoring/alarm-actions", "secrets-management/key-policy", "secrets-management/secret-policy", "least-privilege/trust-foreign"} {
			if !told[check] {
				t.Errorf("%s: the repair does not name it as it stands there%s", check, seen(r, check))
			}
		}
		t.Logf("%d repairs of an account with hostile names, %d that name them; nothing else ran", len(j.seen), len(told))
	})
}
