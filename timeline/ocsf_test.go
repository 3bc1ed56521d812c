package timeline

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/test/ocsfcheck"
)

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
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY: one writer, which shares nothing, of much text; run without -short")
	}
	s := ocsfcheck.Load(t, ocsfVersion)
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
		for _, problem := range s.Validate(line) {
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
	s := ocsfcheck.Load(t, ocsfVersion)
	line := string(write(t, "ocsf", Options{}, []Event{{Time: plain().Time, Kind: KindCloudTrail, Outcome: Success, Service: "iam", Action: "CreateUser", RequestID: "r", ID: "i", Message: "m", Address: "198.51.100.7", Account: "1"},
		{Time: plain().Time, Kind: KindCloudTrail, Outcome: Success, Service: "s3", Action: "ListBuckets", RequestID: "r", ID: "i", Message: "m", Address: "198.51.100.7"}}))
	change, activity, _ := strings.Cut(line, "\n")
	if p := append(s.Validate(change), s.Validate(activity)...); len(p) > 0 {
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
		problems := strings.Join(s.Validate(broken), "\n")
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
