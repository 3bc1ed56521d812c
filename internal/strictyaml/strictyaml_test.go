package strictyaml

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

type sample struct {
	Name  string            `yaml:"name,required"`
	After time.Duration     `yaml:"after"`
	Yes   bool              `yaml:"yes"`
	Most  int               `yaml:"most"`
	With  any               `yaml:"with"`
	List  []part            `yaml:"list"`
	Named map[string]string `yaml:"named"`
	Sub   *part             `yaml:"sub"`
	Texts []Text            `yaml:"texts"`
	Kept  string
}

type part struct {
	At   Position `yaml:"-"`
	Text string   `yaml:"text,required"`
}

func TestDecode(t *testing.T) {
	var s sample
	problems := Decode("x.yaml", []byte("name: n\nafter: 90s\nyes: true\nmost: 3\nwith: {Version: 2012-10-17, N: 1, L: [a]}\nlist:\n  - text: |\n      one\nnamed: {a: b}\nsub: {text: t}\ntexts: [a, 2026-01-02T03:04:05Z]\n"), &s)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got := fmt.Sprint(s.Name, s.After, s.Yes, s.Most, s.With, s.List, s.Named, s.Sub.Text, s.Texts); got != "n1m30s true 3 map[L:[a] N:1 Version:2012-10-17] [{{7 5} one\n}] map[a:b]t[{{11 9} a} {{11 12} 2026-01-02T03:04:05Z}]" {
		t.Error(got)
	}
}

// TestEveryProblemIsSaid with where it stands.
func TestEveryProblemIsSaid(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"nmae: n\nname: x", `x.yaml:1:1: unknown key "nmae" (did you mean "name"?)`},
		{"after: 1s", `x.yaml:1:1: key "name" is missing`},
		{"name: n\nname: m", `x.yaml:2:1: key "name" stands twice`},
		{"name: n\nafter: soon", `x.yaml:2:8: after: a duration such as 90s or 5m is wanted`},
		{"name: 3", `x.yaml:1:7: name: a text is wanted`},
		{"name: n\nmost: x", `x.yaml:2:7: most: a whole number is wanted`},
		{"name: n\nyes: 1", `x.yaml:2:6: yes: true or false is wanted`},
		{"name: n\nlist: {}", `x.yaml:2:7: list: a list is wanted`},
		{"name: n\nlist:\n - txt: a", `x.yaml:3:4: list: unknown key "txt" (did you mean "text"?)`},
		{"name: n\nnamed: {a: b, a: c}", `x.yaml:2:15: named: key "a" stands twice`},
		{"name: n\nwith: {a: b, a: c}", `x.yaml:2:14: key "a" stands twice`},
		{"name: &a n\nKept: *a", "anchors and aliases"},
		{"name: n\n---\nname: m", "a second document"},
		{"name: [", "not YAML"},
		{"name: " + strings.Repeat("[", 60) + strings.Repeat("]", 60), "nested too deeply"},
		{"name: n\nkept: x", `unknown key "kept"`},
		{"name: n\ntexts: [012345678901]", `x.yaml:2:9: texts: a text is wanted: put it between quotes`},
		{"name: n\ntexts: [{a: b}]", `x.yaml:2:9: texts: a text is wanted`},
	} {
		var s sample
		all := Decode("x.yaml", []byte(c.text), &s)
		var lines []string
		for _, p := range all {
			lines = append(lines, p.String())
		}
		if got := strings.Join(lines, "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%q:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// FuzzDecode: whatever is read, nothing panics, and what is wrong has a place.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("name: n\nlist: [{text: a}]"))
	f.Add([]byte("{}"))
	f.Add([]byte("name: !!binary aGk=\nwith: !!float x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s sample
		for _, p := range Decode("x", data, &s) {
			if p.Line < 0 || p.What == "" {
				t.Error(p)
			}
		}
	})
}
