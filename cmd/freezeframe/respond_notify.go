package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/notice"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/act"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/mapping"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/tell"
)

func notifyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "playbooks", Usage: "file that says which playbook runs for which alerts; default: the built-in one for all"},
		&cli.StringSliceFlag{Name: "notify", Usage: "who is told of what needs a person: " + notice.Forms + " (may be repeated)"},
		&cli.StringSliceFlag{Name: "notify-on", Usage: "of what: failed, waiting, contained, released, gaps, collected, known, all; default: failed, waiting, contained, released"},
	}
}

// prepare reads what alerts are answered by, before one is: which playbooks run, and who is told.
func (p *program) prepare(c *cli.Context, b *board.Board) error {
	if err := p.readMapping(c); err != nil {
		return err
	}
	return p.openDesk(c, b)
}

// readMapping reads --playbooks.
func (p *program) readMapping(c *cli.Context) error {
	file := c.String("playbooks")
	if file == "" {
		return nil
	}
	data, err := os.ReadFile(file)
	if err == nil {
		p.mapping, err = mapping.Read(file, data, func(name string) (*playbooks.Playbook, error) {
			if pb, err := playbooks.Find(name); err == nil || !errors.Is(err, playbooks.ErrUnknown) {
				return pb, err
			}
			if !filepath.IsAbs(name) { // a file is named from where the mapping lies
				name = filepath.Join(filepath.Dir(file), name)
			}
			return loadPlaybook(name)
		})
	}
	if err != nil {
		return ui.UsageHint("freezeframe respond schema --of playbooks", "--playbooks: %w", err)
	}
	return nil
}

// choose is the playbook of an alert.
func (p *program) choose(a *alert.Alert) (*playbooks.Playbook, error) {
	if p.mapping == nil {
		return respond.Playbook()
	}
	pb, _, err := p.mapping.Choose(a)
	return pb, err
}

// openDesk makes ready to tell people, if somebody wants to be told.
func (p *program) openDesk(c *cli.Context, b *board.Board) error {
	const whole = "freezeframe respond --notify sns:arn:aws:sns:REGION:ACCOUNT:TOPIC --notify slack:@FILE --notify-on all ..."
	targets, err := notice.Parse(lines(c.StringSlice("notify")))
	if err != nil {
		return ui.UsageHint(whole, "--notify: %w", err)
	}
	on, err := tell.Events(c.StringSlice("notify-on"))
	if err != nil {
		return ui.UsageHint(whole, "--notify-on: %w", err)
	}
	if len(targets) == 0 {
		return nil
	}
	warn := func(err error) { p.s.Warn("%v", err) }
	p.desk = &tell.Desk{On: on, Cases: c.String("cases"), Exercise: p.getenv("FREEZEFRAME_EXERCISE"), Warn: warn, Outbox: &notice.Outbox{
		Board: b, Targets: targets, Now: time.Now, Warn: warn,
		Session: func(ctx context.Context) (*awsapi.Session, error) { // the topic is the responders' own, as the vault is
			cc := *c
			cc.Context = ctx
			return p.vaultSession(&cc, c.String("region"))
		},
	}}
	return nil
}

// lines are the values of a flag that can be repeated: a variable holds them one a line.
func lines(values []string) (all []string) {
	for _, v := range values {
		for line := range strings.Lines(v) {
			if line = strings.TrimSpace(line); line != "" {
				all = append(all, line)
			}
		}
	}
	return all
}

// tellPeople is respond's hook.
func (p *program) tellPeople(ctx context.Context, out *respond.Outcome) {
	if p.desk != nil {
		p.desk.Outcome(ctx, out)
	}
}

// tellOfAct is act's hook.
func (p *program) tellOfAct(ctx context.Context, what act.Notice) {
	if p.desk != nil {
		p.desk.Acting(ctx, what)
	}
}

// tellAgain tells what could not be told before.
func (p *program) tellAgain(ctx context.Context) error {
	if p.desk == nil {
		return nil
	}
	return p.desk.Outbox.Sweep(ctx)
}

// eachMinute is what a worker does beside its messages: it ends what has run out, decides again where
// people have approved, and tells what could not be told.
func (p *program) eachMinute(x *act.Actor) func(context.Context) error {
	return func(ctx context.Context) error { return errors.Join(x.Sweep(ctx), p.tellAgain(ctx)) }
}

// warnUntold is tellAgain where nobody waits for its end: what is noted is not lost.
func (p *program) warnUntold(ctx context.Context) {
	if err := p.tellAgain(ctx); err != nil && !errors.Is(err, context.Canceled) {
		p.s.Warn("%v", err)
	}
}
