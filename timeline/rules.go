package timeline

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/sigma"
)

// RuleHit is a rule that an event hit. It annotates: no event is left out for want of one.
type RuleHit struct {
	ID    string
	Title string
	Level string // "" where the rule says none

	Techniques []string // of ATT&CK, by its tags: "T1078.004"

	told *toldRule // nil for a hit that was not made here
}

// toldRule is how a rule is told of, made once for all events.
type toldRule struct {
	hit        RuleHit
	tag        string
	names, ids []string // one; no ids where the rule has none
}

func newToldRule(m *sigma.Meta) *toldRule {
	r := &toldRule{hit: RuleHit{ID: cut(m.ID, MaxField), Title: cut(m.Title, MaxField), Level: m.Level, Techniques: m.Techniques()}, tag: tagRule + cmp.Or(m.Level, "unrated")}
	r.names = []string{r.hit.name()}
	if r.hit.ID != "" {
		r.ids = []string{r.hit.ID}
	}
	r.hit.told = r
	return r
}

// same says whether both are hits of one rule.
func (r RuleHit) same(o RuleHit) bool {
	return r.ID == o.ID && r.Title == o.Title && r.Level == o.Level
}

// name is the title of the rule with its level.
func (r RuleHit) name() string {
	if r.Level == "" {
		return r.Title
	}
	return r.Level + ": " + r.Title
}

// KindRule is a correlation of rules that held at a moment. It stands behind the events of
// that moment. While a correlation goes on holding for a group, a line comes once a span.
const KindRule Kind = "rule"

// maxTold bounds the groups of which it is known when a line last told of them.
const maxTold = 1 << 16

// tagRule begins the tag of an event that a rule hit: "rule-high".
const tagRule = "rule-"

// RuleLoss is what a correlation could not take into account.
type RuleLoss struct {
	Rule      string `json:"rule"`
	Ungrouped int64  `json:"without_group_field,omitempty"`
	Dropped   int64  `json:"dropped_for_memory,omitempty"`
}

// match finds the rules that a record hits, while its text is at hand.
func (t *trailReader) match(line, offset int64) {
	s := t.out
	if s.o.Rules == nil || !s.wanted(&t.ev) {
		return
	}
	if s.matcher == nil {
		s.matcher = s.o.Rules.NewMatcher()
	}
	var hits []sigma.Hit
	var err error
	if len(t.members) > maxMembers {
		hits, err = s.matcher.Match(t.whole)
	} else {
		var memo *sigma.Memo
		if t.ev.who != nil {
			memo = &t.ev.who.memo
		}
		hits, err = s.matcher.MatchMembers(t.whole, t.members, memo)
	}
	if err != nil {
		s.Skip(t.in.Raw, line, offset, fmt.Sprintf("the event stands, and no rule could be tried on it: %v", err))
		return
	}
	t.ev.hits = hits
}

// rulebook turns hits into annotations and correlates them.
type rulebook struct {
	e          *sigma.Engine
	shown      []*toldRule // by rule; nil where its own hits do not count
	correlator *sigma.Correlator
	filter     Filter
	told       map[string]time.Time // correlation and group -> when a line last said that it held
	repeats    int64
	event      Event
}

func newRulebook(o Options) *rulebook {
	if o.Rules == nil {
		return nil
	}
	b := &rulebook{e: o.Rules, correlator: o.Rules.NewCorrelator(0), filter: o.Filter, told: map[string]time.Time{}}
	for _, r := range o.Rules.Rules() {
		b.shown = append(b.shown, nil)
		if r.Shown {
			b.shown[len(b.shown)-1] = newToldRule(&r.Meta)
		}
	}
	return b
}

// annotate writes the hits of rules that are shown into the event.
func (b *rulebook) annotate(e *Event) {
	for _, h := range e.hits {
		if r := b.shown[h.Rule]; r != nil {
			e.ruled(r)
		}
	}
}

func (e *Event) ruled(r *toldRule) {
	e.Rules = append(e.Rules, r.hit)
	e.Tag(r.tag)
}

