package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/digest"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

func (p *program) validateTimelineCommand() *cli.Command {
	return &cli.Command{
		Name: "validate", Usage: "check CloudTrail's log files against its signed digests, offline: what was altered, taken away or added",
		ArgsUsage: "[PATH...]",
		Description: "freezeframe timeline validate   (the case: collect it with --trail-bucket auto)\n" +
			"freezeframe timeline validate --public-keys eu-central-1=keys.json ./bucket   (files)\n\n" +
			"Of a case everything that is needed was collected. Files lie as 'aws s3 sync s3://BUCKET DIR' leaves them, below a folder AWSLogs; keys are what 'aws cloudtrail list-public-keys --region R --start-time T' prints. " +
			"A digest's signature is metadata of its S3 object, which a sync loses: what 'aws s3api head-object --bucket B --key K' prints may lie beside the digest, as NAME.json.gz" + digest.MetadataSuffix + ". Without it the signature is taken from the next digest, which repeats it; only the newest digest then cannot be validated.\n\n" +
			"Exit codes: 0 all is there and valid, 3 nothing is damaged, but not all can be validated (no digest, no key, not collected), 5 damaged.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "public-keys", Usage: "REGION=FILE: public keys of a region, as the AWS CLI prints them (may be repeated; FILE alone is for all regions)"},
		},
		Action: p.validateTimeline,
	}
}

// validated is what `timeline validate` answers.
type validated struct {
	Schema  string `json:"schema"`
	Verdict string `json:"verdict"`
	digest.Report
}

func (p *program) validateTimeline(c *cli.Context) error {
	in, err := p.digestInput(c)
	if err != nil {
		return err
	}
	progress := p.s.Progress("validating")
	report, err := digest.Validate(c.Context, in)
	progress.Done()
	if err != nil {
		return err
	}
	out := validated{"freezeframe/validated/v1", report.Verdict(), report}
	if err := p.s.Show(out, func(t *ui.Printer) { showValidated(t, report) }); err != nil {
		return err
	}
	switch {
	case out.Verdict == digest.Damaged:
		return ui.Damaged("CloudTrail's files are damaged: %s", ui.Plural(report.Damaged(), "problem"))
	case len(report.Chains) == 0:
		return ui.Incomplete("freezeframe collect --function NAME --trail-bucket auto", "no digest is at hand: nothing can be validated")
	case out.Verdict == digest.Incomplete:
		return ui.Incomplete("", "nothing is damaged; %s cannot be validated", ui.Plural(report.Unvalidated(), "thing"))
	}
	return nil
}

func (p *program) digestInput(c *cli.Context) (digest.Input, error) {
	var in digest.Input
	if c.NArg() == 0 {
		kase, err := p.openCase(c)
		if err != nil {
			return in, err
		}
		if in, err = digest.FromCase(c.Context, kase); err != nil {
			return in, err
		}
	} else {
		var err error
		if in, err = digest.FromPaths(c.Context, c.Args().Slice()); err != nil {
			return in, err
		}
	}
	for _, v := range c.StringSlice("public-keys") {
		region, file, found := strings.Cut(v, "=")
		if !found {
			region, file = digest.AnyRegion, v
		}
		answer, err := os.ReadFile(file)
		if err == nil {
			err = in.Keys.Add(region, answer)
		}
		if err != nil {
			return in, ui.UsageHint("freezeframe timeline validate --public-keys REGION=FILE PATH", "--public-keys %s: %w", v, err)
		}
	}
	return in, nil
}

// shownProblems is how many problems of a chain the text lists; the JSON form has all.
const shownProblems = 50

func showValidated(t *ui.Printer, r digest.Report) {
	for _, c := range r.Chains {
		kind := "digests"
		if c.Backfill {
			kind = "backfill digests"
		}
		t.Line("trail %s (home %s), account %s, region %s: %d of %d %s valid, %d of %d log files valid", c.Trail, c.Home, c.Account, c.Region, c.ValidDigests, c.Digests, kind, c.ValidLogs, c.Logs)
		for _, v := range c.Valid {
			t.Line("  %s %s", t.Good("valid"), span(v.From, v.To))
		}
		if c.Before != "" {
			t.Line("  %s the digest before the first is not at hand: %s", t.Dim("begins"), c.Before)
		}
		showProblems(t, "  ", c.Problems)
	}
	if len(r.Problems) > 0 {
		t.Line("of no trail:")
		showProblems(t, "  ", r.Problems)
	}
}

func showProblems(t *ui.Printer, indent string, all []digest.Problem) {
	for _, p := range all[:min(len(all), shownProblems)] {
		head := t.Dim("cannot be validated")
		if p.Kind.Damage() {
			head = t.Bad("damaged")
		}
		where := p.File
		if where == "" && !p.From.IsZero() {
			where = span(p.From, p.To)
		}
		t.Line("%s%s %s %s: %s", indent, head, string(p.Kind), where, p.Why)
	}
	if more := len(all) - shownProblems; more > 0 {
		t.Line("%sand %d more, with --json", indent, more)
	}
}

func span(from, to time.Time) string {
	return fmt.Sprintf("%s to %s", from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
}
