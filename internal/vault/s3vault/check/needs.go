package check

import (
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// Needs are the calls that Run makes with these inputs (of which only Bucket, Prefix
// and Live count), all on what is ours. Names of IAM actions: Service Authorization
// Reference, "Actions defined by Amazon S3"; several differ from the calls'.
func Needs(in Inputs) []awsapi.Need {
	bucket := "arn:aws:s3:::" + in.Bucket
	read := func(call, action, resource, when string) awsapi.Need {
		return awsapi.Need{Call: call, IAM: []awsapi.Grant{{Action: action, Resource: resource}}, When: when, Class: awsapi.Vault}
	}
	const kmsOn, notLogged = "the bucket is encrypted with SSE-KMS", "server access logging is off"
	needs := []awsapi.Need{
		read("S3:HeadBucket", "s3:ListBucket", bucket, ""),
		read("S3:GetBucketVersioning", "s3:GetBucketVersioning", bucket, ""),
		read("S3:GetObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration", bucket, ""),
		read("S3:GetBucketOwnershipControls", "s3:GetBucketOwnershipControls", bucket, ""),
		read("S3:GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock", bucket, ""),
		read("S3:GetBucketPolicy", "s3:GetBucketPolicy", bucket, ""),
		read("S3:GetBucketEncryption", "s3:GetEncryptionConfiguration", bucket, ""),
		read("KMS:DescribeKey", "kms:DescribeKey", "key ARN", kmsOn),
		read("S3:GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration", bucket, ""),
		read("S3:GetBucketReplication", "s3:GetReplicationConfiguration", bucket, ""),
		read("S3:GetBucketLogging", "s3:GetBucketLogging", bucket, ""),
		read("CloudTrail:DescribeTrails", "cloudtrail:DescribeTrails", "*", notLogged),
		read("CloudTrail:GetEventSelectors", "cloudtrail:GetEventSelectors", "trail ARN", notLogged),
		read("CloudTrail:GetTrailStatus", "cloudtrail:GetTrailStatus", "trail ARN", notLogged),
	}
	if in.Live {
		needs = append(needs, liveNeeds(bucket+"/"+keyPrefix(in.Prefix)+canaryName+"*")...)
	}
	return needs
}

// liveNeeds: the guard hears from Mutates that a write is not repeated blindly.
func liveNeeds(canaries string) []awsapi.Need {
	on := func(actions ...string) []awsapi.Grant {
		var out []awsapi.Grant
		for _, a := range actions {
			out = append(out, awsapi.Grant{Action: a, Resource: canaries})
		}
		return out
	}
	key := func(action string) awsapi.Grant { return awsapi.Grant{Action: action, Resource: "key ARN"} }
	const when = "with --live"
	return []awsapi.Need{
		{Call: "S3:PutObject", IAM: append(on("s3:PutObject"), key("kms:GenerateDataKey")), When: when, Mutates: true, Class: awsapi.Vault},
		{Call: "S3:HeadObject", IAM: append(on("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention"), key("kms:Decrypt")), When: when, Class: awsapi.Vault},
		{Call: "S3:DeleteObject", IAM: on("s3:DeleteObjectVersion"), When: when + ", of the canary's version, to be refused", Mutates: true, Class: awsapi.Vault},
	}
}

// actions are what one call wants the caller to be allowed.
func (p *probe) actions(call string) []string {
	var out []string
	for _, n := range Needs(p.in) {
		if n.Call != call {
			continue
		}
		for _, g := range n.IAM {
			out = append(out, g.Action)
		}
	}
	return out
}
