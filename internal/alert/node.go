package alert

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of a message.
const (
	MaxSize    = 2 << 20 // twice what SQS and EventBridge carry
	maxDepth   = 48
	maxTokens  = 200_000
	maxWraps   = 4   // envelopes around each other
	maxParts   = 100 // findings of one message
	maxName    = 2048
	maxProse   = 1024 // titles: cut, not refused
	maxActors  = 16
	maxList    = 32
	maxRefusal = 300
)

// node is a JSON value. Objects keep their members in order; there are no duplicates.
type node struct {
	kind    jsontext.Kind
	text    string // of a string unquoted, of a number as it stands
	members []member
	items   []*node
}

type member struct {
	name  string
	value *node
}

// fault is why a message, or a part of it, cannot be read.
type fault struct {
	reason Reason
	detail string
}

func (f *fault) Error() string { return string(f.reason) + ": " + f.detail }

func faulty(reason Reason, format string, args ...any) *fault {
	detail := fmt.Sprintf(format, args...)
	return &fault{reason, cut(detail, maxRefusal)}
}

// cut shortens a text for people, at a character's end.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "..."
}

// parse reads one JSON value, and nothing behind it.
func parse(data []byte) (*node, *fault) {
	switch {
	case len(data) > MaxSize:
		return nil, faulty(TooLarge, "larger than %d bytes", MaxSize)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, faulty(Empty, "nothing in it")
	case !utf8.Valid(data):
		return nil, faulty(NotUTF8, "bytes that are no UTF-8")
	}
	p := &parser{d: jsontext.NewDecoder(bytes.NewReader(data))}
	n, err := p.value()
	if err == nil {
		if _, more := p.d.ReadToken(); more == nil {
			return nil, faulty(NotJSON, "more than one value")
		} else if !errors.Is(more, io.EOF) {
			err = more
		}
	}
	if err == nil {
		return n, nil
	}
	if f, ok := errors.AsType[*fault](err); ok {
		return nil, f
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return nil, faulty(Twice, "%v", err)
	}
	return nil, faulty(NotJSON, "%v", err)
}

type parser struct {
	d      *jsontext.Decoder
	tokens int
}

func (p *parser) token() (jsontext.Token, error) {
	if p.tokens++; p.tokens > maxTokens {
		return jsontext.Token{}, faulty(TooMany, "more than %d values", maxTokens)
	}
	return p.d.ReadToken()
}

// value reads one value; it calls itself at most maxDepth times.
func (p *parser) value() (*node, error) {
	t, err := p.token()
	if err != nil {
		return nil, err
	}
	n := &node{kind: t.Kind()}
	switch n.kind {
	case '"', '0':
		n.text = strings.Clone(t.String())
	case '{', '[':
		if p.d.StackDepth() > maxDepth {
			return nil, faulty(TooDeep, "nested deeper than %d", maxDepth)
		}
		for p.d.PeekKind() != '}' && p.d.PeekKind() != ']' {
			if err := p.child(n); err != nil {
				return nil, err
			}
		}
		_, err = p.token() // the end
	}
	return n, err
}

func (p *parser) child(n *node) error {
	name := ""
	if n.kind == '{' {
		t, err := p.token()
		if err != nil {
			return err
		}
		name = strings.Clone(t.String())
	}
	v, err := p.value()
	if err != nil {
		return err
	}
	if n.kind == '{' {
		n.members = append(n.members, member{name, v})
	} else {
		n.items = append(n.items, v)
	}
	return nil
}

// member is the value of that name, nil where there is none or it is null.
func (n *node) member(name string) *node {
	if n == nil {
		return nil
	}
	for _, m := range n.members {
		if m.name == name && m.value.kind != 'n' {
			return m.value
		}
	}
	return nil
}

// get goes down members by their exact names.
func (n *node) get(path ...string) *node {
	for _, name := range path {
		n = n.member(name)
	}
	return n
}

func (n *node) is(kind jsontext.Kind) bool { return n != nil && n.kind == kind }

// str is a string's text; "" of all else.
func (n *node) str() string {
	if n.is('"') {
		return n.text
	}
	return ""
}

// list are the items of a list; nil of all else.
func (n *node) list() []*node {
	if n.is('[') {
		return n.items
	}
	return nil
}

func (n *node) truth() bool { return n.is('t') || n.str() == "true" }
