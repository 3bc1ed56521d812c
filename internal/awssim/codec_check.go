package awssim

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// violation is one thing that AWS's shapes forbid. path is as AWS writes it:
// lower camel case, dots, list positions from 1 with .member in them.
type violation struct {
	path, value, constraint string // value as AWS prints it
	missing, wrongType      bool
}

// text is one part of AWS's message.
func (v violation) text() string {
	if v.missing {
		return fmt.Sprintf("Value null at '%s' failed to satisfy constraint: Member must not be null", v.path)
	}
	return fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: %s", v.value, v.path, v.constraint)
}

// validationText is the message that AWS's services make out of violations.
func validationText(all []violation) string {
	parts := make([]string, len(all))
	for i, v := range all {
		parts[i] = v.text()
	}
	noun := "errors"
	if len(all) == 1 {
		noun = "error"
	}
	return fmt.Sprintf("%d validation %s detected: %s", len(all), noun, strings.Join(parts, "; "))
}

// checker walks a tree. Answers are checked for what a client relies on (types,
// required members, enums); requests also for lengths, ranges and patterns.
type checker struct {
	limits bool
	max    int // stop after so many: AWS reports up to ten
	found  []violation
}

func checkInput(sh *shape, in fields) []violation {
	c := checker{limits: true, max: 10}
	c.structure(sh, in, "")
	return c.found
}

func checkOutput(sh *shape, out fields) []violation {
	c := checker{max: 10}
	c.structure(sh, out, "")
	return c.found
}

func (c *checker) add(v violation) {
	if len(c.found) < c.max {
		c.found = append(c.found, v)
	}
}

func (c *checker) structure(sh *shape, v fields, path string) {
	if sh.union && len(v) != 1 {
		c.add(violation{path: path, value: fmt.Sprint(len(v)), constraint: "Union must have exactly one member set"})
	}
	for _, m := range sh.members {
		e, ok := v[m.name]
		if !ok {
			if m.required {
				c.add(violation{path: under(path, lowerFirst(m.name)), missing: true})
			}
			continue
		}
		c.value(m.shape, e, under(path, lowerFirst(m.name)))
	}
	for name := range v {
		if sh.byName[name] == nil {
			c.add(violation{path: under(path, name), value: "", constraint: "Member is unknown", wrongType: true})
		}
	}
}

func under(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func lowerFirst(s string) string {
	if s == "" || s[0] < 'A' || s[0] > 'Z' {
		return s
	}
	return string(s[0]+'a'-'A') + s[1:]
}

func (c *checker) value(sh *shape, v any, path string) {
	if !typeFits(sh, v) {
		c.add(violation{path: path, value: fmt.Sprintf("%T", v), constraint: "Member must be a " + sh.kind, wrongType: true})
		return
	}
	switch v := v.(type) {
	case fields:
		c.structure(sh, v, path)
	case dict:
		c.size(sh, len(v), fmt.Sprint(len(v)), path)
		for _, k := range sortedKeys(v) {
			c.value(sh.key.shape, k, path+".key")
			c.value(sh.elem.shape, v[k], path+"."+k+".member")
		}
	case []any:
		c.size(sh, len(v), listText(v), path)
		for i, e := range v {
			c.value(sh.elem.shape, e, path+"."+strconv.Itoa(i+1)+".member")
		}
	case string:
		c.text(sh, v, path)
	case []byte:
		c.size(sh, len(v), "java.nio.HeapByteBuffer", path)
	case int64:
		c.number(sh, float64(v), path)
	case float64:
		c.number(sh, v, path)
	}
}

func typeFits(sh *shape, v any) bool {
	ok := false
	switch sh.kind {
	case "struct":
		_, ok = v.(fields)
	case "list":
		_, ok = v.([]any)
	case "map":
		_, ok = v.(dict)
	case "string":
		_, ok = v.(string)
	case "boolean":
		_, ok = v.(bool)
	case "integer", "long":
		_, ok = v.(int64)
	case "float", "double":
		if _, ok = v.(float64); !ok {
			_, ok = v.(int64)
		}
	case "timestamp":
		_, ok = v.(time.Time)
	case "blob":
		if _, ok = v.([]byte); !ok {
			_, ok = v.(io.Reader)
		}
	}
	return ok
}

func listText(v []any) string {
	parts := make([]string, 0, len(v))
	for _, e := range v {
		s, ok := e.(string)
		if !ok {
			return "[" + strconv.Itoa(len(v)) + " items]"
		}
		parts = append(parts, s)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func (c *checker) text(sh *shape, v, path string) {
	shown := v
	if sh.sensitive {
		shown = "***Sensitive Data Redacted***"
	}
	if len(sh.enum) > 0 && !slices.Contains(sh.enum, v) {
		c.add(violation{path: path, value: shown, constraint: "Member must satisfy enum value set: [" + strings.Join(sh.enum, ", ") + "]"})
		return
	}
	if !c.limits {
		return
	}
	if sh.match != nil && !sh.match.whole(v) {
		c.add(violation{path: path, value: shown, constraint: "Member must satisfy regular expression pattern: " + sh.match.src})
	} else if sh.not != nil && sh.not.whole(v) {
		c.add(violation{path: path, value: shown, constraint: "Member must satisfy regular expression pattern: (?!" + sh.not.src + "$)" + patternSource(sh)})
	}
	c.size(sh, utf8.RuneCountInString(v), shown, path)
}

func patternSource(sh *shape) string {
	if sh.match == nil {
		return ""
	}
	return sh.match.src
}

func (c *checker) size(sh *shape, n int, shown, path string) {
	if !c.limits {
		return
	}
	if sh.min != nil && float64(n) < *sh.min {
		c.add(violation{path: path, value: shown, constraint: "Member must have length greater than or equal to " + plain(*sh.min)})
	}
	if sh.max != nil && float64(n) > *sh.max {
		c.add(violation{path: path, value: shown, constraint: "Member must have length less than or equal to " + plain(*sh.max)})
	}
}

func (c *checker) number(sh *shape, v float64, path string) {
	if !c.limits {
		return
	}
	if sh.min != nil && v < *sh.min {
		c.add(violation{path: path, value: plain(v), constraint: "Member must have value greater than or equal to " + plain(*sh.min)})
	}
	if sh.max != nil && v > *sh.max {
		c.add(violation{path: path, value: plain(v), constraint: "Member must have value less than or equal to " + plain(*sh.max)})
	}
}

func plain(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
