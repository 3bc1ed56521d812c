package collect

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/oci"
)

const (
	maxLayers = 1000     // of one image
	maxImage  = 10 << 30 // bytes of one image's layers together: Lambda runs no larger one
)

// images are the container images that versions run, by the digest that Lambda resolved when
// they were deployed: manifest, configuration, layers, each compared with its digest. A
// function goes on running an image that is deleted from its repository.
func images() Collector {
	when := func(call, action, when string) awsapi.Need {
		n := need(call, action, "repository ARN")
		n.When = when
		return n
	}
	const image = "container images"
	return Collector{
		Name: "ecr.image", About: "container images of all versions: manifest, configuration and layers by digest; their repository, its policy, scan findings",
		Needs: []awsapi.Need{
			when("ECR:BatchGetImage", "ecr:BatchGetImage", image),
			when("ECR:GetDownloadUrlForLayer", "ecr:GetDownloadUrlForLayer", image),
			when("ECR:DescribeImages", "ecr:DescribeImages", image),
			when("ECR:DescribeImageScanFindings", "ecr:DescribeImageScanFindings", image),
			when("ECR:DescribeRepositories", "ecr:DescribeRepositories", image),
			when("ECR:GetRepositoryPolicy", "ecr:GetRepositoryPolicy", image),
			when("ECR:GetLifecyclePolicy", "ecr:GetLifecyclePolicy", image),
			{Call: downloadCall, When: image},
		},
		Collect: collectImages,
	}
}

// runs is what a version runs: the document of ecr.image.
type runs struct {
	ImageUri, ResolvedImageUri string
	CodeSha256                 string
	// That CodeSha256 of an image is its digest in hex is not documented: what is seen is noted.
	CodeSha256IsDigest bool
	Architectures      []string
}

func collectImages(ctx context.Context, j *Job) {
	versions := j.facts.versions.get(ctx)
	if ctx.Err() != nil {
		return // close records it
	}
	own := j.want("ecr.image", "", "Lambda:GetFunction")
	var mine []versionFact
	for _, v := range versions.all {
		if v.image {
			mine = append(mine, v)
			j.plan(j.want("ecr.image", v.version, "Lambda:GetFunction"))
		}
	}
	switch {
	case !versions.known:
		own.src.Qualifier = "*"
		j.skip(own, "versions, and so their images, unknown: lambda.configuration.versions is not whole")
	case len(mine) == 0:
		j.none(own, stamp{}, "no version is a container image")
	}
	each(mine, callsAtOnce, func(v versionFact) { j.imageOf(ctx, v.version) })
}

// imageOf notes what a version runs, and collects it.
func (j *Job) imageOf(ctx context.Context, version string) {
	w := j.want("ecr.image", version, "Lambda:GetFunction")
	d := j.facts.deployed(version).get(ctx)
	switch {
	case !d.asked:
		return // stopped: close records what is planned and not done
	case d.err != nil:
		j.skip(w, "depends on lambda.configuration "+version+", which could not be had")
		return
	case d.config == nil || d.code == nil || d.code.ResolvedImageUri == nil:
		j.gap(w, d.stamp, evidence.Failed, "", "GetFunction named no image")
		return
	}
	r := runs{ImageUri: aws.ToString(d.code.ImageUri), ResolvedImageUri: *d.code.ResolvedImageUri, CodeSha256: aws.ToString(d.config.CodeSha256)}
	ref, ok := oci.ParseReference(r.ResolvedImageUri)
	r.CodeSha256IsDigest = ok && "sha256:"+r.CodeSha256 == ref.Digest
	for _, a := range d.config.Architectures {
		r.Architectures = append(r.Architectures, string(a))
	}
	if !j.have(w) {
		j.putJSON(ctx, w, d.stamp, r)
	}
	if !ok || ref.Digest == "" {
		j.gap(j.want("ecr.manifest", version, "ECR:BatchGetImage"), stamp{}, evidence.NotCovered, "", "not an image in ECR by its digest: "+clip(r.ResolvedImageUri))
		return
	}
	i := &imageRun{Job: j, ecr: ecr.NewFromConfig(j.config(ref.Region)), ref: ref, deployed: r.ImageUri, arch: lambdatypes.ArchitectureX8664}
	if len(d.config.Architectures) > 0 {
		i.arch = d.config.Architectures[0]
	}
	i.arn = "arn:" + partitionOf(ref.Region) + ":ecr:" + ref.Region + ":" + ref.Account + ":repository/" + ref.Repository
	i.collect(ctx)
}

// imageRun collects one image of one repository, which may be of another account.
type imageRun struct {
	*Job
	ecr      *ecr.Client
	ref      oci.Reference
	arn      string // of the repository
	deployed string // as it was named when it was deployed, by tag perhaps
	arch     lambdatypes.Architecture
}

func (i *imageRun) want(artefact, qualifier, call string) want {
	w := i.of(artefact, i.arn, qualifier, i.ref.Region, call)
	w.name = strings.ReplaceAll(strings.TrimSuffix(i.ref.Repository+"."+strings.TrimPrefix(qualifier, "sha256:"), ".")+"."+artefact+".json", "/", "-")
	return w
}

