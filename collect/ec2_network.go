package collect

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// network reads where the function's traffic could go, and which addresses flow logs know
// it by: of every version, since an alias may send calls to an old one.
func network() Collector {
	inVPC := func(call string) awsapi.Need { // EC2 knows no resources in permissions to describe
		return awsapi.Need{Call: "EC2:" + call, When: "a version is in a VPC", IAM: []awsapi.Grant{{Action: "ec2:" + call, Resource: "*"}}}
	}
	return Collector{
		Name: "ec2.network", About: "network of the function's versions: subnets, security groups, network ACLs, routes, endpoints, flow logs, network interfaces",
		Needs: []awsapi.Need{
			inVPC("DescribeSubnets"), inVPC("DescribeSecurityGroups"), inVPC("DescribeNetworkAcls"), inVPC("DescribeRouteTables"),
			inVPC("DescribeVpcEndpoints"), inVPC("DescribeNetworkInterfaces"), inVPC("DescribeFlowLogs"),
		},
		Collect: collectNetwork,
	}
}

// networkFact is the network of all versions together.
type networkFact struct{ vpcs, subnets, groups []string }

func networkOf(l versionList) networkFact {
	var n networkFact
	for _, v := range l.all {
		if v.network != nil && len(v.network.SubnetIds) > 0 { // out of a VPC again: lists that are empty
			n.vpcs = addOnce(n.vpcs, aws.ToString(v.network.VpcId))
			n.subnets = addOnce(n.subnets, v.network.SubnetIds...)
			n.groups = addOnce(n.groups, v.network.SecurityGroupIds...)
		}
	}
	return n
}

func (j *Job) networkWants() map[string]want {
	all := map[string]want{}
	for artefact, call := range map[string]string{
		"ec2.subnets": "DescribeSubnets", "ec2.security-groups": "DescribeSecurityGroups", "ec2.security-groups.referenced": "DescribeSecurityGroups",
		"ec2.network-acls": "DescribeNetworkAcls", "ec2.route-tables": "DescribeRouteTables", "ec2.endpoints": "DescribeVpcEndpoints",
		"ec2.network-interfaces": "DescribeNetworkInterfaces", "ec2.flow-logs": "DescribeFlowLogs",
	} {
		all[artefact] = j.want(artefact, "", "EC2:"+call)
	}
	return all
}

func collectNetwork(ctx context.Context, j *Job) {
	versions := j.facts.versions.get(ctx)
	if ctx.Err() != nil {
		return // close records it
	}
	n, wants := networkOf(versions), j.networkWants()
	if len(n.subnets) == 0 {
		for _, w := range wants {
			if versions.known {
				j.none(w, stamp{}, "no version is in a VPC")
			} else {
				j.skip(w, "network of the versions unknown: lambda.configuration.versions is not whole")
			}
		}
		return
	}
	if !versions.known {
		j.skip(j.want("ec2.network", "*", ""), "networks of versions beyond those named unknown: lambda.configuration.versions is not whole")
	}
	for _, w := range wants {
		j.plan(w)
	}
	c := ec2.NewFromConfig(j.config(j.Target.Region))
	both(
		func() { j.subnets(ctx, c, n, wants["ec2.subnets"]) },
		func() {
			j.securityGroups(ctx, c, n, wants["ec2.security-groups"], wants["ec2.security-groups.referenced"])
		},
		func() { j.networkACLs(ctx, c, n, wants["ec2.network-acls"]) },
		func() { j.routeTables(ctx, c, n, wants["ec2.route-tables"]) },
		func() { j.endpoints(ctx, c, n, wants["ec2.endpoints"]) },
		func() { j.interfacesAndFlows(ctx, c, n, wants["ec2.network-interfaces"], wants["ec2.flow-logs"]) },
	)
}

func (j *Job) subnets(ctx context.Context, c *ec2.Client, n networkFact, w want) {
	found, known := described[ec2.DescribeSubnetsInput, ec2.DescribeSubnetsOutput, ec2types.Subnet]{
		call: c.DescribeSubnets, member: "Subnets", none: "AWS knows none of the subnets any more", by: "subnet-id", values: n.subnets,
		in: func(f []ec2types.Filter, token *string) *ec2.DescribeSubnetsInput {
			return &ec2.DescribeSubnetsInput{Filters: f, NextToken: token, MaxResults: aws.Int32(1000)}
		},
		token: func(o *ec2.DescribeSubnetsOutput) *string { return o.NextToken },
		items: func(o *ec2.DescribeSubnetsOutput) []ec2types.Subnet { return o.Subnets },
	}.get(ctx, j, w)
	if known {
		j.gone(w, without(n.subnets, found, func(s ec2types.Subnet) *string { return s.SubnetId }), "a version names it, and it is not in this account and region any more")
	}
}

