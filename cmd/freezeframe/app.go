package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/mapping"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/tell"
)

// program is what every command works with.
type program struct {
	s      *ui.Streams
	getenv func(string) string

	toldEndpoint bool // that this is not AWS is said once
	toldExercise bool // and that the case is one of an exercise
	rulesRefused int  // of --rules: the exit code says so

	desk    *tell.Desk       // tells people of alerts; nil: nobody wants to be told
	mapping *mapping.Mapping // which playbook runs for which alerts; nil: the built-in one
}

// run is the whole program but for the exit.
func run(ctx context.Context, args []string, s *ui.Streams) int {
	p := &program{s: s, getenv: os.Getenv}
	app := p.app()
	ordered, err := permute(app, args[1:])
	if err != nil {
		return s.Report(err)
	}
	return s.Report(app.RunContext(ctx, append(args[:1:1], ordered...)))
}

func (p *program) app() *cli.App {
	return &cli.App{
		Name:        "freezeframe",
		Usage:       "freeze the function, keep the frame: incident response forensics for AWS Lambda",
		UsageText:   "freezeframe [global flags] COMMAND [flags] [arguments]   (flags may stand anywhere)",
		Description: "Start with 'freezeframe tabletop run code-overwrite --yes': the whole job, on a simulated account.",
		Version:     version(),
		Writer:      p.s.Out,
		ErrWriter:   p.s.Err,
		Flags:       globalFlags(),
		Before: func(c *cli.Context) error {
			p.s.JSON, p.s.Quiet = c.Bool("json"), c.Bool("quiet")
			p.s.Color = !c.Bool("no-color") && p.getenv("NO_COLOR") == ""
			return nil
		},
		Commands: []*cli.Command{
			p.caseCommand(), p.collectCommand(), p.inspectCommand(), p.timelineCommand(), p.diffCommand(), p.assessCommand(), p.reportCommand(), p.containCommand(),
			p.playbookCommand(), p.tabletopCommand(), p.verifyCommand(), p.vaultCommand(), p.doctorCommand(), p.sigmaCommand(), p.respondCommand(), p.workerCommand(), p.deployCommand(),
		},
		Action: func(c *cli.Context) error {
			return errors.Join(cli.ShowAppHelp(c), noArguments(c))
		},
		HideHelpCommand:           true,
		DisableSliceFlagSeparator: true,
		// Errors end in run, in one place; cli's own handler would read exec.ExitError as our exit code.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError: func(c *cli.Context, err error, _ bool) error {
			return ui.UsageHint("freezeframe --help", "%w", err)
		},
	}
}

func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "case", Usage: "the evidence case: a folder or s3://bucket/prefix", EnvVars: []string{"FREEZEFRAME_CASE"}},
		&cli.StringFlag{Name: "profile", Usage: "profile of the AWS configuration files"},
		&cli.StringFlag{Name: "region", Usage: "AWS region of the function"},
		&cli.StringFlag{Name: "role-arn", Usage: "role to assume in the account under investigation"},
		&cli.StringFlag{Name: "external-id", Usage: "external id that the roles which are assumed ask for", EnvVars: []string{"FREEZEFRAME_EXTERNAL_ID"}},
		&cli.StringFlag{Name: "endpoint-url", Usage: "talk to this endpoint instead of AWS (recorded in the case)"},
		&cli.BoolFlag{Name: "json", Usage: "print results as JSON"},
		&cli.BoolFlag{Name: "quiet", Usage: "no progress on stderr"},
		&cli.BoolFlag{Name: "no-color", Usage: "no colours"},
	}
}

// self is how this program was called: what a hint has to begin with to work.
func self() string {
	if path, err := os.Executable(); err == nil && strings.Contains(filepath.ToSlash(path), "/go-build") {
		return "go run ./cmd/freezeframe"
	}
	return "freezeframe"
}

// version is the module's version as built, or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	if revision := setting(info, "vcs.revision"); revision != "" {
		return "devel " + revision
	}
	return "devel"
}

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// streams are the process's own.
func streams() *ui.Streams {
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		width = 0
	}
	return &ui.Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Width: width,
		OutTTY: isTerminal(os.Stdout), ErrTTY: isTerminal(os.Stderr), InTTY: isTerminal(os.Stdin),
	}
}

func isTerminal(f io.Writer) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
