package iampolicy

import (
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// operator is a condition operator taken apart.
type operator struct {
	set      string // "", "ForAnyValue", "ForAllValues"
	base     string // "StringEquals"
	negated  bool   // StringNotEquals and the like
	ifExists bool
}

// compare says whether one context value agrees with one policy value (negation is
// applied above). Values that the operator cannot read agree with nothing.
type compare func(have, want string) bool

func comparisons() map[string]compare {
	return map[string]compare{
		"StringEquals":           func(h, w string) bool { return h == w },
		"StringEqualsIgnoreCase": strings.EqualFold,
		"StringLike":             func(h, w string) bool { return wild(w, h) },
		"NumericEquals":          numeric(func(c int) bool { return c == 0 }),
		"NumericLessThan":        numeric(func(c int) bool { return c < 0 }),
		"NumericLessThanEquals":  numeric(func(c int) bool { return c <= 0 }),
		"NumericGreaterThan":     numeric(func(c int) bool { return c > 0 }),
		"NumericGreaterThanEquals": numeric(func(c int) bool {
			return c >= 0
		}),
		"DateEquals":            date(func(c int) bool { return c == 0 }),
		"DateLessThan":          date(func(c int) bool { return c < 0 }),
		"DateLessThanEquals":    date(func(c int) bool { return c <= 0 }),
		"DateGreaterThan":       date(func(c int) bool { return c > 0 }),
		"DateGreaterThanEquals": date(func(c int) bool { return c >= 0 }),
		"Bool":                  strings.EqualFold,
		"BinaryEquals":          binary,
		"IpAddress":             address,
		"ArnEquals":             arnLike, // AWS: ArnEquals and ArnLike behave alike
		"ArnLike":               arnLike,
	}
}

// negations: AWS's negated operators and what they negate.
var negations = map[string]string{
	"StringNotEquals": "StringEquals", "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase", "StringNotLike": "StringLike",
	"NumericNotEquals": "NumericEquals", "DateNotEquals": "DateEquals", "NotIpAddress": "IpAddress",
	"ArnNotEquals": "ArnEquals", "ArnNotLike": "ArnLike",
}

func parseOperator(s string) (operator, bool) {
	var o operator
	if set, rest, ok := strings.Cut(s, ":"); ok {
		if set != "ForAnyValue" && set != "ForAllValues" {
			return o, false
		}
		o.set, s = set, rest
	}
	s, o.ifExists = strings.CutSuffix(s, "IfExists")
	if base, ok := negations[s]; ok {
		o.negated, s = true, base
	}
	o.base = s
	if s == "Null" {
		return o, !o.ifExists
	}
	_, ok := comparisons()[s]
	return o, ok
}

func knownOperator(s string) bool {
	_, ok := parseOperator(s)
	return ok
}

// holds says whether all conditions of a statement are met: operators and keys are
// joined by AND, the values of one key by OR (by NOR where negated).
func (s Statement) holds(r Request, variables bool) bool {
	for _, c := range s.Condition {
		if !c.holds(r, variables) {
			return false
		}
	}
	return true
}

func (c Condition) holds(r Request, variables bool) bool {
	op, _ := parseOperator(c.Operator)
	have, present := r.lookup(c.Key)
	if op.base == "Null" {
		return nullHolds(c.Values, present)
	}
	if !present {
		switch {
		case op.ifExists, op.set == "ForAllValues":
			return true // AWS: ForAllValues is true for an empty set
		case op.set == "ForAnyValue":
			return false
		}
		return op.negated // AWS: a negated operator is met where the key is missing
	}
	want := c.expanded(r, variables)
	agree := comparisons()[op.base]
	each := func(h string) bool {
		for _, w := range want {
			if agree(literalFor(op.base, h), w) {
				return !op.negated
			}
		}
		return op.negated
	}
	switch op.set {
	case "ForAllValues":
		for _, h := range have {
			if !each(h) {
				return false
			}
		}
		return true
	case "ForAnyValue":
		for _, h := range have {
			if each(h) {
				return true
			}
		}
		return false
	}
	// Without a set operator a key with several values has none that could be compared.
	return len(have) == 1 && each(have[0])
}

func nullHolds(values []string, present bool) bool {
	for _, v := range values {
		if strings.EqualFold(v, "true") && !present || strings.EqualFold(v, "false") && present {
			return true
		}
	}
	return false
}

// expanded are the policy's values with variables filled in; one whose variable is missing is left out.
func (c Condition) expanded(r Request, variables bool) []string {
	if !variables {
		return c.Values
	}
	out := make([]string, 0, len(c.Values))
	for _, v := range c.Values {
		if e, ok := expand(v, r); ok {
			out = append(out, e)
		}
	}
	return out
}

// literalFor puts the request's value into expand's alphabet for operators that read patterns or text.
func literalFor(base, h string) string {
	if strings.HasPrefix(base, "String") || strings.HasPrefix(base, "Arn") {
		return literal(h)
	}
	return h
}

func numeric(ok func(int) bool) compare {
	return func(h, w string) bool {
		a, err1 := strconv.ParseFloat(h, 64)
		b, err2 := strconv.ParseFloat(w, 64)
		return err1 == nil && err2 == nil && ok(cmpFloat(a, b))
	}
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func date(ok func(int) bool) compare {
	return func(h, w string) bool {
		a, ok1 := moment(h)
		b, ok2 := moment(w)
		return ok1 && ok2 && ok(a.Compare(b))
	}
}

// moment reads ISO 8601 in the forms that IAM takes, or epoch seconds.
func moment(s string) (time.Time, bool) {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(n, 0), true
	}
	return time.Time{}, false
}

func binary(h, w string) bool {
	a, err1 := base64.StdEncoding.DecodeString(h)
	b, err2 := base64.StdEncoding.DecodeString(w)
	return err1 == nil && err2 == nil && string(a) == string(b)
}

func address(h, w string) bool {
	ip, err := netip.ParseAddr(h)
	if err != nil {
		return false
	}
	if p, err := netip.ParsePrefix(w); err == nil {
		return p.Masked().Contains(ip)
	}
	one, err := netip.ParseAddr(w)
	return err == nil && one == ip
}

// arnLike compares each of the six parts of an ARN for itself; what is no ARN agrees with nothing.
func arnLike(h, w string) bool {
	if len(strings.SplitN(h, ":", 6)) != 6 || len(strings.SplitN(w, ":", 6)) != 6 {
		return false
	}
	return matchARN(w, h)
}
