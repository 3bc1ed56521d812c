package bench

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// FleetRole is the role by which the accounts of a fleet are entered, as --assume-role takes it.
const FleetRole = "arn:aws:iam::{account}:role/reader"

// FleetAccount is the number of an account of a fleet.
func FleetAccount(i int) string { return fmt.Sprintf("2%011d", i+1) }

// NewFleet is a cloud of so many accounts, each with so many small functions, that let AccountID in.
func NewFleet(ctx context.Context, c awssim.Config, accounts, functions int) (*awssim.Cloud, error) {
	c.AccountID, c.Region = AccountID, Region
	cloud := awssim.New(c)
	for i := range accounts {
		if err := addFleetAccount(ctx, cloud, FleetAccount(i), functions); err != nil {
			return nil, fmt.Errorf("making account %s: %w", FleetAccount(i), err)
		}
	}
	return cloud, nil
}

func addFleetAccount(ctx context.Context, cloud *awssim.Cloud, id string, functions int) error {
	keys := cloud.Bootstrap(id, "owner", admin)
	cfg := aws.Config{Region: Region, BaseEndpoint: aws.String(Endpoint), HTTPClient: cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, "")}
	c := iam.NewFromConfig(cfg)
	for role, principal := range map[string]string{"reader": `{"AWS":"` + AccountID + `"}`, "work": `{"Service":"lambda.amazonaws.com"}`} {
		trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"}]}`
		if _, err := c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: &trust}); err != nil {
			return err
		}
	}
	if _, err := c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("reader"), PolicyName: aws.String("all"), PolicyDocument: aws.String(admin)}); err != nil {
		return err
	}
	var all errgroup.Group
	all.SetLimit(8)
	for i := range functions {
		all.Go(func() error {
			name := fmt.Sprintf("%s%03d", SmallFunctions, i)
			_, err := lambda.NewFromConfig(cfg).CreateFunction(ctx, &lambda.CreateFunctionInput{
				FunctionName: &name, Role: aws.String("arn:aws:iam::" + id + ":role/work"), Runtime: lambdatypes.RuntimePython313, Handler: aws.String("index.handler"),
				Code: &lambdatypes.FunctionCode{ZipFile: Pack(id+name, 8<<10)}, Environment: &lambdatypes.Environment{Variables: map[string]string{"NAME": name}},
			})
			return err
		})
	}
	return all.Wait()
}
