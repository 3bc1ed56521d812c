package contain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// Release lifts the acts of Kind Isolate, and no others: what was removed as hostile
// stays away.
func Release(ctx context.Context, in LiftInput) (*Run, error) {
	in.Force, in.All, in.Acts = false, false, nil
	l, err := newLift(ctx, "release", in)
	if err != nil {
		return nil, err
	}
	for h := range l.held() {
		if h.kind == Isolate && !slices.Contains(l.acts, h.Act) {
			l.acts = append(l.acts, h.Act)
		}
	}
	if len(l.acts) == 0 {
		return nil, fmt.Errorf("%w: no isolation to release in this case", ErrNothing)
	}
	return l.carryOut(ctx)
}

// Undo takes acts back, by name or all of them. What gives credentials their power back that
// may be stolen needs AcceptRisk while they may live (ErrSessionsLive); a document that
// somebody changed since needs Force and the act's name (ErrStale).
func Undo(ctx context.Context, in LiftInput) (*Run, error) {
	if strings.TrimSpace(in.Reason) == "" {
		return nil, ErrNoReason
	}
	for _, a := range in.Acts {
		if _, err := actNamed(a); err != nil {
			return nil, err
		}
	}
	l, err := newLift(ctx, "undo", in)
	if err != nil {
		return nil, err
	}
	if l.acts, err = l.chosen(); err != nil {
		return nil, err
	}
	if err := l.sessionsLive(ctx); err != nil {
		return nil, err
	}
	return l.carryOut(ctx)
}

// lift is one release or undo.
type lift struct {
	in     LiftInput
	action string
	past   *history
	match  func(Target) bool
	files  []*file
	acts   []string
	r      *runner
}

func newLift(ctx context.Context, action string, in LiftInput) (*lift, error) {
	in.Clock = in.Clock.orReal()
	if in.DryRun {
		in.Session = in.Session.ReadOnly()
	}
	if err := sameExercise(in.Case, in.Session); err != nil {
		return nil, err
	}
	past, err := load(ctx, in.Case)
	if err != nil {
		return nil, err
	}
	l := &lift{in: in, action: action, past: past, r: newRunner(action, in.Session, in.Case, in.Clock, in.Deadline, in.Progress)}
	l.r.run.DryRun = in.DryRun
	l.r.run.Warnings = append(l.r.run.Warnings, past.damaged...)
	l.match = matching(in.Session, in.Function)
	l.files = past.of(l.match)
	return l, nil
}

// held are the edits in force on the functions in question. A role's document can hold
// those of other functions too.
func (l *lift) held() iter.Seq[held] {
	return func(yield func(held) bool) {
		for _, f := range l.files {
			for _, h := range f.held {
				if l.match(h.place.Target) && !yield(h) {
					return
				}
			}
		}
	}
}

// takes says whether an edit is to be taken back.
func (l *lift) takes(h held) bool { return slices.Contains(l.acts, h.Act) && l.match(h.place.Target) }

// matching selects targets of the session's account, and one if it is named.
func matching(s *awsapi.Session, function string) func(Target) bool {
	return func(t Target) bool {
		if s != nil && t.Account != s.Identity.Account {
			return false
		}
		return function == "" || function == t.called() || function == t.ARN
	}
}

// chosen are the acts to undo. One that this case never applied is ErrNothing; one that
// was taken back before is no error: undoing twice is undoing once.
func (l *lift) chosen() ([]string, error) {
	var acts []string
	was := map[string]bool{}
	for _, f := range l.files {
		for _, h := range f.lifted {
			if l.match(h.place.Target) {
				was[h.Act], was[h.For] = true, true
			}
		}
	}
	for h := range l.held() {
		was[h.Act], was[h.For] = true, true
		named := slices.Contains(l.in.Acts, h.Act) || h.For != "" && slices.Contains(l.in.Acts, h.For)
		if (l.in.All || named) && !slices.Contains(acts, h.Act) {
			acts = append(acts, h.Act)
		}
	}
	for _, a := range l.in.Acts {
		if !was[a] {
			return nil, fmt.Errorf("%w: %s was not applied in this case", ErrNothing, a)
		}
		if !slices.Contains(acts, a) {
			acts = append(acts, a)
		}
	}
	if len(acts) == 0 && len(was) == 0 {
		return nil, fmt.Errorf("%w: no act was applied in this case", ErrNothing)
	}
	return acts, nil
}

// How long sessions stolen before a revocation can live: 12 hours where the role can be
// read (no role's sessions last longer), 36 where it cannot (GetSessionToken's limit).
const (
	sessionLife        = 12 * time.Hour
	sessionLifeUnknown = 36 * time.Hour
)

// sessionsLive refuses to give credentials their power back that may be stolen, and alive.
func (l *lift) sessionsLive(ctx context.Context) error {
	if strings.TrimSpace(l.in.AcceptRisk) != "" {
		return nil
	}
	for h := range l.held() {
		act, err := actNamed(h.Act)
		if err != nil {
			return err
		}
		if !act.revives || !slices.Contains(l.acts, h.Act) {
			continue
		}
		if act.lasts {
			return &SessionsLiveError{Act: h.Act, Role: h.place.ARN}
		}
		if until := h.since.Add(l.life(ctx, h)); l.in.Clock.Now().Before(until) {
			return &SessionsLiveError{Act: h.Act, Role: first(h.place.Role, h.place.ARN), Until: until}
		}
	}
	return nil
}

