package timeline

import (
	"strings"
)

// annotator adds to events, in order, what takes more than one event to see, and
// decides what comes out. Its memory is bounded. An event's strings may lie in a buffer that
// is used again: clone what is kept.
type annotator struct {
	o      Options
	facts  *facts
	own    *ownCalls
	hashes map[string]lastHash // by function
	shared map[string]string   // sharedEventID -> event id, of the last few
	ring   []string            // the keys of shared, oldest first
	only   *concern            // the function that the filter wants; nil: all
	about  []concern           // Options.Functions
	rules  *rulebook           // nil: none are tried
	keeps  bool                // messages are kept by who gets them; otherwise they lie in text
	text   []byte              // of the batch under way

	firsts   *firsts   // nil: no baseline was asked for
	packages *packages // of the case; nil: no case is read
}

const (
	maxHashes = 1 << 16
	maxShared = 4096
)

func newAnnotator(o Options, f *facts, own *ownCalls) *annotator {
	a := &annotator{o: o, facts: f, own: own, hashes: map[string]lastHash{}, shared: map[string]string{}, rules: newRulebook(o), firsts: newFirsts(o)}
	if o.Function != "" {
		c := newConcern(o.Function, f)
		a.only = &c
	}
	for _, function := range o.Functions[:min(len(o.Functions), 64)] {
		a.about = append(a.about, newConcern(function, f))
	}
	return a
}

// concern is what is of one function.
type concern struct {
	same  func(function string) bool
	roles map[string]bool
}

func newConcern(function string, f *facts) concern {
	same := sameFunction(function)
	return concern{same, f.rolesOf(same)}
}

// event annotates e and says whether it comes out.
func (a *annotator) event(e *Event) bool {
	if e.Kind == KindCloudTrail {
		a.credentials(e)
		a.own.tag(e)
		a.link(e)
	}
	if a.firsts != nil {
		a.firsts.event(e)
	}
	a.code(e)
	a.collected(e)
	if a.rules != nil {
		a.rules.annotate(e)
	}
	if e.Kind == KindCloudTrail {
		e.Message = a.message(e)
	}
	wanted := a.o.inTime(e.Time) && (a.only == nil || a.only.of(e))
	e.about = 0
	for i := range a.about {
		if a.about[i].of(e) {
			e.about |= 1 << i
		}
	}
	e.Beside = !wanted && a.o.Beside
	return wanted || a.o.Beside
}

// credentials tags the signs of a function's credentials used elsewhere, strongest
// first: the same key with and without the marker; a key that AWS says was issued to a
// function, never seen with it.
func (a *annotator) credentials(e *Event) {
	if e.Principal.Type != "AssumedRole" {
		return
	}
	k := a.facts.known(e)
	if e.Principal.Function == "" {
		e.Principal.Function = a.facts.functionOf(&e.Principal, k)
	}
	switch {
	case k.inside && !e.InLambda && direct(e):
		e.Tag(TagOutside)
		e.Tag(TagBothSides)
	case k.outside && e.InLambda:
		e.Tag(TagBothSides)
	case !k.inside && !e.InLambda && e.Principal.Function != "" && direct(e):
		e.Tag(TagUnmarked)
	}
}

// link ties an event to an earlier record of the same act: a copy in another account, or
// what a VPC endpoint saw. They stand close together, so a short memory is enough.
func (a *annotator) link(e *Event) {
	if e.SharedID == "" {
		return
	}
	if id, known := a.shared[e.SharedID]; known {
		e.LinkedTo = id
		return
	}
	if len(a.ring) >= maxShared {
		delete(a.shared, a.ring[0])
		a.ring = a.ring[1:]
	}
	shared := strings.Clone(e.SharedID) // the event's own strings are good for a moment only
	a.shared[shared] = strings.Clone(e.ID)
	a.ring = append(a.ring, shared)
}

// lastHash is the code hash that a function was last known to have.
type lastHash struct {
	hash  string
	state bool // from a collected configuration, whose time may lie a moment before the call's
}

