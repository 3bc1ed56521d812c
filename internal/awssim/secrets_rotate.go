package awssim

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// rotating is a rotation under way: its version waits as AWSPENDING.
type rotating struct {
	version *secretVersion
	begun   time.Time
	stuck   bool // the function could not be called, or failed
}

// rotateSecret sets a rotation up and, unless told not to, begins one. No code runs here: a
// rotation function is taken to do what AWS's templates do, and a function at concurrency 0
// leaves the new version pending, as one does that fails. (AWS: API reference, RotateSecret:
// the caller needs lambda:InvokeFunction on the function; while AWSPENDING is on another
// version than AWSCURRENT, a rotation is in progress and the call is refused; the request's
// token is the new version's id, and a call that repeats it does nothing more.)
func rotateSecret(c *call, in *secretsmanager.RotateSecretInput) (*secretsmanager.RotateSecretOutput, error) {
	s, err := c.secret("RotateSecret", in.SecretId)
	if err != nil {
		return nil, err
	}
	by := orElse(in.RotationLambdaARN, s.about.RotationLambdaARN)
	if by == nil {
		return nil, fail("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
	}
	t := c.target(by, nil)
	if err := c.may("InvokeFunction", t); err != nil {
		return nil, err
	}
	out := &secretsmanager.RotateSecretOutput{ARN: s.about.ARN, Name: s.about.Name}
	if t.fn == nil {
		return nil, fail("ResourceNotFoundException", "Lambda does not exist")
	}
	now := in.RotateImmediately == nil || *in.RotateImmediately
	if token := aws.ToString(in.ClientRequestToken); now && token != "" && slices.ContainsFunc(s.versions, func(v *secretVersion) bool { return v.id == token }) {
		out.VersionId = &token
		return out, nil
	}
	if now && s.rotating != nil {
		return nil, fail("InvalidRequestException", "A previous rotation isn't complete. That rotation will be reattempted.")
	}
	s.about.RotationEnabled, s.about.RotationLambdaARN, s.about.RotationRules = aws.Bool(true), by, orElse(in.RotationRules, s.about.RotationRules)
	if now {
		v := &secretVersion{id: aws.ToString(in.ClientRequestToken), text: aws.String("rotated-" + c.id("uuid", "value of "+*s.about.ARN)), created: c.now, stages: []string{"AWSPENDING"}}
		if v.id == "" {
			v.id = c.id("uuid", *s.about.ARN)
		}
		s.versions = append(s.versions, v)
		s.rotating = &rotating{version: v, begun: c.now, stuck: t.fn.reserved != nil && *t.fn.reserved == 0}
		out.VersionId = &v.id
	}
	return out, nil
}

// rotated ends a rotation whose time has come: the pending version is the current one.
func (c *call) rotated(s *secret) {
	r := s.rotating
	if r == nil || r.stuck || c.now.Before(r.begun.Add(c.cfg.Settle)) {
		return
	}
	s.rotating = nil
	for _, v := range s.versions {
		switch {
		case v == r.version:
			v.stages = []string{"AWSCURRENT", "AWSPENDING"}
		case slices.Contains(v.stages, "AWSCURRENT"):
			v.stages = []string{"AWSPREVIOUS"}
		default:
			v.stages = nil
		}
	}
	done := r.begun.Add(c.cfg.Settle)
	s.about.LastRotatedDate, s.about.LastChangedDate = &done, &done
}
