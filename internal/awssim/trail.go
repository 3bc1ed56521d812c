package awssim

import (
	"cmp"
	"encoding/json"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// trailRecord is one CloudTrail record, and what LookupEvents finds it by.
type trailRecord struct {
	id, name, source    string
	account, region     string // of the trail it belongs to
	eventTime           time.Time
	username, accessKey string
	readOnly            bool
	data                bool // a data event: never in LookupEvents
	resources           []trailResource
	raw                 json.RawMessage
}

// recorder keeps the records of all accounts, in the order of the calls.
type recorder struct {
	all     []*trailRecord
	byScope map[scope][]*trailRecord
}

func (r *recorder) add(rec *trailRecord) {
	if r.byScope == nil {
		r.byScope = map[scope][]*trailRecord{}
	}
	k := scope{rec.account, rec.region}
	r.all = append(r.all, rec)
	r.byScope[k] = append(r.byScope[k], rec)
}

// visibleRecords are the management events of an account and region that have
// arrived by now, newest first. The lock is held.
func (c *Cloud) visibleRecords(account, region string, now time.Time) []*trailRecord {
	var out []*trailRecord
	for _, r := range c.core.records.byScope[scope{account, region}] {
		if !r.data && !r.eventTime.Add(c.cfg.TrailDelay).After(now) {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b *trailRecord) int {
		return cmp.Or(b.eventTime.Compare(a.eventTime), cmp.Compare(a.id, b.id))
	})
	return out
}

// eventJSON is a record as CloudTrail writes it, in its order of members.
type eventJSON struct {
	EventVersion        string         `json:"eventVersion"`
	UserIdentity        userIdentity   `json:"userIdentity"`
	EventTime           string         `json:"eventTime"`
	EventSource         string         `json:"eventSource"`
	EventName           string         `json:"eventName"`
	AWSRegion           string         `json:"awsRegion"`
	SourceIPAddress     string         `json:"sourceIPAddress"`
	UserAgent           string         `json:"userAgent"`
	ErrorCode           string         `json:"errorCode,omitempty"`
	ErrorMessage        string         `json:"errorMessage,omitempty"`
	RequestParameters   any            `json:"requestParameters"`
	ResponseElements    any            `json:"responseElements"`
	AdditionalEventData map[string]any `json:"additionalEventData,omitempty"`
	RequestID           string         `json:"requestID,omitempty"`
	EventID             string         `json:"eventID"`
	ReadOnly            bool           `json:"readOnly"`
	Resources           []resourceJSON `json:"resources,omitempty"`
	EventType           string         `json:"eventType"`
	ManagementEvent     bool           `json:"managementEvent"`
	RecipientAccountID  string         `json:"recipientAccountId"`
	SharedEventID       string         `json:"sharedEventID,omitempty"`
	ServiceEventDetails map[string]any `json:"serviceEventDetails,omitempty"`
	EventCategory       string         `json:"eventCategory"`
	TLSDetails          *tlsDetails    `json:"tlsDetails,omitempty"`
}

type resourceJSON struct {
	AccountID string `json:"accountId,omitempty"`
	Type      string `json:"type,omitempty"`
	ARN       string `json:"ARN"`
}

type tlsDetails struct {
	TLSVersion  string `json:"tlsVersion"`
	CipherSuite string `json:"cipherSuite"`
	HostHeader  string `json:"clientProvidedHostHeader"`
}

type userIdentity struct {
	Type           string          `json:"type"`
	PrincipalID    string          `json:"principalId,omitempty"`
	ARN            string          `json:"arn,omitempty"`
	AccountID      string          `json:"accountId,omitempty"`
	AccessKeyID    string          `json:"accessKeyId,omitempty"`
	UserName       string          `json:"userName,omitempty"`
	SessionContext *sessionContext `json:"sessionContext,omitempty"`
	InvokedBy      string          `json:"invokedBy,omitempty"`
	InScopeOf      *inScopeOf      `json:"inScopeOf,omitempty"`
}

type sessionContext struct {
	SessionIssuer *sessionIssuer    `json:"sessionIssuer,omitempty"`
	WebIDData     *struct{}         `json:"webIdFederationData,omitempty"`
	Attributes    sessionAttributes `json:"attributes"`
	Source        string            `json:"sourceIdentity,omitempty"`
}

type sessionIssuer struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId"`
	ARN         string `json:"arn"`
	AccountID   string `json:"accountId"`
	UserName    string `json:"userName"`
}

type sessionAttributes struct {
	CreationDate     string `json:"creationDate"`
	MFAAuthenticated string `json:"mfaAuthenticated"`
}

// inScopeOf names the function, and its version, that a session was given to.
type inScopeOf struct {
	IssuerType string `json:"issuerType"`
	To         string `json:"credentialsIssuedTo"`
	Version    string `json:"credentialsIssuedToVersion,omitempty"`
}

const trailTime = "2006-01-02T15:04:05Z"

