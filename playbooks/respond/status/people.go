package status

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
)

// What the board keeps of acts is playbooks/respond/act's to write: see its board.go and ask.go. Here
// it is read as far as people ask for it.
const (
	dueRoot  = "due/"
	asksRoot = "asks/"
)

// Due is a containment that ends by itself, or that people have taken over.
type Due struct {
	ID        string    `json:"id"`
	Case      string    `json:"case"`
	Function  string    `json:"function"`
	Rule      string    `json:"rule"`
	Acts      []string  `json:"acts"`
	At        time.Time `json:"at"`
	Until     time.Time `json:"until"`
	Confirmed bool      `json:"confirmed"` // it does not end by itself
	Overdue   bool      `json:"overdue"`   // it should have ended
}

// Ask is what waits for approval.
type Ask struct {
	ID       string    `json:"id"`
	Function string    `json:"function"`
	Rule     string    `json:"rule"`
	Acts     []string  `json:"acts"`
	Wanted   int       `json:"wanted"` // approvals
	Given    int       `json:"given"`
	At       time.Time `json:"at"`
}

// group is the records of one thing: ID/PART, by ID in order.
type group struct {
	id    string
	parts []string
}

func (g *group) has(part string) bool {
	for _, p := range g.parts {
		if p == part {
			return true
		}
	}
	return false
}

// all are the parts with a number, in order.
func (g *group) all(kind string) (out []string) {
	for _, p := range g.parts {
		if strings.HasPrefix(p, kind+"-") {
			out = append(out, p)
		}
	}
	return out
}

func groups(ctx context.Context, b *board.Board, root string) ([]*group, error) {
	names, err := b.Names(ctx, root)
	if err != nil {
		return nil, err
	}
	var out []*group
	by := map[string]*group{}
	for _, name := range names {
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			return nil, fmt.Errorf("%s%s on the board is none of ours", root, name)
		}
		g := by[name[:i]]
		if g == nil {
			g = &group{id: name[:i]}
			by[g.id], out = g, append(out, g)
		}
		g.parts = append(g.parts, name[i+1:])
	}
	return out, nil
}

func (s *Status) due(ctx context.Context, o Options) error {
	all, err := groups(ctx, o.Board, dueRoot)
	if err != nil {
		return err
	}
	for _, g := range all {
		if !g.has("set") || g.has("closed") {
			continue
		}
		d := Due{}
		if err := o.Board.Get(ctx, dueRoot+g.id+"/set", &d); err != nil {
			return err
		}
		if all := g.all("until"); len(all) > 0 { // the last one counts
			var later struct {
				Until time.Time `json:"until"`
			}
			if err := o.Board.Get(ctx, dueRoot+g.id+"/"+all[len(all)-1], &later); err != nil {
				return err
			}
			d.Until = later.Until
		}
		d.ID, d.Confirmed = g.id, g.has("confirmed")
		d.Overdue = !d.Confirmed && s.At.After(d.Until)
		s.Due = append(s.Due, d)
	}
	return nil
}

func (s *Status) asks(ctx context.Context, o Options) error {
	all, err := groups(ctx, o.Board, asksRoot)
	if err != nil {
		return err
	}
	for _, g := range all {
		if !g.has("asked") || g.has("closed") {
			continue
		}
		var asked struct {
			Request mandate.Request `json:"request"`
			Wanted  int             `json:"wanted"`
			At      time.Time       `json:"at"`
		}
		if err := o.Board.Get(ctx, asksRoot+g.id+"/asked", &asked); err != nil {
			return err
		}
		s.Waiting = append(s.Waiting, Ask{g.id, asked.Request.Function, asked.Request.Rule, asked.Request.Acts, asked.Wanted, len(g.all("yes")), asked.At})
	}
	return nil
}
