package contain

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// attached says whether one managed policy (Place.Key is its ARN) hangs on the role.
type attached struct {
	On bool `json:"attached"`
}

const actAttached = "role-attach-deny"

func attachedActs() []Act {
	return Define(Doc[attached]{
		Name: "iam.role.attached",
		Needs: []awsapi.Need{
			on("IAM:ListAttachedRolePolicies", "role ARN", false),
			on("IAM:AttachRolePolicy", "role ARN", true),
			when(on("IAM:DetachRolePolicy", "role ARN", true), "lifting"),
		},
		Resource: func(p Place) string { return p.Role },
		Region:   func(Place) string { return "" },
		Read:     readAttached,
		Steps:    attachedSteps,
	}, Edit[attached]{
		Name:  actAttached,
		About: "attach AWSDenyAll to the role, where its inline policies leave no room for a deny (10,240 characters); overwrites nothing",
		Lossy: "AWS may disable SQS, Kinesis and DynamoDB mappings by itself meanwhile; deliveries to the dead-letter queue that the role could not make are lost",
		Kind:  Isolate, Attack: []string{"T1552", "T1078.004"},
		On: []TargetKind{OnRole}, RoleWide: true, Rank: roleRank,
		Keys:  func(s *Survey) []string { return []string{denyAll(s.Target)} },
		Apply: func(Place, attached, Params) (attached, error) { return attached{true}, nil },
		Destroys: func(p Place, _ attached) []Artefact {
			if p.Kind == OnRole {
				return nil
			}
			return []Artefact{{Name: "iam.role.attached", ARN: p.Role}}
		},
		Breaks: func(s *Survey, _ map[string]attached) []Impact { return boundaryBreaks(s, nil) },
		Worth: func(*Survey) []string {
			return []string{"a role has room for a number of managed policies, 10 by default: where that is used up AWS refuses, and role-boundary-deny is left"}
		},
		Contained: func(s attached) string {
			if s.On {
				return "AWSDenyAll is attached to the role"
			}
			return ""
		},
	})
}

func readAttached(ctx context.Context, cfg aws.Config, p Place) (attached, Token, error) {
	var s attached
	err := pages(func(m *string) (*string, error) {
		out, err := iamClient(cfg).ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: aws.String(roleName(p.Role)), Marker: m})
		if err != nil {
			return nil, err
		}
		for _, a := range out.AttachedPolicies {
			s.On = s.On || aws.ToString(a.PolicyArn) == p.Key
		}
		if out.IsTruncated && aws.ToString(out.Marker) == "" {
			return nil, fmt.Errorf("the policies of %s are listed in part, and AWS does not say how to go on", roleName(p.Role))
		}
		return out.Marker, nil
	})
	return s, "", err
}

func attachedSteps(p Place, _, to attached, _ Token) []Step {
	role, policy := aws.String(roleName(p.Role)), aws.String(p.Key)
	if !to.On {
		in := &iam.DetachRolePolicyInput{RoleName: role, PolicyArn: policy}
		return []Step{{"IAM:DetachRolePolicy", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := iamClient(cfg).DetachRolePolicy(ctx, in)
			return err
		}}}
	}
	in := &iam.AttachRolePolicyInput{RoleName: role, PolicyArn: policy}
	return []Step{{"IAM:AttachRolePolicy", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := iamClient(cfg).AttachRolePolicy(ctx, in)
		return err
	}}}
}
