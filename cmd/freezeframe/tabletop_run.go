package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// exercise is what `tabletop run` answers.
type exercise struct {
	Schema    string          `json:"schema"`
	Banner    string          `json:"banner"`
	Exercise  string          `json:"exercise"`
	Scenario  string          `json:"scenario"`
	Function  string          `json:"function"`
	Case      string          `json:"case"`
	Before    []tabletop.Try  `json:"before"`
	Run       *playbooks.Run  `json:"run"` // of the last playbook; null where the solution runs none
	After     []tabletop.Try  `json:"after"`
	StillOpen []string        `json:"still_open"`
	Contained bool            `json:"contained"`
	Score     *tabletop.Score `json:"score"`
}

func (p *program) runTabletop(c *cli.Context) error {
	if err := p.notForPlayers("the reference solution"); err != nil {
		return err
	}
	sc, err := p.scenarioOf(c)
	if err != nil {
		return err
	}
	if n := c.Float64("speed"); n < 0 || n > maxSpeed {
		return ui.UsageHint("freezeframe tabletop run SCENARIO --speed 60", "--speed is %v; a number from 0 to %d is wanted", n, maxSpeed)
	}
	moves, err := movesOf(c, sc)
	if err != nil {
		return err
	}
	// The exercise's clock stands, and ends about now: nothing in the case lies in the future.
	o := tabletop.Options{Seed: c.Uint64("seed"), Now: time.Now().Add(-sc.Lasts).Truncate(time.Second)}
	if c.Bool("solo") {
		return p.runSolo(c, sc, o)
	}
	w, err := tabletop.Play(c.Context, sc, o)
	if err != nil {
		return err
	}
	opened, err := p.exerciseCase(c, w, 1)
	if err != nil {
		return err
	}
	out := exercise{Schema: "freezeframe/tabletop-run/v2", Banner: "EXERCISE", Exercise: w.ID, Scenario: sc.Name, Function: sc.Function, Case: opened.Vault().String(), StillOpen: []string{}}
	p.introduce(sc, w.Now(), "an exercise is played fast, and ends about now")
	out.Before = w.Probe(c.Context)
	failed := p.respondTo(c, w, opened, moves, &out)
	if out.Score, err = w.Score(c.Context, opened, out.Before); err != nil {
		return errors.Join(failed, err)
	}
	out.After, out.StillOpen = out.Score.After, append(out.StillOpen, out.Score.Open...)
	out.Contained = contained(out)
	if p.s.JSON {
		if err := p.s.Show(out, nil); err != nil {
			return err
		}
	} else {
		p.s.Person(func(t *ui.Printer) { showExercise(t, out) })
	}
	if dir := c.String("report"); dir != "" {
		if _, err := writePapers(sc, out.Score, nil, tabletop.PaperForms(), dir); err != nil {
			return err
		}
	}
	return endExercise(out, failed)
}

func (p *program) introduce(sc *tabletop.Scenario, now time.Time, clock string) {
	p.s.Person(func(t *ui.Printer) {
		t.Line("%s %s", t.Bold("scenario"), sc.Title)
		t.Block("  ", sc.About)
		t.Line("  account %s (simulated), region %s, function %s", sc.Account, sc.Region, sc.Function)
		t.Line("  its clock says %s: %s", now.UTC().Format(time.RFC3339), clock)
	})
}

// movesOf are those of the reference solution, or a playbook alone.
func movesOf(c *cli.Context, sc *tabletop.Scenario) ([]tabletop.Move, error) {
	name := c.String("playbook")
	switch {
	case name == "":
		return sc.Solution, nil
	case c.Bool("solo"):
		return nil, ui.Usage("--solo and --playbook: either you respond or a playbook does")
	}
	if _, err := playbooks.Find(name); err != nil {
		return nil, ui.UsageHint("freezeframe playbook list", "%w", err)
	}
	return []tabletop.Move{{ID: "respond", Playbook: name}}, nil
}

