package collect

import "github.com/freezeframe-ir/freezeframe/internal/awsapi"

// Catalogue is every collector, most volatile first: what acts of containment
// overwrite, then what an attacker can still change, then what expires, then the
// records that AWS keeps. To add one: a file with its value, a line here.
func Catalogue() []Collector {
	return []Collector{
		concurrency(),
		provisioned(),
		mappings(),
		durableRuns(),
		invokeConfig(),
		urls(),
		policies(),
		aliases(),
		configuration(),
		role(),
		code(),
		environment(),
		layers(),
		images(),
		runtimeConfig(),
		scaling(),
		recursion(),
		signing(),
		tags(),
		accountSettings(),
		rules(),
		schedules(),
		pipesOf(),
		notifications(),
		restAPIs(),
		httpAPIs(),
		targetGroups(),
		distributions(),
		topics(),
		queues(),
		logCallers(),
		unresolved(),
		autoscaling(),
		keys(),
		references(),
		network(),
		fileSystems(),
		trails(),
		lookup(),
		trailBucket(),
		guardFindings(),
		accessFindings(),
		inspectorFindings(),
		configHistory(),
		lastAccessed(),
		alarms(),
		traces(),
		metrics(),
		logGroup(),
		logEvents(),
	}
}

// Needs is all that a collection of a scope may call, once each: the policy that
// the responder's role needs.
func Needs(s Scope) []awsapi.Need {
	seen := map[string]bool{}
	var all []awsapi.Need
	for _, c := range Catalogue() {
		for _, n := range c.Needs {
			if (s != Containment || c.Small) && !seen[n.Call] {
				seen[n.Call] = true
				all = append(all, n)
			}
		}
	}
	return all
}

// need is a read: its call and what IAM calls the permission.
func need(call, action, resource string) awsapi.Need {
	return awsapi.Need{Call: call, IAM: []awsapi.Grant{{Action: action, Resource: resource}}}
}
