package contain

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Refusals: nothing was written. Commands end with exit code 4.
var (
	ErrBadPlan      = errors.New("not a usable plan")
	ErrPlanChanged  = errors.New("the plan was changed after it was made")
	ErrOtherAccount = errors.New("the plan is for another account, region or endpoint")
	ErrStale        = errors.New("the account is not as planned")
	ErrDrifted      = errors.New("the account is not as the act left it") // an ErrStale, of release and undo
	ErrNotPreserved = errors.New("what would be overwritten is not sealed in the case")
	ErrProtected    = errors.New("protected from containment")
	ErrSessionsLive = errors.New("stolen sessions may still be alive")
	ErrNoReason     = errors.New("a reason is needed")
	ErrNothing      = errors.New("nothing is in force")
	ErrUnknownAct   = errors.New("no such act")
	ErrExercise     = errors.New("an exercise and the real thing do not touch each other")
)

// Refused says whether err is one of the refusals above.
func Refused(err error) bool {
	for _, r := range []error{ErrBadPlan, ErrPlanChanged, ErrOtherAccount, ErrStale, ErrNotPreserved, ErrProtected, ErrSessionsLive, ErrNoReason, ErrNothing, ErrExercise} {
		if errors.Is(err, r) {
			return true
		}
	}
	return false
}

// OtherAccountError is ErrOtherAccount: What is "account", "region" or "endpoint".
type OtherAccountError struct{ What, Planned, Session string }

func (e *OtherAccountError) Error() string {
	return fmt.Sprintf("the plan is for %s %s, the session is at %s", e.What, orAWS(e.Planned), orAWS(e.Session))
}

// Is makes errors.Is(err, ErrOtherAccount) hold.
func (e *OtherAccountError) Is(target error) bool { return target == ErrOtherAccount }

func orAWS(s string) string {
	if s == "" {
		return "AWS"
	}
	return s
}

// StaleError is ErrStale: the document, as planned and as it is now. For release and
// undo Planned is what the act left behind.
type StaleError struct {
	Doc, Key, Resource string
	Planned, Now       json.RawMessage
	Lifting            bool
}

func (e *StaleError) Error() string {
	if e.Lifting {
		return fmt.Sprintf("%s of %s is not as it was left: left %s, now %s", name(e.Doc, e.Key), e.Resource, short(e.Planned), short(e.Now))
	}
	return fmt.Sprintf("%s of %s is not as planned: planned %s, now %s", name(e.Doc, e.Key), e.Resource, short(e.Planned), short(e.Now))
}

// Is makes errors.Is(err, ErrStale) hold, and ErrDrifted of release and undo.
func (e *StaleError) Is(target error) bool {
	return target == ErrStale || e.Lifting && target == ErrDrifted
}

func name(doc, key string) string {
	if key == "" {
		return doc
	}
	return doc + "/" + key
}

func short(b json.RawMessage) string {
	const most = 160
	if len(b) > most {
		return strings.ToValidUTF8(string(b[:most]), "") + "..."
	}
	return string(b)
}

// NotPreservedError is ErrNotPreserved: what is missing, and the command that seals it.
type NotPreservedError struct {
	Functions []string
	Missing   []Artefact
}

// Hint is the command to run.
func (e *NotPreservedError) Hint() string {
	hint := "freezeframe collect --function " + strings.Join(e.Functions, " --function ")
	if slices.ContainsFunc(e.Missing, func(a Artefact) bool { return a.large() }) {
		return hint
	}
	return hint + " --scope containment"
}

// large says whether a collection of scope containment leaves it out.
func (a Artefact) large() bool {
	return slices.Contains([]string{"lambda.code", "lambda.environment", "lambda.signing", "ecr.image"}, a.Name)
}

func (e *NotPreservedError) Error() string {
	var names []string
	for _, a := range e.Missing {
		n := a.Name
		if a.Qualifier != "" {
			n += " " + a.Qualifier
		}
		if a.Content != "" {
			n += " with CodeSha256 " + a.Content
		}
		names = append(names, n)
	}
	return fmt.Sprintf("not sealed in the case: %s of %s", strings.Join(names, ", "), strings.Join(e.Functions, ", "))
}

// Is makes errors.Is(err, ErrNotPreserved) hold.
func (e *NotPreservedError) Is(target error) bool { return target == ErrNotPreserved }

// ProtectedError is ErrProtected.
type ProtectedError struct{ Act, Resource, Why string }

func (e *ProtectedError) Error() string {
	return fmt.Sprintf("refused %s on %s: %s", e.Act, e.Resource, e.Why)
}

// Is makes errors.Is(err, ErrProtected) hold.
func (e *ProtectedError) Is(target error) bool { return target == ErrProtected }

// SessionsLiveError is ErrSessionsLive: until then, taking the act back gives stolen
// credentials their power again. A zero Until is never: keys do not run out.
type SessionsLiveError struct {
	Act, Role string
	Until     time.Time
}

func (e *SessionsLiveError) Error() string {
	if e.Until.IsZero() {
		return fmt.Sprintf("keys of %s that may be stolen would work again, and keys never run out: %s stays unless you accept that (--accept-risk WHY)", e.Role, e.Act)
	}
	return fmt.Sprintf("credentials of %s that may be stolen would work again, until %s: %s stays unless you accept that (--accept-risk WHY)",
		e.Role, e.Until.UTC().Format(time.RFC3339), e.Act)
}

// Is makes errors.Is(err, ErrSessionsLive) hold.
func (e *SessionsLiveError) Is(target error) bool { return target == ErrSessionsLive }
