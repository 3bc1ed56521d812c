package alert

import (
	"strings"
)

// timelineSchema is the one whose lines are read.
const timelineSchema = "freezeframe.timeline.event/1"

// readRule reads a line of `freezeframe timeline build --format jsonl --rules ...` that rules
// marked. Of a record its case is the record's: the same as if the record itself had come.
func readRule(l *look, n *node) {
	a := &l.a
	a.Kind = Rule
	if s := l.name(n.get("schema"), "schema"); s != timelineSchema {
		l.fail(NoForm, "a line of schema %q: %s is read", cut(s, 60), timelineSchema)
	}
	a.Region = l.region(n.get("region"), "region")
	id := l.must(n.get("event_id"), "event_id")
	switch kind := l.name(n.get("kind"), "kind"); {
	case kind == "cloudtrail":
		a.Account = l.account(n.get("account"), "account")
		l.identify("aws/cloudtrail", id, a.Region)
	case n.get("account") != nil:
		a.Account = l.account(n.get("account"), "account")
		l.identify("freezeframe/timeline", id, a.Region)
	default: // a correlation is of no single account
		l.gap("account", "the line is of none: look at the events that it cites")
		l.identify("freezeframe/timeline", id, a.Region)
	}
	l.ruled(l.texts(n.get("rules"), "rules"), l.texts(n.get("rule_ids"), "rule_ids"))
	a.Title = l.prose(n.get("message"))
	a.First = l.when(n.get("time"), "time")
	a.Last, a.Count = a.First, 1+l.count(n.get("repeats"), "repeats")
	if until := l.when(n.get("until"), "until"); !until.IsZero() {
		a.Last = until
	}
	a.Updated = a.Last
	if ip := l.prose(n.get("source_address")); ip != "" {
		a.Remote = []string{cut(ip, 256)}
	}
	a.AccessKey, a.Principal = l.name(n.get("access_key"), "access_key"), l.name(n.get("principal_id"), "principal_id")
	a.PrincipalType = l.name(n.get("principal_type"), "principal_type")
	own := l.name(n.get("principal_arn"), "principal_arn")
	l.arn(own)
	if a.PrincipalType == "AssumedRole" {
		l.assumed(own)
	}
	l.ruleFunction(n)
}

// ruled notes the rules: what a mandate chooses by is a rule's title or id, and its level is the
// severity.
func (l *look) ruled(rules, ids []string) {
	if len(rules) == 0 {
		l.fail(Missing, "no rule marked this line: build the timeline with --rules")
		return
	}
	for _, r := range rules {
		level, title, ok := strings.Cut(r, ": ")
		if !ok {
			title = r
		}
		l.a.Types = append(l.a.Types, title)
		if s := ofLabel(level, level); s.Label != "" && (l.a.Severity.Label == "" || s.Number > l.a.Severity.Number) {
			l.a.Severity = s
		}
	}
	l.a.Type = l.a.Types[0]
	l.a.Types = append(l.a.Types, ids...)
}

func (l *look) ruleFunction(n *node) {
	qualifier := l.name(n.get("qualifier"), "qualifier")
	for _, name := range []string{"function", "issued_to_function"} {
		s := l.name(n.get(name), name)
		if s == "" {
			continue
		}
		t, ok := functionNamed(s, l.a.Account, l.a.Region)
		if !ok {
			l.gap("function", name+" is none that could be read: "+cut(s, 100))
			continue
		}
		if name == "function" && t.Qualifier == "" && qualifierForm.MatchString(qualifier) {
			t.Qualifier = version(qualifier)
		}
		l.arn(s)
		l.function(t)
	}
}
