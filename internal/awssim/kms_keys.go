package awssim

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// maxKeyPolicy is what a key policy may have, in bytes (AWS: KMS quotas).
const maxKeyPolicy = 32 << 10

// defaultKeyPolicy is the one KMS writes for keys made through the API, spaces and all.
func defaultKeyPolicy(account string) string {
	return fmt.Sprintf(`{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:aws:iam::%s:root"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`, account)
}

func createKMSKey(c *call, in *kms.CreateKeyInput) (*kms.CreateKeyOutput, error) {
	if err := c.allow("kms:CreateKey", "*"); err != nil {
		return nil, err
	}
	spec := in.KeySpec
	if spec == "" {
		//lint:ignore SA1019 older clients still ask by the old name
		spec = kmstypes.KeySpec(in.CustomerMasterKeySpec)
	}
	if spec == "" {
		spec = kmstypes.KeySpecSymmetricDefault
	}
	usage, err := usageOf(spec, in.KeyUsage)
	if err != nil {
		return nil, err
	}
	if in.Origin != "" && in.Origin != kmstypes.OriginTypeAwsKms || aws.ToBool(in.MultiRegion) || in.CustomKeyStoreId != nil || in.XksKeyId != nil {
		return nil, fail("UnsupportedOperationException", "freezeframe simulator: only single-region keys with key material of KMS are simulated")
	}
	k := &kmsKey{id: c.id("uuid", "key"), account: c.accountID, spec: spec, usage: usage, description: aws.ToString(in.Description),
		policy: defaultKeyPolicy(c.accountID), created: c.now.Truncate(time.Millisecond), tags: map[string]string{}}
	k.arn = c.arn("kms", "key/"+k.id)
	if in.Policy != nil {
		k.policy = *in.Policy
		if err := c.checkKeyPolicy(k, in.BypassPolicyLockoutSafetyCheck); err != nil {
			return nil, err
		}
	}
	if err := kmsTags(in.Tags, k.tags); err != nil {
		return nil, err
	}
	c.kmsAt(c.accountID, c.region).keys[k.id] = k
	c.trail.resources = []trailResource{{k.arn, "AWS::KMS::Key"}}
	return &kms.CreateKeyOutput{KeyMetadata: k.metadata()}, nil
}

// checkKeyPolicy refuses what does not parse, and what would lock its author out.
func (c *call) checkKeyPolicy(k *kmsKey, bypass bool) error {
	if len(k.policy) > maxKeyPolicy {
		return fail("LimitExceededException", "The key policy is larger than %d bytes.", maxKeyPolicy)
	}
	d, err := iampolicy.Parse(k.policy)
	if err != nil {
		return fail("MalformedPolicyDocumentException", "The policy is not valid: Syntax errors in policy.")
	}
	for _, s := range d.Statements {
		if s.Principal == nil && s.NotPrin == nil {
			return fail("MalformedPolicyDocumentException", "Policy contains a statement with no principal.")
		}
	}
	if !bypass && !c.allowed("kms:PutKeyPolicy", k.arn, k.authOptions(c, nil)...) {
		return fail("MalformedPolicyDocumentException", "The new key policy will not allow you to update the key policy in the future.")
	}
	return nil
}

func describeKMSKey(c *call, in *kms.DescribeKeyInput) (*kms.DescribeKeyOutput, error) {
	k, err := c.kmsKeyOf("DescribeKey", in.KeyId)
	if err != nil {
		return nil, err
	}
	return &kms.DescribeKeyOutput{KeyMetadata: k.metadata()}, nil
}

func listKMSKeys(c *call, in *kms.ListKeysInput) (*kms.ListKeysOutput, error) {
	if err := c.allow("kms:ListKeys", "*"); err != nil {
		return nil, err
	}
	all := []kmstypes.KeyListEntry{}
	s := c.kmsAt(c.accountID, c.region)
	for _, id := range sortedNames(s.keys) {
		if k := s.keys[id]; !c.gone(k) {
			all = append(all, kmstypes.KeyListEntry{KeyId: aws.String(k.id), KeyArn: aws.String(k.arn)})
		}
	}
	page, next, err := paginate(all, in.Marker, in.Limit, 100)
	return &kms.ListKeysOutput{Keys: orEmpty(page), NextMarker: next, Truncated: next != nil}, err
}

// changeKey finds a key to change, which one that waits for its deletion is not.
func (c *call) changeKey(action string, id *string) (*kmsKey, error) {
	k, err := c.kmsKeyOf(action, id)
	if err != nil {
		return nil, err
	}
	return k, k.notPending()
}

func updateKMSDescription(c *call, in *kms.UpdateKeyDescriptionInput) (*kms.UpdateKeyDescriptionOutput, error) {
	k, err := c.changeKey("UpdateKeyDescription", in.KeyId)
	if err != nil {
		return nil, err
	}
	k.description = aws.ToString(in.Description)
	return nil, nil
}

func enableKMSKey(c *call, in *kms.EnableKeyInput) (*kms.EnableKeyOutput, error) {
	k, err := c.changeKey("EnableKey", in.KeyId)
	if err != nil {
		return nil, err
	}
	k.disabled = false
	return nil, nil
}

