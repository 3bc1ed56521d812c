package mapped

import "golang.org/x/sys/unix"

// Memory gives n bytes from the system, zeroed as they are used, in large pages where there are
// some: what is written once and read later in another order costs less so. The collector does not
// see them, so the heap does not grow because of them. Free gives them back.
func Memory(n int) []byte {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return make([]byte, n)
	}
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE) // a hint
	return b
}

// Free gives back what Memory gave. Nothing may look there any more.
func Free(b []byte) {
	_ = unix.Munmap(b) // an error: it is not of the system, and the collector's
}
