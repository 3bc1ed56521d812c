package contain

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// All is the catalogue: every act, in the order in which RoleFirst applies them.
func All() []Act { return slices.Clone(catalogue()) }

// made is the catalogue, made once. It is no OnceValue, because acts look up other acts, which
// the compiler takes for a cycle.
var made struct {
	once sync.Once
	acts []Act
}

// catalogue is All without a copy, for looking only. It is asked several times for each
// document of a plan, so that making it anew was a third of what planning and applying cost.
func catalogue() []Act {
	made.once.Do(func() { made.acts = everyAct() })
	return made.acts
}

func everyAct() []Act {
	var all []Act
	for _, acts := range [][]Act{
		mappingActs(), ruleActs(), ruleTargetActs(), scheduleActs(), notificationActs(),
		subscriptionActs(), logFilterActs(), pipeActs(),
		destinationActs(), deadLetterActs(),
		autoscalingActs(), provisionedActs(), rolePolicyActs(), concurrencyActs(), instanceActs(), recursionActs(), policyActs(), urlActs(),
		accessKeyActs(), userDenyActs(), userPolicyActs(), trustActs(),
		kmsKeyActs(), secretActs(), trailActs(), dataEventActs(), logGroupActs(),
		durableActs(), edgeActs(),
		aliasActs(), codeActs(), configurationActs(), environmentActs(), boundaryActs(), attachedActs(), signingActs(), tagActs(), rotationActs(),
	} {
		all = append(all, acts...)
	}
	return all
}

// Names of acts that others refer to.
const (
	actMappings      = "mappings-off"
	actRules         = "rules-off"
	actSchedules     = "schedules-off"
	actNotifications = "notifications-off"
	actSubscriptions = "subscriptions-off"
	actLogFilters    = "log-filters-off"
	actPipes         = "pipes-stop"
	actScaling       = "autoscaling-suspend"
	actInstances     = "instances-zero"
	actRecursion     = "recursion-end"
	actRuleTargets   = "rule-targets-park"
	actDestinations  = "destinations-clear"
	actDeadLetters   = "deadletter-clear"
	actProvisioned   = "provisioned-delete"
	actConcurrency   = "concurrency-zero"
	actQuarantine    = "role-quarantine"
	actRevoke        = "revoke-sessions"
	actURL           = "url-iam"
	actGrants        = "grants-remove"

	actKeyInactive    = "key-inactive"
	actUserQuarantine = "user-quarantine"
	actUserDenyAll    = "user-deny-all"
	actUserRevoke     = "user-revoke"
	actTrust          = "trust-outsiders"
	actProvider       = "provider-distrust"
	actKMSKey         = "key-deletion-cancel"
	actSecret         = "secret-restore"
	actLogging        = "logging-start"
	actDataEvents     = "data-events-on"
	actRetention      = "retention-longer"
	actProtection     = "log-group-protection"
)

func actNamed(name string) (Act, error) {
	for _, a := range catalogue() {
		if a.Name == name {
			return a, nil
		}
	}
	return Act{}, fmt.Errorf("%w: %q", ErrUnknownAct, name)
}

func documentNamed(name string) (*document, error) {
	for _, a := range catalogue() {
		if a.Doc == name {
			return a.doc, nil
		}
	}
	return nil, fmt.Errorf("%w: no document %q", ErrBadPlan, name)
}

// rank is the stage of an act that has the same in every order.
func rank(n int) func(Order) int { return func(Order) int { return n } }

// Stages. Triggers first: SQS mappings burn receive counts at concurrency 0. Destinations
// before concurrency 0, which sends them every event. The actor in the same minute, or one
// call undoes everything. What preserves evidence waits for nothing.
const (
	stageTriggers = iota * 10
	stageDestinations
	stageProvisioned
	stageRole
	stageConcurrency
	stageActor
	stageGrants
	stageEvict

	stagePreserve = stageTriggers
)

// roleRank puts the role's deny before concurrency 0, or after it when data is
// leaving right now.
func roleRank(o Order) int {
	if o == ConcurrencyFirst {
		return stageConcurrency + 1
	}
	return stageRole
}

// placed is an edit with its place.
type placed struct {
	PlannedEdit
	place Place
}

// fold applies edits one after the other. now, unless "", is the time for timed ones.
func fold(before json.RawMessage, edits []placed, now string) (json.RawMessage, error) {
	state := before
	for _, e := range edits {
		act, err := actNamed(e.Act)
		if err != nil {
			return nil, err
		}
		params := Params{}
		for k, v := range e.Params {
			params[k] = v
		}
		if act.timed && now != "" {
			params[paramNow] = now
		}
		if state, err = act.apply(e.place, state, params); err != nil {
			return nil, fmt.Errorf("working out %s: %w", e.Act, err)
		}
	}
	return state, nil
}

// Needs is every call that planning, applying, verifying, releasing and undoing may make,
// once each: the policy that the responder's contain role needs.
func Needs() []awsapi.Need { return needsOf(catalogue(), rotationNeeds(), WatchNeeds()) }

// NeedsOf is the same for these acts alone.
func NeedsOf(names ...string) ([]awsapi.Need, error) {
	var acts []Act
	for _, name := range names {
		a, err := actNamed(name)
		if err != nil {
			return nil, err
		}
		acts = append(acts, a)
	}
	var asked []awsapi.Need // planning looks at all roads to a function, whichever acts are wanted
	for _, p := range looks(func(a Act) bool { return slices.Contains(names, a.Name) }) {
		asked = append(asked, p.Needs...)
	}
	return needsOf(acts, asked), nil
}

func needsOf(acts []Act, further ...[]awsapi.Need) []awsapi.Need {
	at := map[string]int{}
	var all []awsapi.Need
	add := func(needs []awsapi.Need) {
		for _, n := range needs {
			i, seen := at[n.Call]
			if !seen {
				at[n.Call] = len(all)
				n.IAM = slices.Clone(n.IAM)
				all = append(all, n)
				continue
			}
			for _, g := range n.IAM { // the same call, for one act, may need more
				if !slices.Contains(all[i].IAM, g) {
					all[i].IAM = append(all[i].IAM, g)
				}
			}
		}
	}
	for _, a := range acts {
		add(a.Needs)
		for _, p := range a.looks {
			add(p.Needs)
		}
	}
	for _, needs := range append(further, surveyNeeds(), lifeNeeds(), VerifyNeeds()) {
		add(needs)
	}
	return all
}
