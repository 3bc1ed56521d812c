package tsa

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unicode/utf8"
)

// stored are tokens of openssl 3.0 over theDigest. Their keys are thrown away and their
// certificates ran out a day later: whoever reads a case reads it after that.
//
//	openssl ts -verify -in rsa.tsr -CAfile rsa.pem -digest fe869d39... -attime 1795489500
func stored(t testing.TB) (tokens map[string][]byte, roots *x509.CertPool) {
	t.Helper()
	tokens, roots = map[string][]byte{}, x509.NewCertPool()
	for name := range storedInfo() {
		token, err := os.ReadFile(filepath.Join("testdata", name+".tsr"))
		if err != nil {
			t.Fatal(err)
		}
		ca, err := os.ReadFile(filepath.Join("testdata", name+".pem"))
		if err != nil || !roots.AppendCertsFromPEM(ca) {
			t.Fatal(name, err)
		}
		tokens[name] = token
	}
	return tokens, roots
}

func storedInfo() map[string]Info {
	at := func(ms int) time.Time { return time.Date(2026, 11, 24, 2, 52, 32, ms*1_000_000, time.UTC) }
	accuracy := 1500100 * time.Microsecond
	return map[string]Info{
		"rsa":   {Time: at(368), Accuracy: accuracy, Serial: "0x01", TSA: "CN=Stamps rsa,O=Test", Policy: "1.2.3.4.1", Trusted: true},
		"ecdsa": {Time: at(459), Accuracy: accuracy, Serial: "0x02", TSA: "CN=Stamps ecdsa,O=Test", Policy: "1.2.3.4.1", Trusted: true},
	}
}

// TestStored needs no openssl.
func TestStored(t *testing.T) {
	tokens, roots := stored(t)
	for name, want := range storedInfo() {
		got, err := Verify(tokens[name], theDigest, roots)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v\nwant %+v", name, got, err, want)
		}
	}
	if _, err := Verify(tokens["rsa"], [32]byte{}, roots); !errors.Is(err, ErrMismatch) {
		t.Error(err)
	}
}

// FuzzVerify: no input panics, and none is trusted that says what was not stamped.
func FuzzVerify(f *testing.F) {
	tokens, roots := stored(f)
	for _, token := range tokens {
		f.Add(token)
	}
	forger := newForger(f)
	f.Add(forger.token(func(p *plan) { p.tail = allOptions() }))
	f.Add(forger.token(func(p *plan) { p.sigAlg = element(0x30, oid(oidRSAPSS), pssParams(oidSHA256, 32)) }))
	f.Add(element(0x30, element(0x30, []byte{2, 1, 2}, element(0x30, element(0x0c, []byte("no"))), []byte{3, 2, 5, 0x20})))
	f.Fuzz(func(t *testing.T, tsr []byte) {
		if got, err := Verify(tsr, theDigest, nil); utf8.RuneCountInString(got.TSA) > maxName || got.Trusted || (err != nil) != (got == Info{}) {
			t.Fatalf("%+v, %v", got, err)
		}
		got, err := Verify(tsr, theDigest, roots)
		if err != nil {
			if got.Trusted || len(err.Error()) > 4000 {
				t.Fatalf("%+v, %v", got, err)
			}
			return
		}
		for _, want := range storedInfo() {
			if got == want {
				return
			}
		}
		t.Fatalf("trusted: %+v", got)
	})
}
