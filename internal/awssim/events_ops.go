package awssim

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	et "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// eventsOps is every simulated operation of EventBridge. Events are not matched or
// delivered: PutEvents is not simulated.
func eventsOps() []operation {
	return []operation{
		op("events", "CreateEventBus", createBus), op("events", "DescribeEventBus", describeBus), op("events", "ListEventBuses", listBuses), op("events", "DeleteEventBus", deleteBus),
		op("events", "PutRule", putRule), op("events", "DescribeRule", describeRule), op("events", "ListRules", listRules), op("events", "DeleteRule", deleteRule),
		op("events", "EnableRule", enableRule), op("events", "DisableRule", disableRule), op("events", "ListRuleNamesByTarget", listRulesByTarget),
		op("events", "PutTargets", putTargets), op("events", "RemoveTargets", removeTargets), op("events", "ListTargetsByRule", listTargets),
	}
}

// busName reads a name out of a name or ARN; none is the default bus.
func busName(s *string) string {
	if s == nil || *s == "" {
		return "default"
	}
	if a, ok := parseARN(*s); ok {
		return strings.TrimPrefix(a.resource, "event-bus/")
	}
	return *s
}

func (c *call) busARN(name string) string { return c.arn("events", "event-bus/"+name) }

// ruleARN: rules of the default bus do not name it.
func (c *call) ruleARN(bus, name string) string {
	if bus == "default" {
		return c.arn("events", "rule/"+name)
	}
	return c.arn("events", "rule/"+bus+"/"+name)
}

func (c *call) eventBuses() *eventsState { return c.events.at(c.accountID, c.region, newEventsState) }

// bus finds an event bus.
func (c *call) bus(action string, name *string) (*bus, error) {
	n := busName(name)
	if err := c.allow("events:"+action, c.busARN(n)); err != nil {
		return nil, err
	}
	if b := c.eventBuses().buses[n]; b != nil {
		return b, nil
	}
	return nil, noBus(n)
}

func noBus(name string) error {
	return fail("ResourceNotFoundException", "Event bus %s does not exist.", name)
}

// rule finds a rule of a bus.
func (c *call) rule(action string, busID, name *string) (*bus, *rule, error) {
	bn := busName(busID)
	if err := c.allow("events:"+action, c.ruleARN(bn, aws.ToString(name))); err != nil {
		return nil, nil, err
	}
	c.trail.resources = []trailResource{{c.ruleARN(bn, aws.ToString(name)), "AWS::Events::Rule"}}
	b := c.eventBuses().buses[bn]
	if b == nil {
		return nil, nil, noBus(bn)
	}
	if r := b.rules[aws.ToString(name)]; r != nil {
		return b, r, nil
	}
	return nil, nil, fail("ResourceNotFoundException", "Rule %s does not exist on EventBus %s.", aws.ToString(name), bn)
}

