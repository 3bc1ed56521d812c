// Command assessforms prints an assessment that says everything, hostile text with it, in one of
// the forms: for judges of forms that are programs of their own.
package main

import (
	"fmt"
	"os"

	"github.com/freezeframe-ir/freezeframe/playbooks/practices/forms"
	"github.com/freezeframe-ir/freezeframe/test/assessments"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: assessforms FORM")
		os.Exit(2)
	}
	if err := forms.WriteAs(os.Stdout, os.Args[1], assessments.Sample()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
