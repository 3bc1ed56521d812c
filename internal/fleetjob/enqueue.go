package fleetjob

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// planKind is the kind of result that a fleet's jobs are kept as; planFile its file.
const (
	planKind = "fleet"
	planFile = "jobs.ndjson"
	maxPlan  = 256 << 20
)

// Plan keeps the jobs of a fleet in the case, before any is sent: what no worker ever did, because its
// message was lost, can be told from what nobody asked for.
func Plan(ctx context.Context, c *evidence.Case, actor, queueURL string, jobs []Job) error {
	functions, accounts := 0, map[string]bool{}
	for i := range jobs {
		functions += len(jobs[i].Functions)
		accounts[jobs[i].Account] = true
	}
	_, err := c.Derive(ctx, evidence.Derived{Kind: planKind, Actor: actor, Params: map[string]string{
		"messages": strconv.Itoa(len(jobs)), "functions": strconv.Itoa(functions), "accounts": strconv.Itoa(len(accounts)), "queue": queueURL,
	}}, evidence.File{Name: planFile, Write: func(w io.Writer) error {
		for i := range jobs {
			body, err := jobs[i].Encode()
			if err != nil {
				return err
			}
			if _, err := io.WriteString(w, body+"\n"); err != nil {
				return err
			}
		}
		return nil
	}})
	if err != nil && !errors.Is(err, evidence.ErrNotSigned) {
		return fmt.Errorf("keeping what is asked for in the case: %w", err)
	}
	return nil
}

// ErrNoPlan: the case has no fleet that was enqueued.
var ErrNoPlan = errors.New("no fleet of this case was enqueued")

// Outstanding are the jobs of the case's newest fleet whose bags are not sealed, of so many.
func Outstanding(ctx context.Context, c *evidence.Case) (open []Job, of int, err error) {
	d, err := c.NewestResult(ctx, planKind)
	if errors.Is(err, evidence.ErrNoResult) {
		return nil, 0, fmt.Errorf("%s: %w", c.Vault(), ErrNoPlan)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("what was asked for: %w", err)
	}
	sealed, err := c.SealedBags(ctx)
	if err != nil {
		return nil, 0, err
	}
	for _, f := range d.Files {
		if path.Base(f.Path) != planFile {
			continue
		}
		r, err := c.Vault().Open(ctx, f.Path)
		if err != nil {
			return nil, 0, fmt.Errorf("what was asked for: %w", err)
		}
		open, of, err = unsealed(io.LimitReader(r, maxPlan), c, sealed)
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, 0, fmt.Errorf("what was asked for: %s: %w", f.Path, err)
		}
	}
	return open, of, nil
}

// unsealed reads the jobs of a plan and leaves those out that have been done.
func unsealed(r io.Reader, c *evidence.Case, sealed map[string]bool) (open []Job, of int, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxMessage+1)
	for lines.Scan() {
		j, err := Parse(strings.TrimSpace(lines.Text()), c.Now())
		if err != nil {
			return nil, 0, err
		}
		if of++; !sealed[j.Bag()] {
			open = append(open, *j)
		}
	}
	return open, of, lines.Err()
}

// Send puts the jobs into a queue. The error says how many went before it.
func Send(ctx context.Context, jobs []Job, send func(ctx context.Context, body string) error) error {
	for i := range jobs {
		body, err := jobs[i].Encode()
		if err == nil {
			err = send(ctx, body)
		}
		if err != nil {
			return fmt.Errorf("%d of %d messages are in the queue: %w", i, len(jobs), err)
		}
	}
	return nil
}
