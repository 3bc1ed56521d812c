package playbooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Kinds of entries in the journal of a run's bag. A step's intent is durable before the step
// begins, its result before the next one does.
const (
	noteRun      = "run"      // runNote: the first one
	noteIntent   = "intent"   // intentNote
	noteQuestion = "question" // Question: what a person is asked, for other terminals to read
	noteUntil    = "until"    // untilNote: a moment that an interruption does not move
	noteResult   = "result"   // resultNote
	noteStop     = "stopped"  // of a run that was interrupted and can go on
	noteEnd      = "end"      // endNote
)

// runNote is what a run was begun with: all that it takes to go on.
type runNote struct {
	Schema   string                     `json:"schema"`
	Playbook string                     `json:"playbook"`
	SHA256   string                     `json:"sha256"`
	Operator string                     `json:"operator"`
	Exercise string                     `json:"exercise,omitempty"`
	Inputs   map[string]json.RawMessage `json:"inputs"`
	File     string                     `json:"file"`
	Texts    map[string]string          `json:"texts"` // the playbook under "", and those that it uses under their names
}

type intentNote struct {
	Step    string            `json:"step"`
	Does    string            `json:"does"`
	Args    map[string]string `json:"args,omitempty"`
	Attempt int               `json:"attempt,omitempty"` // from 2 on: a retry
	Again   bool              `json:"again,omitempty"`   // an interruption left its outcome unknown
}

type untilNote struct {
	Step  string    `json:"step"`
	Until time.Time `json:"until"`
}

type resultNote struct {
	Step    string                     `json:"step"`
	Status  Status                     `json:"status"`
	Summary string                     `json:"summary,omitempty"`
	Error   string                     `json:"error,omitempty"`
	Gaps    int                        `json:"gaps,omitempty"`
	Left    []string                   `json:"left_to_people,omitempty"`
	Values  map[string]json.RawMessage `json:"values,omitempty"`
	Started time.Time                  `json:"started"`
	Ended   time.Time                  `json:"ended"`
}

type endNote struct {
	Status Status `json:"status"`
	Error  string `json:"error,omitempty"`
}

// Record is what the journal of a run says.
type Record struct {
	Bag     string
	Header  evidence.Header
	Sealed  bool
	begun   runNote
	intents map[string]intentNote // by step, the last one
	results map[string]resultNote
	until   map[string]time.Time
	asked   map[string]Question // open ones too
	order   []string            // steps, as they began
	end     *endNote
	stopped bool
}

// errRecord: the bag's journal is no record of a run.
var errRecord = errors.New("not the record of a playbook's run")

// ReadRecord reads the journal of a run's bag, of one that goes on too.
func ReadRecord(ctx context.Context, b *evidence.Bag) (*Record, error) {
	rec := &Record{Bag: b.ID(), Header: b.Header(), Sealed: b.Sealed(), intents: map[string]intentNote{}, results: map[string]resultNote{},
		until: map[string]time.Time{}, asked: map[string]Question{}}
	for e, err := range b.Journal(ctx) {
		if err != nil {
			return nil, fmt.Errorf("reading the journal of bag %s: %w", b.ID(), err)
		}
		if err := rec.take(e); err != nil {
			return nil, fmt.Errorf("bag %s, journal entry %d: %w", b.ID(), e.Seq, err)
		}
	}
	if rec.begun.Schema != "" {
		return rec, nil
	}
	h := rec.Header
	if h.Kind != evidence.KindPlaybook || len(rec.order) > 0 {
		return nil, fmt.Errorf("bag %s: %w", b.ID(), errRecord)
	}
	// It was cut off between opening its bag and noting what it is to do: nothing was done.
	rec.begun.Playbook, rec.begun.SHA256, rec.begun.Exercise = h.Params["playbook"], h.Params["playbook_sha256"], h.Params["exercise"]
	rec.stopped = true
	return rec, nil
}

// Cut says of runs whether they were cut off and can go on: their record is not sealed, or the
// ledger does not have how they ended, or has it under no signature of ours, which is the last that
// is written of a run.
func Cut(ctx context.Context, c *evidence.Case, all []*Record) (map[string]bool, error) {
	told, err := ends(ctx, c)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, rec := range all {
		end := told[rec.Bag]
		out[rec.Bag] = !rec.Sealed || end.status != string(rec.Run().Status) || end.unsigned
	}
	return out, nil
}

// toldEnd is how a run stands by the ledger.
type toldEnd struct {
	status   string
	unsigned bool // it is the last event, and nobody has signed it
}

