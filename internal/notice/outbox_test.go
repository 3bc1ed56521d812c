package notice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const topic = "arn:aws:sns:eu-central-1:123456789012:alerts"

// world is a topic and a board; down says whether the session can be had.
type world struct {
	cloud *awssim.Cloud
	dir   string
	board *board.Board
	down  bool
	calls atomic.Int32
}

func newWorld(t *testing.T, topics ...string) (*world, func(context.Context) (*awsapi.Session, error)) {
	t.Helper()
	const all = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	w := &world{cloud: awssim.New(awssim.Config{AccountID: "123456789012", Region: "eu-central-1", Seed: 1}), dir: t.TempDir()}
	keys := w.cloud.Bootstrap("123456789012", "responder", all)
	provider := credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken)
	admin := sns.NewFromConfig(aws.Config{Region: "eu-central-1", BaseEndpoint: aws.String("https://aws.test"), HTTPClient: w.cloud.Client(), Credentials: provider})
	for _, name := range append(topics, "alerts") {
		if _, err := admin.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: &name}); err != nil {
			t.Fatal(err)
		}
	}
	v, err := vault.NewFolder(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	w.board = board.On(v, "worker-1")
	return w, func(ctx context.Context) (*awsapi.Session, error) {
		if w.calls.Add(1); w.down {
			return nil, errors.New("the network is down")
		}
		return awsapi.Connect(ctx, awsapi.Options{Region: "us-east-1", EndpointURL: "https://aws.test", HTTPClient: w.cloud.Client(), Credentials: provider})
	}
}

func targets(t *testing.T, specs ...string) []Target {
	t.Helper()
	all, err := Parse(specs)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestTold: a topic and a ticket are told once, whoever comes to the notice again.
func TestTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, session := newWorld(t, "alerts.fifo")
		tickets := filepath.Join(t.TempDir(), "tickets")
		o := &Outbox{Board: w.board, Targets: targets(t, "sns:"+topic, "sns:"+topic+".fifo", "ticket:"+tickets), Session: session, Now: time.Now}
		n := sample()
		for range 3 {
			if err := errors.Join(o.Tell(t.Context(), n), o.Sweep(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
		for _, arn := range []string{topic, topic + ".fifo"} {
			got := w.cloud.Published(arn)
			if len(got) != 1 || got[0].Subject != "freezeframe: an alert needs a person" || got[0].Attributes["event"] != "failed" || got[0].Message != n.Text() {
				t.Errorf("%s: %+v", arn, got)
			}
		}
		data, err := os.ReadFile(filepath.Join(tickets, "alert-1.md"))
		if err != nil || strings.Count(string(data), "## ") != 1 {
			t.Errorf("%s %v", data, err)
		}
		if u, err := Count(t.Context(), w.board); err != nil || u != (Undelivered{}) {
			t.Errorf("%+v %v", u, err)
		}
	})
}

// TestAgain: what cannot be delivered stops nothing, is written down, and is delivered once when that
// is possible, by whoever comes by.
func TestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, session := newWorld(t)
		var warned []string
		o := &Outbox{Board: w.board, Targets: targets(t, "sns:"+topic), Session: session, Now: time.Now, Warn: func(err error) { warned = append(warned, err.Error()) }}
		w.down = true
		if err := o.Tell(t.Context(), sample()); err != nil {
			t.Fatal(err)
		}
		if u, err := Count(t.Context(), w.board); err != nil || u != (Undelivered{Open: 1, Tries: 1}) || len(warned) != 1 || int(w.calls.Load()) != quick {
			t.Errorf("%+v %v; warned of %q after %d calls", u, err, warned, w.calls.Load())
		}
		if err := o.Sweep(t.Context()); err != nil || int(w.calls.Load()) != quick {
			t.Errorf("tried again at once: %d calls, %v", w.calls.Load(), err)
		}
		time.Sleep(time.Minute)
		if err := o.Sweep(t.Context()); err != nil || int(w.calls.Load()) != 2*quick {
			t.Errorf("not tried again after a minute: %d calls, %v", w.calls.Load(), err)
		}
		time.Sleep(time.Minute)
		if err := o.Sweep(t.Context()); err != nil || int(w.calls.Load()) != 2*quick {
			t.Errorf("tried again before two minutes: %d calls, %v", w.calls.Load(), err)
		}
		time.Sleep(time.Minute)
		w.down = false
		other := &Outbox{Board: board.On(mustFolder(t, w.dir), "worker-2"), Targets: o.Targets, Session: session, Now: time.Now}
		var both sync.WaitGroup
		for _, x := range []*Outbox{o, other} {
			both.Go(func() {
				if err := x.Sweep(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if got := w.cloud.Published(topic); len(got) != 1 {
			t.Errorf("told %d times", len(got))
		}
		time.Sleep(2 * time.Hour)
		if err := o.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if u, err := Count(t.Context(), w.board); err != nil || u != (Undelivered{Tries: 2}) || len(w.cloud.Published(topic)) != 1 {
			t.Errorf("%+v %v", u, err)
		}
	})
}

// TestStopped: who is told to stop leaves what is to be told to others.
func TestStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, session := newWorld(t)
		o := &Outbox{Board: w.board, Targets: targets(t, "sns:"+topic), Session: session, Now: time.Now}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = o.Tell(ctx, sample())
		if u, err := Count(t.Context(), w.board); err != nil || u.Open != 1 || len(w.cloud.Published(topic)) != 0 {
			t.Fatalf("%+v %v", u, err)
		}
		time.Sleep(2 * time.Minute)
		if err := o.Sweep(t.Context()); err != nil || len(w.cloud.Published(topic)) != 1 {
			t.Errorf("%d told, %v", len(w.cloud.Published(topic)), err)
		}
	})
}