// identityOf shapes who called, as CloudTrail does by kind of principal.
// recipient is the account whose trail it is for.
func identityOf(id identity, recipient string) userIdentity {
	switch id.kind {
	case "AWSService":
		return userIdentity{Type: id.kind, InvokedBy: id.invokedBy}
	case "AWSAccount":
		return userIdentity{Type: id.kind, PrincipalID: id.principalID, AccountID: id.account}
	}
	if recipient != id.account { // the owner of a shared resource learns the account, not the name
		return userIdentity{Type: "AWSAccount", PrincipalID: id.principalID, AccountID: id.account}
	}
	u := userIdentity{Type: id.kind, PrincipalID: id.principalID, ARN: id.arn, AccountID: id.account, AccessKeyID: id.keyID, UserName: id.name}
	s := id.session
	if s == nil {
		return u
	}
	u.SessionContext = &sessionContext{Attributes: sessionAttributes{s.issued.UTC().Format(trailTime), strconv.FormatBool(s.mfa)}, Source: s.source}
	if s.roleARN != "" {
		u.UserName = ""
		u.SessionContext.WebIDData = &struct{}{} // always there, empty without web identity
		u.SessionContext.SessionIssuer = &sessionIssuer{issuerType(s.roleARN), s.roleID, s.roleARN, id.account, s.roleName}
	}
	if s.functionARN != "" {
		u.InScopeOf = &inScopeOf{"AWS::Lambda::Function", s.functionARN, s.functionVersion}
	}
	return u
}

// issuerType: roles issue sessions, and users do with GetFederationToken.
func issuerType(arn string) string {
	if strings.Contains(arn, ":user/") {
		return "IAMUser"
	}
	return "Role"
}

// username is what LookupEvents finds a principal by: a user's name, or a
// session's.
func (id identity) username() string {
	switch {
	case id.session != nil && id.session.name != "":
		return id.session.name
	case id.kind == "Root":
		return "root"
	}
	return id.name
}

// record writes the CloudTrail record of a call that ends with e (nil is success),
// and notes it for Calls.
func (k *call) record(e *apiError) {
	t, code := k.wire.target, ""
	if e != nil {
		code = e.Code
	}
	k.core.calls = append(k.core.calls, k.asCall(code))
	if t.op == nil {
		return // CloudTrail does not know what to call it either
	}
	ev := k.event(e)
	owners := k.otherOwners()
	if isDenied(ev.ErrorCode) {
		owners = nil // an owner does not learn of what was refused
	}
	if len(owners) > 0 {
		ev.SharedEventID = k.id("uuid", "shared")
	}
	k.recordFor(k.accountID, *ev)
	for _, owner := range owners {
		ev.EventID = k.id("uuid", "event", owner)
		k.recordFor(owner, *ev)
	}
}

// asCall is the call as tests see it.
func (k *call) asCall(code string) Call {
	t, resource := k.wire.target, ""
	if len(k.wire.asked) > 0 {
		resource = k.wire.asked[0]
	}
	return Call{Time: k.now, Service: t.service.name, Operation: t.opName, API: t.service.apiName(t.opName), Principal: k.caller.arn, KeyID: k.caller.keyID,
		ReadOnly: readsOnly(t.service.name, t.opName), ErrorCode: code, Resource: resource, RequestID: k.requestID, Region: k.region, target: t, in: k.wire.in}
}

// otherOwners are the accounts, other than the caller's, whose resources were
// asked for: each gets its own record of the call.
func (k *call) otherOwners() []string {
	var out []string
	for _, resource := range k.wire.asked {
		a, ok := parseARN(resource)
		if ok && len(a.account) == 12 && a.account != k.accountID && !slices.Contains(out, a.account) {
			out = append(out, a.account)
		}
	}
	return out
}

// event is the record as the caller's own account gets it.
func (k *call) event(e *apiError) *eventJSON {
	t := k.wire.target
	kind := eventKind(t.service.name, t.opName)
	ev := &eventJSON{
		EventVersion: "1.11", EventTime: k.now.Format(trailTime), EventSource: eventSource(t.service.name), EventName: eventName(t.service.name, t.opName),
		AWSRegion: k.region, SourceIPAddress: k.sourceAddress(), UserAgent: cmp.Or(k.http.UserAgent(), "-"),
		RequestID: k.requestID, EventID: k.id("uuid", "event"), ReadOnly: trailReadOnly(t.service.name, t.opName), EventType: "AwsApiCall",
		ManagementEvent: !kind.data, EventCategory: "Management", AdditionalEventData: k.trail.more["additionalEventData"],
		ServiceEventDetails: k.trail.more["serviceEventDetails"],
		TLSDetails:          &tlsDetails{"TLSv1.3", "TLS_AES_128_GCM_SHA256", k.http.Host},
	}
	if kind.data {
		ev.EventCategory = "Data"
	}
	if t.service.name == "s3" {
		ev.RequestID = s3RequestID(k.requestID)
	}
	if e != nil {
		ev.ErrorCode, ev.ErrorMessage = trailError(t.service.name, e.Code), e.Message
	}
	ev.RequestParameters = k.requestParameters(e)
	if e == nil {
		ev.ResponseElements = k.responseElements()
	}
	if kind.resources && !isDenied(ev.ErrorCode) {
		for _, r := range k.trail.resources {
			ev.Resources = append(ev.Resources, resourceJSON{ownerOf(r.arn, k.accountID), r.kind, r.arn})
		}
	}
	return ev
}

