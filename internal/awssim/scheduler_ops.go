package awssim

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	st "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

// schedulerOps is every simulated operation of EventBridge Scheduler. Nothing is ever
// called by a schedule.
func schedulerOps() []operation {
	return []operation{
		op("scheduler", "CreateSchedule", createSchedule), op("scheduler", "GetSchedule", getSchedule), op("scheduler", "ListSchedules", listSchedules),
		op("scheduler", "UpdateSchedule", updateSchedule), op("scheduler", "DeleteSchedule", deleteSchedule),
		op("scheduler", "CreateScheduleGroup", createScheduleGroup), op("scheduler", "GetScheduleGroup", getScheduleGroup), op("scheduler", "ListScheduleGroups", listScheduleGroups), op("scheduler", "DeleteScheduleGroup", deleteScheduleGroup),
	}
}

// schedulerState is EventBridge Scheduler in one account and region: schedules by GROUP/NAME.
type schedulerState struct {
	groups    map[string]st.ScheduleGroupSummary
	schedules map[string]*scheduler.GetScheduleOutput
}

func newSchedulerState() *schedulerState {
	return &schedulerState{groups: map[string]st.ScheduleGroupSummary{}, schedules: map[string]*scheduler.GetScheduleOutput{}}
}

func (s *schedulerState) objects(account, region string, put putObject) {
	at := "scheduler/" + account + "/" + region
	for n, g := range s.groups {
		put(at+"/group/"+n, map[string]any{"state": g.State}, map[string]any{"created": g.CreationDate})
	}
	for n, x := range s.schedules {
		logical := *x
		logical.CreationDate, logical.LastModificationDate = nil, nil
		put(at+"/schedule/"+n, logical, map[string]any{"created": x.CreationDate, "modified": x.LastModificationDate})
	}
}

func (c *call) schedules() *schedulerState {
	return c.schedulers.at(c.accountID, c.region, newSchedulerState)
}

const defaultGroup = "default"

func (c *call) scheduleGroup(name *string) (string, st.ScheduleGroupSummary, error) {
	n := aws.ToString(name)
	if n == "" {
		n = defaultGroup
	}
	g, ok := c.schedules().groups[n]
	if n == defaultGroup && !ok { // always there
		g, ok = st.ScheduleGroupSummary{Arn: aws.String(c.arn("scheduler", "schedule-group/default")), Name: &n, State: st.ScheduleGroupStateActive, CreationDate: &c.now, LastModificationDate: &c.now}, true
	}
	if !ok {
		return n, g, fail("ResourceNotFoundException", "Schedule group %s does not exist.", n)
	}
	return n, g, nil
}

// schedule finds a schedule; ask says which permission is asked for it.
func (c *call) schedule(ask string, group, name *string) (key string, _ *scheduler.GetScheduleOutput, _ error) {
	g := aws.ToString(group)
	if g == "" {
		g = defaultGroup
	}
	key = g + "/" + aws.ToString(name)
	arn := c.arn("scheduler", "schedule/"+key)
	if err := c.allow("scheduler:"+ask, arn); err != nil {
		return "", nil, err
	}
	c.trail.resources = []trailResource{{arn, "AWS::Scheduler::Schedule"}}
	if _, _, err := c.scheduleGroup(&g); err != nil {
		return "", nil, err
	}
	s := c.schedules().schedules[key]
	if s == nil && ask != "CreateSchedule" {
		return "", nil, fail("ResourceNotFoundException", "Schedule %s does not exist.", aws.ToString(name))
	}
	return key, s, nil
}

func createSchedule(c *call, in *scheduler.CreateScheduleInput) (*scheduler.CreateScheduleOutput, error) {
	key, had, err := c.schedule("CreateSchedule", in.GroupName, in.Name)
	if err != nil {
		return nil, err
	}
	if had != nil {
		return nil, fail("ConflictException", "Schedule %s already exists.", aws.ToString(in.Name))
	}
	if err := c.passes(in.Target); err != nil {
		return nil, err
	}
	if err := c.begins(in.ScheduleExpression, in.StartDate); err != nil {
		return nil, err
	}
	group, _, _ := strings.Cut(key, "/")
	s := &scheduler.GetScheduleOutput{Arn: aws.String(c.arn("scheduler", "schedule/"+key)), Name: in.Name, GroupName: &group, CreationDate: aws.Time(c.now)}
	c.keepSchedule(s, scheduler.UpdateScheduleInput{FlexibleTimeWindow: in.FlexibleTimeWindow, ScheduleExpression: in.ScheduleExpression, Target: in.Target, ActionAfterCompletion: in.ActionAfterCompletion,
		Description: in.Description, EndDate: in.EndDate, KmsKeyArn: in.KmsKeyArn, ScheduleExpressionTimezone: in.ScheduleExpressionTimezone, StartDate: in.StartDate, State: in.State})
	c.schedules().schedules[key] = s
	return &scheduler.CreateScheduleOutput{ScheduleArn: s.Arn}, nil
}

