package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/kmssign"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

func (p *program) caseCommand() *cli.Command {
	return &cli.Command{
		Name: "case", Usage: "open the case that evidence goes into, sign it, hand it on",
		Subcommands: []*cli.Command{p.caseListCommand(), p.caseShowCommand(), p.caseBriefCommand(), p.caseRevealCommand(), p.caseNoteCommand(), p.caseTransferCommand(), p.caseAccessCommand(), p.caseSealCommand(), p.caseKeysCommand(), p.caseExportCommand(), p.caseImportCommand(), p.caseImageCommand(), {
			Name: "open", Usage: "open a new case in a folder or a bucket",
			ArgsUsage: "DIR|s3://bucket/prefix",
			Description: "freezeframe case open ./case-4711 --title 'payments, suspected code overwrite' --authority 'CISO, ticket 4711' --operator 'Alice Example'\n\n" +
				"Without --recipient an age identity is made in FREEZEFRAME_HOME (or the user's configuration folder): keep it, the sealed environment variables open with it alone. Without --key a signing key is made there too. Either way the key is pinned there, so that verify knows it; elsewhere verify wants its public half with --key.",
			Flags: append([]cli.Flag{
				&cli.StringFlag{Name: "title", Usage: "what the case is about", Required: true},
				&cli.StringFlag{Name: "authority", Usage: "who ordered it, under which ticket or mandate", Required: true},
				&cli.StringFlag{Name: "operator", Usage: "the human at the keyboard", Required: true},
			}, keepingFlags()...),
			Action: p.openNewCase,
		}},
	}
}

// keepingFlags say how what a new case holds is kept, sealed and signed.
func keepingFlags() []cli.Flag {
	return []cli.Flag{
		exerciseFlag(),
		&cli.BoolFlag{Name: "seal-all", Usage: "encrypt every payload to the recipients, not the secrets alone"},
		&cli.StringFlag{Name: "bucket-owner", Usage: "account id that must own the bucket: sent with every call"},
		&cli.StringFlag{Name: "retention", Usage: "lock every object: governance:DAYS or compliance:DAYS (nobody can shorten compliance, not even root)"},
		&cli.BoolFlag{Name: "legal-hold", Usage: "put every object under legal hold"},
		&cli.StringFlag{Name: "kms-key", Usage: "encrypt objects with this KMS key (SSE-KMS), best one of the evidence account"},
		&cli.StringFlag{Name: "key", Usage: "key that signs the ledger: a P-256 private key in PEM (.age with a passphrase), or the ARN of a KMS key"},
		&cli.BoolFlag{Name: "passphrase", Usage: "encrypt the signing key that is made, with FREEZEFRAME_KEY_PASSPHRASE or what is asked for"},
		&cli.StringSliceFlag{Name: "recipient", Usage: "age or ssh public key that secrets are sealed to (may be repeated)"},
	}
}

func exerciseFlag() cli.Flag {
	return &cli.StringFlag{Name: "exercise", Usage: "id of the exercise that the case is of, as tabletop serve prints it", EnvVars: []string{"FREEZEFRAME_EXERCISE"}}
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
	out, err := p.makeCase(c, where)
	if err != nil {
		return err
	}
	return p.s.Show(out, func(t *ui.Printer) {
		showOpened(t, out)
		t.Line("next: export FREEZEFRAME_CASE=%s", out.Case)
		t.Line("      freezeframe collect --function NAME")
	})
}

func showOpened(t *ui.Printer, out caseOpened) {
	t.Line("case %s opened in %s", out.ID, out.Case)
	if out.Identity != "" {
		t.Line("secrets are sealed to a new key: %s (keep it safe, nothing else opens them)", out.Identity)
	}
	t.Line("the ledger is signed with %s (key %s, pinned for you)", out.Signer, out.KeyID)
}

// newCase is a case as the flags say, before it is made. signer is the name of the key, "" where
// one is made for it.
type newCase struct {
	v       vault.Vault
	options evidence.CaseOptions
	signer  string
}

