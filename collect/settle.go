package collect

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Events reach CloudTrail's history up to about 15 minutes late, and log events and
// deliveries to a bucket later still: what happened around the last act is read again.
const (
	settleSoon = 30 * time.Minute
	settleLate = 24 * time.Hour
)

// Settled says when CloudTrail is to be read again.
type Settled struct {
	LastAct time.Time `json:"last_act"` // the end of the newest containment, or else collection
	Due     time.Time `json:"due"`      // when to read again; zero: this was the last time
}

// Settle reads CloudTrail again, for the functions and from the beginning of the newest
// collection, into a bag of its own. evidence.ErrNothingToResume if there is no collection.
func Settle(ctx context.Context, s *awsapi.Session, c *evidence.Case, h evidence.Header, o Options) (*evidence.Bag, Summary, Settled, error) {
	var newest *evidence.Bag
	bags := map[string]*evidence.Bag{}
	var out Settled
	for b, err := range c.Bags(ctx) {
		if err != nil {
			return nil, Summary{}, out, err
		}
		header := b.Header()
		if !b.Sealed() || header.Params["settles"] != "" || header.Params[queryParam] != "" {
			continue
		}
		bags[b.ID()] = b
		switch header.Kind {
		case evidence.KindContainment:
			out.LastAct = header.Ended
		case evidence.KindCollection:
			if header.Params["scope"] == string(All) || newest == nil {
				newest = b // by time
			}
		}
	}
	if newest == nil {
		return nil, Summary{}, out, fmt.Errorf("%s: %w: nothing was collected yet", c.Vault(), evidence.ErrNothingToResume)
	}
	begun := newest.Header()
	if out.LastAct.Before(begun.Ended) {
		out.LastAct = begun.Ended
	}
	since, err := time.ParseDuration(begun.Params["since"])
	if err != nil {
		return nil, Summary{}, out, fmt.Errorf("bag %s: its window: %w", newest.ID(), err)
	}
	until, err := time.Parse(time.RFC3339, begun.Params["until"])
	if err != nil {
		return nil, Summary{}, out, fmt.Errorf("bag %s: its window: %w", newest.ID(), err)
	}
	targets, err := withOrigin(newest, bags)
	if err != nil {
		return nil, Summary{}, out, err
	}
	o.takeKeys(begun.Params)
	o.KeysOnly = false // of the functions too
	now := c.Now().UTC().Truncate(time.Second)
	o.Scope, o.Until, o.Since = All, now, min(now.Sub(until.Add(-since)), maxSince)
	// The configuration names the role; trails may have been changed since.
	o.Only = []string{"lambda.configuration", "cloudtrail.trails", "cloudtrail.lookup", "cloudtrail.objects"}
	for _, wait := range []time.Duration{settleLate, settleSoon} {
		if due := out.LastAct.Add(wait); now.Before(due) {
			out.Due = due
		}
	}
	h.Params = map[string]string{"settles": newest.ID()}
	bag, sum, err := Into(ctx, s, c, h, targets, o)
	return bag, sum, out, err
}

// withOrigin are the functions of a bag and, if it is an expansion, of those that it began with.
func withOrigin(b *evidence.Bag, bags map[string]*evidence.Bag) ([]Target, error) {
	var all []Target
	for range len(bags) { // an expansion of an expansion
		targets, err := targetsOf(b)
		if err != nil {
			return nil, err
		}
		for _, t := range targets {
			if !slices.ContainsFunc(all, func(o Target) bool { return o.ARN == t.ARN }) {
				all = append(all, t)
			}
		}
		origin := bags[b.Header().Params[paramExpanded]]
		if origin == nil {
			break
		}
		b = origin
	}
	return all, nil
}
