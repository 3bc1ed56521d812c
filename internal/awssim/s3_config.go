package awssim

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func getPublicAccessBlock(c *call, in *s3.GetPublicAccessBlockInput) (*s3.GetPublicAccessBlockOutput, error) {
	v, err := doc[*s3types.PublicAccessBlockConfiguration](c, "GetBucketPublicAccessBlock", in.Bucket, in.ExpectedBucketOwner, "publicAccessBlock", fail("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"))
	if err != nil {
		return nil, err
	}
	return &s3.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: v}, nil
}

func putPublicAccessBlock(c *call, in *s3.PutPublicAccessBlockInput) (*s3.PutPublicAccessBlockOutput, error) {
	return nil, putDoc(c, "PutBucketPublicAccessBlock", in.Bucket, in.ExpectedBucketOwner, "publicAccessBlock", in.PublicAccessBlockConfiguration)
}

func deletePublicAccessBlock(c *call, in *s3.DeletePublicAccessBlockInput) (*s3.DeletePublicAccessBlockOutput, error) {
	return nil, dropDoc(c, "PutBucketPublicAccessBlock", in.Bucket, in.ExpectedBucketOwner, "publicAccessBlock")
}

func getBucketOwnershipControls(c *call, in *s3.GetBucketOwnershipControlsInput) (*s3.GetBucketOwnershipControlsOutput, error) {
	v, err := doc[*s3types.OwnershipControls](c, "GetBucketOwnershipControls", in.Bucket, in.ExpectedBucketOwner, "ownership", fail("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"))
	if err != nil {
		return nil, err
	}
	return &s3.GetBucketOwnershipControlsOutput{OwnershipControls: v}, nil
}

func putBucketOwnershipControls(c *call, in *s3.PutBucketOwnershipControlsInput) (*s3.PutBucketOwnershipControlsOutput, error) {
	return nil, putDoc(c, "PutBucketOwnershipControls", in.Bucket, in.ExpectedBucketOwner, "ownership", in.OwnershipControls)
}

func deleteBucketOwnershipControls(c *call, in *s3.DeleteBucketOwnershipControlsInput) (*s3.DeleteBucketOwnershipControlsOutput, error) {
	return nil, dropDoc(c, "PutBucketOwnershipControls", in.Bucket, in.ExpectedBucketOwner, "ownership")
}

func getBucketReplication(c *call, in *s3.GetBucketReplicationInput) (*s3.GetBucketReplicationOutput, error) {
	v, err := doc[*s3types.ReplicationConfiguration](c, "GetReplicationConfiguration", in.Bucket, in.ExpectedBucketOwner, "replication", fail("ReplicationConfigurationNotFoundError", "The replication configuration was not found"))
	if err != nil {
		return nil, err
	}
	return &s3.GetBucketReplicationOutput{ReplicationConfiguration: v}, nil
}

func putBucketReplication(c *call, in *s3.PutBucketReplicationInput) (*s3.PutBucketReplicationOutput, error) {
	b, err := c.bucket("PutReplicationConfiguration", in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if b.versioning != "Enabled" {
		return nil, s3BadRequest("Versioning must be 'Enabled' on the bucket to apply a replication configuration")
	}
	if in.ReplicationConfiguration == nil {
		return nil, malformedXML()
	}
	b.docs["replication"] = in.ReplicationConfiguration
	return nil, nil
}

func deleteBucketReplication(c *call, in *s3.DeleteBucketReplicationInput) (*s3.DeleteBucketReplicationOutput, error) {
	return nil, dropDoc(c, "PutReplicationConfiguration", in.Bucket, in.ExpectedBucketOwner, "replication")
}

func getBucketEncryption(c *call, in *s3.GetBucketEncryptionInput) (*s3.GetBucketEncryptionOutput, error) {
	v, err := doc[*s3types.ServerSideEncryptionConfiguration](c, "GetEncryptionConfiguration", in.Bucket, in.ExpectedBucketOwner, "encryption", fail("ServerSideEncryptionConfigurationNotFoundError", "The server side encryption configuration was not found"))
	if err != nil {
		return nil, err
	}
	return &s3.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: v}, nil
}

