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
			t := trailReader{in: in, out: out}
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

	ev      Event
	raw     trailParts
	whole   []byte         // the record's text
	members []sigma.Member // of the record, for the rules; more than maxMembers: not all of them
	within  bool           // the record inside a LookupEvents element is being read
	names   map[string]bool
	part    scan   // of the request or the response
	nested  []byte // scratch for the record inside a LookupEvents element
	decoded []byte // strings of this record that had escapes
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
	t.ev, t.raw, t.decoded = Event{Resources: t.ev.Resources[:0], Named: t.ev.Named[:0], Tags: t.ev.Tags[:0]}, trailParts{}, t.decoded[:0]
	if c := s.peek(); c != '{' && c != 0 {
		return s.skip()
	}
	t.raw.object, t.members = true, t.members[:0]
	start := s.i
	if err := s.object(func(key []byte) error { return t.told(s, key, start) }); err != nil {
		return err
	}
	if !t.raw.inner {
		t.whole = s.b[start:s.i]
	}
	return nil
}

// maxMembers is how many members a record may have that rules are not to read again.
const maxMembers = 256

// told reads a member of the record that begins at start, and keeps where it is for the rules.
func (t *trailReader) told(s *scan, key []byte, start int) error {
	if t.out == nil || t.out.o.Rules == nil {
		return t.member(s, key)
	}
	s.peek()
	from := s.i
	err := t.member(s, key)
	if (t.within || !t.raw.inner) && len(t.members) <= maxMembers {
		t.members = append(t.members, sigma.Member{Name: key, From: int32(from - start), To: int32(s.i - start)})
	}
	return err
}

// member reads one member of a record, or of what a record may be wrapped in.
func (t *trailReader) member(s *scan, key []byte) error {
	switch string(key) {
	case "Records", "Events":
		if s.peek() == '[' && !t.within {
			return errWrapper
		}
		return s.skip()
	case "CloudTrailEvent":
		if t.within {
			return s.skip() // not again
		}
		return t.inside(s)
	case "EventId", "EventTime", "EventName", "EventSource", "Username":
		t.raw.lookup = true
		return s.skip()
	case "digestStartTime", "digestS3Object", "digestPublicKeyFingerprint":
		t.raw.digest = true
		return s.skip()
	case "userIdentity":
		return t.identity(s)
	case "requestParameters":
		return t.span(s, &t.raw.request)
	case "responseElements":
		return t.span(s, &t.raw.response)
	case "additionalEventData":
		return t.span(s, &t.raw.additional)
	case "resources":
		return t.resources(s)
	case "timeWindow":
		return s.objectOr(func(k []byte) error { return t.textIf(s, k, "windowStart", &t.raw.windowStart) })
	case "summary":
		return t.summary(s)
	}
	return t.plain(s, key)
}

// plain reads the members that are strings or booleans.
func (t *trailReader) plain(s *scan, key []byte) error {
	e := &t.ev
	switch string(key) {
	case "eventTime":
		return t.once(s, &t.raw.time)
	case "eventSource":
		return t.once(s, &e.Service)
	case "eventName":
		return t.once(s, &e.RawAction)
	case "awsRegion":
		return t.once(s, &e.Region)
	case "sourceIPAddress":
		return t.once(s, &e.Address)
	case "userAgent":
		return t.once(s, &e.UserAgent)
	case "errorCode":
		return t.once(s, &e.ErrorCode)
	case "errorMessage":
		return t.once(s, &e.ErrorText)
	case "requestID":
		return t.once(s, &e.RequestID)
	case "eventID", "eventId": // aggregated events write eventId
		return t.once(s, &e.ID)
	case "eventType":
		return t.once(s, &t.raw.eventType)
	case "recipientAccountId", "accountId": // aggregated events write accountId
		return t.text(s, &e.Account)
	case "sharedEventID":
		return t.once(s, &e.SharedID)
	case "vpcEndpointId":
		return t.once(s, &e.VPCE)
	case "eventCategory":
		return t.once(s, &e.Category)
	case "readOnly":
		return t.boolean(s, &e.ReadOnly)
	case "sessionCredentialFromConsole":
		return t.boolean(s, &e.Principal.Console)
	}
	return s.skip()
}

// once reads a member that a record has once. Where it is given twice, one reader takes the first
// and another the last: whoever altered the record may count on it.
func (t *trailReader) once(s *scan, into *string) error {
	t.raw.twice = t.raw.twice || *into != ""
	return t.text(s, into)
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
	in := scan{b: t.nested}
	t.members, t.within = t.members[:0], true
	err = in.object(func(key []byte) error { return t.told(&in, key, 0) })
	t.within = false
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

func (t *trailReader) identityMembers(s *scan) error {
	p := &t.ev.Principal
	return s.objectOr(func(key []byte) error {
		switch string(key) {
		case "type":
			return t.text(s, &p.Type)
		case "arn":
			return t.text(s, &p.ARN)
		case "principalId":
			return t.text(s, &p.ID)
		case "accountId":
			return t.text(s, &p.Account)
		case "userName":
			return t.text(s, &p.Name)
		case "accessKeyId":
			return t.text(s, &t.ev.AccessKey)
		case "invokedBy":
			return t.text(s, &p.Via)
		case "sessionContext":
			return t.session(s)
		case "inScopeOf":
			return t.scope(s)
		case "onBehalfOf":
			return s.objectOr(func(k []byte) error { return t.textIf(s, k, "userId", &p.Name) })
		}
		return s.skip()
	})
}

func (t *trailReader) session(s *scan) error {
	p := &t.ev.Principal
	return s.objectOr(func(key []byte) error {
		switch string(key) {
		case "sessionIssuer":
			return s.objectOr(func(k []byte) error {
				if string(k) == "userName" {
					return t.text(s, &p.Name)
				}
				return t.textIf(s, k, "arn", &p.Role)
			})
		case "sourceIdentity":
			return t.text(s, &p.Identity)
		case "signInSessionArn":
			return t.text(s, &p.SignIn)
		case "attributes":
			return s.objectOr(func(k []byte) error {
				if string(k) == "sessionCredentialFromConsole" {
					return t.boolean(s, &p.Console)
				}
				var at string
				if err := t.textIf(s, k, "creationDate", &at); err != nil || at == "" {
					return err
				}
				p.Created, _ = parseTime(at)
				return nil
			})
		case "inScopeOf":
			return t.scope(s)
		}
		return s.skip()
	})
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

func (t *trailReader) resources(s *scan) error {
	if s.peek() != '[' {
		return s.skip()
	}
	return s.array(func() error {
		return s.objectOr(func(key []byte) error {
			switch string(key) {
			case "ARN", "arn":
				var arn string
				if err := t.text(s, &arn); err != nil {
					return err
				}
				t.ev.addResource(arn)
				return nil
			}
			return s.skip()
		})
	})
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
