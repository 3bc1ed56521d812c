package shapecheck

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// jsonBody checks a JSON document against a shape and returns what is wrong.
func (m *model) jsonBody(data []byte, s *shape, response bool) []string {
	if len(bytes.TrimSpace(data)) == 0 {
		if len(s.Required) > 0 {
			return []string{"empty body, required members are missing"}
		}
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return []string{"not JSON: " + err.Error()}
	}
	c := jsonCheck{m: m, response: response}
	c.value("", v, s, nil)
	return c.bad
}

type jsonCheck struct {
	m        *model
	response bool
	cbor     bool // blobs and times have types of their own
	bad      []string
}

func (c *jsonCheck) say(at, format string, args ...any) {
	c.bad = append(c.bad, fmt.Sprintf("%s: %s", at, fmt.Sprintf(format, args...)))
}

func (c *jsonCheck) value(at string, v any, s *shape, r *ref) {
	if v == nil {
		c.say(at, "null")
		return
	}
	switch s.Type {
	case "structure":
		c.structure(at, v, s)
	case "list":
		list, ok := v.([]any)
		if !ok {
			c.say(at, "%T, a list is wanted", v)
			return
		}
		for i, e := range list {
			c.value(fmt.Sprintf("%s[%d]", at, i), e, c.m.shape(s.Member), s.Member)
		}
	case "map":
		c.mapping(at, v, s)
	default:
		c.scalar(at, v, s)
	}
}

func (c *jsonCheck) structure(at string, v any, s *shape) {
	obj, ok := v.(map[string]any)
	if !ok {
		c.say(at, "%T, a structure is wanted", v)
		return
	}
	byWire := map[string]string{}
	for name, r := range s.Members {
		byWire[wire(name, r)] = name
	}
	for k, mv := range obj {
		name, known := byWire[k]
		if !known {
			if k != "__type" {
				c.say(at, "unknown member %q", k)
			}
			continue
		}
		r := s.Members[name]
		c.value(at+"."+name, mv, c.m.shape(&r), &r)
	}
	if s.Union && len(obj) != 1 {
		c.say(at, "a union with %d members", len(obj))
	}
	for _, name := range s.Required {
		if _, ok := obj[wire(name, s.Members[name])]; !ok {
			c.say(at, "required member %q is missing", name)
		}
	}
}

func (c *jsonCheck) mapping(at string, v any, s *shape) {
	obj, ok := v.(map[string]any)
	if !ok {
		c.say(at, "%T, a map is wanted", v)
		return
	}
	for k, mv := range obj {
		if !inEnum(c.m.shape(s.Key), k) && c.response {
			c.say(at, "key %q is not in the enumeration", k)
		}
		c.value(at+"["+k+"]", mv, c.m.shape(s.Value), s.Value)
	}
}

func (c *jsonCheck) scalar(at string, v any, s *shape) {
	ok := true
	switch s.Type {
	case "string":
		var text string
		text, ok = v.(string)
		if ok && c.response && !inEnum(s, text) {
			c.say(at, "%q is not in the enumeration", text)
		}
	case "integer", "long":
		n, isNumber := v.(json.Number)
		ok = isNumber
		if isNumber {
			_, err := n.Int64()
			ok = err == nil
		}
	case "float", "double":
		_, ok = v.(json.Number)
	case "boolean":
		_, ok = v.(bool)
	case "timestamp":
		if _, isTime := v.(cborTime); c.cbor {
			ok = isTime
			break
		}
		ok = timestamp(v, s)
	case "blob":
		if _, isBytes := v.(cborBytes); c.cbor {
			ok = isBytes
			break
		}
		text, isText := v.(string)
		_, err := base64.StdEncoding.DecodeString(text)
		ok = isText && err == nil
	default:
		c.say(at, "shape type %q", s.Type)
	}
	if !ok {
		c.say(at, "%v (%T) is not a %s", v, v, s.Type)
	}
}

// timestamp: epoch seconds in JSON protocols unless the shape says otherwise.
func timestamp(v any, s *shape) bool {
	if s.TimestampFormat == "iso8601" {
		text, ok := v.(string)
		_, err := time.Parse(time.RFC3339, text)
		return ok && err == nil
	}
	_, ok := v.(json.Number)
	return ok
}
