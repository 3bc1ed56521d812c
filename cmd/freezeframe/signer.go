package main

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/durable"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/kmssign"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

// signerNote is where this user noted which key signs a case, where it is not the one that
// was made for it: a file's path or the ARN of a KMS key.
func signerNote(home, caseID string) string { return filepath.Join(home, "signers", caseID) }

func noteSigner(home, caseID, name string) error {
	path := signerNote(home, caseID)
	if err := durable.MakeDir(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("noting the signer: %w", err)
	}
	if err := durable.WriteFile(path, []byte(name+"\n"), 0o600); err != nil {
		return fmt.Errorf("noting the signer: %w", err)
	}
	return nil
}

// signer opens a key by its name: a PEM file (.age with a passphrase), or the ARN of a KMS key.
func (p *program) signer(c *cli.Context, name string) (evidence.Signer, error) {
	region, isARN := kmssign.IsARN(name)
	if !isARN {
		return evidence.LoadLocalKey(name, p.passphrase)
	}
	// The key is ours, as the vault is: it goes by the vault's session.
	s, err := p.vaultSession(c, region)
	if err != nil {
		return nil, err
	}
	return kmssign.New(c.Context, s.Config(region, kmssign.Needs(name)), name)
}

// signerOf is the key that signs an existing case; nil where this user has none.
func (p *program) signerOf(c *cli.Context, caseID string) (evidence.Signer, error) {
	home, err := p.home()
	if err != nil {
		return nil, err
	}
	note, err := os.ReadFile(signerNote(home, caseID))
	if err == nil {
		return p.signer(c, strings.TrimSpace(string(note)))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading which key signs the case: %w", err)
	}
	path := evidence.LocalKeyPath(home, caseID)
	if path == "" {
		return nil, nil
	}
	return evidence.LoadLocalKey(path, p.passphrase)
}

// passphrase of a signing key: FREEZEFRAME_KEY_PASSPHRASE, or asked for on a terminal.
func (p *program) passphrase() (string, error) {
	if word := p.getenv("FREEZEFRAME_KEY_PASSPHRASE"); word != "" {
		return word, nil
	}
	f, ok := p.s.In.(*os.File)
	if !ok || !p.s.InTTY {
		return "", errors.New("FREEZEFRAME_KEY_PASSPHRASE is empty and there is no terminal to ask at")
	}
	fmt.Fprint(p.s.Err, "passphrase of the signing key: ")
	word, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(p.s.Err)
	return string(word), err
}

// pins are the keys whose signatures count: those of --key, or those that this user pinned.
func (p *program) pins(c *cli.Context, caseID string) ([]*ecdsa.PublicKey, error) {
	var out []*ecdsa.PublicKey
	for _, path := range c.StringSlice("key") {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, ui.UsageHint("freezeframe verify --key PUBLIC.pem", "--key: %w", err)
		}
		keys, err := evidence.ParsePublicKeys(data)
		if err != nil {
			return nil, ui.UsageHint("openssl ec -in KEY.pem -pubout, and verify with what it prints", "--key %s: %w", path, err)
		}
		out = append(out, keys...)
	}
	if len(out) > 0 || caseID == "" {
		return out, nil
	}
	home, err := p.home()
	if err != nil {
		return nil, err
	}
	return evidence.Pinned(home, caseID)
}

// vaultSession is a session for what is ours: bucket and signing key.
func (p *program) vaultSession(c *cli.Context, region string) (*awsapi.Session, error) {
	return awsapi.Connect(c.Context, awsapi.Options{
		Unasked:     true,
		Profile:     p.envOr("FREEZEFRAME_VAULT_PROFILE", c.String("profile")),
		Region:      p.envOr("FREEZEFRAME_VAULT_REGION", region),
		EndpointURL: p.envOr("FREEZEFRAME_VAULT_ENDPOINT_URL", c.String("endpoint-url")),
	})
}
