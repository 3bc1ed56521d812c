// Package archive is a whole case as one file: every object of a vault as a member of a
// tar archive compressed with zstd, to hand over, to keep, and to verify where it lies,
// without unpacking it.
//
// The file is an ordinary .tar.zst (POSIX.1-2017 pax/ustar, RFC 8878): `tar --zstd -xf`
// and `zstd -d` read it. Beyond that
//
//   - the same objects give the same bytes: members in byte order of their names, mode
//     0400, owner 0 without a name, time 0, no directories, one thread, a fixed level;
//   - each member (header, content, padding) is a zstd frame of its own, and the last
//     frame holds the two zero blocks that end a tar archive, so that a reader jumps to
//     a member without inflating what lies before it.
//
// The bytes are those of one version of the compressor: another release of the library
// may compress differently, and then the content is the same, not the file's hash.
//
// Open reads archives made by other tools too, where members share frames. They hold
// regular files only, under the names that a vault allows: no directories, no links.
package archive

import "errors"

var (
	// ErrArchive: the file is no archive that Open takes: cut off, damaged, or made to
	// deceive. The error names the member, and the byte at which its frame starts.
	ErrArchive = errors.New("bad archive")
	// ErrReadOnly: an archive takes no objects.
	ErrReadOnly = errors.New("archive is read-only")
)

const (
	// maxWindow is the most that a frame may make the decoder remember, in bytes. RFC 8878
	// section 3.1.1.1.2 asks every decoder for 8 MiB; zstd passes it only at --ultra or --long.
	maxWindow = 8 << 20
	// window is what our frames use, as zstd does at its usual level 3.
	window = 2 << 20
	// tarBlock is the unit of a tar archive, and two of zeros are its end.
	tarBlock = 512
	// maxTail is how many bytes of zeros may follow the end: tar fills up its last record,
	// of 10 KiB unless it was told otherwise.
	maxTail = 1 << 20
)

// limits bound what opening an archive can cost in memory; Write keeps to them, so that
// what it writes can be opened.
type limits struct {
	members int   // how many objects
	names   int64 // bytes of all names together
	size    int64 // bytes of one object
}

func defaultLimits() limits { return limits{members: 2_000_000, names: 256 << 20, size: 1 << 40} }
