package brief

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/timeline"
)

// Turn is a step of a function's story.
type Turn struct {
	timeline.Step
	Function string `json:"function"`
	Sign     bool   `json:"looks_hostile"` // a sign of credentials elsewhere, an opening to everyone, or by the same hand as one
	Line     string `json:"line"`          // Text, shorter: without the address
}

// turns are in order of time.
type turns []Turn

// turnsOf leaves out what the investigation itself did.
func turnsOf(function string, s timeline.Story) turns {
	var all turns
	for _, step := range s.Steps {
		if step.Sort == timeline.StepContained || step.Sort == timeline.StepCase || slices.Contains(step.Tags, timeline.TagOwn) {
			continue
		}
		all = append(all, Turn{Step: step, Function: cmp.Or(s.Function, function), Line: line(step)})
	}
	return all
}

// line is a step's text for a narrow column: the address stands in a column of its own.
func line(s timeline.Step) string {
	text := strings.TrimSuffix(s.Text, ", from "+s.Where)
	did := fmt.Sprintf("%dx: %s", s.Count, strings.Join(s.Actions, ", "))
	switch {
	case s.Sort == timeline.StepCredentials:
		return s.Key + " without Lambda's marker " + did
	case s.Sort == timeline.StepClaimed:
		return s.Who + " with this case's marker, which no journal knows, " + did
	case s.Sort == timeline.StepDenied && ofCredentials(s):
		return s.Key + " without Lambda's marker, refused " + did
	case s.Sort == timeline.StepDenied:
		return s.Who + " was refused " + did
	}
	return strings.Replace(text, " the function URL ", " URL ", 1)
}

// ofCredentials says whether a step tells of the function's own credentials, elsewhere.
func ofCredentials(s timeline.Step) bool {
	return s.Sort == timeline.StepCredentials ||
		s.Sort == timeline.StepDenied && (slices.Contains(s.Tags, timeline.TagOutside) || slices.Contains(s.Tags, timeline.TagUnmarked))
}

// judged marks signs: credentials used elsewhere, our marker on calls that are not ours, and
// doors opened to everyone; then whatever else came from the same address or key as misused
// credentials did. Two functions' stories may tell the same step: it is told once.
func (all turns) judged() turns {
	slices.SortStableFunc(all, func(a, b Turn) int { return a.From.Compare(b.From) })
	told := map[string]bool{}
	all = slices.DeleteFunc(all, func(t Turn) bool {
		id := strings.Join([]string{t.From.String(), string(t.Sort), t.Text}, "\x00")
		was := told[id]
		told[id] = true
		return was
	})
	addresses, keys := map[string]bool{}, map[string]bool{}
	for _, t := range all {
		if ofCredentials(t.Step) || t.Sort == timeline.StepClaimed {
			keys[t.Key] = true
			if _, err := netip.ParseAddr(t.Where); err == nil { // not a service's name
				addresses[t.Where] = true
			}
		}
	}
	for i := range all {
		t := &all[i]
		t.Sign = ofCredentials(t.Step) || t.Sort == timeline.StepClaimed || slices.Contains(t.Tags, timeline.TagPublicGrant) ||
			addresses[t.Where] || t.Key != "" && keys[t.Key]
	}
	return all
}

// weightiest picks turns, in order of time: signs first; of each sort the newest before the
// second newest of any, so that many of one sort do not hide the others.
func (all turns) weightiest(n int) []Turn {
	sorts := []timeline.Sort{timeline.StepCode, timeline.StepCredentials, timeline.StepClaimed, timeline.StepURL, timeline.StepGrant, timeline.StepRole, timeline.StepDenied, timeline.StepConfig}
	type ranked struct{ at, group, nth, sort int }
	ranks, count := make([]ranked, len(all)), map[string]int{}
	for i := len(all) - 1; i >= 0; i-- {
		r := ranked{at: i, sort: slices.Index(sorts, all[i].Sort)}
		if !all[i].Sign {
			r.group = 1
		}
		id := fmt.Sprint(r.group, all[i].Sort)
		r.nth = count[id]
		count[id]++
		ranks[i] = r
	}
	slices.SortFunc(ranks, func(a, b ranked) int {
		return cmp.Or(a.group-b.group, a.nth-b.nth, a.sort-b.sort, b.at-a.at)
	})
	ranks = ranks[:min(n, len(ranks))]
	slices.SortFunc(ranks, func(a, b ranked) int { return a.at - b.at })
	out := []Turn{}
	for _, r := range ranks {
		out = append(out, all[r.at])
	}
	return out
}

// Actor is a principal of the story, from where and with which keys.
type Actor struct {
	Who       string          `json:"who"`
	Sign      bool            `json:"looks_hostile"`
	Addresses []string        `json:"addresses"`
	Keys      []string        `json:"access_keys"`
	Did       []timeline.Sort `json:"did"`
	First     time.Time       `json:"first"`
	Last      time.Time       `json:"last"`
}

// actors are those who did something, hostile-looking ones first, then the last to act.
func (all turns) actors() []Actor {
	out := []Actor{}
	for _, t := range all {
		i := slices.IndexFunc(out, func(a Actor) bool { return a.Who == t.Who })
		if i < 0 {
			i = len(out)
			out = append(out, Actor{Who: t.Who, First: t.From, Addresses: []string{}, Keys: []string{}})
		}
		a := &out[i]
		a.Sign, a.Last = a.Sign || t.Sign, t.To
		a.Addresses, a.Keys = with(a.Addresses, t.Where), with(a.Keys, t.Key)
		if !slices.Contains(a.Did, t.Sort) {
			a.Did = append(a.Did, t.Sort)
		}
	}
	slices.SortStableFunc(out, func(a, b Actor) int {
		if a.Sign != b.Sign {
			if a.Sign {
				return -1
			}
			return 1
		}
		return b.Last.Compare(a.Last)
	})
	return out
}

func with(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// keys are the access keys of turns that look hostile.
func (all turns) keys() map[string]bool {
	out := map[string]bool{}
	for _, t := range all {
		if t.Sign && t.Key != "" {
			out[t.Key] = true
		}
	}
	return out
}

// firstEvent is the id of the story's first event.
func (all turns) firstEvent() string {
	if len(all) == 0 || len(all[0].Events) == 0 {
		return ""
	}
	return all[0].Events[0]
}

// first is when the story begins, and hostile when its first turn does that looks so; if none
// does, they are the same.
func (all turns) first() (first, hostile time.Time) {
	for _, t := range all {
		if first.IsZero() {
			first = t.From
		}
		if t.Sign {
			return first, t.From
		}
	}
	return first, first
}
