package notice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Errors that callers branch on.
var (
	// ErrNotAllowed: the address is on no list of those that may be told.
	ErrNotAllowed = errors.New("the address is not on the list of those that may be told (--webhook)")
	// ErrRefused: whoever was told will not take it, however often it is said.
	ErrRefused = errors.New("it was refused")
)

const (
	patience  = 20 * time.Second
	maxAnswer = 64 << 10
)

// ShownAddress leaves away what of an address is a secret.
func ShownAddress(to string) string {
	if u, err := url.Parse(to); err == nil && u.Host != "" {
		return u.Scheme + "://" + u.Host + "/..."
	}
	return to
}

// may says whether anything can be sent to an address: https, or this machine.
func may(u *url.URL) bool {
	return u.User == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && u.Hostname() == "127.0.0.1")
}

// Allowed says whether an address can be sent to, and begins with one on the list.
func Allowed(list []string, to string) bool {
	u, err := url.Parse(to)
	if err != nil || !may(u) {
		return false
	}
	for _, w := range list {
		a, err := url.Parse(w)
		if err == nil && a.Scheme == u.Scheme && a.Host == u.Host && strings.HasPrefix(u.EscapedPath(), a.EscapedPath()) && !strings.Contains(u.Path, "..") {
			return true
		}
	}
	return false
}

// Plain is a text in the form that Slack and Teams' connectors take: {"text": "..."}.
func Plain(text string) ([]byte, error) { return encoded(object{"text": markup.Replace(inert(text))}) }

// Post sends JSON to an address, once, and gives the beginning of what it answered. The address is
// in no error.
func Post(ctx context.Context, to string, body []byte) (answer string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return "", errors.New("telling somebody: not an address")
	}
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }} // elsewhere nobody allowed
	resp, err := client.Do(req)
	if err != nil {
		if bad, ok := errors.AsType[*url.Error](err); ok {
			err = bad.Err // without the address, in which its secret is
		}
		return "", fmt.Errorf("telling %s: %w", ShownAddress(to), err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing was written
	data, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case resp.StatusCode/100 == 2:
		return string(data), nil
	case resp.StatusCode/100 == 5, resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout:
		return "", fmt.Errorf("telling %s: it answered %s", ShownAddress(to), status(resp))
	}
	return "", fmt.Errorf("telling %s: %w: it answered %s", ShownAddress(to), ErrRefused, status(resp))
}

// status is the number and our words for it: those of the answer are the other side's.
func status(resp *http.Response) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
}
