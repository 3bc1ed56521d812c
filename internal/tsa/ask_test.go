package tsa

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

// serve answers requests at 127.0.0.1 with what answer makes of them.
func serve(t *testing.T, answer func(query []byte) []byte) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/timestamp-query" {
			t.Errorf("a request of %s %s: %v", r.Method, r.Header.Get("Content-Type"), err)
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		w.Write(answer(query))
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/secret-path"
}

func ask(t *testing.T, url string) ([]byte, time.Time, error) {
	t.Helper()
	return Ask(t.Context(), &http.Client{Timeout: time.Minute}, url, theDigest, rand.Reader)
}

// TestRequest compares with what openssl writes for the same digest and nonce.
func TestRequest(t *testing.T) {
	needOpenSSL(t)
	a := authority{t.TempDir()}
	sum := hex.EncodeToString(theDigest[:])
	a.run(t, "ts -query -sha256 -cert -out q.tsq -digest "+sum)
	said := regexp.MustCompile(`Nonce: 0x([0-9A-F]+)`).FindStringSubmatch(a.run(t, "ts -query -in q.tsq -text"))
	nonce, ok := new(big.Int).SetString(said[1], 16)
	if !ok {
		t.Fatal(said)
	}
	for _, c := range []struct {
		nonce *big.Int
		want  string
	}{
		{nonce, "Nonce: 0x" + said[1]},
		{big.NewInt(0x80), "Nonce: 0x80"},
		{big.NewInt(0), "Nonce: 0x0"},
		{nil, "Nonce: unspecified"},
	} {
		got, err := Request(theDigest, c.nonce)
		if err != nil {
			t.Fatal(err)
		}
		if c.nonce == nonce && !bytes.Equal(got, a.read(t, "q.tsq")) {
			t.Errorf("our request\n%x, openssl's\n%x", got, a.read(t, "q.tsq"))
		}
		a.write(t, "ours.tsq", got)
		text := a.run(t, "ts -query -in ours.tsq -text")
		for _, want := range []string{"Version: 1", "Hash Algorithm: sha256", "Certificate required: yes", "Policy OID: unspecified", c.want} {
			if !strings.Contains(text, want) {
				t.Errorf("openssl does not see %q in\n%s", want, text)
			}
		}
	}
	for _, bad := range []*big.Int{big.NewInt(-1), new(big.Int).Lsh(big.NewInt(1), 160)} {
		if _, err := Request(theDigest, bad); err == nil {
			t.Errorf("nonce %v is taken", bad)
		}
	}
}

// TestAsk has openssl answer, judge the answer, and refuse what we must refuse.
func TestAsk(t *testing.T) {
	for _, c := range []struct {
		name, key string
		lines     []string
		between   bool // an intermediate CA, in the token alone
	}{
		{"rsa", rsaKey, nil, false},
		{"rsa sha512, chain", rsaKey, []string{"signer_digest=sha512", "certs=mid.pem"}, true},
		{"ecdsa", p256, []string{"tsa_name=no", "ordering=no", "clock_precision_digits=0"}, false},
		{"ecdsa sha384, ess sha512", p384, []string{"signer_digest=sha384", "ess_cert_id_alg=sha512"}, false},
		{"ecdsa sha512, ess v1, whole chain", p384, []string{"signer_digest=sha512", "ess_cert_id_alg=sha1", "certs=mid.pem", "ess_cert_id_chain=yes"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, other := newAuthority(t, c.key), newAuthority(t, p256)
			a.write(t, "other.pem", other.read(t, "ca.pem"))
			if c.between {
				a.run(t, "genpkey "+p256+" -out mid.key")
				a.certify(t, "ca", "mid", "basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n", 30)
				a.certify(t, "mid", "tsa", forStamps, 30)
			}
			a.config(t, c.lines...)
			token, at, err := ask(t, serve(t, func(q []byte) []byte { return a.reply(t, q) }))
			if err != nil {
				t.Fatal(err)
			}
			info, err := Verify(token, theDigest, a.roots(t, "ca.pem"))
			if err != nil || !info.Trusted || !info.Time.Equal(at) || time.Since(at).Abs() > time.Minute {
				t.Fatalf("%+v at %s: %v", info, at, err)
			}
			if info.TSA != "CN=Stamps of tsa,O=Test" || info.Policy != "1.2.3.4.1" || info.Accuracy != 1500100*time.Microsecond {
				t.Errorf("%+v", info)
			}
			a.saysTheSame(t, token, info)
			if !a.accepts(t, token, theDigest, "ca.pem") {
				t.Error("openssl refuses the token")
			}

			wrong := theDigest
			wrong[31] ^= 1
			if _, err := Verify(token, wrong, nil); !errors.Is(err, ErrMismatch) || a.accepts(t, token, wrong, "ca.pem") {
				t.Errorf("another digest: %v", err)
			}
			info.Trusted = false
			got, err := Verify(token, theDigest, other.roots(t, "ca.pem"))
			if !errors.Is(err, ErrUntrusted) || got != info || a.accepts(t, token, theDigest, "other.pem") {
				t.Errorf("another CA of the same name: %+v, %v", got, err)
			}
			if got, err := Verify(token, theDigest, nil); err != nil || got != info {
				t.Errorf("no roots: %+v, %v", got, err)
			}
		})
	}
}