// planCase takes the flags of case open; a command that lacks some of them takes what they are
// without being said.
func (p *program) planCase(c *cli.Context, where, title, operator string) (n newCase, err error) {
	home, err := p.home()
	if err != nil {
		return n, err
	}
	keep, err := storage(c, where)
	if err != nil {
		return n, err
	}
	if n.v, err = p.newVault(c, where, keep); err != nil {
		return n, err
	}
	n.options = evidence.CaseOptions{
		Title: title, Authority: c.String("authority"), Operator: operator,
		Recipients: c.StringSlice("recipient"), Home: home, SealAll: c.Bool("seal-all"), Storage: keep, Exercise: c.String("exercise"),
	}
	if o := &n.options; o.Exercise != "" && !strings.Contains(strings.ToLower(o.Title), "exercise") {
		o.Title = "EXERCISE: " + o.Title // where only the title is shown, too
	}
	n.signer, err = p.chooseSigner(c, &n.options)
	return n, err
}

// noteSigner remembers on this machine which key signs the case, where it was named.
func (n newCase) noteSigner(opened *evidence.Case) error {
	if n.signer == "" {
		return nil
	}
	return noteSigner(n.options.Home, opened.ID, n.signer)
}

// makeCase makes a case, and says what it has become.
func (p *program) makeCase(c *cli.Context, where string) (out caseOpened, err error) {
	n, err := p.planCase(c, where, c.String("title"), c.String("operator"))
	if err != nil {
		return out, err
	}
	opened, err := evidence.CreateCase(c.Context, n.v, n.options)
	if err != nil {
		return out, err
	}
	if err := n.noteSigner(opened); err != nil {
		return out, err
	}
	kid, err := evidence.KeyID(opened.Signer.Public())
	if err != nil {
		return out, err
	}
	if err := p.warnUnversioned(c, n.v); err != nil {
		return out, err
	}
	return caseOpened{
		"freezeframe/case-opened/v1", opened.ID, n.v.String(), opened.Title, opened.Opened, opened.Recipients, opened.IdentityPath,
		cmp.Or(n.signer, opened.SignerPath), kid,
	}, nil
}

// warnUnversioned: in a bucket that keeps no versions, what is overwritten or deleted leaves no trace.
func (p *program) warnUnversioned(c *cli.Context, v vault.Vault) error {
	for e, err := range v.List(c.Context, "case.json") {
		if err != nil {
			return err
		}
		if e.Version == vault.Unversioned {
			p.s.Warn("%s keeps no versions: what is overwritten or deleted there leaves no trace, and nothing is locked (freezeframe vault check %s says what to do)", v, v)
		}
	}
	return nil
}

// storage reads how objects in a bucket are to be kept; nil for a folder, and where nothing is said.
func storage(c *cli.Context, where string) (*evidence.Storage, error) {
	s := evidence.Storage{Owner: c.String("bucket-owner"), LegalHold: c.Bool("legal-hold"), KMSKey: c.String("kms-key")}
	if text := c.String("retention"); text != "" {
		mode, days, _ := strings.Cut(text, ":")
		n, err := strconv.Atoi(days)
		if s.RetentionMode = strings.ToUpper(mode); err != nil || n < 1 || n > 36500 || s.RetentionMode != "GOVERNANCE" && s.RetentionMode != "COMPLIANCE" {
			return nil, ui.UsageHint("freezeframe case open ... --retention governance:30", "--retention is %q; governance:DAYS or compliance:DAYS is wanted", text)
		}
		s.RetentionDays = n
	}
	if s == (evidence.Storage{}) {
		return nil, nil
	}
	if !strings.Contains(where, "://") {
		return nil, ui.UsageHint("freezeframe case open s3://bucket/prefix ...", "--bucket-owner, --retention, --legal-hold and --kms-key are for a case in a bucket, and %s is a folder", where)
	}
	return &s, nil
}

func (p *program) newVault(c *cli.Context, where string, keep *evidence.Storage) (vault.Vault, error) {
	if keep != nil {
		return p.bucketAt(c, where, keep)
	}
	return p.vaultAt(c, where, true)
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
