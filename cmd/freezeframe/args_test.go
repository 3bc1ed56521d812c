package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

func TestFlagsMayStandAnywhere(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"verify ./case --json", "--json verify -- ./case"},
		{"--json verify ./case", "--json verify -- ./case"},
		{"collect --function f --case x", "--case x collect --function f"},
		{"collect --region eu-west-1 --function=f", "--region eu-west-1 collect --function=f"},
		{"contain apply plan.json --dry-run --case c", "--case c contain apply --dry-run -- plan.json"},
		{"contain plan --help", "contain plan --help"},
		{"contain --case c apply --dry-run plan.json", "--case c contain apply --dry-run -- plan.json"},
		{"contain undo url-iam --reason why grants-remove", "contain undo --reason why -- url-iam grants-remove"},
		{"tabletop run code-overwrite --yes", "tabletop run --yes -- code-overwrite"},
		{"verify -- --strange-name", "verify -- --strange-name"},
		{"timeline build -- -", "timeline build -- -"},
		{"case open dir --title collect --authority a --operator o", "case open --title collect --authority a --operator o -- dir"},
		{"contain --help", "contain --help"},
		{"contain plan --help", "contain plan --help"},
		{"--help", "--help"},
		{"tabletop run code-overwrite --yes --help", "tabletop run --yes --help"},
		{"verify -h ./case", "verify -h"},
		{"--function f collect", "collect --function f"},
	} {
		got, err := permute((&program{s: &ui.Streams{}}).app(), strings.Fields(c.in))
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %q, %v; want %q", c.in, strings.Join(got, " "), err, c.want)
		}
	}
}

func TestWrongWordsAreRefusedByName(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"collect --functoin f", "did you mean --function?"},
		{"colect --function f", "did you mean collect?"},
		{"contain aply plan.json", "did you mean apply?"},
		{"collect --function", "needs a value"},
		{"playbook run --yes nonsense --nope", "no flag --nope"},
		{"case open dir --title t", "needs --authority, --operator"},
		{"verify --nonsense x", "verify has no flag --nonsense"},
		{"nonsense", `no command "nonsense"`},
	} {
		_, err := permute((&program{s: &ui.Streams{}}).app(), strings.Fields(c.in))
		code, line, _ := ui.Explain(err)
		if code != ui.ExitUsage || !strings.Contains(line, c.want) {
			t.Errorf("%s: exit %d, %q; want %d and %q", c.in, code, line, ui.ExitUsage, c.want)
		}
	}
}

// TestCommandTree holds what permute relies on and what users expect of every command.
func TestCommandTree(t *testing.T) {
	app := (&program{s: &ui.Streams{}}).app()
	takes := flagTable(app.Flags)
	global := []string{}
	for n := range takes {
		global = append(global, n)
	}
	var walk func(path string, cs []*cli.Command)
	walk = func(path string, cs []*cli.Command) {
		for _, c := range cs {
			at := path + " " + c.Name
			if c.Usage == "" {
				t.Errorf("%s has no usage line", at)
			}
			for name, value := range flagTable(c.Flags) {
				if had, ok := takes[name]; ok && had != value {
					t.Errorf("%s: --%s takes a value in one command and none in another", at, name)
				}
				if slices.Contains(global, name) {
					t.Errorf("%s: --%s is a global flag too", at, name)
				}
				takes[name] = value
			}
			for _, f := range c.Flags {
				if d, ok := f.(cli.DocGenerationFlag); !ok || d.GetUsage() == "" {
					t.Errorf("%s: --%s says nothing of itself", at, f.Names()[0])
				}
			}
			if len(c.Subcommands) == 0 && c.Action == nil {
				t.Errorf("%s does nothing", at)
			}
			walk(at, c.Subcommands)
		}
	}
	walk("freezeframe", app.Commands)
}
