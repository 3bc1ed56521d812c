package evidence

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"github.com/freezeframe-ir/freezeframe/internal/durable"
)

// What a user keeps outside the case, in one folder (FREEZEFRAME_HOME):
//
//	identities/<case>.txt    age identity that opens sealed secrets, 0600
//	keys/<case>.pem          private key that signs the ledger (PKCS #8), 0600; .pem.age with a passphrase
//	pins/<case>.pem          public keys that this user trusts for the case

// ErrPassphrase: a key file is encrypted, and the passphrase is missing or wrong.
var ErrPassphrase = errors.New("wrong or missing passphrase")

const maxKeyFile = 64 << 10

func keyPath(home, caseID string) string { return filepath.Join(home, "keys", caseID+".pem") }
func pinPath(home, caseID string) string { return filepath.Join(home, "pins", caseID+".pem") }

// makeLocalKey makes the key that signs a case, encrypted by age where there is a passphrase.
func makeLocalKey(home, caseID, passphrase string) (*LocalKey, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", fmt.Errorf("make signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, "", fmt.Errorf("make signing key: %w", err)
	}
	text, path := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), keyPath(home, caseID)
	if passphrase != "" {
		path += ".age"
		if text, err = lock(text, passphrase); err != nil {
			return nil, "", err
		}
	}
	if err := durable.MakeDir(filepath.Dir(path), 0o700); err != nil {
		return nil, "", fmt.Errorf("make folder for the signing key: %w", err)
	}
	if err := durable.WriteNew(path, text, 0o600); err != nil {
		return nil, "", fmt.Errorf("write signing key %s: %w", path, err)
	}
	return &LocalKey{key}, path, nil
}

func lock(text []byte, passphrase string) ([]byte, error) {
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, fmt.Errorf("encrypt signing key: %w", err)
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err != nil {
		return nil, fmt.Errorf("encrypt signing key: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return nil, fmt.Errorf("encrypt signing key: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encrypt signing key: %w", err)
	}
	return b.Bytes(), nil
}

// LoadLocalKey reads a private key file. One that ends in .age is opened with the
// passphrase (ErrPassphrase); passphrase is asked only then.
func LoadLocalKey(path string, passphrase func() (string, error)) (*LocalKey, error) {
	data, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(path, ".age") {
		if data, err = unlock(data, passphrase); err != nil {
			return nil, fmt.Errorf("signing key %s: %w", path, err)
		}
	}
	key, err := ParseLocalKey(data)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", path, err)
	}
	return key, nil
}

func unlock(data []byte, passphrase func() (string, error)) ([]byte, error) {
	word, err := passphrase()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	id, err := age.NewScryptIdentity(word)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	r, err := age.Decrypt(bytes.NewReader(data), id)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	return io.ReadAll(io.LimitReader(r, maxKeyFile))
}

func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read key %s: %w", path, err)
	}
	return data, nil
}

// LocalKeyPath is the file of the key that was made for a case; "" if this user has none.
func LocalKeyPath(home, caseID string) string {
	for _, path := range []string{keyPath(home, caseID), keyPath(home, caseID) + ".age"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// Pin notes, outside the case, that this user trusts the keys for it.
func Pin(home, caseID string, keys ...*ecdsa.PublicKey) error {
	old, err := Pinned(home, caseID)
	if err != nil {
		return err
	}
	var text []byte
	seen := map[string]bool{}
	for _, k := range append(old, keys...) {
		one, err := EncodePublicKey(k)
		if err != nil {
			return err
		}
		if !seen[string(one)] {
			seen[string(one)], text = true, append(text, one...)
		}
	}
	path := pinPath(home, caseID)
	if err := durable.MakeDir(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make folder for pinned keys: %w", err)
	}
	if err := durable.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("pin key: %w", err)
	}
	return nil
}

// Pinned are the keys that this user trusts for a case; none is no error.
func Pinned(home, caseID string) ([]*ecdsa.PublicKey, error) {
	path := pinPath(home, caseID)
	data, err := readKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	keys, err := ParsePublicKeys(data)
	if err != nil {
		return nil, fmt.Errorf("pinned keys %s: %w", path, err)
	}
	return keys, nil
}