// ends are the last words of the ledger on each run.
func ends(ctx context.Context, c *evidence.Case) (map[string]toldEnd, error) {
	told, last := map[string]toldEnd{}, evidence.Event{}
	for e, err := range c.Ledger(ctx) {
		if err != nil {
			return nil, fmt.Errorf("reading the ledger for the ends of runs: %w", err)
		}
		if last = e; e.Type == evidence.EventDecide && e.Data["run"] != "" {
			told[e.Data["run"]] = toldEnd{status: e.Data["status"]}
		}
	}
	end, ours := told[last.Data["run"]]
	if !ours || last.Type != evidence.EventDecide || c.Signer == nil { // whoever has no key could not sign it either
		return told, nil
	}
	signers, err := c.HeadSigners(ctx, last.Seq)
	if err != nil {
		return nil, err
	}
	end.unsigned = len(signers[last.Seq]) == 0
	told[last.Data["run"]] = end
	return told, nil
}

// Gave is a value that a step gave, as JSON; nil where there is none.
func (rec *Record) Gave(step, name string) json.RawMessage { return rec.results[step].Values[name] }

// began says whether the record tells what the run is to do; one that does not cannot go on.
func (rec *Record) began() bool { return rec.begun.Schema != "" }

func (rec *Record) take(e evidence.JournalEntry) error {
	switch e.Kind {
	case noteRun:
		return json.Unmarshal(e.Value, &rec.begun)
	case noteIntent:
		return noted(e, func(n intentNote) {
			if _, twice := rec.intents[n.Step]; !twice {
				rec.order = append(rec.order, n.Step)
			}
			rec.intents[n.Step], rec.stopped = n, false
		})
	case noteQuestion:
		return noted(e, func(q Question) { rec.asked[q.Step] = q })
	case noteUntil:
		return noted(e, func(n untilNote) { rec.until[n.Step] = n.Until })
	case noteResult:
		return noted(e, func(n resultNote) { rec.results[n.Step] = n })
	case noteStop:
		rec.stopped = true
	case noteEnd:
		rec.end = &endNote{}
		return json.Unmarshal(e.Value, rec.end)
	}
	return nil
}

func noted[T any](e evidence.JournalEntry, take func(T)) error {
	var v T
	if err := json.Unmarshal(e.Value, &v); err != nil {
		return fmt.Errorf("%w: %w", errRecord, err)
	}
	take(v)
	return nil
}

// Run tells what the record tells: of a run that goes on, as far as it got.
func (rec *Record) Run() *Run {
	r := &Run{Schema: runSchema, ID: rec.Bag, Playbook: rec.begun.Playbook, SHA256: rec.begun.SHA256, Exercise: rec.begun.Exercise, Status: Running,
		Inputs: map[string]string{}, Steps: []StepReport{}, Left: []string{}, Started: rec.Header.Started, Ended: rec.Header.Ended}
	for name, raw := range rec.begun.Inputs {
		var v any
		if json.Unmarshal(raw, &v) == nil {
			r.Inputs[name] = shown(v)
		}
	}
	for _, id := range rec.order {
		rep := StepReport{ID: id, Verb: rec.intents[id].Does, Status: Running}
		if res, ok := rec.results[id]; ok {
			rep = res.report(rep.Verb)
			r.Left = append(r.Left, res.Left...)
		} else if _, waits := rec.asked[id]; waits {
			rep.Summary = "waits for people"
		}
		r.Steps = append(r.Steps, rep)
	}
	switch {
	case rec.end != nil:
		r.Status = rec.end.Status
		if rec.end.Error != "" {
			r.err = errors.New(rec.end.Error)
		}
	case rec.Sealed:
		r.Status, r.err = Aborted, errors.New("its record was sealed before it had ended")
	case rec.stopped:
		r.Status = Interrupted
	}
	return r
}

func (n resultNote) report(does string) StepReport {
	return StepReport{ID: n.Step, Verb: does, Status: n.Status, Summary: n.Summary, Error: n.Error, Gaps: n.Gaps, Left: n.Left, Started: n.Started, Ended: n.Ended}
}

// Waiting are the questions that nobody has answered.
func (rec *Record) Waiting() []Question {
	var out []Question
	for _, id := range rec.order {
		if q, asked := rec.asked[id]; asked {
			if _, done := rec.results[id]; !done && rec.end == nil {
				out = append(out, q)
			}
		}
	}
	return out
}

