package main

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/glance"
	"github.com/freezeframe-ir/freezeframe/internal/nearest"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

func (p *program) collectCommand() *cli.Command {
	return &cli.Command{
		Name: "collect", Usage: "snapshot functions into a sealed bag of the case (reads only)",
		Description: "freezeframe collect --function payments\nfreezeframe collect --function payments --scope containment   (seconds: what containment overwrites)\nfreezeframe collect --function payments --expand   (then what shares its role, layers, events or attacker)\nfreezeframe collect --resume   (after a crash, a cut connection, expired credentials: what is there is not fetched again)\nfreezeframe collect --deleted --function arn:aws:lambda:us-west-2:123456789012:function:ghost   (what a deleted function has left)\n\n" +
			"Code of every version, layers, configuration, sealed environment, policies, aliases, URLs, mappings, role, CloudTrail, logs. What could not be had is a recorded gap and exit code 3.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringSliceFlag{Name: "function", Usage: "name or ARN, of any region and account (may be repeated)"},
			&cli.BoolFlag{Name: "deleted", Usage: "a named function may be deleted: that it is gone, its log group and its records are collected"},
			&cli.BoolFlag{Name: "resume", Usage: "go on with the last collection that was interrupted, or ask again for what it could not get"},
			&cli.BoolFlag{Name: "settle", Usage: "read CloudTrail again, for what the last collection was about: events come late (30 minutes and 24 hours after the last act)"},
		}, whichFlags(), howFlags(), expandFlags(), enqueueFlags()),
		Action: p.collect,
	}
}

// whichFlags say for which functions, beside those that --function names.
func whichFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "functions-file", Usage: "further names and ARNs, one a line; - is standard input"},
		&cli.StringSliceFlag{Name: "match", Usage: "functions whose name matches a pattern, such as 'pay*' or '*' (may be repeated)"},
		&cli.StringSliceFlag{Name: "in-region", Usage: "region in which names and patterns are looked for (may be repeated); default: the session's"},
		&cli.StringFlag{Name: "accounts-file", Usage: "accounts in which they are looked for, one a line: 12 digits, and regions if others than --in-region; - is standard input"},
		&cli.StringFlag{Name: "assume-role", Usage: "role to assume in each account, such as 'arn:aws:iam::{account}:role/freezeframe-read'"},
	}
}

// howFlags say how much is collected, and how.
func howFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "only", Usage: "this artefact only, such as lambda.code (may be repeated)"},
		&cli.StringSliceFlag{Name: "also-region", Usage: "look for calls of the role's sessions in this region too (may be repeated); all: in every region that accounts have from the start"},
		&cli.StringSliceFlag{Name: "trail-bucket", Usage: "read what trails delivered to S3, log files and digests of the window: auto is the buckets of the trails that record the region, or s3://BUCKET/PREFIX (may be repeated)"},
		&cli.Int64Flag{Name: "max-trail-bytes", Usage: "bytes of files kept of trails' buckets", Value: 1 << 30},
		&cli.DurationFlag{Name: "since", Usage: "how far back CloudTrail and logs are read (at most 2160h)", Value: 7 * 24 * time.Hour},
		&cli.StringFlag{Name: "scope", Usage: "all, or containment: only what acts of containment overwrite", Value: "all"},
		&cli.Int64Flag{Name: "max-log-bytes", Usage: "bytes of log events kept of one log group", Value: 256 << 20},
		&cli.BoolFlag{Name: "unpaced", Usage: "do not hold calls back to AWS's published quotas: for an emulator, or an account that has larger ones; what is throttled is asked again"},
		&cli.StringSliceFlag{Name: "allow-private", Usage: "private network (CIDR) that code may be downloaded from: an interface endpoint or proxy (may be repeated)"},
		tsaFlag(),
		&cli.StringFlag{Name: "operator", Usage: "the human at the keyboard, if not the one who opened the case"},
	}
}

// collected is what `collect` answers.
type collected struct {
	Schema  string           `json:"schema"`
	Case    string           `json:"case"`
	Bag     string           `json:"bag"`
	Path    string           `json:"path"`
	Targets []string         `json:"targets"`
	Summary collect.Summary  `json:"summary"`
	Gaps    []evidence.Entry `json:"gaps"`
	Glance  *glance.Glance   `json:"glance"`
}

