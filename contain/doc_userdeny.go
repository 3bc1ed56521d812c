package contain

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// userDeny is what denies a user everything: an inline policy of ours, AWS's AWSDenyAll
// attached, or both.
type userDeny struct {
	Document string `json:"document"` // "" is none
	DenyAll  bool   `json:"deny_all"`
}

func userDenyActs() []Act {
	user := "user ARN"
	return Define(Doc[userDeny]{
		Name: "iam.user.deny",
		Needs: []awsapi.Need{
			on("IAM:GetUserPolicy", user, false),
			on("IAM:ListAttachedUserPolicies", user, false),
			when(on("IAM:PutUserPolicy", user, true), "the user's inline policies leave room"),
			when(on("IAM:DeleteUserPolicy", user, true), "lifting what was put"),
			when(on("IAM:AttachUserPolicy", user, true), "they leave none, or "+actUserDenyAll),
			when(on("IAM:DetachUserPolicy", user, true), "lifting what was attached"),
		},
		Resource: userARN,
		Region:   func(Place) string { return "" },
		Read:     readUserDeny,
		Equal:    func(a, b userDeny) bool { return a.DenyAll == b.DenyAll && sameJSON(a.Document, b.Document) },
		Between: func(from, now, to userDeny) bool {
			return (sameJSON(now.Document, from.Document) || sameJSON(now.Document, to.Document)) && (now.DenyAll == from.DenyAll || now.DenyAll == to.DenyAll)
		},
		Steps: userDenySteps,
	}, userQuarantineEdit(), userDenyAllEdit())
}

func userQuarantineEdit() Edit[userDeny] {
	return Edit[userDeny]{
		Name:  actUserQuarantine,
		About: "deny the user everything, whatever its keys, password and groups: an inline policy, or AWSDenyAll where there is no room for one",
		Kind:  Evict, Level: LevelEvict, Attack: []string{"T1078.004", "T1098", "T1136.003"},
		// A login profile is answered by a deny: deleting it would lose the password.
		Answers: []Answer{{Kind: "user", Change: "created", Target: userOf}, {Kind: "login-profile", Target: userOf}},
		On:      []TargetKind{OnUser}, Rank: rank(stageActor), Revives: true, Lasts: true,
		Keys:  func(*Survey) []string { return []string{quarantinePolicy} },
		Looks: []Part{userInlinePart()},
		Params: func(_ PlanInput, s *Survey) Params {
			return Params{"room": strconv.Itoa(room(s, quarantinePolicy))}
		},
		Apply: func(_ Place, before userDeny, params Params) (userDeny, error) {
			left, err := strconv.Atoi(params["room"])
			if err != nil {
				return before, fmt.Errorf("%w: room for the policy: %w", ErrBadPlan, err)
			}
			if text := denyAllDocument(); len(text) > left {
				before.DenyAll = true
			} else if !sameJSON(before.Document, text) {
				before.Document = text
			}
			return before, nil
		},
		Breaks:    deniedUser,
		Worth:     userWorth,
		Contained: deniedBefore,
		Fixture:   Fixture{Actor: "arn:aws:iam::123456789012:user/mallory"},
	}
}

// userDenyAllEdit writes no policy text, so that a role which may attach this one policy
// and nothing else can do it.
func userDenyAllEdit() Edit[userDeny] {
	return Edit[userDeny]{
		Name:  actUserDenyAll,
		About: "attach AWS's AWSDenyAll to the user: a deny for which attaching this one policy is permission enough",
		Kind:  Evict, Attack: []string{"T1078.004", "T1098"},
		On: []TargetKind{OnUser}, Rank: rank(stageActor), Revives: true, Lasts: true,
		Keys: func(*Survey) []string { return []string{quarantinePolicy} },
		Apply: func(_ Place, before userDeny, _ Params) (userDeny, error) {
			before.DenyAll = true
			return before, nil
		},
		Breaks:  deniedUser,
		Worth:   userWorth,
		Fixture: Fixture{Actor: "arn:aws:iam::123456789012:user/mallory"},
	}
}

func deniedUser(s *Survey, _ map[string]userDeny) []Impact {
	return []Impact{{What: "user", Resource: s.ARN, Detail: "every call is denied, of keys, console and sessions alike"}}
}

func userWorth(*Survey) []string {
	return []string{"sessions of roles that the user assumed live on: contain those roles too"}
}

func deniedBefore(s userDeny) string {
	switch {
	case s.Document != "":
		return "a quarantine is on the user"
	case s.DenyAll:
		return "AWSDenyAll is attached to the user"
	}
	return ""
}

// denyAllDocument is the quarantine of a user.
func denyAllDocument() string {
	b, err := canonical(quarantine(nil))
	if err != nil { // a constant
		return ""
	}
	return string(b)
}

func denyAllPolicy(p Place) *string {
	return aws.String("arn:" + p.Partition + ":iam::aws:policy/AWSDenyAll")
}

func readUserDeny(ctx context.Context, cfg aws.Config, p Place) (userDeny, Token, error) {
	text, err := readUserPolicy(ctx, cfg, p, p.Key)
	if err != nil {
		return userDeny{}, "", err
	}
	s := userDeny{Document: text}
	err = pages(func(m *string) (*string, error) {
		out, err := iamClient(cfg).ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: userName(p), Marker: m})
		if err != nil {
			return nil, err
		}
		for _, a := range out.AttachedPolicies {
			s.DenyAll = s.DenyAll || aws.ToString(a.PolicyArn) == *denyAllPolicy(p)
		}
		return out.Marker, nil
	})
	return s, "", err
}

func userDenySteps(p Place, now, to userDeny, _ Token) []Step {
	var steps []Step
	if !sameJSON(now.Document, to.Document) {
		steps = append(steps, userPolicyStep(p, p.Key, to.Document))
	}
	switch {
	case to.DenyAll && !now.DenyAll:
		in := &iam.AttachUserPolicyInput{UserName: userName(p), PolicyArn: denyAllPolicy(p)}
		steps = append(steps, Step{"IAM:AttachUserPolicy", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := iamClient(cfg).AttachUserPolicy(ctx, in)
			return err
		}})
	case now.DenyAll && !to.DenyAll:
		in := &iam.DetachUserPolicyInput{UserName: userName(p), PolicyArn: denyAllPolicy(p)}
		steps = append(steps, Step{"IAM:DetachUserPolicy", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := iamClient(cfg).DetachUserPolicy(ctx, in)
			return err
		}})
	}
	return steps
}

// userOf is the user that a finding is about, "" if its ARN is not a user's: a key that
// somebody's session made for oneself is the session's, and of no user that is named.
func userOf(f finding.Finding) string {
	if kind, arn := principalOf(f.ARN); kind == OnUser {
		return arn
	}
	return ""
}
