package sigma

import (
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// entry is an event (or an alert) in a group's span.
type entry struct {
	at     time.Time
	ref    int   // which of the correlation's references it hit
	serial int64 // of the event: one event that hits several references counts once
	id     string
	ids    []string // of the events behind an alert
	total  int      // how many those are, or 1
	cost   int      // bytes, roughly
	value  string   // of Correlation.Field, folded
	number float64
	counts bool       // it has a value
	values [][]string // as Correlation.wants, where a parent needs them
}

// state is a correlation at work.
type state struct {
	c      *Correlation
	index  int
	most   int
	groups map[string]*group
	queue  deque[*group] // the group of each entry, oldest first
	cost   int           // of all entries
	// touched are the groups that got an entry at this moment.
	touched   []*group
	ungrouped int64
	dropped   int64
}

func newState(c *Correlation, index, most int) *state {
	return &state{c: c, index: index, most: most, groups: map[string]*group{}}
}

// group is the span of one combination of group-by values.
type group struct {
	key     string
	show    []string
	entries deque[entry]
	touched bool

	events int                // distinct
	total  int                // events behind them
	seen   []int              // entries by reference
	times  []deque[time.Time] // of temporal_ordered, by reference
	counts map[string]int     // of value_count, by folded value
	sum    exact
	sorted []float64 // of median and percentile
	valued int
}

const (
	maxGroups = 64  // groups that one event may be in, where fields are arrays
	entryCost = 512 // bytes of an entry on average, beyond which fewer are kept
)

// add puts an event into its groups.
func (s *state) add(e entry, values [][]string) {
	by := len(s.c.GroupBy)
	combos := [][]string{nil}
	for i := range by {
		var next [][]string
		for _, c := range combos {
			for _, v := range values[i] {
				next = append(next, append(c[:len(c):len(c)], v))
			}
		}
		if combos = next; len(combos) > maxGroups {
			s.dropped += int64(len(combos) - maxGroups)
			combos = combos[:maxGroups]
		}
	}
	if len(combos) == 0 {
		s.ungrouped++
		return
	}
	kept := 0
	for _, id := range e.ids {
		kept += len(id) + 16
	}
	if len(s.c.wants) > by+len(fieldOf(s.c)) {
		e.values = values
		for _, all := range values {
			for _, v := range all {
				kept += len(v) + 16
			}
		}
	}
	field := []string{""}
	if s.c.Field != "" {
		if field = values[by]; len(field) == 0 {
			field = []string{""}
		} else {
			e.counts = true
		}
	}
	for _, combo := range combos {
		g := s.group(combo)
		for _, v := range field {
			e := e
			e.value = string(fold(nil, []byte(v)))
			e.cost = len(g.key) + len(e.value) + len(e.id) + kept
			if s.c.numeric() {
				n, ok := parseNumber([]byte(strings.TrimSpace(v)))
				e.number, e.counts = n.f, ok && !math.IsInf(n.f, 0)
			}
			s.put(g, e)
		}
	}
}

func fieldOf(c *Correlation) []string {
	if c.Field == "" {
		return nil
	}
	return []string{c.Field}
}

func (s *state) group(combo []string) *group {
	var key strings.Builder
	for _, v := range combo {
		f := fold(nil, []byte(v))
		key.WriteString(strconv.Itoa(len(f)))
		key.WriteByte(':')
		key.Write(f)
	}
	g := s.groups[key.String()]
	if g == nil {
		g = &group{key: key.String(), show: combo, seen: make([]int, len(s.c.refs)), counts: map[string]int{}}
		if s.c.Type == "temporal_ordered" {
			g.times = make([]deque[time.Time], len(s.c.refs))
		}
		s.groups[g.key] = g
	}
	return g
}

// put adds an entry, once for the same event, reference and value.
func (s *state) put(g *group, e entry) {
	same, sameValue := false, false
	for i := g.entries.len() - 1; i >= 0; i-- {
		b := g.entries.get(i)
		if b.serial != e.serial {
			break
		}
		same = true
		if b.value == e.value && b.counts == e.counts {
			if sameValue = true; b.ref == e.ref {
				return
			}
		}
	}
	if !same {
		g.events++
		g.total += e.total
	}
	g.seen[e.ref]++
	if g.times != nil {
		g.times[e.ref].push(e.at)
	}
	// Of an event that hits several references the value counts once.
	e.counts = e.counts && !sameValue
	if e.counts {
		g.reckon(s.c, e, 1)
	}
	s.cost += e.cost
	g.entries.push(e)
	s.queue.push(g)
	if !g.touched {
		g.touched = true
		s.touched = append(s.touched, g)
	}
	for s.queue.len() > s.most || s.cost > s.most*entryCost {
		s.dropped++
		s.pop()
	}
}

// reckon adds (or with -1 takes off) a value.
func (g *group) reckon(c *Correlation, e entry, sign int) {
	g.valued += sign
	switch c.Type {
	case "value_count":
		if g.counts[e.value] += sign; g.counts[e.value] == 0 {
			delete(g.counts, e.value)
		}
	case "value_sum", "value_avg":
		g.sum.add(e.number * float64(sign))
	case "value_median", "value_percentile":
		at := sort.SearchFloat64s(g.sorted, e.number)
		if sign > 0 {
			g.sorted = slices.Insert(g.sorted, at, e.number)
		} else {
			g.sorted = slices.Delete(g.sorted, at, at+1)
		}
	}
}

// expire lets go what is older than a moment.
func (s *state) expire(before time.Time) {
	for s.queue.len() > 0 && (*s.queue.get(0)).entries.get(0).at.Before(before) {
		s.pop()
	}
}

// pop lets the oldest entry go.
func (s *state) pop() {
	g := s.queue.pop()
	e := g.entries.pop()
	s.cost -= e.cost
	g.seen[e.ref]--
	if g.times != nil {
		g.times[e.ref].pop()
	}
	if e.counts {
		g.reckon(s.c, e, -1)
	}
	if g.entries.len() == 0 || g.entries.get(0).serial != e.serial {
		g.events--
		g.total -= e.total
	}
	if g.entries.len() == 0 && !g.touched {
		delete(s.groups, g.key)
	}
}

// holds reckons the metric, and says whether the condition holds.
func (s *state) holds(g *group) (float64, bool) {
	if g.entries.len() == 0 { // all of it was let go
		delete(s.groups, g.key)
		return 0, false
	}
	c := s.c
	metric, ok := g.metric(c)
	if !ok {
		return 0, false
	}
	switch {
	case c.terms != nil:
		return metric, g.anyTerm(c)
	case c.Type == "temporal_ordered" && !g.inOrder(c):
		return metric, false
	}
	for _, b := range c.bounds {
		if !holds(b.how, compareFloat(metric, b.n)) {
			return metric, false
		}
	}
	return metric, true
}

func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (g *group) metric(c *Correlation) (float64, bool) {
	switch c.Type {
	case "event_count":
		return float64(g.events), true
	case "value_count":
		return float64(len(g.counts)), true
	case "value_sum":
		return g.sum.float(), g.valued > 0
	case "value_avg":
		return g.sum.float() / float64(max(g.valued, 1)), g.valued > 0
	case "value_median":
		return quantile(g.sorted, 50), g.valued > 0
	case "value_percentile":
		return quantile(g.sorted, c.percentile), g.valued > 0
	}
	n := 0
	for _, seen := range g.seen {
		if seen > 0 {
			n++
		}
	}
	return float64(n), true
}

// quantile interpolates between the two nearest values.
func quantile(sorted []float64, percent float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := float64(len(sorted)-1) * percent / 100
	low := int(at)
	if low+1 == len(sorted) {
		return sorted[low]
	}
	part := at - float64(low)
	return sorted[low]*(1-part) + sorted[low+1]*part
}
