package collect

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Where many runs work on one account, each for some of its functions, what CloudTrail has of
// Lambda in a region is read by one of them, into a bag of its own: LookupEvents answers twice a
// second, and the answer is the same for all. The others take from that bag what they need of it,
// which is the access keys to follow.

// paramSwept names the bag in which the sweep of a collection lies.
const paramSwept = "swept"

// sweepQuery asks for all of Lambda's events of a region.
func sweepQuery(region string) query {
	return query{region: region, key: types.LookupAttributeKeyEventSource, value: "lambda.amazonaws.com"}
}

// SweepNeeds are the calls of SweepInto.
func SweepNeeds() []awsapi.Need { return lookup().Needs }

// SweepInto reads what CloudTrail has of Lambda in a region of the session's account, into a bag
// that is sealed: the part of a collection that its functions share.
func SweepInto(ctx context.Context, s *awsapi.Session, c *evidence.Case, h evidence.Header, region string, o Options) (*evidence.Bag, Summary, error) {
	if o.Until.IsZero() {
		o.Until = c.Now().UTC().Truncate(time.Second)
	}
	h.Kind, h.Principal, h.Account, h.Endpoint = evidence.KindCollection, s.Identity.ARN, s.Identity.Account, s.Endpoint
	if h.Params = maps.Clone(h.Params); h.Params == nil {
		h.Params = map[string]string{}
	}
	o.params(h.Params)
	h.Params[queryParam] = sweepName // not what collect --resume looks for: it names no function
	h.Params["in"], h.Targets = region, []string{}
	w, err := o.begin(ctx, c, h)
	if err != nil {
		return nil, Summary{}, fmt.Errorf("beginning a bag: %w", err)
	}
	o.catalogue = []Collector{sweeper()}
	return fill(ctx, s, w, []Target{{Account: s.Identity.Account, Region: region}}, o)
}

// SweepOn goes on with a sweep that was cut off.
func SweepOn(ctx context.Context, s *awsapi.Session, c *evidence.Case, b *evidence.Bag, h evidence.Header, region string, o Options) (*evidence.Bag, Summary, error) {
	w, err := c.Resume(ctx, b, evidence.Session{Operator: h.Operator, Principal: s.Identity.ARN, Host: h.Host, Tool: h.Tool})
	if err != nil {
		return nil, Summary{}, err
	}
	if w.Sealing() {
		sealed, err := w.Seal(ctx, evidence.StatusComplete)
		return sealed, Summary{}, err
	}
	o.catalogue = []Collector{sweeper()}
	return fill(ctx, s, w, []Target{{Account: s.Identity.Account, Region: region}}, o)
}

const sweepName = "cloudtrail.sweep"

func sweeper() Collector {
	return Collector{
		Name: sweepName, About: "what CloudTrail has of Lambda in a region, once for all functions", Needs: SweepNeeds(),
		Collect: func(ctx context.Context, j *Job) {
			j.lookups(ctx, []query{sweepQuery(j.Target.Region)}, newKeysOfRoles())
		},
	}
}

// sweptOf is the bag that a header names as the one with its sweep; nil: it has its own.
func sweptOf(ctx context.Context, c *evidence.Case, params map[string]string) (*evidence.Bag, error) {
	id := params[paramSwept]
	if id == "" {
		return nil, nil
	}
	b, err := c.Bag(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("the bag with its sweep: %w", err)
	}
	return b, nil
}

// readSwept takes the keys out of a sweep that lies in the case. One that has gaps says so itself.
func readSwept(ctx context.Context, b *evidence.Bag, region string, found *keysOfRoles) error {
	q := sweepQuery(region)
	for it, err := range b.Items(ctx) {
		if err != nil {
			return fmt.Errorf("the sweep of %s: %w", region, err)
		}
		if it.Artefact != "cloudtrail.lookup" || it.Source.Region != region || it.Source.Qualifier != string(q.key)+"="+q.value {
			continue
		}
		r, err := b.Open(ctx, it)
		if err != nil {
			return fmt.Errorf("the sweep of %s: %w", region, err)
		}
		if err := errors.Join(readPages(r, found.read), r.Close()); err != nil {
			return fmt.Errorf("the sweep of %s: %w", region, err)
		}
	}
	return nil
}

// readPages reads the pages of a lookup as they lie in a case.
func readPages(r io.Reader, read func([]types.Event)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxPage)
	for lines.Scan() {
		page, err := decodeDocument[cloudtrail.LookupEventsOutput](lines.Bytes())
		if err != nil {
			return err
		}
		read(page.Events)
	}
	return lines.Err()
}
