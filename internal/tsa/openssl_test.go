package tsa

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// authority is a certificate authority and a time stamp authority, all of it openssl's.
type authority struct{ dir string }

const (
	rsaKey = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"
	p256   = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"
	p384   = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"

	forStamps = "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\n"
)

func needOpenSSL(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err == nil {
		return
	}
	if os.Getenv("FREEZEFRAME_CI") != "" {
		t.Fatal("no openssl")
	}
	t.Skip("SKIPPED LOUDLY: no openssl")
}

// try runs openssl in the authority's folder.
func (a authority) try(args string, rest ...string) (string, error) {
	cmd := exec.Command("openssl", append(strings.Fields(args), rest...)...)
	cmd.Dir = a.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (a authority) run(t testing.TB, args string, rest ...string) string {
	t.Helper()
	out, err := a.try(args, rest...)
	if err != nil {
		t.Fatalf("openssl %s %q: %v\n%s", args, rest, err, out)
	}
	return out
}

func (a authority) write(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (a authority) read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(a.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// newAuthority makes ca.pem, ca.key, tsa.pem and tsa.key. Every CA has the same name.
func newAuthority(t testing.TB, key string) authority {
	t.Helper()
	needOpenSSL(t)
	a := authority{t.TempDir()}
	a.write(t, "req.cnf", []byte("[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=ca\n[dn]\nCN=Test CA\n[ca]\nbasicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n"))
	a.run(t, "genpkey "+p256+" -out ca.key")
	a.run(t, "req -x509 -new -config req.cnf -key ca.key -days 3650 -out ca.pem")
	a.run(t, "genpkey "+key+" -out tsa.key")
	a.certify(t, "ca", "tsa", forStamps, 30)
	return a
}

// certify makes name.pem over name.key (or tsa.key), issued by issuer.
func (a authority) certify(t testing.TB, issuer, name, extensions string, days int) {
	t.Helper()
	key := name + ".key"
	if _, err := os.Stat(filepath.Join(a.dir, key)); err != nil {
		key = "tsa.key"
	}
	a.write(t, name+".ext", []byte(extensions))
	a.run(t, "req -new -config req.cnf -key "+key+" -out "+name+".csr", "-subj", "/O=Test/CN=Stamps of "+name)
	a.run(t, fmt.Sprintf("x509 -req -in %[1]s.csr -CA %[2]s.pem -CAkey %[2]s.key -CAcreateserial -extfile %[1]s.ext -days %[3]d -out %[1]s.pem", name, issuer, days))
}

// config writes tsa.cnf; what later lines say counts.
func (a authority) config(t testing.TB, lines ...string) {
	t.Helper()
	conf := map[string]string{}
	var order []string
	for _, l := range append([]string{
		"serial=serial", "signer_cert=tsa.pem", "signer_key=tsa.key", "signer_digest=sha256", "default_policy=1.2.3.4.1",
		"digests=sha256", "accuracy=secs:1, millisecs:500, microsecs:100", "clock_precision_digits=3", "ordering=yes",
		"tsa_name=yes", "ess_cert_id_alg=sha256",
	}, lines...) {
		k, v, _ := strings.Cut(l, "=")
		if _, ok := conf[k]; !ok {
			order = append(order, k)
		}
		conf[k] = v
	}
	out := "[tsa]\ndefault_tsa=t\n[t]\n"
	for _, k := range order {
		out += k + "=" + conf[k] + "\n"
	}
	a.write(t, "tsa.cnf", []byte(out))
}

// reply lets openssl answer a TimeStampReq by tsa.cnf.
func (a authority) reply(t testing.TB, query []byte) []byte {
	t.Helper()
	a.write(t, "q.tsq", query)
	os.Remove(filepath.Join(a.dir, "r.tsr"))
	a.run(t, "ts -reply -config tsa.cnf -queryfile q.tsq -out r.tsr")
	return a.read(t, "r.tsr")
}

func (a authority) stamp(t testing.TB, digest [32]byte, lines ...string) []byte {
	t.Helper()
	a.config(t, lines...)
	req, err := Request(digest, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a.reply(t, req)
}

// accepts asks openssl ts -verify about a TimeStampResp.
func (a authority) accepts(t testing.TB, tsr []byte, digest [32]byte, ca string, more ...string) bool {
	t.Helper()
	a.write(t, "judged.tsr", tsr)
	out, err := a.try("ts -verify -in judged.tsr -CAfile "+ca+" -digest "+hex.EncodeToString(digest[:]), more...)
	if ok := strings.Contains(out, "Verification: OK"); ok != (err == nil) {
		t.Fatalf("openssl says %v and\n%s", err, out)
	}
	if err != nil {
		t.Logf("openssl ts -verify: %s", out)
	}
	return err == nil
}

func (a authority) roots(t testing.TB, name string) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(a.read(t, name)) {
		t.Fatal("no certificate in " + name)
	}
	return pool
}

// resign puts openssl cms signatures over the TSTInfo of a token.
func (a authority) resign(t testing.TB, tsr []byte, args string) []byte {
	t.Helper()
	a.write(t, "old.tsr", tsr)
	a.run(t, "ts -reply -in old.tsr -token_out -out old.tok")
	a.run(t, "cms -verify -noverify -inform DER -in old.tok -out tst.der")
	a.run(t, "cms -sign -binary -nodetach -in tst.der -econtent_type 1.2.840.113549.1.9.16.1.4 -outform DER -out new.tok "+args)
	return element(0x30, granted(), a.read(t, "new.tok"))
}

func granted() []byte { return element(0x30, []byte{2, 1, 0}) }

// element is one DER element.
func element(tag byte, parts ...[]byte) []byte {
	content := bytes.Join(parts, nil)
	n := len(content)
	switch {
	case n < 128:
		return append([]byte{tag, byte(n)}, content...)
	case n < 256:
		return append([]byte{tag, 0x81, byte(n)}, content...)
	}
	return append([]byte{tag, 0x82, byte(n >> 8), byte(n)}, content...)
}

var theDigest = sha256.Sum256([]byte("freezeframe"))
