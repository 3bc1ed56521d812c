package awssim

import (
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	et "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// revokeEgress takes permissions for traffic out from a group, each named as it stands there:
// range by range of a permission's protocol and ports. By rule ids it is not simulated.
func revokeEgress(c *call, in *ec2.RevokeSecurityGroupEgressInput) (*ec2.RevokeSecurityGroupEgressOutput, error) {
	id := aws.ToString(in.GroupId)
	if err := c.allow("ec2:RevokeSecurityGroupEgress", arnOf("ec2", c.region, c.accountID, "security-group/"+id)); err != nil {
		return nil, err
	}
	if aws.ToBool(in.DryRun) {
		return nil, &apiError{Code: "DryRunOperation", Status: 412, Message: "Request would have succeeded, but DryRun flag is set."}
	}
	g, ok := c.network().groups[id]
	if !ok {
		return nil, ec2NotFound("InvalidGroup.NotFound", "security group", []string{id})
	}
	if len(in.IpPermissions) == 0 {
		return nil, fail("NotImplemented", "freezeframe simulator: rules are taken away by their permissions alone")
	}
	rules := slices.Clone(g.IpPermissionsEgress)
	for _, p := range in.IpPermissions {
		i := slices.IndexFunc(rules, func(r et.IpPermission) bool {
			return aws.ToString(r.IpProtocol) == aws.ToString(p.IpProtocol) && samePort(p, r.FromPort, p.FromPort) && samePort(p, r.ToPort, p.ToPort)
		})
		if i < 0 || !takeRanges(&rules[i], p) {
			return nil, fail("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		if r := rules[i]; len(r.IpRanges)+len(r.Ipv6Ranges)+len(r.PrefixListIds)+len(r.UserIdGroupPairs) == 0 {
			rules = slices.Delete(rules, i, i+1)
		}
	}
	g.IpPermissionsEgress = rules
	c.network().groups[id] = g
	return &ec2.RevokeSecurityGroupEgressOutput{Return: aws.Bool(true)}, nil
}

// samePort: of all protocols ("-1") ports say nothing (API reference, IpPermission).
func samePort(p et.IpPermission, has, want *int32) bool {
	return aws.ToString(p.IpProtocol) == "-1" || reflect.DeepEqual(has, want)
}

// takeRanges takes what p names from r; descriptions are not part of a rule's identity.
func takeRanges(r *et.IpPermission, p et.IpPermission) bool {
	ok := true
	r.IpRanges = without(r.IpRanges, p.IpRanges, func(v et.IpRange) string { return aws.ToString(v.CidrIp) }, &ok)
	r.Ipv6Ranges = without(r.Ipv6Ranges, p.Ipv6Ranges, func(v et.Ipv6Range) string { return aws.ToString(v.CidrIpv6) }, &ok)
	r.PrefixListIds = without(r.PrefixListIds, p.PrefixListIds, func(v et.PrefixListId) string { return aws.ToString(v.PrefixListId) }, &ok)
	r.UserIdGroupPairs = without(r.UserIdGroupPairs, p.UserIdGroupPairs, func(v et.UserIdGroupPair) string { return aws.ToString(v.GroupId) }, &ok)
	return ok
}

func without[T any](all, gone []T, key func(T) string, ok *bool) []T {
	all = slices.Clone(all)
	for _, g := range gone {
		i := slices.IndexFunc(all, func(v T) bool { return key(v) == key(g) })
		if i < 0 {
			*ok = false
			return all
		}
		all = slices.Delete(all, i, i+1)
	}
	return all
}
