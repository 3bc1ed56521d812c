package alert

import (
	"net"
	"regexp"
	"strings"
)

// guardDutyProduct names GuardDuty as Security Hub does.
const guardDutyProduct = "aws/guardduty"

func isGuardDuty(n *node) bool {
	return n.get("resource", "resourceType") != nil && n.get("type") != nil || n.get("Resource", "ResourceType") != nil && n.get("Type") != nil
}

// readGuardDuty reads a finding as EventBridge spells it, or as the API does.
func readGuardDuty(l *look, n *node) {
	a := &l.a
	a.Kind = GuardDuty
	a.Account = l.account(l.at(n, "accountId"), "accountId")
	a.Region = l.region(l.at(n, "region"), "region")
	id, own := l.must(l.at(n, "id"), "id"), l.name(l.at(n, "arn"), "arn")
	// In Security Hub's forms the ARN alone is told. Its region can be another than the member's
	// (findings of global services), and its account the administrator's.
	region := a.Region
	switch inARN, of, ok := guardDutyFinding(own); {
	case own == "":
	case !ok:
		l.doubt("arn is no ARN of a finding of GuardDuty")
	case inARN != id:
		l.fail(BadValue, "its id is %q, and its ARN ends in %q", cut(id, 64), cut(inARN, 64))
	default:
		region = of
	}
	l.arn(own)
	l.identify(guardDutyProduct, id, region)
	l.partition(l.name(l.at(n, "partition"), "partition"))
	a.Type = l.must(l.at(n, "type"), "type")
	a.Types = []string{a.Type}
	a.Title = l.prose(l.at(n, "title"))
	if v, ok := l.number(l.at(n, "severity"), "severity"); ok && v >= 0 && v <= 10 {
		a.Severity = ofNumber(v, l.at(n, "severity").text)
	} else if ok {
		l.doubt("its severity is none: %s", cut(l.at(n, "severity").text, 40))
	}
	a.Updated = l.when(l.at(n, "updatedAt"), "updatedAt")
	l.guardDutyService(l.at(n, "service"))
	l.guardDutyResource(l.at(n, "resource"))
}

func (l *look) guardDutyService(s *node) {
	a := &l.a
	a.First, a.Last = l.when(l.at(s, "eventFirstSeen"), "eventFirstSeen"), l.when(l.at(s, "eventLastSeen"), "eventLastSeen")
	a.Count = l.count(l.at(s, "count"), "count")
	a.Archived = l.at(s, "archived").truth()
	if l.isSample(l.at(s, "additionalInfo", "sample"), l.at(s, "additionalInfo", "value")) {
		a.Sample, a.SampleBy = true, "service.additionalInfo.sample"
	}
	action := l.at(s, "action")
	for _, kind := range []string{"networkConnectionAction", "awsApiCallAction"} {
		x := l.at(action, kind)
		ip := l.name(l.at(x, "remoteIpDetails", "ipAddressV4"), "remote address")
		if ip == "" {
			ip = l.name(l.at(x, "remoteIpDetails", "ipAddressV6"), "remote address")
		}
		if port := l.at(x, "remotePortDetails", "port"); ip != "" && port.is('0') {
			ip = net.JoinHostPort(ip, port.text)
		}
		if ip != "" {
			a.Remote = append(a.Remote, cut(ip, 256))
		}
		if d := l.prose(l.at(x, "domainDetails", "domain")); d != "" {
			a.Remote = append(a.Remote, cut(d, 256))
		}
	}
	if d := l.prose(l.at(action, "dnsRequestAction", "domain")); d != "" {
		a.Remote = append(a.Remote, cut(d, 256))
	}
	if q := l.at(s, "detection", "sequence"); q != nil {
		l.sequence(q)
	}
}

// isSample: EventBridge writes the member, the API a text of JSON that holds it.
func (l *look) isSample(sample, value *node) bool {
	if sample.truth() {
		return true
	}
	if value.str() == "" || len(value.text) > 64<<10 {
		return false
	}
	inner, f := parse([]byte(value.text))
	return f == nil && inner.get("sample").truth()
}

// guardDutyResource goes by the type of the resource, not by a list of types of findings: new
// ones come.
func (l *look) guardDutyResource(r *node) {
	kind := l.name(l.at(r, "resourceType"), "resourceType")
	d := l.at(r, "lambdaDetails")
	switch {
	case kind == "Lambda" || kind == "" && d != nil:
		l.guardDutyFunction(d)
	case kind == "AccessKey":
		k := l.at(r, "accessKeyDetails")
		l.credentials(l.name(l.at(k, "accessKeyId"), "accessKeyId"), l.name(l.at(k, "principalId"), "principalId"),
			l.name(l.at(k, "userType"), "userType"), l.name(l.at(k, "userName"), "userName"))
	case kind == "AttackSequence":
		l.a.Kind = Sequence
	default:
		l.gap("function", "its resource is of type "+cut(kind, 60))
	}
	if strings.HasPrefix(l.a.Type, "AttackSequence:") {
		l.a.Kind = Sequence
	}
}

