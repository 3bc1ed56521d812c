package alert

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// look reads one alert. What names something is read whole or not at all: the first thing that
// cannot be read so makes the alert one of kind Unknown. What only describes is cut.
type look struct {
	a     Alert
	event *node // the EventBridge event around it
	fault *fault

	functions  []Target // that the alert names, each once
	elsewhere  bool     // the alert says itself that the function is of another account
	partitions []string
}

func (l *look) fail(reason Reason, format string, args ...any) {
	if l.fault == nil {
		l.fault = faulty(reason, format, args...)
	}
}

func (l *look) gap(what, why string) { l.a.Unresolved = append(l.a.Unresolved, Gap{what, why}) }

func (l *look) doubt(format string, args ...any) {
	if len(l.a.Doubts) < maxList {
		l.a.Doubts = append(l.a.Doubts, faulty("", format, args...).detail)
	}
}

// at goes down members that have their API's spelling (Resource) or EventBridge's (resource). An
// object that has both is refused: two readers could take different ones.
func (l *look) at(n *node, path ...string) *node {
	for _, name := range path {
		lower, upper := n.member(name), n.member(strings.ToUpper(name[:1])+name[1:])
		if lower != nil && upper != nil {
			l.fail(Twice, "member %s is there in two spellings", name)
		}
		if n = lower; n == nil {
			n = upper
		}
	}
	return n
}

// name reads a text that names something. Absent is "".
func (l *look) name(n *node, what string) string {
	switch {
	case n == nil:
		return ""
	case n.kind != '"':
		l.fail(WrongType, "%s is no text", what)
		return ""
	case len(n.text) > maxName:
		l.fail(TooLong, "%s has %d bytes, at most %d", what, len(n.text), maxName)
		return ""
	}
	return n.text
}

// must is name of what there is no case without.
func (l *look) must(n *node, what string) string {
	s := l.name(n, what)
	if s == "" {
		l.fail(Missing, "%s is missing", what)
	}
	return s
}

// prose reads a text for people.
func (l *look) prose(n *node) string {
	if n != nil && n.kind != '"' {
		l.doubt("a text for people is none")
		return ""
	}
	if n == nil {
		return ""
	}
	return cut(n.text, maxProse)
}

