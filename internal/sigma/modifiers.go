package sigma

import (
	"encoding/binary"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// modified is one item: a field, its modifiers, and where it stands.
type modified struct {
	o     Options
	field string
	mods  []string
	place string
	at    *yaml.Node

	kind   string // the modifier that says what the values are; "" is text
	all    bool
	turned bool // neq
}

// kinds are the modifiers that say what a value is, each with those that may stand
// beside it. "" is text.
var kinds = map[string][]string{
	"":         {"contains", "startswith", "endswith", "cased", "windash", "base64", "base64offset", "utf16", "utf16le", "utf16be", "wide", "expand", "all", "neq"},
	"re":       {"i", "m", "s", "ignorecase", "multiline", "dotall", "all", "neq"},
	"cidr":     {"all", "neq"},
	"exists":   {"neq"},
	"fieldref": {"contains", "startswith", "endswith", "cased", "all", "neq"},
	"gt":       {"all", "neq"}, "gte": {"all", "neq"}, "lt": {"all", "neq"}, "lte": {"all", "neq"},
	"minute": {"all", "neq"}, "hour": {"all", "neq"}, "day": {"all", "neq"}, "week": {"all", "neq"}, "month": {"all", "neq"}, "year": {"all", "neq"},
}

// ofKeywords are the modifiers that mean something without a field.
var ofKeywords = []string{"re", "i", "m", "s", "ignorecase", "multiline", "dotall", "contains", "cased", "windash", "base64", "base64offset",
	"utf16", "utf16le", "utf16be", "wide", "expand", "all", "neq"}

// known says whether a modifier exists.
func known(mod string) bool {
	_, ok := kinds[mod]
	return ok && mod != "" || contains(kinds[""], mod) || contains(kinds["re"], mod)
}

// check finds the kind, and refuses what is unknown or does not go together.
func (m *modified) check() error {
	seen := map[string]bool{}
	for _, mod := range m.mods {
		switch {
		case !known(mod):
			return bad(m.at, m.place, "unknown modifier %q", mod)
		case seen[mod]:
			return bad(m.at, m.place, "the modifier %s stands here twice", mod)
		case m.field == "" && !contains(ofKeywords, mod):
			return bad(m.at, m.place, "the modifier %s needs a field", mod)
		}
		seen[mod] = true
		if _, ok := kinds[mod]; ok {
			if m.kind != "" {
				return bad(m.at, m.place, "the modifiers %s and %s do not go together", m.kind, mod)
			}
			m.kind = mod
		}
		m.all = m.all || mod == "all"
		m.turned = m.turned || mod == "neq"
	}
	first := true
	for _, mod := range m.mods {
		switch {
		case mod == m.kind && !first:
			return bad(m.at, m.place, "the modifier %s must come first", mod)
		case mod != m.kind && !contains(kinds[m.kind], mod):
			if m.kind == "" {
				return bad(m.at, m.place, "the modifier %s needs re before it", mod)
			}
			return bad(m.at, m.place, "the modifiers %s and %s do not go together", m.kind, mod)
		}
		first = false
	}
	if n := m.count("contains", "startswith", "endswith"); n > 1 {
		return bad(m.at, m.place, "more than one of contains, startswith, endswith")
	}
	return m.checkOrder()
}

// checkOrder: an encoding behind contains would encode the wildcards.
func (m *modified) checkOrder() error {
	opened := ""
	for _, mod := range m.mods {
		switch mod {
		case "contains", "startswith", "endswith":
			opened = mod
		case "base64", "base64offset", "utf16", "utf16le", "utf16be", "wide", "expand":
			if opened != "" {
				return bad(m.at, m.place, "the modifier %s must come before %s", mod, opened)
			}
		}
	}
	if m.count("utf16", "utf16le", "utf16be", "wide") > 1 || m.count("base64", "base64offset") > 1 {
		return bad(m.at, m.place, "one encoding upon another")
	}
	return nil
}

func (m *modified) count(mods ...string) int {
	n := 0
	for _, mod := range m.mods {
		if contains(mods, mod) {
			n++
		}
	}
	return n
}

func (m *modified) has(mod string) bool { return contains(m.mods, mod) }

// compile makes the test of the item.
func (m *modified) compile(values []scalar) (*leaf, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if m.kind == "exists" && len(values) > 1 {
		return nil, bad(m.at, m.place, "exists takes one value")
	}
	l := &leaf{field: m.field, all: m.all}
	for _, v := range values {
		t, err := m.tests(v)
		if err != nil {
			if b, ok := err.(badness); ok {
				return nil, b
			}
			return nil, bad(v.at, m.place, "%v", err)
		}
		l.tests = append(l.tests, t)
	}
	var key strings.Builder
	fmt.Fprintf(&key, "%q %v", l.field, l.all)
	for _, t := range l.tests {
		key.WriteString(" [")
		for _, x := range t {
			fmt.Fprintf(&key, " %q", x.key())
		}
		key.WriteString(" ]")
	}
	l.key = key.String()
	return l, nil
}

// tests makes the alternatives of one value.
func (m *modified) tests(v scalar) ([]tester, error) {
	if v.kind == isNull && (m.kind != "" || m.field == "" || m.count(kinds[""]...)-m.count("all", "neq") > 0) {
		return nil, fmt.Errorf("null takes a field and no modifiers but all and neq")
	}
	switch m.kind {
	case "re":
		return one(newRegexTest(v.text, m.has("i") || m.has("ignorecase"), m.has("m") || m.has("multiline"), m.has("s") || m.has("dotall")))
	case "cidr":
		return one(newCIDRTest(v))
	case "exists":
		if v.kind != isBool {
			return nil, fmt.Errorf("exists takes true or false")
		}
		return []tester{existsTest(v.flag)}, nil
	case "fieldref":
		return one(m.reference(v))
	case "gt", "gte", "lt", "lte":
		if v.kind != isNumber {
			return nil, fmt.Errorf("%s takes a number", m.kind)
		}
		n, _ := parseNumber([]byte(v.text)) // the form was checked
		return []tester{compareTest{m.kind, n}}, nil
	case "":
		return m.texts(v)
	}
	return one(newTimeTest(m.kind, v))
}

func one[T tester](t T, err error) ([]tester, error) {
	if err != nil {
		return nil, err
	}
	return []tester{t}, nil
}

func (m *modified) reference(v scalar) (*fieldTest, error) {
	name, ok := parsePattern(v.text).plain()
	if v.kind != isText || !ok || len(name) == 0 {
		return nil, fmt.Errorf("fieldref takes the name of a field")
	}
	t := &fieldTest{other: string(name), cased: m.has("cased")}
	for _, how := range []string{"contains", "startswith", "endswith"} {
		if m.has(how) {
			t.how = how
		}
	}
	return t, nil
}

// texts makes the alternatives of a text, a number, a boolean, or null.
func (m *modified) texts(v scalar) ([]tester, error) {
	textual := m.field == "" || m.count(kinds[""]...)-m.count("all", "neq") > 0
	switch {
	case v.kind == isNull:
		return []tester{nullTest{}}, nil
	case v.kind == isNumber && !textual:
		n, _ := parseNumber([]byte(v.text)) // the form was checked
		return []tester{numberTest{n}}, nil
	case v.kind == isBool:
		v.text = fmt.Sprint(v.flag)
	}
	p := parsePattern(v.text)
	if v.kind != isText {
		p = literal([]byte(v.text))
	}
	all := []pattern{p}
	for _, mod := range m.mods {
		var next []pattern
		for _, p := range all {
			q, err := m.apply(mod, p)
			if err != nil {
				return nil, err
			}
			next = append(next, q...)
		}
		all = next
	}
	var tests []tester
	for _, p := range all {
		p, err := p.finished()
		if err != nil {
			return nil, err
		}
		if m.field == "" {
			p = p.open(true, true)
		}
		tests = append(tests, newTextTest(p, m.has("cased")))
	}
	return tests, nil
}

// apply gives what one modifier makes of a text.
func (m *modified) apply(mod string, p pattern) ([]pattern, error) {
	switch mod {
	case "contains":
		return []pattern{p.open(true, true)}, nil
	case "startswith":
		return []pattern{p.open(false, true)}, nil
	case "endswith":
		return []pattern{p.open(true, false)}, nil
	case "windash":
		return p.windash()
	case "expand":
		return p.expand(m.o.Placeholders)
	case "base64":
		q, err := p.base64()
		return []pattern{q}, err
	case "base64offset":
		return p.base64Offsets()
	case "utf16le", "wide":
		return []pattern{p.mapped(utf16Bytes(binary.LittleEndian))}, nil
	case "utf16be":
		return []pattern{p.mapped(utf16Bytes(binary.BigEndian))}, nil
	case "utf16":
		q := p.mapped(utf16Bytes(binary.LittleEndian))
		q.bom, q.parts = true, append([]part{{lit: []byte(byteOrderMark)}}, q.parts...)
		return []pattern{q}, nil
	}
	return []pattern{p}, nil // all, neq and cased change no text
}
