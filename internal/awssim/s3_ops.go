package awssim

// s3Ops are the operations of S3 that are simulated.
func s3Ops() []operation { return append(s3ObjectOps(), s3DocumentOps()...) }

// s3ObjectOps are those of buckets, objects and locks.
func s3ObjectOps() []operation {
	return []operation{
		op("s3", "CreateBucket", createBucket),
		op("s3", "HeadBucket", headBucket),
		op("s3", "DeleteBucket", deleteBucket),
		op("s3", "ListBuckets", listBuckets),
		op("s3", "GetBucketLocation", getBucketLocation),
		op("s3", "PutObject", putS3Object),
		op("s3", "GetObject", getS3Object),
		op("s3", "HeadObject", headS3Object),
		op("s3", "DeleteObject", deleteObject),
		op("s3", "DeleteObjects", deleteObjects),
		op("s3", "ListObjects", listObjects),
		op("s3", "ListObjectsV2", listObjectsV2),
		op("s3", "ListObjectVersions", listObjectVersions),
		op("s3", "GetObjectLockConfiguration", getObjectLockConfiguration),
		op("s3", "PutObjectLockConfiguration", putObjectLockConfiguration),
		op("s3", "GetObjectRetention", getObjectRetention),
		op("s3", "PutObjectRetention", putObjectRetention),
		op("s3", "GetObjectLegalHold", getObjectLegalHold),
		op("s3", "PutObjectLegalHold", putObjectLegalHold),
		op("s3", "CreateMultipartUpload", createMultipartUpload),
		op("s3", "UploadPart", uploadPart),
		op("s3", "CompleteMultipartUpload", completeMultipartUpload),
		op("s3", "AbortMultipartUpload", abortMultipartUpload),
		op("s3", "ListParts", listParts),
		op("s3", "ListMultipartUploads", listMultipartUploads),
		op("s3", "CopyObject", copyObject),
	}
}

// s3DocumentOps are those of the documents that hang on buckets and objects.
func s3DocumentOps() []operation {
	return []operation{
		op("s3", "GetBucketPolicy", getBucketPolicy),
		op("s3", "PutBucketPolicy", putBucketPolicy),
		op("s3", "DeleteBucketPolicy", deleteBucketPolicy),
		op("s3", "GetBucketPolicyStatus", getBucketPolicyStatus),
		op("s3", "GetBucketVersioning", getBucketVersioning),
		op("s3", "PutBucketVersioning", putBucketVersioning),
		op("s3", "GetBucketTagging", getBucketTagging),
		op("s3", "PutBucketTagging", putBucketTagging),
		op("s3", "DeleteBucketTagging", deleteBucketTagging),
		op("s3", "GetObjectTagging", getObjectTagging),
		op("s3", "PutObjectTagging", putObjectTagging),
		op("s3", "DeleteObjectTagging", deleteObjectTagging),
		op("s3", "GetPublicAccessBlock", getPublicAccessBlock),
		op("s3", "PutPublicAccessBlock", putPublicAccessBlock),
		op("s3", "DeletePublicAccessBlock", deletePublicAccessBlock),
		op("s3", "GetBucketOwnershipControls", getBucketOwnershipControls),
		op("s3", "PutBucketOwnershipControls", putBucketOwnershipControls),
		op("s3", "DeleteBucketOwnershipControls", deleteBucketOwnershipControls),
		op("s3", "GetBucketReplication", getBucketReplication),
		op("s3", "PutBucketReplication", putBucketReplication),
		op("s3", "DeleteBucketReplication", deleteBucketReplication),
		op("s3", "GetBucketEncryption", getBucketEncryption),
		op("s3", "PutBucketEncryption", putBucketEncryption),
		op("s3", "DeleteBucketEncryption", deleteBucketEncryption),
		op("s3", "GetBucketLifecycleConfiguration", getBucketLifecycle),
		op("s3", "PutBucketLifecycleConfiguration", putBucketLifecycle),
		op("s3", "DeleteBucketLifecycle", deleteBucketLifecycle),
		op("s3", "GetBucketLogging", getBucketLogging),
		op("s3", "PutBucketLogging", putBucketLogging),
		op("s3", "GetBucketNotificationConfiguration", getBucketNotification),
		op("s3", "PutBucketNotificationConfiguration", putBucketNotification),
		op("s3", "GetBucketCors", getBucketCORS),
		op("s3", "PutBucketCors", putBucketCORS),
		op("s3", "DeleteBucketCors", deleteBucketCORS),
		op("s3", "GetBucketWebsite", getBucketWebsite),
		op("s3", "GetBucketAcl", getBucketACL),
		op("s3", "PutBucketAcl", putBucketACL),
		op("s3", "GetObjectAcl", getObjectACL),
		op("s3", "PutObjectAcl", putObjectACL),
	}
}
