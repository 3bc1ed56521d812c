package practices

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	et "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

const (
	vpcID   = "vpc-0a1b2c3d4e5f60718"
	subnetA = "subnet-0aaaaaaaaaaaaaaaa"
	subnetB = "subnet-0bbbbbbbbbbbbbbbb"
	groupID = "sg-0aaaaaaaaaaaaaaaa"
)

// network is where the functions run: two zones, a way out by NAT that no group lets anybody
// take, endpoints for what the role uses.
func network() awssim.Network {
	subnetOf := func(id, zone string) et.Subnet {
		return et.Subnet{SubnetId: &id, VpcId: aws.String(vpcID), CidrBlock: aws.String("10.1.0.0/24"), AvailabilityZone: aws.String(region + zone)}
	}
	narrow := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"` + arn("sqs", "till-failed") + `"}]}`
	endpointOf := func(id, service string) et.VpcEndpoint {
		return et.VpcEndpoint{VpcEndpointId: &id, VpcId: aws.String(vpcID), ServiceName: aws.String("com.amazonaws." + region + "." + service), State: et.StateAvailable, PolicyDocument: &narrow}
	}
	return awssim.Network{
		Subnets: []et.Subnet{subnetOf(subnetA, "a"), subnetOf(subnetB, "b")},
		Groups: []et.SecurityGroup{{GroupId: aws.String(groupID), GroupName: aws.String("till"), VpcId: aws.String(vpcID), Description: aws.String("of the till"),
			IpPermissionsEgress: []et.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), IpRanges: []et.IpRange{{CidrIp: aws.String("10.1.0.0/16")}}}}}},
		ACLs: []et.NetworkAcl{{NetworkAclId: aws.String("acl-1"), VpcId: aws.String(vpcID), Associations: []et.NetworkAclAssociation{{SubnetId: aws.String(subnetA)}, {SubnetId: aws.String(subnetB)}},
			Entries: []et.NetworkAclEntry{{RuleNumber: aws.Int32(100), Egress: aws.Bool(true), Protocol: aws.String("6"), RuleAction: et.RuleActionAllow, CidrBlock: aws.String("0.0.0.0/0"), PortRange: &et.PortRange{From: aws.Int32(443), To: aws.Int32(443)}}}}},
		Tables: []et.RouteTable{{RouteTableId: aws.String("rtb-1"), VpcId: aws.String(vpcID), Associations: []et.RouteTableAssociation{{Main: aws.Bool(true)}},
			Routes: []et.Route{{DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: aws.String("nat-1"), State: et.RouteStateActive}}}},
		Endpoints: []et.VpcEndpoint{endpointOf("vpce-sqs", "sqs"), endpointOf("vpce-sts", "sts"), endpointOf("vpce-dynamodb", "dynamodb"), endpointOf("vpce-secrets", "secretsmanager")},
		FlowLogs:  []et.FlowLog{{FlowLogId: aws.String("fl-1"), ResourceId: aws.String(vpcID), TrafficType: et.TrafficTypeAll, LogDestinationType: et.LogDestinationTypeS3}},
	}
}

func vpcIsolationBefore(w *world) {
	w.stage(network())
	w.set("VpcConfig", obj{"SubnetIds": []string{subnetA, subnetB}, "SecurityGroupIds": []string{groupID}})
}

// stage lays out a network, or what of it has changed.
func (w *world) stage(n awssim.Network) {
	w.net = n
	w.cloud.StageNetwork(account, region, n)
}

func rewire(change func(n *awssim.Network)) func(*world) {
	return func(w *world) {
		n := network()
		change(&n)
		w.stage(n)
	}
}

// letOut adds a rule for traffic out to everywhere.
func letOut(protocol string) func(*world) {
	return rewire(func(n *awssim.Network) {
		n.Groups[0].IpPermissionsEgress = append(n.Groups[0].IpPermissionsEgress, et.IpPermission{IpProtocol: &protocol, FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: []et.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}})
	})
}

func vpcIsolationFixtures() []fixture {
	ec2 := []string{"ec2.network"}
	return []fixture{
		{check: "vpc-isolation/in-vpc", collectors: ec2, denied: "Lambda:GetFunction", fail: configure(obj{"VpcConfig": obj{"SubnetIds": []string{}, "SecurityGroupIds": []string{}}})},
		{check: "vpc-isolation/multi-az", collectors: ec2, denied: "EC2:DescribeSubnets", fail: rewire(func(n *awssim.Network) { n.Subnets[1].AvailabilityZone = aws.String(region + "a") })},
		{check: "vpc-isolation/egress-any", collectors: ec2, denied: "EC2:DescribeSecurityGroups", fail: letOut("-1"),
			also: map[string]string{"vpc-isolation/egress-internet": "where there is a way out, a rule for all traffic takes it"}},
		{check: "vpc-isolation/egress-internet", collectors: ec2, denied: "EC2:DescribeNetworkAcls", fail: letOut("tcp")},
		{check: "vpc-isolation/public-subnet", collectors: ec2, denied: "EC2:DescribeRouteTables", fail: rewire(func(n *awssim.Network) {
			n.Tables[0].Routes[0].NatGatewayId, n.Tables[0].Routes[0].GatewayId = nil, aws.String("igw-1")
		})},
		{check: "vpc-isolation/endpoints", collectors: []string{"ec2.network", "iam.role"}, denied: "EC2:DescribeVpcEndpoints", fail: rewire(func(n *awssim.Network) {
			n.Endpoints[0].ServiceName = aws.String("com.amazonaws." + region + ".sns")
		})},
		{check: "vpc-isolation/endpoint-policy", collectors: ec2, denied: "EC2:DescribeVpcEndpoints", fail: rewire(func(n *awssim.Network) {
			n.Endpoints[0].PolicyDocument = aws.String(`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`)
		})},
		{check: "vpc-isolation/network-acl", collectors: ec2, denied: "EC2:DescribeNetworkAcls", fail: rewire(func(n *awssim.Network) { n.ACLs[0].Entries[0].Protocol = aws.String("-1") })},
		{check: "vpc-isolation/group-ingress", collectors: ec2, denied: "EC2:DescribeSecurityGroups", fail: rewire(func(n *awssim.Network) {
			n.Groups[0].IpPermissions = []et.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: []et.IpRange{{CidrIp: aws.String("10.1.0.0/16")}}}}
		})},
		{check: "vpc-isolation/default-group", collectors: ec2, denied: "EC2:DescribeSecurityGroups", fail: rewire(func(n *awssim.Network) { n.Groups[0].GroupName = aws.String("default") })},
		{check: "vpc-isolation/flow-logs", collectors: ec2, denied: "EC2:DescribeFlowLogs", fail: rewire(func(n *awssim.Network) { n.FlowLogs[0].TrafficType = et.TrafficTypeReject })},
	}
}
