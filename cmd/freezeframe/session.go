package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/internal/vault/archive"
	"github.com/freezeframe-ir/freezeframe/internal/vault/s3vault"
)

// connect makes the session on the account under investigation, whose calls carry the id of
// the case whose journal they enter; nil for calls that no case records. readOnly sessions
// refuse every change.
func (p *program) connect(c *cli.Context, of *evidence.Case, readOnly bool) (*awsapi.Session, error) {
	kase := ""
	if of != nil {
		kase = of.ID
	}
	s, err := awsapi.Connect(c.Context, awsapi.Options{
		Profile: c.String("profile"), Region: c.String("region"), RoleARN: c.String("role-arn"),
		EndpointURL: c.String("endpoint-url"), Case: kase, ReadOnly: readOnly, ExternalID: c.String("external-id"),
	})
	if err != nil {
		return nil, err
	}
	if s.Endpoint != "" && !p.toldEndpoint {
		p.toldEndpoint = true
		p.s.Warn("this is not AWS: every call goes to %s (recorded in the case)", s.Endpoint)
	}
	return s, nil
}

// openCase opens the case that --case or FREEZEFRAME_CASE names.
func (p *program) openCase(c *cli.Context) (*evidence.Case, error) {
	where := c.String("case")
	if where == "" {
		return nil, ui.UsageHint("freezeframe case open DIR --title T --authority A --operator O, then export FREEZEFRAME_CASE=DIR", "no case: --case and FREEZEFRAME_CASE are empty")
	}
	return p.openCaseAt(c, where)
}

func (p *program) openCaseAt(c *cli.Context, where string) (*evidence.Case, error) {
	v, err := p.vaultAt(c, where, false)
	if err != nil {
		return nil, err
	}
	opened, err := evidence.OpenCase(c.Context, v)
	if err != nil {
		return nil, err
	}
	if opened.Storage != nil && strings.Contains(where, "://") {
		// From here on objects are kept as the case says: owner, retention, legal hold, key.
		if v, err = p.bucketAt(c, where, opened.Storage); err != nil {
			return nil, err
		}
		if opened, err = evidence.OpenCase(c.Context, v); err != nil {
			return nil, err
		}
	}
	if opened.Exercise != "" && !p.toldExercise {
		p.toldExercise = true
		p.s.Warn("EXERCISE %s: nothing in this case is real", opened.Exercise)
	}
	if err := p.identify(opened); err != nil {
		return nil, err
	}
	if opened.Signer, err = p.signerOf(c, opened.ID); err == nil && opened.Signer == nil {
		p.s.Warn("no signing key for this case here: what is added stays unsigned until somebody who has it runs freezeframe case seal")
	}
	return opened, err
}

// vaultAt is the folder or the bucket; create makes a folder that is not there.
func (p *program) vaultAt(c *cli.Context, where string, create bool) (vault.Vault, error) {
	if strings.Contains(where, "://") {
		return p.bucketAt(c, where, nil)
	}
	path, err := filepath.Abs(where)
	if err != nil {
		return nil, fmt.Errorf("case folder %s: %w", where, err)
	}
	if create {
		return vault.NewFolder(path)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		return archive.Open(c.Context, path) // an exported case: read where it lies
	}
	return vault.OpenFolder(path)
}

func (p *program) bucketAt(c *cli.Context, where string, keep *evidence.Storage) (vault.Vault, error) {
	bucket, prefix, err := s3vault.Parse(where)
	if err != nil {
		return nil, ui.UsageHint("freezeframe case open --help", "case %q is neither a folder nor s3://bucket/prefix: %w", where, err)
	}
	// The vault has a session of its own: FREEZEFRAME_VAULT_* where the evidence lies in another account.
	s, err := p.vaultSession(c, c.String("region"))
	if err != nil {
		return nil, fmt.Errorf("connecting to the vault %s: %w", where, err)
	}
	home, err := p.home()
	if err != nil {
		return nil, err
	}
	o := s3vault.Options{Bucket: bucket, Prefix: prefix, StateDir: filepath.Join(home, "uploads")}
	if keep != nil {
		o.Owner, o.LegalHold, o.KMSKey = keep.Owner, keep.LegalHold, keep.KMSKey
		if keep.RetentionMode != "" {
			o.RetentionMode = s3types.ObjectLockMode(keep.RetentionMode)
			o.RetainUntil = time.Now().UTC().AddDate(0, 0, keep.RetentionDays)
		}
	}
	return s3vault.New(s.Config("", s3vault.Needs(o)), o)
}

// identify gives a case that seals everything the identity that was made for it here, if
// there is one: without it nothing of the case can be read.
func (p *program) identify(opened *evidence.Case) error {
	if !opened.SealAll {
		return nil
	}
	home, err := p.home()
	if err != nil {
		return err
	}
	path := evidence.IdentityPath(home, opened.ID)
	if path == "" {
		p.s.Warn("this case seals everything, and its identity is not here: what is collected can be stored, but not read")
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the identity of the case: %w", err)
	}
	opened.Identities, err = evidence.ParseIdentities(data)
	return err
}

func (p *program) envOr(name, otherwise string) string {
	if v := p.getenv(name); v != "" {
		return v
	}
	return otherwise
}

// home is where keys lie: FREEZEFRAME_HOME, or the user's configuration folder.
func (p *program) home() (string, error) {
	if h := p.getenv("FREEZEFRAME_HOME"); h != "" {
		return filepath.Abs(h)
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("finding a folder for keys (set FREEZEFRAME_HOME): %w", err)
	}
	return filepath.Join(dir, "freezeframe"), nil
}

// header is what every bag says of this process.
func header(operator string) evidence.Header {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return evidence.Header{Operator: operator, Host: host, Tool: tool()}
}

func tool() evidence.Tool {
	t := evidence.Tool{Name: "freezeframe", Version: version(), Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		t.Commit = setting(info, "vcs.revision")
	}
	t.SHA256, _ = executableHash() // unreadable is said as empty
	return t
}

func executableHash() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	return sumOf(path)
}

// sumOf is the hex SHA-256 of a file.
func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// localUser is the name to sign with where --operator is not given.
func localUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

// recordAnalysis records in the case, if there is one, that it was read.
func (p *program) recordAnalysis(c *cli.Context, of *evidence.Case, reason string, data map[string]string) error {
	if of == nil {
		return nil
	}
	err := of.Record(c.Context, evidence.Event{Type: evidence.EventAnalyse, Actor: localUser(), Reason: reason, Data: data})
	switch {
	case errors.Is(err, archive.ErrReadOnly):
		p.s.Warn("that it was read is not recorded: an exported case takes no events (freezeframe case import)")
	case err != nil:
		return fmt.Errorf("recording the analysis in the ledger: %w", err)
	}
	return nil
}