// passes: the schedule calls its target with a role that the caller hands over.
func (c *call) passes(t *st.Target) error {
	role := aws.ToString(t.RoleArn)
	if a, ok := parseARN(role); !ok || a.service != "iam" {
		return fail("ValidationException", "Provided role %s is not valid.", role)
	}
	return c.allow("iam:PassRole", role)
}

// begins: a schedule that recurs cannot have begun, and an update is no exception, so that
// one that has begun cannot be restated as it is. AWS's pages do not say so; its users do
// (moto pull request 8172).
func (c *call) begins(expression *string, start *time.Time) error {
	if start != nil && !strings.HasPrefix(aws.ToString(expression), "at(") && start.Before(c.now.Add(-5*time.Minute)) {
		return fail("ValidationException", "The StartDate you specify cannot be earlier than 5 minutes ago.")
	}
	return nil
}

// keepSchedule sets all that is given, and what is not given to its default: UpdateSchedule
// is no patch (its API Reference).
func (c *call) keepSchedule(s *scheduler.GetScheduleOutput, in scheduler.UpdateScheduleInput) {
	s.FlexibleTimeWindow, s.ScheduleExpression, s.Target, s.Description, s.EndDate, s.KmsKeyArn, s.StartDate = in.FlexibleTimeWindow, in.ScheduleExpression, in.Target, in.Description, in.EndDate, in.KmsKeyArn, in.StartDate
	s.State, s.ActionAfterCompletion, s.ScheduleExpressionTimezone = in.State, in.ActionAfterCompletion, in.ScheduleExpressionTimezone
	if s.State == "" {
		s.State = st.ScheduleStateEnabled
	}
	if s.ActionAfterCompletion == "" {
		s.ActionAfterCompletion = st.ActionAfterCompletionNone
	}
	if s.ScheduleExpressionTimezone == nil {
		s.ScheduleExpressionTimezone = aws.String("UTC")
	}
	if s.Target.RetryPolicy == nil { // a day and 185 tries
		t := *s.Target
		t.RetryPolicy = &st.RetryPolicy{MaximumEventAgeInSeconds: aws.Int32(86400), MaximumRetryAttempts: aws.Int32(185)}
		s.Target = &t
	}
	s.LastModificationDate = aws.Time(c.now)
}

func getSchedule(c *call, in *scheduler.GetScheduleInput) (*scheduler.GetScheduleOutput, error) {
	_, s, err := c.schedule("GetSchedule", in.GroupName, in.Name)
	return s, err
}

func updateSchedule(c *call, in *scheduler.UpdateScheduleInput) (*scheduler.UpdateScheduleOutput, error) {
	_, s, err := c.schedule("UpdateSchedule", in.GroupName, in.Name)
	if err != nil {
		return nil, err
	}
	if err := c.passes(in.Target); err != nil {
		return nil, err
	}
	if err := c.begins(in.ScheduleExpression, in.StartDate); err != nil {
		return nil, err
	}
	c.keepSchedule(s, *in)
	return &scheduler.UpdateScheduleOutput{ScheduleArn: s.Arn}, nil
}

func deleteSchedule(c *call, in *scheduler.DeleteScheduleInput) (*scheduler.DeleteScheduleOutput, error) {
	key, _, err := c.schedule("DeleteSchedule", in.GroupName, in.Name)
	if err != nil {
		return nil, err
	}
	delete(c.schedules().schedules, key)
	return nil, nil
}

