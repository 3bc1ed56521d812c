package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/durable"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
)

const (
	controlSchema  = "freezeframe/tabletop-control/v1"
	forFacilitator = "facilitator"
	forPlayers     = "players"
)

// control is the file with which somebody leads a served exercise, or plays in it.
type control struct {
	Schema   string `json:"schema"`
	For      string `json:"for"`
	Endpoint string `json:"endpoint_url"`
	Token    string `json:"token"`
	Exercise string `json:"exercise"`
}

func writeControl(path string, f control) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("control file %s: %w", path, err)
	}
	data, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("control file: %w", err)
	}
	return durable.WriteNew(abs, append(data, '\n'), 0o600)
}

func (p *program) controlCommands() []*cli.Command {
	file := &cli.StringFlag{Name: "control", Usage: "file that tabletop serve wrote, for the facilitator or the players", EnvVars: []string{playersVariable}}
	by := &cli.StringFlag{Name: "by", Usage: "who says so; without it the user of this machine"}
	ask := func(verb, usage, args, description string) *cli.Command {
		return &cli.Command{Name: verb, Usage: usage, ArgsUsage: args, Description: description, Flags: []cli.Flag{file}, Action: func(c *cli.Context) error { return p.askExercise(c, verb, args) }}
	}
	return []*cli.Command{
		ask("status", "how a served exercise stands: what players heard, and for the facilitator what is hidden", "", "freezeframe tabletop status --control control.json"),
		ask("inject", "give an inject before its time", "ID", "freezeframe tabletop inject I2 --control control.json"),
		ask("pause", "hold the attacker and the injects; the account goes on answering", "", "freezeframe tabletop pause --control control.json"),
		ask("resume", "let them go on", "", "freezeframe tabletop resume --control control.json"),
		ask("hint", "the next hint; it costs points", "", "freezeframe tabletop hint"),
		{
			Name: "decide", Usage: "decide what an inject asks for, in a role; with --case also in the case's ledger", ArgsUsage: "ID OPTION",
			Description: "freezeframe tabletop decide D1 notify --as counsel --reason 'customers were read' --case ./exercise",
			Flags: []cli.Flag{file, by, &cli.StringFlag{Name: "as", Usage: "the role that decides", Required: true},
				&cli.StringFlag{Name: "reason", Usage: "why, for the record", Required: true}},
			Action: p.decideInExercise,
		},
		{
			Name: "note", Usage: "a facilitator's private note, with the exercise's clock", ArgsUsage: "TEXT",
			Description: "freezeframe tabletop note 'they do not know who may declare' --control control.json",
			Flags:       []cli.Flag{file, by},
			Action:      func(c *cli.Context) error { return p.observe(c, "note", string(tabletop.Private)) },
		},
		{
			Name: "hotwash", Usage: "what people say right after the exercise: for the after-action report, and not for the score", ArgsUsage: "TEXT",
			Description: "freezeframe tabletop hotwash 'nobody had the list of telephones' --kind gap --owner 'Dave Example' --due 2026-12-31",
			Flags: []cli.Flag{file, by, &cli.StringFlag{Name: "kind", Usage: "strength or gap", Value: string(tabletop.Gap)},
				&cli.StringFlag{Name: "owner", Usage: "of a gap: who closes it"}, &cli.StringFlag{Name: "due", Usage: "of a gap: by when, such as 2026-12-31"}},
			Action: func(c *cli.Context) error { return p.observe(c, "hotwash", c.String("kind")) },
		},
		{
			Name: "score", Usage: "what the responders of a served exercise have reached, with the case in --case", Flags: []cli.Flag{file},
			Description: "freezeframe tabletop score --control control.json --case ./exercise --json > score.json",
			Action:      p.scoreExercise,
		},
	}
}

// askExercise asks a served exercise for something and shows its answer.
func (p *program) askExercise(c *cli.Context, verb, args string) error {
	arg := ""
	var err error
	if args != "" {
		arg, err = oneArgument(c, args)
	} else {
		err = noArguments(c)
	}
	if err != nil {
		return err
	}
	raw, err := p.toExercise(c, verb, []byte(arg))
	if err != nil {
		return err
	}
	switch verb {
	case "inject":
		return showAnswer(p, raw, func(t *ui.Printer, told tabletop.Told) { t.Line("given: %s", told.Content) })
	case "hint":
		return showAnswer(p, raw, func(t *ui.Printer, h tabletop.Hint) {
			t.Line("%s", h.Text)
			t.Line("  cost: %d points", h.Cost)
		})
	}
	var of struct{ Schema string }
	if err := json.Unmarshal(raw, &of); err != nil {
		return fmt.Errorf("the answer of the exercise: %w", err)
	}
	if of.Schema == "freezeframe/tabletop-seen/v1" {
		return showAnswer(p, raw, showSeen)
	}
	return showAnswer(p, raw, showState)
}

