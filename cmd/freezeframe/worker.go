package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/queue"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/worker"
)

func (p *program) workerCommand() *cli.Command {
	return &cli.Command{
		Name: "worker", Usage: "answer the alerts of an SQS queue, as one of any number of workers (docs/respond.md)",
		Description: "freezeframe worker --queue https://sqs.eu-west-1.amazonaws.com/111122223333/alerts --cases s3://evidence/alerts --authority 'CISO, mandate 12' --key arn:aws:kms:... --recipient age1...\n\n" +
			"Takes messages, does with each what respond --alert does, and takes it out of the queue when it is dealt with. SIGTERM and Ctrl-C end it within seconds: what it was at is left so that the next worker goes on. Every flag can also be an environment variable: FREEZEFRAME_QUEUE, FREEZEFRAME_ASSUME_ROLE, and so on.\n\n" +
			"Exit codes: 0 all that it took is dealt with, 3 something went back to the queue, 1 it could not go on.",
		Flags: workerFlags(), Action: p.worker,
	}
}

func workerFlags() []cli.Flag {
	return fromEnvironment(append([]cli.Flag{
		&cli.StringFlag{Name: "queue", Usage: "URL of the SQS queue that alerts come to"},
		&cli.IntFlag{Name: "parallel", Usage: "messages at a time", Value: 1},
		&cli.BoolFlag{Name: "lambda", Usage: "run as the handler of a Lambda function to which an SQS queue is mapped (so it does by itself in one)"},
		&cli.BoolFlag{Name: "once", Usage: "end when the queue gives nothing more"},
		&cli.IntFlag{Name: "most-receives", Usage: "on a queue without a dead-letter queue: how often a message may come before it is refused for good", Value: 10},
		&cli.DurationFlag{Name: "silence", Usage: "how long this worker may write nothing before others take over what it is at", Value: board.Silence},
	}, append(fleetFlags(), answerFlags()...)...))
}

// fromEnvironment lets every flag be a variable too: who runs in a container or a Lambda function has
// no command line at hand.
func fromEnvironment(flags []cli.Flag) []cli.Flag {
	for _, f := range flags {
		env := []string{"FREEZEFRAME_" + strings.ToUpper(strings.ReplaceAll(f.Names()[0], "-", "_"))}
		switch f := f.(type) {
		case *cli.StringFlag:
			f.EnvVars = env
		case *cli.StringSliceFlag:
			f.EnvVars = env
		case *cli.BoolFlag:
			f.EnvVars = env
		case *cli.IntFlag:
			f.EnvVars = env
		case *cli.DurationFlag:
			f.EnvVars = env
		}
	}
	return flags
}

// worked is the last line of `worker`.
type worked struct {
	Schema string `json:"schema"`
	worker.Tally
}

func (p *program) worker(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	if p.getenv("AWS_LAMBDA_RUNTIME_API") != "" || c.Bool("lambda") {
		return p.workerInLambda(c)
	}
	if err := p.workerUsage(c); err != nil {
		return err
	}
	b, err := p.board(c)
	if err != nil {
		return err
	}
	if err := p.prepare(c, b); err != nil {
		return err
	}
	s, err := p.vaultSession(c, c.String("region"))
	if err != nil {
		return err
	}
	handlers, err := p.handlers(c, b)
	if err != nil {
		return err
	}
	q, err := queue.Open(c.Context, s, c.String("queue"), queue.Needs())
	if err != nil {
		return queueEnd(err)
	}
	p.s.Aside(func(t *ui.Printer) { t.Line("worker %s takes from %s", b.Who(), c.String("queue")) })
	tally, err := worker.Run(c.Context, worker.Options{
		Queue: q, Board: b, Handlers: handlers, Parallel: c.Int("parallel"), Once: c.Bool("once"), MostReceives: c.Int("most-receives"),
		Warn: func(line string) { p.s.Warn("%s", line) }, Tell: p.tellMessage, Minute: p.eachMinute(p.actor(c, b.As(b.Who()+", each minute"))),
	})
	if showErr := p.s.ShowLine(worked{"freezeframe/worked/v1", tally}, func(t *ui.Printer) {
		t.Line("%s: %d dealt with, %d went back, %d lost to others, %d refused", ui.Plural(tally.Taken, "message"), tally.Settled, tally.Back, tally.Lost, tally.Refused)
	}); showErr != nil {
		return errors.Join(showErr, err)
	}
	if err != nil {
		return queueEnd(err)
	}
	if n := tally.Back + tally.Lost; n > 0 {
		return ui.Incomplete("freezeframe worker --queue ... again, anywhere: it goes on", "%s of %d went back to the queue", ui.Plural(n, "message"), tally.Taken)
	}
	return nil
}

