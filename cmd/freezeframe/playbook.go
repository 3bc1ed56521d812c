package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks"
)

func (p *program) playbookCommand() *cli.Command {
	return &cli.Command{
		Name: "playbook", Usage: "procedures in the right order, with approval gates",
		Subcommands: []*cli.Command{
			{Name: "list", Usage: "the built-in playbooks", Action: p.listPlaybooks},
			{
				Name: "show", Usage: "a playbook's steps, or the runbook that responders read", ArgsUsage: "NAME|FILE",
				Description: "freezeframe playbook show lambda-compromise\nfreezeframe playbook show code-tampering --format md > runbook.md",
				Flags:       []cli.Flag{&cli.StringFlag{Name: "format", Usage: "text, or md: a runbook in Markdown", Value: "text"}},
				Action:      p.showPlaybook,
			},
			{Name: "lint", Usage: "check a playbook: spelling, references, and that nothing is changed before it is sealed", ArgsUsage: "NAME|FILE", Description: "freezeframe playbook lint mine.yaml", Action: p.lintPlaybook},
			{Name: "schema", Usage: "the JSON Schema of playbooks, for editors", Description: "freezeframe playbook schema > playbook.schema.json", Action: p.playbookSchema},
			{
				Name: "export", Usage: "write a playbook as CACAO 2.0, on the standard output", ArgsUsage: "NAME|FILE",
				Description: "freezeframe playbook export code-tampering --format cacao > code-tampering.cacao.json",
				Flags:       []cli.Flag{&cli.StringFlag{Name: "format", Usage: "cacao", Value: "cacao"}}, Action: p.exportPlaybook,
			},
			{
				Name: "import", Usage: "read a CACAO 2.0 playbook as a draft: people's steps; what cannot be honoured is refused by name", ArgsUsage: "FILE",
				Description: "freezeframe playbook import theirs.json > draft.yaml", Action: p.importPlaybook,
			},
			{
				Name: "plan", Usage: "what a run would do, and what it has to be allowed", ArgsUsage: "NAME|FILE",
				Description: "freezeframe playbook plan code-tampering --set function=payments", Flags: []cli.Flag{setFlag()}, Action: p.planPlaybook,
			},
			{
				Name: "run", Usage: "run a playbook on the case and the account", ArgsUsage: "NAME|FILE",
				Description: "freezeframe playbook run lambda-compromise --set function=payments", Flags: append(runFlags(), setFlag()), Action: p.runPlaybook,
			},
			{
				Name: "resume", Usage: "go on with a run that was cut off: nothing that is done is done again", ArgsUsage: "[RUN]",
				Description: "freezeframe playbook resume", Flags: runFlags(), Action: p.resumePlaybook,
			},
			{Name: "status", Usage: "the runs of a case, or one of them step by step", ArgsUsage: "[RUN]", Description: "freezeframe playbook status", Action: p.playbookStatus},
			{
				Name: "approve", Usage: "answer a run that waits, from another terminal", ArgsUsage: "[RUN]",
				Description: "freezeframe playbook approve --operator 'Carol Example' --reason 'the shop can be down for an hour'\nfreezeframe playbook approve --no --reason 'not during the sale'",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "step", Usage: "of the question, if several wait"},
					&cli.BoolFlag{Name: "no", Usage: "the answer is no"},
					&cli.StringFlag{Name: "reason", Usage: "enters the ledger"},
					&cli.StringFlag{Name: "attach", Usage: "file that shows it: its SHA-256 enters the ledger"},
					&cli.StringFlag{Name: "operator", Usage: "who answers; without it the user of this machine"},
				},
				Action: p.approvePlaybook,
			},
			{
				Name: "test", Usage: "run a playbook on a simulated account after an attack: no AWS, no credentials", ArgsUsage: "NAME|FILE",
				Description: "freezeframe playbook test mine.yaml --scenario code-overwrite",
				Flags:       []cli.Flag{&cli.StringFlag{Name: "scenario", Usage: "the attack (freezeframe tabletop list)", Value: "code-overwrite"}, setFlag()},
				Action:      p.testPlaybook,
			},
		},
	}
}

func setFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "set", Usage: "an input, NAME=VALUE (may be repeated)"}
}

func runFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "yes", Usage: "answer every approval gate with yes, in the operator's name"},
		&cli.StringSliceFlag{Name: "webhook", Usage: "address that the playbook may tell things to: https, and what begins with it (may be repeated)"},
		&cli.StringFlag{Name: "operator", Usage: "the human at the keyboard, if not the one who opened the case"},
		identityFlag(),
	}
}

func (p *program) listPlaybooks(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	all, err := playbooks.BuiltIn()
	if err != nil {
		return err
	}
	return p.s.Show(all, func(t *ui.Printer) {
		var rows [][]string
		for _, pb := range all {
			rows = append(rows, []string{pb.Name, pb.Title})
		}
		t.Table([]string{"NAME", "FOR"}, rows)
	})
}

// loadPlaybook finds a built-in one by name, anything else as a file.
func loadPlaybook(name string) (*playbooks.Playbook, error) {
	pb, err := playbooks.Find(name)
	if err == nil || !errors.Is(err, playbooks.ErrUnknown) {
		return pb, err
	}
	data, readErr := os.ReadFile(name)
	if os.IsNotExist(readErr) {
		return nil, ui.UsageHint("freezeframe playbook list", "%w, and no file of that name", err)
	}
	if readErr != nil {
		return nil, fmt.Errorf("reading the playbook: %w", readErr)
	}
	return playbooks.ParseWith(name, data, besides(name))
}

