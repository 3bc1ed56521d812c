// Package ocsfcheck judges events of OCSF by the schema that its makers publish: required and
// unknown attributes, profiles, constraints, enumerations and their captions, types. It shares
// nothing with what writes events.
package ocsfcheck

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Schema is as its makers publish it, flattened: class or object -> attribute -> what it must be.
type Schema struct {
	Version          string
	Classes, Objects map[string]thing
	Types            map[string]struct {
		Type   string
		Regex  string
		MaxLen int `json:"max_len"`
		Range  []int64
	}
	regexes map[string]*regexp.Regexp
}

type thing struct {
	Attributes  map[string]attribute
	Constraints map[string][]string
	ClassUID    int64 `json:"class_uid"`
	CategoryUID int64 `json:"category_uid"`
	Caption     string
}

type attribute struct {
	Type, Object, Requirement, Profile string
	IsArray                            bool `json:"is_array"`
	Enum                               map[string]string
}

// Load reads the schema of a version, and skips the test loudly where it is not at hand.
func Load(t *testing.T, version string) *Schema {
	t.Helper()
	root := os.Getenv("FREEZEFRAME_SHARED")
	if root == "" {
		root = beside(t)
	}
	f, err := os.Open(filepath.Join(root, "data", "schemas", "ocsf-"+version+".json.gz"))
	if err != nil {
		t.Skipf("SKIPPED LOUDLY: no OCSF schema under %s", root)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s := Schema{regexes: map[string]*regexp.Regexp{}}
	if err := json.NewDecoder(z).Decode(&s); err != nil {
		t.Fatal(err)
	}
	for name, x := range s.Types {
		if x.Regex != "" {
			s.regexes[name] = regexp.MustCompile(x.Regex)
		}
	}
	if s.Version != version || len(s.Classes) < 8 || len(s.Objects) < 100 || len(s.Types) < 20 {
		t.Fatalf("the schema is version %s with %d classes", s.Version, len(s.Classes))
	}
	return &s
}

// Validate gives what is wrong with one event, a line of JSON.
func (s *Schema) Validate(line string) []string {
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return []string{err.Error()}
	}
	uid, _ := m["class_uid"].(json.Number)
	for _, c := range s.Classes {
		if strconv.FormatInt(c.ClassUID, 10) != uid.String() {
			continue
		}
		profiles := map[string]bool{"": true}
		metadata, _ := m["metadata"].(map[string]any)
		names, _ := metadata["profiles"].([]any)
		for _, p := range names {
			profiles[fmt.Sprint(p)] = true
		}
		v := &walk{s: s, profiles: profiles}
		v.object("", c, m)
		v.identifiers(c, m)
		if metadata["version"] != s.Version {
			v.wrong("metadata.version is %v", metadata["version"])
		}
		return v.problems
	}
	return []string{"no class " + uid.String()}
}

type walk struct {
	s        *Schema
	profiles map[string]bool
	problems []string
}

func (v *walk) wrong(format string, args ...any) {
	v.problems = append(v.problems, fmt.Sprintf(format, args...))
}

// identifiers: the flattened schema lists only the base's values for these.
func (v *walk) identifiers(c thing, m map[string]any) {
	activity, _ := m["activity_id"].(json.Number)
	n, _ := activity.Int64()
	for name, want := range map[string]int64{"class_uid": c.ClassUID, "category_uid": c.CategoryUID, "type_uid": c.ClassUID*100 + n} {
		if fmt.Sprint(m[name]) != strconv.FormatInt(want, 10) {
			v.wrong("%s is %v, want %d", name, m[name], want)
		}
	}
	if m["class_name"] != nil && m["class_name"] != c.Caption {
		v.wrong("class_name is %v", m["class_name"])
	}
	caption := c.Attributes["activity_id"].Enum[activity.String()]
	if n == 99 {
		caption = fmt.Sprint(m["activity_name"])
	}
	if m["type_name"] != nil && m["type_name"] != c.Caption+": "+caption {
		v.wrong("type_name is %v", m["type_name"])
	}
}

