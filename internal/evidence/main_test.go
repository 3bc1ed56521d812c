package evidence

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/freezeframe-ir/freezeframe/test/scratch"
)

// TestMain gives what the 'killed' leave behind a folder of its own, and runs more tests at
// once than there are processors: where files are on a disk, most of the time is waiting for it.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "8"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(scratch.Main(m))
}
