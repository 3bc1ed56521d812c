package mandate

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Signature is one signature beside a mandate: the file MANDATE.KEYID.sig, as DER.
type Signature struct {
	KeyID string
	DER   []byte
}

// SigName is the name of the file that holds a key's signature over a mandate.
func SigName(file, keyID string) string { return file + "." + keyID + ".sig" }

// Signed is the text that is signed, of a file of any size: what KMS takes is short. It names what
// it is for, so that no signature over anything else of ours can stand for it.
func Signed(data []byte) []byte {
	sum := sha256.Sum256(data)
	return fmt.Appendf(nil, "%s\nsha256: %s\nbytes: %d\n", Schema, hex.EncodeToString(sum[:]), len(data))
}

// Sign signs a mandate.
func Sign(ctx context.Context, s evidence.Signer, data []byte) (Signature, error) {
	return sign(ctx, s, Signed(data))
}

func sign(ctx context.Context, s evidence.Signer, message []byte) (Signature, error) {
	id, err := evidence.KeyID(s.Public())
	if err != nil {
		return Signature{}, err
	}
	der, err := s.Sign(ctx, message)
	if err != nil {
		return Signature{}, fmt.Errorf("sign: %w", err)
	}
	if !verify(s.Public(), message, der) {
		return Signature{}, fmt.Errorf("sign: the signature does not fit key %s", id)
	}
	return Signature{id, der}, nil
}

func verify(key *ecdsa.PublicKey, message, der []byte) bool {
	sum := sha256.Sum256(message)
	return ecdsa.VerifyASN1(key, sum[:], der)
}

// Held is a mandate with what its signatures are worth.
type Held struct {
	Mandate *Mandate // nil: there is no file
	By      []string // ids of trusted keys that signed it
	void    *Reason  // why it counts for nothing
	detail  string
}

// Hold looks at the signatures over a mandate's file. Only keys in trusted count. A signature that
// claims a trusted key and is not its own spoils all: somebody changed the file, or made it up.
// data nil is no file.
func Hold(file string, data []byte, acts []Act, signatures []Signature, trusted []*ecdsa.PublicKey) (*Held, error) {
	if data == nil {
		return &Held{void: NoMandate, detail: "no file"}, nil
	}
	m, err := Read(file, data, acts)
	if err != nil {
		return nil, err
	}
	h, known := &Held{Mandate: m}, map[string]*ecdsa.PublicKey{}
	for _, k := range trusted {
		id, err := evidence.KeyID(k)
		if err != nil {
			return nil, err
		}
		known[id] = k
	}
	message := Signed(data)
	for _, s := range signatures {
		key, ok := known[s.KeyID]
		switch {
		case !ok:
		case !verify(key, message, s.DER):
			h.void, h.detail = BadSignature, "of key "+strconv.Quote(s.KeyID)
			return h, nil
		default:
			h.By = append(h.By, s.KeyID)
		}
	}
	switch {
	case len(signatures) == 0:
		h.void, h.detail = NoSignature, "nothing beside "+file
	case len(h.By) == 0:
		h.void, h.detail = NotTrusted, strconv.Itoa(len(signatures))+" signatures, "+strconv.Itoa(len(known))+" trusted keys"
	}
	return h, nil
}

// Approval is one person's yes to one decision.
type Approval struct {
	At        time.Time
	Signature Signature
}

// Request is what an approval is of. It is all in the signed text: a yes to one act is none to another.
type Request struct {
	Case     string   `json:"case"`
	Mandate  string   `json:"mandate_sha256"`
	Rule     string   `json:"rule"`
	Function string   `json:"function"`
	Acts     []string `json:"acts"`
}

// Text is what an approver signs, with the time at which it is said.
func (r Request) Text(at time.Time) []byte {
	return fmt.Appendf(nil, "freezeframe.approval/1\ncase: %q\nmandate: %s\nrule: %q\nfunction: %q\nacts: %q\ntime: %s\n",
		r.Case, r.Mandate, r.Rule, r.Function, strings.Join(r.Acts, ","), at.UTC().Format(time.RFC3339))
}

// Approve signs a request.
func (r Request) Approve(ctx context.Context, s evidence.Signer, at time.Time) (Approval, error) {
	sig, err := sign(ctx, s, r.Text(at))
	return Approval{at.UTC().Truncate(time.Second), sig}, err
}
