package awssim

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// aliasChange asks for both of what an alias touches: the alias, by identity policies,
// and the key (AWS: "Controlling access to aliases").
func (c *call) aliasChange(action, name string, keys ...*kmsKey) error {
	if err := c.allow("kms:"+action, c.arn("kms", name)); err != nil {
		return err
	}
	for _, k := range keys {
		if err := c.allowKey(action, k, nil); err != nil {
			return err
		}
	}
	return nil
}

// aliasTarget is a key of this account and region that an alias may point to.
func (c *call) aliasTarget(id string) (*kmsKey, error) {
	if strings.Contains(id, "alias/") {
		return nil, fail("ValidationException", "Aliases must refer to keys. Not aliases")
	}
	k, err := c.findKey(id)
	if err != nil {
		return nil, err
	}
	if k.account != c.accountID {
		return nil, fail("NotFoundException", "Key '%s' does not exist", k.arn)
	}
	return k, k.notPending()
}

func checkAliasName(name string) error {
	switch {
	case !strings.HasPrefix(name, "alias/") || name == "alias/":
		return fail("ValidationException", "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html")
	case strings.HasPrefix(name, "alias/aws/"):
		return fail("NotAuthorizedException", "")
	}
	return nil
}

func createKMSAlias(c *call, in *kms.CreateAliasInput) (*kms.CreateAliasOutput, error) {
	name := *in.AliasName
	k, err := c.aliasTarget(*in.TargetKeyId)
	if err != nil {
		c.authorized = true
		return nil, err
	}
	if err := c.aliasChange("CreateAlias", name, k); err != nil {
		return nil, err
	}
	if err := checkAliasName(name); err != nil {
		return nil, err
	}
	s, arn := c.kmsAt(c.accountID, c.region), c.arn("kms", name)
	if s.aliases[name] != nil {
		return nil, fail("AlreadyExistsException", "An alias with the name %s already exists", arn)
	}
	now := c.now.Truncate(time.Millisecond)
	s.aliases[name] = &kmsAlias{name, arn, k.id, now, now}
	return nil, nil
}

// kmsAliasOf finds an alias of the caller's.
func (c *call) kmsAliasOf(name string) (*kmsAlias, *kmsKey, error) {
	s := c.kmsAt(c.accountID, c.region)
	a := s.aliases[name]
	if a == nil {
		c.authorized = true
		return nil, nil, fail("NotFoundException", "Alias %s is not found.", c.arn("kms", name))
	}
	return a, s.keys[a.key], nil
}

func updateKMSAlias(c *call, in *kms.UpdateAliasInput) (*kms.UpdateAliasOutput, error) {
	a, old, err := c.kmsAliasOf(*in.AliasName)
	if err != nil {
		return nil, err
	}
	k, err := c.aliasTarget(*in.TargetKeyId)
	if err != nil {
		c.authorized = true
		return nil, err
	}
	if err := c.aliasChange("UpdateAlias", a.name, old, k); err != nil {
		return nil, err
	}
	if old.spec != k.spec && kindOfKey(old.spec) != kindOfKey(k.spec) || old.usage != k.usage {
		return nil, fail("ValidationException", "Alias %s cannot be changed from a key of one type or usage to another", a.arn)
	}
	a.key, a.updated = k.id, c.now.Truncate(time.Millisecond)
	return nil, nil
}

func deleteKMSAlias(c *call, in *kms.DeleteAliasInput) (*kms.DeleteAliasOutput, error) {
	a, k, err := c.kmsAliasOf(*in.AliasName)
	if err != nil {
		return nil, err
	}
	if err := c.aliasChange("DeleteAlias", a.name, k); err != nil {
		return nil, err
	}
	delete(c.kmsAt(c.accountID, c.region).aliases, a.name)
	return nil, nil
}

func listKMSAliases(c *call, in *kms.ListAliasesInput) (*kms.ListAliasesOutput, error) {
	if err := c.allow("kms:ListAliases", "*"); err != nil {
		return nil, err
	}
	only := ""
	if in.KeyId != nil {
		k, err := c.findKey(*in.KeyId)
		if err != nil {
			return nil, err
		}
		only = k.id
	}
	all := []kmstypes.AliasListEntry{}
	s := c.kmsAt(c.accountID, c.region)
	for _, name := range sortedNames(s.aliases) {
		if a := s.aliases[name]; only == "" || a.key == only {
			all = append(all, kmstypes.AliasListEntry{AliasName: aws.String(a.name), AliasArn: aws.String(a.arn), TargetKeyId: aws.String(a.key),
				CreationDate: aws.Time(a.created), LastUpdatedDate: aws.Time(a.updated)})
		}
	}
	page, next, err := paginate(all, in.Marker, in.Limit, 50)
	return &kms.ListAliasesOutput{Aliases: orEmpty(page), NextMarker: next, Truncated: next != nil}, err
}
