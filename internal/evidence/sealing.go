package evidence

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

// A sealed artefact is an age file. Its plaintext is one line of JSON (sealHead, with the
// key of the bag's MACs) and then the artefact's bytes as they are, so that
//
//	age -d -i identity.txt data/sealed/<id>.age | tail -n +2
//
// gives them back without this program.
type sealHead struct {
	Schema  string `json:"schema"`
	HMACKey string `json:"hmac_key"` // hex
}

const (
	sealSchema  = "freezeframe.seal/1"
	maxSealHead = 4096
)

// Sealer starts a ciphertext on dst. The default is age to the case's recipients.
type Sealer func(dst io.Writer) (io.WriteCloser, error)

func ageSealer(recipients []string) (Sealer, error) {
	var rs []age.Recipient
	for _, text := range recipients {
		r, err := parseRecipient(text)
		if err != nil {
			return nil, err
		}
		rs = append(rs, r)
	}
	if len(rs) == 0 {
		return nil, fmt.Errorf("%w: none", ErrRecipient)
	}
	return func(dst io.Writer) (io.WriteCloser, error) { return age.Encrypt(dst, rs...) }, nil
}

// ErrRecipient: not a public key that secrets can be sealed to.
var ErrRecipient = errors.New("not an age or ssh public key")

// parseRecipient reads an age1... or an ssh-ed25519 or ssh-rsa public key.
func parseRecipient(text string) (age.Recipient, error) {
	if strings.HasPrefix(text, "ssh-") {
		r, err := agessh.ParseRecipient(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %.80q: %w", ErrRecipient, text, err)
		}
		return r, nil
	}
	rs, err := age.ParseRecipients(strings.NewReader(text))
	if err != nil || len(rs) != 1 {
		return nil, fmt.Errorf("%w: %.80q", ErrRecipient, text)
	}
	return rs[0], nil
}

// ParseIdentities reads an identity file: age identities as age-keygen writes them, or an
// ssh private key without a passphrase.
func ParseIdentities(data []byte) ([]age.Identity, error) {
	if bytes.Contains(data, []byte("PRIVATE KEY-----")) {
		id, err := agessh.ParseIdentity(data)
		if err != nil {
			return nil, fmt.Errorf("read ssh identity: %w", err)
		}
		return []age.Identity{id}, nil
	}
	ids, err := age.ParseIdentities(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read age identity: %w", err)
	}
	return ids, nil
}

// sealing encrypts and keeps the MAC of the plaintext.
type sealing struct {
	out io.WriteCloser
	mac hash.Hash
}

func (w *Writer) seal(dst io.Writer) (*sealing, error) {
	out, err := w.c.Sealer(dst)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	head, err := json.Marshal(sealHead{Schema: sealSchema, HMACKey: hex.EncodeToString(w.macKey)})
	if err != nil {
		return nil, err
	}
	if _, err := out.Write(append(head, '\n')); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return &sealing{out: out, mac: hmac.New(sha256.New, w.macKey)}, nil
}

func (s *sealing) Write(p []byte) (int, error) {
	n, err := s.out.Write(p)
	s.mac.Write(p[:n])
	return n, err
}

func (s *sealing) close() error { return s.out.Close() }

func (s *sealing) sum() string { return hex.EncodeToString(s.mac.Sum(nil)) }

// MAC is the hex HMAC-SHA256 of a secret value under the bag's key, for redacted twins: equal values
// of one bag have equal MACs, and nobody without the identity can try guesses.
func (w *Writer) MAC(value []byte) string {
	mac := hmac.New(sha256.New, w.macKey)
	mac.Write(value)
	return hex.EncodeToString(mac.Sum(nil))
}

// Unseal opens a sealed artefact with an age identity: its bytes, and the key of the bag's MACs.
func Unseal(r io.Reader, identities ...age.Identity) (body io.Reader, macKey []byte, err error) {
	plain, err := age.Decrypt(r, identities...)
	if err != nil {
		return nil, nil, fmt.Errorf("unseal: %w", err)
	}
	buffered := bufio.NewReaderSize(plain, maxSealHead)
	line, err := buffered.ReadSlice('\n')
	if err != nil {
		return nil, nil, fmt.Errorf("unseal: read head: %w", errors.Join(err, ErrDamaged))
	}
	var head sealHead
	if err := decodeStrict(bytes.Clone(line), &head); err != nil || head.Schema != sealSchema {
		return nil, nil, fmt.Errorf("unseal: head is not %s: %w", sealSchema, errors.Join(err, ErrDamaged))
	}
	key, err := hex.DecodeString(head.HMACKey)
	if err != nil {
		return nil, nil, fmt.Errorf("unseal: key in head: %w", ErrDamaged)
	}
	return buffered, key, nil
}
