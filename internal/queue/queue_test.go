package queue

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

const (
	account  = "123456789012"
	region   = "eu-central-1"
	endpoint = "https://aws.test"
	all      = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// world is a queue with a dead-letter queue, in the time of a bubble.
type world struct {
	cloud   *awssim.Cloud
	session *awsapi.Session
	admin   *sqs.Client
	url     string
	dead    string
}

func newWorld(t *testing.T, attributes map[string]string) *world {
	t.Helper()
	w := &world{cloud: awssim.New(awssim.Config{AccountID: account, Region: region, Seed: 3})}
	keys := w.cloud.Bootstrap(account, "responder", all)
	provider := credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken)
	w.admin = sqs.NewFromConfig(aws.Config{Region: region, BaseEndpoint: aws.String(endpoint), HTTPClient: w.cloud.Client(), Credentials: provider})
	var err error
	if w.session, err = awsapi.Connect(t.Context(), awsapi.Options{Region: "us-east-1", EndpointURL: endpoint, HTTPClient: w.cloud.Client(), Credentials: provider}); err != nil {
		t.Fatal(err)
	}
	w.dead = "https://sqs." + region + ".amazonaws.com/" + account + "/alerts-dead"
	w.url = "https://sqs." + region + ".amazonaws.com/" + account + "/alerts"
	w.create(t, "alerts-dead", nil)
	w.create(t, "alerts", attributes)
	return w
}

