package evidence

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

var (
	// ErrNotCase: the vault holds no case; the error says what is missing.
	ErrNotCase = errors.New("not a case")
	// ErrDamaged: what was read does not have the hash it was sealed with.
	ErrDamaged = errors.New("damaged")
	// ErrTruncated, returned by a write function of Put, keeps what was written so far, as Truncated.
	ErrTruncated = errors.New("truncated")
	// ErrUnsealed: the bag has no tagmanifest: it was never finished.
	ErrUnsealed = errors.New("bag is not sealed")

	errStub = errors.New("not built yet")
)

// CaseOptions is what opening a case takes.
type CaseOptions struct {
	Title, Authority, Operator string
	Recipients                 []string         // age recipients that secrets are sealed to; none makes an identity in Home
	Home                       string           // directory for the identity; made 0700
	Now                        func() time.Time // nil is time.Now
	Rand                       io.Reader        // for ids; nil is crypto/rand (keys always come from crypto/rand)
}

// Case is one investigation. Safe for concurrent use; set Now and Rand before use.
type Case struct {
	ID, Title, Authority, Operator string
	Opened                         time.Time
	Recipients                     []string // age recipients, pinned by ledger event 0
	IdentityPath                   string   // set by CreateCase when it made an identity

	Now  func() time.Time
	Rand io.Reader
}

// CreateCase opens a new case in an empty vault: README-VERIFY.txt, case.json, ledger event 0.
// A creation that was interrupted is finished when called again with the same options.
func CreateCase(ctx context.Context, v vault.Vault, o CaseOptions) (*Case, error) {
	return nil, errStub
}

// OpenCase opens the case in a vault: ErrNotCase, ErrDamaged if case.json is not what event 0 pinned.
func OpenCase(ctx context.Context, v vault.Vault) (*Case, error) { return nil, errStub }

// Vault is where the case lives.
func (c *Case) Vault() vault.Vault { return nil }

// Begin starts a bag. Bag, Case, Schema, Status are filled in, and Operator and Started where empty.
func (c *Case) Begin(ctx context.Context, h Header) (*Writer, error) { return nil, errStub }

// Record appends an event to the ledger.
func (c *Case) Record(ctx context.Context, e Event) error { return errStub }

// Ledger yields the events in order, checking the chain as it goes (ErrDamaged).
func (c *Case) Ledger(ctx context.Context) iter.Seq2[Event, error] { return nil }

// Bags yields all bags, oldest first, the unfinished too. An error stands beside the bag it is about.
func (c *Case) Bags(ctx context.Context) iter.Seq2[*Bag, error] { return nil }

// Find yields the wanted coverage entries of sealed bags, newest bag first.
func (c *Case) Find(ctx context.Context, want func(Entry) bool) iter.Seq2[Found, error] {
	return nil
}

// File is one file of a derived result; Write is called once.
type File struct {
	Name  string // safe name: [A-Za-z0-9._-], at most 100
	Write func(io.Writer) error
}

// Derived is derived/<ulid>/derived.json: a result and what it was made from.
type Derived struct {
	Schema string            `json:"schema"`
	ID     string            `json:"id"`
	Case   string            `json:"case"`
	Kind   string            `json:"kind"` // "timeline", "report"
	Actor  string            `json:"actor"`
	Made   time.Time         `json:"made"`
	Params map[string]string `json:"params,omitempty"`
	Inputs []Ref             `json:"inputs"`
	Files  []Digest          `json:"files"` // paths from the case's root
}

// Derive stores results under derived/<ulid>/ and records an analyse event. d gives Kind,
// Actor, Params and Inputs; the rest is filled in and returned.
func (c *Case) Derive(ctx context.Context, d Derived, files ...File) (Derived, error) {
	return Derived{}, errStub
}

// Verify yields every problem of the case, offline. A Problem is a finding; an error means that it
// could not be checked.
func (c *Case) Verify(ctx context.Context) iter.Seq2[Problem, error] { return nil }

// Verify checks the case in v without opening it first, so that a damaged case.json is a finding too.
func Verify(ctx context.Context, v vault.Vault) iter.Seq2[Problem, error] { return nil }

// Writer fills a bag. Its methods are safe for many goroutines.
type Writer struct{}

// Bag is the ULID of the bag being written.
func (w *Writer) Bag() string { return "" }

// Put stores an artefact: hashed while written, sealed with age when m.Sensitive, compared with
// m.Declared while written (a difference is coverage state mismatch, not an error).
// When write fails nothing is kept (but see ErrTruncated), and the caller records the gap.
func (w *Writer) Put(ctx context.Context, m Meta, write func(io.Writer) error) (Item, error) {
	return Item{}, errStub
}

// PutSecret seals secret and stores twin, its redacted counterpart, in clear; each names the other.
func (w *Writer) PutSecret(ctx context.Context, m Meta, secret, twin []byte) (sealed, redacted Item, err error) {
	return Item{}, Item{}, errStub
}

// MAC is the hex HMAC-SHA256 of a secret value under the bag's key, for redacted twins: equal values
// of one bag have equal MACs, and nobody without the identity can try guesses.
func (w *Writer) MAC(value []byte) string { return "" }

// Gap records what was wanted and not had.
func (w *Writer) Gap(g Gap) error { return errStub }

// Note appends to the bag's journal: durable when it returns nil.
func (w *Writer) Note(ctx context.Context, kind string, v any) error { return errStub }

// Jot appends to the bag's journal without waiting: durable with the next Note or Seal.
func (w *Writer) Jot(ctx context.Context, kind string, v any) error { return errStub }

// SetHeader changes the header before it is sealed (clock skew, principal, params learned on the way).
func (w *Writer) SetHeader(change func(*Header)) {}

// Seal finishes the bag and records it in the ledger. After an error it may be called again.
// With StatusComplete, a bag that has gaps is sealed as StatusPartial.
func (w *Writer) Seal(ctx context.Context, s Status) (*Bag, error) { return nil, errStub }

// Abandon gives the bag up: it stays unfinished, with the reason in its journal. Safe after Seal (does nothing).
func (w *Writer) Abandon(ctx context.Context, reason string) error { return errStub }

// Bag is a bag of the case, sealed or unfinished.
type Bag struct{}

// ID is the bag's ULID.
func (b *Bag) ID() string { return "" }

// Header is collection.json; of an unfinished bag what its journal begins with.
func (b *Bag) Header() Header { return Header{} }

// Sealed says whether the bag has its tagmanifest.
func (b *Bag) Sealed() bool { return false }

// InLedger says whether a ledger event covers the bag with this tagmanifest.
func (b *Bag) InLedger() bool { return false }

// Coverage reads coverage.json (ErrUnsealed if there is none).
func (b *Bag) Coverage(ctx context.Context) ([]Entry, error) { return nil, errStub }

// Items yields what was collected.
func (b *Bag) Items(ctx context.Context) iter.Seq2[Item, error] { return nil }

// Open reads an artefact's stored bytes; at the end of a changed one it gives ErrDamaged instead of io.EOF.
func (b *Bag) Open(ctx context.Context, it Item) (io.ReadCloser, error) { return nil, errStub }

// Ref cites an item of the bag.
func (b *Bag) Ref(it Item) Ref { return Ref{} }

// Journal yields the bag's journal in order.
func (b *Bag) Journal(ctx context.Context) iter.Seq2[JournalEntry, error] { return nil }
