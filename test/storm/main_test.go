package storm

import (
	"os"
	"testing"

	"github.com/freezeframe-ir/freezeframe/test/scratch"
)

func TestMain(m *testing.M) { os.Exit(scratch.Main(m)) }
