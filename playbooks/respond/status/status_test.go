package status_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/mandate"
	"github.com/freezeframe-ir/freezeframe/internal/notice"
	"github.com/freezeframe-ir/freezeframe/internal/queue"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/act"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/status"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/worker"
	"github.com/freezeframe-ir/freezeframe/test/scratch"
)

func TestMain(m *testing.M) { os.Exit(scratch.Main(m)) }

type place struct{ *board.Board }

func newPlace(t testing.TB) *place {
	t.Helper()
	v, err := vault.NewFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &place{board.On(v, "worker-1")}
}

func (p *place) put(t testing.TB, name string, v any) {
	t.Helper()
	if err := p.Put(t.Context(), name, v); err != nil {
		t.Fatal(err)
	}
}

func id(n int) string { return fmt.Sprintf("alert-%032d", n) }

// note puts what became of an alert on the board: arrived at a time, sealed and contained so long after.
func (p *place) note(t testing.TB, n int, message string, times int, state respond.State, arrived time.Time, sealed, contained time.Duration) {
	t.Helper()
	r := respond.Noted{Schema: respond.NotedSchema, Alert: id(n), Kind: alert.GuardDuty, State: state, Why: "why", Function: "f", Message: message, Arrived: arrived, Began: arrived, Ended: arrived.Add(time.Minute), By: "w"}
	if sealed > 0 {
		r.Sealed = arrived.Add(sealed)
	}
	if contained > 0 {
		r.Contained = arrived.Add(contained)
	}
	p.put(t, fmt.Sprintf("%s%s/%s-%d", respond.NotedPrefix, id(n), message, times), r)
}

