// Command gen turns AWS's published API shapes (botocore's service models,
// trimmed, one NAME.json.gz for each service) into the tables of facts that the
// simulator's codec runs on: facts/NAME.txt, in the format that package awssim's
// facts.go reads. Only the operations of lists.go are carried over with their
// shapes; of the others a line remains, so that a call of one is refused by name.
//
//	go run ./internal/awssim/gen -models ../shared/data/aws-models
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("gen", flag.ContinueOnError)
	models := fs.String("models", "../shared/data/aws-models", "folder of NAME.json.gz")
	to := fs.String("out", "internal/awssim/facts", "folder of NAME.txt")
	check := fs.Bool("check", false, "change nothing, fail if a table is not what the models give")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	var stale []error
	for _, s := range services() {
		text, err := table(*models, s)
		if err != nil {
			return fmt.Errorf("making the table of %s: %w", s.name, err)
		}
		path := filepath.Join(*to, s.name+".txt")
		if *check {
			stale = append(stale, same(path, text))
			continue
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %d bytes\n", path, len(text))
	}
	return errors.Join(stale...)
}

func same(path string, want []byte) error {
	have, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, want) {
		return fmt.Errorf("%s is not what the models give: run the generator", path)
	}
	return nil
}

func table(models string, s selection) ([]byte, error) {
	m, err := readModel(filepath.Join(models, s.name+".json.gz"))
	if err != nil {
		return nil, err
	}
	w := &writer{m: m, s: s, reached: map[string]bool{}}
	return w.table()
}
