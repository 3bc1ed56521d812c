package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Into collects from the targets into a bag of its own and seals it: the whole of
// what `collect` does. h says who, with what; the rest of the header is filled in.
// A bag comes back with an error too, if it could be sealed.
func Into(ctx context.Context, s *awsapi.Session, c *evidence.Case, h evidence.Header, targets []Target, o Options) (*evidence.Bag, Summary, error) {
	if o.Until.IsZero() {
		o.Until = c.Now().UTC().Truncate(time.Second)
	}
	h.Kind, h.Principal, h.Account, h.Endpoint = evidence.KindCollection, s.Identity.ARN, s.Identity.Account, s.Endpoint
	h.Params = maps.Clone(h.Params)
	if h.Params == nil {
		h.Params = map[string]string{}
	}
	o.params(h.Params)
	h.Targets = arnsOf(targets)
	w, err := o.begin(ctx, c, h)
	if err != nil {
		return nil, Summary{}, fmt.Errorf("beginning a bag: %w", err)
	}
	return fill(ctx, s, w, targets, o)
}

func (o Options) begin(ctx context.Context, c *evidence.Case, h evidence.Header) (*evidence.Writer, error) {
	if o.Bag != "" {
		return c.BeginAs(ctx, o.Bag, h)
	}
	return c.Begin(ctx, h)
}

// ErrOther: a collection is resumed in the account, region and by the endpoint where it was begun.
var ErrOther = errors.New("begun elsewhere")

// Resumable are the collections that Resume can go on with, one an account: the one that was
// never finished, or else the newest, if it was sealed with gaps. evidence.ErrNothingToResume
// if there is none.
func Resumable(ctx context.Context, c *evidence.Case) ([]*evidence.Bag, error) {
	isCollection := func(b *evidence.Bag) bool {
		return b.Header().Kind == evidence.KindCollection && b.Header().Params[queryParam] == ""
	}
	open, err := c.Unfinished(ctx)
	if err != nil {
		return nil, err
	}
	sealed := map[string][]*evidence.Bag{} // by account, by time
	for b, err := range c.Bags(ctx) {
		if err != nil {
			return nil, err
		}
		if b.Sealed() && isCollection(b) {
			sealed[b.Header().Account] = append(sealed[b.Header().Account], b)
		}
	}
	begun := map[string]*evidence.Bag{} // by account
	for account, bags := range sealed {
		if b := withGaps(bags); b != nil {
			begun[account] = b
		}
	}
	for _, b := range slices.Backward(open) { // the first of them is the newest
		if isCollection(b) {
			begun[b.Header().Account] = b
		}
	}
	if len(begun) == 0 {
		return nil, fmt.Errorf("%s: %w", c.Vault(), evidence.ErrNothingToResume)
	}
	return slices.SortedFunc(maps.Values(begun), func(x, y *evidence.Bag) int { return cmp.Compare(x.Header().Account, y.Header().Account) }), nil
}

// withGaps is the newest of an account's collections, if it has gaps. What an expansion had
// whole says nothing of the collection that it began with.
func withGaps(sealed []*evidence.Bag) *evidence.Bag {
	continued := map[string]bool{}
	for _, b := range slices.Backward(sealed) {
		h := b.Header()
		if continued[h.Continues] = true; continued[b.ID()] {
			continue
		}
		if h.Status == evidence.StatusPartial {
			return b
		}
		if h.Params[paramExpanded] == "" {
			break
		}
	}
	return nil
}

// Resume goes on with an unfinished collection, or asks again for the gaps of a sealed one
// in a bag of its own, with the targets, scope and window that it was begun with: what lies in
// its bag is not fetched again. h says who goes on.
func Resume(ctx context.Context, s *awsapi.Session, c *evidence.Case, b *evidence.Bag, h evidence.Header, o Options) (*evidence.Bag, Summary, error) {
	begun := b.Header()
	if begun.Account != s.Identity.Account || begun.Endpoint != s.Endpoint {
		return nil, Summary{}, fmt.Errorf("bag %s: %w: in account %s at %q, and this session is in %s at %q", b.ID(), ErrOther, begun.Account, begun.Endpoint, s.Identity.Account, s.Endpoint)
	}
	targets, err := targetsOf(b)
	if err != nil {
		return nil, Summary{}, err
	}
	if targets, o.Found, err = findAgain(ctx, s, c, begun, targets); err != nil {
		return nil, Summary{}, err
	}
	o.Scope = Scope(begun.Params["scope"])
	o.takeKeys(begun.Params)
	o.Only, o.Regions = strings.Fields(begun.Params["only"]), strings.Fields(begun.Params["regions"])
	o.TrailBuckets = strings.Fields(begun.Params["trail_buckets"])
	if o.Since, err = time.ParseDuration(begun.Params["since"]); err != nil {
		return nil, Summary{}, fmt.Errorf("bag %s: its window: %w", b.ID(), err)
	}
	if o.Until, err = time.Parse(time.RFC3339, begun.Params["until"]); err != nil {
		return nil, Summary{}, fmt.Errorf("bag %s: its window: %w", b.ID(), err)
	}
	if o.Swept, err = sweptOf(ctx, c, begun.Params); err != nil {
		return nil, Summary{}, fmt.Errorf("bag %s: %w", b.ID(), err)
	}
	session := evidence.Session{Operator: h.Operator, Principal: s.Identity.ARN, Host: h.Host, Tool: h.Tool}
	goOn := c.Resume
	if b.Sealed() {
		goOn = c.Continue
	}
	w, err := goOn(ctx, b, session)
	if err != nil {
		return nil, Summary{}, err
	}
	if w.Sealing() { // everything was there but the last lists
		sealed, err := w.Seal(ctx, evidence.StatusComplete)
		if sealed == nil {
			return nil, Summary{}, err
		}
		sum, sumErr := summaryOf(ctx, sealed)
		return sealed, sum, cmp.Or(err, sumErr)
	}
	w.SetHeader(func(h *evidence.Header) { h.Targets = arnsOf(targets) })
	return fill(ctx, s, w, targets, o)
}

