package sigma

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Options of reading rules.
type Options struct {
	// Placeholders are the values of %name% in items with the modifier expand.
	Placeholders map[string][]string
	// AnySource takes rules of every log source, not CloudTrail's alone.
	AnySource bool
}

// Load reads all rule files (.yml, .yaml) below a folder. What is wrong with a rule stands
// among the problems and costs that rule alone; an error is one of reading.
func Load(fsys fs.FS, o Options) (*Set, error) {
	l := loader{o: o, set: &Set{}}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		ext := path.Ext(p)
		if d.IsDir() || ext != ".yml" && ext != ".yaml" {
			return nil
		}
		if !d.Type().IsRegular() {
			l.problem(Note, p, 0, "", "", "not read: not a regular file (links are not followed)")
			return nil
		}
		return l.file(fsys, p)
	})
	if err != nil {
		return nil, fmt.Errorf("reading rules: %w", err)
	}
	l.resolve()
	return l.set, nil
}

// Read reads one file's text.
func Read(name, text string, o Options) *Set {
	l := loader{o: o, set: &Set{}}
	l.text(name, text)
	l.resolve()
	return l.set
}

type loader struct {
	o   Options
	set *Set
	raw []*rawCorrelation
}

func (l *loader) file(fsys fs.FS, p string) error {
	f, err := fsys.Open(p)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	l.text(p, string(b))
	return nil
}

func (l *loader) text(name, content string) {
	l.set.Files++
	docs, err := documents(content)
	if err != nil {
		l.problem(Refused, name, lineOf(err), "", "", "not readable as YAML: "+err.Error())
	}
	if err == nil && len(docs) == 0 {
		l.problem(Note, name, 0, "", "", "no rule in it")
	}
	var c collection
	for _, doc := range docs {
		m := Meta{File: name, Line: doc.Line}
		rule, err := c.next(doc)
		if err == nil && rule != nil {
			err = l.document(&m, rule)
		}
		if err != nil {
			l.refuse(&m, err)
		}
	}
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

func lineOf(err error) int {
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		n, _ := strconv.Atoi(m[1]) // digits
		return n
	}
	return 0
}

// document reads one rule. m is filled as far as it comes, so that errors can name it.
func (l *loader) document(m *Meta, doc *yaml.Node) error {
	all, err := members(doc, "")
	if err != nil {
		return err
	}
	m.Line = doc.Line
	var logsource, detection, correlation, filter *yaml.Node
	for _, p := range all { // who it is first, so that every error can say so
		if p.key == "id" || p.key == "title" {
			if err := l.attribute(m, p); err != nil {
				return err
			}
		}
	}
	for _, p := range all {
		switch p.key {
		case "id", "title":
		case "logsource":
			logsource = p.value
		case "detection":
			detection = p.value
		case "correlation":
			correlation = p.value
		case "filter":
			filter = p.value
		default:
			if err := l.attribute(m, p); err != nil {
				return err
			}
		}
	}
	switch {
	case m.Title == "" && m.ID == "" && m.Name == "":
		return bad(doc, "title", "a rule without title, id and name cannot be named in a hit")
	case correlation != nil && (detection != nil || filter != nil), detection != nil && filter != nil:
		return bad(doc, "", "a document is one of a detection, a correlation, and a filter")
	case correlation != nil:
		return l.correlation(m, correlation)
	case filter != nil:
		return l.filter(m, filter)
	case detection == nil:
		return bad(doc, "detection", "is missing")
	case logsource == nil:
		return bad(doc, "logsource", "is missing")
	}
	return l.rule(m, logsource, detection)
}

// rule reads a detection rule.
func (l *loader) rule(m *Meta, logsource, detection *yaml.Node) error {
	ours, err := l.logsource(m, logsource)
	if err != nil || !ours {
		return err
	}
	d := detectionReader{o: l.o, note: func(n *yaml.Node, place, why string) {
		l.problem(Note, m.File, n.Line, m.Ident(), place, why)
	}}
	cond, err := d.read(detection)
	if err != nil {
		return err
	}
	l.set.Rules = append(l.set.Rules, &Rule{Meta: *m, cond: cond, Shown: true})
	return nil
}

// logsource says whether the rule is for CloudTrail.
func (l *loader) logsource(m *Meta, n *yaml.Node) (bool, error) {
	all, err := members(n, "logsource")
	if err != nil {
		return false, err
	}
	category := ""
	for _, p := range all {
		s, err := text(p.value, join("logsource", p.key))
		if err != nil {
			return false, err
		}
		switch p.key {
		case "product":
			m.Product = s
		case "service":
			m.Service = s
		case "category":
			category = s
		}
	}
	if l.o.AnySource || m.Product == "aws" && m.Service == "cloudtrail" && category == "" {
		return true, nil
	}
	l.problem(Foreign, m.File, n.Line, m.Ident(), "logsource", fmt.Sprintf("product %q, service %q, category %q: not CloudTrail (aws, cloudtrail)", m.Product, m.Service, category))
	return false, nil
}

