package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// unsynced is a folder whose objects are not synced: corpora are made quickly and thrown away.
type unsynced struct{ *vault.Folder }

func (u unsynced) Create(_ context.Context, name string, body io.ReadSeeker, size int64, _ [32]byte) (vault.Entry, error) {
	path := filepath.Join(u.String(), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return vault.Entry{}, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if os.IsExist(err) {
		return vault.Entry{}, vault.ErrExists
	}
	if err != nil {
		return vault.Entry{}, err
	}
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return vault.Entry{}, err
	}
	if _, err := io.Copy(f, body); err != nil {
		return vault.Entry{}, err
	}
	return vault.Entry{Name: name, Size: size}, f.Close()
}

// Stage hides the folder's own, which syncs.
func (u unsynced) Stage() {}

// caseOf makes a sealed case with that many artefacts of that size; synced, as the product
// writes it, or not.
func caseOf(tb testing.TB, files, size int, synced bool) *vault.Folder {
	tb.Helper()
	folder, err := vault.NewFolder(filepath.Join(tb.TempDir(), "case"))
	if err != nil {
		tb.Fatal(err)
	}
	ctx := context.Background()
	var v vault.Vault = unsynced{folder}
	if synced {
		v = folder
	}
	c, err := evidence.CreateCase(ctx, v, evidence.CaseOptions{Title: "b", Operator: "b", Home: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	w, err := c.Begin(ctx, evidence.Header{})
	if err != nil {
		tb.Fatal(err)
	}
	var all errgroup.Group
	all.SetLimit(256)
	for i := range files {
		all.Go(func() error {
			body := make([]byte, size)
			_, _ = rand.NewChaCha8([32]byte{byte(i), byte(i >> 8), byte(i >> 16)}).Read(body)
			m := evidence.Meta{Artefact: "lambda.code", Name: fmt.Sprintf("payments.%06d.lambda.code.zip", i),
				Source: evidence.Source{ARN: "arn:aws:lambda:eu-central-1:123456789012:function:payments", Qualifier: fmt.Sprint(i)}}
			_, err := w.Put(ctx, m, func(out io.Writer) error { return inPieces(out, body) })
			return err
		})
	}
	if err := all.Wait(); err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Seal(ctx, evidence.StatusComplete); err != nil {
		tb.Fatal(err)
	}
	return folder
}

// inPieces writes as a download comes.
func inPieces(out io.Writer, body []byte) error {
	for len(body) > 0 {
		n := min(len(body), 16<<10)
		if _, err := out.Write(body[:n]); err != nil {
			return err
		}
		body = body[n:]
	}
	return nil
}

// BenchmarkVerify verifies 512 MiB of warm evidence, on one worker and on one a CPU, beside
// crypto/sha256 over the same bytes in memory: x-sha256 is the share of that speed.
func BenchmarkVerify(b *testing.B) {
	const files, size = 64, 8 << 20
	folder := caseOf(b, files, size, true)
	bytes := contents(b, folder)
	limit := func() time.Duration {
		start := time.Now()
		for _, body := range bytes {
			sha256.Sum256(body)
		}
		return time.Since(start)
	}
	for _, workers := range []int{1, runtime.GOMAXPROCS(0)} {
		b.Run(fmt.Sprintf("Workers%d", workers), func(b *testing.B) {
			var took, bare time.Duration
			for b.Loop() {
				bare += limit()
				start := time.Now()
				for p, err := range evidence.Verify(context.Background(), folder, evidence.VerifyOptions{Workers: workers}) {
					b.Fatalf("%+v %v", p, err)
				}
				took += time.Since(start)
			}
			b.ReportMetric(float64(bare)/float64(took)/float64(workers), "x-sha256-per-core")
			b.ReportMetric(float64(files*size)*float64(b.N)/took.Seconds()/1e9, "GB/s")
		})
	}
}

// contents are the payload's bytes in memory.
func contents(b *testing.B, folder *vault.Folder) (out [][]byte) {
	b.Helper()
	for e, err := range folder.List(context.Background(), "collections/") {
		if err != nil {
			b.Fatal(err)
		}
		if !strings.Contains(e.Name, "/data/") {
			continue
		}
		body, err := os.ReadFile(filepath.Join(folder.String(), e.Name))
		if err != nil {
			b.Fatal(err)
		}
		out = append(out, body)
	}
	return out
}

// BenchmarkVerifyManyFiles verifies a case of 100,000 files in a process of its own, with its
// peak of resident memory above that of --help.
func BenchmarkVerifyManyFiles(b *testing.B) {
	folder := caseOf(b, 100_000, 100, false)
	binary := filepath.Join(b.TempDir(), "freezeframe")
	// go run keeps the linked program in the build cache, which go build does not: linking it is
	// ten seconds of a processor.
	if out, err := exec.Command("go", "run", "-exec", "cp", "../cmd/freezeframe", binary).CombinedOutput(); err != nil {
		b.Fatalf("building: %v\n%s", err, out)
	}
	process := func(want int, args ...string) float64 {
		cmd := exec.Command(binary, args...)
		cmd.Env = append(os.Environ(), "FREEZEFRAME_HOME="+b.TempDir())
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		peak := watchResident(cmd.Process.Pid)
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != want {
			b.Fatalf("%v: %v\n%s", args, err, strings.TrimSpace(out.String()))
		}
		return peak()
	}
	idle := process(0, "--help")
	for b.Loop() {
		peak := process(6, "verify", folder.String()) // 6: nobody pinned the key here
		b.ReportMetric(peak-idle, "MiB-above-help")
		b.ReportMetric((peak-idle)/64, "x-of-64MiB")
	}
}

// BenchmarkOpenLongLedger opens a case with 1,000 events and appends one: what every command
// that writes begins with.
func BenchmarkOpenLongLedger(b *testing.B) {
	folder := caseOf(b, 1, 10, false)
	c, err := evidence.OpenCase(context.Background(), unsynced{folder})
	if err != nil {
		b.Fatal(err)
	}
	for range 1000 {
		if err := c.Record(context.Background(), evidence.Event{Type: evidence.EventNote}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		start := time.Now()
		c, err := evidence.OpenCase(context.Background(), folder)
		if err != nil {
			b.Fatal(err)
		}
		opened := time.Since(start)
		if err := c.Record(context.Background(), evidence.Event{Type: evidence.EventNote}); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(opened.Microseconds())/1000, "open-ms")
		b.ReportMetric(float64(time.Since(start).Microseconds())/1000, "open+append-ms")
		b.ReportMetric(opened.Seconds()/0.1, "x-of-100ms")
	}
}
