package collect

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

func onlyNetwork() Options {
	return Options{Unpaced: true, Only: []string{"lambda.configuration", "ec2.network"}}
}

// idsOf are the ids in a document {member: [{id: ...}]}.
func idsOf(t *testing.T, doc []byte, member, id string) []string {
	t.Helper()
	var got map[string][]map[string]any
	if err := json.Unmarshal(doc, &got); err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	var out []string
	for _, e := range got[member] {
		out = append(out, fmt.Sprint(e[id]))
	}
	slices.Sort(out)
	return out
}

// TestNetwork: what belongs to the function's network is there as EC2 tells it, and what lies
// beside it is not.
func TestNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		m, sum := collectSim(t, a, onlyNetwork())
		if !sum.Complete {
			t.Errorf("%v", m.states())
		}
		for key, want := range map[string][]string{
			"ec2.subnets payments":                    {"Subnets", "SubnetId", "subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"},
			"ec2.security-groups payments":            {"SecurityGroups", "GroupId", "sg-0aaaaaaaaaaaaaaaa"},
			"ec2.security-groups.referenced payments": {"SecurityGroups", "GroupId", "sg-0dddddddddddddddd"},
			"ec2.network-acls payments":               {"NetworkAcls", "NetworkAclId", "acl-payments"},
			"ec2.route-tables payments":               {"RouteTables", "RouteTableId", "rtb-main", "rtb-payments"},
			"ec2.endpoints payments":                  {"VpcEndpoints", "VpcEndpointId", "vpce-s3"},
			"ec2.flow-logs payments":                  {"FlowLogs", "FlowLogId", "fl-payments"},
			"ec2.network-interfaces payments":         {"NetworkInterfaces", "SubnetId", "subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"},
		} {
			if got := idsOf(t, m.bytes[key], want[0], want[1]); !slices.Equal(got, want[2:]) {
				t.Errorf("%s: %v, want %v", key, got, want[2:])
			}
		}
		wantStates(t, m.states(), evidence.NotCovered, "ec2.security-groups.referenced payments sg-0ffffffffffffffff")
		s := sessionAs(t, a, "direct", allowAll)
		out, err := ec2.NewFromConfig(s.Config(bench.Region, network().Needs)).DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{"sg-0aaaaaaaaaaaaaaaa"}})
		if err != nil {
			t.Fatal(err)
		}
		doc, err := encoder{}.document(map[string]any{"SecurityGroups": out.SecurityGroups})
		if err != nil || string(doc) != string(m.bytes["ec2.security-groups payments"]) {
			t.Errorf("stored %s\nEC2 says %s (%v)", m.bytes["ec2.security-groups payments"], doc, err)
		}
		wantStates(t, collectBare(t, a, "ec2.network"), evidence.Absent, "ec2.subnets bare", "ec2.security-groups bare", "ec2.security-groups.referenced bare",
			"ec2.network-acls bare", "ec2.route-tables bare", "ec2.endpoints bare", "ec2.flow-logs bare", "ec2.network-interfaces bare")
	})
}

// TestNetworkOfVersions: networks of published versions are collected too; one that is gone
// is said to be.
func TestNetworkOfVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		var many []ec2types.Subnet
		for i := range 250 { // more than one filter takes
			many = append(many, ec2types.Subnet{SubnetId: aws.String(fmt.Sprintf("subnet-%03d", i)), VpcId: aws.String("vpc-many"), CidrBlock: aws.String("10.3.0.0/16")})
		}
		a.Cloud.StageNetwork(bench.AccountID, bench.Region, awssim.Network{Subnets: many,
			Groups: []ec2types.SecurityGroup{{GroupId: aws.String("sg-many"), GroupName: aws.String("many"), Description: aws.String("many"), VpcId: aws.String("vpc-many")}}})
		versions := versionList{known: true}
		for ids := range slices.Chunk(many, 16) {
			v := versionFact{network: &lambdatypes.VpcConfigResponse{VpcId: aws.String("vpc-many"), SecurityGroupIds: []string{"sg-many", "sg-gone"}}}
			for _, s := range ids {
				v.network.SubnetIds = append(v.network.SubnetIds, *s.SubnetId)
			}
			versions.all = append(versions.all, v)
		}
		versions.all[0].network.SubnetIds[0] = "subnet-gone"
		m := collectWith(t, a, network(), versions)
		if got := idsOf(t, m.bytes["ec2.subnets payments"], "Subnets", "SubnetId"); len(got) != 249 || slices.Contains(got, "subnet-gone") {
			t.Errorf("%d subnets", len(got))
		}
		wantStates(t, m.states(), evidence.Absent, "ec2.subnets payments subnet-gone", "ec2.security-groups payments sg-gone", "ec2.security-groups.referenced payments")
		versions.known, versions.all = false, versions.all[:1]
		m = collectWith(t, a, network(), versions)
		wantStates(t, m.states(), evidence.NotAttempted, "ec2.network payments *")
		m = collectWith(t, a, network(), versionList{})
		wantStates(t, m.states(), evidence.NotAttempted, "ec2.subnets payments", "ec2.flow-logs payments")
	})
}

