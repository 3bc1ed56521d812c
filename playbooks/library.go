package playbooks

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// ErrUnknown: no built-in playbook of that name.
var ErrUnknown = errors.New("no built-in playbook")

// BuiltIn is every playbook that comes with the tool, by name.
func BuiltIn() ([]*Playbook, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("reading the built-in playbooks: %w", err)
	}
	var out []*Playbook
	for _, e := range entries {
		data, err := files.ReadFile(e.Name())
		if err != nil {
			return nil, fmt.Errorf("reading the built-in playbook %s: %w", e.Name(), err)
		}
		pb, err := Parse(e.Name(), data)
		if err != nil {
			return nil, err
		}
		out = append(out, pb)
	}
	return out, nil
}

// Find is the built-in playbook of that name. ErrUnknown names what was probably meant.
func Find(name string) (*Playbook, error) {
	data, err := files.ReadFile(name + ".yaml")
	if err == nil {
		return Parse(name+".yaml", data)
	}
	var known []string
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("reading the built-in playbooks: %w", err)
	}
	for _, e := range entries {
		known = append(known, strings.TrimSuffix(path.Base(e.Name()), ".yaml"))
	}
	return nil, fmt.Errorf("%w %q%s", ErrUnknown, name, didYouMean(name, known))
}
