package playbooks

import (
	"context"
	"errors"
	"fmt"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Resume goes on with a run that was cut off, from its record alone: what has a result is not
// done again, what had begun is asked about before it is repeated. Nobody else may be running it.
func Resume(ctx context.Context, b *evidence.Bag, env *Env) (*Run, error) {
	rec, err := ReadRecord(ctx, b)
	if err != nil {
		return nil, err
	}
	if rec.begun.Exercise != env.Exercise {
		return nil, fmt.Errorf("%w: run %s is of exercise %q, this is %q", ErrExercise, b.ID(), rec.begun.Exercise, env.Exercise)
	}
	if rec.Sealed {
		return env.tellEnd(ctx, rec)
	}
	if !rec.began() {
		return nil, env.sealNotBegun(ctx, b)
	}
	pb, err := rec.playbook()
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	for _, in := range pb.Inputs {
		if raw, ok := rec.begun.Inputs[in.Name]; ok {
			if values[in.Name], err = decode(in.Type, raw); err != nil {
				return nil, fmt.Errorf("input %s of run %s: %w", in.Name, b.ID(), err)
			}
		}
	}
	r := newRun(pb, env)
	for k, v := range values {
		r.Inputs[k] = shown(v)
	}
	r.past, r.ID, r.Started = rec, b.ID(), rec.Header.Started
	r.resumes = len(rec.Header.Resumed) + 1
	if r.w, err = env.writer(ctx, b); err != nil {
		return nil, err
	}
	if rec.end != nil { // all is done but sealing its record
		ended := rec.Run()
		ended.env, ended.w, ended.Ended = env, r.w, env.Now().UTC()
		return ended, ended.seal(ctx)
	}
	return r, r.play(ctx, pb, values)
}

// writer goes on with the bag of a run.
func (env *Env) writer(ctx context.Context, b *evidence.Bag) (*evidence.Writer, error) {
	s := evidence.Session{Operator: env.Operator, Host: env.Host, Tool: env.Tool, Started: env.Now().UTC()}
	if env.Session != nil {
		s.Principal = env.Session.Identity.ARN
	}
	if err := env.Case.Tidy(ctx); err != nil {
		return nil, fmt.Errorf("clearing what was left half written: %w", err)
	}
	if err := env.adopt(ctx); err != nil {
		return nil, err
	}
	w, err := env.Case.Resume(ctx, b, s)
	if err != nil {
		return nil, fmt.Errorf("going on with run %s: %w", b.ID(), err)
	}
	return w, nil
}

// adopt brings into the ledger what was sealed when the run was cut off, before the ledger had it.
func (env *Env) adopt(ctx context.Context) error {
	if _, err := env.Case.Adopt(ctx, env.Operator); err != nil && !errors.Is(err, evidence.ErrNotSigned) {
		return fmt.Errorf("bringing what is sealed into the ledger: %w", err)
	}
	return nil
}

// sealNotBegun closes the record of a run that was cut off before it had said what it is to do.
func (env *Env) sealNotBegun(ctx context.Context, b *evidence.Bag) error {
	w, err := env.writer(ctx, b)
	if err != nil {
		return err
	}
	if _, err := w.Seal(ctx, evidence.StatusPartial); err != nil && !errors.Is(err, evidence.ErrNotSigned) {
		return fmt.Errorf("sealing run %s, which had not begun: %w", b.ID(), err)
	}
	if err := (&Run{ID: b.ID(), Playbook: b.Header().Params["playbook"], SHA256: b.Header().Params["playbook_sha256"], env: env}).record(ctx, string(Aborted), nil); err != nil {
		return err
	}
	return fmt.Errorf("run %s was cut off before its first step: nothing was done, and it has to be run anew: %w", b.ID(), ErrNoRun)
}

// tellEnd is for a run whose record is sealed: it may have been cut off before the ledger had its
// end, or before that was signed. ErrNoRun if all is there.
func (env *Env) tellEnd(ctx context.Context, rec *Record) (*Run, error) {
	run := rec.Run()
	told, err := ends(ctx, env.Case)
	if err != nil {
		return nil, err
	}
	end := told[rec.Bag]
	there := end.status == string(run.Status)
	if there && !end.unsigned {
		return nil, fmt.Errorf("run %s has ended as %s: %w", rec.Bag, run.Status, ErrNoRun)
	}
	if err := env.adopt(ctx); err != nil {
		return nil, err
	}
	run.env = env
	if !there {
		return run, run.record(ctx, string(run.Status), run.err)
	}
	if _, err := env.Case.SignTail(ctx); err != nil {
		return nil, fmt.Errorf("signing how run %s ended: %w", rec.Bag, err)
	}
	return run, nil
}
