package caseuco

import (
	"bufio"
	"cmp"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// Occurrence is one event of a timeline, in the words of no vocabulary.
type Occurrence struct {
	Key     string // tells it from all others, and is the same for the same fact
	ID      string // of the record, as its source has it
	Type    string // "lambda:UpdateFunctionCode"
	Service string
	Text    string // one line for people
	Time    time.Time
	Tags    []string
	Who     Account
	Address string // source address; only one that is an IP address becomes a node
	File    string // that holds the record, by its path in the case or the folder
	Said    []Said // what else is known
}

// Account is who acted. The zero value is nobody.
type Account struct {
	ID   string // ARN, or what the records have instead
	Name string
}

// Said is one name and its value.
type Said struct{ Key, Value string }

// maxShared bounds how many accounts, addresses and files are remembered as written. What
// comes again beyond that is written again, word for word: in JSON-LD a node that is said
// twice is one node.
const maxShared = 1 << 16

// Timeline writes events as they come: an event is a uco-core:Event, in whose context stand
// its EventRecord (with EventRecordFacet), the account that acted, the address it came from
// and the file that holds the record; what these have no property for is in the event's
// dictionary, by the names of a jsonl line.
type Timeline struct {
	g    graph
	self ref
}

// NewTimeline begins a graph. Where the events are those of a case, its files have the same
// names as in the chain of custody of that case.
func NewTimeline(out io.Writer, caseID string) *Timeline {
	t := &Timeline{g: graph{id: cmp.Or(caseID, "files"), w: bufio.NewWriterSize(safetext.JSON(out), 64<<10), seen: map[ref]bool{}}}
	t.self = t.name("timeline", "")
	t.g.begin()
	t.g.add(grouping{object{ref: t.self, Type: "uco-core:Grouping", Name: "timeline"}, []string{"events in order of time, as freezeframe read them"}})
	return t
}

func (t *Timeline) name(kind, id string) ref { return name(t.g.id, kind, id) }

// shared writes a node that several events point at.
func (t *Timeline) shared(r ref, node any) ref {
	if len(t.g.seen) >= maxShared {
		clear(t.g.seen)
	}
	return t.g.once(r, node)
}

// Event writes one.
func (t *Timeline) Event(o Occurrence) error {
	context := []ref{t.record(o)}
	if r := t.account(o.Who); r != nil {
		context = append(context, *r)
	}
	if r := t.address(o.Address); r != nil {
		context = append(context, *r)
	}
	if o.File != "" {
		f := object{ref: t.name("file", o.File), Type: "uco-observable:ObservableObject", Name: o.File}
		context = append(context, t.shared(f.ref, f))
	}
	e := occurrence{
		object: object{ref: t.name("event", o.Key), Type: "uco-core:Event", Name: o.Text},
		Kind:   o.Type, Start: moment(o.Time), End: moment(o.Time), Tags: o.Tags, Context: context,
	}
	if len(o.Said) > 0 {
		d := dictionary{ref: t.name("dictionary", o.Key), Type: "uco-types:Dictionary"}
		for i, s := range o.Said {
			d.Entries = append(d.Entries, entry{t.name("entry", strconv.Itoa(i)+" "+o.Key), "uco-types:DictionaryEntry", s.Key, s.Value})
		}
		e.Attributes = &d
	}
	t.g.add(e)
	return t.g.err
}

func (t *Timeline) record(o Occurrence) ref {
	f := recordFacet{
		ref: t.name("record-facet", o.Key), Type: "uco-observable:EventRecordFacet",
		Kind: o.Type, ID: o.ID, Service: o.Service, Text: o.Text, Start: moment(o.Time),
	}
	if r := t.account(o.Who); r != nil {
		f.Account = r
	}
	r := t.name("record", o.Key)
	t.g.add(faceted{object{ref: r, Type: "uco-observable:EventRecord"}, []any{f}})
	return r
}

func (t *Timeline) account(a Account) *ref {
	if a == (Account{}) {
		return nil
	}
	key := a.ID + "\x00" + a.Name
	n := faceted{object{ref: t.name("account", key), Type: "uco-observable:UserAccount", Name: a.Name}, []any{
		accountFacet{t.name("account-facet", key), "uco-observable:AccountFacet", a.ID},
	}}
	r := t.shared(n.ref, n)
	return &r
}

func (t *Timeline) address(text string) *ref {
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.Zone() != "" {
		return nil
	}
	kind := "uco-observable:IPv6Address"
	if ip.Is4() {
		kind = "uco-observable:IPv4Address"
	}
	n := faceted{object{ref: t.name("address", text), Type: kind}, []any{
		addressFacet{t.name("address-facet", text), kind + "Facet", text},
	}}
	r := t.shared(n.ref, n)
	return &r
}

// Note says something of the timeline as a whole: what it cannot show, or what was found in it.
// about is the account that it concerns, if it is one.
func (t *Timeline) Note(kind string, about Account, statements ...string) error {
	of := []ref{t.self}
	if r := t.account(about); r != nil {
		of = append(of, *r)
	}
	t.g.add(annotation{object{ref: t.name("note", kind+"\x00"+strings.Join(statements, "\x00")), Type: "uco-core:Annotation", Name: kind}, statements, of})
	return t.g.err
}

// Close ends the graph; it does not close the underlying writer.
func (t *Timeline) Close() error {
	_, err := t.g.w.WriteString("\n  ]\n}\n")
	t.g.fail(err)
	if t.g.err == nil {
		t.g.err = t.g.w.Flush()
	}
	return t.g.err
}

type grouping struct {
	object
	Context []string `json:"uco-core:context"`
}

type occurrence struct {
	object
	Kind       string      `json:"uco-core:eventType,omitempty"`
	Start      *literal    `json:"uco-core:startTime,omitempty"`
	End        *literal    `json:"uco-core:endTime,omitempty"`
	Tags       []string    `json:"uco-core:tag,omitempty"`
	Context    []ref       `json:"uco-core:eventContext"`
	Attributes *dictionary `json:"uco-core:eventAttribute,omitempty"`
}

type dictionary struct {
	ref
	Type    string  `json:"@type"`
	Entries []entry `json:"uco-types:entry"`
}

type entry struct {
	ref
	Type  string `json:"@type"`
	Key   string `json:"uco-types:key"`
	Value string `json:"uco-types:value"`
}

type faceted struct {
	object
	Facets []any `json:"uco-core:hasFacet"`
}

type recordFacet struct {
	ref
	Type    string   `json:"@type"`
	Kind    string   `json:"uco-observable:eventType,omitempty"`
	ID      string   `json:"uco-observable:eventRecordID,omitempty"`
	Service string   `json:"uco-observable:eventRecordServiceName,omitempty"`
	Text    string   `json:"uco-observable:eventRecordText,omitempty"`
	Start   *literal `json:"uco-observable:startTime,omitempty"`
	Account *ref     `json:"uco-observable:account,omitempty"`
}

type accountFacet struct {
	ref
	Type string `json:"@type"`
	ID   string `json:"uco-observable:accountIdentifier,omitempty"`
}

type addressFacet struct {
	ref
	Type  string `json:"@type"`
	Value string `json:"uco-observable:addressValue"`
}
