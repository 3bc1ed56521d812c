package mapping_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/mapping"
)

const quick = `playbook: quick
title: quick
inputs:
  function: {type: string, required: true}
steps:
  - {id: first, run: collect, with: {function: '${inputs.function}', scope: containment}}
`

// texts are playbooks that a file may name.
var texts = map[string]string{
	"quick.yaml":     quick,
	"blind.yaml":     "playbook: blind\ntitle: t\ninputs:\n  function: {type: string, required: true}\nsteps:\n  - {id: look, run: timeline, with: {function: '${inputs.function}'}}\n",
	"asks.yaml":      quick + "  - {id: ask, run: manual, with: {do: please}}\n",
	"later.yaml":     quick + "  - {id: ask, run: manual, with: {do: please, later: true}}\n",
	"wants.yaml":     strings.Replace(quick, "steps:", "  ticket: {type: string, required: true}\nsteps:", 1),
	"since.yaml":     strings.Replace(quick, "steps:", "  since: {type: string, default: x}\nsteps:", 1),
	"none.yaml":      "playbook: none\ntitle: t\nsteps:\n  - {id: first, run: collect, with: {function: payments}}\n",
	"pretender.yaml": strings.Replace(quick, "playbook: quick", "playbook: respond", 1),
	"nested.yaml":    "playbook: nested\ntitle: t\ninputs:\n  function: {type: string, required: true}\nsteps:\n  - {id: all, playbook: lambda-compromise, with: {function: '${inputs.function}'}}\n",
	"broken.yaml":    "playbook: [",
}

func load(name string) (*playbooks.Playbook, error) {
	if text, ok := texts[name]; ok {
		return playbooks.Parse(name, []byte(text))
	}
	return playbooks.Find(name)
}

func rule(name, alerts, playbook string) string {
	return "  - {name: " + name + ", alerts: " + alerts + ", playbook: " + playbook + "}\n"
}

const head = "playbooks: freezeframe.playbooks/1\nrules:\n"

func sample(t *testing.T, name string) *alert.Alert {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "internal", "alert", "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := alert.Read(strings.NewReader(string(data)))
	if err != nil || len(all) == 0 || all[0].Err() != nil {
		t.Fatal(all, err)
	}
	return &all[0]
}

// TestChoose: the first rule that fits decides, and each of its parts has to.
func TestChoose(t *testing.T) {
	finding, key := sample(t, "guardduty-lambda"), sample(t, "guardduty-accesskey")
	t.Logf("%s %s %+v; %s %s %+v", finding.Kind, finding.Type, finding.Severity, key.Kind, key.Type, key.Severity)
	low, bare := *finding, *finding
	low.Severity = alert.Severity{Label: "low", Number: 2}
	bare.Type, bare.Types, bare.Severity = "", nil, alert.Severity{}
	for _, c := range []struct {
		name, rules string
		a           *alert.Alert
		rule, runs  string
	}{
		{"no rule fits", rule("a", "{kinds: [alarm]}", "quick.yaml"), finding, "", "respond"},
		{"by kind", rule("a", "{kinds: [alarm, guardduty]}", "quick.yaml"), finding, "a", "quick"},
		{"by type", rule("a", `{types: ["Backdoor:Lambda/*"]}`, "quick.yaml"), finding, "a", "quick"},
		{"by another type", rule("a", `{types: ["Trojan:*"]}`, "quick.yaml"), finding, "", "respond"},
		{"by severity", rule("a", "{severity: high}", "quick.yaml"), finding, "a", "quick"},
		{"less severe", rule("a", "{severity: medium}", "quick.yaml"), &low, "", "respond"},
		{"all parts", rule("a", `{kinds: [guardduty], types: ["Backdoor:*"], severity: critical}`, "quick.yaml"), finding, "", "respond"},
		{"the first", rule("a", "{kinds: [guardduty]}", "respond") + rule("b", "{}", "quick.yaml"), finding, "a", "respond"},
		{"the second", rule("a", "{kinds: [alarm]}", "respond") + rule("b", "{}", "quick.yaml"), finding, "b", "quick"},
		{"without type and severity", rule("a", `{types: ["*"]}`, "quick.yaml"), &bare, "", "respond"},
		{"with something left to people", rule("a", "{}", "later.yaml"), finding, "a", "quick"},
		{"another finding", rule("a", `{types: ["*:IAMUser/*"]}`, "quick.yaml"), key, "a", "quick"},
	} {
		m, err := mapping.Read("m.yaml", []byte(head+c.rules), load)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		pb, by, err := m.Choose(c.a)
		if err != nil || by != c.rule || pb.Name != c.runs {
			t.Errorf("%s: %s by %q, %v", c.name, pb.Name, by, err)
		}
	}
}

