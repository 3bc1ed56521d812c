// Command scenariocheck says what the strict reader of tabletop scenarios has against documents, so
// that another tool can be held against it. With files as arguments it prints each as JSON, one a
// line; without it reads such lines and answers each with a line of what is wrong with it.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/freezeframe-ir/freezeframe/internal/strictyaml"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// verdict is what is wrong: with the document's members alone, and with all of it.
type verdict struct{ Structure, All []string }

func run(files []string, in io.Reader, out io.Writer) error {
	enc := json.NewEncoder(out)
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var doc any
		if problems := strictyaml.Decode(name, data, &doc); len(problems) > 0 {
			return fmt.Errorf("%s", problems[0])
		}
		if err := enc.Encode(doc); err != nil {
			return err
		}
	}
	if len(files) > 0 {
		return nil
	}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		var said verdict
		for _, p := range strictyaml.Decode("scenario", line, &tabletop.Scenario{}) {
			said.Structure = append(said.Structure, p.What)
		}
		_, wrong := tabletop.Parse("scenario", line)
		if bad, ok := errors.AsType[*tabletop.InvalidError](wrong); ok {
			for _, p := range bad.Problems {
				said.All = append(said.All, p.What)
			}
		}
		if err := enc.Encode(said); err != nil {
			return err
		}
	}
}
