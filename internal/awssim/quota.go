package awssim

import (
	"strconv"
	"time"
)

// Quotas of the control plane, per account and region: "Lambda quotas", AWS Lambda
// developer guide, and LookupEvents in the CloudTrail API reference. How large a
// burst AWS lets through is not published; here it is one second's worth.

type bucketKey struct{ account, region, class string }

// bucket is a token bucket on the simulated clock.
type bucket struct {
	tokens float64
	last   time.Time
}

// quotaOf is the class that an operation is counted in and its calls a second;
// 0 is no quota.
func quotaOf(service, op string) (class string, perSecond float64) {
	switch {
	case service == "cloudtrail" && op == "LookupEvents":
		return "LookupEvents", 2
	case service != "lambda" || op == "Invoke" || op == "InvokeAsync":
		return "", 0
	case op == "GetFunction":
		return "lambda:GetFunction", 100
	case op == "GetPolicy":
		return "lambda:GetPolicy", 15
	}
	return "lambda:other", 15
}

// throttled is the error of a caller who is too fast, or nil.
func (k *call) throttled() *apiError {
	service, op := k.op.service, k.op.name
	class, rate := quotaOf(service, op)
	if !k.cfg.Quotas || class == "" {
		return nil
	}
	if k.take(bucketKey{k.accountID, k.region, class}, rate) {
		return nil
	}
	return rateExceeded(service)
}

// rateExceeded is how a service says that its caller is too fast: in a code of its own, or
// else in that of its protocol's common errors.
func rateExceeded(service string) *apiError {
	switch service {
	case "lambda":
		return &apiError{Code: "TooManyRequestsException", Message: "Rate exceeded",
			Fields: map[string]any{"Reason": "CallerRateLimitExceeded", "retryAfterSeconds": strconv.Itoa(1)}}
	case "apigateway", "apigatewayv2":
		return &apiError{Code: "TooManyRequestsException", Message: "Too Many Requests", Status: 429}
	case "ec2":
		return &apiError{Code: "RequestLimitExceeded", Message: "Request limit exceeded.", Status: 503}
	case "s3":
		return &apiError{Code: "SlowDown", Message: "Please reduce your request rate.", Status: 503}
	case "iam", "sts", "elbv2", "cloudfront":
		return &apiError{Code: "Throttling", Message: "Rate exceeded", Status: 400}
	}
	return &apiError{Code: "ThrottlingException", Message: "Rate exceeded", Status: 400}
}

func (k *call) take(key bucketKey, rate float64) bool {
	if k.core.buckets == nil {
		k.core.buckets = map[bucketKey]*bucket{}
	}
	b := k.core.buckets[key]
	if b == nil {
		b = &bucket{tokens: rate, last: k.now}
		k.core.buckets[key] = b
	}
	if passed := k.now.Sub(b.last).Seconds(); passed > 0 {
		b.tokens = min(rate, b.tokens+passed*rate)
	}
	b.last = k.now // also when the clock was set back
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
