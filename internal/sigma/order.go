package sigma

import (
	"math"
	"math/big"
	"slices"
	"sort"
	"time"
)

// anyTerm says whether one of the sets of a condition in words was seen whole, of
// temporal_ordered one after another.
func (g *group) anyTerm(c *Correlation) bool {
	for _, set := range c.terms {
		seen := true
		for _, ref := range set {
			seen = seen && g.seen[ref] > 0
		}
		if seen && (g.times == nil || g.chain(set) == len(set)) {
			return true
		}
	}
	return false
}

// inOrder says whether references were seen one after another, as they stand in the
// rule: as many as the condition's lower bound asks for; where it has none, all that
// were seen at all.
func (g *group) inOrder(c *Correlation) bool {
	want, bounded := 0, false
	for _, b := range c.bounds {
		switch b.how {
		case "gte":
			want, bounded = max(want, int(math.Ceil(b.n))), true
		case "gt":
			want, bounded = max(want, int(math.Floor(b.n))+1), true
		}
	}
	var seen []int
	for ref, n := range g.seen {
		if n > 0 {
			seen = append(seen, ref)
		}
	}
	if !bounded {
		want = len(seen)
	}
	return g.chain(seen) >= want
}

// chain is the length of the longest run of the references, in their order, each later
// than the one before. Two events of one instant are in no order.
func (g *group) chain(refs []int) int {
	// ends[n] is the earliest moment at which a chain of n can end.
	ends := []time.Time{{}}
	for _, ref := range refs {
		for n := len(ends) - 1; n >= 0; n-- {
			at, ok := g.firstAfter(ref, ends[n], n == 0)
			switch {
			case !ok:
			case n+1 == len(ends):
				ends = append(ends, at)
			case at.Before(ends[n+1]):
				ends[n+1] = at
			}
		}
	}
	return len(ends) - 1
}

func (g *group) firstAfter(ref int, after time.Time, any bool) (time.Time, bool) {
	d := &g.times[ref]
	i := 0
	if !any {
		i = sort.Search(d.len(), func(i int) bool { return d.get(i).After(after) })
	}
	if i == d.len() {
		return time.Time{}, false
	}
	return *d.get(i), true
}

// alert tells what held.
func (g *group) alert(s *state, metric float64, at time.Time) Alert {
	a := Alert{Correlation: s.index, Start: at.Add(-s.c.Span), End: at, Group: g.show, Metric: metric, Total: g.total}
	// An alert costs the same however many events it rests on: there may be one for each.
	for i := g.entries.len() - 1; i >= 0 && i >= g.entries.len()-4*MaxEvidence && len(a.Events) < MaxEvidence; i-- {
		e := g.entries.get(i)
		ids := e.ids
		if ids == nil && e.id != "" {
			ids = []string{e.id}
		}
		for _, id := range slices.Backward(ids) {
			if len(a.Events) < MaxEvidence && !contains(a.Events, id) {
				a.Events = append(a.Events, id)
			}
		}
	}
	slices.Reverse(a.Events)
	return a
}

// exact is a sum of numbers without rounding, so that what is added and taken off again
// leaves nothing behind.
type exact struct{ f *big.Float }

// Every finite number of 64 bits, and sums of 2^40 of them, fit.
const exactBits = 2200

func (x *exact) add(n float64) {
	if x.f == nil {
		x.f = new(big.Float).SetPrec(exactBits)
	}
	x.f.Add(x.f, big.NewFloat(n))
}

func (x *exact) float() float64 {
	if x.f == nil {
		return 0
	}
	f, _ := x.f.Float64()
	return f
}

// deque is a queue in a ring.
type deque[T any] struct {
	ring  []T
	first int
	n     int
}

func (d *deque[T]) len() int { return d.n }

func (d *deque[T]) get(i int) *T { return &d.ring[(d.first+i)%len(d.ring)] }

func (d *deque[T]) push(v T) {
	if d.n == len(d.ring) {
		next := make([]T, max(4, 2*d.n))
		for i := range d.n {
			next[i] = *d.get(i)
		}
		d.ring, d.first = next, 0
	}
	d.n++
	*d.get(d.n - 1) = v
}

func (d *deque[T]) pop() T {
	v := *d.get(0)
	var none T
	*d.get(0) = none
	d.first = (d.first + 1) % len(d.ring)
	d.n--
	return v
}