func (v *walk) object(at string, x thing, m map[string]any) {
	if len(x.Attributes) == 0 {
		return // "object": of any form
	}
	for name, a := range x.Attributes {
		if a.Requirement == "required" && v.profiles[a.Profile] && m[name] == nil {
			v.wrong("%s.%s is required", at, name)
		}
	}
	for name, value := range m {
		a, known := x.Attributes[name]
		switch {
		case !known:
			v.wrong("%s.%s is unknown", at, name)
		case !v.profiles[a.Profile]:
			v.wrong("%s.%s is of profile %s", at, name, a.Profile)
		default:
			v.member(at+"."+name, a, value)
			v.sibling(at, name, a, value, m)
		}
	}
	for kind, names := range x.Constraints {
		n := 0
		for _, name := range names {
			if m[name] != nil {
				n++
			}
		}
		if n == 0 || kind == "just_one" && n != 1 {
			v.wrong("%s: %s of %v, there are %d", at, kind, names, n)
		}
	}
}

// sibling: the text beside an id is the id's caption; of Other it is the source's, and has to be there.
func (v *walk) sibling(at, name string, a attribute, value any, m map[string]any) {
	base, isID := strings.CutSuffix(name, "_id")
	if !isID || a.Enum == nil {
		return
	}
	if name == "activity_id" {
		base = "activity_name"
	}
	id := fmt.Sprint(value)
	text, there := m[base]
	switch {
	case id == "99" && !there:
		v.wrong("%s.%s is Other, and %s does not say what", at, name, base)
	case id != "99" && there && text != a.Enum[id]:
		v.wrong("%s.%s is %q beside %s %s (%s)", at, base, text, name, id, a.Enum[id])
	}
}

func (v *walk) member(at string, a attribute, value any) {
	if a.IsArray {
		list, ok := value.([]any)
		if !ok || len(list) == 0 {
			v.wrong("%s is no list, or empty", at)
		}
		a.IsArray = false
		for i, x := range list {
			v.member(fmt.Sprintf("%s[%d]", at, i), a, x)
		}
		return
	}
	if a.Type == "object_t" {
		m, ok := value.(map[string]any)
		object, known := v.s.Objects[a.Object]
		if !ok || !known {
			v.wrong("%s is no %s, or that is unknown", at, a.Object)
			return
		}
		v.object(at, object, m)
		return
	}
	v.value(at, a.Type, value)
	last := at[strings.LastIndexByte(at, '.')+1:]
	if a.Enum != nil && a.Enum[fmt.Sprint(value)] == "" && last != "class_uid" && last != "category_uid" {
		v.wrong("%s is %v, which is none of %v", at, value, slices.Sorted(maps.Keys(a.Enum)))
	}
}

// value checks a scalar by its type and those that it is derived from.
func (v *walk) value(at, name string, value any) {
	kind, known := v.s.Types[name]
	if !known {
		v.wrong("%s is of the unknown type %s", at, name)
		return
	}
	text, isText := value.(string)
	if re := v.s.regexes[name]; re != nil && !re.MatchString(text) {
		v.wrong("%s is %q, no %s", at, text, name)
	}
	if kind.MaxLen > 0 && len(text) > kind.MaxLen {
		v.wrong("%s has %d characters", at, len(text))
	}
	if kind.Type != "" {
		v.value(at, kind.Type, value)
		return
	}
	switch name {
	case "string_t":
		if !isText || text == "" {
			v.wrong("%s is %v, no text", at, value)
		}
	case "integer_t", "long_t":
		n, ok := value.(json.Number)
		if _, err := strconv.ParseInt(n.String(), 10, map[string]int{"integer_t": 32, "long_t": 64}[name]); !ok || err != nil {
			v.wrong("%s is %v, no %s", at, value, name)
		}
	case "boolean_t":
		if _, ok := value.(bool); !ok {
			v.wrong("%s is %v, no boolean", at, value)
		}
	case "json_t":
	default:
		v.wrong("%s: nothing checks %s", at, name)
	}
}

// beside is the shared folder beside the tree that a test runs in.
func beside(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil || dir == filepath.Dir(dir) {
			return filepath.Join(dir, "..", "shared")
		}
		dir = filepath.Dir(dir)
	}
}
