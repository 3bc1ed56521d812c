package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
)

// solo is one person's exercise at a prompt. The clock goes on at a speed, stands still at speed 0,
// and goes back by rewinding.
type solo struct {
	p     *program
	game  *tabletop.Game
	speed float64
}

// soloHelp are the words of the prompt; what they take is on the line.
const soloHelp = `look                          what you were told
wait 5m                       let time pass
speed 60                      so many times faster than the wall clock; pause is speed 0
note KIND TEXT                detect, declare, decide, handover, note: into the ledger
collect FUNCTION...           freezeframe collect
contain [FLAGS]               freezeframe contain plan and apply: --function --actor --resource --act --level
                              --preserve --accept-shared-role --good-version --override REASON
call Service:Operation JSON   one call of the API
decide ID OPTION ROLE REASON  what an inject asks for
verify                        freezeframe verify
hint                          costs points
rewind 10m                    back to T+10m: what was not over by then never was
log                           where it can be rewound to exactly
end                           let the rest of the time pass, and score
quit                          leave without a score`

// runSolo lets one person respond, and shows the score, if it came to one.
func (p *program) runSolo(c *cli.Context, sc *tabletop.Scenario, o tabletop.Options) error {
	p.introduce(sc, o.Now, "its clock is yours: wait, speed, pause, rewind; help says the rest")
	s := &solo{p: p, speed: c.Float64("speed")}
	cases := 0
	open := func(ctx context.Context, w *tabletop.World) (*tabletop.Response, error) {
		cases++
		opened, err := p.exerciseCase(c, w, cases)
		if err != nil {
			return nil, err
		}
		p.s.Person(func(t *ui.Printer) { t.Line("case %s", opened.Vault().String()) })
		return w.Respond(ctx, opened, opened.Operator)
	}
	game, err := tabletop.NewGame(c.Context, sc, o, open, func(e tabletop.Event) {
		if e.Kind != tabletop.EventAttacker && e.Kind != tabletop.EventOther { // CloudTrail knows, and nobody says so
			p.s.Person(func(t *ui.Printer) { showEvent(t, e) })
		}
	})
	if err != nil {
		return err
	}
	s.game = game
	score, err := s.loop(c.Context)
	if err != nil || score == nil {
		return err
	}
	if dir := c.String("report"); dir != "" {
		if _, err := writePapers(sc, score, nil, tabletop.PaperForms(), dir); err != nil {
			return err
		}
	}
	return p.s.Show(score, func(t *ui.Printer) {
		t.Line("EXERCISE %s", score.Exercise)
		showScore(t, score)
	})
}

// loop reads lines and drives the clock between them.
func (s *solo) loop(ctx context.Context) (*tabletop.Score, error) {
	lines, done := make(chan string), make(chan struct{})
	go func() { // it ends with the input, or with the loop at the next line
		defer close(lines)
		for in := bufio.NewScanner(s.p.s.In); in.Scan(); {
			select {
			case lines <- in.Text():
			case <-done:
				return
			}
		}
	}()
	defer close(done)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		s.prompt()
		line, ok, err := s.next(ctx, lines, tick.C)
		if err != nil {
			return nil, err
		}
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case !ok || word == "end":
			return s.game.End(ctx)
		case word == "quit":
			return nil, nil
		}
		if err := s.do(ctx, word, strings.TrimSpace(rest)); err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			s.p.s.Person(func(t *ui.Printer) { t.Line("  %s %s", t.Bad("no:"), err) })
		}
	}
}

// next is the next line; until it comes the clock goes on.
func (s *solo) next(ctx context.Context, lines <-chan string, tick <-chan time.Time) (string, bool, error) {
	for {
		select {
		case <-ctx.Done():
			return "", false, ctx.Err()
		case line, ok := <-lines:
			return line, ok, nil
		case <-tick:
			if s.speed <= 0 {
				continue
			}
			if err := s.game.Wait(ctx, time.Duration(s.speed*float64(time.Second))); err != nil {
				return "", false, err
			}
		}
	}
}

func (s *solo) prompt() {
	if s.p.s.InTTY {
		fmt.Fprintf(s.p.s.Err, "%s> ", tabletop.Event{After: s.game.Elapsed()}.Clock())
	}
}

func (s *solo) do(ctx context.Context, word, rest string) error {
	switch word {
	case "":
		return nil
	case "help", "?":
		s.p.s.Person(func(t *ui.Printer) { t.Block("  ", soloHelp) })
		return nil
	case "look":
		s.p.s.Person(func(t *ui.Printer) { showSeen(t, s.game.World.Seen()) })
		return nil
	case "log":
		s.p.s.Person(func(t *ui.Printer) {
			for _, at := range s.game.Checkpoints() {
				t.Line("  %s", tabletop.Event{After: at}.Clock())
			}
		})
		return nil
	case "pause":
		s.speed = 0
		return nil
	case "speed":
		return s.setSpeed(rest)
	case "wait", "rewind":
		return s.travel(ctx, word, rest)
	case "hint":
		h, err := s.game.Hint(ctx)
		if err == nil {
			s.p.s.Person(func(t *ui.Printer) { t.Line("  %s (%d points)", h.Text, h.Cost) })
		}
		return err
	case "call":
		return s.call(ctx, rest)
	}
	m, err := soloMove(word, rest)
	if err != nil {
		return err
	}
	return s.game.Do(ctx, m)
}

