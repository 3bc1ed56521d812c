package timeline

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

// The schema as its makers publish it, flattened: class or object -> attribute -> what it must be.
type ocsfSchema struct {
	Version          string
	Classes, Objects map[string]ocsfThing
	Types            map[string]struct {
		Type   string
		Regex  string
		MaxLen int `json:"max_len"`
		Range  []int64
	}
	regexes map[string]*regexp.Regexp
}

type ocsfThing struct {
	Attributes  map[string]ocsfAttribute
	Constraints map[string][]string
	ClassUID    int64 `json:"class_uid"`
	CategoryUID int64 `json:"category_uid"`
	Caption     string
}

type ocsfAttribute struct {
	Type, Object, Requirement, Profile string
	IsArray                            bool `json:"is_array"`
	Enum                               map[string]string
}

func loadOCSF(t *testing.T) *ocsfSchema {
	t.Helper()
	root := os.Getenv("FREEZEFRAME_SHARED")
	if root == "" {
		root = "../../shared"
	}
	f, err := os.Open(filepath.Join(root, "data", "schemas", "ocsf-1.8.0.json.gz"))
	if err != nil {
		t.Skipf("SKIPPED LOUDLY: no OCSF schema under %s", root)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s := ocsfSchema{regexes: map[string]*regexp.Regexp{}}
	if err := json.NewDecoder(z).Decode(&s); err != nil {
		t.Fatal(err)
	}
	for name, x := range s.Types {
		if x.Regex != "" {
			s.regexes[name] = regexp.MustCompile(x.Regex)
		}
	}
	if s.Version != ocsfVersion || len(s.Classes) < 8 || len(s.Objects) < 100 || len(s.Types) < 20 {
		t.Fatalf("the schema is version %s with %d classes", s.Version, len(s.Classes))
	}
	return &s
}

// validate gives what is wrong with one line.
func (s *ocsfSchema) validate(line string) []string {
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
		v := &ocsfWalk{s: s, profiles: profiles}
		v.thing("", c, m)
		v.identifiers(c, m)
		if metadata["version"] != s.Version {
			v.wrong("metadata.version is %v", metadata["version"])
		}
		return v.problems
	}
	return []string{"no class " + uid.String()}
}

type ocsfWalk struct {
	s        *ocsfSchema
	profiles map[string]bool
	problems []string
}

func (v *ocsfWalk) wrong(format string, args ...any) {
	v.problems = append(v.problems, fmt.Sprintf(format, args...))
}

