package iampolicy

import (
	"slices"
	"strings"
)

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// wild matches * (any run) and ? (one character).
func wild(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p, i = p+1, i+1
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchAction: actions are compared without case.
func matchAction(patterns []string, action string) bool {
	action = strings.ToLower(action)
	for _, p := range patterns {
		if wild(strings.ToLower(p), action) {
			return true
		}
	}
	return false
}

// matchAny: resources are compared with case, part by part of an ARN, so that a wildcard
// does not reach beyond its colon into the account or region. fill puts in variables; a
// pattern with one that has no value matches nothing.
func matchAny(patterns []string, resource string, fill func(string) (string, bool)) bool {
	for _, p := range patterns {
		if full, ok := fill(p); ok && matchARN(full, resource) {
			return true
		}
	}
	return false
}

// unsettled: a NotResource pattern with a variable that has no value says nothing of
// resources of its own service and account, and takes its statement out for them. AWS does
// not document this; it is how @cloud-copilot/iam-simulate decides.
func unsettled(patterns []string, resource string, fill func(string) (string, bool)) bool {
	for _, p := range patterns {
		if _, ok := fill(p); ok {
			continue
		}
		pp, rr := strings.SplitN(p, ":", 6), strings.SplitN(resource, ":", 6)
		same := len(pp) == 6 && len(rr) == 6
		for i := 0; same && i < 5; i++ {
			same = wild(pp[i], rr[i])
		}
		if same {
			return true
		}
	}
	return false
}

// matchARN matches six parts each for itself where both are ARNs (the last part may hold colons).
func matchARN(pattern, arn string) bool {
	if pattern == "*" {
		return true
	}
	pp, aa := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	if len(pp) == 6 && len(aa) == 6 {
		for i := range pp {
			if !wild(pp[i], aa[i]) {
				return false
			}
		}
		return true
	}
	return wild(pattern, arn)
}

// Escapes of literal *, ? and $ in policy variables are replaced by characters that
// no ARN holds, after wildcards were read, and back again before comparing.
const (
	literalStar     = "\ufff0"
	literalQuestion = "\ufff1"
)

// expand replaces policy variables (${aws:username}, with a default after a comma) by
// single-valued context keys. ok is false when a variable has no value: then the
// statement's element cannot match.
func expand(s string, r Request) (string, bool) {
	if !strings.Contains(s, "${") {
		return s, true
	}
	var b strings.Builder
	for {
		start := strings.Index(s, "${")
		if start < 0 {
			b.WriteString(s)
			return b.String(), true
		}
		end := strings.IndexByte(s[start:], '}')
		if end < 0 {
			b.WriteString(s)
			return b.String(), true
		}
		b.WriteString(s[:start])
		value, ok := variable(s[start+2:start+end], r)
		if !ok {
			return "", false
		}
		b.WriteString(value)
		s = s[start+end+1:]
	}
}

// expandResource fills in variables behind the fifth colon of an ARN; before it they are
// plain text that matches nothing (IAM User Guide, "Policy variables", where you can use them).
func expandResource(pattern string, r Request) (string, bool) {
	parts := strings.SplitN(pattern, ":", 6)
	if len(parts) < 6 {
		return expand(pattern, r)
	}
	var ok bool
	if parts[5], ok = expand(parts[5], r); !ok {
		return "", false
	}
	return strings.Join(parts, ":"), true
}

func variable(name string, r Request) (string, bool) {
	switch name {
	case "*":
		return literalStar, true
	case "?":
		return literalQuestion, true
	case "$":
		return "$", true
	}
	key, def, hasDefault := strings.Cut(name, ",")
	values, ok := r.lookup(strings.TrimSpace(key))
	if ok && len(values) == 1 {
		// What a variable brings in is text, not a pattern.
		return strings.NewReplacer("*", literalStar, "?", literalQuestion).Replace(values[0]), true
	}
	if hasDefault {
		return strings.Trim(strings.TrimSpace(def), "'"), true
	}
	return "", false
}

// literal turns the request's side into the alphabet that expand produces.
func literal(s string) string {
	return strings.NewReplacer("*", literalStar, "?", literalQuestion).Replace(s)
}

// lookup finds a context key without case.
func (r Request) lookup(key string) ([]string, bool) {
	if v, ok := r.Context[key]; ok {
		return v, len(v) > 0
	}
	for k, v := range r.Context {
		if strings.EqualFold(k, key) {
			return v, len(v) > 0
		}
	}
	return nil, false
}
