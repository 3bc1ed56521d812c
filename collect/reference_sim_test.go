package collect

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

func referencesOnly() Options {
	return Options{Unpaced: true, Only: []string{"lambda.configuration", "lambda.code", "lambda.layers"}}
}

// TestCodeByReference: each version's package is the one that it was deployed from, by the
// version of the object where there is one.
func TestCodeByReference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		m, sum := collectFunction(t, sessionAs(t, a, "again", allowAll), bench.ReferenceFunction, referencesOnly())
		if !sum.Complete {
			t.Errorf("%v", m.states())
		}
		for k, seed := range map[string]string{"lambda.code invoices 1": "invoices 1", "lambda.code invoices 2": "invoices 2", "lambda.code invoices $LATEST": "invoices 2", "lambda.layers.content 1": "invoices layer"} {
			if !bytes.Equal(m.bytes[k], bench.Pack(seed, 8<<10)) {
				t.Errorf("%s: %d bytes, %s, of %v", k, len(m.bytes[k]), m.states()[k], m.states())
			}
		}
		for _, e := range m.entries {
			if key(e) == "lambda.code invoices 1" && (e.Item.Params["Bucket"] != "artifacts-kept" || e.Item.Params["VersionId"] == "" || e.Item.Call != "S3:GetObject") {
				t.Errorf("%+v", e.Item)
			}
		}
	})
}

// TestCodeByReferenceLost: what lies in the bucket may be another package by now, larger, or
// gone, and it may not be ours to read.
func TestCodeByReferenceLost(t *testing.T) {
	const k = "lambda.code invoices 2"
	for name, c := range map[string]struct {
		change func(ctx *testing.T, c *s3.Client) error
		policy string
		want   evidence.State
	}{
		"swapped": {func(t *testing.T, c *s3.Client) error {
			_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bench.ReferenceBucket), Key: aws.String("invoices/two.zip"), Body: bytes.NewReader(bench.Pack("evil", 8<<10))})
			return err
		}, allowAll, evidence.Mismatch},
		"larger": {func(t *testing.T, c *s3.Client) error {
			_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bench.ReferenceBucket), Key: aws.String("invoices/two.zip"), Body: bytes.NewReader(bench.Pack("evil", 80<<10))})
			return err
		}, allowAll, evidence.TooLarge},
		"deleted": {func(t *testing.T, c *s3.Client) error {
			_, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bench.ReferenceBucket), Key: aws.String("invoices/two.zip")})
			return err
		}, allowAll, evidence.Absent},
		"denied": {func(*testing.T, *s3.Client) error { return nil }, strings.Replace(allowAll, `"Statement":[`, `"Statement":[{"Effect":"Deny","Action":"s3:GetObject","Resource":"*"},`, 1), evidence.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := simAccount(t, awssim.Config{})
				cfg := aws.Config{Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: a.Cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, "")}
				if err := c.change(t, s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })); err != nil {
					t.Fatal(err)
				}
				m, sum := collectFunction(t, sessionAs(t, a, "again", c.policy), bench.ReferenceFunction, referencesOnly())
				if got := m.states()[k]; got != c.want || sum.Complete {
					t.Errorf("%s, complete %v: %+v", got, sum.Complete, gapOf(m, k))
				}
				if got := m.states()["lambda.code invoices 1"]; got != evidence.Collected {
					t.Errorf("the version that is kept by its id: %s", got)
				}
			})
		})
	}
}
