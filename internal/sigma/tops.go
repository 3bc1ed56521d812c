package sigma

// The fields that rules ask for begin at members of the record itself. Those are numbered, so that
// a record's members are looked up by name once, and mostly not even that: they come in the order
// of the record before.

// tops are the names of members at which a field may begin: of "a.b.c" these are a, a.b and a.b.c,
// since names may have dots.
type tops struct {
	names  []string
	byName map[string]int32
	starts [][]start // by slot
}

// start is where a field may begin, and what of its path lies below.
type start struct {
	top   int32
	rest  string
	whole bool // the member is the field
}

// place says which of the record's members a top is, if gen is that of the event.
type place struct {
	gen    uint32
	member int32
}

// topped is the name of a member, and the top that it is; -1: none. next is what came behind it
// when it came last.
type topped struct {
	name string
	top  int32
	next *topped
}

// The tops that every engine has.
const (
	topName int32 = iota
	topSource
	topIdentity
	topAgent
)

// The members whose answers are remembered.
const (
	identityName = "userIdentity"
	agentName    = "userAgent"
)

func newTops(fields []string) tops {
	t := tops{byName: map[string]int32{}, starts: make([][]start, len(fields))}
	for _, name := range []string{"eventName", "eventSource", identityName, agentName} {
		t.number(name)
	}
	for slot, path := range fields {
		if path == "" {
			continue
		}
		for i := 0; i < len(path); i++ {
			if path[i] == '.' {
				t.starts[slot] = append(t.starts[slot], start{top: t.number(path[:i]), rest: path[i+1:]})
			}
		}
		t.starts[slot] = append(t.starts[slot], start{top: t.number(path), whole: true})
	}
	return t
}

func (t *tops) number(name string) int32 {
	n, ok := t.byName[name]
	if !ok {
		n = int32(len(t.names))
		t.names, t.byName[name] = append(t.names, name), n
	}
	return n
}

// Top is a number for the name of a record's member, for Member.Top. It is below 0 where no rule
// asks for such a member: then the member may be left out.
func (e *Engine) Top(name string) int32 {
	if n, ok := e.tops.byName[name]; ok {
		return n + 1
	}
	return -1
}

// Bounds of the names that a matcher remembers. Records of real life have some fifty.
const (
	maxNamed = 512
	maxName  = 64
)

// top is the top that a member is.
func (m *Matcher) top(name []byte) int32 {
	if x := m.last.next; x != nil && x.name == string(name) {
		m.last = x
		return x.top
	}
	x := m.named[string(name)]
	if x == nil {
		top, ok := m.e.tops.byName[string(name)]
		if !ok {
			top = -1
		}
		if len(m.named) >= maxNamed || len(name) > maxName {
			return top
		}
		x = &topped{name: string(name), top: top}
		m.named[x.name] = x
	}
	m.last.next, m.last = x, x
	return x.top
}

// only is the one of the record's members at which a field begins, nil if none does. It is false
// where several could.
func (m *Matcher) only(slot int) (top *member, from *start, ok bool) {
	starts := m.e.tops.starts[slot]
	for i := range starts {
		if p := m.at[starts[i].top]; p.gen == m.gen {
			if top != nil {
				return nil, nil, false
			}
			top, from = &m.rec.members[p.member], &starts[i]
		}
	}
	return top, from, true
}

// has takes the next member of the record; node is -1 where it has not been read.
func (m *Matcher) has(x Member, node int32) {
	top := x.Top - 1
	if x.Top == 0 {
		top = m.top(x.Name)
	}
	if top < 0 {
		return
	}
	if m.at[top].gen == m.gen {
		m.odd, m.memos = true, [memos]*Memo{}
	}
	m.at[top] = place{m.gen, int32(len(m.rec.members))}
	m.rec.members = append(m.rec.members, member{x, node})
	if top == topAgent {
		if !m.odd && node < 0 {
			m.memos[ofAgent] = m.agents.of(m.rec.b[x.From:x.To])
		}
	} else if m.memos[ofIdentity] != nil && len(x.Name) > len(identityName) && x.Name[len(identityName)] == '.' && string(x.Name[:len(identityName)]) == identityName {
		m.memos[ofIdentity] = nil
	}
}
