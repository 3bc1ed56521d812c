package deploy

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

// Whom a template is for.
const (
	Security = "security" // the account that keeps evidence and runs the workers
	Member   = "member"   // each account under watch, by a StackSet
)

// Formats of templates.
const CloudFormation = "cloudformation"

// Errors that callers branch on.
var (
	ErrFor       = errors.New("a template is for security or member")
	ErrFormat    = errors.New("templates are printed as cloudformation")
	ErrParameter = errors.New("the template has no such parameter")
)

//go:embed security.yaml.tmpl member.yaml.tmpl alerts.yaml.tmpl
var texts embed.FS

// Options say what is printed.
type Options struct {
	Format string // "" is CloudFormation
	For    string // "" is Security
	// Parameters are defaults for parameters of the template, by name.
	Parameters map[string]string
}

type printer struct{ o Options }

// Print gives the text of a template.
func Print(o Options) (string, error) {
	if o.Format == "" {
		o.Format = CloudFormation
	}
	if o.For == "" {
		o.For = Security
	}
	switch {
	case o.Format != CloudFormation:
		return "", fmt.Errorf("%w, not %q", ErrFormat, o.Format)
	case o.For != Security && o.For != Member:
		return "", fmt.Errorf("%w, not %q", ErrFor, o.For)
	}
	p := &printer{o}
	t, err := template.New("").Delims("<%", "%>").Funcs(template.FuncMap{
		"policy": func(name string, indent int) (string, error) {
			all, err := p.policy(name)
			return listed(all, indent), err
		},
		"actions": func(name string, indent int) (string, error) {
			all, err := p.policy(name)
			if err != nil {
				return "", err
			}
			return actions(all, indent)
		},
		"acts": func() string { return strings.Join(Acts(), ", ") },
	}).ParseFS(texts, "*.tmpl")
	if err != nil {
		return "", fmt.Errorf("reading the template: %w", err)
	}
	var b strings.Builder
	if err := t.ExecuteTemplate(&b, o.For+".yaml.tmpl", o); err != nil {
		return "", fmt.Errorf("writing the template for %s: %w", o.For, err)
	}
	text := b.String()
	for _, name := range slices.Sorted(maps.Keys(o.Parameters)) {
		if text, err = withDefault(text, name, o.Parameters[name]); err != nil {
			return "", err
		}
	}
	return text, nil
}

// withDefault gives a parameter a default, so that nobody has to type it.
func withDefault(text, name, value string) (string, error) {
	head, rest, _ := strings.Cut(text, "\nResources:\n")
	at := regexp.MustCompile(`(?m)^  ` + regexp.QuoteMeta(name) + `:\n((?:    .*\n)+)`).FindStringSubmatchIndex(head)
	if at == nil || strings.ContainsAny(value, "\n\r\x00") {
		return "", fmt.Errorf("%w: %q; there are %s", ErrParameter, name, strings.Join(ParametersOf(text), ", "))
	}
	block := regexp.MustCompile(`(?m)^    Default: .*\n`).ReplaceAllString(head[at[2]:at[3]], "")
	block += "    Default: '" + strings.ReplaceAll(value, "'", "''") + "'\n"
	return head[:at[2]] + block + head[at[3]:] + "\nResources:\n" + rest, nil
}

// ParametersOf are the names of a template's parameters, in its order.
func ParametersOf(text string) []string {
	_, after, _ := strings.Cut(text, "\nParameters:\n")
	block, _, _ := strings.Cut(after, "\nResources:\n")
	block, _, _ = strings.Cut(block, "\nConditions:\n")
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^  ([A-Za-z0-9]+):$`).FindAllStringSubmatch(block, -1) {
		names = append(names, m[1])
	}
	return names
}
