package evidence

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"filippo.io/age"
	"github.com/oklog/ulid/v2"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

var (
	// ErrNotCase: the vault holds no case; the error says what is missing.
	ErrNotCase = errors.New("not a case")
	// ErrCaseExists: there is a case already.
	ErrCaseExists = errors.New("there is a case already")
	// ErrNotEmpty: a case is opened only where nothing else lies, or it could not tell its files from others'.
	ErrNotEmpty = errors.New("not empty")
	// ErrDamaged: what was read does not have the hash it was sealed with.
	ErrDamaged = errors.New("damaged")
	// ErrTruncated, returned by a write function of Put, keeps what was written so far, as Truncated.
	ErrTruncated = errors.New("truncated")
	// ErrUnsealed: the bag has no tagmanifest: it was never finished.
	ErrUnsealed = errors.New("bag is not sealed")
	// ErrClosed: the bag is sealed or given up, and takes nothing more.
	ErrClosed = errors.New("bag is closed")
)

const (
	caseFile   = "case.json"
	readmeFile = "README-VERIFY.txt"
	caseSchema = "freezeframe.case/1"
)

// caseRecord is case.json.
type caseRecord struct {
	Schema     string    `json:"schema"`
	ID         string    `json:"id"`
	Title      string    `json:"title"`
	Authority  string    `json:"authority"`
	Operator   string    `json:"operator"`
	Opened     time.Time `json:"opened"`
	Recipients []string  `json:"recipients"`
	SealAll    bool      `json:"seal_all,omitempty"`
	Storage    *Storage  `json:"storage,omitempty"`
	Exercise   string    `json:"exercise,omitempty"`
}

// Storage is how the objects of a case in a bucket are kept. It stands in case.json, which
// event 0 pins, so that every responder stores in the same way.
type Storage struct {
	Owner         string `json:"owner,omitempty"`          // account id of the bucket's owner
	RetentionMode string `json:"retention_mode,omitempty"` // GOVERNANCE or COMPLIANCE
	RetentionDays int    `json:"retention_days,omitempty"` // from the day of writing
	LegalHold     bool   `json:"legal_hold,omitempty"`
	KMSKey        string `json:"kms_key,omitempty"` // SSE-KMS
}

// CaseOptions is what opening a case takes.
type CaseOptions struct {
	Title, Authority, Operator string
	Recipients                 []string         // age or ssh public keys that secrets are sealed to; none makes an age identity in Home
	SealAll                    bool             // encrypt every payload, not the secrets alone
	Storage                    *Storage         // of a case in a bucket; nil leaves all to the bucket
	Exercise                   string           // id of the exercise that the case is of; "" is the real thing
	AnyTitle                   bool             // an opening that was cut off is finished whatever its title: the place is of this case alone
	Home                       string           // directory for the identity and the signing key; made 0700
	Signer                     Signer           // signs the ledger; nil makes a key in Home, or signs nothing without Home
	Passphrase                 string           // encrypts a signing key that is made; "" does not
	Now                        func() time.Time // nil is time.Now
	Rand                       io.Reader        // for ids; nil is crypto/rand (keys always come from crypto/rand)
}

// Case is one investigation. Safe for concurrent use; set Now, Rand, Sealer and Signer before use.
type Case struct {
	ID, Title, Authority, Operator string
	Opened                         time.Time
	Recipients                     []string // age or ssh public keys, pinned by ledger event 0
	SealAll                        bool     // every payload is encrypted
	Storage                        *Storage
	Exercise                       string // id of the exercise that the case is of; "" is the real thing
	IdentityPath                   string // set by CreateCase when it made an identity
	SignerPath                     string // set by CreateCase when it made a signing key

	Now    func() time.Time
	Rand   io.Reader
	Sealer Sealer // how secrets are sealed: age to Recipients
	// Identities open what a case that seals all has sealed; secrets they open by Reveal alone.
	Identities []age.Identity
	// SecretIdentities open secrets that are put back into the account (Recall); without them they stay shut.
	SecretIdentities []age.Identity
	Signer           Signer // signs heads of the ledger; nil leaves what is added to it unsigned

	vault vault.Vault

	ids     sync.Mutex // guards entropy
	entropy ulid.MonotonicReader

	ledger sync.Mutex // guards tail and signed
	tail   tail
	signed int64 // the last event over which this process has signed a head; -1 for none

	reading  sync.Mutex // guards what Bag has read of the ledger
	covers   map[string]string
	coversTo tail
}

