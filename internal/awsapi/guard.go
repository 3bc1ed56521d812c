package awsapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

type apiOption = func(*middleware.Stack) error

// RefusedError is a call that the guard did not let out.
type RefusedError struct{ Call, Why string }

func (e *RefusedError) Error() string { return "refused to call " + e.Call + ": " + e.Why }

// IsRefused says whether err is the guard's.
func IsRefused(err error) bool { _, ok := errors.AsType[*RefusedError](err); return ok }

// never are calls that this tool does not make, whatever is declared: they
// destroy evidence, run suspect code, or read secrets.
var never = [...]string{
	"Lambda:DeleteFunction", "Lambda:DeleteLayerVersion", "Lambda:Invoke", "Lambda:InvokeAsync",
	"Lambda:InvokeWithResponseStream", "Lambda:PublishVersion",
	"SecretsManager:GetSecretValue", "SecretsManager:BatchGetSecretValue",
	"SSM:GetParameter", "SSM:GetParameters", "SSM:GetParametersByPath", "SSM:GetParameterHistory",
	"CloudWatchLogs:DeleteLogGroup", "CloudWatchLogs:DeleteLogStream",
	"CloudTrail:StopLogging", "CloudTrail:DeleteTrail",
}

// reading are the verbs with which AWS names calls that change nothing. Some
// calls are named like writes but only read, or start a job that AWS needs for
// a read: those stand in readLike, each with its reason.
var reading = [...]string{"Get", "List", "Describe", "Lookup", "Head", "Filter", "Search", "Simulate", "Test", "BatchGet"}

var readLike = [...]string{
	"CloudTrail:StartQuery",                   // CloudTrail Lake, the only road to its records
	"CloudWatchLogs:StartQuery",               // Logs Insights, the only road into INFREQUENT_ACCESS groups
	"IAM:GenerateServiceLastAccessedDetails",  // the job behind GetServiceLastAccessedDetails
	"STS:AssumeRole", "STS:GetCallerIdentity", // the responder's own session
}

// Mutating says whether the name of a call ("Lambda:AddPermission") is that of
// one that changes something: whatever does not read.
func Mutating(call string) bool {
	for _, c := range readLike {
		if c == call {
			return false
		}
	}
	_, op, _ := strings.Cut(call, ":")
	for _, verb := range reading {
		if strings.HasPrefix(op, verb) {
			return false
		}
	}
	return true
}

// guard is one client's permissions and its record.
type guard struct {
	declared map[string]Need
	readOnly bool
	region   string
	record   Recorder
}

func (g *guard) check(call string) error {
	for _, c := range never {
		if c == call {
			return &RefusedError{call, "this tool never makes it"}
		}
	}
	need, ok := g.declared[call]
	if !ok {
		return &RefusedError{call, "it is not among the declared calls"}
	}
	if Mutating(call) && !need.Mutates && need.class() == Account {
		return &RefusedError{call, "it changes the account and is declared as a read"}
	}
	if g.readOnly && need.class() == Account && (need.Mutates || Mutating(call)) {
		return &RefusedError{call, "it would change the account, and this run only reads"}
	}
	return nil
}

// install puts the guard in front of everything else a client does (presigning
// included) and keeps a write from being repeated blindly.
func (g *guard) install(stack *middleware.Stack) error {
	err := stack.Initialize.Add(middleware.InitializeMiddlewareFunc("FreezeframeGuard", g.initialize), middleware.Before)
	if err != nil {
		return err
	}
	if err := stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("FreezeframeAttempt", attempt), middleware.After); err != nil {
		return err
	}
	if !g.mutates(stack.ID()) {
		return nil
	}
	if _, ok := stack.Finalize.Get("Retry"); !ok {
		return nil // presigning: nothing is sent
	}
	_, err = stack.Finalize.Swap("Retry", retry.NewAttemptMiddleware(writeRetryer(), smithyhttp.RequestCloner))
	return err
}

func (g *guard) mutates(op string) bool {
	for call, n := range g.declared {
		if strings.HasSuffix(call, ":"+op) && n.Mutates {
			return true
		}
	}
	return false
}

type seenKey struct{}