func (p *program) collect(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	o, err := p.collectOptions(c)
	if err == nil {
		err = cmp.Or(expandUsage(c), enqueueUsage(c))
	}
	if err != nil {
		return err
	}
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	if c.String("enqueue") != "" {
		return p.enqueue(c, opened, o)
	}
	w, err := p.wanted(c)
	if err != nil {
		return err
	}
	s, err := p.connect(c, opened, true)
	if err != nil {
		return err
	}
	progress := p.s.Progress("collecting")
	o.Progress = func(x collect.Progress) { progress.Update(x.Done, x.Planned, x.Bytes, x.Last) }
	all, err := p.runCollection(c, s, opened, w, o)
	progress.Done()
	if c.Bool("expand") && len(all) == 1 && err == nil && all[0].Err == nil {
		first, err := p.collectedOf(c.Context, opened, all[0].Bag, all[0].Summary)
		if err != nil {
			return err
		}
		return p.collectFurther(c, s, opened, all[0].Bag, first, o)
	}
	if err := errors.Join(err, p.showAll(c, opened, all)); err != nil {
		return err
	}
	if opened.Signer != nil {
		if _, err := p.timeStamp(c, opened); err != nil {
			return err
		}
	}
	return incomplete(all)
}

// wanted is what a collection is for: functions by name in the session's account and region,
// which is what most ask for, or a fleet.
type wanted struct {
	targets []collect.Target
	fleet   []collect.Asked
}

// wanted looks up what was typed by hand, so that a typing error ends the run before anything is
// collected. It does so without the case's marker: a call that carries the marker and stands in
// no journal is what somebody makes who poses as us.
func (p *program) wanted(c *cli.Context) (w wanted, err error) {
	if c.Bool("resume") || c.Bool("settle") {
		return w, nil // the case says it
	}
	s, err := p.connect(c, nil, true)
	if err != nil {
		return w, err
	}
	if w.fleet, err = p.asked(c, s); err != nil {
		return w, err
	}
	switch {
	case w.fleet == nil:
		w.targets, err = resolveTargets(c.Context, s, c.StringSlice("function"), c.Bool("deleted"))
	case c.String("functions-file") == "" && c.String("accounts-file") == "":
		err = there(c.Context, enter(c, s, w.fleet), c.Bool("deleted"))
	}
	return w, err
}

// runCollection collects, in one account or in many.
func (p *program) runCollection(c *cli.Context, s *awsapi.Session, opened *evidence.Case, w wanted, o collect.Options) ([]collect.Collected, error) {
	h := header(operatorOf(c, opened))
	if c.Bool("settle") {
		bag, sum, settled, err := collect.Settle(c.Context, s, opened, h, o)
		if err == nil && !settled.Due.IsZero() {
			p.s.Warn("events may still come: freezeframe collect --settle again after %s", settled.Due.Format(time.RFC3339))
		}
		return single(s, bag, sum, err)
	}
	if c.Bool("resume") {
		return p.resumeCollections(c, s, opened, h, o)
	}
	if w.fleet == nil {
		bag, sum, err := collect.Into(c.Context, s, opened, h, w.targets, o)
		return single(s, bag, sum, err)
	}
	return collect.Fleet(c.Context, s, opened, h, enter(c, s, w.fleet), o), nil
}

func single(s *awsapi.Session, bag *evidence.Bag, sum collect.Summary, err error) ([]collect.Collected, error) {
	if bag == nil {
		return nil, err
	}
	return []collect.Collected{{Account: s.Identity.Account, Bag: bag, Summary: sum, Err: err}}, nil
}

