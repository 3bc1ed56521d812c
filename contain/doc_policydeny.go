package contain

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

const (
	actPolicyDeny = "policy-deny"
	denySid       = "FreezeframeDenyInvoke"
)

// denyEdit closes a function by its own policies: each qualifier has one, and a deny on
// the function does not stand in that of an alias. What they grant stays in place below it.
func denyEdit() Edit[resourcePolicy] {
	return Edit[resourcePolicy]{
		Name:  actPolicyDeny,
		About: "add a deny of InvokeFunction and InvokeFunctionUrl for everybody to the policy of the function, of each alias and of each version; the rest of the policies stays",
		Kind:  Isolate, Attack: []string{"T1648", "T1133"},
		Rank:   rank(stageGrants),
		Keys:   func(s *Survey) []string { return s.qualifiers() },
		Parts:  []string{partAliases, partVersions},
		Params: func(PlanInput, *Survey) Params { return Params{} },
		Apply:  addDeny,
		Destroys: func(p Place, _ resourcePolicy) []Artefact {
			return []Artefact{{Name: "lambda.policy", ARN: p.ARN, Qualifier: p.Key}}
		},
		Breaks: func(s *Survey, before map[string]resourcePolicy) []Impact {
			var all []Impact
			for _, key := range sortedKeys(before) {
				all = append(all, Impact{What: "function", Resource: orLatest(key), Detail: "whoever calls it is denied, whatever lets them: URLs, other services and accounts, your own roles"})
			}
			return all
		},
		Worth: func(*Survey) []string {
			return []string{
				"event source mappings poll and invoke by Lambda itself, and are not held back by a deny here: mappings-off",
				"an alias or version that is made from now on has a policy of its own, without the deny",
				"whoever may put the policies can take the deny out again: contain the actor too",
			}
		},
		// Whether somebody else has put such a deny there is not asked for by status: that is
		// a read of each version's policy.
	}
}

// addDeny puts the deny beside what is there, in place of a statement under its name that says something else.
func addDeny(p Place, before resourcePolicy, _ Params) (resourcePolicy, error) {
	d, err := parsePolicy(before.Policy)
	if err != nil {
		return resourcePolicy{}, err
	}
	if d.Version == "" {
		d.Version = "2012-10-17"
	}
	resources := []string{qualified(p.Target, p.Key)}
	if p.Key == "" {
		resources = append(resources, p.ARN+":*")
	}
	raw, err := canonical(map[string]any{
		"Sid": denySid, "Effect": "Deny", "Principal": "*", "Action": []string{"lambda:InvokeFunction", "lambda:InvokeFunctionUrl"}, "Resource": resources,
	})
	if err != nil {
		return resourcePolicy{}, err
	}
	for _, s := range d.Statements {
		if s.Sid == denySid && sameAs(s) == string(raw) {
			return before, nil
		}
	}
	d = d.Without(func(s iampolicy.Statement) bool { return s.Sid == denySid })
	if d, err = d.With(json.RawMessage(raw)); err != nil {
		return resourcePolicy{}, fmt.Errorf("adding the deny: %w", err)
	}
	if len(d.String()) > maxResourcePolicy {
		return resourcePolicy{}, fmt.Errorf("with the deny the policy has %d bytes, and AWS takes %d", len(d.String()), maxResourcePolicy)
	}
	return resourcePolicy{d.String()}, nil
}

// maxResourcePolicy is what AWS takes of a function's policy, in bytes.
const maxResourcePolicy = 20 << 10

// denied says whether a policy holds the deny.
func denied(d iampolicy.Document) bool {
	return slices.ContainsFunc(d.Statements, func(s iampolicy.Statement) bool { return s.Sid == denySid && s.Effect == "Deny" })
}
