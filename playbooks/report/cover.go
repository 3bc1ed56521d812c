package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/brief"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// cover tells bag by bag what was had and what not, and lists what is stored.
func (d *Data) cover(ctx context.Context, c *evidence.Case, sum timeline.Summary) error {
	v := Coverage{Kinds: []CoverKind{}, Gaps: []Gap{}, CannotSee: []string{}, Limits: []string{}, Unread: []string{}, From: sum.CloudTrailFrom, To: sum.CloudTrailTo, Skips: sum.Skips}
	d.Bags, d.Artefacts = []Bag{}, []Artefact{}
	kinds := map[string]*CoverKind{}
	for b, err := range c.Bags(ctx) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if b == nil {
			return fmt.Errorf("listing the case's bags: %w", err)
		}
		bag, entries := bagOf(b), []evidence.Entry(nil)
		switch {
		case err != nil:
			bag.Status = "cannot be read"
			v.Unread = append(v.Unread, fmt.Sprintf("bag %s: %v", b.ID(), err))
		case !b.Sealed():
			bag.Status = "unfinished"
		default:
			if entries, err = b.Coverage(ctx); err != nil {
				v.Unread = append(v.Unread, fmt.Sprintf("coverage of bag %s: %v", b.ID(), err))
			}
		}
		for _, e := range entries {
			v.take(kinds, b, e)
			if e.Item != nil {
				bag.Items++
				d.artefact(b, *e.Item)
			}
		}
		d.Bags = append(d.Bags, bag)
	}
	for _, k := range kinds {
		v.Kinds = append(v.Kinds, *k)
	}
	slices.SortFunc(v.Kinds, func(a, b CoverKind) int { return strings.Compare(a.Artefact, b.Artefact) })
	d.Gaps = len(v.Gaps)
	if v.GapsLeft = max(0, len(v.Gaps)-maxGaps); v.GapsLeft > 0 {
		v.Gaps = v.Gaps[:maxGaps]
	}
	for _, u := range sum.Unseen {
		v.CannotSee = append(v.CannotSee, cutText(u.Text, 600))
	}
	for _, s := range d.stories {
		for _, l := range s.Limits {
			if !slices.Contains(v.Limits, l) {
				v.Limits = append(v.Limits, l)
			}
		}
	}
	for _, s := range sum.Skipped {
		v.Unread = append(v.Unread, fmt.Sprintf("%s, line %d: %s", s.Path, s.Line, s.Reason))
	}
	for _, u := range d.Brief.Unread {
		if !slices.Contains(v.Unread, u) {
			v.Unread = append(v.Unread, u)
		}
	}
	d.Coverage = v
	return nil
}

func bagOf(b *evidence.Bag) Bag {
	h := b.Header()
	return Bag{ID: b.ID(), Kind: h.Kind, Status: string(h.Status), Operator: h.Operator, Principal: h.Principal, Started: h.Started.UTC(), Ended: h.Ended.UTC(), Endpoint: h.Endpoint}
}

// take counts one entry of a coverage.
func (v *Coverage) take(kinds map[string]*CoverKind, b *evidence.Bag, e evidence.Entry) {
	k := kinds[e.Artefact]
	if k == nil {
		k = &CoverKind{Artefact: e.Artefact}
		kinds[e.Artefact] = k
	}
	switch {
	case e.State == evidence.Collected:
		k.Had++
	case e.State.Complete():
		k.Absent++
	default:
		k.Not++
		g := Gap{Bag: b.ID(), Artefact: e.Artefact, Source: sourceText(e.Source), State: string(e.State)}
		if e.Gap != nil {
			g.Why = strings.TrimSpace(e.Gap.Call + " " + cmp.Or(e.Gap.Error, e.Gap.Note))
		} else if e.Item != nil {
			g.Why = e.Item.Note
		}
		v.Gaps = append(v.Gaps, g)
	}
}

func (d *Data) artefact(b *evidence.Bag, it evidence.Item) {
	if len(d.Artefacts) >= maxArtefacts {
		d.Unlisted++
		return
	}
	d.Artefacts = append(d.Artefacts, Artefact{Path: b.Ref(it).Path, Artefact: it.Artefact, Source: sourceText(it.Source), Size: it.Size, SHA256: it.SHA256, Sealed: it.Ciphertext()})
}

func sourceText(s evidence.Source) string {
	return strings.Join(slices.DeleteFunc([]string{s.ARN, s.Qualifier, s.Region}, func(v string) bool { return v == "" }), " ")
}

// custody tells the ledger. What was analysed for a report after its own moment is not told:
// the same case, as of the same moment, gives the same report again.
func (d *Data) custody(ctx context.Context, c *evidence.Case) error {
	d.Custody = []CustodyRow{}
	headers := map[string]evidence.Header{}
	for b, err := range c.Bags(ctx) {
		if err == nil {
			headers[b.ID()] = b.Header()
		}
	}
	for e, err := range c.Ledger(ctx) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			d.Coverage.Unread = append(d.Coverage.Unread, "the ledger cannot be read further: "+err.Error())
			break
		}
		if e.Type == evidence.EventAnalyse && e.Data["kind"] == Kind && e.Clock.After(d.AsOf) {
			continue
		}
		if at, err := time.Parse(time.RFC3339, e.Data["at"]); err == nil && e.Data["kind"] == "detect" && e.Type == evidence.EventNote {
			d.notes = append(d.notes, brief.Note{At: at.UTC(), Who: e.Actor, Kind: e.Data["kind"]})
		}
		if len(d.Custody) >= maxCustody {
			d.Custodied++
			continue
		}
		d.Custody = append(d.Custody, rowOfLedger(e, headers[e.Data["bag"]]))
	}
	return nil
}

// Kind is what a report is called among what is derived from a case.
const Kind = "report"

func rowOfLedger(e evidence.Event, h evidence.Header) CustodyRow {
	r := CustodyRow{Seq: e.Seq, Time: e.Clock.UTC(), Type: string(e.Type), Who: e.Actor, What: e.What(h), Reason: e.Reason}
	r.Tool = strings.TrimSpace(strings.Join([]string{h.Tool.Name, h.Tool.Version, h.Tool.SHA256}, " "))
	for _, x := range e.Covers {
		if !strings.HasPrefix(x.Path, "ledger/heads/") { // signatures of the event before
			r.Covers = append(r.Covers, x.Path+" "+x.SHA256)
		}
	}
	return r
}
