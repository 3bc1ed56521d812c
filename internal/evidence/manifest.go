package evidence

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// errManifest: a manifest line is not what sha256sum and RFC 8493 both read the same way.
var errManifest = errors.New("bad manifest line")

type manifestLine struct {
	hash string // 64 lower-case hex digits
	path string // relative to the bag
}

// formatManifest is the manifest as sha256sum writes it, by path.
func formatManifest(files map[string]string) []byte {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(files)) {
		b.WriteString(files[path] + "  " + path + "\n")
	}
	return []byte(b.String())
}

func twinError(path string) error { return fmt.Errorf("%w: a second line for %s", errManifest, path) }

// parseManifest is manifestLines with an error for two lines for one path too, also when
// only case differs.
func parseManifest(r io.Reader) iter.Seq2[manifestLine, error] {
	return func(yield func(manifestLine, error) bool) {
		seen := map[string]bool{}
		for line, err := range manifestLines(r) {
			folded := strings.ToLower(line.path)
			if err == nil && seen[folded] {
				err = twinError(line.path)
			}
			seen[folded] = true
			if !yield(line, err) {
				return
			}
		}
	}
}

// manifestLines yields lines, and an error for each bad one: a path that leads out of
// the bag, anything but the form we write.
func manifestLines(r io.Reader) iter.Seq2[manifestLine, error] {
	return func(yield func(manifestLine, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 0, 4096), 4096)
		lines.Split(keepEnds)
		for n := 1; lines.Scan(); n++ {
			line, err := parseLine(lines.Text())
			if err != nil {
				err = fmt.Errorf("line %d: %w", n, err)
			}
			if !yield(line, err) {
				return
			}
		}
		if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
			yield(manifestLine{}, fmt.Errorf("%w: too long", errManifest))
		} else if err != nil {
			yield(manifestLine{}, err)
		}
	}
}

// keepEnds is bufio.ScanLines that keeps "\n" and "\r", so that their absence or presence shows.
func keepEnds(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

func parseLine(s string) (manifestLine, error) {
	body, whole := strings.CutSuffix(s, "\n")
	if !whole || len(body) < 67 || body[64:66] != "  " {
		return manifestLine{}, fmt.Errorf("%w: %.120q", errManifest, s)
	}
	line := manifestLine{hash: body[:64], path: body[66:]}
	if !isHash(line.hash) {
		return manifestLine{}, fmt.Errorf("%w: no SHA-256: %.120q", errManifest, s)
	}
	if err := vault.CheckName(line.path); err != nil {
		return manifestLine{}, fmt.Errorf("%w: %w", errManifest, err)
	}
	return line, nil
}

func isHash(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
