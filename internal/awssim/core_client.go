package awssim

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
)

// inProcess marks requests that came through Client.
type inProcess struct{}

// Client is an HTTP client whose requests reach the account without a socket, so
// that it works inside a testing/synctest bubble. Whatever host a request names,
// it ends here. Signatures are checked as over TCP, except for their date: history
// can be played with a clock that is set back. A request may say in
// X-Forwarded-For where it comes from.
func (c *Cloud) Client() *http.Client { return ClientOf(c) }

// ClientOf is Client for a handler around a Cloud: a checker, a recorder.
func ClientOf(h http.Handler) *http.Client {
	return &http.Client{
		Transport:     transport{h},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// transport hands a request to a handler.
type transport struct{ h http.Handler }

// RoundTrip runs the handler beside the caller, who gets the answer once its
// header is written and reads the body as it is made.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := newPipeWriter(req)
	go t.serve(w, serverSide(req))
	select {
	case <-w.ready:
		if w.err != nil {
			return nil, w.err
		}
		return w.resp, nil
	case <-ctx.Done():
		_ = w.reader.CloseWithError(ctx.Err())
		return nil, ctx.Err()
	}
}

// serve ends by closing the body, whatever the handler does.
func (t transport) serve(w *pipeWriter, r *http.Request) {
	defer func() {
		p := recover()
		_ = r.Body.Close()
		if p == nil {
			w.finish(nil)
			return
		}
		err, ok := p.(error)
		if !ok || !errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
		if w.resp != nil { // as net/http's client says it where a body is shorter than its Content-Length
			w.finish(io.ErrUnexpectedEOF)
			return
		}
		w.finish(&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET})
	}()
	t.h.ServeHTTP(w, r)
}

// serverSide is the request as a server would have read it.
func serverSide(req *http.Request) *http.Request {
	r := req.Clone(context.WithValue(req.Context(), inProcess{}, true))
	if r.Host == "" {
		r.Host = req.URL.Host
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	if r.Body == http.NoBody && r.ContentLength < 0 {
		r.ContentLength = 0
	}
	r.RequestURI = req.URL.RequestURI()
	r.RemoteAddr = "127.0.0.1:0"
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	return r
}

// pipeWriter turns what a handler writes into a response.
type pipeWriter struct {
	req    *http.Request
	header http.Header
	reader *io.PipeReader
	writer *io.PipeWriter
	once   sync.Once
	ready  chan struct{}
	resp   *http.Response
	err    error
}

func newPipeWriter(req *http.Request) *pipeWriter {
	r, w := io.Pipe()
	return &pipeWriter{req: req, header: http.Header{}, reader: r, writer: w, ready: make(chan struct{})}
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	w.once.Do(func() {
		length := int64(-1)
		if n := w.header.Get("Content-Length"); n != "" {
			length = parseLength(n)
		}
		w.resp = &http.Response{
			Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: w.header.Clone(), Body: w.reader, ContentLength: length, Request: w.req,
		}
		close(w.ready)
	})
}

func (w *pipeWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.req.Method == http.MethodHead || len(b) == 0 {
		return len(b), nil
	}
	return w.writer.Write(b)
}

func (w *pipeWriter) finish(err error) {
	if err != nil {
		w.once.Do(func() {
			w.err = err
			close(w.ready)
		})
		_ = w.writer.CloseWithError(err)
		return
	}
	w.WriteHeader(http.StatusOK)
	_ = w.writer.Close()
}

func parseLength(s string) int64 {
	var n int64
	for _, c := range s {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}
