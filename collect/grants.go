package collect

import (
	"slices"
	"strings"
	"sync"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// grant is a statement of a resource policy, of any qualifier, that lets somebody call
// the function: where collectors of triggers begin to look.
type grant struct {
	qualifier string
	services  []string // "s3.amazonaws.com"
	others    []string // principals that are no service, as written; "*" is anyone
	sources   []string // aws:SourceArn: where service calls may come from; patterns too
	accounts  []string // aws:SourceAccount
}

// grantList is the grants of all qualifiers. known is false when a policy could not be read.
type grantList struct {
	all   []grant
	known bool
}

// of are the sources from which a service may call, each once, and whether one grant to it
// names none: then anything of that service may be a trigger.
func (l grantList) of(service string) (sources []string, open bool) {
	for _, g := range l.all {
		if !slices.Contains(g.services, service) {
			continue
		}
		open = open || len(g.sources) == 0
		for _, s := range g.sources {
			if !slices.Contains(sources, s) {
				sources = append(sources, s)
			}
		}
	}
	return sources, open
}

// grantBook gathers what the policies say while they come in.
type grantBook struct {
	mu   sync.Mutex
	list grantList
}

func (b *grantBook) read(qualifier, policy string) {
	if policy == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	doc, err := iampolicy.Parse(policy)
	if err != nil {
		b.list.known = false // the document is in the case; nobody here can say whom it lets in
		return
	}
	for _, s := range doc.Statements {
		if g := grantOf(qualifier, s); g != nil && !slices.ContainsFunc(b.list.all, g.same) {
			b.list.all = append(b.list.all, *g)
		}
	}
}

// refused: that there is no policy is an answer.
func (b *grantBook) refused(err error) {
	if state, _ := classify(err); state != evidence.Absent {
		b.unknown()
	}
}

func (b *grantBook) unknown() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list.known = false
}

func (g *grant) same(o grant) bool {
	return g.qualifier == o.qualifier && slices.Equal(g.services, o.services) && slices.Equal(g.others, o.others) &&
		slices.Equal(g.sources, o.sources) && slices.Equal(g.accounts, o.accounts)
}

// grantOf is nil for a statement that lets nobody in.
func grantOf(qualifier string, s iampolicy.Statement) *grant {
	if s.Effect != "Allow" {
		return nil
	}
	g := &grant{qualifier: qualifier}
	switch {
	case s.NotPrin != nil || s.Principal == nil:
		g.others = []string{"*"}
	case s.Principal.Any:
		g.others = []string{"*"}
	default:
		g.services = s.Principal.Service
		g.others = slices.Concat(s.Principal.AWS, s.Principal.Federated, s.Principal.Canonical)
	}
	for _, c := range s.Condition {
		switch strings.ToLower(c.Key) {
		case "aws:sourcearn":
			g.sources = append(g.sources, c.Values...)
		case "aws:sourceaccount":
			g.accounts = append(g.accounts, c.Values...)
		}
	}
	return g
}