// identifiers: the flattened schema lists only the base's values for these.
func (v *ocsfWalk) identifiers(c ocsfThing, m map[string]any) {
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

func (v *ocsfWalk) thing(at string, x ocsfThing, m map[string]any) {
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
			v.attribute(at+"."+name, a, value)
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
func (v *ocsfWalk) sibling(at, name string, a ocsfAttribute, value any, m map[string]any) {
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

func (v *ocsfWalk) attribute(at string, a ocsfAttribute, value any) {
	if a.IsArray {
		list, ok := value.([]any)
		if !ok || len(list) == 0 {
			v.wrong("%s is no list, or empty", at)
		}
		a.IsArray = false
		for i, x := range list {
			v.attribute(fmt.Sprintf("%s[%d]", at, i), a, x)
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
		v.thing(at, object, m)
		return
	}
	v.value(at, a.Type, value)
	last := at[strings.LastIndexByte(at, '.')+1:]
	if a.Enum != nil && a.Enum[fmt.Sprint(value)] == "" && last != "class_uid" && last != "category_uid" {
		v.wrong("%s is %v, which is none of %v", at, value, slices.Sorted(maps.Keys(a.Enum)))
	}
}

// value checks a scalar by its type and those that it is derived from.
func (v *ocsfWalk) value(at, name string, value any) {
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

// iamEvents are one event for each call that is an Account Change, as far as records say of whom.
func iamEvents() []Event {
	var all []Event
	for _, action := range slices.Sorted(maps.Keys(ocsfAccountActivity)) {
		for _, resources := range [][]string{nil, {"alice"}, {"arn:aws:iam::111122223333:user/x/alice"}, {"admins", "alice"}} {
			for _, outcome := range []Outcome{Success, Denied} {
				e := Event{Time: plain().Time, TimestampDesc: "Event Time", Kind: KindCloudTrail, Service: "iam", Action: action, RawAction: action, Outcome: outcome, Resources: resources, Account: "111122223333",
					Principal: Principal{Type: "IAMUser", Name: "mallory", Account: "111122223333"}, Address: "203.0.113.9"}
				if strings.Contains(action, "Policy") {
					e.Change.Policy = "arn:aws:iam::aws:policy/AdministratorAccess"
				}
				if strings.Contains(action, "Role") && resources != nil {
					e.Change.Role = "arn:aws:iam::111122223333:role/service/payments-role"
				}
				all = append(all, e)
			}
		}
	}
	return all
}

// TestOCSF: every line satisfies the schema, over recorded attacks, what else a case has,
// every IAM change, and hostile text in every field.
func TestOCSF(t *testing.T) {
	s := loadOCSF(t)
	hostileOnes, _ := hostileEvents(t)
	out := string(write(t, "ocsf", Options{}, append(append(hostileOnes, iamEvents()...), Event{Time: plain().Time}, Event{Time: plain().Time, Kind: KindCloudTrail, Outcome: Success})))
	for _, path := range []string{"testdata/attack", stratus(t)} {
		more, _ := build(t, Options{Format: "ocsf"}, path)
		out += more
	}
	out += caseIn(t, "ocsf")
	var watchers strings.Builder
	if _, err := Build(t.Context(), Options{Format: "ocsf"}, Input{Case: caseOf(t, watched())}, &watchers); err != nil {
		t.Fatal(err)
	}
	out += watchers.String()
	classes, lines := map[string]int{}, 0
	for line := range strings.Lines(out) {
		lines++
		for _, problem := range s.validate(line) {
			t.Errorf("%s\nin %.1500s", problem, line)
		}
		if t.Failed() && lines > 20 {
			t.FailNow()
		}
		var c struct {
			Class string `json:"class_name"`
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		classes[c.Class]++
	}
	if classes["API Activity"] < 300 || classes["Account Change"] < 100 || classes["Authentication"] < 1 {
		t.Errorf("classes: %v", classes)
	}
	t.Logf("%d lines: %v", lines, classes)
}

// TestOCSFBites: the validator finds each kind of mistake.
func TestOCSFBites(t *testing.T) {
	s := loadOCSF(t)
	line := string(write(t, "ocsf", Options{}, []Event{{Time: plain().Time, Kind: KindCloudTrail, Outcome: Success, Service: "iam", Action: "CreateUser", RequestID: "r", ID: "i", Message: "m", Address: "198.51.100.7", Account: "1"},
		{Time: plain().Time, Kind: KindCloudTrail, Outcome: Success, Service: "s3", Action: "ListBuckets", RequestID: "r", ID: "i", Message: "m", Address: "198.51.100.7"}}))
	change, activity, _ := strings.Cut(line, "\n")
	if p := append(s.validate(change), s.validate(activity)...); len(p) > 0 {
		t.Fatal(p)
	}
	for _, c := range []struct{ line, old, new, says string }{
		{activity, `"src_endpoint":{"ip":"198.51.100.7"},`, ``, "src_endpoint is required"},
		{activity, `"provider":"AWS"`, `"zone":"x"`, "cloud.provider is required"},
		{activity, `"profiles":["cloud"],`, ``, "is of profile cloud"},
		{activity, `"ip":"198.51.100.7"`, `"ip":"nowhere"`, "no ip_t"},
		{activity, `"ip":"198.51.100.7"`, `"port":1`, "at_least_one"},
		{activity, `"severity_id":1`, `"severity_id":7`, "none of"},
		{activity, `"severity_id":1`, `"severity_id":"1"`, "no integer_t"},
		{activity, `"severity":"Informational"`, `"severity":"High"`, "beside severity_id"},
		{activity, `"type_uid":600302`, `"type_uid":600301`, "type_uid is 600301"},
		{activity, `"category_uid":6`, `"category_uid":3`, "category_uid is 3"},
		{activity, `"class_uid":6003`, `"class_uid":6004`, "no class 6004"},
		{activity, `"message"`, `"mesage"`, "mesage is unknown"},
		{activity, `"request":{"uid":"r"}`, `"request":{}`, "request.uid is required"},
		{activity, `"time":`, `"time":1.5,"x":`, "no long_t"},
		{activity, `"api":{`, `"api":[],"http_response":{`, "api is no api"},
		{change, `},"user":{`, `},"usr":{`, "user is required"},
		{change, `"operation":"CreateUser"`, `"operation":""`, "no text"},
	} {
		broken := strings.Replace(c.line, c.old, c.new, 1)
		problems := strings.Join(s.validate(broken), "\n")
		if broken == c.line || !strings.Contains(problems, c.says) {
			t.Errorf("%s for %s: %q, want %q", c.new, c.old, problems, c.says)
		}
	}
}

// TestOCSFMapping: what goes where.
func TestOCSFMapping(t *testing.T) {
	for _, c := range []struct {
		e        Event
		class    int64
		activity int64
	}{
		{Event{Service: "signin", Action: "ConsoleLogin"}, 3002, 1},
		{Event{Service: "iam", Action: "CreateUser"}, 3001, 1},
		{Event{Service: "iam", Action: "AttachRolePolicy"}, 3001, 7},
		{Event{Service: "iam", Action: "DeleteRolePolicy"}, 3001, 8},
		{Event{Service: "iam", Action: "CreateAccessKey"}, 3001, 99},
		{Event{Service: "iam", Action: "CreatePolicy"}, 6003, 1},
		{Event{Service: "iam", Action: "GetUser", ReadOnly: true}, 6003, 2},
		{Event{Service: "lambda", Action: "UpdateFunctionCode"}, 6003, 3},
		{Event{Service: "lambda", Action: "DeleteFunction"}, 6003, 4},
		{Event{Service: "lambda", Action: "Invoke"}, 6003, 99},
		{Event{Service: "s3", Action: "GetObject"}, 6003, 2},
		{Event{Service: "s3", Action: "Settle"}, 6003, 99},
		{Event{Service: "sts", Action: "AssumeRole", ReadOnly: true}, 6003, 2},
		{Event{Service: "iam", Action: "CreateUser", Kind: KindLog}, 6003, 99},
	} {
		if c.e.Kind == "" {
			c.e.Kind = KindCloudTrail
		}
		if got := ocsfClassOf(&c.e); got.uid != c.class || got.activity != c.activity {
			t.Errorf("%s:%s is %d, activity %d, want %d, %d", c.e.Service, c.e.Action, got.uid, got.activity, c.class, c.activity)
		}
	}
}
