package timeline

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// guardFinding is a GuardDuty finding, in the spelling of the API (Resource.LambdaDetails) or of
// its events (resource.lambdaDetails).
type guardFinding struct {
	SchemaVersion, Partition, ID, Arn, AccountID, Region, Type, Title string

	Severity             float64
	CreatedAt, UpdatedAt moment
	Resource             *guardResource
	Service              *guardService
}

type guardResource struct {
	ResourceType     string
	AccessKeyDetails struct{ AccessKeyID, PrincipalID, UserName, UserType string }
	LambdaDetails    struct{ FunctionArn, FunctionName, FunctionVersion, Role string }
}

type guardService struct {
	EventFirstSeen, EventLastSeen moment
	Count                         int64
	Archived                      bool
	AdditionalInfo                json.RawMessage
	Action                        struct {
		ActionType              string
		AwsAPICallAction        guardAction
		NetworkConnectionAction guardAction
		RdsLoginAttemptAction   guardAction
		KubernetesAPICallAction guardAction
		PortProbeAction         struct{ PortProbeDetails []guardAction }
		DNSRequestAction        guardAction
	}
}

type guardAction struct {
	API, ServiceName, ErrorCode, UserAgent, Domain, ConnectionDirection string

	RemoteIPDetails   struct{ IPAddressV4, IPAddressV6 string }
	RemotePortDetails struct{ Port int64 }
}

func guardDutySource() Source {
	return listSource("guardduty", "GuardDuty's findings: what it saw, since when, how often and from where", "guardduty.findings", "Findings", KindFinding,
		func(f guardFinding, emit func(Event)) { f.events(emit) })
}

// is says whether a JSON object is such a finding.
func (f *guardFinding) is() bool {
	return f.Type != "" && f.ID != "" && f.Resource != nil && f.Resource.ResourceType != "" && f.Service != nil
}

// events are the first sight, which stays what it is however often the finding is updated, and
// the last one, with the count that was reached then.
func (f *guardFinding) events(emit func(Event)) {
	if f.Resource == nil {
		f.Resource = &guardResource{}
	}
	if f.Service == nil {
		f.Service = &guardService{}
	}
	at, desc := f.Service.EventFirstSeen, "Finding First Seen"
	if at.IsZero() {
		at, desc = f.CreatedAt, "Finding Created"
	}
	last := f.Service.EventLastSeen
	first := f.event()
	first.Time, first.TimestampDesc, first.ID = at.Time, desc, "guardduty|"+f.key()+"|first"
	first.Message = "GuardDuty saw for the first time: " + f.what(&first)
	emit(first)
	if last.IsZero() || last.Equal(at.Time) && f.Service.Count < 2 {
		return
	}
	again := f.event()
	again.Time, again.TimestampDesc = last.Time, "Finding Last Seen"
	again.ID = fmt.Sprintf("guardduty|%s|last|%d", f.key(), f.Service.Count)
	again.Message = fmt.Sprintf("GuardDuty saw for the last time so far (%s since %s): %s", times(int(f.Service.Count)), at.Format(time.RFC3339), f.what(&again))
	if f.Service.Count > 0 {
		again.Change.Setting += " count=" + strconv.FormatInt(f.Service.Count, 10)
	}
	emit(again)
}

func (f *guardFinding) key() string { return cut(cmp.Or(f.Arn, f.ID), maxNamedText) }

func (f *guardFinding) event() Event {
	e := Event{Service: "guardduty", Action: f.Type, Account: f.AccountID, Region: f.Region}
	e.addResource(cut(f.Arn, MaxField))
	f.principal(&e)
	if l := &f.Resource.LambdaDetails; l.FunctionArn != "" || l.FunctionName != "" {
		e.setFunction(cmp.Or(l.FunctionArn, l.FunctionName))
		e.Qualifier, e.Change.Role = cmp.Or(l.FunctionVersion, e.Qualifier), l.Role
		e.Principal = Principal{Type: "Function", Name: cmp.Or(l.FunctionName, functionName(l.FunctionArn)), Function: e.Function}
	}
	a := f.action()
	e.Address, e.UserAgent, e.ErrorCode = cmp.Or(a.RemoteIPDetails.IPAddressV4, a.RemoteIPDetails.IPAddressV6), a.UserAgent, a.ErrorCode
	if a.API != "" {
		e.addResource(cut(strings.TrimSuffix(a.ServiceName, ".amazonaws.com")+":"+a.API, MaxField))
	}
	e.Change.Setting = "severity=" + strconv.FormatFloat(f.Severity, 'g', -1, 64)
	if f.Service.Archived {
		e.Change.Setting += " archived"
	}
	if f.sample() {
		e.Tag(TagSample)
	}
	return e
}

// principal is whose key it is. A role's session carries its name behind the principal's id.
func (f *guardFinding) principal(e *Event) {
	k := &f.Resource.AccessKeyDetails
	if *k == (struct{ AccessKeyID, PrincipalID, UserName, UserType string }{}) {
		return
	}
	e.AccessKey = k.AccessKeyID
	e.Principal = Principal{Type: k.UserType, Name: k.UserName, ID: k.PrincipalID, Account: f.AccountID}
	if k.UserType != "Role" && k.UserType != "AssumedRole" {
		return
	}
	e.Principal.Type = "AssumedRole"
	_, e.Principal.Session, _ = strings.Cut(k.PrincipalID, ":")
	if f.AccountID != "" && k.UserName != "" {
		e.Principal.Role = "arn:" + cmp.Or(f.Partition, partitionOf(f.Region)) + ":iam::" + f.AccountID + ":role/" + k.UserName
	}
}

// action is the one of the finding's actions that it has.
func (f *guardFinding) action() guardAction {
	a := &f.Service.Action
	if len(a.PortProbeAction.PortProbeDetails) > 0 {
		return a.PortProbeAction.PortProbeDetails[0]
	}
	return cmp.Or(a.AwsAPICallAction, a.NetworkConnectionAction, a.RdsLoginAttemptAction, a.KubernetesAPICallAction, a.DNSRequestAction)
}

func (f *guardFinding) sample() bool {
	var info struct{ Sample bool }
	_ = json.Unmarshal(f.Service.AdditionalInfo, &info) // of another shape in the API: then the title says it
	return info.Sample || strings.HasPrefix(f.Title, "[SAMPLE]")
}

// what is the finding in a line.
func (f *guardFinding) what(e *Event) string {
	m := fmt.Sprintf("%s (severity %s)", f.Type, strconv.FormatFloat(f.Severity, 'g', -1, 64))
	if f.Title != "" {
		m += ": " + f.Title
	}
	a := f.action()
	if a.API != "" {
		m += fmt.Sprintf("; the call was %s:%s", strings.TrimSuffix(a.ServiceName, ".amazonaws.com"), a.API)
	}
	if e.AccessKey != "" {
		m += ", key " + e.AccessKey
	}
	if e.Address != "" {
		m += "; remote address " + e.Address
		if a.RemotePortDetails.Port > 0 {
			m += " port " + strconv.FormatInt(a.RemotePortDetails.Port, 10)
		}
	}
	if a.Domain != "" {
		m += "; domain " + a.Domain
	}
	if e.Tagged(TagSample) {
		m += "; it is one of GuardDuty's samples"
	}
	return m
}
