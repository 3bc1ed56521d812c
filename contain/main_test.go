package contain

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets more garbage lie than usual: these tests make much and hold little, and
// collecting it after every four megabytes was a fifth of their time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