// CreateCase opens a new case in an empty vault: README-VERIFY.txt, case.json, ledger event 0.
// A creation that was interrupted is finished when called again with the same options.
func CreateCase(ctx context.Context, v vault.Vault, o CaseOptions) (*Case, error) {
	c := &Case{vault: v, Now: o.Now, Rand: o.Rand, tail: emptyTail(), signed: -1}
	c.defaults()
	record, err := c.resumeRecord(ctx, o)
	if err != nil {
		return nil, err
	}
	if record == nil {
		if record, err = c.newRecord(o); err != nil {
			return nil, err
		}
	}
	if err := c.take(*record); err != nil {
		return nil, err
	}
	if err := c.takeSigner(o); err != nil {
		return nil, err
	}
	return c, c.writeOpening(ctx, *record)
}

// takeSigner takes the given signer, or the key that was made for this case, or makes one,
// and pins it for this user.
func (c *Case) takeSigner(o CaseOptions) error {
	c.Signer = o.Signer
	if o.Home == "" {
		return nil
	}
	if c.Signer == nil {
		if c.SignerPath = LocalKeyPath(o.Home, c.ID); c.SignerPath != "" { // an opening that was interrupted
			key, err := LoadLocalKey(c.SignerPath, func() (string, error) { return o.Passphrase, nil })
			if err != nil {
				return err
			}
			c.Signer = key
		} else {
			key, path, err := makeLocalKey(o.Home, c.ID, o.Passphrase)
			if err != nil {
				return err
			}
			c.Signer, c.SignerPath = key, path
		}
	}
	return Pin(o.Home, c.ID, c.Signer.Public())
}

func (c *Case) defaults() {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
}

// take fills the case from its record.
func (c *Case) take(r caseRecord) error {
	c.ID, c.Title, c.Authority, c.Operator = r.ID, r.Title, r.Authority, r.Operator
	c.Opened, c.Recipients, c.SealAll, c.Storage, c.Exercise = r.Opened, r.Recipients, r.SealAll, r.Storage, r.Exercise
	var err error
	c.Sealer, err = ageSealer(r.Recipients)
	return err
}

func (c *Case) newRecord(o CaseOptions) (*caseRecord, error) {
	id := c.newID()
	recipients := o.Recipients
	if len(recipients) == 0 {
		path, recipient, err := makeIdentity(o.Home, id, c.Now())
		if err != nil {
			return nil, err
		}
		c.IdentityPath, recipients = path, []string{recipient}
	}
	return &caseRecord{
		Schema: caseSchema, ID: id, Title: o.Title, Authority: o.Authority, Operator: o.Operator,
		Opened: c.Now().UTC(), Recipients: recipients, SealAll: o.SealAll, Storage: o.Storage, Exercise: o.Exercise,
	}, nil
}

// resumeRecord looks at what lies in the vault: nothing (nil), a case, somebody else's
// files, or an opening that stopped halfway, whose record is then taken over.
func (c *Case) resumeRecord(ctx context.Context, o CaseOptions) (*caseRecord, error) {
	begun := false
	for e, err := range c.vault.List(ctx, "") {
		switch {
		case err != nil:
			return nil, fmt.Errorf("look into %s: %w", c.vault, err)
		case e.Name == ledgerName(0):
			return nil, fmt.Errorf("%s: %w", c.vault, ErrCaseExists)
		case e.Name == caseFile:
			begun = true
		case e.Name == readmeFile, e.Odd == vault.OddLeftover, isKeyFile(e.Name):
		default:
			return nil, fmt.Errorf("%s: %w: it holds %.100q", c.vault, ErrNotEmpty, e.Name)
		}
	}
	if !begun {
		return nil, nil
	}
	record, err := readRecord(ctx, c.vault)
	if err != nil {
		return nil, err
	}
	if record.Title != o.Title && !o.AnyTitle || record.Authority != o.Authority || record.Operator != o.Operator || record.Exercise != o.Exercise {
		return nil, fmt.Errorf("%s: %w: an unfinished opening of case %q", c.vault, ErrNotEmpty, record.Title)
	}
	c.IdentityPath = findIdentity(o.Home, record.ID)
	return record, nil
}

// isKeyFile says whether an object is a public key: keys/<kid>.pem.
func isKeyFile(name string) bool {
	kid, pem := strings.CutSuffix(strings.TrimPrefix(name, keysDir), ".pem")
	return strings.HasPrefix(name, keysDir) && pem && len(kid) == 32 && isHash(kid+kid)
}

// keyFile is the object of a public key, and its bytes.
func keyFile(pub *ecdsa.PublicKey) (name string, data []byte, err error) {
	kid, err := KeyID(pub)
	if err != nil {
		return "", nil, err
	}
	data, err = EncodePublicKey(pub)
	return keysDir + kid + ".pem", data, err
}

