package collect

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Into collects from the targets into a bag of its own and seals it: the whole of
// what `collect` does. h says who, with what; the rest of the header is filled in.
// A bag comes back with an error too, if it could be sealed.
func Into(ctx context.Context, s *awsapi.Session, c *evidence.Case, h evidence.Header, targets []Target, o Options) (*evidence.Bag, Summary, error) {
	h.Kind, h.Principal, h.Account, h.Endpoint = "collection", s.Identity.ARN, s.Identity.Account, s.Endpoint
	h.Params = map[string]string{"scope": string(scopeOf(o)), "since": sinceOf(o).String()}
	for _, t := range targets {
		h.Targets = append(h.Targets, t.ARN)
	}
	w, err := c.Begin(ctx, h)
	if err != nil {
		return nil, Summary{}, fmt.Errorf("beginning a bag: %w", err)
	}
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
	s = s.ReadOnly()
	in := Inputs{Connect: s.ConfigRecorded, HTTP: s.HTTPClient(), Endpoint: s.Endpoint}
	sum, runErr := Run(ctx, in, targets, w, o)
	w.SetHeader(func(h *evidence.Header) { h.SkewMS = skew.milliseconds() })
	// What was collected is sealed also after an interruption.
	bag, err := w.Seal(context.WithoutCancel(ctx), sum.Status())
	if err != nil {
		err = fmt.Errorf("sealing the bag %s: %w", w.Bag(), err)
	}
	if runErr != nil && err != nil {
		err = fmt.Errorf("%w; %w", runErr, err) // one line
	}
	return bag, sum, cmp.Or(err, runErr)
}

type callNote struct {
	Collector string `json:"collector"`
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
