package collect

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets more garbage lie than usual: these tests make much and hold little, and
// collecting it after every four megabytes was a fifth of their time. Those that bound memory
// count what is allocated, or collect before they look.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
