package timeline

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Namespaces of version 5 ids: STIX's for observables (STIX 2.1, 2.9), and ours.
var (
	stixSpace = space("00abedb4-aa42-466c-9c01-fed23315a9b7")
	ownSpace  = space("5a0d3b0e-2a86-5c8b-9c0e-3c1f6f0a7d42")
)

func space(text string) [16]byte {
	var s [16]byte
	b, _ := hex.DecodeString(strings.ReplaceAll(text, "-", "")) // a constant
	copy(s[:], b)
	return s
}

func uuid5(space [16]byte, name string) string {
	sum := sha1.Sum(append(space[:], name...))
	u := sum[:16]
	u[6], u[8] = u[6]&0x0f|0x50, u[8]&0x3f|0x80
	h := hex.EncodeToString(u)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// stixOwn is the id of an object of which STIX has no rule.
func stixOwn(kind, about string) string { return kind + "--" + uuid5(ownSpace, kind+"\x00"+about) }

// stixObservable is the id of an observable by STIX's rule: of the canonical JSON (RFC 8785)
// of the members that make it what it is. Empty ones are not there.
func stixObservable(kind string, of []Said) string {
	slices.SortFunc(of, func(a, b Said) int { return cmp.Compare(a.Name, b.Name) })
	b := []byte{'{'}
	for _, s := range of {
		if s.Value == "" {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = appendCanonical(append(appendCanonical(b, s.Name), ':'), s.Value)
	}
	return kind + "--" + uuid5(stixSpace, string(append(b, '}')))
}

// appendCanonical writes a string as RFC 8785 does.
func appendCanonical(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s { // what is no UTF-8 is U+FFFD, as in what is written
		if i := strings.IndexRune("\b\t\n\f\r\"\\", r); i >= 0 {
			b = append(b, '\\', `btnfr"\`[i])
		} else if r < 0x20 {
			b = fmt.Appendf(b, `\u%04x`, r)
		} else {
			b = append(b, string(r)...)
		}
	}
	return append(b, '"')
}

// accountType is what STIX has no word for; what sort of principal it is, is said elsewhere.
const accountType = "aws-iam"

func stixAccountID(user, login string) string {
	return stixObservable("user-account", []Said{{"user_id", user}, {"account_login", login}, {"account_type", accountType}})
}

const stixEventType = "x-freezeframe-event"

// stixAction is the field action: STIX 2.1 (10.2) reserves the property names severity, action,
// username and phone_numbers.
const stixAction = "event_action"

func stixEventID(e *Event) string { return stixObservable(stixEventType, e.identity()) }

// What every bundle begins with.
var (
	stixTool             = stixOwn("identity", "freezeframe")
	stixEventExtension   = stixOwn("extension-definition", stixEventType)
	stixAccountExtension = stixOwn("extension-definition", "aws-principal")
)

// stixEpoch is when what every bundle has was made: it is the same in all of them.
var stixEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func stixToolMembers(m *members) {
	moment := stixEpoch.Format("2006-01-02T15:04:05.000Z")
	m.text("created", moment)
	m.text("modified", moment)
	m.text("name", "freezeframe")
	m.text("description", "the program that read the records and wrote this bundle")
	m.text("identity_class", "system")
}

// preface defines who wrote the bundle, and what is not in STIX itself.
func (x *stixWriter) preface() {
	x.object("identity", stixTool, stixToolMembers)
	for _, d := range []struct{ id, name, text, kind, schema string }{
		{stixEventExtension, "freezeframe timeline event", "an event of a timeline: a call that was recorded, a log line, a collected configuration, an act of the responder", "new-sco",
			"members as in freezeframe's docs/timeline.md, where event_action is action; actor_ref is a user-account, source_ref an address. Id-contributing: event_id, kind, time, and of records without an id or with several versions raw_bag, raw_item, raw_path, raw_line, raw_offset"},
		{stixAccountExtension, "AWS principal", "what CloudTrail says of who acted, beside its ARN (user_id) and name (account_login)", "property-extension",
			"principal_type, principal_id, principal_account and role as in freezeframe's docs/timeline.md"},
	} {
		x.domain("extension-definition", d.id, stixEpoch, func(m *members) {
			m.text("name", d.name)
			m.text("description", d.text)
			m.text("schema", d.schema)
			m.text("version", "1.0.0")
			m.list("extension_types", []string{d.kind})
		})
	}
}

// technique writes an ATT&CK technique.
func (x *stixWriter) technique(id, technique string) {
	x.domain("attack-pattern", id, stixEpoch, func(m *members) {
		m.text("name", "ATT&CK "+technique)
		m.each("external_references", 1, func(int) {
			m.text("source_name", "mitre-attack")
			m.text("external_id", technique)
		})
	})
}

// end writes what is about the whole: suspicion, what is still there, what cannot be seen.
func (x *stixWriter) end() {
	at := x.last
	if at.IsZero() {
		at = stixEpoch
	}
	if x.told != nil {
		x.suspicion(at)
		x.blind = append(x.blind, x.told.Limits...)
	}
	if x.beyond > 0 {
		x.blind = append(x.blind, fmt.Sprintf("accounts and addresses beyond %d are in the events alone: %d references", x.limit, x.beyond))
	}
	if len(x.blind) > 0 {
		x.note(at, "what these records cannot show", strings.Join(x.blind, "\n"), []string{stixTool})
	}
}

func (x *stixWriter) note(at time.Time, abstract, content string, about []string) string {
	id := stixOwn("note", abstract+"\x00"+content+"\x00"+strings.Join(about, " "))
	x.domain("note", id, at, func(m *members) {
		m.text("abstract", abstract)
		m.text("content", content)
		m.list("object_refs", about)
	})
	return id
}

// suspicion writes an indicator for each suspect, what it is based on, what its credentials
// made that is still there, and a grouping of all.
func (x *stixWriter) suspicion(at time.Time) {
	var all []string
	of := map[*Accused]string{}
	for i := range x.told.Suspects {
		s := &x.told.Suspects[i]
		id := stixOwn("indicator", s.Node+"\x00"+s.Address)
		if of[s] = id; slices.Contains(all, id) {
			continue
		}
		all = append(all, id)
		x.indicator(id, s)
		for _, e := range slices.Compact(slices.Sorted(slices.Values(s.Events))) {
			if seen := x.cited[e]; seen != "" {
				all = append(all, x.basedOn(id, seen, s.Last))
			}
		}
	}
	notes := map[string]bool{}
	for _, f := range x.told.Standing {
		about := []string{stixTool}
		if s := x.told.by(f); s != nil {
			about = []string{of[s]}
		}
		if text := standingText(f); !notes[text] {
			notes[text] = true
			all = append(all, x.note(at, "still there", text, about))
		}
	}
	if len(all) == 0 {
		return
	}
	x.domain("grouping", stixOwn("grouping", x.told.Function+"\x00"+strings.Join(all, " ")), at, func(m *members) {
		m.text("name", "story of "+x.told.Function)
		m.text("description", "who is suspected, by rules that are shown and not by verdict, and what they made that is still there")
		m.text("context", "suspicious-activity")
		m.list("object_refs", all)
	})
}

func (x *stixWriter) indicator(id string, s *Accused) {
	x.domain("indicator", id, s.Last, func(m *members) {
		m.text("name", s.Who+" from "+orElse(s.Address, "an unknown address"))
		m.text("description", "suspected, which is no verdict:\n"+strings.Join(s.Reasons, "\n"))
		m.list("indicator_types", []string{"anomalous-activity"})
		m.text("pattern", s.pattern())
		m.text("pattern_type", "stix")
		m.text("pattern_version", "2.1")
		m.time("valid_from", time.RFC3339Nano, s.First)
	})
}

// pattern is what to look for: the account, its key, and its address, at the same time.
func (s *Accused) pattern() string {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	var all []string
	look := func(path, value string) {
		if value != "" {
			all = append(all, "["+path+" = '"+quote.Replace(value)+"']")
		}
	}
	look("user-account:user_id", s.ARN)
	if len(s.Keys) > 0 {
		look(stixEventType+":access_key", s.Keys[0])
	}
	if kind := stixAddress(s.Address); kind != "" {
		look(kind+":value", s.Address)
	}
	if len(all) == 0 {
		look("user-account:account_login", orElse(s.Who, "unknown"))
	}
	return strings.Join(all, " AND ")
}

func (x *stixWriter) basedOn(indicator, seen string, at time.Time) string {
	id := stixOwn("relationship", indicator+" based-on "+seen)
	x.domain("relationship", id, at, func(m *members) {
		m.text("relationship_type", "based-on")
		m.text("source_ref", indicator)
		m.text("target_ref", seen)
	})
	return id
}
