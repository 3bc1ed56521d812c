// Package strictpage reads a page more strictly than any browser does: it takes nothing but
// lower-case tags of known elements, with known attributes in double quotes, and text in which
// every angle bracket is escaped. What it takes has one meaning to every parser; what an
// attacker's text would have to look like to become markup, it refuses.
package strictpage

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
)

// Tag is one tag of a page.
type Tag struct {
	Name string
	End  bool
	Attr []Attr
}

// Attr is one attribute, its value decoded.
type Attr struct{ Name, Value string }

// Get is the value of an attribute, "" if there is none.
func (t Tag) Get(name string) string {
	for _, a := range t.Attr {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// Page is what was read.
type Page struct {
	Tags  []Tag
	Texts []string // decoded, what stands between tags, without what is only space
	Raw   []string // of script and style
}

var (
	// Elements and attributes that a report has. None loads, sends or runs anything, but script and style.
	elements = strings.Fields(`html head meta title style script body a div header main footer nav section h1 h2 h3 p ul li dl dt dd table caption thead tbody tr th td code pre span strong details summary
		label input button form br svg g path rect line text defs marker`)
	attributes = strings.Fields(`lang charset name content http-equiv class id href rel role tabindex hidden type scope for value action method autocomplete spellcheck checked open
		aria-label aria-labelledby aria-describedby aria-live aria-hidden data-lane data-does data-t data-y focusable
		viewbox viewBox width height x y x1 x2 y1 y2 d rx fill transform visibility text-anchor marker-end refX refY markerWidth markerHeight orient`)
	void    = []string{"meta", "input", "br"}
	open    = regexp.MustCompile(`^<(/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z][a-zA-Z0-9-]*(?:="[^"<>]*")?)*)\s*>`)
	attr    = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9-]*)(?:="([^"<>]*)")?`)
	inPlace = regexp.MustCompile(`^(?:#[a-z0-9-]*|\./|(?:events|answers)(?:\?[A-Za-z0-9%+=&._~-]*)?)$`)
)

// Read takes a page, or says at which byte it stops being one.
func Read(text string) (*Page, error) {
	const doctype = "<!DOCTYPE html>"
	if !strings.HasPrefix(text, doctype) {
		return nil, fmt.Errorf("no %s", doctype)
	}
	p, at := &Page{}, len(doctype)
	var inside []string
	for at < len(text) {
		next := strings.IndexByte(text[at:], '<')
		if next < 0 {
			next = len(text) - at
		}
		if err := p.text(text[at : at+next]); err != nil {
			return nil, fmt.Errorf("byte %d: %w", at, err)
		}
		at += next
		if at == len(text) {
			break
		}
		m := open.FindStringSubmatch(text[at:])
		if m == nil {
			return nil, fmt.Errorf("byte %d: no tag: %.80q", at, text[at:])
		}
		t, err := tag(m)
		if err != nil {
			return nil, fmt.Errorf("byte %d: %w in %.120q", at, err, m[0])
		}
		at += len(m[0])
		p.Tags = append(p.Tags, t)
		switch {
		case t.End && (len(inside) == 0 || inside[len(inside)-1] != t.Name):
			return nil, fmt.Errorf("byte %d: </%s> closes %v", at, t.Name, inside)
		case t.End:
			inside = inside[:len(inside)-1]
		case !slices.Contains(void, t.Name):
			inside = append(inside, t.Name)
		}
		if !t.End && (t.Name == "script" || t.Name == "style") {
			end := strings.Index(text[at:], "</"+t.Name+">")
			if end < 0 || strings.Contains(text[at:at+end], "<!--") || strings.Contains(text[at:at+end], "</") {
				return nil, fmt.Errorf("byte %d: a %s that does not end where it seems to", at, t.Name)
			}
			p.Raw = append(p.Raw, text[at:at+end])
			at += end
		}
	}
	if len(inside) > 0 {
		return nil, fmt.Errorf("%v are not closed", inside)
	}
	return p, nil
}

func (p *Page) text(s string) error {
	if i := strings.IndexByte(s, '>'); i >= 0 {
		return fmt.Errorf("a bare > in %.80q", s[max(0, i-40):])
	}
	if t := strings.TrimSpace(s); t != "" {
		p.Texts = append(p.Texts, html.UnescapeString(t))
	}
	return nil
}

func tag(m []string) (Tag, error) {
	t := Tag{Name: m[2], End: m[1] != ""}
	if !slices.Contains(elements, t.Name) {
		return t, fmt.Errorf("element %s", t.Name)
	}
	if t.End && strings.TrimSpace(m[3]) != "" {
		return t, fmt.Errorf("attributes of an end")
	}
	for _, a := range attr.FindAllStringSubmatch(m[3], -1) {
		if !slices.Contains(attributes, a[1]) {
			return t, fmt.Errorf("attribute %s", a[1])
		}
		v := html.UnescapeString(a[2])
		if (a[1] == "href" || a[1] == "action") && !inPlace.MatchString(v) {
			return t, fmt.Errorf("%s leads out: %q", a[1], v)
		}
		if a[1] == "marker-end" && v != "url(#arrow)" {
			return t, fmt.Errorf("%s leads out: %q", a[1], v)
		}
		if slices.ContainsFunc(t.Attr, func(have Attr) bool { return have.Name == a[1] }) {
			return t, fmt.Errorf("attribute %s twice", a[1])
		}
		t.Attr = append(t.Attr, Attr{a[1], v})
	}
	return t, nil
}

// Skeleton is the page without what is text: elements, and those attributes that are ours.
func (p *Page) Skeleton() []string {
	var out []string
	for _, t := range p.Tags {
		s := t.Name
		if t.End {
			s = "/" + s
		}
		for _, a := range t.Attr {
			s += " " + a.Name
			if slices.Contains([]string{"role", "type", "scope", "http-equiv", "name", "method", "action"}, a.Name) || a.Name == "content" && t.Get("http-equiv") != "" {
				s += "=" + a.Value
			}
		}
		out = append(out, s)
	}
	return out
}

// Policy says what the page's own policy would refuse of it: a script or style that is not the
// one that is named by its hash. "" is nothing.
func (p *Page) Policy(policy string) string {
	if !strings.HasPrefix(policy, "default-src 'none'; ") {
		return "the policy lets in what it does not name: " + policy
	}
	raw := 0
	for _, t := range p.Tags {
		if t.End || t.Name != "script" && t.Name != "style" {
			continue
		}
		text := p.Raw[raw]
		raw++
		if t.Get("type") == "application/json" {
			continue // runs nothing
		}
		sum := sha256.Sum256([]byte(text))
		if want := t.Name + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want+";") {
			return "the policy does not name the page's own " + t.Name
		}
	}
	return ""
}
