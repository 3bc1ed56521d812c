package tabletop

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"html"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPapers: what responders read gives nothing away, the guide does, in every form.
func TestPapers(t *testing.T) {
	for _, s := range everyScenario(t) {
		manual, guide := rendered(t, s.SituationManual()), rendered(t, s.EvaluatorGuide())
		for _, in := range s.Injects {
			said := func(form, text string) bool {
				want := map[string]string{"md": plainText(in.Content), "html": html.EscapeString(in.Content), "json": jsonText(in.Content)}[form]
				return strings.Contains(strings.ReplaceAll(text, "&#43;", "+"), want)
			}
			for form, text := range guide {
				if !said(form, text) {
					t.Errorf("%s: the guide as %s has no inject %s", s.Name, form, in.ID)
				}
				if said(form, manual[form]) {
					t.Errorf("%s: the manual as %s gives inject %s away", s.Name, form, in.ID)
				}
			}
			if in.Decide != nil && !strings.Contains(guide["md"], plainText(in.Decide.Options[0].Text)) {
				t.Errorf("%s: the guide has no options of %s", s.Name, in.ID)
			}
		}
		for _, text := range append(slices.Collect(mapValues(manual)), slices.Collect(mapValues(guide))...) {
			if !strings.Contains(text[:min(len(text), 1500)], "EXERCISE") {
				t.Errorf("%s: %.40q does not say that it is an exercise", s.Name, text)
			}
		}
	}
}

func mapValues(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, form := range PaperForms() {
			if !yield(m[form]) {
				return
			}
		}
	}
}

func jsonText(s string) string {
	b, _ := json.Marshal(s)
	return string(b[1 : len(b)-1])
}

// rendered is the paper in every form; its HTML is what it should be.
func rendered(t *testing.T, p *Paper) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, form := range PaperForms() {
		text, err := p.Render(form)
		if err != nil {
			t.Fatal(err)
		}
		out[form] = string(text)
	}
	selfContained(t, out["html"])
	return out
}

var style = regexp.MustCompile(`(?s)<style>(.*)</style>`)

// selfContained: the page allows its own style sheet by its digest and nothing else, has nothing
// that could fetch or run, and says on what is printed on every page that it is an exercise.
func selfContained(t *testing.T, page string) {
	t.Helper()
	m := style.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no style sheet in %.300s", page)
	}
	sum := sha256.Sum256([]byte(m[1]))
	policy := html.UnescapeString(page)
	if !strings.Contains(policy, `content="default-src 'none'; style-src 'sha256-`+base64.StdEncoding.EncodeToString(sum[:])+`'; base-uri 'none'; form-action 'none'"`) {
		t.Errorf("the policy does not fit the style sheet: %.500s", policy)
	}
	if strings.Count(page, `class="mark`) != 2 || !strings.Contains(m[1], "position: fixed") {
		t.Error("pages are not marked")
	}
	allowed := strings.Fields("html head meta title style body div main h1 h2 p section ul ol li table thead tbody tr th td")
	d := xml.NewDecoder(strings.NewReader(strings.Replace(page, m[0], "", 1)))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in %.500s", err, page)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if !slices.Contains(allowed, e.Name.Local) {
			t.Errorf("the page has <%s>", e.Name.Local)
		}
		for _, a := range e.Attr {
			if !slices.Contains([]string{"lang", "charset", "http-equiv", "content", "name", "class"}, a.Name.Local) {
				t.Errorf("the page has <%s %s>", e.Name.Local, a.Name.Local)
			}
		}
	}
}

