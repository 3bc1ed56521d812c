package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/kmssign"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

func (p *program) caseCommand() *cli.Command {
	return &cli.Command{
		Name: "case", Usage: "open the case that evidence goes into, sign it, hand it on",
		Subcommands: []*cli.Command{p.caseSealCommand(), p.caseKeysCommand(), {
			Name: "open", Usage: "open a new case in a folder or a bucket",
			ArgsUsage: "DIR|s3://bucket/prefix",
			Description: "freezeframe case open ./case-4711 --title 'payments, suspected code overwrite' --authority 'CISO, ticket 4711' --operator 'Alice Example'\n\n" +
				"Without --recipient an age identity is made in FREEZEFRAME_HOME (or the user's configuration folder): keep it, the sealed environment variables open with it alone. Without --key a signing key is made there too. Either way the key is pinned there, so that verify knows it; elsewhere verify wants its public half with --key.",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "title", Usage: "what the case is about", Required: true},
				&cli.StringFlag{Name: "authority", Usage: "who ordered it, under which ticket or mandate", Required: true},
				&cli.StringFlag{Name: "operator", Usage: "the human at the keyboard", Required: true},
				&cli.StringFlag{Name: "key", Usage: "key that signs the ledger: a P-256 private key in PEM (.age with a passphrase), or the ARN of a KMS key"},
				&cli.BoolFlag{Name: "passphrase", Usage: "encrypt the signing key that is made, with FREEZEFRAME_KEY_PASSPHRASE or what is asked for"},
				&cli.StringSliceFlag{Name: "recipient", Usage: "age or ssh public key that secrets are sealed to (may be repeated)"},
			},
			Action: p.openNewCase,
		}},
	}
}

// caseOpened is what `case open` answers.
type caseOpened struct {
	Schema     string    `json:"schema"`
	ID         string    `json:"id"`
	Case       string    `json:"case"`
	Title      string    `json:"title"`
	Opened     time.Time `json:"opened"`
	Recipients []string  `json:"recipients"`
	Identity   string    `json:"identity_file,omitempty"`
	Signer     string    `json:"signing_key"` // file or ARN
	KeyID      string    `json:"key_id"`
}

func (p *program) openNewCase(c *cli.Context) error {
	where, err := oneArgument(c, "folder or s3://bucket/prefix")
	if err != nil {
		return err
	}
	home, err := p.home()
	if err != nil {
		return err
	}
	v, err := p.vaultAt(c, where, true)
	if err != nil {
		return err
	}
	o := evidence.CaseOptions{
		Title: c.String("title"), Authority: c.String("authority"), Operator: c.String("operator"),
		Recipients: c.StringSlice("recipient"), Home: home,
	}
	name, err := p.chooseSigner(c, &o)
	if err != nil {
		return err
	}
	opened, err := evidence.CreateCase(c.Context, v, o)
	if err != nil {
		return err
	}
	if name != "" {
		if err := noteSigner(home, opened.ID, name); err != nil {
			return err
		}
	}
	kid, err := evidence.KeyID(opened.Signer.Public())
	if err != nil {
		return err
	}
	out := caseOpened{
		"freezeframe/case-opened/v1", opened.ID, v.String(), opened.Title, opened.Opened, opened.Recipients, opened.IdentityPath,
		cmp.Or(name, opened.SignerPath), kid,
	}
	return p.s.Show(out, func(t *ui.Printer) {
		t.Line("case %s opened in %s", out.ID, out.Case)
		if out.Identity != "" {
			t.Line("secrets are sealed to a new key: %s (keep it safe, nothing else opens them)", out.Identity)
		}
		t.Line("the ledger is signed with %s (key %s, pinned for you)", out.Signer, out.KeyID)
		t.Line("next: export FREEZEFRAME_CASE=%s", out.Case)
		t.Line("      freezeframe collect --function NAME")
	})
}

// chooseSigner takes --key, whose name it returns in full, or leaves it to the case to make one.
func (p *program) chooseSigner(c *cli.Context, o *evidence.CaseOptions) (name string, err error) {
	name = c.String("key")
	if name == "" {
		if c.Bool("passphrase") {
			o.Passphrase, err = p.passphrase()
		}
		return "", err
	}
	if _, isARN := kmssign.IsARN(name); !isARN {
		if name, err = filepath.Abs(name); err != nil {
			return "", fmt.Errorf("--key %s: %w", name, err)
		}
	}
	o.Signer, err = p.signer(c, name)
	return name, err
}
