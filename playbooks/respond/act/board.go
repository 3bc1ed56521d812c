package act

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
)

// What lies on the board. Every record is written once; what changes is told by a further one.
//
//	acted/RULE/TIME-CASE-N    a rule acts: it counts against the rule's limits
//	due/CASE/N/set            Due: what ends when
//	due/CASE/N/plan-K         the hash of a plan that is about to be applied
//	due/CASE/N/done           it is in force
//	due/CASE/N/until-K        the end is put off
//	due/CASE/N/confirmed      people have taken it over: it does not end by itself
//	due/CASE/N/closed         it has ended
const (
	dueRoot   = "due/"
	actedRoot = "acted/"
	limits    = "limits" // the claim under which it is decided
)

// stampForm sorts as time does.
const stampForm = "20060102T150405Z"

// Due is what ends when.
type Due struct {
	Alert    json.RawMessage `json:"alert"` // as it was read: at the end its source is asked again
	Case     string          `json:"case"`
	Function string          `json:"function"`
	Account  string          `json:"account"`
	Rule     string          `json:"rule"`
	Mandate  string          `json:"mandate_sha256"`
	Acts     []string        `json:"acts"`
	Releases []string        `json:"releases"` // what is lifted at the end
	Stays    []string        `json:"stays"`
	At       time.Time       `json:"at"`
	Until    time.Time       `json:"until"`
	By       string          `json:"by"` // the process
	Note     string          `json:"note"`
}

// later is the end, put off.
type later struct {
	Until time.Time `json:"until"`
	Why   string    `json:"why"`
	By    string    `json:"by"`
	At    time.Time `json:"at"`
}

type planned struct {
	Plan string    `json:"plan"`
	By   string    `json:"by"`
	At   time.Time `json:"at"`
}

type done struct {
	Bag        string    `json:"bag"`
	InForce    int       `json:"in_force"`
	NotInForce int       `json:"not_in_force"`
	By         string    `json:"by"`
	At         time.Time `json:"at"`
}

// word is what somebody said or did at some time: confirmed, closed.
type word struct {
	By  string    `json:"by"`
	Why string    `json:"why"`
	Bag string    `json:"bag,omitempty"`
	At  time.Time `json:"at"`
}

type actedNote struct {
	Rule     string    `json:"rule"`
	Function string    `json:"function"`
	Case     string    `json:"case"`
	At       time.Time `json:"at"`
}

// due is one, with what was said of it since.
type due struct {
	id string // CASE/N
	Due
	parts map[string]bool // names of its records
	until time.Time       // with what it was put off by
}

func (d *due) has(part string) bool { return d.parts[part] }

func (d *due) open() bool { return d.has("set") && !d.has("closed") }

// count is how many records of a kind it has.
func (d *due) count(kind string) int {
	n := 0
	for p := range d.parts {
		if strings.HasPrefix(p, kind+"-") {
			n++
		}
	}
	return n
}

// parts are the records under a root that are of a case, or with "" of all cases: ids in order, and
// what each has.
func (x *Actor) parts(ctx context.Context, root, kase string) (ids []string, of map[string][]string, err error) {
	under := root
	if kase != "" {
		under += kase + "/"
	}
	names, err := x.o.Board.Names(ctx, under)
	if err != nil {
		return nil, nil, err
	}
	of = map[string][]string{}
	for _, n := range names {
		if kase != "" {
			n = kase + "/" + n
		}
		i := strings.LastIndexByte(n, '/')
		if i < 0 {
			continue
		}
		id := n[:i]
		if of[id] == nil {
			ids = append(ids, id)
		}
		of[id] = append(of[id], n[i+1:])
	}
	return ids, of, nil
}

// dues are those of a case, or with "" of all cases, that have not ended.
func (x *Actor) dues(ctx context.Context, kase string) ([]*due, error) {
	ids, parts, err := x.parts(ctx, dueRoot, kase)
	if err != nil {
		return nil, err
	}
	var order []*due
	for _, id := range ids {
		d := &due{id: id, parts: map[string]bool{}}
		for _, part := range parts[id] {
			d.parts[part] = true
		}
		order = append(order, d)
	}
	order = slices.DeleteFunc(order, func(d *due) bool { return !d.open() })
	for _, d := range order {
		if err := x.load(ctx, d); err != nil {
			return nil, err
		}
	}
	return order, nil
}

func (x *Actor) load(ctx context.Context, d *due) error {
	if known, ok := x.sets.Load(d.id); ok {
		d.Due = known.(Due) //nolint:forcetypeassert // nothing else is put there
	} else if err := x.o.Board.Get(ctx, dueRoot+d.id+"/set", &d.Due); err != nil {
		return err
	}
	x.sets.Store(d.id, d.Due)
	d.until = d.Until
	if n := d.count("until"); n > 0 {
		var l later
		if err := x.o.Board.Get(ctx, fmt.Sprintf("%s%s/until-%04d", dueRoot, d.id, n), &l); err != nil {
			return err
		}
		d.until = l.Until
	}
	return nil
}

// put writes a record of a due. One that is there already was written by somebody else who came to
// the same: that is told by false.
func (x *Actor) put(ctx context.Context, d *due, part string, record any) (bool, error) {
	err := x.o.Board.Put(ctx, dueRoot+d.id+"/"+part, record)
	if errors.Is(err, board.ErrTaken) {
		return false, nil
	}
	if err == nil {
		d.parts[part] = true
	}
	return err == nil, err
}

// next writes the next one of a numbered kind.
func (x *Actor) next(ctx context.Context, d *due, kind string, record any) error {
	for n := d.count(kind) + 1; ; n++ {
		if ok, err := x.put(ctx, d, fmt.Sprintf("%s-%04d", kind, n), record); ok || err != nil {
			return err
		}
	}
}

// acted are the notes of the last 24 hours and of times that are to come, but for one.
func (x *Actor) acted(ctx context.Context, but string) ([]mandate.Acted, error) {
	names, err := x.o.Board.Names(ctx, actedRoot)
	if err != nil {
		return nil, err
	}
	from := x.o.Now().Add(-25 * time.Hour).UTC().Format(stampForm)
	var all []mandate.Acted
	for _, n := range names {
		if _, name, ok := strings.Cut(n, "/"); !ok || name < from || actedRoot+n == but {
			continue
		}
		var a actedNote
		if err := x.o.Board.Get(ctx, actedRoot+n, &a); err != nil {
			return nil, err
		}
		all = append(all, mandate.Acted{Rule: a.Rule, Function: a.Function, At: a.At})
	}
	return all, nil
}

// Standing is a containment that ends by itself, as it stands.
type Standing struct {
	Due
	ID        string    `json:"id"`
	Ends      time.Time `json:"ends"` // with what it was put off by
	InForce   bool      `json:"in_force"`
	Confirmed bool      `json:"confirmed,omitempty"` // then it does not end by itself
}

// Due is what has not ended, of a case or with "" of all.
func (x *Actor) Due(ctx context.Context, kase string) ([]Standing, error) {
	open, err := x.dues(ctx, kase)
	if err != nil {
		return nil, err
	}
	out := []Standing{}
	for _, d := range open {
		out = append(out, Standing{d.Due, d.id, d.until, d.has("done"), d.has("confirmed")})
	}
	return out, nil
}
