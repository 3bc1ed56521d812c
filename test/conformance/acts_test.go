package conformance

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// cannot are the acts that an emulator cannot do, each with the reason. One that is not
// listed and is not applied and undone fails; so does one that is listed and is.
type cannot map[string]string

// TestActsOnMoto applies and undoes every act of the catalogue on moto.
func TestActsOnMoto(t *testing.T) {
	acts(t, moto(t), cannot{
		"provisioned-delete": "moto has no ListProvisionedConcurrencyConfigs",
		"grants-remove":      "moto writes a principal as a bare account id, which AWS makes an ARN of: a policy that cannot be read is left alone",
		"url-iam":            "moto has no ListFunctionUrlConfigs",
	}, "rules-off")
}

// TestActsOnMinistack does the same on ministack.
func TestActsOnMinistack(t *testing.T) {
	acts(t, ministack(t), cannot{
		"provisioned-delete": "ministack answers 'not found' where there is none",
	})
}

// first are the acts that compare/seed.py makes something of; TestActorOnMoto seeds those of the
// actor and of evidence. Of the others the emulators' account has nothing yet, which is said, and
// grants-remove is not tried on ministack: that removes a grant, has no PutResourcePolicy to put
// it back, and repeating the call takes undo its two minutes.
func first(emulator string) []string {
	all := []string{"mappings-off", "provisioned-delete", "role-quarantine", "role-quarantine-scoped", "revoke-sessions", "concurrency-zero", "url-iam"}
	if emulator == "moto" {
		all = append(all, "grants-remove")
	}
	return all
}

// catalogued is a row of the table in docs/containment.md, which a test holds to the catalogue.
type catalogued struct{ name, on string }

func catalogue(t *testing.T) []catalogued {
	t.Helper()
	doc, err := os.ReadFile("../../docs/containment.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(doc), "| act | kind |")
	var all []catalogued
	for _, line := range strings.Split(table, "\n")[1:] {
		cells := strings.Split(line, " | ")
		if len(cells) >= 4 && strings.HasPrefix(line, "| ") {
			all = append(all, catalogued{strings.TrimPrefix(cells[0], "| "), cells[3]})
		}
	}
	if len(all) < 8 {
		t.Fatalf("only %d acts in docs/containment.md", len(all))
	}
	return all
}

func acts(t *testing.T, x target, listed cannot, more ...string) {
	must(t, 0, x.env(), tool(t, "FREEZEFRAME_PYTHON"), "compare/seed.py", x.endpoint, account)
	state(t, x, "--seed")
	all, applied := catalogue(t), 0
	seeded := append(first(x.name), more...)
	var untried []string
	for _, a := range all {
		if !slices.Contains(seeded, a.name) {
			untried = append(untried, a.name)
			continue
		}
		why := tryAct(t, x, a)
		reason, known := listed[a.name]
		switch {
		case why == "" && known:
			t.Errorf("%s: %s is listed as what it cannot do (%s), and is applied and undone", x.name, a.name, reason)
		case why != "" && !known:
			t.Errorf("%s: %s is neither applied and undone, nor listed: %s", x.name, a.name, why)
		case why != "":
			t.Logf("%s: %s refused (%s): %.200s", x.name, a.name, reason, why)
		default:
			applied++
		}
	}
	for name := range listed {
		if !slices.ContainsFunc(all, func(a catalogued) bool { return a.name == name }) {
			t.Errorf("%s is listed, and no act", name)
		}
	}
	t.Logf("%s: %d of %d acts tried: %d applied and undone, %d refused with their reason; nothing is seeded there for %s", x.name, len(seeded), len(all), applied, len(seeded)-applied, strings.Join(untried, ", "))
	if len(seeded)+len(untried) != len(all) {
		t.Errorf("%d acts are tried and %d not, of %d: a name in the list is no act", len(seeded), len(untried), len(all))
	}
}

// state is the account as boto3 sees it.
func state(t *testing.T, x target, flags ...string) string {
	t.Helper()
	return must(t, 0, x.env(), tool(t, "FREEZEFRAME_PYTHON"), append([]string{"compare/contained.py", x.endpoint, account}, flags...)...).out
}

type planned struct {
	Moves []struct {
		Calls []json.RawMessage
		Edits []struct{ Act string }
	}
	Unplanned []struct{ Act, What, Error string }
}

// tryAct says why the act cannot be applied and undone there, or "".
func tryAct(t *testing.T, x target, a catalogued) string {
	t.Helper()
	dir := t.TempDir()
	env := append(x.env(), "FREEZEFRAME_HOME="+dir+"/home", "FREEZEFRAME_CASE="+dir+"/case")
	must(t, 0, env, built.freezeframe, "case", "open", dir+"/case", "--title", "t", "--authority", "a", "--operator", "o")
	on := []string{"--resource", "arn:aws:events:us-east-1:" + account + ":rule/nightly"}
	switch {
	case strings.Contains(a.on, "function") || strings.Contains(a.on, "role"):
		on = []string{"--function", "payments", "--accept-shared-role"}
	case strings.Contains(a.on, "user"):
		on = []string{"--actor", "arn:aws:iam::" + account + ":user/mallory"}
	}
	before := state(t, x)
	r := runIn(t, env, built.freezeframe, append([]string{"contain", "plan", "--json", "--act", a.name, "--out", dir + "/plan.json"}, on...)...)
	var p planned
	if err := json.Unmarshal([]byte(r.out), &p); err != nil {
		return "no plan: " + lastLines(r.err, 1)
	}
	for _, u := range p.Unplanned {
		if u.Act == a.name {
			return u.What + ": " + u.Error
		}
	}
	if !slices.ContainsFunc(p.Moves, func(m struct {
		Calls []json.RawMessage
		Edits []struct{ Act string }
	}) bool {
		return len(m.Calls) > 0 && slices.ContainsFunc(m.Edits, func(e struct{ Act string }) bool { return e.Act == a.name })
	}) {
		return "nothing to do is found there"
	}
	r = runIn(t, env, built.freezeframe, "contain", "apply", dir+"/plan.json", "--override", "an emulator")
	done, during := strings.Contains(r.out, "ok "+a.name+": done"), state(t, x)
	undo := runIn(t, env, built.freezeframe, "contain", "undo", "--all", "--accept-risk", "a test", "--reason", "a test")
	after := state(t, x)
	switch {
	case after != before:
		return fmt.Sprintf("not as before when undone: %s\nbefore %s\nafter %s", lastLines(undo.out+undo.err, 9), before, after)
	case !done:
		return "applied: " + lastLines(r.out+r.err, 3)
	case during == before:
		return "applied, and boto3 sees no difference"
	case undo.code != 0:
		return "undone: " + lastLines(undo.out+undo.err, 3)
	}
	return ""
}
