package awssim

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// JSON as Trino has it: json_parse sorts members, json_format writes characters beyond the
// basic plane as two escapes where they were parsed, and all others that need none as they are.

func sqlParseJSON(s string) (any, error) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	if err == nil {
		if _, more := d.Token(); more != io.EOF { //nolint:errorlint // the decoder returns it bare
			err = fmt.Errorf("something follows the value")
		}
	}
	if err != nil {
		return nil, &sqlError{"INVALID_FUNCTION_ARGUMENT", "Cannot convert value to JSON: '" + s + "'"}
	}
	return sqlJSON{v}, nil
}

// castSQL is a cast to varchar or json.
func castSQL(v any, to string) (any, error) {
	if v == nil {
		return nil, nil
	}
	if to == "json" {
		j, err := sqlToJSON(v)
		return sqlJSON{j}, err
	}
	switch x := v.(type) {
	case string:
		return x, nil
	case bool:
		return strconv.FormatBool(x), nil
	case int64:
		return strconv.FormatInt(x, 10), nil
	}
	return nil, &sqlError{"TYPE_MISMATCH", fmt.Sprintf("Cannot cast %T to varchar", v)}
}

func sqlToJSON(v any) (any, error) {
	switch x := v.(type) {
	case nil, string, bool, int64:
		return x, nil
	case sqlJSON:
		return x.value, nil
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			var err error
			if out[i], err = sqlToJSON(item); err != nil {
				return nil, err
			}
		}
		return out, nil
	case sqlMap:
		return objectJSON(x)
	}
	// A row becomes an object in newer engines and was an array in older ones: nobody here relies on it.
	return nil, &sqlError{"NOT_SUPPORTED", fmt.Sprintf("freezeframe simulator: a cast of %T to json is not simulated", v)}
}

func objectJSON(members map[string]any) (any, error) {
	out := map[string]any{}
	for k, item := range members {
		var err error
		if out[k], err = sqlToJSON(item); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func formatJSON(v any) string {
	var b strings.Builder
	writeJSON(&b, v)
	return b.String()
}

func writeJSON(b *strings.Builder, v any) {
	switch x := v.(type) {
	case string:
		quoteJSON(b, x)
	case []any:
		b.WriteByte('[')
		for i, item := range x {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, item)
		}
		b.WriteByte(']')
	case map[string]any:
		b.WriteByte('{')
		for i, k := range slices.Sorted(maps.Keys(x)) {
			if i > 0 {
				b.WriteByte(',')
			}
			quoteJSON(b, k)
			b.WriteByte(':')
			writeJSON(b, x[k])
		}
		b.WriteByte('}')
	case nil:
		b.WriteString("null")
	default: // bool, int64, json.Number
		fmt.Fprint(b, x)
	}
}

func quoteJSON(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		switch i := strings.IndexRune("\"\\\b\f\n\r\t", r); {
		case i >= 0:
			b.WriteString(`\` + `"\bfnrt`[i:i+1])
		case r < 0x20:
			fmt.Fprintf(b, `\u%04X`, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(b, `\u%04X\u%04X`, high, low)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}
