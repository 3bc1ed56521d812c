package iampolicy

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	jsonexp "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxSize bounds a document, in bytes: twice the largest that AWS takes (a bucket policy, 20 KB).
const MaxSize = 40 << 10

// ErrMalformed: not a policy document.
var ErrMalformed = errors.New("malformed policy document")

// Document is a policy.
type Document struct {
	Version    string // "2012-10-17", "2008-10-17" or "" (which means the older one: no variables)
	ID         string
	Statements []Statement
}

// Statement is one statement; Raw is its JSON as read.
type Statement struct {
	Sid       string
	Effect    string // "Allow" or "Deny"
	Principal *Principals
	NotPrin   *Principals
	Action    []string
	NotAction []string
	Resource  []string
	NotRes    []string
	Condition []Condition
	Raw       json.RawMessage
}

// Principals is a Principal element: Any is "*".
type Principals struct {
	Any       bool
	AWS       []string
	Service   []string
	Federated []string
	Canonical []string
}

// Condition is one operator with one key and its values.
type Condition struct {
	Operator string // as written: "ForAnyValue:StringLikeIfExists"
	Key      string
	Values   []string
}

// oneOrMany is a string, or a list of strings; booleans and numbers are written out, as IAM takes them.
type oneOrMany []string

// UnmarshalJSON reads either form.
func (o *oneOrMany) UnmarshalJSON(data []byte) error {
	var list []jsontext.Value
	if len(data) == 0 || data[0] != '[' {
		list = []jsontext.Value{data}
	} else if err := jsonexp.Unmarshal(data, &list); err != nil {
		return err
	}
	*o = make([]string, 0, len(list))
	for _, v := range list {
		switch v.Kind() {
		case '"':
			var s string
			if err := jsonexp.Unmarshal(v, &s); err != nil {
				return err
			}
			*o = append(*o, s)
		case 't', 'f', '0':
			*o = append(*o, string(v))
		default:
			return fmt.Errorf("a string is wanted, not %s", v)
		}
	}
	return nil
}

type wireDocument struct {
	Version   string
	Id        string
	Statement jsontext.Value
}

type wireStatement struct {
	Sid          string
	Effect       string
	Principal    jsontext.Value
	NotPrincipal jsontext.Value
	Action       oneOrMany
	NotAction    oneOrMany
	Resource     oneOrMany
	NotResource  oneOrMany
	Condition    map[string]map[string]oneOrMany
}

// Parse reads a document as IAM does. Repeated keys, unknown elements and what is
// larger than MaxSize are ErrMalformed.
func Parse(text string) (Document, error) {
	d, err := parse([]byte(text))
	if err != nil {
		return Document{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return d, nil
}

func parse(data []byte) (Document, error) {
	if len(data) > MaxSize {
		return Document{}, fmt.Errorf("larger than %d bytes", MaxSize)
	}
	var w wireDocument
	if err := jsonexp.Unmarshal(data, &w, jsonexp.RejectUnknownMembers(true)); err != nil {
		return Document{}, err
	}
	switch w.Version {
	case "", "2012-10-17", "2008-10-17":
	default:
		return Document{}, fmt.Errorf("unknown Version %q", w.Version)
	}
	d := Document{Version: w.Version, ID: w.Id}
	raws := []jsontext.Value{w.Statement}
	switch w.Statement.Kind() {
	case '[':
		if err := jsonexp.Unmarshal(w.Statement, &raws); err != nil {
			return Document{}, err
		}
	case '{':
	default:
		return Document{}, errors.New("no Statement")
	}
	for _, raw := range raws {
		s, err := parseStatement(raw)
		if err != nil {
			return Document{}, err
		}
		d.Statements = append(d.Statements, s)
	}
	return d, nil
}

func parseStatement(raw jsontext.Value) (Statement, error) {
	var w wireStatement
	if err := jsonexp.Unmarshal(raw, &w, jsonexp.RejectUnknownMembers(true)); err != nil {
		return Statement{}, err
	}
	s := Statement{Sid: w.Sid, Effect: w.Effect, Action: w.Action, NotAction: w.NotAction, Resource: w.Resource, NotRes: w.NotResource, Raw: json.RawMessage(raw)}
	if s.Effect != "Allow" && s.Effect != "Deny" {
		return s, fmt.Errorf("element Effect %q is neither Allow nor Deny", s.Effect)
	}
	if (len(s.Action) > 0) == (len(s.NotAction) > 0) {
		return s, errors.New("exactly one of Action and NotAction is wanted")
	}
	if len(s.Resource) > 0 && len(s.NotRes) > 0 {
		return s, errors.New("elements Resource and NotResource exclude each other")
	}
	var err error
	if s.Principal, err = parsePrincipals(w.Principal); err != nil {
		return s, err
	}
	if s.NotPrin, err = parsePrincipals(w.NotPrincipal); err != nil {
		return s, err
	}
	for _, op := range sortedKeys(w.Condition) {
		if !knownOperator(op) {
			return s, fmt.Errorf("unknown condition operator %q", op)
		}
		for _, key := range sortedKeys(w.Condition[op]) {
			s.Condition = append(s.Condition, Condition{op, key, w.Condition[op][key]})
		}
	}
	return s, nil
}

func parsePrincipals(v jsontext.Value) (*Principals, error) {
	switch v.Kind() {
	case 0: // absent
		return nil, nil
	case '"':
		var s string
		if err := jsonexp.Unmarshal(v, &s); err != nil {
			return nil, err
		}
		if s != "*" {
			return nil, fmt.Errorf("principal %q", s)
		}
		return &Principals{Any: true}, nil
	}
	var w struct{ AWS, Service, Federated, CanonicalUser oneOrMany }
	if err := jsonexp.Unmarshal(v, &w, jsonexp.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("principal: %w", err)
	}
	return &Principals{AWS: w.AWS, Service: w.Service, Federated: w.Federated, Canonical: w.CanonicalUser}, nil
}

// String is the document as JSON: statements as they were read, in their order.
func (d Document) String() string {
	var b strings.Builder
	b.WriteString(`{"Version":` + quote(d.Version))
	if d.ID != "" {
		b.WriteString(`,"Id":` + quote(d.ID))
	}
	b.WriteString(`,"Statement":[`)
	for i, s := range d.Statements {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(s.Raw)
	}
	b.WriteString("]}")
	return b.String()
}

func quote(s string) string {
	if s == "" {
		s = "2008-10-17" // what a document without Version is taken for
	}
	out, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(out)
}

// With is the document with one more statement, given as JSON.
func (d Document) With(raw json.RawMessage) (Document, error) {
	s, err := parseStatement(jsontext.Value(raw))
	if err != nil {
		return d, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	d.Statements = append(d.Statements[:len(d.Statements):len(d.Statements)], s)
	return d, nil
}

// Without is the document without the statements that drop says.
func (d Document) Without(drop func(Statement) bool) Document {
	var kept []Statement
	for _, s := range d.Statements {
		if !drop(s) {
			kept = append(kept, s)
		}
	}
	d.Statements = kept
	return d
}
