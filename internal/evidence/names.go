package evidence

import (
	"encoding/base64"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

const maxName = 100 // as the vault

// nameTable hands out safe file names, unique after case folding. Safe for concurrent use.
type nameTable struct {
	mu   sync.Mutex
	used map[string]bool
	last map[string]int // number given to a name that was taken: looking for it from 2 on each time is quadratic
}

func newNameTable() *nameTable { return &nameTable{used: map[string]bool{}, last: map[string]int{}} }

// take makes a free name of a hint, which may come from the attacker.
func (t *nameTable) take(hint string) string {
	name := safeName(hint)
	t.mu.Lock()
	defer t.mu.Unlock()
	ext := path.Ext(name)
	if len(ext) > 12 {
		ext = ""
	}
	stem := strings.TrimSuffix(name, ext)
	asked := strings.ToLower(name)
	for n := max(2, t.last[asked]+1); t.used[strings.ToLower(name)]; n++ {
		suffix := fmt.Sprintf("-%d%s", n, ext)
		name = stem[:min(len(stem), maxName-len(suffix))] + suffix
		t.last[asked] = n
	}
	t.used[strings.ToLower(name)] = true
	return name
}

// free gives a name back: nothing was stored under it.
func (t *nameTable) free(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.used, strings.ToLower(name))
}

// safeName maps any bytes to [A-Za-z0-9._-], at most maxName of them, that begin with a
// letter, a digit or '_', and mean nothing special to a shell or to Windows.
func safeName(hint string) string {
	var b strings.Builder
	for _, r := range hint {
		if b.Len() == maxName {
			break
		}
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '-', r == '_':
			b.WriteByte(byte(r))
		default:
			b.WriteByte('_')
		}
	}
	name := strings.TrimRight(strings.TrimLeft(b.String(), ".-"), ".")
	if name == "" {
		name = "item"
	}
	if isDevice(name) {
		name = "_" + name[:min(len(name), maxName-1)]
	}
	return name
}

// isDevice: Windows opens a device for these, whatever the extension.
func isDevice(name string) bool {
	stem, _, _ := strings.Cut(strings.ToLower(name), ".")
	if slices.Contains([]string{"con", "prn", "aux", "nul"}, stem) {
		return true
	}
	return len(stem) == 4 && (strings.HasPrefix(stem, "com") || strings.HasPrefix(stem, "lpt")) && '0' <= stem[3] && stem[3] <= '9'
}

// keepName keeps the original name as data: as text, or as base64url where it is not UTF-8.
func keepName(m Meta) Meta {
	if !utf8.ValidString(m.Name) {
		m.NameB64 = base64.RawURLEncoding.EncodeToString([]byte(m.Name))
		m.Name = strings.ToValidUTF8(m.Name, "\uFFFD")
	}
	return m
}
