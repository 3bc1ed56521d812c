package contain

import (
	"context"
	"slices"
)

// Names of the acts that keep away for good what their twins only hold back.
const (
	actMappingsEvict      = "mappings-evict"
	actRulesEvict         = "rules-evict"
	actRuleTargetsEvict   = "rule-targets-evict"
	actSchedulesEvict     = "schedules-evict"
	actSubscriptionsEvict = "subscriptions-evict"
	actLogFiltersEvict    = "log-filters-evict"
	actPipesEvict         = "pipes-evict"
	actScalingEvict       = "autoscaling-evict"
	actProvisionedEvict   = "provisioned-evict"
	actInstancesEvict     = "instances-evict"
	actRecursionEvict     = "recursion-evict"
)

// forGood makes two acts of one edit. The first isolates, whosever the thing is, and release
// lifts it. The second is about what somebody has said to be hostile: a finding, or whoever
// names it. It makes the same edit, and only undo by name takes that back. So the findings
// are answered by the second alone, and a trigger, which has an ARN of its own, is never
// evicted with all others of its function.
func forGood[S any](isolate Edit[S], name, about string, fixture Fixture) []Edit[S] {
	evict := isolate
	evict.Name, evict.About, evict.Fixture = name, about, fixture
	evict.Kind, evict.Level, evict.Evicts, evict.Contained = Evict, "", isolate.Name, nil
	if evict.Rank == nil {
		evict.Rank = rank(stageTriggers)
	}
	if slices.Contains(evict.On, OnResource) {
		evict.On = []TargetKind{OnResource}
	}
	isolate.Answers = nil
	return []Edit[S]{isolate, evict}
}

// takeForGood notes the triggers that this plan evicts: their isolating twins leave them
// alone, so that each has one owner, and undoing that one has an effect. What other acts wait
// for, such as provisioned concurrency, is not a trigger, and is both's.
func (d *draft) takeForGood() {
	d.evicted = map[string]map[string]bool{}
	for _, a := range All() {
		if a.evicts == "" || a.hangsOn(OnFunction) {
			continue
		}
		taken := map[string]bool{}
		for _, s := range d.known {
			for _, key := range d.keys(a, s) {
				taken[fileKey(a.doc.resource(Place{s.Target, key}), a.Doc, key)] = true
			}
		}
		d.evicted[a.evicts] = taken
	}
}

// left are the documents that no evicting twin of the act takes.
func (d *draft) left(a Act, s *Survey, keys []string) []string {
	taken := d.evicted[a.Name]
	if len(taken) == 0 {
		return keys
	}
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		return taken[fileKey(a.doc.resource(Place{s.Target, key}), a.Doc, key)]
	})
}

// join marks the tasks whose document is as wanted because another act of this case brought
// it there. Nothing is to be called; but unless it is recorded that this act wants it too,
// lifting the other one would take it from both: a mapping of the intruder's that was
// disabled with all others, and evicted an hour later, would be enabled by release.
func (r *runner) join(ctx context.Context, tasks []*task) error {
	as := func(t *task) bool {
		if t.first == nil || t.first.err != nil {
			return false
		}
		done, err := t.wanted(t.first.state)
		return err == nil && done
	}
	if !slices.ContainsFunc(tasks, as) {
		return nil // which spares reading the journals
	}
	past, err := load(ctx, r.kase)
	if err != nil {
		return err
	}
	r.run.Warnings = append(r.run.Warnings, past.damaged...)
	for _, t := range tasks {
		f := past.files[fileKey(t.doc.resource(t.place), t.doc.name, t.place.Key)]
		t.joins = as(t) && f != nil && len(f.held) > 0 && slices.ContainsFunc(t.edits, func(e placed) bool {
			return !slices.ContainsFunc(f.held, func(h held) bool { return h.Act == e.Act && h.On == e.On })
		})
	}
	return nil
}