var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	regionForm  = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)+$`)
)

// account reads an account's id. A number has lost its leading zeros, if it had any.
func (l *look) account(n *node, what string) string {
	if n.is('0') {
		l.fail(WrongType, "%s is a number, which loses leading zeros: a text is wanted", what)
		return ""
	}
	s := l.must(n, what)
	if s != "" && !accountForm.MatchString(s) {
		l.fail(BadValue, "%s %q is no account", what, cut(s, 40))
	}
	return s
}

// region reads a region; one that is none stays out and is named.
func (l *look) region(n *node, what string) string {
	s := l.name(n, what)
	if s != "" && (len(s) > 40 || !regionForm.MatchString(s)) {
		l.gap("region", what+" is no region: "+strconv.Quote(cut(s, 40)))
		return ""
	}
	return s
}

// number reads a number, or the text of one.
func (l *look) number(n *node, what string) (float64, bool) {
	if n == nil {
		return 0, false
	}
	if n.kind == '0' || n.kind == '"' {
		if v, err := strconv.ParseFloat(n.text, 64); err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) && len(n.text) < 40 {
			return v, true
		}
	}
	l.doubt("%s is no number", what)
	return 0, false
}

// count reads a number of times.
func (l *look) count(n *node, what string) int64 {
	v, ok := l.number(n, what)
	if !ok {
		return 0
	}
	if v < 0 || v > 1<<53 || v != math.Trunc(v) {
		l.doubt("%s is no count", what)
		return 0
	}
	return int64(v)
}

// when reads a time; one that cannot be read is a doubt.
func (l *look) when(n *node, what string) time.Time {
	t, ok := instant(n)
	if !ok && n != nil {
		l.doubt("%s is no time", what)
	}
	return t
}

// instant reads a time in the forms that AWS writes: RFC 3339, the same with +0000, and
// milliseconds or seconds since 1970.
func instant(n *node) (time.Time, bool) {
	switch {
	case n.is('"') && len(n.text) < 64:
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999-0700"} {
			if t, err := time.Parse(layout, n.text); err == nil && t.Year() > 0 && t.Year() <= 9999 {
				return t.UTC(), true
			}
		}
	case n.is('0') && len(n.text) < 32:
		v, err := strconv.ParseFloat(n.text, 64)
		if err != nil || v <= 0 || v > 4e12 {
			return time.Time{}, false
		}
		if v > 1e11 { // milliseconds
			return time.UnixMilli(int64(v)).UTC(), true
		}
		return time.UnixMilli(int64(v * 1000)).UTC(), true
	}
	return time.Time{}, false
}

// texts reads a list of names, bounded.
func (l *look) texts(n *node, what string) []string {
	var all []string
	for i, x := range n.list() {
		if i == maxList {
			l.doubt("%s: %d, the first %d are kept", what, len(n.items), maxList)
			break
		}
		if s := l.name(x, what); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// identify gives the alert its product, id and case. region is the one that the case hangs on.
func (l *look) identify(product, origin, region string) {
	l.a.Product, l.a.Origin = product, origin
	l.a.Case = caseID(product, l.a.Account, region, origin)
}

// assumed notes the role of a session's ARN. Of a call from another account the role is there, and
// one of the same name here is another.
func (l *look) assumed(own string) bool {
	name, session, ok := roleOf(own)
	x, isARN := parseARN(own)
	if !ok || !isARN || x.service != "sts" {
		return false
	}
	l.a.Role, l.a.Session, l.a.RoleUsed = name, session, true
	if x.account != l.a.Account {
		l.a.RoleAccount = x.account
	}
	return true
}

// arn notes the partition of an ARN that the alert holds.
func (l *look) arn(s string) {
	if a, ok := parseARN(s); ok {
		l.partition(a.partition)
	}
}

// partition notes one that the alert names itself.
func (l *look) partition(p string) {
	if partitionForm.MatchString(p) && !slices.Contains(l.partitions, p) {
		l.partitions = append(l.partitions, p)
	}
}

// function notes a function that the alert names.
func (l *look) function(t Target) {
	for i, have := range l.functions {
		if have.Name == t.Name && have.Account == t.Account && have.Region == t.Region {
			if have.Qualifier != t.Qualifier {
				l.functions[i].Qualifier = "" // several versions of one function: the function
			}
			if have.ARN == "" {
				l.functions[i].ARN, l.functions[i].Partition = t.ARN, t.Partition
			}
			return
		}
	}
	l.functions = append(l.functions, t)
}

// finish settles what was read.
func (l *look) finish() Alert {
	a := l.a
	if l.fault != nil {
		return unknown(a, l.fault)
	}
	l.settlePartition()
	l.settleTarget()
	a = l.a
	if !a.First.IsZero() && !a.Last.IsZero() && a.Last.Before(a.First) {
		l.doubt("it was last seen before it was first seen")
		a.Doubts = l.a.Doubts
	}
	if !a.Sample && strings.HasPrefix(strings.ToUpper(a.Title), "[SAMPLE]") {
		a.Sample, a.SampleBy = true, "its title begins with [SAMPLE]"
	}
	for _, s := range []string{a.AccessKey, a.Role, a.Principal} {
		if !a.Sample && strings.HasPrefix(s, "GeneratedFinding") {
			a.Sample, a.SampleBy = true, "it names "+cut(s, 60)
		}
	}
	if a.Target != nil && !a.Sample && strings.HasPrefix(a.Target.Name, "GeneratedFinding") {
		a.Sample, a.SampleBy = true, "it names the function "+cut(a.Target.Name, 60)
	}
	return a
}

func (l *look) settlePartition() {
	switch len(l.partitions) {
	case 0:
		l.gap("partition", "the alert holds no ARN")
	case 1:
		l.a.Partition = l.partitions[0]
		if !slices.Contains(partitions, l.a.Partition) {
			l.gap("partition", "AWS has none of this name as far as is known here: "+strconv.Quote(cut(l.a.Partition, 40)))
		}
	default:
		l.gap("partition", "its ARNs are of several: "+cut(strings.Join(l.partitions, ", "), 80))
	}
}

// settleTarget takes the one function that the alert names, if there is one and it fits.
func (l *look) settleTarget() {
	switch len(l.functions) {
	case 0:
		l.noFunction()
		return
	case 1:
	default:
		l.a.Candidates = l.functions[:min(len(l.functions), maxList)]
		l.gap("function", "the alert names "+strconv.Itoa(len(l.functions)))
		return
	}
	t := l.functions[0]
	switch {
	case len(l.partitions) > 1:
		l.a.Candidates = l.functions
		l.gap("function", "its ARNs are of several partitions")
	case t.Account != l.a.Account && !l.elsewhere:
		l.a.Candidates = l.functions
		l.gap("function", "its ARN is of account "+t.Account+", and the alert of "+l.a.Account)
	case t.ARN == "" && (l.a.Partition == "" || t.Region == ""):
		l.a.Candidates = l.functions
		l.gap("function", "its name alone is known, without partition or region")
	default:
		l.a.Basis = ByARN
		if t.ARN == "" {
			l.a.Basis = ByName
			t.Partition = l.a.Partition
			t.ARN = t.arn()
		}
		if t.Region != l.a.Region && l.a.Region != "" {
			l.doubt("the function is in %s, and the alert in %s", t.Region, l.a.Region)
		}
		l.a.Target = &t
	}
}

func (l *look) noFunction() {
	switch {
	case slices.ContainsFunc(l.a.Unresolved, func(g Gap) bool { return g.What == "function" }):
	case l.a.RoleUsed && l.a.Role != "":
		l.gap("function", "the alert is of credentials of role "+cut(l.a.Role, 80)+": which functions have it has to be looked up")
	case l.a.Principal != "" || l.a.PrincipalType != "":
		l.gap("function", "the credentials are of "+cut(strings.TrimSpace(l.a.PrincipalType+" "+l.a.Principal), 80)+", and no function's role")
	default:
		l.gap("function", "the alert names none")
	}
}
