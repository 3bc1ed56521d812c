package playbooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const timedHead = "playbook: p\ntitle: t\ninputs:\n  all: {type: strings, default: [a, b, c]}\n  long: {type: duration, default: 1h}\n  short: {type: duration, default: 1m}\n  now: {type: bool, default: false}\nsteps:\n  - "

func timed(lines ...string) string { return timedHead + strings.Join(lines, "\n  - ") + "\n" }

// slow is a step that takes an hour; keys are more of its keys.
func slow(id, keys string) string {
	return "{id: " + id + ", run: wait, " + keys + "with: {for: '${inputs.long}'}}"
}

// TestTimeouts: a step that is not done within its time has failed, or has gaps where it is no
// failure, says which step it was, and the run goes on as after any other failure.
func TestTimeouts(t *testing.T) {
	for _, c := range []struct {
		name, text string
		status     Status
		steps      string
		says       []string // in why the run did not succeed
		took       time.Duration
	}{
		{"in time", timed(slow("pause", "timeout: 2h, ")), Succeeded, "pause=succeeded", nil, time.Hour},
		{"stop", timed(slow("pause", "timeout: 1m, "), say("two", "2")), Failed, "pause=failed two=skipped", []string{"step pause: not done after 1m0s"}, time.Minute},
		{"continue", timed(slow("pause", "timeout: 1m, on_failure: continue, "), say("two", "2")), Failed, "pause=failed two=succeeded", []string{"step pause: not done after 1m0s"}, time.Minute},
		{"goto", timed(slow("pause", "timeout: 1m, on_failure: {goto: three}, "), say("two", "2"), say("three", "3")), Failed, "pause=failed two=skipped three=succeeded", []string{"step pause: not done after 1m0s"}, time.Minute},
		{"in a lane", timed("id: both\n    parallel:\n      - steps: [" + slow("pause", "timeout: 1m, ") + ", " + say("one", "1") + "]\n      - steps: [{id: other, run: wait, with: {for: 2m}}]"), Failed,
			"pause=failed one=skipped other=succeeded both=failed", []string{"step pause: not done after 1m0s"}, 2 * time.Minute},
		{"of lanes", timed("id: both\n    timeout: 1m\n    parallel:\n      - steps: ["+slow("pause", "")+", "+say("one", "1")+"]\n      - steps: [{id: other, run: wait, with: {for: 2s}}]", say("two", "2")), Failed,
			"other=succeeded pause=failed one=skipped both=failed two=skipped", []string{"step pause: not done when step both, which it is a part of, had taken 1m0s", "step both: not done after 1m0s"}, time.Minute},
		{"of turns", timed("id: turn\n    timeout: 90s\n    each: ${inputs.all}\n    most: 3\n    steps: [{id: one, run: wait, with: {for: '${inputs.short}'}}]"), Failed,
			"turn[1]/one=succeeded turn[2]/one=failed turn[3]/one=skipped turn=failed", []string{"step turn[2]/one: not done when step turn, ", "step turn: not done after 1m30s"}, 90 * time.Second},
		{"of a turn's step", timed("id: turn\n    on_failure: continue\n    each: ${inputs.all}\n    most: 3\n    steps: ["+slow("one", "timeout: 1m, ")+"]", say("two", "2")), Failed,
			"turn[1]/one=failed turn[2]/one=failed turn[3]/one=failed turn=failed two=succeeded", []string{"step turn[3]/one: not done after 1m0s"}, 3 * time.Minute},
		{"of a branch that is passed over", timed("id: ways\n    timeout: 1m\n    on_failure: continue\n    branch:\n      - when: inputs.now = false\n        steps: ["+slow("pause", "")+"]", say("two", "2")), Failed,
			"pause=failed ways=failed two=succeeded", []string{"step ways: not done after 1m0s"}, time.Minute},
		{"within a longer one", timed("id: ways\n    timeout: 1h\n    branch:\n      - when: inputs.now = false\n        steps: [" + slow("pause", "timeout: 1m, on_failure: continue, ") + ", " + say("one", "1") + "]"), Failed,
			"pause=failed one=succeeded ways=succeeded", []string{"step pause: not done after 1m0s"}, time.Minute},
		{"two around each other", timed("id: out\n    timeout: 1m\n    branch:\n      - when: inputs.now = false\n        steps: [{id: in, branch: [{when: inputs.now = false, steps: [" + slow("pause", "") + "]}]}, " + say("one", "1") + "]"), Failed,
			"pause=failed in=failed one=skipped out=failed", []string{"step in: not done when step out, ", "step out: not done after 1m0s"}, time.Minute},
		{"nobody answers", timed("{id: ask, run: approve, timeout: 1m, on_failure: continue, with: {question: 'well?', within: 1h}}", say("two", "2")), Aborted,
			"ask=aborted two=skipped", []string{"step ask: not approved: 0 of 1 answers within 1m0s"}, time.Minute},
		{"nobody answers within lanes", timed("id: both\n    timeout: 1m\n    on_failure: continue\n    parallel:\n      - steps: [{id: ask, run: approve, with: {question: 'well?', within: 1h}}]\n      - steps: [{id: other, run: wait, with: {for: 2s}}]", say("two", "2")), Aborted,
			"other=succeeded ask=aborted both=aborted two=skipped", []string{"step ask: not approved: 0 of 1 answers within 1m0s"}, time.Minute},
		{"nobody does it", timed("{id: do, run: manual, timeout: 1m, with: {do: call them, within: 1h}}", say("two", "2")), WithGaps, "do=succeeded with gaps two=succeeded", nil, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, _ := offline(t)
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				run, err := Execute(context.Background(), parsed(t, c.text), nil, env)
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.Join(outcomes(run), " "); got != c.steps || run.Status != c.status || time.Since(began).Truncate(time.Second) != c.took {
					t.Errorf("%s after %s: %s\nwant %s after %s: %s", run.Status, time.Since(began), got, c.status, c.took, c.steps)
				}
				for _, want := range c.says {
					if run.Err() == nil || !strings.Contains(run.Err().Error(), want) {
						t.Errorf("it says %v, want %q", run.Err(), want)
					}
				}
				// It has ended: nothing of it is left to go on with.
				if _, err := Resume(context.Background(), bagOf(t, env.Case, run.ID), env); !errors.Is(err, ErrNoRun) {
					t.Errorf("going on: %v", err)
				}
			})
			verified(t, env.Case)
		})
	}
}

