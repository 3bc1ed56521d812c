package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const (
	derivedDir    = "derived/"
	derivedFile   = "derived.json"
	derivedSchema = "freezeframe.derived/1"
)

// File is one file of a derived result; Write is called once.
type File struct {
	Name  string // safe name: [A-Za-z0-9._-], at most 100
	Write func(io.Writer) error
}

// Derived is derived/<ulid>/derived.json: a result and what it was made from.
type Derived struct {
	Schema string            `json:"schema"`
	ID     string            `json:"id"`
	Case   string            `json:"case"`
	Kind   string            `json:"kind"` // "timeline", "report"
	Actor  string            `json:"actor"`
	Made   time.Time         `json:"made"`
	Params map[string]string `json:"params,omitempty"`
	Inputs []Ref             `json:"inputs"`
	Files  []Digest          `json:"files"` // paths from the case's root
}

// Derive stores results under derived/<ulid>/ and records an analyse event. d gives Kind,
// Actor, Params and Inputs; the rest is filled in and returned. derived.json comes last:
// without it the result is unfinished.
func (c *Case) Derive(ctx context.Context, d Derived, files ...File) (Derived, error) {
	d.Schema, d.ID, d.Case, d.Made = derivedSchema, c.newID(), c.ID, c.Now().UTC()
	if d.Actor == "" {
		d.Actor = c.Operator
	}
	dir := derivedDir + d.ID + "/"
	w := &Writer{c: c}
	for _, f := range files {
		sum, err := w.derive(ctx, dir+f.Name, f.Write)
		if err != nil {
			return d, errors.Join(fmt.Errorf("write %s %s: %w", d.Kind, f.Name, err), w.spool.remove())
		}
		d.Files = append(d.Files, Digest{Path: dir + f.Name, SHA256: sum})
	}
	data, err := encodeJSON(d)
	if err != nil {
		return d, errors.Join(fmt.Errorf("encode %s: %w", derivedFile, err), w.spool.remove())
	}
	put, err := putExact(ctx, c.vault, dir+derivedFile, data)
	if err != nil {
		return d, errors.Join(err, w.spool.remove())
	}
	_, err = c.append(ctx, Event{
		Type: EventAnalyse, Actor: d.Actor, Clock: d.Made,
		Covers: []Digest{{Path: dir + derivedFile, SHA256: hashBytes(data), VersionID: put.Version}},
		Data:   map[string]string{"derived": d.ID, "kind": d.Kind},
	})
	if err != nil {
		err = fmt.Errorf("%s is written, but not in the ledger: %w", d.Kind, err)
	}
	return d, errors.Join(err, w.spool.remove())
}

// derive streams one file of a result and returns its hash.
func (w *Writer) derive(ctx context.Context, name string, write func(io.Writer) error) (string, error) {
	if err := vault.CheckName(name); err != nil {
		return "", err
	}
	staged, err := w.stage(ctx, name)
	if err != nil {
		return "", err
	}
	out := newTally(staged)
	if err := write(out); err != nil {
		return "", errors.Join(err, staged.Discard())
	}
	if _, err := staged.Commit(ctx); err != nil {
		if sum, _, again := hashFile(ctx, w.c.vault, name); again != nil || sum != out.sum() {
			return "", err
		}
	}
	return out.sum(), nil
}
