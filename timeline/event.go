package timeline

import (
	"cmp"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/sigma"
)

// Outcome classes what came of a call.
type Outcome string

// Outcomes. NotApplicable is for events that are no calls (a log line).
const (
	Success       Outcome = "success"
	Denied        Outcome = "denied"
	Throttled     Outcome = "throttled"
	NotFound      Outcome = "not_found"
	Failed        Outcome = "error"
	NotApplicable Outcome = ""
)

// Kind says what sort of source an event comes from.
type Kind string

// Kinds, in the order in which events of one instant are listed.
const (
	KindCloudTrail Kind = "cloudtrail"
	KindLog        Kind = "log"           // a line of the function's log: written by the function, so by the attacker too
	KindState      Kind = "configuration" // what a collected document says happened
	KindResponder  Kind = "responder"     // what the responder did, from containment bags and the ledger
	KindFinding    Kind = "finding"       // what GuardDuty, Inspector or Access Analyzer concluded
	KindTrace      Kind = "trace"         // what X-Ray kept of a request: written by the function too
)

// Tags of events: evidence, never a verdict.
const (
	TagOutside     = "outside-execution-environment" // a key that was used inside Lambda, used without its marker
	TagBothSides   = "same-key-inside-and-outside"   // the key of this event shows both with and without the marker
	TagUnmarked    = "scoped-key-without-marker"     // a function's credentials, never seen with the marker: a container image, or not Lambda
	TagNewCode     = "new-code-version"              // the function's code hash is another one than before
	TagPublicGrant = "public-grant"                  // a resource policy or URL admits everyone
	TagGrant       = "grant"                         // somebody else was admitted by a policy
	TagURL         = "url-opened"                    // a function URL was made or changed
	TagNewKey      = "credentials-issued"            // the call returned credentials
	TagResponder   = "responder"                     // an act of the investigation itself
	TagOwn         = "own-call"                      // a call of the investigation, by its request id in the case's journals
	TagClaimed     = "claims-our-marker"             // it carries the marker of this case, and stands in none of its journals
	TagConflict    = "conflicting-copy"              // another record of the same event id says something else
	TagTwice       = "member-given-twice"            // its record says something twice: readers differ over which counts
	TagAggregated  = "aggregated"                    // a five-minute summary of many calls
	TagNetwork     = "network-activity"              // seen at a VPC endpoint
	TagFault       = "function-error"                // a log line that tells of a crash or a timeout
	TagSample      = "sample-finding"                // GuardDuty made it up, to be tried out
)

// Event is one thing that happened, whatever told us of it. All strings but
// Kind, TimestampDesc, Outcome and Tags may have been written by an attacker;
// each is bounded to MaxField bytes.
type Event struct {
	Time          time.Time // UTC, to the nanosecond where the source has it (CloudTrail: seconds)
	TimestampDesc string    // what Time is: "Event Time", "Function Last Modified", ...
	Kind          Kind
	Source        string // artefact or file form: "cloudtrail.lookup", "cloudtrail.file", "logs.events", ...
	Category      string // CloudTrail's eventCategory: Management, Data, NetworkActivity, Aggregated

	Principal Principal
	AccessKey string
	Address   string // source IP address, or the AWS service that called
	UserAgent string
	InLambda  bool // the user agent carries Lambda's execution environment marker (which can be forged)
	Service   string
	Action    string // API name without Lambda's date suffix
	RawAction string // as logged
	Outcome   Outcome
	ErrorCode string
	ErrorText string
	ReadOnly  bool
	Region    string
	Account   string // the account that received the event
	VPCE      string // VPC endpoint id
	Function  string // ARN without qualifier where known, otherwise the name
	Qualifier string // version or alias
	Resources []string
	Change    Change
	Named     []string // "request.rule=nightly", "response.user.arn=...": what a call named, where it may have changed or issued something
	ID        string   // eventID; of other kinds an id that is the same for the same fact
	RequestID string
	SharedID  string // ties records of one act in several accounts, and a network event to its call
	LinkedTo  string // event id of another record with the same SharedID
	Message   string // one line for people
	Tags      []string
	Raw       Raw
	Beside    bool      // not what the filter wants, and let through by Options.Beside
	Repeats   int64     // further events that were collapsed into this one's line
	Until     time.Time // the last of them
	LastID    string    // its id
	LastRaw   Raw       // its record
	AlsoSeen  int       // further copies of the same record that were left out
	Rules     []RuleHit
	Cites     []string // of a correlation: ids of the events it rests on, the last of them; of a recorded configuration: of the calls that it names

	key   keyNumber     // of AccessKey
	who   *acquaintance // whose event it is, while it is read
	hits  []sigma.Hit   // until the rules are written into Rules
	clear clarity       // of its texts
	about uint64        // which of Options.Functions it concerns
	plain bool          // its record is printing ASCII without escapes: nothing in it hides
}