func (w *world) create(t *testing.T, name string, attributes map[string]string) {
	t.Helper()
	if _, err := w.admin.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) open(t *testing.T, url string) *Queue {
	t.Helper()
	q, err := Open(t.Context(), w.session, url, append(Needs(), SendNeeds()...))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func receive(t *testing.T, q *Queue, wait time.Duration) *Message {
	t.Helper()
	m, err := q.Receive(t.Context(), wait)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func redrive(most int) map[string]string {
	return map[string]string{"VisibilityTimeout": "60", "RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:%s:%s:alerts-dead","maxReceiveCount":"%d"}`, region, account, most)}
}

// TestHeld: what is worked on for an hour is nobody else's, and is gone when it is done.
func TestHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, redrive(3))
		one, other := w.open(t, w.url), w.open(t, w.url)
		if one.Visibility != time.Minute || one.MaxReceive != 3 || one.DeadLetter == "" || one.MaxBytes == 0 || one.ARN == "" {
			t.Errorf("%+v", one)
		}
		if err := one.Send(t.Context(), "alert"); err != nil {
			t.Fatal(err)
		}
		m := receive(t, one, 0)
		if m == nil || m.Body != "alert" || m.Received != 1 || m.Sent.IsZero() {
			t.Fatalf("%+v", m)
		}
		held, stop := one.Hold(t.Context(), m)
		for range 180 {
			if x := receive(t, other, Poll); x != nil {
				t.Fatalf("a message that is worked on came to another: %+v", x)
			}
		}
		if held.Err() != nil {
			t.Fatal(context.Cause(held))
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if err := one.Done(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if x := receive(t, other, 0); x != nil {
			t.Errorf("%+v", x)
		}
	})
}

// TestDied: what somebody died over comes to another, and in the end to the dead-letter queue.
func TestDied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, redrive(2))
		q := w.open(t, w.url)
		if err := q.Send(t.Context(), "poison"); err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= 2; n++ {
			m := receive(t, q, 0)
			if m == nil || m.Received != n {
				t.Fatalf("%d: %+v", n, m)
			}
			dying, die := context.WithCancel(t.Context())
			_, stop := q.Hold(dying, m)
			time.Sleep(10 * time.Minute)
			die()
			_ = stop()
			time.Sleep(time.Minute + time.Second)
		}
		if m := receive(t, q, 0); m != nil {
			t.Errorf("%+v", m)
		}
		if m := receive(t, w.open(t, w.dead), 0); m == nil || m.Body != "poison" {
			t.Errorf("in the dead-letter queue: %+v", m)
		}
	})
}

// TestGivenBack: who stops in good order leaves the message to the next at once.
func TestGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, redrive(5))
		q := w.open(t, w.url)
		if err := q.Send(t.Context(), "alert"); err != nil {
			t.Fatal(err)
		}
		m := receive(t, q, 0)
		if err := q.Later(t.Context(), m, 0); err != nil {
			t.Fatal(err)
		}
		if m = receive(t, q, 0); m == nil || m.Received != 2 {
			t.Fatalf("%+v", m)
		}
		began := time.Now()
		if err := q.Later(t.Context(), m, 10*time.Minute); err != nil {
			t.Fatal(err)
		}
		for m = nil; m == nil; {
			m = receive(t, q, Poll)
		}
		if after := time.Since(began); after < 10*time.Minute || after > 11*time.Minute {
			t.Errorf("back after %s", after)
		}
	})
}

// TestLost: who has lost a message hears of it while working on it, whatever took it.
func TestLost(t *testing.T) {
	purge := func(t *testing.T, w *world) {
		if _, err := w.admin.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &w.url}); err != nil {
			t.Fatal(err)
		}
	}
	for name, take := range map[string]func(*testing.T, *world){
		"purged": purge,
		"queue deleted": func(t *testing.T, w *world) {
			if _, err := w.admin.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &w.url}); err != nil {
				t.Fatal(err)
			}
		},
		"denied for ever": func(_ *testing.T, w *world) {
			w.cloud.Inject(awssim.Fault{Op: "SQS:ChangeMessageVisibility", Fail: awssim.Fail{Code: "AccessDenied", Message: "no", Status: 403}})
		},
		"twelve hours": func(*testing.T, *world) {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, redrive(5))
				q := w.open(t, w.url)
				if err := q.Send(t.Context(), "alert"); err != nil {
					t.Fatal(err)
				}
				m := receive(t, q, 0)
				held, stop := q.Hold(t.Context(), m)
				time.Sleep(time.Minute)
				if held.Err() != nil {
					t.Fatal(context.Cause(held))
				}
				began := time.Now()
				take(t, w)
				<-held.Done()
				if err := stop(); !errors.Is(err, ErrLost) {
					t.Errorf("stop says %v", err)
				}
				// Nobody else may have had it before: a minute is what a receipt lasts.
				if after := time.Since(began); name != "twelve hours" && after > time.Minute || after > 12*time.Hour {
					t.Errorf("told after %s", after)
				}
			})
		})
	}
}

// TestNoQueue: what is no queue is said, by what the caller can branch on.
func TestNoQueue(t *testing.T) {
	w := newWorld(t, nil)
	for url, want := range map[string]error{
		"https://sqs." + region + ".amazonaws.com/" + account + "/other": ErrGone,
		"arn:aws:sqs:eu-central-1:123456789012:alerts":                   ErrURL,
		"https://sqs.eu-central-1.amazonaws.com/alerts":                  ErrURL,
		"": ErrURL,
	} {
		if _, err := Open(t.Context(), w.session, url, Needs()); !errors.Is(err, want) {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// TestRegionOf: the queue's region is that of its URL, whatever the session's is.
func TestRegionOf(t *testing.T) {
	for url, want := range map[string]string{
		"https://sqs.eu-west-3.amazonaws.com/123456789012/q":        "eu-west-3",
		"https://eu-west-3.queue.amazonaws.com/123456789012/q":      "eu-west-3",
		"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q":    "cn-north-1",
		"http://127.0.0.1:4566/123456789012/q":                      "",
		"https://sqs.eu-west-3.amazonaws.com.evil/123456789012/q":   "",
		"https://sqs.us-gov-west-1.amazonaws.com/123456789012/q.io": "us-gov-west-1",
	} {
		if got, err := RegionOf(url); got != want || err != nil {
			t.Errorf("%s: %q, %v", url, got, err)
		}
	}
}
