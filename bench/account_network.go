package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// vpcID is the network that the function runs in.
const vpcID = "vpc-0a1b2c3d4e5f60718"

// addNetwork puts the function's newest code into a VPC: two subnets, a group whose rules
// name another and one of a partner, a way out through a NAT gateway and one through an
// endpoint, flow logs of the VPC. Another function is in the same subnet under a group of
// its own, and another VPC lies beside.
func (a *Account) addNetwork(ctx context.Context) error {
	a.Cloud.StageNetwork(AccountID, Region, awssim.Network{
		Subnets: []ec2types.Subnet{subnet("subnet-0aaaaaaaaaaaaaaaa", vpcID, "10.1.0.0/24"), subnet("subnet-0bbbbbbbbbbbbbbbb", vpcID, "10.1.1.0/24"), subnet("subnet-0cccccccccccccccc", "vpc-other", "10.2.0.0/24")},
		Groups:  securityGroups(),
		ACLs: []ec2types.NetworkAcl{
			{NetworkAclId: aws.String("acl-payments"), VpcId: aws.String(vpcID), Associations: []ec2types.NetworkAclAssociation{{SubnetId: aws.String("subnet-0aaaaaaaaaaaaaaaa")}, {SubnetId: aws.String("subnet-0bbbbbbbbbbbbbbbb")}},
				Entries: []ec2types.NetworkAclEntry{{RuleNumber: aws.Int32(100), Egress: aws.Bool(true), Protocol: aws.String("-1"), RuleAction: ec2types.RuleActionAllow, CidrBlock: aws.String("0.0.0.0/0")}}},
			{NetworkAclId: aws.String("acl-other"), VpcId: aws.String("vpc-other"), Associations: []ec2types.NetworkAclAssociation{{SubnetId: aws.String("subnet-0cccccccccccccccc")}}},
		},
		Tables: []ec2types.RouteTable{
			{RouteTableId: aws.String("rtb-main"), VpcId: aws.String(vpcID), Associations: []ec2types.RouteTableAssociation{{Main: aws.Bool(true)}}},
			{RouteTableId: aws.String("rtb-payments"), VpcId: aws.String(vpcID), Associations: []ec2types.RouteTableAssociation{{Main: aws.Bool(false), SubnetId: aws.String("subnet-0aaaaaaaaaaaaaaaa")}},
				Routes: []ec2types.Route{{DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: aws.String("nat-1"), State: ec2types.RouteStateActive}}},
			{RouteTableId: aws.String("rtb-unused"), VpcId: aws.String(vpcID)},
		},
		Endpoints: []ec2types.VpcEndpoint{
			{VpcEndpointId: aws.String("vpce-s3"), VpcId: aws.String(vpcID), ServiceName: aws.String("com.amazonaws." + Region + ".s3"), State: ec2types.StateAvailable,
				PolicyDocument: aws.String(`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`)},
			{VpcEndpointId: aws.String("vpce-other"), VpcId: aws.String("vpc-other"), ServiceName: aws.String("com.amazonaws." + Region + ".s3"), State: ec2types.StateAvailable},
		},
		FlowLogs: []ec2types.FlowLog{
			{FlowLogId: aws.String("fl-payments"), ResourceId: aws.String(vpcID), TrafficType: ec2types.TrafficTypeReject, LogGroupName: aws.String("/vpc/payments"), LogDestinationType: ec2types.LogDestinationTypeCloudWatchLogs},
			{FlowLogId: aws.String("fl-other"), ResourceId: aws.String("vpc-other"), TrafficType: ec2types.TrafficTypeAll, LogDestinationType: ec2types.LogDestinationTypeS3},
		},
	})
	c := lambda.NewFromConfig(a.cfg)
	if _, err := c.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(Function),
		VpcConfig: &lambdatypes.VpcConfig{SubnetIds: []string{"subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"}, SecurityGroupIds: []string{"sg-0aaaaaaaaaaaaaaaa"}}}); err != nil {
		return err
	}
	_, err := c.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String("neighbour"), Role: aws.String(a.role), Runtime: lambdatypes.RuntimePython313, Handler: aws.String("index.handler"), Code: &lambdatypes.FunctionCode{ZipFile: Pack("neighbour", 1<<10)},
		VpcConfig: &lambdatypes.VpcConfig{SubnetIds: []string{"subnet-0aaaaaaaaaaaaaaaa"}, SecurityGroupIds: []string{"sg-0eeeeeeeeeeeeeeee"}},
	})
	return err
}

func subnet(id, vpc, cidr string) ec2types.Subnet {
	return ec2types.Subnet{SubnetId: &id, VpcId: &vpc, CidrBlock: &cidr, AvailabilityZone: aws.String(Region + "a")}
}

func securityGroups() []ec2types.SecurityGroup {
	group := func(id string) ec2types.SecurityGroup {
		return ec2types.SecurityGroup{GroupId: aws.String(id), GroupName: aws.String(id), VpcId: aws.String(vpcID), Description: aws.String("of " + id),
			IpPermissionsEgress: []ec2types.IpPermission{{IpProtocol: aws.String("-1"), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}}}
	}
	own := group("sg-0aaaaaaaaaaaaaaaa")
	own.IpPermissions = []ec2types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), UserIdGroupPairs: []ec2types.UserIdGroupPair{
		{GroupId: aws.String("sg-0dddddddddddddddd"), UserId: aws.String(AccountID)}, {GroupId: aws.String("sg-0ffffffffffffffff"), UserId: aws.String("210987654321")}}}}
	return []ec2types.SecurityGroup{own, group("sg-0dddddddddddddddd"), group("sg-0eeeeeeeeeeeeeeee")}
}