// filter keeps a filter document.
func (l *loader) filter(m *Meta, n *yaml.Node) error {
	all, err := members(n, "filter")
	if err != nil {
		return err
	}
	f := Filter{Meta: *m}
	for _, p := range all {
		if p.key == "rules" {
			if f.Rules, err = texts(p.value, "filter.rules"); err != nil {
				return err
			}
		}
	}
	l.set.Filters = append(l.set.Filters, &f)
	of := "rules " + strings.Join(f.Rules, ", ")
	if len(f.Rules) == 0 || slices.Contains(f.Rules, "any") {
		of = "any rule"
	}
	l.problem(Note, m.File, n.Line, m.Ident(), "filter", "a filter of "+of+", kept and not applied: no hit is taken away here")
	return nil
}

func (l *loader) problem(s Severity, file string, line int, rule, place, why string) {
	l.set.Problems = append(l.set.Problems, Problem{s, file, line, rule, place, why})
}

// refuse books what cost a rule.
func (l *loader) refuse(m *Meta, err error) {
	var b badness
	if !errors.As(err, &b) {
		l.problem(Refused, m.File, m.Line, m.Ident(), "", err.Error())
		return
	}
	line := m.Line
	if b.node != nil {
		line = b.node.Line
	}
	l.problem(Refused, m.File, line, m.Ident(), b.place, b.why)
}

var (
	statuses     = []string{"stable", "test", "experimental", "deprecated", "unsupported"}
	techniqueTag = regexp.MustCompile(`^t[0-9]{4}(\.[0-9]{3})?$`)
)

// attribute reads one attribute of a rule that is neither source nor detection.
func (l *loader) attribute(m *Meta, p pair) (err error) {
	one := map[string]*string{"id": &m.ID, "name": &m.Name, "title": &m.Title, "status": &m.Status, "level": &m.Level, "description": &m.Description,
		"author": &m.Author, "license": &m.License, "date": &m.Date, "modified": &m.Modified}
	many := map[string]*[]string{"tags": &m.Tags, "references": &m.References, "falsepositives": &m.FalsePositives, "fields": &m.Fields, "scope": &m.Scope}
	switch {
	case one[p.key] != nil:
		*one[p.key], err = text(p.value, p.key)
	case many[p.key] != nil:
		*many[p.key], err = texts(p.value, p.key)
	case p.key == "related":
		m.Related, err = related(p.value)
	case p.key == "taxonomy":
		var s string
		if s, err = text(p.value, p.key); err == nil && s != "" && s != "sigma" {
			err = bad(p.value, p.key, "taxonomy %q: the rule's fields have other names than CloudTrail's", s)
		}
	default:
		l.problem(Note, m.File, p.at.Line, m.Ident(), p.key, "an attribute of the author's own: not used")
	}
	if err != nil {
		return err
	}
	switch {
	case p.key == "status" && m.Status != "" && !contains(statuses, m.Status):
		return bad(p.value, p.key, "unknown status %q (known: %s)", m.Status, strings.Join(statuses, ", "))
	case p.key == "level" && m.Level != "" && m.Weight() == 0:
		return bad(p.value, p.key, "unknown level %q (known: %s)", m.Level, strings.Join(levels, ", "))
	case p.key == "tags":
		l.tags(m, p)
	}
	return nil
}

func (l *loader) tags(m *Meta, p pair) {
	for _, t := range m.Tags {
		if id, ok := strings.CutPrefix(t, "attack.t"); ok && len(id) > 0 && id[0] >= '0' && id[0] <= '9' && !techniqueTag.MatchString("t"+id) {
			l.problem(Note, m.File, p.at.Line, m.Ident(), "tags", fmt.Sprintf("%q is no ATT&CK technique", t))
		}
	}
}

func related(n *yaml.Node) ([]Related, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, bad(n, "related", "a list is wanted, not %s", kindOf(n))
	}
	var all []Related
	for _, k := range n.Content {
		ms, err := members(k, "related")
		if err != nil {
			return nil, err
		}
		var r Related
		for _, p := range ms {
			s, err := text(p.value, "related."+p.key)
			if err != nil {
				return nil, err
			}
			switch p.key {
			case "id":
				r.ID = s
			case "type":
				r.Type = s
			}
		}
		all = append(all, r)
	}
	return all, nil
}

func contains(all []string, s string) bool {
	for _, a := range all {
		if a == s {
			return true
		}
	}
	return false
}
