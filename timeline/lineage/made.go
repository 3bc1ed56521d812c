package lineage

import (
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// maker pairs what was made with what was taken back.
type maker struct {
	makes map[string]rule
	undos map[string][]undo
	found []finding.Finding
	at    map[string][]int // id -> indexes of what stands
	under map[string][]int // first two parts of an id -> indexes that stand under it
	left  int
}

func newMaker() maker {
	m := maker{makes: map[string]rule{}, undos: map[string][]undo{}, at: map[string][]int{}, under: map[string][]int{}}
	for _, r := range rules() {
		m.makes[r.make] = r
		for _, u := range r.undo {
			if u.id == nil {
				u.id = r.id
			}
			m.undos[u.call] = append(m.undos[u.call], u)
		}
	}
	return m
}

// ids are what the paths name in an event; several where one call names several things
// (instances). nil where the record does not say.
func ids(e *timeline.Event, paths []string, scope string) []string {
	all := []string{scope}
	for _, p := range paths {
		if p == "@qualifier" && (e.Qualifier == "" || e.Qualifier == "$LATEST") {
			continue
		}
		values := part(e, p)
		if len(values) == 0 {
			return nil
		}
		var next []string
		for _, id := range all {
			for _, v := range values {
				next = append(next, id+"\x00"+v)
			}
		}
		all = next[:min(len(next), maxUses)]
	}
	return all
}

// part are the values of one part of an id.
func part(e *timeline.Event, path string) []string {
	if word, fixed := strings.CutPrefix(path, "="); fixed {
		return []string{word}
	}
	if path == "@qualifier" {
		return []string{e.Qualifier}
	}
	if path == "@function" {
		if e.Function == "" {
			return nil
		}
		return []string{e.Function}
	}
	for p := range strings.SplitSeq(path, "|") {
		if word, fixed := strings.CutPrefix(p, "="); fixed {
			return []string{word}
		}
		if all := e.Names(p); len(all) > 0 {
			return all
		}
	}
	return nil
}

// scopeOf keeps what is named alike in two accounts or regions apart.
func scopeOf(e *timeline.Event, global bool) string {
	if global || e.Service == "iam" {
		return e.Account
	}
	return e.Account + "/" + e.Region
}

// event books a successful call.
func (m *maker) event(n *Node, e *timeline.Event) {
	call := e.Service + ":" + e.Action
	if strings.HasPrefix(e.Change.Setting, "DryRun=true") || e.Tagged(timeline.TagNetwork) {
		return
	}
	if call == "iam:UpdateAccessKey" {
		m.keyStatus(e)
	}
	if call == "lambda:DeleteFunction" && e.Qualifier != "" && e.Qualifier != "$LATEST" { // of one version, not of the function
		for _, id := range ids(e, []string{"=function", "@function", "=version", "@qualifier"}, scopeOf(e, false)) {
			m.takeBack(id, e)
		}
		return
	}
	for _, u := range m.undos[call] {
		for _, id := range ids(e, u.id, scopeOf(e, isGlobal(call))) {
			m.takeBack(id, e)
		}
	}
	r, makes := m.makes[call]
	if !makes {
		return
	}
	all := ids(e, r.id, scopeOf(e, r.global))
	if all == nil {
		all = []string{scopeOf(e, r.global) + "\x00" + e.ID} // what it is called, the record does not say
	}
	for _, id := range all {
		m.add(id, r, n, e)
	}
	if call == "lambda:UpdateFunctionCode" && e.Change.Version != "" && e.Change.Version != "$LATEST" {
		v := m.makes["lambda:PublishVersion"]
		for _, id := range ids(e, v.id, scopeOf(e, false)) {
			m.add(id, v, n, e)
		}
	}
}

func isGlobal(call string) bool {
	return strings.HasPrefix(call, "iam:") || strings.HasPrefix(call, "s3:")
}

func (m *maker) add(id string, r rule, n *Node, e *timeline.Event) {
	for _, i := range m.at[id] {
		if was := &m.found[i]; was.Change == r.change && was.State == finding.Standing {
			end(was, finding.Replaced, e)
		}
	}
	if len(m.found) >= maxMadeAll {
		m.left++
		return
	}
	f := finding.Finding{
		Kind: r.kind, Change: r.change, Name: nameOf(id), ARN: arnOf(id, r, e), Account: e.Account, Region: e.Region,
		By: n.ID, Who: e.Principal.String(), From: e.Address, At: e.Time, Event: e.ID, Bag: e.Raw.Bag, Path: e.Raw.Path, State: finding.Standing, Action: e.Service + ":" + e.Action,
		Detail: detailOf(r, e), Admits: outsiders(e),
	}
	m.at[id] = append(m.at[id], len(m.found))
	m.under[head(id)] = append(m.under[head(id)], len(m.found))
	m.found = append(m.found, f)
}

// head is what an id stands under: its scope and first name.
func head(id string) string {
	p := strings.SplitN(id, "\x00", 4)
	return strings.Join(p[:min(3, len(p))], "\x00")
}

func nameOf(id string) string {
	p := strings.Split(id, "\x00")[1:]
	return strings.Join(p, "/")
}

// takeBack ends what is named, and what stands under it where that is the whole thing.
func (m *maker) takeBack(id string, e *timeline.Event) {
	for _, i := range m.at[id] {
		end(&m.found[i], finding.Undone, e)
	}
	delete(m.at, id)
	if head(id) != id {
		return
	}
	for _, i := range m.under[id] {
		if m.found[i].State != finding.Undone {
			end(&m.found[i], finding.Undone, e)
		}
	}
	delete(m.under, id)
}

func end(f *finding.Finding, s finding.State, e *timeline.Event) {
	f.State, f.UndoneE, f.UndoneW, f.UndoneB = s, e.ID, e.Principal.String(), e.Raw.Bag
}

// keyStatus: an access key that was made inactive is still there.
func (m *maker) keyStatus(e *timeline.Event) {
	for _, id := range ids(e, []string{"=key", "request.accessKeyId"}, e.Account) {
		for _, i := range m.at[id] {
			switch e.Name("request.status") {
			case "Inactive":
				end(&m.found[i], finding.Disabled, e)
			case "Active":
				m.found[i].State, m.found[i].UndoneE, m.found[i].UndoneW, m.found[i].UndoneB = finding.Standing, "", "", ""
			}
		}
	}
}

// arnOf is the ARN of what was made, or of what it belongs to.
func arnOf(id string, r rule, e *timeline.Event) string {
	for _, p := range []string{"response.user.arn", "response.role.arn", "response.policy.arn", "response.ruleArn", "response.scheduleArn", "response.layerVersionArn", "response.trailARN", "response.profile.profileArn", "response.trustAnchor.trustAnchorArn"} {
		if v := e.Name(p); v != "" {
			return v
		}
	}
	p := strings.Split(id, "\x00")
	if len(p) < 3 {
		return ""
	}
	switch p[1] {
	case "user", "role", "group":
		return "arn:aws:iam::" + e.Account + ":" + p[1] + "/" + p[2]
	case "key":
		return userARN(e, e.Name("request.userName", "response.accessKey.userName"))
	case "function", "policy", "provider":
		return p[2]
	case "mapping":
		return "arn:aws:lambda:" + e.Region + ":" + e.Account + ":event-source-mapping:" + p[2]
	case "rule":
		return "arn:aws:events:" + e.Region + ":" + e.Account + ":rule/" + p[2]
	case "bucket":
		return "arn:aws:s3:::" + p[2]
	case "logs":
		return "arn:aws:logs:" + e.Region + ":" + e.Account + ":log-group:" + p[2]
	case "instance":
		return "arn:aws:ec2:" + e.Region + ":" + e.Account + ":instance/" + p[2]
	}
	if strings.HasPrefix(p[2], "arn:") {
		return p[2]
	}
	return ""
}

// detailOf is what it admits, hangs on, or became.
func detailOf(r rule, e *timeline.Event) string {
	c := &e.Change
	var parts []string
	add := func(label, v string) {
		if v != "" && !slices.Contains(parts, label+v) {
			parts = append(parts, label+v)
		}
	}
	switch r.kind {
	case "function-permission":
		add(c.Allows+" to ", c.Grantee)
	case "function-url":
		add("auth ", c.AuthType)
		add("", c.URL)
	case "function-code", "function-version":
		add("code ", c.CodeHash)
		add("version ", c.Version)
	case "function-configuration":
		add("layers ", c.Layers)
		add("role ", c.Role)
	}
	if r.detail != "" {
		add("to ", strings.Join(e.Names(r.detail), ", "))
	}
	return strings.Join(parts, ", ")
}

// list gives all findings, in order of time.
func (m *maker) list() ([]finding.Finding, int) { return m.found, m.left }
