package timeline

import (
	"encoding/binary"
	"math/bits"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/sigma"
)

// The records of a trail are alike: the same members in the same order, with the same texts between
// their values. A record that is read in full leaves a track: what stood before each value, and
// what was done with that. The next one follows it: what stands between values is compared and not
// read, and nothing is looked up. Where it differs from all tracks, it is read in full from its
// beginning. What is done with a value hangs on nothing but the names on the way to it, so that both
// ways come to the same; the tests read everything in both.

// track is what stands before a value, and what is done with the value.
type track struct {
	text   string
	deed   deed
	quoted bool   // the text ends with the quote that opens the value
	asked  bool   // rules ask for the member that ends behind the value
	next   *track // what may come behind the value
	other  *track // what may stand in the place of this one
	member sigma.Member
}

// tracks are those that a reader knows.
type tracks struct {
	first    *track
	n        int
	credit   int // of records that followed; below 0: debt
	followed int64
}

const (
	maxTracks     = 4096
	maxTrackSteps = 256 // of a record
	maxOthers     = 32
	// Records that follow a track earn what it costs to lay new ones: where no two are alike, none
	// are laid any more.
	maxCredit, maxDebt, costOfTrack = 4096, 1024, 8
)

// record reads a record.
func (t *trailReader) record(s *scan) error {
	k := &t.out.tracks
	if t.follow(s, k.first) {
		k.credit, k.followed = min(k.credit+1, maxCredit), k.followed+1
		return nil
	}
	if k.first != nil {
		t.begin()
		t.raw.object, s.i = true, t.start
	}
	t.learning.begin(s, k)
	if err := t.object(s, ofRecord); err != nil {
		return err
	}
	t.learning.step(s, endRecord)
	k.lay(&t.learning, t.out.o.Rules)
	return nil
}

// follow reads a record along the tracks; false: it differs from all.
func (t *trailReader) follow(s *scan, n *track) bool {
	b, i := s.b, s.i
	for {
		for n != nil && (len(b)-i < len(n.text) || string(b[i:i+len(n.text)]) != n.text) {
			n = n.other
		}
		if n == nil {
			return false
		}
		i += len(n.text)
		from, end := i, i
		if n.quoted {
			// stringEnd, here: see rawString.
			for from--; end+8 <= len(b); end += 8 {
				w := binary.LittleEndian.Uint64(b[end:])
				quote, slash := w^('"'*ones), w^('\\'*ones)
				if m := ((quote-ones)&^quote | (slash-ones)&^slash | (w-0x20*ones)&^w) & tops; m != 0 {
					end += bits.TrailingZeros64(m) >> 3
					break
				}
			}
		}
		if n.quoted && end < len(b) && b[end] == '"' {
			t.keep(n.deed, b[i:end])
			i = end + 1
		} else {
			if s.i = from; t.do(s, n.deed) != nil {
				return false
			}
			i = s.i
		}
		if n.asked {
			t.tell(n, from, i)
		}
		if n.deed == endRecord {
			s.i = i
			return true
		}
		n = n.next
	}
}

// keep is put for a text that needs no reading.
func (t *trailReader) keep(d deed, raw []byte) {
	into := t.to[d]
	if into == nil {
		return
	}
	if d <= lastOnce {
		t.raw.twice = t.raw.twice || *into != ""
	}
	*into = view(raw)
}

// tell keeps for the rules where a member is.
func (t *trailReader) tell(n *track, from, to int) {
	if n.deed == endMember || n.deed == endIdentity {
		from = t.opened
	}
	m := n.member
	m.From, m.To = int32(from-t.start), int32(to-t.start)
	t.members = append(t.members, m)
}

// learning is the track of the record that is being read in full.
type learning struct {
	at    int // behind the value before
	steps []step
	on    bool
}

// step is a track before it is known whether it is a new one. Its text lies in the record.
type step struct {
	text   []byte
	deed   deed
	quoted bool
	name   []byte // of the member that ends behind the value; nil: none does
}

func (l *learning) begin(s *scan, k *tracks) {
	l.at, l.steps, l.on = s.i, l.steps[:0], k.credit > -maxDebt
}

func (l *learning) stop() { l.on = false }

func (l *learning) step(s *scan, d deed) {
	if !l.on {
		return
	}
	if len(l.steps) == maxTrackSteps {
		l.on = false
		return
	}
	to := s.i
	quoted := d <= lastText && to < len(s.b) && s.b[to] == '"'
	if quoted {
		to++
	}
	l.steps = append(l.steps, step{text: s.b[l.at:to], deed: d, quoted: quoted})
}

// told says that a member of the record has ended.
func (l *learning) told(name []byte) {
	if l.on {
		l.steps[len(l.steps)-1].name = name
	}
}

// lay adds a track.
func (k *tracks) lay(l *learning, rules *sigma.Engine) {
	if !l.on {
		return
	}
	if k.n+len(l.steps) > maxTracks {
		k.first, k.n = nil, 0
	}
	k.credit -= costOfTrack
	at := &k.first
	for i := range l.steps {
		n := k.branch(at, &l.steps[i], rules)
		if n == nil {
			return
		}
		at = &n.next
	}
}

// branch is the track of a step among those at a place, made if it is not there; nil: there are too
// many. One whose text begins with that of another comes before it.
func (k *tracks) branch(at **track, x *step, rules *sigma.Engine) *track {
	for n := 0; *at != nil && !strings.HasPrefix(string(x.text), (*at).text); n++ {
		if n == maxOthers {
			return nil
		}
		at = &(*at).other
	}
	if *at != nil && (*at).text == string(x.text) {
		return *at
	}
	n := &track{text: string(x.text), deed: x.deed, quoted: x.quoted, other: *at}
	if x.name != nil && rules != nil {
		n.member = sigma.Member{Name: []byte(string(x.name)), Top: rules.Top(string(x.name))}
		n.asked = n.member.Top > 0
	}
	k.n++
	*at = n
	return n
}
