package collect

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// collected is a collection as the tests of faults look at it.
type collected struct {
	sum       Summary
	rows      map[string]row
	calls     []awssim.Call
	struck    []awssim.Call
	downloads int

	traced bool // each struck call to the rows that it gives
}

// row is a line of the coverage; gap is set where one is recorded, beside a truncated item too.
type row struct {
	evidence.Entry
	bytes []byte
}

func rowKey(e evidence.Entry) string {
	return strings.TrimRight(fmt.Sprint(e.Artefact, " ", e.Source.ARN, " ", e.Source.Qualifier, " ", e.Source.Region), " ")
}

func newCollected(m *memory, sum Summary, calls []awssim.Call) *collected {
	c := &collected{sum: sum, rows: map[string]row{}, calls: calls}
	for _, e := range m.entries {
		r := row{e, m.whole[rowKey(e)]}
		if had, ok := c.rows[rowKey(e)]; ok { // a truncated item and its gap
			if r.Item == nil {
				r.Item = had.Item
			} else {
				r.Gap = had.Gap
			}
		}
		c.rows[rowKey(e)] = r
	}
	return c
}

// made is how often a call was made.
func (c *collected) made(call string) (n int) {
	if call == downloadCall {
		return c.downloads
	}
	for _, x := range c.calls {
		if strings.EqualFold(x.API, call) {
			n++
		}
	}
	return n
}

// refused says whether some of these calls were answered with an error.
func (c *collected) refused(call string) bool {
	return slices.ContainsFunc(c.calls, func(x awssim.Call) bool { return strings.EqualFold(x.API, call) && x.ErrorCode != "" })
}

// given are the rows that a call gave: those that say its request's id, or the address.
func (c *collected) given(asked awssim.Call) (keys []string) {
	var ids []string
	for k, r := range c.rows {
		if asked.API == downloadCall && r.Item != nil && strings.HasSuffix(r.Item.Params["Location"], asked.Resource) {
			keys = append(keys, k)
		}
	}
	for _, x := range c.calls {
		if x.API == asked.API && x.Region == asked.Region && x.Asked() == asked.Asked() {
			ids = append(ids, x.RequestID)
		}
	}
	for k, r := range c.rows {
		if id := r.requestID(); id != "" && slices.Contains(ids, id) {
			keys = append(keys, k)
		}
	}
	return keys
}

func (r row) requestID() string {
	if r.Item != nil {
		return r.Item.RequestID
	}
	return r.Gap.RequestID
}

func (r row) String() string {
	if r.Gap == nil {
		return string(r.State)
	}
	return fmt.Sprintf("%s, %s %q, note %q", r.State, r.Gap.Call, r.Gap.Error, r.Gap.Note)
}

// judge says what is wrong with a disturbed collection.
func judge(c faultCell, undisturbed, got *collected) (out []string) {
	problem := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if len(got.struck) == 0 {
		return []string{"the fault struck nothing"}
	}
	if got.sum.Complete != c.fault.heals {
		problem("complete is %t: %v", got.sum.Complete, got.sum.States)
	}
	direct, dependent := []string{}, []string{}
	for k, r := range got.rows {
		switch {
		case r.State.Complete():
		case isDirect(c, r):
			direct = append(direct, k)
		default:
			dependent = append(dependent, k)
		}
	}
	if c.fault.heals && len(direct)+len(dependent) > 0 || !c.fault.heals && len(direct) == 0 {
		problem("%d gaps of the call, %d others", len(direct), len(dependent))
	}
	for _, k := range direct {
		if r := got.rows[k]; r.Gap != nil && strings.Contains(r.Gap.Error, "(after ") && r.State != evidence.Truncated && undisturbed.rows[k].State == evidence.Collected && !lookedThrough[r.Artefact] {
			problem("%s: what was read before is not kept: %s", k, r)
		}
		if wrong := wrongGap(c, got.rows[k]); wrong != "" {
			problem("%s: %s: %s", k, wrong, got.rows[k])
		}
	}
	for _, k := range dependent {
		if !got.explained(k, direct, dependent) {
			problem("%s is a gap too: %s", k, got.rows[k])
		}
	}
	if !c.fault.on && !c.fault.heals && len(direct) != 1 {
		problem("one call was struck, and %d rows are gaps: %v", len(direct), direct)
	}
	misplaced, traced := misplaced(got, undisturbed, direct)
	got.traced = traced
	out = append(out, misplaced...)
	return append(out, changed(got, undisturbed)...)
}

// lookedThrough are listings of which only what concerns the function is kept: the pages that
// were read may have had nothing of it. So it is with parts of APIs that do not call it, and
// with what leads to an API that was not found to.
var lookedThrough = map[string]bool{
	"scheduler.schedules": true, "cloudfront.distributions": true, "accessanalyzer.findings": true, "cloudwatch.alarms": true, "pipes.pipes": true, "sns.subscriptions": true,
}

func isDirect(c faultCell, r row) bool {
	return r.State == evidence.Mismatch && c.fault.name == faultGarbled || r.Gap != nil && strings.EqualFold(r.Gap.Call, c.call) && r.State != evidence.NotAttempted
}

// explained says whether a gap is not attempted for want of one that the fault left.
func (c *collected) explained(k string, direct, dependent []string) bool {
	r := c.rows[k]
	if r.Gap == nil || r.State != evidence.NotAttempted && r.State != evidence.Truncated {
		return false
	}
	for _, other := range append(slices.Clone(direct), dependent...) {
		artefact := strings.TrimSuffix(c.rows[other].Artefact, ".rest")
		if other != k && (strings.Contains(r.Gap.Note, artefact) || strings.Contains(r.Gap.Error, artefact+" is not whole")) {
			return true
		}
	}
	return false
}

