package report

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/changes"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const (
	maxVersions = 200 // of one function
	maxFiles    = 60  // of one difference
	maxLines    = 400 // of one file's difference
	maxAllLines = 6000
	maxFields   = 200
)

// versions lists the deployments of each function, and what differs between the last two that
// have different code.
func (d *Data) versions(ctx context.Context, c *evidence.Case) error {
	d.Versions, d.Changes = []Version{}, []Change{}
	packages, err := d.packages(ctx, c)
	if err != nil {
		return err
	}
	lines := maxAllLines
	for _, s := range d.stories {
		sides, err := changes.Sides(ctx, c, s.Function)
		if errors.Is(err, changes.ErrNoSide) {
			continue
		}
		if err != nil {
			return d.unread(ctx, "versions of "+s.Function, err)
		}
		by := map[string]string{}
		for _, h := range s.History {
			if h.CodeHash != "" && by[h.CodeHash] == "" {
				by[h.CodeHash] = strings.TrimSpace(fmt.Sprintf("%s by %s from %s, %s", h.Action, h.Who, h.From, stamp(h.At)))
			}
		}
		for _, x := range sides[max(0, len(sides)-maxVersions):] {
			v := Version{Function: s.Function, Bag: x.Bag, Version: x.Version, Modified: x.Modified, Collected: x.Collected, CodeHash: x.CodeSha256, By: by[x.CodeSha256], Known: "not in the case"}
			if r, ok := packages[x.CodeSha256]; ok && x.CodeSha256 != "" {
				v.Path, v.Known = r.Path, "in the case"
				d.inputs([]evidence.Ref{r})
			}
			d.Versions = append(d.Versions, v)
		}
		r, err := changes.Compare(ctx, c, changes.Options{Function: s.Function})
		if errors.Is(err, changes.ErrNoSide) {
			continue
		}
		if err != nil {
			return d.unread(ctx, "what changed of "+s.Function, err)
		}
		d.Changes = append(d.Changes, changeOf(s.Function, r, &lines))
	}
	return nil
}

// unread notes what could not be read: the report goes on without it, and says so.
func (d *Data) unread(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	d.Brief.Unread = append(d.Brief.Unread, what+": "+err.Error())
	return nil
}

// packages are the collected ones, by the hash that AWS declares.
func (d *Data) packages(ctx context.Context, c *evidence.Case) (map[string]evidence.Ref, error) {
	out := map[string]evidence.Ref{}
	code := func(e evidence.Entry) bool {
		return e.Artefact == "lambda.code" && e.Item != nil && e.Item.Declared != nil && e.Item.Declared.Matches
	}
	for f, err := range c.Find(ctx, code) {
		if err != nil {
			if err := d.unread(ctx, "looking for code", err); err != nil {
				return nil, err
			}
			continue
		}
		if _, ok := out[f.Entry.Item.Declared.Value]; !ok {
			out[f.Entry.Item.Declared.Value] = f.Bag.Ref(*f.Entry.Item)
		}
	}
	return out, nil
}

func changeOf(function string, r *changes.Report, lines *int) Change {
	out := Change{Function: function, From: r.From.String(), To: r.To.String(), SameCode: r.SameCode, Files: []FileChange{}, Fields: []Field{}, Odd: r.Odd, Missing: r.Missing}
	for i, f := range r.Files {
		if i >= maxFiles {
			out.Left = len(r.Files) - maxFiles
			break
		}
		one := FileChange{Path: f.Path, What: string(f.What), Kind: f.Kind, From: f.Size[0], To: f.Size[1], Note: f.Note}
		if f.Diff != "" {
			all := strings.Split(strings.TrimSuffix(f.Diff, "\n"), "\n")
			n := min(len(all), maxLines, *lines)
			*lines -= n
			maskLines(all)
			one.Diff, one.Left = all[:n], len(all)-n
			for i := range one.Diff {
				one.Diff[i] = cutText(strings.ReplaceAll(strings.TrimSuffix(one.Diff[i], "\r"), "\t", "    "), 500)
			}
		}
		out.Files = append(out.Files, one)
	}
	fields := func(of string, all []changes.FieldChange) {
		for _, f := range all {
			out.Fields = append(out.Fields, Field{of, f.Field, string(f.What), cutText(mask(f.From), 500), cutText(mask(f.To), 500)})
		}
	}
	fields("configuration", r.Config)
	fields("environment key", r.Environment)
	for _, x := range r.Documents {
		of := strings.TrimSpace(x.Artefact + " " + x.Resource + " " + x.Qualifier)
		if len(x.Fields) == 0 {
			out.Fields = append(out.Fields, Field{Of: of, What: string(x.What)})
		}
		fields(of, x.Fields)
	}
	if n := len(out.Fields) - maxFields; n > 0 {
		out.Fields = out.Fields[:maxFields]
		out.Missing = append(slices.Clone(out.Missing), fmt.Sprintf("%d more members of documents differ: freezeframe diff", n))
	}
	return out
}
