//go:build !linux

package durable

import (
	"errors"
	"fmt"
	"os"
)

// renameExclusive: there is no portable rename that refuses to replace.
func renameExclusive(_ *os.Root, temp, base string) error {
	return fmt.Errorf("link %s to %s: this file system has no hard links: %w", temp, base, errors.ErrUnsupported)
}

func isQuota(error) bool { return false }
