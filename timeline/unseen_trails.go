package timeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// trailSeen is what a case says of a trail.
type trailSeen struct {
	name    string
	listed  bool
	status  *trailStatus
	asked   time.Time // when the status was
	selects *trailSelectors
}

type trailStatus struct {
	IsLogging           bool
	StopLoggingTime     string
	LatestDeliveryError string
}

type trailSelectors struct {
	EventSelectors []struct {
		DataResources []struct {
			Type   string
			Values []string
		}
	}
	AdvancedEventSelectors []struct {
		FieldSelectors []struct {
			Field  string
			Equals []string
		}
	}
}

// trail reads one document about trails. Those of a later bag replace those of an earlier.
func (b *blind) trail(ctx context.Context, bag *evidence.Bag, it evidence.Item) error {
	r, err := bag.Open(ctx, it)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	seen := func(arn string) *trailSeen {
		if b.trails[arn] == nil {
			b.trails[arn] = &trailSeen{name: arn[strings.LastIndexByte(arn, '/')+1:]}
		}
		return b.trails[arn]
	}
	switch it.Artefact {
	case "cloudtrail.trails":
		var doc struct{ TrailList []struct{ TrailARN string } }
		if err := json.Unmarshal(text, &doc); err != nil {
			return err
		}
		for _, t := range doc.TrailList {
			seen(t.TrailARN).listed = true
		}
	case "cloudtrail.trails.status":
		var doc trailStatus
		if err := json.Unmarshal(text, &doc); err != nil {
			return err
		}
		t := seen(it.Source.ARN)
		t.status, t.asked = &doc, it.Started
	case "cloudtrail.trails.selectors":
		var doc trailSelectors
		if err := json.Unmarshal(text, &doc); err != nil {
			return err
		}
		seen(it.Source.ARN).selects = &doc
	}
	return nil
}

// told is what the trails' own settings leave out.
func (b *blind) told(function string) []Unseen {
	out := slices.Clone(b.trouble)
	for _, region := range slices.Sorted(maps.Keys(b.noTrail)) {
		out = append(out, Unseen{Kind: UnseenNotLogging, Where: region, Text: "cannot see more of " + region + " than the event history, which has no data events and reaches back 90 days: no trail records it"})
	}
	for _, arn := range slices.Sorted(maps.Keys(b.trails)) {
		t := b.trails[arn]
		if t.status != nil && !t.status.IsLogging {
			since, _ := parseTime(t.status.StopLoggingTime)
			text := "cannot see what trail " + t.name + " would have recorded: it was not logging when it was asked at " + t.asked.UTC().Format(time.RFC3339)
			if !since.IsZero() {
				text += ", and had been stopped at " + since.UTC().Format(time.RFC3339)
			}
			out = append(out, Unseen{Kind: UnseenNotLogging, Where: arn, From: since, Text: text})
		}
		if t.status != nil && t.status.LatestDeliveryError != "" {
			out = append(out, Unseen{Kind: UnseenNotLogging, Where: arn, Text: "cannot see what trail " + t.name + " could not deliver: its last delivery failed with " + t.status.LatestDeliveryError})
		}
	}
	for _, d := range []struct{ kind, what string }{
		{"AWS::Lambda::Function", "Invoke calls"},
		{"AWS::S3::Object", "reads and writes of S3 objects"},
	} {
		if u, ok := b.data(d.kind, d.what, function); ok {
			out = append(out, u)
		}
	}
	return out
}

// data says what cannot be seen of one kind of data events.
func (b *blind) data(kind, what, function string) (Unseen, bool) {
	if kind != "AWS::Lambda::Function" {
		function = ""
	}
	best, unknown := selectsNone, len(b.trails) == 0 && len(b.noTrail) == 0
	var partly []string
	for _, arn := range slices.Sorted(maps.Keys(b.trails)) {
		t := b.trails[arn]
		if t.selects == nil {
			unknown = unknown || t.listed
			continue
		}
		how := t.selects.take(kind, function)
		best = max(best, how)
		if how == selectsSome {
			partly = append(partly, t.name)
		}
	}
	u := Unseen{Kind: UnseenData, Where: kind}
	switch {
	case best == selectsNone && !unknown:
		u.Text = fmt.Sprintf("cannot see %s: no trail selects data events of %s", what, kind)
	case !b.files:
		u.Text = fmt.Sprintf("cannot see %s: they are data events, which are in trails' files alone, and the case has none (freezeframe collect --trail-bucket auto)", what)
	case best == selectsAll:
		return u, false
	case best == selectsSome:
		u.Text = fmt.Sprintf("cannot see all %s: trail %s selects data events of some %s only", what, strings.Join(partly, ", "), kind)
	default:
		u.Text = fmt.Sprintf("cannot see whether all %s are there: the case does not say which data events the trails select", what)
	}
	return u, true
}

// reach is how much of a kind of data events a trail selects.
type reach int

