package s3vault

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// wrap says what was being done, and makes the vault's sentinels of S3's codes.
func (v *Vault) wrap(doing, name string, err error) error {
	if sentinel := sentinelOf(err); sentinel != nil {
		return fmt.Errorf("%s %s in %s: %w (%w)", doing, name, v, sentinel, err)
	}
	return fmt.Errorf("%s %s in %s: %w", doing, name, v, err)
}

func sentinelOf(err error) error {
	switch code(err) {
	case "PreconditionFailed":
		return vault.ErrExists
	case "NoSuchKey", "NoSuchVersion":
		return vault.ErrNotFound
	case "NoSuchBucket":
		return vault.ErrGone
	case "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody":
		return vault.ErrBody
	case "QuotaExceeded", "EntityTooLarge":
		return vault.ErrFull
	}
	return nil
}

// isConflict: another write or delete of the same key was under way.
func isConflict(err error) bool {
	c := code(err)
	return c == "ConditionalRequestConflict" || c == "OperationAborted"
}

// isTransient: the server failed, or the answer did not come. Whether the call took effect is unknown.
func isTransient(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || awsapi.IsRefused(err) {
		return false
	}
	if re, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && re.Response != nil && re.HTTPStatusCode() > 0 {
		return re.HTTPStatusCode() >= 500
	}
	_, sent := errors.AsType[*smithyhttp.RequestSendError](err)
	return sent
}

func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// Needs are the calls a vault with these options makes, all on what is ours.
func Needs(o Options) []awsapi.Need {
	objects, bucket := "arn:aws:s3:::"+o.Bucket+"/*", "arn:aws:s3:::"+o.Bucket
	put := []awsapi.Grant{{Action: "s3:PutObject", Resource: objects}}
	get := []awsapi.Grant{{Action: "s3:GetObject", Resource: objects}, {Action: "s3:GetObjectVersion", Resource: objects}}
	if o.RetentionMode != "" {
		put = append(put, awsapi.Grant{Action: "s3:PutObjectRetention", Resource: objects})
	}
	if o.LegalHold {
		put = append(put, awsapi.Grant{Action: "s3:PutObjectLegalHold", Resource: objects})
	}
	if o.KMSKey != "" {
		put = append(put, awsapi.Grant{Action: "kms:GenerateDataKey", Resource: o.KMSKey})
		get = append(get, awsapi.Grant{Action: "kms:Decrypt", Resource: o.KMSKey})
	}
	return append(multipartNeeds(put, objects, o.KMSKey), []awsapi.Need{
		{Call: "S3:PutObject", IAM: put, Mutates: true, Class: awsapi.Vault},
		{Call: "S3:GetObject", IAM: get, Class: awsapi.Vault},
		{Call: "S3:ListObjectVersions", IAM: []awsapi.Grant{{Action: "s3:ListBucketVersions", Resource: bucket}}, Class: awsapi.Vault},
	}...)
}

// multipartNeeds are the calls for what is too large for one PutObject, whose grants are put.
// S3 reads encrypted parts to make the object of them, so that the key must open too.
// Source: "Multipart upload API and permissions" in S3's user guide.
func multipartNeeds(put []awsapi.Grant, objects, key string) []awsapi.Need {
	const when = "for objects larger than 5 GiB"
	part := []awsapi.Grant{{Action: "s3:PutObject", Resource: objects}}
	if key != "" {
		put = append(slices.Clone(put), awsapi.Grant{Action: "kms:Decrypt", Resource: key})
		part = append(part, awsapi.Grant{Action: "kms:GenerateDataKey", Resource: key}, awsapi.Grant{Action: "kms:Decrypt", Resource: key})
	}
	abort := []awsapi.Grant{{Action: "s3:AbortMultipartUpload", Resource: objects}}
	list := []awsapi.Grant{{Action: "s3:ListMultipartUploadParts", Resource: objects}}
	return []awsapi.Need{
		{Call: "S3:CreateMultipartUpload", IAM: put, When: when, Mutates: true, Class: awsapi.Vault},
		{Call: "S3:UploadPart", IAM: part, When: when, Mutates: true, Class: awsapi.Vault},
		{Call: "S3:CompleteMultipartUpload", IAM: part, When: when, Mutates: true, Class: awsapi.Vault},
		{Call: "S3:AbortMultipartUpload", IAM: abort, When: when, Mutates: true, Class: awsapi.Vault},
		{Call: "S3:ListParts", IAM: list, When: when, Class: awsapi.Vault},
	}
}
