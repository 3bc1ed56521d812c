package brief

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/glance"
)

// Acts that close what the evidence shows open. A test holds the names against the catalogue
// of acts, which is not imported: it brings AWS's SDK.
const (
	ActGrants     = "grants-remove"
	ActURL        = "url-iam"
	ActRevoke     = "revoke-sessions"
	ActQuarantine = "role-quarantine"
	ActScoped     = "role-quarantine-scoped" // of this function's sessions, which its keys are
)

// Open is something that is not closed, as far as the case knows.
type Open struct {
	Kind       string       `json:"kind"` // of act: "act"; of key: "access-key", "session-key"; else a kind of sign, as collect shows it
	What       string       `json:"what"`
	Key        string       `json:"access_key,omitempty"`
	Function   string       `json:"function,omitempty"`
	Qualifiers []string     `json:"qualifiers,omitempty"`
	Until      time.Time    `json:"until,omitzero"`        // ends by itself, at the latest
	Known      bool         `json:"until_known,omitempty"` // exactly then
	Basis      string       `json:"until_basis,omitempty"`
	By         string       `json:"closed_by,omitempty"` // the act in force
	Evidence   evidence.Ref `json:"evidence"`
}

// doors are the artefacts that glance finds signs in. The newest of each says what is so now.
func doors() []string {
	return []string{"lambda.policy", "lambda.policy.resource", "lambda.urls", "lambda.configuration", "lambda.invoke-config", "lambda.layers.policy", "lambda.code", "trigger.unresolved"}
}

// of are the acts on some functions, and those whose target is no function: who did it (roles and
// users) and other resources are the case's, whatever function is asked about.
func of(acts []Act, functions []string) []Act {
	return slices.DeleteFunc(slices.Clone(acts), func(a Act) bool { return a.onFunction() && !slices.Contains(functions, a.Function) })
}

func (a Act) onFunction() bool { return strings.Contains(a.Function, ":function:") }

// stand sorts what is contained, what an act in force has closed, and what is open.
func (b *Brief) stand(ctx context.Context, h *holdings, all turns, seen traces, acts []Act) error {
	for _, a := range acts {
		if a.State == InForce {
			b.Contained = append(b.Contained, a)
			continue
		}
		b.Open = append(b.Open, Open{Kind: "act", What: fmt.Sprintf("%s is %s since %s", a.Act, a.State, a.Since.UTC().Format("01-02 15:04:05")), Function: a.Function})
	}
	b.sessions(all, seen)
	for _, bag := range h.doorBags() {
		g, err := glance.Look(ctx, bag)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			h.unread = append(h.unread, fmt.Sprintf("bag %s: %v", bag.ID(), err))
			continue
		}
		for _, s := range g.Signs {
			b.sign(h, bag, s)
		}
	}
	slices.SortStableFunc(b.Open, func(x, y Open) int { return weightOf(x.Kind) - weightOf(y.Kind) })
	return nil
}

// weightOf is smaller for what lets somebody in.
func weightOf(kind string) int {
	return slices.Index([]string{"act", "access-key", "session-key", glance.PublicGrant, glance.ForeignGrant, glance.CodeMismatch, glance.ForeignDest, glance.LoaderKey, glance.ForeignLayer, glance.OpenTrigger}, kind)
}

// doorBags are the bags with the newest of what shows doors, oldest first.
func (h *holdings) doorBags() []*evidence.Bag {
	var out []*evidence.Bag
	for at, f := range h.docs {
		same := func(b *evidence.Bag) bool { return b.ID() == f.bag.ID() }
		if slices.Contains(doors(), at.artefact) && !slices.ContainsFunc(out, same) {
			out = append(out, f.bag)
		}
	}
	slices.SortFunc(out, func(a, b *evidence.Bag) int { return strings.Compare(a.ID(), b.ID()) })
	return out
}

