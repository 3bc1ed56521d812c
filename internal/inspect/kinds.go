package inspect

import (
	"bytes"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"
)

// Kind is what a file is, by its first bytes.
type Kind string

// Kinds.
const (
	Text       Kind = "text"
	Script     Kind = "script" // begins with #!
	ELF        Kind = "ELF"    // Linux executable or library
	MachO      Kind = "Mach-O"
	PE         Kind = "PE"
	Wasm       Kind = "WebAssembly"
	JavaClass  Kind = "Java class"
	Archive    Kind = "archive" // zip, jar, gzip, zstd, tar, bzip2, xz, 7z, rar
	Bytecode   Kind = "Python bytecode"
	Binary     Kind = "binary"
	Empty      Kind = "empty"
	Directory  Kind = "directory"
	Unreadable Kind = "unreadable"
)

// Executable says whether the kind is machine code or a script with an interpreter line.
func (k Kind) Executable() bool {
	return k == ELF || k == MachO || k == PE || k == Script || k == Wasm
}

// sniffed is how much of a file its kind is told by.
const sniffed = 512

type magic struct {
	at    int
	bytes string
	kind  Kind
}

func magics() []magic {
	return []magic{
		{0, "\x7fELF", ELF},
		{0, "\xfe\xed\xfa\xce", MachO}, {0, "\xfe\xed\xfa\xcf", MachO}, {0, "\xce\xfa\xed\xfe", MachO}, {0, "\xcf\xfa\xed\xfe", MachO},
		{0, "\x00asm", Wasm}, {0, "#!", Script},
		{0, "PK\x03\x04", Archive}, {0, "PK\x05\x06", Archive}, {0, "\x1f\x8b", Archive}, {0, "\x28\xb5\x2f\xfd", Archive},
		{0, "BZh", Archive}, {0, "\xfd7zXZ\x00", Archive}, {0, "7z\xbc\xaf\x27\x1c", Archive}, {0, "Rar!\x1a\x07", Archive},
		{257, "ustar", Archive},
	}
}

func kindOf(name string, head []byte) Kind {
	if len(head) == 0 {
		return Empty
	}
	for _, m := range magics() {
		if len(head) >= m.at+len(m.bytes) && string(head[m.at:m.at+len(m.bytes)]) == m.bytes {
			return m.kind
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xca\xfe\xba\xbe")):
		if path.Ext(name) == ".class" {
			return JavaClass
		}
		return MachO // a universal binary begins as a class does
	case bytes.HasPrefix(head, []byte("MZ")) && len(head) > 64:
		return PE
	case path.Ext(name) == ".pyc" && len(head) >= 4 && head[2] == '\r' && head[3] == '\n':
		return Bytecode
	case isText(head):
		return Text
	}
	return Binary
}

// isText: valid UTF-8 (but for a character cut at the end) without control characters.
func isText(head []byte) bool {
	for cut := 0; cut < utf8.UTFMax && cut < len(head); cut++ {
		if utf8.Valid(head[:len(head)-cut]) {
			head = head[:len(head)-cut]
			break
		}
	}
	if !utf8.Valid(head) {
		return false
	}
	for _, b := range head {
		if b < ' ' && !strings.ContainsRune("\t\n\r\f\x1b", rune(b)) {
			return false
		}
	}
	return true
}

func kindOfMode(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "symbolic link"
	case m&fs.ModeDevice != 0:
		return "device"
	case m&fs.ModeNamedPipe != 0:
		return "named pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	}
	return "special file"
}
