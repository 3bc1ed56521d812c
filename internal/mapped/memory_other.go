//go:build !linux

package mapped

// Memory gives n bytes. Free gives them back.
func Memory(n int) []byte { return make([]byte, n) }

// Free gives back what Memory gave. Nothing may look there any more.
func Free([]byte) {}
