package lineage

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/timeline"
)

var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// call is a record of a call, n seconds after the start.
func call(n int, key, arn, action string, named ...string) *timeline.Event {
	service, name, _ := strings.Cut(action, ":")
	e := &timeline.Event{Kind: timeline.KindCloudTrail, Time: start.Add(time.Duration(n) * time.Second), ID: fmt.Sprintf("e%d", n), AccessKey: key, Service: service, Action: name,
		Account: "111122223333", Region: "eu-west-1", Outcome: timeline.Success, Address: "192.0.2.1", UserAgent: "aws-cli/2", Named: named,
		Principal: timeline.Principal{Type: "IAMUser", ARN: arn, Name: arn[strings.LastIndexByte(arn, '/')+1:]}}
	return e
}

// session makes it one of a role's session.
func session(e *timeline.Event, role, name string, created int) *timeline.Event {
	e.Principal = timeline.Principal{Type: "AssumedRole", Name: role, Session: name, ARN: "arn:aws:sts::111122223333:assumed-role/" + role + "/" + name,
		ID: "AROA" + role + ":" + name, Role: "arn:aws:iam::111122223333:role/" + role, Created: start.Add(time.Duration(created) * time.Second)}
	return e
}

const ann = "arn:aws:iam::111122223333:user/ann"

func graph(events ...*timeline.Event) *Graph {
	b := NewBuilder()
	for _, e := range events {
		b.Event(e)
	}
	return b.Graph(timeline.Summary{})
}

// TestOrigins: each way in which an origin is established, and how sure it is.
func TestOrigins(t *testing.T) {
	issue := call(10, "AKIAANN", ann, "sts:AssumeRole", "request.roleSessionName=s", "response.assumedRoleUser.assumedRoleId=AROAops:s")
	issue.Change.Role = "arn:aws:iam::111122223333:role/ops"
	withKey := *issue
	withKey.Change.NewKey = "ASIA1"
	bare := *issue
	bare.Named = []string{"request.roleSessionName=s"}
	login := call(5, "", ann, "signin:ConsoleLogin")
	console := call(8, "ASIAC1", ann, "iam:ListUsers")
	console.Principal.Console, console.Principal.Created, console.Principal.ID = true, start.Add(5*time.Second), "AIDAANN"
	next := *console
	next.AccessKey, next.ID = "ASIAC2", "e9"
	service := call(10, "", "lambda", "sts:AssumeRole")
	service.Principal = timeline.Principal{Type: "AWSService", Via: "lambda.amazonaws.com"}
	service.Change.NewKey = "ASIA1"
	inLambda := session(call(12, "ASIA1", ann, "s3:ListBuckets"), "ops", "f", 10)
	inLambda.Principal.Function, inLambda.Principal.Scoped = "arn:aws:lambda:eu-west-1:111122223333:function:f", true
	named := *inLambda
	named.Principal.Scoped = false
	signed := session(call(30, "ASIA9", ann, "s3:ListBuckets"), "ops", "s", 29)
	signed.Principal.SignIn = "arn:aws:signin:eu-west-1:111122223333:session/1"
	before := session(call(20, "ASIA8", ann, "s3:ListBuckets"), "ops", "s", 19)
	before.Principal.SignIn = signed.Principal.SignIn
	work := session(call(12, "ASIA1", ann, "s3:ListBuckets"), "ops", "s", 10)
	later := session(call(900, "ASIA1", ann, "s3:ListBuckets"), "ops", "s", 890)
	for _, c := range []struct {
		name   string
		events []*timeline.Event
		key    string
		from   string
		sure   Sure
	}{
		{"the key", []*timeline.Event{&withKey, work}, "ASIA1", "AKIAANN", Certain},
		{"principal id and moment", []*timeline.Event{issue, work}, "ASIA1", "AKIAANN", Strong},
		{"role, session name and moment", []*timeline.Event{&bare, work}, "ASIA1", "AKIAANN", Strong},
		{"session name, another moment", []*timeline.Event{&bare, later}, "ASIA1", "AKIAANN", Likely},
		{"sign-in", []*timeline.Event{login, console, &next}, "ASIAC2", "identity:" + ann, Strong},
		{"Lambda's call and scope", []*timeline.Event{service, inLambda}, "ASIA1", "function:" + inLambda.Principal.Function, Certain},
		{"Lambda's call and a name", []*timeline.Event{service, &named}, "ASIA1", "function:" + inLambda.Principal.Function, Strong},
		{"scope alone", []*timeline.Event{inLambda}, "ASIA1", "function:" + inLambda.Principal.Function, Strong},
		{"a name alone", []*timeline.Event{&named}, "ASIA1", "function:" + inLambda.Principal.Function, Likely},
		{"sign-in session", []*timeline.Event{before, signed}, "ASIA9", "ASIA8", Strong},
		{"nothing", []*timeline.Event{work}, "ASIA1", Unknown, ""},
		{"a long-term key", []*timeline.Event{login, issue}, "AKIAANN", Unknown, ""},
		{"a made key", []*timeline.Event{withNewKey(call(1, "AKIABOB", ann, "iam:CreateAccessKey"), "AKIAANN"), issue}, "AKIAANN", "AKIABOB", Certain},
	} {
		g := graph(c.events...)
		n := g.Node(c.key)
		if n == nil {
			t.Errorf("%s: no node", c.name)
			continue
		}
		e := g.OriginOf(n.ID)
		if e == nil || e.From != c.from || e.Sure != c.sure || e.How == "" {
			t.Errorf("%s: %+v", c.name, e)
		}
	}
	t.Log("13 ways, 0 skipped")
}