// showAnswer shows what a served exercise answered, as it is of that type.
func showAnswer[T any](p *program, raw []byte, human func(*ui.Printer, T)) error {
	var out T
	if err := json.Unmarshal(raw, &out); err != nil {
		return fmt.Errorf("the answer of the exercise: %w", err)
	}
	return p.s.Show(out, func(t *ui.Printer) { human(t, out) })
}

func showSeen(t *ui.Printer, s tabletop.Seen) {
	t.Line("%s, minute %d of %d%s", t.Bold("EXERCISE "+s.Exercise), s.Minutes, s.Of, map[bool]string{true: ", held"}[s.Paused])
	for _, r := range s.Roles {
		t.Line("  role %s: %s; %s", r.ID, r.Text, r.About)
	}
	for _, h := range s.Heard {
		t.Line("%s %s, %s, from %s to %s: %s", h.Clock(), t.Bold(h.ID), h.Channel, h.From, h.To, h.Content)
		if h.Decided != "" {
			t.Line("  decided by %s: %s. %s", h.By, h.Decided, h.Outcome)
			continue
		}
		for _, o := range h.Options {
			t.Line("  %s: %s", o.ID, o.Text)
		}
		if len(h.Options) > 0 {
			t.Line("  %s tabletop decide %s OPTION --as ROLE --reason TEXT", self(), h.ID)
		}
	}
	t.Line("hints left: %d", s.Hints)
}

func showState(t *ui.Printer, s tabletop.State) {
	t.Line("%s, %s, minute %d of %d%s", t.Bold("EXERCISE "+s.Exercise), s.Scenario, s.Minutes, s.Of, map[bool]string{true: ", held"}[s.Paused])
	t.Line("  calls by responders: %d, by the attacker with success: %d, hints left: %d", s.Calls, s.Attacker, s.Hints)
	for _, change := range s.Changes {
		t.Line("  changed: %s", change)
	}
	for _, told := range s.Told {
		t.Line("  told: %s: %s", told.ID, told.Content)
	}
	for _, d := range s.Decisions {
		t.Line("  decided: %s: %s by %s (%s): %s%s", d.Decision, d.Option, d.Role, d.By, d.Reason, map[bool]string{true: "; refused: " + d.Refused}[d.Refused != ""])
	}
	rows := make([][]string, 0, len(s.Pending))
	for _, n := range s.Pending {
		rows = append(rows, []string{fmt.Sprint(n.Minute), string(n.Kind), n.ID, map[bool]string{true: "if"}[n.Condition], n.What})
	}
	t.Table([]string{"MINUTE", "KIND", "ID", "", "WHAT"}, rows)
	for _, o := range s.Observed {
		t.Line("  %s by %s: %s", string(o.Kind), o.By, o.Text)
	}
}

func (p *program) decideInExercise(c *cli.Context) error {
	if c.Args().Len() != 2 {
		return ui.UsageHint("freezeframe tabletop status", "the id of what is to be decided and one of its options are wanted")
	}
	ch := tabletop.Choice{Decision: c.Args().Get(0), Option: c.Args().Get(1), Role: c.String("as"), By: c.String("by"), Reason: c.String("reason")}
	if ch.By == "" {
		ch.By = localUser()
	}
	opened, err := p.caseOfExercise(c)
	if err != nil {
		return err
	}
	raw, err := p.sendExercise(c, "decide", ch)
	if err != nil {
		return err
	}
	var d tabletop.Decided
	if err := json.Unmarshal(raw, &d); err != nil {
		return fmt.Errorf("the answer of the exercise: %w", err)
	}
	if opened != nil {
		if err := opened.Record(c.Context, d.Record()); err != nil {
			return fmt.Errorf("the exercise has the decision, the case has not: %w", err)
		}
	}
	return p.s.Show(d, func(t *ui.Printer) {
		t.Line("decided: %s: %s", d.Decision, d.Text)
		if d.Outcome != "" {
			t.Line("  then: %s", d.Outcome)
		}
	})
}

