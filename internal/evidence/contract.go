package evidence

import (
	"time"
)

// State says what became of one planned artefact.
type State string

// Coverage states. Every planned artefact ends in exactly one.
const (
	Collected    State = "collected"
	Absent       State = "absent" // asked for, and AWS says there is none
	Denied       State = "denied"
	Throttled    State = "throttled"
	TooLarge     State = "too_large"
	Expired      State = "expired"
	NotAttempted State = "not_attempted"
	Failed       State = "failed"
	Truncated    State = "truncated"
	Mismatch     State = "mismatch" // collected, but a declared hash does not match
	Unreadable   State = "unreadable"
	NotCovered   State = "not_covered"
)

// Complete says whether a state leaves nothing to be wished for.
func (s State) Complete() bool { return s == Collected || s == Absent || s == NotCovered }

// Source is where an artefact came from.
type Source struct {
	ARN       string `json:"arn,omitempty"`       // of the resource, unqualified
	Qualifier string `json:"qualifier,omitempty"` // "$LATEST", a version, an alias; "" is the unqualified resource
	Region    string `json:"region,omitempty"`
	Account   string `json:"account,omitempty"`
}

// Meta describes an artefact before its bytes are known. Artefact is a name of the
// catalogue ("lambda.concurrency"); Name is a readable hint from which a safe,
// unique file name is made ("payments.v3.code.zip").
type Meta struct {
	Artefact  string            `json:"artefact"`
	Name      string            `json:"name"`
	Source    Source            `json:"source"`
	Call      string            `json:"call,omitempty"`   // "Lambda:GetFunction"
	Params    map[string]string `json:"params,omitempty"` // of the call, never a secret
	RequestID string            `json:"request_id,omitempty"`
	Started   time.Time         `json:"started"`
	Ended     time.Time         `json:"ended,omitzero"`
	Declared  *Declared         `json:"declared,omitempty"`
	Sensitive bool              `json:"sensitive,omitempty"` // stored only as age ciphertext, never with a plain hash
	Twin      string            `json:"twin,omitempty"`      // id of the redacted or sealed counterpart
	Note      string            `json:"note,omitempty"`
}

// Declared is the hash that AWS declares for the bytes: base64 SHA-256 for code.
type Declared struct {
	Algorithm string `json:"algorithm"` // "sha256"
	Value     string `json:"value"`     // base64, as AWS gives it
	Matches   bool   `json:"matches"`   // set by Put
}

// Item is a stored artefact.
type Item struct {
	ID string `json:"id"` // unique in the case
	Meta
	Path   string `json:"path"` // inside the bag: data/... or data/sealed/...
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hex, of the stored bytes (the ciphertext of a sealed artefact)
}

// Gap is what was wanted and not had.
type Gap struct {
	Artefact  string    `json:"artefact"`
	Source    Source    `json:"source"`
	State     State     `json:"state"`
	Call      string    `json:"call,omitempty"`
	Error     string    `json:"error,omitempty"` // AWS error code and message, no secrets
	RequestID string    `json:"request_id,omitempty"`
	At        time.Time `json:"at"`
	Note      string    `json:"note,omitempty"`
}

// Entry is one line of coverage.json: a planned artefact and what became of it.
// Exactly one of Item and Gap is set.
type Entry struct {
	Artefact string `json:"artefact"`
	Source   Source `json:"source"`
	State    State  `json:"state"`
	Item     *Item  `json:"item,omitempty"`
	Gap      *Gap   `json:"gap,omitempty"`
}

// Header is collection.json: who, when, where, how, with what.
type Header struct {
	Schema    string            `json:"schema"`
	Bag       string            `json:"bag"` // ULID
	Case      string            `json:"case"`
	Kind      string            `json:"kind"`         // "collection" or "containment"
	Operator  string            `json:"operator"`     // the human
	Principal string            `json:"principal"`    // ARN by GetCallerIdentity
	Account   string            `json:"account"`      // of the principal
	Targets   []string          `json:"targets"`      // function ARNs
	Endpoint  string            `json:"endpoint_url"` // "" is AWS; anything else is shouted
	Host      string            `json:"host"`
	Tool      Tool              `json:"tool"`
	Started   time.Time         `json:"started"`
	Ended     time.Time         `json:"ended,omitzero"`
	SkewMS    map[string]int64  `json:"clock_skew_ms,omitempty"` // endpoint host -> local clock minus its Date header
	Status    Status            `json:"status"`
	Params    map[string]string `json:"params,omitempty"`
}

// Tool identifies the binary that wrote a bag.
type Tool struct {
	Name, Version, Commit, Go string
	SHA256                    string // of the executable; "" if unreadable
}

// Status of a bag.
type Status string

// Bag statuses.
const (
	StatusComplete  Status = "complete"
	StatusPartial   Status = "partial" // sealed, with gaps
	StatusAbandoned Status = "abandoned"
)

// Problem is one finding of verification: damage, with where.
type Problem struct {
	Path string `json:"path"`
	What string `json:"what"` // "changed", "missing", "not listed", "unfinished", ...
	Want string `json:"want,omitempty"`
	Got  string `json:"got,omitempty"`
}
