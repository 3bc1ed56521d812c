package fleetjob

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/collect"
)

var asked = time.Date(2026, 11, 28, 1, 2, 3, 456e6, time.UTC)

func like() Job {
	return Job{Case: "s3://evidence/cases/night", CaseID: "01KB4DMXZGSHEGWCD2TNE2PX1N", Asked: asked, Scope: collect.All,
		Since: "168h0m0s", Until: asked, Role: "arn:aws:iam::{account}:role/read", Operator: "o"}
}

func targets(accounts, regions, functions int) (out []collect.Target) {
	for a := range accounts {
		for r := range regions {
			for f := range functions {
				t, err := collect.ParseTarget(fmt.Sprintf("%012d", a+1), []string{"eu-west-1", "us-east-1", "ap-south-1"}[r], fmt.Sprintf("f-%03d", f))
				if err != nil {
					panic(err)
				}
				out = append(out, t)
			}
		}
	}
	return out
}

// TestSplit: every function is in one message, none is too large, and messages that follow each other
// are of different accounts as long as there are some.
func TestSplit(t *testing.T) {
	all := targets(5, 2, 7)
	jobs, err := Split(like(), slices.Concat(all, all[:3]), 3) // some are named twice
	if err != nil {
		t.Fatal(err)
	}
	seen, ids := map[string]int{}, map[string]bool{}
	for i, j := range jobs {
		if len(j.Functions) > 3 || ids[j.ID] || ids[j.Bag()] {
			t.Errorf("%d: %+v", i, j)
		}
		ids[j.ID], ids[j.Bag()] = true, true
		for _, x := range j.Targets() {
			seen[x.ARN]++
		}
		if i > 0 && j.Account == jobs[i-1].Account {
			t.Errorf("messages %d and %d are both of account %s", i-1, i, j.Account)
		}
	}
	for _, x := range all {
		if seen[x.ARN] != 1 {
			t.Errorf("%s is in %d messages", x.ARN, seen[x.ARN])
		}
	}
	if len(jobs) != 5*2*3 {
		t.Errorf("%d messages", len(jobs))
	}
	sweeps := map[string]bool{}
	for _, j := range jobs {
		sweeps[j.SweepBag()] = true
	}
	if len(sweeps) != 10 {
		t.Errorf("%d sweeps of ten regions of accounts", len(sweeps))
	}
}

