package practices

import (
	"encoding/json"
	"slices"
	"strings"
)

const ownGroups = "security groups for this function alone, which let out what it needs, with a comma between"

// intoVPC moves $LATEST to subnets and groups.
func (f *Facts) intoVPC(config string) script {
	return run(f.configure("--vpc-config " + config)).
		note("what these subnets and groups do not let the function reach, it reaches no longer. Its role needs what AWSLambdaVPCAccessExecutionRole allows")
}

// revoke takes rules from a group as they stand there: of the rules that are meant, the ranges
// that are; nil is all.
func (f *Facts) revoke(direction string, g securityGroup, rules func(groupRule) bool, ranges func(string) bool) script {
	from := g.IpPermissionsEgress
	if direction == "ingress" {
		from = g.IpPermissions
	}
	var gone []map[string]any
	for _, r := range from {
		if rules != nil && !rules(r) {
			continue
		}
		if p := r.permission(ranges); p != nil {
			gone = append(gone, p)
		}
	}
	if len(gone) == 0 {
		return script{}
	}
	text, err := json.Marshal(gone)
	if err != nil {
		return script{}
	}
	return run(shell("aws ec2 revoke-security-group-"+direction+" --region %s --group-id %s --ip-permissions %s", f.Region, g.GroupId, string(text))).
		note(shell("whatever else is in group %s is bound by it too, and what needs these rules stops: give it narrower ones before (aws ec2 authorize-security-group-"+direction+")", g.GroupId))
}

// permission is a rule as EC2 takes it, with those of its ranges that are meant.
func (r groupRule) permission(ranges func(string) bool) map[string]any {
	out := map[string]any{"IpProtocol": r.IpProtocol}
	if r.FromPort != nil && r.ToPort != nil && r.IpProtocol != "-1" {
		out["FromPort"], out["ToPort"] = *r.FromPort, *r.ToPort
	}
	add := func(member, key string, values []string) {
		var all []map[string]string
		for _, v := range values {
			all = append(all, map[string]string{key: v})
		}
		if len(all) > 0 {
			out[member] = all
		}
	}
	var v4, v6, lists, groups []string
	for _, x := range r.IpRanges {
		v4 = append(v4, x.CidrIp)
	}
	for _, x := range r.Ipv6Ranges {
		v6 = append(v6, x.CidrIpv6)
	}
	if ranges != nil {
		other := func(v string) bool { return !ranges(v) }
		v4, v6 = slices.DeleteFunc(v4, other), slices.DeleteFunc(v6, other)
	} else {
		for _, x := range r.PrefixListIds {
			lists = append(lists, x.PrefixListId)
		}
		for _, x := range r.UserIdGroupPairs {
			groups = append(groups, x.GroupId)
		}
	}
	add("IpRanges", "CidrIp", v4)
	add("Ipv6Ranges", "CidrIpv6", v6)
	add("PrefixListIds", "PrefixListId", lists)
	add("UserIdGroupPairs", "GroupId", groups)
	if len(v4)+len(v6)+len(lists)+len(groups) == 0 {
		return nil
	}
	return out
}

// shutOut takes every rule to the internet from groups.
func (f *Facts) shutOut(groups []securityGroup) script {
	var all script
	for _, g := range groups {
		s := f.revoke("egress", g, nil, outside)
		all.notes, all.commands = append(all.notes, s.notes...), append(all.commands, s.commands...)
	}
	return all
}

// narrowACLs lets rules that allow everything out allow HTTPS alone.
func (f *Facts) narrowACLs(acls map[string]subnetACL) script {
	var s script
	done := map[string]bool{}
	for _, subnet := range sortedKeys(acls) {
		acl := acls[subnet]
		if done[acl.NetworkAclId] {
			continue
		}
		done[acl.NetworkAclId] = true
		for _, e := range acl.Entries {
			if !e.Egress || e.RuleAction != "allow" || e.Protocol != "-1" || !everywhere(e.CidrBlock) && !everywhere(e.Ipv6CidrBlock) {
				continue
			}
			to := shell("--cidr-block %s", e.CidrBlock)
			if e.CidrBlock == "" {
				to = shell("--ipv6-cidr-block %s", e.Ipv6CidrBlock)
			}
			s = s.then(shell("aws ec2 replace-network-acl-entry --region %s --network-acl-id %s --egress --rule-number %s --protocol tcp --port-range From=443,To=443 --rule-action allow ", f.Region, acl.NetworkAclId, number(e.RuleNumber)) + to)
		}
	}
	return s.note("an ACL binds all that is in its subnets, answers too: what listens there needs a rule for the ports that it answers to (1024-65535), and name servers elsewhere one for port 53")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(keys(m)) }

// makeEndpoints: S3 and DynamoDB have gateways, which routes lead to; the others interfaces.
func (f *Facts) makeEndpoints(d Deployment, services []string) script {
	s := run().note("with private DNS all of the VPC goes by an interface endpoint, and is bound by its policy").
		ask("ENDPOINT_POLICY", "a file with a policy that names who may do what to what, as the role of the function does")
	interfaces := false
	for _, service := range services {
		name := "com.amazonaws." + f.Region + "." + service
		make := shell("aws ec2 create-vpc-endpoint --region %s --vpc-id %s --service-name %s ", f.Region, d.Config.VpcConfig.VpcId, name) + `--policy-document "file://$ENDPOINT_POLICY" `
		if service == "s3" || service == "dynamodb" {
			s = s.then(make + "--vpc-endpoint-type Gateway --route-table-ids $ROUTE_TABLE_IDS")
			continue
		}
		interfaces = true
		s = s.then(make + shell("--vpc-endpoint-type Interface --private-dns-enabled --subnet-ids ") + words(d.Config.VpcConfig.SubnetIds) + ` --security-group-ids "$ENDPOINT_GROUP_ID"`)
	}
	if slices.Contains(services, "s3") || slices.Contains(services, "dynamodb") {
		s = s.ask("ROUTE_TABLE_IDS", shell("the route tables of %s, with a space between", strings.Join(d.Config.VpcConfig.SubnetIds, ", ")))
	}
	if interfaces {
		s = s.ask("ENDPOINT_GROUP_ID", shell("a security group that admits port 443 from %s; those have to let it out", strings.Join(d.Config.VpcConfig.SecurityGroupIds, ", ")))
	}
	return s
}

func (f *Facts) narrowEndpoints(ids []string) script {
	s := run().note("all of the VPC that goes by the endpoint is bound by the policy").
		ask("ENDPOINT_POLICY", "a file with a policy that names who may do what to what, for all that go by it")
	for _, id := range ids {
		s = s.then(shell("aws ec2 modify-vpc-endpoint --region %s --vpc-endpoint-id %s ", f.Region, id) + `--policy-document "file://$ENDPOINT_POLICY"`)
	}
	return s
}
