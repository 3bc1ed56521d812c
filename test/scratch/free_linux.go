package scratch

import "syscall"

// free is how many bytes a folder has room for, none if it cannot be told.
func free(dir string) uint64 {
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil {
		return 0
	}
	return s.Bavail * uint64(s.Bsize)
}