func createBus(c *call, in *eventbridge.CreateEventBusInput) (*eventbridge.CreateEventBusOutput, error) {
	name := aws.ToString(in.Name)
	if err := c.allow("events:CreateEventBus", c.busARN(name)); err != nil {
		return nil, err
	}
	s := c.eventBuses()
	if s.buses[name] != nil {
		return nil, fail("ResourceAlreadyExistsException", "Event bus %s already exists.", name)
	}
	b := newBus(name)
	b.description = aws.ToString(in.Description)
	for _, t := range in.Tags {
		b.tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	s.buses[name] = b
	return &eventbridge.CreateEventBusOutput{EventBusArn: aws.String(c.busARN(name)), Description: in.Description}, nil
}

func describeBus(c *call, in *eventbridge.DescribeEventBusInput) (*eventbridge.DescribeEventBusOutput, error) {
	b, err := c.bus("DescribeEventBus", in.Name)
	if err != nil {
		return nil, err
	}
	return &eventbridge.DescribeEventBusOutput{Name: aws.String(b.name), Arn: aws.String(c.busARN(b.name))}, nil
}

func listBuses(c *call, in *eventbridge.ListEventBusesInput) (*eventbridge.ListEventBusesOutput, error) {
	if err := c.allow("events:ListEventBuses", "*"); err != nil {
		return nil, err
	}
	all := []et.EventBus{}
	for _, n := range sortedNames(c.eventBuses().buses) {
		if strings.HasPrefix(n, aws.ToString(in.NamePrefix)) {
			all = append(all, et.EventBus{Name: aws.String(n), Arn: aws.String(c.busARN(n))})
		}
	}
	page, next, err := paginate(all, in.NextToken, in.Limit, 100)
	return &eventbridge.ListEventBusesOutput{EventBuses: orEmpty(page), NextToken: next}, err
}

func deleteBus(c *call, in *eventbridge.DeleteEventBusInput) (*eventbridge.DeleteEventBusOutput, error) {
	n := busName(in.Name)
	if err := c.allow("events:DeleteEventBus", c.busARN(n)); err != nil {
		return nil, err
	}
	s := c.eventBuses()
	switch b := s.buses[n]; {
	case n == "default":
		return nil, fail("ValidationException", "Cannot delete event bus default.")
	case b != nil && len(b.rules) > 0:
		return nil, fail("ValidationException", "EventBus %s can't be deleted since it has rules.", n)
	}
	delete(s.buses, n) // AWS answers 200 also where there is none
	return nil, nil
}

func putRule(c *call, in *eventbridge.PutRuleInput) (*eventbridge.PutRuleOutput, error) {
	bn, name := busName(in.EventBusName), aws.ToString(in.Name)
	arn := c.ruleARN(bn, name)
	if err := c.allow("events:PutRule", arn); err != nil {
		return nil, err
	}
	c.trail.resources = []trailResource{{arn, "AWS::Events::Rule"}}
	b := c.eventBuses().buses[bn]
	if b == nil {
		return nil, noBus(bn)
	}
	if in.EventPattern == nil && in.ScheduleExpression == nil {
		return nil, fail("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.")
	}
	if in.EventPattern != nil && !json.Valid([]byte(*in.EventPattern)) {
		return nil, fail("InvalidEventPatternException", "Event pattern is not valid. Reason: Filter is not an object")
	}
	if in.ScheduleExpression != nil && bn != "default" {
		return nil, fail("ValidationException", "ScheduleExpression is supported only on the default event bus.")
	}
	r := b.rules[name]
	if r != nil {
		if err := r.unmanaged(); err != nil {
			return nil, err
		}
	}
	if r == nil {
		r = &rule{createdBy: c.accountID, tags: map[string]string{}}
		b.rules[name] = r
	}
	r.config = *like[et.Rule](in) // what is not given is gone
	r.config.Arn, r.config.EventBusName = aws.String(arn), aws.String(bn)
	if r.config.State == "" {
		r.config.State = et.RuleStateEnabled
	}
	for _, t := range in.Tags {
		r.tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return &eventbridge.PutRuleOutput{RuleArn: aws.String(arn)}, nil
}

func describeRule(c *call, in *eventbridge.DescribeRuleInput) (*eventbridge.DescribeRuleOutput, error) {
	_, r, err := c.rule("DescribeRule", in.EventBusName, in.Name)
	if err != nil {
		return nil, err
	}
	out := like[eventbridge.DescribeRuleOutput](r.config)
	out.CreatedBy = aws.String(r.createdBy)
	return out, nil
}

func listRules(c *call, in *eventbridge.ListRulesInput) (*eventbridge.ListRulesOutput, error) {
	b, err := c.bus("ListRules", in.EventBusName)
	if err != nil {
		return nil, err
	}
	all := []et.Rule{}
	for _, n := range sortedNames(b.rules) {
		if strings.HasPrefix(n, aws.ToString(in.NamePrefix)) {
			all = append(all, b.rules[n].config)
		}
	}
	page, next, err := paginate(all, in.NextToken, in.Limit, 100)
	return &eventbridge.ListRulesOutput{Rules: orEmpty(page), NextToken: next}, err
}

func deleteRule(c *call, in *eventbridge.DeleteRuleInput) (*eventbridge.DeleteRuleOutput, error) {
	b, r, err := c.rule("DeleteRule", in.EventBusName, in.Name)
	if err != nil {
		if e, ok := err.(*apiError); ok && e.Code == "ResourceNotFoundException" {
			return nil, nil // AWS answers 200
		}
		return nil, err
	}
	if err := r.unmanaged(); err != nil && !in.Force {
		return nil, err
	}
	if len(r.targets) > 0 {
		return nil, fail("ValidationException", "Rule can't be deleted since it has targets.")
	}
	delete(b.rules, *in.Name)
	return nil, nil
}

// enableRule: a rule that matched all management events comes back as one that does not.
func enableRule(c *call, in *eventbridge.EnableRuleInput) (*eventbridge.EnableRuleOutput, error) {
	_, r, err := c.rule("EnableRule", in.EventBusName, in.Name)
	if err != nil {
		return nil, err
	}
	if err := r.unmanaged(); err != nil {
		return nil, err
	}
	r.config.State = et.RuleStateEnabled
	return nil, nil
}

func disableRule(c *call, in *eventbridge.DisableRuleInput) (*eventbridge.DisableRuleOutput, error) {
	_, r, err := c.rule("DisableRule", in.EventBusName, in.Name)
	if err != nil {
		return nil, err
	}
	if err := r.unmanaged(); err != nil {
		return nil, err
	}
	r.config.State = et.RuleStateDisabled
	return nil, nil
}

func listRulesByTarget(c *call, in *eventbridge.ListRuleNamesByTargetInput) (*eventbridge.ListRuleNamesByTargetOutput, error) {
	b, err := c.bus("ListRuleNamesByTarget", in.EventBusName)
	if err != nil {
		return nil, err
	}
	all := []string{}
	for _, n := range sortedNames(b.rules) {
		if slices.ContainsFunc(b.rules[n].targets, func(t et.Target) bool { return aws.ToString(t.Arn) == aws.ToString(in.TargetArn) }) {
			all = append(all, n)
		}
	}
	page, next, err := paginate(all, in.NextToken, in.Limit, 100)
	return &eventbridge.ListRuleNamesByTargetOutput{RuleNames: orEmpty(page), NextToken: next}, err
}

func putTargets(c *call, in *eventbridge.PutTargetsInput) (*eventbridge.PutTargetsOutput, error) {
	_, r, err := c.rule("PutTargets", in.EventBusName, in.Rule)
	if err != nil {
		return nil, err
	}
	if err := r.unmanaged(); err != nil {
		return nil, err
	}
	next := slices.Clone(r.targets)
	for _, t := range in.Targets {
		i := slices.IndexFunc(next, func(o et.Target) bool { return aws.ToString(o.Id) == aws.ToString(t.Id) })
		if i < 0 {
			next = append(next, t)
			continue
		}
		next[i] = t
	}
	if len(next) > 5 {
		return nil, fail("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
	}
	r.targets = next
	return &eventbridge.PutTargetsOutput{FailedEntries: []et.PutTargetsResultEntry{}}, nil
}

func removeTargets(c *call, in *eventbridge.RemoveTargetsInput) (*eventbridge.RemoveTargetsOutput, error) {
	_, r, err := c.rule("RemoveTargets", in.EventBusName, in.Rule)
	if err != nil {
		return nil, err
	}
	if err := r.unmanaged(); err != nil && !in.Force {
		return nil, err
	}
	r.targets = slices.DeleteFunc(slices.Clone(r.targets), func(t et.Target) bool { return slices.Contains(in.Ids, aws.ToString(t.Id)) })
	return &eventbridge.RemoveTargetsOutput{FailedEntries: []et.RemoveTargetsResultEntry{}}, nil
}

func listTargets(c *call, in *eventbridge.ListTargetsByRuleInput) (*eventbridge.ListTargetsByRuleOutput, error) {
	_, r, err := c.rule("ListTargetsByRule", in.EventBusName, in.Rule)
	if err != nil {
		return nil, err
	}
	page, next, err := paginate(r.targets, in.NextToken, in.Limit, 100)
	return &eventbridge.ListTargetsByRuleOutput{Targets: orEmpty(page), NextToken: next}, err
}
