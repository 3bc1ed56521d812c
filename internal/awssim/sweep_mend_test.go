package awssim

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	gt "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	v2 "github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	vt "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	et "github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// TestSweepGatewayUpdates: a member that is left out stays; what is not there is refused.
func TestSweepGatewayUpdates(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	cl := v2.NewFromConfig(cfg)
	id := must(cl.CreateApi(ctx, &v2.CreateApiInput{Name: aws.String("shop"), ProtocolType: vt.ProtocolTypeHttp, Description: aws.String("d"), CorsConfiguration: &vt.Cors{AllowOrigins: []string{"*"}, AllowMethods: []string{"GET"}}}))(t).ApiId
	api := must(cl.UpdateApi(ctx, &v2.UpdateApiInput{ApiId: id, CorsConfiguration: &vt.Cors{AllowOrigins: []string{"https://a.example"}}}))(t)
	if *api.Description != "d" || api.CorsConfiguration.AllowOrigins[0] != "https://a.example" || len(api.CorsConfiguration.AllowMethods) != 0 {
		t.Errorf("%+v", api)
	}
	route := must(cl.CreateRoute(ctx, &v2.CreateRouteInput{ApiId: id, RouteKey: aws.String("GET /")}))(t).RouteId
	if r := must(cl.UpdateRoute(ctx, &v2.UpdateRouteInput{ApiId: id, RouteId: route, AuthorizationType: vt.AuthorizationTypeAwsIam}))(t); r.AuthorizationType != "AWS_IAM" || *r.RouteKey != "GET /" {
		t.Errorf("%+v", r)
	}
	must(cl.CreateStage(ctx, &v2.CreateStageInput{ApiId: id, StageName: aws.String("s"), AutoDeploy: aws.Bool(true)}))(t)
	s := must(cl.UpdateStage(ctx, &v2.UpdateStageInput{ApiId: id, StageName: aws.String("s"), DefaultRouteSettings: &vt.RouteSettings{ThrottlingBurstLimit: aws.Int32(5), ThrottlingRateLimit: aws.Float64(2)}}))(t)
	if !*s.AutoDeploy || *s.DefaultRouteSettings.ThrottlingBurstLimit != 5 {
		t.Errorf("%+v", s)
	}
	_, err := cl.UpdateRoute(ctx, &v2.UpdateRouteInput{ApiId: id, RouteId: aws.String("none")})
	refused(t, err, "NotFoundException")
	_, err = cl.UpdateStage(ctx, &v2.UpdateStageInput{ApiId: id, StageName: aws.String("none")})
	refused(t, err, "NotFoundException")

	rest := apigateway.NewFromConfig(cfg)
	a := must(rest.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String("orders")}))(t)
	must(rest.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: a.Id, ResourceId: a.RootResourceId, HttpMethod: aws.String("GET"), AuthorizationType: aws.String("NONE"), OperationName: aws.String("o")}))(t)
	patch := func(verb, path string) (*apigateway.UpdateMethodOutput, error) {
		return rest.UpdateMethod(ctx, &apigateway.UpdateMethodInput{RestApiId: a.Id, ResourceId: a.RootResourceId, HttpMethod: &verb, PatchOperations: []gt.PatchOperation{{Op: gt.OpReplace, Path: &path, Value: aws.String("AWS_IAM")}}})
	}
	if m := must(patch("GET", "/authorizationType"))(t); *m.AuthorizationType != "AWS_IAM" || *m.OperationName != "o" {
		t.Errorf("%+v", m)
	}
	_, err = patch("GET", "/other")
	refused(t, err, "BadRequestException")
	_, err = patch("PUT", "/authorizationType")
	refused(t, err, "NotFoundException")
}

