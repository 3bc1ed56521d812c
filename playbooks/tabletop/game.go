package tabletop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Game is an exercise in process, for one who responds alone. Its clock moves only by what it is
// told to: by moves, which take their time, and by waiting, at whatever speed somebody drives it.
// It can be rewound: the world is staged again from its seed, and everything that was done until
// then is done again.
type Game struct {
	World    *World
	Response *Response
	Before   []Try

	scenario *Scenario
	options  Options
	open     OpenCase
	watch    func(Event)
	log      []made
	again    bool // while it is being rewound: what happens again is told nobody
}

// OpenCase opens a case for a world that was just staged; each rewind needs another one, since what
// is sealed and noted in a ledger stays there. It readies the response too.
type OpenCase func(ctx context.Context, w *World) (*Response, error)

// made is something that was done, and when.
type made struct {
	begin, end time.Time
	move       Move
	hint       bool
	inject     string
	changed    []string // what had changed the account by then
	failed     bool
}

// What rewinding cannot do.
var (
	ErrFuture = errors.New("that has not happened yet")
	ErrReplay = errors.New("what was done came out otherwise when it was done again")
)

// NewGame stages a scenario. watch hears of everything that happens; nil is allowed.
func NewGame(ctx context.Context, s *Scenario, o Options, open OpenCase, watch func(Event)) (*Game, error) {
	g := &Game{scenario: s, options: o, open: open, watch: watch}
	return g, g.stage(ctx)
}

func (g *Game) stage(ctx context.Context) error {
	w, err := Play(ctx, g.scenario, g.options)
	if err != nil {
		return err
	}
	before := w.Probe(ctx)
	r, err := g.open(ctx, w)
	if err != nil {
		return err
	}
	w.OnEvent(func(e Event) {
		if g.watch != nil && !g.again {
			g.watch(e)
		}
	})
	g.World, g.Response, g.Before = w, r, before
	return w.Tick(ctx)
}

// Do makes a move, and lets the time pass that it takes.
func (g *Game) Do(ctx context.Context, m Move) error {
	return g.make(ctx, made{move: m})
}

// Hint is the next hint; it costs points.
func (g *Game) Hint(ctx context.Context) (Hint, error) {
	n := len(g.World.hints)
	if n >= len(g.scenario.Hints) {
		return Hint{}, ErrNoInject
	}
	return g.scenario.Hints[n], g.make(ctx, made{hint: true})
}

// Inject gives an inject before its time.
func (g *Game) Inject(ctx context.Context, id string) error {
	return g.make(ctx, made{inject: id})
}

func (g *Game) make(ctx context.Context, d made) error {
	d.begin = g.World.Now()
	err := g.perform(ctx, d)
	d.end, d.changed, d.failed = g.World.Now(), g.World.changes(), err != nil
	g.log = append(g.log, d)
	return err
}

func (g *Game) perform(ctx context.Context, d made) error {
	switch {
	case d.hint:
		_, err := g.World.Hint()
		return err
	case d.inject != "":
		_, err := g.World.InjectNow(d.inject)
		return err
	}
	return g.Response.Do(ctx, []Move{d.move})
}

// Wait lets time pass, with everything that happens in it.
func (g *Game) Wait(ctx context.Context, d time.Duration) error { return g.World.Wait(ctx, d) }

// Elapsed is how long ago responders came in.
func (g *Game) Elapsed() time.Duration { return g.World.Now().Sub(g.World.start) }

// Checkpoints are the ends of what was done, to which it can be rewound exactly.
func (g *Game) Checkpoints() []time.Duration {
	var out []time.Duration
	for _, d := range g.log {
		out = append(out, d.end.Sub(g.World.start))
	}
	return out
}

// Rewind goes back to a moment: what was not over by then is undone by never having been begun. The
// case of before stays as it is; the new one holds what is done again.
func (g *Game) Rewind(ctx context.Context, to time.Duration) error {
	if to < 0 || to > g.Elapsed() {
		return fmt.Errorf("%w: %s", ErrFuture, clockText(to))
	}
	until, old, was := g.World.start.Add(to), g.log, *g
	g.log, g.again = nil, true
	defer func() { g.again = false }()
	err := g.stage(ctx)
	if err == nil {
		err = g.replay(ctx, old, until)
	}
	if err != nil { // the one that was there is as good as before
		*g = was
		return err
	}
	g.World.mu.Lock()
	g.World.rewinds = was.World.rewinds + 1
	g.World.mu.Unlock()
	return g.Response.Case.Record(ctx, evidence.Event{Type: evidence.EventNote, Actor: g.Response.Env.Operator, Reason: "the exercise was rewound to " + clockText(to),
		Data: map[string]string{"case_before": was.Response.Case.ID}})
}

func (g *Game) replay(ctx context.Context, log []made, until time.Time) error {
	for _, d := range log {
		if d.end.After(until) {
			break
		}
		if err := g.World.Wait(ctx, d.begin.Sub(g.World.Now())); err != nil {
			return err
		}
		err := g.make(ctx, made{move: d.move, hint: d.hint, inject: d.inject})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		last := g.log[len(g.log)-1]
		if last.failed != d.failed || !last.end.Equal(d.end) || !slices.Equal(last.changed, d.changed) {
			return errors.Join(fmt.Errorf("%w: at %s", ErrReplay, clockText(d.begin.Sub(g.World.start))), err)
		}
	}
	return g.World.Wait(ctx, until.Sub(g.World.Now()))
}

// changes are all calls that changed the account, in order: what a replay has to come to again.
func (w *World) changes() []string {
	var out []string
	for _, c := range w.Cloud.Calls() {
		if !c.ReadOnly {
			out = append(out, c.Time.UTC().Format(time.RFC3339)+" "+c.API+" "+c.ErrorCode)
		}
	}
	return out
}

// End lets the rest of the exercise's time pass and scores what was reached.
func (g *Game) End(ctx context.Context) (*Score, error) {
	if err := g.World.Finish(ctx); err != nil {
		return nil, err
	}
	return g.World.Score(ctx, g.Response.Case, g.Before)
}

// Call makes one call of the API as the responder, and answers what the account does.
func (g *Game) Call(ctx context.Context, call string, with any) (json.RawMessage, error) {
	var answer json.RawMessage
	g.Response.Answered = func(out json.RawMessage) { answer = out }
	defer func() { g.Response.Answered = nil }()
	err := g.Do(ctx, Move{ID: "call", Do: []Step{{By: responder, Call: call, With: with}}, Takes: time.Minute})
	return answer, err
}
