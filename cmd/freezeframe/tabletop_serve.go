package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/durable"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
)

// tickEvery is how often a served exercise looks whether something is due.
const tickEvery = time.Second

func (p *program) serveTabletop(c *cli.Context) error {
	sc, err := p.scenarioOf(c)
	if err != nil {
		return err
	}
	w, err := tabletop.Play(c.Context, sc, tabletop.Options{Seed: c.Uint64("seed"), Now: time.Now()})
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(c.Context, "tcp", net.JoinHostPort("127.0.0.1", fmt.Sprint(c.Int("port"))))
	if err != nil {
		return fmt.Errorf("listening on 127.0.0.1: %w", err)
	}
	endpoint := "http://" + l.Addr().String()
	handler := &tabletop.Server{World: w, Before: w.Probe(c.Context), Open: func(_ context.Context, where string) (*evidence.Case, error) {
		return p.openCaseAt(c, where)
	}}
	if path := c.String("control"); path != "" {
		handler.Token = rand.Text()
		if err := writeControl(path, control{"freezeframe/tabletop-control/v1", endpoint, handler.Token, w.ID}); err != nil {
			return errors.Join(err, l.Close())
		}
	}
	w.Live()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	if err := p.showServed(w, endpoint); err != nil {
		return errors.Join(err, server.Close())
	}
	if err := p.lead(c.Context, w, failed); err != nil {
		return errors.Join(err, server.Close())
	}
	// The signal came: answers under way get a moment.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context), 3*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stopping: %w", err)
	}
	fmt.Fprintln(p.s.Err, "stopped")
	return nil
}

// lead lets the attacker and the injects go on until somebody stops it.
func (p *program) lead(ctx context.Context, w *tabletop.World, failed <-chan error) error {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	heard := 0
	for {
		select {
		case err := <-failed:
			return fmt.Errorf("serving the account: %w", err)
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := w.Tick(ctx); err != nil && ctx.Err() == nil {
				return err
			}
			for _, told := range w.Heard()[heard:] {
				heard++
				p.s.Warn("EXERCISE: %s, from %s to %s: %s", told.Channel, told.From, told.To, told.Content)
			}
		}
	}
}

// served is what `tabletop serve` prints.
type served struct {
	Schema   string            `json:"schema"`
	Banner   string            `json:"banner"`
	Scenario string            `json:"scenario"`
	Endpoint string            `json:"endpoint_url"`
	Function string            `json:"function"`
	Env      map[string]string `json:"env"`
	Unset    []string          `json:"unset"`
}

func (p *program) showServed(w *tabletop.World, endpoint string) error {
	out := served{"freezeframe/tabletop-served/v1", "EXERCISE", w.Scenario.Name, endpoint, w.Scenario.Function, map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": w.Scenario.Region, "AWS_DEFAULT_REGION": w.Scenario.Region,
		"AWS_ACCESS_KEY_ID": w.Responder.AccessKeyID, "AWS_SECRET_ACCESS_KEY": w.Responder.SecretAccessKey,
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
		"FREEZEFRAME_EXERCISE": w.ID,
	}, []string{"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "FREEZEFRAME_CASE"}}
	return p.s.Show(out, func(t *ui.Printer) {
		t.Line("# EXERCISE %s: %s", w.Scenario.Name, w.Scenario.Title)
		for _, k := range []string{"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
			"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED", "FREEZEFRAME_EXERCISE"} {
			t.Line("export %s=%s", k, out.Env[k])
		}
		t.Line("unset %s", strings.Join(out.Unset, " "))
		t.Line(`for v in $(env | sed -n 's/^\(AWS_ENDPOINT_URL_[A-Z0-9_]*\)=.*/\1/p'); do unset "$v"; done`)
		t.Line("# then, in another terminal:")
		t.Line("#   freezeframe case open ./exercise --title exercise --authority exercise --operator \"$USER\"")
		t.Line("#   freezeframe collect --case ./exercise --function %s", out.Function)
		t.Line("#   aws lambda get-function --function-name %s", out.Function)
		t.Line("# stop with Ctrl-C")
	})
}

// control is the file with which somebody leads a served exercise.
type control struct {
	Schema   string `json:"schema"`
	Endpoint string `json:"endpoint_url"`
	Token    string `json:"token"`
	Exercise string `json:"exercise"`
}

func writeControl(path string, f control) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("control file %s: %w", path, err)
	}
	data, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("control file: %w", err)
	}
	return durable.WriteNew(abs, append(data, '\n'), 0o600)
}

