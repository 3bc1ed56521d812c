// Package scratch runs a package's tests where they cost little: their files lie in memory,
// where the machine has room for that, and garbage is collected less often than a service's
// would be. Both are for tests that stop at a call or kill a process, which leaves the same in
// memory as on a disk; a power cut is worked out of what was synced (test/kill).
package scratch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

const (
	memory = "/dev/shm"
	prefix = "freezeframe-tests-"
	room   = 4 << 30 // bytes that have to be free there
)

// Process is for the environment of processes under test whose memory is not: a quarter of
// what a short command takes is collecting garbage while it starts.
const Process = "GOGC=400"

// Main runs the tests and gives the exit code. Collecting garbage after every four megabytes
// was a fifth of the time of those that talk to a simulated account, syncing files to a disk
// two fifths of those that write cases.
func Main(m *testing.M) int {
	debug.SetGCPercent(400)
	// Each session reads the certificates of the machine's own choice anew, and a simulated
	// account shows none: that was a tenth of the time of those that open many sessions.
	if err := os.Unsetenv("AWS_CA_BUNDLE"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp(where(), fmt.Sprintf("%s%d-", prefix, os.Getpid()))
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		err = os.Setenv("TMPDIR", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// where is the folder in memory, or "" for the ordinary one, which of a process that a test
// started is in that test's. What was left there by tests that were killed is removed first:
// it is memory.
func where() string {
	if strings.HasPrefix(os.TempDir(), memory) {
		return ""
	}
	left, _ := filepath.Glob(filepath.Join(memory, prefix+"*"))
	for _, dir := range left {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), prefix), "-")
		if _, err := os.Stat("/proc/" + pid); errors.Is(err, fs.ErrNotExist) {
			_ = os.RemoveAll(dir)
		}
	}
	if free(memory) < room {
		return ""
	}
	return memory
}
