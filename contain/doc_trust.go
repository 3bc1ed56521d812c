package contain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// trust is a role's trust policy (Place.Key is the role's ARN): who may take sessions of it.
type trust struct {
	Document string `json:"document"` // as it is written, so that undo restores it to the letter
}

const partTrusting = "roles that trust the provider"

func trustActs() []Act {
	return Define(Doc[trust]{
		Name: "iam.role.trust",
		Needs: []awsapi.Need{
			on("IAM:GetRole", "role ARN", false),
			on("IAM:UpdateAssumeRolePolicy", "role ARN", true),
		},
		Resource: func(p Place) string { return p.Key },
		Region:   func(Place) string { return "" },
		Read:     readTrust,
		Equal:    func(a, b trust) bool { return sameJSON(a.Document, b.Document) },
		Steps: func(p Place, _, to trust, _ Token) []Step {
			in := &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String(roleName(p.Key)), PolicyDocument: aws.String(to.Document)}
			return []Step{{"IAM:UpdateAssumeRolePolicy", in, func(ctx context.Context, cfg aws.Config) error {
				_, err := iamClient(cfg).UpdateAssumeRolePolicy(ctx, in)
				return err
			}}}
		},
	}, outsidersEdit(), providerEdit())
}

func outsidersEdit() Edit[trust] {
	return Edit[trust]{
		Name:  actTrust,
		About: "remove from the role's trust policy whom it admits from outside: other accounts, everybody, providers of others",
		Kind:  Evict, Level: LevelEvict, Attack: []string{"T1098.003", "T1199"},
		Answers: []Answer{{Kind: "trust-policy", Target: roleOfFinding}},
		On:      []TargetKind{OnRole}, Rank: rank(stageActor),
		Parts: []string{partRole},
		Keys: func(s *Survey) []string {
			// A trust that admits nobody from outside has nothing to remove: a finding about it
			// is left to hands.
			after, err := withoutOutsiders(s.Trust, Params{"account": s.Account})
			if s.Trust == "" || err == nil && sameJSON(after, s.Trust) {
				return nil
			}
			return []string{s.Role}
		},
		Params: func(in PlanInput, s *Survey) Params {
			p := Params{"account": s.Account}
			if in.Organization != "" {
				p["organization"] = in.Organization
			}
			return p
		},
		Apply: func(_ Place, before trust, params Params) (trust, error) {
			after, err := withoutOutsiders(before.Document, params)
			return trust{after}, err
		},
		Destroys: func(p Place, _ trust) []Artefact {
			if p.Kind == OnRole {
				return nil // the document is all, and the run's bag keeps it
			}
			return []Artefact{{Name: "iam.role", ARN: p.Role}}
		},
		Breaks: func(s *Survey, before map[string]trust) []Impact {
			var all []Impact
			for _, role := range sortedKeys(before) {
				for _, who := range untrusted(before[role].Document, s.Account) {
					all = append(all, Impact{What: "role", Resource: role, Detail: who + " can take no new session of it"})
				}
			}
			return all
		},
		Worth: func(*Survey) []string {
			return []string{"sessions that were taken already live on: " + actRevoke + " denies them", "principals of this account that the policy admits stay"}
		},
		Fixture: Fixture{Actor: "arn:aws:iam::123456789012:role/lent"},
	}
}

// providerEdit closes an identity provider: who comes in by it needs a role that trusts it.
func providerEdit() Edit[trust] {
	return Edit[trust]{
		Name:  actProvider,
		About: "remove an OIDC or SAML provider from the trust policy of every role that names it",
		Kind:  Evict, Attack: []string{"T1098", "T1556.007"},
		Answers: []Answer{{Kind: "identity-provider", Change: "created", Target: providerOf}},
		On:      []TargetKind{OnResource}, Rank: rank(stageActor),
		Looks: []Part{Look(Part{
			Name: partTrusting, On: []TargetKind{OnResource},
			Needs: []awsapi.Need{{Call: "IAM:ListRoles", IAM: []awsapi.Grant{{Action: "iam:ListRoles", Resource: "*"}}, When: "planning"}},
		}, trusting, nil)},
		Parts: []string{partTrusting},
		Keys:  func(s *Survey) []string { return Found[[]string](s, partTrusting) },
		Params: func(in PlanInput, s *Survey) Params {
			return Params{"provider": s.ARN, "self": in.Session.Identity.ARN, "chain": strings.Join(in.Chain, "\n"), "protected": strings.Join(in.Protected, "\n")}
		},
		Apply: func(p Place, before trust, params Params) (trust, error) {
			if err := guardRole(actProvider, p.Key, params["self"], lines(params["chain"]), lines(params["protected"])); err != nil {
				return before, err
			}
			after, err := rewritten(before.Document, func(s iampolicy.Statement) (*iampolicy.Statement, bool, error) {
				return withoutProvider(s, params["provider"])
			})
			return trust{after}, err
		},
		Breaks: func(s *Survey, before map[string]trust) []Impact {
			var all []Impact
			for _, role := range sortedKeys(before) {
				all = append(all, Impact{What: "role", Resource: role, Detail: "whoever " + s.ARN + " vouches for can take no new session of it"})
			}
			return all
		},
		Worth: func(*Survey) []string {
			return []string{"sessions that were taken already live on: name the roles with --actor", "the provider itself stays: delete it by hand once it is evidence no more"}
		},
		Fixture: Fixture{Resource: "arn:aws:iam::123456789012:oidc-provider/token.evil.example"},
	}
}