func putBucketEncryption(c *call, in *s3.PutBucketEncryptionInput) (*s3.PutBucketEncryptionOutput, error) {
	return nil, putDoc(c, "PutEncryptionConfiguration", in.Bucket, in.ExpectedBucketOwner, "encryption", in.ServerSideEncryptionConfiguration)
}

// deleteBucketEncryption goes back to SSE-S3: no bucket is without encryption.
func deleteBucketEncryption(c *call, in *s3.DeleteBucketEncryptionInput) (*s3.DeleteBucketEncryptionOutput, error) {
	return nil, putDoc(c, "PutEncryptionConfiguration", in.Bucket, in.ExpectedBucketOwner, "encryption", plainEncryption())
}

// s3Lifecycle is a lifecycle configuration with what comes beside it in a header.
type s3Lifecycle struct {
	Rules []s3types.LifecycleRule
	Least s3types.TransitionDefaultMinimumObjectSize
}

func getBucketLifecycle(c *call, in *s3.GetBucketLifecycleConfigurationInput) (*s3.GetBucketLifecycleConfigurationOutput, error) {
	v, err := doc[*s3Lifecycle](c, "GetLifecycleConfiguration", in.Bucket, in.ExpectedBucketOwner, "lifecycle", fail("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"))
	if err != nil {
		return nil, err
	}
	return &s3.GetBucketLifecycleConfigurationOutput{Rules: v.Rules, TransitionDefaultMinimumObjectSize: v.Least}, nil
}

func putBucketLifecycle(c *call, in *s3.PutBucketLifecycleConfigurationInput) (*s3.PutBucketLifecycleConfigurationOutput, error) {
	var v *s3Lifecycle
	if in.LifecycleConfiguration != nil {
		v = &s3Lifecycle{in.LifecycleConfiguration.Rules, in.TransitionDefaultMinimumObjectSize}
		if v.Least == "" {
			v.Least = s3types.TransitionDefaultMinimumObjectSizeAllStorageClasses128k
		}
	}
	if err := putDoc(c, "PutLifecycleConfiguration", in.Bucket, in.ExpectedBucketOwner, "lifecycle", v); err != nil {
		return nil, err
	}
	return &s3.PutBucketLifecycleConfigurationOutput{TransitionDefaultMinimumObjectSize: v.Least}, nil
}

func deleteBucketLifecycle(c *call, in *s3.DeleteBucketLifecycleInput) (*s3.DeleteBucketLifecycleOutput, error) {
	return nil, dropDoc(c, "PutLifecycleConfiguration", in.Bucket, in.ExpectedBucketOwner, "lifecycle")
}

func getBucketLogging(c *call, in *s3.GetBucketLoggingInput) (*s3.GetBucketLoggingOutput, error) {
	v, err := doc[*s3types.BucketLoggingStatus](c, "GetBucketLogging", in.Bucket, in.ExpectedBucketOwner, "logging", nil)
	if err != nil || v == nil {
		return &s3.GetBucketLoggingOutput{}, err
	}
	return &s3.GetBucketLoggingOutput{LoggingEnabled: v.LoggingEnabled}, nil
}

func putBucketLogging(c *call, in *s3.PutBucketLoggingInput) (*s3.PutBucketLoggingOutput, error) {
	return nil, putDoc(c, "PutBucketLogging", in.Bucket, in.ExpectedBucketOwner, "logging", in.BucketLoggingStatus)
}

func getBucketNotification(c *call, in *s3.GetBucketNotificationConfigurationInput) (*s3.GetBucketNotificationConfigurationOutput, error) {
	v, err := doc[*s3types.NotificationConfiguration](c, "GetBucketNotification", in.Bucket, in.ExpectedBucketOwner, "notification", nil)
	if err != nil || v == nil {
		return &s3.GetBucketNotificationConfigurationOutput{}, err
	}
	return &s3.GetBucketNotificationConfigurationOutput{
		EventBridgeConfiguration: v.EventBridgeConfiguration, LambdaFunctionConfigurations: v.LambdaFunctionConfigurations,
		QueueConfigurations: v.QueueConfigurations, TopicConfigurations: v.TopicConfigurations,
	}, nil
}

