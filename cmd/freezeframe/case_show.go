package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/caseuco"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

// custody is what `case show` answers: the chain of custody, an event a row.
type custody struct {
	Schema    string       `json:"schema"`
	Case      string       `json:"case"`
	ID        string       `json:"id"`
	Title     string       `json:"title"`
	Authority string       `json:"authority"`
	Exercise  string       `json:"exercise,omitempty"`
	Operator  string       `json:"operator"`
	Opened    time.Time    `json:"opened"`
	Rows      []custodyRow `json:"rows"`
}

type custodyRow struct {
	Seq       int64              `json:"seq"`
	Time      time.Time          `json:"time"`
	Type      evidence.EventType `json:"type"`
	Who       string             `json:"who"`
	Principal string             `json:"principal,omitempty"` // ARN
	Host      string             `json:"host,omitempty"`
	Tool      string             `json:"tool,omitempty"` // name, version, commit, SHA-256 of the binary
	What      string             `json:"what"`
	Reason    string             `json:"reason,omitempty"`
	Covers    []evidence.Digest  `json:"covers,omitempty"`
}

func (p *program) caseShowCommand() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show the chain of custody: who did what with the evidence, when, why, with which tool",
		Description: "freezeframe case show\nfreezeframe case show --json\nfreezeframe case show --format case-uco > custody.jsonld\n\nWhat the ledger says; freezeframe verify says whether it can be trusted. case-uco is JSON-LD of the CASE and UCO ontologies, with every artefact and its hash.",
		Flags:       []cli.Flag{&cli.StringFlag{Name: "format", Usage: "table or case-uco", Value: "table"}},
		Action:      p.caseShow,
	}
}

func (p *program) caseShow(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	switch c.String("format") {
	case "table":
	case "case-uco":
		return caseuco.Write(c.Context, safetext.JSON(p.s.Out), opened, evidence.Event.What)
	default:
		return ui.UsageHint("freezeframe case show --format case-uco", "unknown format %q: table or case-uco", c.String("format"))
	}
	out := custody{
		Schema: "freezeframe/custody/v1", Case: opened.Vault().String(), ID: opened.ID, Title: opened.Title,
		Authority: opened.Authority, Exercise: opened.Exercise, Operator: opened.Operator, Opened: opened.Opened, Rows: []custodyRow{},
	}
	bags := map[string]evidence.Header{}
	for b, err := range opened.Bags(c.Context) {
		if err != nil {
			return err
		}
		bags[b.ID()] = b.Header()
	}
	for e, err := range opened.Ledger(c.Context) {
		if err != nil {
			return err
		}
		out.Rows = append(out.Rows, rowOf(e, bags[e.Data["bag"]]))
	}
	return p.s.Show(out, func(t *ui.Printer) { showCustody(t, out) })
}

func rowOf(e evidence.Event, h evidence.Header) custodyRow {
	r := custodyRow{Seq: e.Seq, Time: e.Clock, Type: e.Type, Who: e.Actor, Principal: e.Data["principal"], Reason: e.Reason, Host: h.Host, What: e.What(h)}
	r.Tool = strings.TrimSpace(strings.Join([]string{h.Tool.Name, h.Tool.Version, h.Tool.Commit, h.Tool.SHA256}, " "))
	for _, d := range e.Covers { // signatures of the event before say nothing to a court
		if !strings.HasPrefix(d.Path, "ledger/heads/") {
			r.Covers = append(r.Covers, d)
		}
	}
	return r
}

func showCustody(t *ui.Printer, out custody) {
	t.Line("case %s: %s", out.ID, out.Title)
	t.Line("authority: %s", out.Authority)
	if out.Exercise != "" {
		t.Line("%s", t.Bold("EXERCISE "+out.Exercise))
	}
	t.Line("opened %s by %s", out.Opened.Format(time.RFC3339), out.Operator)
	rows := make([][]string, 0, len(out.Rows))
	for _, r := range out.Rows {
		rows = append(rows, []string{fmt.Sprint(r.Seq), r.Time.Format("2006-01-02 15:04:05"), string(r.Type), r.Who, r.What, r.Reason})
	}
	t.Table([]string{"NO", "TIME (UTC)", "EVENT", "WHO", "WHAT", "WHY"}, rows)
}
