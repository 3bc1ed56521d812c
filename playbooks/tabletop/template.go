package tabletop

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed scenarios/base/template.yaml
var starter string

// Template is a scenario to begin with: it is fair as it is.
func Template(name string) ([]byte, error) {
	if !slug.MatchString(name) {
		return nil, fmt.Errorf("name %q: lower-case letters, digits and hyphens are wanted, a letter first", name)
	}
	return []byte(strings.Replace(starter, "scenario: template", "scenario: "+name, 1)), nil
}
