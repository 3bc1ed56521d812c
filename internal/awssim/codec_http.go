package awssim

import (
	"encoding/base64"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// What REST protocols put outside the body: path labels, the query string,
// headers, the status.

// decodeOutside reads every member of in that does not travel in the body.
// Unknown query parameters and headers are ignored, as AWS ignores them.
func decodeOutside(in *shape, r *request) (fields, error) {
	out := fields{}
	q := r.http.URL.Query()
	for _, m := range in.members {
		var v any
		var err error
		switch m.loc {
		case "uri":
			v, err = textValue(m, r.path[m.wire], tsISO)
		case "query":
			v, err = queryValue(m, q)
		case "header":
			v, err = headerValue(m, r)
		case "headers":
			v = prefixHeaders(m, r.http.Header)
		}
		if err != nil {
			return nil, err
		}
		if v != nil {
			out[m.name] = v
		}
	}
	return out, nil
}

func queryValue(m *member, q url.Values) (any, error) {
	all, ok := q[m.wire]
	if !ok {
		return nil, nil
	}
	if m.shape.kind != "list" {
		if all[0] == "" && m.shape.kind != "string" {
			return nil, nil
		}
		return textValue(m, all[0], tsISO)
	}
	out := make([]any, 0, len(all))
	for _, s := range all {
		v, err := textValue(m.shape.elem, s, tsISO)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func headerValue(m *member, r *request) (any, error) {
	if strings.EqualFold(m.wire, "Content-Length") { // net/http keeps it out of the header
		if r.size < 0 {
			return nil, nil
		}
		return r.size, nil
	}
	all := r.http.Header.Values(m.wire)
	if len(all) == 0 {
		return nil, nil
	}
	if m.shape.kind != "list" {
		return textValue(m, all[0], tsHTTP)
	}
	out := []any{}
	for _, s := range strings.Split(strings.Join(all, ","), ",") {
		v, err := textValue(m.shape.elem, strings.TrimSpace(s), tsHTTP)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// prefixHeaders collects x-amz-meta-* and the like; names are lower case, as S3
// stores them.
func prefixHeaders(m *member, h http.Header) any {
	out := dict{}
	prefix := strings.ToLower(m.wire)
	for name, values := range h {
		if rest, ok := strings.CutPrefix(strings.ToLower(name), prefix); ok && rest != "" {
			out[rest] = strings.Join(values, ",")
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// textValue reads a scalar from text.
func textValue(m *member, s, ts string) (any, error) {
	return scalarFromText(m.shape, s, firstOf([]string{m.ts, m.shape.ts, ts}))
}

func scalarFromText(sh *shape, s, ts string) (any, error) {
	switch sh.kind {
	case "string":
		return s, nil
	case "boolean":
		switch s {
		case "true", "True", "TRUE", "1":
			return true, nil
		case "false", "False", "FALSE", "0":
			return false, nil
		}
		return nil, &typeError{"boolean must be true or false"}
	case "timestamp":
		if t, ok := parseTime(s); ok {
			return t, nil
		}
		return nil, &typeError{"timestamp must follow " + ts}
	case "blob":
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return nil, &typeError{"value is not valid base64"}
		}
		return b, nil
	case "integer", "long", "float", "double":
		return numberFrom(sh, strings.TrimSpace(s))
	}
	return nil, &typeError{"a " + sh.kind + " cannot be read from text"}
}

// encodeOutside writes headers and status of an answer.
func encodeOutside(r *response, sh *shape, out fields, milli bool) {
	for _, m := range sh.members {
		v, ok := out[m.name]
		if !ok {
			continue
		}
		switch m.loc {
		case "status":
			if n, ok := v.(int64); ok && n >= 100 && n < 600 {
				r.status = int(n)
			}
		case "header":
			r.header.Set(m.wire, textOf(v, milli, m.ts, m.shape.ts, tsHTTP))
		case "headers":
			if d, ok := v.(dict); ok {
				for k, e := range d {
					// As S3 writes it, in lower case: clients take the name as it comes (the AWS
					// CLI's validate-logs wants "signature").
					r.header[strings.ToLower(textproto.TrimString(m.wire+k))] = []string{textOf(e, milli)}
				}
			}
		}
	}
}

// textOf writes a scalar, or a list of them with commas, as text.
func textOf(v any, milli bool, ts ...string) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case time.Time:
		return formatTime(v, milli, ts...)
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = textOf(e, milli, ts...)
		}
		return strings.Join(parts, ",")
	}
	return ""
}

// bodyMembers are the members that travel in the body.
func bodyMembers(sh *shape) []*member {
	var out []*member
	for _, m := range sh.members {
		if m.loc == "" {
			out = append(out, m)
		}
	}
	return out
}

// rawPayload puts a payload that is a blob or text as it is: true if it was one.
func rawPayload(r *response, m *member, v any) bool {
	switch m.shape.kind {
	case "blob":
		switch v := v.(type) {
		case []byte:
			r.body = v
		case interface{ Read([]byte) (int, error) }:
			r.stream = v
		}
	case "string":
		if s, ok := v.(string); ok {
			r.body = []byte(s)
		}
	default:
		return false
	}
	return true
}

// restJSON is REST with JSON bodies: Lambda.
type restJSON struct{}

func (restJSON) decode(op *factOp, r *request) (fields, error) {
	if op.in == nil {
		return fields{}, nil
	}
	out, err := decodeOutside(op.in, r)
	if err != nil {
		return nil, err
	}
	if m := op.payload; m != nil {
		v, err := jsonPayload(m, r)
		if v != nil && err == nil {
			out[m.name] = v
		}
		return out, err
	}
	if len(bodyMembers(op.in)) == 0 {
		return out, nil
	}
	body, err := decodeJSONBody(op.in, r.body)
	for k, v := range body {
		out[k] = v
	}
	return out, err
}

func jsonPayload(m *member, r *request) (any, error) {
	switch {
	case m.shape.kind == "blob" && r.stream != nil:
		return r.stream, nil
	case m.shape.kind == "blob" && len(r.body) > 0:
		return r.body, nil
	case m.shape.kind == "string":
		return string(r.body), nil
	case len(r.body) == 0:
		return nil, nil
	}
	return decodeJSONBody(m.shape, r.body)
}

func (restJSON) encode(op *factOp, out fields, id string) (*response, error) {
	r := newResponse(op.status, "")
	r.header.Set("X-Amzn-Requestid", id)
	if op.out == nil {
		return r, nil
	}
	encodeOutside(r, op.out, out, true)
	if p := op.out.payload; p != "" {
		if v, ok := out[p]; ok && !rawPayload(r, op.out.byName[p], v) {
			r.body = appendJSON(nil, op.out.byName[p].shape, v)
		}
	} else if r.status != http.StatusNoContent {
		r.body = appendJSON(nil, op.out, out)
	}
	if r.header.Get("Content-Type") == "" && (r.body != nil || r.stream != nil) {
		r.header.Set("Content-Type", "application/json")
	}
	return r, nil
}

func (restJSON) fault(s *factService, op *factOp, e *apiError, id string) *response {
	sh := s.errorShape(e.Code)
	r := newResponse(faultStatus(sh, e, 400), "application/json")
	r.header.Set("X-Amzn-Requestid", id)
	r.header.Set("X-Amzn-Errortype", e.Code)
	body := map[string]any{}
	name := "message"
	if e.Code == "AccessDeniedException" { // what Lambda's front door answers
		name = "Message"
	}
	addMessage(body, sh, e, name)
	if sh == nil {
		r.body = marshalFlat(body)
		return r
	}
	if sh.byName["Type"] != nil && body["Type"] == nil {
		body["Type"] = map[bool]string{true: "Service", false: "User"}[r.status >= 500]
	}
	for k, v := range e.Fields {
		if m := sh.byName[k]; m != nil && m.loc == "header" {
			if text, ok := v.(string); ok {
				r.header.Set(m.wire, text)
			}
		}
	}
	r.body = marshalFlat(body)
	return r
}
