package collect

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Pacer keeps calls within AWS's quotas, one bucket per account, region and kind
// of call, so that a collection does not run into throttling and does not starve
// the account's own calls. Where AWS throttles all the same, the bucket slows
// down and recovers. Safe for concurrent use; share one among the runs of a process.
type Pacer struct {
	now   func() time.Time
	sleep func(context.Context, time.Duration) error

	mu      sync.Mutex
	buckets map[string]*bucket
}

// NewPacer makes a pacer that lives on the given clock; nil is the real one.
func NewPacer(now func() time.Time, sleep func(context.Context, time.Duration) error) *Pacer {
	if now == nil {
		now = time.Now
	}
	if sleep == nil {
		sleep = wait
	}
	return &Pacer{now: now, sleep: sleep, buckets: map[string]*bucket{}}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// quota is what AWS allows, a little below it: requests bunch up on their way.
type quota struct {
	name  string
	every time.Duration
	burst int
}

// quotaOf names the bucket of a call. Sources: 'Lambda quotas' (GetFunction 100/s,
// GetPolicy 15/s, the rest of the control plane 15/s together) and LookupEvents'
// own page (2/s), each per account and region; FilterLogEvents 5/s in the
// regions that allow least; 'Amazon API Gateway quotas' (GetResources 5 in two seconds, all
// of the control plane 10/s with bursts of 40, both APIs together). IAM publishes none.
func quotaOf(call string) (quota, bool) {
	switch {
	case call == "Lambda:GetFunction":
		return quota{"lambda.GetFunction", time.Second / 95, 20}, true
	case call == "Lambda:GetPolicy":
		return quota{"lambda.GetPolicy", time.Second * 10 / 145, 5}, true
	case strings.HasPrefix(call, "Lambda:"):
		return quota{"lambda.control", time.Second * 10 / 145, 5}, true
	case call == "CloudTrail:LookupEvents":
		return quota{"cloudtrail.lookup", time.Second * 100 / 195, 1}, true
	case call == "CloudWatchLogs:FilterLogEvents":
		return quota{"logs.filter", time.Second / 5, 1}, true
	case strings.HasPrefix(call, "CloudWatchLogs:"):
		return quota{"logs.describe", time.Second / 5, 5}, true
	case call == "APIGateway:GetResources":
		return quota{"apigateway.resources", time.Second * 10 / 24, 2}, true
	case strings.HasPrefix(call, "APIGateway:"), strings.HasPrefix(call, "ApiGatewayV2:"):
		return quota{"apigateway.control", time.Second / 7, 10}, true // beside GetResources
	}
	return quota{}, false
}

// bucket is a leaky bucket by the generic cell rate algorithm.
type bucket struct {
	quota
	pace  time.Duration // between calls now; every, unless AWS throttled
	slack time.Duration // how far ahead of the pace calls may run
	next  time.Time     // when the next call is due by the pace
	sent  time.Time     // the same, by when calls were really let go
	calm  int           // answers since the last throttling
	slow  time.Time     // when throttling slowed it down last
}

func (p *Pacer) bucket(account, region string, q quota) *bucket {
	key := account + "/" + region + "/" + q.name
	b := p.buckets[key]
	if b == nil {
		b = &bucket{quota: q, pace: q.every, slack: time.Duration(q.burst-1) * q.every}
		p.buckets[key] = b
	}
	return b
}

// take waits for the call's turn, and says when that was. Turns are given in the order of asking.
func (p *Pacer) take(ctx context.Context, account, region string, q quota) (time.Time, error) {
	p.mu.Lock()
	now, b := p.now(), p.bucket(account, region, q)
	if b.next.Before(now) {
		b.next = now
	}
	due := b.next.Add(-b.slack)
	b.next = b.next.Add(b.pace)
	p.mu.Unlock()
	for ctx.Err() == nil {
		if d := due.Sub(now); d > 0 {
			if err := p.sleep(ctx, d); err != nil {
				return now, err
			}
		}
		// Who slept too long, on a machine that stood still, must not go out together with
		// all the others that did.
		p.mu.Lock()
		now = p.now()
		if due = b.sent.Add(-b.slack); !due.After(now) {
			if b.sent.Before(now) {
				b.sent = now
			}
			b.sent = b.sent.Add(b.pace)
			p.mu.Unlock()
			return now, nil
		}
		p.mu.Unlock()
	}
	return now, ctx.Err()
}

// report learns from the answer to a call that was let go then: throttled halves the rate (down
// to an eighth) and ends bursts, once for those that were under way together; ten good answers
// in a row speed it up by a fifth.
func (p *Pacer) report(account, region string, q quota, let time.Time, throttled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.bucket(account, region, q)
	switch {
	case throttled && let.Before(b.slow):
		b.calm = 0
	case throttled:
		b.pace, b.slack, b.calm, b.slow = min(2*b.pace, 8*b.every), 0, 0, p.now()
		if t := p.now().Add(b.pace); b.next.Before(t) {
			b.next = t
		}
	default:
		if b.calm++; b.calm%10 == 0 && b.pace > b.every {
			b.pace = max(b.every, b.pace*4/5)
		}
	}
}

// pace makes every attempt of cfg's calls wait for its turn, before it is signed.
func (p *Pacer) pace(cfg aws.Config, account string) aws.Config {
	region := cfg.Region
	turn := middleware.FinalizeMiddlewareFunc("FreezeframePace", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		q, ok := quotaOf(callName(ctx))
		if !ok {
			return next.HandleFinalize(ctx, in)
		}
		let, err := p.take(ctx, account, region, q)
		if err != nil {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, err
		}
		out, meta, err := next.HandleFinalize(ctx, in)
		state, _ := classify(err)
		p.report(account, region, q, let, state == evidence.Throttled)
		return out, meta, err
	})
	cfg.APIOptions = append(append([]func(*middleware.Stack) error(nil), cfg.APIOptions...), beforeSigning(turn))
	return cfg
}

// callName is "Lambda:GetFunction", as in awsapi.Need.
func callName(ctx context.Context) string {
	return strings.ReplaceAll(middleware.GetServiceID(ctx), " ", "") + ":" + middleware.GetOperationName(ctx)
}

func callSlots(n int) chan struct{} {
	if n <= 0 {
		return nil
	}
	return make(chan struct{}, n)
}

// limited makes every attempt of cfg's calls wait until fewer are under way than slots holds.
func limited(cfg aws.Config, slots chan struct{}) aws.Config {
	turn := middleware.FinalizeMiddlewareFunc("FreezeframeSlots", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return middleware.FinalizeOutput{}, middleware.Metadata{}, ctx.Err()
		}
		defer func() { <-slots }()
		return next.HandleFinalize(ctx, in)
	})
	cfg.APIOptions = append(append([]func(*middleware.Stack) error(nil), cfg.APIOptions...), beforeSigning(turn))
	return cfg
}

// beforeSigning puts a middleware around each attempt of a call, before it is signed.
func beforeSigning(m middleware.FinalizeMiddleware) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		if _, ok := stack.Finalize.Get("Retry"); !ok {
			return stack.Finalize.Add(m, middleware.Before)
		}
		return stack.Finalize.Insert(m, "Retry", middleware.After)
	}
}
