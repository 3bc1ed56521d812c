package awssim

import (
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// granted says whether a grant lets the caller do it. Grants only allow; an explicit
// deny of any policy stands above them (KMS: "Grants in AWS KMS").
func (k *kmsKey) granted(c *call, action string, context map[string]string) bool {
	for _, g := range k.grants {
		mine := g.grantee == c.caller.arn || g.grantee == principalARN(c.caller) || c.caller.invokedBy != "" && (g.grantee == c.caller.invokedBy || g.service == c.caller.invokedBy)
		if mine && slices.Contains(g.operations, kmstypes.GrantOperation(action)) && g.fits(context) {
			return true
		}
	}
	return false
}

// fits: the encryption context that a grant asks for.
func (g *kmsGrant) fits(context map[string]string) bool {
	if g.equals != nil && !maps.Equal(g.equals, context) {
		return false
	}
	for name, v := range g.subset {
		if context[name] != v {
			return false
		}
	}
	return true
}

func createKMSGrant(c *call, in *kms.CreateGrantInput) (*kms.CreateGrantOutput, error) {
	var operations []string
	for _, o := range in.Operations {
		operations = append(operations, string(o))
	}
	about := []authOption{withCondition("kms:GrantOperations", operations...), withCondition("kms:GrantIsForAWSResource", "false")}
	if in.GranteePrincipal != nil {
		about = append(about, withCondition("kms:GranteePrincipal", *in.GranteePrincipal))
	}
	k, err := c.kmsKeyOf("CreateGrant", in.KeyId, about...)
	if err != nil {
		return nil, err
	}
	if err := k.usable(); err != nil {
		return nil, err
	}
	g := &kmsGrant{name: aws.ToString(in.Name), grantee: aws.ToString(in.GranteePrincipal), service: aws.ToString(in.GranteeServicePrincipal),
		retiring: aws.ToString(in.RetiringPrincipal), operations: in.Operations, created: c.now.Truncate(time.Millisecond)}
	if _, ok := parseARN(g.grantee); g.service == "" && !ok {
		return nil, fail("ValidationException", "The principal %s is not valid", g.grantee)
	}
	if in.Constraints != nil {
		g.equals, g.subset = in.Constraints.EncryptionContextEquals, in.Constraints.EncryptionContextSubset
	}
	if same := k.sameGrant(g); same != nil {
		return &kms.CreateGrantOutput{GrantId: aws.String(same.id), GrantToken: aws.String(same.token)}, nil
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	g.id, g.token = c.id("hex:64", "grant"), c.id("hex:160", "grant token")
	k.grants = append(k.grants, g)
	return &kms.CreateGrantOutput{GrantId: aws.String(g.id), GrantToken: aws.String(g.token)}, nil
}

// sameGrant: with a name CreateGrant is idempotent.
func (k *kmsKey) sameGrant(g *kmsGrant) *kmsGrant {
	for _, o := range k.grants {
		if g.name != "" && o.name == g.name && o.grantee == g.grantee && o.service == g.service && o.retiring == g.retiring &&
			slices.Equal(o.operations, g.operations) && maps.Equal(o.equals, g.equals) && maps.Equal(o.subset, g.subset) {
			return o
		}
	}
	return nil
}

func (k *kmsKey) entry(g *kmsGrant) kmstypes.GrantListEntry {
	e := kmstypes.GrantListEntry{KeyId: aws.String(k.arn), GrantId: aws.String(g.id), Name: aws.String(g.name), CreationDate: aws.Time(g.created),
		IssuingAccount: aws.String("arn:aws:iam::" + k.account + ":root"), Operations: g.operations}
	if g.grantee != "" {
		e.GranteePrincipal = aws.String(g.grantee)
	}
	if g.service != "" {
		e.GranteeServicePrincipal = aws.String(g.service)
	}
	if g.retiring != "" {
		e.RetiringPrincipal = aws.String(g.retiring)
	}
	if g.equals != nil || g.subset != nil {
		e.Constraints = &kmstypes.GrantConstraints{EncryptionContextEquals: g.equals, EncryptionContextSubset: g.subset}
	}
	return e
}

func listKMSGrants(c *call, in *kms.ListGrantsInput) (*kms.ListGrantsOutput, error) {
	k, err := c.kmsKeyOf("ListGrants", in.KeyId)
	if err != nil {
		return nil, err
	}
	all := []kmstypes.GrantListEntry{}
	for _, g := range k.grants {
		if (in.GrantId == nil || *in.GrantId == g.id) && (in.GranteePrincipal == nil || *in.GranteePrincipal == g.grantee) {
			all = append(all, k.entry(g))
		}
	}
	page, next, err := paginate(all, in.Marker, in.Limit, 50)
	return &kms.ListGrantsOutput{Grants: orEmpty(page), NextMarker: next, Truncated: next != nil}, err
}

func listRetirableKMSGrants(c *call, in *kms.ListRetirableGrantsInput) (*kms.ListRetirableGrantsOutput, error) {
	if err := c.allow("kms:ListRetirableGrants", "*"); err != nil {
		return nil, err
	}
	all := []kmstypes.GrantListEntry{}
	s := c.kmsAt(c.accountID, c.region)
	for _, id := range sortedNames(s.keys) {
		for _, g := range s.keys[id].grants {
			if g.retiring == *in.RetiringPrincipal {
				all = append(all, s.keys[id].entry(g))
			}
		}
	}
	page, next, err := paginate(all, in.Marker, in.Limit, 50)
	return &kms.ListRetirableGrantsOutput{Grants: orEmpty(page), NextMarker: next, Truncated: next != nil}, err
}

func (k *kmsKey) drop(id string) error {
	i := slices.IndexFunc(k.grants, func(g *kmsGrant) bool { return g.id == id })
	if i < 0 {
		return fail("NotFoundException", "Grant ID %s not found", id)
	}
	k.grants = slices.Delete(k.grants, i, i+1)
	return nil
}

func revokeKMSGrant(c *call, in *kms.RevokeGrantInput) (*kms.RevokeGrantOutput, error) {
	k, err := c.kmsKeyOf("RevokeGrant", in.KeyId)
	if err != nil {
		return nil, err
	}
	if err := k.notPending(); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	return nil, k.drop(*in.GrantId)
}

// retireKMSGrant: the retiring principal may, the grantee if RetireGrant is among the
// grant's operations, and whom policies let.
func retireKMSGrant(c *call, in *kms.RetireGrantInput) (*kms.RetireGrantOutput, error) {
	k, g := c.retirable(in)
	if g == nil {
		c.authorized = true
		return nil, fail("NotFoundException", "Grant not found")
	}
	mine := g.retiring != "" && (g.retiring == c.caller.arn || g.retiring == principalARN(c.caller))
	opts := k.authOptions(c, nil)
	if mine || k.granted(c, "RetireGrant", g.equals) {
		opts = append(opts, grantedByOther())
	}
	c.trail.resources = []trailResource{{k.arn, "AWS::KMS::Key"}}
	if err := c.allow("kms:RetireGrant", k.arn, opts...); err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	return nil, k.drop(g.id)
}

// retirable finds a grant by its token, or by key and id.
func (c *call) retirable(in *kms.RetireGrantInput) (*kmsKey, *kmsGrant) {
	s := c.kmsAt(c.accountID, c.region)
	keys := slices.Collect(maps.Values(s.keys))
	if k, err := c.findKey(aws.ToString(in.KeyId)); in.KeyId != nil && err == nil {
		keys = []*kmsKey{k}
	}
	for _, k := range keys {
		for _, g := range k.grants {
			if in.GrantToken != nil && g.token == *in.GrantToken || in.GrantId != nil && in.KeyId != nil && g.id == *in.GrantId {
				return k, g
			}
		}
	}
	return nil, nil
}
