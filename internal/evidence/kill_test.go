package evidence

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const killEnv = "FREEZEFRAME_TEST_KILL_CASE"

// TestHelperWrites is the process that TestKill kills: it fills bag after bag.
func TestHelperWrites(t *testing.T) {
	dir := os.Getenv(killEnv)
	if dir == "" {
		return // not a test of its own
	}
	v, err := vault.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := OpenCase(ctx, v)
	if err != nil {
		t.Fatal(err)
	}
	for {
		mustFill(t, c)
		mustDerive(t, c)
	}
}

// Real SIGKILLs, as a sample that the model of TestStopAtEachWrite is that of the
// operating system: the same case takes twelve of them and is never damaged.
func TestKill(t *testing.T) {
	v := newFolder(t)
	newCase(t, v, t.TempDir())
	for i := range 12 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestHelperWrites$")
		cmd.Env = append(os.Environ(), killEnv+"="+v.String())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(40+13*i) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatalf("the writer ended by itself: %v", err)
		}
		cmd.Wait()
		neverDamaged(t, v, 1000+i, errInjected)
	}
	bags, err := filepath.Glob(filepath.Join(v.String(), "collections", "*"))
	if err != nil || len(bags) < 12 {
		t.Errorf("only %d bags were begun: nothing was killed while writing (%v)", len(bags), err)
	}
	c, err := OpenCase(ctx, v)
	if err != nil {
		t.Fatal(err)
	}
	mustFill(t, c)
}