// code compares a code hash with the one known before. Versions keep their own code, so
// only $LATEST's history is one; what CreateFunction and UpdateFunction* answer is its.
// A collected configuration is only the beginning of a history: it tells of no caller.
func (a *annotator) code(e *Event) {
	c := &e.Change
	if c.CodeHash == "" || e.Function == "" || c.Setting == "DryRun=true" {
		return
	}
	was, known := a.hashes[e.Function]
	if e.Kind == KindState {
		if e.Qualifier == "$LATEST" && !known && len(a.hashes) < maxHashes {
			a.hashes[strings.Clone(e.Function)] = lastHash{strings.Clone(c.CodeHash), true}
		}
		return
	}
	if e.Kind != KindCloudTrail || e.Outcome != Success {
		return
	}
	switch {
	case known && was.hash != c.CodeHash:
		c.WasHash = was.hash
		e.Tag(TagNewCode)
	case e.Action == "UpdateFunctionCode" && (!known || was.state):
		e.Tag(TagNewCode) // uploaded; what was before is not in the evidence
	}
	if known || len(a.hashes) < maxHashes {
		a.hashes[strings.Clone(e.Function)] = lastHash{hash: strings.Clone(c.CodeHash)}
	}
}

// message says in words what the tags say, as evidence and not as a verdict.
func (a *annotator) message(e *Event) string {
	start := len(a.text)
	b := appendMessage(a.text, e)
	end := len(b)
	switch {
	case e.Tagged(TagClaimed):
		b = append(b, "; it carries the marker of this case, and stands in none of its journals: somebody else's, or a call of ours whose answer was lost"...)
	case e.Tagged(TagOutside):
		b = append(b, "; the same key is also used inside Lambda"+by(functionName(e.Principal.Function))+", this call lacks its marker (a sign of use elsewhere, not proof)"...)
	case e.Tagged(TagBothSides):
		b = append(b, "; the same key is also used without Lambda's marker"...)
	case e.Tagged(TagUnmarked):
		b = append(b, "; credentials of function "+functionName(e.Principal.Function)+" without Lambda's marker (a sign of use elsewhere, or a runtime that sends none)"...)
	}
	if e.plain && len(b) == end && e.Change.WasHash == "" && e.Change.Setting == "" {
		e.clear |= clearMessage // functions and hashes of others may need escapes, and a setting that is an object
	}
	if a.keeps {
		return cut(string(b[start:]), MaxField)
	}
	a.text = b
	return view(b[start:])
}

func by(function string) string {
	if function == "" {
		return ""
	}
	return " by function " + function
}

// of says whether an event is of the function: done to it, by its role's sessions, with its
// keys, or by the responder.
func (c *concern) of(e *Event) bool {
	switch {
	case c.same(e.Function), c.same(e.Principal.Function):
		return true
	case e.Kind == KindResponder:
		return e.Function == "" && e.Change.Role == "" || c.roles[plainRole(e.Change.Role)]
	case e.Change.Role != "" && c.roles[plainRole(e.Change.Role)]:
		return e.Function == "" // a role shared with another function is that one's affair
	case c.roles[plainRole(e.Principal.Role)]:
		return e.Principal.Function == ""
	}
	for _, r := range e.Resources {
		if strings.HasPrefix(r, "arn:") && (c.same(r) || c.roles[plainRole(r)]) {
			return true
		}
	}
	return false
}

// sameFunction compares functions given by name or ARN, as far as both say.
func sameFunction(want string) func(string) bool {
	wantARN, wantName, _ := splitFunction(want)
	if wantName == "" {
		wantName = want
	}
	return func(s string) bool {
		if s == "" || strings.HasPrefix(s, "arn:") && !strings.Contains(s, ":function:") {
			return false
		}
		arn, name, _ := splitFunction(s)
		if name != wantName {
			return false
		}
		return wantARN == "" || arn == "" || arn == wantARN
	}
}
