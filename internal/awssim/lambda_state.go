package awssim

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// lambdaState is Lambda in one account and region.
type lambdaState struct {
	functions map[string]*function
	mappings  map[string]*mapping       // by UUID
	layers    map[string]*layer         // by name
	signing   map[string]*signingConfig // by ARN
	blobs     map[string][]byte         // packages by base64 SHA-256: versions share them
	settings  int32                     // concurrency of the account
}

func newLambdaState() *lambdaState {
	return &lambdaState{
		functions: map[string]*function{}, mappings: map[string]*mapping{}, layers: map[string]*layer{},
		signing: map[string]*signingConfig{}, blobs: map[string][]byte{}, settings: 1000,
	}
}

// function is one function with everything that hangs on it.
type function struct {
	name, arn   string
	latest      *version
	published   []*version // ascending
	next        int        // number of the next version
	aliases     map[string]*lt.AliasConfiguration
	policies    map[string]*functionPolicy // "", alias, version
	urls        map[string]*functionURL    // "", alias
	invokes     map[string]*invokeConfig   // $LATEST, alias, version
	reserved    *int32                     // nil is unset, which is not 0
	provisioned map[string]*provisioned    // alias, version
	runtimes    map[string]*runtimeConfig  // $LATEST, version
	recursion   lt.RecursiveLoop
	signing     string // ARN of the code signing configuration
	tags        map[string]string
	lost        int // asynchronous events that went nowhere
}

// version is $LATEST or a published version. Config holds what does not depend on time.
type version struct {
	number  string
	config  lt.FunctionConfiguration
	code    lt.FunctionCodeLocation // image or S3 reference; empty for a package of ours
	changed time.Time               // of the last change: Settle counts from here
	created bool                    // the last change was the creation
}

// view is the configuration as Get shows it now.
func (v *version) view(now time.Time, settle time.Duration) *lt.FunctionConfiguration {
	out := v.config
	out.State, out.LastUpdateStatus = lt.StateActive, lt.LastUpdateStatusSuccessful
	if v.busy(now, settle) {
		if v.created {
			out.State, out.StateReason, out.StateReasonCode = lt.StatePending, aws.String("The function is being created."), lt.StateReasonCodeCreating
			out.LastUpdateStatus = "" // real records of creations and publications have none
		} else {
			out.LastUpdateStatus = lt.LastUpdateStatusInProgress
		}
	}
	return &out
}

func (v *version) busy(now time.Time, settle time.Duration) bool {
	return now.Before(v.changed.Add(settle))
}

// listed is the configuration as lists show it: without State* and LastUpdate*.
func (v *version) listed() lt.FunctionConfiguration {
	out := v.config
	out.State, out.LastUpdateStatus = "", ""
	return out
}

// like makes a T from the fields that it shares with src, by name and type: AWS's
// outputs repeat one shape under many names.
func like[T any](src any) *T {
	out := new(T)
	copyFields(reflect.ValueOf(out).Elem(), reflect.Indirect(reflect.ValueOf(src)), true)
	return out
}

// overlay sets what src says and leaves the rest.
func overlay(dst, src any) {
	copyFields(reflect.ValueOf(dst).Elem(), reflect.Indirect(reflect.ValueOf(src)), false)
}

func copyFields(dst, src reflect.Value, zeros bool) {
	for i := range dst.NumField() {
		f := dst.Type().Field(i)
		if !f.IsExported() || f.Name == "ResultMetadata" {
			continue
		}
		s := src.FieldByName(f.Name)
		if s.IsValid() && s.Type() == f.Type && (zeros || !s.IsZero()) {
			dst.Field(i).Set(s)
		}
	}
}

// target is a function named in a call, with what its qualifier resolves to.
type lambdaTarget struct {
	state           *lambdaState
	account, region string
	name, arn       string // unqualified
	qualifier       string // as given, in the name or beside it; "" is none
	fn              *function
}

// qualified is the ARN with its qualifier.
func (t *lambdaTarget) qualified() string {
	if t.qualifier == "" {
		return t.arn
	}
	return t.arn + ":" + t.qualifier
}

