package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
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
	// The exercise's clock stands, and ends about now: nothing in the case lies in the future.
	w, err := tabletop.Play(c.Context, sc, tabletop.Options{Seed: c.Uint64("seed"), Now: time.Now().Add(-sc.Lasts).Truncate(time.Second)})
	if err != nil {
		return err
	}
	opened, err := p.exerciseCase(c, w)
	if err != nil {
		return err
	}
	out := exercise{Schema: "freezeframe/tabletop-run/v2", Banner: "EXERCISE", Exercise: w.ID, Scenario: sc.Name, Function: sc.Function, Case: opened.Vault().String(), StillOpen: []string{}}
	p.s.Person(func(t *ui.Printer) {
		t.Line("%s %s", t.Bold("scenario"), sc.Title)
		t.Block("  ", sc.About)
		t.Line("  account %s (simulated), region %s, function %s", sc.Account, sc.Region, sc.Function)
		t.Line("  its clock says %s: an exercise is played fast, and ends about now", w.Now().UTC().Format(time.RFC3339))
	})
	out.Before = w.Probe(c.Context)
	failed := p.respondTo(c, w, opened, &out)
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

// respondTo makes the moves of the reference solution with the real commands' code, and prints the
// story.
func (p *program) respondTo(c *cli.Context, w *tabletop.World, opened *evidence.Case, out *exercise) error {
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
	heard := 0
	r.Tell = func(m tabletop.Move) {
		p.s.Person(func(t *ui.Printer) {
			for _, told := range w.Heard()[heard:] {
				t.Line("%s %s, by %s: %s", t.Bold("you hear from"), told.From, told.Channel, told.Content)
				heard++
			}
			if m.Playbook == "" {
				t.Line("%s %s", t.Bold("> "+m.ID), m.Describe())
			}
		})
	}
	if err := w.Tick(c.Context); err != nil {
		return err
	}
	err = r.Do(c.Context, w.Scenario.Solution)
	out.Run = r.Run
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

// exerciseCase opens --case, or a new case in a folder named after the moment.
func (p *program) exerciseCase(c *cli.Context, w *tabletop.World) (*evidence.Case, error) {
	where := c.String("case")
	if where == "" {
		where = "tabletop-" + w.Scenario.Name + "-" + time.Now().UTC().Format("20060102T150405.000Z")
	}
	path, err := filepath.Abs(where)
	if err != nil {
		return nil, fmt.Errorf("case folder %s: %w", where, err)
	}
	home, err := p.home()
	if err != nil {
		return nil, err
	}
	v, err := p.vaultAt(c, path, true)
	if err != nil {
		return nil, err
	}
	return evidence.CreateCase(c.Context, v, w.CaseOptions(localUser(), home))
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
