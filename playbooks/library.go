package playbooks

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"strings"
)

//go:embed library/*.yaml
var files embed.FS

const libraryDir = "library/"

// builtIn is the Source of the built-in playbooks.
func builtIn(name string) (string, []byte, error) {
	data, err := files.ReadFile(libraryDir + name + ".yaml")
	if err == nil {
		return name + ".yaml", data, nil
	}
	known, err := Names()
	if err != nil {
		return "", nil, err
	}
	return "", nil, fmt.Errorf("%w %q%s", ErrUnknown, name, didYouMean(name, known))
}

// Names are those of the built-in playbooks.
func Names() ([]string, error) {
	entries, err := files.ReadDir(path.Clean(libraryDir))
	if err != nil {
		return nil, fmt.Errorf("reading the built-in playbooks: %w", err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return out, nil
}

// ErrUnknown: no built-in playbook of that name.
var ErrUnknown = errors.New("no built-in playbook")

// BuiltIn is every playbook that comes with the tool, by name.
func BuiltIn() ([]*Playbook, error) {
	names, err := Names()
	if err != nil {
		return nil, err
	}
	var out []*Playbook
	for _, name := range names {
		pb, err := Find(name)
		if err != nil {
			return nil, err
		}
		out = append(out, pb)
	}
	return out, nil
}

// Find is the built-in playbook of that name. ErrUnknown names what was probably meant.
func Find(name string) (*Playbook, error) {
	file, data, err := builtIn(name)
	if err != nil {
		return nil, err
	}
	return Parse(file, data)
}

// BuiltInText is the file of a built-in playbook; ErrUnknown names what was probably meant.
func BuiltInText(name string) (file string, text []byte, err error) { return builtIn(name) }
