package report

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/inspect/hostile"
	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/test/strictpage"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// filled puts a text into every string of a report, two of everything that is a list.
func filled(text string) *Data {
	d := &Data{}
	fill(reflect.ValueOf(d).Elem(), text, 0)
	d.AsOf = noon
	bins := func(from time.Time, step int64) Bins {
		b := Bins{From: from, Step: step, N: 3, Lanes: lanes()}
		for i := range b.Lanes {
			b.Lanes[i].Counts, b.Lanes[i].Denied, b.Lanes[i].Total = []int{1, 0, 2}, []int{0, 0, 1}, 3
		}
		return b
	}
	focus := bins(noon, 1000)
	d.Picture = Picture{Whole: bins(noon.Add(-time.Hour), 3600_000), Focus: &focus, Earlier: 2}
	for i := range d.Turns {
		d.Turns[i].ID, d.Turns[i].From, d.Turns[i].To, d.Turns[i].Sign = i+1, noon.Add(time.Second), noon.Add(2*time.Second), i == 0
	}
	return d
}

func fill(v reflect.Value, text string, deep int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		v.SetInt(2)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), text, deep+1)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text, deep+1)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), text, deep+1)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(noon))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), text, deep+1)
			}
		}
	}
}

func rendered(t *testing.T, d *Data, served bool) (string, *strictpage.Page) {
	t.Helper()
	var b bytes.Buffer
	if err := d.html(&b, served); err != nil {
		t.Fatal(err)
	}
	p, err := strictpage.Read(b.String())
	if err != nil {
		t.Fatalf("%v", err)
	}
	return b.String(), p
}

// TestEveryText: whatever an attacker writes, wherever a report has a text, the page has the
// same elements and attributes as of a harmless one, and says the text.
func TestEveryText(t *testing.T) {
	_, plain := rendered(t, filled("plain"), false)
	want := plain.Skeleton()
	if len(want) < 300 {
		t.Fatalf("only %d tags: the page is not filled", len(want))
	}
	says := func(p *strictpage.Page, text string) int {
		n := 0
		for _, s := range p.Texts {
			n += strings.Count(s, text)
		}
		return n
	}
	most := says(plain, "plain")
	all := hostile.Texts()
	all = append(all, `</script><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `javascript:alert(1)`, `<!--`, `]]>`, `{{.}}`, "`${alert(1)}`", `&lt;script&gt;`, `' onmouseover='alert(1)`, "\u2028</style>", `<svg/onload=alert(1)>`)
	if testing.Short() {
		all = all[len(all)-20:]
	}
	for _, text := range all {
		if strings.TrimSpace(safetext.Escape(text)) == "" || strings.HasPrefix(text, "+") || strings.HasPrefix(text, "-") || strings.HasPrefix(text, "@@") {
			text = "x" + text
		}
		page, p := rendered(t, filled(text), false)
		if got := p.Skeleton(); !slices.Equal(got, want) {
			t.Fatalf("%.80q changes the page: %s", text, firstDifference(got, want))
		}
		shown := strings.TrimSpace(safetext.Escape(text))
		least := most
		if len(shown) > 8 {
			least -= 16 // the drawing shortens names
		}
		if got := says(p, shown); len(shown) <= 24 && got < least {
			t.Errorf("%.80q is said %d times, a harmless text %d", text, got, most)
		}
		if odd := odd(page); odd != "" {
			t.Errorf("%.80q: %s", text, odd)
		}
		var md bytes.Buffer
		if err := filled(text).Markdown(&md); err != nil {
			t.Fatal(err)
		}
		if odd := odd(md.String()); odd != "" {
			t.Errorf("%.80q as Markdown: %s", text, odd)
		}
		rest := strings.ReplaceAll(md.String(), `\\`, "")
		for _, live := range []string{"<script", "<img", "<!--", "](", "<http", "```", "<svg"} {
			if i := strings.Index(rest, live); i == 0 || i > 0 && rest[i-1] != '\\' {
				t.Errorf("%.80q as Markdown: %q is not escaped", text, live)
			}
		}
	}
	t.Logf("%d texts, each in %d places of the page", len(all), most)
}

// odd says which character of a page may not reach a person's eye or a terminal as it is.
func odd(page string) string {
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		if safe := safetext.Escape(line); safe != line {
			return fmt.Sprintf("%.120q should be %.120q", line, safe)
		}
	}
	return ""
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("tag %d is %q, not %q", i, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d tags, not %d", len(a), len(b))
}

