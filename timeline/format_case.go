package timeline

import (
	"io"
	"slices"

	"github.com/freezeframe-ir/freezeframe/internal/caseuco"
)

// caseFormat writes a CASE/UCO graph: what internal/caseuco says of an event.
func caseFormat() Format {
	return Format{Name: "case-uco", About: "CASE 1.5 / UCO, one JSON-LD graph", Ext: ".jsonld", Document: true, Story: true,
		New: func(w io.Writer, o Options) EventWriter {
			c := &caseWriter{t: caseuco.NewTimeline(w, o.caseID), told: o.Told}
			for _, f := range Fields() {
				if !slices.Contains([]string{"schema", "time", "message", "event_id", "tags"}, f.Name) {
					c.said = append(c.said, f)
				}
			}
			return c
		}}
}

type caseWriter struct {
	t    *caseuco.Timeline
	told *Told
	said []Field // what has no place of its own
}

// Begin says what cannot be seen.
func (c *caseWriter) Begin(s Summary) error {
	if all := s.blindness(); len(all) > 0 {
		return c.t.Note("cannot see", caseuco.Account{}, all...)
	}
	return nil
}

func (c *caseWriter) Event(e *Event) error {
	key := ""
	for _, s := range e.identity() {
		key += s.Value + "\x00"
	}
	o := caseuco.Occurrence{
		Key: key, ID: e.ID, Type: actionText(e), Service: e.Service, Text: e.Message, Time: e.Time, Tags: e.Tags, Address: e.Address, File: e.Raw.Path,
	}
	if id, login := e.account(); e.Kind != KindRule {
		o.Who = caseuco.Account{ID: id, Name: login}
	}
	for i := range c.said {
		if v := c.said[i].string(e); v != "" {
			o.Said = append(o.Said, caseuco.Said{Key: c.said[i].Name, Value: v})
		}
	}
	return c.t.Event(o)
}

// account is who acted, as an account: its id and its name.
func (e *Event) account() (id, login string) {
	p := &e.Principal
	return orElse(p.ARN, p.ID), p.String()
}

// Close says what the story found.
func (c *caseWriter) Close() error {
	if t := c.told; t != nil {
		for _, s := range t.Suspects {
			said := append([]string{"suspected, which is no verdict: " + s.Who + " from " + s.Address}, s.Reasons...)
			if err := c.t.Note("suspect", s.account(), said...); err != nil {
				return err
			}
		}
		for _, f := range t.Standing {
			var by caseuco.Account
			if s := t.by(f); s != nil {
				by = s.account()
			}
			if err := c.t.Note("still there", by, standingText(f)); err != nil {
				return err
			}
		}
		if len(t.Limits) > 0 {
			if err := c.t.Note("cannot tell", caseuco.Account{}, t.Limits...); err != nil {
				return err
			}
		}
	}
	return c.t.Close()
}

func (s *Accused) account() caseuco.Account {
	return caseuco.Account{ID: s.ARN, Name: s.Who}
}
