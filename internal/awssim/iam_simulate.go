package awssim

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// simulatePrincipalPolicy evaluates by the policies as they are written, whatever the
// delay until they decide real requests. As on AWS, the trust policy of a role and the
// resource's policy count only as far as the caller sends them.
func simulatePrincipalPolicy(c *call, in *iam.SimulatePrincipalPolicyInput) (*iam.SimulatePrincipalPolicyOutput, error) {
	source := aws.ToString(in.PolicySourceArn)
	if err := c.allow("iam:SimulatePrincipalPolicy", source); err != nil {
		return nil, err
	}
	p := c.account(c.accountID).principal(source)
	if p == nil {
		return nil, noSuch("entity", source)
	}
	req, pol, err := c.simulated(p, in)
	if err != nil {
		return nil, err
	}
	resources := in.ResourceArns
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	var all []iamtypes.EvaluationResult
	for _, action := range in.ActionNames {
		for _, resource := range resources {
			req.Action, req.Resource = action, resource
			all = append(all, evaluated(req, pol))
		}
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 100)
	return &iam.SimulatePrincipalPolicyOutput{EvaluationResults: orEmpty(page), Marker: next, IsTruncated: next != nil}, err
}

// simulated is the question without action and resource.
func (c *call) simulated(p *principal, in *iam.SimulatePrincipalPolicyInput) (iampolicy.Request, iampolicy.Policies, error) {
	v := p.views[len(p.views)-1]
	pol := iampolicy.Policies{Identity: append([]iampolicy.Document{}, v.identity...), Boundary: v.boundary}
	for _, text := range in.PolicyInputList {
		d, err := iampolicy.Parse(text)
		if err != nil {
			return iampolicy.Request{}, pol, fail("InvalidInput", "Invalid Policy: Syntax errors in policy.")
		}
		pol.Identity = append(pol.Identity, d)
	}
	if len(in.PermissionsBoundaryPolicyInputList) > 0 { // in place of the one attached
		pol.Boundary = nil
	}
	for _, text := range in.PermissionsBoundaryPolicyInputList {
		d, err := iampolicy.Parse(text)
		if err != nil {
			return iampolicy.Request{}, pol, fail("InvalidInput", "Invalid Policy: Syntax errors in policy.")
		}
		pol.Boundary = append(pol.Boundary, d)
	}
	if in.ResourcePolicy != nil {
		d, err := iampolicy.Parse(*in.ResourcePolicy)
		if err != nil {
			return iampolicy.Request{}, pol, fail("InvalidInput", "Invalid Policy: Syntax errors in policy.")
		}
		pol.Resource = &d
	}
	context := map[string][]string{}
	for _, e := range in.ContextEntries {
		context[aws.ToString(e.ContextKeyName)] = e.ContextKeyValues
	}
	owner := aws.ToString(in.ResourceOwner)
	if a, ok := parseARN(owner); ok {
		owner = a.account
	}
	return iampolicy.Request{PrincipalARN: p.arn, PrincipalAccount: c.accountID, ResourceAccount: owner, Context: context}, pol, nil
}

func evaluated(req iampolicy.Request, pol iampolicy.Policies) iamtypes.EvaluationResult {
	out := iamtypes.EvaluationResult{EvalActionName: aws.String(req.Action), EvalResourceName: aws.String(req.Resource),
		EvalDecision: decisionType(iampolicy.Evaluate(req, pol).Decision), MatchedStatements: []iamtypes.Statement{}, MissingContextValues: missingContext(req, pol)}
	if pol.Boundary != nil {
		allowed := iampolicy.Evaluate(req, iampolicy.Policies{Identity: pol.Boundary}).Decision == iampolicy.Allow
		out.PermissionsBoundaryDecisionDetail = &iamtypes.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: allowed}
	}
	return out
}

// missingContext are the keys that conditions of the policies look at and nobody gave.
func missingContext(req iampolicy.Request, pol iampolicy.Policies) []string {
	given := map[string]bool{}
	for k := range req.Context {
		given[strings.ToLower(k)] = true
	}
	missing := map[string]bool{}
	docs := slices.Concat(pol.Identity, pol.Boundary)
	if pol.Resource != nil {
		docs = append(docs, *pol.Resource)
	}
	for _, d := range docs {
		for _, s := range d.Statements {
			for _, cond := range s.Condition {
				if !given[strings.ToLower(cond.Key)] {
					missing[cond.Key] = true
				}
			}
		}
	}
	return orEmpty(slices.Sorted(maps.Keys(missing)))
}

func decisionType(d iampolicy.Decision) iamtypes.PolicyEvaluationDecisionType {
	switch d {
	case iampolicy.Allow:
		return iamtypes.PolicyEvaluationDecisionTypeAllowed
	case iampolicy.ExplicitDeny:
		return iamtypes.PolicyEvaluationDecisionTypeExplicitDeny
	}
	return iamtypes.PolicyEvaluationDecisionTypeImplicitDeny
}