// params are what a bag says of how it was collected: what Resume goes on with.
func (o Options) params(into map[string]string) {
	into["scope"], into["since"], into["until"] = string(scopeOf(o)), sinceOf(o).String(), o.Until.Format(time.RFC3339)
	lists(into, map[string][]string{"only": o.Only, "regions": o.Regions, "trail_buckets": o.TrailBuckets})
	o.keyParams(into)
	if o.Swept != nil {
		into[paramSwept] = o.Swept.ID()
	}
}

func lists(into map[string]string, of map[string][]string) {
	for name, list := range of {
		if len(list) > 0 {
			into[name] = strings.Join(list, " ")
		}
	}
}

func arnsOf(targets []Target) []string {
	arns := make([]string, len(targets))
	for i, t := range targets {
		arns[i] = t.ARN
	}
	return arns
}

// targetsOf are the functions that a bag was begun for.
func targetsOf(b *evidence.Bag) ([]Target, error) {
	var out []Target
	for _, arn := range b.Header().Targets {
		t, err := ParseTarget(b.Header().Account, arnPart(arn, 3), arn)
		if err != nil {
			return nil, fmt.Errorf("bag %s: %w", b.ID(), err)
		}
		out = append(out, t)
	}
	return out, nil
}

// jotCalls enters calls that no collector made: looking up, entering an account.
func jotCalls(ctx context.Context, w *evidence.Writer, calls []awsapi.Exchange) {
	for _, x := range calls {
		_ = w.Jot(ctx, "call", callNote{"", x}) // a journal that cannot be written shows at the seal
	}
}

// fill runs the collectors and seals the bag.
func fill(ctx context.Context, s *awsapi.Session, w *evidence.Writer, targets []Target, o Options) (*evidence.Bag, Summary, error) {
	skew := newSkews()
	told := o.Record
	o.Record = func(collector string, x awsapi.Exchange) {
		skew.note(x)
		// Which call was made when is evidence too; a journal that cannot be written shows at the seal.
		_ = w.Jot(ctx, "call", callNote{collector, x})
		if told != nil {
			told(collector, x)
		}
	}
	jotCalls(ctx, w, append(o.Earlier, s.Loose()...))
	s = s.ReadOnly()
	in := Inputs{Connect: s.ConfigRecorded, HTTP: s.HTTPClient(), Endpoint: s.Endpoint}
	sum, runErr := Run(ctx, in, targets, w, o)
	jotCalls(ctx, w, s.Loose())
	w.SetHeader(func(h *evidence.Header) { h.SkewMS = skew.milliseconds() })
	if o.LeaveOpen && runErr != nil {
		why := cmp.Or(context.Cause(ctx), runErr)
		return nil, sum, errors.Join(why, w.Leave(context.WithoutCancel(ctx), why.Error()))
	}
	// What was collected is sealed also after an interruption, but by nobody who may have lost the bag to another.
	sealing := context.WithoutCancel(ctx)
	if o.LeaveOpen {
		sealing = ctx
	}
	bag, err := w.Seal(sealing, sum.Status())
	if err != nil {
		err = fmt.Errorf("sealing the bag %s: %w", w.Bag(), err)
	}
	if runErr != nil && err != nil {
		err = fmt.Errorf("%w; %w", runErr, err) // one line
	}
	return bag, sum, cmp.Or(err, runErr)
}

// summaryOf is what a bag holds, by its coverage.
func summaryOf(ctx context.Context, b *evidence.Bag) (Summary, error) {
	sum := Summary{States: map[evidence.State]int{}, Complete: true, Started: b.Header().Started, Ended: b.Header().Ended}
	entries, err := b.Coverage(ctx)
	for _, e := range entries {
		sum.States[e.State]++
		sum.Complete = sum.Complete && e.State.Complete()
		if e.Item != nil {
			sum.Items++
			sum.Bytes += e.Item.Size
		}
	}
	return sum, err
}

type callNote struct {
	Collector string `json:"collector"` // "" for calls around a collection: who we are, is the function there
	awsapi.Exchange
}

func scopeOf(o Options) Scope {
	if o.Scope == "" {
		return All
	}
	return o.Scope
}

func sinceOf(o Options) time.Duration {
	if o.Since == 0 {
		return 7 * 24 * time.Hour
	}
	return o.Since
}
