package act

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
)

// clock is AWS's, by the answers that were had.
type clock struct {
	now func() time.Time

	mu    sync.Mutex
	known bool
	skew  time.Duration // of the clock here
}

// saw takes the time from an answer.
func (c *clock) saw(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known, c.skew = true, c.now().Sub(at)
}

// watched lets the clock see what a client is answered, also a refusal.
func (c *clock) watched(cfg aws.Config) aws.Config {
	cfg.APIOptions = append(slices.Clone(cfg.APIOptions), c.install)
	return cfg
}

func (c *clock) install(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("freezeframeClock",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
			out, meta, err := next.HandleDeserialize(ctx, in)
			if res, ok := out.RawResponse.(*smithyhttp.Response); ok && res != nil && res.Response != nil {
				if at, parseErr := time.Parse(time.RFC1123, res.Header.Get("Date")); parseErr == nil {
					c.saw(at)
				}
			}
			return out, meta, err
		}), middleware.After)
}

// time is AWS's now; zero where nobody was told.
func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known {
		return time.Time{}
	}
	return c.now().Add(-c.skew)
}

// facts looks up what the account says. What cannot be looked up stays unknown, which counts against
// acting; an error is one of the board, or that there was no time left.
func (w *work) facts(ctx context.Context) (f mandate.Facts, err error) {
	if f.Halted, err = w.halted(ctx); err != nil {
		return f, err
	}
	s, c := w.env.Session, &clock{now: w.o.Now}
	f.Partition = partitionOf(s.Identity.ARN)
	var g errgroup.Group
	g.Go(func() error { f.AtSource = w.atSource(ctx, c); return nil })
	g.Go(func() error { f.Function = w.function(ctx, c); return nil })
	_ = g.Wait() // what is missing is not known
	f.AWSTime = c.time()
	return f, ctx.Err()
}

func partitionOf(s string) string {
	a, err := arn.Parse(s)
	if err != nil {
		return ""
	}
	return a.Partition
}

// functionNeeds are the calls that tell of the function.
func functionNeeds() []awsapi.Need {
	return []awsapi.Need{{Call: "Lambda:ListTags", IAM: []awsapi.Grant{{Action: "lambda:ListTags", Resource: "function ARN"}}, When: "before something is done without people"}}
}

// function is what is known of the target: nil, it is not there, or nobody could look.
func (w *work) function(ctx context.Context, c *clock) *mandate.FunctionFact {
	t := w.a.Target
	if t == nil || t.ARN == "" {
		return nil
	}
	out := &mandate.FunctionFact{ARN: t.ARN}
	var gone bool
	var role string
	var listed map[string]int
	var g errgroup.Group
	g.Go(func() error {
		cfg := w.env.Session.ReadOnly().Config(t.Region, functionNeeds())
		tags, err := lambda.NewFromConfig(c.watched(cfg)).ListTags(ctx, &lambda.ListTagsInput{Resource: aws.String(t.ARN)})
		if err != nil {
			_, gone = errors.AsType[*lambdatypes.ResourceNotFoundException](err)
			return nil
		}
		out.Tags, out.TagsKnown = tags.Tags, true
		return nil
	})
	g.Go(func() error { role, listed, out.RoleUsersWhy = w.roles(ctx); return nil })
	_ = g.Wait() // each says for itself
	if gone || role == "" {
		return nil
	}
	if out.RoleUsersWhy == "" {
		out.RoleUsers = listed[role]
	}
	return out
}

// roles counts the functions that have each role, in all the regions in which people say that there
// are functions. why says why the count is not the whole; role is the target's.
func (w *work) roles(ctx context.Context) (role string, users map[string]int, why string) {
	t := w.a.Target
	regions := slices.Clone(w.o.Regions)
	if len(regions) == 0 {
		why = "only those of " + t.Region + " were counted: --in-region names all regions in which there are functions"
	}
	regions = slices.DeleteFunc(regions, func(r string) bool { return r == t.Region })
	users = map[string]int{}
	var failed []string
	var mu sync.Mutex
	count := func(region string) error {
		for f, err := range collect.Functions(ctx, w.env.Session, region) {
			mu.Lock()
			if err != nil {
				failed = append(failed, region)
			} else if users[f.Role]++; f.ARN == t.ARN {
				role = f.Role
			}
			mu.Unlock()
		}
		return nil // what failed is counted
	}
	_ = count(t.Region)
	var g errgroup.Group
	g.SetLimit(8)
	for _, region := range slices.Compact(slices.Sorted(slices.Values(regions))) {
		g.Go(func() error { return count(region) })
	}
	_ = g.Wait()
	if len(failed) > 0 {
		slices.Sort(failed)
		why = "the functions of " + strings.Join(failed, ", ") + " could not be listed"
	}
	return role, users, why
}

func join(all []string) string { return strings.Join(all, " ") }

// plural says a number with its thing.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
