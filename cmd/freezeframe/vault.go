package main

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/internal/vault/s3vault"
	"github.com/freezeframe-ir/freezeframe/internal/vault/s3vault/check"
)

func (p *program) vaultCommand() *cli.Command {
	return &cli.Command{
		Name: "vault", Usage: "look at the bucket that evidence is kept in",
		Subcommands: []*cli.Command{{
			Name: "check", Usage: "is this bucket fit to hold evidence? pass, fail or unknown, each with the command that mends it",
			ArgsUsage: "s3://bucket/prefix",
			Description: "freezeframe vault check s3://evidence/case-4711 --owner 111122223333 --subject 444455556666\n\n" +
				"Reads only. With --live an object is written that stays behind (the bucket is meant to refuse its deletion): it shows that a second write, and a delete, are refused. " +
				"The session is that of the vault: FREEZEFRAME_VAULT_PROFILE, FREEZEFRAME_VAULT_REGION.\n\n" +
				"Exit codes: 0 nothing fails, 3 something is unknown, 7 something fails.",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "owner", Usage: "account id that must own the bucket"},
				&cli.StringFlag{Name: "subject", Usage: "account id under investigation: it must not own the bucket"},
				&cli.BoolFlag{Name: "live", Usage: "try it with an object, which stays behind"},
			},
			Action: p.vaultCheck,
		}},
	}
}

// vaultChecked is what `vault check` answers.
type vaultChecked struct {
	Schema string `json:"schema"`
	check.Report
	OK      bool `json:"ok"`
	Unknown int  `json:"unknown"`
}

func (p *program) vaultCheck(c *cli.Context) error {
	where, err := oneArgument(c, "s3://bucket/prefix")
	if err != nil {
		return err
	}
	bucket, prefix, err := s3vault.Parse(where)
	if err != nil {
		return ui.UsageHint("freezeframe vault check s3://bucket/prefix", "%w", err)
	}
	s, err := p.vaultSession(c, c.String("region"))
	if err != nil {
		return err
	}
	in := check.Inputs{
		Bucket: bucket, Prefix: prefix, Owner: c.String("owner"), SubjectAccount: c.String("subject"),
		Caller: s.Identity.ARN, Live: c.Bool("live"),
	}
	in.Config = configOf(s, in)
	report, err := check.Run(c.Context, in)
	if err != nil {
		return err
	}
	out := vaultChecked{"freezeframe/vault-checked/v1", report, report.OK(), report.Unknown()}
	if err := p.s.Show(out, func(t *ui.Printer) { showVaultCheck(t, out) }); err != nil {
		return err
	}
	switch {
	case !out.OK:
		return ui.Findings("s3://%s is not fit to hold evidence", bucket)
	case out.Unknown > 0:
		return ui.Incomplete("the same command with the permissions and flags named above", "%s without an answer", ui.Plural(out.Unknown, "question"))
	}
	return nil
}

func configOf(s *awsapi.Session, in check.Inputs) func(region string) aws.Config {
	return func(region string) aws.Config { return s.Config(region, check.Needs(in)) }
}

func showVaultCheck(t *ui.Printer, out vaultChecked) {
	for _, f := range out.Findings {
		var mark any = string(f.Result)
		switch f.Result {
		case check.Pass:
			mark = t.Good(string(f.Result))
		case check.Fail:
			mark = t.Bad(string(f.Result))
		}
		t.Line("%s %s (%s): %s", mark, f.ID, string(f.Level), f.What)
		if f.Result != check.Pass {
			t.Line("     got: %s", f.Got)
			t.Line("     fix: %s", f.Fix)
		}
	}
	if out.Canary != "" {
		t.Line("left behind: %s", out.Canary)
	}
}
