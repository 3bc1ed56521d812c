package awsapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// PolicyFor is an IAM policy document that allows exactly what the needs ask for, and denies
// never, whatever else the principal may. resources makes ARN patterns of a grant's template
// ("function ARN"); none means "*".
func PolicyFor(needs []Need, resources func(template string) []string, never []string) ([]byte, error) {
	granted := grants(needs, resources)
	var all []statement
	for _, r := range slices.SortedFunc(maps.Keys(granted), func(a, b reach) int {
		return cmp.Or(strings.Compare(a.where, b.where), strings.Compare(a.policy, b.policy))
	}) {
		if len(granted[r]) == 0 {
			continue
		}
		where := strings.Split(r.where, "\n")
		one := statement{Sid: sidOf(where[0]), Effect: "Allow", Action: slices.Sorted(maps.Keys(granted[r])), Resource: where}
		if r.policy != "" {
			one.Condition = map[string]map[string]string{"ArnLike": {"iam:PolicyARN": r.policy}}
		}
		all = append(all, one)
	}
	used := map[string]int{} // a Sid is there once
	for i := range all {
		sid := all[i].Sid
		if used[sid]++; used[sid] > 1 {
			all[i].Sid = fmt.Sprint(sid, used[sid])
		}
	}
	if len(never) > 0 {
		all = append(all, statement{Sid: "Never", Effect: "Deny", Action: never, Resource: []string{"*"}})
	}
	return json.MarshalIndent(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", all}, "", "  ")
}

type statement struct {
	Sid      string
	Effect   string
	Action   []string
	Resource []string

	Condition map[string]map[string]string `json:",omitempty"`
}

// reach is what a statement is about: resources, one a line, and the managed policy that its
// actions are bound to, "" for none.
type reach struct{ where, policy string }

// grants are the actions by what they are about.
func grants(needs []Need, resources func(template string) []string) map[reach]map[string]bool {
	all := map[reach]map[string]bool{}
	for _, n := range needs {
		for _, g := range n.IAM {
			r := reach{where: strings.Join(resources(g.Resource), "\n")}
			if r.where == "" {
				r.where = anything
			}
			if attaches(g.Action) {
				r.policy = denyAllPolicy
			}
			if all[r] == nil {
				all[r] = map[string]bool{}
			}
			all[r][g.Action] = true
		}
	}
	for r, actions := range all { // what is allowed everywhere needs no second statement
		for action := range all[reach{anything, r.policy}] {
			if r.where != anything {
				delete(actions, action)
			}
		}
	}
	return all
}

const anything = "*"

// denyAllPolicy is the only managed policy that acts attach: without the condition whoever holds
// the contain role could attach AdministratorAccess.
const denyAllPolicy = "arn:*:iam::aws:policy/AWSDenyAll"

func attaches(action string) bool {
	switch action {
	case "iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:AttachUserPolicy", "iam:DetachUserPolicy":
		return true
	}
	return false
}

// sidOf names a statement after what it is about: letters and digits only, as IAM wants.
func sidOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return "Anything"
	}
	kind, _, _ := strings.Cut(strings.FieldsFunc(parts[5]+" ", func(r rune) bool { return r == ':' || r == '/' })[0], "*")
	var b strings.Builder
	for _, word := range []string{parts[2], cmp.Or(kind, "any")} {
		up := true
		for _, r := range word {
			if r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z' {
				up = true
				continue
			}
			if up {
				r = []rune(strings.ToUpper(string(r)))[0]
				up = false
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// How long a policy may be, in characters without white space. Source: IAM User Guide, "IAM
// and AWS STS quotas": inline policies of a role together, and one managed policy.
const (
	MaxInlinePolicy  = 10_240
	MaxManagedPolicy = 6_144
)

// PolicySize is a policy's length as IAM counts it.
func PolicySize(policy []byte) int {
	return len(strings.Join(strings.Fields(string(policy)), ""))
}