// paced lets wall clock time pass as the exercise's does, at a speed; 0 waits for nothing.
func paced(ctx context.Context, w *tabletop.World, speed float64) func() {
	last := w.Now()
	return func() {
		now := w.Now()
		d := now.Sub(last)
		last = now
		if speed <= 0 || d <= 0 {
			return
		}
		t := time.NewTimer(time.Duration(float64(d) / speed))
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
}

// showEvent is a line of what happens: who, what, and whether the account let him.
func showEvent(t *ui.Printer, e tabletop.Event) {
	text := e.What
	if e.Refused != "" {
		text += ": refused, " + e.Refused
	}
	switch e.Kind {
	case tabletop.EventInject:
		t.Line("%s %s %s", e.Clock(), t.Bold("you hear from "+e.Who+":"), text)
	case tabletop.EventAttacker:
		if e.Refused == "" {
			t.Line("%s %s %s", e.Clock(), t.Bad("attacker:"), text)
			return
		}
		t.Line("%s %s %s", e.Clock(), t.Good("attacker:"), text)
	case tabletop.EventOther:
		t.Line("%s", t.Dim(e.Clock()+" others: "+text))
	default:
		t.Line("%s %s %s %s", e.Clock(), t.Bold(string(e.Kind)), e.Who, text)
	}
}

// respondTo makes the moves with the real commands' code, tells what happens meanwhile, and prints
// the story.
func (p *program) respondTo(c *cli.Context, w *tabletop.World, opened *evidence.Case, moves []tabletop.Move, out *exercise) error {
	r, err := w.Respond(c.Context, opened, opened.Operator)
	if err != nil {
		return err
	}
	env := p.playbookEnv(c.Bool("yes"), opened.Operator)
	env.Session, env.Case, env.Exercise = r.Env.Session, opened, w.ID
	env.Now, env.Sleep, env.Unpaced = r.Env.Now, r.Env.Sleep, true
	env.Tell = func(s playbooks.StepReport) {
		p.tellStep(s)
		if s.ID == "timeline" && s.Status != playbooks.Running && s.Status != playbooks.Failed {
			p.tellStoryOf(c.Context, opened, w.Scenario.Function)
		}
	}
	r.Env = env
	pace := paced(c.Context, w, c.Float64("speed"))
	w.OnEvent(func(e tabletop.Event) {
		pace()
		p.s.Person(func(t *ui.Printer) { showEvent(t, e) })
	})
	r.Tell = func(m tabletop.Move) {
		pace()
		p.s.Person(func(t *ui.Printer) {
			t.Line("%s %s %s", tabletop.Event{After: w.Now().Sub(w.Start())}.Clock(), t.Bold("> "+m.ID), m.Describe())
		})
	}
	if err := w.Tick(c.Context); err != nil {
		return err
	}
	err = r.Do(c.Context, moves)
	out.Run = r.Run
	w.OnEvent(nil)
	return err
}

func (p *program) tellStoryOf(ctx context.Context, opened *evidence.Case, function string) {
	story, err := timeline.Tell(ctx, timeline.Options{Filter: timeline.Filter{Function: function}}, timeline.Input{Case: opened})
	if err != nil {
		p.s.Warn("no story: %s", err)
		return
	}
	var text strings.Builder
	if err := story.Text(&text, p.s.Width); err != nil {
		p.s.Warn("no story: %s", err)
		return
	}
	p.s.Person(func(t *ui.Printer) { t.Block("    ", text.String()) })
}

func contained(out exercise) bool {
	for _, t := range out.After {
		if t.Worked == t.Hostile {
			return false
		}
	}
	return true
}

func showExercise(t *ui.Printer, out exercise) {
	if out.Run != nil {
		t.Line("playbook %s: %s", out.Run.Playbook, string(out.Run.Status))
	}
	rows := make([][]string, 0, len(out.After))
	for i, after := range out.After {
		rows = append(rows, []string{after.Name, out.Before[i].Answer, after.Answer})
	}
	t.Line("")
	t.Table([]string{"TRIED", "BEFORE", "AFTER"}, rows)
	for _, open := range out.StillOpen {
		t.Line("%s %s", t.Bad("still open:"), open)
	}
	t.Line("")
	showScore(t, out.Score)
	t.Line("the case of this EXERCISE: %s", out.Case)
	t.Line("  %s verify %s", self(), out.Case)
	t.Line("  %s timeline story --function %s --case %s", self(), out.Function, out.Case)
	t.Line("  %s contain status --offline --case %s", self(), out.Case)
	if out.Contained {
		t.Line("%s the attacker's calls fail, the clean function works", t.Good("contained:"))
	}
}

// showScore is the score for people: what was missed, and what it cost.
func showScore(t *ui.Printer, s *tabletop.Score) {
	t.Line("score: %d of 100", s.Score)
	for _, e := range s.Earned {
		if e.Got < e.Points {
			t.Line("  missed, %d points: %s", e.Points, e.Text)
		}
	}
	for _, c := range s.Costs {
		t.Line("  cost, %d points: %s", c.Points, c.Text)
	}
}

// endExercise is the exit code: the exercise succeeded when the attacker is out and nobody else is.
func endExercise(out exercise, failed error) error {
	if out.Run != nil {
		switch out.Run.Status {
		case playbooks.Aborted:
			return &ui.Error{Code: ui.ExitRefused, Err: fmt.Errorf("playbook %s was aborted: %w", out.Run.Playbook, out.Run.Err())}
		case playbooks.Failed:
			return out.Run.Err()
		}
	}
	if failed != nil {
		return failed
	}
	if !out.Contained {
		return errors.New("containment does not hold: see the table")
	}
	if out.Run != nil && out.Run.Status == playbooks.WithGaps {
		return ui.Incomplete("", "playbook %s succeeded with gaps", out.Run.Playbook)
	}
	return nil
}
