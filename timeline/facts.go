package timeline

import (
	"slices"
	"strings"
)

// facts are what must be known of all events before the first can be judged: which
// keys show inside of Lambda and which outside, and which roles functions run as.
// Bounded: what does not fit is counted.
type facts struct {
	keys      map[string]*keyFacts
	roles     map[string][]string // role ARN without path -> functions
	untracked int64
	controls  controls // calls that change what CloudTrail records
	code      codeCalls
}

type keyFacts struct {
	inside   bool   // seen with the marker of the execution environment
	outside  bool   // seen without it, in a direct call
	function string // that the credentials were issued to
}

const (
	maxKeys  = 1 << 18
	maxRoles = 1 << 14
)

func newFacts() facts { return facts{keys: map[string]*keyFacts{}, roles: map[string][]string{}} }

// learn takes what an event shows. Only temporary keys of role sessions matter.
func (f *facts) learn(e *Event) {
	f.controls.learn(e)
	if e.Change.CodeHash != "" {
		f.code.learn(e)
	}
	if (e.Service == "lambda" || e.Kind == KindState) && e.Change.Role != "" && strings.HasPrefix(e.Function, "arn:") && e.Outcome != Denied {
		f.addRole(e.Change.Role, e.Function)
	}
	// Others' findings name keys too; what a key did is in the records of calls alone.
	if e.Principal.Type != "AssumedRole" || e.Kind != KindCloudTrail || !strings.HasPrefix(e.AccessKey, "ASIA") {
		return
	}
	k := f.keys[e.AccessKey]
	if k == nil {
		if len(f.keys) >= maxKeys {
			f.untracked++
			return
		}
		k = &keyFacts{}
		f.keys[strings.Clone(e.AccessKey)] = k
	}
	k.inside = k.inside || e.InLambda
	k.outside = k.outside || !e.InLambda && direct(e)
	if fn := e.Principal.Function; k.function == "" && fn != "" || fn != "" && fn < k.function {
		k.function = strings.Clone(fn)
	}
}

func (f *facts) addRole(role, function string) {
	role = plainRole(role)
	have, known := f.roles[role]
	if !strings.HasPrefix(role, "arn:") || slices.Contains(have, function) || !known && len(f.roles) >= maxRoles || len(have) >= 256 {
		return
	}
	f.roles[strings.Clone(role)] = append(have, strings.Clone(function))
	slices.Sort(f.roles[role])
}

// plainRole takes the path out of a role's ARN: sessions are issued without it.
func plainRole(arn string) string {
	head, tail, found := strings.Cut(arn, ":role/")
	if !found || strings.IndexByte(tail, '/') < 0 {
		return arn
	}
	return head + ":role/" + tail[strings.LastIndexByte(tail, '/')+1:]
}

// join adds what another reader learned.
func (f *facts) join(o facts) {
	f.untracked += o.untracked
	f.controls.join(o.controls)
	f.code.join(o.code)
	for key, b := range o.keys {
		a := f.keys[key]
		switch {
		case a == nil && len(f.keys) >= maxKeys:
			f.untracked++
			continue
		case a == nil:
			f.keys[key] = b
			continue
		}
		a.inside, a.outside = a.inside || b.inside, a.outside || b.outside
		if a.function == "" || b.function != "" && b.function < a.function {
			a.function = b.function
		}
	}
	for role, functions := range o.roles {
		for _, fn := range functions {
			f.addRole(role, fn)
		}
	}
}

// functionOf is the function whose credentials a session holds where its record does not say so:
// as AWS says in another record of the key, or because the session is named like a function that
// runs as this role.
func (f *facts) functionOf(p *Principal, k keyFacts) string {
	if k.function != "" {
		return k.function
	}
	if len(f.roles) == 0 || p.Role == "" {
		return ""
	}
	for _, fn := range f.roles[plainRole(p.Role)] {
		if functionName(fn) == p.Session {
			return fn
		}
	}
	return ""
}

// rolesOf are the roles that a function is known to run as.
func (f *facts) rolesOf(same func(string) bool) map[string]bool {
	all := map[string]bool{}
	for role, functions := range f.roles {
		if slices.ContainsFunc(functions, same) {
			all[role] = true
		}
	}
	return all
}
