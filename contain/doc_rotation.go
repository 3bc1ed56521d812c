package contain

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// rotated is which version of a secret (Place.Key is its ARN) is current. Values are never
// read. A wanted state says which version must no longer be: what the new one will be called
// is not known before.
type rotated struct {
	Current string `json:"current,omitempty"`
	Not     string `json:"not,omitempty"`
	Pending bool   `json:"pending,omitempty"` // a rotation is under way, or failed; not compared

	// What was true at planning and must be when the call is made.
	By      string   `json:"by,omitempty"`      // ARN of the rotation function, and of what its code, role and layers are
	Readers []string `json:"readers,omitempty"` // ARNs of principals that must not be able to read it
}

const (
	actRotate = "secret-rotate"
	docRotate = "secretsmanager.rotation"
)

func rotationActs() []Act {
	return Define(Doc[rotated]{
		Name: docRotate,
		Needs: []awsapi.Need{
			on("SecretsManager:DescribeSecret", "secret ARN", false),
			on("SecretsManager:GetResourcePolicy", "secret ARN", false),
			on("Lambda:GetFunctionConfiguration", "function ARN", false),
			{Call: "IAM:SimulatePrincipalPolicy", IAM: []awsapi.Grant{{Action: "iam:SimulatePrincipalPolicy", Resource: "role ARN"}, {Action: "iam:SimulatePrincipalPolicy", Resource: "user ARN"}}},
			on("SecretsManager:RotateSecret", "secret ARN", true),
		},
		Resource: func(p Place) string { return p.Key },
		Read:     readRotated,
		Equal:    sameRotation,
		Settled:  func(s rotated) bool { return !s.Pending },
		Steps:    rotationSteps,
	}, Edit[rotated]{
		Name:       actRotate,
		About:      "have its rotation function give a secret that the function could read a new value; only with --rotate-secrets, and only once nobody of this plan can read it any more",
		Lossy:      "the old value does not come back: undo leaves the new one, which whoever uses the secret has already",
		LosesState: []string{"secretsmanager/*#.versions*", "secretsmanager/*#.about.LastRotatedDate"},
		Kind:       Evict, Attack: []string{"T1552"}, Stays: true,
		Keys: func(s *Survey) []string { return sortedKeys(s.rotatable) },
		Params: func(_ PlanInput, s *Survey) Params {
			p := Params{}
			for secret, to := range s.rotatable {
				p["stolen version of "+secret] = to.Not
				p["rotated by, for "+secret] = to.By
				p["readers of "+secret] = strings.Join(to.Readers, " ")
			}
			return p
		},
		Apply: func(p Place, now rotated, params Params) (rotated, error) {
			stolen := params["stolen version of "+p.Key]
			switch {
			case stolen == "":
				return rotated{}, errors.New("which version was readable is not known: --rotate-secrets plans it")
			case now.Current != "" && now.Current != stolen, now.Not == stolen:
				return now, nil
			}
			return rotated{Not: stolen, By: params["rotated by, for "+p.Key], Readers: strings.Fields(params["readers of "+p.Key])}, nil
		},
		Breaks: func(s *Survey, before map[string]rotated) []Impact {
			var all []Impact
			for _, secret := range sortedKeys(before) {
				by, _, _ := strings.Cut(s.rotatable[secret].By, " ")
				all = append(all, Impact{What: "secret", Resource: secret, Detail: "gets a new value from " + by + ": whoever keeps the old one in memory fails until it reads again"})
			}
			return all
		},
		Worth: func(*Survey) []string {
			return []string{"readers that this plan does not name are not looked for, beyond the secret's own policy: add them by --actor; what the old value opened meanwhile stays open until it is closed there"}
		},
		Fixture: Fixture{Resource: "arn:aws:lambda:eu-central-1:123456789012:function:leaky", Rotate: true},
	})
}

// sameRotation: a wanted state holds while any other version is current.
func sameRotation(a, b rotated) bool {
	switch {
	case a.Not != "" && b.Not != "":
		return a.Not == b.Not
	case a.Not != "":
		return b.Current != "" && b.Current != a.Not
	case b.Not != "":
		return a.Current != "" && a.Current != b.Not
	}
	return a.Current == b.Current
}

func readRotated(ctx context.Context, cfg aws.Config, p Place) (rotated, Token, error) {
	out, err := secretsmanager.NewFromConfig(cfg).DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(p.Key)})
	if err != nil {
		return rotated{}, "", err
	}
	return stagesOf(out), "", nil
}

// stagesOf reads the labels: while AWSPENDING is elsewhere than AWSCURRENT, a rotation is under
// way, or has failed.
func stagesOf(out *secretsmanager.DescribeSecretOutput) rotated {
	var s rotated
	pending := ""
	for id, stages := range out.VersionIdsToStages {
		if slices.Contains(stages, "AWSCURRENT") {
			s.Current = id
		}
		if slices.Contains(stages, "AWSPENDING") {
			pending = id
		}
	}
	s.Pending = pending != "" && pending != s.Current
	return s
}

// rotationSteps is one call, under a token that follows from the stolen version: whoever
// repeats it, also from another plan, begins no second rotation. What has to hold is asked
// once more before it.
func rotationSteps(p Place, _, to rotated, _ Token) []Step {
	if to.Not == "" {
		return nil
	}
	sum := sha256.Sum256([]byte("freezeframe rotation " + p.Key + " " + to.Not))
	in := &secretsmanager.RotateSecretInput{SecretId: aws.String(p.Key), RotateImmediately: aws.Bool(true), ClientRequestToken: aws.String(fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]))}
	return []Step{{"SecretsManager:RotateSecret", in, func(ctx context.Context, cfg aws.Config) error {
		if err := stillSafe(ctx, cfg, p.Key, to); err != nil {
			return err
		}
		_, err := secretsmanager.NewFromConfig(cfg).RotateSecret(ctx, in)
		return err
	}}}
}

// errUnsafe is that a rotation would hand the new value to whom it is rotated for: nothing was called.
var errUnsafe = errors.New("not rotated")

func stillSafe(ctx context.Context, cfg aws.Config, secret string, to rotated) error {
	out, err := secretsmanager.NewFromConfig(cfg).DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(secret)})
	if err != nil {
		return fmt.Errorf("%w: who rotates it could not be read again: %w", errUnsafe, err)
	}
	by, err := rotatorOf(ctx, cfg, aws.ToString(out.RotationLambdaARN))
	switch {
	case err != nil:
		return fmt.Errorf("%w: its rotation function could not be read again: %w", errUnsafe, err)
	case by.String() != to.By:
		return fmt.Errorf("%w: its rotation function is not as planned: planned %s, now %s", errUnsafe, to.By, by)
	}
	for _, r := range to.Readers {
		if why := reads(ctx, cfg, r, secret); why != "" {
			return fmt.Errorf("%w: %s", errUnsafe, why)
		}
	}
	if err := strangers(ctx, cfg, secret); err != nil {
		return fmt.Errorf("%w: %w", errUnsafe, err)
	}
	return nil
}