func withNewKey(e *timeline.Event, key string) *timeline.Event {
	e.Change.NewKey = key
	return e
}

// TestForgedCircle: records that make each other's credentials end no walk in a loop.
func TestForgedCircle(t *testing.T) {
	g := graph(withNewKey(call(1, "ASIA1", ann, "sts:GetSessionToken"), "ASIA2"), withNewKey(call(2, "ASIA2", ann, "sts:GetSessionToken"), "ASIA1"))
	tree, err := g.Of(Subject{Key: "ASIA1"})
	var b bytes.Buffer
	if err == nil {
		err = tree.Text(&b)
	}
	if err != nil || !strings.Contains(b.String(), "ASIA1") || !strings.Contains(b.String(), "ASIA2") {
		t.Errorf("%v\n%s", err, b.String())
	}
	if hops := lineage(g, g.Node("ASIA1").Uses[0]); len(hops) != 2 {
		t.Errorf("%+v", hops)
	}
}

// TestSubjects: a principal is found by ARN and name, a key by itself, and nothing is told
// of what is not there.
func TestSubjects(t *testing.T) {
	g := graph(withNewKey(call(1, "AKIAANN", ann, "sts:AssumeRole"), "ASIA1"), session(call(2, "ASIA1", ann, "iam:ListUsers"), "ops", "s", 1), call(3, "AKIABOB", "arn:aws:iam::111122223333:user/bob", "iam:ListUsers"))
	for _, c := range []struct {
		s     Subject
		found int
		nodes int
	}{
		{Subject{Key: "ASIA1"}, 1, 3}, {Subject{Key: "AKIAANN"}, 1, 3}, {Subject{Principal: ann}, 1, 3}, {Subject{Principal: "ann"}, 1, 3}, {Subject{Principal: "ops"}, 1, 3},
		{Subject{Principal: "arn:aws:iam::111122223333:role/ops"}, 1, 3}, {Subject{Principal: "bob"}, 1, 2},
	} {
		tree, err := g.Of(c.s)
		if err != nil || len(tree.Found) != c.found || len(tree.Nodes) != c.nodes {
			t.Errorf("%+v: %v, found %v, %d nodes", c.s, err, tree.Found, len(tree.Nodes))
		}
	}
	if _, err := g.Of(Subject{Key: "ASIANOT"}); !errors.Is(err, ErrNotSeen) {
		t.Error(err)
	}
	if _, err := g.Of(Subject{}); !errors.Is(err, ErrNoSubject) {
		t.Error(err)
	}
}

