package s3vault

import (
	"fmt"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/internal/vault/vaulttest"
)

// The simulated account keeps the promises of a vault as versitygw does.
func TestSimulatedAccount(t *testing.T) {
	cloud := awssim.New(awssim.Config{Region: "eu-central-1"})
	key := cloud.Bootstrap("444455556666", "keeper", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	server := httptest.NewServer(cloud)
	t.Cleanup(server.Close)
	cfg := config(server.URL)
	cfg.Credentials = credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, key.SessionToken)
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	create := func(bucket string) error {
		_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{
			Bucket: &bucket, ObjectLockEnabledForBucket: aws.Bool(true),
			CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"},
		})
		return err
	}
	var n atomic.Int64
	vaulttest.Run(t, func(t *testing.T) vault.Vault {
		bucket := fmt.Sprintf("evidence-%d", n.Add(1))
		if err := create(bucket); err != nil {
			t.Fatal(err)
		}
		v, err := New(cfg, Options{Bucket: bucket, Prefix: "cases/1", Owner: "444455556666"})
		if err != nil {
			t.Fatal(err)
		}
		return v
	})
}