// TestParse: what is written is read as it was, and nothing else is.
func TestParse(t *testing.T) {
	jobs, err := Split(like(), targets(1, 1, 3), 10)
	if err != nil {
		t.Fatal(err)
	}
	body, err := jobs[0].Encode()
	if err != nil {
		t.Fatal(err)
	}
	now := asked.Add(time.Minute)
	got, err := Parse(body, now)
	if err != nil || !Is(body) || got.Bag() != jobs[0].Bag() || got.ID != jobs[0].ID {
		t.Fatalf("%+v %v", got, err)
	}
	// signed: as it would be if whoever wrote it knew how ids are made.
	signed := func(change func(*Job)) string {
		j := jobs[0]
		j.Functions = slices.Clone(j.Functions)
		change(&j)
		if err := j.sign(); err != nil {
			t.Fatal(err)
		}
		body, err := j.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	for name, bad := range map[string]string{
		"empty":                       "",
		"an alert":                    `{"detail-type":"GuardDuty Finding"}`,
		"another id":                  strings.Replace(body, jobs[0].ID, strings.Repeat("0", 32), 1),
		"another function":            strings.Replace(body, "f-001", "f-009", 1),
		"a member twice":              strings.Replace(body, `"account":`, `"account":"999999999999","account":`, 1),
		"a member in capitals":        strings.Replace(body, `"account":`, `"Account":`, 1),
		"a member nobody knows":       strings.Replace(body, `"account":`, `"x":1,"account":`, 1),
		"a space":                     strings.Replace(body, `,"account"`, `, "account"`, 1),
		"something behind it":         body + "{}",
		"a later version":             strings.Replace(body, Schema, "freezeframe.collect/2", 1),
		"too large":                   body + strings.Repeat(" ", maxMessage),
		"no function":                 signed(func(j *Job) { j.Functions = nil }),
		"too many functions":          signed(func(j *Job) { j.Functions = make([]string, MaxFunctions+1) }),
		"a function with a path":      signed(func(j *Job) { j.Functions[0] = "../x" }),
		"functions out of order":      signed(func(j *Job) { slices.Reverse(j.Functions) }),
		"a function twice":            signed(func(j *Job) { j.Functions[1] = j.Functions[0] }),
		"an account with letters":     signed(func(j *Job) { j.Account = "12345678901x" }),
		"a region that is a host":     signed(func(j *Job) { j.Region = "evil.example/" }),
		"an unknown scope":            signed(func(j *Job) { j.Scope = "everything" }),
		"a window without an end":     signed(func(j *Job) { j.Since = "999999h0m0s" }),
		"a window written otherwise":  signed(func(j *Job) { j.Since = "168h" }),
		"a window of the future":      signed(func(j *Job) { j.Until = asked.AddDate(1, 0, 0) }),
		"asked for in the future":     signed(func(j *Job) { j.Asked = asked.AddDate(1, 0, 0) }),
		"a case with a control":       signed(func(j *Job) { j.Case = "s3://evidence/\x1b[2J" }),
		"a case id that is none":      signed(func(j *Job) { j.CaseID = "../../x" }),
		"an unknown collector":        signed(func(j *Job) { j.Only = []string{"lambda.everything"} }),
		"a bucket with two words":     signed(func(j *Job) { j.TrailBuckets = []string{"s3://a/b c"} }),
		"a negative limit":            signed(func(j *Job) { j.MaxLogBytes = -1 }),
		"a further region with space": signed(func(j *Job) { j.Regions = []string{"eu-west-1 x"} }),
	} {
		if j, err := Parse(bad, now); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %+v, %v", name, j, err)
		}
	}
	if Is(`{"schema":"freezeframe.alert/1"}`) || Is("x"+body) || !Is(strings.Replace(body, Schema, "freezeframe.collect/2", 1)) {
		t.Error("what is a job, of whatever version, and what is none")
	}
}

// TestUnder: a job's case lies below where cases lie, and nowhere else.
func TestUnder(t *testing.T) {
	for _, c := range []struct {
		cases, where string
		want         bool
	}{
		{"s3://evidence/cases", "s3://evidence/cases/night", true},
		{"s3://evidence/cases/", "s3://evidence/cases/night", true},
		{"s3://evidence", "s3://evidence/night", true},
		{"s3://evidence/cases", "s3://evidence/cases", false},
		{"s3://evidence/cases", "s3://evidence/cases/", false},
		{"s3://evidence/cases", "s3://evidence/cases-of-others/night", false},
		{"s3://evidence/cases", "s3://evidence/cases/../others", false},
		{"s3://evidence/cases", "s3://evidence/cases/board/claims", false},
		{"s3://evidence/cases", "s3://evil/cases/night", false},
		{"s3://evidence/cases", "/evidence/cases/night", false},
		{"/evidence/cases", "/evidence/cases/night", true},
		{"/evidence/cases", "/evidence/cases/../x", false},
		{"/evidence/cases", "/evidence/cases//night", false},
		{"/evidence/cases", "/etc", false},
		{"/evidence/cases", "s3://evidence/cases/night", false},
	} {
		if got := Under(c.cases, c.where); got != c.want {
			t.Errorf("Under(%q, %q) is %v", c.cases, c.where, got)
		}
	}
}

// FuzzParse: whatever is taken is what Encode writes.
func FuzzParse(f *testing.F) {
	jobs, err := Split(like(), targets(1, 1, 3), 10)
	if err != nil {
		f.Fatal(err)
	}
	body, err := jobs[0].Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add(`{"schema":"freezeframe.collect/1"}`)
	f.Fuzz(func(t *testing.T, body string) {
		j, err := Parse(body, asked)
		if err != nil {
			return
		}
		data, err := json.Marshal(j)
		if err != nil || string(data) != body || j.Bag() == j.SweepBag() || len(j.Targets()) == 0 {
			t.Errorf("%q is taken, and written as %q (%v)", body, data, err)
		}
	})
}
