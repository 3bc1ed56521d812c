// Command tally reads `go test -json` streams, prints what failed, holds every
// skip against the list of allowed ones, and ends with
// "N passed, M failed, K skipped". A test counts where it is a leaf: a test with
// subtests is counted through them.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

type event struct{ Action, Package, Test, Output, ImportPath, FailedBuild string }

type result struct {
	action string
	output []string
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: tally SKIPS STREAM...")
		os.Exit(2)
	}
	os.Exit(tally(os.Args[1], os.Args[2:]))
}

func tally(skipFile string, streams []string) int {
	allowed, err := readSkips(skipFile)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	results := map[string]*result{}
	for _, s := range streams {
		if err := read(s, results); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	passed, failed, skipped := 0, 0, 0
	for _, name := range sorted(results) {
		r := results[name]
		if !leaf(name, results) && r.action != "fail" {
			continue
		}
		switch r.action {
		case "pass":
			passed++
		case "skip":
			skipped++
			if allowed[name] == "" {
				failed++
				fmt.Printf("SKIPPED, not in %s: %s\n%s", skipFile, name, strings.Join(r.output, ""))
			} else {
				fmt.Printf("skipped: %s: %s\n", name, allowed[name])
			}
		default:
			failed++
			fmt.Printf("FAILED: %s\n%s", name, strings.Join(r.output, ""))
		}
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	if failed > 0 || passed == 0 {
		return 1
	}
	return 0
}

func leaf(name string, all map[string]*result) bool {
	for other := range all {
		if strings.HasPrefix(other, name+"/") {
			return false
		}
	}
	return true
}

func sorted(m map[string]*result) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// readSkips reads lines "package Test: reason".
func readSkips(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, ok := strings.Cut(line, ": ")
		if !ok || reason == "" {
			return nil, fmt.Errorf("%s: %q has no reason", path, line)
		}
		out[name] = reason
	}
	return out, nil
}

func read(path string, results map[string]*result) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			e = event{Action: "output", Package: path, Output: lines.Text() + "\n"} // a tool's own words
		}
		take(e, results)
	}
	return lines.Err()
}

func take(e event, results map[string]*result) {
	pkg := e.Package
	if pkg == "" {
		pkg = e.ImportPath
	}
	name := pkg
	if e.Test != "" {
		name += " " + e.Test
	}
	switch e.Action {
	case "output", "build-output":
		r := results[name]
		if r == nil {
			r = &result{action: "none"}
			results[name] = r
		}
		r.output = append(r.output, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" && e.Action != "fail" {
			delete(results, name) // a package is not a test
			return
		}
		if results[name] == nil {
			results[name] = &result{}
		}
		results[name].action = e.Action
	case "build-fail":
		if results[name] == nil {
			results[name] = &result{}
		}
		results[name].action = "fail"
	}
}
