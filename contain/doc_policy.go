package contain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// resourcePolicy is the policy of one qualifier (Place.Key). A grant on the function
// does not stand in the policy of an alias, and the other way round.
type resourcePolicy struct {
	Policy string `json:"policy"` // as it is written; "" is none
}

const docPolicy = "lambda.policy"

func policyActs() []Act {
	return Define(Doc[resourcePolicy]{
		Name: docPolicy,
		Needs: []awsapi.Need{
			on("Lambda:GetResourcePolicy", "function, alias or version ARN", false),
			when(on("Lambda:GetPolicy", "function, alias or version ARN", false), "GetResourcePolicy is refused or unknown"),
			when(on("Lambda:RemovePermission", "function, alias or version ARN", true), "every grant to remove has a Sid"),
			when(on("Lambda:PutResourcePolicy", "function, alias or version ARN", true), "a grant has no Sid, only some of its principals go, or undoing"),
			when(on("Lambda:DeleteResourcePolicy", "function, alias or version ARN", true), "nothing else is left and a grant has no Sid"),
		},
		Resource: func(p Place) string { return qualified(p.Target, p.Key) },
		Read:     readPolicy,
		Equal:    samePolicy,
		Between:  betweenPolicies,
		Steps:    policySteps,
	}, Edit[resourcePolicy]{
		Name:  actGrants,
		About: "remove grants to other accounts and to everybody, on every qualifier",
		Kind:  Evict, Level: LevelIsolate, Attack: []string{"T1098"},
		Answers: []Answer{{Kind: "function-permission"}},
		Rank:    rank(stageGrants), Sparse: true,
		Keys:  func(s *Survey) []string { return s.qualifiers() },
		Parts: []string{partAliases, partVersions},
		Params: func(in PlanInput, s *Survey) Params {
			p := Params{"account": s.Account}
			if in.Organization != "" {
				p["organization"] = in.Organization
			}
			if found := foundGrants(s.Findings); found != "" {
				p["found"] = found
			}
			if in.ServiceGrants {
				p["service_grants"] = "remove"
			}
			return p
		},
		Apply: removeGrants,
		Destroys: func(p Place, _ resourcePolicy) []Artefact {
			return []Artefact{{Name: "lambda.policy", ARN: p.ARN, Qualifier: p.Key}}
		},
		Breaks: lostGrants,
	}, denyEdit())
}

func readPolicy(ctx context.Context, cfg aws.Config, p Place) (resourcePolicy, Token, error) {
	c, resource := lambdaClient(cfg), qualified(p.Target, p.Key)
	out, err := c.GetResourcePolicy(ctx, &lambda.GetResourcePolicyInput{ResourceArn: aws.String(resource)})
	switch {
	case err == nil:
		return resourcePolicy{aws.ToString(out.Policy)}, Token(aws.ToString(out.RevisionId)), nil
	}
	// Older endpoints and roles know only the older call, which shows the same policy. It is
	// asked also where the newer one says that there is none: a public grant that is
	// overlooked costs more than a call (an emulator answers just so).
	old, olderr := c.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: aws.String(p.Function), Qualifier: orNil(p.Key)})
	switch {
	case olderr == nil:
		return resourcePolicy{aws.ToString(old.Policy)}, Token(aws.ToString(old.RevisionId)), nil
	case isCode(olderr, "ResourceNotFoundException"), isCode(err, "ResourceNotFoundException"):
		return resourcePolicy{}, "", nil
	}
	return resourcePolicy{}, "", errors.Join(err, olderr)
}

// samePolicy compares statement by statement: AWS does not promise their order.
func samePolicy(a, b resourcePolicy) bool {
	x, err1 := parsePolicy(a.Policy)
	y, err2 := parsePolicy(b.Policy)
	if err1 != nil || err2 != nil {
		return a.Policy == b.Policy
	}
	return len(x.Statements) == len(y.Statements) && len(minus(x, y)) == 0 && len(minus(y, x)) == 0
}