// saysTheSame compares with what openssl prints of the token.
func (a authority) saysTheSame(t *testing.T, token []byte, info Info) {
	t.Helper()
	a.write(t, "said.tsr", token)
	text := a.run(t, "ts -reply -in said.tsr -text")
	layout := "Jan _2 15:04:05 2006 GMT"
	if info.Time.Nanosecond() != 0 {
		layout = "Jan _2 15:04:05.999 2006 GMT"
	}
	for _, want := range []string{"Serial number: " + info.Serial + "\n", "Time stamp: " + info.Time.Format(layout) + "\n", "Accuracy: 0x01 seconds, 0x01F4 millis, 0x64 micros\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("openssl does not say %q but\n%s", want, text)
		}
	}
}

// TestAskRefusals: answers that are another's, or none.
func TestAskRefusals(t *testing.T) {
	a := newAuthority(t, p256)
	query := func(args string) []byte {
		a.run(t, "ts -query -cert -out other.tsq "+args)
		return a.read(t, "other.tsq")
	}
	sum := hex.EncodeToString(theDigest[:])
	for _, c := range []struct {
		name   string
		lines  []string
		answer func(q []byte) []byte
		want   error
		text   string
	}{
		{"another nonce", nil, func([]byte) []byte { return a.reply(t, query("-sha256 -digest "+sum)) }, ErrMismatch, "nonce"},
		{"no nonce", nil, func([]byte) []byte { return a.reply(t, query("-sha256 -no_nonce -digest "+sum)) }, ErrMismatch, "nonce"},
		{"another digest, same nonce", nil, func(q []byte) []byte {
			return a.reply(t, bytes.Replace(q, theDigest[:], bytes.Repeat([]byte{7}, 32), 1))
		}, ErrMismatch, strings.Repeat("07", 32)},
		{"another algorithm, same nonce", []string{"digests=sha512-256"}, func(q []byte) []byte {
			sha256OID, sha512256 := []byte{0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1}, []byte{0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 6}
			return a.reply(t, bytes.Replace(q, sha256OID, sha512256, 1))
		}, ErrMismatch, "2.16.840.1.101.3.4.2.6"},
		{"refused", []string{"digests=sha512"}, nil, ErrRefused, `status 2, badAlg: "Message digest algorithm is not supported."`},
		{"refused with an essay", nil, func([]byte) []byte {
			essay := element(0x30, element(0x0c, []byte("\x1b[2J"+strings.Repeat("no ", 5000))))
			return element(0x30, element(0x30, []byte{2, 1, 2}, essay, []byte{3, 2, 5, 0x20}))
		}, ErrRefused, `, badRequest: "\x1b[2Jno no `},
		{"waiting", nil, func([]byte) []byte { return element(0x30, element(0x30, []byte{2, 1, 3})) }, ErrRefused, "status 3"},
		{"a huge status", nil, func([]byte) []byte {
			return element(0x30, element(0x30, element(2, bytes.Repeat([]byte{1}, 5000))))
		}, ErrInvalid, "5000 bytes"},
		{"granted, and nothing", nil, func([]byte) []byte { return element(0x30, granted()) }, ErrInvalid, ""},
		{"nothing", nil, func([]byte) []byte { return nil }, ErrInvalid, ""},
		{"no certificate", nil, func(q []byte) []byte { // certReq, the last byte, FALSE
			return a.reply(t, append(bytes.Clone(q[:len(q)-1]), 0))
		}, ErrInvalid, "none of its 0 certificates"},
		{"trailing data", nil, func(q []byte) []byte { return append(a.reply(t, q), 0) }, ErrInvalid, "1 bytes after"},
		{"oversized", nil, func(q []byte) []byte { return append(a.reply(t, q), make([]byte, maxToken)...) }, ErrInvalid, "more than 65536"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a.config(t, c.lines...)
			if c.answer == nil {
				c.answer = func(q []byte) []byte { return a.reply(t, q) }
			}
			token, at, err := ask(t, serve(t, c.answer))
			if !errors.Is(err, c.want) || token != nil || !at.IsZero() {
				t.Fatalf("%d bytes, %s, %v; want %v", len(token), at, err, c.want)
			}
			if s := err.Error(); !strings.Contains(s, c.text) || len(s) > 1500 || strings.ContainsAny(s, "\x1b\n") || strings.Contains(s, "secret") {
				t.Errorf("%q (%d bytes), want %q in it", s, len(s), c.text)
			}
		})
	}
}