// playbookOf is the playbook that was named, and the inputs that were given with it.
func playbookOf(c *cli.Context) (*playbooks.Playbook, map[string]any, error) {
	name, err := oneArgument(c, "playbook")
	if err != nil {
		return nil, nil, err
	}
	pb, err := loadPlaybook(name)
	if err != nil {
		return nil, nil, err
	}
	inputs, err := inputsOf(pb, c.StringSlice("set"))
	return pb, inputs, err
}

// besides finds what a playbook in a file uses: built-in ones by name, others as files beside it.
func besides(file string) playbooks.Source {
	return func(name string) (string, []byte, error) {
		pbFile, text, err := playbooks.BuiltInText(name)
		if err == nil || strings.ContainsAny(name, `/\`) {
			return pbFile, text, err
		}
		path := filepath.Join(filepath.Dir(file), name+".yaml")
		text, readErr := os.ReadFile(path)
		if os.IsNotExist(readErr) {
			return "", nil, fmt.Errorf("%w, and no file %s", err, path)
		}
		if readErr != nil {
			return "", nil, fmt.Errorf("reading the playbook: %w", readErr)
		}
		return path, text, nil
	}
}

func (p *program) showPlaybook(c *cli.Context) error {
	name, err := oneArgument(c, "playbook")
	if err != nil {
		return err
	}
	pb, err := loadPlaybook(name)
	if err != nil {
		return err
	}
	switch format := c.String("format"); format {
	case "md":
		return pb.Markdown(p.s.Out)
	case "text":
		return p.s.Show(pb, func(t *ui.Printer) { showSteps(t, pb) })
	default:
		return ui.UsageHint(commandHelp(c), "--format is %q; text or md is wanted", format)
	}
}

func showSteps(t *ui.Printer, pb *playbooks.Playbook) {
	t.Line("%s  %s", t.Bold(pb.Name), pb.Title)
	t.Block("  ", pb.About)
	for _, in := range pb.Inputs {
		t.Line("input %s (%s): %s", in.Name, string(in.Type), in.About)
	}
	outline(t, pb.Outline(nil))
	t.Line("sha256 %s", pb.SHA256)
}

func outline(t *ui.Printer, steps []playbooks.Planned) {
	for _, s := range steps {
		line := strings.Repeat("  ", s.Depth+1) + s.ID + "  " + s.Does
		if s.Class != "" {
			line += " (" + string(s.Class) + ")"
		}
		if s.About != "" {
			line += ": " + s.About
		}
		if s.When != "" {
			line += " [when " + s.When + "]"
		}
		t.Line("%s", line)
	}
}

func (p *program) playbookSchema(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	data, err := json.MarshalIndent(playbooks.Schema(), "", "  ")
	if err != nil {
		return fmt.Errorf("the schema: %w", err)
	}
	_, err = fmt.Fprintf(p.s.Out, "%s\n", data)
	return err
}

func (p *program) lintPlaybook(c *cli.Context) error {
	name, err := oneArgument(c, "playbook file")
	if err != nil {
		return err
	}
	problems := []playbooks.Problem{}
	_, err = loadPlaybook(name)
	if bad, ok := errors.AsType[*playbooks.InvalidError](err); ok {
		problems, err = bad.Problems, nil
	}
	if err != nil {
		return err
	}
	if err := p.s.Show(problems, func(t *ui.Printer) {
		for _, pr := range problems {
			t.Line("%s", pr)
		}
		if len(problems) == 0 {
			t.Line("%s: no problems", name)
		}
	}); err != nil {
		return err
	}
	if len(problems) > 0 {
		return ui.Usage("%s: %s", name, ui.Plural(len(problems), "problem"))
	}
	return nil
}

// plannedRun is what `playbook plan` answers.
type plannedRun struct {
	Schema   string              `json:"schema"`
	Playbook string              `json:"playbook"`
	SHA256   string              `json:"playbook_sha256"`
	Steps    []playbooks.Planned `json:"steps"`
	Calls    []plannedCall       `json:"calls"`
}

type plannedCall struct {
	Call    string   `json:"call"`
	Mutates bool     `json:"mutates,omitempty"`
	IAM     []string `json:"iam"`
}

func (p *program) planPlaybook(c *cli.Context) error {
	pb, inputs, err := playbookOf(c)
	if err != nil {
		return err
	}
	out := plannedRun{Schema: "freezeframe/playbook-plan/v1", Playbook: pb.Name, SHA256: pb.SHA256, Steps: pb.Outline(inputs), Calls: []plannedCall{}}
	for _, n := range pb.Needs() {
		call := plannedCall{Call: n.Call, Mutates: n.Mutates, IAM: []string{}}
		for _, g := range n.IAM {
			call.IAM = append(call.IAM, g.Action+" on "+g.Resource)
		}
		out.Calls = append(out.Calls, call)
	}
	return p.s.Show(out, func(t *ui.Printer) {
		t.Line("%s  %s", t.Bold(pb.Name), pb.Title)
		outline(t, out.Steps)
		reads, rows := 0, [][]string{}
		for _, call := range out.Calls {
			if !call.Mutates {
				reads++
				continue
			}
			rows = append(rows, []string{call.Call, strings.Join(call.IAM, ", ")})
		}
		t.Line("")
		t.Line("it may make %s that read (freezeframe collect --print-policy), and those that change the account if a plan says so:", ui.Plural(reads, "call"))
		t.Table([]string{"CALL", "HAS TO BE ALLOWED"}, rows)
	})
}