// TestTimeIsOverForGood: a run that is cut off after a step's time was over does not go on within
// that step, and ends as the run that nobody cut off.
func TestTimeIsOverForGood(t *testing.T) {
	text := timed("id: ways\n    timeout: 90s\n    on_failure: continue\n    branch:\n      - when: inputs.now = false\n        steps: ["+say("one", "1")+", "+
		"{id: turn, each: '${inputs.all}', most: 3, steps: [{id: nap, run: wait, with: {for: '${inputs.short}'}}, {id: tell, run: notify, with: {text: '${each.turn}', to: stdout}}]}, "+say("two", "2")+"]",
		slow("pause", ""), say("three", "3"))
	env, said := offline(t)
	other, also := offline(t)
	synctest.Test(t, func(t *testing.T) {
		want, err := Execute(context.Background(), parsed(t, text), nil, env)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		run, err := Execute(ctx, parsed(t, text), nil, other)
		if err != nil || run.Status != Interrupted {
			t.Fatal(run, err)
		}
		if run, err = Resume(context.Background(), bagOf(t, other.Case, run.ID), other); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(outcomes(run)) != fmt.Sprint(outcomes(want)) || run.Status != want.Status || want.Status != Failed || fmt.Sprint(*said) != fmt.Sprint(*also) {
			t.Errorf("%s, said %v: %v\nwant %s, said %v: %v", run.Status, *also, outcomes(run), want.Status, *said, outcomes(want))
		}
	})
	verified(t, other.Case)
}

// TestUndoAfterTheTimeIsOver: what a step changed is taken back too where the time of a step around
// it was over, with a context in which that can be done.
func TestUndoAfterTheTimeIsOver(t *testing.T) {
	env, _ := offline(t)
	pb := parsed(t, timed("id: both\n    timeout: 1m\n    on_failure: continue\n    parallel:\n      - steps: ["+slow("change", "on_failure: undo, ")+"]\n      - steps: ["+say("one", "1")+"]", say("two", "2")))
	undone := 0
	s := &pb.Steps[0].Lanes[0].Steps[0]
	s.Verb.Class = Changes
	s.Verb.Undo = func(ctx context.Context, _ *Env, _ Args, _ string) error { undone++; return ctx.Err() }
	synctest.Test(t, func(t *testing.T) {
		run, err := Execute(context.Background(), pb, nil, env)
		if err != nil || run.Status != Failed || undone != 1 {
			t.Errorf("%v %v, undone %d times: %v", run.Status, err, undone, run.Err())
		}
		if got, want := strings.Join(outcomes(run), " "), "one=succeeded change=failed both=failed undo/change=succeeded two=succeeded"; got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	})
	verified(t, env.Case)
}

var errFlaky = errors.New("the line is bad")