// TestAskNonce: it comes from rand, and fits into a signed 64-bit integer.
func TestAskNonce(t *testing.T) {
	var got []byte
	url := serve(t, func(q []byte) []byte { got = q; return nil })
	if _, _, err := Ask(t.Context(), nil, url, theDigest, bytes.NewReader(bytes.Repeat([]byte{0xff}, 8))); !errors.Is(err, ErrInvalid) {
		t.Fatal(err)
	}
	want, err := Request(theDigest, big.NewInt(1<<63-1))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("sent %x, want %x, %v", got, want, err)
	}
}

// TestAskHTTP: what a web server may do instead.
func TestAskHTTP(t *testing.T) {
	followed := false
	mux := http.NewServeMux()
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/target", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/target", func(http.ResponseWriter, *http.Request) { followed = true })
	mux.HandleFunc("/html", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>pay for the hotel's wifi") })
	mux.HandleFunc("/error", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/timestamp-reply")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/timestamp-reply")
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	})
	release := make(chan struct{})
	mux.HandleFunc("/silent", func(http.ResponseWriter, *http.Request) { <-release })
	srv := httptest.NewServer(mux)
	t.Cleanup(func() { close(release); srv.Close() })

	for path, want := range map[string]string{
		"/redirect": "HTTP status 307", "/html": "text/html", "/error": "HTTP status 503", "/endless": "more than 65536", "/gone": "HTTP status 404",
	} {
		if _, _, err := ask(t, srv.URL+path+"?key=secret"); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if followed {
		t.Error("a redirect was followed")
	}

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := Ask(ctx, nil, srv.URL+"/silent?key=secret", theDigest, rand.Reader); !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "secret") {
		t.Errorf("a silent server: %v", err)
	}
	if _, _, err := Ask(t.Context(), nil, srv.URL, theDigest, strings.NewReader("short")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("no randomness: %v", err)
	}
	for _, url := range []string{"", "ftp://127.0.0.1/secret", "file:///secret", "http:///secret", "127.0.0.1:80", "http://127.0.0.1\x7f/secret", "http://[::1/secret"} {
		if _, _, err := Ask(t.Context(), nil, url, theDigest, rand.Reader); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", url, err)
		}
	}
}