// TestPolicy: the page's policy names its script and style by their hashes and nothing else, and
// neither fetches anything nor makes markup of text.
func TestPolicy(t *testing.T) {
	_, p := rendered(t, filled("plain"), false)
	i := slices.IndexFunc(p.Tags, func(t strictpage.Tag) bool { return t.Get("http-equiv") == "Content-Security-Policy" })
	if i < 0 {
		t.Fatal("no policy")
	}
	text := p.Tags[i].Get("content")
	if what := p.Policy(text); what != "" {
		t.Error(what)
	}
	for _, bad := range []string{"unsafe", "http:", "https:", "*", "data:", "'self'"} {
		if strings.Contains(text, bad) {
			t.Errorf("the policy has %s: %s", bad, text)
		}
	}
	for _, bad := range []string{"innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval", "Function(", "fetch(", "XMLHttpRequest", "import(", "WebSocket", "localStorage", "cookie", "window.open", "location"} {
		if strings.Contains(script, bad) {
			t.Errorf("the script uses %s", bad)
		}
	}
	for _, bad := range []string{"url(", "@import", "expression(", "//"} {
		if strings.Contains(style, bad) {
			t.Errorf("the style uses %s", bad)
		}
	}
}

// TestAccessible: landmarks, one h1, headings without a gap, captions, names for what can be
// focused, and every reference within the page has its target.
func TestAccessible(t *testing.T) {
	_, p := rendered(t, filled("plain"), false)
	ids, level, tables, captions := map[string]bool{}, 0, 0, 0
	count := map[string]int{}
	for _, x := range p.Tags {
		if x.End {
			continue
		}
		count[x.Name]++
		if id := x.Get("id"); id != "" {
			if ids[id] {
				t.Errorf("id %q twice", id)
			}
			ids[id] = true
		}
		switch x.Name {
		case "h1", "h2", "h3":
			now := int(x.Name[1] - '0')
			if now > level+1 {
				t.Errorf("%s after h%d", x.Name, level)
			}
			level = now
		case "table":
			tables++
		case "caption":
			captions++
		case "html":
			if x.Get("lang") == "" {
				t.Error("no language")
			}
		case "th":
			if x.Get("scope") == "" {
				t.Error("a heading of a table without a scope")
			}
		}
		if x.Get("tabindex") == "0" && x.Get("aria-label")+x.Get("aria-labelledby") == "" {
			t.Errorf("%s can be focused, and has no name", x.Name)
		}
	}
	if count["h1"] != 1 || count["main"] != 1 || count["header"] != 1 || count["footer"] != 1 || count["nav"] != 1 {
		t.Errorf("landmarks: %v", count)
	}
	if tables != captions || tables < 10 {
		t.Errorf("%d tables, %d captions", tables, captions)
	}
	for _, x := range p.Tags {
		for _, name := range []string{"aria-labelledby", "aria-describedby", "for"} {
			if to := x.Get(name); to != "" && !ids[to] {
				t.Errorf("%s %s: no %q", x.Name, name, to)
			}
		}
		if to, ok := strings.CutPrefix(x.Get("href"), "#"); ok && !ids[to] {
			t.Errorf("a link to #%s, which is not there", to)
		}
	}
}

// TestExercise: an exercise is shouted in every form for people, and else nowhere.
func TestExercise(t *testing.T) {
	for _, exercise := range []string{"", "drill-7"} {
		d := filled("plain")
		d.Case.Exercise = exercise
		var md bytes.Buffer
		if err := d.Markdown(&md); err != nil {
			t.Fatal(err)
		}
		page, _ := rendered(t, d, false)
		for form, text := range map[string]string{"page": page, "Markdown": md.String()} {
			if got := strings.Contains(text, "EXERCISE"); got != (exercise != "") {
				t.Errorf("exercise %q: the %s says so: %v", exercise, form, got)
			}
		}
	}
}

func TestPractices(t *testing.T) {
	d := filled("plain")
	d.Practices = nil
	page, _ := rendered(t, d, false)
	if !strings.Contains(page, "Not assessed.") {
		t.Error("a report without an assessment does not say so")
	}
	var results []Check
	for i, v := range []Verdict{Pass, Fail, Unknown, NotApplicable, Fail, "mystery"} {
		results = append(results, Check{ID: fmt.Sprint("c", i), Area: []string{"identity", "logging"}[i%2], Severity: []string{"low", "low", "low", "low", "critical", "low"}[i], Verdict: v, Repair: []string{"# read it first", "mend it"}})
	}
	p := NewPractices(noon, results)
	want := []Area{{Name: "identity", Pass: 1, Fail: 1, Unknown: 1}, {Name: "logging", Fail: 1, NotApplicable: 1, Unknown: 1}}
	if !slices.Equal(p.Areas, want) {
		t.Errorf("areas %+v", p.Areas)
	}
	if len(p.Failing) != 2 || p.Failing[0].ID != "c4" {
		t.Errorf("failing %+v", p.Failing)
	}
	d.Practices = p
	if page, _ = rendered(t, d, false); strings.Contains(page, "Not assessed.") || !strings.Contains(page, "mend it") {
		t.Error("the matrix is not shown")
	}
}
