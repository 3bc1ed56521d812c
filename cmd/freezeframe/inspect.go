package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/inspect"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

func (p *program) inspectCommand() *cli.Command {
	return &cli.Command{
		Name: "inspect", Usage: "look into the collected code and layers: kinds and hashes of files, executables, odd archives, secrets (from the case alone)",
		Description: "freezeframe inspect\nfreezeframe inspect --function payments\n\nThe result is kept in the case, citing what it was made from. Secrets are named by file, line and rule, and never shown.\n\nExit codes: 0 nothing odd, 7 something odd or a secret.",
		Flags:       []cli.Flag{&cli.StringFlag{Name: "function", Usage: "name or ARN: only this function's code and the layers"}},
		Action:      p.inspect,
	}
}

// inspected is what `inspect` answers, and, with all entries, what it keeps in the case.
type inspected struct {
	Schema   string             `json:"schema"`
	Derived  string             `json:"derived,omitempty"`
	Packages []inspectedPackage `json:"packages"`
}

type inspectedPackage struct {
	Of []string     `json:"of"` // which versions and layers have these bytes
	In evidence.Ref `json:"in"`
	inspect.Inspection
}

func (p *program) inspect(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	found, err := packagesOf(c.Context, opened, c.String("function"))
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return ui.UsageHint("freezeframe collect --function NAME", "the case holds no code to look into")
	}
	scanner, err := inspect.NewScanner()
	if err != nil {
		return err
	}
	out := inspected{Schema: "freezeframe/inspection/v1"}
	progress := p.s.Progress("inspecting")
	for i, f := range found {
		progress.Update(i, len(found), 0, f.of[0])
		x, err := inspectItem(c.Context, f.bag, f.item, scanner)
		if err != nil {
			progress.Done()
			return err
		}
		out.Packages = append(out.Packages, inspectedPackage{f.of, f.bag.Ref(f.item), *x})
	}
	progress.Done()
	if err := p.keepInspection(c.Context, opened, &out); err != nil {
		return err
	}
	if err := p.s.Show(out, func(t *ui.Printer) { showInspected(t, out) }); err != nil {
		return err
	}
	if n := oddities(out); n > 0 {
		return ui.Findings("%s in the code", ui.Plural(n, "finding"))
	}
	return nil
}

// foundPackage is one package, however many versions or layers it is.
type foundPackage struct {
	of   []string
	bag  *evidence.Bag
	item evidence.Item
}

// packagesOf are the packages of sealed bags, each once, by their bytes.
func packagesOf(ctx context.Context, c *evidence.Case, function string) ([]*foundPackage, error) {
	var out []*foundPackage
	byHash := map[string]*foundPackage{}
	wanted := func(e evidence.Entry) bool {
		ofFunction := function == "" || e.Source.ARN == function || strings.HasSuffix(e.Source.ARN, ":function:"+function)
		return e.Item != nil && (e.Artefact == "lambda.code" && ofFunction || e.Artefact == "lambda.layers.content")
	}
	for f, err := range c.Find(ctx, wanted) {
		if err != nil {
			return nil, err
		}
		it := *f.Entry.Item
		name := strings.TrimSuffix(it.Source.ARN+":"+it.Source.Qualifier, ":")
		at := byHash[it.SHA256]
		if at == nil {
			at = &foundPackage{bag: f.Bag, item: it}
			byHash[it.SHA256] = at
			out = append(out, at)
		}
		at.of = append(at.of, name)
	}
	return out, nil
}

func inspectItem(ctx context.Context, b *evidence.Bag, it evidence.Item, s *inspect.Scanner) (x *inspect.Inspection, err error) {
	copied, err := b.OpenCopy(ctx, it)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, copied.Close()) }()
	return inspect.Package(ctx, copied, copied.Size, s)
}

// keepInspection puts the whole result into the case; an exported case is read-only, and goes without.
func (p *program) keepInspection(ctx context.Context, c *evidence.Case, out *inspected) error {
	d := evidence.Derived{Kind: "inspection"}
	for _, x := range out.Packages {
		d.Inputs = append(d.Inputs, x.In)
	}
	whole := *out
	d, err := c.Derive(ctx, d, evidence.File{Name: "inspection.json", Write: func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return enc.Encode(whole)
	}})
	if err != nil && !errors.Is(err, evidence.ErrNotSigned) {
		p.s.Warn("the result is not kept in the case: %s", err)
		return nil
	}
	out.Derived = "derived/" + d.ID
	return nil
}

func oddities(out inspected) int {
	n := 0
	for _, x := range out.Packages {
		n += len(x.Odd) + len(x.Secrets)
		for _, e := range x.Entries {
			n += len(e.Odd)
		}
	}
	return n
}

func showInspected(t *ui.Printer, out inspected) {
	for _, x := range out.Packages {
		t.Line("%s", strings.Join(x.Of, ", "))
		t.Line("  %s, %s unpacked, %s, sha256 %s", ui.Plural(len(x.Entries), "entry"), ui.Bytes(x.Bytes), ui.Plural(len(x.Executables), "executable"), x.In.SHA256)
		for _, name := range x.Executables {
			t.Line("  executable: %s", name)
		}
		for _, odd := range x.Odd {
			t.Line("  %s %s", t.Bad("!"), odd)
		}
		for _, e := range x.Entries {
			for _, odd := range e.Odd {
				t.Line("  %s %s: %s", t.Bad("!"), e.Name, odd)
			}
		}
		for _, s := range x.Secrets {
			t.Line("  %s secret in %s, line %d: %s", t.Bad("!"), s.Path, s.Line, s.Rule)
		}
		for _, u := range x.Unscanned {
			t.Line("  not looked into: %s", u)
		}
		if x.Cut != "" {
			t.Line("  not all of it was looked into: %s", x.Cut)
		}
	}
	if out.Derived != "" {
		t.Line("kept as %s", out.Derived)
	}
}
