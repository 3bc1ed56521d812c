package contain

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// accessKey is whether one access key of a user (Place.Key is its id) signs.
type accessKey struct {
	Status iamtypes.StatusType `json:"status"` // "" is none of that id any more
}

const partAccessKeys = "access keys"

func accessKeyActs() []Act {
	return Define(Doc[accessKey]{
		Name: "iam.user.access-key",
		Needs: []awsapi.Need{
			on("IAM:ListAccessKeys", "user ARN", false),
			on("IAM:UpdateAccessKey", "user ARN", true),
		},
		Resource: userARN,
		Region:   func(Place) string { return "" },
		Read: func(ctx context.Context, cfg aws.Config, p Place) (accessKey, Token, error) {
			all, err := accessKeys(ctx, cfg, p.Target)
			for _, k := range all {
				if aws.ToString(k.AccessKeyId) == p.Key {
					return accessKey{k.Status}, "", err
				}
			}
			return accessKey{}, "", err
		},
		Steps: accessKeySteps,
	}, keyInactiveEdit())
}

func keyInactiveEdit() Edit[accessKey] {
	return Edit[accessKey]{
		Name:  actKeyInactive,
		About: "make the user's access keys inactive",
		Kind:  Evict, Level: LevelEvict, Attack: []string{"T1078.004", "T1098.001"},
		Answers: []Answer{
			{Kind: "access-key", Change: "created", Target: userOf, Key: findingKey},
			{Kind: "user", Change: "created", Target: userOf},
		},
		On: []TargetKind{OnUser}, Rank: rank(stageActor), Revives: true, Lasts: true,
		// Sessions that the key was changed for outlive it: their deny goes with it.
		Along: []string{actUserRevoke},
		Looks: []Part{Look(Part{
			Name: partAccessKeys, On: []TargetKind{OnUser}, Needs: []awsapi.Need{on("IAM:ListAccessKeys", "user ARN", false)},
		}, func(ctx context.Context, cfg aws.Config, s *Survey) ([]iamtypes.AccessKeyMetadata, error) {
			return accessKeys(ctx, cfg, s.Target)
		}, nil), userInlinePart()}, // the second for the act that goes along
		Parts: []string{partAccessKeys},
		Keys: func(s *Survey) []string {
			var ids []string
			for _, k := range Found[[]iamtypes.AccessKeyMetadata](s, partAccessKeys) {
				ids = append(ids, aws.ToString(k.AccessKeyId))
			}
			return ids
		},
		Apply: func(_ Place, s accessKey, _ Params) (accessKey, error) {
			if s.Status == iamtypes.StatusTypeActive {
				s.Status = iamtypes.StatusTypeInactive
			}
			return s, nil
		},
		Breaks: func(_ *Survey, before map[string]accessKey) []Impact {
			var all []Impact
			for _, id := range sortedKeys(before) {
				all = append(all, Impact{What: "key", Resource: id, Detail: "whoever and whatever signs with it is refused (InvalidClientTokenId)"})
			}
			return all
		},
		Fixture: Fixture{Actor: "arn:aws:iam::123456789012:user/mallory"}, // a path as well, which is not told
		Worth: func(s *Survey) []string {
			return []string{fmt.Sprintf("%s can make itself another key while it has a session or a password: %s denies that", roleName(s.ARN), actUserQuarantine)}
		},
	}
}

func accessKeys(ctx context.Context, cfg aws.Config, t Target) ([]iamtypes.AccessKeyMetadata, error) {
	var all []iamtypes.AccessKeyMetadata
	err := pages(func(m *string) (*string, error) {
		out, err := iamClient(cfg).ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: userName(Place{Target: t}), Marker: m})
		if err != nil {
			return nil, err
		}
		all = append(all, out.AccessKeyMetadata...)
		return out.Marker, nil
	})
	return all, err
}

// accessKeySteps: a key that is gone does not come back, and one that came meanwhile is
// somebody's.
func accessKeySteps(p Place, now, to accessKey, _ Token) []Step {
	if now.Status == "" || to.Status == "" {
		return nil
	}
	in := &iam.UpdateAccessKeyInput{UserName: userName(p), AccessKeyId: aws.String(p.Key), Status: to.Status}
	return []Step{{"IAM:UpdateAccessKey", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := iamClient(cfg).UpdateAccessKey(ctx, in)
		return err
	}}}
}

// findingKey is the id in the name of a finding on a key: "key/AKIA...".
func findingKey(f finding.Finding) string {
	id, _ := strings.CutPrefix(f.Name, "key/")
	return id
}
