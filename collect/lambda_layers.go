package collect

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// layers of other accounts are often shared for running only: their content and
// policy are then denied, which the coverage says.
func layers() Collector {
	return Collector{
		Name: "lambda.layers", About: "layer versions in use: metadata, content, policy",
		Needs: []awsapi.Need{
			need("Lambda:GetLayerVersionByArn", "lambda:GetLayerVersion", "layer version ARN"),
			need("Lambda:GetLayerVersionPolicy", "lambda:GetLayerVersionPolicy", "layer version ARN"),
			{Call: downloadCall, When: "layers"},
			needObject(),
		},
		Collect: collectLayers,
	}
}

func collectLayers(ctx context.Context, j *Job) {
	versions := j.facts.versions.get(ctx)
	var arns []string
	some := false
	for _, v := range versions.all {
		for _, l := range v.layers {
			some = true
			if j.run.claim("layer " + l) {
				arns = append(arns, l)
			}
		}
	}
	if some {
		j.planned.Store(true) // if only by another target of this run
	} else if versions.known {
		j.none(j.want("lambda.layers", "", ""), stamp{}, "no version has layers")
	}
	if !versions.known && len(versions.all) > 0 {
		j.skip(j.want("lambda.layers", "*", "Lambda:GetLayerVersionByArn"), "versions, and so their layers, unknown: lambda.configuration.versions is not whole")
	}
	for _, arn := range arns {
		j.plan(j.layerWants(arn)...)
	}
	c := j.lambda()
	each(arns, callsAtOnce, func(arn string) { j.layer(ctx, c, arn) })
}

// layerWants are metadata, content, policy.
func (j *Job) layerWants(arn string) []want {
	region := j.Target.Region
	policy := j.of("lambda.layers.policy", arn, "", region, "Lambda:GetLayerVersionPolicy")
	policy.none = true
	return []want{
		j.of("lambda.layers", arn, "", region, "Lambda:GetLayerVersionByArn"),
		j.of("lambda.layers.content", arn, "", region, downloadCall),
		policy,
	}
}

func (j *Job) layer(ctx context.Context, c *lambda.Client, arn string) {
	ws := j.layerWants(arn)
	for i, part := range []string{"metadata.json", "content.zip", "policy.json"} {
		ws[i].name = layerName(arn) + "." + part
	}
	both(
		func() { j.layerContent(ctx, c, arn, ws[0], ws[1]) },
		func() { j.layerPolicy(ctx, c, arn, ws[2]) })
}

func (j *Job) layerContent(ctx context.Context, c *lambda.Client, arn string, meta, content want) {
	_, recalled := j.keptEntry(meta)
	out := fetch(ctx, j, meta, c.GetLayerVersionByArn, &lambda.GetLayerVersionByArnInput{Arn: aws.String(arn)})
	if j.have(content) {
		return
	}
	switch {
	case out == nil:
		j.skip(content, "depends on lambda.layers "+arn+", which could not be had")
		return
	case out.Content == nil:
		j.gap(content, stamp{}, evidence.Failed, "", "GetLayerVersionByArn named no content")
		return
	case out.Content.Location == nil && out.Content.ResolvedS3Object != nil:
		j.s3Reference(ctx, content, out.Content.ResolvedS3Object, pack{declared: aws.ToString(out.Content.CodeSha256), size: out.Content.CodeSize})
		return
	}
	p := packOf(out.Content, j, func(ctx context.Context) (string, error) {
		again, _, err := ask(ctx, j, c.GetLayerVersionByArn, &lambda.GetLayerVersionByArnInput{Arn: aws.String(arn)})
		if err != nil || again.Content == nil {
			return "", err
		}
		return aws.ToString(again.Content.Location), nil
	})
	if recalled {
		p.at = time.Time{} // what is kept of the address is no use: ask for a new one at once
	}
	j.download(ctx, content, p)
}

func packOf(c *lambdatypes.LayerVersionContentOutput, j *Job, again func(context.Context) (string, error)) pack {
	return pack{declared: aws.ToString(c.CodeSha256), size: c.CodeSize, location: aws.ToString(c.Location), at: j.now(), again: again}
}

func (j *Job) layerPolicy(ctx context.Context, c *lambda.Client, arn string, w want) {
	layer, version, err := splitLayer(arn)
	if err != nil {
		j.gap(w, stamp{}, evidence.Failed, err.Error(), "")
		return
	}
	if j.have(w) {
		return
	}
	out, s, err := ask(ctx, j, c.GetLayerVersionPolicy, &lambda.GetLayerVersionPolicyInput{LayerName: aws.String(layer), VersionNumber: aws.Int64(version)})
	keepPolicy(ctx, j, w, s, err, out, func() *string { return out.Policy })
}

// splitLayer takes arn:aws:lambda:R:A:layer:NAME:7 apart.
func splitLayer(arn string) (layer string, version int64, err error) {
	i := strings.LastIndexByte(arn, ':')
	if strings.Count(arn, ":") != 7 || i < 0 {
		return "", 0, fmt.Errorf("not a layer version ARN: %q", clip(arn))
	}
	version, err = strconv.ParseInt(arn[i+1:], 10, 64)
	if err != nil {
		return "", 0, fmt.Errorf("not a layer version ARN: %q", clip(arn))
	}
	return arn[:i], version, nil
}

// layerName is "account.name.version".
func layerName(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) != 8 {
		return "layer"
	}
	return strings.Join([]string{"layer", parts[4], parts[6], parts[7]}, ".")
}
