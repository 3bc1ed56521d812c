package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/nearest"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

// permute puts the arguments into the order that cli parses: global flags, the
// command's words, its flags, then positionals behind "--". cli v2 silently
// takes a flag that stands behind a positional as an argument; here every flag
// is found wherever it stands, and one that nobody knows is refused by name.
func permute(app *cli.App, args []string) ([]string, error) {
	p := permuter{global: flagTable(app.Flags), commands: app.Commands}
	for i := 0; i < len(args); i++ {
		n, err := p.take(args[i:])
		if err != nil {
			return nil, err
		}
		i += n
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	out := append(p.globals, p.path...)
	out = append(out, p.flags...)
	if helped := slices.ContainsFunc(p.flags, func(f string) bool { return f == "--help" || f == "-h" }); len(p.rest) > 0 && !helped { // cli takes an argument beside --help for a topic
		out = append(append(out, "--"), p.rest...)
	}
	return out, nil
}

type permuter struct {
	global   map[string]bool // flag name -> takes a value
	commands []*cli.Command
	command  *cli.Command

	globals, path, flags, rest []string
	pending                    [][]string // flags seen before their command was known
	literal                    bool       // behind "--"
}

// take consumes the first of args and returns how many more went with it.
func (p *permuter) take(args []string) (int, error) {
	arg := args[0]
	switch {
	case p.literal || arg == "-" || !strings.HasPrefix(arg, "-"):
		if err := p.word(arg); err != nil {
			return 0, err
		}
		return 0, p.settle()
	case arg == "--":
		p.literal = true
		return 0, nil
	}
	name, _, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	takes, err := p.takesValue(name)
	if err != nil {
		return 0, err
	}
	group := []string{arg}
	if takes && !hasValue {
		if len(args) < 2 {
			return 0, ui.Usage("flag --%s needs a value", name)
		}
		group = append(group, args[1])
	}
	p.pending = append(p.pending, group)
	return len(group) - 1, p.settle()
}

// word is a command's name while there are commands to choose from, otherwise a positional.
func (p *permuter) word(arg string) error {
	if p.literal || len(p.rest) > 0 || len(p.commands) == 0 {
		p.rest = append(p.rest, arg)
		return nil
	}
	known := make([]string, 0, len(p.commands))
	for _, c := range p.commands {
		if c.HasName(arg) {
			p.path, p.command, p.commands = append(p.path, c.Name), c, c.Subcommands
			return nil
		}
		known = append(known, c.Name)
	}
	if p.command != nil && p.command.ArgsUsage != "" && p.command.Action != nil { // it has commands, and does something by itself
		p.rest = append(p.rest, arg)
		return nil
	}
	where := strings.Join(append([]string{"freezeframe"}, p.path...), " ")
	msg := fmt.Sprintf("%s has no command %q", where, arg)
	if near := nearest.Word(arg, known); near != "" {
		msg += fmt.Sprintf(" (did you mean %s?)", near)
	}
	return ui.UsageHint(where+" --help", "%s", msg)
}

// settle hands pending flags to the innermost command that knows them, else to
// the app. What neither knows waits for a longer command path, or for finish.
func (p *permuter) settle() error {
	var wait [][]string
	own := map[string]bool{}
	if p.command != nil {
		own = flagTable(p.command.Flags)
	}
	for _, g := range p.pending {
		name, _, _ := strings.Cut(strings.TrimLeft(g[0], "-"), "=")
		_, mine := own[name]
		_, app := p.global[name]
		switch {
		case mine && (len(p.commands) == 0 || p.command.Action != nil):
			p.flags = append(p.flags, g...)
		case isHelp(name) && p.command != nil && len(p.commands) == 0:
			p.flags = append(p.flags, g...)
		case app:
			p.globals = append(p.globals, g...)
		case len(p.commands) > 0 || isHelp(name):
			wait = append(wait, g)
		default:
			return p.unknown(name)
		}
	}
	p.pending = wait
	return nil
}

// finish settles what waited for a longer path: help goes to the command named so far.
func (p *permuter) finish() error {
	for _, g := range p.pending {
		name, _, _ := strings.Cut(strings.TrimLeft(g[0], "-"), "=")
		if !isHelp(name) {
			return p.unknown(name)
		}
		p.flags = append(p.flags, g...)
	}
	return p.required()
}

// required names the flags that are missing; cli would print the whole help and end as an error.
func (p *permuter) required() error {
	if p.command == nil || len(p.commands) > 0 {
		return nil
	}
	given := map[string]bool{}
	for _, f := range p.flags {
		name, _, _ := strings.Cut(strings.TrimLeft(f, "-"), "=")
		given[name] = strings.HasPrefix(f, "-")
	}
	var missing []string
	for _, f := range p.command.Flags {
		r, ok := f.(cli.RequiredFlag)
		if ok && r.IsRequired() && !slices.ContainsFunc(f.Names(), func(n string) bool { return given[n] }) {
			missing = append(missing, "--"+f.Names()[0])
		}
	}
	if len(missing) == 0 || given["help"] || given["h"] {
		return nil
	}
	where := "freezeframe " + strings.Join(p.path, " ")
	return ui.UsageHint(where+" --help", "%s needs %s", where, strings.Join(missing, ", "))
}

// takesValue looks the flag up among all that could still be meant.
func (p *permuter) takesValue(name string) (bool, error) {
	if isHelp(name) {
		return false, nil
	}
	if p.command != nil {
		if takes, ok := flagTable(p.command.Flags)[name]; ok {
			return takes, nil
		}
	}
	if takes, ok := p.global[name]; ok {
		return takes, nil
	}
	if takes, ok := findFlag(p.commands, name); ok {
		return takes, nil
	}
	return false, p.unknown(name)
}

func (p *permuter) unknown(name string) error {
	known := make([]string, 0, 20)
	for n := range p.global {
		known = append(known, n)
	}
	where := "freezeframe"
	if p.command != nil {
		where += " " + strings.Join(p.path, " ")
		for n := range flagTable(p.command.Flags) {
			known = append(known, n)
		}
	}
	slices.Sort(known)
	msg := fmt.Sprintf("%s has no flag --%s", where, name)
	if near := nearest.Word(name, known); near != "" {
		msg += fmt.Sprintf(" (did you mean --%s?)", near)
	}
	return ui.UsageHint(where+" --help", "%s", msg)
}

func isHelp(name string) bool { return name == "help" || name == "h" }

func findFlag(commands []*cli.Command, name string) (takes, ok bool) {
	for _, c := range commands {
		if takes, ok = flagTable(c.Flags)[name]; ok {
			return takes, ok
		}
		if takes, ok = findFlag(c.Subcommands, name); ok {
			return takes, ok
		}
	}
	return false, false
}

// flagTable maps every name of the flags to whether they take a value.
func flagTable(flags []cli.Flag) map[string]bool {
	t := map[string]bool{}
	for _, f := range flags {
		_, isBool := f.(*cli.BoolFlag)
		for _, n := range f.Names() {
			t[n] = !isBool
		}
	}
	return t
}

// noArguments refuses what is left over.
func noArguments(c *cli.Context) error {
	if c.Args().Present() {
		return ui.UsageHint(commandHelp(c), "unexpected argument %q", c.Args().First())
	}
	return nil
}

// oneArgument wants exactly one, and says what it is.
func oneArgument(c *cli.Context, what string) (string, error) {
	switch c.NArg() {
	case 1:
		return c.Args().First(), nil
	case 0:
		return "", ui.UsageHint(commandHelp(c), "missing argument: %s", what)
	default:
		return "", ui.UsageHint(commandHelp(c), "unexpected argument %q: one %s is enough", c.Args().Get(1), what)
	}
}

// commandHelp is the command that explains the one at hand, with the commands it is under.
func commandHelp(c *cli.Context) string {
	if c.Command.HelpName == "" {
		return "freezeframe --help"
	}
	return c.Command.HelpName + " --help"
}
