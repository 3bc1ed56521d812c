package awssim

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// The codec goes between the wire and the SDK's structs in two steps, with a
// plain tree between them:
//
//	wire bytes  <->  tree  <->  Go struct
//
// The first step is a protocol's business (codec_json.go, codec_query.go,
// codec_xml.go, codec_http.go), the second is reflection (codec_go.go). What must
// hold of every request and every answer is checked once, on the tree
// (codec_check.go), and CloudTrail records are derived from the same tree
// (trail_params.go).
//
// The tree's nodes are fields (a struct; keys are member names as AWS's shapes
// spell them), dict (a map), []any (a list), string, int64, float64, bool,
// []byte, time.Time and io.Reader (a streamed body). Absent is absent: there
// are no nulls.
type (
	fields map[string]any
	dict   map[string]any
)

// protocol is how a service puts trees on the wire.
type protocol interface {
	// decode reads the request's input; body is all of it, except for the
	// streamed member of a REST input, which comes as stream.
	decode(op *factOp, r *request) (fields, error)
	// encode makes the answer. now is the simulated time.
	encode(op *factOp, out fields, id string) (*response, error)
	// fault makes the answer to a failed call.
	fault(s *factService, op *factOp, e *apiError, id string) *response
}

// request is a request whose body was read.
type request struct {
	http   *http.Request
	path   map[string]string // labels of the path template, decoded
	body   []byte
	stream io.Reader // the body of a streamed input, instead of body
	size   int64
}

// response is an answer that can still be changed.
type response struct {
	status int
	header http.Header
	body   []byte
	stream io.Reader // after body, may be nil
	length int64     // of stream; -1 if unknown
	cut    bool      // in the middle, by a fault
}

func newResponse(status int, contentType string) *response {
	r := &response{status: status, header: http.Header{}, length: -1}
	if contentType != "" {
		r.header.Set("Content-Type", contentType)
	}
	return r
}

// protocolOf is the protocol with that name in the table of facts.
func protocolOf(name string) (protocol, error) {
	switch name {
	case "rest-json":
		return restJSON{}, nil
	case "json":
		return jsonRPC{}, nil
	case "query":
		return query{}, nil
	case "ec2":
		return ec2Query{}, nil
	case "rest-xml":
		return restXML{}, nil
	case cborName:
		return rpcCBOR{}, nil
	}
	return nil, fmt.Errorf("protocol %q is not spoken here", name)
}

// canonical writes an input so that equal inputs are equal text: all members,
// sorted maps, a streamed body as its hash, no idempotency tokens.
func canonical(b []byte, sh *shape, v any, bodyHash string) []byte {
	switch v := v.(type) {
	case fields:
		for _, m := range sh.members {
			if e, ok := v[m.name]; ok && !m.token {
				b = append(canonical(append(append(b, m.name...), '='), m.shape, e, bodyHash), ';')
			}
		}
		return b
	case dict:
		for _, k := range sortedKeys(v) {
			b = append(canonical(append(appendText(b, k), ':'), sh.elem.shape, v[k], bodyHash), ',')
		}
		return b
	case []any:
		for _, e := range v {
			b = append(canonical(b, sh.elem.shape, e, bodyHash), '|')
		}
		return b
	case io.Reader:
		return append(b, bodyHash...)
	}
	return appendScalar(b, v, "")
}

// Formats of timestamps.
const (
	tsUnix   = "unixTimestamp"
	tsISO    = "iso8601"
	tsHTTP   = "rfc822"
	isoMilli = "2006-01-02T15:04:05.000Z"
)

// formatTime writes t in the first format named: the member's own, the shape's,
// the protocol's default for that place.
func formatTime(t time.Time, milli bool, formats ...string) string {
	t = t.UTC()
	switch firstOf(formats) {
	case tsHTTP:
		return t.Format(http.TimeFormat)
	case tsUnix:
		return epoch(t)
	}
	if milli {
		return t.Format(isoMilli)
	}
	return t.Format(time.RFC3339)
}

func firstOf(s []string) string {
	for _, v := range s {
		if v != "" {
			return v
		}
	}
	return ""
}

// epoch is seconds since 1970 with as many decimals as there are milliseconds.
func epoch(t time.Time) string {
	ms := t.UnixMilli()
	if ms%1000 == 0 {
		return fmt.Sprint(ms / 1000)
	}
	s := fmt.Sprintf("%d.%03d", ms/1000, ms%1000)
	for s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	return s
}

// parseTime reads a timestamp that came as text, in any of AWS's formats:
// services are lenient about which one they are sent.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05Z0700", http.TimeFormat, time.RFC1123Z, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	var f float64
	if n, err := fmt.Sscanf(s, "%g", &f); err == nil && n == 1 {
		return epochTime(f), true
	}
	return time.Time{}, false
}

// epochTime is rounded to a millisecond, the finest that AWS keeps.
func epochTime(f float64) time.Time {
	return time.UnixMilli(int64(f*1000 + 0.5*sign(f))).UTC()
}

func sign(f float64) float64 {
	if f < 0 {
		return -1
	}
	return 1
}
