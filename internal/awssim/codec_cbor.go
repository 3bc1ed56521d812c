package awssim

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// rpcCBOR is Smithy's RPC v2 in CBOR: POST /service/SERVICE/operation/NAME, a map as body.
// The specification is https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html.
type rpcCBOR struct{}

const (
	cborName = "smithy-rpc-v2-cbor" // in the models
	cborType = "application/cbor"

	// The largest request of CloudWatch, PutMetricData, has 1 MB; a small item takes some
	// twenty times its size in memory. How deep values may be nested the decoder limits (128).
	maxCBOR = 1 << 20
)

// cborOperation is the operation that a path names.
func cborOperation(s *factService, path string) string {
	name, ok := strings.CutPrefix(path, "/service/"+s.target+"/operation/")
	if !ok || strings.Contains(name, "/") {
		return ""
	}
	return name
}

func (rpcCBOR) decode(op *factOp, r *request) (fields, error) {
	if r.http.Method != http.MethodPost || r.http.Header.Get("Smithy-Protocol") != "rpc-v2-cbor" {
		return nil, &malformedError{"not a request of the protocol rpc-v2-cbor"}
	}
	body, err := inflate(r)
	if err != nil {
		return nil, err
	}
	if op.in == nil || len(body) == 0 {
		return fields{}, nil
	}
	if t, _, _ := strings.Cut(r.http.Header.Get("Content-Type"), ";"); t != cborType {
		return nil, &malformedError{fmt.Sprintf("the content type is %q, not %s", t, cborType)}
	}
	v, err := cbor.Decode(body)
	if err != nil {
		return nil, &malformedError{err.Error()}
	}
	tree, err := fromCBOR(op.in, v)
	if err != nil {
		return nil, err
	}
	f, _ := tree.(fields) // an input is a structure
	return f, nil
}

// inflate bounds the body, also one that was compressed: SDKs compress large requests of
// operations that allow it.
func inflate(r *request) ([]byte, error) {
	body := r.body
	switch r.http.Header.Get("Content-Encoding") {
	case "":
	case "gzip":
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, &malformedError{"not gzip: " + err.Error()}
		}
		if body, err = io.ReadAll(io.LimitReader(z, maxCBOR+1)); err != nil {
			return nil, &malformedError{"not gzip: " + err.Error()}
		}
	default:
		return nil, &malformedError{"the content encoding is not gzip"}
	}
	if len(body) > maxCBOR {
		return nil, &apiError{Code: "RequestEntityTooLargeException", Message: fmt.Sprintf("Request must be smaller than %d bytes", maxCBOR), Status: http.StatusRequestEntityTooLarge}
	}
	return body, nil
}

// fromCBOR turns a CBOR item into a tree. Members that the shape does not know are
// ignored; null is absent.
func fromCBOR(sh *shape, v cbor.Value) (any, error) {
	switch sh.kind {
	case "struct", "map":
		m, ok := v.(cbor.Map)
		if !ok {
			return nil, cborMismatch(sh, v)
		}
		if sh.kind == "struct" {
			return structFromCBOR(sh, m)
		}
		out := make(dict, len(m))
		for k, e := range m {
			if absent(e) {
				continue
			}
			x, err := fromCBOR(sh.elem.shape, e)
			if err != nil {
				return nil, err
			}
			out[k] = x
		}
		return out, nil
	case "list":
		l, ok := v.(cbor.List)
		if !ok {
			return nil, cborMismatch(sh, v)
		}
		out := make([]any, 0, len(l))
		for _, e := range l {
			if absent(e) {
				continue
			}
			x, err := fromCBOR(sh.elem.shape, e)
			if err != nil {
				return nil, err
			}
			out = append(out, x)
		}
		return out, nil
	}
	return scalarFromCBOR(sh, v)
}

func structFromCBOR(sh *shape, m cbor.Map) (any, error) {
	out := fields{}
	for _, mem := range sh.members {
		e, ok := m[mem.name]
		if !ok || absent(e) {
			continue
		}
		x, err := fromCBOR(mem.shape, e)
		if err != nil {
			return nil, err
		}
		out[mem.name] = x
	}
	return out, nil
}

func absent(v cbor.Value) bool {
	switch v.(type) {
	case *cbor.Nil, *cbor.Undefined:
		return true
	}
	return false
}

func cborMismatch(sh *shape, v cbor.Value) error {
	return &typeError{fmt.Sprintf("%s cannot be converted to %s", strings.TrimPrefix(strings.TrimPrefix(fmt.Sprintf("%T", v), "*"), "cbor."), sh.kind)}
}

