package awssim

import (
	"cmp"
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
	mappings  map[string]*mapping             // by UUID
	layers    map[string]*layer               // by name
	signing   map[string]*signingConfig       // by ARN
	blobs     map[string][]byte               // packages by base64 SHA-256: versions share them
	made      map[string]*madePackage         // packages of which only the seed is held, likewise
	providers map[string]*lt.CapacityProvider // by name
	settings  int32                           // concurrency of the account
}

func newLambdaState() *lambdaState {
	return &lambdaState{
		functions: map[string]*function{}, mappings: map[string]*mapping{}, layers: map[string]*layer{},
		signing: map[string]*signingConfig{}, blobs: map[string][]byte{}, made: map[string]*madePackage{}, providers: map[string]*lt.CapacityProvider{}, settings: 1000,
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
	scaling     map[string]*lt.FunctionScalingConfig // of versions on a capacity provider
	durable     []*durableExecution                  // in the order of their start
	lost        int                                  // asynchronous events that went nowhere
}

// version is $LATEST or a published version. Config holds what does not depend on time.
type version struct {
	number  string
	config  lt.FunctionConfiguration
	code    lt.FunctionCodeLocation // image or S3 reference; empty for a package of ours
	changed time.Time               // of the last change: Settle counts from here
	created bool                    // the last change was the creation
	settled string                  // RevisionId once the last change has settled; until then it is config's
}

// view is the configuration as Get shows it now.
func (v *version) view(now time.Time, settle time.Duration) *lt.FunctionConfiguration {
	out := v.config
	out.RevisionId = aws.String(v.revision(now, settle))
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

// revision is the RevisionId that a version answers to now: settling changes that of
// $LATEST once more, and leaves that of a published version (LocalStack's
// test_function_revisions_basic and _version_and_alias, which AWS passed).
func (v *version) revision(now time.Time, settle time.Duration) string {
	if v.busy(now, settle) {
		return aws.ToString(v.config.RevisionId)
	}
	return v.settled
}

func (v *version) busy(now time.Time, settle time.Duration) bool {
	return now.Before(v.changed.Add(settle))
}

// listed is the configuration as lists show it: without State*, LastUpdate* and
// RuntimeVersionConfig (AWS: API reference, ListFunctions).
func (c *call) listed(v *version) lt.FunctionConfiguration {
	out := *c.seen(v)
	out.State, out.StateReason, out.StateReasonCode, out.LastUpdateStatus, out.RuntimeVersionConfig = "", nil, "", "", nil
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
	bad             error // why the name cannot be meant; may reports it
}

// qualified is the ARN with its qualifier.
func (t *lambdaTarget) qualified() string {
	if t.qualifier == "" {
		return t.arn
	}
	return t.arn + ":" + t.qualifier
}

// target reads a function name, partial or full ARN, and a qualifier beside it.
func (c *call) target(name, qualifier *string) *lambdaTarget {
	n, beside := parseFunctionName(aws.ToString(name)), aws.ToString(qualifier)
	t := &lambdaTarget{account: cmp.Or(n.account, c.accountID), region: cmp.Or(n.region, c.region), name: n.name, qualifier: cmp.Or(beside, n.qualifier)}
	switch {
	case t.region != c.region:
		t.bad = notThere("Functions from '%s' are not reachable in this region ('%s')", t.region, c.region)
	case beside != "" && n.qualifier != "" && beside != n.qualifier:
		t.bad = invalid("The derived qualifier from the function name does not match the specified qualifier.")
	}
	t.arn = arnOf("lambda", t.region, t.account, "function:"+t.name)
	t.state = c.lambda.at(t.account, t.region, newLambdaState)
	t.fn = t.state.functions[t.name]
	return t
}

// may asks for permission on the target, with the policy of its qualifier.
func (c *call) may(action string, t *lambdaTarget, opts ...authOption) error {
	if t.bad != nil {
		c.authorized = true // AWS reads the name before it asks
		return t.bad
	}
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
	return c.functionOr(nil, action, name, qualifier)
}

// functionOr is function for operations with words of their own for one that is not there.
func (c *call) functionOr(missing error, action string, name, qualifier *string) (*lambdaTarget, error) {
	t := c.target(name, qualifier)
	if err := c.may(action, t); err != nil {
		return nil, err
	}
	switch {
	case t.fn != nil:
		return t, nil
	case missing != nil:
		return nil, missing
	}
	return nil, notFound(t.qualified())
}

// whole finds a function for an operation that knows no qualifiers. The text is that of
// PutFunctionConcurrency; that others use it too is not verified.
func (c *call) whole(action string, name *string) (*lambdaTarget, error) {
	t, err := c.function(action, name, nil)
	if err == nil && t.qualifier != "" {
		return nil, invalid("This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.")
	}
	return t, err
}

// Lambda's refusals carry a Type, which is User where the caller is to blame. The rarer
// texts are those of LocalStack's snapshots of what AWS answered (test_lambda_api.snapshot.json).

func lambdaFail(code, format string, args ...any) error {
	e := fail(code, format, args...)
	e.Fields = map[string]any{"Type": "User"}
	return e
}

func notThere(format string, args ...any) error {
	return lambdaFail("ResourceNotFoundException", format, args...)
}

func notFound(arn string) error { return notThere("Function not found: %s", arn) }

func none() error { return notThere("The resource you requested does not exist.") }

func invalid(format string, args ...any) error {
	return lambdaFail("InvalidParameterValueException", format, args...)
}

func conflict(format string, args ...any) error {
	return lambdaFail("ResourceConflictException", format, args...)
}

func stale() error { return staleOf("GetFunction/GetAlias") }

// staleOf names the calls that tell the latest revision.
func staleOf(calls string) error {
	return lambdaFail("PreconditionFailedException", "The RevisionId provided does not match the latest RevisionId. Call the %s API to retrieve the latest RevisionId", calls)
}

// version resolves a qualifier: none and $LATEST, a number, an alias.
func (f *function) version(qualifier string) *version {
	if a := f.aliases[qualifier]; a != nil {
		qualifier = aws.ToString(a.FunctionVersion)
	}
	return f.numbered(qualifier)
}

// numbered finds $LATEST or a published version, never through an alias.
func (f *function) numbered(number string) *version {
	if number == "" || number == "$LATEST" {
		return f.latest
	}
	for _, v := range f.published {
		if v.number == number {
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
	if t.fn.version(t.qualifier) != nil {
		return nil
	}
	if strings.Trim(t.qualifier, "0123456789") != "" {
		return notThere("Cannot find alias arn: %s", t.qualified())
	}
	return notFound(t.qualified())
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
	c.revise(f.latest)
}

// revise gives a version a new revision: it was changed, or its policy was, or it was published.
func (c *call) revise(v *version) {
	v.settled = c.id("uuid")
	v.config.RevisionId = aws.String(v.settled)
	if v.number == "$LATEST" && v.busy(c.now, c.cfg.Settle) {
		v.settled = c.id("uuid")
	}
}

// ready: no other change is under way, and the function is the one the caller has seen.
func (c *call) ready(f *function, revision *string) error {
	if err := c.idle(f); err != nil {
		return err
	}
	if revision != nil && *revision != f.latest.revision(c.now, c.cfg.Settle) {
		return stale()
	}
	return nil
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
