package contain

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// scheduleState is whether a schedule of EventBridge Scheduler (Place.Key is its ARN) runs.
// What it hands over may hold secrets: it is read just before the write and restated, and
// stands in no state or plan.
type scheduleState struct {
	State string `json:"state"`
}

const (
	docSchedule      = "scheduler.schedule"
	partSchedules    = "schedules"
	universalLambda  = ":scheduler:::aws-sdk:lambda:" // begins targets that call Lambda's API; the function stands in the input
	scheduleDisabled = string(schedulertypes.ScheduleStateDisabled)
)

func scheduleActs() []Act {
	update := does("Scheduler:UpdateSchedule", "scheduler:UpdateSchedule", "schedule ARN", true)
	update.IAM = append(update.IAM, awsapi.Grant{Action: "iam:PassRole", Resource: "the schedule's role"})
	return Define(Doc[scheduleState]{
		Name:     docSchedule,
		Needs:    []awsapi.Need{does("Scheduler:GetSchedule", "scheduler:GetSchedule", "schedule ARN", false), update},
		Resource: func(p Place) string { return p.Key },
		Read:     readSchedule,
		Steps:    scheduleSteps,
	}, forGood(scheduleEdit(), actSchedulesEvict, "keep a hostile schedule of EventBridge Scheduler disabled for good; it stays in the account, as evidence",
		Fixture{Resource: "arn:aws:scheduler:eu-central-1:123456789012:schedule/billing/monthly"})...)
}

func scheduleEdit() Edit[scheduleState] {
	return Edit[scheduleState]{
		Name:  actSchedules,
		About: "disable schedules of EventBridge Scheduler, of all groups, that call the function or Lambda's API on it; all else in them is restated as it is",
		Lossy: "runs that fall due meanwhile do not take place later, a one-time schedule's never; a StartDate that is past cannot be restated, " +
			"since AWS refuses one earlier than 5 minutes ago: a rate then counts from another moment",
		LosesState: []string{"scheduler/*/schedule/*#.StartDate"},
		Kind:       Isolate, Level: LevelIsolate, Attack: []string{"T1053"},
		Answers: []Answer{{Kind: "schedule", Target: scheduleFound}},
		On:      []TargetKind{OnFunction, OnResource},
		Keys: func(s *Survey) []string {
			if s.Kind == OnResource {
				if group, _ := scheduleOf(s.ARN); group != "" {
					return []string{s.ARN}
				}
				return nil
			}
			var keys []string
			for _, c := range Found[[]calledBySchedule](s, partSchedules) {
				keys = append(keys, c.ARN)
			}
			return keys
		},
		Parts: []string{partSchedules}, Looks: []Part{scheduleLook()},
		Apply: func(Place, scheduleState, Params) (scheduleState, error) { return scheduleState{scheduleDisabled}, nil },
		Destroys: func(p Place, _ scheduleState) []Artefact {
			if p.Kind == OnResource {
				return nil
			}
			return []Artefact{{Name: "scheduler.schedule", ARN: p.Key}}
		},
		Breaks: func(_ *Survey, before map[string]scheduleState) []Impact {
			var all []Impact
			for _, key := range sortedKeys(before) {
				all = append(all, Impact{What: "trigger", Resource: key, Detail: "the schedule does not run"})
			}
			return all
		},
	}
}

// scheduleOf reads group and name out of a schedule's ARN.
func scheduleOf(arn string) (group, name string) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[2] != "scheduler" {
		return "", ""
	}
	rest, ok := strings.CutPrefix(parts[5], "schedule/")
	group, name, both := strings.Cut(rest, "/")
	if !ok || !both {
		return "", ""
	}
	return group, name
}

// scheduleFound is the ARN of a schedule that a finding names as "schedule/GROUP/NAME".
func scheduleFound(f finding.Finding) string {
	if f.ARN != "" || !strings.HasPrefix(f.Name, "schedule/") || f.Region == "" || f.Account == "" {
		return f.ARN
	}
	return "arn:aws:scheduler:" + f.Region + ":" + f.Account + ":" + f.Name
}

func schedulerClient(cfg aws.Config) *scheduler.Client { return scheduler.NewFromConfig(cfg) }

func readSchedule(ctx context.Context, cfg aws.Config, p Place) (scheduleState, Token, error) {
	group, name := scheduleOf(p.Key)
	out, err := schedulerClient(cfg).GetSchedule(ctx, &scheduler.GetScheduleInput{GroupName: &group, Name: &name})
	if err != nil {
		return scheduleState{}, "", err
	}
	whole, err := json.Marshal(scheduler.UpdateScheduleInput{
		GroupName: &group, Name: &name, FlexibleTimeWindow: out.FlexibleTimeWindow, ScheduleExpression: out.ScheduleExpression, Target: out.Target,
		ActionAfterCompletion: out.ActionAfterCompletion, Description: out.Description, EndDate: out.EndDate, KmsKeyArn: out.KmsKeyArn,
		ScheduleExpressionTimezone: out.ScheduleExpressionTimezone, StartDate: out.StartDate,
	})
	return scheduleState{string(out.State)}, Token(whole), err
}

