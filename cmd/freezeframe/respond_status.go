package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/queue"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/status"
)

func (p *program) respondStatusCommand() *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "how alerts stand: what waits, who is at what, what failed, what is due, what nobody could deal with, how long it took",
		Description: "freezeframe respond status --cases s3://evidence/alerts --queue https://sqs.eu-west-1.amazonaws.com/111122223333/alerts\nfreezeframe respond status --cases s3://evidence/alerts --prometheus > /var/lib/node_exporter/freezeframe.prom\n\nReads what workers noted beside the cases, and no case. Dead letters are looked at and given back, which counts as one receipt of each.\n\nExit codes: 0, or 3 where something could not be looked at.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "cases", Usage: "where cases lie: a folder or s3://bucket/prefix", EnvVars: []string{"FREEZEFRAME_CASES"}},
			&cli.StringFlag{Name: "queue", Usage: "URL of the SQS queue that alerts come to", EnvVars: []string{"FREEZEFRAME_QUEUE"}},
			&cli.IntFlag{Name: "most", Usage: "how many dead letters are looked at", Value: 50},
			&cli.BoolFlag{Name: "prometheus", Usage: "as metrics in Prometheus' text format"},
		},
		Action: p.respondStatus,
	}
}

func (p *program) respondStatus(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	switch {
	case c.String("cases") == "":
		return ui.UsageHint("freezeframe respond status --cases s3://BUCKET/PREFIX", "no place for cases: --cases and FREEZEFRAME_CASES are empty")
	case c.Int("most") < 1 || c.Int("most") > 1000:
		return ui.UsageHint(commandHelp(c), "--most %d: 1 to 1000", c.Int("most"))
	case p.s.JSON && c.Bool("prometheus"):
		return ui.UsageHint(commandHelp(c), "--json and --prometheus: one of them")
	}
	v, err := p.vaultAt(c, c.String("cases"), false)
	if err != nil {
		return err
	}
	o := status.Options{Board: board.On(v, processName()), Most: c.Int("most"), Now: time.Now}
	if err := p.lookedQueues(c, &o); err != nil {
		return err
	}
	s, err := status.Read(c.Context, o)
	if err != nil {
		return err
	}
	if c.Bool("prometheus") {
		err = s.Prometheus(p.s.Out)
	} else {
		err = p.s.Show(s, func(t *ui.Printer) { showStatus(t, s) })
	}
	if err != nil {
		return err
	}
	if n := len(s.Unseen); n > 0 {
		return ui.Incomplete(commandHelp(c), "not looked at: %s", strings.Join(s.Unseen, "; "))
	}
	return nil
}

// lookedQueues opens the queue that --queue names, and its dead letters.
func (p *program) lookedQueues(c *cli.Context, o *status.Options) error {
	url := c.String("queue")
	if url == "" {
		return nil
	}
	s, err := p.vaultSession(c, c.String("region"))
	if err != nil {
		return err
	}
	if o.Queue, err = queue.Open(c.Context, s, url, queue.LookNeeds()); err != nil {
		return queueEnd(err)
	}
	dead, err := o.Queue.DeadLetterURL()
	if err != nil || dead == "" {
		return err
	}
	o.Dead, err = queue.Sender(s, dead, queue.LookNeeds())
	return err
}

func showStatus(t *ui.Printer, s *status.Status) {
	if s.Halted != nil {
		t.Line("%s by %s, %s: %s", t.Bad("HALTED"), s.Halted.By, ui.Clock(s.Halted.At), s.Halted.Why)
	}
	rows := [][]string{}
	for _, q := range []struct {
		name string
		c    *status.Counted
	}{{"queue", s.Queue}, {"dead letters", s.DeadLetter}} {
		if q.c != nil {
			rows = append(rows, []string{q.name, fmt.Sprintf("%d waiting, %d in flight, %d delayed (approximately)", q.c.Visible, q.c.InFlight, q.c.Delayed)})
		}
	}
	rows = append(rows, []string{"cases", fmt.Sprintf("%d: %s", s.Cases, statesText(s))}, []string{"first evidence after", timesText(s.ToEvidence)}, []string{"contained after", timesText(s.ToContainment)})
	if n := s.Notices; n.Open+n.Never+n.Tries > 0 {
		rows = append(rows, []string{"notices", fmt.Sprintf("%d to be told again, %d given up, %d tries failed", n.Open, n.Never, n.Tries)})
	}
	t.Table([]string{"WHAT", "HOW IT STANDS"}, rows)
	showNeeds(t, s)
	for _, x := range s.Unseen {
		t.Line("%s %s", t.Bad("not looked at:"), x)
	}
}

// showNeeds are the lists of what somebody may have to look at.
func showNeeds(t *ui.Printer, s *status.Status) {
	list := func(title string, heads []string, rows [][]string) {
		if len(rows) > 0 {
			t.Line("")
			t.Line("%s", t.Bold(title))
			t.Table(heads, rows)
		}
	}
	var failed, busy, waiting, due, poisoned [][]string
	for _, x := range s.Failed {
		failed = append(failed, []string{x.Alert, string(x.State), ui.Clock(x.At), x.Function, x.Why})
	}
	for _, x := range s.Busy {
		note := ""
		if x.Quiet {
			note = "silent: whoever wants it can take it"
		}
		busy = append(busy, []string{x.What, x.Who, ui.Clock(x.Since), note})
	}
	for _, x := range s.Waiting {
		waiting = append(waiting, []string{x.ID, fmt.Sprintf("%d of %d", x.Given, x.Wanted), ui.Clock(x.At), x.Rule, x.Function, strings.Join(x.Acts, ", ")})
	}
	for _, x := range s.Due {
		note := ""
		switch {
		case x.Confirmed:
			note = "confirmed: it stays"
		case x.Overdue:
			note = "OVERDUE"
		}
		due = append(due, []string{x.ID, ui.Clock(x.Until), note, x.Rule, x.Function, strings.Join(x.Acts, ", ")})
	}
	for _, x := range s.Poisoned {
		poisoned = append(poisoned, []string{x.Where, x.ID, strconv.Itoa(x.Received), string(x.Kind), strings.Join(x.Alerts, ", "), x.Function})
	}
	list("Failed: these come again, or a person has to look", []string{"ALERT", "STATE", "WHEN", "FUNCTION", "WHY"}, failed)
	list("Busy", []string{"AT", "WHO", "HEARD OF", ""}, busy)
	list("Waiting for approval", []string{"DECISION", "APPROVED", "SINCE", "RULE", "FUNCTION", "ACTS"}, waiting)
	list("Contained, and ending by itself", []string{"CONTAINMENT", "UNTIL", "", "RULE", "FUNCTION", "ACTS"}, due)
	list("Poisoned: nobody could deal with these messages", []string{"WHERE", "MESSAGE", "RECEIVED", "KIND", "ALERT", "FUNCTION"}, poisoned)
}

func statesText(s *status.Status) string {
	var parts []string
	for _, state := range respond.States() {
		if n := s.States[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	told := 0
	for _, n := range s.States {
		told += n
	}
	if n := s.Cases - told; n > 0 {
		parts = append(parts, fmt.Sprintf("%d begun", n))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

func timesText(x status.Times) string {
	if x.Count == 0 {
		return "nothing yet"
	}
	show := func(seconds float64) string {
		return time.Duration(seconds * float64(time.Second)).Round(10 * time.Millisecond).String()
	}
	return fmt.Sprintf("median %s, 95%% %s, longest %s (%s)", show(x.Median), show(x.P95), show(x.Max), ui.Plural(x.Count, "case"))
}
