package respond

import (
	"fmt"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/playbooks"
)

// Inputs that a playbook for alerts is given.
const (
	inputFunction = "function" // ARN
	inputSince    = "since"    // how far back records are read
)

// playbook is what runs for an alert.
func (o *Options) playbook(a *alert.Alert) (*playbooks.Playbook, error) {
	if o.Playbook == nil {
		return Playbook()
	}
	pb, err := o.Playbook(a)
	if err != nil {
		return nil, err
	}
	if why := Unfit(pb); why != "" {
		return nil, fmt.Errorf("playbook %s is not run without people: %s", pb.Name, why)
	}
	return pb, nil
}

// inputs are what a playbook wants of those that there are.
func inputs(pb *playbooks.Playbook, a *alert.Alert, now time.Time) map[string]any {
	all := map[string]any{}
	for _, in := range pb.Inputs {
		switch in.Name {
		case inputFunction:
			all[in.Name] = a.Target.ARN
		case inputSince:
			all[in.Name] = window(a, now)
		}
	}
	return all
}

// Unfit says why a playbook cannot run for alerts while nobody is there, "" if it can: it must change
// nothing and ask nobody, seal evidence, and want nothing but the function and how far back to look.
func Unfit(pb *playbooks.Playbook) string {
	var why []string
	seals := false
	for _, step := range pb.Outline(nil) {
		switch {
		case step.Class == playbooks.Changes:
			why = append(why, fmt.Sprintf("step %s (%s) changes the account, which only a mandate allows", step.ID, step.Does))
		case step.Class == playbooks.Asks && step.With["later"] != "true": // what is left to people holds nothing up
			why = append(why, fmt.Sprintf("step %s (%s) asks a person, and nobody is there", step.ID, step.Does))
		}
		seals = seals || step.Does == "collect"
	}
	if !seals {
		why = append(why, "no step of it seals evidence")
	}
	takes := false
	for _, in := range pb.Inputs {
		switch {
		case in.Name == inputFunction && in.Type == playbooks.Text:
			takes = true
		case in.Name == inputSince && in.Type == playbooks.Duration:
		case in.Name == inputFunction || in.Name == inputSince:
			why = append(why, fmt.Sprintf("its input %s is a %s", in.Name, in.Type))
		case in.Required:
			why = append(why, fmt.Sprintf("nobody gives it its input %s", in.Name))
		}
	}
	if !takes {
		why = append(why, "it has no input function, by which it would be told what the alert is of")
	}
	return strings.Join(why, "; ")
}