// Concerns says whether the filter would keep the event for the i-th of Options.Functions.
func (e *Event) Concerns(i int) bool { return e.about>>i&1 == 1 }

// MaxField bounds each string of an event, in bytes; what is longer is cut and ends in "…".
const MaxField = 2048

// Principal is who acted.
type Principal struct {
	Type     string // IAMUser, AssumedRole, Root, AWSService, ...
	Name     string // user name, role name, service
	Session  string // role session name
	ARN      string
	ID       string // principalId
	Account  string
	Role     string // ARN of the role of a session
	Function string // ARN of the function the credentials were issued to (userIdentity.inScopeOf), or found by the case's configurations
	Version  string // its version, from inScopeOf
	Scoped   bool   // Function comes from inScopeOf
	Via      string // AWS service that called on behalf of the principal (invokedBy)
	Created  time.Time
	SignIn   string // ARN of the sign-in session that the credentials hang on
	Identity string // source identity, which stays with all that a session assumes
	Console  bool
}

// String is "christophe", "role/session", "root", "lambda.amazonaws.com", "unknown".
func (p Principal) String() string {
	if p.Name != "" && p.Session != "" {
		return p.Name + "/" + p.Session
	}
	return cmp.Or(p.Name, p.ARN, p.ID, p.Account, p.Via, "unknown")
}

// append appends what String gives.
func (p *Principal) append(b []byte) []byte {
	if p.Name != "" && p.Session != "" {
		return append(append(append(b, p.Name...), '/'), p.Session...)
	}
	return append(b, cmp.Or(p.Name, p.ARN, p.ID, p.Account, p.Via, "unknown")...)
}

// Change is what a call changed, as far as the record says.
type Change struct {
	CodeHash string // base64 SHA-256 of the deployment package after the call
	WasHash  string // the hash known before, where it was another one
	Version  string // version that was published, or that the hash belongs to
	Role     string // execution role after the call, or the role that was acted on
	Layers   string // layer ARNs after the call, joined by ","
	Grantee  string // principal that a policy admits
	Allows   string // action that was granted
	Sid      string // statement id
	AuthType string // of a function URL
	URL      string
	NewKey   string // access key that the call returned
	Policy   string // policy name or ARN
	Setting  string // other telling parameter: "ReservedConcurrentExecutions=0"

	Package     string // of a collected version: PackageMatch, PackageMismatch, PackageMissing, PackageImage
	PackagePath string // where it lies in the case
}

// Raw says where the record can be read again.
type Raw struct {
	Bag    string // ULID; "" outside a case
	Item   string // artefact id; "" outside a case
	Path   string // in the case or in the folder
	SHA256 string // hex, of the stored artefact; "" outside a case
	Line   int64  // from 1, of the inflated text
	Offset int64  // of the record's first byte in the inflated text
}

func rawOf(r evidence.Ref) Raw {
	return Raw{Bag: r.Bag, Item: r.Item, Path: r.Path, SHA256: r.SHA256}
}

// Tag adds a tag once.
func (e *Event) Tag(t string) {
	for _, have := range e.Tags {
		if have == t {
			return
		}
	}
	e.Tags = append(e.Tags, t)
}

// Tagged says whether the event carries a tag.
func (e *Event) Tagged(t string) bool {
	for _, have := range e.Tags {
		if have == t {
			return true
		}
	}
	return false
}
