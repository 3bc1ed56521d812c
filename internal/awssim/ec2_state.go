package awssim

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	et "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// ec2State is the network of an account and region, by id.
type ec2State struct {
	subnets    map[string]et.Subnet
	groups     map[string]et.SecurityGroup
	acls       map[string]et.NetworkAcl
	tables     map[string]et.RouteTable
	endpoints  map[string]et.VpcEndpoint
	flowLogs   map[string]et.FlowLog
	interfaces map[string]et.NetworkInterface
}

func newEC2State() *ec2State {
	return &ec2State{
		subnets: map[string]et.Subnet{}, groups: map[string]et.SecurityGroup{}, acls: map[string]et.NetworkAcl{}, tables: map[string]et.RouteTable{},
		endpoints: map[string]et.VpcEndpoint{}, flowLogs: map[string]et.FlowLog{}, interfaces: map[string]et.NetworkInterface{},
	}
}

// Network is what StageNetwork lays out. The parts carry their ids.
type Network struct {
	Subnets    []et.Subnet
	Groups     []et.SecurityGroup
	ACLs       []et.NetworkAcl
	Tables     []et.RouteTable
	Endpoints  []et.VpcEndpoint
	FlowLogs   []et.FlowLog
	Interfaces []et.NetworkInterface
}

// StageNetwork lays out a network that was there before: making one is not simulated.
// Owners are filled in where they are missing.
func (c *Cloud) StageNetwork(account, region string, n Network) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.ec2.at(account, region, newEC2State)
	own := func(owner **string) {
		if *owner == nil {
			*owner = &account
		}
	}
	arn := func(kind string, id *string) *string {
		return aws.String("arn:aws:ec2:" + region + ":" + account + ":" + kind + "/" + aws.ToString(id))
	}
	for _, v := range n.Subnets {
		own(&v.OwnerId)
		v.SubnetArn, v.State = arn("subnet", v.SubnetId), et.SubnetStateAvailable
		s.subnets[aws.ToString(v.SubnetId)] = v
	}
	for _, v := range n.Groups {
		own(&v.OwnerId)
		v.SecurityGroupArn = arn("security-group", v.GroupId)
		s.groups[aws.ToString(v.GroupId)] = v
	}
	for _, v := range n.ACLs {
		own(&v.OwnerId)
		s.acls[aws.ToString(v.NetworkAclId)] = v
	}
	for _, v := range n.Tables {
		own(&v.OwnerId)
		s.tables[aws.ToString(v.RouteTableId)] = v
	}
	for _, v := range n.Endpoints {
		own(&v.OwnerId)
		s.endpoints[aws.ToString(v.VpcEndpointId)] = v
	}
	for _, v := range n.FlowLogs {
		s.flowLogs[aws.ToString(v.FlowLogId)] = v
	}
	for _, v := range n.Interfaces {
		own(&v.OwnerId)
		s.interfaces[aws.ToString(v.NetworkInterfaceId)] = v
	}
}

func (s *ec2State) objects(account, region string, put putObject) {
	at := "ec2/" + account + "/" + region + "/"
	putAll(put, at+"subnet/", s.subnets)
	putAll(put, at+"security-group/", s.groups)
	putAll(put, at+"network-acl/", s.acls)
	putAll(put, at+"route-table/", s.tables)
	putAll(put, at+"endpoint/", s.endpoints)
	putAll(put, at+"flow-log/", s.flowLogs)
	putAll(put, at+"interface/", s.interfaces)
}

func putAll[T any](put putObject, at string, all map[string]T) {
	for id, v := range all {
		put(at+id, v, nil)
	}
}

// vpcOf is the VPC of a function's subnets and groups. Texts as Lambda passes EC2's on.
func (c *call) vpcOf(subnets, groups []string) (string, error) {
	s, vpc := c.ec2.at(c.accountID, c.region, newEC2State), ""
	for _, id := range subnets {
		n, ok := s.subnets[id]
		if !ok {
			return "", invalid("Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: The subnet ID '%s' does not exist", id)
		}
		vpc = aws.ToString(n.VpcId)
	}
	for _, id := range groups {
		if _, ok := s.groups[id]; !ok {
			return "", invalid("Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. EC2 Error Message: The security group '%s' does not exist", id)
		}
	}
	return vpc, nil
}

