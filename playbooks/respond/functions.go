package respond

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// functions lists those of an account, region by region: the alert's region is where a role's
// credentials were used, which need not be where its function is. broke is what ended the list: half
// of one says nothing.
func (o *Options) functions(s *awsapi.Session, a *alert.Alert, broke *error) alert.List {
	regions := slices.Clone(o.Regions)
	if len(regions) == 0 {
		for _, r := range []string{s.Region, a.Region} {
			if r != "" && !slices.Contains(regions, r) {
				regions = append(regions, r)
			}
		}
	}
	return func(ctx context.Context, account string) iter.Seq2[alert.Function, error] {
		return func(yield func(alert.Function, error) bool) {
			if s.Identity.Account != account {
				yield(alert.Function{}, fmt.Errorf("the session is in account %s", s.Identity.Account))
				return
			}
			for _, region := range regions {
				for f, err := range collect.Functions(ctx, s, region) {
					if err != nil {
						*broke = fmt.Errorf("region %s: %w", region, err)
					}
					if !yield(alert.Function{ARN: f.ARN, Role: f.Role}, err) || err != nil {
						return
					}
				}
			}
		}
	}
}
