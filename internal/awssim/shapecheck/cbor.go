package shapecheck

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// CBOR as Smithy's RPC v2 protocol writes it (RFC 8949), read into what JSON would be:
// numbers as json.Number, so that one walk over the shapes judges both. What JSON has no
// form for keeps a type of its own.
type (
	cborBytes []byte
	cborTime  float64
)

const cborProtocol = "smithy-rpc-v2-cbor"

// cborOperation is the operation in the path /service/SERVICE/operation/NAME; requests of
// another form (older clients speak JSON to the same services) are not judged.
func (m *model) cborOperation(r *http.Request) *operation {
	name, ok := strings.CutPrefix(r.URL.Path, "/service/"+m.Metadata.TargetPrefix+"/operation/")
	if !ok || r.Method != http.MethodPost {
		return nil
	}
	return m.Operations[name]
}

// cborRequest checks an accepted request: headers and body.
func (m *model) cborRequest(s *shape, r *http.Request, body []byte) []string {
	var bad []string
	if p := r.Header.Get("Smithy-Protocol"); p != "rpc-v2-cbor" {
		bad = append(bad, fmt.Sprintf("Smithy-Protocol is %q", p))
	}
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err == nil {
			body, err = io.ReadAll(io.LimitReader(z, 64<<20))
		}
		if err != nil {
			return append(bad, "not gzip: "+err.Error())
		}
	}
	if len(body) > 0 && r.Header.Get("Content-Type") != "application/cbor" {
		bad = append(bad, fmt.Sprintf("content type %q", r.Header.Get("Content-Type")))
	}
	return append(bad, m.cborBody(body, s, false)...)
}

// cborResponse checks an answer: headers and body.
func (m *model) cborResponse(op *operation, k *keeper) []string {
	var bad []string
	if p := k.Header().Get("Smithy-Protocol"); p != "rpc-v2-cbor" {
		bad = append(bad, fmt.Sprintf("Smithy-Protocol is %q", p))
	}
	if op.Output == nil {
		if k.body.Len() > 0 {
			bad = append(bad, "a body, though the operation has no output")
		}
		return bad
	}
	if t := k.Header().Get("Content-Type"); t != "application/cbor" {
		bad = append(bad, fmt.Sprintf("content type %q", t))
	}
	return append(bad, m.cborBody(k.body.Bytes(), m.shape(op.Output), true)...)
}

func (m *model) cborBody(data []byte, s *shape, response bool) []string {
	if len(data) == 0 {
		if len(s.Required) > 0 {
			return []string{"empty body, required members are missing"}
		}
		return nil
	}
	v, err := readCBOR(data)
	if err != nil {
		return []string{"not CBOR: " + err.Error()}
	}
	c := jsonCheck{m: m, response: response, cbor: true}
	c.value("", v, s, nil)
	return c.bad
}

// cborError is the code and the members of an error answer.
func cborError(k *keeper) (code string, members []string, err error) {
	v, err := readCBOR(k.body.Bytes())
	if err != nil {
		return "", nil, fmt.Errorf("not CBOR: %w", err)
	}
	body, ok := v.(map[string]any)
	if !ok {
		return "", nil, errors.New("not a map")
	}
	for name := range body {
		members = append(members, name)
	}
	code, ok = body["__type"].(string)
	if !ok {
		return "", nil, errors.New("no __type")
	}
	return code[strings.LastIndex(code, "#")+1:], members, nil
}

var errShort = errors.New("it ends within an item")

// cborReader reads one item after the other.
type cborReader struct {
	data  []byte
	depth int
}

func readCBOR(data []byte) (any, error) {
	r := &cborReader{data: data}
	v, err := r.item()
	if err == nil && len(r.data) > 0 {
		err = fmt.Errorf("%d bytes after the item", len(r.data))
	}
	return v, err
}

