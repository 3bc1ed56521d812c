package main

import (
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

func (p *program) watchCommand(function cli.Flag) *cli.Command {
	return &cli.Command{
		Name: "watch", Usage: "look again and again whether containment holds, who changes it back, and who still comes in (reads only)",
		Description: "freezeframe contain watch --for 10m\n\nShows acts that were changed back and by whom, invocations and throttles, and calls with the role's credentials. Ends with what is in force. That nothing was seen is no proof: CloudTrail is up to 15 minutes late, and data-plane calls are not visible.",
		Flags: []cli.Flag{function, identityFlag(),
			&cli.DurationFlag{Name: "for", Usage: "how long", Value: 10 * time.Minute},
			&cli.DurationFlag{Name: "every", Usage: "between two looks", Value: 15 * time.Second},
		},
		Action: p.watchContainment,
	}
}

func (p *program) watchContainment(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	opened, err := p.openCaseToContain(c)
	if err != nil {
		return err
	}
	s, err := p.connect(c, nil, true)
	if err != nil {
		return err
	}
	w, err := contain.Watch(c.Context, contain.WatchInput{
		Session: s, Case: opened, Function: c.String("function"), For: c.Duration("for"), Every: c.Duration("every"),
		Tell: func(x contain.Sighting) { p.s.Warn("%s", sighted(x)) },
	})
	if err != nil {
		return err
	}
	if err := p.s.Show(w, func(t *ui.Printer) { showWatched(t, w) }); err != nil {
		return err
	}
	if len(w.Ways) > 0 {
		return ui.Findings("%s", w.Verdict)
	}
	return nil
}

func showWatched(t *ui.Printer, w *contain.Watched) {
	for _, s := range w.Sightings {
		t.Line("%s %s", ui.Clock(s.At), sighted(s))
	}
	showStandings(t, w.Standings)
	for _, way := range w.Ways {
		t.Line("%s %s", t.Bad("still in:"), way)
	}
	for _, road := range w.Roads {
		t.Line("%s %s", t.Bad("open road:"), road)
	}
	t.Line("%s from %s to %s: %s", t.Bold(ui.Plural(w.Looks, "look")), ui.Clock(w.From), ui.Clock(w.To), w.Verdict)
}

// sighted is a sighting in a line; what means that somebody is in comes in capitals.
func sighted(s contain.Sighting) string {
	what := s.What
	switch what {
	case contain.SightReversed, contain.SightCalls, contain.SightRuns:
		what = strings.ToUpper(what)
	}
	var parts []string
	for _, part := range []string{what, s.Act, s.Resource, s.Detail} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if s.Who != "" {
		parts = append(parts, "by "+s.Who)
	}
	if s.Event != "" {
		parts = append(parts, "(event "+s.Event+")")
	}
	return strings.Join(parts, " ")
}
