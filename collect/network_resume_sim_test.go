package collect

import (
	"testing"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// TestNetworkIsResumed: what was denied is asked for again, with the lists it hangs on read
// from the bag: security groups that rules name, flow logs of interfaces, the doors of a
// file system.
func TestNetworkIsResumed(t *testing.T) {
	ctx := t.Context()
	c := newCase(t)
	a := simAccount(t, awssim.Config{})
	s := sessionAs(t, a, "resumer", allowAll)
	target, err := ParseTarget(bench.AccountID, bench.Region, bench.Function)
	if err != nil {
		t.Fatal(err)
	}
	denied := map[string]int{"EC2:DescribeSecurityGroups": 2, "EC2:DescribeFlowLogs": 0, "EFS:DescribeMountTargetSecurityGroups": 0, "EFS:DescribeFileSystemPolicy": 0, "IAM:GetServiceLastAccessedDetails": 0}
	for op, nth := range denied {
		a.Cloud.Inject(awssim.Fault{Op: op, Nth: nth, Fail: awssim.Fail{Code: "AccessDenied", Message: "injected", Status: 403}})
	}
	o := Options{Unpaced: true, Only: []string{"lambda.configuration", "ec2.network", "efs.mounts", "iam.last-accessed"}}
	_, sum, err := Into(ctx, s, c, evidence.Header{Operator: "o"}, []Target{target}, o)
	if err != nil || sum.States[evidence.Denied] != len(denied) {
		t.Fatalf("%+v, %v", sum, err)
	}
	a.Cloud.ClearFaults()
	open, err := Resumable(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	before := len(a.Cloud.Calls())
	_, sum, err = Resume(ctx, s, c, open[0], evidence.Header{Operator: "o"}, Options{Unpaced: true})
	if err != nil || !sum.Complete {
		t.Errorf("%+v, %v", sum, err)
	}
	made := map[string]int{}
	for _, call := range a.Cloud.Calls()[before:] {
		made[call.Operation]++
	}
	for op, want := range map[string]int{
		"DescribeSubnets": 0, "DescribeNetworkAcls": 0, "DescribeRouteTables": 0, "DescribeVpcEndpoints": 0, "DescribeNetworkInterfaces": 0,
		"DescribeSecurityGroups": 1, "DescribeFlowLogs": 1, "DescribeAccessPoints": 0, "DescribeFileSystems": 0, "DescribeBackupPolicy": 0, "DescribeMountTargets": 0,
		"DescribeMountTargetSecurityGroups": 1, "DescribeFileSystemPolicy": 1, "GenerateServiceLastAccessedDetails": 1, "GetServiceLastAccessedDetails": 1,
	} {
		if made[op] != want {
			t.Errorf("%s was called %d times, want %d", op, made[op], want)
		}
	}
	for p, err := range c.Verify(ctx) {
		t.Errorf("verify: %+v, %v", p, err)
	}
}
