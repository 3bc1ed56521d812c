package mandate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
)

const (
	maxSkew     = 5 * time.Minute
	approvalAge = time.Hour
	day         = 24 * time.Hour
)

// Facts are what was looked up. What nobody looked up is as bad as the worst answer.
type Facts struct {
	Halted    bool          // the switch that stops everything unattended
	AWSTime   time.Time     // what AWS's answers say the time is
	Partition string        // that this runs in
	AtSource  *alert.Alert  // the alert as its source tells it now; nil: not found
	Function  *FunctionFact // nil: nobody looked, or it is not there
	Acted     []Acted       // of the last 24 hours at least
	Approvals []Approval
}

// FunctionFact is what is known of the function.
type FunctionFact struct {
	ARN       string
	Tags      map[string]string
	TagsKnown bool
	RoleUsers int // functions that have its role, itself among them; 0: nobody counted

	RoleUsersWhy string // why nobody counted, for people
}

// Acted is one time that a rule acted.
type Acted struct {
	Rule     string
	Function string // ARN
	At       time.Time
}

// Said is a reason with what it is about.
type Said struct {
	ID       string `json:"id"`
	Sentence string `json:"sentence"`
	Rule     string `json:"rule,omitempty"`
}

// Decision is what is to be done, and why no more.
type Decision struct {
	Outcome  Outcome  `json:"outcome"`
	Reasons  []Said   `json:"reasons,omitempty"` // of act: none
	Rule     string   `json:"rule,omitempty"`    // that allows it, or comes next to it
	Playbook string   `json:"playbook,omitempty"`
	Acts     []string `json:"acts,omitempty"`

	Approvals int      `json:"approvals,omitempty"` // still wanted
	Request   *Request `json:"request,omitempty"`   // what is to be approved
	By        []string `json:"by,omitempty"`        // who approved

	Expires  time.Time `json:"expires,omitzero"`   // then what Releases lists is lifted, unless somebody confirms it
	Releases []string  `json:"releases,omitempty"` // acts that a release lifts
	Stays    []string  `json:"stays,omitempty"`    // acts that nothing lifts by itself
}

// Decide holds an alert against a mandate. It is a function of what it is given alone.
func Decide(h *Held, a *alert.Alert, f Facts, now time.Time) Decision {
	if r, detail := void(h, f, now); r != nil {
		return refused(r, detail, "")
	}
	if r, detail := unsure(a, f, now); r != nil {
		return refused(r, detail, "")
	}
	// The first rule that covers the alert decides. Of those that do not, the one that came nearest
	// says why: the reason that stands latest in the list of all.
	var nearest *Reason
	var detail, of string
	for i := range h.Mandate.Rules {
		r := &h.Mandate.Rules[i]
		why, about := r.covers(a, f, now)
		if why == nil {
			return h.Mandate.within(r, a, f, now)
		}
		if nearest == nil || slices.Index(All(), why) > slices.Index(All(), nearest) {
			nearest, detail, of = why, about, r.Name.Value
		}
	}
	return refused(nearest, detail, of)
}

func refused(r *Reason, detail, rule string) Decision {
	return Decision{Outcome: r.Outcome, Rule: rule, Reasons: []Said{said(r, detail, rule)}}
}

func said(r *Reason, detail, rule string) Said {
	s := r.Sentence
	if detail != "" {
		s += ": " + detail
	}
	return Said{r.ID, s, rule}
}

// void is why the mandate counts for nothing now.
func void(h *Held, f Facts, now time.Time) (*Reason, string) {
	switch {
	case f.Halted:
		return Halted, ""
	case h == nil:
		return NoMandate, ""
	case h.void != nil:
		return h.void, h.detail
	case h.Mandate == nil || len(h.By) == 0: // made by nobody's Hold
		return NoSignature, ""
	case now.Before(h.Mandate.from):
		return NotYetValid, "it begins at " + clock(h.Mandate.from)
	case !now.Before(h.Mandate.until):
		return Expired, "it ended at " + clock(h.Mandate.until)
	case f.AWSTime.IsZero():
		return ClockSkew, "nobody asked AWS for the time"
	case apart(f.AWSTime, now) > maxSkew:
		return ClockSkew, fmt.Sprintf("here it is %s, and there %s", clock(now), clock(f.AWSTime))
	}
	return nil, ""
}

