//go:build darwin || freebsd || linux || netbsd || openbsd

package durable

import (
	"os"
	"syscall"
)

// hold marks a file as being written, for as long as this process lives: the kernel lets
// go of the lock when the process is killed. A file system without locks leaves it unmarked.
func hold(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// held says whether a living process holds the file.
func held(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil
}