func (s *solo) setSpeed(text string) error {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 0 || n > maxSpeed {
		return fmt.Errorf("speed %q: a number from 0 to %d is wanted", text, maxSpeed)
	}
	s.speed = n
	return nil
}

// maxSpeed is an hour in a second.
const maxSpeed = 3600

func (s *solo) travel(ctx context.Context, word, text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > 24*time.Hour {
		return fmt.Errorf("%s %q: a duration such as 5m is wanted", word, text)
	}
	if word == "wait" {
		return s.game.Wait(ctx, d)
	}
	if err := s.game.Rewind(ctx, d); err != nil {
		return err
	}
	s.p.s.Person(func(t *ui.Printer) {
		t.Line("%s", t.Bold("rewound to "+tabletop.Event{After: s.game.Elapsed()}.Clock()))
	})
	return nil
}

func (s *solo) call(ctx context.Context, rest string) error {
	name, text, _ := strings.Cut(rest, " ")
	var with any
	if text != "" {
		if err := json.Unmarshal([]byte(text), &with); err != nil {
			return fmt.Errorf("what the call is given is no JSON: %w", err)
		}
	}
	out, err := s.game.Call(ctx, name, with)
	if err == nil {
		s.p.s.Person(func(t *ui.Printer) { t.Line("  %s", string(out)) })
	}
	return err
}

// soloMove reads a line as a move of a solution.
func soloMove(word, rest string) (tabletop.Move, error) {
	m := tabletop.Move{ID: word}
	switch word {
	case "note":
		kind, text, ok := strings.Cut(rest, " ")
		if !ok || !isNoteKind(kind) {
			return m, fmt.Errorf("note KIND TEXT: the kind is one of %s", strings.Join(noteKinds(), ", "))
		}
		m.Note, m.Takes = &tabletop.NoteMove{Kind: kind, Text: text}, time.Minute
	case "collect":
		if rest == "" {
			return m, errors.New("collect FUNCTION...: names or ARNs are wanted")
		}
		m.Collect = &tabletop.CollectMove{Functions: strings.Fields(rest)}
	case "decide":
		f := strings.SplitN(rest, " ", 4)
		if len(f) != 4 {
			return m, errors.New("decide ID OPTION ROLE REASON")
		}
		m.Decide, m.Takes = &tabletop.DecideMove{Decision: f[0], Option: f[1], As: f[2], Reason: f[3]}, time.Minute
	case "verify":
		m.Verify, m.Takes = true, time.Minute
	case "contain":
		contain, err := containMove(rest)
		if err != nil {
			return m, err
		}
		m.Contain = contain
	default:
		return m, fmt.Errorf("no such word: %s; help says which there are", word)
	}
	return m, nil
}

func isNoteKind(kind string) bool {
	for _, k := range noteKinds() {
		if k == kind {
			return true
		}
	}
	return false
}

// many is a flag that may stand several times.
type many struct{ into *[]string }

func (m many) String() string     { return "" }
func (m many) Set(s string) error { *m.into = append(*m.into, s); return nil }

func containMove(text string) (*tabletop.ContainMove, error) {
	m := &tabletop.ContainMove{}
	fs := flag.NewFlagSet("contain", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Var(many{&m.Functions}, "function", "")
	fs.Var(many{&m.Actors}, "actor", "")
	fs.Var(many{&m.Resources}, "resource", "")
	fs.Var(many{&m.Acts}, "act", "")
	fs.Var(many{&m.GoodVersion}, "good-version", "")
	fs.StringVar(&m.Level, "level", "", "")
	fs.StringVar(&m.Override, "override", "", "")
	fs.BoolVar(&m.Preserve, "preserve", false, "")
	fs.BoolVar(&m.AcceptSharedRole, "accept-shared-role", false, "")
	if err := fs.Parse(strings.Fields(text)); err != nil {
		return nil, fmt.Errorf("contain: %w", err)
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("contain: what is %q?", fs.Arg(0))
	}
	return m, nil
}

// exerciseCase opens --case, or a new case in a folder named after the moment; after a rewind one
// beside it, since what is sealed stays sealed.
func (p *program) exerciseCase(c *cli.Context, w *tabletop.World, nth int) (*evidence.Case, error) {
	where := c.String("case")
	switch {
	case where == "":
		where = "tabletop-" + w.Scenario.Name + "-" + time.Now().UTC().Format("20060102T150405.000Z")
	case nth > 1:
		where = fmt.Sprintf("%s-%d", where, nth)
	}
	path, err := filepath.Abs(where)
	if err != nil {
		return nil, fmt.Errorf("case folder %s: %w", where, err)
	}
	home, err := p.home()
	if err != nil {
		return nil, err
	}
	v, err := p.vaultAt(c, path, true)
	if err != nil {
		return nil, err
	}
	return evidence.CreateCase(c.Context, v, w.CaseOptions(localUser(), home))
}
