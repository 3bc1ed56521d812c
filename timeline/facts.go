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
	numbered  []*keyFacts         // those of keys, by their numbers
	reader    int64               // whose facts these are
	readers   [][]keySigns        // of joined facts: what the keys that each reader numbered show
	roles     map[string][]string // role ARN without path -> functions
	untracked int64
	controls  controls // calls that change what CloudTrail records
	code      codeCalls
}

type keyFacts struct {
	inside   bool   // seen with the marker of the execution environment
	outside  bool   // seen without it, in a direct call
	function string // that the credentials were issued to
	number   int64  // among the reader's, from 1
}

// keyNumber is which of the keys that a reader knew an event has; its number is 0 where it has none.
type keyNumber struct{ reader, number int64 }

// keySigns are keyFacts in a byte: they are looked at for every event, and those of all keys stay
// close to the processor.
type keySigns byte

const (
	signInside keySigns = 1 << iota
	signOutside
	signMore // it has a function
)

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
	if who := e.who; who != nil && who.key != 0 {
		f.used(who, e)
		return
	}
	k := f.keys[e.AccessKey]
	if k == nil {
		if len(f.keys) >= maxKeys {
			f.untracked++
			return
		}
		k = &keyFacts{number: int64(len(f.numbered)) + 1}
		f.keys[strings.Clone(e.AccessKey)], f.numbered = k, append(f.numbered, k)
	}
	if e.key = (keyNumber{f.reader, k.number}); e.who != nil {
		e.who.key = k.number
	}
	k.inside = k.inside || e.InLambda
	k.outside = k.outside || !e.InLambda && direct(e)
	if fn := e.Principal.Function; k.function == "" && fn != "" || fn != "" && fn < k.function {
		k.function = strings.Clone(fn)
	}
}

// used is for a key whose identity has been learned: all but how it is used is known.
func (f *facts) used(who *acquaintance, e *Event) {
	e.key = keyNumber{f.reader, who.key}
	switch {
	case e.InLambda && !who.inside:
		who.inside, f.numbered[who.key-1].inside = true, true
	case !e.InLambda && !who.outside && direct(e):
		who.outside, f.numbered[who.key-1].outside = true, true
	}
}

// known is what is known of an event's key.
func (f *facts) known(e *Event) keyFacts {
	if n := e.key; n.number > 0 && uint64(n.reader) < uint64(len(f.readers)) && n.number <= int64(len(f.readers[n.reader])) {
		if s := f.readers[n.reader][n.number-1]; s&signMore == 0 {
			return keyFacts{inside: s&signInside != 0, outside: s&signOutside != 0}
		}
	}
	if k := f.keys[e.AccessKey]; k != nil {
		return *k
	}
	return keyFacts{}
}

// joined is called when all have been: only then it is known what a key shows.
func (f *facts) joined(readers []*Sink) {
	for _, s := range readers {
		signs := make([]keySigns, len(s.facts.numbered))
		for id, k := range s.facts.keys {
			all := f.keys[id]
			if all == nil {
				continue // too many
			}
			if all.inside {
				signs[k.number-1] |= signInside
			}
			if all.outside {
				signs[k.number-1] |= signOutside
			}
			if all.function != "" {
				signs[k.number-1] |= signMore
			}
		}
		f.readers = append(f.readers, signs)
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
