package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/durable"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
)

func (p *program) tabletopReportCommand() *cli.Command {
	return &cli.Command{
		Name: "report", Usage: "papers for an exercise: situation manual, evaluator guide, and with --score the after-action report", ArgsUsage: "SCENARIO|FILE",
		Description: "freezeframe tabletop report code-overwrite --out papers\nfreezeframe tabletop report code-overwrite --score score.json --owner code='Carol Example' --due code=2026-12-31 --out papers\n\n" +
			"The ids of the improvement plan are in the report without owners. With the facilitator's private notes, which are a paper of their own.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "score", Usage: "file that tabletop score or run wrote"}, &cli.StringFlag{Name: "out", Usage: "folder", Value: "papers"},
			&cli.StringSliceFlag{Name: "format", Usage: strings.Join(tabletop.PaperForms(), ", ") + "; without it all (may be repeated)"},
			&cli.StringSliceFlag{Name: "owner", Usage: "ID=NAME: who closes an item of the improvement plan (may be repeated)"},
			&cli.StringSliceFlag{Name: "due", Usage: "ID=DATE: by when, such as 2026-12-31 (may be repeated)"},
		},
		Action: p.reportTabletop,
	}
}

func (p *program) reportTabletop(c *cli.Context) error {
	if err := p.notForPlayers("the evaluator guide"); err != nil {
		return err
	}
	s, err := p.scenarioOf(c)
	if err != nil {
		return err
	}
	forms := c.StringSlice("format")
	if len(forms) == 0 {
		forms = tabletop.PaperForms()
	}
	for _, f := range forms {
		if !slices.Contains(tabletop.PaperForms(), f) {
			return ui.UsageHint("freezeframe tabletop report --help", "--format is %q; one of %s is wanted", f, strings.Join(tabletop.PaperForms(), ", "))
		}
	}
	assigned, err := assignedBy(c.StringSlice("owner"), c.StringSlice("due"))
	if err != nil {
		return err
	}
	var score *tabletop.Score
	if path := c.String("score"); path != "" {
		if score, err = readScore(path, s.Name); err != nil {
			return err
		}
	} else if len(assigned) > 0 {
		return ui.UsageHint("freezeframe tabletop report SCENARIO --score score.json --owner ID=NAME", "--owner and --due are of the improvement plan, which comes with --score")
	}
	written, err := writePapers(s, score, assigned, forms, c.String("out"))
	if errors.Is(err, tabletop.ErrImprovement) {
		return ui.Usage("%w", err)
	}
	if err != nil {
		return err
	}
	out := struct {
		Schema string   `json:"schema"`
		Folder string   `json:"folder"`
		Files  []string `json:"files"`
	}{"freezeframe/tabletop-report/v1", c.String("out"), written}
	return p.s.Show(out, func(t *ui.Printer) {
		t.Line("the papers of this EXERCISE: %s", out.Folder)
		for _, f := range out.Files {
			t.Line("  %s", f)
		}
	})
}

func readScore(path, scenario string) (*tabletop.Score, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, ui.UsageHint("freezeframe tabletop score --control FILE --case CASE", "reading the score: %w", err)
	}
	score := &tabletop.Score{}
	if err := json.Unmarshal(data, score); err != nil || score.Schema != tabletop.ScoreSchema {
		return nil, ui.Usage("%s is no score of an exercise", path)
	}
	if score.Scenario != scenario {
		return nil, ui.Usage("%s is a score of %s", path, score.Scenario)
	}
	return score, nil
}

// assignedBy reads ID=NAME and ID=DATE.
func assignedBy(owners, dues []string) (map[string]tabletop.Assigned, error) {
	out := map[string]tabletop.Assigned{}
	for _, list := range []struct {
		flag  string
		texts []string
	}{{"owner", owners}, {"due", dues}} {
		for _, text := range list.texts {
			id, value, ok := strings.Cut(text, "=")
			if !ok || id == "" || value == "" {
				return nil, ui.Usage("--%s is %q; ID=VALUE is wanted", list.flag, text)
			}
			a := out[id]
			if list.flag == "owner" {
				a.Owner = value
			} else {
				a.Due = value
			}
			out[id] = a
		}
	}
	return out, nil
}

// writePapers writes what there is to write into a folder; files that are there stay as they are.
// It answers what it wrote, in the order in which it did.
func writePapers(s *tabletop.Scenario, score *tabletop.Score, assigned map[string]tabletop.Assigned, forms []string, dir string) ([]string, error) {
	papers := []*tabletop.Paper{s.SituationManual(), s.EvaluatorGuide()}
	if score != nil {
		after, err := score.AfterAction(assigned)
		if err != nil {
			return nil, err
		}
		papers = append(papers, after)
		if notes := score.Notes(); notes != nil {
			papers = append(papers, notes)
		}
	}
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", dir, err)
	}
	if err := os.MkdirAll(path, 0o750); err != nil {
		return nil, fmt.Errorf("folder for the papers: %w", err)
	}
	written := []string{}
	write := func(name string, data []byte) error {
		if err := durable.WriteNew(filepath.Join(path, name), data, 0o640); err != nil {
			return err
		}
		written = append(written, name)
		return nil
	}
	for _, paper := range papers {
		for _, form := range forms {
			data, err := paper.Render(form)
			if err == nil {
				err = write(string(paper.Kind)+"."+form, data)
			}
			if err != nil {
				return written, err
			}
		}
	}
	if score == nil {
		return written, nil
	}
	data, err := json.MarshalIndent(score, "", "  ")
	if err != nil {
		return written, fmt.Errorf("the score: %w", err)
	}
	return written, write("score.json", append(data, '\n'))
}
