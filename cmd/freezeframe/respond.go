package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/act"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/mapping"
)

func (p *program) respondCommand() *cli.Command {
	return &cli.Command{
		Name: "respond", Usage: "from an alert to sealed evidence, without people (docs/respond.md)",
		Description: "freezeframe respond --alert finding.json --cases s3://evidence/alerts --authority 'CISO, mandate 12'\n\nOne finding is one case, by whatever way and however often it comes. The message is kept, the function is looked up, its evidence is sealed, and the report is written. Nothing in the account is changed, unless a --mandate that was signed allows it.\n\nExit codes: 0 the evidence is sealed, 3 not all of it, or the alert names no function, 1 it failed.",
		Flags:       respondFlags(), Action: p.respond,
		Subcommands: append(p.respondPeople(), []*cli.Command{
			{
				Name: "resolve", Usage: "what an alert is about, offline: case, function, role, session, window, severity, and what it leaves open",
				Description: "freezeframe respond resolve --alert finding.json\naws guardduty get-findings --detector-id ID --finding-ids ID | freezeframe respond resolve --alert - --json\n\nGuardDuty, Security Hub (ASFF, OCSF), CloudTrail, CloudWatch alarms, and lines of timeline build --format jsonl that a rule marked; bare, or in envelopes of EventBridge and SNS. Nothing is asked of AWS: that the alert is true has to be seen at its source.\n\nExit codes: 0 each alert names its function, 3 something is left open or could not be read.",
				Flags:       []cli.Flag{&cli.StringFlag{Name: "alert", Usage: "file with one message; - is the standard input", Required: true}},
				Action:      p.resolveAlert,
			},
			p.respondStatusCommand(),
			{
				Name: "schema", Usage: "the JSON Schema of mandates, or of the file that maps alerts to playbooks, for editors", Description: "freezeframe respond schema > mandate.schema.json\nfreezeframe respond schema --of playbooks > playbooks.schema.json",
				Flags:  []cli.Flag{&cli.StringFlag{Name: "of", Usage: "mandate or playbooks", Value: "mandate"}},
				Action: p.mandateSchema,
			},
		}...),
	}
}

// resolvedAlerts is what `respond resolve` answers: one message can hold several.
type resolvedAlerts struct {
	Alerts []alert.Alert `json:"alerts"`
}

func (p *program) resolveAlert(c *cli.Context) (err error) {
	if err := noArguments(c); err != nil {
		return err
	}
	in, closed, err := p.alertSource(c)
	if err != nil {
		return err
	}
	defer closed()
	all, err := alert.Read(in)
	if err != nil {
		return ui.UsageHint(commandHelp(c), "--alert: %w", err)
	}
	err = p.s.Show(resolvedAlerts{all}, func(t *ui.Printer) {
		for i := range all {
			if i > 0 {
				t.Line("")
			}
			showAlert(t, &all[i])
		}
	})
	if err != nil {
		return err
	}
	return leftOpen(c, all)
}

// alertSource is what --alert names.
func (p *program) alertSource(c *cli.Context) (in io.Reader, closed func(), err error) {
	name := c.String("alert")
	if name == "-" {
		return p.s.In, func() {}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, ui.UsageHint(commandHelp(c), "--alert: %w", err)
	}
	return f, func() { _ = f.Close() }, nil // only read
}

// leftOpen is how the command ends where an alert names no function, or could not be read.
func leftOpen(c *cli.Context, all []alert.Alert) error {
	var refused []error
	open := 0
	for i := range all {
		if err := all[i].Err(); err != nil {
			refused = append(refused, err)
		} else if all[i].Target == nil {
			open++
		}
	}
	switch {
	case len(refused) > 0:
		return ui.Incomplete(commandHelp(c), "%d of %s: %w", len(refused), ui.Plural(len(all), "alert"), errors.Join(refused[:min(len(refused), 3)]...))
	case open == 0:
		return nil
	}
	hint := commandHelp(c)
	if i := slices.IndexFunc(all, func(a alert.Alert) bool { return a.Target == nil && a.RoleUsed }); i >= 0 {
		hint = "aws lambda list-functions --query 'Functions[].[FunctionArn,Role]' --output text"
	}
	return ui.Incomplete(hint, "%d of %s: the function is left open", open, ui.Plural(len(all), "alert"))
}

