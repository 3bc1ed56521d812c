package collect

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Target is one function under investigation.
type Target struct {
	Account, Region string
	Function        string // its name
	ARN             string // unqualified
	Qualifier       string // as given by the user, "" if none: noted; all versions are collected anyway
}

// Errors of ResolveTarget that callers branch on.
var (
	ErrNoFunction  = errors.New("no such function")
	ErrBadFunction = errors.New("not a function name or ARN")
	ErrElsewhere   = errors.New("the function is in another account or region")
)

// NoFunctionError wraps ErrNoFunction and names functions with similar names.
type NoFunctionError struct {
	Function, Region string
	Near             []string // at most 5, nearest first
}

func (e *NoFunctionError) Error() string {
	s := fmt.Sprintf("no function %q in %s", e.Function, e.Region)
	if len(e.Near) > 0 {
		s += "; did you mean " + strings.Join(e.Near, ", ") + "?"
	}
	return s
}

// Is makes errors.Is(err, ErrNoFunction) hold.
func (e *NoFunctionError) Is(target error) bool { return target == ErrNoFunction }

// ElsewhereError wraps ErrElsewhere: the ARN names an account or region that is not the session's.
type ElsewhereError struct {
	What, Named, Session string // What: "region" or "account"
}

func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("the ARN names %s %s, the session is in %s", e.What, e.Named, e.Session)
}

// Is makes errors.Is(err, ErrElsewhere) hold.
func (e *ElsewhereError) Is(target error) bool { return target == ErrElsewhere }

// ResolveNeeds are the calls of ResolveTarget.
func ResolveNeeds() []awsapi.Need {
	return []awsapi.Need{
		{Call: "Lambda:GetFunction", IAM: []awsapi.Grant{{Action: "lambda:GetFunction", Resource: "function ARN"}}},
		{Call: "Lambda:ListFunctions", IAM: []awsapi.Grant{{Action: "lambda:ListFunctions", Resource: "*"}}, When: "the function is not found"},
	}
}

var (
	functionName = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`)
	qualifier    = regexp.MustCompile(`^(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]{1,128})$`)
	accountID    = regexp.MustCompile(`^\d{12}$`)
	regionName   = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
	partition    = regexp.MustCompile(`^aws(-[a-z]+)*$`)
)

// ParseTarget reads a function name ("payments", "payments:live"), a partial ARN
// ("123456789012:function:payments") or a full one, with or without a qualifier.
// account and region are the session's; an ARN that names others is an
// *ElsewhereError, anything else ErrBadFunction. An empty account is not compared.
func ParseTarget(account, region, nameOrARN string) (Target, error) {
	bad := fmt.Errorf("%w: %q", ErrBadFunction, nameOrARN)
	part, arnAccount, arnRegion, rest := partitionOf(region), "", "", strings.Split(nameOrARN, ":")
	switch {
	case len(rest) >= 7 && rest[0] == "arn":
		if !partition.MatchString(rest[1]) || rest[2] != "lambda" || rest[5] != "function" || !regionName.MatchString(rest[3]) || !accountID.MatchString(rest[4]) {
			return Target{}, bad
		}
		part, arnRegion, arnAccount, rest = rest[1], rest[3], rest[4], rest[6:]
	case len(rest) >= 3 && rest[1] == "function":
		if !accountID.MatchString(rest[0]) {
			return Target{}, bad
		}
		arnAccount, rest = rest[0], rest[2:]
	}
	if len(rest) > 2 || !functionName.MatchString(rest[0]) || len(rest) == 2 && !qualifier.MatchString(rest[1]) {
		return Target{}, bad
	}
	if arnRegion != "" && arnRegion != region {
		return Target{}, &ElsewhereError{"region", arnRegion, region}
	}
	if arnAccount != "" && account != "" && arnAccount != account {
		return Target{}, &ElsewhereError{"account", arnAccount, account}
	}
	if account == "" {
		account = arnAccount
	}
	t := Target{Account: account, Region: region, Function: rest[0]}
	t.ARN = fmt.Sprintf("arn:%s:lambda:%s:%s:function:%s", part, region, account, rest[0])
	if len(rest) == 2 {
		t.Qualifier = rest[1]
	}
	return t, nil
}

// ParseARN reads a function's full ARN, of any account and region.
func ParseARN(arn string) (Target, error) {
	return ParseTarget(arnPart(arn, 4), arnPart(arn, 3), arn)
}

func partitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// ResolveTarget parses what the user named (see ParseTarget) and asks whether it
// is there. A function that is not there is a *NoFunctionError with near misses.
// Any other refusal (denied, throttled, unreachable) is left to the collection,
// where it becomes a gap, except where nothing can be learned without it:
// then the error of the call is returned.
func ResolveTarget(ctx context.Context, cfg aws.Config, account, region, nameOrARN string) (Target, error) {
	t, err := ParseTarget(account, region, nameOrARN)
	if err != nil {
		return Target{}, err
	}
	c := lambda.NewFromConfig(cfg, func(o *lambda.Options) { o.Region = region })
	_, err = c.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(t.Function)})
	switch state, _ := classify(err); {
	case err == nil, state == evidence.Denied, state == evidence.Throttled:
		return t, nil
	case state == evidence.Absent:
		return Target{}, &NoFunctionError{t.Function, region, nearMisses(ctx, c, t.Function)}
	}
	return Target{}, fmt.Errorf("asking for function %s: %w", t.ARN, err)
}

// nearMisses looks at the first five pages of functions; a refusal just means none.
func nearMisses(ctx context.Context, c *lambda.Client, name string) []string {
	type near struct {
		name string
		far  int
	}
	var all []near
	in := &lambda.ListFunctionsInput{}
	for range 5 {
		out, err := c.ListFunctions(ctx, in)
		if err != nil {
			break
		}
		for _, f := range out.Functions {
			n := aws.ToString(f.FunctionName)
			far := distance(strings.ToLower(name), strings.ToLower(n))
			if strings.Contains(strings.ToLower(n), strings.ToLower(name)) {
				far = min(far, 2)
			}
			if far <= max(2, len(name)/3) {
				all = append(all, near{n, far})
			}
		}
		if in.Marker = out.NextMarker; aws.ToString(in.Marker) == "" {
			break
		}
	}
	sort.Slice(all, func(i, j int) bool {
		return all[i].far < all[j].far || all[i].far == all[j].far && all[i].name < all[j].name
	})
	var names []string
	for _, n := range all[:min(5, len(all))] {
		names = append(names, n.name)
	}
	return names
}

// distance is Levenshtein's, on bytes: function names are ASCII.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diag
			if a[i] != b[j] {
				cost++
			}
			diag, row[j+1] = row[j+1], min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