// writeOpening writes what a case begins with. Event 0 comes last: with it the case exists.
func (c *Case) writeOpening(ctx context.Context, r caseRecord) error {
	record, err := encodeJSON(r)
	if err != nil {
		return fmt.Errorf("encode %s: %w", caseFile, err)
	}
	files := []struct {
		name string
		data []byte
	}{{readmeFile, []byte(readme)}, {caseFile, record}}
	if c.Signer != nil {
		name, data, err := keyFile(c.Signer.Public())
		if err != nil {
			return err
		}
		files = append(files, struct {
			name string
			data []byte
		}{name, data})
	}
	open := Event{Type: EventOpen, Actor: r.Operator, Reason: r.Title, Clock: r.Opened, ID: r.ID}
	if r.Exercise != "" {
		open.Data = map[string]string{"exercise": r.Exercise}
	}
	for _, f := range files {
		put, err := putExact(ctx, c.vault, f.name, f.data)
		if err != nil {
			return fmt.Errorf("open case in %s: %w", c.vault, err)
		}
		open.Covers = append(open.Covers, Digest{Path: f.name, SHA256: hashBytes(f.data), VersionID: put.Version})
	}
	if _, err := c.append(ctx, open); err != nil {
		return fmt.Errorf("open case in %s: %w", c.vault, err)
	}
	return nil
}

// OpenCase opens the case in a vault: ErrNotCase, ErrDamaged if case.json is not what event 0 pinned.
func OpenCase(ctx context.Context, v vault.Vault) (*Case, error) {
	c := &Case{vault: v, tail: emptyTail(), signed: -1}
	c.defaults()
	data, err := readFile(ctx, v, caseFile, maxSmallFile)
	if errors.Is(err, vault.ErrNotFound) {
		return nil, fmt.Errorf("%s: %w: %s is missing", v, ErrNotCase, caseFile)
	}
	if err != nil {
		return nil, fmt.Errorf("open case: %w", err)
	}
	if err := checkPinned(ctx, v, data); err != nil {
		return nil, err
	}
	record, err := decodeRecord(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v, err)
	}
	return c, c.take(*record)
}

// checkPinned compares case.json with event 0: its recipients are whom secrets are sealed to.
func checkPinned(ctx context.Context, v vault.Vault, record []byte) error {
	data, err := readFile(ctx, v, ledgerName(0), maxSmallFile)
	if errors.Is(err, vault.ErrNotFound) {
		return fmt.Errorf("%s: %w: %s is missing, its opening was interrupted", v, ErrNotCase, ledgerName(0))
	}
	if err != nil {
		return fmt.Errorf("open case: %w", err)
	}
	var open Event
	if err := decodeStrict(data, &open); err != nil {
		return fmt.Errorf("%s in %s: %w: %w", ledgerName(0), v, ErrDamaged, err)
	}
	for _, d := range open.Covers {
		if d.Path == caseFile && d.SHA256 == hashBytes(record) {
			return nil
		}
	}
	return fmt.Errorf("%s in %s: %w: it is not the one this case was opened with", caseFile, v, ErrDamaged)
}

func readRecord(ctx context.Context, v vault.Vault) (*caseRecord, error) {
	data, err := readFile(ctx, v, caseFile, maxSmallFile)
	if err != nil {
		return nil, err
	}
	return decodeRecord(data)
}

func decodeRecord(data []byte) (*caseRecord, error) {
	var r caseRecord
	if err := decodeStrict(data, &r); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", caseFile, ErrNotCase, err)
	}
	if r.Schema != caseSchema {
		return nil, fmt.Errorf("%s: %w: schema %.60q, want %q", caseFile, ErrNotCase, r.Schema, caseSchema)
	}
	if _, err := ulid.ParseStrict(r.ID); err != nil {
		return nil, fmt.Errorf("%s: %w: id %.60q is no ULID", caseFile, ErrNotCase, r.ID)
	}
	return &r, nil
}

// Vault is where the case lives.
func (c *Case) Vault() vault.Vault { return c.vault }

// Remembering is the case for one who reads much of it several times, as a report does: small
// objects are fetched once (vault.Remember). It is for reading, and for as long as that takes.
func (c *Case) Remembering() *Case {
	return &Case{
		ID: c.ID, Title: c.Title, Authority: c.Authority, Operator: c.Operator, Opened: c.Opened, Recipients: c.Recipients, SealAll: c.SealAll, Storage: c.Storage,
		Exercise: c.Exercise, Now: c.Now, Rand: c.Rand, Sealer: c.Sealer, Identities: c.Identities,
		vault: vault.Remember(c.vault), tail: emptyTail(), signed: -1,
	}
}

// newID is a ULID, later than those this process made before.
func (c *Case) newID() string {
	c.ids.Lock()
	defer c.ids.Unlock()
	if c.entropy == nil {
		c.entropy = ulid.Monotonic(c.Rand, 0)
	}
	return ulid.MustNew(ulid.Timestamp(c.Now()), c.entropy).String()
}
