package timeline

import "github.com/freezeframe-ir/freezeframe/internal/sigma"

// What is done with a member's value is told by the member's name and the object that it stands in,
// and by nothing else: so that it need not be looked up for a record that is like one before
// (tracks.go).

// deed is what is done with a value.
type deed uint8

// Texts come first, those that a record has once before the others: place says where they go.
const (
	skipped deed = iota

	toTime
	toService
	toAction
	toRegion
	toAddress
	toUserAgent
	toErrorCode
	toErrorText
	toRequestID
	toID
	toEventType
	toSharedID
	toVPCE
	toCategory

	toAccount
	toPrincipalType
	toPrincipalARN
	toPrincipalID
	toPrincipalAccount
	toPrincipalName
	toAccessKey
	toVia
	toIdentity
	toSignIn
	toRole

	toReadOnly
	toConsole
	toCreated
	toRequest
	toResponse
	toAdditional
	toResource
	toScope
	toBehalf
	toWindow
	toSummary
	skippedInside
	tellsLookup
	tellsDigest

	beginMember // of the record, which is then walked
	beginIdentity
	endIdentity
	endMember
	endRecord

	inIdentity // what is walked: other deeds are done on its parts
	inSession
	inIssuer
	inAttributes
	inUnread
	inResources
	inWrapper // what a record may be wrapped in
	inLookup
)

const (
	lastOnce = toCategory // of the texts that a record has once
	lastText = toRole
	lastDone = endRecord
)

// object is an object whose members are known.
type object uint8

const (
	ofRecord object = iota
	ofIdentity
	ofSession
	ofIssuer
	ofAttributes
	ofResource
	ofUnread
)

// deed is what is done with the member of that name.
func (in object) deed(name []byte) deed {
	switch in {
	case ofRecord:
		return recordDeed(name)
	case ofIdentity:
		return identityDeed(name)
	case ofSession:
		return sessionDeed(name)
	case ofIssuer:
		switch string(name) {
		case "userName":
			return toPrincipalName
		case "arn":
			return toRole
		}
	case ofAttributes:
		switch string(name) {
		case "sessionCredentialFromConsole":
			return toConsole
		case "creationDate":
			return toCreated
		}
	case ofResource:
		switch string(name) {
		case "ARN", "arn":
			return toResource
		}
	case ofUnread:
		return skippedInside
	}
	return skipped
}

// recordDeed is of a record's own members, and of those of what a record may be wrapped in.
func recordDeed(name []byte) deed {
	switch string(name) {
	case "eventTime":
		return toTime
	case "eventSource":
		return toService
	case "eventName":
		return toAction
	case "awsRegion":
		return toRegion
	case "sourceIPAddress":
		return toAddress
	case "userAgent":
		return toUserAgent
	case "errorCode":
		return toErrorCode
	case "errorMessage":
		return toErrorText
	case "requestID":
		return toRequestID
	case "eventID", "eventId": // aggregated events write eventId
		return toID
	case "eventType":
		return toEventType
	case "recipientAccountId", "accountId": // aggregated events write accountId
		return toAccount
	case "sharedEventID":
		return toSharedID
	case "vpcEndpointId":
		return toVPCE
	case "eventCategory":
		return toCategory
	case "readOnly":
		return toReadOnly
	case "sessionCredentialFromConsole":
		return toConsole
	}
	return partDeed(name)
}

// partDeed is of the members that are no texts.
func partDeed(name []byte) deed {
	switch string(name) {
	case "userIdentity":
		return inIdentity
	case "requestParameters":
		return toRequest
	case "responseElements":
		return toResponse
	case "additionalEventData":
		return toAdditional
	case "resources":
		return inResources
	case "tlsDetails":
		return inUnread
	case "timeWindow":
		return toWindow
	case "summary":
		return toSummary
	case "Records", "Events":
		return inWrapper
	case "CloudTrailEvent":
		return inLookup
	case "EventId", "EventTime", "EventName", "EventSource", "Username":
		return tellsLookup
	case "digestStartTime", "digestS3Object", "digestPublicKeyFingerprint":
		return tellsDigest
	}
	return skipped
}

func identityDeed(name []byte) deed {
	switch string(name) {
	case "type":
		return toPrincipalType
	case "arn":
		return toPrincipalARN
	case "principalId":
		return toPrincipalID
	case "accountId":
		return toPrincipalAccount
	case "userName":
		return toPrincipalName
	case "accessKeyId":
		return toAccessKey
	case "invokedBy":
		return toVia
	case "sessionContext":
		return inSession
	case "inScopeOf":
		return toScope
	case "onBehalfOf":
		return toBehalf
	}
	return skipped
}

func sessionDeed(name []byte) deed {
	switch string(name) {
	case "sessionIssuer":
		return inIssuer
	case "sourceIdentity":
		return toIdentity
	case "signInSessionArn":
		return toSignIn
	case "attributes":
		return inAttributes
	case "inScopeOf":
		return toScope
	}
	return skipped
}

