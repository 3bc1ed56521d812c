package contain

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// logFilter is one subscription filter of a log group (Place.Key: GROUP-ARN:filter/NAME):
// what is written to the group goes to its destination.
type logFilter struct {
	There         bool     `json:"there"`
	Destination   string   `json:"destination,omitempty"`
	Pattern       string   `json:"pattern,omitempty"`
	Role          string   `json:"role,omitempty"`
	Distribution  string   `json:"distribution,omitempty"`
	Transformed   bool     `json:"transformed,omitempty"`
	SystemFields  []string `json:"system_fields,omitempty"`
	FieldCriteria string   `json:"field_criteria,omitempty"`
}

const (
	docLogFilter    = "logs.filter"
	partLogFilters  = "log subscription filters"
	partGroupFilter = "filters of the log group"
	filterMark      = ":filter/"
)

func logFilterActs() []Act {
	return Define(Doc[logFilter]{
		Name: docLogFilter,
		Needs: []awsapi.Need{
			does("CloudWatchLogs:DescribeSubscriptionFilters", "logs:DescribeSubscriptionFilters", "log group ARN", false),
			does("CloudWatchLogs:DeleteSubscriptionFilter", "logs:DeleteSubscriptionFilter", "log group ARN", true),
			when(awsapi.Need{Call: "CloudWatchLogs:PutSubscriptionFilter", Mutates: true, IAM: []awsapi.Grant{
				{Action: "logs:PutSubscriptionFilter", Resource: "log group ARN"}, {Action: "iam:PassRole", Resource: "the filter's role, if it has one"}}}, "lifting"),
		},
		Resource: func(p Place) string { group, _, _ := strings.Cut(p.Key, filterMark); return group },
		Read:     readLogFilter,
		Steps:    logFilterSteps,
	}, forGood(logFilterEdit(), actLogFiltersEvict, "delete a hostile subscription filter of a log group for good, wherever it sends (of a log group that is named: all of its filters)",
		Fixture{Resource: "arn:aws:logs:eu-central-1:123456789012:log-group:/shop/web"})...)
}

func logFilterEdit() Edit[logFilter] {
	return Edit[logFilter]{
		Name:  actLogFilters,
		About: "delete subscription filters of log groups that send to the function",
		Lossy: "what is logged meanwhile is not sent later, though it stays in the log group; AWS tries the function when a filter is put back, which fails while the function cannot run",
		Kind:  Isolate, Level: LevelIsolate, Attack: []string{"T1546"},
		Answers: []Answer{{Kind: "log-subscription", Key: foundFilter}},
		On:      []TargetKind{OnFunction, OnResource},
		Keys: func(s *Survey) []string {
			var keys []string
			for _, f := range append(Found[calledByLogs](s, partLogFilters).Filters, Found[[]calledByFilter](s, partGroupFilter)...) {
				keys = append(keys, f.Key)
			}
			return keys
		},
		Parts: []string{partLogFilters, partGroupFilter}, Looks: []Part{logFilterLook(), groupFilterLook()},
		Apply: func(Place, logFilter, Params) (logFilter, error) { return logFilter{}, nil },
		Destroys: func(p Place, _ logFilter) []Artefact {
			if p.Kind == OnResource {
				return nil
			}
			group, _, _ := strings.Cut(p.Key, filterMark)
			return []Artefact{{Name: "logs.caller.subscriptions", ARN: group}}
		},
		Breaks: func(_ *Survey, before map[string]logFilter) []Impact {
			var all []Impact
			for _, key := range sortedKeys(before) {
				group, filter, _ := strings.Cut(key, filterMark)
				all = append(all, Impact{What: "trigger", Resource: group, Detail: "filter " + filter + " no longer sends to " + before[key].Destination})
			}
			return all
		},
	}
}

// foundFilter is the document of a finding named such as "logs/GROUP/filter/NAME".
func foundFilter(f finding.Finding) string {
	i := strings.LastIndex(f.Name, "/filter/")
	if i < 0 {
		return ""
	}
	return f.ARN + filterMark + f.Name[i+len("/filter/"):]
}

func logsClient(cfg aws.Config) *cloudwatchlogs.Client { return cloudwatchlogs.NewFromConfig(cfg) }

// groupOf is the name in a log group's ARN, with or without its ":*"; "" where it is none.
func groupOf(arn string) string {
	parts := strings.SplitN(arn, ":", 7)
	if len(parts) != 7 || parts[2] != "logs" || parts[5] != "log-group" {
		return ""
	}
	return strings.TrimSuffix(parts[6], ":*")
}

func filtersOf(ctx context.Context, c *cloudwatchlogs.Client, group string) (all []logstypes.SubscriptionFilter, err error) {
	err = pages(func(m *string) (*string, error) {
		out, err := c.DescribeSubscriptionFilters(ctx, &cloudwatchlogs.DescribeSubscriptionFiltersInput{LogGroupName: &group, NextToken: m})
		if err != nil {
			return nil, err
		}
		all = append(all, out.SubscriptionFilters...)
		return out.NextToken, nil
	})
	return all, err
}

