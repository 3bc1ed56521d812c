package collect

import (
	"slices"
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

// TestRulesOfAllBuses: the rule that calls an alias and the one on another bus are found;
// what a target is given is in nothing that is stored in clear. A function without rules says so.
func TestRulesOfAllBuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		m, sum := collectSim(t, a, Options{Unpaced: true})
		if !sum.Complete {
			t.Errorf("%+v", sum)
		}
		var rules []string
		for _, e := range m.entries {
			if e.Artefact == "events.rule.targets" {
				rules = append(rules, e.Source.ARN[strings.Index(e.Source.ARN, "rule/"):])
				body := string(m.bytes[key(e)])
				if strings.Contains(body, bench.Secret) || strings.Contains(e.Source.ARN, "new-users") != strings.Contains(body, "[sealed:") {
					t.Errorf("%s: %s", e.Source.ARN, body)
				}
			}
		}
		slices.Sort(rules)
		if want := []string{"rule/new-users", "rule/shop/orders"}; !slices.Equal(rules, want) {
			t.Errorf("rules %v, want %v", rules, want)
		}
		bare(t, a)
		s := sessionAs(t, a, "again", allowAll)
		m = newMemory()
		target, err := ParseTarget(bench.AccountID, bench.Region, "bare")
		if err != nil {
			t.Fatal(err)
		}
		only := Options{Unpaced: true, Only: []string{"events.rules", "lambda.aliases", "lambda.configuration"}}
		if _, err := Run(t.Context(), Inputs{Connect: s.ConfigRecorded, HTTP: s.HTTPClient(), Endpoint: s.Endpoint}, []Target{target}, m, only); err != nil {
			t.Fatal(err)
		}
		if got := m.states()["events.rules bare"]; got != evidence.Absent {
			t.Errorf("a function without rules: %q of %v", got, m.states())
		}
	})
}

// bare makes a function that has nothing around it.
func bare(t *testing.T, a *bench.Account) {
	t.Helper()
	cfg := aws.Config{Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: a.Cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, "")}
	c := lambda.NewFromConfig(cfg)
	f, err := c.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(bench.Function)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("bare"), Role: f.Role, Runtime: lambdatypes.RuntimePython312, Handler: aws.String("app.handler"),
		Code: &lambdatypes.FunctionCode{ZipFile: bench.Pack("bare", 1000)},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRedact(t *testing.T) {
	tree := map[string]any{"Input": "a", "Keep": "b", "Deep": []any{map[string]any{"InputTransformer": map[string]any{"InputTemplate": "c", "InputPathsMap": map[string]any{"k": "d"}}}}, "Empty": map[string]any{"Input": ""}}
	var seen []string
	redact(tree, []string{"Input", "InputTemplate", "InputPathsMap"}, false, func(s string) string { seen = append(seen, s); return "x" })
	slices.Sort(seen)
	if strings.Join(seen, "") != "acd" || tree["Input"] != "x" || tree["Keep"] != "b" {
		t.Errorf("%v, %v", seen, tree)
	}
}

// grantTo lets a service call the function from a source.
func grantTo(t *testing.T, a *bench.Account, service, source string) {
	t.Helper()
	cfg := aws.Config{Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: a.Cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, "")}
	_, err := lambda.NewFromConfig(cfg).AddPermission(t.Context(), &lambda.AddPermissionInput{FunctionName: aws.String(bench.Function), StatementId: aws.String("extra"),
		Action: aws.String("lambda:InvokeFunction"), Principal: &service, SourceArn: &source})
	if err != nil {
		t.Fatal(err)
	}
}
