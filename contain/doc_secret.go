package contain

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// secretLife is whether a secret (Place.Key is its ARN) waits for its deletion. Its value
// is never read.
type secretLife struct {
	Deleted bool `json:"deleted"`
}

func secretActs() []Act {
	return Define(Doc[secretLife]{
		Name: "secretsmanager.deletion",
		Needs: []awsapi.Need{
			on("SecretsManager:DescribeSecret", "secret ARN", false),
			on("SecretsManager:RestoreSecret", "secret ARN", true),
		},
		Resource: func(p Place) string { return p.Key },
		Read: func(ctx context.Context, cfg aws.Config, p Place) (secretLife, Token, error) {
			out, err := secretsmanager.NewFromConfig(cfg).DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(p.Key)})
			if err != nil {
				return secretLife{}, "", err
			}
			return secretLife{out.DeletedDate != nil}, "", nil
		},
		Steps: func(p Place, _, to secretLife, _ Token) []Step {
			if to.Deleted {
				return nil
			}
			in := &secretsmanager.RestoreSecretInput{SecretId: aws.String(p.Key)}
			return []Step{{"SecretsManager:RestoreSecret", in, func(ctx context.Context, cfg aws.Config) error {
				_, err := secretsmanager.NewFromConfig(cfg).RestoreSecret(ctx, in)
				return err
			}}}
		},
	}, Edit[secretLife]{
		Name:       actSecret,
		About:      "restore a secret that waits for its deletion",
		Lossy:      "undo leaves the secret as it is: whoever wants it deleted does that anew, with a new recovery window",
		LosesState: []string{"secretsmanager/*#.about.DeletedDate"},
		Kind:       Preserve, Attack: []string{"T1485"}, Stays: true, Sparse: true,
		On:      []TargetKind{OnResource},
		Fixture: Fixture{Resource: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/doomed"},
		Keys: func(s *Survey) []string {
			if strings.Contains(s.ARN, ":secretsmanager:") && strings.Contains(s.ARN, ":secret:") {
				return []string{s.ARN}
			}
			return nil
		},
		Apply: func(Place, secretLife, Params) (secretLife, error) { return secretLife{}, nil },
		Breaks: func(_ *Survey, before map[string]secretLife) []Impact {
			var all []Impact
			for _, secret := range sortedKeys(before) {
				all = append(all, Impact{What: "secret", Resource: secret, Detail: "whoever may read it can do so again: have its value changed"})
			}
			return all
		},
	})
}