func lines(s string) []string {
	return slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool { return l == "" })
}

func readTrust(ctx context.Context, cfg aws.Config, p Place) (trust, Token, error) {
	out, err := iamClient(cfg).GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(roleName(p.Key))})
	if err != nil {
		return trust{}, "", err
	}
	if out.Role == nil {
		return trust{}, "", errors.New("AWS answers without the role")
	}
	return trust{plainJSON(aws.ToString(out.Role.AssumeRolePolicyDocument))}, "", nil
}

// withoutOutsiders is a trust policy without whom hostile finds in it.
func withoutOutsiders(text string, params Params) (string, error) {
	return rewritten(text, func(s iampolicy.Statement) (*iampolicy.Statement, bool, error) { return stripped(s, params) })
}

// rewritten is a trust policy with each statement as edit gives it back, nil for none: to
// the letter as before if none changes. A trust policy without statements is none that IAM
// takes, so an explicit deny stands for it.
func rewritten(text string, edit func(iampolicy.Statement) (left *iampolicy.Statement, changed bool, err error)) (string, error) {
	d, err := iampolicy.Parse(text)
	if err != nil {
		return "", fmt.Errorf("reading a trust policy: %w", err)
	}
	var kept []iampolicy.Statement
	altered := false
	for _, s := range d.Statements {
		left, changed, err := edit(s)
		if err != nil {
			return "", err
		}
		if altered = altered || changed; left != nil {
			kept = append(kept, *left)
		}
	}
	switch {
	case !altered:
		return text, nil
	case len(kept) == 0:
		b, err := canonical(statements(map[string]any{"Sid": "FreezeframeNobody", "Effect": "Deny", "Principal": map[string]any{"AWS": "*"}, "Action": "sts:AssumeRole"}))
		return string(b), err
	}
	d.Statements = kept
	return d.String(), nil
}

// withoutProvider takes a provider out of the principals of an allowing statement.
func withoutProvider(s iampolicy.Statement, provider string) (*iampolicy.Statement, bool, error) {
	if s.Effect != "Allow" || s.Principal == nil || !slices.Contains(s.Principal.Federated, provider) {
		return &s, false, nil
	}
	kept := map[string][]string{}
	for _, k := range kinds(*s.Principal) {
		for _, n := range k.names {
			if k.name != "Federated" || n != provider {
				kept[k.name] = append(kept[k.name], n)
			}
		}
	}
	if len(kept) == 0 {
		return nil, true, nil
	}
	left, err := withPrincipals(s, kept)
	return left, true, err
}

// untrusted names whom withoutOutsiders takes away.
func untrusted(text, account string) []string {
	d, err := iampolicy.Parse(text)
	if err != nil {
		return nil
	}
	var all []string
	for _, s := range d.Statements {
		if _, exposed, err := stripped(s, Params{"account": account}); err == nil && exposed {
			all = append(all, first(s.Sid, "a statement")+" ("+principals(s)+")")
		}
	}
	return all
}

// trusting are the roles whose trust policy names the provider that the target is.
func trusting(ctx context.Context, cfg aws.Config, s *Survey) ([]string, error) {
	if !strings.Contains(s.ARN, ":oidc-provider/") && !strings.Contains(s.ARN, ":saml-provider/") {
		return nil, nil
	}
	var all []string
	err := pages(func(m *string) (*string, error) {
		out, err := iamClient(cfg).ListRoles(ctx, &iam.ListRolesInput{Marker: m})
		if err != nil {
			return nil, err
		}
		for _, r := range out.Roles {
			d, err := iampolicy.Parse(plainJSON(aws.ToString(r.AssumeRolePolicyDocument)))
			if err != nil {
				return nil, fmt.Errorf("the trust policy of %s: %w", aws.ToString(r.Arn), err)
			}
			if slices.ContainsFunc(d.Statements, func(st iampolicy.Statement) bool {
				_, named, _ := withoutProvider(st, s.ARN)
				return named
			}) {
				all = append(all, aws.ToString(r.Arn))
			}
		}
		return out.Marker, nil
	})
	return all, err
}

// roleOfFinding is the role that a finding is about, "" if its ARN is not a role's.
func roleOfFinding(f finding.Finding) string {
	if kind, arn := principalOf(f.ARN); kind == OnRole {
		return arn
	}
	return ""
}

// providerOf is the provider that a finding is about, where the record names it by ARN.
func providerOf(f finding.Finding) string {
	if strings.HasPrefix(f.ARN, "arn:") {
		return f.ARN
	}
	return ""
}
