package trailsql

import (
	"errors"
	"fmt"
	"strings"
)

// Column is a column of a table: its name and its Hive type, as a catalogue gives them.
type Column struct{ Name, Type string }

// ErrType: the text is no Hive type.
var ErrType = errors.New("not a Hive type")

// maxDepth bounds how deep types lie in types.
const maxDepth = 16

// Type is a Hive type that was read.
type Type struct {
	Name    string // "string", "struct", "array", "map"
	Members []Member
}

// Member is one of a structure; of arrays and maps it has no name.
type Member struct {
	Name string
	Type Type
}

// ParseType reads a Hive type, such as struct<a:string,b:array<string>>.
func ParseType(s string) (Type, error) {
	p := typeParser{rest: strings.ToLower(strings.Join(strings.Fields(s), ""))}
	t, err := p.read(0)
	if err == nil && p.rest != "" {
		err = fmt.Errorf("%w: %q follows", ErrType, p.rest)
	}
	return t, err
}

type typeParser struct{ rest string }

func (p *typeParser) word() string {
	n := strings.IndexAny(p.rest, "<>,:")
	if n < 0 {
		n = len(p.rest)
	}
	w := p.rest[:n]
	p.rest = p.rest[n:]
	return strings.Trim(w, "`")
}

func (p *typeParser) read(depth int) (Type, error) {
	t := Type{Name: p.word()}
	if t.Name == "" || depth > maxDepth {
		return t, fmt.Errorf("%w: at %.20q", ErrType, p.rest)
	}
	if !strings.HasPrefix(p.rest, "<") {
		return t, nil
	}
	for first := true; first || strings.HasPrefix(p.rest, ","); first = false {
		p.rest = p.rest[1:]
		var m Member
		if t.Name == "struct" {
			m.Name = p.word()
			if m.Name == "" || !strings.HasPrefix(p.rest, ":") {
				return t, fmt.Errorf("%w: a member without a type at %.20q", ErrType, p.rest)
			}
			p.rest = p.rest[1:]
		}
		var err error
		if m.Type, err = p.read(depth + 1); err != nil {
			return t, err
		}
		t.Members = append(t.Members, m)
	}
	if !strings.HasPrefix(p.rest, ">") {
		return t, fmt.Errorf("%w: no end at %.20q", ErrType, p.rest)
	}
	p.rest = p.rest[1:]
	return t, nil
}

// String is the type as Hive writes it.
func (t Type) String() string {
	if len(t.Members) == 0 {
		return t.Name
	}
	parts := make([]string, len(t.Members))
	for i, m := range t.Members {
		parts[i] = m.Type.String()
		if m.Name != "" {
			parts[i] = m.Name + ":" + parts[i]
		}
	}
	return t.Name + "<" + strings.Join(parts, ",") + ">"
}

// at is the type that a path leads to.
func (t Type) at(path []string) (Type, bool) {
	for _, name := range path {
		found := false
		for _, m := range t.Members {
			if t.Name == "struct" && m.Name == name {
				t, found = m.Type, true
				break
			}
		}
		if !found {
			return Type{}, false
		}
	}
	return t, true
}

// present are the fields that a table has, with a type that can be asked as theirs, and the
// paths of those that it lacks.
func present(columns []Column) (have []field, lacks []string) {
	types := map[string]Type{}
	for _, c := range columns {
		if t, err := ParseType(c.Type); err == nil {
			types[strings.ToLower(c.Name)] = t
		}
	}
	for _, f := range fields() {
		path := strings.Split(f.column(), ".")
		t, is := types[path[0]].at(path[1:])
		if is && f.fits(t) {
			have = append(have, f)
			continue
		}
		lacks = append(lacks, f.path)
	}
	return have, lacks
}

// fits says whether a field can be read from a column of that type.
func (f field) fits(t Type) bool {
	switch f.kind {
	case attributes:
		return t.String() == f.kind.hive()
	case resources:
		if t.Name != "array" || len(t.Members) != 1 {
			return false
		}
		for _, name := range resourceMembers {
			if m, is := t.Members[0].Type.at([]string{strings.ToLower(name)}); !is || m.Name != "string" {
				return false
			}
		}
		return true
	case flag:
		return t.Name == "string" || t.Name == "boolean"
	}
	return t.Name == "string" || strings.HasPrefix(t.Name, "varchar")
}
