package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/fleetjob"
	"github.com/freezeframe-ir/freezeframe/internal/queue"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/internal/vault/s3vault"
)

func enqueueFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "enqueue", Usage: "URL of an SQS queue: do not collect, but split what is wanted into messages for workers (freezeframe worker), who all write this case"},
		&cli.IntFlag{Name: "per-message", Usage: "with --enqueue: functions in one message, 1 to 200", Value: fleetjob.PerMessage},
	}
}

// enqueued is what `collect --enqueue` answers.
type enqueued struct {
	Schema    string   `json:"schema"`
	Case      string   `json:"case"`
	Queue     string   `json:"queue"`
	Messages  int      `json:"messages"`
	Functions int      `json:"functions"`
	Accounts  int      `json:"accounts"`
	Done      int      `json:"done"`      // with --resume: of the fleet's messages, those whose bags are sealed
	NotHad    []string `json:"not_had"`   // accounts of which something could not be found out
	Regions   []string `json:"in_region"` // where there are functions
}

func enqueueUsage(c *cli.Context) error {
	const whole = "freezeframe collect --match '*' --accounts-file FILE --enqueue https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"
	switch {
	case c.String("enqueue") == "":
		return nil
	case c.Bool("settle") || c.Bool("expand") || c.Bool("deleted"):
		return ui.UsageHint(whole, "--enqueue goes with none of --settle, --expand and --deleted")
	case c.Int("per-message") < 1 || c.Int("per-message") > fleetjob.MaxFunctions:
		return ui.UsageHint(whole, "--per-message is %d; 1 to %d is wanted", c.Int("per-message"), fleetjob.MaxFunctions)
	case c.Bool("unpaced") || len(c.StringSlice("allow-private")) > 0:
		return ui.UsageHint("freezeframe worker --help", "--unpaced and --allow-private are for whoever collects: the worker has them")
	}
	_, err := queue.RegionOf(c.String("enqueue"))
	if err != nil {
		return ui.UsageHint(whole, "--enqueue: %w", err)
	}
	return nil
}

// enqueue splits what is wanted into messages instead of collecting it.
func (p *program) enqueue(c *cli.Context, opened *evidence.Case, o collect.Options) error {
	s, err := p.vaultSession(c, c.String("region"))
	if err != nil {
		return err
	}
	q, err := queue.Sender(s, c.String("enqueue"), queue.SendNeeds())
	if err != nil {
		return err
	}
	out := enqueued{Schema: "freezeframe/enqueued/v1", Case: opened.Vault().String(), Queue: c.String("enqueue"), NotHad: []string{}, Regions: []string{}}
	var jobs []fleetjob.Job
	if c.Bool("resume") {
		var of int
		if jobs, of, err = fleetjob.Outstanding(c.Context, opened); err != nil {
			return err
		}
		out.Done = of - len(jobs)
	} else if jobs, err = p.split(c, opened, o, &out); err != nil {
		return err
	}
	out.count(jobs)
	if err := fleetjob.Send(c.Context, jobs, q.Send); err != nil {
		return &ui.Error{Code: ui.ExitError, Err: err, Hint: "freezeframe collect --resume --enqueue " + c.String("enqueue")}
	}
	if err := p.s.Show(out, func(t *ui.Printer) { out.show(t) }); err != nil {
		return err
	}
	if len(out.NotHad) > 0 {
		return ui.Incomplete("freezeframe collect --resume", "of %s it is not known which functions there are, or not of all", ui.Plural(len(out.NotHad), "account"))
	}
	return nil
}

