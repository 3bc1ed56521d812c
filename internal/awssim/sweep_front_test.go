package awssim

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	ct "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
)

// TestSweepDistributions: lists go on behind the last id; a configuration is there with what
// its origins are told.
func TestSweepDistributions(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl := cloudfront.NewFromConfig(cfg)
	if l := must(cl.ListDistributions(ctx, &cloudfront.ListDistributionsInput{}))(t).DistributionList; *l.Quantity != 0 || *l.IsTruncated {
		t.Errorf("from the start: %+v", l)
	}
	var ids []string
	for range 3 {
		ids = append(ids, c.StageDistribution(c.AccountID(), ct.DistributionConfig{
			DefaultCacheBehavior: &ct.DefaultCacheBehavior{TargetOriginId: aws.String("site"), ViewerProtocolPolicy: ct.ViewerProtocolPolicyHttpsOnly,
				LambdaFunctionAssociations: &ct.LambdaFunctionAssociations{Quantity: aws.Int32(1), Items: []ct.LambdaFunctionAssociation{{EventType: ct.EventTypeViewerRequest, LambdaFunctionARN: aws.String(functionF + ":1"), IncludeBody: aws.Bool(true)}}}},
			Origins: &ct.Origins{Quantity: aws.Int32(1), Items: []ct.Origin{{Id: aws.String("site"), DomainName: aws.String("site.example.com"),
				CustomHeaders: &ct.CustomHeaders{Quantity: aws.Int32(1), Items: []ct.OriginCustomHeader{{HeaderName: aws.String("x-key"), HeaderValue: aws.String("s<")}}}}}},
		}))
	}
	first := must(cl.ListDistributions(ctx, &cloudfront.ListDistributionsInput{MaxItems: aws.Int32(2)}))(t).DistributionList
	rest := must(cl.ListDistributions(ctx, &cloudfront.ListDistributionsInput{Marker: first.NextMarker}))(t).DistributionList
	if len(first.Items) != 2 || !*first.IsTruncated || *first.Items[0].Id != ids[2] || len(rest.Items) != 1 || *rest.Items[0].Id != ids[0] || rest.NextMarker != nil || !strings.HasSuffix(*rest.Items[0].DomainName, ".cloudfront.net") {
		t.Errorf("%+v, then %+v", first, rest)
	}
	got := must(cl.GetDistributionConfig(ctx, &cloudfront.GetDistributionConfigInput{Id: &ids[1]}))(t)
	if a := got.DistributionConfig.DefaultCacheBehavior.LambdaFunctionAssociations.Items; got.ETag == nil || len(a) != 1 || *a[0].LambdaFunctionARN != functionF+":1" || *got.DistributionConfig.Origins.Items[0].CustomHeaders.Items[0].HeaderValue != "s<" {
		t.Errorf("%+v", got.DistributionConfig)
	}
	_, none := cl.GetDistributionConfig(ctx, &cloudfront.GetDistributionConfigInput{Id: aws.String("ENONE")})
	_, marker := cl.ListDistributions(ctx, &cloudfront.ListDistributionsInput{Marker: aws.String("ENONE")})
	_, size := cl.ListDistributions(ctx, &cloudfront.ListDistributionsInput{MaxItems: aws.Int32(0)})
	for err, code := range map[error]string{none: "NoSuchDistribution", marker: "InvalidArgument", size: "InvalidArgument"} {
		refused(t, err, code)
	}
	nobody := cloudfront.NewFromConfig(clientConfig(c, c.Bootstrap(c.AccountID(), "nobody", `{"Version":"2012-10-17","Statement":[]}`)))
	_, err := nobody.ListDistributions(ctx, &cloudfront.ListDistributionsInput{})
	refused(t, err, "AccessDenied")
}

// TestUpdateDistribution: a configuration is replaced whole, against the tag of the one that
// was read; calling a function takes leave of its owner.
func TestUpdateDistribution(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl := cloudfront.NewFromConfig(cfg)
	id := c.StageDistribution(c.AccountID(), ct.DistributionConfig{
		DefaultCacheBehavior: &ct.DefaultCacheBehavior{TargetOriginId: aws.String("site"), ViewerProtocolPolicy: ct.ViewerProtocolPolicyHttpsOnly,
			LambdaFunctionAssociations: &ct.LambdaFunctionAssociations{Quantity: aws.Int32(1), Items: []ct.LambdaFunctionAssociation{{EventType: ct.EventTypeViewerRequest, LambdaFunctionARN: aws.String(functionF + ":1")}}}},
		Origins: &ct.Origins{Quantity: aws.Int32(1), Items: []ct.Origin{{Id: aws.String("site"), DomainName: aws.String("site.example.com")}}},
	})
	read := func() *cloudfront.GetDistributionConfigOutput {
		return must(cl.GetDistributionConfig(ctx, &cloudfront.GetDistributionConfigInput{Id: &id}))(t)
	}
	put := func(as *cloudfront.Client, tag *string, change func(*ct.DistributionConfig)) (*cloudfront.UpdateDistributionOutput, error) {
		config := read().DistributionConfig
		change(config)
		return as.UpdateDistribution(ctx, &cloudfront.UpdateDistributionInput{Id: &id, IfMatch: tag, DistributionConfig: config})
	}
	calls := func(q int32, arns ...string) func(*ct.DistributionConfig) {
		return func(f *ct.DistributionConfig) {
			l := &ct.LambdaFunctionAssociations{Quantity: aws.Int32(q)}
			for _, a := range arns {
				l.Items = append(l.Items, ct.LambdaFunctionAssociation{EventType: ct.EventTypeViewerRequest, LambdaFunctionARN: aws.String(a)})
			}
			f.DefaultCacheBehavior.LambdaFunctionAssociations = l
		}
	}
	old := read().ETag
	out := must(put(cl, old, calls(0)))(t)
	if *out.Distribution.Status != "InProgress" || *out.ETag == *old || len(read().DistributionConfig.DefaultCacheBehavior.LambdaFunctionAssociations.Items) != 0 {
		t.Errorf("%+v", out.Distribution)
	}
	for _, x := range []struct {
		tag    *string
		change func(*ct.DistributionConfig)
		code   string
	}{
		{old, calls(0), "PreconditionFailed"}, {nil, calls(0), "InvalidIfMatchVersion"}, {out.ETag, calls(2, functionF+":1"), "InconsistentQuantities"}, {out.ETag, calls(1, functionF), "InvalidLambdaFunctionAssociation"},
		{out.ETag, func(f *ct.DistributionConfig) { f.CallerReference = aws.String("another") }, "IllegalUpdate"},
	} {
		_, err := put(cl, x.tag, x.change)
		refused(t, err, x.code)
	}
	only := cloudfront.NewFromConfig(clientConfig(c, c.Bootstrap(c.AccountID(), "only", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cloudfront:*","Resource":"*"}]}`)))
	_, err := put(only, out.ETag, calls(1, functionF+":1"))
	refused(t, err, "AccessDenied")
	must(put(cl, out.ETag, calls(1, functionF+":1")))(t)
	_, err = cl.UpdateDistribution(ctx, &cloudfront.UpdateDistributionInput{Id: aws.String("ENONE"), IfMatch: old, DistributionConfig: read().DistributionConfig})
	refused(t, err, "NoSuchDistribution")
}
