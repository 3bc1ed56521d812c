package awssim

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	et "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// stageNetwork lays out a VPC of twelve subnets with what belongs to it.
func stageNetwork(c *Cloud) {
	vpc := aws.String("vpc-1")
	n := Network{
		Groups: []et.SecurityGroup{{GroupId: aws.String("sg-1"), GroupName: aws.String("app"), Description: aws.String("of the app"), VpcId: vpc,
			IpPermissions: []et.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), IpRanges: []et.IpRange{{CidrIp: aws.String("10.0.0.0/8"), Description: aws.String("us & them")}},
				UserIdGroupPairs: []et.UserIdGroupPair{{GroupId: aws.String("sg-2"), UserId: aws.String(c.AccountID())}}}},
			IpPermissionsEgress: []et.IpPermission{{IpProtocol: aws.String("-1"), IpRanges: []et.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}}},
			{GroupId: aws.String("sg-2"), GroupName: aws.String("db"), Description: aws.String("of the database"), VpcId: vpc}},
		ACLs: []et.NetworkAcl{{NetworkAclId: aws.String("acl-1"), VpcId: vpc, IsDefault: aws.Bool(true), Associations: []et.NetworkAclAssociation{{SubnetId: aws.String("subnet-00"), NetworkAclId: aws.String("acl-1")}},
			Entries: []et.NetworkAclEntry{{RuleNumber: aws.Int32(100), Egress: aws.Bool(true), Protocol: aws.String("6"), RuleAction: et.RuleActionAllow, CidrBlock: aws.String("0.0.0.0/0"), PortRange: &et.PortRange{From: aws.Int32(443), To: aws.Int32(443)}}}}},
		Tables: []et.RouteTable{
			{RouteTableId: aws.String("rtb-1"), VpcId: vpc, Associations: []et.RouteTableAssociation{{Main: aws.Bool(true), RouteTableId: aws.String("rtb-1")}}},
			{RouteTableId: aws.String("rtb-2"), VpcId: vpc, Associations: []et.RouteTableAssociation{{Main: aws.Bool(false), SubnetId: aws.String("subnet-00")}},
				Routes: []et.Route{{DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: aws.String("nat-1"), State: et.RouteStateActive, Origin: et.RouteOriginCreateRoute}}}},
		Endpoints: []et.VpcEndpoint{{VpcEndpointId: aws.String("vpce-1"), VpcId: vpc, ServiceName: aws.String("com.amazonaws.us-east-1.s3"), VpcEndpointType: et.VpcEndpointTypeGateway, State: et.StateAvailable,
			PolicyDocument: aws.String(`{"Statement":[]}`), RouteTableIds: []string{"rtb-2"}, CreationTimestamp: aws.Time(c.Now())}},
		FlowLogs: []et.FlowLog{{FlowLogId: aws.String("fl-1"), ResourceId: vpc, TrafficType: et.TrafficTypeAll, FlowLogStatus: aws.String("ACTIVE"), CreationTime: aws.Time(c.Now()), LogDestinationType: et.LogDestinationTypeS3}},
	}
	for i := range 12 {
		n.Subnets = append(n.Subnets, et.Subnet{SubnetId: aws.String(fmt.Sprintf("subnet-%02d", i)), VpcId: vpc, CidrBlock: aws.String(fmt.Sprintf("10.0.%d.0/24", i)), AvailabilityZone: aws.String("us-east-1a"),
			Tags: []et.Tag{{Key: aws.String("Name"), Value: aws.String(fmt.Sprint(i))}}})
	}
	c.StageNetwork(c.AccountID(), c.Region(), n)
}

func filterOf(name string, values ...string) []et.Filter {
	return []et.Filter{{Name: &name, Values: values}}
}

