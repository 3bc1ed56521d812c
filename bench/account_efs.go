package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	efstypes "github.com/aws/aws-sdk-go-v2/service/efs/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// addMount lets the function's newest code mount a file system that anybody in the network
// may mount; another one lies beside it, which nothing of the function's leads to.
func (a *Account) addMount(ctx context.Context) error {
	c := efs.NewFromConfig(a.cfg)
	var point *efs.CreateAccessPointOutput
	for _, name := range []string{"other", "payments-data"} {
		system, err := c.CreateFileSystem(ctx, &efs.CreateFileSystemInput{CreationToken: &name, Encrypted: aws.Bool(true), Backup: aws.Bool(true), Tags: []efstypes.Tag{{Key: aws.String("Name"), Value: &name}}})
		if err != nil {
			return err
		}
		if _, err := c.CreateMountTarget(ctx, &efs.CreateMountTargetInput{FileSystemId: system.FileSystemId, SubnetId: aws.String("subnet-0aaaaaaaaaaaaaaaa"), SecurityGroups: []string{"sg-0dddddddddddddddd"}}); err != nil {
			return err
		}
		if _, err := c.PutFileSystemPolicy(ctx, &efs.PutFileSystemPolicyInput{FileSystemId: system.FileSystemId,
			Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"elasticfilesystem:ClientMount","Resource":"*"}]}`)}); err != nil {
			return err
		}
		if point, err = c.CreateAccessPoint(ctx, &efs.CreateAccessPointInput{ClientToken: &name, FileSystemId: system.FileSystemId, PosixUser: &efstypes.PosixUser{Uid: aws.Int64(0), Gid: aws.Int64(0)}}); err != nil {
			return err
		}
	}
	_, err := lambda.NewFromConfig(a.cfg).UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(Function),
		FileSystemConfigs: []lambdatypes.FileSystemConfig{{Arn: point.AccessPointArn, LocalMountPath: aws.String("/mnt/data")}}})
	return err
}
