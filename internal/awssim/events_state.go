package awssim

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	et "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// eventsState is EventBridge in one account and region. The default bus is always there.
type eventsState struct{ buses map[string]*bus }

func newEventsState() *eventsState {
	return &eventsState{buses: map[string]*bus{"default": newBus("default")}}
}

type bus struct {
	name, description string
	rules             map[string]*rule
	tags              map[string]string
}

func newBus(name string) *bus {
	return &bus{name: name, rules: map[string]*rule{}, tags: map[string]string{}}
}

type rule struct {
	config    et.Rule
	createdBy string
	targets   []et.Target // in the order of putting
	tags      map[string]string
}

func (s *eventsState) objects(account, region string, put putObject) {
	for bn, b := range s.buses {
		at := "events/" + account + "/" + region + "/" + bn
		// The default bus is there in every region, looked at or not.
		if bn != "default" || b.description != "" || len(b.tags) > 0 {
			put(at, map[string]any{"description": b.description, "tags": b.tags}, nil)
		}
		for rn, r := range b.rules {
			// A colon, because a bus's name may hold slashes and no colon.
			put(at+":"+rn, map[string]any{"config": r.config, "targets": r.targets, "tags": r.tags}, nil)
		}
	}
}

// unmanaged refuses what only the AWS service may do that made the rule (API reference,
// ManagedRuleException; DeleteRule and RemoveTargets go on with Force).
func (r *rule) unmanaged() error {
	if r.config.ManagedBy == nil {
		return nil
	}
	return fail("ManagedRuleException", "Rule %s is managed by %s.", aws.ToString(r.config.Name), *r.config.ManagedBy)
}

// StageManagedRule makes a rule of the default bus as an AWS service makes one in a customer's account.
func (c *Cloud) StageManagedRule(account, region, name, by string, targets ...et.Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	arn := arnOf("events", region, account, "rule/"+name)
	c.events.at(account, region, newEventsState).buses["default"].rules[name] = &rule{createdBy: account, targets: targets, tags: map[string]string{}, config: et.Rule{
		Name: &name, Arn: &arn, EventBusName: aws.String("default"), ManagedBy: &by, State: et.RuleStateEnabled, EventPattern: aws.String(`{"source":["` + by + `"]}`)}}
}