// places are where texts go.
func (t *trailReader) places() [lastText + 1]*string {
	e := &t.ev
	p := &e.Principal
	return [lastText + 1]*string{
		toTime: &t.raw.time, toService: &e.Service, toAction: &e.RawAction, toRegion: &e.Region, toAddress: &e.Address,
		toUserAgent: &e.UserAgent, toErrorCode: &e.ErrorCode, toErrorText: &e.ErrorText, toRequestID: &e.RequestID, toID: &e.ID,
		toEventType: &t.raw.eventType, toSharedID: &e.SharedID, toVPCE: &e.VPCE, toCategory: &e.Category, toAccount: &e.Account,
		toPrincipalType: &p.Type, toPrincipalARN: &p.ARN, toPrincipalID: &p.ID, toPrincipalAccount: &p.Account, toPrincipalName: &p.Name,
		toAccessKey: &e.AccessKey, toVia: &p.Via, toIdentity: &p.Identity, toSignIn: &p.SignIn, toRole: &p.Role,
	}
}

// object walks an object; a value of another type is skipped.
func (t *trailReader) object(s *scan, in object) error {
	return s.objectOr(func(name []byte) error { return t.member(s, in, name) })
}

// maxMembers is how many members a record may have that rules are not to read again.
const maxMembers = 256

// member reads a member, and keeps where those of the record are for the rules.
func (t *trailReader) member(s *scan, in object, name []byte) error {
	s.peek()
	from := s.i
	err := t.take(s, in.deed(name))
	if in == ofRecord && err == nil && t.out.o.Rules != nil && (t.within || !t.raw.inner) && len(t.members) <= maxMembers {
		t.members = append(t.members, sigma.Member{Name: name, From: int32(from - t.start), To: int32(s.i - t.start)})
		t.learning.told(name)
	}
	return err
}

// take does what is to be done with the value that comes next.
func (t *trailReader) take(s *scan, d deed) error {
	if d > lastDone {
		return t.walk(s, d)
	}
	t.learning.step(s, d)
	err := t.do(s, d)
	t.learning.at = s.i
	return err
}

// walk takes a value apart.
func (t *trailReader) walk(s *scan, d deed) error {
	switch d {
	case inIdentity:
		return t.between(s, beginIdentity, endIdentity, func() error { return t.object(s, ofIdentity) })
	case inUnread:
		return t.between(s, beginMember, endMember, func() error { return t.object(s, ofUnread) })
	case inResources:
		return t.between(s, beginMember, endMember, func() error {
			if s.peek() != '[' {
				return s.skip()
			}
			return s.array(func() error { return t.object(s, ofResource) })
		})
	case inSession:
		return t.object(s, ofSession)
	case inIssuer:
		return t.object(s, ofIssuer)
	case inAttributes:
		return t.object(s, ofAttributes)
	}
	t.learning.stop()
	switch {
	case d == inWrapper && s.peek() == '[' && !t.within:
		return errWrapper
	case d == inLookup && !t.within: // not again
		return t.inside(s)
	}
	return s.skip()
}

func (t *trailReader) between(s *scan, begin, end deed, walk func() error) error {
	if err := t.take(s, begin); err != nil {
		return err
	}
	if err := walk(); err != nil {
		return err
	}
	return t.take(s, end)
}

// do does it.
func (t *trailReader) do(s *scan, d deed) error {
	e := &t.ev
	switch d {
	case toReadOnly:
		return t.boolean(s, &e.ReadOnly)
	case toConsole:
		return t.boolean(s, &e.Principal.Console)
	case toCreated:
		return t.created(s)
	case toRequest:
		return t.span(s, &t.raw.request)
	case toResponse:
		return t.span(s, &t.raw.response)
	case toAdditional:
		return t.span(s, &t.raw.additional)
	case toResource:
		var arn string
		err := t.text(s, &arn)
		e.addResource(arn)
		return err
	case toScope:
		return t.scope(s)
	case toBehalf:
		return s.objectOr(func(k []byte) error { return t.textIf(s, k, "userId", &e.Principal.Name) })
	case toWindow:
		return s.objectOr(func(k []byte) error { return t.textIf(s, k, "windowStart", &t.raw.windowStart) })
	case toSummary:
		return t.summary(s)
	case skippedInside:
		return s.skipDeep(1)
	case tellsLookup:
		t.raw.lookup = true
		return s.skip()
	case tellsDigest:
		t.raw.digest = true
		return s.skip()
	case beginMember:
		t.opened = s.i
		return nil
	case beginIdentity:
		t.beginIdentity(s)
		return nil
	case endIdentity:
		t.endIdentity(s)
		return nil
	case endMember, endRecord:
		return nil
	}
	return t.put(s, d)
}

// put reads a text to where it goes.
func (t *trailReader) put(s *scan, d deed) error {
	into := t.to[d]
	if into == nil {
		return s.skip()
	}
	if d <= lastOnce {
		// Where it is given twice, one reader takes the first and another the last: whoever altered
		// the record may count on it.
		t.raw.twice = t.raw.twice || *into != ""
	}
	return t.text(s, into)
}
