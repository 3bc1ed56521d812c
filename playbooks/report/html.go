package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

//go:embed page.gohtml
var pageText string

//go:embed page.css
var style string

//go:embed page.js
var script string

// page is what the templates are given. D is a copy whose texts are spelled out.
type page struct {
	D        *Data
	Served   bool // by `report serve`: its policy is a header, and there is a page of all events
	Policy   string
	Style    template.CSS
	Script   template.JS
	Sections []section
	Plot     plot
	Over     overview
	Picture  pictureData
	Lineage  drawn
	Ticked   []string
	Masked   string

	AllArtefacts int
}

type section struct{ ID, Title string }

func sections() []section {
	return []section{
		{"summary", "Summary"}, {"timeline", "Timeline"}, {"who", "Who and how"}, {"versions", "Versions"}, {"coverage", "Coverage"},
		{"containment", "Containment and open"}, {"custody", "Chain of custody"}, {"practices", "Practices"}, {"answers", "Collected answers"}, {"artefacts", "Appendix"},
	}
}

// policy lets the page's own script and style work, by their hashes, and nothing else: nothing
// loads, nothing is sent, and no text becomes markup by a script's doing.
func policy(more string) string {
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; script-src " + hash(script) + "; style-src " + hash(style) +
		"; base-uri 'none'; form-action " + more + "; require-trusted-types-for 'script'; trusted-types 'none'"
}

// HTML writes the report as one file.
func (d *Data) HTML(w io.Writer) error { return d.html(w, false) }

func (d *Data) html(w io.Writer, served bool) error {
	t, err := templates()
	if err != nil {
		return err
	}
	if err := t.ExecuteTemplate(w, "page", newPage(d, served)); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

func templates() (*template.Template, error) {
	t, err := template.New("").Funcs(template.FuncMap{"clock": stamp, "join": joinFew, "class": class, "diffclass": diffClass}).Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("reading the page's template: %w", err)
	}
	return t, nil
}

func newPage(d *Data, served bool) page {
	shown := rewritten(*d, safetext.Escape)
	p := page{D: &shown, Served: served, Policy: policy("'none'"), Style: template.CSS(style), Script: template.JS(script), Sections: sections(), Masked: Masked,
		AllArtefacts: len(d.Artefacts) + d.Unlisted}
	for _, l := range lanes() {
		p.Ticked = append(p.Ticked, string(l.Lane))
	}
	from, to := shown.view()
	p.Plot, p.Over = newPlot(&shown, from, to), newOverview(&shown, from, to)
	p.Picture = newPictureData(&shown, from, to)
	p.Lineage = draw(&shown.Graph)
	return p
}

// view is what is drawn at first: the stretch of the incident, or all.
func (d *Data) view() (from, to time.Time) {
	if f := d.Picture.Focus; f != nil {
		return f.From, f.To()
	}
	return d.Picture.Whole.From, d.Picture.Whole.To()
}

// class is a lane's name in the style.
func class(l Lane) string {
	switch l {
	case LaneSuspect:
		return "suspected"
	case LaneFunction:
		return "function"
	case LaneWatcher:
		return "watcher"
	case LaneResponder:
		return "responder"
	}
	return "role"
}

// diffClass tells added and removed lines apart.
func diffClass(line string) string {
	switch {
	case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"), strings.HasPrefix(line, "@@"), strings.HasPrefix(line, "diff "):
		return "at"
	case strings.HasPrefix(line, "+"):
		return "add"
	case strings.HasPrefix(line, "-"):
		return "del"
	}
	return "same"
}

// joinFew joins the first of some ids: what they are of has the rest.
func joinFew(all []string) string {
	const few = 3
	text := strings.Join(all[:min(len(all), few)], ", ")
	if more := len(all) - few; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