func disableKMSKey(c *call, in *kms.DisableKeyInput) (*kms.DisableKeyOutput, error) {
	k, err := c.changeKey("DisableKey", in.KeyId)
	if err != nil {
		return nil, err
	}
	k.disabled = true
	return nil, nil
}

func scheduleKMSDeletion(c *call, in *kms.ScheduleKeyDeletionInput) (*kms.ScheduleKeyDeletionOutput, error) {
	k, err := c.changeKey("ScheduleKeyDeletion", in.KeyId)
	if err != nil {
		return nil, err
	}
	k.window = 30
	if in.PendingWindowInDays != nil {
		k.window = *in.PendingWindowInDays
	}
	if k.window < 7 || k.window > 30 {
		return nil, fail("ValidationException", "PendingWindowInDays must be between 7 and 30")
	}
	k.deletion = c.now.Add(time.Duration(k.window) * 24 * time.Hour).Truncate(time.Millisecond)
	return &kms.ScheduleKeyDeletionOutput{KeyId: aws.String(k.arn), DeletionDate: aws.Time(k.deletion), KeyState: k.state(), PendingWindowInDays: aws.Int32(k.window)}, nil
}

// cancelKMSDeletion leaves the key disabled, as KMS does.
func cancelKMSDeletion(c *call, in *kms.CancelKeyDeletionInput) (*kms.CancelKeyDeletionOutput, error) {
	k, err := c.kmsKeyOf("CancelKeyDeletion", in.KeyId)
	if err != nil {
		return nil, err
	}
	if k.deletion.IsZero() {
		return nil, fail("KMSInvalidStateException", "%s is not pending deletion.", k.arn)
	}
	k.deletion, k.window, k.disabled = time.Time{}, 0, true
	return &kms.CancelKeyDeletionOutput{KeyId: aws.String(k.arn)}, nil
}

// A key has one policy, named default.
func checkPolicyName(name *string) error {
	if name != nil && *name != "default" {
		return fail("NotFoundException", "No such policy exists")
	}
	return nil
}

func getKMSPolicy(c *call, in *kms.GetKeyPolicyInput) (*kms.GetKeyPolicyOutput, error) {
	k, err := c.kmsKeyOf("GetKeyPolicy", in.KeyId)
	if err != nil {
		return nil, err
	}
	if err := checkPolicyName(in.PolicyName); err != nil {
		return nil, err
	}
	return &kms.GetKeyPolicyOutput{Policy: aws.String(k.policy), PolicyName: aws.String("default")}, nil
}

func putKMSPolicy(c *call, in *kms.PutKeyPolicyInput) (*kms.PutKeyPolicyOutput, error) {
	k, err := c.changeKey("PutKeyPolicy", in.KeyId)
	if err != nil {
		return nil, err
	}
	if err := checkPolicyName(in.PolicyName); err != nil {
		return nil, err
	}
	was := k.policy
	k.policy = *in.Policy
	if err := c.checkKeyPolicy(k, in.BypassPolicyLockoutSafetyCheck); err != nil {
		k.policy = was
		return nil, err
	}
	return nil, nil
}

func listKMSPolicies(c *call, in *kms.ListKeyPoliciesInput) (*kms.ListKeyPoliciesOutput, error) {
	if _, err := c.kmsKeyOf("ListKeyPolicies", in.KeyId); err != nil {
		return nil, err
	}
	page, next, err := paginate([]string{"default"}, in.Marker, in.Limit, 100)
	return &kms.ListKeyPoliciesOutput{PolicyNames: page, NextMarker: next, Truncated: next != nil}, err
}

// rotation: only symmetric keys rotate by themselves.
func (c *call) rotation(action string, id *string) (*kmsKey, error) {
	k, err := c.kmsKeyOf(action, id)
	if err != nil {
		return nil, err
	}
	if k.spec != kmstypes.KeySpecSymmetricDefault {
		return nil, fail("UnsupportedOperationException", "You cannot perform this operation on a key of this type: %s", k.arn)
	}
	return k, nil
}

func getKMSRotation(c *call, in *kms.GetKeyRotationStatusInput) (*kms.GetKeyRotationStatusOutput, error) {
	k, err := c.kmsKeyOf("GetKeyRotationStatus", in.KeyId)
	if err != nil {
		return nil, err
	}
	out := &kms.GetKeyRotationStatusOutput{KeyId: aws.String(k.arn), KeyRotationEnabled: k.rotates && k.deletion.IsZero()}
	if out.KeyRotationEnabled {
		out.RotationPeriodInDays = aws.Int32(365)
	}
	return out, nil
}

func enableKMSRotation(c *call, in *kms.EnableKeyRotationInput) (*kms.EnableKeyRotationOutput, error) {
	k, err := c.rotation("EnableKeyRotation", in.KeyId)
	if err != nil {
		return nil, err
	}
	if err := k.usable(); err != nil {
		return nil, err
	}
	k.rotates = true
	return nil, nil
}

func disableKMSRotation(c *call, in *kms.DisableKeyRotationInput) (*kms.DisableKeyRotationOutput, error) {
	k, err := c.rotation("DisableKeyRotation", in.KeyId)
	if err != nil {
		return nil, err
	}
	if err := k.usable(); err != nil {
		return nil, err
	}
	k.rotates = false
	return nil, nil
}
