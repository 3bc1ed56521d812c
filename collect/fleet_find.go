package collect

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// maxFound bounds the functions that patterns choose in one account.
const maxFound = 20_000

// FindNeeds are the calls by which a fleet finds its functions.
func FindNeeds() []awsapi.Need {
	return []awsapi.Need{
		{Call: "Lambda:GetFunction", IAM: []awsapi.Grant{{Action: "lambda:GetFunction", Resource: "function ARN"}}, When: "a function is named without its region"},
		{Call: "Lambda:ListFunctions", IAM: []awsapi.Grant{{Action: "lambda:ListFunctions", Resource: "*"}}, When: "functions are chosen by pattern"},
	}
}

// finder turns names and patterns into targets. What cannot be asked for is a gap, and so is a
// name that no region has.
type finder struct {
	asked Asked
	cfg   aws.Config
	now   func() time.Time

	mu      sync.Mutex
	targets map[string]Target
	gaps    []evidence.Gap
}

func (f *finder) all(ctx context.Context) []Target {
	for _, t := range f.asked.Targets {
		f.targets[t.ARN] = t
	}
	each(f.asked.Regions, accountsAtOnce, func(region string) {
		if len(f.asked.Patterns) > 0 {
			f.byPattern(ctx, region)
		}
	})
	each(f.asked.Names, accountsAtOnce, func(name string) { f.byName(ctx, name) })
	slices.SortFunc(f.gaps, func(x, y evidence.Gap) int {
		return strings.Compare(x.Source.ARN+x.Source.Region, y.Source.ARN+y.Source.Region)
	})
	return slices.SortedFunc(maps.Values(f.targets), func(x, y Target) int { return strings.Compare(x.ARN, y.ARN) })
}

func (f *finder) add(region, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t, err := ParseTarget(f.asked.Account, region, name); err == nil { // a name that AWS itself gave
		f.targets[t.ARN] = t
	}
}

func (f *finder) gap(arn, region, call string, state evidence.State, text, note string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gaps = append(f.gaps, evidence.Gap{Artefact: "lambda.functions", Source: evidence.Source{ARN: arn, Region: region, Account: f.asked.Account},
		State: state, Call: call, Error: text, At: f.now(), Note: note})
}

// byName looks in every region. Where nobody may look the function is taken for being there:
// its collection then says what is refused.
func (f *finder) byName(ctx context.Context, name string) {
	seen := false
	for _, region := range f.asked.Regions {
		c := lambda.NewFromConfig(f.cfg, func(o *lambda.Options) { o.Region = region })
		_, err := c.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(name)})
		if state, _ := classify(err); err == nil || state != evidence.Absent {
			seen = true
			f.add(region, name)
		}
	}
	if !seen && len(f.asked.Regions) > 0 {
		region := f.asked.Regions[0]
		t, err := ParseTarget(f.asked.Account, region, name)
		if err != nil {
			t.ARN = "" // whoever named it was told before
		}
		f.gap(t.ARN, region, "Lambda:GetFunction", evidence.NotAttempted, "", "no function of this name in "+strings.Join(f.asked.Regions, ", "))
	}
}

func (f *finder) byPattern(ctx context.Context, region string) {
	for x, err := range functionsOf(ctx, f.cfg, region) {
		if err != nil {
			state, text := classify(err)
			f.gap("", region, "Lambda:ListFunctions", state, text, "which functions of "+region+" the patterns choose is not known whole")
			return
		}
		if f.chosen(aws.ToString(x.FunctionName)) {
			f.add(region, aws.ToString(x.FunctionName))
		}
		if f.count() > maxFound {
			f.gap("", region, "Lambda:ListFunctions", evidence.Truncated, "", "there are more functions than are collected at once")
			return
		}
	}
}

func (f *finder) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.targets)
}

func (f *finder) chosen(name string) bool {
	return slices.ContainsFunc(f.asked.Patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}