// betweenPolicies: some of the statements to be removed are gone, none came.
func betweenPolicies(from, now, to resourcePolicy) bool {
	f, err1 := parsePolicy(from.Policy)
	n, err2 := parsePolicy(now.Policy)
	t, err3 := parsePolicy(to.Policy)
	return err1 == nil && err2 == nil && err3 == nil && len(minus(n, f)) == 0 && len(minus(t, n)) == 0
}

// policySteps removes by Sid where that is enough, since it leaves alone what it does
// not name; anything else is one write of the whole document.
func policySteps(p Place, now, to resourcePolicy, tok Token) []Step {
	n, err1 := parsePolicy(now.Policy)
	t, err2 := parsePolicy(to.Policy)
	if err1 != nil || err2 != nil {
		return nil
	}
	gone, revision := minus(n, t), orNil(string(tok))
	// RemovePermission takes grants away; that it takes a deny is told nowhere.
	if len(minus(t, n)) == 0 && allBySid(n, gone) && !slices.ContainsFunc(gone, func(s iampolicy.Statement) bool { return s.Effect != "Allow" }) {
		var steps []Step
		for _, s := range gone {
			steps = append(steps, removePermission(p, s.Sid, revision))
		}
		return steps
	}
	resource := aws.String(qualified(p.Target, p.Key))
	if len(t.Statements) == 0 {
		in := &lambda.DeleteResourcePolicyInput{ResourceArn: resource, RevisionId: revision}
		return []Step{{"Lambda:DeleteResourcePolicy", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := lambdaClient(cfg).DeleteResourcePolicy(ctx, in)
			return err
		}}}
	}
	in := &lambda.PutResourcePolicyInput{ResourceArn: resource, Policy: aws.String(to.Policy), RevisionId: revision}
	return []Step{{"Lambda:PutResourcePolicy", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := lambdaClient(cfg).PutResourcePolicy(ctx, in)
		return err
	}}}
}

func removePermission(p Place, sid string, revision *string) Step {
	in := &lambda.RemovePermissionInput{FunctionName: aws.String(p.Function), Qualifier: orNil(p.Key), StatementId: aws.String(sid), RevisionId: revision}
	return Step{"Lambda:RemovePermission", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := lambdaClient(cfg).RemovePermission(ctx, in)
		return err
	}}
}

func lostGrants(_ *Survey, before map[string]resourcePolicy) []Impact {
	var all []Impact
	for _, key := range sortedKeys(before) {
		p, err := parsePolicy(before[key].Policy)
		if err != nil {
			continue
		}
		for _, s := range p.Statements {
			all = append(all, Impact{What: "grant", Resource: orLatest(key), Detail: fmt.Sprintf("%s: %s", first(s.Sid, "(no Sid)"), principals(s))})
		}
	}
	return all
}

// eachGrant gives the statements of every qualifier whose policy was read.
func eachGrant(v *Survey, states map[string]json.RawMessage, take func(qualifier string, g iampolicy.Statement)) {
	for _, q := range v.qualifiers() {
		var s resourcePolicy
		if json.Unmarshal(states[fileKey(qualified(v.Target, q), docPolicy, q)], &s) != nil {
			continue
		}
		p, err := parsePolicy(s.Policy)
		if err != nil {
			continue // its own act could not be planned, which says so
		}
		for _, g := range p.Statements {
			take(q, g)
		}
	}
}

// serviceGrants are warnings about grants to a service that any of its customers can use.
func serviceGrants(v *Survey, states map[string]json.RawMessage, removed bool) []string {
	if removed {
		return nil
	}
	var all []string
	eachGrant(v, states, func(q string, g iampolicy.Statement) {
		if anySource(g) {
			all = append(all, fmt.Sprintf("grant %s on %s lets %s call for any account (no SourceArn or SourceAccount); it stays unless service grants are asked for",
				first(g.Sid, "(no Sid)"), orLatest(q), principals(g)))
		}
	})
	return all
}
