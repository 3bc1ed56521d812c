package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

const tsaMaker = `set -e
printf '[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=ca\n[dn]\nCN=Test CA\n[ca]\nbasicConstraints=critical,CA:TRUE\n' > req.cnf
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ca.key
openssl req -x509 -new -config req.cnf -key ca.key -days 30 -out ca.pem
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out tsa.key
openssl req -new -config req.cnf -key tsa.key -out tsa.csr -subj '/CN=Stamps'
printf 'extendedKeyUsage=critical,timeStamping\n' > tsa.ext
openssl x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile tsa.ext -days 30 -out tsa.pem
printf '[tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_cert=tsa.pem\nsigner_key=tsa.key\nsigner_digest=sha256\ndefault_policy=1.2.3.4\ndigests=sha256\ness_cert_id_alg=sha256\n' > tsa.cnf
echo 01 > serial`

// TestTimeStamps has openssl stamp a case, and judge the stamp.
func TestTimeStamps(t *testing.T) {
	dir := t.TempDir()
	sh := func(want bool, script string) string {
		t.Helper()
		cmd := exec.Command("sh", "-c", script)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if (err == nil) != want {
			t.Fatalf("%s: %v\n%s", script, err, out)
		}
		return string(out)
	}
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("FREEZEFRAME_CI") != "" {
			t.Fatal("no openssl")
		}
		t.Skip("SKIPPED LOUDLY: no openssl")
	}
	sh(true, tsaMaker)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := io.ReadAll(r.Body)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "q.tsq"), query, 0o600)
		}
		if err != nil {
			t.Error(err)
			return
		}
		sh(true, "openssl ts -reply -config tsa.cnf -queryfile q.tsq -out r.tsr")
		reply, err := os.ReadFile(filepath.Join(dir, "r.tsr"))
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		_, _ = w.Write(reply) // the client tells
	}))
	t.Cleanup(server.Close)
	a := &bench.Account{Keys: awssim.Credentials{}}
	run := func(want int, args ...string) string {
		t.Helper()
		code, out, err := process(a, "http://127.0.0.1:1", dir, args...)
		if err != nil || code != want {
			t.Fatalf("%v: exit code %d, want %d: %v\n%s", args, code, want, err, out)
		}
		return string(out)
	}
	run(ui.ExitOK, "case", "open", "case", "--title", "t", "--authority", "a", "--operator", "o")
	if out := run(ui.ExitOK, "case", "seal", "--tsa", server.URL); !strings.Contains(out, "time-stamped: ledger/heads/00000000.tsr") {
		t.Error(out)
	}
	sh(true, "openssl ts -verify -data case/ledger/heads/00000000.txt -in case/ledger/heads/00000000.tsr -CAfile ca.pem")
	run(ui.ExitOK, "case", "transfer", "--to", "b", "--reason", "r")
	if out := run(ui.ExitOK, "verify", "--tsa-ca", "ca.pem"); !strings.Contains(out, "event 0 existed at") || !strings.Contains(out, "leads to --tsa-ca") {
		t.Error(out)
	}
	if out := run(ui.ExitOK, "verify"); !strings.Contains(out, "was held against nothing") {
		t.Error(out)
	}
	// Another authority's word, a stamp over another head, and none at all.
	sh(true, "cp ca.pem good.pem && openssl req -x509 -new -config req.cnf -key tsa.key -days 30 -out ca.pem")
	if out := run(ui.ExitDamaged, "verify", "--tsa-ca", "ca.pem"); !strings.Contains(out, "00000000.tsr: the time stamp does not hold") {
		t.Error(out)
	}
	sh(true, "cp case/ledger/heads/00000000.tsr case/ledger/heads/00000001.tsr")
	if out := run(ui.ExitDamaged, "verify"); !strings.Contains(out, "00000001.tsr: the time stamp does not hold") {
		t.Error(out)
	}
	sh(true, "rm case/ledger/heads/00000001.tsr && chmod u+w case/ledger/heads/00000000.tsr && rm case/ledger/heads/00000000.tsr")
	if out := run(ui.ExitDamaged, "verify"); !strings.Contains(out, "00000000.tsr: missing") {
		t.Error(out)
	}
	run(ui.ExitIncomplete, "case", "seal", "--tsa", "http://127.0.0.1:1")
}
