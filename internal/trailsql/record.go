package trailsql

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrRow: a row that is no record.
var ErrRow = errors.New("not a row of the query")

// Record rebuilds the record that a row is of, as one line of JSON; nil stands for NULL. A
// member whose column is NULL is left out: whether it was null or not there the table does
// not say.
func (s Select) Record(row []*string) ([]byte, error) {
	if len(row) != len(s.Header) {
		return nil, fmt.Errorf("%w: %d columns, and %d were asked for", ErrRow, len(row), len(s.Header))
	}
	if s.fields == nil {
		var line bytes.Buffer
		if row[0] == nil || json.Compact(&line, []byte(*row[0])) != nil || !bytes.HasPrefix(line.Bytes(), []byte("{")) {
			return nil, fmt.Errorf("%w: eventjson is no JSON object", ErrRow)
		}
		return line.Bytes(), nil
	}
	var root object
	for i, f := range s.fields {
		if row[i] == nil {
			continue
		}
		value, err := f.json(*row[i])
		if err != nil {
			return nil, err
		}
		root.set(strings.Split(f.path, "."), value)
	}
	if len(root.names) == 0 {
		return nil, fmt.Errorf("%w: every column is NULL", ErrRow)
	}
	return root.append(nil), nil
}

// json is a column's text as it stood in the record.
func (f field) json(value string) ([]byte, error) {
	switch {
	case f.kind == flag && (value == "true" || value == "false"):
		return []byte(value), nil
	case f.kind == resources:
		var list []map[string]*string
		if err := json.Unmarshal([]byte(value), &list); err != nil {
			return nil, fmt.Errorf("%w: resources: %w", ErrRow, err)
		}
		for _, r := range list {
			for name, v := range r {
				if v == nil {
					delete(r, name)
				}
			}
		}
		return encode(list)
	case f.kind != text:
		var compact bytes.Buffer
		if json.Compact(&compact, []byte(value)) == nil {
			return compact.Bytes(), nil
		}
	}
	return encode(value)
}

// encode is json.Marshal without escapes that nobody needs: a record is searched as text.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// object is a JSON object whose members keep their order.
type object struct {
	names  []string
	values []any // []byte or *object
}

func (o *object) set(path []string, value []byte) {
	if len(path) == 1 {
		o.names, o.values = append(o.names, path[0]), append(o.values, value)
		return
	}
	i := slices.Index(o.names, path[0])
	if i < 0 {
		i = len(o.names)
		o.names, o.values = append(o.names, path[0]), append(o.values, &object{})
	}
	o.values[i].(*object).set(path[1:], value)
}

func (o *object) append(b []byte) []byte {
	b = append(b, '{')
	for i, name := range o.names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), name...), '"', ':')
		switch v := o.values[i].(type) {
		case []byte:
			b = append(b, v...)
		case *object:
			b = v.append(b)
		}
	}
	return append(b, '}')
}
