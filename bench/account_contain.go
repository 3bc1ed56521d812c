package bench

import (
	"context"
	"fmt"
)

// AddContainables adds what acts of containment need to find and the account that
// collections are measured on does not have: something for each act, so that an act that
// is added is tested without a test of its own.
func (a *Account) AddContainables(ctx context.Context) error {
	for _, c := range containables() {
		if err := c.add(a, ctx); err != nil {
			return fmt.Errorf("adding %s to the account: %w", c.name, err)
		}
	}
	return nil
}

// containable is one such thing.
type containable struct {
	name string
	add  func(a *Account, ctx context.Context) error
}

// containables: to add one, a file contain_NAME.go and a line here.
func containables() []containable {
	return []containable{
		{"tags", (*Account).addTags},
		{"an open URL", (*Account).addOpenURL},
		{"the actor", (*Account).addActor},
		{"roles that outsiders may take", (*Account).addTrust},
		{"what is about to be lost", (*Account).addDoomed},
		{"an alias with weights", (*Account).addWeightedAlias},
		{"a group that lets nothing out", (*Account).addQuarantineGroup},
		{"a code-signing configuration that enforces", (*Account).addEnforcing},
		{"a configuration as an intruder leaves it", (*Account).changeConfiguration},
		{"rules", (*Account).addMoreRules},
		{"schedules", (*Account).addMoreSchedules},
		{"notifications", (*Account).addMoreNotifications},
		{"topics", (*Account).addMoreTopics},
		{"log filters", (*Account).addMoreLogFilters},
		{"loops", (*Account).allowRecursion},
		{"foreign destinations", (*Account).addForeignDestinations},
		{"names for what AWS has named", (*Account).nameThings},
		{"a secret that may be rotated", (*Account).addRotated},
	}
}
