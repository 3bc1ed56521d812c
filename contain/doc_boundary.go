package contain

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// boundary is the permissions boundary of a role: one slot, so that a write overwrites what
// was there. "" is none.
type boundary struct {
	Policy string `json:"policy"`
}

const actBoundary = "role-boundary-deny"

// denyAll is the managed policy of AWS that denies everything. In the place of a boundary
// it denies too: an explicit deny counts wherever it stands.
func denyAll(t Target) string { return "arn:" + t.Partition + ":iam::aws:policy/AWSDenyAll" }

func boundaryActs() []Act {
	return Define(Doc[boundary]{
		Name: "iam.role.boundary",
		Needs: []awsapi.Need{
			on("IAM:GetRole", "role ARN", false),
			on("IAM:PutRolePermissionsBoundary", "role ARN", true),
			when(on("IAM:DeleteRolePermissionsBoundary", "role ARN", true), "undoing, where the role had no boundary"),
		},
		Resource: func(p Place) string { return p.Role },
		Region:   func(Place) string { return "" },
		Read:     readBoundary,
		Steps:    boundarySteps,
	}, Edit[boundary]{
		Name:  actBoundary,
		About: "make AWSDenyAll the role's permissions boundary, where its inline policies leave no room for a deny (10,240 characters)",
		Lossy: "AWS may disable SQS, Kinesis and DynamoDB mappings by itself meanwhile; deliveries to the dead-letter queue that the role could not make are lost",
		Kind:  Isolate, Attack: []string{"T1552", "T1078.004"},
		On: []TargetKind{OnRole}, RoleWide: true, Rank: roleRank,
		Keys:  func(*Survey) []string { return []string{""} },
		Apply: func(p Place, _ boundary, _ Params) (boundary, error) { return boundary{denyAll(p.Target)}, nil },
		Destroys: func(p Place, _ boundary) []Artefact {
			if p.Kind == OnRole {
				return nil
			}
			return []Artefact{{Name: "iam.role", ARN: p.Role}}
		},
		Breaks: boundaryBreaks,
		Worth: func(*Survey) []string {
			return []string{"whoever may delete a role's boundary lifts it; a role that has to keep its boundary by a condition (iam:PermissionsBoundary) may refuse the change"}
		},
		Contained: func(s boundary) string {
			if roleName(s.Policy) == "AWSDenyAll" {
				return "its boundary denies everything"
			}
			return ""
		},
	})
}

func boundaryBreaks(s *Survey, before map[string]boundary) []Impact {
	all := sharers(s, "shares the role: loses every permission, its logs too")
	if s.Kind == OnFunction {
		all = append(all, Impact{What: "function", Resource: s.ARN, Detail: "loses every permission, writing its own logs too: what it does from now on is told nowhere"})
	} else {
		all = append(all, Impact{What: "role", Resource: s.Role, Detail: usersOf(s)})
	}
	if was := before[""].Policy; was != "" {
		all = append(all, Impact{What: "role", Resource: s.Role, Detail: fmt.Sprintf("its boundary %s is overwritten; lifting puts it back", was)})
	}
	return all
}

func readBoundary(ctx context.Context, cfg aws.Config, p Place) (boundary, Token, error) {
	out, err := iamClient(cfg).GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(roleName(p.Role))})
	if err != nil {
		return boundary{}, "", err
	}
	if out.Role == nil {
		return boundary{}, "", errors.New("AWS answers without the role")
	}
	if out.Role.PermissionsBoundary == nil {
		return boundary{}, "", nil
	}
	return boundary{aws.ToString(out.Role.PermissionsBoundary.PermissionsBoundaryArn)}, "", nil
}

func boundarySteps(p Place, _, to boundary, _ Token) []Step {
	role := aws.String(roleName(p.Role))
	if to.Policy == "" {
		in := &iam.DeleteRolePermissionsBoundaryInput{RoleName: role}
		return []Step{{"IAM:DeleteRolePermissionsBoundary", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := iamClient(cfg).DeleteRolePermissionsBoundary(ctx, in)
			return err
		}}}
	}
	in := &iam.PutRolePermissionsBoundaryInput{RoleName: role, PermissionsBoundary: aws.String(to.Policy)}
	return []Step{{"IAM:PutRolePermissionsBoundary", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := iamClient(cfg).PutRolePermissionsBoundary(ctx, in)
		return err
	}}}
}
