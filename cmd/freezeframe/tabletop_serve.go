package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

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
	players, err := p.keysOf(c, w, handler, endpoint)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	w.Live()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	if err := p.showServed(w, endpoint, players); err != nil {
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

// keysOf writes the files with which people lead the exercise and take part in it, and begins its
// record beside the first. It answers where the players' is.
func (p *program) keysOf(c *cli.Context, w *tabletop.World, handler *tabletop.Server, endpoint string) (string, error) {
	path, players := c.String("control"), c.String("players")
	if players != "" && path == "" {
		return "", ui.UsageHint("freezeframe tabletop serve SCENARIO --control control.json --players players.json", "--players without --control: nobody would lead the exercise")
	}
	if path == "" {
		return "", nil
	}
	handler.Token = rand.Text()
	if err := writeControl(path, control{controlSchema, forFacilitator, endpoint, handler.Token, w.ID}); err != nil {
		return "", err
	}
	if err := p.recordExercise(w, path+".record.jsonl"); err != nil || players == "" {
		return "", err
	}
	abs, err := filepath.Abs(players)
	if err != nil {
		return "", fmt.Errorf("players' file %s: %w", players, err)
	}
	handler.Players = rand.Text()
	return abs, writeControl(abs, control{controlSchema, forPlayers, endpoint, handler.Players, w.ID})
}

// recordExercise keeps what happens in a file, line by line as it happens: what people decided and noted is
// not lost with the process that serves. A line that cannot be written is said, and the exercise
// goes on.
func (p *program) recordExercise(w *tabletop.World, path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("the record of the exercise: %w", err)
	}
	w.OnEvent(func(e tabletop.Event) {
		line, err := json.Marshal(e)
		if err == nil {
			_, err = f.Write(append(line, '\n'))
		}
		if err != nil {
			p.s.Warn("not in the record of the exercise: %s: %s", e.What, err)
		}
	})
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

// playersVariable names the players' file in their environment.
const playersVariable = "FREEZEFRAME_TABLETOP"

func (p *program) showServed(w *tabletop.World, endpoint, players string) error {
	out := served{"freezeframe/tabletop-served/v1", "EXERCISE", w.Scenario.Name, endpoint, w.Scenario.Function, map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": w.Scenario.Region, "AWS_DEFAULT_REGION": w.Scenario.Region,
		"AWS_ACCESS_KEY_ID": w.Responder.AccessKeyID, "AWS_SECRET_ACCESS_KEY": w.Responder.SecretAccessKey,
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
		"FREEZEFRAME_EXERCISE": w.ID,
	}, []string{"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "FREEZEFRAME_CASE"}}
	if players != "" {
		out.Env[playersVariable] = players
	}
	return p.s.Show(out, func(t *ui.Printer) {
		t.Line("# EXERCISE: %s", w.Scenario.Title)
		for _, k := range []string{"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
			"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED", "FREEZEFRAME_EXERCISE"} {
			t.Line("export %s=%s", k, out.Env[k])
		}
		if players != "" {
			t.Line("export %s=%s", playersVariable, shellWord(players))
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

// shellWord is a text as one word of a POSIX shell.
func shellWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
