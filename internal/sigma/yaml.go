package sigma

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds of one rule file: a rule is a page of text.
const (
	maxFile  = 1 << 20
	maxNodes = 20000 // with aliases followed, so that an alias bomb is refused
	maxNest  = 24
)

// badness is what is wrong at a place; the reader adds file and rule to it.
type badness struct {
	node  *yaml.Node
	place string
	why   string
}

func (b badness) Error() string { return b.place + ": " + b.why }

func bad(n *yaml.Node, place, form string, args ...any) error {
	return badness{n, place, fmt.Sprintf(form, args...)}
}

// documents splits a file. Aliases are replaced by what they stand for.
func documents(text string) ([]*yaml.Node, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("the file has more than %d bytes", maxFile)
	}
	d := yaml.NewDecoder(strings.NewReader(text))
	var all []*yaml.Node
	budget := maxNodes
	for {
		var n yaml.Node
		err := d.Decode(&n)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		if n.Kind != yaml.DocumentNode || len(n.Content) != 1 {
			continue // an empty document, behind a trailing ---
		}
		plain, err := unalias(n.Content[0], &budget, 0)
		if err != nil {
			return all, err
		}
		if plain.Kind == yaml.ScalarNode && plain.ShortTag() == "!!null" {
			continue
		}
		all = append(all, plain)
	}
}

// unalias copies a tree with aliases followed, and refuses what YAML readers disagree on.
func unalias(n *yaml.Node, budget *int, depth int) (*yaml.Node, error) {
	if *budget--; *budget < 0 {
		return nil, fmt.Errorf("line %d: more than %d nodes, with aliases followed", n.Line, maxNodes)
	}
	if depth > maxNest {
		return nil, fmt.Errorf("line %d: nested too deep", n.Line)
	}
	if n.Kind == yaml.AliasNode {
		return unalias(n.Alias, budget, depth+1)
	}
	c := *n
	c.Content = make([]*yaml.Node, 0, len(n.Content))
	for _, k := range n.Content {
		p, err := unalias(k, budget, depth+1)
		if err != nil {
			return nil, err
		}
		c.Content = append(c.Content, p)
	}
	return &c, nil
}

// pair is one member of a mapping.
type pair struct {
	key   string
	at    *yaml.Node
	value *yaml.Node
}

// members lists a mapping in its order; a key twice is an error, since readers differ in
// which one counts.
func members(n *yaml.Node, place string) ([]pair, error) {
	if n.Kind != yaml.MappingNode {
		return nil, bad(n, place, "a map is wanted, not %s", kindOf(n))
	}
	seen := map[string]bool{}
	var all []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode {
			return nil, bad(k, place, "a key is %s", kindOf(k))
		}
		if k.ShortTag() == "!!merge" {
			return nil, bad(k, place, "merge keys (<<) are not part of Sigma")
		}
		if seen[k.Value] {
			return nil, bad(k, place, "the key %q stands here twice", k.Value)
		}
		seen[k.Value] = true
		all = append(all, pair{k.Value, k, n.Content[i+1]})
	}
	return all, nil
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!null":
		return "null"
	case "!!bool":
		return "a boolean"
	case "!!int", "!!float":
		return "a number"
	}
	return "text"
}

// text reads a scalar of metadata as it is written.
func text(n *yaml.Node, place string) (string, error) {
	if n.Kind != yaml.ScalarNode {
		return "", bad(n, place, "text is wanted, not %s", kindOf(n))
	}
	if n.ShortTag() == "!!null" {
		return "", nil
	}
	return n.Value, nil
}

// texts reads one text, or a list of them.
func texts(n *yaml.Node, place string) ([]string, error) {
	if n.Kind != yaml.SequenceNode {
		s, err := text(n, place)
		if s == "" || err != nil {
			return nil, err
		}
		return []string{s}, nil
	}
	var all []string
	for _, k := range n.Content {
		s, err := text(k, place)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// scalar is a value of a detection.
type scalar struct {
	kind scalarKind
	text string
	flag bool
	at   *yaml.Node
}

type scalarKind uint8

const (
	isText scalarKind = iota
	isNumber
	isBool
	isNull
)

var (
	plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
	yaml11Bool  = regexp.MustCompile(`^(?i:yes|no|on|off)$`)
)

// scalarOf reads a value, and refuses what YAML 1.1 and 1.2 read differently: most
// Sigma tools use the one, this one the other.
func scalarOf(n *yaml.Node, place string) (scalar, error) {
	if n.Kind != yaml.ScalarNode {
		return scalar{}, bad(n, place, "a value is wanted, not %s", kindOf(n))
	}
	s := scalar{text: n.Value, at: n}
	plain := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	switch tag := n.ShortTag(); {
	case tag == "!!null":
		s.kind, s.text = isNull, ""
	case tag == "!!bool":
		s.kind, s.flag = isBool, strings.EqualFold(n.Value, "true")
	case tag == "!!int" || tag == "!!float":
		if !plainNumber.MatchString(n.Value) {
			return s, bad(n, place, "the number %s is read differently by different tools: write it in quotes, or in decimal", n.Value)
		}
		s.kind = isNumber
	case plain && yaml11Bool.MatchString(n.Value):
		return s, bad(n, place, "%s without quotes is a boolean to some tools and text to others: write it in quotes", n.Value)
	case tag != "!!str" && tag != "!!timestamp":
		return s, bad(n, place, "a value of YAML type %s", tag)
	}
	return s, nil
}

// scalars reads one value, or a list of them.
func scalars(n *yaml.Node, place string) ([]scalar, error) {
	list := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		list = n.Content
	}
	var all []scalar
	for _, k := range list {
		s, err := scalarOf(k, place)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil, bad(n, place, "an empty list: nothing could match (write null for a field without a value)")
	}
	return all, nil
}
