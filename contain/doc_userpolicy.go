package contain

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// Acts on a user's inline policies. A user has 2,048 characters for all of them together,
// where a role has 10,240: what finds no room there has AWS's own policy attached.

// maxUserInline is that, in characters that are not white space.
const maxUserInline = 2048

const partUserInline = "inline policies of the user"

func userARN(p Place) string { return p.ARN }

func userName(p Place) *string { return aws.String(roleName(p.ARN)) }

func userPolicyActs() []Act {
	return Define(Doc[rolePolicy]{
		Name: "iam.user.inline",
		Needs: []awsapi.Need{
			on("IAM:GetUserPolicy", "user ARN", false),
			on("IAM:PutUserPolicy", "user ARN", true),
			when(on("IAM:DeleteUserPolicy", "user ARN", true), "lifting"),
		},
		Resource: userARN,
		Region:   func(Place) string { return "" },
		Read: func(ctx context.Context, cfg aws.Config, p Place) (rolePolicy, Token, error) {
			text, err := readUserPolicy(ctx, cfg, p, p.Key)
			return rolePolicy{text}, "", err
		},
		Equal: func(a, b rolePolicy) bool { return sameJSON(a.Document, b.Document) },
		Steps: func(p Place, _, to rolePolicy, _ Token) []Step { return []Step{userPolicyStep(p, p.Key, to.Document)} },
	}, userRevokeEdit())
}

// userRevokeEdit denies the sessions that a user's keys were changed for: an inactive key
// leaves those of GetSessionToken and GetFederationToken alive for up to 36 hours.
func userRevokeEdit() Edit[rolePolicy] {
	return Edit[rolePolicy]{
		Name:  actUserRevoke,
		About: "deny every session of the user (GetSessionToken, GetFederationToken, the console) that was issued before now",
		Kind:  Evict, Level: LevelEvict, Attack: []string{"T1078.004", "T1550.001"},
		On: []TargetKind{OnUser}, Rank: rank(stageActor), Timed: true, Revives: true,
		Keys:  func(*Survey) []string { return []string{revokePolicy} },
		Looks: []Part{userInlinePart()},
		Params: func(in PlanInput, s *Survey) Params {
			// The quarantine's room is taken off too: of both, it does more.
			return Params{"not_before": in.Clock.Now().UTC().Format(time.RFC3339), "room": strconv.Itoa(room(s, quarantinePolicy, revokePolicy) - len(denyAllDocument()))}
		},
		Apply: func(p Place, before rolePolicy, params Params) (rolePolicy, error) {
			after, err := revoke(p, before, params)
			if left, numErr := strconv.Atoi(params["room"]); err == nil && (numErr != nil || len(after.Document) > left) {
				return before, fmt.Errorf("the user's inline policies leave no room for it: %s denies the sessions too", actUserDenyAll)
			}
			return after, err
		},
		Breaks: func(s *Survey, _ map[string]rolePolicy) []Impact {
			return []Impact{{What: "user", Resource: s.ARN, Detail: "whoever works in a session of it has to begin a new one"}}
		},
		Worth: func(*Survey) []string {
			return []string{"sessions of roles that the user assumed live on: contain those roles too", "whoever holds an active key or the password gets a session that works"}
		},
		Contained: func(s rolePolicy) string {
			if at, ok := revokedAt(s); ok {
				return "sessions from before " + at.UTC().Format(time.RFC3339) + " are revoked"
			}
			return ""
		},
		Fixture: Fixture{Actor: "arn:aws:iam::123456789012:user/mallory"},
	}
}

// userInlinePart reads how much of a user's room each inline policy takes.
func userInlinePart() Part {
	return Look(Part{
		Name: partUserInline, On: []TargetKind{OnUser},
		Needs: []awsapi.Need{when(on("IAM:ListUserPolicies", "user ARN", false), "planning"), on("IAM:GetUserPolicy", "user ARN", false)},
	}, func(ctx context.Context, cfg aws.Config, s *Survey) (map[string]int, error) {
		sizes, p := map[string]int{}, Place{Target: s.Target}
		err := pages(func(m *string) (*string, error) {
			out, err := iamClient(cfg).ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: userName(p), Marker: m})
			if err != nil {
				return nil, err
			}
			for _, n := range out.PolicyNames {
				text, err := readUserPolicy(ctx, cfg, p, n)
				if err != nil {
					return nil, err
				}
				sizes[n] = inlineSize(text)
			}
			return out.Marker, nil
		})
		return sizes, err
	}, nil)
}

// room is what the policies beside these leave.
func room(s *Survey, but ...string) int {
	left := maxUserInline
	sizes := Found[map[string]int](s, partUserInline)
	for _, n := range but {
		left += sizes[n]
	}
	for _, n := range sizes {
		left -= n
	}
	return left
}

// inlineSize is a document's size as IAM counts it: white space is free.
func inlineSize(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// readUserPolicy is the document of an inline policy, "" if there is none of that name.
func readUserPolicy(ctx context.Context, cfg aws.Config, p Place, policy string) (string, error) {
	out, err := iamClient(cfg).GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: userName(p), PolicyName: aws.String(policy)})
	if isCode(err, "NoSuchEntity", "NoSuchEntityException") {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	text := plainJSON(aws.ToString(out.PolicyDocument))
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return "", errors.New("the document of " + policy + " is not JSON")
	}
	return text, nil
}

// userPolicyStep writes an inline policy, or deletes it.
func userPolicyStep(p Place, policy, document string) Step {
	if document == "" {
		in := &iam.DeleteUserPolicyInput{UserName: userName(p), PolicyName: aws.String(policy)}
		return Step{"IAM:DeleteUserPolicy", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := iamClient(cfg).DeleteUserPolicy(ctx, in)
			return err
		}}
	}
	in := &iam.PutUserPolicyInput{UserName: userName(p), PolicyName: aws.String(policy), PolicyDocument: aws.String(document)}
	return Step{"IAM:PutUserPolicy", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := iamClient(cfg).PutUserPolicy(ctx, in)
		return err
	}}
}