func lifeNeeds() []awsapi.Need {
	return []awsapi.Need{when(on("IAM:GetRole", "role ARN", false), "undoing a revocation")}
}

func (l *lift) life(ctx context.Context, h held) time.Duration {
	if h.place.Role == "" {
		return sessionLifeUnknown
	}
	out, err := iamClient(l.in.Session.Config("", lifeNeeds())).GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(roleName(h.place.Role))})
	if err != nil || out.Role == nil || out.Role.MaxSessionDuration == nil {
		return sessionLifeUnknown
	}
	return sessionLife
}

// tasks are one for each document that an act is to be taken back from, in the reverse
// order of application.
func (l *lift) tasks() ([]*task, error) {
	var tasks []*task
	for _, f := range l.files {
		to, gone, err := f.without(l.takes)
		if err != nil {
			return nil, err
		}
		if len(gone) == 0 {
			continue
		}
		t := &task{action: l.action, doc: f.doc, place: gone[0].place, stage: -stageOf(gone), holds: true, from: f.last, after: to, also: f.also}
		t.force = l.in.Force
		if stay(gone) {
			t.inForce = func(json.RawMessage) (bool, error) { return true, nil }
		}
		for _, h := range gone {
			t.acts, t.edits, t.lifts = append(t.acts, h.Act), append(t.edits, placed{h.PlannedEdit, h.place}), append(t.lifts, h.id())
			t.force = t.force && slices.Contains(l.in.Acts, h.Act)
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// stay says whether what is taken back leaves the state as it is.
func stay(gone []held) bool {
	return !slices.ContainsFunc(gone, func(h held) bool {
		act, err := actNamed(h.Act)
		return err != nil || !act.Stays
	})
}

func (l *lift) carryOut(ctx context.Context) (*Run, error) {
	ctx = withCase(ctx, l.in.Case)
	tasks, err := l.tasks()
	if err != nil {
		return nil, err
	}
	l.r.prefetch(ctx, tasks)
	if err := errors.Join(ctx.Err(), drifted(tasks)); err != nil {
		return nil, err
	}
	if l.action == "release" {
		l.warnLive()
	}
	if l.in.DryRun || len(tasks) == 0 {
		l.r.rehearse(ctx, tasks)
		return l.r.conclude(ctx, l.acts)
	}
	if err := l.open(ctx, tasks); err != nil {
		return nil, err
	}
	l.r.execute(ctx, tasks)
	return l.r.conclude(ctx, l.acts)
}

// warnLive: lifting a quarantine without a revocation gives stolen sessions their power back.
func (l *lift) warnLive() {
	revoked := map[string]bool{}
	for _, f := range l.past.sorted() {
		for _, h := range f.held {
			revoked[h.place.Role] = revoked[h.place.Role] || h.Act == actRevoke
		}
	}
	for h := range l.held() {
		if slices.Contains([]string{actQuarantine, actScoped, actBoundary, actAttached}, h.Act) && !revoked[h.place.Role] && l.in.Clock.Now().Before(h.since.Add(sessionLifeUnknown)) {
			l.r.run.Warnings = append(l.r.run.Warnings, "sessions of "+h.place.Role+" were not revoked: stolen ones may work again from now on")
		}
	}
}

func (l *lift) open(ctx context.Context, tasks []*task) error {
	operator := first(l.in.Operator, l.in.Case.Operator)
	target := tasks[0].place.Target
	var targets []string
	for _, t := range tasks {
		for _, e := range t.edits {
			if !slices.Contains(targets, e.place.ARN) {
				targets = append(targets, e.place.ARN)
			}
		}
	}
	h := l.r.header(l.in.Tool, operator, targets, map[string]string{"action": l.action, "acts": strings.Join(l.acts, " ")})
	err := l.r.begin(ctx, h, RunNote{Action: l.action, Function: target.ARN, Operator: operator,
		Principal: l.in.Session.Identity.ARN, Reason: l.in.Reason, Forced: l.in.Force, Risk: l.in.AcceptRisk})
	if err != nil {
		return err
	}
	if l.action != "undo" {
		return nil
	}
	data := map[string]string{"acts": strings.Join(l.acts, " "), "function": target.ARN, "bag": l.r.run.Bag}
	if l.in.AcceptRisk != "" {
		data["risk_accepted"] = l.in.AcceptRisk
	}
	err = l.in.Case.Record(ctx, evidence.Event{Type: evidence.EventUndo, Actor: operator, Reason: l.in.Reason, Data: data})
	if err != nil {
		return errors.Join(fmt.Errorf("recording the undo: %w", err), l.r.w.Abandon(context.WithoutCancel(ctx), "the undo could not be recorded in the ledger"))
	}
	return nil
}

// equalAny says whether a state is one of several.
func (t *task) equalAny(now json.RawMessage, states []json.RawMessage) bool {
	return slices.ContainsFunc(states, func(s json.RawMessage) bool { return s != nil && t.doc.equal(now, s) })
}