// gone says of each id that there is nothing behind it.
func (j *Job) gone(w want, ids []string, why string) {
	for _, id := range ids {
		w.src.Qualifier, w.params = id, nil
		if !j.have(w) {
			j.none(w, stamp{}, why)
		}
	}
}

// securityGroups reads the versions' groups, and those that their rules name: who may talk
// to the function, and what to, is who is in these.
func (j *Job) securityGroups(ctx context.Context, c *ec2.Client, n networkFact, own, referenced want) {
	groups := described[ec2.DescribeSecurityGroupsInput, ec2.DescribeSecurityGroupsOutput, ec2types.SecurityGroup]{
		call: c.DescribeSecurityGroups, member: "SecurityGroups", none: "AWS knows none of the groups any more", by: "group-id", values: n.groups,
		in: func(f []ec2types.Filter, token *string) *ec2.DescribeSecurityGroupsInput {
			return &ec2.DescribeSecurityGroupsInput{Filters: f, NextToken: token, MaxResults: aws.Int32(1000)}
		},
		token: func(o *ec2.DescribeSecurityGroupsOutput) *string { return o.NextToken },
		items: func(o *ec2.DescribeSecurityGroupsOutput) []ec2types.SecurityGroup { return o.SecurityGroups },
	}
	if len(n.groups) == 0 {
		j.none(own, stamp{}, "no version names a security group")
		j.none(referenced, stamp{}, "no version names a security group")
		return
	}
	id := func(g ec2types.SecurityGroup) *string { return g.GroupId }
	found, known := groups.get(ctx, j, own)
	if known {
		j.gone(own, without(n.groups, found, id), "a version names it, and it is not in this account and region any more")
	}
	named, foreign := j.groupsNamed(found)
	named = slices.DeleteFunc(named, func(g string) bool { return slices.Contains(n.groups, g) })
	for g, account := range foreign {
		w := referenced
		w.src.Qualifier = g
		j.notCovered(w, "a rule names it, and it belongs to account "+account)
	}
	switch {
	case !known && len(named) == 0:
		j.skip(referenced, "groups that rules name unknown: ec2.security-groups is not whole")
		return
	case len(named) == 0:
		j.none(referenced, stamp{}, "no rule names another group of this account")
		return
	case !known:
		w := referenced
		w.src.Qualifier = "*"
		j.skip(w, "groups beyond those named unknown: ec2.security-groups is not whole")
	}
	groups.values = named
	if found, known := groups.get(ctx, j, referenced); known {
		j.gone(referenced, without(named, found, id), "a rule names it, and it is not in this account and region")
	}
}

// groupsNamed are the groups in rules: of this account, and by id of others, with the account.
func (j *Job) groupsNamed(groups []ec2types.SecurityGroup) (own []string, foreign map[string]string) {
	foreign = map[string]string{}
	for _, g := range groups {
		for _, p := range slices.Concat(g.IpPermissions, g.IpPermissionsEgress) {
			for _, pair := range p.UserIdGroupPairs {
				id, account := aws.ToString(pair.GroupId), aws.ToString(pair.UserId)
				switch {
				case account != "" && account != j.Target.Account && id != "":
					foreign[id] = account
				default:
					own = addOnce(own, id)
				}
			}
		}
	}
	return own, foreign
}

func (j *Job) networkACLs(ctx context.Context, c *ec2.Client, n networkFact, w want) {
	described[ec2.DescribeNetworkAclsInput, ec2.DescribeNetworkAclsOutput, ec2types.NetworkAcl]{
		call: c.DescribeNetworkAcls, member: "NetworkAcls", none: "no network ACL of these subnets", by: "association.subnet-id", values: n.subnets,
		in: func(f []ec2types.Filter, token *string) *ec2.DescribeNetworkAclsInput {
			return &ec2.DescribeNetworkAclsInput{Filters: f, NextToken: token, MaxResults: aws.Int32(1000)}
		},
		token: func(o *ec2.DescribeNetworkAclsOutput) *string { return o.NextToken },
		items: func(o *ec2.DescribeNetworkAclsOutput) []ec2types.NetworkAcl { return o.NetworkAcls },
	}.get(ctx, j, w)
}

