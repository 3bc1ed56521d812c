package mandate

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	maxFile       = 512 << 10 // what the reader of YAML takes
	maxSig        = 128       // a DER signature on P-256 has at most 72 bytes
	maxSignatures = 64
)

var sigForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Load reads a mandate and the signatures beside it. That there is no file is told by Decide, not
// as an error: it is the ordinary state of who allows nothing.
func Load(path string, acts []Act, trusted []*ecdsa.PublicKey) (*Held, error) {
	data, err := readBounded(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Hold(path, nil, acts, nil, trusted)
	}
	if err != nil {
		return nil, fmt.Errorf("read mandate: %w", err)
	}
	signatures, err := signaturesOf(path)
	if err != nil {
		return nil, fmt.Errorf("read signatures of mandate %s: %w", path, err)
	}
	return Hold(path, data, acts, signatures, trusted)
}

// signaturesOf are the files MANDATE.KEYID.sig in the mandate's folder.
func signaturesOf(path string) ([]Signature, error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	names, err := dir.Readdirnames(-1)
	if err = errors.Join(err, dir.Close()); err != nil {
		return nil, err
	}
	var out []Signature
	for _, name := range names {
		id := strings.TrimSuffix(strings.TrimPrefix(name, filepath.Base(path)+"."), ".sig")
		if !sigForm.MatchString(id) || name != SigName(filepath.Base(path), id) {
			continue
		}
		if len(out) == maxSignatures {
			return nil, fmt.Errorf("more than %d", maxSignatures)
		}
		der, err := readBounded(filepath.Join(filepath.Dir(path), name), maxSig)
		if err != nil {
			return nil, err
		}
		out = append(out, Signature{id, der})
	}
	return out, nil
}

func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("%s: larger than %d bytes", path, most)
	}
	if data == nil {
		data = []byte{} // a file that is empty is there
	}
	return data, nil
}
