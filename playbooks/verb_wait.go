package playbooks

import (
	"context"
	"fmt"
	"time"
)

// waitVerb lets time pass: records of CloudTrail come minutes after the calls.
func waitVerb() Verb {
	return Verb{
		Name: "wait", About: "let time pass; an interruption does not begin it anew",
		Class: Offline, Timeout: maxTimeout,
		With:  []Param{{Name: "for", Type: Duration, Required: true, About: "how long"}},
		Check: inTime,
		Run:   wait,
	}
}

func wait(ctx context.Context, env *Env, a Args) (Result, error) {
	d := arg[time.Duration](a, "for")
	until, err := a.until(ctx, env.Now().Add(d))
	if err != nil {
		return Result{}, err
	}
	if left := until.Sub(env.Now()); left > 0 {
		if err := env.sleep(ctx, left); err != nil {
			return Result{}, fmt.Errorf("waiting: %w", err)
		}
	}
	return Result{Summary: fmt.Sprintf("waited until %s", until.UTC().Format(time.RFC3339))}, nil
}

// inTime holds how long something is to take to what the step may take.
func inTime(s *Step) string {
	d, literal := s.With["for"].Literal.(time.Duration)
	if limit := s.limit(); literal && d >= limit {
		return fmt.Sprintf("%s for %s is never done within its timeout of %s", s.Verb.Name, d, limit)
	}
	return ""
}