// TestNetworkCutShort: a page that fails leaves what came before it; what hangs on it says so.
func TestNetworkCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		versions := versionList{known: true}
		var ids []string
		for i := range 201 {
			ids = append(ids, fmt.Sprint("subnet-", i))
		}
		versions.all = []versionFact{{network: &lambdatypes.VpcConfigResponse{VpcId: aws.String("vpc-0a1b2c3d4e5f60718"), SubnetIds: append([]string{"subnet-0aaaaaaaaaaaaaaaa"}, ids...), SecurityGroupIds: []string{"sg-0aaaaaaaaaaaaaaaa"}}}}
		for _, op := range []string{"EC2:DescribeSubnets", "EC2:DescribeNetworkInterfaces", "EC2:DescribeFlowLogs"} {
			a.Cloud.Inject(awssim.Fault{Op: op, Nth: 2, Fail: awssim.Fail{Code: "UnauthorizedOperation", Message: "injected", Status: 403}})
		}
		m := collectWith(t, a, network(), versions)
		wantStates(t, m.states(), evidence.Truncated, "ec2.subnets payments", "ec2.network-interfaces payments", "ec2.flow-logs payments")
		wantStates(t, m.states(), evidence.NotAttempted, "ec2.flow-logs payments *")
		a.Cloud.ClearFaults()
		a.Cloud.Inject(awssim.Fault{Op: "EC2:DescribeSecurityGroups", Fail: awssim.Fail{Code: "UnauthorizedOperation", Message: "injected", Status: 403}})
		m = collectWith(t, a, network(), versions)
		wantStates(t, m.states(), evidence.Denied, "ec2.security-groups payments")
		wantStates(t, m.states(), evidence.NotAttempted, "ec2.security-groups.referenced payments")
	})
}

// collectWith runs one collector on the target whose versions are known already.
func collectWith(t *testing.T, a *bench.Account, c Collector, versions versionList) *memory {
	t.Helper()
	s := sessionAs(t, a, "from", allowAll)
	target, err := ParseTarget(bench.AccountID, bench.Region, bench.Function)
	if err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	r := newRunner(Inputs{Connect: s.ConfigRecorded, HTTP: s.HTTPClient(), Endpoint: s.Endpoint}, m, Options{Unpaced: true}, func(error) {})
	f := newFacts()
	f.versions.keep(versions)
	c.Collect(t.Context(), &Job{Target: target, c: c, run: r, facts: f})
	return m
}

// adminConfig makes clients that change the account.
func adminConfig(a *bench.Account) aws.Config {
	return aws.Config{Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: a.Cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, "")}
}

// TestNetworkInterfacesAreShared: the neighbour's interface is in the same subnet, and not
// the function's.
func TestNetworkInterfacesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		m, _ := collectSim(t, a, onlyNetwork())
		if doc := string(m.bytes["ec2.network-interfaces payments"]); strings.Contains(doc, "neighbour") || !strings.Contains(doc, "AWS Lambda VPC ENI-payments-") {
			t.Errorf("%s", doc)
		}
		c := lambda.NewFromConfig(adminConfig(a))
		if _, err := c.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(bench.Function), VpcConfig: &lambdatypes.VpcConfig{SubnetIds: []string{}, SecurityGroupIds: []string{}}}); err != nil {
			t.Fatal(err)
		}
		m, _ = collectSim(t, a, onlyNetwork())
		wantStates(t, m.states(), evidence.Absent, "ec2.subnets payments")
	})
}
