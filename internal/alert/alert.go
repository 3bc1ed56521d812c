package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Schema names the shape of an Alert as JSON.
const Schema = "freezeframe.alert/1"

// Kind says what an alert is, whichever form brought it.
type Kind string

// Kinds.
const (
	GuardDuty  Kind = "guardduty"       // a threat that GuardDuty found
	Sequence   Kind = "attack-sequence" // several, which GuardDuty tied together
	Detection  Kind = "detection"       // what another product of Security Hub detected
	Compliance Kind = "compliance"      // a control that failed: posture, no attack
	APICall    Kind = "api-call"        // one record of CloudTrail
	Alarm      Kind = "alarm"           // of CloudWatch
	Rule       Kind = "rule"            // an event of our timeline that a Sigma rule marked
	Unknown    Kind = "unknown"         // what could not be read
)

// Kinds lists them all.
func Kinds() []Kind {
	return []Kind{GuardDuty, Sequence, Detection, Compliance, APICall, Alarm, Rule, Unknown}
}

// Alert is one alert, resolved as far as it says.
type Alert struct {
	Schema  string   `json:"schema"`
	Case    string   `json:"case"` // the same for every way and repeat of one finding
	Kind    Kind     `json:"kind"`
	Form    string   `json:"form,omitempty"`    // in which it was written: guardduty, asff, ocsf, ...
	Through []string `json:"through,omitempty"` // sns, eventbridge: outermost first
	Part    string   `json:"part,omitempty"`    // which of several in one message

	Product string `json:"product,omitempty"` // whose finding it is: aws/guardduty, ...
	Origin  string `json:"origin,omitempty"`  // the id that the product gave it
	Account string `json:"account,omitempty"` // of the finding
	Region  string `json:"region,omitempty"`  // of the finding

	Partition string `json:"partition,omitempty"` // of its ARNs

	Type     string   `json:"type,omitempty"`  // the product's type, spelt as the product does
	Types    []string `json:"types,omitempty"` // as this form spells them
	Title    string   `json:"title,omitempty"`
	Severity Severity `json:"severity"`

	First   time.Time `json:"first,omitzero"`
	Last    time.Time `json:"last,omitzero"`
	Updated time.Time `json:"updated,omitzero"`
	Count   int64     `json:"count,omitempty"`

	Target     *Target  `json:"target,omitempty"`     // the one function; nil: see Unresolved
	Basis      Basis    `json:"basis,omitempty"`      // what names it
	Candidates []Target `json:"candidates,omitempty"` // functions that could be meant

	Role          string   `json:"role,omitempty"`         // its name
	RoleARN       string   `json:"role_arn,omitempty"`     // where the alert has it
	RoleAccount   string   `json:"role_account,omitempty"` // where it is not the alert's: of a call from another account
	RoleUsed      bool     `json:"role_used,omitempty"`    // the alert is of the role's credentials, not of a function
	Session       string   `json:"session,omitempty"`
	AccessKey     string   `json:"access_key,omitempty"`
	Principal     string   `json:"principal,omitempty"`
	PrincipalType string   `json:"principal_type,omitempty"`
	Remote        []string `json:"remote,omitempty"` // addresses and domains at the other end

	Actors      []Actor `json:"actors,omitempty"`
	ActorsTotal int     `json:"actors_total,omitempty"`

	Sample     bool   `json:"sample,omitempty"`
	SampleBy   string `json:"sample_by,omitempty"`
	Archived   bool   `json:"archived,omitempty"`
	Suppressed bool   `json:"suppressed,omitempty"`
	Resolved   bool   `json:"resolved,omitempty"` // closed at its source: nothing to do with the target

	Unresolved []Gap     `json:"unresolved,omitempty"`
	Doubts     []string  `json:"doubts,omitempty"` // what does not fit together, and decides nothing
	Envelope   *Envelope `json:"envelope,omitempty"`
	Message    Message   `json:"message"`
	Refused    *Refusal  `json:"refused,omitempty"` // of an alert of kind Unknown: why
}

// Basis says what names the function.
type Basis string

// Bases, the surest first.
const (
	ByARN     Basis = "arn"     // the alert has the function's ARN
	ByName    Basis = "name"    // its name, with the account and region of the alert
	ByRole    Basis = "role"    // it alone has the role whose credentials the alert is of
	BySession Basis = "session" // of several with that role, it has the session's name
)

// Bases lists them all.
func Bases() []Basis { return []Basis{ByARN, ByName, ByRole, BySession} }