func read(t testing.TB, o status.Options) *status.Status {
	t.Helper()
	if o.Now == nil {
		o.Now = time.Now
	}
	s, err := status.Read(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStatus: each alert is counted once, by the last that was said of it.
func TestStatus(t *testing.T) {
	p := newPlace(t)
	at := time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)
	p.note(t, 1, "aa", 1, respond.Collected, at, 3*time.Second, 2*time.Second)
	p.note(t, 1, "bb", 1, respond.Known, at.Add(time.Hour), 0, 0)            // it came again, by another way
	p.note(t, 2, "aa", 1, respond.Failed, at, 0, 0)                          // failed, and then
	p.note(t, 2, "aa", 2, respond.WithGaps, at.Add(2*time.Minute), 600e9, 0) // not
	p.note(t, 3, "aa", 1, respond.Collected, at, 5*time.Second, 0)
	p.note(t, 3, "bb", 1, respond.NoEntry, at.Add(time.Hour), 0, 0) // later its account could not be entered
	p.note(t, 4, "aa", 1, respond.Unreadable, at, 0, 0)
	p.note(t, 5, "aa", 1, respond.Known, at, 0, 0)
	p.note(t, 6, "aa", 1, respond.CutOff, at, 0, 0)
	for i := 7; i < 26; i++ {
		p.note(t, i, "aa", 1, respond.Collected, at, time.Duration(i)*time.Second, 0)
	}
	s := read(t, status.Options{Board: p.Board})
	if s.Cases != 25 || s.Done != 21 || s.Gaps != 1 || len(s.Failed) != 2 || s.States[respond.CutOff] != 1 || s.Outcomes[respond.Known] != 2 || s.Outcomes[respond.Collected] != 21 {
		t.Errorf("%+v", s)
	}
	if s.Failed[0].Alert != id(3) || s.Failed[0].State != respond.NoEntry || s.Failed[1].State != respond.Unreadable {
		t.Errorf("%+v", s.Failed)
	}
	if want := (status.Times{Count: 22, Median: 15, P95: 25, Max: 600, Sum: 3 + 600 + 5 + 304}); s.ToEvidence != want {
		t.Errorf("to evidence %+v, want %+v", s.ToEvidence, want)
	}
	if want := (status.Times{Count: 1, Median: 2, P95: 2, Max: 2, Sum: 2}); s.ToContainment != want {
		t.Errorf("to containment %+v", s.ToContainment)
	}
}

// TestPeople: who is at what, what waits for people, what ends when, and what could not be told.
func TestPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		for i, what := range []string{respond.Claimed(id(1)), respond.Claimed(id(2)), "limits"} {
			c, err := p.As(fmt.Sprint("worker-", i)).TryClaim(t.Context(), what)
			if err != nil {
				t.Fatal(err)
			}
			if i == 1 {
				if err := c.Release(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		now := time.Now()
		due := act.Due{Case: id(1), Function: "f", Rule: "stop", Acts: []string{"concurrency-zero"}, At: now, Until: now.Add(time.Hour)}
		for _, part := range []string{"1/set", "2/set", "2/closed", "3/set", "3/confirmed", "4/set"} {
			var v any = due
			if !strings.HasSuffix(part, "set") {
				v = map[string]string{}
			}
			p.put(t, "due/"+id(1)+"/"+part, v)
		}
		p.put(t, "due/"+id(1)+"/4/until-0001", map[string]time.Time{"until": now.Add(9 * time.Hour)})
		p.put(t, "asks/"+id(5)+"/1/asked", act.Ask{Request: mandate.Request{Case: id(5), Rule: "r", Function: "g", Acts: []string{"a"}}, Wanted: 2, At: now})
		p.put(t, "asks/"+id(5)+"/1/yes-0001", map[string]any{})
		p.put(t, "asks/"+id(6)+"/1/asked", map[string]any{})
		p.put(t, "asks/"+id(6)+"/1/closed", map[string]any{})
		if err := p.SetHalt(t.Context(), board.Halt{Halted: true, By: "olive", Why: "drill"}); err != nil {
			t.Fatal(err)
		}
		o := &notice.Outbox{Board: p.Board, Now: time.Now}
		var err error
		if o.Targets, err = notice.Parse([]string{"ticket:/dev/null/no"}); err != nil {
			t.Fatal(err)
		}
		if err := o.Tell(t.Context(), notice.Notice{ID: "x/y", Event: notice.Failed, Alert: "x"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		s := read(t, status.Options{Board: p.Board})
		if len(s.Busy) != 2 || s.Busy[0].What != respond.Claimed(id(1)) || s.Busy[0].Who != "worker-0" || !s.Busy[0].Quiet || s.Cases != 1 {
			t.Errorf("busy: %+v, %d cases", s.Busy, s.Cases)
		}
		var ends []string
		for _, d := range s.Due {
			ends = append(ends, fmt.Sprint(d.ID[len(d.ID)-1:], d.Until.Sub(now).Round(time.Hour).Hours(), d.Confirmed, d.Overdue, d.Function))
		}
		if want := []string{"11 false truef", "31 true falsef", "49 false falsef"}; !slices.Equal(ends, want) {
			t.Errorf("due: %q", ends)
		}
		if len(s.Waiting) != 1 || s.Waiting[0].Given != 1 || s.Waiting[0].Wanted != 2 || s.Waiting[0].Function != "g" || s.Waiting[0].Rule != "r" {
			t.Errorf("waiting: %+v", s.Waiting)
		}
		if s.Halted == nil || s.Halted.By != "olive" || s.Notices != (notice.Undelivered{Open: 1, Tries: 1}) {
			t.Errorf("%+v %+v", s.Halted, s.Notices)
		}
	})
}

const (
	account = "123456789012"
	region  = "eu-central-1"
	allowed = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// queues are a queue and its dead letters in a simulated account, and how to put a body into one.
func queues(t *testing.T) (o status.Options, send func(queue, body string)) {
	t.Helper()
	cloud := awssim.New(awssim.Config{AccountID: account, Region: region, Seed: 3})
	keys := cloud.Bootstrap(account, "responder", allowed)
	provider := credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken)
	admin := sqs.NewFromConfig(aws.Config{Region: region, BaseEndpoint: aws.String("https://aws.test"), HTTPClient: cloud.Client(), Credentials: provider})
	at := "https://sqs." + region + ".amazonaws.com/" + account + "/"
	for _, q := range []struct{ name, redrive string }{{"alerts-dead", ""}, {"alerts", `{"deadLetterTargetArn":"arn:aws:sqs:` + region + ":" + account + `:alerts-dead","maxReceiveCount":3}`}} {
		in := &sqs.CreateQueueInput{QueueName: &q.name, Attributes: map[string]string{}}
		if q.redrive != "" {
			in.Attributes["RedrivePolicy"] = q.redrive
		}
		if _, err := admin.CreateQueue(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	s, err := awsapi.Connect(t.Context(), awsapi.Options{Region: "us-east-1", EndpointURL: "https://aws.test", HTTPClient: cloud.Client(), Credentials: provider})
	if err != nil {
		t.Fatal(err)
	}
	if o.Queue, err = queue.Open(t.Context(), s, at+"alerts", queue.LookNeeds()); err != nil {
		t.Fatal(err)
	}
	dead, err := o.Queue.DeadLetterURL()
	if err != nil || dead != at+"alerts-dead" {
		t.Fatal(dead, err)
	}
	if o.Dead, err = queue.Sender(s, dead, queue.LookNeeds()); err != nil {
		t.Fatal(err)
	}
	o.Most, o.Now = 100, time.Now
	return o, func(name, body string) {
		if _, err := admin.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(at + name), MessageBody: &body}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDeadLetters: they are named, by all that could not be dealt with, and stay where they are.
func TestDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		o, send := queues(t)
		o.Board = p.Board
		finding, err := os.ReadFile(filepath.Join("..", "..", "..", "internal", "alert", "testdata", "guardduty-lambda.json"))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			send("alerts", "waits")
		}
		for _, body := range []string{string(finding), "\x1b[31mno alert", `{"schema":"freezeframe.collect/1","functions":["f"]}`, `{"schema":"freezeframe.\u001b[2J/1"}`} {
			send("alerts-dead", body)
		}
		for i := range 20 {
			send("alerts-dead", fmt.Sprint("more ", i))
		}
		p.put(t, worker.PoisonedPrefix+"0123456789abcdef", worker.Refused{SHA256: "0123456789abcdef", ID: "m", Received: 11, Body: finding})
		for turn := range 2 { // looking takes nothing away
			s := read(t, o)
			if s.Queue.Visible != 3 || s.DeadLetter.Visible != 24 || s.DeadLetter.InFlight != 0 || len(s.Poisoned) != 25 || len(s.Unseen) != 0 {
				t.Fatalf("%+v %+v, %d poisoned, %q", s.Queue, s.DeadLetter, len(s.Poisoned), s.Unseen)
			}
			first := s.Poisoned[0]
			if first.Where != "board" || first.Received != 11 || first.Kind != alert.GuardDuty || len(first.Alerts) != 1 || first.SHA256 != "0123456789abcdef" {
				t.Errorf("%+v", first)
			}
			if x := s.Poisoned[1]; x.Where != "dead-letter" || x.Kind != alert.GuardDuty || x.Alerts[0] != first.Alerts[0] || x.Received != turn+1 || x.Function == "" || x.Sent.IsZero() {
				t.Errorf("%+v", x)
			}
			if s.Poisoned[2].Kind != alert.Unknown || s.Poisoned[3].Kind != "freezeframe.collect/1" || len(s.Poisoned[3].Alerts) != 0 || s.Poisoned[4].Kind != alert.Unknown {
				t.Errorf("%+v", s.Poisoned[2:5])
			}
		}
		o.Most = 15
		if s := read(t, o); len(s.Poisoned) != 16 || len(s.Unseen) != 1 || !strings.Contains(s.Unseen[0], "15 were looked at, of about 24") {
			t.Errorf("%d poisoned, %q", len(s.Poisoned), s.Unseen)
		}
	})
}

// TestQueueGone: what cannot be looked at is said, and the rest is there.
func TestQueueGone(t *testing.T) {
	o, _ := queues(t)
	p := newPlace(t)
	p.note(t, 1, "aa", 1, respond.Collected, time.Now(), time.Second, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o.Board = p.Board
	broken := o
	broken.Queue, broken.Dead = o.Dead, nil // a queue's counts can be had, its dead letters not: there are none
	if s := read(t, broken); s.Queue == nil || s.DeadLetter != nil || s.Done != 1 {
		t.Errorf("%+v", s)
	}
	if _, err := status.Read(ctx, o); err == nil {
		t.Error("a board that cannot be read is no error")
	}
}

// TestPrometheus is judged by Prometheus's own reader of the format.
func TestPrometheus(t *testing.T) {
	p := newPlace(t)
	full := read(t, status.Options{Board: p.Board})
	var empty bytes.Buffer
	if err := full.Prometheus(&empty); err != nil {
		t.Fatal(err)
	}
	parsed(t, empty.Bytes())
	at := time.Now().Add(-time.Hour)
	for i := 1; i <= 20; i++ {
		p.note(t, i, "aa", 1, respond.States()[i%len(respond.States())], at, time.Duration(i)*time.Second, time.Duration(i%2)*time.Second)
	}
	s := read(t, status.Options{Board: p.Board})
	s.Queue, s.DeadLetter = &status.Counted{Counts: queue.Counts{Visible: 5, InFlight: 2}}, &status.Counted{Counts: queue.Counts{Visible: 1}}
	s.Halted = &board.Halt{Halted: true, Why: "\"\n# TYPE evil gauge\nevil 1"}
	s.Busy = []status.Claim{{What: "x\"} 1\n", Who: "\n", Quiet: true}}
	var out bytes.Buffer
	if err := s.Prometheus(&out); err != nil {
		t.Fatal(err)
	}
	m := parsed(t, out.Bytes())
	for name, want := range map[string]float64{"freezeframe_cases": 20, "freezeframe_halted": 1, "freezeframe_claims_held": 1, "freezeframe_claims_quiet": 1} {
		if got := m[name].GetMetric()[0].GetGauge().GetValue(); got != want {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
	var cases float64
	for _, x := range m["freezeframe_cases_by_state"].GetMetric() {
		cases += x.GetGauge().GetValue()
	}
	sum := m["freezeframe_time_to_first_evidence_seconds"].GetMetric()[0].GetSummary()
	if cases != 20 || len(m["freezeframe_outcomes_total"].GetMetric()) != len(respond.States()) || sum.GetSampleCount() != 20 || sum.GetSampleSum() != 210 || len(sum.GetQuantile()) != 3 {
		t.Errorf("%g cases, %+v", cases, sum)
	}
	if got := m["freezeframe_queue_messages"].GetMetric(); len(got) != 3 || got[0].GetGauge().GetValue() != 5 {
		t.Errorf("%+v", got)
	}
}

func parsed(t *testing.T, text []byte) map[string]*dto.MetricFamily {
	t.Helper()
	var p expfmt.TextParser
	m, err := p.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for name, f := range m {
		if f.GetHelp() == "" || f.GetType() == dto.MetricType_UNTYPED || !strings.HasPrefix(name, "freezeframe_") {
			t.Errorf("%s: %+v", name, f)
		}
		if total := strings.HasSuffix(name, "_total"); total != (f.GetType() == dto.MetricType_COUNTER) {
			t.Errorf("%s is a %s", name, f.GetType())
		}
	}
	return m
}

// counted is a vault that counts, and hears of what is not the board's.
type counted struct {
	vault.Vault
	opened, listed atomic.Int32
	elsewhere      atomic.Int32
}

func (c *counted) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	c.opened.Add(1)
	c.look(name)
	return c.Vault.Open(ctx, name)
}

func (c *counted) List(ctx context.Context, prefix string) iter.Seq2[vault.Entry, error] {
	c.listed.Add(1)
	c.look(prefix)
	return c.Vault.List(ctx, prefix)
}

func (c *counted) look(name string) {
	if !strings.HasPrefix(name, "board/") {
		c.elsewhere.Add(1)
	}
}

// TestReads: a thousand cases are one small record each, read several at a time, and some listings; no
// case is opened, and nothing is written.
func TestReads(t *testing.T) {
	cases := 1000
	if testing.Short() {
		cases = 50
	}
	folder, err := vault.NewFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &place{board.On(folder, "w")}
	for i := range cases {
		p.note(t, i, "aa", 1, respond.Collected, time.Now(), time.Second, 0)
	}
	for i := range 10 {
		if _, err := p.TryClaim(t.Context(), respond.Claimed(id(i))); err != nil {
			t.Fatal(err)
		}
	}
	v := &counted{Vault: folder}
	s := read(t, status.Options{Board: board.On(v, "reader")})
	if s.Cases != cases || s.Done != cases || len(s.Busy) != 10 {
		t.Errorf("%d cases, %d done, %d busy", s.Cases, s.Done, len(s.Busy))
	}
	t.Logf("%d cases: %d records read, %d listings", cases, v.opened.Load(), v.listed.Load())
	if v.opened.Load() != int32(cases+10) || v.listed.Load() > 12 || v.elsewhere.Load() != 0 {
		t.Errorf("%d records read, %d listings, %d looks elsewhere", v.opened.Load(), v.listed.Load(), v.elsewhere.Load())
	}
}

// TestJSON: what is empty is there, and nothing is null.
func TestJSON(t *testing.T) {
	data, err := json.Marshal(read(t, status.Options{Board: newPlace(t).Board}))
	if err != nil || bytes.Contains(data, []byte("null")) || !bytes.Contains(data, []byte(`"schema":"freezeframe.status/1"`)) {
		t.Errorf("%s %v", data, err)
	}
}
