package evidence

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// TestMain gives what the 'killed' leave behind a folder of its own, and runs more tests at
// once than there are processors: most of their time is waiting for the disk.
func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "evidence")
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	if err == nil {
		err = flag.Set("test.parallel", "8")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	return m.Run()
}