// hyperplane makes the network interfaces that Lambda keeps for a function: one for each
// subnet and set of security groups, shared by all functions that have the same (Lambda
// developer guide, "Understanding Hyperplane Elastic Network Interfaces"). They stay when no
// function needs them any more: AWS takes them back after a while, which is not simulated.
// Whether AWS calls them requester-managed is not verified.
func (c *call) hyperplane(function string, subnets, groups []string) {
	s := c.ec2.at(c.accountID, c.region, newEC2State)
	groups = slices.Sorted(slices.Values(groups))
	for _, subnet := range subnets {
		seed := subnet + " " + strings.Join(groups, " ")
		id := "eni-" + c.idFrom("hex:17", "hyperplane", c.accountID, c.region, seed)
		if _, there := s.interfaces[id]; there {
			continue
		}
		n := s.subnets[subnet]
		ni := et.NetworkInterface{
			NetworkInterfaceId: &id, SubnetId: aws.String(subnet), VpcId: n.VpcId, OwnerId: aws.String(c.accountID), AvailabilityZone: n.AvailabilityZone,
			Description: aws.String("AWS Lambda VPC ENI-" + function + "-" + c.idFrom("uuid", "hyperplane", seed)), InterfaceType: et.NetworkInterfaceTypeLambda,
			RequesterId: aws.String(c.idFrom("AROA", "hyperplane", c.accountID) + ":" + c.accountID), RequesterManaged: aws.Bool(true), SourceDestCheck: aws.Bool(true),
			Status: et.NetworkInterfaceStatusInUse, MacAddress: aws.String("02:" + macOf(c.idFrom("hex:10", "mac", seed))), PrivateIpAddress: hostIn(n.CidrBlock, len(s.interfaces)),
		}
		ni.PrivateIpAddresses = []et.NetworkInterfacePrivateIpAddress{{Primary: aws.Bool(true), PrivateIpAddress: ni.PrivateIpAddress}}
		for _, g := range groups {
			ni.Groups = append(ni.Groups, et.GroupIdentifier{GroupId: aws.String(g), GroupName: s.groups[g].GroupName})
		}
		s.interfaces[id] = ni
	}
}

func macOf(hex string) string {
	var pairs []string
	for p := range slices.Chunk([]byte(hex), 2) {
		pairs = append(pairs, string(p))
	}
	return strings.Join(pairs, ":")
}

// hostIn is the nth address of a network that a host may have: EC2 keeps the first four.
func hostIn(cidr *string, n int) *string {
	p, err := netip.ParsePrefix(aws.ToString(cidr))
	if err != nil {
		return nil
	}
	a := p.Addr()
	for range n + 4 {
		a = a.Next()
	}
	return aws.String(a.String())
}

// vpcConfig is what Lambda makes of a function's VPC configuration; empty lists take it out.
func (c *call) vpcConfig(function string, subnets, groups []string) (vpc string, err error) {
	if vpc, err = c.vpcOf(subnets, groups); err != nil {
		return "", err
	}
	if (len(subnets) == 0) != (len(groups) == 0) {
		return "", invalid("SubnetIds and SecurityIds must coexist or be both empty list.")
	}
	c.hyperplane(function, subnets, groups)
	return vpc, nil
}

// sortedValues are a map's values by key.
func sortedValues[T any](all map[string]T) []T {
	out := make([]T, 0, len(all))
	for _, k := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[k])
	}
	return out
}

func ec2NotFound(code, noun string, ids []string) error {
	if len(ids) == 1 {
		return fail(code, "The %s '%s' does not exist", noun, ids[0])
	}
	return fail(code, "The %ss '%s' do not exist", noun, strings.Join(ids, ", "))
}