// seen is filled by attempts, from inside out.
type seen struct {
	attempts int
	host     string
	skew     time.Duration
}

func (g *guard) initialize(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	call := callName(ctx)
	if err := g.check(call); err != nil {
		return middleware.InitializeOutput{}, middleware.Metadata{}, err
	}
	s := &seen{}
	x := Exchange{Call: call, Class: g.declared[call].class(), Region: g.region, Started: time.Now().UTC()}
	out, meta, err := next.HandleInitialize(context.WithValue(ctx, seenKey{}, s), in)
	x.Ended, x.Attempts, x.Host, x.Skew = time.Now().UTC(), s.attempts, s.host, s.skew
	x.RequestID, _ = awsmiddleware.GetRequestIDMetadata(meta)
	if err != nil {
		x.Error, x.RequestID = errorName(err), requestID(err, x.RequestID)
	}
	if g.record != nil {
		g.record(x)
	}
	return out, meta, err
}

// attempt counts the tries and reads the answer's Date.
func attempt(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	s, ok := ctx.Value(seenKey{}).(*seen)
	if !ok {
		return next.HandleDeserialize(ctx, in)
	}
	s.attempts++
	if req, ok := in.Request.(*smithyhttp.Request); ok && req.URL != nil {
		s.host = req.URL.Host
	}
	out, meta, err := next.HandleDeserialize(ctx, in)
	if res, ok := out.RawResponse.(*smithyhttp.Response); ok && res != nil && res.Response != nil {
		if res.Body != nil && !streams(callName(ctx)) {
			res.Body = &boundedAnswer{ReadCloser: res.Body, left: maxAnswer}
		}
		if at, perr := time.Parse(time.RFC1123, res.Header.Get("Date")); perr == nil {
			// Date has whole seconds: anything below one is no skew.
			if d := time.Since(at); d > time.Second || d < -time.Second {
				s.skew = d.Truncate(time.Millisecond)
			}
		}
	}
	return out, meta, err
}

// callName is "Lambda:GetFunction": the SDK's service id without spaces.
func callName(ctx context.Context) string {
	return strings.ReplaceAll(middleware.GetServiceID(ctx), " ", "") + ":" + middleware.GetOperationName(ctx)
}

func (n Need) class() Class {
	if n.Class == "" {
		return Account
	}
	return n.Class
}

// readRetryer repeats reads: six tries, no client-wide token bucket (a denied
// or throttled artefact must not use up the tries of another).
func readRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = 6
		o.MaxBackoff = 8 * time.Second
		o.RateLimiter = ratelimit.None
		o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(brokenOff))
	})
}

// brokenOff: an answer whose body ended before its length. The SDK tries again where a
// connection is reset, and takes this for an answer that cannot be read.
func brokenOff(err error) aws.Ternary {
	if _, ok := errors.AsType[*smithy.DeserializationError](err); ok && errors.Is(err, io.ErrUnexpectedEOF) {
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}

// writeRetryer repeats a write only when AWS says that it did not take it: after
// a lost reply the caller re-reads instead.
func writeRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = 6
		o.MaxBackoff = 8 * time.Second
		o.RateLimiter = ratelimit.None
		o.Retryables = []retry.IsErrorRetryable{retry.RetryableErrorCode{Codes: retry.DefaultThrottleErrorCodes}}
	})
}

func errorName(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "canceled"
	default:
		return "connection"
	}
}

func requestID(err error, had string) string {
	if re, ok := errors.AsType[interface {
		error
		ServiceRequestID() string
	}](err); ok && re.ServiceRequestID() != "" {
		return re.ServiceRequestID()
	}
	return had
}

// classify puts the sentinel in front that tells the user what to do.
func classify(err error) error {
	name := errorName(err)
	switch {
	case strings.HasPrefix(name, "ExpiredToken"), name == "RequestExpired":
		return fmt.Errorf("%w: %w", ErrExpired, err)
	case strings.HasPrefix(name, "AccessDenied"): // of a role that is not to be assumed, too: there are credentials
		return err
	case strings.Contains(err.Error(), "get credentials"), strings.Contains(err.Error(), "refresh cached credentials"):
		return fmt.Errorf("%w: %w", ErrNoCredentials, err)
	case name == "connection":
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}