// split looks for the functions, and keeps the jobs they make in the case.
func (p *program) split(c *cli.Context, opened *evidence.Case, o collect.Options, out *enqueued) ([]fleetjob.Job, error) {
	where, err := caseLocation(c.String("case"))
	if err != nil {
		return nil, err
	}
	targets, err := p.found(c, opened, o, out)
	if err != nil {
		return nil, err
	}
	jobs, err := fleetjob.Split(fleetjob.Job{
		Case: where, CaseID: opened.ID, Asked: opened.Now(), Until: opened.Now(), Since: o.Since.String(), Scope: o.Scope,
		Role: c.String("assume-role"), Operator: operatorOf(c, opened), Only: o.Only, Regions: o.Regions,
		TrailBuckets: o.TrailBuckets, MaxTrailBytes: o.MaxTrailBytes, MaxLogBytes: o.MaxLogBytes,
	}, targets, c.Int("per-message"))
	if err != nil {
		return nil, err
	}
	if len(jobs) == 0 {
		return nil, ui.Incomplete("freezeframe case show", "no function was found: no message was sent")
	}
	return jobs, fleetjob.Plan(c.Context, opened, operatorOf(c, opened), c.String("enqueue"), jobs)
}

// found are the functions that are wanted. Accounts that cannot be entered, and what cannot be listed,
// are gaps in bags of the case, as they are where one process collects all.
func (p *program) found(c *cli.Context, opened *evidence.Case, o collect.Options, out *enqueued) ([]collect.Target, error) {
	w, err := p.wanted(c)
	if err != nil || w.fleet == nil {
		return w.targets, err
	}
	s, err := p.connect(c, nil, true) // looks only: no journal of the case has these calls
	if err != nil {
		return nil, err
	}
	h := header(operatorOf(c, opened))
	var targets []collect.Target
	var shut []collect.Entered
	for _, a := range enter(c, s, w.fleet) {
		if a.Err != nil {
			shut = append(shut, a)
			continue
		}
		found, gaps := a.Find(c.Context, opened.Now)
		targets = append(targets, found...)
		if len(gaps) == 0 {
			continue
		}
		own := o
		own.Found = gaps
		p.s.Warn("account %s: not all of what was asked for could be found; what, and why, is in the case", a.Account)
		out.NotHad = append(out.NotHad, a.Account)
		if _, _, err := collect.Into(c.Context, a.Session, opened, h, nil, own); err != nil {
			return nil, err
		}
	}
	for _, x := range collect.Fleet(c.Context, s, opened, h, shut, o) {
		p.s.Warn("account %s cannot be entered, and is a gap of the case", x.Account)
		out.NotHad = append(out.NotHad, x.Account)
		if x.Err != nil {
			return nil, x.Err
		}
	}
	return targets, context.Cause(c.Context)
}

// caseLocation is a case's place as another process names it.
func caseLocation(where string) (string, error) {
	if !strings.Contains(where, "://") {
		return filepath.Abs(where)
	}
	bucket, prefix, err := s3vault.Parse(where)
	if err != nil {
		return "", err
	}
	return strings.TrimRight("s3://"+bucket+"/"+prefix, "/"), nil
}

func (e *enqueued) count(jobs []fleetjob.Job) {
	accounts := map[string]bool{}
	for i := range jobs {
		j := &jobs[i]
		e.Functions += len(j.Functions)
		if accounts[j.Account] = true; !slices.Contains(e.Regions, j.Region) {
			e.Regions = append(e.Regions, j.Region)
		}
	}
	slices.Sort(e.Regions)
	e.Messages, e.Accounts = len(jobs), len(accounts)
}

func (e *enqueued) show(t *ui.Printer) {
	t.Line("%s for %s of %s are in the queue", ui.Plural(e.Messages, "message"), ui.Plural(e.Functions, "function"), ui.Plural(e.Accounts, "account"))
	if e.Done > 0 {
		t.Line("%s had been dealt with before", ui.Plural(e.Done, "message"))
	}
	t.Line("next: freezeframe worker --queue %s --cases %s ...   (any number of them, anywhere)", e.Queue, parentOf(e.Case))
	t.Line("      freezeframe collect --resume --enqueue %s   (sends again what no worker has done)", e.Queue)
}

// parentOf is the place in which a case lies beside others.
func parentOf(where string) string {
	i := strings.LastIndex(strings.TrimRight(where, "/"), "/")
	return where[:max(i, 0)]
}
