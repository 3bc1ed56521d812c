package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// putRedacted stores a document some of whose members carry what somebody typed in (inputs,
// templates, headers, stage variables): secrets, often enough. If one of them is there, the
// document is sealed beside a twin without their values; otherwise it is stored as it is.
func (j *Job) putRedacted(ctx context.Context, w want, s stamp, v any, members ...string) {
	doc, err := j.run.enc.document(v)
	var tree any
	if err == nil {
		dec := json.NewDecoder(bytes.NewReader(doc))
		dec.UseNumber()
		err = dec.Decode(&tree)
	}
	if err != nil {
		j.gap(w, s, evidence.Unreadable, "the answer cannot be encoded", w.note)
		return
	}
	found := false
	tree = redact(tree, members, false, func(text string) string { found = true; return j.run.enc.redact(text) })
	if !found {
		j.putJSON(ctx, w, s, v)
		return
	}
	var twin bytes.Buffer
	enc := json.NewEncoder(&twin)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(tree); err != nil {
		j.gap(w, s, evidence.Unreadable, "the answer cannot be encoded", w.note)
		return
	}
	j.putSecret(ctx, w, s, doc, twin.Bytes())
}

// redact replaces every text at or below the named members.
func redact(v any, members []string, below bool, stand func(string) string) any {
	switch v := v.(type) {
	case map[string]any:
		for name, e := range v {
			v[name] = redact(e, members, below || slices.Contains(members, name), stand)
		}
	case []any:
		for i, e := range v {
			v[i] = redact(e, members, below, stand)
		}
	case string:
		if below && v != "" {
			return stand(v)
		}
	}
	return v
}
