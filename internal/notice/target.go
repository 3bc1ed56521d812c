package notice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// Target is whom a notice is sent to.
type Target struct {
	// Name is what records call it: its kind, and what of its address is no secret.
	Name string
	kind string
	to   string // address, ARN or path
	at   string // region of a topic
}

// Forms of targets, for people.
const Forms = "sns:TOPIC-ARN, slack:URL, teams:URL, webhook:URL, ticket:FILE.md or ticket:DIR; @FILE in place of URL reads it from a file"

var unsafe = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// Parse reads targets. Their addresses are in no error.
func Parse(specs []string) ([]Target, error) {
	out := make([]Target, 0, len(specs))
	taken := map[string]int{}
	for _, spec := range specs {
		t, err := parse(spec)
		if err != nil {
			return nil, err
		}
		t.Name = strings.Trim(unsafe.ReplaceAllString(t.Name, "-"), "-")
		t.Name = t.Name[:min(len(t.Name), 80)]
		if taken[t.Name]++; taken[t.Name] > 1 {
			t.Name = fmt.Sprintf("%s-%d", t.Name, taken[t.Name])
		}
		out = append(out, t)
	}
	return out, nil
}

func parse(spec string) (Target, error) {
	kind, to, ok := strings.Cut(spec, ":")
	if !ok || to == "" {
		return Target{}, fmt.Errorf("one of %s is wanted", Forms)
	}
	switch kind {
	case "sns":
		a, err := arn.Parse(to)
		if err != nil || a.Service != "sns" || a.Region == "" || a.Resource == "" || strings.Contains(a.Resource, ":") {
			return Target{}, fmt.Errorf("sns: %q is not the ARN of a topic", to)
		}
		return Target{"sns-" + a.Region + "-" + a.AccountID + "-" + a.Resource, kind, to, a.Region}, nil
	case "ticket":
		return Target{"ticket-" + filepath.Base(to), kind, to, ""}, nil
	case "slack", "teams", "webhook":
		if file, ok := strings.CutPrefix(to, "@"); ok {
			var err error
			if to, err = firstLine(file); err != nil {
				return Target{}, fmt.Errorf("%s: %w", kind, err)
			}
		}
		u, err := url.Parse(to)
		if err != nil || !may(u) {
			return Target{}, fmt.Errorf("%s: what is given is not an https address without a user (it is not shown, since it may hold a token)", kind)
		}
		return Target{kind + "-" + u.Host, kind, to, ""}, nil
	}
	return Target{}, fmt.Errorf("%.20q is nobody who can be told: %s", kind, Forms)
}

// firstLine of a file that holds one address.
func firstLine(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(f, 8<<10))
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	if line = strings.TrimSpace(line); line == "" {
		return "", fmt.Errorf("the first line of %s is empty", path)
	}
	return line, nil
}

// send tells one target, once.
func (t Target) send(ctx context.Context, n Notice, session func(context.Context) (*awsapi.Session, error)) error {
	var body []byte
	var err error
	switch t.kind {
	case "ticket":
		return n.ticket(t.to)
	case "sns":
		s, err := session(ctx)
		if err != nil {
			return fmt.Errorf("telling %s: %w", t.to, err)
		}
		return n.publish(ctx, s, t.to, t.at)
	case "slack":
		body, err = n.Slack()
	case "teams":
		body, err = n.Teams()
	default:
		body, err = n.JSON()
	}
	if err != nil {
		return err
	}
	answer, err := Post(ctx, t.to, body)
	// A connector of Teams says 200 also when it is throttled, and tells it in its answer ("Rate
	// limiting for Incoming Webhooks", learn.microsoft.com).
	if err == nil && t.kind == "teams" && strings.HasPrefix(answer, "Webhook message delivery failed") {
		return errors.New("telling " + ShownAddress(t.to) + ": it answered 200, and that the message was not delivered")
	}
	return err
}
