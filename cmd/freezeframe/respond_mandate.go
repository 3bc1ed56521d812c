package main

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/internal/mandate"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/act"
)

// absolute is a path as it is from anywhere.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// mandateChecked is what `respond mandate check` answers.
type mandateChecked struct {
	Schema string   `json:"schema"`
	Name   string   `json:"name"`
	SHA256 string   `json:"sha256"`
	Counts bool     `json:"counts"`
	Why    string   `json:"why,omitempty"`
	By     []string `json:"signed_by"`
	Rules  []string `json:"rules"`
}

func (p *program) checkMandate(c *cli.Context) error {
	path, err := oneArgument(c, "mandate")
	if err != nil {
		return err
	}
	keys, err := trusted(c)
	if err != nil {
		return err
	}
	h, err := mandate.Load(path, act.Acts(), keys)
	if err != nil {
		return ui.UsageHint(commandHelp(c), "%w", err)
	}
	if h.Mandate == nil {
		return ui.UsageHint(commandHelp(c), "no mandate %s", path)
	}
	out := mandateChecked{Schema: "freezeframe/mandate-checked/v1", Name: h.Mandate.Name.Value, SHA256: h.Mandate.SHA256, By: append([]string{}, h.By...)}
	if why := h.Void(time.Now()); why != nil {
		out.Why = why.Sentence
	} else {
		out.Counts = true
	}
	for i := range h.Mandate.Rules {
		out.Rules = append(out.Rules, h.Mandate.Rules[i].Name.Value)
	}
	err = p.s.Show(out, func(t *ui.Printer) {
		t.Line("mandate %s, sha256 %s", t.Bold(out.Name), out.SHA256)
		for i := range h.Mandate.Rules {
			r := &h.Mandate.Rules[i]
			t.Line("  rule %s: %s, ends after %s, %s", r.Name.Value, strings.Join(h.Mandate.Acts(r), ", "), r.Expires, ui.Plural(r.Approvals, "approval"))
		}
		for _, id := range out.By {
			t.Line("  signed by trusted key %s", id)
		}
	})
	if err == nil && !out.Counts {
		err = &ui.Error{Code: ui.ExitNotPinned, Err: errVoid(out.Why), Hint: "freezeframe respond mandate sign " + path + " --key KEY, and check with --trust PUBLIC.pem"}
	}
	return err
}

type errVoid string

func (e errVoid) Error() string { return "the mandate does not count: " + string(e) }