// TestSweepSettings: a group's key, a repository's tags, a scan.
func TestSweepSettings(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	logs, group := cloudwatchlogs.NewFromConfig(cfg), aws.String("g")
	must(logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}))(t)
	key := "arn:aws:kms:us-east-1:111122223333:key/a"
	must(logs.AssociateKmsKey(ctx, &cloudwatchlogs.AssociateKmsKeyInput{LogGroupName: group, KmsKeyId: &key}))(t)
	if g := must(logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{}))(t).LogGroups[0]; *g.KmsKeyId != key {
		t.Errorf("%+v", g)
	}
	_, err := logs.AssociateKmsKey(ctx, &cloudwatchlogs.AssociateKmsKeyInput{LogGroupName: aws.String("none"), KmsKeyId: &key})
	refused(t, err, "ResourceNotFoundException")

	cl, repo := ecr.NewFromConfig(cfg), aws.String("shop")
	must(cl.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: repo}))(t)
	layer := pushBlob(t, cl, *repo, "layer")
	config := pushBlob(t, cl, *repo, `{}`)
	pushed := must(cl.PutImage(ctx, &ecr.PutImageInput{RepositoryName: repo, ImageTag: aws.String("v1"), ImageManifest: aws.String(imageManifest(config, layer, 2, 5)), ImageManifestMediaType: aws.String(ociManifest)}))(t).Image
	must(cl.PutImageTagMutability(ctx, &ecr.PutImageTagMutabilityInput{RepositoryName: repo, ImageTagMutability: et.ImageTagMutabilityImmutable}))(t)
	if r := must(cl.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{}))(t).Repositories[0]; r.ImageTagMutability != et.ImageTagMutabilityImmutable {
		t.Errorf("%+v", r)
	}
	if s := must(cl.StartImageScan(ctx, &ecr.StartImageScanInput{RepositoryName: repo, ImageId: &et.ImageIdentifier{ImageTag: aws.String("v1")}}))(t); *s.ImageId.ImageDigest != *pushed.ImageId.ImageDigest || s.ImageScanStatus.Status != et.ScanStatusInProgress {
		t.Errorf("%+v", s)
	}
	if s := must(cl.DescribeImageScanFindings(ctx, &ecr.DescribeImageScanFindingsInput{RepositoryName: repo, ImageId: pushed.ImageId}))(t); s.ImageScanStatus.Status != et.ScanStatusComplete {
		t.Errorf("%+v", s)
	}
	_, err = cl.StartImageScan(ctx, &ecr.StartImageScanInput{RepositoryName: repo, ImageId: &et.ImageIdentifier{ImageTag: aws.String("v2")}})
	refused(t, err, "ImageNotFoundException")
}

// TestSweepEgress: a range goes, the rule's others stay; what does not stand there is refused.
func TestSweepEgress(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	id, any := "sg-1", ec2types.IpRange{CidrIp: aws.String("0.0.0.0/0")}
	https := ec2types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), IpRanges: []ec2types.IpRange{any, {CidrIp: aws.String("10.0.0.0/8"), Description: aws.String("own")}}}
	c.StageNetwork(c.AccountID(), c.Region(), Network{Groups: []ec2types.SecurityGroup{{GroupId: &id, GroupName: aws.String("g"), Description: aws.String("d"), VpcId: aws.String("vpc-1"), IpPermissionsEgress: []ec2types.IpPermission{https, {IpProtocol: aws.String("-1"), IpRanges: []ec2types.IpRange{any}}}}}})
	cl := ec2.NewFromConfig(cfg)
	revoke := func(group string, p ec2types.IpPermission) error {
		_, err := cl.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: &group, IpPermissions: []ec2types.IpPermission{p}})
		return err
	}
	https.IpRanges = []ec2types.IpRange{any}
	for _, p := range []ec2types.IpPermission{https, {IpProtocol: aws.String("-1"), IpRanges: []ec2types.IpRange{any}}} {
		if err := revoke(id, p); err != nil {
			t.Error(err)
		}
	}
	left := must(cl.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{}))(t).SecurityGroups[0].IpPermissionsEgress
	if len(left) != 1 || len(left[0].IpRanges) != 1 || *left[0].IpRanges[0].CidrIp != "10.0.0.0/8" {
		t.Errorf("left: %+v", left)
	}
	refused(t, revoke(id, https), "InvalidPermission.NotFound")
	refused(t, revoke("sg-9", https), "InvalidGroup.NotFound")
	refused(t, revoke(id, ec2types.IpPermission{IpProtocol: aws.String("udp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), IpRanges: []ec2types.IpRange{any}}), "InvalidPermission.NotFound")
}
