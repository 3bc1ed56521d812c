package alert

import (
	"strings"
	"time"
)

// What OCSF's classes of findings are here.
const (
	ocsfCompliance = 2003
	ocsfDetection  = 2004
)

// readOCSF reads a finding in OCSF, of the Security Hub that came after CSPM. finding_info.uid is
// the product's id of the finding (of GuardDuty the finding's ARN); metadata.uid is Security
// Hub's own, another one, and is not the case's.
func readOCSF(l *look, n *node) {
	a := &l.a
	class, _ := l.number(n.get("class_uid"), "class_uid")
	info := n.get("finding_info")
	a.Account = l.account(n.get("cloud", "account", "uid"), "cloud.account.uid")
	a.Region = l.region(n.get("cloud", "region"), "cloud.region")
	productARN := l.must(n.get("metadata", "product", "uid"), "metadata.product.uid")
	id, product := l.must(info.get("uid"), "finding_info.uid"), productOf(productARN)
	l.arn(productARN)
	l.arn(id)
	l.partition(l.name(n.get("cloud", "cloud_partition"), "cloud_partition"))
	l.identifyHub(product, id)
	a.Types = l.texts(info.get("types"), "finding_info.types")
	a.Title = l.prose(info.get("title"))
	a.First, a.Last = l.ocsfTime(info, "first_seen_time"), l.ocsfTime(info, "last_seen_time")
	if a.Updated = l.ocsfTime(info, "modified_time"); a.Updated.IsZero() {
		a.Updated = l.ocsfTime(n, "time")
	}
	a.Count = l.count(n.get("count"), "count")
	l.ocsfKind(int(class), product, n)
	l.ocsfSeverity(n)
	l.ocsfStates(n)
	for i, r := range n.get("resources").list() {
		if i == maxParts {
			l.gap("function", "more than 100 resources: not all were read")
			break
		}
		l.ocsfResource(r)
	}
}

func (l *look) ocsfKind(class int, product string, n *node) {
	a := &l.a
	switch {
	case class == ocsfCompliance:
		a.Kind, a.Type = Compliance, l.name(n.get("compliance", "control"), "compliance.control")
	case class != ocsfDetection:
		l.fail(NoForm, "an OCSF event of class %d: 2003 and 2004 are read", class)
	case product == guardDutyProduct:
		a.Kind, a.Type = GuardDuty, guardDutyTypeOf(a.Types)
		if strings.HasPrefix(a.Type, "AttackSequence:") {
			a.Kind, a.Count = Sequence, 0 // it is the number of signals then
		}
	default:
		a.Kind = Detection
	}
	if a.Type == "" && len(a.Types) > 0 {
		a.Type = a.Types[0]
	}
}

// ocsfTime reads milliseconds, or the text beside them where they are missing.
func (l *look) ocsfTime(n *node, name string) time.Time {
	if v := n.get(name); v != nil {
		return l.when(v, name)
	}
	return l.when(n.get(name+"_dt"), name+"_dt")
}

// ocsfSeverity: severity_id is what counts; the word beside it is for people.
func (l *look) ocsfSeverity(n *node) {
	words := []string{"", "informational", "low", "medium", "high", "critical", "critical"}
	id, ok := l.number(n.get("severity_id"), "severity_id")
	if !ok || id < 0 || int(id) >= len(words) {
		return
	}
	l.a.Severity = ofLabel(words[int(id)], l.prose(n.get("severity")))
	if id == 6 { // fatal
		l.a.Severity.Number = 10
	}
}

// ocsfStates: the states of a finding in its classes, and the activity that closes it.
func (l *look) ocsfStates(n *node) {
	status, _ := l.number(n.get("status_id"), "status_id")
	activity, _ := l.number(n.get("activity_id"), "activity_id")
	l.a.Suppressed = status == 3
	l.a.Resolved = status == 4 || activity == 3
	l.a.Archived = status == 5
}

func (l *look) ocsfResource(r *node) {
	if owner := l.name(r.get("owner", "account", "uid"), "owner of a resource"); owner != "" && owner != l.a.Account {
		l.doubt("a resource is of account %s", cut(owner, 20))
	}
	uid, d := l.name(r.get("uid"), "resource uid"), r.get("data")
	switch l.name(r.get("type"), "resource type") {
	case "AWS::Lambda::Function":
		own, name := uid, l.name(r.get("name"), "resource name")
		if !strings.HasPrefix(uid, "arn:") { // the uid of some resources is their name, and uid_alt the ARN
			own = l.name(r.get("uid_alt"), "resource uid_alt")
			if name == "" {
				name = uid
			}
		}
		if strings.HasPrefix(name, "arn:") {
			name = ""
		}
		l.role(l.name(d.get("role"), "role"))
		l.named(own, name, l.name(d.get("function_version"), "function_version"))
	case "AWS::IAM::AccessKey":
		key := l.name(d.get("access_key_id"), "access_key_id")
		if key == "" {
			key = uid
		}
		user := l.name(d.get("user_name"), "user_name")
		if user == "" {
			user = l.name(r.get("name"), "resource name")
		}
		l.credentials(key, l.name(d.get("principal_id"), "principal_id"), l.name(d.get("user_type"), "user_type"), user)
	default:
		l.arn(uid)
	}
}
