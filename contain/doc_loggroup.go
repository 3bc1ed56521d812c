package contain

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// retention is how many days a log group (Place.Key is its ARN) keeps its events.
type retention struct {
	Days  *int32 `json:"days"`            // nil: for ever
	Fixed bool   `json:"fixed,omitempty"` // of class DELIVERY: AWS keeps a day and lets nobody change it
	Gone  bool   `json:"gone,omitempty"`
}

// protection is whether a log group refuses to be deleted.
type protection struct {
	On   bool `json:"on"`
	Gone bool `json:"gone,omitempty"`
}

func logGroupActs() []Act {
	group := func(p Place) string { return p.Key }
	return append(Define(Doc[retention]{
		Name: "logs.retention",
		Needs: []awsapi.Need{
			logsNeed("DescribeLogGroups", "*", false),
			logsNeed("DeleteRetentionPolicy", "log group ARN", true),
			when(logsNeed("PutRetentionPolicy", "log group ARN", true), "lifting"),
		},
		Resource: group,
		Read:     readRetention,
		Steps:    retentionSteps,
	}, retentionEdit()), Define(Doc[protection]{
		Name: "logs.protection",
		Needs: []awsapi.Need{
			logsNeed("DescribeLogGroups", "*", false),
			logsNeed("PutLogGroupDeletionProtection", "log group ARN", true),
		},
		Resource: group,
		Read: func(ctx context.Context, cfg aws.Config, p Place) (protection, Token, error) {
			g, err := logGroup(ctx, cfg, p.Key)
			if g == nil {
				return protection{Gone: err == nil}, "", err
			}
			return protection{On: aws.ToBool(g.DeletionProtectionEnabled)}, "", nil
		},
		Steps: protectionSteps,
	}, protectionEdit())...)
}

func logsNeed(op, resource string, mutates bool) awsapi.Need {
	return awsapi.Need{Call: "CloudWatchLogs:" + op, Mutates: mutates, IAM: []awsapi.Grant{{Action: "logs:" + op, Resource: resource}}}
}

func retentionEdit() Edit[retention] {
	return Edit[retention]{
		Name:  actRetention,
		About: "let the log group keep its events for ever: a shorter retention deletes evidence by itself",
		Kind:  Preserve, Attack: []string{"T1562.008", "T1070"}, Sparse: true,
		On:      []TargetKind{OnFunction, OnResource},
		Keys:    logGroupKeys,
		Fixture: Fixture{Resource: "arn:aws:logs:eu-central-1:123456789012:log-group:/shop/short-lived"},
		Apply: func(_ Place, s retention, _ Params) (retention, error) {
			if s.Fixed {
				return s, errors.New("a group of class DELIVERY keeps a day, which nobody can change: follow its deliveries")
			}
			s.Days = nil
			return s, nil
		},
		Breaks: func(_ *Survey, before map[string]retention) []Impact {
			var all []Impact
			for _, group := range sortedKeys(before) {
				all = append(all, Impact{What: "logs", Resource: group, Detail: "stored events are billed until somebody undoes this"})
			}
			return all
		},
		Worth: func(*Survey) []string {
			return []string{"events that have expired are deleted by AWS within about 72 hours: some may still be there, what is gone does not come back"}
		},
	}
}

func protectionEdit() Edit[protection] {
	return Edit[protection]{
		Name:  actProtection,
		About: "protect the log group from being deleted",
		Kind:  Preserve, Attack: []string{"T1562.008", "T1485"}, Sparse: true,
		On:   []TargetKind{OnFunction, OnResource},
		Keys: logGroupKeys,
		Apply: func(_ Place, s protection, _ Params) (protection, error) {
			s.On = !s.Gone
			return s, nil
		},
		Breaks: func(_ *Survey, before map[string]protection) []Impact {
			var all []Impact
			for _, group := range sortedKeys(before) {
				all = append(all, Impact{What: "logs", Resource: group, Detail: "stacks and people that delete the group are refused"})
			}
			return all
		},
		Worth: func(*Survey) []string {
			return []string{"whoever may call logs:PutLogGroupDeletionProtection takes it off again"}
		},
	}
}

// logGroupKeys are the function's log group, or the one that the target is.
func logGroupKeys(s *Survey) []string {
	if s.Kind == OnFunction {
		return []string{s.logGroupARN()}
	}
	if strings.Contains(s.ARN, ":logs:") && strings.Contains(s.ARN, ":log-group:") {
		return []string{strings.TrimSuffix(s.ARN, ":*")}
	}
	return nil
}

func groupName(arn string) *string {
	_, n, _ := strings.Cut(arn, ":log-group:")
	return aws.String(n)
}

// logGroup is the group of that ARN, nil if there is none.
func logGroup(ctx context.Context, cfg aws.Config, arn string) (*logstypes.LogGroup, error) {
	var found *logstypes.LogGroup
	name := groupName(arn)
	err := pages(func(m *string) (*string, error) {
		out, err := cloudwatchlogs.NewFromConfig(cfg).DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: name, NextToken: m})
		if err != nil {
			return nil, err
		}
		for i, g := range out.LogGroups {
			if aws.ToString(g.LogGroupName) == *name { // others begin with that name
				found = &out.LogGroups[i]
				return nil, nil
			}
		}
		return out.NextToken, nil
	})
	return found, err
}

func readRetention(ctx context.Context, cfg aws.Config, p Place) (retention, Token, error) {
	g, err := logGroup(ctx, cfg, p.Key)
	if g == nil {
		return retention{Gone: err == nil}, "", err
	}
	return retention{Days: g.RetentionInDays, Fixed: g.LogGroupClass == logstypes.LogGroupClassDelivery}, "", nil
}

func retentionSteps(p Place, now, to retention, _ Token) []Step {
	if now.Gone || to.Gone {
		return nil
	}
	if to.Days == nil {
		in := &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: groupName(p.Key)}
		return []Step{{"CloudWatchLogs:DeleteRetentionPolicy", in, func(ctx context.Context, cfg aws.Config) error {
			_, err := cloudwatchlogs.NewFromConfig(cfg).DeleteRetentionPolicy(ctx, in)
			return err
		}}}
	}
	in := &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: groupName(p.Key), RetentionInDays: to.Days}
	return []Step{{"CloudWatchLogs:PutRetentionPolicy", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := cloudwatchlogs.NewFromConfig(cfg).PutRetentionPolicy(ctx, in)
		return err
	}}}
}

func protectionSteps(p Place, now, to protection, _ Token) []Step {
	if now.Gone || to.Gone {
		return nil
	}
	in := &cloudwatchlogs.PutLogGroupDeletionProtectionInput{LogGroupIdentifier: groupName(p.Key), DeletionProtectionEnabled: aws.Bool(to.On)}
	return []Step{{"CloudWatchLogs:PutLogGroupDeletionProtection", in, func(ctx context.Context, cfg aws.Config) error {
		_, err := cloudwatchlogs.NewFromConfig(cfg).PutLogGroupDeletionProtection(ctx, in)
		return err
	}}}
}
