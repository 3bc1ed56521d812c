package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// makeKey is the key of the function's environment, with a grant to its role.
func (a *Account) makeKey(ctx context.Context) error {
	c := kms.NewFromConfig(a.cfg)
	out, err := c.CreateKey(ctx, &kms.CreateKeyInput{Description: aws.String("environment of " + Function)})
	if err != nil {
		return err
	}
	a.key = aws.ToString(out.KeyMetadata.Arn)
	_, err = c.CreateGrant(ctx, &kms.CreateGrantInput{KeyId: &a.key, GranteePrincipal: &a.role, Operations: []kmstypes.GrantOperation{kmstypes.GrantOperationDecrypt}})
	return err
}
