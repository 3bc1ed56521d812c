package tabletop

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"regexp"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// Paper is a paper of an exercise as a value: Markdown, HTML and JSON say the same of it. Its texts
// may be somebody else's, and each form escapes them in its own way.
type Paper struct {
	Schema   string        `json:"schema"`
	Banner   string        `json:"banner"` // EXERCISE: on every page
	Kind     PaperKind     `json:"kind"`
	Title    string        `json:"title"`
	Lead     string        `json:"lead"` // for whom it is
	Sections []Section     `json:"sections"`
	Plan     []Improvement `json:"improvement_plan,omitempty"`
}

// PaperKind names a paper, and its file.
type PaperKind string

// The papers of an exercise.
const (
	SituationManual  PaperKind = "situation-manual"
	EvaluatorGuide   PaperKind = "evaluator-guide"
	AfterAction      PaperKind = "after-action"
	FacilitatorNotes PaperKind = "facilitator-notes"
)

// Section is a part of a paper: paragraphs, then a list, then a table, as far as there are any.
type Section struct {
	Heading  string   `json:"heading"`
	Text     []string `json:"text,omitempty"`
	Items    []string `json:"items,omitempty"`
	Numbered bool     `json:"numbered,omitempty"`
	Table    *Table   `json:"table,omitempty"`
}

// Table has as many cells in each row as heads.
type Table struct {
	Heads []string   `json:"heads"`
	Rows  [][]string `json:"rows"`
}

// Improvement is a line of the improvement plan.
type Improvement struct {
	ID    string `json:"id"`
	What  string `json:"what"`
	Owner string `json:"owner"` // empty until somebody takes it
	Due   string `json:"due"`   // 2006-01-02
}

// paperSchema names the form of a paper in JSON.
const paperSchema = "freezeframe/tabletop-paper/v1"

func newPaper(kind PaperKind, title, lead string) *Paper {
	return &Paper{Schema: paperSchema, Banner: "EXERCISE", Kind: kind, Title: "EXERCISE: " + title, Lead: lead}
}

func (p *Paper) add(s Section) *Section {
	p.Sections = append(p.Sections, s)
	return &p.Sections[len(p.Sections)-1]
}

// planned is the improvement plan as a table.
func (p *Paper) planned() *Table {
	t := &Table{Heads: []string{"id", "what", "owner", "due"}}
	for _, i := range p.Plan {
		t.Rows = append(t.Rows, []string{i.ID, i.What, i.Owner, i.Due})
	}
	return t
}

// PaperForms are the forms of a paper, by how their files end.
func PaperForms() []string { return []string{"md", "html", "json"} }

// Render is the paper in one of PaperForms. The same paper gives the same bytes.
func (p *Paper) Render(form string) ([]byte, error) {
	switch form {
	case "md":
		return []byte(p.Markdown()), nil
	case "html":
		return p.HTML()
	case "json":
		var b bytes.Buffer
		enc := json.NewEncoder(safetext.JSON(&b))
		enc.SetIndent("", "  ")
		err := enc.Encode(p)
		return b.Bytes(), err
	}
	return nil, fmt.Errorf("papers have no form %q; there are %s", form, strings.Join(PaperForms(), ", "))
}

// markup is what Markdown takes for its own wherever it stands; links that it makes of bare
// addresses are cut in plainText.
var (
	markup  = strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", ">", "&gt;", "[", `\[`, "]", `\]`, "`", "'", "*", `\*`, "_", `\_`, "~", `\~`, "://", `\://`, "\n", " ", "\r", " ")
	begins  = regexp.MustCompile(`^(\s*)([#+=-]|\d+[.)])`)
	address = regexp.MustCompile(`(?i)\b(www)\.`)
)

// plainText is a text that Markdown shows as it stands, on one line.
func plainText(s string) string {
	s = address.ReplaceAllString(markup.Replace(s), `$1\.`)
	return begins.ReplaceAllString(safetext.Escape(s), `$1\$2`)
}

// Markdown is the paper for whoever reads plain text.
func (p *Paper) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n**%s**\n", plainText(p.Title), plainText(p.Lead))
	for _, s := range p.Sections {
		if s.Heading != "" {
			fmt.Fprintf(&b, "\n## %s\n", plainText(s.Heading))
		}
		for _, t := range s.Text {
			fmt.Fprintf(&b, "\n%s\n", plainText(t))
		}
		for i, item := range s.Items {
			mark := "-"
			if s.Numbered {
				mark = fmt.Sprintf("%d.", i+1)
			}
			if i == 0 {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "%s %s\n", mark, plainText(item))
		}
		if s.Table != nil {
			b.WriteByte('\n')
			row(&b, s.Table.Heads)
			b.WriteString("|" + strings.Repeat("---|", len(s.Table.Heads)) + "\n")
			for _, r := range s.Table.Rows {
				row(&b, r)
			}
		}
	}
	return b.String()
}

func row(b *strings.Builder, cells []string) {
	b.WriteByte('|')
	for _, c := range cells {
		fmt.Fprintf(b, " %s |", plainText(c))
	}
	b.WriteByte('\n')
}

//go:embed paper.html
var pageText string

//go:embed paper.css
var styleSheet string

// HTML is the paper as one file that fetches nothing and runs nothing: its policy allows this one
// style sheet, by its digest, and nothing else.
func (p *Paper) HTML() ([]byte, error) {
	page, err := template.New("paper").Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("the page of papers: %w", err)
	}
	sum := sha256.Sum256([]byte(styleSheet))
	var b bytes.Buffer
	err = page.Execute(&b, struct {
		*Paper
		Style  template.CSS
		Digest string
	}{p.escaped(), template.CSS(styleSheet), "sha256-" + base64.StdEncoding.EncodeToString(sum[:])}) //nolint:gosec // the style is ours
	if err != nil {
		return nil, fmt.Errorf("paper %s: %w", p.Kind, err)
	}
	return b.Bytes(), nil
}

// escaped is the paper with everything spelled out that moves, hides or turns what is read: tags
// are the template's business.
func (p *Paper) escaped() *Paper {
	out := *p
	out.Title, out.Lead = safetext.Escape(p.Title), safetext.Escape(p.Lead)
	list := func(in []string) []string {
		var texts []string
		for _, t := range in {
			texts = append(texts, safetext.Escape(strings.Join(strings.Fields(t), " ")))
		}
		return texts
	}
	out.Sections = nil
	for _, s := range p.Sections {
		s.Heading, s.Text, s.Items = safetext.Escape(s.Heading), list(s.Text), list(s.Items)
		if s.Table != nil {
			t := &Table{Heads: list(s.Table.Heads)}
			for _, r := range s.Table.Rows {
				t.Rows = append(t.Rows, list(r))
			}
			s.Table = t
		}
		out.Sections = append(out.Sections, s)
	}
	return &out
}
