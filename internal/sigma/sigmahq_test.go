package sigma_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp/syntax"
	"sort"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/freezeframe-ir/freezeframe/internal/sigma"
)

// shared finds published data, which stays outside the tree.
func shared(t testing.TB, path string) string {
	t.Helper()
	root := os.Getenv("FREEZEFRAME_SHARED")
	if root == "" {
		root = "../../../shared"
	}
	dir := filepath.Join(root, "data", path)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIPPED LOUDLY: nothing at %s", dir)
	}
	return dir
}

// sigmahq loads the published rules.
func sigmahq(t testing.TB) (*sigma.Engine, string) {
	t.Helper()
	dir := shared(t, "sigma/aws")
	set, err := sigma.Load(os.DirFS(dir), sigma.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Rules) != 57 || set.Files != 57 || len(set.Problems) != 0 {
		t.Fatalf("%d rules of %d files, %v", len(set.Rules), set.Files, set.Problems)
	}
	return sigma.NewEngine(set), dir
}

// TestPublishedRules generates from each published rule events that it must hit, and
// events that differ in one thing and that it must not hit. The generator reads the
// YAML itself and shares no code with the engine.
func TestPublishedRules(t *testing.T) {
	e, dir := sigmahq(t)
	m := e.NewMatcher()
	files, _ := filepath.Glob(filepath.Join(dir, "*.yml"))
	yes, no := 0, 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var r struct {
			ID        string
			Detection map[string]any
		}
		if err := yaml.Unmarshal(b, &r); err != nil {
			t.Fatal(err)
		}
		g := generator{t: t, file: filepath.Base(f), detection: r.Detection}
		g.run()
		if len(g.yes) == 0 || len(g.no) == 0 {
			t.Errorf("%s: %d positive and %d negative events", g.file, len(g.yes), len(g.no))
		}
		for i, events := range [][]event{g.yes, g.no} {
			for _, ev := range events {
				if got := hit(t, e, m, ev, r.ID); got != (i == 0) {
					t.Errorf("%s: hit %v on %s", g.file, got, ev.json(t))
				}
			}
		}
		yes, no = yes+len(g.yes), no+len(g.no)
	}
	t.Logf("%d rules, %d events that they hit, %d that they do not, 0 skipped", len(files), yes, no)
}

func hit(t testing.TB, e *sigma.Engine, m *sigma.Matcher, ev event, id string) bool {
	t.Helper()
	record := ev.json(t)
	hits, err := m.Match(record)
	if err != nil {
		t.Fatal(err)
	}
	sigma.ByMembers(t, e, record, hits)
	for _, h := range hits {
		if e.Rules()[h.Rule].ID == id {
			return true
		}
	}
	return false
}

// event is fields by path.
type event map[string]any

func (e event) with(field string, v any) event {
	c := event{}
	for k, x := range e {
		c[k] = x
	}
	if v == nil {
		delete(c, field)
	} else {
		c[field] = v
	}
	return c
}

