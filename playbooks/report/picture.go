package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Measures of the picture, in units of its drawing. page.js is told them (geometry), and draws
// by the same rules.
const (
	plotW    = 1000
	plotLeft = 150
	plotWide = plotW - plotLeft - 12
	plotTop  = 10
	laneTall = 56
	barTall  = 40
	column   = 3
)

// plot is the picture as it stands without a script, and on paper.
type plot struct {
	Empty              bool
	W, H               int
	Top, Bottom, TickY int
	From, To, Said     string
	Ticks              []tick
	Lanes              []plotLane
	Marks              []plotMark
}

type tick struct {
	X     string
	Label string
}

type plotLane struct {
	Name, Class, Path   string
	Total               int64
	Base, NameY, CountY int
}

type plotMark struct {
	ID          int
	X, Y, Label string
	T           int64
	Class       string
	Sign, Out   bool
}

func newPlot(d *Data, from, to time.Time) plot {
	b := &d.Picture.Whole
	if d.Picture.Focus != nil {
		b = d.Picture.Focus
	}
	all := d.Picture.Whole.Lanes
	p := plot{Empty: b.N == 0, W: plotW, Top: plotTop, Bottom: plotTop + laneTall*len(all), From: stamp(from), To: stamp(to)}
	p.TickY, p.H = p.Bottom+16, p.Bottom+26
	if p.Empty {
		return p
	}
	most := 1
	columns := make([][]int, len(b.Lanes))
	for i, l := range b.Lanes {
		columns[i] = spread(b, l.Counts, from, to)
		most = max(most, slices.Max(columns[i]))
	}
	var said []string
	for i, l := range all {
		top := plotTop + i*laneTall
		p.Lanes = append(p.Lanes, plotLane{Name: string(l.Lane), Class: class(l.Lane), Total: l.Total, Path: bars(columns[i], top+8, barTall, most), Base: top + laneTall, NameY: top + 24, CountY: top + 40})
		said = append(said, fmt.Sprintf("%s %d events", l.Lane, l.Total))
	}
	p.Said = strings.Join(said, ", ")
	p.Ticks = ticks(from, to)
	p.Marks = marks(d, from, to)
	return p
}

// xOf is where a moment lies.
func xOf(t, from, to time.Time) float64 {
	return plotLeft + float64(t.Sub(from))/float64(max(to.Sub(from), 1))*plotWide
}

// spread sums bins into columns of the picture. A bin wider than a column fills all that it
// lies under.
func spread(b *Bins, counts []int, from, to time.Time) []int {
	n := plotWide / column
	out := make([]int, n)
	per := float64(max(to.Sub(from).Milliseconds(), 1)) / float64(n)
	for i, c := range counts {
		if c == 0 {
			continue
		}
		at := float64(b.From.Sub(from).Milliseconds() + int64(i)*b.Step)
		first, last := int(math.Floor(at/per)), int(math.Ceil((at+float64(b.Step))/per))-1
		for x := max(0, first); x <= min(n-1, max(first, last)); x++ {
			if float64(b.Step) > per {
				out[x] = max(out[x], c)
			} else if x == max(0, first) {
				out[x] += c
			}
		}
	}
	return out
}

// bars draws columns of counts, the height by their logarithm.
func bars(columns []int, top, tall, most int) string {
	var s strings.Builder
	for i, c := range columns {
		if c == 0 {
			continue
		}
		h := max(2, math.Log1p(float64(c))/math.Log1p(float64(most))*float64(tall))
		fmt.Fprintf(&s, "M%d %dv-%.1fh2.6v%.1fz", plotLeft+i*column, top+tall, h, h)
	}
	return s.String()
}

// marks are the turns that weigh, those that look hostile first.
func marks(d *Data, from, to time.Time) []plotMark {
	turns := slices.Clone(d.Turns)
	slices.SortStableFunc(turns, func(a, b Turn) int { return rank(a) - rank(b) })
	turns = turns[:min(len(turns), maxMarks)]
	slices.SortStableFunc(turns, func(a, b Turn) int { return cmp.Or(a.From.Compare(b.From), a.ID-b.ID) })
	var out []plotMark
	for _, t := range turns {
		m := plotMark{ID: t.ID, T: t.From.UnixMilli(), Class: class(t.Lane), Sign: t.Sign, Out: t.From.Before(from) || t.From.After(to)}
		row := slices.IndexFunc(lanes(), func(l LaneRow) bool { return l.Lane == t.Lane })
		m.Y = fmt.Sprint(plotTop + row*laneTall + 14)
		m.X = "-99"
		if !m.Out {
			m.X = fmt.Sprintf("%.1f", xOf(t.From, from, to))
		}
		m.Label = stamp(t.From) + " " + string(t.Lane) + ": " + t.Text
		if t.Sign {
			m.Label += " (looks hostile)"
		}
		out = append(out, m)
	}
	return out
}

