package collect

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	efstypes "github.com/aws/aws-sdk-go-v2/service/efs/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const maxMountTargets = 1_000

// fileSystems reads where a mounted file system is, who else may mount it and whether there
// are backups: what an attacker leaves there outlives every change of the function. What lies
// in it is read over NFS only, from within the VPC.
func fileSystems() Collector {
	mounted := func(call, resource string) awsapi.Need {
		return awsapi.Need{Call: "EFS:" + call, When: "a version mounts a file system", IAM: []awsapi.Grant{{Action: "elasticfilesystem:" + call, Resource: resource}}}
	}
	return Collector{
		Name: "efs.mounts", About: "file systems that the function's versions mount: access points, mount targets with their groups, policy, backups",
		Needs: []awsapi.Need{
			mounted("DescribeAccessPoints", "access point ARN"), mounted("DescribeFileSystems", "file system ARN"), mounted("DescribeMountTargets", "file system ARN"),
			mounted("DescribeMountTargetSecurityGroups", "file system ARN"), mounted("DescribeFileSystemPolicy", "file system ARN"), mounted("DescribeBackupPolicy", "file system ARN"),
		},
		Collect: collectMounts,
	}
}

func collectMounts(ctx context.Context, j *Job) {
	versions := j.facts.versions.get(ctx)
	if ctx.Err() != nil {
		return // close records it
	}
	var arns []string
	for _, v := range versions.all {
		for _, m := range v.mounts {
			arns = addOnce(arns, aws.ToString(m.Arn))
		}
	}
	switch {
	case !versions.known:
		j.skip(j.want("efs.mounts", "*", "EFS:DescribeAccessPoints"), "mounts of versions beyond those named unknown: lambda.configuration.versions is not whole")
	case len(arns) == 0:
		j.none(j.want("efs.mounts", "", ""), stamp{}, "no version mounts a file system")
	}
	for _, arn := range arns {
		if !j.run.claim("mount " + arn) {
			j.planned.Store(true) // another target of this run has the same mount
			continue
		}
		if arnPart(arn, 2) != "elasticfilesystem" {
			j.notCovered(j.of("efs.mounts", arn, "", arnPart(arn, 3), ""), "a mount of "+arnPart(arn, 2)+", not of EFS: neither its settings nor its content are collected")
			continue
		}
		j.accessPoint(ctx, arn)
	}
}

// notCovered says once what lies beyond this tool.
func (j *Job) notCovered(w want, why string) {
	if !j.have(w) {
		j.gap(w, stamp{}, evidence.NotCovered, "", why)
	}
}

func (j *Job) accessPoint(ctx context.Context, arn string) {
	region := arnPart(arn, 3)
	w := j.of("efs.access-point", arn, "", region, "EFS:DescribeAccessPoints")
	w.none = true // the function may be left over, and so be unable to run
	c := efs.NewFromConfig(j.config(region))
	out := fetch(ctx, j, w, c.DescribeAccessPoints, &efs.DescribeAccessPointsInput{AccessPointId: aws.String(arn[strings.LastIndexByte(arn, '/')+1:])})
	j.notCovered(j.of("efs.content", arn, "", region, ""), "files are read over NFS only, from within the VPC: mount a copy (a backup's, or the file system itself read-only) for a look at them")
	if out == nil || len(out.AccessPoints) == 0 || out.AccessPoints[0].FileSystemId == nil {
		j.skip(j.of("efs.file-system", arn, "", region, "EFS:DescribeFileSystems"), "file system unknown: depends on efs.access-point, which could not be had")
		return
	}
	id := aws.ToString(out.AccessPoints[0].FileSystemId)
	system := "arn:" + arnPart(arn, 1) + ":elasticfilesystem:" + region + ":" + arnPart(arn, 4) + ":file-system/" + id
	if j.run.claim("file system " + system) { // several access points lead to one
		j.fileSystem(ctx, c, system, &id)
	}
}

func (j *Job) fileSystem(ctx context.Context, c *efs.Client, arn string, id *string) {
	of := func(artefact, call string) want { return j.of(artefact, arn, "", arnPart(arn, 3), "EFS:"+call) }
	w, policy, backup := of("efs.file-system", "DescribeFileSystems"), of("efs.file-system.policy", "DescribeFileSystemPolicy"), of("efs.file-system.backup", "DescribeBackupPolicy")
	targets := of("efs.mount-targets", "DescribeMountTargets")
	policy.none, backup.none = true, true // PolicyNotFound
	j.plan(w, policy, backup, targets)
	both(
		func() { fetch(ctx, j, w, c.DescribeFileSystems, &efs.DescribeFileSystemsInput{FileSystemId: id}) },
		func() {
			fetch(ctx, j, policy, c.DescribeFileSystemPolicy, &efs.DescribeFileSystemPolicyInput{FileSystemId: id})
		},
		func() {
			fetch(ctx, j, backup, c.DescribeBackupPolicy, &efs.DescribeBackupPolicyInput{FileSystemId: id})
		},
		func() { j.mountTargets(ctx, c, targets, id) },
	)
}

// mountTargets are the doors into the file system, and who may come through them.
func (j *Job) mountTargets(ctx context.Context, c *efs.Client, w want, id *string) {
	found, known := gathered[efs.DescribeMountTargetsInput, efs.DescribeMountTargetsOutput, efs.Options, efstypes.MountTargetDescription]{
		pager: pager[efs.DescribeMountTargetsInput, efs.DescribeMountTargetsOutput, efs.Options]{
			call: c.DescribeMountTargets, in: &efs.DescribeMountTargetsInput{FileSystemId: id},
			next: func(in *efs.DescribeMountTargetsInput, out *efs.DescribeMountTargetsOutput) string {
				in.Marker = out.NextMarker
				return aws.ToString(in.Marker)
			},
		},
		member: "MountTargets", items: func(o *efs.DescribeMountTargetsOutput) []efstypes.MountTargetDescription { return o.MountTargets },
		none: "the file system has no mount target: nobody can mount it", most: maxMountTargets,
	}.get(ctx, j, w)
	groups := func(target string) want {
		return j.of("efs.mount-target.groups", w.src.ARN, target, w.src.Region, "EFS:DescribeMountTargetSecurityGroups")
	}
	if !known {
		j.skip(groups("*"), "mount targets beyond those named unknown: efs.mount-targets is not whole")
	}
	var ids []string
	for _, t := range found {
		ids = addOnce(ids, aws.ToString(t.MountTargetId))
	}
	slices.Sort(ids)
	each(ids, callsAtOnce, func(target string) {
		fetch(ctx, j, groups(target), c.DescribeMountTargetSecurityGroups, &efs.DescribeMountTargetSecurityGroupsInput{MountTargetId: &target})
	})
}
