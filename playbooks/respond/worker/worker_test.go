package worker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	qt "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/queue"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/worker"
	"github.com/freezeframe-ir/freezeframe/test/scratch"
)

func TestMain(m *testing.M) { os.Exit(scratch.Main(m)) }

const (
	account = "123456789012"
	region  = "eu-central-1"
	all     = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// world is a queue, with a dead-letter queue where most is not 0, and a board.
type world struct {
	cloud *awssim.Cloud
	admin *sqs.Client
	q     *queue.Queue
	b     *board.Board
	url   string

	reports []worker.Report
	warned  []string
}

func newWorld(t *testing.T, most int) *world {
	t.Helper()
	w := &world{cloud: awssim.New(awssim.Config{AccountID: account, Region: region, Seed: 3})}
	keys := w.cloud.Bootstrap(account, "responder", all)
	provider := credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, "")
	w.admin = sqs.NewFromConfig(aws.Config{Region: region, BaseEndpoint: aws.String("https://aws.test"), HTTPClient: w.cloud.Client(), Credentials: provider})
	s, err := awsapi.Connect(t.Context(), awsapi.Options{Region: region, EndpointURL: "https://aws.test", HTTPClient: w.cloud.Client(), Credentials: provider})
	if err != nil {
		t.Fatal(err)
	}
	attributes := map[string]string{}
	if most > 0 {
		attributes["RedrivePolicy"] = fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:%s:%s:dead","maxReceiveCount":%d}`, region, account, most)
	}
	for name, a := range map[string]map[string]string{"dead": nil, "alerts": attributes} {
		if _, err := w.admin.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: a}); err != nil {
			t.Fatal(err)
		}
	}
	w.url = "https://sqs." + region + ".amazonaws.com/" + account + "/alerts"
	if w.q, err = queue.Open(t.Context(), s, w.url, append(queue.Needs(), queue.SendNeeds()...)); err != nil {
		t.Fatal(err)
	}
	v, err := vault.NewFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w.b = board.On(v, "test")
	return w
}

func (w *world) send(t *testing.T, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if err := w.q.Send(t.Context(), body); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) options(h ...worker.Handler) worker.Options {
	return worker.Options{Queue: w.q, Board: w.b, Handlers: h, MostReceives: 3,
		Tell: func(r worker.Report) { w.reports = append(w.reports, r) }, Warn: func(line string) { w.warned = append(w.warned, line) }}
}

// left is how many messages a queue has, held or not.
func (w *world) left(t *testing.T, name string) int {
	t.Helper()
	url := strings.TrimSuffix(w.url, "alerts") + name
	out, err := w.admin.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []qt.QueueAttributeName{qt.QueueAttributeNameAll}})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, a := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"} {
		var x int
		if _, err := fmt.Sscan(out.Attributes[a], &x); err != nil {
			t.Fatal(err)
		}
		n += x
	}
	return n
}

// hands is a handler made of functions.
type hands struct {
	prefix string
	do     func(ctx context.Context, m *queue.Message) (bool, error)
}

func (h hands) Takes(body string) bool { return strings.HasPrefix(body, h.prefix) }
func (h hands) Handle(ctx context.Context, m *queue.Message) (bool, error) {
	return h.do(ctx, m)
}

// TestLoop: what is settled leaves the queue; what fails or panics comes again, later each time, and
// nobody else's message suffers; each goes to the first who takes it.
func TestLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.send(t, "good", "bad", "panic", "other kind")
		var mu sync.Mutex
		at := map[string][]time.Time{}
		note := func(m *queue.Message) int {
			mu.Lock()
			defer mu.Unlock()
			at[m.Body] = append(at[m.Body], time.Now())
			return len(at[m.Body])
		}
		other := hands{"other", func(_ context.Context, m *queue.Message) (bool, error) { note(m); return true, nil }}
		rest := hands{"", func(_ context.Context, m *queue.Message) (bool, error) {
			switch n := note(m); {
			case m.Body == "good" || n == 4:
				return true, nil
			case m.Body == "panic":
				panic("a defect")
			case strings.HasPrefix(m.Body, "other"):
				t.Error("the wrong handler has it")
			}
			return false, errors.New("not yet")
		}}
		minutes := 0
		o := w.options(other, rest)
		o.Parallel, o.Minute = 2, func(context.Context) error { minutes++; panic("a defect there too") }
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute+30*time.Second)
		defer stop()
		tally, err := worker.Run(ctx, o)
		if err != nil || tally != (worker.Tally{Taken: 10, Settled: 4, Back: 6}) {
			t.Errorf("%+v, %v", tally, err)
		}
		if w.left(t, "alerts") != 0 || w.left(t, "dead") != 0 {
			t.Errorf("%d left, %d dead", w.left(t, "alerts"), w.left(t, "dead"))
		}
		for _, body := range []string{"bad", "panic"} {
			for i, least := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute} {
				if d := at[body][i+1].Sub(at[body][i]); d < least || d > least+queue.Poll+time.Second {
					t.Errorf("%s came again after %s, the %d. time", body, d, i+1)
				}
			}
		}
		if minutes != 11 {
			t.Errorf("%d minutes", minutes)
		}
		for _, r := range w.reports {
			if r.SHA256 == "" || r.Received == 0 || (r.Fate == worker.Back) != (r.Err != nil) {
				t.Errorf("%+v", r)
			}
		}
	})
}