// putBucketNotification keeps the configuration; S3 names the entries that have no id.
func putBucketNotification(c *call, in *s3.PutBucketNotificationConfigurationInput) (*s3.PutBucketNotificationConfigurationOutput, error) {
	if n := in.NotificationConfiguration; n != nil {
		for i := range n.LambdaFunctionConfigurations {
			c.nameNotification(&n.LambdaFunctionConfigurations[i].Id)
		}
		for i := range n.QueueConfigurations {
			c.nameNotification(&n.QueueConfigurations[i].Id)
		}
		for i := range n.TopicConfigurations {
			c.nameNotification(&n.TopicConfigurations[i].Id)
		}
	}
	return nil, putDoc(c, "PutBucketNotification", in.Bucket, in.ExpectedBucketOwner, "notification", in.NotificationConfiguration)
}

func (c *call) nameNotification(id **string) {
	if *id == nil {
		*id = aws.String(c.id("uuid", "notification"))
	}
}

func getBucketCORS(c *call, in *s3.GetBucketCorsInput) (*s3.GetBucketCorsOutput, error) {
	v, err := doc[*s3types.CORSConfiguration](c, "GetBucketCORS", in.Bucket, in.ExpectedBucketOwner, "cors", fail("NoSuchCORSConfiguration", "The CORS configuration does not exist"))
	if err != nil {
		return nil, err
	}
	return &s3.GetBucketCorsOutput{CORSRules: v.CORSRules}, nil
}

func putBucketCORS(c *call, in *s3.PutBucketCorsInput) (*s3.PutBucketCorsOutput, error) {
	return nil, putDoc(c, "PutBucketCORS", in.Bucket, in.ExpectedBucketOwner, "cors", in.CORSConfiguration)
}

func deleteBucketCORS(c *call, in *s3.DeleteBucketCorsInput) (*s3.DeleteBucketCorsOutput, error) {
	return nil, dropDoc(c, "PutBucketCORS", in.Bucket, in.ExpectedBucketOwner, "cors")
}

// getBucketWebsite finds none: websites cannot be configured here.
func getBucketWebsite(c *call, in *s3.GetBucketWebsiteInput) (*s3.GetBucketWebsiteOutput, error) {
	_, err := doc[*s3types.WebsiteConfiguration](c, "GetBucketWebsite", in.Bucket, in.ExpectedBucketOwner, "website", fail("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"))
	return nil, err
}

// ownerGrants is the only list of grants there is: ACLs are off in every bucket.
func ownerGrants(o *s3types.Owner) []s3types.Grant {
	return []s3types.Grant{{Grantee: &s3types.Grantee{ID: o.ID, Type: s3types.TypeCanonicalUser}, Permission: s3types.PermissionFullControl}}
}

func getBucketACL(c *call, in *s3.GetBucketAclInput) (*s3.GetBucketAclOutput, error) {
	b, err := c.bucket("GetBucketAcl", in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	o := canonicalOwner(c, b.owner)
	return &s3.GetBucketAclOutput{Owner: o, Grants: ownerGrants(o)}, nil
}

func getObjectACL(c *call, in *s3.GetObjectAclInput) (*s3.GetObjectAclOutput, error) {
	b, _, err := c.object("GetObjectAcl", in.Bucket, in.ExpectedBucketOwner, in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	o := canonicalOwner(c, b.owner)
	return &s3.GetObjectAclOutput{Owner: o, Grants: ownerGrants(o)}, nil
}

func noACLs() *apiError {
	return fail("AccessControlListNotSupported", "The bucket does not allow ACLs")
}

func putBucketACL(c *call, in *s3.PutBucketAclInput) (*s3.PutBucketAclOutput, error) {
	if _, err := c.bucket("PutBucketAcl", in.Bucket, in.ExpectedBucketOwner); err != nil {
		return nil, err
	}
	return nil, noACLs()
}

func putObjectACL(c *call, in *s3.PutObjectAclInput) (*s3.PutObjectAclOutput, error) {
	if _, _, err := c.object("PutObjectAcl", in.Bucket, in.ExpectedBucketOwner, in.Key, in.VersionId); err != nil {
		return nil, err
	}
	return nil, noACLs()
}
