// Package glance says, from a sealed bag alone, what a responder wants to know first: what
// was had and what not, and what about the functions is not as it should be. Signs, no
// verdicts; each names the artefact that it comes from.
package glance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// Kinds of signs.
const (
	CodeMismatch = "code-mismatch"  // bytes that are not those of the hash that AWS declares
	LoaderKey    = "loader-key"     // an environment key that puts other code in front of the function's
	ForeignLayer = "foreign-layer"  // a layer of another account
	PublicGrant  = "public-grant"   // a policy or URL that admits everyone
	ForeignGrant = "foreign-grant"  // a policy that admits another account, or a service on anybody's behalf
	ForeignDest  = "foreign-target" // events go to another account
	OpenTrigger  = "open-trigger"   // a grant to a service that no trigger explains
	HiddenText   = "hidden-text"    // names or texts with control, direction or invisible characters
	Unread       = "unread"         // a document that is too large, or too odd, to be looked at here
)

// Sign is one thing that is not as it should be.
type Sign struct {
	Kind      string `json:"kind"`
	Function  string `json:"function"`
	Qualifier string `json:"qualifier,omitempty"`
	What      string `json:"what"`
	Artefact  string `json:"artefact"` // where it was seen
}

// Missing is a kind of gap: the permission that would close it, and how many there are.
type Missing struct {
	State    evidence.State `json:"state"`
	Call     string         `json:"call,omitempty"`
	Error    string         `json:"error,omitempty"`
	Count    int            `json:"count"`
	Artefact []string       `json:"artefacts"`
}

// Glance is what a bag comes to.
type Glance struct {
	Artefacts int       `json:"artefacts"`
	Versions  int       `json:"versions"` // of all functions, $LATEST included
	Bytes     int64     `json:"bytes"`
	Missing   []Missing `json:"missing"`
	Signs     []Sign    `json:"signs"`
}

// Loaders are keys that put other code in front of the function's own (ATT&CK T1574), or its
// traffic somewhere else. Source: the Lambda developer guide's environment variables and
// runtime modifications, and the runtimes' own documentation.
func Loaders() map[string]string {
	return map[string]string{
		"AWS_LAMBDA_EXEC_WRAPPER": "runs a script before the runtime", "AWS_LAMBDA_RUNTIME_API": "sends events to another runtime interface",
		"LD_PRELOAD": "loads a library first", "LD_LIBRARY_PATH": "finds libraries elsewhere first", "LD_AUDIT": "loads a library first",
		"NODE_OPTIONS": "can load a module first", "NODE_PATH": "finds modules elsewhere",
		"PYTHONPATH": "finds modules elsewhere first", "PYTHONSTARTUP": "runs a file first", "PYTHONHOME": "uses another standard library",
		"RUBYOPT": "can load a file first", "RUBYLIB": "finds libraries elsewhere first", "PERL5OPT": "can load a module first", "PERL5LIB": "finds modules elsewhere first",
		"JAVA_TOOL_OPTIONS": "can load an agent first", "_JAVA_OPTIONS": "can load an agent first", "JDK_JAVA_OPTIONS": "can load an agent first", "CLASSPATH": "finds classes elsewhere",
		"DOTNET_STARTUP_HOOKS": "runs an assembly first", "BASH_ENV": "runs a script first", "ENV": "runs a script first", "PATH": "finds programs elsewhere first",
		"HTTP_PROXY": "sends traffic through a proxy", "HTTPS_PROXY": "sends traffic through a proxy", "ALL_PROXY": "sends traffic through a proxy",
		"AWS_ENDPOINT_URL": "sends AWS calls elsewhere", "SSL_CERT_FILE": "trusts other certificates", "NODE_EXTRA_CA_CERTS": "trusts other certificates", "NODE_TLS_REJECT_UNAUTHORIZED": "may trust every certificate",
	}
}

// maxDocument bounds one JSON document, in bytes.
const maxDocument = 8 << 20

