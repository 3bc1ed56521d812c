package report

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

const (
	maxDepth    = 100     // of nested values; AWS's are less than twenty deep
	maxName     = 400     // of a member's name, in bytes
	maxEmbedded = 1 << 20 // of a text that is a document itself
	maxMasked   = 64 << 10
)

// readMembers gives every value of a document in its order: JSON, or one JSON value after
// another. A text that is a JSON document itself (a policy, a record) is taken apart too.
// Memory is that of the largest single text. What looks like a secret is masked, by the name
// it stands under as well.
func readMembers(r io.Reader, each func(Member) error) error {
	in := bufio.NewReader(r)
	first, err := in.Peek(1)
	for err == nil && (first[0] == ' ' || first[0] == '\n' || first[0] == '\r' || first[0] == '\t') {
		_, _ = in.Discard(1) // it was peeked at
		first, err = in.Peek(1)
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	case first[0] != '{' && first[0] != '[':
		return errNotJSON
	}
	w := &members{dec: json.NewDecoder(in), each: each}
	w.dec.UseNumber()
	for {
		if err := w.value("", "", 0); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

type members struct {
	dec  *json.Decoder
	each func(Member) error
}

// value takes the next value. beside is what names it where its member does not: {Key, Value}.
func (w *members) value(name, beside string, depth int) error {
	tok, err := w.dec.Token()
	if err != nil {
		if depth > 0 {
			err = cutShort(err)
		}
		return err
	}
	switch t := tok.(type) {
	case json.Delim:
		if depth >= maxDepth {
			return fmt.Errorf("values nested more than %d deep", maxDepth)
		}
		if t == '{' {
			return w.object(name, depth)
		}
		return w.list(name, depth)
	case string:
		return w.text(name, beside, t, depth)
	case json.Number:
		return w.each(Member{name, t.String()})
	case bool:
		return w.each(Member{name, fmt.Sprint(t)})
	}
	return nil // null
}

func (w *members) object(name string, depth int) error {
	beside, n := "", 0
	for ; w.dec.More(); n++ {
		tok, err := w.dec.Token()
		if err != nil {
			return cutShort(err)
		}
		key, _ := tok.(string)
		if naming(key) {
			if beside, err = w.named(under(name, key), depth+1); err != nil {
				return err
			}
			continue
		}
		if err := w.value(under(name, key), beside, depth+1); err != nil {
			return err
		}
	}
	return w.end(name, n, "{}")
}

// naming says whether a member names what stands beside it: of tags, parameters, headers.
func naming(key string) bool {
	switch key {
	case "Key", "key", "Name", "name", "HeaderName", "ParameterKey", "TagKey":
		return true
	}
	return false
}

// named is value of a member that names another, with its text.
func (w *members) named(name string, depth int) (text string, err error) {
	inner := members{dec: w.dec, each: func(m Member) error {
		if m.Name == name {
			text = m.Value
		}
		return w.each(m)
	}}
	err = inner.value(name, "", depth)
	return text, err
}

func (w *members) list(name string, depth int) error {
	n := 0
	for ; w.dec.More(); n++ {
		if err := w.value(cutText(fmt.Sprintf("%s[%d]", name, n), maxName), "", depth+1); err != nil {
			return err
		}
	}
	return w.end(name, n, "[]")
}

// end takes the bracket that closes; an empty list says something too.
func (w *members) end(name string, n int, empty string) error {
	if _, err := w.dec.Token(); err != nil {
		return cutShort(err)
	}
	if n == 0 && name != "" {
		return w.each(Member{name, empty})
	}
	return nil
}

func under(name, key string) string {
	if name != "" {
		key = name + "." + key
	}
	return cutText(key, maxName)
}

func (w *members) text(name, beside, s string, depth int) error {
	if embedded(s) {
		inner := &members{dec: json.NewDecoder(strings.NewReader(s)), each: w.each}
		inner.dec.UseNumber()
		return inner.value(name, beside, depth+1)
	}
	if hidden(name, beside, s) {
		return w.each(Member{name, Masked})
	}
	return w.each(Member{name, mask(s[:min(len(s), maxMasked)])})
}

func embedded(s string) bool {
	t := strings.TrimLeft(s[:min(len(s), 64)], " \n\r\t")
	return len(t) > 0 && (t[0] == '{' || t[0] == '[') && len(s) <= maxEmbedded && shallow(s) && json.Valid([]byte(s))
}

// shallow says whether a document is not nested so deep that it would not be shown.
func shallow(s string) bool {
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth >= maxDepth/2 {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return true
}

// cutShort is the end of a document within a value.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

var (
	// tells are the ends of names that secrets are kept under.
	tells = regexp.MustCompile(`(?i)(?:secret|passw(?:or)?d|pwd|passphrase|api[-_.]?key|private[-_.]?key|access[-_.]?key|credentials?|connection[-_.]?string|token|authorization)(?:[-_.]?value)?$`)
	// plainly are such ends that AWS gives to what is no secret; Pwd is a process's folder.
	plainly = regexp.MustCompile(`(?i:(?:next|continuation|page|pagination|client|creation|sequence)[-_.]?token$)|^Pwd$`)
)

// hidden says whether a text is a secret by the name it stands under. Values of the environment
// are, all of them; what the collector put in their place is none.
func hidden(name, beside, s string) bool {
	if len(s) < 6 || strings.HasPrefix(s, "[sealed:") || s == Masked || strings.HasPrefix(s, "arn:") || accessKeyID.MatchString(s) {
		return false
	}
	if strings.Contains(name, "Environment.Variables.") {
		return true
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	return tells.MatchString(last) && !plainly.MatchString(last) || strings.HasSuffix(strings.ToLower(last), "value") && tells.MatchString(beside)
}
