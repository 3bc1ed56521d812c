package vault

import (
	"fmt"
	"strings"
)

// CheckName accepts names whose segments are [A-Za-z0-9._-], at most 100 characters
// each and 1000 in all, not "." or "..", and not like a temporary file: names that
// mean the same on every file system and in every bucket.
func CheckName(name string) error {
	if len(name) > 1000 {
		return fmt.Errorf("%w: %d characters", ErrName, len(name))
	}
	for segment := range strings.SplitSeq(name, "/") {
		if !safeSegment(segment) {
			return fmt.Errorf("%w: %.120q", ErrName, name)
		}
	}
	return nil
}

func safeSegment(s string) bool {
	if s == "" || s == "." || s == ".." || len(s) > 100 || strings.HasPrefix(s, tempPrefix) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		ok := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			c == '.' || c == '_' || c == '-'
		if !ok {
			return false
		}
	}
	return true
}
