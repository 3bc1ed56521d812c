package awssim

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// jsonRPC is AWS JSON 1.0 and 1.1: POST /, the operation in X-Amz-Target.
type jsonRPC struct{}

func (jsonRPC) decode(op *factOp, r *request) (fields, error) {
	if op.in == nil {
		return fields{}, nil
	}
	return decodeJSONBody(op.in, r.body)
}

// decodeJSONBody reads a struct; an empty body is an empty struct.
func decodeJSONBody(sh *shape, body []byte) (fields, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return fields{}, nil
	}
	raw, err := parseJSON(body)
	if err != nil {
		return nil, &malformedError{err.Error()}
	}
	v, err := fromJSON(sh, raw)
	if err != nil {
		return nil, err
	}
	f, ok := v.(fields)
	if !ok {
		return nil, &typeError{"Start of structure or map found where not expected."}
	}
	return f, nil
}

// malformedError is a body that is not JSON or XML at all; typeError is one that
// holds something of another type than the shape says.
type (
	malformedError struct{ msg string }
	typeError      struct{ msg string }
)

func (e *malformedError) Error() string { return e.msg }
func (e *typeError) Error() string      { return e.msg }

const maxJSONDepth = 128

func parseJSON(body []byte) (any, error) {
	if err := shallow(body); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("text after the end of the JSON document")
	}
	return v, nil
}

// shallow refuses nesting that no AWS shape has.
func shallow(body []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch b := body[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '{' || b == '[':
			if depth++; depth > maxJSONDepth {
				return fmt.Errorf("JSON nested deeper than %d", maxJSONDepth)
			}
		case b == '}' || b == ']':
			depth--
		}
	}
	return nil
}

// fromJSON turns parsed JSON into a tree. Members that the shape does not know
// are ignored, as AWS's JSON services ignore them; null is absent.
func fromJSON(sh *shape, v any) (any, error) {
	switch sh.kind {
	case "struct":
		obj, ok := v.(map[string]any)
		if !ok {
			return nil, mismatch(v, "a structure")
		}
		return structFromJSON(sh, obj)
	case "map":
		obj, ok := v.(map[string]any)
		if !ok {
			return nil, mismatch(v, "a map")
		}
		out := make(dict, len(obj))
		for k, e := range obj {
			if e == nil {
				continue
			}
			x, err := fromJSON(sh.elem.shape, e)
			if err != nil {
				return nil, err
			}
			out[k] = x
		}
		return out, nil
	case "list":
		arr, ok := v.([]any)
		if !ok {
			return nil, mismatch(v, "a list")
		}
		out := make([]any, 0, len(arr))
		for _, e := range arr {
			if e == nil {
				continue
			}
			x, err := fromJSON(sh.elem.shape, e)
			if err != nil {
				return nil, err
			}
			out = append(out, x)
		}
		return out, nil
	}
	return scalarFromJSON(sh, v)
}

func structFromJSON(sh *shape, obj map[string]any) (any, error) {
	out := fields{}
	for _, m := range sh.members {
		e, ok := obj[jsonName(m)]
		if !ok || e == nil || m.loc != "" {
			continue
		}
		x, err := fromJSON(m.shape, e)
		if err != nil {
			return nil, err
		}
		out[m.name] = x
	}
	return out, nil
}

func jsonName(m *member) string {
	if m.xmlName != "" {
		return m.xmlName
	}
	return m.name
}

// mismatch words a wrong type as AWS's JSON services do.
func mismatch(v any, want string) error {
	kind := map[bool]string{true: "TRUE_VALUE", false: "FALSE_VALUE"}
	switch v := v.(type) {
	case string:
		return &typeError{"STRING_VALUE cannot be converted to " + want}
	case json.Number:
		return &typeError{"NUMBER_VALUE cannot be converted to " + want}
	case bool:
		return &typeError{kind[v] + " cannot be converted to " + want}
	case []any:
		return &typeError{"Unexpected list: expected " + want}
	}
	return &typeError{"Start of structure or map found where not expected."}
}

func scalarFromJSON(sh *shape, v any) (any, error) {
	switch sh.kind {
	case "string":
		if s, ok := v.(string); ok {
			return s, nil
		}
		return nil, mismatch(v, "String")
	case "boolean":
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, mismatch(v, "Boolean")
	case "blob":
		s, ok := v.(string)
		if !ok {
			return nil, mismatch(v, "Blob")
		}
		return blobFrom(s)
	}
	n, ok := v.(json.Number)
	if !ok {
		if s, isText := v.(string); isText && sh.kind == "timestamp" {
			if t, ok := parseTime(s); ok {
				return t, nil
			}
		}
		return nil, mismatch(v, map[string]string{"integer": "Integer", "long": "Long", "timestamp": "milliseconds since epoch"}[sh.kind])
	}
	return numberFrom(sh, n.String())
}

func blobFrom(s string) (any, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, &typeError{"STRING_VALUE is not valid base64"}
	}
	return b, nil
}

// numberFrom reads a number or timestamp from its text.
func numberFrom(sh *shape, s string) (any, error) {
	switch sh.kind {
	case "integer", "long":
		bits := 64
		if sh.kind == "integer" {
			bits = 32
		}
		n, err := strconv.ParseInt(s, 10, bits)
		if err != nil {
			return nil, &typeError{"NUMBER_VALUE cannot be converted to " + strings.ToUpper(sh.kind[:1]) + sh.kind[1:]}
		}
		return n, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, &typeError{"NUMBER_VALUE cannot be converted to Double"}
	}
	if sh.kind == "timestamp" {
		return epochTime(f), nil
	}
	return f, nil
}

