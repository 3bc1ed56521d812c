package collect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// accountsAtOnce bounds the accounts of a fleet that are collected at the same time: each has
// its own quotas, what is shared is this machine.
const accountsAtOnce = 8

// Asked is one account of a fleet and what is wanted there.
type Asked struct {
	Account  string
	Targets  []Target // named by ARN
	Regions  []string // where names and patterns are looked for
	Names    []string // of functions
	Patterns []string // path.Match patterns of names of functions
}

// Entered is an account with a session in it, or why there is none.
type Entered struct {
	Asked
	Session *awsapi.Session
	Err     error
}

// Collected is what became of one account. Err is of the session or the store; what AWS
// refused is in the bag.
type Collected struct {
	Account string
	Bag     *evidence.Bag // nil where nothing could be stored
	Summary Summary
	Err     error
}

// Fleet collects in several accounts at once, into one bag each. An account that cannot be
// entered, or breaks, does not stop the others: that it was wanted and not had is in the case.
// s is who entered them, or tried to; h says who that is and with what.
func Fleet(ctx context.Context, s *awsapi.Session, c *evidence.Case, h evidence.Header, accounts []Entered, o Options) []Collected {
	h.Endpoint, h.Principal = s.Endpoint, s.Identity.ARN // of accounts that cannot be entered
	entering := s.Loose()
	if o.Until.IsZero() {
		o.Until = c.Now().UTC().Truncate(time.Second)
	}
	if o.Pacer == nil {
		o.Pacer = NewPacer(nil, nil) // its buckets are by account and region
	}
	progress := merged(o.Progress, len(accounts))
	out := make([]Collected, len(accounts))
	var all errgroup.Group
	all.SetLimit(accountsAtOnce)
	for i, a := range accounts {
		all.Go(func() error {
			own := o
			own.Progress = progress(i)
			if i == 0 { // one journal is enough
				own.Earlier = entering
			}
			out[i] = one(ctx, c, h, a, own)
			return nil
		})
	}
	_ = all.Wait() // each says for itself
	return out
}

func one(ctx context.Context, c *evidence.Case, h evidence.Header, a Entered, o Options) Collected {
	out := Collected{Account: a.Account}
	if a.Err != nil {
		out.Bag, out.Summary, out.Err = notEntered(ctx, c, h, a, o)
		return out
	}
	var targets []Target
	targets, o.Found = a.Find(ctx, c.Now)
	h.Params = a.params(h.Params)
	out.Bag, out.Summary, out.Err = Into(ctx, a.Session, c, h, targets, o)
	return out
}

// notEnteredGap is the artefact of a gap that is a whole account.
const notEnteredGap = "account"

// notEntered makes a bag that holds nothing but what was wanted.
func notEntered(ctx context.Context, c *evidence.Case, h evidence.Header, a Entered, o Options) (*evidence.Bag, Summary, error) {
	h.Kind, h.Account, h.Params, h.Targets = evidence.KindCollection, a.Account, a.params(h.Params), arnsOf(a.Targets)
	o.params(h.Params)
	w, err := c.Begin(ctx, h)
	if err != nil {
		return nil, Summary{}, fmt.Errorf("beginning a bag: %w", err)
	}
	jotCalls(ctx, w, o.Earlier)
	state, text := classify(a.Err)
	sum := Summary{States: map[evidence.State]int{state: 1}, Started: c.Now(), Ended: c.Now()}
	err = w.Gap(evidence.Gap{Artefact: notEnteredGap, Source: evidence.Source{ARN: "arn:aws:iam::" + a.Account + ":root", Account: a.Account}, State: state,
		Call: "STS:AssumeRole", Error: text, At: c.Now(), Note: "the account could not be entered: nothing in it was asked for"})
	bag, sealErr := w.Seal(context.WithoutCancel(ctx), evidence.StatusPartial)
	return bag, sum, errors.Join(err, sealErr)
}

// params say in the bag's header what was looked for.
func (a Asked) params(also map[string]string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, also)
	lists(out, map[string][]string{"names": a.Names, "patterns": a.Patterns, "in": a.Regions})
	return out
}

// Find looks for what is wanted in an account that was entered. What could not be listed, and names
// that no region has, are gaps.
func (a Entered) Find(ctx context.Context, now func() time.Time) ([]Target, []evidence.Gap) {
	return a.find(ctx, a.Session, now)
}

func (a Asked) find(ctx context.Context, s *awsapi.Session, now func() time.Time) ([]Target, []evidence.Gap) {
	f := finder{asked: a, cfg: s.ReadOnly().Config("", FindNeeds()), now: now, targets: map[string]Target{}}
	targets := f.all(ctx)
	return targets, f.gaps
}

// findAgain looks for what a bag of a fleet was begun for: what could not be listed then may
// be now.
func findAgain(ctx context.Context, s *awsapi.Session, c *evidence.Case, begun evidence.Header, targets []Target) ([]Target, []evidence.Gap, error) {
	a := Asked{Account: begun.Account, Targets: targets, Regions: strings.Fields(begun.Params["in"]), Names: strings.Fields(begun.Params["names"]), Patterns: strings.Fields(begun.Params["patterns"])}
	targets, gaps := a.find(ctx, s, c.Now)
	if len(targets)+len(gaps) == 0 {
		return nil, nil, fmt.Errorf("bag %s: %w: it names no function", begun.Bag, evidence.ErrNothingToResume)
	}
	return targets, gaps, nil
}

// merged adds up the progress of several runs for the one who is told.
func merged(tell func(Progress), runs int) func(run int) func(Progress) {
	var mu sync.Mutex
	each := make([]Progress, runs)
	return func(run int) func(Progress) {
		if tell == nil {
			return nil
		}
		return func(p Progress) {
			mu.Lock()
			defer mu.Unlock()
			each[run] = p
			sum := Progress{Last: p.Last}
			for _, e := range each {
				sum.Planned, sum.Done, sum.Gaps, sum.Bytes = sum.Planned+e.Planned, sum.Done+e.Done, sum.Gaps+e.Gaps, sum.Bytes+e.Bytes
			}
			tell(sum)
		}
	}
}