func ownerOf(arn, otherwise string) string {
	a, _ := parseARN(arn)
	return cmp.Or(a.account, otherwise)
}

// sourceAddress is the client's. Only the in-process client may say where it
// comes from.
func (k *call) sourceAddress() string {
	if from := k.http.Header.Get("X-Forwarded-For"); from != "" && k.http.Context().Value(inProcess{}) != nil {
		return from
	}
	host, _, err := net.SplitHostPort(k.http.RemoteAddr)
	if err != nil {
		return k.http.RemoteAddr
	}
	return host
}

// recordFor puts the event into an account's trail, as that account sees it.
func (k *call) recordFor(account string, ev eventJSON) {
	ev.UserIdentity, ev.RecipientAccountID = identityOf(k.caller, account), account
	rec := &trailRecord{account: account, eventTime: k.now, resources: k.lookupResources(&ev)}
	if account == k.caller.account {
		rec.username, rec.accessKey = k.caller.username(), k.caller.keyID
	}
	k.keep(rec, &ev)
}

// keep fills in what a record's index repeats of the event, and adds it.
func (c *Cloud) keep(rec *trailRecord, ev *eventJSON) {
	raw, err := json.Marshal(ev)
	if err != nil {
		panic("awssim: a CloudTrail record that is no JSON: " + err.Error())
	}
	rec.id, rec.name, rec.source, rec.region = ev.EventID, ev.EventName, ev.EventSource, ev.AWSRegion
	rec.eventTime = rec.eventTime.Truncate(time.Second)
	rec.readOnly, rec.data, rec.raw = ev.ReadOnly, !ev.ManagementEvent, raw
	c.core.records.add(rec)
}

// serviceEvent is something that an AWS service did by itself: a call with a role
// of the account (AssumeRole by lambda.amazonaws.com), or an event without a call
// (LambdaESMDisabled).
type serviceEvent struct {
	service           string // "sts", "lambda"
	name              string
	invokedBy         string // "lambda.amazonaws.com"
	account, region   string
	at                time.Time
	readOnly          bool
	call              bool // an API call; otherwise AwsServiceEvent
	request, response map[string]any
	details           map[string]any // serviceEventDetails
	resources         []trailResource
}

// recordService adds the record of what a service did. The lock is held.
func (c *Cloud) recordService(s serviceEvent) {
	parts := []string{"service event", s.service, s.name, s.account, s.region, s.at.UTC().Format(time.RFC3339Nano)}
	parts = append(parts, strconv.Itoa(c.nth(parts...)))
	ev := &eventJSON{
		EventVersion: "1.11", UserIdentity: userIdentity{Type: "AWSService", InvokedBy: s.invokedBy}, EventTime: s.at.UTC().Format(trailTime),
		EventSource: eventSource(s.service), EventName: s.name, AWSRegion: s.region, SourceIPAddress: s.invokedBy, UserAgent: s.invokedBy,
		RequestParameters: orNull(s.request), ResponseElements: orNull(s.response), EventID: c.idFrom("uuid", append(parts, "event")...),
		ReadOnly: s.readOnly, EventType: "AwsServiceEvent", ManagementEvent: true, RecipientAccountID: s.account, EventCategory: "Management",
		ServiceEventDetails: s.details,
	}
	if s.call {
		ev.EventType, ev.RequestID = "AwsApiCall", c.idFrom("uuid", append(parts, "request")...)
		ev.SharedEventID = c.idFrom("uuid", append(parts, "shared")...)
	}
	for _, r := range s.resources {
		ev.Resources = append(ev.Resources, resourceJSON{ownerOf(r.arn, s.account), r.kind, r.arn})
	}
	c.keep(&trailRecord{account: s.account, eventTime: s.at.UTC(), resources: s.resources}, ev)
}

// lookupResources is what LookupEvents finds the event by: what the operation
// named, and what the parameters name. A denied call shows no parameters, so that
// nothing finds it by name.
func (k *call) lookupResources(ev *eventJSON) []trailResource {
	if isDenied(ev.ErrorCode) && ev.RequestParameters == nil {
		return nil
	}
	out := slices.Clone(k.trail.resources)
	for _, params := range []any{ev.RequestParameters, ev.ResponseElements} {
		if m, ok := params.(map[string]any); ok {
			out = append(out, namedResources(k.wire.target.service.name, m)...)
		}
	}
	seen := map[trailResource]bool{}
	return slices.DeleteFunc(out, func(r trailResource) bool {
		dup := seen[r]
		seen[r] = true
		return dup
	})
}

func isDenied(code string) bool {
	return strings.HasPrefix(code, "AccessDenied") || strings.HasSuffix(code, "UnauthorizedOperation")
}

// trailError is an error's code as CloudTrail writes it: Lambda's denials lose
// their suffix there, and EC2's say whose fault it is.
func trailError(service, code string) string {
	if service == "lambda" && code == "AccessDeniedException" {
		return "AccessDenied"
	}
	if service == "ec2" {
		return "Client." + code
	}
	return code
}
