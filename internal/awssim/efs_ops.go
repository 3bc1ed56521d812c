package awssim

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	et "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	ft "github.com/aws/aws-sdk-go-v2/service/efs/types"
)

// efsOps is every simulated operation of EFS.
func efsOps() []operation {
	return []operation{
		op("efs", "CreateFileSystem", createFileSystem), op("efs", "DescribeFileSystems", describeFileSystems),
		op("efs", "CreateAccessPoint", createAccessPoint), op("efs", "DescribeAccessPoints", describeAccessPoints),
		op("efs", "CreateMountTarget", createMountTarget), op("efs", "DescribeMountTargets", describeMountTargets), op("efs", "DescribeMountTargetSecurityGroups", describeMountTargetGroups),
		op("efs", "PutFileSystemPolicy", putFileSystemPolicy), op("efs", "DescribeFileSystemPolicy", describeFileSystemPolicy),
		op("efs", "PutBackupPolicy", putBackupPolicy), op("efs", "DescribeBackupPolicy", describeBackupPolicy),
	}
}

func (c *call) efsHere() *efsState { return c.efs.at(c.accountID, c.region, newEFSState) }

// fileSystem asks for permission and finds one by id or ARN.
func (c *call) fileSystem(action string, id *string) (*fileSystem, error) {
	if err := c.allow("elasticfilesystem:"+action, c.arn("elasticfilesystem", "file-system/"+efsID(id))); err != nil {
		return nil, err
	}
	f := c.efsHere().systems[efsID(id)]
	if f == nil {
		return nil, efsFail("FileSystemNotFound", "File system '%s' does not exist.", efsID(id))
	}
	return f, nil
}

func createFileSystem(c *call, in *efs.CreateFileSystemInput) (*efs.CreateFileSystemOutput, error) {
	if err := c.allow("elasticfilesystem:CreateFileSystem", c.arn("elasticfilesystem", "file-system/*")); err != nil {
		return nil, err
	}
	s := c.efsHere()
	for id, f := range s.systems {
		if aws.ToString(f.about.CreationToken) == aws.ToString(in.CreationToken) {
			e := efsFail("FileSystemAlreadyExists", "File system '%s' already exists with creation token '%s'", id, aws.ToString(in.CreationToken))
			e.Fields["FileSystemId"] = id
			return nil, e
		}
	}
	id := "fs-" + c.id("hex:17", aws.ToString(in.CreationToken))
	f := &fileSystem{created: c.now.Truncate(time.Second), targets: map[string]*mountTarget{}, about: ft.FileSystemDescription{
		FileSystemId: &id, FileSystemArn: aws.String(c.arn("elasticfilesystem", "file-system/"+id)), CreationToken: in.CreationToken, OwnerId: aws.String(c.accountID),
		CreationTime: aws.Time(c.now.Truncate(time.Second)), PerformanceMode: ft.PerformanceModeGeneralPurpose, ThroughputMode: ft.ThroughputModeBursting, Encrypted: aws.Bool(aws.ToBool(in.Encrypted)),
		KmsKeyId: in.KmsKeyId, SizeInBytes: &ft.FileSystemSize{Value: 6144}, Tags: in.Tags, AvailabilityZoneName: in.AvailabilityZoneName,
		FileSystemProtection: &ft.FileSystemProtectionDescription{ReplicationOverwriteProtection: ft.ReplicationOverwriteProtectionEnabled},
	}}
	if in.PerformanceMode != "" {
		f.about.PerformanceMode = in.PerformanceMode
	}
	if in.ThroughputMode != "" {
		f.about.ThroughputMode = in.ThroughputMode
	}
	if f.about.Tags == nil {
		f.about.Tags = []ft.Tag{}
	}
	for _, t := range in.Tags {
		if aws.ToString(t.Key) == "Name" {
			f.about.Name = t.Value
		}
	}
	if aws.ToBool(in.Backup) {
		f.backup = ft.StatusEnabled
	}
	s.systems[id] = f
	v := f.view(c)
	return like[efs.CreateFileSystemOutput](&v), nil
}

func describeFileSystems(c *call, in *efs.DescribeFileSystemsInput) (*efs.DescribeFileSystemsOutput, error) {
	out := &efs.DescribeFileSystemsOutput{FileSystems: []ft.FileSystemDescription{}, Marker: in.Marker}
	if in.FileSystemId != nil {
		f, err := c.fileSystem("DescribeFileSystems", in.FileSystemId)
		if err != nil {
			return nil, err
		}
		out.FileSystems = append(out.FileSystems, f.view(c))
		return out, nil
	}
	if err := c.allow("elasticfilesystem:DescribeFileSystems", c.arn("elasticfilesystem", "file-system/*")); err != nil {
		return nil, err
	}
	for _, f := range sortedValues(c.efsHere().systems) {
		if in.CreationToken == nil || *in.CreationToken == aws.ToString(f.about.CreationToken) {
			out.FileSystems = append(out.FileSystems, f.view(c))
		}
	}
	var err error
	out.FileSystems, out.NextMarker, err = paginate(out.FileSystems, in.Marker, in.MaxItems, 100)
	return out, err
}

