package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/sigma"
	"github.com/freezeframe-ir/freezeframe/internal/sigma/builtin"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

func (p *program) sigmaCommand() *cli.Command {
	return &cli.Command{
		Name: "sigma", Usage: "Sigma rules for CloudTrail",
		Subcommands: []*cli.Command{{
			Name: "lint", Usage: "check rule files: which load, and what is refused, by file, line and rule", ArgsUsage: "DIR|FILE|builtin",
			Description: "freezeframe sigma lint ./rules\n\nA rule that says something that is not known here is refused by name, never read as if it did not say it. Filter documents, which tune other rules, are named and not applied: nobody's tuning takes a hit away.\n\nExit codes: 0 all rules load (rules for other logs than CloudTrail's are listed), 7 some are refused.",
			Flags:       []cli.Flag{placeholdersFlag()},
			Action:      p.lintSigma,
		}},
	}
}

func placeholdersFlag() cli.Flag {
	return &cli.StringFlag{Name: "placeholders", Usage: "YAML file with the values of %name% in rules (name: [value, ...])"}
}

// sigmaLint is what `sigma lint` answers.
type sigmaLint struct {
	Files        int             `json:"files"`
	Rules        int             `json:"rules"`
	Correlations int             `json:"correlations"`
	Filters      int             `json:"filters"`
	Problems     []sigma.Problem `json:"problems"`
}

func (p *program) lintSigma(c *cli.Context) error {
	path, err := oneArgument(c, "folder or file of rules")
	if err != nil {
		return err
	}
	set, err := loadSigma(path, c.String("placeholders"))
	if err != nil {
		return err
	}
	out := sigmaLint{set.Files, len(set.Rules), len(set.Correlations), len(set.Filters), set.Problems}
	err = p.s.Show(out, func(t *ui.Printer) {
		var rows [][]string
		for _, x := range out.Problems {
			rows = append(rows, []string{string(x.Severity), fmt.Sprintf("%s:%d", x.File, x.Line), x.Rule, x.Place, x.Why})
		}
		if len(rows) > 0 {
			t.Table([]string{"", "WHERE", "RULE", "PLACE", "WHY"}, rows)
		}
		t.Line("%s, %s and %s in %s", ui.Plural(out.Rules, "rule"), ui.Plural(out.Correlations, "correlation"), ui.Plural(out.Filters, "filter"), ui.Plural(out.Files, "file"))
	})
	if err != nil {
		return err
	}
	if n := set.Refusals(); n > 0 {
		return ui.Findings("%s refused", ui.Plural(n, "rule"))
	}
	if out.Files == 0 {
		return ui.Usage("no rule file (.yml, .yaml) in %s", path)
	}
	return nil
}

// builtinRules names the project's own rules where a folder would stand.
const builtinRules = "builtin"

// loadSigma reads the rules of a folder, or of one file, or the built-in ones.
func loadSigma(path, placeholders string) (*sigma.Set, error) {
	var o sigma.Options
	if placeholders != "" {
		b, err := os.ReadFile(placeholders)
		if err != nil {
			return nil, ui.Usage("--placeholders: %w", err)
		}
		if o.Placeholders, err = sigma.Placeholders(placeholders, string(b)); err != nil {
			return nil, ui.Usage("--placeholders: %w", err)
		}
	}
	if path == builtinRules {
		return builtin.Rules()
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, ui.Usage("rules: %w", err)
	}
	if info.IsDir() {
		return sigma.Load(os.DirFS(path), o)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading rules: %w", err)
	}
	return sigma.Read(filepath.Base(path), string(b), o), nil
}

// timelineRules reads --rules. What is refused is told and costs that rule alone.
func (p *program) timelineRules(c *cli.Context, o *timeline.Options) error {
	paths := c.StringSlice("rules")
	if len(paths) == 0 {
		if c.String("placeholders") != "" {
			return ui.Usage("--placeholders needs --rules")
		}
		return nil
	}
	var sets []*sigma.Set
	for _, path := range paths {
		set, err := loadSigma(path, c.String("placeholders"))
		if err != nil {
			return err
		}
		if len(set.Rules) == 0 {
			for _, x := range set.Problems {
				if x.Severity == sigma.Refused {
					p.s.Warn("rule refused: %v", x)
				}
			}
			return ui.UsageHint("freezeframe sigma lint "+path, "no rule for CloudTrail in %s", path)
		}
		sets = append(sets, set)
	}
	set := sigma.Merge(sets...)
	foreign := 0
	for _, x := range set.Problems {
		switch x.Severity {
		case sigma.Refused:
			p.s.Warn("rule refused: %v", x)
		case sigma.Foreign:
			foreign++
		}
	}
	if foreign > 0 {
		p.s.Warn("%s for other logs than CloudTrail's", ui.Plural(foreign, "rule"))
	}
	if n := len(set.Filters); n > 0 {
		p.s.Warn("%s not applied: what they would leave out is marked too (freezeframe sigma lint names them)", ui.Plural(n, "filter document"))
	}
	p.rulesRefused = set.Refusals()
	o.Rules = sigma.NewEngine(set)
	return nil
}
