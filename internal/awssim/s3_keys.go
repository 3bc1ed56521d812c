package awssim

import (
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// withObjectKey asks whether the caller may use the KMS key that an object is encrypted with: S3
// calls KMS in the caller's name, so that whoever may write or read the object and not use the key
// is refused. A key that the simulated KMS does not have is taken as one that everybody may use:
// S3's own of the account, or one that a test only names. Source: S3 User Guide, "Using server-side
// encryption with AWS KMS keys", Permissions.
func (c *call) withObjectKey(action string, b *s3Bucket, h s3Head, key string) error {
	if !strings.HasPrefix(h.SSE, "aws:kms") || h.KMSKey == "" {
		return nil
	}
	k, err := c.findKey(h.KMSKey)
	if err != nil {
		return nil
	}
	if err := k.usable(); err != nil {
		return &apiError{Code: "KMS.DisabledException", Status: 400, Message: err.Error()}
	}
	about := "arn:aws:s3:::" + b.name
	if !h.BucketKey { // with a bucket key, the bucket is the context
		about += "/" + key
	}
	opts := append(k.authOptions(c, map[string]string{"aws:s3:arn": about}), withCondition("kms:ViaService", "s3."+b.region+".amazonaws.com"))
	if k.granted(c, action, map[string]string{"aws:s3:arn": about}) {
		opts = append(opts, grantedByOther())
	}
	res, err := c.decide("kms:"+action, k.arn, opts...)
	if err != nil || res.Decision == iampolicy.Allow {
		return err
	}
	return c.denied("kms:"+action, k.arn, res)
}
