package changes

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// passing are members that differ between any two reads or versions and mean nothing by
// themselves; the environment has a comparison of its own.
var passing = []string{
	"Environment", "RevisionId", "LastModified", "FunctionArn", "Version", "ConfigSha256", "CodeSha256", "MasterArn",
	"LastUpdateStatus", "LastUpdateStatusReason", "LastUpdateStatusReasonCode", "State", "StateReason", "StateReasonCode",
}

func strip(config map[string]any) map[string]any {
	out := maps.Clone(config)
	for _, name := range passing {
		delete(out, name)
	}
	return out
}

// fields compares two JSON values member by member.
func fields(at string, a, b any) []FieldChange {
	ma, aok := a.(map[string]any)
	mb, bok := b.(map[string]any)
	if !aok || !bok {
		if reflect.DeepEqual(a, b) {
			return []FieldChange{}
		}
		return []FieldChange{{Field: at, What: Changed, From: compact(a), To: compact(b)}}
	}
	out := []FieldChange{}
	for _, name := range slices.Sorted(maps.Keys(merged(ma, mb))) {
		va, ina := ma[name]
		vb, inb := mb[name]
		path := strings.TrimPrefix(at+"."+name, ".")
		switch {
		case !ina:
			out = append(out, FieldChange{Field: path, What: Added, To: compact(vb)})
		case !inb:
			out = append(out, FieldChange{Field: path, What: Removed, From: compact(va)})
		default:
			out = append(out, fields(path, va, vb)...)
		}
	}
	return out
}

func merged(a, b map[string]any) map[string]any {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, b)
	return out
}

// compact is a value as JSON in one line. A policy that AWS gives as text is text here too.
func compact(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "?"
	}
	return strings.TrimSpace(b.String())
}

// environment compares keys, and values by what stands for them.
func (r *Report) environment(a, b Side) {
	va, vb := variables(a), variables(b)
	for _, key := range slices.Sorted(maps.Keys(merged(va, vb))) {
		sa, ina := va[key]
		sb, inb := vb[key]
		switch {
		case !ina:
			r.Environment = append(r.Environment, FieldChange{Field: key, What: Added})
		case !inb:
			r.Environment = append(r.Environment, FieldChange{Field: key, What: Removed})
		case a.Bag != b.Bag:
			r.Environment = append(r.Environment, FieldChange{Field: key, What: Unknown})
		case sa != sb:
			r.Environment = append(r.Environment, FieldChange{Field: key, What: Changed})
		}
	}
	if a.Bag != b.Bag && len(va)+len(vb) > 0 {
		r.Missing = append(r.Missing, "values of the environment: two bags seal under different keys (freezeframe case reveal writes them out, and records it)")
	}
}

func variables(s Side) map[string]any {
	env, _ := s.config["Environment"].(map[string]any)
	vars, _ := env["Variables"].(map[string]any)
	return vars
}

// compared are the artefacts of which documents are compared. What belongs to a qualifier is
// compared within a bag too; the role is one at a time.
func compared(artefact string) bool {
	return strings.HasPrefix(artefact, "iam.") || strings.HasPrefix(artefact, "lambda.") && artefact != "lambda.configuration" &&
		artefact != "lambda.configuration.versions" && artefact != "lambda.code" && artefact != "lambda.environment" && artefact != "lambda.layers.content"
}

type docKey struct{ artefact, resource, qualifier string }

func (r *Report) documents(ctx context.Context, a, b Side) error {
	ea, err := entries(ctx, a, r.Function)
	if err != nil {
		return err
	}
	eb, err := entries(ctx, b, r.Function)
	if err != nil {
		return err
	}
	keys := maps.Clone(ea)
	maps.Copy(keys, eb)
	order := slices.SortedFunc(maps.Keys(keys), func(x, y docKey) int {
		return strings.Compare(x.artefact+" "+x.resource+" "+x.qualifier, y.artefact+" "+y.resource+" "+y.qualifier)
	})
	for _, k := range order {
		if err := r.document(ctx, k, a, ea[k], b, eb[k]); err != nil {
			return err
		}
	}
	return nil
}

// entries are the documents of a side, those of its own version under the qualifier "this".
func entries(ctx context.Context, s Side, function string) (map[docKey]*evidence.Entry, error) {
	all, err := s.bag.Coverage(ctx)
	if err != nil {
		return nil, err
	}
	out := map[docKey]*evidence.Entry{}
	for _, e := range all {
		if !compared(e.Artefact) || e.Item != nil && (e.Item.Ciphertext() || !strings.HasSuffix(e.Item.Path, ".json")) {
			continue
		}
		ofFunction := e.Source.ARN == function
		if strings.HasPrefix(e.Artefact, "lambda.") && !ofFunction {
			continue // another function of the same collection
		}
		qualifier := e.Source.Qualifier
		if ofFunction && qualifier == s.Version {
			qualifier = "this version"
		} else if _, err := strconv.Atoi(qualifier); ofFunction && (err == nil || qualifier == "$LATEST") {
			continue // of a version that is not compared
		}
		out[docKey{e.Artefact, e.Source.ARN, qualifier}] = &e
	}
	return out, nil
}

func (r *Report) document(ctx context.Context, k docKey, a Side, ea *evidence.Entry, b Side, eb *evidence.Entry) error {
	if a.Bag == b.Bag && k.qualifier != "this version" {
		return nil // the same document
	}
	change := DocumentChange{Artefact: k.artefact, Resource: k.resource, Qualifier: k.qualifier, What: Changed}
	known := func(e *evidence.Entry) bool { return e != nil && (e.Item != nil || e.State == evidence.Absent) }
	has := func(e *evidence.Entry) bool { return e != nil && e.Item != nil }
	switch {
	case !has(ea) && !has(eb):
		return nil
	case ea != nil && !known(ea) || eb != nil && !known(eb):
		r.Missing = append(r.Missing, k.artefact+" "+k.resource+" "+k.qualifier+": it could not be collected on one side")
		return nil
	case !has(ea):
		change.What = Added
	case !has(eb):
		change.What = Removed
	default:
		var da, db any
		if err := readJSON(ctx, a.bag, *ea.Item, &da); err != nil {
			return err
		}
		if err := readJSON(ctx, b.bag, *eb.Item, &db); err != nil {
			return err
		}
		change.Fields = slices.DeleteFunc(fields("", da, db), func(f FieldChange) bool {
			name := f.Field[strings.LastIndexByte(f.Field, '.')+1:]
			return name == "RevisionId" || f.Field == "FunctionArn" || name == "LastUsedDate" || name == "RoleLastUsed" || name == "Region"
		})
		if len(change.Fields) == 0 {
			return nil
		}
	}
	r.Documents = append(r.Documents, change)
	return nil
}
