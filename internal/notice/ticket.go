package notice

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// Markdown is the notice as a section of a ticket.
func (n Notice) Markdown() string {
	n = n.bounded()
	var b strings.Builder
	fmt.Fprintf(&b, "## %s: %s\n\n", n.At.UTC().Format(time.RFC3339), safetext.Markdown(n.headline()))
	for _, f := range n.facts() {
		fmt.Fprintf(&b, "- **%s:** %s\n", f.name, safetext.Markdown(f.inert()))
	}
	for _, p := range n.parts() {
		fmt.Fprintf(&b, "\n**%s**\n\n", p.title)
		for _, l := range p.lines {
			fmt.Fprintf(&b, "- %s\n", safetext.Markdown(inert(l)))
		}
	}
	if len(n.Next) > 0 {
		fmt.Fprintf(&b, "\n**Next**\n\n")
		for _, c := range n.Next { // four blanks make code of a line, and nothing in the line can end it
			fmt.Fprintf(&b, "    %s\n", c)
		}
	}
	return b.String() + "\n"
}

// ticket appends a notice to the ticket of its case: the file, or one of the folder.
func (n Notice) ticket(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() || err != nil && filepath.Ext(path) != ".md" {
		name := n.Alert
		if vault.CheckName(name) != nil || strings.Contains(name, "/") {
			return fmt.Errorf("ticket: the id of the alert, %.80q, is no name of a file", name)
		}
		if err := os.MkdirAll(path, 0o700); err != nil {
			return fmt.Errorf("ticket: %w", err)
		}
		path = filepath.Join(path, name+".md")
	}
	if err := Append(path, n.Markdown()); err != nil {
		return fmt.Errorf("ticket: %w", err)
	}
	return nil
}

// Append adds a text to a file, durably and in one piece. A file that it makes is the user's alone.
func Append(path, text string) (err error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	return f.Sync()
}