// queueEnd: a queue that is not there is somebody's decision, or a wrong URL.
func queueEnd(err error) error {
	switch {
	case errors.Is(err, queue.ErrURL):
		return ui.UsageHint("aws sqs list-queues", "--queue: %w", err)
	case errors.Is(err, queue.ErrGone):
		return &ui.Error{Code: ui.ExitError, Err: err, Hint: "aws sqs list-queues"}
	}
	return err
}

func (p *program) workerUsage(c *cli.Context) error {
	const whole = "freezeframe worker --queue https://sqs.REGION.amazonaws.com/ACCOUNT/NAME --cases s3://BUCKET/PREFIX --authority 'CISO, mandate 12'"
	switch {
	case c.String("queue") == "" && !c.Bool("lambda") && p.getenv("AWS_LAMBDA_RUNTIME_API") == "":
		return ui.UsageHint(whole, "no queue: --queue and FREEZEFRAME_QUEUE are empty")
	case c.Int("parallel") < 1 || c.Int("parallel") > 64:
		return ui.UsageHint(whole, "--parallel %d: 1 to 64", c.Int("parallel"))
	case c.Int("most-receives") < 1:
		return ui.UsageHint(whole, "--most-receives %d: at least 1", c.Int("most-receives"))
	case c.Duration("silence") < board.Least:
		return ui.UsageHint(whole, "--silence %s: at least %s", c.Duration("silence"), board.Least)
	}
	if err := answerUsage(c, whole); err != nil {
		return err
	}
	if c.String("key") == "" && strings.Contains(c.String("cases"), "://") {
		p.s.Warn("without --key each case is signed with a key of its own, which lies on this machine alone: workers elsewhere add to it unsigned")
	}
	if len(c.StringSlice("recipient")) == 0 && strings.Contains(c.String("cases"), "://") {
		p.s.Warn("without --recipient the key that opens a case's secrets lies on this machine alone")
	}
	return nil
}

// board is what workers and people who answer alerts into the same place share.
func (p *program) board(c *cli.Context) (*board.Board, error) {
	keep, err := storage(c, c.String("cases"))
	if err != nil {
		return nil, err
	}
	v, err := p.newVault(c, c.String("cases"), keep)
	if err != nil {
		return nil, err
	}
	b := board.On(v, processName())
	if c.IsSet("silence") {
		b = b.Within(c.Duration("silence"))
	}
	return b, nil
}

// processName is a process that no other is: a restarted container has the host and the number of
// the one before.
func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s, process %d of %s", host, os.Getpid(), time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"))
}

// patience is how long a message waits in hand while somebody else is at its case.
const patience = 2 * time.Minute

// handlers are who takes what comes, the first that does; what nobody takes is an alert.
func (p *program) handlers(c *cli.Context, b *board.Board) ([]worker.Handler, error) {
	fleet, err := p.fleet(c, b)
	if err != nil {
		return nil, err
	}
	var n atomic.Int64
	return []worker.Handler{
		fleet,
		&worker.Alerts{Tell: p.tellOutcome, Options: func(ctx context.Context) respond.Options {
			one := *p // of this message: what is said once is said by each
			cc := *c
			cc.Context = ctx
			o := one.respondOptions(&cc)
			o.Board = b.As(fmt.Sprintf("%s, message %d", b.Who(), n.Add(1)))
			o.Act, o.Patience = one.actor(&cc, o.Board).Act, patience
			env := o.Env
			o.Env = func() *playbooks.Env {
				e := env()
				e.Unpaced = cc.Bool("unpaced")
				return e
			}
			return o
		}},
	}, nil
}

func (p *program) tellOutcome(o respond.Outcome) {
	_ = p.s.ShowLine(o, func(t *ui.Printer) { showOutcome(t, &o) }) // nobody reads: the case has it
}

// tellMessage says what became of a message where that is more than that it is done.
func (p *program) tellMessage(r worker.Report) {
	why := ""
	if r.Err != nil {
		why = ": " + strings.ReplaceAll(r.Err.Error(), "\n", "; ")
	}
	switch r.Fate {
	case worker.Done:
		if r.Err != nil {
			p.s.Warn("message %s is dealt with%s", r.ID, why)
		}
	case worker.Back:
		if r.After == 0 {
			p.s.Warn("message %s, received %s, is given back%s", r.ID, times(r.Received), why)
			return
		}
		p.s.Warn("message %s, received %s, comes again in %s%s", r.ID, times(r.Received), r.After, why)
	default:
		p.s.Warn("message %s, received %s, is %s%s", r.ID, times(r.Received), string(r.Fate), why)
	}
}

func times(n int) string {
	return cmp.Or(map[int]string{1: "once", 2: "twice"}[n], fmt.Sprintf("%d times", n))
}
