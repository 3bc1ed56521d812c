package shapecheck

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

type node struct {
	name     string
	attrs    map[string]string
	children []*node
	text     string
}

func parseXML(data []byte) (*node, error) {
	dec := xml.NewDecoder(bytes.NewReader(data))
	root := &node{}
	stack := []*node{root}
	for {
		t, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		top := stack[len(stack)-1]
		switch t := t.(type) {
		case xml.StartElement:
			n := &node{name: t.Name.Local, attrs: map[string]string{}}
			for _, a := range t.Attr {
				n.attrs[a.Name.Local] = a.Value
			}
			top.children = append(top.children, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(t)
		}
	}
	if len(root.children) != 1 {
		return nil, fmt.Errorf("%d root elements", len(root.children))
	}
	return root.children[0], nil
}

func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

type xmlCheck struct {
	m   *model
	bad []string
}

func (c *xmlCheck) say(at, format string, args ...any) {
	c.bad = append(c.bad, fmt.Sprintf("%s: %s", at, fmt.Sprintf(format, args...)))
}

func (c *xmlCheck) value(at string, n *node, s *shape) {
	switch s.Type {
	case "structure":
		c.structure(at, n, s)
	case "list":
		want := "member"
		if s.Member.LocationName != "" {
			want = s.Member.LocationName
		}
		for i, e := range n.children {
			if e.name != want {
				c.say(at, "element %q in a list of %q", e.name, want)
				continue
			}
			c.value(fmt.Sprintf("%s[%d]", at, i), e, c.m.shape(s.Member))
		}
	case "map":
		for _, e := range n.children {
			if e.name != "entry" {
				c.say(at, "element %q in a map", e.name)
				continue
			}
			c.entry(at, e, s)
		}
	default:
		c.scalar(at, n, s)
	}
}

func (c *xmlCheck) structure(at string, n *node, s *shape) {
	byWire := map[string]string{}
	for name, r := range s.Members {
		w := wire(name, r)
		if sh := c.m.shape(&r); sh.Type == "list" && (sh.Flattened || r.Flattened) && r.LocationName == "" && sh.Member.LocationName != "" {
			w = sh.Member.LocationName
		}
		byWire[w] = name
	}
	seen := map[string]bool{}
	for _, e := range n.children {
		name, known := byWire[e.name]
		if !known {
			c.say(at, "unknown element %q", e.name)
			continue
		}
		r := s.Members[name]
		sh := c.m.shape(&r)
		flat := sh.Flattened || r.Flattened
		if seen[name] && !flat {
			c.say(at, "element %q stands twice", e.name)
		}
		seen[name] = true
		switch {
		case sh.Type == "list" && flat:
			c.value(at+"."+name+"[]", e, c.m.shape(sh.Member))
		case sh.Type == "map" && flat:
			c.entry(at+"."+name, e, sh)
		default:
			c.value(at+"."+name, e, sh)
		}
	}
	for _, name := range s.Required {
		r := s.Members[name]
		if r.XMLAttribute || seen[name] {
			continue
		}
		// An empty flattened list is no element at all.
		if sh := c.m.shape(&r); sh.Type == "list" && (sh.Flattened || r.Flattened) {
			continue
		}
		c.say(at, "required element %q is missing", name)
	}
}

func (c *xmlCheck) entry(at string, e *node, s *shape) {
	key, val := "key", "value"
	if s.Key.LocationName != "" {
		key = s.Key.LocationName
	}
	if s.Value.LocationName != "" {
		val = s.Value.LocationName
	}
	k, v := e.child(key), e.child(val)
	if k == nil || v == nil || len(e.children) != 2 {
		c.say(at, "a map entry without %q and %q", key, val)
		return
	}
	c.value(at+"["+k.text+"]", v, c.m.shape(s.Value))
}

func (c *xmlCheck) scalar(at string, n *node, s *shape) {
	if len(n.children) > 0 {
		c.say(at, "elements where a %s is wanted", s.Type)
		return
	}
	if why := textOf(n.text, s); why != "" {
		c.say(at, "%s", why)
	}
}

// textOf checks a scalar as XML, headers and query values write it.
func textOf(text string, s *shape) string {
	var err error
	switch s.Type {
	case "string":
		if !inEnum(s, text) {
			return fmt.Sprintf("%q is not in the enumeration", text)
		}
	case "integer", "long":
		_, err = strconv.ParseInt(text, 10, 64)
	case "float", "double":
		_, err = strconv.ParseFloat(text, 64)
	case "boolean":
		if text != "true" && text != "false" {
			return fmt.Sprintf("%q is not a boolean", text)
		}
	case "blob":
		_, err = base64.StdEncoding.DecodeString(text)
	case "timestamp":
		if _, err = time.Parse(time.RFC3339, text); err != nil {
			_, err = time.Parse(time.RFC1123, text)
		}
	}
	if err != nil {
		return fmt.Sprintf("%q is not a %s", text, s.Type)
	}
	return ""
}
