// Package builtin holds the project's own Sigma rules: for each threat to Lambda that
// CloudTrail can show, what to look at. The first part of a file's name is the threat's
// number in the project's table (what is not here, the bootstrap swapped in memory and
// the exploit of an application, leaves no record of a call).
//
// A rule of level medium or above says something that ordinary deployments do not do; what
// they do too is low or informational, and serves to find one's way on a timeline.
package builtin

import (
	"embed"
	"fmt"
	"io/fs"

	"github.com/freezeframe-ir/freezeframe/internal/sigma"
)

//go:embed rules/*.yml
var files embed.FS

// Rules reads the built-in rules.
func Rules() (*sigma.Set, error) {
	rules, err := fs.Sub(files, "rules")
	if err != nil {
		return nil, fmt.Errorf("built-in rules: %w", err)
	}
	return sigma.Load(rules, sigma.Options{})
}
