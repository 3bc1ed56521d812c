package timeline

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stixFormat writes one STIX 2.1 bundle. An event is an observed-data of what was observed:
// the account that acted, the address it came from, and the event itself, an object of a type
// that an extension definition in the bundle declares, with all that a jsonl line has. A
// Sigma rule's ATT&CK techniques are attack-patterns, and its hits sightings of them. What a
// story suspects are indicators, and what cannot be seen is a note.
//
// Ids are of version 5: of what STIX calls observables by STIX's own rule, of all else by what
// the object is about. Objects come as events do, and each id once: that is what maxObservables
// are remembered for. An account or address beyond them stands in its events alone, and the
// bundle says so.
func stixFormat() Format {
	return Format{Name: "stix", About: "one STIX 2.1 bundle", Ext: ".json", Document: true, Story: true,
		New: func(w io.Writer, o Options) EventWriter {
			x := &stixWriter{w: bufio.NewWriterSize(w, 64<<10), hash: sha256.New(), told: o.Told, seen: map[string]bool{}, cited: map[string]string{}, limit: maxObservables}
			for _, f := range Fields() {
				if f.Name == "action" {
					f.Name = stixAction
				}
				if f.Name != "schema" {
					x.fields = append(x.fields, f)
				}
			}
			if x.told != nil {
				for _, s := range x.told.Suspects {
					for _, id := range s.Events {
						x.cited[id] = ""
					}
				}
			}
			return x
		}}
}

// maxObservables bounds the accounts, addresses and techniques of one bundle.
const maxObservables = 1 << 18

type stixWriter struct {
	w      *bufio.Writer
	hash   hash.Hash // of what is written: the bundle's own id
	m      members
	fields []Field
	told   *Told
	blind  []string
	begun  bool
	some   bool              // objects are written
	last   time.Time         // of the events
	seen   map[string]bool   // ids that are written and may come again
	cited  map[string]string // event ids that suspicion rests on -> their observed-data
	limit  int
	beyond int64 // references that are left to the event's own text
	err    error
}

func (x *stixWriter) text(s string) {
	if x.err == nil {
		_, x.err = x.w.WriteString(s)
		x.hash.Write([]byte(s)) // never fails
	}
}

// object writes one, a line.
func (x *stixWriter) object(kind, id string, put func(m *members)) {
	x.begin()
	if x.some {
		x.text(",\n")
	}
	x.some = true
	m := &x.m
	m.open()
	m.text("type", kind)
	m.text("spec_version", "2.1")
	m.text("id", id)
	put(m)
	m.b = append(m.b, '}')
	if x.err == nil {
		_, x.err = x.w.Write(m.b)
		x.hash.Write(m.b)
	}
}

// begin opens the bundle, with what every bundle has.
func (x *stixWriter) begin() {
	if x.begun {
		return
	}
	x.begun = true
	x.text(`{"type":"bundle","objects":[` + "\n")
	x.preface()
}

// domain writes an object of ours: made by this program, at the time of what it is about.
func (x *stixWriter) domain(kind, id string, at time.Time, put func(m *members)) {
	x.object(kind, id, func(m *members) {
		m.text("created_by_ref", stixTool)
		moment := at.UTC().Format("2006-01-02T15:04:05.000Z")
		m.text("created", moment)
		m.text("modified", moment)
		put(m)
	})
}

// shared writes an object that several events point at, once. It is false beyond the bound.
func (x *stixWriter) shared(id string, write func()) bool {
	if x.seen[id] {
		return true
	}
	if len(x.seen) >= x.limit {
		x.beyond++
		return false
	}
	x.seen[id] = true
	write()
	return true
}

// Begin keeps what cannot be seen for the end.
func (x *stixWriter) Begin(s Summary) error {
	x.blind = s.blindness()
	return nil
}