// sign books one thing that is not as it should be, where no newer bag says otherwise.
func (b *Brief) sign(h *holdings, bag *evidence.Bag, s glance.Sign) {
	if s.Kind == glance.HiddenText || s.Kind == glance.Unread {
		return // nothing that stands open
	}
	at := h.shownBy(bag, s)
	layer := s.Kind != glance.CodeMismatch && strings.Contains(s.Function, ":layer:")
	if at == nil || !layer && !slices.Contains(b.Functions, s.Function) {
		return
	}
	o := Open{Kind: s.Kind, What: s.What, Function: s.Function, Evidence: at.ref()}
	list := &b.Open
	if o.By = b.closer(at.entry.Artefact, s, bag.Header().Ended); o.By != "" {
		list = &b.Handled
	}
	i := slices.IndexFunc(*list, func(x Open) bool { return x.Kind == o.Kind && x.What == o.What && x.Function == o.Function })
	if i < 0 {
		i = len(*list)
		*list = append(*list, o)
	}
	if s.Qualifier != "" {
		(*list)[i].Qualifiers = append((*list)[i].Qualifiers, s.Qualifier)
	}
}

// shownBy is the document in which a bag shows a sign; nil where a newer bag has another one.
func (h *holdings) shownBy(bag *evidence.Bag, s glance.Sign) *found {
	for at, f := range h.docs {
		if f.bag.ID() != bag.ID() {
			continue
		}
		if f.entry.Item != nil && f.ref().Path == s.Artefact || f.entry.Item == nil && at.artefact == s.Artefact && at.source.ARN == s.Function {
			return &f
		}
	}
	return nil
}

// closer is the act in force that closes such a door, if it came after it was seen open.
// grants-remove leaves grants to services alone, unless it was told otherwise: they count as open.
func (b *Brief) closer(artefact string, s glance.Sign, seen time.Time) string {
	act := ""
	switch {
	case artefact == "lambda.urls":
		act = ActURL
	case strings.HasPrefix(artefact, "lambda.policy") && !strings.HasSuffix(s.What, "on anybody's behalf"):
		act = ActGrants
	}
	for _, a := range b.Contained {
		if a.Act == act && a.Function == s.Function && !a.Since.Before(seen) {
			return act
		}
	}
	return ""
}

// sessions books the keys of hostile-looking turns that nothing in the case has ended.
func (b *Brief) sessions(all turns, seen traces) {
	done := map[string]bool{}
	for _, t := range all {
		if !t.Sign || t.Key == "" || done[t.Key] {
			continue
		}
		done[t.Key] = true
		o := Open{Kind: "access-key", What: fmt.Sprintf("access key %s of %s: nothing in the case says that it was disabled", t.Key, t.Who), Key: t.Key, Function: t.Function}
		if temporary(t.Key) {
			life := seen.keys[t.Key]
			if o.Until = life.until(); !o.Until.IsZero() && !o.Until.After(b.AsOf) {
				continue // over
			}
			o.Kind, o.Known, o.Basis, o.Evidence = "session-key", !life.expires.IsZero(), life.basis(), life.ref
			o.What = fmt.Sprintf("session key %s of %s, not revoked", t.Key, t.Who)
		}
		own := slices.ContainsFunc(all, func(x Turn) bool { return x.Key == t.Key && ofCredentials(x.Step) })
		for _, a := range b.Contained {
			revoked := a.Act == ActRevoke && a.Since.After(seen.keys[t.Key].issued)
			if own && a.Function == t.Function && (revoked || a.Act == ActQuarantine || a.Act == ActScoped) {
				o.By = a.Act
			}
		}
		if o.By != "" {
			b.Handled = append(b.Handled, o)
			continue
		}
		b.Open = append(b.Open, o)
	}
}

// temporary says whether a key is that of a session. Source: IAM user guide, "Unique
// identifiers": ASIA are temporary keys, AKIA long-term ones.
func temporary(key string) bool { return strings.HasPrefix(key, "ASIA") }
