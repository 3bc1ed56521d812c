package evidence

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/oklog/ulid/v2"
)

const adopted = "adopted: sealed before, and not in the ledger"

// Adopt covers the sealed bags and the results that the ledger does not know: their writers
// stopped after the last file and before the event. It returns their ids, of results as
// "derived/ID". Each is checked against its own list of files before it is covered: a bag as it
// is loaded, a result wholly.
func (c *Case) Adopt(ctx context.Context, actor string) ([]string, error) {
	covers, err := c.covered(ctx)
	if err != nil {
		return nil, fmt.Errorf("adopt bags: %w", err)
	}
	bags, err := c.adoptBags(ctx, actor, covers)
	if err != nil && !errors.Is(err, ErrNotSigned) {
		return bags, err
	}
	results, also := c.adoptResults(ctx, actor, covers)
	return append(bags, results...), errors.Join(err, also)
}

// adoptBags covers all bags with one event.
func (c *Case) adoptBags(ctx context.Context, actor string, covers map[string]string) ([]string, error) {
	stubs, err := c.bagIDs(ctx)
	if err != nil {
		return nil, fmt.Errorf("adopt bags: %w", err)
	}
	e := Event{Type: EventSeal, Actor: actor, Reason: adopted}
	var ids []string
	for _, s := range stubs {
		b, err := c.loadBag(ctx, s.id, s.sealed, covers)
		if err != nil {
			return nil, fmt.Errorf("adopt bags: %w", err)
		}
		if !b.Sealed() || b.InLedger() {
			continue
		}
		ids = append(ids, b.id)
		e.Covers = append(e.Covers, Digest{Path: b.prefix() + tagManifestFile, SHA256: b.tagManifest})
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return ids, c.Record(ctx, e)
}

// adoptResults covers each result with the event that its writer would have recorded. One without
// its derived.json was never finished, and stays what it is.
func (c *Case) adoptResults(ctx context.Context, actor string, covers map[string]string) ([]string, error) {
	var ids []string
	var unsigned error
	for e, err := range c.vault.List(ctx, derivedDir) {
		if err != nil {
			return ids, fmt.Errorf("adopt results: %w", err)
		}
		id, file, ok := strings.Cut(strings.TrimPrefix(e.Name, derivedDir), "/")
		if _, bad := ulid.ParseStrict(id); !ok || bad != nil || file != derivedFile || e.Odd != "" || e.Marker {
			continue
		}
		if _, known := covers[e.Name]; known {
			continue
		}
		d, sum, err := c.readResult(ctx, id)
		if err != nil {
			return ids, fmt.Errorf("adopt results: %w", err)
		}
		err = c.Record(ctx, Event{Type: EventAnalyse, Actor: actor, Reason: adopted,
			Covers: []Digest{{Path: e.Name, SHA256: sum}}, Data: map[string]string{"derived": d.ID, "kind": d.Kind}})
		if err != nil && !errors.Is(err, ErrNotSigned) {
			return ids, err
		}
		covers[e.Name], unsigned = sum, errors.Join(unsigned, err) // a second version of the name is no second result
		ids = append(ids, strings.TrimSuffix(e.Name, "/"+derivedFile))
	}
	return ids, unsigned
}

// readResult reads a result's derived.json and holds its files to it.
func (c *Case) readResult(ctx context.Context, id string) (d Derived, sum string, err error) {
	name := derivedDir + id + "/" + derivedFile
	data, err := readFile(ctx, c.vault, name, maxTagFile)
	if err != nil {
		return d, "", err
	}
	if err := decodeStrict(data, &d); err != nil {
		return d, "", fmt.Errorf("%s: %w: %w", name, ErrDamaged, err)
	}
	if d.Case != c.ID || d.ID != id {
		return d, "", fmt.Errorf("%s: %w: it is of result %s of case %s", name, ErrDamaged, d.ID, d.Case)
	}
	for _, f := range d.Files {
		if !strings.HasPrefix(f.Path, derivedDir+id+"/") {
			return d, "", fmt.Errorf("%s: %w: it lists %s", name, ErrDamaged, f.Path)
		}
		got, _, err := hashFile(ctx, c.vault, f.Path)
		if err != nil {
			return d, "", err
		}
		if got != f.SHA256 {
			return d, "", fmt.Errorf("%s: %w: it is not what %s lists", f.Path, ErrDamaged, derivedFile)
		}
	}
	return d, hashBytes(data), nil
}