func (e event) json(t testing.TB) []byte {
	t.Helper()
	tree := map[string]any{"eventVersion": "1.11", "eventTime": "2026-11-27T03:00:00Z", "awsRegion": "eu-west-1"}
	for field, v := range e {
		at := tree
		steps := strings.Split(field, ".")
		for _, s := range steps[:len(steps)-1] {
			if at[s] == nil {
				at[s] = map[string]any{}
			}
			at = at[s].(map[string]any)
		}
		at[steps[len(steps)-1]] = v
	}
	b, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// generator makes events of one rule. It knows the forms that the published rules use,
// and fails on others.
type generator struct {
	t         *testing.T
	file      string
	detection map[string]any
	yes, no   []event
}

func (g *generator) run() {
	condition := g.detection["condition"].(string)
	for _, e := range g.combine(condition) {
		g.yes = append(g.yes, e.event, upper(e.event))
		g.no = append(g.no, e.breaks...)
		for _, factor := range strings.Split(condition, " and ") {
			factor, not := strings.CutPrefix(factor, "not ")
			if !not {
				continue
			}
			for _, name := range g.names(factor) {
				for _, x := range g.selection(name) {
					g.no = append(g.no, both(e, x).event)
				}
			}
		}
	}
}

// names are the selections that a factor of a condition names.
func (g *generator) names(factor string) []string {
	pattern, counted := strings.CutPrefix(factor, "1 of ")
	if !counted {
		return []string{factor}
	}
	var all []string
	for name := range g.detection {
		if strings.HasPrefix(name, strings.TrimSuffix(pattern, "*")) {
			all = append(all, name)
		}
	}
	sort.Strings(all)
	if len(all) == 0 || !strings.HasSuffix(pattern, "*") {
		g.t.Fatalf("%s: %q", g.file, factor)
	}
	return all
}

// made is an event that satisfies something, and events that do not, each in one thing.
type made struct {
	event  event
	breaks []event
}

// combine makes events that satisfy all factors without 'not'.
func (g *generator) combine(condition string) []made {
	all := []made{{event: event{}}}
	for _, factor := range strings.Split(condition, " and ") {
		if strings.HasPrefix(factor, "not ") {
			continue
		}
		var next []made
		for _, name := range g.names(factor) {
			for _, s := range g.selection(name) {
				for _, a := range all {
					next = append(next, both(a, s))
				}
			}
		}
		all = next
	}
	return all
}

func both(a, b made) made {
	merged := a.event
	for k, v := range b.event {
		merged = merged.with(k, v)
	}
	c := made{event: merged}
	for _, x := range a.breaks {
		for k, v := range b.event {
			x = x.with(k, v)
		}
		c.breaks = append(c.breaks, x)
	}
	for _, x := range b.breaks {
		for k, v := range a.event {
			x = x.with(k, v)
		}
		c.breaks = append(c.breaks, x)
	}
	return c
}

// selection makes events that satisfy a selection.
func (g *generator) selection(name string) []made {
	switch s := g.detection[name].(type) {
	case map[string]any:
		return g.items(s)
	case []any:
		var all []made
		for _, m := range s {
			all = append(all, g.items(m.(map[string]any))...)
		}
		return all
	}
	g.t.Fatalf("%s: selection %s", g.file, name)
	return nil
}

func (g *generator) items(s map[string]any) []made {
	all := []made{{event: event{}}}
	keys := make([]string, 0, len(s))
	for k := range s {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		var next []made
		for _, x := range g.item(k, s[k]) {
			for _, a := range all {
				next = append(next, both(a, x))
			}
		}
		all = next
	}
	return all
}

// item makes events that satisfy one field: one for each of its values.
func (g *generator) item(key string, v any) []made {
	field, mods, _ := strings.Cut(key, "|")
	values, isList := v.([]any)
	if !isList {
		values = []any{v}
	}
	set := func(s string) made {
		var value any = s
		if field == "requestParameters" || field == "responseElements" {
			value = map[string]any{"part": s}
		}
		broken := event{}.with(field, "unlike")
		if field == "requestParameters" || field == "responseElements" {
			broken = event{}.with(field, map[string]any{"part": "unlike"})
		}
		m := made{event: event{field: value}}
		if !g.nullable(field) { // another selection might want it absent
			m.breaks = append(m.breaks, event{})
		}
		if !wild(values) { // any text satisfies that
			m.breaks = append(m.breaks, broken)
		}
		return m
	}
	var all []made
	switch mods {
	case "":
		for _, v := range values {
			if v == nil {
				all = append(all, made{event: event{}, breaks: []event{{field: "there"}}})
				continue
			}
			all = append(all, set(plain(fmt.Sprint(v))))
		}
	case "contains":
		for _, v := range values {
			all = append(all, set("before "+plain(v.(string))+" behind"))
		}
	case "contains|all":
		var parts []string
		for _, v := range values {
			parts = append([]string{plain(v.(string))}, parts...)
		}
		m := set(strings.Join(parts, " "))
		if len(parts) > 1 {
			m.breaks = append(m.breaks, set(strings.Join(parts[1:], " ")).event)
		}
		all = append(all, m)
	case "startswith":
		for _, v := range values {
			m := set(plain(v.(string)) + "behind")
			m.breaks = append(m.breaks, set("before"+plain(v.(string))).event)
			all = append(all, m)
		}
	case "re":
		for _, v := range values {
			re, err := syntax.Parse(v.(string), syntax.Perl)
			if err != nil {
				g.t.Fatal(err)
			}
			all = append(all, set(sample(re)))
		}
	case "fieldref":
		other := values[0].(string)
		all = append(all, made{event: event{field: "same", other: "SAME"}, breaks: []event{{field: "same", other: "other"}, {field: "same"}, {other: "same"}}})
	default:
		g.t.Fatalf("%s: the generator does not know %s", g.file, key)
	}
	return all
}

// nullable says whether a selection wants a field to be absent.
func (g *generator) nullable(field string) bool {
	for _, s := range g.detection {
		m, _ := s.(map[string]any)
		if v, there := m[field]; there && v == nil {
			return true
		}
	}
	return false
}

func wild(values []any) bool {
	for _, v := range values {
		if v == "*" {
			return true
		}
	}
	return false
}

// plain gives a text that a value with wildcards stands for.
func plain(s string) string {
	return strings.NewReplacer(`\*`, "*", `\?`, "?", `\\`, `\`, "*", "any", "?", "q").Replace(s)
}

// sample gives a text that a regular expression matches.
func sample(re *syntax.Regexp) string {
	var b strings.Builder
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('x')
	case syntax.OpCharClass:
		b.WriteRune(re.Rune[0])
	case syntax.OpAlternate:
		return sample(re.Sub[0])
	default: // repetitions once, groups, sequences; anchors are nothing
		for _, s := range re.Sub {
			b.WriteString(sample(s))
		}
	}
	return b.String()
}

// upper writes all texts in capitals, but those that regular expressions look at.
func upper(e event) event {
	c := event{}
	for k, v := range e {
		if s, ok := v.(string); ok && !strings.Contains(s, "assumed-role/") {
			v = strings.ToUpper(s)
		}
		c[k] = v
	}
	return c
}
