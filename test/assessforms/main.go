// Command assessforms prints an assessment that says everything, hostile text with it, in one of
// the forms: for judges of forms that are programs of their own. As "references" it prints the
// catalogue's references and agreements, for a judge of those.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/freezeframe-ir/freezeframe/playbooks/practices"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices/forms"
	"github.com/freezeframe-ir/freezeframe/test/assessments"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: assessforms FORM")
		os.Exit(2)
	}
	if os.Args[1] == "references" {
		printReferences()
		return
	}
	if err := forms.WriteAs(os.Stdout, os.Args[1], assessments.Sample()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func printReferences() {
	var out struct {
		Checks     map[string][]practices.Reference `json:"checks"`
		Agreements []practices.Agreement            `json:"agreements"`
	}
	out.Checks, out.Agreements = map[string][]practices.Reference{}, practices.Agreements()
	for _, k := range practices.Catalogue() {
		out.Checks[k.ID] = k.References
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