// target reads a function name, partial or full ARN, and a qualifier.
func (c *call) target(name, qualifier *string) *lambdaTarget {
	t := &lambdaTarget{account: c.accountID, region: c.region, qualifier: aws.ToString(qualifier)}
	rest := strings.Split(aws.ToString(name), ":")
	switch {
	case len(rest) >= 7 && rest[0] == "arn":
		t.region, t.account, rest = rest[3], rest[4], rest[6:]
	case len(rest) >= 3 && rest[1] == "function":
		t.account, rest = rest[0], rest[2:]
	}
	t.name = rest[0]
	if len(rest) > 1 && t.qualifier == "" {
		t.qualifier = rest[1]
	}
	t.arn = arnOf("lambda", t.region, t.account, "function:"+t.name)
	t.state = c.lambda.at(t.account, t.region, newLambdaState)
	t.fn = t.state.functions[t.name]
	return t
}

// may asks for permission on the target, with the policy of its qualifier.
func (c *call) may(action string, t *lambdaTarget, opts ...authOption) error {
	c.trail.resources = []trailResource{{t.arn, "AWS::Lambda::Function"}}
	doc := ""
	if t.fn != nil {
		if p := t.fn.policies[t.qualifier]; p != nil {
			doc = p.document.String()
		}
	}
	return c.allow("lambda:"+action, t.qualified(), append(opts, withResourcePolicy(doc, t.account))...)
}

// function finds a function that the caller may act on.
func (c *call) function(action string, name, qualifier *string) (*lambdaTarget, error) {
	t := c.target(name, qualifier)
	if err := c.may(action, t); err != nil {
		return nil, err
	}
	if t.fn == nil {
		return nil, notFound(t.qualified())
	}
	return t, nil
}

func notFound(arn string) error {
	return &apiError{Code: "ResourceNotFoundException", Message: "Function not found: " + arn, Fields: map[string]any{"Type": "User"}}
}

func none() error {
	return &apiError{Code: "ResourceNotFoundException", Message: "The resource you requested does not exist.", Fields: map[string]any{"Type": "User"}}
}

func invalid(format string, args ...any) error {
	e := fail("InvalidParameterValueException", format, args...)
	e.Fields = map[string]any{"Type": "User"}
	return e
}

func conflict(format string, args ...any) error {
	e := fail("ResourceConflictException", format, args...)
	e.Fields = map[string]any{"Type": "User"}
	return e
}

func stale() error {
	return &apiError{Code: "PreconditionFailedException", Fields: map[string]any{"Type": "User"},
		Message: "The RevisionId provided does not match the latest RevisionId. Call the GetFunction/GetAlias API to retrieve the latest RevisionId"}
}

// version resolves a qualifier: none and $LATEST, a number, an alias.
func (f *function) version(qualifier string) *version {
	if qualifier == "" || qualifier == "$LATEST" {
		return f.latest
	}
	if a := f.aliases[qualifier]; a != nil {
		qualifier = aws.ToString(a.FunctionVersion)
		if qualifier == "$LATEST" {
			return f.latest
		}
	}
	for _, v := range f.published {
		if v.number == qualifier {
			return v
		}
	}
	return nil
}

// resolve finds the version that a target names.
func (t *lambdaTarget) resolve() (*version, error) {
	if v := t.fn.version(t.qualifier); v != nil {
		return v, nil
	}
	return nil, notFound(t.qualified())
}

// exists: an unqualified target, or one whose qualifier is there.
func (t *lambdaTarget) exists() error {
	_, err := t.resolve()
	return err
}

// idle refuses changes while one is under way.
func (c *call) idle(f *function) error {
	if f.latest.busy(c.now, c.cfg.Settle) {
		if f.latest.created {
			return conflict("The operation cannot be performed at this time. The function is currently in the following state: Pending")
		}
		return conflict("The operation cannot be performed at this time. An update is in progress for resource: %s", f.arn)
	}
	return nil
}

// touch gives $LATEST a new revision.
func (c *call) touch(f *function) {
	f.latest.changed, f.latest.created = c.now, false
	f.latest.config.LastModified = aws.String(lambdaTime(c.now))
	f.latest.config.RevisionId = aws.String(c.id("uuid"))
}

// lambdaTime is how Lambda writes times.
func lambdaTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000+0000") }

func sortedFunctions(m map[string]*function) []*function {
	var out []*function
	for _, n := range sortedNames(m) {
		out = append(out, m[n])
	}
	return out
}

func itoa[N ~int | ~int32 | ~int64](n N) string { return strconv.FormatInt(int64(n), 10) }

// byQualifier sorts $LATEST first, then as text.
func byQualifier(a, b string) int {
	if a == b {
		return 0
	}
	if a == "$LATEST" || b != "$LATEST" && a < b {
		return -1
	}
	return 1
}

func qualifiersOf[V any](m map[string]V) []string {
	out := sortedNames(m)
	slices.SortStableFunc(out, byQualifier)
	return out
}