// Void is why a mandate counts for nothing at a time, nil where it counts.
func (h *Held) Void(now time.Time) *Reason {
	r, _ := void(h, Facts{AWSTime: now}, now)
	return r
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func apart(a, b time.Time) time.Duration { return max(a.Sub(b), b.Sub(a)) }

// unsure is what is not settled about the alert itself, whatever the rules say.
func unsure(a *alert.Alert, f Facts, now time.Time) (*Reason, string) {
	switch {
	case a == nil || a.Kind == alert.Unknown || a.Case == "":
		return NotReadable, ""
	case f.AtSource == nil:
		return NotAtSource, ""
	}
	if what := differ(a, f.AtSource); what != "" {
		return OtherAtSource, what
	}
	for _, x := range []*alert.Alert{f.AtSource, a} {
		if r := stateAtSource(x); r != nil {
			return r, ""
		}
		if x.First.After(now.Add(maxSkew)) || x.Last.After(now.Add(maxSkew)) {
			return ClockSkew, "it was seen at " + clock(x.Last)
		}
	}
	switch {
	case a.Target == nil || a.Target.ARN == "":
		return NoTarget, gapsOf(a)
	case f.Partition == "" || a.Partition != f.Partition || a.Target.Partition != f.Partition:
		return OtherPartition, fmt.Sprintf("it is of %q, and this runs in %q", cmp.Or(a.Partition, a.Target.Partition), f.Partition)
	}
	return nil, ""
}

// differ says what of the alert its source tells otherwise. Forms differ in what they hold, so that
// only what both say is compared.
func differ(a, there *alert.Alert) string {
	for _, x := range []struct{ what, here, there string }{
		{"case", a.Case, there.Case}, {"account", a.Account, there.Account},
		{"role", a.RoleAccount + a.Role, there.RoleAccount + there.Role}, {"session", a.Session, there.Session}, {"access key", a.AccessKey, there.AccessKey},
		{"type", a.Type, like(a, there, there.Type)},
	} {
		if x.here != x.there && x.here != "" && x.there != "" {
			return "the " + x.what + " is another"
		}
	}
	named := a.Basis == alert.ByARN || a.Basis == alert.ByName
	switch {
	case there.Kind == alert.Unknown || a.Case != there.Case:
		return "the case is another"
	case named && (there.Target == nil || a.Target == nil || there.Target.ARN != a.Target.ARN):
		return "the function is another"
	case !named && there.Target != nil && a.Target != nil && there.Target.ARN != a.Target.ARN:
		return "the function is another"
	case !named && (a.Role != there.Role || a.Session != there.Session):
		return "the credentials are others"
	}
	return ""
}

// like is what the source says where it is of the same kind. The source of a line that a rule marked
// is the record, which knows no rules.
func like(a, there *alert.Alert, s string) string {
	if a.Kind != there.Kind {
		return ""
	}
	return s
}

func gapsOf(a *alert.Alert) string {
	var why []string
	for _, g := range a.Unresolved {
		why = append(why, g.What+": "+g.Why)
	}
	return strings.Join(why, "; ")
}

// covers is why a rule does not cover an alert, in the order of All: nil, it does.
func (r *Rule) covers(a *alert.Alert, f Facts, now time.Time) (*Reason, string) {
	t := a.Target
	switch {
	case !has(r.Functions.Accounts, t.Account) || !has(r.Functions.Accounts, a.Account):
		return NoAccount, t.Account
	case !has(r.Functions.Regions, t.Region):
		return NoRegion, t.Region
	case a.Sample || f.AtSource.Sample:
		return IsSample, cmp.Or(a.SampleBy, f.AtSource.SampleBy)
	case actors(a) > 1 || actors(f.AtSource) > 1:
		return SeveralActors, ""
	case !has(r.Alerts.Kinds, string(a.Kind)):
		return NoKind, string(a.Kind)
	case !r.ofType(a):
		return NoType, a.Type
	case r.Alerts.Severity.Value != "" && (!a.Severity.AtLeast(r.Alerts.Severity.Value) || a.Kind == f.AtSource.Kind && !f.AtSource.Severity.AtLeast(r.Alerts.Severity.Value)):
		return BelowSeverity, fmt.Sprintf("%q, at its source %q, and at least %s is asked for", a.Severity.Label, f.AtSource.Severity.Label, r.Alerts.Severity.Value)
	case !r.accepts(a.Basis):
		return NoBasis, string(a.Basis)
	case !fits(r.Functions.Names, t.Name):
		return NoFunction, t.Name
	}
	return r.coversFunction(f, now, t)
}

// actors: a sequence that does not say how many there are may have several.
func actors(a *alert.Alert) int {
	if a.Kind == alert.Sequence && a.ActorsTotal == 0 {
		return 2
	}
	return a.ActorsTotal
}

func (r *Rule) ofType(a *alert.Alert) bool {
	return fits(r.Alerts.Types, a.Type) || slices.ContainsFunc(a.Types, func(t string) bool { return fits(r.Alerts.Types, t) })
}

func (r *Rule) accepts(b alert.Basis) bool {
	if len(r.Alerts.NamedBy) == 0 {
		return b == alert.ByARN
	}
	return has(r.Alerts.NamedBy, string(b))
}

func (r *Rule) coversFunction(f Facts, now time.Time, t *alert.Target) (*Reason, string) {
	x := f.Function
	if x == nil || x.ARN != t.ARN {
		if r.Hours != nil && !r.Hours.hold(now) {
			return OutsideHours, clock(now)
		}
		return FunctionGone, t.ARN
	}
	if asks := len(r.Functions.Tags)+len(r.Functions.ExceptTags) > 0; asks && !x.TagsKnown {
		return TagsUnknown, ""
	}
	for key, values := range r.Functions.Tags {
		if v, ok := x.Tags[key]; !ok || !fits(values, v) {
			return NoTag, key
		}
	}
	for key, values := range r.Functions.ExceptTags {
		if v, ok := x.Tags[key]; ok && fits(values, v) {
			return ExceptedTag, key
		}
	}
	switch {
	case r.Hours != nil && !r.Hours.hold(now):
		return OutsideHours, clock(now)
	case x.RoleUsers < 1 || x.RoleUsers > r.Functions.SharedRole:
		return RoleShared, cmp.Or(x.RoleUsersWhy, fmt.Sprintf("%d, and %d are allowed", x.RoleUsers, r.Functions.SharedRole))
	}
	return nil, ""
}

// within is what a rule that covers the alert allows now: its limits and approvals.
func (m *Mandate) within(r *Rule, a *alert.Alert, f Facts, now time.Time) Decision {
	function, all := 0, 0
	for _, x := range f.Acted {
		if x.Rule != r.Name.Value || now.Sub(x.At) >= day { // one that is dated ahead counts
			continue
		}
		if all++; x.Function == a.Target.ARN {
			function++
		}
	}
	if function >= r.Limits.PerFunction {
		return refused(FunctionLimit, fmt.Sprintf("%d of %d", function, r.Limits.PerFunction), r.Name.Value)
	}
	if all >= r.Limits.PerDay {
		return refused(DayLimit, fmt.Sprintf("%d of %d", all, r.Limits.PerDay), r.Name.Value)
	}
	d := Decision{Outcome: DoAct, Rule: r.Name.Value, Playbook: r.Playbook.Value}
	for _, act := range m.taken(r) {
		d.Acts = append(d.Acts, act.Name)
		if act.Kind == isolate {
			d.Releases = append(d.Releases, act.Name)
		} else {
			d.Stays = append(d.Stays, act.Name)
		}
	}
	d.Expires = now.Add(r.Expires).UTC()
	return m.approved(d, r, a, f, now)
}

// approved counts the approvals that are of this decision, each person once.
func (m *Mandate) approved(d Decision, r *Rule, a *alert.Alert, f Facts, now time.Time) Decision {
	if r.Approvals == 0 {
		return d
	}
	request := Request{Case: a.Case, Mandate: m.SHA256, Rule: r.Name.Value, Function: a.Target.ARN, Acts: d.Acts}
	var twice, bad bool
	for _, x := range f.Approvals {
		k, ok := m.keys[x.Signature.KeyID]
		switch {
		case !ok || x.At.After(now.Add(maxSkew)) || now.Sub(x.At) > approvalAge || !verify(k.key, request.Text(x.At), x.Signature.DER):
			bad = true
		case slices.Contains(d.By, k.name):
			twice = true
		default:
			d.By = append(d.By, k.name)
		}
	}
	if len(d.By) >= r.Approvals {
		return d
	}
	d.Outcome, d.Request, d.Approvals, d.Expires = CollectOnly, &request, r.Approvals-len(d.By), time.Time{}
	why := Unapproved
	if twice {
		why = SameApprover
	} else if bad {
		why = BadApproval
	}
	d.Reasons = []Said{said(why, fmt.Sprintf("%d of %d", len(d.By), r.Approvals), d.Rule)}
	return d
}
