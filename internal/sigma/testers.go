package sigma

import (
	"bytes"
	"fmt"
	"net/netip"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// tester is a test of a field's values.
type tester interface {
	match(m *Matcher, f *found) bool
	key() string // tests of the same key are the same
}

// textTest is a pattern.
type textTest struct {
	glob  glob
	cased bool
	id    string
}

func newTextTest(p pattern, cased bool) *textTest {
	t := &textTest{cased: cased}
	var parts []part
	var id strings.Builder
	for _, x := range p.parts {
		if x.wild == 0 && !cased {
			x.lit = fold(nil, x.lit)
		}
		if x.wild == 0 {
			fmt.Fprintf(&id, "%q", x.lit)
		} else {
			id.WriteByte(x.wild)
		}
		// Two literals side by side are one, and '**' is '*'.
		if n := len(parts); n > 0 && x.wild != '?' && parts[n-1].wild == x.wild {
			parts[n-1].lit = append(parts[n-1].lit[:len(parts[n-1].lit):len(parts[n-1].lit)], x.lit...)
			continue
		}
		parts = append(parts, x)
	}
	t.glob, t.id = newGlob(parts), fmt.Sprintf("text %v %s", cased, id.String())
	return t
}

func (t *textTest) key() string { return t.id }

func (t *textTest) match(m *Matcher, f *found) bool {
	for i := range f.values {
		v := &f.values[i]
		if v.kind == 'z' || t.longer(m, v) {
			continue
		}
		a, b := m.texts(v, !t.cased)
		if t.glob.match(a) || b != nil && t.glob.match(b) {
			return true
		}
	}
	return false
}

// longer says whether a value cannot be the pattern because it is longer, or because the pattern
// is: folding makes no text longer, and plain ASCII no shorter.
func (t *textTest) longer(m *Matcher, v *value) bool {
	if v.folds || v.kind == 'o' || t.glob.form > globInside {
		return false
	}
	a, _ := m.texts(v, false)
	return len(a) < len(t.glob.lit) || t.glob.form == globExact && len(a) > len(t.glob.lit) && ascii(a)
}

// nullTest: the field is absent, null, or an empty array.
type nullTest struct{}

func (nullTest) key() string { return "null" }

func (nullTest) match(_ *Matcher, f *found) bool {
	for i := range f.values {
		if f.values[i].kind == 'z' {
			return true
		}
	}
	return len(f.values) == 0
}

// existsTest asks for the field, not for its value.
type existsTest bool

func (t existsTest) key() string { return fmt.Sprint("exists ", bool(t)) }

func (t existsTest) match(_ *Matcher, f *found) bool { return f.present == bool(t) }

// regexTest is a regular expression, found anywhere.
type regexTest struct {
	re   *regexp.Regexp
	must []byte // a text that stands in whatever matches
}

func newRegexTest(s string, i, m, dot bool) (*regexTest, error) {
	flags := ""
	for _, f := range []struct {
		set  bool
		char string
	}{{i, "i"}, {m, "m"}, {dot, "s"}} {
		if f.set {
			flags += f.char
		}
	}
	src := s
	if flags != "" {
		src = "(?" + flags + ")" + s
	}
	re, err := regexp.Compile(src)
	if err != nil {
		return nil, fmt.Errorf("regular expression: %w (of Perl's syntax, look-around and back references are not known here, nor are they part of Sigma's)", err)
	}
	t := &regexTest{re: re}
	if parsed, err := syntax.Parse(src, syntax.Perl); err == nil {
		t.must = []byte(mustHold(parsed))
	}
	return t, nil
}

// mustHold gives the longest text that stands in whatever an expression matches. Looking
// for it is much quicker than trying the expression.
func mustHold(re *syntax.Regexp) string {
	longest := ""
	switch {
	case re.Op == syntax.OpLiteral && re.Flags&syntax.FoldCase == 0 && !slices.Contains(re.Rune, utf8.RuneError): // which stands for what is no UTF-8, too
		return string(re.Rune)
	case re.Op == syntax.OpConcat || re.Op == syntax.OpCapture:
		for _, s := range re.Sub {
			if m := mustHold(s); len(m) > len(longest) {
				longest = m
			}
		}
	}
	return longest
}

func (t *regexTest) holds(b []byte) bool { return bytes.Contains(b, t.must) && t.re.Match(b) }

func (t *regexTest) key() string { return "re " + t.re.String() }

func (t *regexTest) match(m *Matcher, f *found) bool {
	for i := range f.values {
		if f.values[i].kind == 'z' {
			continue
		}
		a, b := m.texts(&f.values[i], false)
		if t.holds(a) || b != nil && t.holds(b) {
			return true
		}
	}
	return false
}

// cidrTest is a network.
type cidrTest struct{ net netip.Prefix }

func newCIDRTest(v scalar) (cidrTest, error) {
	p, err := netip.ParsePrefix(v.text)
	if a, err2 := netip.ParseAddr(v.text); err != nil && err2 == nil {
		p, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	switch {
	case err != nil || v.kind != isText:
		return cidrTest{}, fmt.Errorf("%q is no network (10.0.0.0/8, 2001:db8::/32)", v.text)
	case p.Masked() != p:
		return cidrTest{}, fmt.Errorf("%s has bits behind its prefix: %s is meant?", p, p.Masked())
	}
	return cidrTest{p}, nil
}

func (t cidrTest) key() string { return "cidr " + t.net.String() }

func (t cidrTest) match(m *Matcher, f *found) bool {
	for i := range f.values {
		if f.values[i].kind != 's' {
			continue
		}
		b, _ := m.texts(&f.values[i], false)
		if len(b) > 64 {
			continue
		}
		if a, err := netip.ParseAddr(string(b)); err == nil && t.net.Contains(a.Unmap().WithZone("")) {
			return true
		}
	}
	return false
}

// fieldTest compares with another field.
type fieldTest struct {
	other string
	how   string // "", contains, startswith, endswith
	cased bool
	slot  int // of the other field, set by the engine
}

func (t *fieldTest) key() string { return fmt.Sprintf("field %q %s %v", t.other, t.how, t.cased) }

func (t *fieldTest) match(m *Matcher, f *found) bool {
	other := m.find(t.slot)
	if t.how == "" && len(f.values)*len(other.values) > manyPairs {
		return t.common(m, f, other)
	}
	for i := range f.values {
		for j := range other.values {
			if f.values[i].kind != 'z' && other.values[j].kind != 'z' && t.pair(m, &f.values[i], &other.values[j]) {
				return true
			}
		}
	}
	return false
}

// manyPairs is from where on comparing each with each costs more than a table. An attacker
// may write arrays of any length into a record.
const manyPairs = 4096

// common says whether two long lists of values have one in common.
func (t *fieldTest) common(m *Matcher, f, other *found) bool {
	have := make(map[string]bool, len(f.values))
	for i := range f.values {
		if f.values[i].kind != 'z' {
			b, _ := m.texts(&f.values[i], !t.cased)
			have[string(b)] = true
		}
	}
	for i := range other.values {
		if other.values[i].kind != 'z' {
			if b, _ := m.texts(&other.values[i], !t.cased); have[string(b)] {
				return true
			}
		}
	}
	return false
}

func (t *fieldTest) pair(m *Matcher, a, b *value) bool {
	x, _ := m.texts(a, !t.cased)
	y, _ := m.texts(b, !t.cased)
	switch t.how {
	case "contains":
		return bytes.Contains(x, y)
	case "startswith":
		return bytes.HasPrefix(x, y)
	case "endswith":
		return bytes.HasSuffix(x, y)
	}
	return bytes.Equal(x, y)
}

// number is a decimal number.
type number struct {
	text  string
	whole bool
	i     int64
	f     float64
}

// parseNumber reads a number as JSON writes it.
func parseNumber(b []byte) (number, bool) {
	if len(b) == 0 || len(b) > 64 || !plainNumber.Match(b) {
		return number{}, false
	}
	n := number{text: string(b)}
	var err error
	if n.i, err = strconv.ParseInt(n.text, 10, 64); err == nil {
		n.whole = true
		n.f = float64(n.i)
		return n, true
	}
	n.f, err = strconv.ParseFloat(n.text, 64)
	return n, err == nil
}

// compare is -1, 0 or 1.
func (n number) compare(o number) int {
	switch {
	case n.whole && o.whole && n.i < o.i, !(n.whole && o.whole) && n.f < o.f:
		return -1
	case n.whole && o.whole && n.i > o.i, !(n.whole && o.whole) && n.f > o.f:
		return 1
	}
	return 0
}

// numberTest is a number of the same value, or a text that is written the same.
type numberTest struct{ n number }

func (t numberTest) key() string { return "number " + t.n.text }

func (t numberTest) match(m *Matcher, f *found) bool {
	for i := range f.values {
		v := &f.values[i]
		if v.kind != 'n' && v.kind != 's' {
			continue
		}
		b, _ := m.texts(v, false)
		if string(b) == t.n.text {
			return true
		}
		if v.kind != 'n' {
			continue
		}
		if n, ok := parseNumber(b); ok && n.compare(t.n) == 0 {
			return true
		}
	}
	return false
}

// compareTest is a bound of a number, also of one written as text.
type compareTest struct {
	how string
	n   number
}

func (t compareTest) key() string { return t.how + " " + t.n.text }

func (t compareTest) match(m *Matcher, f *found) bool {
	for i := range f.values {
		v := &f.values[i]
		if v.kind != 'n' && v.kind != 's' {
			continue
		}
		b, _ := m.texts(v, false)
		n, ok := parseNumber(b)
		if ok && holds(t.how, n.compare(t.n)) {
			return true
		}
	}
	return false
}

func holds(how string, c int) bool {
	switch how {
	case "gt":
		return c > 0
	case "gte":
		return c >= 0
	case "lt":
		return c < 0
	case "lte":
		return c <= 0
	case "neq":
		return c != 0
	}
	return c == 0
}

// timeTest is a part of a time, in UTC.
type timeTest struct {
	part string
	n    int
}

func newTimeTest(part string, v scalar) (timeTest, error) {
	bounds := map[string][2]int{"minute": {0, 59}, "hour": {0, 23}, "day": {1, 31}, "week": {1, 53}, "month": {1, 12}, "year": {1, 9999}}
	n, err := strconv.Atoi(v.text)
	if b := bounds[part]; v.kind != isNumber || err != nil || n < b[0] || n > b[1] {
		return timeTest{}, fmt.Errorf("%s takes a number from %d to %d", part, b[0], b[1])
	}
	return timeTest{part, n}, nil
}

func (t timeTest) key() string { return fmt.Sprint(t.part, " ", t.n) }

func (t timeTest) match(m *Matcher, f *found) bool {
	for i := range f.values {
		if f.values[i].kind != 's' {
			continue
		}
		b, _ := m.texts(&f.values[i], false)
		if len(b) > 64 {
			continue
		}
		if at, err := time.Parse(time.RFC3339Nano, string(b)); err == nil && t.of(at.UTC()) == t.n {
			return true
		}
	}
	return false
}

func (t timeTest) of(at time.Time) int {
	switch t.part {
	case "minute":
		return at.Minute()
	case "hour":
		return at.Hour()
	case "day":
		return at.Day()
	case "week":
		_, w := at.ISOWeek()
		return w
	case "month":
		return int(at.Month())
	}
	return at.Year()
}
