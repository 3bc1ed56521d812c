package timeline

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Our own calls stand in the account's records beside the attacker's. They carry a marker
// with the case's id, which anybody can copy; the request ids in the case's journals nobody can.

// ownMarker begins the marker in user agents ("app/freezeframe-CASE") and session names.
const ownMarker = "freezeframe-"

// maxOwn bounds the request ids that are remembered: a fleet of thousands, collected often.
const maxOwn = 1 << 20

// ownCalls are the request ids of the calls that the journals of a case hold.
type ownCalls struct {
	kase string // "" without a case: nothing can be told
	ids  map[string]bool
	more bool // not all could be read or remembered: an unknown id tells nothing
}

// learn reads the calls in a bag's journal.
func (o *ownCalls) learn(ctx context.Context, b *evidence.Bag, s *Sink) {
	for entry, err := range b.Journal(ctx) {
		if err != nil {
			o.more = true
			if ctx.Err() == nil && b.Header().Kind != evidence.KindContainment { // of those it is said where its acts are read
				s.Skip(Raw{Bag: b.ID(), Path: bagRaw(b).Path + "journal"}, 0, 0, fmt.Sprintf("the journal cannot be read further: %v", err))
			}
			return
		}
		if entry.Kind != "call" {
			continue
		}
		var call struct {
			RequestID string `json:"request_id"`
		}
		switch err := json.Unmarshal(entry.Value, &call); {
		case err != nil:
			o.more = true
		case call.RequestID == "":
		case len(o.ids) >= maxOwn:
			o.more = true
		default:
			o.ids[call.RequestID] = true
		}
	}
}

// tag says of a call whether it was ours, or carries the case's marker without being in its
// journals. What was throttled or broke is left out: the client tries again, and knows only
// the last answer.
func (o *ownCalls) tag(e *Event) {
	switch {
	case o.kase == "" || e.RequestID == "":
	case o.ids[e.RequestID]:
		e.Tag(TagOwn)
	case !o.more && (e.Outcome == Success || e.Outcome == Denied) && o.marked(e):
		e.Tag(TagClaimed)
	}
}

func (o *ownCalls) marked(e *Event) bool {
	name := ownMarker + o.kase
	return strings.Contains(e.UserAgent, "app/"+name) || e.Principal.Session == name
}
