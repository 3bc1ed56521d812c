package report

import (
	"fmt"
	"strings"
)

// Measures of the lineage's drawing.
const (
	boxW   = 250
	boxH   = 62
	gapX   = 150
	gapY   = 20
	margin = 12
)

// drawn is the lineage as boxes and arrows, and the same as rows.
type drawn struct {
	W, H, BoxW, BoxH int
	Nodes            []box
	Edges            []arrow
	Rows             []nodeRow
}

type box struct {
	X, Y, TX, Y1, Y2, Y3 int
	Name, Line, Third    string
	Suspected            bool
}

type arrow struct {
	Path   string
	X, Y   int
	Label  string
	Origin bool
}

type nodeRow struct {
	Node
	From []string
}

func draw(g *Graph) drawn {
	d := drawn{BoxW: boxW, BoxH: boxH}
	at := map[string]Node{}
	for _, n := range g.Nodes {
		at[n.ID] = n
		x, y := margin+n.Depth*(boxW+gapX), margin+n.Row*(boxH+gapY)
		b := box{X: x, Y: y, TX: x + 10, Y1: y + 20, Y2: y + 37, Y3: y + 53, Suspected: n.Suspected, Name: shorter(n.Who[strings.LastIndexByte(n.Who, ':')+1:], 28), Line: shorter(strings.TrimSpace(n.Kind+" "+n.Key), 42), Third: shorter(n.Uses, 42)}
		d.Nodes = append(d.Nodes, b)
		d.W, d.H = max(d.W, x+boxW+margin), max(d.H, y+boxH+margin)
		d.Rows = append(d.Rows, nodeRow{Node: n})
	}
	for _, e := range g.Edges {
		from, to := at[e.From], at[e.To]
		d.Edges = append(d.Edges, arrowOf(from, to, e))
		for i := range d.Rows {
			if d.Rows[i].ID == e.To {
				text := fmt.Sprintf("%s: %s", from.Who, e.How)
				if e.Action != "" {
					text = fmt.Sprintf("%s by %s: %s", from.Who, e.Action, e.How)
				}
				if e.Sure != "" {
					text += " (" + e.Sure + ")"
				}
				d.Rows[i].From = append(d.Rows[i].From, text)
			}
		}
	}
	return d
}

// arrowOf leaves the box to the right and comes in from the left; what goes back is bent.
func arrowOf(from, to Node, e Edge) arrow {
	x1, y1 := margin+from.Depth*(boxW+gapX)+boxW, margin+from.Row*(boxH+gapY)+boxH/2
	x2, y2 := margin+to.Depth*(boxW+gapX), margin+to.Row*(boxH+gapY)+boxH/2
	bend := gapX / 2
	a := arrow{Origin: e.Origin, Path: fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x1, y1, x1+bend, y1, x2-bend, y2, x2, y2)}
	a.X, a.Y = x2-gapX/2, y2-6
	label := e.Action
	if i := strings.IndexByte(label, ':'); i >= 0 {
		label = label[i+1:]
	}
	if e.Sure != "" && e.Sure != "certain" {
		label = strings.TrimSpace(label + " (" + e.Sure + ")")
	}
	a.Label = shorter(label, 24)
	return a
}

// shorter shortens a text in the middle, so that both ends of a name can be read.
func shorter(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	half := (most - 1) / 2
	return string(r[:half]) + "…" + string(r[len(r)-half:])
}
