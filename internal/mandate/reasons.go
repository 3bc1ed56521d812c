package mandate

import (
	"github.com/freezeframe-ir/freezeframe/internal/alert"
)

// Outcome is what is to be done.
type Outcome string

// Outcomes, the least first.
const (
	Refuse      Outcome = "refuse"       // nothing at all
	CollectOnly Outcome = "collect-only" // evidence is collected, and the account is left as it is
	DoAct       Outcome = "act"
)

// Reason is why something is not done. Its id stays the same; programs go by it.
type Reason struct {
	ID       string
	Outcome  Outcome // the most that is done for all of it
	Sentence string
}

func reason(id string, o Outcome, sentence string) *Reason { return &Reason{id, o, sentence} }

// Reasons. Collecting changes nothing and asks for no mandate, so that it is left by most of them;
// what cannot be collected because nobody knows what, and what somebody has halted, is refused.
var (
	Halted       = reason("halted", Refuse, "everything unattended is halted")
	NoMandate    = reason("no-mandate", CollectOnly, "there is no mandate: nothing is done without people")
	NoSignature  = reason("no-signature", CollectOnly, "the mandate is not signed")
	BadSignature = reason("bad-signature", CollectOnly, "a signature of the mandate does not fit: the file is not what was signed")
	NotTrusted   = reason("signer-not-trusted", CollectOnly, "nobody who is trusted here has signed the mandate")
	NotYetValid  = reason("mandate-not-yet-valid", CollectOnly, "the mandate is not valid yet")
	Expired      = reason("mandate-expired", CollectOnly, "the mandate has expired")
	ClockSkew    = reason("clock-skew", CollectOnly, "the clock of this machine does not fit AWS's, or the alert is of the future")

	NotReadable    = reason("alert-unknown", Refuse, "the alert could not be read")
	NotAtSource    = reason("not-at-source", CollectOnly, "the alert was not found at its source: a message alone proves nothing")
	OtherAtSource  = reason("other-at-source", CollectOnly, "at its source the alert is of something else")
	ArchivedThere  = reason("archived", CollectOnly, "the finding is archived")
	SuppressedHere = reason("suppressed", CollectOnly, "the finding is suppressed")
	ResolvedThere  = reason("resolved", CollectOnly, "the finding is resolved")
	NoTarget       = reason("target-unresolved", Refuse, "it is not settled which function the alert is of")
	OtherPartition = reason("other-partition", Refuse, "the alert is of another partition than the one this runs in")
	NoAccount      = reason("account-not-covered", CollectOnly, "no rule covers the function's account")
	NoRegion       = reason("region-not-covered", CollectOnly, "no rule covers the function's region")

	IsSample      = reason("sample", CollectOnly, "the finding is a sample")
	SeveralActors = reason("several-actors", CollectOnly, "the alert names several actors, or does not say how many")
	NoKind        = reason("kind-not-covered", CollectOnly, "no rule covers this kind of alert")
	NoType        = reason("type-not-covered", CollectOnly, "no rule covers this type of alert")
	BelowSeverity = reason("severity-below", CollectOnly, "the alert is less severe than the rule asks for")
	NoBasis       = reason("named-otherwise", CollectOnly, "the function is named in a way that the rule does not accept")
	NoFunction    = reason("function-not-covered", CollectOnly, "no rule covers the function's name")
	NoTag         = reason("tag-missing", CollectOnly, "the function does not have the tags that the rule asks for")
	ExceptedTag   = reason("excluded-tag", CollectOnly, "the function has a tag that the rule excludes")
	TagsUnknown   = reason("tags-unknown", CollectOnly, "the function's tags are not known")
	OutsideHours  = reason("outside-hours", CollectOnly, "it is outside of the hours of the rule")
	FunctionGone  = reason("function-deleted", CollectOnly, "the function is not there any more, or nobody looked")
	RoleShared    = reason("role-shared", CollectOnly, "more functions have the role than the rule allows, or nobody counted them")
	FunctionLimit = reason("function-limit", CollectOnly, "the rule has acted on this function as often as it may in 24 hours")
	DayLimit      = reason("day-limit", CollectOnly, "the rule has acted as often as it may in 24 hours")
	Unapproved    = reason("approvals-missing", CollectOnly, "approvals are missing")
	SameApprover  = reason("same-approver-twice", CollectOnly, "the same person approved twice: two are wanted")
	BadApproval   = reason("approval-bad", CollectOnly, "an approval is not of this decision, not of an approver, or too old")
)

// All lists the reasons, in the order in which they are looked at.
func All() []*Reason {
	return []*Reason{
		Halted, NoMandate, NoSignature, BadSignature, NotTrusted, NotYetValid, Expired, ClockSkew,
		NotReadable, NotAtSource, OtherAtSource, ArchivedThere, SuppressedHere, ResolvedThere, NoTarget, OtherPartition,
		NoAccount, NoRegion, IsSample, SeveralActors, NoKind, NoType, BelowSeverity, NoBasis, NoFunction,
		NoTag, ExceptedTag, TagsUnknown, OutsideHours, FunctionGone, RoleShared, FunctionLimit, DayLimit, BadApproval, SameApprover, Unapproved,
	}
}

// stateAtSource is the reason in what the source says of the finding, if there is one.
func stateAtSource(a *alert.Alert) *Reason {
	switch {
	case a.Archived:
		return ArchivedThere
	case a.Suppressed:
		return SuppressedHere
	case a.Resolved:
		return ResolvedThere
	}
	return nil
}
