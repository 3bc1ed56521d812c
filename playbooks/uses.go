package playbooks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// maxCited bounds the events that one answer names; all are counted.
const maxCited = 10

// CaseUses answers from the case's CloudTrail records whether what fails was used in the
// incident: in one pass for all that is asked, keeping what it answers and no event. Calls that were
// refused used nothing, and the investigation's own calls are nobody's.
func CaseUses(c *evidence.Case) practices.Uses {
	return func(ctx context.Context, asked []practices.Use) ([]*practices.Used, error) {
		out := make([]*practices.Used, len(asked))
		byCall := map[string][]int{}
		for i, u := range asked {
			out[i] = &practices.Used{}
			for _, call := range u.Calls {
				byCall[call] = append(byCall[call], i)
			}
		}
		sum, err := timeline.Events(ctx, timeline.Options{}, timeline.Input{Case: c}, func(e *timeline.Event) error {
			if e.Kind != timeline.KindCloudTrail || e.Outcome != timeline.Success || slices.Contains(e.Tags, timeline.TagOwn) {
				return nil
			}
			for _, i := range byCall[e.Action] {
				if concerns(e, asked[i].Function, asked[i].Target) {
					count(out[i], e, asked[i].Calls)
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("reading the case's records: %w", err)
		}
		for _, u := range out {
			u.Partial = len(sum.Gaps) > 0 || sum.Skips > 0
		}
		return out, nil
	}
}

func count(u *practices.Used, e *timeline.Event, calls []string) {
	n := int(e.Repeats) + 1
	if u.Events == 0 {
		u.First = e.Time.UTC()
	}
	u.Events, u.Last = u.Events+n, e.Time.UTC()
	if at := slices.Index(calls, e.Action); !slices.Contains(u.Calls, e.Action) {
		u.Calls = append(u.Calls, calls[at]) // not the event's, which may be a view of a buffer
	}
	if len(u.Cites) < maxCited && e.ID != "" {
		u.Cites = append(u.Cites, strings.Clone(e.ID))
	}
}

// concerns says whether a call was made on a target, or by it: by a role's sessions, with the
// function's own credentials.
func concerns(e *timeline.Event, function, target string) bool {
	if e.Principal.Function == function || e.Principal.Role == target {
		return true
	}
	if qualifier, ok := strings.CutPrefix(target, function); ok {
		return isFunction(e, function) && (qualifier == "" || strings.TrimPrefix(qualifier, ":") == e.Qualifier)
	}
	name := target[strings.LastIndexAny(target, ":/")+1:]
	iam := strings.HasPrefix(target, "arn:") && strings.Contains(target, ":iam::")
	return slices.ContainsFunc(e.Resources, func(r string) bool { return r == target || iam && e.Service == "iam" && r == name }) ||
		e.Change.Role == target || e.Change.Policy == target
}

// isFunction: records of a call that failed early, and some others, name it without its ARN.
func isFunction(e *timeline.Event, function string) bool {
	return e.Function == function || e.Function != "" && strings.HasSuffix(function, ":function:"+e.Function)
}