func readLogFilter(ctx context.Context, cfg aws.Config, p Place) (logFilter, Token, error) {
	group, name, _ := strings.Cut(p.Key, filterMark)
	all, err := filtersOf(ctx, logsClient(cfg), groupOf(group))
	if err != nil {
		return logFilter{}, "", err
	}
	for _, f := range all {
		if aws.ToString(f.FilterName) == name {
			return logFilter{true, aws.ToString(f.DestinationArn), aws.ToString(f.FilterPattern), aws.ToString(f.RoleArn), string(f.Distribution), f.ApplyOnTransformedLogs,
				f.EmitSystemFields, aws.ToString(f.FieldSelectionCriteria)}, "", nil
		}
	}
	return logFilter{}, "", nil
}

func logFilterSteps(p Place, _, to logFilter, _ Token) []Step {
	arn, name, _ := strings.Cut(p.Key, filterMark)
	group := groupOf(arn)
	if !to.There {
		in := &cloudwatchlogs.DeleteSubscriptionFilterInput{LogGroupName: &group, FilterName: &name}
		return []Step{{"CloudWatchLogs:DeleteSubscriptionFilter", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := logsClient(cfg).DeleteSubscriptionFilter(ctx, in)
			return err
		}}}
	}
	in := &cloudwatchlogs.PutSubscriptionFilterInput{LogGroupName: &group, FilterName: &name, FilterPattern: &to.Pattern, DestinationArn: &to.Destination, RoleArn: orNil(to.Role),
		Distribution: logstypes.Distribution(to.Distribution), ApplyOnTransformedLogs: to.Transformed, EmitSystemFields: to.SystemFields, FieldSelectionCriteria: orNil(to.FieldCriteria)}
	return []Step{{"CloudWatchLogs:PutSubscriptionFilter", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := logsClient(cfg).PutSubscriptionFilter(ctx, in)
		return err
	}}}
}

// calledByLogs are the filters that send to the function.
type calledByLogs struct {
	Filters []calledByFilter
	Open    bool // a grant names no log group: there may be more
}

type calledByFilter struct{ Key, Qualifier string }

func logFilterLook() Part {
	needs := append(admittedNeeds(), when(does("CloudWatchLogs:DescribeSubscriptionFilters", "logs:DescribeSubscriptionFilters", "log group ARN", false), "a policy admits log groups"))
	return Look(Part{Name: partLogFilters, Needs: needs}, lookForLogFilters, func(_ *Survey, found calledByLogs) []Caller {
		var all []Caller
		for _, f := range found.Filters {
			group, filter, _ := strings.Cut(f.Key, filterMark)
			all = append(all, Caller{Kind: "log group", Name: group, Qualifier: f.Qualifier, Detail: "filter " + filter, Doc: docLogFilter, Key: f.Key})
		}
		if found.Open {
			all = append(all, Caller{Kind: "log group", Name: "any log group", Detail: "a grant to CloudWatch Logs names none: which send to it cannot be looked up"})
		}
		return all
	})
}

func lookForLogFilters(ctx context.Context, cfg aws.Config, s *Survey) (found calledByLogs, err error) {
	for _, service := range []string{"logs.amazonaws.com", "logs." + s.Region + ".amazonaws.com"} { // it is written both ways
		arns, open, failed := s.sourcesOf(ctx, cfg, service)
		found.Open = found.Open || open
		if err == nil {
			err = failed
		}
		for _, arn := range arns {
			group := groupOf(arn)
			if group == "" || regionOf(arn) != s.Region { // filters send to functions of their own region alone
				continue
			}
			filters, failed := filtersOf(ctx, logsClient(cfg), group)
			if failed != nil && !isCode(failed, "ResourceNotFoundException") && err == nil { // a grant may outlive its group
				err = fmt.Errorf("%s: %w", arn, failed)
			}
			for _, f := range filters {
				if q, ours := s.calledAs(aws.ToString(f.DestinationArn)); ours {
					found.Filters = append(found.Filters, calledByFilter{strings.TrimSuffix(arn, ":*") + filterMark + aws.ToString(f.FilterName), q})
				}
			}
		}
	}
	return found, err
}

// groupFilterLook lists the filters of a log group that is a target itself, wherever they send to.
func groupFilterLook() Part {
	return Look(Part{Name: partGroupFilter, On: []TargetKind{OnResource}, Needs: []awsapi.Need{
		does("CloudWatchLogs:DescribeSubscriptionFilters", "logs:DescribeSubscriptionFilters", "log group ARN", false),
	}}, func(ctx context.Context, cfg aws.Config, s *Survey) (found []calledByFilter, err error) {
		group := groupOf(s.ARN)
		if group == "" {
			return nil, nil
		}
		filters, err := filtersOf(ctx, logsClient(cfg), group)
		for _, f := range filters {
			found = append(found, calledByFilter{Key: strings.TrimSuffix(s.ARN, ":*") + filterMark + aws.ToString(f.FilterName)})
		}
		return found, err
	}, nil)
}
