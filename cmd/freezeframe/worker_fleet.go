package main

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/fleetjob"
	"github.com/freezeframe-ir/freezeframe/internal/queue"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/worker"
)

// fleetFlags are the worker's own word on how it collects what `collect --enqueue` asked for.
func fleetFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "unpaced", Usage: "do not hold calls back to AWS's published quotas: for an emulator, or accounts that have larger ones; what is throttled is asked again"},
		&cli.IntFlag{Name: "calls-at-once", Usage: "messages of collect --enqueue: calls to AWS under way at once for one message; 0 leaves it to the quotas"},
		&cli.StringSliceFlag{Name: "allow-private", Usage: "messages of collect --enqueue: private network (CIDR) that code may be downloaded from (may be repeated)"},
	}
}

// fleet takes the messages of `collect --enqueue`.
func (p *program) fleet(c *cli.Context, b *board.Board) (worker.Handler, error) {
	own := collect.Options{Unpaced: c.Bool("unpaced"), Calls: c.Int("calls-at-once"), Pacer: collect.NewPacer(nil, nil)} // its quotas outlast a message
	for _, cidr := range c.StringSlice("allow-private") {
		network, err := netip.ParsePrefix(cidr)
		if err != nil {
			return nil, ui.UsageHint("freezeframe worker --allow-private 10.0.0.0/8 ...", "--allow-private is %q; a network such as 10.0.0.0/8 is wanted", cidr)
		}
		own.AllowPrivate = append(own.AllowPrivate, network)
	}
	return &fleetMessages{p: p, c: c, b: b, own: own}, nil
}

// fleetMessages gives each message a handler, whose calls end when its work does; what they share is
// the case that the last of them opened.
type fleetMessages struct {
	p     *program
	c     *cli.Context
	b     *board.Board
	own   collect.Options
	n     atomic.Int64
	cases fleetjob.Cases
}

// Takes says whether a message is of collect --enqueue.
func (f *fleetMessages) Takes(body string) bool { return fleetjob.Is(body) }

// Handle does what it asks for.
func (f *fleetMessages) Handle(ctx context.Context, m *queue.Message) (bool, error) {
	one, cc := *f.p, *f.c
	cc.Context = ctx
	o := one.respondOptions(&cc)
	h := fleetjob.Handler{
		Where: cc.String("cases"), Role: cc.String("assume-role"), Board: f.b.As(fmt.Sprintf("%s, job %d", f.b.Who(), f.n.Add(1))), Cases: &f.cases,
		Open: func(_ context.Context, where string) (*evidence.Case, error) { return one.openCaseAt(f.c, where) },
		Session: func(ctx context.Context, of *evidence.Case, account string) (*awsapi.Session, error) {
			return o.Session(ctx, of, account)
		},
		Header: header(cmp.Or(cc.String("operator"), localUser())), Collect: f.own, Now: time.Now, Tell: f.tell,
	}
	return h.Handle(ctx, m)
}

// jobDone is what is said of one message.
type jobDone struct {
	Schema    string         `json:"schema"`
	State     fleetjob.State `json:"state"`
	Job       string         `json:"job"`
	Account   string         `json:"account"`
	Region    string         `json:"region"`
	Functions int            `json:"functions"`
	Bag       string         `json:"bag"`
	Resumed   bool           `json:"resumed"`
	Complete  bool           `json:"complete"`
}

func (f *fleetMessages) tell(o fleetjob.Outcome) {
	if o.Job == nil || o.State == fleetjob.Left { // the loop says why it comes again
		return
	}
	d := jobDone{"freezeframe/job-done/v1", o.State, o.Job.ID, o.Job.Account, o.Job.Region, len(o.Job.Functions), o.Bag, o.Resumed, o.Summary.Complete || o.State == fleetjob.Known}
	_ = f.p.s.ShowLine(d, func(t *ui.Printer) { // nobody reads: the case has it
		t.Line("%s %s of account %s in %s, bag %s", t.Bold(string(d.State)+":"), ui.Plural(d.Functions, "function"), d.Account, d.Region, d.Bag)
	})
}