// The first byte of an id that is given to the correlator says whether the event comes
// out: a correlation comes out if one of its events does.
const comesOut, leftOut = "+", "-"

// correlate takes the next event, whatever hit it, and gives out what held before it.
func (b *rulebook) correlate(e *Event, out bool, each func(*Event) error) error {
	id := ""
	if b.correlator.Uses(e.hits) {
		if id = leftOut + e.ID; out {
			id = comesOut + e.ID
		}
	}
	return b.correlator.Add(e.Time, id, e.hits, func(a sigma.Alert) error { return b.alert(a, each) })
}

// end gives out what held at the last moment.
func (b *rulebook) end(each func(*Event) error) error {
	return b.correlator.Flush(func(a sigma.Alert) error { return b.alert(a, each) })
}

func (b *rulebook) alert(a sigma.Alert, each func(*Event) error) error {
	c := b.e.Correlations()[a.Correlation]
	seen := false
	var cited []string
	for _, id := range a.Events {
		seen = seen || strings.HasPrefix(id, comesOut)
		cited = append(cited, id[1:])
	}
	// What tells a code hash is read from before the asked-for time too.
	if !b.filter.inTime(a.End) || b.filter.Function != "" && !seen {
		return nil
	}
	key := fmt.Sprintf("%q %q", c.Ident(), a.Group)
	if last, ok := b.told[key]; ok && a.End.Sub(last) <= c.Span {
		b.repeats++
		return nil
	}
	if len(b.told) >= maxTold {
		clear(b.told) // then a line too many, not one too few
	}
	b.told[key] = a.End
	e := &b.event
	*e = Event{Kind: KindRule, Source: "sigma", Time: a.End, TimestampDesc: "Correlation Held", Cites: cited}
	e.ruled(newToldRule(&c.Meta))
	var by strings.Builder
	for i, field := range c.GroupBy {
		fmt.Fprintf(&by, ", %s %s", field, a.Group[i])
	}
	e.Message = cut(fmt.Sprintf("correlation %q held: %s %g in the %s up to here, events: %d%s", c.Title, c.Type, a.Metric, span(c.Span), a.Total, by.String()), MaxField)
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", key, a.End.UnixNano()))
	e.ID = "correlation-" + hex.EncodeToString(sum[:8])
	return each(e)
}

func span(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}

// losses lists what the correlations could not take into account.
func (b *rulebook) losses() []RuleLoss {
	var all []RuleLoss
	for _, l := range b.correlator.Losses() {
		all = append(all, RuleLoss{b.e.Correlations()[l.Correlation].Ident(), l.Ungrouped, l.Dropped})
	}
	return all
}

// names are the titles of the rules that hit, with their levels.
func (e *Event) ruleNames() []string {
	if len(e.Rules) == 1 && e.Rules[0].told != nil {
		return e.Rules[0].told.names
	}
	var all []string
	for _, r := range e.Rules {
		all = append(all, r.name())
	}
	return all
}

func (e *Event) ruleIDs() []string {
	if len(e.Rules) == 1 && e.Rules[0].told != nil {
		return e.Rules[0].told.ids
	}
	var all []string
	for _, r := range e.Rules {
		if r.ID != "" {
			all = append(all, r.ID)
		}
	}
	return all
}

// hits writes or reads an event's hits, which lie in a frame until the events are in order.
func (c *codec) hits(e *Event) {
	n := int64(len(e.hits))
	c.number(&n)
	if c.reading {
		for ; n > 0 && !c.bad; n-- {
			e.hits = append(e.hits, sigma.Hit{})
			c.hit(&e.hits[len(e.hits)-1])
		}
		return
	}
	for i := range e.hits {
		c.hit(&e.hits[i])
	}
}

func (c *codec) hit(h *sigma.Hit) {
	rule, n := int64(h.Rule), int64(len(h.Values))
	c.number(&rule)
	c.number(&n)
	h.Rule = int(rule)
	for i := int64(0); i < n && !c.bad; i++ {
		if c.reading {
			h.Values = append(h.Values, nil)
		}
		c.list(&h.Values[i], kept)
	}
}
