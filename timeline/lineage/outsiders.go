package lineage

import (
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// everyone is whom a public grant admits.
const everyone = "everyone"

// outsiders are the accounts beyond its own that a successful call admits to something,
// by what its record shows. AWS services are none.
func outsiders(e *timeline.Event) []string {
	var all []string
	add := func(who string) {
		if who != "" && !slices.Contains(all, who) && len(all) < maxShown {
			all = append(all, who)
		}
	}
	switch e.Service + ":" + e.Action {
	case "lambda:AddPermission", "lambda:AddLayerVersionPermission", "events:PutPermission":
		add(foreign(e.Change.Grantee, e.Account))
	case "lambda:CreateFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig":
		if e.Change.AuthType == "NONE" {
			add(everyone)
		}
	case "iam:CreateRole", "iam:UpdateAssumeRolePolicy":
		for _, doc := range append(e.Names("request.policyDocument"), e.Names("request.assumeRolePolicyDocument")...) {
			d, err := iampolicy.Parse(doc)
			if err != nil {
				continue // cut, or nothing that IAM would take
			}
			for _, s := range d.Statements {
				x := s.Expose(e.Account)
				if x.Reach == iampolicy.Public {
					add(everyone)
				}
				if x.Reach == iampolicy.CrossAccount {
					for _, a := range x.Accounts {
						add(a)
					}
				}
			}
		}
	}
	return all
}

// foreign is the outside account that a grantee names: an account, an ARN, "*"; "" if it is
// the owner's or a service.
func foreign(grantee, owner string) string {
	switch {
	case grantee == "*":
		return everyone
	case grantee == "", strings.Contains(grantee, ".amazonaws.com"):
		return ""
	case strings.HasPrefix(grantee, "arn:"):
		grantee = accountOf(grantee)
	}
	if grantee == owner {
		return ""
	}
	return grantee
}
