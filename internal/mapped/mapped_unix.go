//go:build darwin || freebsd || linux || netbsd || openbsd

package mapped

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// Copy writes what is left of a regular file, from its beginning, to w. done is false
// where the file is small, or cannot be mapped: nothing was written then.
func Copy(w io.Writer, f *os.File) (n int64, done bool, err error) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() < small {
		return 0, false, nil //nolint:nilerr // reading it the plain way will tell
	}
	for n < info.Size() {
		size := min(info.Size()-n, window)
		data, err := unix.Mmap(int(f.Fd()), n, int(size), unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			return n, n > 0, err
		}
		written, err := write(w, data)
		n += int64(written)
		if unmap := unix.Munmap(data); err == nil {
			err = unmap
		}
		if err != nil {
			return n, true, err
		}
	}
	return n, true, nil
}

// write hands pieces on. A page that is gone, because the file was truncated meanwhile, is
// an error and not the end of the process.
func write(w io.Writer, data []byte) (n int, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			if _, fault := p.(interface{ Addr() uintptr }); !fault {
				panic(p)
			}
			err = fmt.Errorf("%w at byte %d", ErrChanged, n)
		}
	}()
	const piece = 1 << 20
	for n < len(data) {
		m, err := w.Write(data[n:min(n+piece, len(data))])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
