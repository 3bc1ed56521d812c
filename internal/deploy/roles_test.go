package deploy

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/test/stack"
)

// taken is one action of the printed templates, taken away.
type taken struct {
	where     string // WorkerPolicy, CollectionRole, SigningKey
	statement int
	action    string
	function  string // whose alert needs it
}

func (c taken) String() string { return c.where + " without " + c.action }

// idle are the actions that no answer to an alert asks for here, each with what does: it stands as
// When in the Needs, and a test of its own shows it.
func idle() map[string]string {
	return map[string]string{
		"s3:AbortMultipartUpload":     "objects larger than 5 GiB (s3vault TestMultipartNeeds)",
		"s3:ListMultipartUploadParts": "objects larger than 5 GiB (s3vault TestMultipartNeeds)",
		"cloudtrail:ListPublicKeys":   "collections that read a trail's own bucket (collect TestPolicyIsSufficientAndMinimal)",
		"s3:ListBucket":               "collections that read a trail's own bucket (collect TestPolicyIsSufficientAndMinimal)",
		"lambda:ListFunctions":        "alerts that name a role and no function (respond TestAlerts)",
	}
}

// document is the policy of which a cell takes something away.
func (w *world) document(where string) map[string]any {
	switch where {
	case "WorkerPolicy":
		return w.sec.Properties(where)["PolicyDocument"].(map[string]any)
	case "SigningKey":
		return w.sec.Properties(where)["KeyPolicy"].(map[string]any)
	}
	return stack.At(w.t, w.mem.Properties(where), "Policies", 0, "PolicyDocument").(map[string]any)
}

// cells are all of them.
func (w *world) cells() (all []taken) {
	for _, where := range []string{"WorkerPolicy", "SigningKey", "CollectionRole"} {
		for i, s := range w.document(where)["Statement"].([]any) {
			m := s.(map[string]any)
			if m["Effect"] != "Allow" || where == "SigningKey" && m["Sid"] != "WorkersSign" {
				continue
			}
			for _, action := range stack.Strings(m["Action"]) {
				all = append(all, taken{where, i, action, bench.Occasion(action)})
			}
		}
	}
	return all
}

// load puts a policy, less what a cell takes away, where it belongs.
func (w *world) load(where string, without *taken) {
	doc := w.document(where)
	if without != nil {
		all := doc["Statement"].([]any)
		m := all[without.statement].(map[string]any)
		left := slices.DeleteFunc(stack.Strings(m["Action"]), func(a string) bool { return a == without.action })
		if m["Action"] = left; len(left) == 0 {
			doc["Statement"] = slices.Delete(all, without.statement, without.statement+1)
		}
	}
	switch where {
	case "WorkerPolicy":
		w.put(w.admin, "freezeframe-worker", map[string]any{"PolicyName": "worker", "PolicyDocument": doc})
	case "CollectionRole":
		w.put(w.owner, "freezeframe-collect", map[string]any{"PolicyName": "collect", "PolicyDocument": doc})
	case "SigningKey":
		_, err := kms.NewFromConfig(w.admin).PutKeyPolicy(w.t.Context(), &kms.PutKeyPolicyInput{KeyId: aws.String(w.sec.Attributes["SigningKey.Arn"]), Policy: aws.String(text(w.t, doc))})
		must(w.t, err)
	}
	time.Sleep(time.Minute)
}

