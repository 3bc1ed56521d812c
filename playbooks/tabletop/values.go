package tabletop

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Values of calls are written as JSON would be, with three forms that the API has as text or
// bytes: {json: X} is the text of a document, {zip: {NAME: TEXT}} a deployment package, {blob: TEXT}
// bytes. ${NAME} in a text is a saved value, ${texts.NAME} a text of the scenario.

var reference = regexp.MustCompile(`\$\{([A-Za-z0-9_.-]+)\}`)

// fill replaces references. What a reference stands for is not looked into again.
func (w *World) fill(text string) (string, error) {
	var missing []string
	out := reference.ReplaceAllStringFunc(text, func(m string) string {
		name := m[2 : len(m)-1]
		if key, ok := strings.CutPrefix(name, "texts."); ok {
			if t, ok := w.Scenario.Texts[key]; ok {
				return t
			}
		} else if v, ok := w.facts[name]; ok {
			return v
		}
		missing = append(missing, name)
		return m
	})
	if len(missing) > 0 {
		return "", fmt.Errorf("%w: ${%s}", errNoValue, missing[0])
	}
	return out, nil
}

var errNoValue = errors.New("nothing was saved under that name")

// input is the JSON of what a call is given.
func (w *World) input(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	x, err := w.resolve(v)
	if err != nil {
		return nil, err
	}
	return json.Marshal(x)
}

func (w *World) resolve(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return w.fill(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			x, err := w.resolve(e)
			if err != nil {
				return nil, err
			}
			out[i] = x
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			x, err := w.resolve(e)
			if err != nil {
				return nil, err
			}
			key, err := w.fill(k)
			if err != nil {
				return nil, err
			}
			out[key] = x
		}
		return formed(out)
	}
	return v, nil
}

// formed turns one of the three forms into what it stands for.
func formed(m map[string]any) (any, error) {
	if len(m) != 1 {
		return m, nil
	}
	if v, ok := m["json"]; ok {
		b, err := json.Marshal(v)
		return string(b), err
	}
	if v, ok := m["blob"].(string); ok {
		return base64.StdEncoding.EncodeToString([]byte(v)), nil
	}
	if entries, ok := m["zip"].(map[string]any); ok {
		b, err := archive(entries)
		return base64.StdEncoding.EncodeToString(b), err
	}
	return m, nil
}

// archive is a deployment package, the same bytes for the same content.
func archive(entries map[string]any) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err == nil {
			_, err = fmt.Fprint(f, entries[name])
		}
		if err != nil {
			return nil, fmt.Errorf("packing %s: %w", name, err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	return b.Bytes(), nil
}

// member finds Output.Member in an answer; a number in the path is an index.
func member(answer json.RawMessage, at string) (any, bool) {
	var v any
	if json.Unmarshal(answer, &v) != nil {
		return nil, false
	}
	for part := range strings.SplitSeq(at, ".") {
		switch x := v.(type) {
		case map[string]any:
			e, ok := x[part]
			if !ok {
				return nil, false
			}
			v = e
		case []any:
			var i int
			if n, err := fmt.Sscan(part, &i); n != 1 || err != nil || i < 0 || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// phrase is an answer for people: ${Member} is its text, or how many there are.
func phrase(says string, answer json.RawMessage) string {
	return reference.ReplaceAllStringFunc(says, func(m string) string {
		v, ok := member(answer, m[2:len(m)-1])
		if list, isList := v.([]any); isList {
			return fmt.Sprint(len(list))
		}
		if !ok {
			return "0"
		}
		return fmt.Sprint(v)
	})
}