func (p *program) resumeCollections(c *cli.Context, s *awsapi.Session, opened *evidence.Case, h evidence.Header, o collect.Options) ([]collect.Collected, error) {
	if err := opened.Tidy(c.Context); err != nil {
		return nil, err
	}
	// A bag that only lacks its event or its signature, because the run died before, gets it.
	if _, err := opened.Adopt(c.Context, h.Operator); err != nil {
		return nil, err
	}
	if opened.Signer != nil {
		if _, err := opened.SignTail(c.Context); err != nil {
			return nil, err
		}
	}
	bags, err := collect.Resumable(c.Context, opened)
	if err != nil {
		return nil, err
	}
	return p.resumeAll(c, s, opened, bags, h, o)
}

func (p *program) collectOptions(c *cli.Context) (collect.Options, error) {
	o := collect.Options{Scope: collect.Scope(c.String("scope")), Since: c.Duration("since"), MaxLogBytes: c.Int64("max-log-bytes"), Only: c.StringSlice("only"),
		Unpaced: c.Bool("unpaced")}
	wanted := 0
	named := len(c.StringSlice("function"))+len(c.StringSlice("match")) > 0 || c.String("functions-file") != ""
	for _, given := range []bool{named, c.Bool("resume"), c.Bool("settle")} {
		if given {
			wanted++
		}
	}
	if wanted != 1 {
		return o, ui.UsageHint("freezeframe collect --function NAME, or freezeframe collect --resume", "either --function (or --functions-file, --match) or --resume or --settle is wanted")
	}
	for _, name := range o.Only {
		if all := collect.Catalogue(); !slices.ContainsFunc(all, func(x collect.Collector) bool { return x.Name == name }) {
			return o, ui.UsageHint("freezeframe collect --function NAME --only lambda.code", "--only %q: nothing of that name is collected%s", name, didYouMean(name, all))
		}
	}
	o.Regions = c.StringSlice("also-region")
	o.TrailBuckets, o.MaxTrailBytes = c.StringSlice("trail-bucket"), c.Int64("max-trail-bytes")
	for _, name := range o.TrailBuckets {
		if !collect.IsTrailBucket(name) {
			return o, ui.UsageHint("freezeframe collect --function NAME --trail-bucket auto", "--trail-bucket is %q; auto or s3://BUCKET/PREFIX is wanted", name)
		}
	}
	if o.Scope != collect.All && o.Scope != collect.Containment {
		return o, ui.UsageHint("freezeframe collect --help", "--scope is %q; all or containment is wanted", o.Scope)
	}
	if o.Since <= 0 || o.Since > 90*24*time.Hour {
		return o, ui.UsageHint("freezeframe collect --help", "--since is %s; CloudTrail's event history reaches from now to 2160h (90 days) back", o.Since)
	}
	for _, cidr := range c.StringSlice("allow-private") {
		network, err := netip.ParsePrefix(cidr)
		if err != nil {
			return o, ui.UsageHint("freezeframe collect --allow-private 10.0.0.0/8", "--allow-private is %q; a network such as 10.0.0.0/8 is wanted", cidr)
		}
		o.AllowPrivate = append(o.AllowPrivate, network)
	}
	return o, nil
}

func didYouMean(name string, all []collect.Collector) string {
	var names []string
	for _, x := range all {
		names = append(names, x.Name)
	}
	if near := nearest.Word(name, names); near != "" {
		return " (did you mean " + near + "?)"
	}
	return ""
}

func operatorOf(c *cli.Context, opened *evidence.Case) string {
	if o := c.String("operator"); o != "" {
		return o
	}
	return opened.Operator
}

// resolveTargets looks every function up, so that a typing error ends the run before anything is
// collected. One that may be deleted is taken by its name: what is left of it is what is wanted.
func resolveTargets(ctx context.Context, s *awsapi.Session, names []string, deleted bool) ([]collect.Target, error) {
	cfg := s.ReadOnly().Config("", collect.ResolveNeeds())
	var out []collect.Target
	for _, name := range names {
		t, err := collect.ResolveTarget(ctx, cfg, s.Identity.Account, s.Region, name)
		if deleted && errors.Is(err, collect.ErrNoFunction) {
			t, err = collect.ParseTarget(s.Identity.Account, s.Region, name)
		}
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(out, func(o collect.Target) bool { return o.ARN == t.ARN }) {
			out = append(out, t)
		}
	}
	return out, nil
}