const (
	selectsNone reach = iota
	selectsSome
	selectsAll
)

// take says how much of a kind the selectors take. Source: CloudTrail API reference,
// DataResource ("arn:aws:lambda" is every function) and AdvancedFieldSelector.
func (s *trailSelectors) take(kind, function string) reach {
	best := selectsNone
	for _, e := range s.EventSelectors {
		for _, d := range e.DataResources {
			if d.Type != kind {
				continue
			}
			how := selectsSome
			for _, v := range d.Values {
				if v = strings.TrimSuffix(v, "/"); strings.Count(v, ":") == 2 || strings.HasPrefix(function, "arn:") && function == v {
					how = selectsAll
				}
			}
			best = max(best, how)
		}
	}
	for _, a := range s.AdvancedEventSelectors {
		typed, narrowed := false, false
		for _, f := range a.FieldSelectors {
			switch f.Field {
			case "eventCategory":
			case "resources.type":
				typed = slices.Contains(f.Equals, kind)
			default:
				narrowed = true
			}
		}
		switch {
		case typed && narrowed:
			best = max(best, selectsSome)
		case typed:
			best = selectsAll
		}
	}
	return best
}

// control is a call that changes what CloudTrail records.
type control struct {
	at                               time.Time
	action, account, target, who, id string
}

// controls are those calls, as one reader saw them.
type controls struct {
	all  []control
	more int
}

const maxControls = 10_000

// controlKind says whether an action of CloudTrail's is one to remember: "stop", "start" or "change".
func controlKind(action string) string {
	switch action {
	case "StopLogging", "DeleteTrail", "DeleteEventDataStore", "StopEventDataStoreIngestion":
		return "stop"
	case "StartLogging", "RestoreEventDataStore", "StartEventDataStoreIngestion":
		return "start"
	case "UpdateTrail", "PutEventSelectors", "UpdateEventDataStore":
		return "change"
	}
	return ""
}

// learn remembers a successful call; strings are copied, for events are reused.
func (c *controls) learn(e *Event) {
	if e.Service != "cloudtrail" || e.Outcome != Success || controlKind(e.Action) == "" {
		return
	}
	if len(c.all) >= maxControls {
		c.more++
		return
	}
	target := "whose name the record does not say"
	for _, r := range e.Resources {
		target = r[strings.LastIndexByte(r, '/')+1:] // a trail goes by name and by ARN
	}
	c.all = append(c.all, control{e.Time, strings.Clone(e.Action), strings.Clone(e.Account), strings.Clone(target), strings.Clone(e.Principal.String()), strings.Clone(e.ID)})
}

func (c *controls) join(o controls) {
	c.more += o.more
	c.all = append(c.all, o.all...)
}

// windows are the stretches in which trails did not log, or not as before.
func (c *controls) windows(f Filter) []Unseen {
	slices.SortStableFunc(c.all, func(a, b control) int {
		return cmp.Or(a.at.Compare(b.at), strings.Compare(a.id, b.id), strings.Compare(a.action, b.action))
	})
	c.all = slices.CompactFunc(c.all, func(a, b control) bool { return a.id != "" && a.id == b.id && a.action == b.action })
	var out []Unseen
	open := map[string]int{} // by account and target -> index in out
	for _, x := range c.all {
		key, what := x.account+"/"+x.target, "trail "+x.target
		if strings.Contains(x.action, "EventDataStore") {
			what = "event data store " + x.target
		}
		stamp := x.at.UTC().Format(time.RFC3339)
		i, stopped := open[key]
		switch controlKind(x.action) {
		case "stop":
			if stopped {
				out[i].Events = append(out[i].Events, x.id)
				continue
			}
			open[key] = len(out)
			out = append(out, Unseen{Kind: UnseenStopped, Where: x.target, From: x.at, Events: []string{x.id},
				Text: fmt.Sprintf("cannot see what %s would have recorded from %s on: %s called %s", what, stamp, x.who, x.action)})
		case "start":
			if stopped {
				out[i].To, out[i].Events = x.at, append(out[i].Events, x.id)
				out[i].Text += fmt.Sprintf("; %s called %s at %s", x.who, x.action, stamp)
				delete(open, key)
			}
		case "change":
			out = append(out, Unseen{Kind: UnseenChanged, Where: x.target, From: x.at, Events: []string{x.id},
				Text: fmt.Sprintf("cannot see whether %s recorded the same from %s on: %s called %s", what, stamp, x.who, x.action)})
		}
	}
	if c.more > 0 {
		out = append(out, Unseen{Kind: UnseenChanged, Text: fmt.Sprintf("cannot see when trails did not log: %d more calls changed them than are remembered", c.more)})
	}
	return slices.DeleteFunc(out, func(u Unseen) bool {
		return !u.From.IsZero() && !f.Until.IsZero() && !u.From.Before(f.Until) || !u.To.IsZero() && !f.Since.IsZero() && !u.To.After(f.Since)
	})
}