func (i *imageRun) collect(ctx context.Context) {
	image := i.arn + " " + i.ref.Digest
	steps := []func(){}
	if i.run.claim("repository " + i.arn) {
		steps = append(steps, func() { i.repository(ctx) })
	}
	if i.run.claim("image " + image) {
		steps = append(steps, func() { i.about(ctx) }, func() { i.manifest(ctx, i.ref.Digest, 0) })
	}
	if at, ok := oci.ParseReference(i.deployed); ok && at.Tag != "" && i.run.claim("tag "+i.arn+" "+at.Tag) {
		steps = append(steps, func() { i.tag(ctx, at.Tag) })
	}
	both(steps...)
}

// repository keeps whose it is, who may push there, and when images go.
func (i *imageRun) repository(ctx context.Context) {
	policy, lifecycle := i.want("ecr.repository.policy", "", "ECR:GetRepositoryPolicy"), i.want("ecr.repository.lifecycle", "", "ECR:GetLifecyclePolicy")
	repo := i.want("ecr.repository", "", "ECR:DescribeRepositories")
	i.plan(repo, policy, lifecycle)
	both(
		func() {
			fetch(ctx, i.Job, repo, i.ecr.DescribeRepositories, &ecr.DescribeRepositoriesInput{RegistryId: &i.ref.Account, RepositoryNames: []string{i.ref.Repository}})
		},
		func() {
			fetch(ctx, i.Job, policy, i.ecr.GetRepositoryPolicy, &ecr.GetRepositoryPolicyInput{RegistryId: &i.ref.Account, RepositoryName: &i.ref.Repository})
		},
		func() {
			fetch(ctx, i.Job, lifecycle, i.ecr.GetLifecyclePolicy, &ecr.GetLifecyclePolicyInput{RegistryId: &i.ref.Account, RepositoryName: &i.ref.Repository})
		})
}

// tag keeps what the tag that the version was deployed by points to now: another image is an
// attacker's push, or a deployment that is still to come.
func (i *imageRun) tag(ctx context.Context, tag string) {
	w := i.want("ecr.tag", tag, "ECR:DescribeImages")
	w.none = true
	fetch(ctx, i.Job, w, i.ecr.DescribeImages, &ecr.DescribeImagesInput{RegistryId: &i.ref.Account, RepositoryName: &i.ref.Repository, ImageIds: []ecrtypes.ImageIdentifier{{ImageTag: &tag}}})
}

// about keeps when the image was pushed and pulled, and what scans found in it.
func (i *imageRun) about(ctx context.Context) {
	id := ecrtypes.ImageIdentifier{ImageDigest: &i.ref.Digest}
	details, findings := i.want("ecr.image.details", i.ref.Digest, "ECR:DescribeImages"), i.want("ecr.image.findings", i.ref.Digest, "ECR:DescribeImageScanFindings")
	i.plan(details, findings)
	fetch(ctx, i.Job, details, i.ecr.DescribeImages, &ecr.DescribeImagesInput{RegistryId: &i.ref.Account, RepositoryName: &i.ref.Repository, ImageIds: []ecrtypes.ImageIdentifier{id}})
	i.findings(ctx, findings, id)
}

const maxScanFindings = 10_000

// findings merges the pages of a scan's findings into one answer.
func (i *imageRun) findings(ctx context.Context, w want, id ecrtypes.ImageIdentifier) {
	if i.have(w) {
		return
	}
	in := &ecr.DescribeImageScanFindingsInput{RegistryId: &i.ref.Account, RepositoryName: &i.ref.Repository, ImageId: &id, MaxResults: aws.Int32(1000)}
	first, s, err := ask(ctx, i.Job, i.ecr.DescribeImageScanFindings, in)
	if err != nil {
		i.refused(w, s, err)
		return
	}
	whole, all := *first, ecrtypes.ImageScanFindings{}
	if first.ImageScanFindings != nil {
		all = *first.ImageScanFindings
		all.Findings, all.EnhancedFindings = nil, nil
	}
	cut := pager[ecr.DescribeImageScanFindingsInput, ecr.DescribeImageScanFindingsOutput, ecr.Options]{
		call: i.ecr.DescribeImageScanFindings, in: in,
		next: func(in *ecr.DescribeImageScanFindingsInput, out *ecr.DescribeImageScanFindingsOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}.each(ctx, i.Job, first, func(o *ecr.DescribeImageScanFindingsOutput) error {
		if f := o.ImageScanFindings; f != nil {
			all.Findings, all.EnhancedFindings = append(all.Findings, f.Findings...), append(all.EnhancedFindings, f.EnhancedFindings...)
		}
		if len(all.Findings)+len(all.EnhancedFindings) > maxScanFindings {
			all.Findings, all.EnhancedFindings = all.Findings[:min(len(all.Findings), maxScanFindings)], all.EnhancedFindings[:min(len(all.EnhancedFindings), maxScanFindings)]
			return tooMany(maxScanFindings)
		}
		return nil
	})
	whole.ImageScanFindings, whole.NextToken = &all, nil
	i.putCut(ctx, w, s, whole, cut)
}

// imageFailure is what ECR says of one image in an answer that is none of an error.
func imageFailure(f []ecrtypes.ImageFailure) error {
	if len(f) == 0 {
		return &smithy.GenericAPIError{Code: "ImageNotFound", Message: "the answer has neither the image nor a failure"}
	}
	return &smithy.GenericAPIError{Code: string(f[0].FailureCode), Message: aws.ToString(f[0].FailureReason)}
}