// TestSweepNetwork: a network is described by filter and by id, in pages, and a function in
// it gets an interface for each subnet.
func TestSweepNetwork(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	stageNetwork(c)
	cl := ec2.NewFromConfig(cfg)
	in := &ec2.DescribeSubnetsInput{Filters: filterOf("vpc-id", "vpc-*", "other"), MaxResults: aws.Int32(5)}
	var sizes []int
	for {
		out := must(cl.DescribeSubnets(ctx, in))(t)
		sizes = append(sizes, len(out.Subnets))
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if !slices.Equal(sizes, []int{5, 5, 2}) {
		t.Errorf("pages of %v", sizes)
	}
	two := must(cl.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{"subnet-03", "subnet-01"}}))(t).Subnets
	if len(two) != 2 || *two[1].CidrBlock != "10.0.3.0/24" || *two[0].Tags[0].Value != "1" || *two[0].SubnetArn != "arn:aws:ec2:us-east-1:111122223333:subnet/subnet-01" {
		t.Errorf("by id: %+v", two)
	}
	g := must(cl.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: filterOf("group-id", "sg-1", "sg-9")}))(t).SecurityGroups
	if len(g) != 1 || *g[0].IpPermissions[0].UserIdGroupPairs[0].GroupId != "sg-2" || *g[0].IpPermissions[0].IpRanges[0].Description != "us & them" {
		t.Errorf("groups: %+v", g)
	}
	acl := must(cl.DescribeNetworkAcls(ctx, &ec2.DescribeNetworkAclsInput{Filters: filterOf("association.subnet-id", "subnet-00")}))(t).NetworkAcls
	tables := must(cl.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: append(filterOf("vpc-id", "vpc-1"), filterOf("association.main", "true")...)}))(t).RouteTables
	ends := must(cl.DescribeVpcEndpoints(ctx, &ec2.DescribeVpcEndpointsInput{Filters: filterOf("vpc-id", "vpc-1")}))(t).VpcEndpoints
	logs := must(cl.DescribeFlowLogs(ctx, &ec2.DescribeFlowLogsInput{Filter: filterOf("resource-id", "vpc-1", "subnet-00")}))(t).FlowLogs
	if len(acl) != 1 || !*acl[0].Entries[0].Egress || len(tables) != 1 || *tables[0].RouteTableId != "rtb-1" || len(ends) != 1 || *ends[0].PolicyDocument != `{"Statement":[]}` ||
		len(logs) != 1 || !logs[0].CreationTime.Equal(c.Now().Truncate(1e6)) && logs[0].CreationTime.IsZero() {
		t.Errorf("%+v %+v %+v %+v", acl, tables, ends, logs)
	}
	fn := lambda.NewFromConfig(cfg)
	vpc := &lt.VpcConfig{SubnetIds: []string{"subnet-00", "subnet-01"}, SecurityGroupIds: []string{"sg-1"}}
	f := must(fn.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), VpcConfig: vpc}))(t)
	must(fn.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), VpcConfig: vpc}))(t)
	ni := must(cl.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: append(filterOf("interface-type", "lambda"), filterOf("group-id", "sg-1")...), IncludeManagedResources: aws.Bool(true)}))(t).NetworkInterfaces
	if *f.VpcConfig.VpcId != "vpc-1" || len(ni) != 2 || !strings.HasPrefix(*ni[0].Description, "AWS Lambda VPC ENI-f-") || *ni[0].Groups[0].GroupName != "app" || !strings.HasPrefix(*ni[0].PrivateIpAddress, "10.0.") {
		t.Errorf("%+v has %+v", f.VpcConfig, ni)
	}
	_, err := fn.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), VpcConfig: &lt.VpcConfig{SubnetIds: []string{"subnet-99"}, SecurityGroupIds: []string{"sg-1"}}})
	if codeOf(err) != "InvalidParameterValueException" || !strings.Contains(err.Error(), "InvalidSubnetID.NotFound") {
		t.Errorf("a subnet that is not there: %v", err)
	}
}

// TestNetworkRefusals: EC2's own codes, and the record's parameters.
func TestNetworkRefusals(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	stageNetwork(c)
	cl := ec2.NewFromConfig(cfg)
	for code, in := range map[string]*ec2.DescribeSubnetsInput{
		"InvalidSubnetID.NotFound":    {SubnetIds: []string{"subnet-99"}},
		"InvalidParameterCombination": {SubnetIds: []string{"subnet-00"}, MaxResults: aws.Int32(5)},
		"InvalidMaxResults":           {MaxResults: aws.Int32(2)},
		"InvalidPaginationToken":      {NextToken: aws.String("x")},
		"FilterLimitExceeded":         {Filters: filterOf("vpc-id", make([]string, 201)...)},
		"DryRunOperation":             {DryRun: aws.Bool(true)},
		"NotImplemented":              {Filters: filterOf("cidr", "x")},
	} {
		if _, err := cl.DescribeSubnets(ctx, in); codeOf(err) != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
	low := clientConfig(c, c.Bootstrap(c.AccountID(), "low", `{"Version":"2012-10-17","Statement":[]}`))
	_, err := ec2.NewFromConfig(low).DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: filterOf("vpc-id", "vpc-1")})
	if codeOf(err) != "UnauthorizedOperation" || !strings.Contains(err.Error(), "You are not authorized to perform this operation. User: arn:aws:iam::111122223333:user/low is not authorized to perform: ec2:DescribeSubnets because no identity-based policy allows the ec2:DescribeSubnets action") {
		t.Errorf("denied: %v", err)
	}
	records := c.Records()
	last := string(records[len(records)-1])
	for _, want := range []string{`"errorCode":"Client.UnauthorizedOperation"`, `"filterSet":{"items":[{"name":"vpc-id","valueSet":{"items":[{"value":"vpc-1"}]}}]}`, `"subnetSet":{}`, `"eventSource":"ec2.amazonaws.com"`} {
		if !strings.Contains(last, want) {
			t.Errorf("the record lacks %s: %s", want, last)
		}
	}
	bad := low
	bad.Credentials = credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "x", "")
	if _, err := ec2.NewFromConfig(bad).DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{}); codeOf(err) != "AuthFailure" {
		t.Errorf("a key of nobody: %v", err)
	}
}
