package report

import (
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/timeline"
)

// Classes of events, by what a reader wants to see one by one, and how many of each are kept.
const (
	classChange  = iota // what suspected credentials changed or were refused
	classWatcher        // what watchers concluded, rules that hit
	classOther          // what anybody changed, or was odd
	classUse            // what suspected credentials read
	classes
)

// weighty keeps the events that weigh, the first of each class.
type weighty struct {
	kept [classes][]EventRow
	most [classes]int
}

func newWeighty() *weighty {
	return &weighty{most: [classes]int{classChange: 400, classWatcher: 200, classOther: 300, classUse: 300}}
}

// classOf is -1 for what is only counted.
func classOf(e *timeline.Event, l Lane) int {
	change := !e.ReadOnly && e.Kind == timeline.KindCloudTrail
	switch {
	case l == LaneSuspect && (change || e.Outcome == timeline.Denied):
		return classChange
	case l == LaneSuspect:
		return classUse
	case l == LaneWatcher || len(e.Rules) > 0:
		return classWatcher
	case l == LaneRole && (change && e.Action != "Invoke" && e.Outcome == timeline.Success || telling(e)):
		return classOther
	case e.Tagged(timeline.TagFault):
		return classOther
	}
	return -1
}

// telling are tags that are signs by themselves.
func telling(e *timeline.Event) bool {
	return e.Tagged(timeline.TagOutside) || e.Tagged(timeline.TagUnmarked) || e.Tagged(timeline.TagClaimed) || e.Tagged(timeline.TagPublicGrant) || e.Tagged(timeline.TagConflict)
}

func (w *weighty) take(e *timeline.Event, l Lane) {
	class := classOf(e, l)
	if class < 0 || len(w.kept[class]) >= w.most[class] {
		return
	}
	w.kept[class] = append(w.kept[class], rowOf(e, l))
}

// rowOf copies what is shown of an event.
func rowOf(e *timeline.Event, l Lane) EventRow {
	call := e.Action
	if e.Service != "" {
		call = e.Service + ":" + e.Action
	}
	r := EventRow{Time: e.Time, Lane: l, Who: e.Principal.String(), Where: e.Address, Call: call, Outcome: string(e.Outcome), Text: e.Message, ID: e.ID, Path: e.Raw.Path}
	r.Tags = append(r.Tags, e.Tags...) // the event is used again
	for _, h := range e.Rules {
		r.Tags = append(r.Tags, strings.TrimSpace("rule: "+h.Level+" "+h.Title))
	}
	if e.ErrorText != "" && !strings.Contains(r.Text, e.ErrorText) {
		r.Text = strings.TrimPrefix(r.Text+": "+e.ErrorText, ": ")
	}
	const most = 400
	r.Text = cutText(mask(r.Text), most) // half a secret would not look like one
	return r
}

// cutText shortens a text at the end of a character.
func cutText(s string, most int) string {
	if len(s) <= most {
		return s
	}
	r := []rune(s[:most])
	return strings.ToValidUTF8(string(r[:len(r)-1]), "") + "…"
}

func (w *weighty) list() []EventRow {
	out := slices.Concat(w.kept[:]...)
	slices.SortStableFunc(out, func(a, b EventRow) int { return a.Time.Compare(b.Time) })
	if out == nil {
		out = []EventRow{}
	}
	return out
}
