package stories

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
	"github.com/freezeframe-ir/freezeframe/timeline"
	"github.com/freezeframe-ir/freezeframe/timeline/lineage"
)

// TestCollected: with the case beside the trail, each version's code is found in the case or
// said not to be there, the names of variables are told and their values are not; from the
// case alone the actor and the entry are the same.
func TestCollected(t *testing.T) {
	all := plans(variants)
	for _, i := range []int{1, 8, 16} { // the intruder's code overwritten since, and published; still there
		w := begin(t, all[i])
		w.stage()
		w.incident()
		w.wait(20*time.Minute, 30*time.Minute)
		dir := t.TempDir()
		w.deliver(dir)
		w.clock.live = true
		c := w.collected()
		o := timeline.Options{Filter: timeline.Filter{Function: w.arn(w.names.function)}}
		story, err := lineage.Tell(t.Context(), o, timeline.Input{Case: c, Paths: []string{dir}})
		if err != nil {
			t.Fatal(err)
		}
		// What the trail lacks the event history of the account has, in which the roles of those
		// who changed the function are looked up.
		w.truth.Entry, w.truth.Hops = w.unabridged.Entry, w.unabridged.Hops
		if v := w.compare(story); !v.right() {
			t.Errorf("variant %d with its case: %s %v %v", w.plan.seed, v.cells(), v.wrong, v.innocent)
		}
		w.code(story)
		var text bytes.Buffer
		if err := story.Text(&text, 0); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text.String(), "battery") || !strings.Contains(text.String(), "environment variables as collected: DB_PASSWORD, TABLE") {
			t.Errorf("variables in\n%s", text.String())
		}
		alone, err := lineage.Tell(t.Context(), o, timeline.Input{Case: c})
		if err != nil {
			t.Fatal(err)
		}
		if len(alone.Suspects) == 0 || alone.Suspects[0].CodeHash != w.truth.Code.Hash || alone.Suspects[0].Address != w.truth.Actor.Address ||
			alone.Entry == nil || alone.Entry.Kind != w.truth.Entry.Kind || !w.entered(alone.Entry) {
			var b bytes.Buffer
			_ = alone.Text(&b, 0)
			t.Errorf("variant %d from its case alone: %+v\n%s\n%+v", w.plan.seed, alone.Suspects, b.String(), alone.Summary)
		}
		t.Logf("variant %d: told from trail and case, and from the case alone (%d suspects, %d things standing)", w.plan.seed, len(alone.Suspects), len(alone.Standing))
	}
	t.Logf("3 cases, 0 skipped")
}

// code checks each version's code against what was played.
func (w *world) code(s lineage.Story) {
	there, gone := 0, 0
	for _, h := range s.History {
		if h.CodeHash == "" {
			continue
		}
		published := len(h.Versions) > 0
		last := !slices.ContainsFunc(s.History, func(x lineage.Change) bool { return x.CodeHash != "" && x.At.After(h.At) && x.What == "code" })
		if want := published || last; want != (h.Code != nil) || want == (h.CodeNote == "not in the case") {
			w.t.Errorf("variant %d: code %s (versions %v, last %v): %+v %q", w.plan.seed, h.CodeHash, h.Versions, last, h.Code, h.CodeNote)
		}
		if h.Code != nil {
			there++
		} else {
			gone++
		}
	}
	if there == 0 || gone == 0 {
		w.t.Errorf("variant %d: %d packages in the case, %d not: one of both is not tried", w.plan.seed, there, gone)
	}
}

func (w *world) collected() *evidence.Case {
	v, err := vault.NewFolder(w.t.TempDir() + "/case")
	must(w, "a folder", v, err)
	c, err := evidence.CreateCase(w.ctx, v, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "o", Home: w.t.TempDir()})
	must(w, "a case", c, err)
	responder := w.cloud.Bootstrap(home, "responder", allowAll)
	s, err := awsapi.Connect(w.ctx, awsapi.Options{Region: w.names.region, EndpointURL: "http://stories.invalid", ReadOnly: true, HTTPClient: w.cloud.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(responder.AccessKeyID, responder.SecretAccessKey, "")})
	must(w, "a session", s, err)
	target, err := collect.ParseTarget(home, w.names.region, w.names.function)
	must(w, "a target", target, err)
	_, _, err = collect.Into(w.ctx, s, c, evidence.Header{Operator: "o"}, []collect.Target{target}, collect.Options{Unpaced: true, Now: w.clock.Now, Until: w.cloud.Now()})
	must(w, "collecting", 0, err)
	return c
}

// TestTabletop: of the exercise too, whose history is a few hours, the story names the
// session that replaced the code, the vendor's account as entry, and what is left.
func TestTabletop(t *testing.T) {
	s, err := tabletop.Find("code-overwrite")
	if err != nil {
		t.Fatal(err)
	}
	played, err := tabletop.Play(t.Context(), s, tabletop.Options{Seed: 3, Now: time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, ctx: t.Context(), cloud: played.Cloud}
	dir := t.TempDir()
	w.whole(dir, s.Account)
	story, err := lineage.Tell(t.Context(), timeline.Options{Filter: timeline.Filter{Function: s.Function}}, timeline.Input{Paths: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range story.Suspects {
		if p.Address != "203.0.113.66" {
			t.Errorf("blamed is %s from %s: %+v", p.Who, p.Address, p.Reasons)
		}
	}
	if len(story.Suspects) < 2 || story.Suspects[0].Who != "ci-deploy/build-1842" || story.Entry.Kind != lineage.EntryOutside || len(story.Outside) != 1 {
		var text bytes.Buffer
		_ = story.Text(&text, 0)
		t.Errorf("told is\n%s", text.String())
	}
	if got := strings.Join(namesOf(story.Standing), "\n"); !strings.Contains(got, "function-url") || !strings.Contains(got, "function-permission") {
		t.Errorf("standing:\n%s", got)
	}
}
