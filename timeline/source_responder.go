package timeline

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// What the responder did belongs on the timeline: an act of containment explains why the
// attacker's calls begin to fail, and must not be taken for the attacker's. Journals
// and ledger are small beside logs, and are read while the artefacts are listed.

// journalNote is what the timeline reads of a containment bag's journal: intents,
// outcomes and checks, as package contain documents them.
type journalNote struct {
	ID       string    `json:"id"`
	Action   string    `json:"action"`
	Acts     []string  `json:"acts"`
	Doc      string    `json:"doc"`
	Key      string    `json:"key"`
	Resource string    `json:"resource"`
	Status   string    `json:"status"`
	Error    string    `json:"error"`
	How      string    `json:"how"`
	Result   string    `json:"result"`
	Function string    `json:"function"`
	Written  time.Time `json:"written"`
	Calls    []struct {
		Call string `json:"call"`
	} `json:"calls"`
}

func journalEvents(ctx context.Context, b *evidence.Bag, s *Sink) error {
	h := b.Header()
	for entry, err := range b.Journal(ctx) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		at := Raw{Bag: b.ID(), Path: bagRaw(b).Path + "journal"}
		if err != nil {
			s.Skip(at, 0, 0, fmt.Sprintf("the journal cannot be read further: %v", err))
			return nil
		}
		switch entry.Kind {
		case "run", "intent", "outcome", "verified", "end":
		default:
			continue
		}
		var n journalNote
		if err := json.Unmarshal(entry.Value, &n); err != nil {
			s.Skip(at, entry.Seq, 0, fmt.Sprintf("a malformed journal entry of kind %s: %v", entry.Kind, err))
			continue
		}
		e := n.event(entry, h)
		at.Line, at.Offset = entry.Seq, entry.Seq
		e.Raw = at
		bound(&e)
		if err := s.Emit(&e); err != nil {
			return err
		}
	}
	return nil
}

func (n journalNote) event(entry evidence.JournalEntry, h evidence.Header) Event {
	e := Event{
		Time: entry.At.UTC(), TimestampDesc: "Journal Entry", Kind: KindResponder, Source: "contain.journal",
		Principal: Principal{Type: "Responder", Name: h.Operator, ARN: h.Principal},
		Service:   "freezeframe", Action: n.name(entry.Kind),
		Account: h.Account, ID: fmt.Sprintf("%s/journal/%d", h.Bag, entry.Seq), Tags: []string{TagResponder},
	}
	e.RawAction = e.Action
	if entry.Kind == "outcome" && !n.Written.IsZero() {
		e.Time, e.TimestampDesc = n.Written.UTC(), "Write Accepted"
	}
	for _, r := range []string{n.Resource, n.Function} {
		if strings.Contains(r, ":function:") {
			e.setFunction(r)
		}
	}
	if strings.Contains(n.Resource, ":role/") {
		e.Change.Role = n.Resource
	}
	if e.Function == "" && len(h.Targets) == 1 {
		e.setFunction(h.Targets[0])
	}
	e.addResource(cut(n.Resource, MaxField))
	e.Outcome = outcomeOfAct(entry.Kind, n.Status)
	if e.Outcome == Failed {
		e.ErrorCode, e.ErrorText = n.Status, cut(n.Error, MaxField)
	}
	e.Change.Policy = cut(strings.Join(n.Acts, ","), MaxField)
	e.Message = n.message(entry.Kind)
	return e
}

// name is what was done as an action: a reading back and a run's end do not say of which kind of run.
func (n journalNote) name(kind string) string {
	if n.Action == "" {
		return "contain." + kind
	}
	return "contain." + n.Action + "." + kind
}

func outcomeOfAct(kind, status string) Outcome {
	switch {
	case kind != "outcome" && kind != "end":
		return NotApplicable
	case status == "done" || status == "already":
		return Success
	}
	return Failed
}

func (n journalNote) message(kind string) string {
	acts := strings.Join(n.Acts, ", ")
	var calls []string
	for _, c := range n.Calls[:min(len(n.Calls), maxResources)] {
		calls = append(calls, c.Call)
	}
	switch kind {
	case "run":
		return fmt.Sprintf("containment run (%s) on %s began", n.Action, n.Function)
	case "intent":
		return fmt.Sprintf("about to %s %s on %s: %s", n.Action, acts, n.Resource, strings.Join(calls, ", "))
	case "outcome":
		m := fmt.Sprintf("%s of %s on %s: %s", n.Action, acts, n.Resource, n.Status)
		if n.Error != "" {
			m += " (" + n.Error + ")"
		}
		return m
	case "verified":
		return fmt.Sprintf("checked %s on %s by %s: %s", acts, n.Resource, n.How, n.Result)
	}
	return "containment run ended: " + n.Status
}

// ledgerEvents tells the turns of the investigation. Seals, reads and analyses are left
// out: they tell nothing of the account, and each timeline would add to the next.
func ledgerEvents(ctx context.Context, c *evidence.Case, s *Sink) error {
	for l, err := range c.Ledger(ctx) {
		at := Raw{Path: fmt.Sprintf("ledger/%08d.json", l.Seq), Line: 1}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			s.Skip(at, 0, 0, fmt.Sprintf("the ledger cannot be read further: %v", err))
			return nil
		}
		switch l.Type {
		case evidence.EventSeal, evidence.EventAccess, evidence.EventAnalyse, evidence.EventExport, evidence.EventTransfer, evidence.EventRekey:
			continue
		}
		m := fmt.Sprintf("case: %s by %s", l.Type, l.Actor)
		if l.Reason != "" {
			m += ": " + l.Reason
		}
		e := Event{
			Time: l.Clock.UTC(), TimestampDesc: "Ledger Event", Kind: KindResponder, Source: "ledger",
			Principal: Principal{Type: "Responder", Name: l.Actor}, Service: "freezeframe",
			Action: "case." + string(l.Type), RawAction: string(l.Type), ID: l.ID, Raw: at,
			Message: m, Tags: []string{TagResponder},
		}
		bound(&e)
		if err := s.Emit(&e); err != nil {
			return err
		}
	}
	return nil
}
