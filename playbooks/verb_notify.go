package playbooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// notifyVerb tells somebody: on the terminal, in a file, or at an address that the operator allowed.
func notifyVerb() Verb {
	return Verb{
		Name: "notify", About: "tell somebody: on the terminal, in a file, or at an address on the operator's list",
		Class: Tells,
		With: []Param{
			{Name: "text", Type: Text, Required: true, About: "what is told"},
			{Name: "to", Type: Text, Required: true, About: `"stdout", a file, which is appended to, or an https address (freezeframe playbook run --webhook)`},
			{Name: "also", Type: Texts, About: "names that are told with it, such as those of functions"},
		},
		Run: notify,
	}
}

// message is what is told. It holds no evidence: whoever reads it opens the case.
func (env *Env) message(a Args) string {
	text := arg[string](a, "text")
	if also := arg[[]string](a, "also"); len(also) > 0 {
		text += ": " + strings.Join(also, ", ")
	}
	if env.Exercise != "" {
		text = "EXERCISE: " + text
	}
	return fmt.Sprintf("%s (case %s, playbook %s, run %s, step %s)", safetext.Escape(text), env.Case.ID, a.Playbook, a.Run, a.Step)
}

func notify(ctx context.Context, env *Env, a Args) (Result, error) {
	to, text := arg[string](a, "to"), env.message(a)
	if a.Again {
		text += " (perhaps for the second time)"
	}
	switch {
	case to == "stdout":
		if env.Say == nil {
			return Result{}, errors.New("there is no terminal to tell it on")
		}
		env.Say(text)
	case strings.Contains(to, "://"):
		if err := env.post(ctx, to, text); err != nil {
			return Result{}, err
		}
	default:
		if err := appendLine(to, env.Now().UTC().Format(time.RFC3339)+" "+text); err != nil {
			return Result{}, fmt.Errorf("telling it in %s: %w", to, err)
		}
	}
	return Result{Summary: "told " + shownAddress(to)}, nil
}

// shownAddress leaves away what of an address is a secret.
func shownAddress(to string) string {
	if u, err := url.Parse(to); err == nil && u.Host != "" {
		return u.Scheme + "://" + u.Host + "/..."
	}
	return to
}

func appendLine(path, line string) (err error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteString(line + "\n"); err != nil {
		return err
	}
	return f.Sync()
}

// ErrNotAllowed: notify is to send to an address that nobody allowed.
var ErrNotAllowed = errors.New("the address is not on the list of those that may be told (--webhook)")

// post sends a message in the form that Slack and Teams take: {"text": "..."}.
func (env *Env) post(ctx context.Context, to, text string) error {
	if !env.allowed(to) {
		return fmt.Errorf("%s: %w", shownAddress(to), ErrNotAllowed)
	}
	body, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		return fmt.Errorf("the message: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: not an address", shownAddress(to))
	}
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }} // elsewhere nobody allowed
	resp, err := client.Do(req)
	if err != nil {
		if bad, ok := errors.AsType[*url.Error](err); ok {
			err = bad.Err // without the address, in which its secret is
		}
		return fmt.Errorf("telling %s: %w", shownAddress(to), err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing was written
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("telling %s: it answered %s", shownAddress(to), resp.Status)
	}
	return nil
}

// allowed: https, or this machine; and it begins with an address on the list.
func (env *Env) allowed(to string) bool {
	u, err := url.Parse(to)
	if err != nil || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "127.0.0.1") {
		return false
	}
	for _, w := range env.Webhooks {
		a, err := url.Parse(w)
		if err == nil && a.Scheme == u.Scheme && a.Host == u.Host && strings.HasPrefix(u.EscapedPath(), a.EscapedPath()) && !strings.Contains(u.Path, "..") {
			return true
		}
	}
	return false
}
