package faults

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// inRow is how often one request may be disturbed in a row: the client promises six
// tries, so the sixth must be let through for the run to be complete by promise, not by luck.
const inRow = 5

// chaos stands before the simulated account. By seed and order every request meets one of
// its faults, or none.
type chaos struct {
	next http.Handler

	mu     sync.Mutex
	random *rand.Rand // nil: no faults
	done   map[string]int
	row    map[string]int // request -> how often it was disturbed since it last got through
}

// kinds of faults, in percent.
var kinds = []struct {
	name    string
	percent int
}{
	{"throttle", 10}, {"error", 5}, {"reset", 3}, {"done, reply lost", 3}, {"slow", 5}, {"cut", 2},
}

func (c *chaos) pick(request string) (kind string, after time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.random == nil {
		return "", 0
	}
	at := c.random.IntN(100)
	after = time.Duration(50+c.random.IntN(250)) * time.Millisecond
	for _, k := range kinds {
		if at -= k.percent; at >= 0 {
			continue
		}
		switch {
		case k.name == "slow":
		case c.row[request] == inRow:
			delete(c.row, request)
			return "", 0
		default:
			c.row[request]++
		}
		c.done[k.name]++
		return k.name, after
	}
	delete(c.row, request)
	return "", 0
}

// requestName is the same for each try of one call: what is asked, without its signature.
func requestName(r *http.Request) (string, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	query := r.URL.Query()
	for name := range query {
		if strings.HasPrefix(name, "X-Amz-") {
			query.Del(name)
		}
	}
	return fmt.Sprintf("%s %s?%s %s %x", r.Method, r.URL.Path, query.Encode(), r.Header.Get("X-Amz-Target"), sha256.Sum256(body)), nil
}

func (c *chaos) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, err := requestName(r)
	if err != nil {
		return // the client broke off
	}
	kind, after := c.pick(name)
	switch kind {
	case "throttle":
		refuse(w, serviceOf(r), true)
	case "error":
		refuse(w, serviceOf(r), false)
	case "reset":
		reset(w)
	case "done, reply lost":
		c.next.ServeHTTP(httptest.NewRecorder(), r)
		reset(w)
	case "cut":
		c.cut(w, r)
	case "slow":
		time.Sleep(after)
		c.next.ServeHTTP(w, r)
	default:
		c.next.ServeHTTP(w, r)
	}
}

// cut answers with the first half of the body and breaks off.
func (c *chaos) cut(w http.ResponseWriter, r *http.Request) {
	rec := httptest.NewRecorder()
	c.next.ServeHTTP(rec, r)
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", fmt.Sprint(rec.Body.Len()))
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes()[:rec.Body.Len()/2]) // it is meant to break
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	reset(w)
}

func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // RST instead of FIN
	}
	_ = conn.Close()
}

// serviceOf is the service in the credential scope; presigned downloads are S3's.
func serviceOf(r *http.Request) string {
	_, scope, ok := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	parts := strings.Split(scope, "/")
	if !ok || len(parts) < 4 {
		return "s3"
	}
	return parts[3]
}

// refuse says it as the service's protocol does.
func refuse(w http.ResponseWriter, service string, throttle bool) {
	w.Header().Set("X-Amzn-Requestid", "11111111-2222-3333-4444-555555555555")
	switch service {
	case "lambda":
		code, status, body := "ServiceException", 500, `{"Type":"Service","Message":"internal"}`
		if throttle {
			code, status, body = "TooManyRequestsException", 429, `{"Reason":"CallerRateLimitExceeded","Type":"User","message":"Rate exceeded"}`
		}
		w.Header().Set("X-Amzn-Errortype", code)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	case "iam", "sts", "sns", "elasticloadbalancing", "cloudfront": // the query protocol, and what words errors like it
		code, status := "InternalFailure", 500
		if throttle {
			code, status = "Throttling", 400
		}
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>m</Message></Error><RequestId>r</RequestId></ErrorResponse>", code)
	case "ec2": // its own flavour of the query protocol
		code, status := "InternalError", 500
		if throttle {
			code, status = "RequestLimitExceeded", 503
		}
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<?xml version=\"1.0\"?><Response><Errors><Error><Code>%s</Code><Message>m</Message></Error></Errors><RequestID>r</RequestID></Response>", code)
	case "s3":
		code, status := "InternalError", 500
		if throttle {
			code, status = "SlowDown", 503
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>m</Message><RequestId>r</RequestId></Error>", code)
	case "monitoring": // RPC v2 in CBOR: a map of two texts
		code, status := "InternalServiceFault", 500
		if throttle {
			code, status = "ThrottlingException", 400
		}
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
		w.Header().Set("Content-Type", "application/cbor")
		w.WriteHeader(status)
		_, _ = w.Write(cbor.Encode(cbor.Map{"__type": cbor.String(code), "message": cbor.String("m")})) // the client broke off
	default:
		code, status := "InternalFailure", 500
		if throttle {
			code, status = "ThrottlingException", 400
		}
		w.Header().Set("X-Amzn-Errortype", code)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"__type":%q,"message":"m"}`, code)
	}
}