func createAccessPoint(c *call, in *efs.CreateAccessPointInput) (*efs.CreateAccessPointOutput, error) {
	if _, err := c.fileSystem("CreateAccessPoint", in.FileSystemId); err != nil {
		return nil, err
	}
	s := c.efsHere()
	for id, p := range s.points {
		if aws.ToString(p.ClientToken) == aws.ToString(in.ClientToken) {
			e := efsFail("AccessPointAlreadyExists", "Access point already exists with client token '%s'", aws.ToString(in.ClientToken))
			e.Fields["AccessPointId"] = id
			return nil, e
		}
	}
	id := "fsap-" + c.id("hex:17", aws.ToString(in.FileSystemId))
	p := &ft.AccessPointDescription{AccessPointId: &id, AccessPointArn: aws.String(c.arn("elasticfilesystem", "access-point/"+id)), ClientToken: in.ClientToken,
		FileSystemId: aws.String(efsID(in.FileSystemId)), OwnerId: aws.String(c.accountID), PosixUser: in.PosixUser, RootDirectory: in.RootDirectory, Tags: in.Tags, LifeCycleState: ft.LifeCycleStateAvailable}
	if p.RootDirectory == nil {
		p.RootDirectory = &ft.RootDirectory{Path: aws.String("/")}
	}
	if p.Tags == nil {
		p.Tags = []ft.Tag{}
	}
	s.points[id] = p
	return like[efs.CreateAccessPointOutput](p), nil
}

// describeAccessPoints of one, of a file system, or all.
func describeAccessPoints(c *call, in *efs.DescribeAccessPointsInput) (*efs.DescribeAccessPointsOutput, error) {
	s := c.efsHere()
	switch {
	case in.AccessPointId != nil && in.FileSystemId != nil:
		c.authorized = true // refused before anybody is asked
		return nil, efsFail("BadRequest", "AccessPointId and FileSystemId are mutually exclusive.")
	case in.AccessPointId != nil:
		if err := c.allow("elasticfilesystem:DescribeAccessPoints", c.arn("elasticfilesystem", "access-point/"+efsID(in.AccessPointId))); err != nil {
			return nil, err
		}
		p := s.points[efsID(in.AccessPointId)]
		if p == nil {
			return nil, efsFail("AccessPointNotFound", "Access point '%s' does not exist.", efsID(in.AccessPointId))
		}
		return &efs.DescribeAccessPointsOutput{AccessPoints: []ft.AccessPointDescription{*p}}, nil
	case in.FileSystemId != nil:
		if _, err := c.fileSystem("DescribeAccessPoints", in.FileSystemId); err != nil {
			return nil, err
		}
	default:
		if err := c.allow("elasticfilesystem:DescribeAccessPoints", c.arn("elasticfilesystem", "file-system/*")); err != nil {
			return nil, err
		}
	}
	all := []ft.AccessPointDescription{}
	for _, p := range sortedValues(s.points) {
		if in.FileSystemId == nil || aws.ToString(p.FileSystemId) == efsID(in.FileSystemId) {
			all = append(all, *p)
		}
	}
	page, next, err := paginate(all, in.NextToken, in.MaxResults, 100)
	return &efs.DescribeAccessPointsOutput{AccessPoints: page, NextToken: next}, err
}

// createMountTarget makes one in a subnet's zone, where there is none of the file system yet.
func createMountTarget(c *call, in *efs.CreateMountTargetInput) (*efs.CreateMountTargetOutput, error) {
	f, err := c.fileSystem("CreateMountTarget", in.FileSystemId)
	if err != nil {
		return nil, err
	}
	n := c.network()
	subnet, ok := n.subnets[aws.ToString(in.SubnetId)]
	if !ok {
		return nil, efsFail("SubnetNotFound", "The subnet ID '%s' does not exist", aws.ToString(in.SubnetId))
	}
	for _, g := range in.SecurityGroups {
		if _, ok := n.groups[g]; !ok {
			return nil, efsFail("SecurityGroupNotFound", "The security group ID '%s' does not exist", g)
		}
	}
	for _, t := range f.targets {
		if aws.ToString(t.about.AvailabilityZoneName) == aws.ToString(subnet.AvailabilityZone) {
			return nil, efsFail("MountTargetConflict", "mount target already exists in this AZ")
		}
	}
	id, eni := "fsmt-"+c.id("hex:17", aws.ToString(in.SubnetId)), "eni-"+c.id("hex:17", "mount target")
	address := hostIn(subnet.CidrBlock, len(n.interfaces))
	if in.IpAddress != nil {
		address = in.IpAddress
	}
	t := &mountTarget{groups: slices.Clone(in.SecurityGroups), made: c.now.Truncate(time.Second), about: ft.MountTargetDescription{
		MountTargetId: &id, FileSystemId: f.about.FileSystemId, SubnetId: in.SubnetId, VpcId: subnet.VpcId, OwnerId: aws.String(c.accountID),
		AvailabilityZoneName: subnet.AvailabilityZone, AvailabilityZoneId: subnet.AvailabilityZoneId, IpAddress: address, NetworkInterfaceId: &eni,
	}}
	f.targets[id] = t
	n.interfaces[eni] = et.NetworkInterface{NetworkInterfaceId: &eni, SubnetId: in.SubnetId, VpcId: subnet.VpcId, OwnerId: aws.String(c.accountID), PrivateIpAddress: address,
		Description: aws.String("EFS mount target for " + *f.about.FileSystemId + " (" + id + ")"), InterfaceType: et.NetworkInterfaceTypeInterface, RequesterManaged: aws.Bool(true), Status: et.NetworkInterfaceStatusInUse}
	v := t.view(c)
	return like[efs.CreateMountTargetOutput](&v), nil
}

