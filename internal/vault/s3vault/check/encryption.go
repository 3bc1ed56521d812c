package check

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// managedKey is what S3 uses for SSE-KMS where the bucket names no key.
const managedKey = "alias/aws/s3"

// defaultEncryption is nil where the bucket has none.
func (p *probe) defaultEncryption(ctx context.Context) (*types.ServerSideEncryptionByDefault, error) {
	return p.sse.of(func() (*types.ServerSideEncryptionByDefault, error) {
		out, err := p.s3.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: p.bucket(), ExpectedBucketOwner: p.owner()})
		if isCode(err, "ServerSideEncryptionConfigurationNotFoundError") {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if out.ServerSideEncryptionConfiguration == nil {
			return nil, nil
		}
		for _, r := range out.ServerSideEncryptionConfiguration.Rules {
			if r.ApplyServerSideEncryptionByDefault != nil {
				return r.ApplyServerSideEncryptionByDefault, nil
			}
		}
		return nil, nil
	})
}

func withKMS(d *types.ServerSideEncryptionByDefault) bool {
	return d != nil && (d.SSEAlgorithm == types.ServerSideEncryptionAwsKms || d.SSEAlgorithm == types.ServerSideEncryptionAwsKmsDsse)
}

func encryption(ctx context.Context, p *probe) verdict {
	d, err := p.defaultEncryption(ctx)
	switch {
	case err != nil:
		return p.unknown("S3:GetBucketEncryption", err)
	case d == nil:
		return verdict{Fail, "no default encryption", p.keyFix()}
	case !withKMS(d):
		return verdict{Fail, shown(string(d.SSEAlgorithm)), p.keyFix()}
	}
	return pass("%s", d.SSEAlgorithm)
}

// keyAccount: whoever controls the key can destroy the evidence by deleting it, locked or
// not. Only an ARN tells the account: an alias is resolved in the account of whoever
// writes (API reference, ServerSideEncryptionByDefault), and for a bare id or no key at
// all that is not documented.
func keyAccount(ctx context.Context, p *probe) verdict {
	d, err := p.defaultEncryption(ctx)
	if err != nil {
		return p.unknown("S3:GetBucketEncryption", err)
	}
	if !withKMS(d) {
		return verdict{Unknown, "there is no key: the bucket is not encrypted with SSE-KMS", p.keyFix()}
	}
	named := aws.ToString(d.KMSMasterKeyID)
	a, err := arn.Parse(named)
	switch {
	case named == "":
		return verdict{Unknown, "no key is named: the AWS managed key aws/s3 is used, which no other account can be allowed to read with", p.keyFix()}
	case strings.HasPrefix(named, "alias/"):
		return verdict{Fail, "the key is named by an alias (" + shown(named) + "), which means another key in each writer's account", p.keyFix()}
	case err != nil:
		return verdict{Unknown, "the key is named by its id (" + shown(named) + "), which does not tell its account", p.keyFix()}
	case a.AccountID == p.in.SubjectAccount && a.AccountID != "":
		return verdict{Fail, "the key belongs to account " + a.AccountID + ", which is under investigation", p.keyFix()}
	case p.in.Owner == "":
		return verdict{Unknown, "the key belongs to account " + shown(a.AccountID) + "; which account is expected to own the bucket is not known",
			p.line("", "sts", "get-caller-identity", "--query", "Account", "--output", "text")}
	case a.AccountID != p.in.Owner:
		return verdict{Fail, "the key belongs to account " + shown(a.AccountID), p.keyFix()}
	}
	return pass("account %s", a.AccountID)
}

// keyID is the default key and the region to ask about it.
func (p *probe) keyID() (id, region string) {
	id = managedKey
	if d := p.sse.got; d != nil && aws.ToString(d.KMSMasterKeyID) != "" {
		id = *d.KMSMasterKeyID
	}
	if a, err := arn.Parse(id); err == nil && a.Region != "" {
		return id, a.Region
	}
	return id, p.region
}

func keyEnabled(ctx context.Context, p *probe) verdict {
	d, err := p.defaultEncryption(ctx)
	if err != nil {
		return p.unknown("S3:GetBucketEncryption", err)
	}
	if !withKMS(d) {
		return verdict{Unknown, "there is no key: the bucket is not encrypted with SSE-KMS", p.keyFix()}
	}
	id, region := p.keyID()
	out, err := p.kms(region).DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id})
	switch {
	case isCode(err, "NotFoundException") && id == managedKey:
		return verdict{Unknown, "KMS has made no " + id + " yet: it does with the first object", p.ask("KMS", "DescribeKey")}
	case isCode(err, "NotFoundException"):
		return verdict{Fail, "KMS knows no key " + shown(id), p.keyFix()}
	case err != nil:
		return p.unknown("KMS:DescribeKey", err)
	case out.KeyMetadata == nil:
		return verdict{Unknown, "KMS says nothing about key " + shown(id), p.ask("KMS", "DescribeKey")}
	}
	enable := p.line(region, "kms", "enable-key", "--key-id", id)
	switch state := out.KeyMetadata.KeyState; state {
	case kmstypes.KeyStateEnabled:
		return pass("%s", state)
	case kmstypes.KeyStateDisabled:
		return verdict{Fail, string(state), enable}
	case kmstypes.KeyStatePendingDeletion, kmstypes.KeyStatePendingReplicaDeletion:
		return verdict{Fail, string(state) + ": with the key goes all evidence", p.line(region, "kms", "cancel-key-deletion", "--key-id", id) + " && " + enable}
	default:
		return verdict{Fail, shown(string(state)), p.ask("KMS", "DescribeKey")}
	}
}

// keyFix makes a key where the command is run, in the bucket's account, and names it.
func (p *probe) keyFix() string {
	const here = "NEW-KEY"
	create := p.line(p.region, "kms", "create-key", "--description", "freezeframe evidence", "--query", "KeyMetadata.Arn", "--output", "text")
	put := p.s3api("put-bucket-encryption", "--server-side-encryption-configuration",
		`{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"`+here+`"},"BucketKeyEnabled":true}]}`)
	// The word is in single quotes, as it has braces: it is closed around the substitution.
	return strings.Replace(put, here, `'"$(`+create+`)"'`, 1)
}