// wrongGap says what is wrong with the gap of a disturbed call.
func wrongGap(c faultCell, r row) string {
	if c.fault.name == faultGarbled {
		return ""
	}
	later := strings.Contains(r.Gap.Error, " page") && strings.Contains(r.Gap.Error, "(after ")
	want := evidence.Failed
	switch f := c.fault.fail; {
	case f.Denied:
		want = evidence.Denied
	case f.Throttled:
		want = evidence.Throttled
	}
	switch {
	case c.fault.fail.Throttled && awssim.Bodiless(c.call) && r.State == evidence.Failed:
		return "" // 503 without a body: whether for being too fast, it does not say
	case r.State == evidence.Truncated && !later:
		return "cut short, and does not say after which page"
	case r.State != want && r.State != evidence.Truncated:
		return "not " + string(want)
	case c.fault.name == faultSame && (!later || !strings.Contains(r.Gap.Error, "repeats its page token")):
		return "does not say that the token came again"
	case c.fault.name == faultDenied && !namesPermission(c.call, r):
		return "does not name the permission"
	}
	return ""
}

func namesPermission(call string, r row) bool {
	for _, n := range Needs(All) {
		for _, g := range n.IAM {
			if n.Call == call && strings.Contains(r.Gap.Error+" "+r.Gap.Note, g.Action) {
				return true
			}
		}
	}
	return false
}

// looksForOne says whether a call lists pages only until the one thing with its name is there.
func looksForOne(s awssim.Call) bool {
	return strings.EqualFold(s.API, "CloudWatchLogs:DescribeLogGroups")
}

// foundThere says whether every struck answer had the one thing that was looked for, so that
// the token in it was of no use. Which of the calls for several regions comes last is chance.
func foundThere(got, undisturbed *collected) bool {
	return len(got.struck) > 0 && !slices.ContainsFunc(got.struck, func(s awssim.Call) bool {
		given := undisturbed.given(s)
		return !looksForOne(s) || len(given) == 0 || got.rows[given[0]].State != evidence.Collected
	})
}

// misplaced are gaps at other rows than those that the struck calls give; traced says whether
// all of these are known.
func misplaced(got, undisturbed *collected, direct []string) (out []string, traced bool) {
	var may []string
	seen := map[string]bool{}
	for _, s := range got.struck {
		if seen[s.Region+s.Resource+s.Asked()] {
			continue
		}
		seen[s.Region+s.Resource+s.Asked()] = true
		given := undisturbed.given(s)
		if len(given) == 0 {
			return nil, false // its answer goes into a row that tells another call's id
		}
		for k, r := range undisturbed.rows { // what a sweep looks for in an API's parts
			if family, _, _ := strings.Cut(undisturbed.rows[given[0]].Artefact, "."); strings.HasPrefix(family, "apigateway") && r.Artefact == family+".apis" {
				given = append(given, k)
			}
		}
		for _, k := range given { // what cannot say itself that it was cut has a row beside it
			given = append(given, strings.Replace(k, " ", ".rest ", 1))
		}
		if looksForOne(s) && got.rows[given[0]].State == evidence.Collected {
			may = append(may, given...)
			continue // found on the first page: no other group has its name
		}
		if !slices.ContainsFunc(given, func(k string) bool { return slices.Contains(direct, k) }) && len(direct) > 0 {
			out = append(out, fmt.Sprintf("no gap for what it asked, %s, which gives %v", s.Asked(), given))
		}
		may = append(may, given...)
	}
	for _, k := range direct {
		if !slices.Contains(may, k) {
			out = append(out, fmt.Sprintf("%s is no row of the struck calls: %v", k, may))
		}
	}
	return out, true
}

// partly is what a document has less of where another row says that it is not known whole.
var partly = map[string]string{
	"events.rules": "events.rules", "secrets.references": "secrets.references", "lambda.mappings": "lambda.mappings.sweep",
	"scheduler.schedules": "scheduler.schedule",
}

// changed are the rows, other than gaps, that are not what they were.
func changed(got, undisturbed *collected) (out []string) {
	gaps := map[string]bool{} // artefacts, and what they begin with
	for _, r := range got.rows {
		if !r.State.Complete() {
			family, _, _ := strings.Cut(r.Artefact, ".")
			gaps[strings.TrimSuffix(r.Artefact, ".rest")], gaps[family] = true, true
		}
	}
	for k, was := range undisturbed.rows {
		is, there := got.rows[k]
		family, _, _ := strings.Cut(was.Artefact, ".")
		switch {
		case !there && !gaps[family] && !slices.ContainsFunc(within[family], func(a string) bool { return gaps[a] }):
			out = append(out, "lost: "+k)
		case !there || !is.State.Complete():
		case is.State != was.State:
			out = append(out, fmt.Sprintf("%s was %s, is %s", k, was, is))
		case bytes.Equal(is.bytes, was.bytes), is.Artefact == "iam.last-accessed": // that says when it was asked for
		case bytes.Equal(is.bytes, append(slices.Clone(was.bytes), was.bytes...)):
			out = append(out, "stored twice: "+k)
		case !gaps[partly[is.Artefact]] && got.rows[strings.Replace(k, " ", ".rest ", 1)].Gap == nil:
			out = append(out, "other bytes: "+k)
		}
	}
	for k, is := range got.rows {
		whole := is.Artefact == "logs.events" && gaps["logs.streams"] // of a group whose streams are not known
		if _, there := undisturbed.rows[k]; !there && is.State.Complete() && !whole {
			out = append(out, fmt.Sprintf("new: %s %s", k, is))
		}
	}
	return out
}

// within says which list names the resources of another service.
var within = map[string][]string{
	"secretsmanager": {"secrets.references"}, "ssm": {"secrets.references"},
}