func describeMountTargets(c *call, in *efs.DescribeMountTargetsInput) (*efs.DescribeMountTargetsOutput, error) {
	s, system := c.efsHere(), in.FileSystemId
	if in.AccessPointId != nil {
		if p := s.points[efsID(in.AccessPointId)]; p != nil {
			system = p.FileSystemId
		}
	}
	for _, f := range s.systems {
		if in.MountTargetId != nil && f.targets[efsID(in.MountTargetId)] != nil {
			system = f.about.FileSystemId
		}
	}
	f, err := c.fileSystem("DescribeMountTargets", system)
	if err != nil {
		return nil, err
	}
	all := []ft.MountTargetDescription{}
	for _, t := range sortedValues(f.targets) {
		if in.MountTargetId == nil || *t.about.MountTargetId == efsID(in.MountTargetId) {
			all = append(all, t.view(c))
		}
	}
	page, next, err := paginate(all, in.Marker, nil, 100)
	return &efs.DescribeMountTargetsOutput{MountTargets: page, Marker: in.Marker, NextMarker: next}, err
}

func describeMountTargetGroups(c *call, in *efs.DescribeMountTargetSecurityGroupsInput) (*efs.DescribeMountTargetSecurityGroupsOutput, error) {
	for _, f := range c.efsHere().systems {
		if t := f.targets[aws.ToString(in.MountTargetId)]; t != nil {
			_, err := c.fileSystem("DescribeMountTargetSecurityGroups", f.about.FileSystemId)
			return &efs.DescribeMountTargetSecurityGroupsOutput{SecurityGroups: append([]string{}, t.groups...)}, err
		}
	}
	if err := c.allow("elasticfilesystem:DescribeMountTargetSecurityGroups", c.arn("elasticfilesystem", "file-system/*")); err != nil {
		return nil, err
	}
	return nil, efsFail("MountTargetNotFound", "Mount target '%s' does not exist.", aws.ToString(in.MountTargetId))
}

func putFileSystemPolicy(c *call, in *efs.PutFileSystemPolicyInput) (*efs.PutFileSystemPolicyOutput, error) {
	f, err := c.fileSystem("PutFileSystemPolicy", in.FileSystemId)
	if err != nil {
		return nil, err
	}
	if !json.Valid([]byte(aws.ToString(in.Policy))) {
		return nil, efsFail("InvalidPolicyException", "Policy is not valid JSON.")
	}
	f.policy = in.Policy
	return &efs.PutFileSystemPolicyOutput{FileSystemId: f.about.FileSystemId, Policy: f.policy}, nil
}

func describeFileSystemPolicy(c *call, in *efs.DescribeFileSystemPolicyInput) (*efs.DescribeFileSystemPolicyOutput, error) {
	f, err := c.fileSystem("DescribeFileSystemPolicy", in.FileSystemId)
	if err != nil {
		return nil, err
	}
	if f.policy == nil {
		return nil, efsFail("PolicyNotFound", "File system policy for '%s' does not exist.", *f.about.FileSystemId)
	}
	return &efs.DescribeFileSystemPolicyOutput{FileSystemId: f.about.FileSystemId, Policy: f.policy}, nil
}

func putBackupPolicy(c *call, in *efs.PutBackupPolicyInput) (*efs.PutBackupPolicyOutput, error) {
	f, err := c.fileSystem("PutBackupPolicy", in.FileSystemId)
	if err != nil {
		return nil, err
	}
	f.backup = in.BackupPolicy.Status
	return &efs.PutBackupPolicyOutput{BackupPolicy: in.BackupPolicy}, nil
}

// describeBackupPolicy: where nobody ever set one, EFS knows none.
func describeBackupPolicy(c *call, in *efs.DescribeBackupPolicyInput) (*efs.DescribeBackupPolicyOutput, error) {
	f, err := c.fileSystem("DescribeBackupPolicy", in.FileSystemId)
	if err != nil {
		return nil, err
	}
	if f.backup == "" {
		return nil, efsFail("PolicyNotFound", "Backup policy for '%s' does not exist.", *f.about.FileSystemId)
	}
	return &efs.DescribeBackupPolicyOutput{BackupPolicy: &ft.BackupPolicy{Status: f.backup}}, nil
}