// TestHostilePapers: names and texts that would be markup, links, formulae of a terminal or a turn of
// direction are text in every form of every paper.
func TestHostilePapers(t *testing.T) {
	bad := "x\n# | <script>alert(1)</script> \x1b[31m\u202e![i](https://evil.example) **b** www.evil.example </style> \"' onload=1 `c`"
	s := &Scenario{Title: bad, About: bad, Lesson: bad, Account: bad, Region: bad, Function: bad,
		Roles: []Role{{ID: bad, Text: bad, About: bad}}, Objectives: []Objective{{Text: bad}}, Expected: []Expected{{ID: bad, Text: bad}},
		Costs: []Cost{{Text: bad}}, Hints: []Hint{{ID: bad, Text: bad}}, Live: []Rule{{ID: bad, Steps: []Step{{Call: bad}}}},
		Solution: []Move{{Note: &NoteMove{Kind: bad, Text: bad}}},
		Injects:  []Inject{{ID: bad, Content: bad, Decide: &Decision{By: []string{bad}, Expected: bad, Options: []Option{{ID: bad, Text: bad}}}}}}
	score := &Score{Exercise: bad, Title: bad, Earned: []Earned{{ID: "e", Text: bad, Points: 1}, {Text: bad}}, Costs: []Charged{{ID: "c", Text: bad}}, Open: []string{bad},
		Goals: []Rated{{Objective: Objective{Text: bad}}}, After: []Try{{Name: bad, Answer: bad}}, Before: []Try{{Answer: bad}},
		Decided:  []DecidedLine{{Choice: Choice{By: bad, Reason: bad, Role: bad}, Text: bad, Refused: bad}},
		Observed: []Observation{{Kind: Gap, By: bad, Text: bad, Owner: bad}, {Kind: Strength, Text: bad}, {Kind: Private, By: bad, Text: bad}}}
	after, err := score.AfterAction(map[string]Assigned{"e": {Owner: bad, Due: "2026-12-31"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*Paper{s.SituationManual(), s.EvaluatorGuide(), after, score.Notes()} {
		for form, text := range rendered(t, p) {
			if strings.ContainsAny(text, "\x1b\u202e") {
				t.Errorf("%s as %s moves what is read", p.Kind, form)
			}
			if !strings.Contains(text, "evil") {
				t.Errorf("%s as %s has lost the text", p.Kind, form)
			}
			if form != "md" {
				continue
			}
			for _, live := range []string{"<script", "![i](", " https://", "\n# |", " www.", "**b**", "`c`"} {
				if strings.Contains(text, live) {
					t.Errorf("%s: %q is alive in Markdown", p.Kind, live)
				}
			}
		}
		var back Paper
		data, err := p.Render("json")
		if err == nil {
			err = json.Unmarshal(data, &back)
		}
		if again, _ := back.Render("json"); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s as JSON is not what it was: %v", p.Kind, err)
		}
	}
}

// TestImprovementPlan: what was missed, is open or was said becomes an item, with its owner and day;
// what cannot be assigned is refused, and the facilitator's notes stay out of the report.
func TestImprovementPlan(t *testing.T) {
	score := &Score{Earned: []Earned{{ID: "code", Text: "sealed", Points: 5, Advice: "collect first"}, {ID: "door", Text: "shut", Points: 5, Got: 5}},
		Costs: []Charged{{ID: "hasty", Text: "too early", Points: 5}}, Open: []string{"the vendor's key"},
		Observed: []Observation{{Kind: Private, By: "f", Text: "a secret"}, {Kind: Strength, By: "a", Text: "calm"}, {Kind: Gap, By: "b", Text: "no list", Owner: "Dave", Due: "2026-12-31"}}}
	p, err := score.AfterAction(map[string]Assigned{"code": {Owner: "Carol", Due: "2027-01-31"}, "open-1": {Owner: "Erin"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Improvement{{"code", "collect first", "Carol", "2027-01-31"}, {"cost-hasty", "avoid: too early", "", ""}, {"open-1", "the vendor's key", "Erin", ""}, {"hotwash-1", "no list", "Dave", "2026-12-31"}}
	if !slices.Equal(p.Plan, want) {
		t.Errorf("%+v, wanted %+v", p.Plan, want)
	}
	for form, text := range rendered(t, p) {
		if strings.Contains(text, "a secret") || !strings.Contains(text, "2027-01-31") || !strings.Contains(text, "calm") {
			t.Errorf("%s: %s", form, text)
		}
	}
	if notes := score.Notes(); notes == nil || !strings.Contains(notes.Markdown(), "a secret") {
		t.Error("the facilitator's notes are lost")
	}
	for id, a := range map[string]Assigned{"cod": {Owner: "x"}, "code": {Due: "soon"}} {
		if _, err := score.AfterAction(map[string]Assigned{id: a}); !errors.Is(err, ErrImprovement) {
			t.Errorf("%s: %v", id, err)
		}
	}
}
