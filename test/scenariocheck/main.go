// Command scenariocheck says what the strict reader of tabletop scenarios, or with mandates or mappings
// as its first argument that of mandates or of the files that map alerts to playbooks, has against documents, so that another tool can be held against
// it. With files as arguments it prints each as JSON, one a line; without it reads such lines and
// answers each with a line of what is wrong with it.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
	"github.com/freezeframe-ir/freezeframe/internal/strictyaml"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/mapping"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
)

func main() {
	args, read := os.Args[1:], scenario
	if len(args) > 0 && args[0] == "mandates" {
		args, read = args[1:], readMandate
	}
	if len(args) > 0 && args[0] == "mappings" {
		args, read = args[1:], readMapping
	}
	if err := run(args, read, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// verdict is what is wrong: with the document's members alone, and with all of it.
type verdict struct{ Structure, All []string }

func scenario(line []byte) (v verdict) {
	v.Structure = whats(strictyaml.Decode("scenario", line, &tabletop.Scenario{}))
	_, wrong := tabletop.Parse("scenario", line)
	if bad, ok := errors.AsType[*tabletop.InvalidError](wrong); ok {
		for _, p := range bad.Problems {
			v.All = append(v.All, p.What)
		}
	}
	return v
}

func readMandate(line []byte) (v verdict) {
	v.Structure = whats(strictyaml.Decode("mandate", line, &mandate.Mandate{}))
	var acts []mandate.Act
	for _, a := range contain.All() {
		acts = append(acts, mandate.Act{Name: a.Name, Kind: string(a.Kind), Level: string(a.Level)})
	}
	_, wrong := mandate.Read("mandate", line, acts)
	if bad, ok := errors.AsType[*mandate.InvalidError](wrong); ok {
		v.All = whats(bad.Problems)
	}
	return v
}

// readMapping takes any playbook that is named for the built-in one: which there are is not the form's.
func readMapping(line []byte) (v verdict) {
	v.Structure = whats(strictyaml.Decode("mapping", line, &mapping.Mapping{}))
	_, wrong := mapping.Read("mapping", line, func(string) (*playbooks.Playbook, error) { return playbooks.Parse("any.yaml", []byte(anyPlaybook)) })
	if bad, ok := errors.AsType[*mapping.InvalidError](wrong); ok {
		v.All = whats(bad.Problems)
	}
	return v
}

const anyPlaybook = `playbook: any
title: any
inputs:
  function: {type: string, required: true}
steps:
  - {id: first, run: collect, with: {function: '${inputs.function}'}}
`

func whats(problems []strictyaml.Problem) (all []string) {
	for _, p := range problems {
		all = append(all, p.What)
	}
	return all
}

func run(files []string, read func([]byte) verdict, in io.Reader, out io.Writer) error {
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
		if err := enc.Encode(read(line)); err != nil {
			return err
		}
	}
}
