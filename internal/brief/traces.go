package brief

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const (
	maxPage    = 4 << 20        // of one stored page of events: 50 of them
	maxSession = 36 * time.Hour // the longest that AWS lets temporary credentials live
)

// life is what the records show of a session key.
type life struct {
	expires time.Time // by the answer that issued it
	issued  time.Time // by the session's own attributes, or that answer
	used    time.Time // first
	ref     evidence.Ref
}

// until is when a session ends, at the latest; zero where nothing is known.
func (l life) until() time.Time {
	switch {
	case !l.expires.IsZero():
		return l.expires
	case !l.issued.IsZero():
		return l.issued.Add(maxSession)
	case !l.used.IsZero():
		return l.used.Add(maxSession)
	}
	return time.Time{}
}

// basis says in words what until rests on.
func (l life) basis() string {
	switch {
	case !l.expires.IsZero():
		return "by the answer that issued it"
	case !l.issued.IsZero():
		return "up to 36 h from issue, " + stamp(l.issued)
	case !l.used.IsZero():
		return "up to 36 h from issue, which was before its first use, " + stamp(l.used)
	}
	return "the records do not say when it was issued"
}

func stamp(t time.Time) string { return t.UTC().Format("01-02 15:04:05") }

// traces are what the looked-up records say of some keys, and which of them holds an event.
type traces struct {
	keys  map[string]life
	event evidence.Ref // of the event that was asked for
}

// call is the little of a record that tells of sessions.
type call struct {
	EventID      string
	EventTime    string
	UserIdentity struct {
		AccessKeyID    string
		SessionContext struct{ Attributes struct{ CreationDate string } }
	}
	ResponseElements struct {
		Credentials struct{ AccessKeyID, Expiration string }
	}
}

// trace reads the looked-up pages for keys and for one event: one pass, a page at a time.
func (h *holdings) trace(ctx context.Context, keys map[string]bool, event string) (traces, error) {
	out := traces{keys: map[string]life{}}
	if len(keys) == 0 && event == "" {
		return out, nil
	}
	for _, f := range h.lookups {
		if err := h.page(ctx, f, keys, event, &out); err != nil {
			if ctx.Err() != nil {
				return out, ctx.Err()
			}
			h.cannot(f, err)
		}
	}
	return out, nil
}

func (h *holdings) page(ctx context.Context, f found, keys map[string]bool, event string, out *traces) error {
	r, err := f.bag.Open(ctx, *f.entry.Item)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxPage)
	for lines.Scan() && err == nil {
		var page struct {
			Events []struct{ CloudTrailEvent string }
		}
		if f.entry.Item.Sealed && !bytes.HasPrefix(lines.Bytes(), []byte("{")) {
			err = errors.New("it is sealed, and the identity of the case is not here")
			break
		}
		if err = json.Unmarshal(lines.Bytes(), &page); err != nil {
			err = fmt.Errorf("a page of events: %w", err)
		}
		for _, e := range page.Events {
			var c call
			_ = json.Unmarshal([]byte(e.CloudTrailEvent), &c) // partial answers count too
			out.take(c, f.ref(), keys, event)
		}
	}
	return errors.Join(err, lines.Err(), r.Close())
}

func (t *traces) take(c call, ref evidence.Ref, keys map[string]bool, event string) {
	if event != "" && c.EventID == event && t.event.Item == "" {
		t.event = ref
	}
	at, _ := time.Parse(time.RFC3339, c.EventTime)
	if key := c.UserIdentity.AccessKeyID; keys[key] {
		l := t.keys[key]
		if l.used.IsZero() || at.Before(l.used) {
			l.used = at
		}
		if created, err := time.Parse(time.RFC3339, c.UserIdentity.SessionContext.Attributes.CreationDate); err == nil && l.issued.IsZero() {
			l.issued = created
		}
		if l.ref.Item == "" {
			l.ref = ref
		}
		t.keys[key] = l
	}
	if key := c.ResponseElements.Credentials.AccessKeyID; keys[key] {
		l := t.keys[key]
		l.issued, l.ref = at, ref
		l.expires, _ = expiry(c.ResponseElements.Credentials.Expiration)
		t.keys[key] = l
	}
}

// expiry reads the time that CloudTrail writes into AssumeRole's answer: that of Java's
// default locale, which newer versions write with other spaces and a comma more.
func expiry(s string) (time.Time, error) {
	s = strings.Join(strings.Fields(strings.ReplaceAll(s, "\u202f", " ")), " ")
	for _, form := range []string{"Jan 2, 2006 3:04:05 PM", "Jan 2, 2006, 3:04:05 PM", time.RFC3339} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time that CloudTrail writes", s)
}
