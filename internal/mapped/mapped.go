// Package mapped reads a file through memory mapping, where the system can: hashing a warm
// file then costs the hash and not a copy of every byte besides. It gives memory outside of the heap, too.
package mapped

import "errors"

// ErrChanged: the file became shorter, or unreadable, while it was read.
var ErrChanged = errors.New("file changed while it was read")

// window is how much is mapped at once. Small ones measured faster than large ones, and than
// asking for pages in advance.
const window = 4 << 20

// small is what reading costs less than mapping.
const small = 128 << 10