func scalarFromCBOR(sh *shape, v cbor.Value) (any, error) {
	var err error
	switch sh.kind {
	case "string":
		if s, ok := v.(cbor.String); ok {
			return string(s), nil
		}
	case "boolean":
		if b, ok := v.(cbor.Bool); ok {
			return bool(b), nil
		}
	case "blob":
		if b, ok := v.(cbor.Slice); ok {
			return []byte(b), nil
		}
	case "integer":
		var n int32
		if n, err = cbor.AsInt32(v); err == nil {
			return int64(n), nil
		}
	case "long":
		var n int64
		if n, err = cbor.AsInt64(v); err == nil {
			return n, nil
		}
	case "float", "double":
		var f float64
		if f, err = cbor.AsFloat64(v); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
	case "timestamp":
		return timeFromCBOR(sh, v)
	}
	return nil, cborMismatch(sh, v)
}

// timeFromCBOR reads tag 1, seconds since 1970. What is out of a calendar's range is refused.
func timeFromCBOR(sh *shape, v cbor.Value) (any, error) {
	tag, ok := v.(*cbor.Tag)
	if !ok || tag.ID != 1 {
		return nil, cborMismatch(sh, v)
	}
	f, err := cbor.AsFloat64(tag.Value)
	if err != nil || math.IsNaN(f) || math.Abs(f) > 253402300799 { // the year 9999
		return nil, cborMismatch(sh, v)
	}
	return epochTime(f), nil
}

func newCBORResponse(status int, id string) *response {
	r := newResponse(status, cborType)
	r.header.Set("Smithy-Protocol", "rpc-v2-cbor")
	r.header.Set("X-Amzn-Requestid", id)
	return r
}

func (rpcCBOR) encode(op *factOp, out fields, id string) (*response, error) {
	r := newCBORResponse(op.status, id)
	if op.out == nil {
		r.header.Del("Content-Type")
		return r, nil
	}
	r.body = cbor.Encode(toCBOR(op.out, out))
	return r, nil
}

// toCBOR is the item of a tree.
func toCBOR(sh *shape, v any) cbor.Value {
	switch v := v.(type) {
	case fields:
		out := make(cbor.Map, len(v))
		for _, m := range sh.members {
			if e, ok := v[m.name]; ok {
				out[m.name] = toCBOR(m.shape, e)
			}
		}
		return out
	case dict:
		out := make(cbor.Map, len(v))
		for k, e := range v {
			out[k] = toCBOR(sh.elem.shape, e)
		}
		return out
	case []any:
		out := make(cbor.List, 0, len(v))
		for _, e := range v {
			out = append(out, toCBOR(sh.elem.shape, e))
		}
		return out
	case string:
		return cbor.String(v)
	case bool:
		return cbor.Bool(v)
	case int64:
		if v < 0 {
			return cbor.NegInt(-v)
		}
		return cbor.Uint(v)
	case float64:
		return cbor.Float64(v)
	case []byte:
		return cbor.Slice(v)
	case time.Time:
		return &cbor.Tag{ID: 1, Value: cbor.Float64(float64(v.UnixMilli()) / 1000)}
	}
	return &cbor.Nil{}
}

func (rpcCBOR) fault(s *factService, _ *factOp, e *apiError, id string) *response {
	sh := s.errorShape(e.Code)
	r := newCBORResponse(faultStatus(sh, e, 400), id)
	name, old := e.Code, formerCode(e.Code)
	if sh != nil {
		name, old = sh.name, firstOf([]string{sh.code, sh.name})
	}
	if s.queryCompatible { // clients of the former query protocol still look for the old code
		r.header.Set("X-Amzn-Query-Error", old+";"+map[bool]string{true: "Receiver", false: "Sender"}[r.status >= 500])
	}
	body := map[string]any{}
	addMessage(body, sh, e, "message")
	out := cbor.Map{"__type": cbor.String("com.amazonaws." + s.name + "#" + name)}
	for k, v := range body {
		if text, ok := v.(string); ok {
			out[k] = cbor.String(text)
		}
	}
	r.body = cbor.Encode(out)
	return r
}

// formerCode is what the query protocol called an error that is no shape of the service.
func formerCode(code string) string {
	switch code {
	case "ValidationException":
		return "ValidationError"
	case "AccessDeniedException":
		return "AccessDenied"
	}
	return code
}
