// Command sigmahits prints which rules hit which events, so that other Sigma tools can
// judge internal/sigma. Rules come from a folder; events, one a line, in order of time,
// from standard input.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/sigma"
)

// line is a hit, or an alert of a correlation.
type line struct {
	Rule   string   `json:"rule"`
	Event  string   `json:"event,omitempty"`
	At     int64    `json:"at,omitempty"`
	Group  []string `json:"group,omitempty"`
	Metric *float64 `json:"metric,omitempty"`
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sigmahits:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: sigmahits RULES < EVENTS")
	}
	set, err := sigma.Load(os.DirFS(args[0]), sigma.Options{})
	if err != nil {
		return err
	}
	for _, p := range set.Problems {
		if p.Severity != sigma.Note {
			return p
		}
	}
	e := sigma.NewEngine(set)
	m, c, enc := e.NewMatcher(), e.NewCorrelator(0), json.NewEncoder(out)
	alert := func(a sigma.Alert) error {
		return enc.Encode(line{Rule: e.Correlations()[a.Correlation].ID, At: a.End.Unix(), Group: a.Group, Metric: &a.Metric})
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var ev struct {
			EventID   string    `json:"eventID"`
			EventTime time.Time `json:"eventTime"`
		}
		if err := json.Unmarshal(lines.Bytes(), &ev); err != nil {
			return err
		}
		hits, err := m.Match(lines.Bytes())
		if err != nil {
			return fmt.Errorf("%s: %w", ev.EventID, err)
		}
		for _, h := range hits {
			if r := e.Rules()[h.Rule]; r.Shown {
				if err := enc.Encode(line{Rule: r.ID, Event: ev.EventID}); err != nil {
					return err
				}
			}
		}
		if err := c.Add(ev.EventTime, ev.EventID, hits, alert); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return c.Flush(alert)
}