func rank(t Turn) int {
	switch {
	case t.Sign:
		return 0
	case t.Sort == "contained":
		return 1
	}
	return 2
}

// steps are the distances of ticks, in seconds.
var steps = []int64{1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 43200, 86400, 172800, 604800, 2592000, 7776000, 31536000}

func ticks(from, to time.Time) []tick {
	want, step := int64(to.Sub(from).Seconds())/7, steps[len(steps)-1]
	for _, s := range steps {
		if s >= want {
			step = s
			break
		}
	}
	form := "01-02 15:04"
	switch {
	case step >= 86400:
		form = "2006-01-02"
	case step < 60:
		form = "01-02 15:04:05"
	}
	var out []tick
	for t := (from.Unix() + step - 1) / step * step; t < to.Unix() && len(out) < 20; t += step {
		at := time.Unix(t, 0).UTC()
		out = append(out, tick{fmt.Sprintf("%.1f", xOf(at, from, to)), at.Format(form)})
	}
	return out
}

// overview is the strip below, of all records.
type overview struct {
	W              int
	Total          int64
	Path, Hot      string
	BrushX, BrushW string
}

func newOverview(d *Data, from, to time.Time) overview {
	b := &d.Picture.Whole
	o := overview{W: plotW, BrushX: fmt.Sprint(plotLeft), BrushW: fmt.Sprint(plotWide)}
	if b.N == 0 {
		return o
	}
	first, last := d.extent()
	sums, hot := make([]int, b.N), make([]int, b.N)
	for _, l := range b.Lanes {
		o.Total += l.Total
		for i, c := range l.Counts {
			sums[i] += c
			if l.Lane == LaneSuspect {
				hot[i] += c
			}
		}
	}
	all, some := spread(b, sums, first, last), spread(b, hot, first, last)
	most := max(1, slices.Max(all))
	o.Path, o.Hot = bars(all, 6, 34, most), bars(some, 6, 34, most)
	x, end := xOf(from, first, last), xOf(to, first, last)
	o.BrushX, o.BrushW = fmt.Sprintf("%.1f", x), fmt.Sprintf("%.1f", max(2, end-x))
	return o
}

// extent is all that can be looked at.
func (d *Data) extent() (from, to time.Time) {
	from, to = d.Picture.Whole.From, d.Picture.Whole.To()
	if f := d.Picture.Focus; f != nil {
		if f.From.Before(from) {
			from = f.From
		}
		if f.To().After(to) {
			to = f.To()
		}
	}
	return from, to
}

// pictureData is what the script draws from: numbers alone.
type pictureData struct {
	G     geometry  `json:"g"`
	View  viewData  `json:"view"`
	Whole *binsData `json:"whole"`
	Focus *binsData `json:"focus"`
}

type geometry struct {
	Left   int `json:"left"`
	Width  int `json:"width"`
	Total  int `json:"total"`
	Top    int `json:"top"`
	Bottom int `json:"bottom"`
	Lane   int `json:"lane"`
	Tall   int `json:"tall"`
}

type viewData struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

type binsData struct {
	From  int64   `json:"from"`
	Step  int64   `json:"step"`
	N     int     `json:"n"`
	Lanes [][]int `json:"lanes"`
}

func newPictureData(d *Data, from, to time.Time) pictureData {
	return pictureData{
		G:     geometry{plotLeft, plotWide, plotW, plotTop, plotTop + laneTall*len(lanes()), laneTall, barTall},
		View:  viewData{from.UnixMilli(), to.UnixMilli()},
		Whole: dataOf(&d.Picture.Whole), Focus: dataOf(d.Picture.Focus),
	}
}

func dataOf(b *Bins) *binsData {
	if b == nil {
		return nil
	}
	out := &binsData{From: b.From.UnixMilli(), Step: b.Step, N: b.N, Lanes: [][]int{}}
	for _, l := range b.Lanes {
		out.Lanes = append(out.Lanes, append([]int{}, l.Counts...))
	}
	return out
}
