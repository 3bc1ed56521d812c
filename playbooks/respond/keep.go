package respond

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/playbooks"
)

// Artefacts of an alert's bag.
const (
	messageArtefact = "alert.message" // as it arrived
	alertArtefact   = "alert.reading" // what was made of it
)

// paramMessage of a bag's header is the SHA-256 of the message that it holds.
const paramMessage = "message_sha256"

// keep puts the message into the case before anything is done about it, once: the same bytes again
// are the same message. With resume a bag of it that was cut off is gone on with.
func keep(ctx context.Context, env *playbooks.Env, a *alert.Alert, message *head, resume bool) error {
	var cut *evidence.Bag
	for b, err := range env.Case.Bags(ctx) {
		if err != nil {
			return fmt.Errorf("reading the case: %w", err)
		}
		if h := b.Header(); h.Kind != evidence.KindAlert || h.Params[paramMessage] != a.Message.SHA256 {
			continue
		}
		if b.Sealed() {
			return enter(ctx, env, b)
		}
		cut = b
	}
	if cut != nil && resume {
		if err := env.Case.Tidy(ctx); err != nil {
			return fmt.Errorf("clearing what was left half written: %w", err)
		}
		w, err := env.Case.Resume(ctx, cut, evidence.Session{Operator: env.Operator, Host: env.Host, Tool: env.Tool, Started: env.Now().UTC()})
		if err != nil {
			return fmt.Errorf("keeping the alert: %w", err)
		}
		return sealed(ctx, env, w, a, message)
	}
	w, err := env.Case.Begin(ctx, evidence.Header{Kind: evidence.KindAlert, Operator: env.Operator, Host: env.Host, Tool: env.Tool, Started: env.Now().UTC(),
		Params: map[string]string{paramMessage: a.Message.SHA256, "kind": string(a.Kind)}})
	if err != nil {
		return fmt.Errorf("keeping the alert: %w", err)
	}
	return sealed(ctx, env, w, a, message)
}

// enter sees to it that the ledger has a sealed message: whoever sealed it may have died before.
func enter(ctx context.Context, env *playbooks.Env, b *evidence.Bag) error {
	if err := env.Case.Enter(ctx, b, env.Operator); err != nil && !errors.Is(err, evidence.ErrNotSigned) {
		return fmt.Errorf("bringing the kept alert into the ledger: %w", err)
	}
	return nil
}

// sealed fills the bag of an alert, and seals it.
func sealed(ctx context.Context, env *playbooks.Env, w *evidence.Writer, a *alert.Alert, message *head) error {
	if err := fill(ctx, env, w, a, message); err != nil {
		return errors.Join(fmt.Errorf("keeping the alert: %w", err), w.Abandon(context.WithoutCancel(ctx), "the alert could not be kept"))
	}
	if _, err := w.Seal(ctx, evidence.StatusComplete); err != nil && !errors.Is(err, evidence.ErrNotSigned) {
		return fmt.Errorf("sealing the alert: %w", err)
	}
	return nil
}

func fill(ctx context.Context, env *playbooks.Env, w *evidence.Writer, a *alert.Alert, message *head) error {
	reading, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	for _, x := range []struct {
		artefact, name, note string
		data                 []byte
	}{{messageArtefact, "message.json", message.note(), message.b}, {alertArtefact, "alert.json", "", append(reading, '\n')}} {
		m := evidence.Meta{Artefact: x.artefact, Name: x.name, Note: x.note, Started: env.Now().UTC(), Ended: env.Now().UTC()}
		if a.Target != nil {
			m.Source = evidence.Source{ARN: a.Target.ARN, Qualifier: a.Target.Qualifier, Region: a.Target.Region, Account: a.Target.Account}
		}
		if _, err := w.Put(ctx, m, func(out io.Writer) error { _, err := out.Write(x.data); return err }); err != nil {
			return err
		}
	}
	return nil
}

// record puts what became of the alert into the ledger, also that nothing was done.
func (out *Outcome) record(ctx context.Context, env *playbooks.Env) error {
	data := map[string]string{"alert": out.Alert, "message_sha256": out.Message, "state": string(out.State)}
	for k, v := range map[string]string{"function": out.Function, "of_run": out.Run, "why": out.Why} {
		if v != "" {
			data[k] = v
		}
	}
	err := env.Case.Record(ctx, evidence.Event{Type: evidence.EventDecide, Actor: env.Operator, Reason: "an alert arrived: " + string(out.State), Data: data})
	if err != nil && !errors.Is(err, evidence.ErrNotSigned) {
		return fmt.Errorf("recording what became of the alert: %w", err)
	}
	return nil
}