// head is the major type and the argument; open says that the length is not given.
func (r *cborReader) head() (major byte, arg uint64, size int, open bool, err error) {
	if len(r.data) == 0 {
		return 0, 0, 0, false, errShort
	}
	b := r.data[0]
	r.data = r.data[1:]
	major = b >> 5
	switch low := b & 31; {
	case low < 24:
		return major, uint64(low), 0, false, nil
	case low == 31:
		return major, 0, 0, true, nil
	case low > 27:
		return major, 0, 0, false, fmt.Errorf("reserved head %#x", b)
	default:
		size = 1 << (low - 24)
	}
	if len(r.data) < size {
		return major, 0, 0, false, errShort
	}
	var buf [8]byte
	copy(buf[8-size:], r.data[:size])
	r.data = r.data[size:]
	return major, binary.BigEndian.Uint64(buf[:]), size, false, nil
}

func (r *cborReader) item() (any, error) {
	if r.depth++; r.depth > 64 {
		return nil, errors.New("nested deeper than 64")
	}
	defer func() { r.depth-- }()
	major, arg, size, open, err := r.head()
	if err != nil {
		return nil, err
	}
	switch major {
	case 0:
		return json.Number(strconv.FormatUint(arg, 10)), nil
	case 1:
		if arg > math.MaxInt64 {
			return nil, errors.New("a negative integer out of range")
		}
		return json.Number(strconv.FormatInt(-1-int64(arg), 10)), nil
	case 2, 3:
		return r.text(major, arg, open)
	case 4:
		list := []any{}
		for i := uint64(0); open || i < arg; i++ {
			if open && r.stop() {
				break
			}
			v, err := r.item()
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case 5:
		return r.mapping(arg, open)
	case 6:
		v, err := r.item()
		n, ok := v.(json.Number)
		if err != nil || arg != 1 || !ok {
			return nil, errors.Join(err, fmt.Errorf("tag %d of a %T", arg, v))
		}
		f, err := n.Float64()
		return cborTime(f), err
	}
	return simple(arg, size)
}

// stop takes the end of a thing of open length.
func (r *cborReader) stop() bool {
	if len(r.data) > 0 && r.data[0] == 0xff {
		r.data = r.data[1:]
		return true
	}
	return false
}

func (r *cborReader) text(major byte, n uint64, open bool) (any, error) {
	var all []byte
	for {
		if open {
			if r.stop() {
				break
			}
			m, arg, _, again, err := r.head()
			if err != nil || m != major || again {
				return nil, errors.Join(err, errors.New("a piece of another type"))
			}
			n = arg
		}
		if n > uint64(len(r.data)) {
			return nil, errShort
		}
		all = append(all, r.data[:n]...)
		if r.data = r.data[n:]; !open {
			break
		}
	}
	if major == 2 {
		return cborBytes(all), nil
	}
	if !utf8.Valid(all) {
		return nil, errors.New("a text that is not UTF-8")
	}
	return string(all), nil
}

func (r *cborReader) mapping(n uint64, open bool) (any, error) {
	out := map[string]any{}
	for i := uint64(0); open || i < n; i++ {
		if open && r.stop() {
			break
		}
		k, err := r.item()
		if err != nil {
			return nil, err
		}
		key, ok := k.(string)
		if _, twice := out[key]; !ok || twice {
			return nil, fmt.Errorf("key %v is no text, or there twice", k)
		}
		if out[key], err = r.item(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// simple is major type 7: constants and floats.
func simple(arg uint64, size int) (any, error) {
	switch {
	case size == 0 && arg == 20, size == 0 && arg == 21:
		return arg == 21, nil
	case size == 0 && arg == 22:
		return nil, nil
	case size == 4:
		return float(float64(math.Float32frombits(uint32(arg))))
	case size == 8:
		return float(math.Float64frombits(arg))
	}
	return nil, fmt.Errorf("simple value %d of %d bytes", arg, size)
}

func float(f float64) (any, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("the number %v", f)
	}
	return json.Number(strconv.FormatFloat(f, 'g', -1, 64)), nil
}
