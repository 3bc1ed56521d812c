package main

import (
	"crypto/x509"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

func (p *program) verifyCommand() *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "check every byte of a case against its manifests, ledger and signatures, offline",
		ArgsUsage: "[CASE]",
		Description: "freezeframe verify ./case-4711\nfreezeframe verify ./case-4711 --key signer.pem --expect-head HASH\n\n" +
			"All damage is listed, not the first. Exit codes: 0 intact and signed by a key that you pinned, 3 intact but something was never finished or signed, 5 damaged, 6 the case agrees with itself, but nobody you know has signed it.\n\n" +
			"A case that was rolled back to an earlier state, its later signatures taken away with what they signed, looks whole: note the head that verify prints, and give it with --expect-head.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "key", Usage: "public key in PEM that must have signed (may be repeated); without it what you pinned when you opened the case"},
			&cli.StringFlag{Name: "tsa-ca", Usage: "certificates in PEM that RFC 3161 time stamps have to lead to"},
			&cli.StringFlag{Name: "expect-head", Usage: "a head that verify printed earlier: the ledger must contain it"},
		},
		Action: p.verify,
	}
}

// verified is what `verify` answers.
type verified struct {
	Schema string `json:"schema"`
	Case   string `json:"case"`
	ID     string `json:"id,omitempty"`
	Intact bool   `json:"intact"`
	evidence.Report
	Problems []evidence.Problem `json:"problems"`
}

func (p *program) verify(c *cli.Context) error {
	where, err := p.caseArgument(c)
	if err != nil {
		return err
	}
	v, err := p.vaultAt(c, where, false)
	if err != nil {
		return err
	}
	// Lists of a large case stay in memory and little else does: collecting garbage often costs
	// less than a second of CPU and keeps a case of a hundred thousand files under 64 MB.
	defer debug.SetGCPercent(debug.SetGCPercent(15))
	opened, openErr := evidence.OpenCase(c.Context, v)
	out := verified{Schema: "freezeframe/verified/v1", Case: v.String(), Intact: true, Problems: []evidence.Problem{}}
	if openErr == nil {
		out.ID = opened.ID
	}
	o := evidence.VerifyOptions{ExpectHead: strings.ToLower(c.String("expect-head")), Report: &out.Report}
	if o.Keys, err = p.pins(c, out.ID); err != nil {
		return err
	}
	if o.TSARoots, err = tsaRoots(c.String("tsa-ca")); err != nil {
		return err
	}
	unfinished, err := p.problems(c, v, o, &out)
	if err != nil {
		return err
	}
	if openErr != nil && out.Intact {
		return openErr
	}
	if err := p.s.Show(out, func(t *ui.Printer) { showVerified(t, out) }); err != nil {
		return err
	}
	switch {
	case !out.Intact:
		return ui.Damaged("the case is damaged: %s", ui.Plural(len(out.Problems)-unfinished, "problem"))
	case !out.Pinned:
		return ui.NotPinned("freezeframe verify --key PUBLIC.pem, with the signer's key from a source you trust", "the case agrees with itself, but no key that you trust has signed it")
	case unfinished > 0:
		return ui.Incomplete("freezeframe collect --function NAME, for a whole bag; freezeframe case seal, for what is not signed", "intact, but %s unfinished", ui.Plural(unfinished, "thing"))
	}
	return nil
}

func tsaRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, ui.UsageHint("freezeframe verify --tsa-ca CA.pem", "--tsa-ca: %w", err)
	}
	pool, err := evidence.ParseRoots(data)
	if err != nil {
		return nil, ui.UsageHint("freezeframe verify --tsa-ca CA.pem", "--tsa-ca %s: no certificate in PEM", path)
	}
	return pool, nil
}

// caseArgument is the case named as argument, or by --case.
func (p *program) caseArgument(c *cli.Context) (string, error) {
	if c.NArg() > 0 {
		return oneArgument(c, "case")
	}
	where := c.String("case")
	if where == "" {
		return "", ui.UsageHint("freezeframe "+c.Command.FullName()+" DIR", "no case: name it, or set FREEZEFRAME_CASE")
	}
	return where, nil
}

// problems collects what verification finds and counts what is merely unfinished.
func (p *program) problems(c *cli.Context, v vault.Vault, o evidence.VerifyOptions, out *verified) (unfinished int, err error) {
	progress := p.s.Progress("verifying")
	defer progress.Done()
	for problem, err := range evidence.Verify(c.Context, v, o) {
		if err != nil {
			return 0, err
		}
		progress.Update(out.Objects, 0, out.Bytes, problem.Path)
		out.Problems = append(out.Problems, problem)
		if problem.Damage() {
			out.Intact = false
		} else {
			unfinished++
		}
	}
	return unfinished, nil
}

func showVerified(t *ui.Printer, out verified) {
	for _, pr := range out.Problems {
		t.Line("%s %s: %s", t.Bad("!"), pr.Path, pr.What)
	}
	if !out.Intact {
		return
	}
	t.Line("%s %s, %s: every byte is what was sealed", t.Good("intact:"), ui.Plural(out.Bags, "bag"), ui.Plural(int(out.Events), "ledger event"))
	switch {
	case out.Pinned:
		t.Line("signed by %s, which you pinned, %s", signers(out.Report), out.Head.Time.Format(time.RFC3339))
	case len(out.Signers) > 0:
		t.Line("signed by %s, which you have not pinned: this shows that the case agrees with itself, not who made it", signers(out.Report))
	default:
		t.Line("not signed: this shows that the case agrees with itself, not who made it")
	}
	for _, s := range out.Stamps {
		trust := "whose certificate leads to --tsa-ca"
		if !s.Trusted {
			trust = "whose certificate was held against nothing (--tsa-ca)"
		}
		t.Line("event %d existed at %s, says %s, %s", s.Event, s.Time.Format(time.RFC3339), s.TSA, trust)
	}
	if out.Unversioned > 0 {
		t.Line("the bucket kept no versions of %s: what came and went in between cannot be seen", ui.Plural(out.Unversioned, "object"))
	}
	t.Line("head %s (note it: with --expect-head it shows later that nothing was cut off)", out.Last)
}

func signers(r evidence.Report) string {
	names := make([]string, 0, len(r.Signers))
	for _, s := range r.Signers {
		names = append(names, "key "+s.KeyID)
	}
	return strings.Join(names, " and ")
}
