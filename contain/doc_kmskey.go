package contain

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// kmsKey is the state of a key (Place.Key is its ARN).
type kmsKey struct {
	State kmstypes.KeyState `json:"state"`
}

const partDoomedKeys = "keys that wait for their deletion"

func kmsKeyActs() []Act {
	return Define(Doc[kmsKey]{
		Name: "kms.key",
		Needs: []awsapi.Need{
			on("KMS:DescribeKey", "key ARN", false),
			on("KMS:CancelKeyDeletion", "key ARN", true),
			on("KMS:EnableKey", "key ARN", true),
		},
		Resource: func(p Place) string { return p.Key },
		Read: func(ctx context.Context, cfg aws.Config, p Place) (kmsKey, Token, error) {
			k, err := describedKey(ctx, cfg, p.Key)
			return kmsKey{k.KeyState}, "", err
		},
		Between: func(from, now, to kmsKey) bool { // cancelling leaves it disabled
			return from.State == kmstypes.KeyStatePendingDeletion && now.State == kmstypes.KeyStateDisabled && to.State == kmstypes.KeyStateEnabled
		},
		Steps: kmsKeySteps,
	}, Edit[kmsKey]{
		Name:       actKMSKey,
		About:      "cancel the deletion of a KMS key and enable it: what it encrypted stays readable",
		Lossy:      "undo leaves the key as it is: whoever wants it deleted schedules that anew, with a new waiting period",
		LosesState: []string{"kms/*#.deletion"},
		Kind:       Preserve, Attack: []string{"T1485"}, Stays: true,
		On: []TargetKind{OnFunction, OnResource},
		Looks: []Part{Look(Part{
			Name: partDoomedKeys, On: []TargetKind{OnFunction, OnResource}, Needs: []awsapi.Need{on("KMS:DescribeKey", "key ARN", false)},
		}, doomedKeys, nil)},
		Parts:   []string{partDoomedKeys},
		Fixture: Fixture{Resource: "arn:aws:kms:eu-central-1:123456789012:alias/doomed"},
		Keys:    func(s *Survey) []string { return Found[[]string](s, partDoomedKeys) },
		Apply: func(_ Place, s kmsKey, _ Params) (kmsKey, error) {
			if s.State == kmstypes.KeyStatePendingDeletion || s.State == kmstypes.KeyStateDisabled {
				s.State = kmstypes.KeyStateEnabled
			}
			return s, nil
		},
		Breaks: func(_ *Survey, before map[string]kmsKey) []Impact {
			var all []Impact
			for _, key := range sortedKeys(before) {
				all = append(all, Impact{What: "key", Resource: key, Detail: "whoever its policy and grants let use it can do so again"})
			}
			return all
		},
	})
}

func describedKey(ctx context.Context, cfg aws.Config, arn string) (kmstypes.KeyMetadata, error) {
	out, err := kms.NewFromConfig(cfg).DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(arn)})
	if err != nil {
		return kmstypes.KeyMetadata{}, err
	}
	if out.KeyMetadata == nil {
		return kmstypes.KeyMetadata{}, errors.New("AWS answers without the key")
	}
	return *out.KeyMetadata, nil
}

// doomedKeys are those of the target, or of an alias, that wait for their deletion. One that is only
// disabled may be its owner's own containment, and is left alone.
func doomedKeys(ctx context.Context, cfg aws.Config, s *Survey) ([]string, error) {
	arn := s.KMSKey
	if s.Kind == OnResource {
		arn = s.ARN
	}
	if !strings.Contains(arn, ":kms:") {
		return nil, nil
	}
	there := cfg.Copy()
	there.Region = regionOf(arn)
	key, err := describedKey(ctx, there, arn)
	if err != nil || key.KeyState != kmstypes.KeyStatePendingDeletion {
		return nil, err
	}
	return []string{aws.ToString(key.Arn)}, nil
}

func kmsKeySteps(p Place, now, to kmsKey, _ Token) []Step {
	if to.State != kmstypes.KeyStateEnabled {
		return nil
	}
	_, id, _ := strings.Cut(p.Key, ":key/") // both calls are of this account's keys alone, and some emulators know them by id only
	cancel, enable := &kms.CancelKeyDeletionInput{KeyId: aws.String(id)}, &kms.EnableKeyInput{KeyId: aws.String(id)}
	steps := []Step{{"KMS:EnableKey", enable, func(ctx context.Context, cfg aws.Config) error {
		_, err := kms.NewFromConfig(cfg).EnableKey(ctx, enable)
		return err
	}}}
	if now.State != kmstypes.KeyStatePendingDeletion {
		return steps
	}
	return append([]Step{{"KMS:CancelKeyDeletion", cancel, func(ctx context.Context, cfg aws.Config) error {
		_, err := kms.NewFromConfig(cfg).CancelKeyDeletion(ctx, cancel)
		return err
	}}}, steps...)
}
