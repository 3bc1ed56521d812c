package iampolicy

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The judge is npm's @cloud-copilot/iam-simulate (AGPL: run beside us, never linked):
// 400 seeded pairs of policies and request must get the same decision, but for what
// sessionGrant tells. TestWhereTheJudgeDiffers lists every difference that was found,
// with AWS's own words.

const pairs = 400

type oracleCase struct {
	sim  map[string]any
	req  Request
	pols Policies
}

func TestSameDecisionsAsAnotherEvaluator(t *testing.T) {
	modules := judge(t)
	g := &generator{rand.New(rand.NewPCG(20261123, 7))}
	var cases []oracleCase
	var sims []map[string]any
	for range pairs {
		c := g.oracleCase(t)
		cases, sims = append(cases, c), append(sims, c.sim)
	}
	theirs := ask(t, modules, sims)
	counts, bad, listed := map[Decision]int{}, 0, 0
	for i, c := range cases {
		ours := Evaluate(c.req, c.pols)
		want := decisions()[theirs[i]]
		counts[ours.Decision]++
		if ours.Decision != want && sessionGrant(c, ours.Decision, want) {
			listed++
			continue
		}
		if ours.Decision != want {
			bad++
			if bad <= 5 {
				text, _ := json.MarshalIndent(c.sim, "", " ")
				t.Errorf("case %d: ours %s (%s), theirs %s\n%s", i, ours.Decision, ours.By, theirs[i], text)
			}
		}
	}
	t.Logf("%d pairs: %d allowed, %d implicitly denied, %d explicitly denied, %d different, and %d as listed", len(cases), counts[Allow], counts[ImplicitDeny], counts[ExplicitDeny], bad, listed)
	for _, d := range []Decision{Allow, ImplicitDeny, ExplicitDeny} {
		if counts[d] < pairs/20 {
			t.Errorf("only %d of %d are %s: the generator is lopsided", counts[d], pairs, d)
		}
	}
	if bad > 0 {
		t.Errorf("%d of %d decisions differ", bad, len(cases))
	}
}

// sessionGrant: a session policy is silent on what a resource policy grants to the session
// itself or to everybody; see the first line of differences.
func sessionGrant(c oracleCase, ours, theirs Decision) bool {
	without := c.pols
	without.Session = nil
	return c.pols.Session != nil && c.pols.Resource != nil && ours == Allow && theirs == ImplicitDeny && Evaluate(c.req, without).Kind == KindResource
}

// difference is a question that the judge answers otherwise, and why we keep our answer.
type difference struct {
	name, why         string
	identity, session string // statements
	resource          string
	context           map[string][]string
	ours, theirs      Decision
}

func differences() []difference {
	const all = `{"Effect":"Allow","Action":"*","Resource":"*"`
	return []difference{
		{name: "a session policy and a grant to the session itself",
			why:      "IAM User Guide, Policy evaluation logic: permissions that a resource policy grants to the session's ARN are not limited by the session policy's implicit deny",
			identity: all + "}", session: `{"Effect":"Allow","Action":"sqs:*","Resource":"*"}`, resource: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:sts::111111111111:assumed-role/app/s1"},"Action":"s3:GetObject","Resource":"*"}`,
			ours: Allow, theirs: ImplicitDeny},
		{name: "one value of a key that may have many, without a set operator",
			why:      "IAM User Guide asks for ForAnyValue or ForAllValues and does not say what happens without; one value is compared as it is here, never there",
			identity: all + `,"Condition":{"StringEquals":{"aws:TagKeys":"team"}}}`, context: map[string][]string{"aws:TagKeys": {"team"}}, ours: Allow, theirs: ImplicitDeny},
		{name: "a date in epoch seconds",
			why:      "IAM User Guide, Date condition operators: ISO 8601 or epoch (UNIX) time",
			identity: all + `,"Condition":{"DateLessThan":{"aws:CurrentTime":"1800000000"}}}`, context: map[string][]string{"aws:CurrentTime": {"2026-11-23T10:00:00Z"}}, ours: Allow, theirs: ImplicitDeny},
		{name: "ForAnyValue with IfExists and no key",
			why:      "IAM User Guide, ...IfExists: if the key is not present, the element is true",
			identity: all + `,"Condition":{"ForAnyValue:StringEqualsIfExists":{"aws:TagKeys":"team"}}}`, ours: Allow, theirs: ImplicitDeny},
		{name: "a key that the action does not have",
			why:      "the judge leaves out keys that the service's list does not give the action; we compare what the caller of Evaluate puts in (BinaryEquals has no global key)",
			identity: all + `,"Condition":{"BinaryEquals":{"lambda:Blob":"QmluYXJ5"}}}`, context: map[string][]string{"lambda:Blob": {"QmluYXJ5"}}, ours: Allow, theirs: ImplicitDeny},
		{name: "ArnNotLike with a value that is no ARN",
			why:      "not documented: here nothing is like it, so that the negation holds; there the condition never does",
			identity: all + `,"Condition":{"ArnNotLike":{"aws:PrincipalArn":"x"}}}`, context: map[string][]string{"aws:PrincipalArn": {"arn:aws:iam::111111111111:role/app"}}, ours: Allow, theirs: ImplicitDeny},
	}
}