// scheduleSteps: UpdateSchedule sets what it is not given to the default, so that everything
// is given again.
func scheduleSteps(p Place, _, to scheduleState, tok Token) []Step {
	group, name := scheduleOf(p.Key)
	shown := map[string]string{"GroupName": group, "Name": name, "State": to.State}
	return []Step{{"Scheduler:UpdateSchedule", shown, func(ctx context.Context, cfg aws.Config) error {
		in := &scheduler.UpdateScheduleInput{}
		if err := json.Unmarshal([]byte(tok), in); err != nil {
			return fmt.Errorf("reading the schedule: %w", err)
		}
		in.State = schedulertypes.ScheduleState(to.State)
		_, err := schedulerClient(cfg).UpdateSchedule(ctx, in)
		if in.StartDate != nil && isCode(err, "ValidationException") {
			in.StartDate = nil // it is past, and is refused; it has begun without it
			_, err = schedulerClient(cfg).UpdateSchedule(ctx, in)
		}
		return err
	}}}
}

// calledBySchedule is one schedule that calls the function, or Lambda's API on it.
type calledBySchedule struct{ ARN, State, Qualifier, Detail string }

func scheduleLook() Part {
	return Look(Part{Name: partSchedules, Needs: []awsapi.Need{
		does("Scheduler:ListSchedules", "scheduler:ListSchedules", "*", false),
		when(does("Scheduler:GetSchedule", "scheduler:GetSchedule", "schedule ARN", false), "a schedule calls Lambda's API"),
	}}, lookForSchedules, func(_ *Survey, found []calledBySchedule) []Caller {
		var all []Caller
		for _, x := range found {
			c := Caller{Kind: "schedule", Name: x.ARN, Qualifier: x.Qualifier, Detail: strings.TrimPrefix(x.Detail+", "+x.State, ", "), Doc: docSchedule, Key: x.ARN}
			if x.State == scheduleDisabled {
				c.Closed = "the schedule is disabled"
			}
			all = append(all, c)
		}
		return all
	})
}

func lookForSchedules(ctx context.Context, cfg aws.Config, s *Survey) ([]calledBySchedule, error) {
	c := schedulerClient(cfg)
	var all []calledBySchedule
	var asked []schedulertypes.ScheduleSummary // their input says whom they call
	listed := pages(func(m *string) (*string, error) {
		out, err := c.ListSchedules(ctx, &scheduler.ListSchedulesInput{NextToken: m})
		if err != nil {
			return nil, err
		}
		for _, x := range out.Schedules {
			if x.Target == nil {
				continue
			}
			to := aws.ToString(x.Target.Arn)
			if q, ours := s.calledAs(to); ours {
				all = append(all, calledBySchedule{aws.ToString(x.Arn), string(x.State), q, ""})
			} else if strings.Contains(to, universalLambda) {
				asked = append(asked, x)
			}
		}
		return out.NextToken, nil
	})
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelReads)
	var mu sync.Mutex
	for _, x := range asked {
		g.Go(func() error {
			out, err := c.GetSchedule(gctx, &scheduler.GetScheduleInput{GroupName: x.GroupName, Name: x.Name})
			if err != nil {
				return fmt.Errorf("schedule %s: %w", aws.ToString(x.Arn), err)
			}
			if q, ours := s.inputOf(out.Target); ours {
				_, call, _ := strings.Cut(aws.ToString(out.Target.Arn), universalLambda)
				mu.Lock()
				defer mu.Unlock()
				all = append(all, calledBySchedule{aws.ToString(x.Arn), string(x.State), q, "calls lambda:" + call})
			}
			return nil
		})
	}
	err := g.Wait()
	if listed != nil {
		err = listed
	}
	slices.SortFunc(all, func(a, b calledBySchedule) int { return strings.Compare(a.ARN, b.ARN) })
	return all, err
}

// inputOf says whether the input of a call of Lambda's API names the function: by name,
// ACCOUNT:function:NAME or ARN, each perhaps with a qualifier.
func (v *Survey) inputOf(t *schedulertypes.Target) (qualifier string, yes bool) {
	var in struct{ FunctionName, Qualifier string }
	if t == nil || json.Unmarshal([]byte(aws.ToString(t.Input)), &in) != nil {
		return "", false
	}
	q, ours := v.namedAs(in.FunctionName)
	return first(in.Qualifier, q), ours
}

// namedAs says whether a text is a name of the function in one of the forms that Lambda
// takes, and with which qualifier.
func (v *Survey) namedAs(text string) (qualifier string, yes bool) {
	for _, prefix := range []string{v.ARN, v.Account + ":function:" + v.Function, "function:" + v.Function, v.Function} {
		if q, ok := strings.CutPrefix(text, prefix); ok && (q == "" || q[0] == ':') {
			return strings.TrimPrefix(q, ":"), true
		}
	}
	return "", false
}
