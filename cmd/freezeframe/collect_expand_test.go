package main

import (
	"bytes"
	"flag"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

// TestAskExpand: only yes is yes, and where there is nobody nothing is assumed.
func TestAskExpand(t *testing.T) {
	some := &collect.Expansion{Functions: []collect.Proposed{{Name: "other"}}}
	for _, c := range []struct {
		name, typed string
		tty, yes    bool
		x           *collect.Expansion
		want        string
	}{
		{"yes at the prompt", "yes\n", true, false, some, "yes"},
		{"yes without a line's end", "yes", true, false, some, "yes"},
		{"y is not yes", "y\n", true, false, some, "no"},
		{"nothing typed", "", true, false, some, "no"},
		{"nobody there", "yes\n", false, false, some, "nobody to ask"},
		{"--yes", "", false, true, some, "yes"},
		{"nothing proposed", "", false, true, &collect.Expansion{}, "nothing to ask"},
	} {
		var errs bytes.Buffer
		p := &program{s: &ui.Streams{In: strings.NewReader(c.typed), Out: &errs, Err: &errs, InTTY: c.tty}}
		flags := flag.NewFlagSet("collect", flag.ContinueOnError)
		flags.Bool("yes", c.yes, "")
		got, why, err := p.askExpand(cli.NewContext(nil, flags, nil), c.x)
		if err != nil || got != c.want || got == "yes" && why == "" {
			t.Errorf("%s: %q (%s), %v", c.name, got, why, err)
		}
		if c.tty && c.x == some && !strings.Contains(errs.String(), "collect 1 function and look up 0 access keys?") {
			t.Errorf("%s: asked %q", c.name, errs.String())
		}
	}
}
