package faults

import (
	"fmt"
	"strings"
	"testing"
)

// want is what the account has to hold, or must not hold any more, when a playbook has succeeded:
// written down by hand from what its threat is, and read from the simulated account's objects. The
// engine and containment have no part in it.
type want struct {
	object string // its key behind the account and the region
	not    string // what must not stand in it
	has    string // what must
	why    string
}

// stopped is a function that serves nobody.
func stopped(function string) want {
	return want{object: "function/" + function, has: `"reserved":0`, why: function + " still runs"}
}

// closed is what every playbook for a live function comes to: the function stands, its doors are
// shut, its role's credentials are worth nothing, and who changed it is cut off.
func closed() []want {
	return []want{
		stopped("payments"),
		{object: "function/payments/url/", not: `"AuthType":"NONE"`, why: "its URL is open to anybody"},
		{object: "function/payments/policy/", not: `999988887777`, why: "the outside account may invoke it"},
		{object: "role/payments-role", has: `"freezeframe-quarantine":"{\"Statement\":[{\"Effect\":\"Deny\"`, why: "its role may do what it could"},
		{object: "role/payments-role", has: `aws:TokenIssueTime`, why: "stolen credentials of its role still work"},
		{object: "role/ci-deploy", has: `aws:TokenIssueTime`, why: "the session that changed it still works"},
	}
}

func wants(playbook string) []want {
	switch playbook {
	case "function-deleted":
		return []want{{object: "/aws/lambda/payments", has: `"protected":true`, why: "what is left of its logs can be deleted"}}
	case "anti-forensics":
		return append(closed(), want{object: "/aws/lambda/payments", has: `"protected":true`, why: "its logs can be deleted"},
			want{object: "/aws/lambda/payments", not: `"retention":1,`, why: "its logs expire within a day"})
	case "code-tampering", "layer-extension":
		return append(closed(), want{object: "function/payments/version/$LATEST", not: `"CodeSha256":"NDKmQ2IZChB9YuZSD7BaKPGsRTgoNbNAxopWytX1kgI="`, why: "$LATEST has the bad code"})
	case "trigger-persistence":
		return append(closed(), want{object: "default:heal", has: `"State":"DISABLED"`, why: "the rule that heals the attacker's access still fires"})
	case "destination-exfiltration":
		return append(closed(), want{object: "function/payments/invoke/$LATEST", not: "999988887777:loot", why: "records of failures go to the attacker's queue"})
	case "denial-of-wallet":
		return append(closed(), want{object: "function/payments/provisioned/live", not: "5", why: "provisioned concurrency is still paid for"},
			want{object: "function/payments", has: `"recursion":"Terminate"`, why: "it may call itself"})
	case "supply-chain":
		return append(closed()[:5], stopped("payments-report"), stopped("invoices")) // who brought the code in is no session of the account
	}
	return closed()
}

// wrong is what the account should not be when the run says that it succeeded.
func (s *stage) wrong() []string {
	byKey := map[string]string{}
	for key, v := range s.w.Cloud.Objects() {
		for _, global := range []string{"iam/", "lambda/", "logs/", "events/"} {
			if rest, ok := strings.CutPrefix(key, global+s.w.Scenario.Account+"/"); ok {
				rest, _ = strings.CutPrefix(rest, s.w.Scenario.Region+"/")
				byKey[rest] = string(v)
			}
		}
	}
	var odd []string
	for _, w := range wants(s.pb.Name) {
		text, there := byKey[w.object]
		if w.has != "" && !strings.Contains(text, w.has) || w.not != "" && there && strings.Contains(text, w.not) {
			odd = append(odd, w.why)
		}
	}
	return odd
}

// roads are the attacker's ways that still work, tried as the attacker.
func (s *stage) roads(t *testing.T) []string {
	t.Helper()
	if s.pb.Name == "function-deleted" {
		return nil // there is nothing to get into
	}
	var open []string
	for _, p := range s.w.Probe(t.Context()) {
		if p.Hostile && p.Worked {
			open = append(open, fmt.Sprintf("this works: %s (%s)", p.Name, p.Answer))
		}
	}
	return open
}
