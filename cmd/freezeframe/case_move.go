package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/durable"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/internal/vault/archive"
)

// exported is what `case export` answers.
type exported struct {
	Schema string `json:"schema"`
	File   string `json:"file"`
	archive.Summary
}

func (p *program) caseExportCommand() *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "write the whole case into one .tar.zst, which verify reads where it lies",
		ArgsUsage:   "FILE.tar.zst",
		Description: "freezeframe case export case-4711.tar.zst --reason 'for the prosecutor'\nfreezeframe verify case-4711.tar.zst --key signer.pem\n\nThat it is handed out is recorded first, and so is in the file. The same case gives the same bytes; tar --zstd reads it too.",
		Flags:       []cli.Flag{&cli.StringFlag{Name: "reason", Usage: "why, for the ledger", Required: true}},
		Action:      p.caseExport,
	}
}

func (p *program) caseExport(c *cli.Context) error {
	path, err := oneArgument(c, "file")
	if err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("export to %s: %w", path, err)
	}
	if _, err := os.Lstat(path); err == nil {
		return ui.UsageHint("freezeframe case export ANOTHER.tar.zst", "%s is there already", path)
	}
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	err = opened.Record(c.Context, evidence.Event{Type: evidence.EventExport, Actor: localUser(), Reason: c.String("reason"), Data: map[string]string{"file": filepath.Base(path)}})
	if err != nil {
		return err
	}
	file, err := durable.Create(path, 0o400)
	if err != nil {
		return fmt.Errorf("export to %s: %w", path, err)
	}
	defer file.Discard() //nolint:errcheck // after Commit it does nothing; before, the error is told already
	sum, err := archive.Write(c.Context, opened.Vault(), file)
	if err != nil {
		return fmt.Errorf("export to %s: %w", path, err)
	}
	if err := file.Commit(); err != nil {
		return fmt.Errorf("export to %s: %w", path, err)
	}
	out := exported{"freezeframe/exported/v1", path, sum}
	if err := p.s.Show(out, func(t *ui.Printer) {
		for _, l := range sum.LeftOuts {
			t.Line("%s %s: %s", t.Bad("left out:"), l.Name, l.Why)
		}
		t.Line("%s: %s, %s of evidence in %s", path, ui.Plural(sum.Objects, "file"), ui.Bytes(sum.Bytes), ui.Bytes(sum.Size))
		t.Line("sha256 %s", sum.SHA256)
		t.Line("next: freezeframe verify %s", path)
	}); err != nil {
		return err
	}
	if sum.LeftOut > 0 {
		return ui.Incomplete("freezeframe verify, and see what those are", "%s in the case left out", ui.Plural(sum.LeftOut, "thing"))
	}
	return nil
}

// imported is what `case import` answers.
type imported struct {
	Schema  string `json:"schema"`
	Case    string `json:"case"`
	ID      string `json:"id"`
	Objects int    `json:"objects"`
	SHA256  string `json:"archive_sha256"`
}

func (p *program) caseImportCommand() *cli.Command {
	return &cli.Command{
		Name: "import", Usage: "verify an exported case and take it into a new folder or bucket",
		ArgsUsage:   "FILE.tar.zst DIR|s3://bucket/prefix",
		Description: "freezeframe case import case-4711.tar.zst ./case-4711 --key signer.pem --reason 'analysis'\n\nNothing is written unless every byte is what was sealed and a pinned key has signed it.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "key", Usage: "public key in PEM that must have signed (may be repeated); without it what you pinned"},
			&cli.BoolFlag{Name: "unpinned", Usage: "take it although no key that you trust has signed it"},
			&cli.StringFlag{Name: "reason", Usage: "why, for the ledger", Required: true},
		},
		Action: p.caseImport,
	}
}

func (p *program) caseImport(c *cli.Context) error {
	if c.NArg() != 2 {
		return ui.UsageHint("freezeframe case import FILE.tar.zst DIR --reason WHY", "a file and a folder or bucket are wanted, %d arguments are there", c.NArg())
	}
	path, where := c.Args().Get(0), c.Args().Get(1)
	sum, err := sumOf(path)
	if err != nil {
		return ui.UsageHint("freezeframe case export FILE.tar.zst", "import %s: %w", path, err)
	}
	from, err := archive.Open(c.Context, path)
	if err != nil {
		return err
	}
	defer from.Close()
	opened, err := evidence.OpenCase(c.Context, from)
	if err != nil {
		return err
	}
	if err := p.acceptable(c, from, opened.ID); err != nil {
		return err
	}
	into, err := p.vaultAt(c, where, true)
	if err != nil {
		return err
	}
	n, err := archive.Import(c.Context, from, into)
	if err != nil {
		return fmt.Errorf("import into %s: %w", where, err)
	}
	there, err := p.openCaseAt(c, where)
	if err != nil {
		return err
	}
	if err := there.Record(c.Context, evidence.Event{Type: evidence.EventImport, Actor: localUser(), Reason: c.String("reason"), Data: map[string]string{"archive_sha256": sum}}); err != nil {
		return err
	}
	out := imported{"freezeframe/imported/v1", there.Vault().String(), there.ID, n, sum}
	return p.s.Show(out, func(t *ui.Printer) {
		t.Line("case %s imported into %s: %s", out.ID, out.Case, ui.Plural(n, "file"))
		t.Line("next: export FREEZEFRAME_CASE=%s", out.Case)
	})
}

// acceptable verifies an archive before anything of it is taken.
func (p *program) acceptable(c *cli.Context, from vault.Vault, id string) error {
	out := verified{Intact: true}
	keys, err := p.pins(c, id)
	if err != nil {
		return err
	}
	unfinished, err := p.problems(c, from, evidence.VerifyOptions{Keys: keys, Report: &out.Report}, &out)
	if err != nil {
		return err
	}
	switch {
	case !out.Intact:
		return ui.Damaged("%s is damaged and was not imported: %s, the first: %s: %s", from, ui.Plural(len(out.Problems)-unfinished, "problem"), out.Problems[0].Path, out.Problems[0].What)
	case !out.Pinned && !c.Bool("unpinned"):
		return ui.NotPinned("the same command with --key PUBLIC.pem, or with --unpinned", "%s was not imported: no key that you trust has signed it", from)
	}
	return nil
}
