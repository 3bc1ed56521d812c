package awssim

import (
	"path"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	et "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// ec2Ops is every simulated operation of EC2: a network is looked at here, and laid out with
// StageNetwork.
func ec2Ops() []operation {
	return []operation{
		op("ec2", "DescribeSubnets", describeSubnets), op("ec2", "DescribeSecurityGroups", describeSecurityGroups), op("ec2", "DescribeNetworkAcls", describeNetworkAcls),
		op("ec2", "DescribeRouteTables", describeRouteTables), op("ec2", "DescribeVpcEndpoints", describeVpcEndpoints),
		op("ec2", "DescribeFlowLogs", describeFlowLogs), op("ec2", "DescribeNetworkInterfaces", describeNetworkInterfaces),
		op("ec2", "RevokeSecurityGroupEgress", revokeEgress),
	}
}

// ec2Kind is a kind of resource: how it is looked for.
type ec2Kind[T any] struct {
	action     string
	code, noun string // of the error for an id that is not there
	most       int    // of a page
	recorded   string // the member of CloudTrail's record that lists ids; "": the record is of the newer form
	id         func(T) *string
	filters    map[string]func(T) []string
}

// ec2Ask is what all Describe calls have in common.
type ec2Ask struct {
	ids     []string
	filters []et.Filter
	max     *int32
	token   *string
	dry     *bool
}

// described answers a Describe call: EC2 knows no resources in permissions for them.
// Filters and values: "Using filtering", EC2 API Reference: all filters must fit, of each
// any value, * and ? stand for any text; at most 50 filters of 200 values each.
func described[T any](c *call, k ec2Kind[T], all map[string]T, ask ec2Ask) ([]T, *string, error) {
	c.trail.request = func(m map[string]any) { k.record(m, ask) } // of refusals too
	if err := c.allow("ec2:"+k.action, "*"); err != nil {
		return nil, nil, err
	}
	if aws.ToBool(ask.dry) {
		return nil, nil, &apiError{Code: "DryRunOperation", Status: 412, Message: "Request would have succeeded, but DryRun flag is set."}
	}
	if len(ask.ids) > 0 && ask.max != nil {
		return nil, nil, fail("InvalidParameterCombination", "The parameter %sIds cannot be used with the parameter maxResults", k.recorded)
	}
	var missing []string
	for _, id := range ask.ids {
		if _, ok := all[id]; !ok {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		return nil, nil, ec2NotFound(k.code, k.noun, missing)
	}
	var found []T
	for _, v := range sortedValues(all) {
		if len(ask.ids) > 0 && !slices.Contains(ask.ids, aws.ToString(k.id(v))) {
			continue
		}
		fits, err := k.fits(v, ask.filters)
		if err != nil {
			return nil, nil, err
		}
		if fits {
			found = append(found, v)
		}
	}
	return paginate(found, ask.token, ask.max, k.most)
}

func (k ec2Kind[T]) fits(v T, filters []et.Filter) (bool, error) {
	if len(filters) > 50 {
		return false, fail("FilterLimitExceeded", "The request uses too many filters or too many filter values.")
	}
	for _, f := range filters {
		read := k.filters[aws.ToString(f.Name)]
		if read == nil {
			return false, fail("NotImplemented", "freezeframe simulator: the filter %s of %s is not simulated", aws.ToString(f.Name), k.action)
		}
		if len(f.Values) > 200 {
			return false, fail("FilterLimitExceeded", "The request uses too many filters or too many filter values.")
		}
		have := read(v)
		if !slices.ContainsFunc(f.Values, func(pattern string) bool {
			return slices.ContainsFunc(have, func(text string) bool { ok, _ := path.Match(pattern, text); return ok || pattern == text })
		}) {
			return false, nil
		}
	}
	return true, nil
}

// record spells the request as CloudTrail does: lists under items, each element under the
// name of its id (records of real accounts: DescribeInstances has filterSet and instancesSet,
// both {} when empty; of newer operations DeleteFlowLogs has everything under
// DeleteFlowLogsRequest, with tags and contents). The members' names for the operations here
// are not verified.
func (k ec2Kind[T]) record(m map[string]any, ask ec2Ask) {
	if k.recorded == "" {
		whole := map[string]any{}
		for i, f := range ask.filters {
			values := []any{}
			for n, v := range f.Values {
				values = append(values, map[string]any{"tag": n + 1, "content": v})
			}
			whole["Filter"] = append(anyList(whole["Filter"]), map[string]any{"tag": i + 1, "Name": aws.ToString(f.Name), "Value": values})
		}
		clear(m)
		m[k.action+"Request"] = whole
		return
	}
	delete(m, "filters")
	filters, ids := []any{}, []any{}
	for _, f := range ask.filters {
		values := []any{}
		for _, v := range f.Values {
			values = append(values, map[string]any{"value": v})
		}
		filters = append(filters, map[string]any{"name": aws.ToString(f.Name), "valueSet": map[string]any{"items": values}})
	}
	for _, id := range ask.ids {
		ids = append(ids, map[string]any{k.recorded: id})
	}
	for _, name := range []string{"subnetIds", "groupIds", "networkAclIds", "routeTableIds", "networkInterfaceIds"} {
		delete(m, name)
	}
	m["filterSet"], m[k.recorded+"Set"] = itemsOf(filters), itemsOf(ids)
}

func anyList(v any) []any {
	l, _ := v.([]any)
	return l
}

func itemsOf(list []any) map[string]any {
	if len(list) == 0 {
		return map[string]any{}
	}
	return map[string]any{"items": list}
}

// one is a filter on a single member.
func one[T any](read func(T) *string) func(T) []string {
	return func(v T) []string {
		if p := read(v); p != nil {
			return []string{*p}
		}
		return nil
	}
}

func (c *call) network() *ec2State { return c.ec2.at(c.accountID, c.region, newEC2State) }

func describeSubnets(c *call, in *ec2.DescribeSubnetsInput) (*ec2.DescribeSubnetsOutput, error) {
	found, next, err := described(c, ec2Kind[et.Subnet]{
		action: "DescribeSubnets", code: "InvalidSubnetID.NotFound", noun: "subnet ID", most: 1000, recorded: "subnet",
		id: func(v et.Subnet) *string { return v.SubnetId },
		filters: map[string]func(et.Subnet) []string{
			"subnet-id": one(func(v et.Subnet) *string { return v.SubnetId }), "vpc-id": one(func(v et.Subnet) *string { return v.VpcId }),
		},
	}, c.network().subnets, ec2Ask{in.SubnetIds, in.Filters, in.MaxResults, in.NextToken, in.DryRun})
	return &ec2.DescribeSubnetsOutput{Subnets: found, NextToken: next}, err
}

func describeSecurityGroups(c *call, in *ec2.DescribeSecurityGroupsInput) (*ec2.DescribeSecurityGroupsOutput, error) {
	if len(in.GroupNames) > 0 { // groups of default VPCs and of EC2-Classic only
		return nil, fail("NotImplemented", "freezeframe simulator: names of groups are not simulated")
	}
	found, next, err := described(c, ec2Kind[et.SecurityGroup]{
		action: "DescribeSecurityGroups", code: "InvalidGroup.NotFound", noun: "security group", most: 1000, recorded: "groupId",
		id: func(v et.SecurityGroup) *string { return v.GroupId },
		filters: map[string]func(et.SecurityGroup) []string{
			"group-id": one(func(v et.SecurityGroup) *string { return v.GroupId }), "vpc-id": one(func(v et.SecurityGroup) *string { return v.VpcId }),
			"group-name": one(func(v et.SecurityGroup) *string { return v.GroupName }),
		},
	}, c.network().groups, ec2Ask{in.GroupIds, in.Filters, in.MaxResults, in.NextToken, in.DryRun})
	return &ec2.DescribeSecurityGroupsOutput{SecurityGroups: found, NextToken: next}, err
}

func describeNetworkAcls(c *call, in *ec2.DescribeNetworkAclsInput) (*ec2.DescribeNetworkAclsOutput, error) {
	found, next, err := described(c, ec2Kind[et.NetworkAcl]{
		action: "DescribeNetworkAcls", code: "InvalidNetworkAclID.NotFound", noun: "networkAcl ID", most: 1000, recorded: "networkAclId",
		id: func(v et.NetworkAcl) *string { return v.NetworkAclId },
		filters: map[string]func(et.NetworkAcl) []string{
			"vpc-id": one(func(v et.NetworkAcl) *string { return v.VpcId }),
			"association.subnet-id": func(v et.NetworkAcl) (out []string) {
				for _, a := range v.Associations {
					out = append(out, aws.ToString(a.SubnetId))
				}
				return out
			},
		},
	}, c.network().acls, ec2Ask{in.NetworkAclIds, in.Filters, in.MaxResults, in.NextToken, in.DryRun})
	return &ec2.DescribeNetworkAclsOutput{NetworkAcls: found, NextToken: next}, err
}

func describeRouteTables(c *call, in *ec2.DescribeRouteTablesInput) (*ec2.DescribeRouteTablesOutput, error) {
	of := func(read func(et.RouteTableAssociation) *string) func(et.RouteTable) []string {
		return func(v et.RouteTable) (out []string) {
			for _, a := range v.Associations {
				if p := read(a); p != nil {
					out = append(out, *p)
				}
			}
			return out
		}
	}
	found, next, err := described(c, ec2Kind[et.RouteTable]{
		action: "DescribeRouteTables", code: "InvalidRouteTableID.NotFound", noun: "routeTable ID", most: 100, recorded: "routeTableId",
		id: func(v et.RouteTable) *string { return v.RouteTableId },
		filters: map[string]func(et.RouteTable) []string{
			"vpc-id":                one(func(v et.RouteTable) *string { return v.VpcId }),
			"association.subnet-id": of(func(a et.RouteTableAssociation) *string { return a.SubnetId }),
			"association.main":      of(func(a et.RouteTableAssociation) *string { return aws.String(strconv.FormatBool(aws.ToBool(a.Main))) }),
		},
	}, c.network().tables, ec2Ask{in.RouteTableIds, in.Filters, in.MaxResults, in.NextToken, in.DryRun})
	return &ec2.DescribeRouteTablesOutput{RouteTables: found, NextToken: next}, err
}

func describeVpcEndpoints(c *call, in *ec2.DescribeVpcEndpointsInput) (*ec2.DescribeVpcEndpointsOutput, error) {
	found, next, err := described(c, ec2Kind[et.VpcEndpoint]{
		action: "DescribeVpcEndpoints", code: "InvalidVpcEndpointId.NotFound", noun: "Vpc Endpoint Id", most: 1000,
		id:      func(v et.VpcEndpoint) *string { return v.VpcEndpointId },
		filters: map[string]func(et.VpcEndpoint) []string{"vpc-id": one(func(v et.VpcEndpoint) *string { return v.VpcId }), "service-name": one(func(v et.VpcEndpoint) *string { return v.ServiceName })},
	}, c.network().endpoints, ec2Ask{in.VpcEndpointIds, in.Filters, in.MaxResults, in.NextToken, in.DryRun})
	return &ec2.DescribeVpcEndpointsOutput{VpcEndpoints: found, NextToken: next}, err
}

func describeFlowLogs(c *call, in *ec2.DescribeFlowLogsInput) (*ec2.DescribeFlowLogsOutput, error) {
	found, next, err := described(c, ec2Kind[et.FlowLog]{
		action: "DescribeFlowLogs", code: "InvalidFlowLogId.NotFound", noun: "flow log", most: 1000,
		id:      func(v et.FlowLog) *string { return v.FlowLogId },
		filters: map[string]func(et.FlowLog) []string{"resource-id": one(func(v et.FlowLog) *string { return v.ResourceId }), "log-group-name": one(func(v et.FlowLog) *string { return v.LogGroupName })},
	}, c.network().flowLogs, ec2Ask{in.FlowLogIds, in.Filter, in.MaxResults, in.NextToken, in.DryRun})
	return &ec2.DescribeFlowLogsOutput{FlowLogs: found, NextToken: next}, err
}

func describeNetworkInterfaces(c *call, in *ec2.DescribeNetworkInterfacesInput) (*ec2.DescribeNetworkInterfacesOutput, error) {
	found, next, err := described(c, ec2Kind[et.NetworkInterface]{
		action: "DescribeNetworkInterfaces", code: "InvalidNetworkInterfaceID.NotFound", noun: "networkInterface ID", most: 1000, recorded: "networkInterfaceId",
		id: func(v et.NetworkInterface) *string { return v.NetworkInterfaceId },
		filters: map[string]func(et.NetworkInterface) []string{
			"subnet-id": one(func(v et.NetworkInterface) *string { return v.SubnetId }), "vpc-id": one(func(v et.NetworkInterface) *string { return v.VpcId }),
			"description":    one(func(v et.NetworkInterface) *string { return v.Description }),
			"interface-type": func(v et.NetworkInterface) []string { return []string{string(v.InterfaceType)} },
			"group-id": func(v et.NetworkInterface) (out []string) {
				for _, g := range v.Groups {
					out = append(out, aws.ToString(g.GroupId))
				}
				return out
			},
		},
	}, c.network().interfaces, ec2Ask{in.NetworkInterfaceIds, in.Filters, in.MaxResults, in.NextToken, in.DryRun})
	return &ec2.DescribeNetworkInterfacesOutput{NetworkInterfaces: found, NextToken: next}, err
}