// TestRoles: from the queue to sealed evidence under exactly the roles of the printed templates. With
// any one action taken away it does not end so: something is refused, and there is a gap or a failure.
func TestRoles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		all := w.cells()
		run := all
		switch wanted := os.Getenv("FREEZEFRAME_DEPLOY_CELLS"); wanted {
		case "all":
		case "":
			share := 48
			if testing.Short() {
				share = len(all)
			}
			run = nil
			for i, c := range all {
				if i%share == 0 {
					run = append(run, c)
				}
			}
		default: // those with that in their name
			run = slices.DeleteFunc(slices.Clone(all), func(c taken) bool { return !strings.Contains(c.String(), wanted) })
		}
		before := map[string]ended{}
		for _, f := range bench.Functions() {
			if slices.ContainsFunc(run, func(c taken) bool { return c.function == f }) {
				before[f] = w.answer(f)
				if b := before[f]; b.state != "collected" || len(b.denied) > 0 {
					t.Errorf("%s, with all actions: %+v", f, b)
				}
			}
		}
		listed := 0
		for _, c := range run {
			w.load(c.where, &c)
			got := w.answer(c.function)
			w.load(c.where, nil)
			why, isIdle := idle()[c.action]
			switch same := got.same(before[c.function]); {
			case same && isIdle:
				listed++
				t.Logf("%s: idle here: %s", c, why)
			case same:
				t.Errorf("%s: it ends as before", c)
			case isIdle:
				t.Errorf("%s is listed as idle, and it is not: %+v", c, got)
			case len(got.denied) == 0 && len(got.gaps) == 0: // Lambda itself says in its answer that it could not decrypt
				t.Errorf("%s: nothing was refused: %+v", c, got)
			}
		}
		t.Logf("%d actions taken away of %d, %d of them idle with their reason; 0 skipped", len(run), len(all), listed)
	})
}

// TestPoliciesAreOfNeeds: every Allow of a role is of the declared needs, none has a wildcard for an
// action, and a role's inline policies fit.
func TestPoliciesAreOfNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		collection, err := CollectionNeeds()
		must(t, err)
		containment, err := ContainmentNeeds()
		must(t, err)
		for where, needs := range map[string][]awsapi.Need{"WorkerPolicy": WorkerNeeds(), "CollectionRole": collection, "ContainmentRole": containment} {
			want := map[string]bool{}
			for _, n := range needs {
				for _, g := range n.IAM {
					want[g.Action] = true
				}
			}
			doc, n, seen := w.document(where), 0, map[string]bool{}
			for _, s := range doc["Statement"].([]any) {
				m := s.(map[string]any)
				if m["Effect"] != "Allow" {
					continue
				}
				for _, a := range stack.Strings(m["Action"]) {
					n++
					if !want[a] || strings.Contains(a, "*") {
						t.Errorf("%s allows %s, which nothing needs", where, a)
					}
					seen[a] = true
				}
			}
			for a := range want {
				if !seen[a] {
					t.Errorf("%s does not allow %s", where, a)
				}
			}
			size := awsapi.PolicySize([]byte(text(t, doc)))
			if size > awsapi.MaxInlinePolicy {
				t.Errorf("%s has %d characters: a role's inline policies take %d", where, size, awsapi.MaxInlinePolicy)
			}
			t.Logf("%s: %d actions, %d characters of %d", where, n, size, awsapi.MaxInlinePolicy)
		}
	})
}

// TestPrint: the same text each time, with people's defaults, and mistakes are told.
func TestPrint(t *testing.T) {
	for _, which := range []string{Security, Member} {
		a, b := printed(t, which), printed(t, which)
		if a != b {
			t.Errorf("%s: two texts", which)
		}
		if strings.Contains(a, "<%") || strings.Contains(a, account+":") || strings.Contains(a, "<no value>") {
			t.Errorf("%s: something is left of the template", which)
		}
		if n := len(a); n > 51_200 { // source: CloudFormation quotas, template body in a request
			t.Errorf("%s: %d bytes, CloudFormation takes 51,200 in a request", which, n)
		}
	}
	got, err := Print(Options{Parameters: map[string]string{"RetentionDays": "730", "Authority": "the board's"}})
	must(t, err)
	s := stack.New(t, got, map[string]any{"Image": "i", "VpcId": "v", "SubnetIds": "s", "ExternalId": external, "Recipient": recipient}, security, bench.Region)
	if fmt.Sprint(s.Parameters["RetentionDays"]) != "730" || s.Parameters["Authority"] != "the board's" {
		t.Errorf("%v", s.Parameters)
	}
	for _, o := range []Options{{For: "nobody"}, {Format: "terraform"}, {Parameters: map[string]string{"Nothing": "1"}}, {Parameters: map[string]string{"Image": "a\nb"}}} {
		if _, err := Print(o); err == nil {
			t.Errorf("%+v is printed", o)
		}
	}
}
