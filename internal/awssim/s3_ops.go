package awssim

// s3Ops are the operations of S3 that are simulated.
func s3Ops() []operation {
	return []operation{
		op("s3", "CreateBucket", createBucket), op("s3", "HeadBucket", headBucket), op("s3", "DeleteBucket", deleteBucket),
		op("s3", "ListBuckets", listBuckets), op("s3", "GetBucketLocation", getBucketLocation),
		op("s3", "PutObject", putS3Object), op("s3", "GetObject", getS3Object), op("s3", "HeadObject", headS3Object),
		op("s3", "GetObjectLockConfiguration", getObjectLockConfiguration), op("s3", "PutObjectLockConfiguration", putObjectLockConfiguration),
		op("s3", "GetObjectRetention", getObjectRetention), op("s3", "PutObjectRetention", putObjectRetention),
		op("s3", "GetObjectLegalHold", getObjectLegalHold), op("s3", "PutObjectLegalHold", putObjectLegalHold),
	}
}
