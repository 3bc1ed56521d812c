package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
)

// connectToChange is connect for commands that change the account: it refuses unless the case, the
// environment and the account behind the endpoint are of the same exercise, or of none. What a plan
// says of itself contain compares.
func (p *program) connectToChange(c *cli.Context, of *evidence.Case, readOnly bool) (*awsapi.Session, error) {
	s, err := p.connect(c, of, readOnly)
	if err != nil {
		return nil, err
	}
	served := ""
	if s.Endpoint != "" {
		served = exerciseAt(c.Context, s.Endpoint)
	}
	said := p.getenv("FREEZEFRAME_EXERCISE")
	switch {
	case of.Exercise != "" && s.Endpoint == "":
		return nil, fmt.Errorf("%w: the case is of exercise %s, and the session works on AWS itself", contain.ErrExercise, of.Exercise)
	case of.Exercise != served:
		return nil, fmt.Errorf("%w: the case is of %s, the account at %s of %s", contain.ErrExercise, exerciseNamed(of.Exercise), s.Endpoint, exerciseNamed(served))
	case said != "" && said != of.Exercise:
		return nil, fmt.Errorf("%w: FREEZEFRAME_EXERCISE is %s, the case is of %s", contain.ErrExercise, said, exerciseNamed(of.Exercise))
	}
	return s, nil
}

func exerciseNamed(id string) string {
	if id == "" {
		return "no exercise"
	}
	return "exercise " + id
}

// exerciseAt asks an endpoint that is not AWS whether it serves an exercise; "" is no. Others'
// emulators answer this path with an error, or not at all.
func exerciseAt(ctx context.Context, endpoint string) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(endpoint, "/")+tabletop.ExercisePath, nil)
	if err != nil {
		return ""
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return ""
	}
	defer resp.Body.Close() //nolint:errcheck // it was read only
	id, err := io.ReadAll(io.LimitReader(resp.Body, 300))
	if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get(tabletop.ExerciseHeader) == "" {
		return ""
	}
	return strings.TrimSpace(string(id))
}
