package shapecheck

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

const ec2Protocol = "ec2"

// ec2Errors: EC2's model lists no errors. These are of "Error codes for the Amazon EC2 API";
// others carry what they are about before a dot.
var ec2Errors = regexp.MustCompile(`^(UnauthorizedOperation|AuthFailure|RequestExpired|DryRunOperation|RequestLimitExceeded|UnknownParameter|MissingParameter|` +
	`InvalidParameterValue|InvalidParameterCombination|InvalidPaginationToken|InvalidMaxResults|FilterLimitExceeded|InvalidFilter|Invalid[A-Za-z]+\.(NotFound|Malformed))$`)

// ec2Form checks every name of a request: what it leads to, and that the value is of the
// type there; and that required members are there.
func (m *model) ec2Form(s *shape, body []byte) []string {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return []string{"not a form: " + err.Error()}
	}
	var bad []string
	tops := map[string]bool{}
	for name, values := range form {
		if name == "Action" || name == "Version" {
			continue
		}
		path := strings.Split(name, ".")
		tops[path[0]] = true
		if why := m.ec2Parameter(s, path, values[0]); why != "" {
			bad = append(bad, fmt.Sprintf("parameter %q: %s", name, why))
		}
	}
	for _, name := range s.Required {
		if !tops[ec2Wire(name, s.Members[name])] {
			bad = append(bad, fmt.Sprintf("required parameter %q is missing", name))
		}
	}
	return bad
}

// ec2Wire is the member's name in a request: its name in XML with a capital.
func ec2Wire(name string, r ref) string {
	text := []rune(wire(name, r))
	text[0] = unicode.ToUpper(text[0])
	return string(text)
}

// ec2Parameter follows a name through the shapes: members by name, items of lists by their
// position, without anything between.
func (m *model) ec2Parameter(s *shape, path []string, value string) string {
	switch {
	case s.Type == "structure" && len(path) > 0:
		for name, r := range s.Members {
			if ec2Wire(name, r) == path[0] {
				return m.ec2Parameter(m.shape(&r), path[1:], value)
			}
		}
		return "no such member: " + path[0]
	case s.Type == "list" && len(path) > 0:
		if n, err := strconv.Atoi(path[0]); err != nil || n < 1 {
			return "no position: " + path[0]
		}
		return m.ec2Parameter(m.shape(s.Member), path[1:], value)
	case s.Type == "structure" || s.Type == "list" || len(path) > 0:
		return "ends at a " + s.Type
	}
	return textOf(value, s)
}

// ec2Response takes the envelope off: a requestId, and the output without a wrapper.
func (c *xmlCheck) ec2Response(op *operation, root *node, b *shape) {
	if root.name != op.Name+"Response" {
		c.say("", "root element %q", root.name)
	}
	if len(root.children) == 0 || root.children[0].name != "requestId" {
		c.say("", "no requestId")
		return
	}
	rest := *root
	if rest.children = root.children[1:]; op.Output == nil {
		return
	}
	c.value("", &rest, b)
}
