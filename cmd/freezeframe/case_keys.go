package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/tsa"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

// caseSealed is what `case seal` answers.
type caseSealed struct {
	Schema  string   `json:"schema"`
	Case    string   `json:"case"`
	Adopted []string `json:"adopted_bags"` // sealed bags, and results (derived/ID), that the ledger did not know
	Events  int64    `json:"ledger_events"`
	Stamp   string   `json:"time_stamp,omitempty"`
}

func tsaFlag() cli.Flag {
	return &cli.StringFlag{Name: "tsa", Usage: "have the ledger time-stamped (RFC 3161) by this authority, http or https", EnvVars: []string{"FREEZEFRAME_TSA"}}
}

// timeStamp has the last head stamped where --tsa names an authority. Nothing but a hash leaves.
func (p *program) timeStamp(c *cli.Context, opened *evidence.Case) (string, error) {
	url := c.String("tsa")
	if url == "" {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(c.Context, 30*time.Second)
	defer cancel()
	name, err := opened.TimeStamp(ctx, func(ctx context.Context, digest [32]byte) ([]byte, error) {
		token, _, err := tsa.Ask(ctx, &http.Client{}, url, digest, rand.Reader)
		return token, err
	})
	if err != nil {
		return "", ui.Incomplete("freezeframe case seal --tsa URL", "everything is sealed, but not time-stamped: %w", err)
	}
	return name, nil
}

func (p *program) caseSealCommand() *cli.Command {
	return &cli.Command{
		Name: "seal", Usage: "bring sealed bags into the ledger and sign what nobody has signed yet",
		Description: "freezeframe case seal\n\nFor what an interrupted run, or a responder without the key, has left: bags that are whole and in no ledger event, and events under no signature.",
		Flags:       []cli.Flag{tsaFlag()},
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			opened, err := p.openCase(c)
			if err != nil {
				return err
			}
			if opened.Signer == nil {
				return ui.UsageHint("freezeframe case open --help", "no signing key for case %s in FREEZEFRAME_HOME: only who has it can sign", opened.ID)
			}
			if err := opened.Tidy(c.Context); err != nil {
				return err
			}
			adopted, err := opened.Adopt(c.Context, localUser())
			if err != nil {
				return err
			}
			events, err := opened.SignTail(c.Context)
			if err != nil {
				return err
			}
			stamp, err := p.timeStamp(c, opened)
			if err != nil {
				return err
			}
			out := caseSealed{"freezeframe/case-sealed/v1", opened.Vault().String(), adopted, events, stamp}
			return p.s.Show(out, func(t *ui.Printer) {
				results := 0
				for _, id := range out.Adopted {
					if strings.HasPrefix(id, "derived/") {
						results++
					}
				}
				t.Line("%s: %s signed, %s and %s adopted", out.Case, ui.Plural(int(out.Events), "ledger event"), ui.Plural(len(out.Adopted)-results, "bag"), ui.Plural(results, "result"))
				if out.Stamp != "" {
					t.Line("time-stamped: %s", out.Stamp)
				}
				t.Line("next: freezeframe verify")
			})
		},
	}
}

// caseKeys is what `case keys` answers.
type caseKeys struct {
	Schema     string            `json:"schema"`
	Case       string            `json:"case"`
	Recipients []string          `json:"recipients"`
	Signers    []evidence.Signed `json:"signers"`
	Own        string            `json:"own_key,omitempty"` // id of the key that this user signs with
	Pinned     []string          `json:"pinned"`
}

func (p *program) caseKeysCommand() *cli.Command {
	return &cli.Command{
		Name: "keys", Usage: "show who signs the case and whom secrets are sealed to; add or retire a signer",
		Description: "freezeframe case keys\nfreezeframe case keys --add other-responder.pem --reason 'second shift'\nfreezeframe case keys --retire KEYID --reason 'laptop lost'\nfreezeframe case keys --out signer.pem   (the public half of your key, to give to those who verify)",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "add", Usage: "public key in PEM that may sign from here on"},
			&cli.StringFlag{Name: "retire", Usage: "id of a key whose signatures count no more from here on"},
			&cli.StringFlag{Name: "reason", Usage: "why, for the ledger"},
			&cli.StringFlag{Name: "out", Usage: "write the public half of your signing key to this new file"},
		},
		Action: p.caseKeys,
	}
}

func (p *program) caseKeys(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	if err := p.rekey(c, opened); err != nil {
		return err
	}
	if err := writePublic(c.String("out"), opened.Signer); err != nil {
		return err
	}
	out := caseKeys{Schema: "freezeframe/case-keys/v1", Case: opened.Vault().String(), Recipients: opened.Recipients, Pinned: []string{}}
	pins, err := p.pins(c, opened.ID)
	if err != nil {
		return err
	}
	for _, k := range pins {
		kid, err := evidence.KeyID(k)
		if err != nil {
			return err
		}
		out.Pinned = append(out.Pinned, kid)
	}
	if opened.Signer != nil {
		if out.Own, err = evidence.KeyID(opened.Signer.Public()); err != nil {
			return err
		}
	}
	if out.Signers, err = opened.Signers(c.Context); err != nil {
		return err
	}
	return p.s.Show(out, func(t *ui.Printer) {
		for _, s := range out.Signers {
			t.Line("key %s signed up to event %d", s.KeyID, s.Last)
		}
		t.Line("yours: %s", out.Own)
		for _, k := range out.Pinned {
			t.Line("pinned: %s", k)
		}
		for _, r := range out.Recipients {
			t.Line("secrets are sealed to: %s", r)
		}
	})
}

func (p *program) rekey(c *cli.Context, opened *evidence.Case) error {
	add, retire := c.String("add"), c.String("retire")
	if add == "" && retire == "" {
		return nil
	}
	if c.String("reason") == "" {
		return ui.UsageHint("the same command with --reason WHY", "a change of keys needs a reason")
	}
	if add == "" {
		return opened.Rekey(c.Context, localUser(), c.String("reason"), nil, retire)
	}
	data, err := os.ReadFile(add)
	if err != nil {
		return ui.UsageHint("freezeframe case keys --help", "--add: %w", err)
	}
	keys, err := evidence.ParsePublicKeys(data)
	if err != nil || len(keys) != 1 {
		return ui.UsageHint("openssl ec -in KEY.pem -pubout -out PUBLIC.pem", "--add %s: one P-256 public key in PEM is wanted", add)
	}
	return opened.Rekey(c.Context, localUser(), c.String("reason"), keys[0], retire)
}

func writePublic(path string, signer evidence.Signer) error {
	if path == "" {
		return nil
	}
	if signer == nil {
		return ui.UsageHint("freezeframe case keys", "--out %s: you have no signing key for this case", path)
	}
	data, err := evidence.EncodePublicKey(signer.Public())
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return ui.UsageHint("freezeframe case keys --out ANOTHER.pem", "--out: %w", err)
	}
	if _, err := f.Write(data); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return f.Close()
}