func (l *look) guardDutyFunction(d *node) {
	own, name := l.name(l.at(d, "functionArn"), "functionArn"), l.name(l.at(d, "functionName"), "functionName")
	l.role(l.name(l.at(d, "role"), "role"))
	l.named(own, name, l.name(l.at(d, "functionVersion"), "functionVersion"))
}

// named notes a function that has an ARN, a name and a version, each perhaps absent. They have to
// fit together.
func (l *look) named(own, name, of string) {
	if own == "" {
		if t, ok := functionNamed(name, l.a.Account, l.a.Region); ok {
			l.function(t)
		} else if name != "" {
			l.gap("function", "its name is none: "+cut(name, 80))
		}
		return
	}
	t, ok := functionARN(own)
	switch {
	case !ok:
		l.gap("function", "its ARN is none of a function: "+cut(own, 160))
		return
	case name != "" && name != t.Name && !strings.HasSuffix(name, ":function:"+t.Name):
		l.gap("function", "it is named "+cut(name, 80)+", and its ARN is of "+t.Name)
		l.a.Candidates = append(l.a.Candidates, t)
		return
	}
	if t.Qualifier == "" && qualifierForm.MatchString(of) {
		t.Qualifier = version(of)
	}
	l.arn(own)
	l.function(t)
}

// role notes the role that the alert says a function has.
func (l *look) role(s string) {
	if s == "" {
		return
	}
	name, _, ok := roleOf(s)
	if !ok {
		l.doubt("the role's ARN is none")
		return
	}
	l.arn(s)
	l.a.Role, l.a.RoleARN = name, s
}

// roleTypes are how a role's credentials are named as the user's type.
var roleTypes = map[string]bool{"AssumedRole": true, "Role": true}

// credentials notes whose credentials an alert is of. For a role's the name of the session stands
// behind the id; a function's is the function's name, unless somebody chose another.
func (l *look) credentials(key, principal, kind, user string) {
	a := &l.a
	a.AccessKey, a.Principal, a.PrincipalType = key, principal, kind
	if !roleTypes[kind] {
		if principal == "" {
			a.Principal = user
		}
		return
	}
	a.Role, a.RoleUsed = user, true
	_, a.Session, _ = strings.Cut(principal, ":")
	if a.Role == "" {
		l.gap("function", "the credentials are of a role whose name is not told")
	}
}

// sequence reads whom and what an attack sequence names.
func (l *look) sequence(q *node) {
	actors := l.at(q, "actors").list()
	l.a.ActorsTotal = len(actors)
	for _, x := range actors[:min(len(actors), maxActors)] {
		u := l.at(x, "user")
		l.a.Actors = append(l.a.Actors, Actor{
			ID: l.name(l.at(x, "id"), "actor id"), Name: l.name(l.at(u, "name"), "actor name"), Type: l.name(l.at(u, "type"), "actor type"),
			Principal: l.name(l.at(u, "uid"), "actor uid"), AccessKey: l.name(l.at(u, "credentialUid"), "actor credential"),
			Account: l.name(l.at(u, "account", "uid"), "actor account"),
		})
	}
	keys := 0
	for _, r := range l.at(q, "resources").list() {
		uid := l.name(l.at(r, "uid"), "resource uid")
		if t, ok := functionARN(uid); ok {
			l.arn(uid)
			l.function(t)
		}
		k := l.at(r, "data", "accessKey")
		if k == nil {
			continue
		}
		if keys++; keys > 1 {
			continue
		}
		l.credentials(uid, l.name(l.at(k, "principalId"), "principalId"), l.name(l.at(k, "userType"), "userType"), l.name(l.at(k, "userName"), "userName"))
		if of := l.name(l.at(r, "accountId"), "resource account"); of != l.a.Account && l.a.RoleUsed {
			l.a.RoleAccount = of
		}
	}
	if keys > 1 {
		l.a.AccessKey, l.a.Principal, l.a.PrincipalType, l.a.Role, l.a.Session, l.a.RoleAccount, l.a.RoleUsed = "", "", "", "", "", "", false
		l.gap("function", "the sequence is of several access keys")
	}
}

var guardDutyType = regexp.MustCompile(`^[A-Za-z]+:[A-Za-z0-9]+[/-][A-Za-z0-9&.!_:-]+$`)

// guardDutyTypeOf is GuardDuty's own spelling of a type, of which ASFF makes another
// (TTPs/Command and Control/Backdoor:Lambda-C&CActivity.B) and OCSF an entry in a list.
func guardDutyTypeOf(types []string) string {
	for _, t := range types {
		if strings.Count(t, "/") >= 2 {
			t = strings.SplitN(t, "/", 3)[2]
		}
		if !guardDutyType.MatchString(t) {
			continue
		}
		i := strings.IndexAny(t, "/-")
		return t[:i] + "/" + t[i+1:]
	}
	return ""
}
