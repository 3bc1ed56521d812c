package awssim

import (
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func bucketARN(name string) string { return "arn:aws:s3:::" + name }

// bucket finds a bucket that the caller may do action on. S3 tells anyone who is
// signed in that a bucket does not exist.
func (c *call) bucket(action string, name, owner *string, opts ...authOption) (*s3Bucket, error) {
	b, err := c.openBucket(name, owner)
	if err != nil {
		return nil, err
	}
	opts = append(opts, withResourcePolicy(b.policy, b.owner))
	return b, c.allow("s3:"+action, bucketARN(b.name), opts...)
}

// openBucket is bucket without the question: for operations on its objects.
func (c *call) openBucket(name, owner *string) (*s3Bucket, error) {
	b := c.s3.buckets[aws.ToString(name)]
	switch {
	case b == nil:
		return nil, noSuchBucket(aws.ToString(name))
	case owner != nil && *owner != b.owner:
		return nil, s3Denied("Access Denied")
	case b.region != c.region:
		return nil, &apiError{Code: "PermanentRedirect", Status: 301, Headers: map[string]string{"X-Amz-Bucket-Region": b.region},
			Message: "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.",
			Fields:  map[string]any{"Bucket": b.name, "Endpoint": b.name + ".s3." + b.region + ".amazonaws.com"}}
	}
	return b, nil
}

func s3Denied(message string) *apiError {
	return &apiError{Code: "AccessDenied", Message: message, Status: 403}
}

func s3BadRequest(message string) *apiError {
	return &apiError{Code: "InvalidRequest", Message: message, Status: 400}
}

// allowObject asks for action on one object of b.
func (c *call) allowObject(b *s3Bucket, action, key string, opts ...authOption) error {
	return c.allow("s3:"+action, bucketARN(b.name)+"/"+key, append(opts, withResourcePolicy(b.policy, b.owner))...)
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func validBucketName(name string) bool {
	return bucketName.MatchString(name) && !strings.Contains(name, "..") && net.ParseIP(name) == nil &&
		!strings.HasPrefix(name, "xn--") && !strings.HasSuffix(name, "-s3alias")
}

func createBucket(c *call, in *s3.CreateBucketInput) (*s3.CreateBucketOutput, error) {
	name := aws.ToString(in.Bucket)
	if err := c.allowCreate(name, in); err != nil {
		return nil, err
	}
	if !validBucketName(name) {
		return nil, &apiError{Code: "InvalidBucketName", Status: 400, Message: "The specified bucket is not valid.", Fields: map[string]any{"BucketName": name}}
	}
	region, err := c.placement(in.CreateBucketConfiguration)
	if err != nil {
		return nil, err
	}
	if b := c.s3.buckets[name]; b != nil {
		return c.bucketExists(b)
	}
	b := &s3Bucket{name: name, owner: c.accountID, region: region, created: c.now, docs: map[string]any{}, objects: map[string][]*s3Version{}, uploads: map[string]*s3Upload{}}
	if aws.ToBool(in.ObjectLockEnabledForBucket) {
		b.lock, b.versioning = true, "Enabled"
	}
	b.defaults(in.ObjectOwnership)
	if c.s3.buckets == nil {
		c.s3.buckets = map[string]*s3Bucket{}
	}
	c.s3.buckets[name] = b
	return &s3.CreateBucketOutput{Location: aws.String("/" + name), BucketArn: aws.String(bucketARN(name))}, nil
}

// allowCreate asks for all that a bucket like this needs ("Permissions" of CreateBucket).
func (c *call) allowCreate(name string, in *s3.CreateBucketInput) error {
	actions := []string{"CreateBucket"}
	if aws.ToBool(in.ObjectLockEnabledForBucket) {
		actions = append(actions, "PutBucketObjectLockConfiguration", "PutBucketVersioning")
	}
	if in.ObjectOwnership != "" {
		actions = append(actions, "PutBucketOwnershipControls")
	}
	for _, a := range actions {
		if err := c.allow("s3:"+a, bucketARN(name), withResourcePolicy("", c.accountID)); err != nil {
			return err
		}
	}
	return nil
}

// placement is the region that a new bucket goes to.
func (c *call) placement(conf *s3types.CreateBucketConfiguration) (string, error) {
	want := ""
	if conf != nil {
		want = string(conf.LocationConstraint)
	}
	switch {
	case want == "" && c.region == "us-east-1":
		return c.region, nil
	case want == "":
		return "", &apiError{Code: "IllegalLocationConstraintException", Status: 400, Message: "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to."}
	case want == "EU":
		return "eu-west-1", nil
	case want != c.region && c.region != "us-east-1":
		return "", &apiError{Code: "IllegalLocationConstraintException", Status: 400, Message: "The " + want + " location constraint is incompatible for the region specific endpoint this request was sent to."}
	}
	return want, nil
}

// bucketExists answers to a name that is taken. In us-east-1 making one's own
// bucket again is no error, for compatibility with the oldest clients.
func (c *call) bucketExists(b *s3Bucket) (*s3.CreateBucketOutput, error) {
	fields := map[string]any{"BucketName": b.name}
	switch {
	case b.owner != c.accountID:
		return nil, &apiError{Code: "BucketAlreadyExists", Status: 409, Fields: fields, Message: "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again."}
	case b.region == "us-east-1" && c.region == "us-east-1":
		return &s3.CreateBucketOutput{Location: aws.String("/" + b.name), BucketArn: aws.String(bucketARN(b.name))}, nil
	}
	return nil, &apiError{Code: "BucketAlreadyOwnedByYou", Status: 409, Fields: fields, Message: "Your previous request to create the named bucket succeeded and you already own it."}
}

// defaults are what S3 gives every bucket since April 2023.
func (b *s3Bucket) defaults(ownership s3types.ObjectOwnership) {
	if ownership == "" {
		ownership = s3types.ObjectOwnershipBucketOwnerEnforced
	}
	yes := aws.Bool(true)
	b.docs["ownership"] = &s3types.OwnershipControls{Rules: []s3types.OwnershipControlsRule{{ObjectOwnership: ownership}}}
	b.docs["publicAccessBlock"] = &s3types.PublicAccessBlockConfiguration{BlockPublicAcls: yes, BlockPublicPolicy: yes, IgnorePublicAcls: yes, RestrictPublicBuckets: yes}
	b.docs["encryption"] = plainEncryption()
}

func plainEncryption() *s3types.ServerSideEncryptionConfiguration {
	return &s3types.ServerSideEncryptionConfiguration{Rules: []s3types.ServerSideEncryptionRule{{
		ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryptionAes256},
		BucketKeyEnabled:                   aws.Bool(false),
	}}}
}

func headBucket(c *call, in *s3.HeadBucketInput) (*s3.HeadBucketOutput, error) {
	b, err := c.bucket("ListBucket", in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	return &s3.HeadBucketOutput{BucketRegion: aws.String(b.region), BucketArn: aws.String(bucketARN(b.name)), AccessPointAlias: aws.Bool(false)}, nil
}

func deleteBucket(c *call, in *s3.DeleteBucketInput) (*s3.DeleteBucketOutput, error) {
	b, err := c.bucket("DeleteBucket", in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if len(b.objects) > 0 {
		message := "The bucket you tried to delete is not empty"
		if b.versioning != "" {
			message += ". You must delete all versions in the bucket."
		}
		return nil, &apiError{Code: "BucketNotEmpty", Status: 409, Message: message, Fields: map[string]any{"BucketName": b.name}}
	}
	delete(c.s3.buckets, b.name)
	return nil, nil
}

func listBuckets(c *call, in *s3.ListBucketsInput) (*s3.ListBucketsOutput, error) {
	if err := c.allow("s3:ListAllMyBuckets", "*"); err != nil {
		return nil, err
	}
	out := &s3.ListBucketsOutput{Owner: canonicalOwner(c, c.accountID), Prefix: in.Prefix, Buckets: []s3types.Bucket{}}
	var mine []s3types.Bucket
	for _, name := range slices.Sorted(maps.Keys(c.s3.buckets)) {
		b := c.s3.buckets[name]
		if b.owner != c.accountID || !strings.HasPrefix(name, aws.ToString(in.Prefix)) || in.BucketRegion != nil && *in.BucketRegion != b.region {
			continue
		}
		mine = append(mine, s3types.Bucket{Name: aws.String(name), CreationDate: aws.Time(b.created), BucketRegion: aws.String(b.region), BucketArn: aws.String(bucketARN(name))})
	}
	page, next, err := paginate(mine, in.ContinuationToken, in.MaxBuckets, 10000)
	out.Buckets, out.ContinuationToken = page, next
	return out, err
}

// canonicalOwner is an account as S3 names it: by canonical user id.
func canonicalOwner(c *call, account string) *s3types.Owner {
	return &s3types.Owner{ID: aws.String(c.idFrom("hex:64", "canonical user", account))}
}

func getBucketLocation(c *call, in *s3.GetBucketLocationInput) (*s3.GetBucketLocationOutput, error) {
	b, err := c.bucket("GetBucketLocation", in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	out := &s3.GetBucketLocationOutput{}
	if b.region != "us-east-1" { // which has no constraint
		out.LocationConstraint = s3types.BucketLocationConstraint(b.region)
	}
	return out, nil
}