// Target is a function.
type Target struct {
	ARN       string `json:"arn,omitempty"` // without qualifier
	Name      string `json:"name"`
	Qualifier string `json:"qualifier,omitempty"` // version or alias
	Account   string `json:"account,omitempty"`
	Region    string `json:"region,omitempty"`
	Partition string `json:"partition,omitempty"`
}

// Actor is one of those whom an attack sequence names.
type Actor struct {
	ID        string `json:"id"`
	Name      string `json:"name,omitempty"`
	Type      string `json:"type,omitempty"`
	Principal string `json:"principal,omitempty"`
	AccessKey string `json:"access_key,omitempty"`
	Account   string `json:"account,omitempty"`
}

// Gap is something that could not be resolved, and why.
type Gap struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// Envelope is what EventBridge wrote around an alert. Nothing is decided by it.
type Envelope struct {
	ID         string    `json:"id,omitempty"`
	Source     string    `json:"source,omitempty"`
	DetailType string    `json:"detail_type,omitempty"`
	Account    string    `json:"account,omitempty"`
	Region     string    `json:"region,omitempty"`
	Time       time.Time `json:"time,omitzero"`
}

// Message is what arrived.
type Message struct {
	SHA256 string `json:"sha256"` // of its bytes; where it is not Whole, of its first Bytes
	Bytes  int64  `json:"bytes"`
	Whole  bool   `json:"whole"`
}

// Reason says, in one of a few words, why a message could not be read.
type Reason string

// Reasons.
const (
	TooLarge     Reason = "too-large"
	Empty        Reason = "empty"
	NotUTF8      Reason = "not-utf8"
	NotJSON      Reason = "not-json"
	Twice        Reason = "member-twice"  // or in two spellings
	TooDeep      Reason = "too-deep"      // of nesting, or of envelopes
	TooMany      Reason = "too-many"      // members, or findings
	NoForm       Reason = "no-known-form" // JSON, and nothing that is read here
	SeveralForms Reason = "several-forms" // it could be read in two ways
	Missing      Reason = "missing"       // a member without which there is no case
	WrongType    Reason = "wrong-type"
	TooLong      Reason = "too-long"  // a text that names something
	BadValue     Reason = "bad-value" // an account that is none
)

// Refusal says why a message could not be read.
type Refusal struct {
	Reason Reason `json:"reason"`
	Detail string `json:"detail"`
}

// ErrUnknown: the message is no alert that could be read.
var ErrUnknown = errors.New("not an alert that can be read")

// Err is ErrUnknown with the reason, for an alert of kind Unknown.
func (a *Alert) Err() error {
	if a.Refused == nil {
		return nil
	}
	return fmt.Errorf("%w: %s: %s (sha256 %s)", ErrUnknown, a.Refused.Reason, a.Refused.Detail, a.Message.SHA256)
}

// caseID is the same for the same parts. Parts are quoted, so that none can reach into the next.
func caseID(product, account, region, origin string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%q\n%q\n%q\n%q\n", Schema, product, account, region, origin))
	return "alert-" + hex.EncodeToString(sum[:16])
}

// Widen joins a repeat to what is known of its case: the window becomes what both cover, the count
// the higher one, and states, severity and title are those of the later update. Another case is
// an error. What the repeat says of the target must be the same, or nothing is joined.
func Widen(known, again Alert) (Alert, error) {
	if known.Case != again.Case {
		return known, fmt.Errorf("case %s is not case %s", again.Case, known.Case)
	}
	if known.Target != nil && again.Target != nil && known.Target.ARN != again.Target.ARN {
		return known, fmt.Errorf("case %s: the repeat names %s, and was of %s", known.Case, again.Target.ARN, known.Target.ARN)
	}
	out, older := known, again
	if again.Updated.After(known.Updated) {
		out, older = again, known
	}
	if out.First.IsZero() || !older.First.IsZero() && older.First.Before(out.First) {
		out.First = older.First
	}
	if older.Last.After(out.Last) {
		out.Last = older.Last
	}
	out.Count = max(known.Count, again.Count)
	out.Sample = known.Sample || again.Sample // a sample does not become an alert by saying so
	if out.SampleBy == "" {
		out.SampleBy = older.SampleBy
	}
	if out.Target == nil && older.Target != nil {
		out.Target, out.Basis, out.Unresolved = older.Target, older.Basis, older.Unresolved
	}
	return out, nil
}