func showAlert(t *ui.Printer, a *alert.Alert) {
	var rows [][]string
	row := func(what, value string) {
		if value != "" {
			rows = append(rows, []string{what, value})
		}
	}
	row("case", a.Case)
	row("kind", strings.TrimSpace(string(a.Kind)+alertForm(a)))
	if a.Refused != nil {
		row("refused", string(a.Refused.Reason)+": "+a.Refused.Detail)
	}
	row("title", a.Title)
	row("type", a.Type)
	row("severity", alertSeverity(a.Severity))
	row("finding", strings.TrimSpace(a.Product+" "+a.Origin))
	row("account", strings.TrimSpace(a.Account+" "+a.Region+" "+a.Partition))
	row("window", alertWindow(a))
	if a.Target != nil {
		row("function", a.Target.ARN+qualified(a.Target.Qualifier)+" (by "+string(a.Basis)+")")
	}
	for _, x := range a.Candidates {
		row("candidate", alertCandidate(x))
	}
	row("role", strings.TrimSpace(a.Role+" "+a.RoleARN+" "+a.RoleAccount))
	row("session", a.Session)
	row("access key", a.AccessKey)
	row("principal", strings.TrimSpace(a.PrincipalType+" "+a.Principal))
	row("other end", strings.Join(a.Remote, ", "))
	for _, x := range a.Actors {
		row("actor", strings.TrimSpace(strings.Join([]string{x.Type, x.Name, x.Principal, x.AccessKey}, " ")))
	}
	row("state", alertStates(a))
	for _, g := range a.Unresolved {
		row("open", g.What+": "+g.Why)
	}
	for _, d := range a.Doubts {
		row("doubt", d)
	}
	if e := a.Envelope; e != nil {
		row("envelope", strings.Join(strings.Fields(e.DetailType+", "+e.Source+" "+e.Account+" "+e.Region), " "))
	}
	row("message", "sha256 "+a.Message.SHA256+", "+ui.Bytes(a.Message.Bytes))
	t.Table([]string{"WHAT", "IT SAYS"}, rows)
}

func alertForm(a *alert.Alert) string {
	if a.Form == "" {
		return ""
	}
	s := ", as " + a.Form
	if len(a.Through) > 0 {
		s += " in " + strings.Join(a.Through, ", ")
	}
	if a.Part != "" {
		s += ", " + a.Part
	}
	return s
}

func alertSeverity(s alert.Severity) string {
	if s.Label == "" {
		return ""
	}
	text := fmt.Sprintf("%s (%g of 10)", s.Label, s.Number)
	if s.Origin != "" {
		text += ", given as " + s.Origin
	}
	return text
}

func alertWindow(a *alert.Alert) string {
	if a.First.IsZero() && a.Last.IsZero() {
		return ""
	}
	s := ui.Clock(a.First) + " to " + ui.Clock(a.Last)
	if a.Count > 0 {
		s += ", " + ui.Plural(int(a.Count), "time")
	}
	return s
}

func qualified(q string) string {
	if q == "" {
		return ""
	}
	return ", version or alias " + q
}

func alertCandidate(x alert.Target) string {
	if x.ARN != "" {
		return x.ARN + qualified(x.Qualifier)
	}
	return strings.TrimSpace(x.Name+" "+x.Account+" "+x.Region) + qualified(x.Qualifier)
}

func alertStates(a *alert.Alert) string {
	var s []string
	if a.Sample {
		s = append(s, "sample ("+a.SampleBy+")")
	}
	for _, x := range []struct {
		is   bool
		name string
	}{{a.Archived, "archived"}, {a.Suppressed, "suppressed"}, {a.Resolved, "resolved"}} {
		if x.is {
			s = append(s, x.name)
		}
	}
	return strings.Join(s, ", ")
}

func (p *program) mandateSchema(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	var schema map[string]any
	switch of := c.String("of"); of {
	case "mandate":
		schema = mandate.JSONSchema(act.Acts())
	case "playbooks":
		schema = mapping.JSONSchema()
	default:
		return ui.UsageHint(commandHelp(c), "--of %q: mandate or playbooks", of)
	}
	data, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return fmt.Errorf("the schema: %w", err)
	}
	_, err = fmt.Fprintf(p.s.Out, "%s\n", data)
	return err
}
