package awssim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/nearest"
)

// Between trees and JSON by the API's member names, whatever the service's own protocol is: the
// form in which the API reference, the SDKs and AWS's CLI (in its first letters) write calls.
// Unlike on the wire, an unknown member is an error: whoever wrote it has mistyped it.

// maxActBlob bounds a streamed body of an answer.
const maxActBlob = 1 << 20

func inputFromJSON(op *factOp, with json.RawMessage) (fields, error) {
	raw, err := parseJSON(with)
	if err != nil {
		return nil, err
	}
	obj, ok := raw.(map[string]any)
	if !ok {
		return nil, errors.New("a mapping of members is wanted")
	}
	if op.in == nil {
		if len(obj) > 0 {
			return nil, errors.New("it takes no members")
		}
		return fields{}, nil
	}
	v, err := treeFromJSON(op.in, obj, "")
	if err != nil {
		return nil, err
	}
	in, _ := v.(fields)
	return in, nil
}

func treeFromJSON(sh *shape, v any, path string) (any, error) {
	switch sh.kind {
	case "struct":
		obj, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: a mapping is wanted", path)
		}
		return membersFromJSON(sh, obj, path)
	case "map":
		obj, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: a mapping is wanted", path)
		}
		out := dict{}
		for k, e := range obj {
			x, err := treeFromJSON(sh.elem.shape, e, under(path, k))
			if err != nil {
				return nil, err
			}
			out[k] = x
		}
		return out, nil
	case "list":
		arr, ok := v.([]any)
		if !ok {
			return nil, fmt.Errorf("%s: a list is wanted", path)
		}
		out := make([]any, 0, len(arr))
		for i, e := range arr {
			x, err := treeFromJSON(sh.elem.shape, e, fmt.Sprintf("%s[%d]", path, i))
			if err != nil {
				return nil, err
			}
			out = append(out, x)
		}
		return out, nil
	}
	x, err := scalarFromJSON(sh, v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return x, nil
}

func membersFromJSON(sh *shape, obj map[string]any, path string) (any, error) {
	out := fields{}
	for name, e := range obj {
		m := sh.byName[name]
		if m == nil {
			known := make([]string, 0, len(sh.members))
			for _, k := range sh.members {
				known = append(known, k.name)
			}
			hint := ""
			if n := nearest.Word(name, known); n != "" {
				hint = fmt.Sprintf(" (did you mean %s?)", n)
			}
			return nil, fmt.Errorf("%s is no member%s", under(path, name), hint)
		}
		if e == nil {
			continue
		}
		x, err := treeFromJSON(m.shape, e, under(path, name))
		if err != nil {
			return nil, err
		}
		out[name] = x
	}
	return out, nil
}

// outputToJSON writes the answer; a streamed body is read, up to a bound.
func outputToJSON(op *factOp, out fields) (json.RawMessage, error) {
	if op.out == nil {
		return json.RawMessage("{}"), nil
	}
	plain, err := plainOf(out)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(plain); err != nil {
		return nil, fmt.Errorf("encoding the answer of %s: %w", op.name, err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func plainOf(v any) (any, error) {
	switch v := v.(type) {
	case fields:
		return plainMap(v)
	case dict:
		return plainMap(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			x, err := plainOf(e)
			if err != nil {
				return nil, err
			}
			out[i] = x
		}
		return out, nil
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano), nil
	case io.Reader:
		data, err := io.ReadAll(io.LimitReader(v, maxActBlob))
		if closer, ok := v.(io.Closer); ok {
			err = errors.Join(err, closer.Close())
		}
		return data, err
	}
	return v, nil
}

func plainMap[M ~map[string]any](m M) (any, error) {
	out := make(map[string]any, len(m))
	for k, e := range m {
		x, err := plainOf(e)
		if err != nil {
			return nil, err
		}
		out[k] = x
	}
	return out, nil
}

// ReadOnlyCall says of a call, named as Act names it, that it cannot change the account.
func ReadOnlyCall(api string) bool {
	service, name, _ := strings.Cut(api, ":")
	for _, s := range facts() {
		if strings.TrimSuffix(s.apiName(""), ":") == service {
			return readsOnly(s.name, name)
		}
	}
	return false
}