func listSchedules(c *call, in *scheduler.ListSchedulesInput) (*scheduler.ListSchedulesOutput, error) {
	if err := c.allow("scheduler:ListSchedules", c.arn("scheduler", "schedule/*/*")); err != nil {
		return nil, err
	}
	if in.GroupName != nil {
		if _, _, err := c.scheduleGroup(in.GroupName); err != nil {
			return nil, err
		}
	}
	all := []st.ScheduleSummary{}
	for _, key := range sortedNames(c.schedules().schedules) {
		s := c.schedules().schedules[key]
		if in.GroupName != nil && *s.GroupName != *in.GroupName || !strings.HasPrefix(*s.Name, aws.ToString(in.NamePrefix)) || in.State != "" && s.State != in.State {
			continue
		}
		all = append(all, st.ScheduleSummary{Arn: s.Arn, Name: s.Name, GroupName: s.GroupName, State: s.State, CreationDate: s.CreationDate, LastModificationDate: s.LastModificationDate, Target: &st.TargetSummary{Arn: s.Target.Arn}})
	}
	page, next, err := paginate(all, in.NextToken, in.MaxResults, 100)
	return &scheduler.ListSchedulesOutput{Schedules: page, NextToken: next}, err
}

func createScheduleGroup(c *call, in *scheduler.CreateScheduleGroupInput) (*scheduler.CreateScheduleGroupOutput, error) {
	n := aws.ToString(in.Name)
	arn := c.arn("scheduler", "schedule-group/"+n)
	if err := c.allow("scheduler:CreateScheduleGroup", arn); err != nil {
		return nil, err
	}
	if _, _, err := c.scheduleGroup(&n); err == nil {
		return nil, fail("ConflictException", "Schedule group %s already exists.", n)
	}
	now := c.now
	c.schedules().groups[n] = st.ScheduleGroupSummary{Arn: &arn, Name: &n, State: st.ScheduleGroupStateActive, CreationDate: &now, LastModificationDate: &now}
	return &scheduler.CreateScheduleGroupOutput{ScheduleGroupArn: &arn}, nil
}

func getScheduleGroup(c *call, in *scheduler.GetScheduleGroupInput) (*scheduler.GetScheduleGroupOutput, error) {
	if err := c.allow("scheduler:GetScheduleGroup", c.arn("scheduler", "schedule-group/"+aws.ToString(in.Name))); err != nil {
		return nil, err
	}
	_, g, err := c.scheduleGroup(in.Name)
	return &scheduler.GetScheduleGroupOutput{Arn: g.Arn, Name: g.Name, State: g.State, CreationDate: g.CreationDate, LastModificationDate: g.LastModificationDate}, err
}

func listScheduleGroups(c *call, in *scheduler.ListScheduleGroupsInput) (*scheduler.ListScheduleGroupsOutput, error) {
	if err := c.allow("scheduler:ListScheduleGroups", c.arn("scheduler", "schedule-group/*")); err != nil {
		return nil, err
	}
	_, first, _ := c.scheduleGroup(nil)
	all := []st.ScheduleGroupSummary{first}
	for _, n := range sortedNames(c.schedules().groups) {
		all = append(all, c.schedules().groups[n])
	}
	all = keepPrefix(all, in.NamePrefix)
	page, next, err := paginate(all, in.NextToken, in.MaxResults, 100)
	return &scheduler.ListScheduleGroupsOutput{ScheduleGroups: page, NextToken: next}, err
}

func keepPrefix(all []st.ScheduleGroupSummary, prefix *string) []st.ScheduleGroupSummary {
	out := []st.ScheduleGroupSummary{}
	for _, g := range all {
		if strings.HasPrefix(*g.Name, aws.ToString(prefix)) {
			out = append(out, g)
		}
	}
	return out
}

func deleteScheduleGroup(c *call, in *scheduler.DeleteScheduleGroupInput) (*scheduler.DeleteScheduleGroupOutput, error) {
	n := aws.ToString(in.Name)
	if err := c.allow("scheduler:DeleteScheduleGroup", c.arn("scheduler", "schedule-group/"+n)); err != nil {
		return nil, err
	}
	if n == defaultGroup {
		return nil, fail("ValidationException", "Default schedule group cannot be deleted.")
	}
	if _, _, err := c.scheduleGroup(in.Name); err != nil {
		return nil, err
	}
	delete(c.schedules().groups, n)
	for key := range c.schedules().schedules { // a group takes its schedules with it
		if strings.HasPrefix(key, n+"/") {
			delete(c.schedules().schedules, key)
		}
	}
	return nil, nil
}