// TestGivenUp: nobody tries for ever, neither of a target that takes nothing nor of one that is no more.
func TestGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, session := newWorld(t)
		w.down = true
		o := &Outbox{Board: w.board, Targets: targets(t, "sns:"+topic), Session: session, Now: time.Now}
		if err := o.Tell(t.Context(), sample()); err != nil {
			t.Fatal(err)
		}
		gone := &Outbox{Board: w.board, Targets: targets(t, "ticket:"+t.TempDir()), Session: session, Now: time.Now}
		second := sample()
		second.ID = "alert-2/x"
		if err := gone.Tell(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		third := sample()
		third.ID = "alert-3/x"
		if err := w.board.Put(t.Context(), "notices/due/"+third.ID, due{third, []string{"slack-nobody"}, time.Now()}); err != nil {
			t.Fatal(err)
		}
		for range 60 {
			time.Sleep(time.Hour)
			if err := o.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if u, err := Count(t.Context(), w.board); err != nil || u != (Undelivered{Never: 1, Tries: maxTries}) || int(w.calls.Load()) != maxTries*quick {
			t.Errorf("%+v %v after %d calls", u, err, w.calls.Load())
		}
	})
}

func mustFolder(t *testing.T, dir string) vault.Vault {
	t.Helper()
	v, err := vault.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestPosted: each webhook gets its form, once; its address is in nothing that is said or written down.
func TestPosted(t *testing.T) {
	var got []string
	answer := func(w http.ResponseWriter) {}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = append(got, r.Header.Get("Content-Type")+" "+string(b))
		answer(w)
	}))
	defer server.Close()
	w, session := newWorld(t)
	secret := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(secret, []byte(server.URL+"/hook/s3cr3t\nmore\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said []string
	o := &Outbox{Board: w.board, Targets: targets(t, "slack:@"+secret, "teams:"+server.URL+"/hook/s3cr3t", "webhook:"+server.URL+"/hook/s3cr3t", "webhook:"+server.URL+"/second/s3cr3t"), Session: session,
		Now: time.Now, Warn: func(err error) { said = append(said, err.Error()) }}
	n := sample()
	if err := o.Tell(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	slack, _ := n.Slack()
	teams, _ := n.Teams()
	plain, _ := n.JSON()
	want := []string{string(slack), string(teams), string(plain), string(plain)}
	if len(got) != len(want) {
		t.Fatalf("told %d times", len(got))
	}
	for i := range want {
		if got[i] != "application/json "+want[i] {
			t.Errorf("%d: %s", i, got[i])
		}
	}
	for i, a := range []func(http.ResponseWriter){
		func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) },
		func(w http.ResponseWriter) {
			w.Header().Set("Location", server.URL+"/elsewhere")
			w.WriteHeader(http.StatusFound)
		},
	} {
		answer, got = a, nil
		n.ID = fmt.Sprintf("alert-1/no-%d", i)
		if err := o.Tell(t.Context(), n); err != nil || len(got) != 4 {
			t.Errorf("%d: told %d times, %v", i, len(got), err)
		}
	}
	// A connector of Teams that says 200, and that nothing was delivered; and a reader of the answer
	// that does not read for ever.
	answer = func(w http.ResponseWriter) {
		_, _ = io.WriteString(w, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429"+strings.Repeat(" ", 1<<20))
	}
	err := o.Targets[1].send(t.Context(), n, session)
	if err == nil || !strings.Contains(err.Error(), "not delivered") {
		t.Error(err)
	}
	if a, err := Post(t.Context(), server.URL, []byte("{}")); err != nil || len(a) != maxAnswer {
		t.Errorf("%d bytes of an answer, %v", len(a), err)
	}
	server.Close()
	said = append(said, fmt.Sprint(o.Targets[0].send(t.Context(), n, session)), fmt.Sprint(err))
	for _, line := range said {
		if strings.Contains(line, "s3cr3t") {
			t.Errorf("the address is told: %s", line)
		}
	}
	if len(said) < 8 {
		t.Errorf("only %d complaints", len(said))
	}
	err = filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data)+path, "s3cr3t") {
			t.Errorf("the address is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestParse: targets have names that can stand in records, and what is wrong is said without the address.
func TestParse(t *testing.T) {
	all := targets(t, "sns:"+topic, "slack:https://hooks.slack.com/services/T/B/s3cr3t", "slack:https://hooks.slack.com/services/T/B/other", "teams:https://x.example:8443/s3cr3t?sig=s3cr3t", "ticket:/tmp/a b/tickets")
	var names []string
	for _, x := range all {
		names = append(names, x.Name)
		if vault.CheckName(x.Name) != nil {
			t.Errorf("%q is no name", x.Name)
		}
	}
	if want := []string{"sns-eu-central-1-123456789012-alerts", "slack-hooks.slack.com", "slack-hooks.slack.com-2", "teams-x.example-8443", "ticket-tickets"}; !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\nhttps://a.example/\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "slack", "slack:", "slack:http://x.example/s3cr3t", "slack:https://u:s3cr3t@x.example/", "teams:s3cr3t", "webhook:@/nowhere", "webhook:@" + empty, "sns:alerts", "sns:arn:aws:sqs:eu-central-1:123456789012:q",
		"sns:" + topic + ":6e8c", "mail:s3cr3t", "https://x.example/s3cr3t"} {
		_, err := Parse([]string{bad})
		if err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
