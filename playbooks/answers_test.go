package playbooks

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// withKey is the case as somebody with another key opens it. The case's first signer lets the key
// in, unless it is a stranger's.
func withKey(t *testing.T, c *evidence.Case, stranger bool) *evidence.Case {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := evidence.ParseLocalKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	if !stranger {
		if err := c.Rekey(t.Context(), "olive", "a second responder", signer.Public(), ""); err != nil {
			t.Fatal(err)
		}
	}
	other, err := evidence.OpenCase(t.Context(), c.Vault())
	if err != nil {
		t.Fatal(err)
	}
	other.Signer = signer
	return other
}

// unsigned is the case as somebody without a key opens it.
func unsigned(t *testing.T, c *evidence.Case) *evidence.Case {
	t.Helper()
	other, err := evidence.OpenCase(t.Context(), c.Vault())
	if err != nil {
		t.Fatal(err)
	}
	return other
}

func keyOf(t *testing.T, c *evidence.Case) string {
	t.Helper()
	id, err := evidence.KeyID(c.Signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestAnswersFromElsewhere: people answer by the ledger, and the run counts people, not answers.
// Keys count that have signed: k1 is the case's first one, k2 was let in, k9 is a stranger's, and
// "-" is none at all.
func TestAnswersFromElsewhere(t *testing.T) {
	type given struct {
		who, key string
		yes      bool
		claims   string // the key that the answer names; "" is its own
	}
	for _, c := range []struct {
		name, with string
		answers    []given
		want       Status
		says       string // in what the step says
	}{
		{"one is enough", "within: 1h", []given{{"ada", "k1", true, ""}}, Succeeded, "ada (signed by key "},
		{"nobody comes", "within: 1h", nil, Aborted, ""},
		{"no", "within: 1h", []given{{"ada", "k1", false, ""}}, Aborted, ""},
		{"two", "within: 1h, people: 2", []given{{"ada", "k1", true, ""}, {"bob", "k2", true, ""}}, Succeeded, "bob (signed by key "},
		{"the same person twice", "within: 1h, people: 2", []given{{"ada", "k1", true, ""}, {"ada", "k2", true, ""}}, Aborted, ""},
		{"the same key under two names", "within: 1h, people: 2", []given{{"ada", "k1", true, ""}, {"bob", "k1", true, ""}}, Aborted, ""},
		{"the same key under two names, the second of which names another key", "within: 1h, people: 2", []given{{"ada", "k1", true, ""}, {"bob", "k1", true, "k2"}}, Aborted, ""},
		{"without a key, naming that of another", "within: 1h, people: 2", []given{{"ada", "k1", true, ""}, {"bob", "-", true, "k1"}}, Aborted, ""},
		{"who names another's key does not take their place", "within: 1h, people: 2", []given{{"ada", "-", true, "k2"}, {"bob", "k2", true, ""}, {"ada", "k1", true, ""}}, Succeeded, "bob (signed by key "},
		{"without a key", "within: 1h, people: 2", []given{{"ada", "k1", true, ""}, {"bob", "-", true, ""}}, Succeeded, "bob (by name only: nobody has signed it)"},
		{"a key that nobody let in", "within: 1h", []given{{"ada", "k9", true, ""}}, Succeeded, "ada (by name only: key "},
		{"a key that it does not have", "within: 1h", []given{{"ada", "k1", true, "k2"}}, Succeeded, "which it does not name"},
		{"yes and no", "within: 1h, people: 2", []given{{"ada", "k1", true, ""}, {"bob", "k2", false, ""}}, Aborted, ""},
		{"for another", "within: 1h, of: [carol]", []given{{"ada", "k1", true, ""}}, Aborted, ""},
		{"for her", "within: 1h, of: [carol]", []given{{"carol", "k1", true, ""}}, Succeeded, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, _ := offline(t)
			cases := map[string]*evidence.Case{"k1": env.Case, "k2": withKey(t, env.Case, false), "k9": withKey(t, env.Case, true), "-": unsigned(t, env.Case)}
			claims := map[string]string{"": "", "k1": keyOf(t, env.Case), "k2": keyOf(t, cases["k2"])}
			synctest.Test(t, func(t *testing.T) {
				done := make(chan *Run)
				go func() {
					run, err := Execute(context.Background(), parsed(t, steps("{id: ask, run: approve, with: {question: 'well?', "+c.with+"}}")), nil, env)
					if err != nil {
						t.Error(err)
					}
					done <- run
				}()
				for _, g := range c.answers {
					time.Sleep(time.Minute)
					for _, q := range waiting(t, env.Case) {
						if err := Give(context.Background(), cases[g.key], q, Answer{Approved: g.yes, Who: g.who, Key: claims[g.claims], Reason: "r"}); err != nil && !errors.Is(err, ErrAnswer) {
							t.Error(err)
						}
					}
				}
				run := <-done
				if run.Status != c.want {
					t.Errorf("%s, want %s: %v", run.Status, c.want, run.Err())
				}
				if !strings.Contains(run.Steps[0].Summary, c.says) {
					t.Errorf("it says %q, want %q", run.Steps[0].Summary, c.says)
				}
			})
		})
	}
}

// waiting are the open questions of all runs.
func waiting(t *testing.T, c *evidence.Case) []Question {
	t.Helper()
	var out []Question
	for b, err := range c.Bags(context.Background()) {
		rec, recErr := ReadRecord(context.Background(), b)
		if err != nil || recErr != nil {
			t.Fatal(err, recErr)
		}
		out = append(out, rec.Waiting()...)
	}
	return out
}

// TestAnswerIsToItsQuestion: an answer to another run's question, or to the same one about another
// plan, counts for nothing.
func TestAnswerIsToItsQuestion(t *testing.T) {
	c := newCase(t)
	q := Question{Run: "r", Playbook: "p", Step: "s", Kind: AskApproval, Text: "well?", Plan: "one", Need: 1}
	for _, change := range []func(*Question){
		func(q *Question) { q.Run = "other" }, func(q *Question) { q.Plan = "two" }, func(q *Question) { q.Text = "really?" },
		func(q *Question) { q.Step = "t" }, func(q *Question) { q.Detail = []string{"breaks all"} },
	} {
		other := q
		change(&other)
		if err := Give(t.Context(), c, other, Answer{Approved: true, Who: "ada"}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := Answers(t.Context(), c, q); err != nil || len(got) != 0 {
		t.Errorf("%v %v", got, err)
	}
	if err := Give(t.Context(), c, q, Answer{Approved: true, Who: "ada"}); err != nil {
		t.Fatal(err)
	}
	if got, err := Answers(t.Context(), c, q); err != nil || len(got) != 1 || !got[0].Signed() {
		t.Errorf("%v %v", got, err)
	}
}
