package awssim

import (
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// s3LockAsk is what a write asks of Object Lock, in headers.
type s3LockAsk struct {
	mode  string
	until *time.Time
	hold  string
}

// conditions are the context keys that policies hold locks against.
func (a s3LockAsk) conditions(now time.Time) []authOption {
	var out []authOption
	if a.mode != "" {
		out = append(out, withCondition("s3:object-lock-mode", a.mode))
	}
	if a.until != nil {
		days := int(a.until.Sub(now).Hours() / 24)
		out = append(out, withCondition("s3:object-lock-retain-until-date", a.until.UTC().Format(time.RFC3339)),
			withCondition("s3:object-lock-remaining-retention-days", strconv.Itoa(days)))
	}
	if a.hold != "" {
		out = append(out, withCondition("s3:object-lock-legal-hold", a.hold))
	}
	return out
}

func invalidArgument(format string, args ...any) *apiError {
	e := fail("InvalidArgument", format, args...)
	e.Status = 400
	return e
}

// lockFor is the lock of a new version: what is asked, else the bucket's default.
func (b *s3Bucket) lockFor(now time.Time, a s3LockAsk) (s3Lock, error) {
	asked := a.mode != "" || a.until != nil
	switch {
	case (asked || a.hold != "") && !b.lock:
		return s3Lock{}, s3BadRequest("Bucket is missing Object Lock Configuration")
	case (a.mode == "") != (a.until == nil):
		return s3Lock{}, invalidArgument("x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied")
	case asked && !a.until.After(now):
		return s3Lock{}, invalidArgument("The retain until date must be in the future!")
	}
	l := s3Lock{hold: a.hold == "ON", held: a.hold != ""}
	if asked {
		l.mode, l.until = a.mode, a.until.UTC()
		return l, nil
	}
	if b.retain.mode != "" {
		l.mode = b.retain.mode
		l.until = now.AddDate(int(b.retain.years), 0, int(b.retain.days)).Truncate(time.Millisecond)
	}
	return l, nil
}

// s3ShownLock is a version's lock as an answer tells it.
type s3ShownLock struct {
	mode  string
	until *time.Time
	hold  s3types.ObjectLockLegalHoldStatus
}

// shownLock tells only what the caller may read.
func (c *call) shownLock(b *s3Bucket, v *s3Version) s3ShownLock {
	var out s3ShownLock
	arn := bucketARN(b.name) + "/" + v.key
	if v.lock.mode != "" && c.allowed("s3:GetObjectRetention", arn, withResourcePolicy(b.policy, b.owner)) {
		out.mode, out.until = v.lock.mode, aws.Time(v.lock.until)
	}
	if v.lock.held && c.allowed("s3:GetObjectLegalHold", arn, withResourcePolicy(b.policy, b.owner)) {
		out.hold = v.lock.status()
	}
	return out
}

func getObjectLockConfiguration(c *call, in *s3.GetObjectLockConfigurationInput) (*s3.GetObjectLockConfigurationOutput, error) {
	b, err := c.bucket("GetBucketObjectLockConfiguration", in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if !b.lock {
		return nil, &apiError{Code: "ObjectLockConfigurationNotFoundError", Status: 404, Message: "Object Lock configuration does not exist for this bucket", Fields: map[string]any{"BucketName": b.name}}
	}
	conf := &s3types.ObjectLockConfiguration{ObjectLockEnabled: s3types.ObjectLockEnabledEnabled}
	if b.retain.mode != "" {
		d := &s3types.DefaultRetention{Mode: s3types.ObjectLockRetentionMode(b.retain.mode)}
		if b.retain.days > 0 {
			d.Days = aws.Int32(b.retain.days)
		} else {
			d.Years = aws.Int32(b.retain.years)
		}
		conf.Rule = &s3types.ObjectLockRule{DefaultRetention: d}
	}
	return &s3.GetObjectLockConfigurationOutput{ObjectLockConfiguration: conf}, nil
}

func putObjectLockConfiguration(c *call, in *s3.PutObjectLockConfigurationInput) (*s3.PutObjectLockConfigurationOutput, error) {
	b, err := c.bucket("PutBucketObjectLockConfiguration", in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	conf := in.ObjectLockConfiguration
	if conf == nil || conf.ObjectLockEnabled != s3types.ObjectLockEnabledEnabled {
		return nil, malformedXML()
	}
	if b.versioning != "Enabled" {
		return nil, &apiError{Code: "InvalidBucketState", Status: 409, Message: "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"}
	}
	var retain s3Default
	if conf.Rule != nil {
		d := conf.Rule.DefaultRetention
		if d == nil || d.Mode == "" || (d.Days == nil) == (d.Years == nil) {
			return nil, malformedXML()
		}
		retain = s3Default{string(d.Mode), aws.ToInt32(d.Days), aws.ToInt32(d.Years)}
		switch {
		case retain.days+retain.years <= 0:
			return nil, invalidArgument("Default retention period must be a positive integer value")
		case retain.days > 36500 || retain.years > 100:
			return nil, invalidArgument("Default retention period too large")
		}
	}
	b.lock, b.retain = true, retain
	return &s3.PutObjectLockConfigurationOutput{}, nil
}

func malformedXML() *apiError {
	return &apiError{Code: "MalformedXML", Status: 400, Message: "The XML you provided was not well-formed or did not validate against our published schema"}
}

// lockable is a version whose lock is read or changed.
func (c *call) lockable(action string, bucket, owner, key, id *string, opts ...authOption) (*s3Version, error) {
	b, err := c.openBucket(bucket, owner)
	if err != nil {
		return nil, err
	}
	if err := namedVersion(id); err != nil {
		return nil, err
	}
	if err := c.allowObject(b, action, aws.ToString(key), opts...); err != nil {
		return nil, err
	}
	if !b.lock {
		return nil, s3BadRequest("Bucket is missing Object Lock Configuration")
	}
	return c.find(b, aws.ToString(key), aws.ToString(id))
}

func noLock() *apiError {
	return &apiError{Code: "NoSuchObjectLockConfiguration", Status: 404, Message: "The specified object does not have a ObjectLock configuration"}
}

func getObjectRetention(c *call, in *s3.GetObjectRetentionInput) (*s3.GetObjectRetentionOutput, error) {
	v, err := c.lockable("GetObjectRetention", in.Bucket, in.ExpectedBucketOwner, in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	if v.lock.mode == "" {
		return nil, noLock()
	}
	return &s3.GetObjectRetentionOutput{Retention: &s3types.ObjectLockRetention{Mode: s3types.ObjectLockRetentionMode(v.lock.mode), RetainUntilDate: aws.Time(v.lock.until)}}, nil
}

func putObjectRetention(c *call, in *s3.PutObjectRetentionInput) (*s3.PutObjectRetentionOutput, error) {
	var ask s3LockAsk
	if in.Retention != nil {
		ask = s3LockAsk{mode: string(in.Retention.Mode), until: in.Retention.RetainUntilDate}
	}
	v, err := c.lockable("PutObjectRetention", in.Bucket, in.ExpectedBucketOwner, in.Key, in.VersionId, ask.conditions(c.now)...)
	if err != nil {
		return nil, err
	}
	switch {
	case (ask.mode == "") != (ask.until == nil):
		return nil, malformedXML()
	case ask.until != nil && !ask.until.After(c.now):
		return nil, invalidArgument("The retain until date must be in the future!")
	case v.lock.weakens(c.now, ask) && !c.bypasses(in.Bucket, v, in.BypassGovernanceRetention):
		return nil, s3Locked()
	}
	v.lock.mode, v.lock.until = ask.mode, time.Time{}
	if ask.until != nil {
		v.lock.until = ask.until.UTC()
	}
	return &s3.PutObjectRetentionOutput{}, nil
}

// weakens says that ask would let the version go sooner, or by more people.
func (l s3Lock) weakens(now time.Time, ask s3LockAsk) bool {
	if l.mode == "" || !now.Before(l.until) {
		return false
	}
	return ask.until == nil || ask.until.Before(l.until) || l.mode == "COMPLIANCE" && ask.mode != l.mode
}

// bypasses says that the caller asked to go around governance, and may.
func (c *call) bypasses(bucket *string, v *s3Version, asked *bool) bool {
	b := c.s3.buckets[aws.ToString(bucket)]
	return v.lock.mode == "GOVERNANCE" && aws.ToBool(asked) &&
		c.allowed("s3:BypassGovernanceRetention", bucketARN(b.name)+"/"+v.key, withResourcePolicy(b.policy, b.owner))
}

func s3Locked() *apiError { return s3Denied("Access Denied because object protected by object lock.") }

func getObjectLegalHold(c *call, in *s3.GetObjectLegalHoldInput) (*s3.GetObjectLegalHoldOutput, error) {
	v, err := c.lockable("GetObjectLegalHold", in.Bucket, in.ExpectedBucketOwner, in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	if !v.lock.held {
		return nil, noLock()
	}
	return &s3.GetObjectLegalHoldOutput{LegalHold: &s3types.ObjectLockLegalHold{Status: v.lock.status()}}, nil
}

// status is a legal hold as answers name it.
func (l s3Lock) status() s3types.ObjectLockLegalHoldStatus {
	if l.hold {
		return s3types.ObjectLockLegalHoldStatusOn
	}
	return s3types.ObjectLockLegalHoldStatusOff
}

func putObjectLegalHold(c *call, in *s3.PutObjectLegalHoldInput) (*s3.PutObjectLegalHoldOutput, error) {
	v, err := c.lockable("PutObjectLegalHold", in.Bucket, in.ExpectedBucketOwner, in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	if in.LegalHold == nil || in.LegalHold.Status == "" {
		return nil, malformedXML()
	}
	v.lock.held, v.lock.hold = true, in.LegalHold.Status == s3types.ObjectLockLegalHoldStatusOn
	return &s3.PutObjectLegalHoldOutput{}, nil
}