// playbook parses what the run was begun with, from the record alone.
func (rec *Record) playbook() (*Playbook, error) {
	texts := rec.begun.Texts
	from := func(name string) (string, []byte, error) {
		text, ok := texts[name]
		if !ok || name == "" {
			return "", nil, fmt.Errorf("%w: the text of playbook %q is not in the record", errRecord, name)
		}
		return name, []byte(text), nil
	}
	pb, err := ParseWith(rec.begun.File, []byte(texts[""]), from)
	if err != nil {
		return nil, fmt.Errorf("the playbook in the record: %w", err)
	}
	if pb.SHA256 != rec.begun.SHA256 {
		return nil, fmt.Errorf("%w: the playbook in the record is not the one that the run was begun with", errRecord)
	}
	return pb, nil
}

// values decodes what a step gave, by the types of what it gives.
func (n resultNote) decode(types map[string]Type) (map[string]any, error) {
	out := map[string]any{}
	for name, raw := range n.Values {
		v, err := decode(types[name], raw)
		if err != nil {
			return nil, fmt.Errorf("%s of step %s: %w", name, n.Step, err)
		}
		if v != nil {
			out[name] = v
		}
	}
	return out, nil
}

// begin opens the run's bag, with all that resuming takes.
func (r *Run) begin(ctx context.Context, pb *Playbook, inputs map[string]any) error {
	env := r.env
	note := runNote{Schema: runSchema, Playbook: pb.Name, SHA256: pb.SHA256, Operator: env.Operator, Exercise: env.Exercise, File: pb.File,
		Inputs: map[string]json.RawMessage{}, Texts: map[string]string{"": string(pb.text)}}
	for name, sub := range pb.Uses() {
		note.Texts[name] = string(sub.text)
	}
	for name, v := range inputs {
		raw, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("input %s: %w", name, err)
		}
		note.Inputs[name] = raw
	}
	h := env.header()
	if h.Tool.Go == "" {
		h.Tool.Go = runtime.Version()
	}
	h.Kind, h.Params = evidence.KindPlaybook, map[string]string{"playbook": pb.Name, "playbook_sha256": pb.SHA256}
	if env.Exercise != "" {
		h.Params["exercise"] = env.Exercise
	}
	if env.Session != nil {
		h.Principal, h.Account, h.Endpoint = env.Session.Identity.ARN, env.Session.Identity.Account, env.Session.Endpoint
	}
	w, err := env.Case.Begin(ctx, h)
	if err != nil {
		return fmt.Errorf("starting the record of the run: %w", err)
	}
	r.w, r.ID = w, w.Bag()
	if err := r.note(ctx, noteRun, note); err != nil {
		return errors.Join(err, w.Abandon(context.WithoutCancel(ctx), "the run could not be recorded"))
	}
	return nil
}

// note makes an entry durable. It is made when the run was cancelled too.
func (r *Run) note(ctx context.Context, kind string, v any) error {
	if err := r.w.Note(context.WithoutCancel(ctx), kind, v); err != nil {
		return fmt.Errorf("recording the run: %w", err)
	}
	return nil
}

// record puts how the run stands into the ledger.
func (r *Run) record(ctx context.Context, what string, why error) error {
	data := map[string]string{"run": r.ID, "playbook": r.Playbook, "playbook_sha256": r.SHA256, "status": what}
	for k, v := range r.Inputs {
		data["input."+k] = v
	}
	for _, s := range r.Steps {
		data["step."+s.ID] = string(s.Status)
	}
	if r.Exercise != "" {
		data["exercise"] = r.Exercise
	}
	if why != nil {
		data["error"] = why.Error()
	}
	err := r.env.Case.Record(context.WithoutCancel(ctx), evidence.Event{Type: evidence.EventDecide, Actor: r.env.Operator, Reason: "playbook " + r.Playbook + " " + what, Data: data})
	if err != nil {
		return fmt.Errorf("recording the run of %s in the ledger: %w", r.Playbook, err)
	}
	return nil
}

// end seals the record. What was interrupted is left unfinished: it can go on.
func (r *Run) end(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	r.Ended = r.env.Now().UTC()
	if r.Status == Interrupted {
		return errors.Join(r.note(ctx, noteStop, struct{}{}), r.record(ctx, string(Interrupted), r.err))
	}
	end := endNote{Status: r.Status}
	if r.err != nil {
		end.Error = r.err.Error()
	}
	if err := r.note(ctx, noteEnd, end); err != nil {
		return err
	}
	return r.seal(ctx)
}

// seal closes the record of a run that has ended.
func (r *Run) seal(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	status := evidence.StatusComplete
	if r.Status != Succeeded {
		status = evidence.StatusPartial
	}
	if _, err := r.w.Seal(ctx, status); err != nil && !errors.Is(err, evidence.ErrNotSigned) {
		return fmt.Errorf("sealing the record of the run: %w", err)
	}
	return r.record(ctx, string(r.Status), r.err)
}