// Look reads a sealed bag.
func Look(ctx context.Context, b *evidence.Bag) (*Glance, error) {
	entries, err := b.Coverage(ctx)
	if err != nil {
		return nil, err
	}
	g := &Glance{Missing: []Missing{}, Signs: []Sign{}}
	l := &looker{g: g, bag: b}
	for _, e := range entries {
		if e.Item != nil {
			g.Artefacts++
			g.Bytes += e.Item.Size
		}
		if !e.State.Complete() {
			l.missing(e)
		}
		l.name(e)
		if err := l.entry(ctx, e); err != nil {
			return nil, err
		}
	}
	l.hiddenNames()
	slices.SortStableFunc(g.Signs, func(a, b Sign) int {
		return strings.Compare(a.Kind+a.Function+a.What+a.Qualifier, b.Kind+b.Function+b.What+b.Qualifier)
	})
	g.Signs = slices.CompactFunc(g.Signs, func(a, b Sign) bool { // a policy stands under two names
		return a.Kind == b.Kind && a.Function == b.Function && a.What == b.What && a.Qualifier == b.Qualifier
	})
	return g, nil
}

type looker struct {
	g     *Glance
	bag   *evidence.Bag
	names int             // of artefacts, that hide something
	first *evidence.Entry // of them
}

func (l *looker) missing(e evidence.Entry) {
	m := Missing{State: e.State, Count: 1, Artefact: []string{e.Artefact}}
	if e.Gap != nil {
		m.Call = e.Gap.Call
		m.Error, _, _ = strings.Cut(e.Gap.Error, ":")
	}
	for i := range l.g.Missing {
		if x := &l.g.Missing[i]; x.State == m.State && x.Call == m.Call && x.Error == m.Error {
			x.Count++
			if !slices.Contains(x.Artefact, e.Artefact) {
				x.Artefact = append(x.Artefact, e.Artefact)
			}
			return
		}
	}
	l.g.Missing = append(l.g.Missing, m)
}

func (l *looker) sign(kind string, e evidence.Entry, format string, args ...any) {
	s := Sign{Kind: kind, Function: e.Source.ARN, Qualifier: e.Source.Qualifier, What: fmt.Sprintf(format, args...), Artefact: e.Artefact}
	if e.Item != nil {
		s.Artefact = l.bag.Ref(*e.Item).Path
	}
	l.g.Signs = append(l.g.Signs, s)
}

// entry looks at one artefact.
func (l *looker) entry(ctx context.Context, e evidence.Entry) error {
	if e.State == evidence.Mismatch {
		l.sign(CodeMismatch, e, "the bytes are not those of the hash that AWS declares")
	}
	if e.Item == nil || e.Item.Sensitive {
		if e.Artefact == "trigger.unresolved" && e.Gap != nil && e.State != evidence.Absent { // absent: every grant is explained
			l.sign(OpenTrigger, e, "%s", e.Gap.Note)
		}
		return nil
	}
	switch e.Artefact {
	case "lambda.configuration":
		l.g.Versions++
		return l.configuration(ctx, e)
	case "lambda.policy", "lambda.policy.resource", "lambda.layers.policy":
		return l.policy(ctx, e)
	case "lambda.urls":
		return l.urls(ctx, e)
	case "lambda.invoke-config":
		return l.destinations(ctx, e)
	case "lambda.aliases", "lambda.tags", "lambda.mappings":
		return l.read(ctx, e, &struct{}{}) // for its texts alone
	}
	return nil
}

func (l *looker) read(ctx context.Context, e evidence.Entry, v any) error {
	if e.State == evidence.Truncated {
		return nil // half a document is none
	}
	r, err := l.bag.Open(ctx, *e.Item)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("read %s: %w", e.Item.Path, err)
	}
	if e.Item.Sealed && len(data) > 0 && data[0] != '{' {
		return nil // sealed, and nobody here can open it
	}
	// One document that cannot be read must not hide what the others show.
	if len(data) > maxDocument {
		l.sign(Unread, e, "larger than %d MiB: nobody here has looked at it", maxDocument>>20)
		return nil
	}
	if err := json.Unmarshal(data, v); err != nil {
		l.sign(Unread, e, "cannot be read as what it is: nobody here has looked at it")
		return nil
	}
	l.texts(e, data)
	return nil
}