// TestMistakes: each is told with its place, and no playbook that would do more than read is taken.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"another form", "playbooks: freezeframe.playbooks/2\nrules:\n" + rule("a", "{}", "respond"), "m.yaml:1:12: playbooks is"},
		{"no rules", "playbooks: freezeframe.playbooks/1\nrules: []\n", "m.yaml:1:12: 0 rules"},
		{"unknown key", head + rule("a", "{kindz: [alarm]}", "respond"), `m.yaml:3:24: rules alerts: unknown key "kindz" (did you mean "kinds"?)`},
		{"unknown kind", head + rule("a", "{kinds: [alarms]}", "respond"), `m.yaml:3:32: kind "alarms" is not known (did you mean "alarm"?)`},
		{"what cannot be read", head + rule("a", "{kinds: [unknown]}", "respond"), `m.yaml:3:32: kind "unknown" is not known`},
		{"unknown severity", head + rule("a", "{severity: bad}", "respond"), `m.yaml:3:34: severity "bad" is not known`},
		{"an empty pattern", head + rule("a", `{types: [""]}`, "respond"), "m.yaml:3:32: types"},
		{"a name", head + rule("A", "{}", "respond"), "m.yaml:3:12: name"},
		{"a name twice", head + rule("a", "{kinds: [alarm]}", "respond") + rule("a", "{}", "respond"), "m.yaml:4:12: name"},
		{"never", head + rule("a", "{}", "respond") + rule("b", "{}", "respond"), "m.yaml:4:5: rule b never decides"},
		{"no such playbook", head + rule("a", "{}", "lambda-compromize"), `m.yaml:3:37: playbook "lambda-compromize": no built-in playbook "lambda-compromize"`},
		{"broken", head + rule("a", "{}", "broken.yaml"), `m.yaml:3:37: playbook "broken.yaml": broken.yaml:1:1: not YAML`},
		{"changes", head + rule("a", "{}", "lambda-compromise"), "changes the account, which only a mandate allows"},
		{"changes within", head + rule("a", "{}", "nested.yaml"), "step all/"},
		{"asks", head + rule("a", "{}", "asks.yaml"), "step ask (manual) asks a person"},
		{"seals nothing", head + rule("a", "{}", "blind.yaml"), "no step of it seals evidence"},
		{"wants more", head + rule("a", "{}", "wants.yaml"), "nobody gives it its input ticket"},
		{"wants since otherwise", head + rule("a", "{}", "since.yaml"), "its input since is a string"},
		{"of no function", head + rule("a", "{}", "none.yaml"), "it has no input function"},
		{"the built-in one's name", head + rule("a", "{}", "pretender.yaml"), "calls itself respond"},
		{"an alias", head + "  - &x {name: a, alerts: {}, playbook: respond}\n", "m.yaml:3:"},
		{"twice", head + "  - {name: a, name: b, alerts: {}, playbook: respond}\n", `m.yaml:3:15: rules: key "name" stands twice`},
	} {
		_, err := mapping.Read("m.yaml", []byte(c.text), load)
		if bad, ok := errors.AsType[*mapping.InvalidError](err); !ok || len(bad.Problems) == 0 || bad.Problems[0].Line < 1 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestExample reads the file that docs/respond.md shows.
func TestExample(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "respond.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(doc), "```\nplaybooks: ")
	text, _, closed := strings.Cut(rest, "```\n")
	m, err := mapping.Read("respond.md", []byte("playbooks: "+text), func(name string) (*playbooks.Playbook, error) {
		if name == "first-hour.yaml" {
			name = "quick.yaml"
		}
		return load(name)
	})
	if err != nil || !ok || !closed || len(m.Rules) != 2 {
		t.Fatal(m, err)
	}
	if pb, rule, err := m.Choose(sample(t, "guardduty-lambda")); err != nil || pb.Name != "quick" || rule != "calls-out" {
		t.Error(pb, rule, err)
	}
}

// TestLibrary: none of the built-in playbooks is run without people: each of them changes something
// or asks somebody, and says so.
func TestLibrary(t *testing.T) {
	names, err := playbooks.Names()
	if err != nil || len(names) < 10 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		_, err := mapping.Read("m.yaml", []byte(head+rule("a", "{}", name)), load)
		if err == nil || !strings.Contains(err.Error(), "is not run without people") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzMapping(f *testing.F) {
	f.Add(head + rule("a", `{kinds: [guardduty], types: ["*"], severity: high}`, "quick.yaml"))
	f.Add(head + rule("a", "{}", "respond"))
	f.Fuzz(func(t *testing.T, text string) {
		m, err := mapping.Read("m.yaml", []byte(text), load)
		if (m == nil) == (err == nil) {
			t.Fatal(m, err)
		}
		if err == nil {
			if pb, _, err := m.Choose(&alert.Alert{Kind: alert.GuardDuty}); err != nil || pb == nil {
				t.Fatal(pb, err)
			}
		}
	})
}