// TestRetries: a step is tried again as often as it says, with a pause that doubles; what is refused,
// or is there with gaps, is not; and it gives up with the reason.
func TestRetries(t *testing.T) {
	const hang, gap = "hang", "gap"
	for _, c := range []struct {
		name, keys string
		comes      []any // what each try comes to: nil, an error, hang, gap; the last one for ever
		tries      int
		status     Status
		says       string
		took       time.Duration
	}{
		{"at once", "retries: 2, ", []any{nil}, 1, Succeeded, "", 0},
		{"at the third try", "retries: 2, ", []any{errFlaky, errFlaky, nil}, 3, Succeeded, "", 6 * time.Second},
		{"never", "retries: 2, ", []any{errFlaky}, 3, Failed, "step one: given up after 3 tries: the line is bad", 6 * time.Second},
		{"never, and the most", "retries: 5, ", []any{errFlaky}, 6, Failed, "step one: given up after 6 tries: the line is bad", 62 * time.Second},
		{"once only", "", []any{errFlaky}, 1, Failed, "step one: the line is bad", 0},
		{"too late, each time", "retries: 1, timeout: 1m, ", []any{hang}, 2, Failed, "step one: given up after 2 tries: not done after 1m0s", 2*time.Minute + 2*time.Second},
		{"too late, and then in time", "retries: 1, timeout: 1m, ", []any{hang, nil}, 2, Succeeded, "", time.Minute + 2*time.Second},
		{"with gaps", "retries: 2, ", []any{gap}, 1, WithGaps, "", 0},
		{"refused", "retries: 2, ", []any{fmt.Errorf("no: %w", ErrNotAllowed)}, 1, Failed, "on the list", 0},
		{"refused at the second try", "retries: 2, ", []any{errFlaky, fmt.Errorf("no: %w", ErrInput)}, 2, Failed, "playbook input", 2 * time.Second},
		{"a no", "retries: 2, ", []any{ErrDeclined}, 1, Aborted, "not approved", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, _ := offline(t)
			pb := parsed(t, timed(slow("one", c.keys)))
			var again []bool
			pb.Steps[0].Verb.Run = func(ctx context.Context, _ *Env, a Args) (Result, error) {
				again = append(again, a.Again)
				switch come := c.comes[min(len(again), len(c.comes))-1].(type) {
				case error:
					return Result{}, come
				case string:
					if come == gap {
						return Result{Gaps: 1}, nil
					}
					<-ctx.Done()
					return Result{}, ctx.Err()
				}
				return Result{}, nil
			}
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				run, err := Execute(context.Background(), pb, nil, env)
				if err != nil {
					t.Fatal(err)
				}
				if run.Status != c.status || len(again) != c.tries || time.Since(began).Truncate(time.Second) != c.took {
					t.Errorf("%s after %d tries and %s, want %s after %d and %s: %v", run.Status, len(again), time.Since(began), c.status, c.tries, c.took, run.Err())
				}
				if c.says != "" && (run.Err() == nil || !strings.Contains(run.Err().Error(), c.says)) {
					t.Errorf("it says %v, want %q", run.Err(), c.says)
				}
				for i, a := range again {
					if a != (i > 0) { // only the first may believe that nothing was done
						t.Errorf("try %d was told again: %v", i+1, a)
					}
				}
				if got, want := attempts(t, env, run.ID), c.tries; len(got) != want || !slices.IsSorted(got) {
					t.Errorf("in the record are the tries %v, want %d", got, want)
				}
			})
			verified(t, env.Case)
		})
	}
}

// attempts are the tries that the record of a run has.
func attempts(t *testing.T, env *Env, id string) []int {
	t.Helper()
	var out []int
	for e, err := range bagOf(t, env.Case, id).Journal(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind != noteIntent {
			continue
		}
		if err := noted(e, func(n intentNote) { out = append(out, max(1, n.Attempt)) }); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestTriesAreCountedAcrossACut: a run that is cut off between two tries goes on counting.
func TestTriesAreCountedAcrossACut(t *testing.T) {
	env, _ := offline(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		env.Tell = func(r StepReport) {
			if strings.HasPrefix(r.Summary, "try 2 of 4 failed") {
				cancel()
			}
		}
		run, err := Execute(ctx, parsed(t, timed("{id: one, run: notify, retries: 3, with: {text: x, to: /nowhere/at/all}}")), nil, env)
		if err != nil || run.Status != Interrupted {
			t.Fatal(run.Status, err)
		}
		run, err = Resume(context.Background(), bagOf(t, env.Case, run.ID), env)
		if err != nil || run.Status != Failed || !strings.Contains(run.Err().Error(), "step one: given up after 4 tries: ") {
			t.Fatal(run.Status, err, run.Err())
		}
		if got := fmt.Sprint(attempts(t, env, run.ID)); got != "[1 2 2 3 4]" {
			t.Errorf("tries %s", got)
		}
	})
	verified(t, env.Case)
}