func (l *looker) configuration(ctx context.Context, e evidence.Entry) error {
	var doc struct {
		Configuration struct {
			Environment      struct{ Variables map[string]string }
			Layers           []struct{ Arn string }
			DeadLetterConfig struct{ TargetArn string }
		}
	}
	if err := l.read(ctx, e, &doc); err != nil {
		return err
	}
	known := Loaders()
	for _, key := range slices.Sorted(maps.Keys(doc.Configuration.Environment.Variables)) {
		if why := known[strings.ToUpper(key)]; why != "" {
			l.sign(LoaderKey, e, "environment key %s %s", key, why)
		}
	}
	for _, layer := range doc.Configuration.Layers {
		if a := account(layer.Arn); a != "" && a != account(e.Source.ARN) {
			l.sign(ForeignLayer, e, "layer %s is of account %s", layer.Arn, a)
		}
	}
	if dlq := doc.Configuration.DeadLetterConfig.TargetArn; dlq != "" && account(dlq) != account(e.Source.ARN) {
		l.sign(ForeignDest, e, "failed events go to %s", dlq)
	}
	return nil
}

func account(arn string) string {
	if p := strings.SplitN(arn, ":", 6); len(p) == 6 {
		return p[4]
	}
	return ""
}

func (l *looker) policy(ctx context.Context, e evidence.Entry) error {
	var doc struct{ Policy string }
	if err := l.read(ctx, e, &doc); err != nil || doc.Policy == "" {
		return err
	}
	p, err := iampolicy.Parse(doc.Policy)
	if err != nil {
		l.sign(PublicGrant, e, "a policy that cannot be read: nobody here can say whom it admits")
		return nil
	}
	for _, s := range p.Statements {
		x := s.Expose(account(e.Source.ARN))
		what := fmt.Sprintf("statement %q allows %s", s.Sid, strings.Join(s.Action, ", "))
		switch x.Reach {
		case iampolicy.Public:
			l.sign(PublicGrant, e, "%s to everyone", what)
		case iampolicy.CrossAccount:
			l.sign(ForeignGrant, e, "%s to %s", what, strings.Join(x.Accounts, ", "))
		case iampolicy.ServiceWithoutSource:
			l.sign(ForeignGrant, e, "%s to %s on anybody's behalf", what, strings.Join(s.Principal.Service, ", "))
		}
	}
	return nil
}

func (l *looker) urls(ctx context.Context, e evidence.Entry) error {
	var doc struct {
		FunctionUrlConfigs []struct{ FunctionUrl, FunctionArn, AuthType string }
	}
	if err := l.read(ctx, e, &doc); err != nil {
		return err
	}
	for _, u := range doc.FunctionUrlConfigs {
		if u.AuthType == "NONE" {
			l.sign(PublicGrant, e, "function URL %s of %s asks nobody who they are", u.FunctionUrl, u.FunctionArn)
		}
	}
	return nil
}

func (l *looker) destinations(ctx context.Context, e evidence.Entry) error {
	type dest struct{ Destination string }
	var doc struct {
		FunctionEventInvokeConfigs []struct {
			FunctionArn       string
			DestinationConfig struct{ OnSuccess, OnFailure dest }
		}
	}
	if err := l.read(ctx, e, &doc); err != nil {
		return err
	}
	for _, c := range doc.FunctionEventInvokeConfigs {
		for when, d := range map[string]dest{"success": c.DestinationConfig.OnSuccess, "failure": c.DestinationConfig.OnFailure} {
			if d.Destination != "" && account(d.Destination) != "" && account(d.Destination) != account(e.Source.ARN) {
				l.sign(ForeignDest, e, "on %s, events of %s go to %s", when, c.FunctionArn, d.Destination)
			}
		}
	}
	return nil
}