func (p *program) controlCommands() []*cli.Command {
	file := &cli.StringFlag{Name: "control", Usage: "file that tabletop serve wrote", Required: true}
	ask := func(verb, usage, args, description string) *cli.Command {
		return &cli.Command{Name: verb, Usage: usage, ArgsUsage: args, Description: description, Flags: []cli.Flag{file}, Action: func(c *cli.Context) error { return p.askExercise(c, verb, args) }}
	}
	return []*cli.Command{
		ask("status", "how a served exercise stands", "", "freezeframe tabletop status --control control.json"),
		ask("inject", "give an inject before its time", "ID", "freezeframe tabletop inject I2 --control control.json"),
		ask("pause", "hold the attacker and the injects; the account goes on answering", "", "freezeframe tabletop pause --control control.json"),
		ask("resume", "let them go on", "", "freezeframe tabletop resume --control control.json"),
		ask("hint", "the next hint; it costs points", "", "freezeframe tabletop hint --control control.json"),
		{
			Name: "score", Usage: "what the responders of a served exercise have reached, with the case in --case", Flags: []cli.Flag{file},
			Description: "freezeframe tabletop score --control control.json --case ./exercise --json > score.json",
			Action:      p.scoreExercise,
		},
	}
}

// askExercise asks a served exercise for something and shows its answer.
func (p *program) askExercise(c *cli.Context, verb, args string) error {
	arg := ""
	var err error
	if args != "" {
		arg, err = oneArgument(c, args)
	} else {
		err = noArguments(c)
	}
	if err != nil {
		return err
	}
	raw, err := p.toExercise(c, verb, arg)
	if err != nil {
		return err
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		return fmt.Errorf("the answer of the exercise: %w", err)
	}
	return p.s.Show(out, func(t *ui.Printer) {
		switch verb {
		case "inject":
			t.Line("given: %s", out["content"])
		case "hint":
			t.Line("%s", out["Text"])
			t.Line("  cost: %v points", out["Cost"])
		default:
			t.Line("EXERCISE %s", out["exercise"])
			t.Line("  minute %v of %v, paused: %v, calls by responders: %v, hints left: %v", out["minutes"], out["of"], out["paused"], out["calls_by_responders"], out["hints_left"])
		}
	})
}

func (p *program) scoreExercise(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	where := c.String("case")
	if where == "" {
		return ui.UsageHint("freezeframe tabletop score --control FILE --case DIR", "no case: --case and FREEZEFRAME_CASE are empty")
	}
	if !strings.Contains(where, "://") {
		abs, err := filepath.Abs(where)
		if err != nil {
			return fmt.Errorf("case %s: %w", where, err)
		}
		where = abs
	}
	raw, err := p.toExercise(c, "score", where)
	if err != nil {
		return err
	}
	s := &tabletop.Score{}
	if err := json.Unmarshal(raw, s); err != nil {
		return fmt.Errorf("the answer of the exercise: %w", err)
	}
	return p.s.Show(s, func(t *ui.Printer) {
		t.Line("EXERCISE %s", s.Exercise)
		showScore(t, s)
	})
}

func (p *program) toExercise(c *cli.Context, verb, arg string) ([]byte, error) {
	data, err := os.ReadFile(c.String("control"))
	if err != nil {
		return nil, ui.UsageHint("freezeframe tabletop serve SCENARIO --control FILE", "reading the control file: %w", err)
	}
	var f control
	if err := json.Unmarshal(data, &f); err != nil || f.Schema != "freezeframe/tabletop-control/v1" {
		return nil, ui.UsageHint("freezeframe tabletop serve SCENARIO --control FILE", "%s is no control file", c.String("control"))
	}
	u, err := url.JoinPath(f.Endpoint, "/.freezeframe/control/", verb)
	if err != nil {
		return nil, fmt.Errorf("the control file's address: %w", err)
	}
	req, err := http.NewRequestWithContext(c.Context, http.MethodPost, u, strings.NewReader(arg))
	if err != nil {
		return nil, fmt.Errorf("asking the exercise: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+f.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the exercise: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read only
	body, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return nil, fmt.Errorf("asking the exercise: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, ui.UsageHint("freezeframe tabletop status --control FILE", "the exercise says: %s", strings.TrimSpace(string(body)))
	}
	return body, nil
}
