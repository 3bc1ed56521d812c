package alert

import (
	"strings"
)

// What both forms of an alarm tell, told apart from how they spell it.
type alarm struct {
	arn, name, state string
	at               *node
	reason           *node
}

// readAlarmEvent reads an alarm as EventBridge brings it. Its detail names neither account nor
// region: they are of the alarm's ARN, among the event's resources.
func readAlarmEvent(l *look, n *node) {
	x := alarm{name: l.must(n.get("alarmName"), "alarmName"), state: l.must(n.get("state", "value"), "state.value"), at: n.get("state", "timestamp"), reason: n.get("state", "reason")}
	for _, r := range l.event.get("resources").list() {
		if s := l.name(r, "resources"); strings.Contains(s, ":alarm:") {
			x.arn = s
		}
	}
	l.alarm(x)
	for _, m := range n.get("configuration", "metrics").list() {
		metric := m.get("metricStat", "metric")
		l.metric(l.prose(metric.get("namespace")), m.get("accountId"), func(want string) string {
			return l.name(metric.get("dimensions", want), "dimension")
		})
	}
}

// readAlarmMessage reads an alarm as SNS brings it.
func readAlarmMessage(l *look, n *node) {
	l.alarm(alarm{arn: l.must(n.get("AlarmArn"), "AlarmArn"), name: l.must(n.get("AlarmName"), "AlarmName"), state: l.must(n.get("NewStateValue"), "NewStateValue"), at: n.get("StateChangeTime"), reason: n.get("NewStateReason")})
	named := func(list *node) func(string) string {
		return func(want string) string {
			for _, d := range list.list() {
				if d.get("name").str() == want {
					return l.name(d.get("value"), "dimension")
				}
			}
			return ""
		}
	}
	t := n.get("Trigger")
	l.metric(l.prose(t.get("Namespace")), nil, named(t.get("Dimensions")))
	for _, m := range t.get("Metrics").list() {
		metric := m.get("MetricStat", "Metric")
		l.metric(l.prose(metric.get("Namespace")), m.get("AccountId"), named(metric.get("Dimensions")))
	}
}

// alarm: an alarm that goes off again is another alert, so its case is made of the moment too.
func (l *look) alarm(x alarm) {
	a := &l.a
	a.Kind, a.Type = Alarm, x.name
	a.Types, a.Title = []string{x.name}, cut("alarm "+x.name, maxProse)
	own, ok := parseARN(x.arn)
	if !ok || own.service != "cloudwatch" || own.resource != "alarm:"+x.name {
		l.fail(Missing, "no ARN of the alarm %q: without it nobody knows whose it is", cut(x.name, 80))
		return
	}
	if !accountForm.MatchString(own.account) || !regionForm.MatchString(own.region) {
		l.fail(BadValue, "the alarm's ARN names no account and region")
		return
	}
	l.arn(x.arn)
	a.Account, a.Region = own.account, own.region
	a.First = l.when(x.at, "time of the change")
	if a.First.IsZero() {
		l.fail(Missing, "the time at which the alarm changed is missing")
	}
	a.Last, a.Updated, a.Count = a.First, a.First, 1
	l.identify("aws/cloudwatch", x.arn+" "+a.First.Format("2006-01-02T15:04:05.000Z"), a.Region)
	switch x.state {
	case "ALARM":
	case "OK", "INSUFFICIENT_DATA":
		a.Resolved = true
	default:
		l.doubt("its state is %q", cut(x.state, 40))
		a.Resolved = true // whatever it is, it is no alarm
	}
}

// metric notes the function that a metric of Lambda is about. In a monitoring account the metric
// says of which account it is.
func (l *look) metric(namespace string, account *node, dimension func(string) string) {
	name := dimension("FunctionName")
	if namespace != "AWS/Lambda" || name == "" {
		return
	}
	of := l.a.Account
	if account != nil {
		if of = l.account(account, "account of a metric"); of != l.a.Account {
			l.elsewhere = true
		}
	}
	if resource := dimension("Resource"); strings.HasPrefix(resource, name+":") {
		name = resource // with its version or alias
	}
	if t, ok := functionNamed(name, of, l.a.Region); ok {
		l.function(t)
	} else {
		l.gap("function", "the alarm's metric names none that could be read")
	}
}
