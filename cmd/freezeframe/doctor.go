package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/internal/vault/s3vault"
	"github.com/freezeframe-ir/freezeframe/internal/vault/s3vault/check"
)

func (p *program) doctorCommand() *cli.Command {
	return &cli.Command{
		Name: "doctor", Aliases: []string{"preflight"}, Usage: "what would keep a command from doing its work: permissions, clock, trails, retention, vault (reads only)",
		Description: "freezeframe doctor --function payments\nfreezeframe doctor --function payments --mode contain\nfreezeframe doctor --policy collect --function payments   (the IAM policy that a collection needs, and no more)\n\n" +
			"Exit codes: 0 nothing stands in the way, 3 something is unknown, 7 something fails.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "function", Usage: "name or ARN"},
			&cli.StringFlag{Name: "mode", Usage: "collect, contain or timeline", Value: "collect"},
			&cli.StringFlag{Name: "policy", Usage: "print the IAM policy for collect, contain, doctor, or timeline build --source athena or lake, and ask nothing else"},
		},
		Action: p.doctor,
	}
}

// examined is what `doctor` answers.
type examined struct {
	Schema   string          `json:"schema"`
	Mode     string          `json:"mode"`
	Function string          `json:"function"`
	Checks   []collect.Check `json:"checks"`
}

func (p *program) doctor(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	mode := c.String("mode")
	if policy := c.String("policy"); policy != "" {
		mode = policy
	}
	modes := []string{"collect", "contain", "timeline"}
	if c.String("policy") != "" {
		modes = []string{"collect", "contain", "doctor", collect.Athena, collect.Lake}
	}
	if !slices.Contains(modes, mode) {
		return ui.UsageHint("freezeframe doctor --help", "%q is none of %s", mode, strings.Join(modes, ", "))
	}
	if mode == "timeline" {
		return p.showExamined(examined{Mode: mode, Checks: []collect.Check{{ID: "permissions", Result: collect.CheckPass, Got: "a timeline is built from the case alone: it asks AWS nothing"}}})
	}
	if c.String("function") == "" {
		return ui.UsageHint("freezeframe doctor --function NAME", "--function is needed: what is asked depends on it")
	}
	s, err := p.connect(c, nil, true)
	if err != nil {
		return err
	}
	t, err := collect.ParseTarget(s.Identity.Account, s.Region, c.String("function"))
	if err != nil {
		return ui.Usage("%w", err)
	}
	if c.String("policy") != "" {
		text, err := policyOf(mode, t)
		if err != nil {
			return err
		}
		if n := awsapi.PolicySize(text); n > awsapi.MaxManagedPolicy {
			p.s.Warn("%d characters: too long for a managed policy (%d); inline it fits: aws iam put-role-policy --policy-document file://FILE", n, awsapi.MaxManagedPolicy)
		}
		_, err = fmt.Fprintln(p.s.Out, string(text)) // made here, of ARNs that were checked
		return err
	}
	needs := collect.Needs(collect.All)
	if mode == "contain" {
		needs = contain.Needs()
	}
	out := examined{Mode: mode, Function: t.ARN}
	if out.Checks, err = collect.Doctor(c.Context, collect.Patient{Session: s.ReadOnly(), Target: t, Needs: needs, Collecting: mode == "collect"}); err != nil {
		return err
	}
	out.Checks = append(out.Checks, p.vaultChecks(c, t)...)
	return p.showExamined(out)
}

// policyOf is the least that a mode has to be allowed, with what it must never do.
func policyOf(mode string, t collect.Target) ([]byte, error) {
	switch mode {
	case "collect":
		return collect.Policy(collect.All, t)
	case collect.Athena, collect.Lake:
		return collect.QueryPolicy(mode, t)
	case "doctor":
		return awsapi.PolicyFor(collect.DoctorNeeds(), collect.Resources(t), nil)
	}
	return contain.Policy(collect.Resources(t))
}

// vaultChecks says whether the case can be written, and whether its bucket is fit.
func (p *program) vaultChecks(c *cli.Context, t collect.Target) []collect.Check {
	where := c.String("case")
	one := collect.Check{ID: "case", Result: collect.CheckWarn, Got: "no case: --case and FREEZEFRAME_CASE are empty", Fix: "freezeframe case open DIR --title ... --authority ... --operator ..."}
	if where == "" {
		return []collect.Check{one}
	}
	opened, err := p.openCase(c)
	if err != nil {
		one.Result, one.Got = collect.CheckFail, err.Error()
		return []collect.Check{one}
	}
	one.Result, one.Got, one.Fix = collect.CheckPass, fmt.Sprintf("case %s in %s", opened.ID, opened.Vault()), ""
	if opened.Signer == nil {
		one.Result, one.Got, one.Fix = collect.CheckWarn, one.Got+": its signing key is not here, what is added stays unsigned", "freezeframe case seal, by whoever has the key"
	}
	bucket, prefix, err := s3vault.Parse(where)
	if err != nil {
		return []collect.Check{one} // a folder
	}
	s, err := p.vaultSession(c, c.String("region"))
	if err != nil {
		return []collect.Check{one, {ID: "vault", Result: collect.CheckUnknown, Got: err.Error(), Fix: "freezeframe vault check " + where}}
	}
	in := check.Inputs{Bucket: bucket, Prefix: prefix, SubjectAccount: t.Account, Caller: s.Identity.ARN}
	in.Config = configOf(s, in)
	report, err := check.Run(c.Context, in)
	v := collect.Check{ID: "vault", Result: collect.CheckPass, Got: "the bucket is fit to hold evidence", Fix: ""}
	switch {
	case err != nil:
		v.Result, v.Got, v.Fix = collect.CheckUnknown, err.Error(), "freezeframe vault check "+where
	case !report.OK():
		v.Result, v.Got, v.Fix = collect.CheckFail, "the bucket is not fit to hold evidence", "freezeframe vault check "+where
	case report.Unknown() > 0:
		v.Result, v.Got, v.Fix = collect.CheckWarn, fmt.Sprintf("%d questions about the bucket have no answer", report.Unknown()), "freezeframe vault check "+where
	}
	return []collect.Check{one, v}
}

func (p *program) showExamined(out examined) error {
	out.Schema = "freezeframe/doctor/v1"
	err := p.s.Show(out, func(t *ui.Printer) {
		for _, x := range out.Checks {
			var mark any = string(x.Result)
			switch x.Result {
			case collect.CheckPass:
				mark = t.Good(string(x.Result))
			case collect.CheckFail:
				mark = t.Bad(string(x.Result))
			}
			t.Line("%s %s: %s", mark, x.ID, x.Got)
			if x.Fix != "" {
				t.Line("     fix: %s", x.Fix)
			}
		}
	})
	if err != nil {
		return err
	}
	count := func(r collect.CheckResult) (n int) {
		for _, x := range out.Checks {
			if x.Result == r {
				n++
			}
		}
		return n
	}
	switch {
	case count(collect.CheckFail) > 0:
		return ui.Findings("%s would keep %s from doing its work", ui.Plural(count(collect.CheckFail), "thing"), out.Mode)
	case count(collect.CheckUnknown) > 0:
		return ui.Incomplete("the same command with the permissions named above", "%s without an answer", ui.Plural(count(collect.CheckUnknown), "question"))
	}
	return nil
}
