package evidence

import "time"

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
	NameB64   string            `json:"name_base64url,omitempty"` // set by Put: the name's bytes, where they are not UTF-8
	Source    Source            `json:"source"`
	Call      string            `json:"call,omitempty"`   // "Lambda:GetFunction"
	Params    map[string]string `json:"params,omitempty"` // of the call, or told by its answer; never a secret
	RequestID string            `json:"request_id,omitempty"`
	Started   time.Time         `json:"started"`
	Ended     time.Time         `json:"ended,omitzero"`
	Declared  *Declared         `json:"declared,omitempty"`
	Sensitive bool              `json:"sensitive,omitempty"` // a secret: stored only as age ciphertext, never with a plain hash
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
	Path   string `json:"path"`             // inside the bag: data/... or data/sealed/...
	Sealed bool   `json:"sealed,omitempty"` // no secret, but ciphertext all the same: the case seals all
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hex, of the stored bytes (the ciphertext of a sealed artefact)
	// HMAC of a sealed artefact's plaintext, hex: HMAC-SHA256 under the bag's key,
	// which is stored inside the seal and nowhere else (a plain hash of a secret can be guessed at).
	HMAC      string `json:"hmac_sha256,omitempty"`
	VersionID string `json:"version_id,omitempty"` // S3 VersionId; "" in a folder
}

// Ciphertext says whether what is stored is an age file.
func (it Item) Ciphertext() bool { return it.Sensitive || it.Sealed }

// Ref points at an artefact of the case, for those who cite it.
type Ref struct {
	Bag    string `json:"bag"`    // ULID
	Item   string `json:"item"`   // Item.ID
	Path   string `json:"path"`   // from the case's root: collections/<bag>/data/...
	SHA256 string `json:"sha256"` // hex, of the stored bytes
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
	Resumed   []Session         `json:"resumed,omitempty"`   // after an interruption
	Continues string            `json:"continues,omitempty"` // the sealed bag whose gaps this one asks for again
}

// Tool identifies the binary that wrote a bag.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go,omitempty"`
	SHA256  string `json:"sha256,omitempty"` // of the executable; "" if unreadable
}

// Status of a bag.
type Status string

// Bag statuses.
const (
	StatusComplete  Status = "complete"
	StatusPartial   Status = "partial" // sealed, with gaps
	StatusAbandoned Status = "abandoned"
)

// Problem is one finding of verification, with where.
type Problem struct {
	Path string `json:"path"`
	What string `json:"what"` // "changed", "missing", "not listed", "unfinished", ...
	Want string `json:"want,omitempty"`
	Got  string `json:"got,omitempty"`
	// Unfinished marks what an interrupted run leaves behind: nothing that was
	// sealed is affected. Everything else is damage.
	Unfinished bool `json:"unfinished,omitempty"`
}

// Damage says whether sealed evidence is affected (exit code 5), as against work that
// was never finished (exit code 3).
func (p Problem) Damage() bool { return !p.Unfinished }

// EventType is what a ledger event records.
type EventType string

// Ledger event types.
const (
	EventOpen     EventType = "open"
	EventCollect  EventType = "collect"
	EventResume   EventType = "resume"
	EventSeal     EventType = "seal"
	EventTransfer EventType = "transfer"
	EventAccess   EventType = "access"
	EventAnalyse  EventType = "analyse"
	EventContain  EventType = "contain"
	EventApprove  EventType = "approve"
	EventOverride EventType = "override"
	EventDecide   EventType = "decide"
	EventNote     EventType = "note"
	EventImport   EventType = "import"
	EventExport   EventType = "export"
	EventUndo     EventType = "undo"
	EventRekey    EventType = "rekey"
)

// Event is one file of the ledger, ledger/00000000.json and on. Callers of Record give
// Type, Actor, Reason and Data; the rest is filled in.
type Event struct {
	Schema   string            `json:"schema"`
	Seq      int64             `json:"seq"`
	PrevHash string            `json:"prev_hash"` // hex SHA-256 of the previous event's file bytes; "" in event 0
	Case     string            `json:"case"`
	ID       string            `json:"id"` // ULID: tells our own event from another's after a lost reply
	Type     EventType         `json:"type"`
	Actor    string            `json:"actor"`
	Clock    time.Time         `json:"clock"`
	Reason   string            `json:"reason,omitempty"`
	Covers   []Digest          `json:"covers,omitempty"` // tagmanifests of sealed bags; in event 0 case.json, README-VERIFY.txt and keys
	Data     map[string]string `json:"data,omitempty"`   // details, never a secret
	Epoch    int64             `json:"epoch,omitempty"`  // how many rekey events there were, this one included
}

// Digest ties a file of the case to its bytes.
type Digest struct {
	Path   string `json:"path"`   // from the case's root
	SHA256 string `json:"sha256"` // hex
	// VersionID is what S3 called the object that was written; "" in a folder, or where its answer was lost.
	VersionID string `json:"version_id,omitempty"`
}

// Found is one coverage entry and the bag it stands in.
type Found struct {
	Bag   *Bag
	Entry Entry
}
