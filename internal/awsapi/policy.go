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
	type statement struct {
		Sid      string
		Effect   string
		Action   []string
		Resource []string

		Condition map[string]map[string]string `json:",omitempty"`
	}
	byResource := map[string]map[string]bool{}
	for _, n := range needs {
		for _, g := range n.IAM {
			where := resources(g.Resource)
			if len(where) == 0 {
				where = []string{"*"}
			}
			key := strings.Join(where, "\n")
			if attaches(g.Action) {
				key += boundMark
			}
			if byResource[key] == nil {
				byResource[key] = map[string]bool{}
			}
			byResource[key][g.Action] = true
		}
	}
	for key, actions := range byResource { // what is allowed everywhere needs no second statement
		for action := range byResource["*"] {
			if key != "*" {
				delete(actions, action)
			}
		}
	}
	var all []statement
	for _, key := range slices.Sorted(maps.Keys(byResource)) {
		if len(byResource[key]) == 0 {
			continue
		}
		key, bound := strings.CutSuffix(key, boundMark)
		where := strings.Split(key, "\n")
		one := statement{Sid: sidOf(where[0]), Effect: "Allow", Resource: where}
		if bound {
			one.Condition, key = map[string]map[string]string{"ArnLike": {"iam:PolicyARN": denyAllPolicy}}, key+boundMark
		}
		one.Action = slices.Sorted(maps.Keys(byResource[key]))
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

// boundMark ends the key of a statement whose actions are bound to one managed policy.
const boundMark = "\n\nbound"

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
