package builtin

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/sigma"
)

// threats are the rows of the project's table with their ATT&CK techniques. Two of them
// leave no call behind, and have no rule.
var threats = map[string]string{
	"01": "T1648 T1546", "02": "T1578.005", "03": "T1525 T1574", "04": "T1574.006 T1574.007", "05": "T1546", "07": "T1098", "08": "T1133", "09": "T1546",
	"10": "T1546 T1053", "11": "T1537", "12": "T1552 T1078.004", "13": "T1648 T1548.005", "14": "T1098.003", "15": "T1553.006", "16": "T1562.007", "17": "T1562.008",
	"18": "T1080", "19": "T1525", "20": "T1648", "21": "T1525", "22": "T1648", "23": "T1496", "24": "T1578", "25": "T1098", "26": "T1485", "27": "T1526 T1552.001",
}

func engine(t testing.TB) *sigma.Engine {
	t.Helper()
	set, err := Rules()
	if err != nil || len(set.Problems) > 0 {
		t.Fatal(err, set.Problems)
	}
	return sigma.NewEngine(set)
}

func metas(e *sigma.Engine) []*sigma.Meta {
	var all []*sigma.Meta
	for _, r := range e.Rules() {
		all = append(all, &r.Meta)
	}
	for _, c := range e.Correlations() {
		all = append(all, &c.Meta)
	}
	return all
}

// TestEveryThreat: each row of the table has rules, and they carry its techniques.
func TestEveryThreat(t *testing.T) {
	found := map[string]map[string]bool{}
	for _, m := range metas(engine(t)) {
		row, _, _ := strings.Cut(m.File, "_")
		if threats[row] == "" {
			t.Errorf("%s is of no threat", m.File)
		}
		if found[row] == nil {
			found[row] = map[string]bool{}
		}
		for _, x := range m.Techniques() {
			found[row][x] = true
		}
		if m.ID == "" || m.Description == "" || m.Weight() == 0 || len(m.Techniques()) == 0 || len(m.FalsePositives) == 0 || m.Status == "" {
			t.Errorf("%s: %q says too little of itself", m.File, m.Title)
		}
	}
	for row, techniques := range threats {
		for _, x := range strings.Fields(techniques) {
			if !found[row][x] {
				t.Errorf("threat %s: no rule with %s", row, x)
			}
		}
	}
	t.Logf("%d rows, 2 of the table left out: they leave no call", len(threats))
}

// player runs sequences of events and books the titles of what they hit.
type player struct {
	t testing.TB
	e *sigma.Engine
	m *sigma.Matcher
}

func (p *player) play(events [][]byte) map[string]int {
	p.t.Helper()
	hit := map[string]int{}
	c := p.e.NewCorrelator(0)
	alert := func(a sigma.Alert) error {
		hit[p.e.Correlations()[a.Correlation].Title]++
		return nil
	}
	for i, ev := range events {
		hits, err := p.m.Match(ev)
		if err != nil {
			p.t.Fatalf("%s: %v", ev, err)
		}
		for _, h := range hits {
			hit[p.e.Rules()[h.Rule].Title]++
		}
		var at struct{ EventTime time.Time }
		if err := json.Unmarshal(ev, &at); err != nil {
			p.t.Fatal(err)
		}
		if err := c.Add(at.EventTime, fmt.Sprint(i), hits, alert); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := c.Flush(alert); err != nil {
		p.t.Fatal(err)
	}
	return hit
}

// sequence fills the events of a sample up with what an ordinary call has.
func sequence(t testing.TB, text string) (all [][]byte) {
	t.Helper()
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		ev := map[string]any{"eventVersion": "1.11", "eventTime": time.Date(2026, 11, 27, 3, 0, 10*i, 0, time.UTC).Format(time.RFC3339), "eventSource": "lambda.amazonaws.com",
			"awsRegion": "eu-west-1", "recipientAccountId": "111122223333", "sourceIPAddress": "203.0.113.7", "userAgent": "aws-cli/2.15",
			"userIdentity": map[string]any{"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/deploy/ci", "accessKeyId": "ASIADEPLOY"}}
		var own map[string]any
		if err := json.Unmarshal([]byte(line), &own); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		maps.Copy(ev, own)
		b, err := json.Marshal(ev)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// TestSamples: each rule hits its positive samples, and not its negative ones.
func TestSamples(t *testing.T) {
	e := engine(t)
	p := player{t, e, e.NewMatcher()}
	sampled, cells := map[string]bool{}, 0
	for _, s := range samples() {
		sampled[s.rule] = len(s.yes) > 0 && len(s.no) > 0
		for want, sequences := range map[bool][]string{true: s.yes, false: s.no} {
			for _, text := range sequences {
				cells++
				if hit := p.play(sequence(t, text)); (hit[s.rule] > 0) != want {
					t.Errorf("%s: hits %v, on %s", s.rule, slices.Sorted(maps.Keys(hit)), text)
				}
			}
		}
	}
	for _, m := range metas(e) {
		if !sampled[m.Title] {
			t.Errorf("%s: %q has no positive or no negative sample", m.File, m.Title)
		}
		delete(sampled, m.Title)
	}
	for title := range sampled {
		t.Errorf("samples of %q, which is no rule", title)
	}
	t.Logf("%d cells, 0 skipped", cells)
}

// TestQuietOnDeployments: ten thousand events as deployments make them hit nothing of
// level medium or above.
func TestQuietOnDeployments(t *testing.T) {
	e := engine(t)
	p := player{t, e, e.NewMatcher()}
	events := deployments(rand.New(rand.NewPCG(3, 4)), 10000)
	kinds := map[string]int{}
	for _, ev := range events {
		var x struct{ EventName string }
		if err := json.Unmarshal(ev, &x); err != nil {
			t.Fatal(err)
		}
		kinds[x.EventName]++
	}
	weight := map[string]int{}
	for _, m := range metas(e) {
		weight[m.Title] = m.Weight()
	}
	loud := (&sigma.Meta{Level: "medium"}).Weight()
	quiet := 0
	for title, n := range p.play(events) {
		if weight[title] >= loud {
			t.Errorf("%q hits %d times", title, n)
		} else {
			quiet += n
		}
	}
	if len(events) != 10000 || len(kinds) < 30 || quiet < 1000 {
		t.Errorf("%d events of %d kinds, %d hits of low levels: the deployments try nothing", len(events), len(kinds), quiet)
	}
	t.Logf("%d events of %d kinds, %d hits below medium, none above, 0 skipped", len(events), len(kinds), quiet)
}