func (x *stixWriter) Event(e *Event) error {
	x.last = e.Time
	self := stixEventID(e)
	refs := make([]string, 0, 3)
	who, from := x.account(e), x.address(e.Address)
	for _, r := range [...]string{self, who, from} {
		if r != "" {
			refs = append(refs, r)
		}
	}
	x.object(stixEventType, self, func(m *members) {
		m.within("extensions", func() {
			m.within(stixEventExtension, func() { m.text("extension_type", "new-sco") })
		})
		m.text("actor_ref", who)
		m.text("source_ref", from)
		for i := range x.fields {
			x.fields[i].put(m, e)
		}
	})
	seen := stixOwn("observed-data", self)
	x.domain("observed-data", seen, e.Time, func(m *members) {
		m.list("labels", labels(e.Tags))
		m.time("first_observed", time.RFC3339Nano, e.Time)
		m.time("last_observed", time.RFC3339Nano, e.Time)
		m.integer("number_observed", 1)
		m.list("object_refs", refs)
	})
	if _, ok := x.cited[e.ID]; ok {
		x.cited[strings.Clone(e.ID)] = seen
	}
	for i, h := range e.Rules {
		for j, t := range h.Techniques {
			if !slices.Contains(h.Techniques[:j], t) {
				x.sighting(e, i, t, seen)
			}
		}
	}
	return x.err
}

// labels are the tags: STIX wants none to be empty.
func labels(tags []string) []string {
	if !slices.Contains(tags, "") {
		return tags
	}
	return slices.DeleteFunc(slices.Clone(tags), func(s string) bool { return s == "" })
}

// account writes who acted.
func (x *stixWriter) account(e *Event) string {
	if e.Kind == KindRule {
		return ""
	}
	user, login := e.account()
	p := &e.Principal
	id := stixAccountID(user, login)
	if !x.shared(id, func() {
		x.object("user-account", id, func(m *members) {
			m.within("extensions", func() {
				m.within(stixAccountExtension, func() {
					m.text("extension_type", "property-extension")
					m.text("principal_type", orElse(p.Type, "unknown"))
					m.text("principal_id", p.ID)
					m.text("principal_account", p.Account)
					m.text("role", p.Role)
				})
			})
			m.text("user_id", user)
			m.text("account_login", login)
			m.text("account_type", accountType)
			m.truth("is_service_account", p.Type == "AWSService")
		})
	}) {
		return ""
	}
	return id
}

// address writes where it came from, if it is an address.
func (x *stixWriter) address(text string) string {
	kind := stixAddress(text)
	if kind == "" {
		return ""
	}
	id := stixObservable(kind, []Said{{"value", text}})
	if !x.shared(id, func() {
		x.object(kind, id, func(m *members) { m.text("value", text) })
	}) {
		return ""
	}
	return id
}

func stixAddress(text string) string {
	ip, err := netip.ParseAddr(text)
	switch {
	case err != nil || ip.Zone() != "":
		return ""
	case ip.Is4():
		return "ipv4-addr"
	}
	return "ipv6-addr"
}

// sighting says that a rule saw a technique in an event.
func (x *stixWriter) sighting(e *Event, hit int, technique, seen string) {
	h := &e.Rules[hit]
	pattern := stixOwn("attack-pattern", technique)
	if !x.shared(pattern, func() { x.technique(pattern, technique) }) {
		return
	}
	x.domain("sighting", stixOwn("sighting", fmt.Sprint(seen, pattern, hit)), e.Time, func(m *members) {
		name := "Sigma rule " + h.Title
		if h.ID != "" {
			name += " (" + h.ID + ")"
		}
		if h.Level != "" {
			name += ", level " + h.Level
		}
		m.text("description", name)
		m.time("first_seen", time.RFC3339Nano, e.Time)
		m.time("last_seen", time.RFC3339Nano, e.Time)
		m.integer("count", 1)
		m.text("sighting_of_ref", pattern)
		m.list("observed_data_refs", []string{seen})
	})
}

// Close ends the bundle. Its id comes last: it is that of all before it.
func (x *stixWriter) Close() error {
	x.end()
	x.begin()
	x.text("\n]")
	id := stixOwn("bundle", hex.EncodeToString(x.hash.Sum(nil)))
	x.text(`,"id":` + strconv.Quote(id) + "}\n")
	if x.err == nil {
		x.err = x.w.Flush()
	}
	return x.err
}
