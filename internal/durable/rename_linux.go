package durable

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// renameExclusive renames temp to base only if base is free.
func renameExclusive(dir *os.Root, temp, base string) error {
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	fd := int(d.Fd())
	err = unix.Renameat2(fd, temp, fd, base, unix.RENAME_NOREPLACE)
	if err != nil {
		err = &os.LinkError{Op: "rename", Old: temp, New: base, Err: err}
	}
	return errors.Join(err, d.Close())
}

func isQuota(err error) bool { return errors.Is(err, syscall.EDQUOT) }