// TestWhereTheJudgeDiffers asks what the generator does not: each difference must still be one.
func TestWhereTheJudgeDiffers(t *testing.T) {
	var sims []map[string]any
	var ours []Decision
	for _, d := range differences() {
		req := Request{PrincipalARN: "arn:aws:sts::" + home + ":assumed-role/app/s1", RoleARN: "arn:aws:iam::" + home + ":role/app", PrincipalAccount: home,
			Action: "s3:GetObject", Resource: "arn:aws:s3:::alpha/a.txt", Context: d.context}
		sim := map[string]any{"request": map[string]any{"principal": req.PrincipalARN, "action": req.Action, "resource": map[string]any{"resource": req.Resource, "accountId": home}, "contextVariables": flat(d.context)}}
		doc := func(statement string) (Document, json.RawMessage) {
			text := `{"Version":"2012-10-17","Statement":[` + statement + `]}`
			parsed, err := Parse(text)
			if err != nil {
				t.Fatalf("%s: %v", d.name, err)
			}
			return parsed, json.RawMessage(text)
		}
		parsed, raw := doc(d.identity)
		pols := Policies{Identity: []Document{parsed}}
		sim["identityPolicies"] = []map[string]any{{"name": "p", "policy": raw}}
		if d.session != "" {
			parsed, raw := doc(d.session)
			pols.Session, sim["sessionPolicy"] = []Document{parsed}, raw
		}
		if d.resource != "" {
			parsed, raw := doc(d.resource)
			pols.Resource, sim["resourcePolicy"] = &parsed, raw
		}
		sims, ours = append(sims, sim), append(ours, Evaluate(req, pols).Decision)
	}
	for i, d := range differences() {
		if ours[i] != d.ours {
			t.Errorf("%s: we say %s, listed is %s", d.name, ours[i], d.ours)
		}
	}
	for i, theirs := range ask(t, judge(t), sims) {
		if d := differences()[i]; decisions()[theirs] != d.theirs {
			t.Errorf("%s: the judge says %s, listed is %s: take it from the list", d.name, theirs, d.theirs)
		}
	}
}

func decisions() map[string]Decision {
	return map[string]Decision{"Allowed": Allow, "ExplicitlyDenied": ExplicitDeny, "ImplicitlyDenied": ImplicitDeny}
}

// judge is where iam-simulate is installed.
func judge(t *testing.T) string {
	t.Helper()
	modules := os.Getenv("FREEZEFRAME_IAM_SIMULATE")
	if modules == "" {
		if os.Getenv("FREEZEFRAME_CI") != "" {
			t.Fatal("FREEZEFRAME_IAM_SIMULATE is not set")
		}
		t.Skip("SKIPPED LOUDLY: no iam-simulate (set FREEZEFRAME_IAM_SIMULATE to a node_modules folder, see .ci/tools)")
	}
	return modules
}

func ask(t *testing.T, modules string, sims []map[string]any) []string {
	t.Helper()
	in, err := json.Marshal(sims)
	if err != nil {
		t.Fatal(err)
	}
	driver, err := filepath.Abs("../../test/conformance/iamsim/driver.mjs")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", driver, modules)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("asking iam-simulate: %v", err)
	}
	var theirs []string
	if err := json.Unmarshal(out, &theirs); err != nil || len(theirs) != len(sims) {
		t.Fatalf("iam-simulate answered %d of %d: %v", len(theirs), len(sims), err)
	}
	return theirs
}
