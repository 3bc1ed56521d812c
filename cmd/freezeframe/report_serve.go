package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks/report"
)

func (p *program) reportServeCommand(flags []cli.Flag) *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "show the report in a browser of this machine, with a search over every event", ArgsUsage: "[CASE]",
		Description: "freezeframe report serve\n\nOn 127.0.0.1 at a free port, under a secret address that is printed. Nothing is written to the case but that it was read. Stop with Ctrl-C.",
		Flags:       append(slices.Clone(flags), &cli.IntFlag{Name: "port", Usage: "port on 127.0.0.1; 0 is a free one"}),
		Action:      p.serveReport,
	}
}

// servedReport is what `report serve` prints.
type servedReport struct {
	Schema string `json:"schema"`
	Case   string `json:"case"`
	URL    string `json:"url"`
}

func (p *program) serveReport(c *cli.Context) error {
	opened, d, err := p.gatherReport(c)
	if err != nil {
		return err
	}
	if err := p.recordAnalysis(c, opened, "report serve", map[string]string{"kind": report.Kind}); err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(c.Context, "tcp", net.JoinHostPort("127.0.0.1", fmt.Sprint(c.Int("port"))))
	if err != nil {
		return fmt.Errorf("listening on 127.0.0.1: %w", err)
	}
	token := rand.Text()
	server := &http.Server{Handler: report.NewServer(d, opened, token, l.Addr().String()), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	out := servedReport{"freezeframe/report-served/v1", opened.Vault().String(), "http://" + l.Addr().String() + "/" + token + "/"}
	if err := p.s.Show(out, func(t *ui.Printer) {
		t.Line("%s", out.URL)
		t.Line("whoever has this address can read the report; stop with Ctrl-C")
	}); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serving the report: %w", err)
	case <-c.Context.Done():
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