// TestOnce: with Once a worker ends when the queue gives nothing, and not before.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.send(t, "1", "2", "3", "4", "5")
		o := w.options(hands{"", func(context.Context, *queue.Message) (bool, error) { time.Sleep(time.Hour); return true, nil }})
		o.Once = true
		tally, err := worker.Run(t.Context(), o)
		if err != nil || tally.Settled != 5 || tally.Taken != 5 {
			t.Errorf("%+v %v", tally, err)
		}
	})
}

// TestStopped: who is told to stop cancels what it is at and gives it back at once, to be had by others.
func TestStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10)
		w.send(t, "1", "2", "3", "4")
		why := errors.New("told to stop")
		o := w.options(hands{"", func(ctx context.Context, _ *queue.Message) (bool, error) {
			<-ctx.Done()
			time.Sleep(time.Second)
			return false, context.Cause(ctx)
		}})
		o.Parallel = 3
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Hour, func() { stop(why) })
		began := time.Now()
		tally, err := worker.Run(ctx, o)
		if err != nil || tally != (worker.Tally{Taken: 3, Back: 3}) {
			t.Errorf("%+v %v", tally, err)
		}
		if d := time.Since(began); d > time.Hour+3*time.Second {
			t.Errorf("it took %s to stop", d-time.Hour)
		}
		for _, r := range w.reports {
			if r.After != 0 || !errors.Is(r.Err, why) {
				t.Errorf("%+v", r)
			}
		}
		for range 4 {
			if m, err := w.q.Receive(t.Context(), 0); err != nil || m == nil {
				t.Errorf("it is not to be had: %v %v", m, err)
			}
		}
	})
}

// TestTrouble: short outages are waited out; a queue that is deleted ends the worker and the work; and
// a message that somebody else has is left to them.
func TestTrouble(t *testing.T) {
	t.Run("outage", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 10)
			w.cloud.Inject(awssim.Fault{Op: "SQS:ReceiveMessage", Fail: awssim.Fail{Code: "AccessDenied", Message: "no", Status: 403}})
			time.AfterFunc(time.Hour, w.cloud.ClearFaults)
			w.send(t, "1")
			o := w.options(hands{"", func(context.Context, *queue.Message) (bool, error) { return true, nil }})
			o.Once = true
			tally, err := worker.Run(t.Context(), o)
			if err != nil || tally.Settled != 1 {
				t.Errorf("%+v %v", tally, err)
			}
			if n := len(w.warned); n < 60 || n > 80 {
				t.Errorf("%d warnings in an hour", n)
			}
		})
	})
	t.Run("queue deleted", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 10)
			w.send(t, "1")
			o := w.options(hands{"", func(ctx context.Context, _ *queue.Message) (bool, error) {
				if _, err := w.admin.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &w.url}); err != nil {
					t.Error(err)
				}
				<-ctx.Done()
				return false, context.Cause(ctx)
			}})
			o.Parallel = 2
			tally, err := worker.Run(t.Context(), o)
			if !errors.Is(err, queue.ErrGone) || tally.Lost != 1 {
				t.Errorf("%+v %v", tally, err)
			}
		})
	})
	t.Run("message lost", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 10)
			w.send(t, "1")
			o := w.options(hands{"", func(ctx context.Context, _ *queue.Message) (bool, error) {
				if _, err := w.admin.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &w.url}); err != nil {
					t.Error(err)
				}
				<-ctx.Done()
				return false, context.Cause(ctx)
			}})
			o.Once = true
			tally, err := worker.Run(t.Context(), o)
			if err != nil || tally != (worker.Tally{Taken: 1, Lost: 1}) {
				t.Errorf("%+v %v", tally, err)
			}
		})
	})
}

// TestPoisoned: a message that is never dealt with goes to the dead-letter queue; where there is none
// it is refused in the end, and kept.
func TestPoisoned(t *testing.T) {
	for _, most := range []int{0, 5} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, most)
				w.send(t, "poison")
				handled := 0
				o := w.options(hands{"", func(context.Context, *queue.Message) (bool, error) { handled++; return false, errors.New("no") }})
				ctx, stop := context.WithTimeout(t.Context(), 2*time.Hour)
				defer stop()
				tally, err := worker.Run(ctx, o)
				if err != nil || w.left(t, "alerts") != 0 {
					t.Errorf("%+v %v, %d left", tally, err, w.left(t, "alerts"))
				}
				names, err := w.b.Names(t.Context(), worker.PoisonedPrefix)
				if err != nil {
					t.Fatal(err)
				}
				if most > 0 {
					if handled != 5 || tally.Refused != 0 || len(names) != 0 || w.left(t, "dead") != 1 || len(w.warned) != 0 {
						t.Errorf("handled %d times, %+v, %v, %d dead, warned %q", handled, tally, names, w.left(t, "dead"), w.warned)
					}
					return
				}
				if handled != 3 || tally.Refused != 1 || len(names) != 1 || len(w.warned) != 1 {
					t.Fatalf("handled %d times, %+v, %v, warned %q", handled, tally, names, w.warned)
				}
				var kept worker.Refused
				if err := w.b.Get(t.Context(), worker.PoisonedPrefix+names[0], &kept); err != nil || string(kept.Body) != "poison" || kept.Received != 4 || !strings.HasPrefix(kept.SHA256, names[0]) {
					t.Errorf("%+v %v", kept, err)
				}
			})
		})
	}
}