// routeTables keeps the main tables, which hold for subnets without one of their own, and
// those of the versions' subnets. Filters all have to fit, so that one call asks for the
// tables of the VPCs and the rest is left out here.
func (j *Job) routeTables(ctx context.Context, c *ec2.Client, n networkFact, w want) {
	if len(n.vpcs) == 0 {
		j.gap(w, stamp{}, evidence.Failed, "", "the configuration names no VPC")
		return
	}
	ours := func(t ec2types.RouteTable) bool {
		return slices.ContainsFunc(t.Associations, func(a ec2types.RouteTableAssociation) bool {
			return aws.ToBool(a.Main) || slices.Contains(n.subnets, aws.ToString(a.SubnetId))
		})
	}
	described[ec2.DescribeRouteTablesInput, ec2.DescribeRouteTablesOutput, ec2types.RouteTable]{
		call: c.DescribeRouteTables, member: "RouteTables", none: "no route table of these subnets or VPCs", by: "vpc-id", values: n.vpcs,
		in: func(f []ec2types.Filter, token *string) *ec2.DescribeRouteTablesInput {
			return &ec2.DescribeRouteTablesInput{Filters: f, NextToken: token, MaxResults: aws.Int32(100)}
		},
		token: func(o *ec2.DescribeRouteTablesOutput) *string { return o.NextToken },
		items: func(o *ec2.DescribeRouteTablesOutput) []ec2types.RouteTable {
			return slices.DeleteFunc(o.RouteTables, func(t ec2types.RouteTable) bool { return !ours(t) })
		},
	}.get(ctx, j, w)
}

// endpoints are the ways out of the VPC that pass no gateway, with their policies.
func (j *Job) endpoints(ctx context.Context, c *ec2.Client, n networkFact, w want) {
	if len(n.vpcs) == 0 {
		j.gap(w, stamp{}, evidence.Failed, "", "the configuration names no VPC")
		return
	}
	described[ec2.DescribeVpcEndpointsInput, ec2.DescribeVpcEndpointsOutput, ec2types.VpcEndpoint]{
		call: c.DescribeVpcEndpoints, member: "VpcEndpoints", none: "no endpoint in the VPCs", by: "vpc-id", values: n.vpcs,
		in: func(f []ec2types.Filter, token *string) *ec2.DescribeVpcEndpointsInput {
			return &ec2.DescribeVpcEndpointsInput{Filters: f, NextToken: token, MaxResults: aws.Int32(1000)}
		},
		token: func(o *ec2.DescribeVpcEndpointsOutput) *string { return o.NextToken },
		items: func(o *ec2.DescribeVpcEndpointsOutput) []ec2types.VpcEndpoint { return o.VpcEndpoints },
	}.get(ctx, j, w)
}

// interfacesAndFlows reads the interfaces that Lambda keeps in the subnets under the groups:
// functions that have both in common share them, so that an address in a flow log may stand
// for several. Flow logs may be of one interface alone.
func (j *Job) interfacesAndFlows(ctx context.Context, c *ec2.Client, n networkFact, w, flows want) {
	also := []ec2types.Filter{filter("interface-type", "lambda")}
	if len(n.groups) > 0 && len(n.groups) <= maxFilterValues {
		also = append(also, filter("group-id", n.groups...))
	}
	found, known := described[ec2.DescribeNetworkInterfacesInput, ec2.DescribeNetworkInterfacesOutput, ec2types.NetworkInterface]{
		call: c.DescribeNetworkInterfaces, member: "NetworkInterfaces", none: "Lambda keeps no network interface in these subnets", by: "subnet-id", values: n.subnets, also: also,
		in: func(f []ec2types.Filter, token *string) *ec2.DescribeNetworkInterfacesInput {
			return &ec2.DescribeNetworkInterfacesInput{Filters: f, NextToken: token, MaxResults: aws.Int32(1000), IncludeManagedResources: aws.Bool(true)}
		},
		token: func(o *ec2.DescribeNetworkInterfacesOutput) *string { return o.NextToken },
		items: func(o *ec2.DescribeNetworkInterfacesOutput) []ec2types.NetworkInterface { return o.NetworkInterfaces },
	}.get(ctx, j, w)
	watched := slices.Concat(n.vpcs, n.subnets)
	for _, i := range found {
		watched = addOnce(watched, aws.ToString(i.NetworkInterfaceId))
	}
	if !known {
		rest := flows
		rest.src.Qualifier = "*"
		j.skip(rest, "flow logs of single interfaces unknown: ec2.network-interfaces is not whole")
	}
	described[ec2.DescribeFlowLogsInput, ec2.DescribeFlowLogsOutput, ec2types.FlowLog]{
		call: c.DescribeFlowLogs, member: "FlowLogs", none: "no flow log of the VPCs, subnets and interfaces", by: "resource-id", values: watched,
		in: func(f []ec2types.Filter, token *string) *ec2.DescribeFlowLogsInput {
			return &ec2.DescribeFlowLogsInput{Filter: f, NextToken: token, MaxResults: aws.Int32(1000)}
		},
		token: func(o *ec2.DescribeFlowLogsOutput) *string { return o.NextToken },
		items: func(o *ec2.DescribeFlowLogsOutput) []ec2types.FlowLog { return o.FlowLogs },
	}.get(ctx, j, flows)
}