// caseOfExercise opens the case that a decision is to enter, nil if none was named: one of this very
// exercise, since what is invented has no place in a real ledger.
func (p *program) caseOfExercise(c *cli.Context) (*evidence.Case, error) {
	if c.String("case") == "" {
		return nil, nil
	}
	f, err := readControl(c.String("control"))
	if err != nil {
		return nil, err
	}
	opened, err := p.openCase(c)
	if err != nil {
		return nil, err
	}
	if opened.Exercise != f.Exercise {
		return nil, fmt.Errorf("%w: the case is of %s, the decision of %s", contain.ErrExercise, exerciseNamed(opened.Exercise), exerciseNamed(f.Exercise))
	}
	return opened, nil
}

func (p *program) observe(c *cli.Context, verb, kind string) error {
	text, err := oneArgument(c, "text")
	if err != nil {
		return err
	}
	o := tabletop.Observation{Kind: tabletop.ObservationKind(kind), By: c.String("by"), Text: text}
	if verb == "hotwash" {
		o.Owner, o.Due = c.String("owner"), c.String("due")
	}
	if o.By == "" {
		o.By = localUser()
	}
	raw, err := p.sendExercise(c, verb, o)
	if err != nil {
		return err
	}
	return showAnswer(p, raw, func(t *ui.Printer, o tabletop.Observation) {
		t.Line("kept at %s: %s", tabletop.Event{After: o.After}.Clock(), o.Text)
	})
}

func (p *program) scoreExercise(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	where := c.String("case")
	if where == "" {
		return ui.UsageHint("freezeframe tabletop score --control FILE --case DIR", "no case: --case and FREEZEFRAME_CASE are empty")
	}
	if !strings.Contains(where, "://") {
		abs, err := filepath.Abs(where)
		if err != nil {
			return fmt.Errorf("case %s: %w", where, err)
		}
		where = abs
	}
	raw, err := p.toExercise(c, "score", []byte(where))
	if err != nil {
		return err
	}
	return showAnswer(p, raw, func(t *ui.Printer, s *tabletop.Score) {
		t.Line("EXERCISE %s", s.Exercise)
		showScore(t, s)
	})
}

func (p *program) sendExercise(c *cli.Context, verb string, v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("asking the exercise: %w", err)
	}
	return p.toExercise(c, verb, body)
}

func (p *program) toExercise(c *cli.Context, verb string, body []byte) ([]byte, error) {
	f, err := readControl(c.String("control"))
	if err != nil {
		return nil, err
	}
	u, err := url.JoinPath(f.Endpoint, "/.freezeframe/control/", verb)
	if err != nil {
		return nil, fmt.Errorf("the control file's address: %w", err)
	}
	req, err := http.NewRequestWithContext(c.Context, http.MethodPost, u, strings.NewReader(string(body)))
	if err != nil {
		return nil, fmt.Errorf("asking the exercise: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+f.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the exercise: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read only
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return nil, fmt.Errorf("asking the exercise: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		said := fmt.Errorf("the exercise says: %s", strings.TrimSpace(string(answer)))
		if resp.StatusCode == http.StatusForbidden && f.For == forPlayers {
			return nil, &ui.Error{Code: ui.ExitRefused, Err: said, Hint: "freezeframe tabletop status"}
		}
		return nil, ui.UsageHint("freezeframe tabletop status --control FILE", "%w", said)
	}
	return answer, nil
}

func readControl(path string) (f control, err error) {
	hint := "freezeframe tabletop serve SCENARIO --control FILE"
	if path == "" {
		return f, ui.UsageHint(hint, "no exercise: --control and %s are empty", playersVariable)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return f, ui.UsageHint(hint, "reading the control file: %w", err)
	}
	if err := json.Unmarshal(data, &f); err != nil || f.Schema != controlSchema {
		return f, ui.UsageHint(hint, "%s is no control file", path)
	}
	return f, nil
}

// notForPlayers refuses what gives the answers away in a terminal that takes part in an exercise. It
// keeps people from it who did not mean to, and nobody else: the scenarios are in the binary.
func (p *program) notForPlayers(what string) error {
	if id := p.getenv("FREEZEFRAME_EXERCISE"); id != "" {
		return &ui.Error{Code: ui.ExitRefused, Hint: "env -u FREEZEFRAME_EXERCISE freezeframe tabletop list",
			Err: fmt.Errorf("this terminal takes part in %s: %s gives the answers away", id, what)}
	}
	return nil
}
