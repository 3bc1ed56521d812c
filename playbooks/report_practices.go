package playbooks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices"
	"github.com/freezeframe-ir/freezeframe/playbooks/report"
)

// ReportPractices assesses a function, or without a name all of the case, as a report takes it;
// nil where the case holds none.
func ReportPractices(ctx context.Context, c *evidence.Case, function string, now time.Time) (*report.Practices, error) {
	o := practices.Options{Now: now}
	if function != "" {
		o.Functions = []string{function}
	}
	r, err := practices.Assess(ctx, c, o)
	switch {
	case errors.Is(err, practices.ErrNoFunction) || err == nil && len(r.Functions) == 0:
		return nil, nil //nolint:nilnil // nothing to assess is no error
	case err != nil:
		return nil, fmt.Errorf("assessing the practices: %w", err)
	}
	checks := make([]report.Check, 0, len(r.Results))
	for _, x := range r.Results {
		k := report.Check{ID: x.Check, Area: string(x.Area), Title: x.Title, Severity: string(x.Severity), Verdict: report.Verdict(x.Verdict), Target: x.Target, Seen: x.Seen.String()}
		if x.Verdict == practices.NotApplicable {
			k.Verdict = report.NotApplicable
		}
		if len(x.Evidence) > 0 {
			k.Evidence = x.Evidence[0].Path
		}
		if x.Repair != nil {
			k.Repair = strings.Split(x.Repair.CLI, "\n")
		}
		checks = append(checks, k)
	}
	return report.NewPractices(r.At, checks), nil
}
