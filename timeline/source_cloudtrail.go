package timeline

import (
	"context"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/sigma"
)

// cloudTrailSource reads CloudTrail records in every form they are found in: trail
// files, LookupEvents pages, bare arrays, single events, one event a line.
func cloudTrailSource() Source {
	return Source{
		Name:  "cloudtrail",
		About: "CloudTrail records: LookupEvents pages, trail files, what Athena and CloudTrail Lake found, network activity, aggregated events",
		Reads: func(it evidence.Item) bool {
			switch it.Artefact {
			case "cloudtrail.lookup", "cloudtrail.log", "cloudtrail.athena", "cloudtrail.lake":
				return true
			}
			return false
		},
		Events: func(ctx context.Context, in Stream, out *Sink) error {
			t := newTrailReader(in, out)
			r := records{w: newWindow(in.R, out.buffer()), parse: t.parse, skip: out.skipper(in.Raw)}
			r.done = func(line, offset int64) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				return t.done(line, offset)
			}
			return r.run()
		},
	}
}

// trailReader parses one record at a time into ev.
type trailReader struct {
	in  Stream
	out *Sink

	ev       Event
	raw      trailParts
	whole    []byte                // the record's text
	start    int                   // where it begins in what is scanned
	members  []sigma.Member        // of the record, for the rules; more than maxMembers: not all of them
	opened   int                   // where the member begins that is walked
	fresh    bool                  // nothing was known of the caller when its identity began
	to       [lastText + 1]*string // where texts go
	learning learning
	within   bool // the record inside a LookupEvents element is being read
	names    map[string]bool
	part     scan   // of the request or the response
	nested   []byte // scratch for the record inside a LookupEvents element
	decoded  []byte // strings of this record that had escapes
}

func newTrailReader(in Stream, out *Sink) *trailReader {
	t := &trailReader{in: in, out: out}
	t.to = t.places()
	return t
}

// trailParts is what normalisation needs of a record besides the event's own fields.
type trailParts struct {
	request, response []byte // the JSON values as they stand
	additional        []byte
	eventType         string
	loginResult       bool
	time, windowStart string
	digest            bool // a digest file, not an event
	object, lookup    bool // the value was an object; it was an element of LookupEvents
	inner             bool // ... which held its record
	aggregate         string
	enveloped         bool // it was the detail of an EventBridge event
	twice             bool // a member that names something is given twice
}

// parse reads one element: a record, a LookupEvents element, a digest, or a wrapper.
func (t *trailReader) parse(s *scan) error {
	t.begin()
	if c := s.peek(); c != '{' && c != 0 {
		return s.skip()
	}
	t.raw.object, t.start = true, s.i
	if err := t.record(s); err != nil {
		return err
	}
	if !t.raw.inner {
		t.whole = s.b[t.start:s.i]
	}
	return nil
}

// begin forgets the record before.
func (t *trailReader) begin() {
	t.ev, t.raw = Event{Resources: t.ev.Resources[:0], Named: t.ev.Named[:0], Tags: t.ev.Tags[:0]}, trailParts{}
	t.decoded, t.members = t.decoded[:0], t.members[:0]
}

// inside reads the record that a LookupEvents element carries as a string.
func (t *trailReader) inside(s *scan) error {
	t.raw.lookup = true
	if s.peek() != '"' {
		return s.skip()
	}
	raw, _, err := s.rawString()
	if err != nil {
		return err
	}
	// The spans of the record point into nested until the next record is parsed.
	if t.nested, err = unescape(t.nested[:0], raw); err != nil {
		return err
	}
	t.nested = append(t.nested, '\n') // so that what ends here is seen to end
	in, start := scan{b: t.nested}, t.start
	t.members, t.within, t.start = t.members[:0], true, 0
	err = in.object(func(name []byte) error { return t.member(&in, ofRecord, name) })
	t.within, t.start = false, start
	if err == nil && in.peek() == 0 && in.i == len(in.b) {
		t.raw.inner, t.whole = true, t.nested
		return nil
	}
	t.raw.inner = false // done reports it; the pages around it go on
	return nil
}

func (t *trailReader) span(s *scan, into *[]byte) error {
	t.raw.twice = t.raw.twice || *into != nil
	s.peek()
	start := s.i
	if err := s.skip(); err != nil {
		return err
	}
	*into = s.b[start:s.i]
	return nil
}

func (t *trailReader) scope(s *scan) error {
	p := &t.ev.Principal
	var issuer string
	err := s.objectOr(func(key []byte) error {
		switch string(key) {
		case "issuerType":
			return t.text(s, &issuer)
		case "credentialsIssuedTo":
			return t.text(s, &p.Function)
		case "credentialsIssuedToVersion":
			return t.text(s, &p.Version)
		}
		return s.skip()
	})
	p.Scoped = p.Function != "" && (issuer == "AWS::Lambda::Function" || issuer == "")
	if !p.Scoped {
		p.Function, p.Version = "", ""
	}
	return err
}

// created reads when a session began.
func (t *trailReader) created(s *scan) error {
	var at string
	err := t.text(s, &at)
	if err == nil && at != "" {
		t.ev.Principal.Created, _ = t.out.clocks[1].parse(at)
	}
	return err
}

// summary keeps what an aggregated event was aggregated by.
func (t *trailReader) summary(s *scan) error {
	return s.objectOr(func(key []byte) error {
		if string(key) == "primaryDimension" {
			return s.objectOr(func(k []byte) error { return t.textIf(s, k, "dimension", &t.raw.aggregate) })
		}
		return s.skip()
	})
}
