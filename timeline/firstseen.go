package timeline

import (
	"cmp"
	"hash/maphash"
	"time"
)

// Tags of what a principal does for the first time since the baseline. A role's sessions are one
// principal.
const (
	TagFirstAction  = "first-seen-action"
	TagFirstAddress = "first-seen-address"
	TagFirstAgent   = "first-seen-agent"
	TagFirstRegion  = "first-seen-region"
)

// Baseline is what the events were held against.
type Baseline struct {
	From   time.Time `json:"from,omitzero"` // the first event of it
	Until  time.Time `json:"until"`         // the moment after it
	Events int64     `json:"events"`        // calls in it; 0: nothing was tagged
	Seen   int       `json:"seen"`          // pairs of a principal and an action, address, user agent or region, up to the end
	// FullAt is when there were more of them than are kept: from then on nothing is tagged.
	FullAt time.Time `json:"full_at,omitzero"`
}

// maxSeen bounds what is remembered, eight bytes each and some.
const maxSeen = 1 << 20

// firsts remembers hashes only. Their seed is made anew each time, so that nobody can write
// records that collide.
type firsts struct {
	length time.Duration // of the baseline, from the first call on; 0: Until is given
	seed   maphash.Seed
	seen   map[uint64]struct{}
	max    int
	Baseline
}

// newFirsts is nil where no baseline was asked for.
func newFirsts(o Options) *firsts {
	if o.Baseline <= 0 && o.BaselineUntil.IsZero() {
		return nil
	}
	return &firsts{length: o.Baseline, seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}, max: maxSeen, Baseline: Baseline{Until: o.BaselineUntil.UTC()}}
}

// event takes calls in order.
func (f *firsts) event(e *Event) {
	if e.Kind != KindCloudTrail || !f.FullAt.IsZero() {
		return
	}
	if f.length > 0 {
		f.Until, f.length = e.Time.Add(f.length), 0
	}
	before := e.Time.Before(f.Until)
	if before {
		if f.Events == 0 {
			f.From = e.Time
		}
		f.Events++
	}
	if f.Events == 0 {
		return // everything would be first
	}
	who := principalOf(e)
	for _, x := range [...]struct{ tag, value string }{
		{TagFirstAction, e.Service + ":" + e.Action}, {TagFirstAddress, e.Address}, {TagFirstAgent, e.UserAgent}, {TagFirstRegion, e.Region},
	} {
		if x.value == "" {
			continue
		}
		h := f.hash(who, x.tag, x.value)
		if _, known := f.seen[h]; known {
			continue
		}
		if len(f.seen) >= f.max {
			f.FullAt = e.Time
			return
		}
		f.seen[h] = struct{}{}
		if !before {
			e.Tag(x.tag)
		}
	}
}

func (f *firsts) hash(who, what, value string) uint64 {
	var h maphash.Hash
	h.SetSeed(f.seed)
	for _, s := range [...]string{who, what, value} {
		h.WriteString(s)
		h.WriteByte(0)
	}
	return h.Sum64()
}

// principalOf is whom acts are counted for: a role for all its sessions.
func principalOf(e *Event) string {
	p := &e.Principal
	if p.Role != "" {
		return plainRole(p.Role)
	}
	return cmp.Or(p.ARN, p.Type+" "+p.Account+" "+p.String())
}

// baselined says whether an event is needed for the baseline, or to know that something was seen
// before the time that was asked for.
func (o *Options) baselined(e *Event) bool {
	return (o.Baseline > 0 || !o.BaselineUntil.IsZero()) && e.Kind == KindCloudTrail && (o.Until.IsZero() || e.Time.Before(o.Until))
}
