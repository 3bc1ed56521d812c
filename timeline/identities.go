package timeline

import (
	"hash/maphash"

	"github.com/freezeframe-ir/freezeframe/internal/sigma"
)

// Who called stands in every record, and is the same in all calls of a session. What is found out
// about it, beyond its words, is kept from record to record: little, so that it stays close to the
// processor.

// acquaintance is what a reader knows of a userIdentity.
type acquaintance struct {
	hash    [2]uint64
	key     int64 // number of its key among the reader's facts; 0: not asked yet, or none
	inside  bool  // that those facts say so already
	outside bool
	memo    sigma.Memo
}

// acquaintances are found by a hash of their bytes. Of a hundred and twenty-eight bits no two are
// alike by chance, and its seeds are made anew each time, so that nobody can write identities that
// collide.
type acquaintances struct {
	seeds [2]maphash.Seed
	sets  [][ways]acquaintance
	turn  int // which of a set gives way next
}

const (
	ways             = 4
	maxAcquaintances = 1 << 16 // of all readers
	maxIdentity      = 4 << 10 // bytes of one that is remembered
)

// of is who has these bytes.
func (a *acquaintances) of(b []byte) *acquaintance {
	h := [2]uint64{maphash.Bytes(a.seeds[0], b) | 1, maphash.Bytes(a.seeds[1], b)} // 0 is nobody's
	set := &a.sets[(h[0]>>1)%uint64(len(a.sets))]
	free := -1
	for i := range set {
		switch set[i].hash {
		case h:
			return &set[i]
		case [2]uint64{}:
			free = i
		}
	}
	if free < 0 {
		a.turn++
		free = a.turn % ways
	}
	set[free] = acquaintance{hash: h}
	return &set[free]
}

// acquainted is where acquaintances are kept from file to file.
func (s *Sink) acquainted() *acquaintances {
	if s.seen.sets == nil {
		s.seen = acquaintances{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, sets: make([][ways]acquaintance, max(maxAcquaintances/ways/max(s.o.Workers, 1), 1))}
	}
	return &s.seen
}

// beginIdentity and endIdentity stand around the reading of who called.
func (t *trailReader) beginIdentity(s *scan) {
	e := &t.ev
	t.raw.twice = t.raw.twice || e.Principal.Type != ""
	t.fresh = e.AccessKey == "" && e.Principal == Principal{}
	t.opened, e.who = s.i, nil
}

func (t *trailReader) endIdentity(s *scan) {
	if n := s.i - t.opened; t.fresh && n <= maxIdentity {
		t.ev.who = t.out.acquainted().of(s.b[t.opened:s.i])
	}
}
