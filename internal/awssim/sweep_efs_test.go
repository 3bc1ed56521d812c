package awssim

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	et "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	ft "github.com/aws/aws-sdk-go-v2/service/efs/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// TestSweepEFS: a file system with all that belongs to it, and a function that mounts it.
func TestSweepEFS(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	c.StageNetwork(c.AccountID(), c.Region(), Network{
		Subnets: []et.Subnet{{SubnetId: aws.String("subnet-0aaaaaaaaaaaaaaaa"), VpcId: aws.String("vpc-1"), CidrBlock: aws.String("10.0.0.0/24"), AvailabilityZone: aws.String("us-east-1a")},
			{SubnetId: aws.String("subnet-0bbbbbbbbbbbbbbbb"), VpcId: aws.String("vpc-1"), CidrBlock: aws.String("10.0.1.0/24"), AvailabilityZone: aws.String("us-east-1a")}},
		Groups: []et.SecurityGroup{{GroupId: aws.String("sg-0aaaaaaaaaaaaaaaa"), GroupName: aws.String("nfs"), VpcId: aws.String("vpc-1")}},
	})
	cl := efs.NewFromConfig(cfg)
	fs := must(cl.CreateFileSystem(ctx, &efs.CreateFileSystemInput{CreationToken: aws.String("one"), Tags: []ft.Tag{{Key: aws.String("Name"), Value: aws.String("data")}}}))(t)
	id := fs.FileSystemId
	must(cl.CreateFileSystem(ctx, &efs.CreateFileSystemInput{CreationToken: aws.String("two"), Backup: aws.Bool(true)}))(t)
	mt := must(cl.CreateMountTarget(ctx, &efs.CreateMountTargetInput{FileSystemId: id, SubnetId: aws.String("subnet-0aaaaaaaaaaaaaaaa"), SecurityGroups: []string{"sg-0aaaaaaaaaaaaaaaa"}}))(t)
	point := must(cl.CreateAccessPoint(ctx, &efs.CreateAccessPointInput{FileSystemId: id, PosixUser: &ft.PosixUser{Uid: aws.Int64(1000), Gid: aws.Int64(1000)}}))(t)
	first := must(cl.DescribeFileSystems(ctx, &efs.DescribeFileSystemsInput{MaxItems: aws.Int32(1)}))(t)
	second := must(cl.DescribeFileSystems(ctx, &efs.DescribeFileSystemsInput{Marker: first.NextMarker}))(t)
	own := must(cl.DescribeFileSystems(ctx, &efs.DescribeFileSystemsInput{FileSystemId: fs.FileSystemArn}))(t).FileSystems
	if len(first.FileSystems) != 1 || len(second.FileSystems) != 1 || len(own) != 1 || own[0].NumberOfMountTargets != 1 || *own[0].Name != "data" {
		t.Errorf("file systems %+v, %+v, %+v", first.FileSystems, second.FileSystems, own)
	}
	points := must(cl.DescribeAccessPoints(ctx, &efs.DescribeAccessPointsInput{FileSystemId: id}))(t).AccessPoints
	targets := must(cl.DescribeMountTargets(ctx, &efs.DescribeMountTargetsInput{FileSystemId: id}))(t).MountTargets
	groups := must(cl.DescribeMountTargetSecurityGroups(ctx, &efs.DescribeMountTargetSecurityGroupsInput{MountTargetId: mt.MountTargetId}))(t).SecurityGroups
	if len(points) != 1 || *points[0].RootDirectory.Path != "/" || len(targets) != 1 || !strings.HasPrefix(*targets[0].IpAddress, "10.0.0.") || len(groups) != 1 {
		t.Errorf("%+v %+v %v", points, targets, groups)
	}
	_, noPolicy := cl.DescribeFileSystemPolicy(ctx, &efs.DescribeFileSystemPolicyInput{FileSystemId: id})
	_, noBackup := cl.DescribeBackupPolicy(ctx, &efs.DescribeBackupPolicyInput{FileSystemId: id})
	must(cl.PutFileSystemPolicy(ctx, &efs.PutFileSystemPolicyInput{FileSystemId: id, Policy: aws.String(`{"Statement":[]}`)}))(t)
	must(cl.PutBackupPolicy(ctx, &efs.PutBackupPolicyInput{FileSystemId: id, BackupPolicy: &ft.BackupPolicy{Status: ft.StatusEnabled}}))(t)
	policy := must(cl.DescribeFileSystemPolicy(ctx, &efs.DescribeFileSystemPolicyInput{FileSystemId: id}))(t)
	backup := must(cl.DescribeBackupPolicy(ctx, &efs.DescribeBackupPolicyInput{FileSystemId: id}))(t)
	if *policy.Policy != `{"Statement":[]}` || backup.BackupPolicy.Status != ft.StatusEnabled {
		t.Errorf("%v %v", *policy.Policy, backup.BackupPolicy)
	}
	fn, name := lambda.NewFromConfig(cfg), aws.String("f")
	mount := []lt.FileSystemConfig{{Arn: point.AccessPointArn, LocalMountPath: aws.String("/mnt/data")}}
	_, outside := fn.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: name, FileSystemConfigs: mount})
	out := must(fn.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: name, FileSystemConfigs: mount, VpcConfig: &lt.VpcConfig{SubnetIds: []string{"subnet-0aaaaaaaaaaaaaaaa"}, SecurityGroupIds: []string{"sg-0aaaaaaaaaaaaaaaa"}}}))(t)
	if len(out.FileSystemConfigs) != 1 || *out.FileSystemConfigs[0].LocalMountPath != "/mnt/data" {
		t.Errorf("%+v", out.FileSystemConfigs)
	}
	_, again := cl.CreateFileSystem(ctx, &efs.CreateFileSystemInput{CreationToken: aws.String("one")})
	_, conflict := cl.CreateMountTarget(ctx, &efs.CreateMountTargetInput{FileSystemId: id, SubnetId: aws.String("subnet-0bbbbbbbbbbbbbbbb")})
	_, both := cl.DescribeAccessPoints(ctx, &efs.DescribeAccessPointsInput{FileSystemId: id, AccessPointId: point.AccessPointId})
	_, nobody := cl.DescribeAccessPoints(ctx, &efs.DescribeAccessPointsInput{AccessPointId: aws.String("fsap-0123456789abcdef0")})
	_, nothing := cl.DescribeMountTargets(ctx, &efs.DescribeMountTargetsInput{FileSystemId: aws.String("fs-0123456789abcdef0")})
	_, odd := cl.DescribeMountTargetSecurityGroups(ctx, &efs.DescribeMountTargetSecurityGroupsInput{MountTargetId: aws.String("x")})
	for _, r := range []struct {
		err  error
		code string
	}{{noPolicy, "PolicyNotFound"}, {noBackup, "PolicyNotFound"}, {outside, "InvalidParameterValueException"}, {again, "FileSystemAlreadyExists"}, {conflict, "MountTargetConflict"},
		{both, "BadRequest"}, {nobody, "AccessPointNotFound"}, {nothing, "FileSystemNotFound"}, {odd, "BadRequest"}} {
		if codeOf(r.err) != r.code {
			t.Errorf("%v, want %s", r.err, r.code)
		}
	}
}
