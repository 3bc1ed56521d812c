package awssim

import (
	"crypto"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// kmsState is one account's KMS in one region. Keys that AWS makes by itself
// (alias/aws/lambda and the like) are not there.
type kmsState struct {
	keys    map[string]*kmsKey // by key id
	aliases map[string]*kmsAlias
}

func newKMSState() *kmsState {
	return &kmsState{keys: map[string]*kmsKey{}, aliases: map[string]*kmsAlias{}}
}

type kmsKey struct {
	id, arn, account    string
	spec                kmstypes.KeySpec
	usage               kmstypes.KeyUsageType
	description, policy string
	created             time.Time
	disabled, rotates   bool
	deletion            time.Time // zero: not scheduled
	window              int32     // days, of the scheduled deletion
	tags                map[string]string
	grants              []*kmsGrant // oldest first

	private crypto.Signer // asymmetric keys, made when first used
	secret  []byte        // symmetric and HMAC keys
}

type kmsAlias struct {
	name, arn, key   string
	created, updated time.Time
}

type kmsGrant struct {
	id, token, name            string
	grantee, retiring, service string
	operations                 []kmstypes.GrantOperation
	equals, subset             map[string]string // encryption context
	created                    time.Time
}

// kmsAt is the KMS of an account and region; reads make nothing.
func (c *Cloud) kmsAt(account, region string) *kmsState {
	return c.kms.at(account, region, newKMSState)
}

// state is what DescribeKey says of the key.
func (k *kmsKey) state() kmstypes.KeyState {
	switch {
	case !k.deletion.IsZero():
		return kmstypes.KeyStatePendingDeletion
	case k.disabled:
		return kmstypes.KeyStateDisabled
	}
	return kmstypes.KeyStateEnabled
}

// findKey finds a key by id, ARN, alias name or alias ARN. An ARN may name another
// account; KMS never looks into another region.
func (c *call) findKey(name string) (*kmsKey, error) {
	account, resource := c.accountID, name
	if strings.HasPrefix(name, "arn:") {
		a, ok := parseARN(name)
		if !ok || a.service != "kms" {
			return nil, fail("InvalidArnException", "Invalid arn %s", name)
		}
		if a.region != c.region {
			return nil, fail("NotFoundException", "Invalid arn %s", a.region)
		}
		account, resource = a.account, a.resource
	}
	s := c.kmsAt(account, c.region)
	if strings.HasPrefix(resource, "alias/") {
		alias := s.aliases[resource]
		if alias == nil || c.gone(s.keys[alias.key]) {
			return nil, fail("NotFoundException", "Alias %s is not found.", arnOf("kms", c.region, account, resource))
		}
		return s.keys[alias.key], nil
	}
	id := strings.TrimPrefix(resource, "key/")
	if k := s.keys[id]; !c.gone(k) {
		return k, nil
	}
	if id == resource && strings.Count(id, "-") != 4 && !strings.HasPrefix(id, "mrk-") {
		return nil, fail("NotFoundException", "Invalid keyId '%s'", id)
	}
	return nil, fail("NotFoundException", "Key '%s' does not exist", arnOf("kms", c.region, account, "key/"+id))
}

// gone: a key whose waiting period is over is no more.
func (c *call) gone(k *kmsKey) bool {
	return k == nil || !k.deletion.IsZero() && !c.now.Before(k.deletion)
}

// kmsKeyOf finds a key and asks for permission on it. What is not there cannot be
// asked about on AWS either: NotFoundException comes before permission.
func (c *call) kmsKeyOf(action string, name *string, about ...authOption) (*kmsKey, error) {
	k, err := c.findKey(aws.ToString(name))
	if err != nil {
		c.authorized = true
		return nil, err
	}
	return k, c.allowKey(action, k, nil, about...)
}

// allowKey asks key policy, identity policies, then grants. context is the encryption context.
func (c *call) allowKey(action string, k *kmsKey, context map[string]string, about ...authOption) error {
	c.trail.resources = append(c.trail.resources, trailResource{k.arn, "AWS::KMS::Key"})
	opts := append(k.authOptions(c, context), about...)
	if k.granted(c, action, context) {
		opts = append(opts, grantedByOther())
	}
	return c.allow("kms:"+action, k.arn, opts...)
}

func (k *kmsKey) authOptions(c *call, context map[string]string) []authOption {
	opts := []authOption{withResourcePolicy(k.policy, k.account), withDecidingResource(),
		withCondition("kms:CallerAccount", c.accountID), withCondition("kms:KeySpec", string(k.spec)), withCondition("kms:KeyUsage", string(k.usage)),
		withCondition("kms:KeyOrigin", "AWS_KMS"), withCondition("kms:MultiRegion", "false")}
	for name, v := range context {
		opts = append(opts, withCondition("kms:EncryptionContext:"+name, v))
	}
	if len(context) > 0 {
		opts = append(opts, withCondition("kms:EncryptionContextKeys", sortedNames(context)...))
	}
	var aliases []string
	for name, a := range c.kmsAt(k.account, c.region).aliases {
		if a.key == k.id {
			aliases = append(aliases, name)
		}
	}
	if slices.Sort(aliases); len(aliases) > 0 {
		opts = append(opts, withCondition("kms:ResourceAliases", aliases...))
	}
	for name, v := range k.tags {
		opts = append(opts, withCondition("aws:ResourceTag/"+name, v))
	}
	return opts
}

// usable: only an enabled key works.
func (k *kmsKey) usable() error {
	switch k.state() {
	case kmstypes.KeyStateDisabled:
		return fail("DisabledException", "%s is disabled.", k.arn)
	case kmstypes.KeyStatePendingDeletion:
		return k.pending()
	}
	return nil
}

func (k *kmsKey) pending() error {
	return fail("KMSInvalidStateException", "%s is pending deletion.", k.arn)
}

// notPending is what changes of a key ask: they work on disabled ones.
func (k *kmsKey) notPending() error {
	if !k.deletion.IsZero() {
		return k.pending()
	}
	return nil
}

// oldSpec is the deprecated name of the spec, which newer specs have not.
func (k *kmsKey) oldSpec() kmstypes.CustomerMasterKeySpec {
	if old := kmstypes.CustomerMasterKeySpec(k.spec); slices.Contains(old.Values(), old) {
		return old
	}
	return ""
}

// metadata is the key as the API shows it.
func (k *kmsKey) metadata() *kmstypes.KeyMetadata {
	m := &kmstypes.KeyMetadata{
		KeyId: aws.String(k.id), Arn: aws.String(k.arn), AWSAccountId: aws.String(k.account), CreationDate: aws.Time(k.created),
		Enabled: k.state() == kmstypes.KeyStateEnabled, KeyState: k.state(), KeyUsage: k.usage, KeySpec: k.spec,
		KeyManager: kmstypes.KeyManagerTypeCustomer,
		Origin:     kmstypes.OriginTypeAwsKms, MultiRegion: aws.Bool(false), Description: aws.String(k.description),
	}
	//lint:ignore SA1019 AWS still answers with the old name too
	m.CustomerMasterKeySpec = k.oldSpec()
	if !k.deletion.IsZero() {
		m.DeletionDate = aws.Time(k.deletion)
	}
	m.EncryptionAlgorithms, m.SigningAlgorithms, m.MacAlgorithms = k.algorithms()
	return m
}

// kmsOps is every simulated operation of KMS.
func kmsOps() []operation {
	return []operation{
		op("kms", "CreateKey", createKMSKey), op("kms", "DescribeKey", describeKMSKey), op("kms", "ListKeys", listKMSKeys), op("kms", "UpdateKeyDescription", updateKMSDescription),
		op("kms", "EnableKey", enableKMSKey), op("kms", "DisableKey", disableKMSKey), op("kms", "ScheduleKeyDeletion", scheduleKMSDeletion), op("kms", "CancelKeyDeletion", cancelKMSDeletion),
		op("kms", "GetKeyPolicy", getKMSPolicy), op("kms", "PutKeyPolicy", putKMSPolicy), op("kms", "ListKeyPolicies", listKMSPolicies),
		op("kms", "GetKeyRotationStatus", getKMSRotation), op("kms", "EnableKeyRotation", enableKMSRotation), op("kms", "DisableKeyRotation", disableKMSRotation),
		op("kms", "ListResourceTags", listKMSTags), op("kms", "TagResource", tagKMSKey), op("kms", "UntagResource", untagKMSKey),
		op("kms", "CreateAlias", createKMSAlias), op("kms", "UpdateAlias", updateKMSAlias), op("kms", "DeleteAlias", deleteKMSAlias), op("kms", "ListAliases", listKMSAliases),
		op("kms", "CreateGrant", createKMSGrant), op("kms", "ListGrants", listKMSGrants), op("kms", "ListRetirableGrants", listRetirableKMSGrants), op("kms", "RevokeGrant", revokeKMSGrant), op("kms", "RetireGrant", retireKMSGrant),
		op("kms", "Encrypt", kmsEncrypt), op("kms", "Decrypt", kmsDecrypt), op("kms", "ReEncrypt", kmsReEncrypt),
		op("kms", "GenerateDataKey", kmsGenerateDataKey), op("kms", "GenerateDataKeyWithoutPlaintext", kmsGenerateDataKeyWithoutPlaintext), op("kms", "GenerateRandom", kmsGenerateRandom),
		op("kms", "Sign", kmsSign), op("kms", "Verify", kmsVerify), op("kms", "GetPublicKey", kmsGetPublicKey), op("kms", "GenerateMac", kmsGenerateMac), op("kms", "VerifyMac", kmsVerifyMac),
	}
}

func (s *kmsState) objects(account, region string, put putObject) {
	at := "kms/" + region + "/"
	for id, k := range s.keys {
		grants := map[string]any{}
		for _, g := range k.grants {
			grants[g.id] = map[string]any{"name": g.name, "grantee": g.grantee, "retiring": g.retiring, "service": g.service,
				"operations": g.operations, "equals": g.equals, "subset": g.subset}
		}
		put(at+"key/"+id, map[string]any{"spec": k.spec, "usage": k.usage, "description": k.description, "policy": k.policy, "disabled": k.disabled,
			"rotates": k.rotates, "deletion": k.deletion, "tags": k.tags, "grants": grants}, k.created)
	}
	for name, a := range s.aliases {
		put(at+name, map[string]any{"key": a.key}, a.updated)
	}
}

// kmsTags reads tags; a repeated key is refused by KMS.
func kmsTags(tags []kmstypes.Tag, into map[string]string) error {
	seen := map[string]bool{}
	for _, t := range tags {
		if seen[*t.TagKey] {
			return fail("TagException", "Duplicate tag keys")
		}
		seen[*t.TagKey] = true
		into[*t.TagKey] = aws.ToString(t.TagValue)
	}
	return nil
}

func listKMSTags(c *call, in *kms.ListResourceTagsInput) (*kms.ListResourceTagsOutput, error) {
	k, err := c.kmsKeyOf("ListResourceTags", in.KeyId)
	if err != nil {
		return nil, err
	}
	all := []kmstypes.Tag{}
	for _, name := range sortedNames(k.tags) {
		all = append(all, kmstypes.Tag{TagKey: aws.String(name), TagValue: aws.String(k.tags[name])})
	}
	page, next, err := paginate(all, in.Marker, in.Limit, 50)
	return &kms.ListResourceTagsOutput{Tags: orEmpty(page), NextMarker: next, Truncated: next != nil}, err
}

func tagKMSKey(c *call, in *kms.TagResourceInput) (*kms.TagResourceOutput, error) {
	k, err := c.kmsKeyOf("TagResource", in.KeyId)
	if err != nil {
		return nil, err
	}
	if err := k.notPending(); err != nil {
		return nil, err
	}
	return nil, kmsTags(in.Tags, k.tags)
}

func untagKMSKey(c *call, in *kms.UntagResourceInput) (*kms.UntagResourceOutput, error) {
	k, err := c.kmsKeyOf("UntagResource", in.KeyId)
	if err != nil {
		return nil, err
	}
	if err := k.notPending(); err != nil {
		return nil, err
	}
	for _, name := range in.TagKeys {
		delete(k.tags, name)
	}
	return nil, nil
}