func (jsonRPC) encode(op *factOp, out fields, id string) (*response, error) {
	r := newResponse(op.status, "application/x-amz-json-"+op.service.jsonVersion)
	r.header.Set("X-Amzn-Requestid", id)
	if op.out == nil {
		return r, nil // AWS sends an empty body where the model has no output
	}
	r.body = appendJSON(nil, op.out, out)
	return r, nil
}

func (jsonRPC) fault(s *factService, op *factOp, e *apiError, id string) *response {
	sh := s.errorShape(e.Code)
	r := newResponse(faultStatus(sh, e, 400), "application/x-amz-json-"+s.jsonVersion)
	r.header.Set("X-Amzn-Requestid", id)
	code := e.Code
	if s.queryCompatible {
		// clients of the former query protocol still look for the old code
		r.header.Set("X-Amzn-Query-Error", queryCode(e.Code)+";"+map[bool]string{true: "Receiver", false: "Sender"}[r.status >= 500])
		code = "com.amazonaws." + s.name + "#" + e.Code
	}
	body := map[string]any{"__type": code}
	addMessage(body, sh, e, "message")
	r.body = marshalFlat(body)
	return r
}

// queryCode is what an error of SQS was called in its query protocol.
func queryCode(code string) string {
	old := map[string]string{
		"QueueDoesNotExist":                   "AWS.SimpleQueueService.NonExistentQueue",
		"QueueDeletedRecently":                "AWS.SimpleQueueService.QueueDeletedRecently",
		"QueueNameExists":                     "QueueAlreadyExists",
		"BatchEntryIdsNotDistinct":            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
		"EmptyBatchRequest":                   "AWS.SimpleQueueService.EmptyBatchRequest",
		"TooManyEntriesInBatchRequest":        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
		"InvalidBatchEntryId":                 "AWS.SimpleQueueService.InvalidBatchEntryId",
		"PurgeQueueInProgress":                "AWS.SimpleQueueService.PurgeQueueInProgress",
		"UnsupportedOperation":                "AWS.SimpleQueueService.UnsupportedOperation",
		"MissingRequiredParameterException":   "MissingParameter",
		"InvalidParameterValueException":      "InvalidParameterValue",
		"MissingAuthenticationTokenException": "MissingAuthenticationToken",
	}
	if o, ok := old[code]; ok {
		return o
	}
	return code
}

// errorShape is the shape whose code on the wire is code, or nil.
func (s *factService) errorShape(code string) *shape {
	if sh := s.shapes[code]; sh != nil && sh.isError && sh.code == "" {
		return sh
	}
	for _, sh := range s.shapes {
		if sh.isError && sh.code == code {
			return sh
		}
	}
	if sh := s.shapes[code]; sh != nil && sh.isError {
		return sh
	}
	return nil
}

// faultStatus is the error's own status, the shape's, or the protocol's.
func faultStatus(sh *shape, e *apiError, otherwise int) int {
	switch {
	case e.Status != 0:
		return e.Status
	case sh != nil && sh.status != 0:
		return sh.status
	case sh != nil && sh.fault, e.Code == "InternalFailure", e.Code == "InternalError":
		return 500
	case e.Code == "NotImplemented":
		return 501
	}
	return otherwise
}

// addMessage puts the message, under the name that the shape gives it, and the
// further members of the error that do not travel in headers.
func addMessage(body map[string]any, sh *shape, e *apiError, name string) {
	if sh != nil {
		for _, m := range sh.members {
			if strings.EqualFold(m.name, "message") {
				name = m.name
			}
		}
	}
	if e.Message != "" {
		body[name] = e.Message
	}
	for k, v := range e.Fields {
		if sh != nil && sh.byName[k] != nil && sh.byName[k].loc != "" {
			continue
		}
		body[k] = v
	}
}

func marshalFlat(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte(`{"__type":"InternalFailure"}`)
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// appendJSON writes a tree: members in the shape's order, map keys sorted.
func appendJSON(b []byte, sh *shape, v any) []byte {
	switch v := v.(type) {
	case fields:
		b = append(b, '{')
		n := 0
		for _, m := range sh.members {
			e, ok := v[m.name]
			if !ok || m.loc != "" {
				continue
			}
			if n > 0 {
				b = append(b, ',')
			}
			n++
			b = append(appendText(b, jsonName(m)), ':')
			b = appendJSONMember(b, m, e)
		}
		return append(b, '}')
	case dict:
		b = append(b, '{')
		for i, k := range sortedKeys(v) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendText(b, k), ':')
			b = appendJSON(b, sh.elem.shape, v[k])
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, sh.elem.shape, e)
		}
		return append(b, ']')
	}
	return appendScalar(b, v, sh.ts)
}

func appendJSONMember(b []byte, m *member, v any) []byte {
	if t, ok := v.(time.Time); ok {
		return appendScalar(b, t, firstOf([]string{m.ts, m.shape.ts}))
	}
	return appendJSON(b, m.shape, v)
}

func appendScalar(b []byte, v any, ts string) []byte {
	switch v := v.(type) {
	case string:
		return appendText(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.AppendFloat(b, v, 'f', 1, 64)
		}
		return strconv.AppendFloat(b, v, 'g', -1, 64)
	case []byte:
		return appendText(b, base64.StdEncoding.EncodeToString(v))
	case time.Time:
		if ts == "" || ts == tsUnix {
			return append(b, epoch(v)...)
		}
		return appendText(b, formatTime(v, true, ts))
	}
	return append(b, "null"...)
}

func appendText(b []byte, s string) []byte { return append(b, marshalFlat(s)...) }

func sortedKeys(d dict) []string {
	keys := make([]string, 0, len(d))
	for k := range d {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