// TestBounds: more sessions than are held are folded by role, and every call is counted.
func TestBounds(t *testing.T) {
	b, n := NewBuilder(), maxNodes+5000
	for i := range n {
		b.Event(session(call(i, fmt.Sprintf("ASIA%012d", i), ann, "s3:ListBuckets"), fmt.Sprintf("role%d", i%3), "s", i))
	}
	g := b.Graph(timeline.Summary{})
	calls := 0
	for _, x := range g.Nodes {
		calls += x.Calls
	}
	if calls != n || len(g.Nodes) > maxNodes+4 || g.Folded != 5000 {
		t.Errorf("%d calls of %d in %d nodes, %d folded", calls, n, len(g.Nodes), g.Folded)
	}
	if len(g.Nodes) < maxNodes {
		t.Errorf("only %d nodes are told apart", len(g.Nodes))
	}
	one := NewBuilder()
	for i := range 3 * maxUses {
		e := call(i, "AKIAANN", ann, "s3:ListBuckets")
		e.Address = fmt.Sprintf("192.0.2.%d", i)
		one.Event(e)
	}
	if x := one.Graph(timeline.Summary{}).Node("AKIAANN"); len(x.Uses) != maxUses || x.MoreUses != 2*maxUses {
		t.Errorf("%d addresses, %d calls beyond", len(x.Uses), x.MoreUses)
	}
}

// TestHostileText: what an attacker wrote reaches a terminal escaped.
func TestHostileText(t *testing.T) {
	e := call(1, "AKIAANN", ann, "iam:CreateUser", "request.userName=\x1b[2Jevil\u202e", "response.user.arn=arn:aws:iam::111122223333:user/\x1b[2Jevil")
	e.UserAgent, e.Address = "\x1b]0;x\x07", "\x1b[31m"
	tree, err := graph(e).Of(Subject{Key: "AKIAANN"})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := tree.Text(&b); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\x07\u202e") {
		t.Errorf("%q", b.String())
	}
}

// TestQuietIsFolded: tens of thousands of a function's own sessions do not push out those
// who come late.
func TestQuietIsFolded(t *testing.T) {
	b, n := NewBuilder(), 3*maxNodes
	for i := range n {
		e := session(call(i, fmt.Sprintf("ASIA%012d", i), ann, "s3:ListBuckets"), "payments-role", "payments", i)
		e.InLambda, e.Principal.Function, e.Principal.Scoped = true, "arn:aws:lambda:eu-west-1:111122223333:function:payments", true
		b.Event(e)
	}
	b.Event(withNewKey(call(n+1, "AKIAANN", ann, "sts:AssumeRole"), "ASIALATE"))
	b.Event(session(call(n+2, "ASIALATE", ann, "iam:ListUsers"), "ops", "s", n+1))
	g := b.Graph(timeline.Summary{})
	calls := 0
	for _, x := range g.Nodes {
		calls += x.Calls
	}
	if e := g.OriginOf("ASIALATE"); e == nil || e.From != "AKIAANN" || calls != n+2 || g.Folded < maxNodes || len(g.Nodes) > maxNodes {
		t.Errorf("%+v; %d calls of %d in %d nodes, %d folded", e, calls, n+2, len(g.Nodes), g.Folded)
	}
}

// TestOneVersionDeleted: deleting a version, or the URL of an alias, leaves the rest.
func TestOneVersionDeleted(t *testing.T) {
	on := func(n int, action, qualifier, version string) *timeline.Event {
		e := call(n, "AKIAANN", ann, "lambda:"+action)
		e.Function, e.Qualifier = "arn:aws:lambda:eu-west-1:111122223333:function:f", qualifier
		if version != "" {
			e.Named = []string{"response.version=" + version}
		}
		return e
	}
	states := func(events ...*timeline.Event) string {
		var all []string
		for _, f := range graph(events...).Made {
			all = append(all, f.Kind+"="+string(f.State))
		}
		return strings.Join(all, " ")
	}
	made := []*timeline.Event{on(1, "CreateFunction", "", ""), on(2, "PublishVersion", "", "1"), on(3, "PublishVersion", "", "2"), on(4, "CreateFunctionUrlConfig", "", ""), on(5, "CreateFunctionUrlConfig", "live", "")}
	for _, c := range []struct {
		end  *timeline.Event
		want string
	}{
		{on(9, "DeleteFunction", "1", ""), "function=standing function-version=undone function-version=standing function-url=standing function-url=standing"},
		{on(9, "DeleteFunctionUrlConfig", "live", ""), "function=standing function-version=standing function-version=standing function-url=standing function-url=undone"},
		{on(9, "DeleteFunction", "", ""), "function=undone function-version=undone function-version=undone function-url=undone function-url=undone"},
	} {
		if got := states(append(made[:len(made):len(made)], c.end)...); got != c.want {
			t.Errorf("%s %q: %s", c.end.Action, c.end.Qualifier, got)
		}
	}
}
