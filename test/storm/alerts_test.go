package storm

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
)

// forms are the ways by which one finding comes.
var forms = []string{"guardduty-lambda", "guardduty-lambda-asff", "guardduty-lambda-ocsf"}

// finding is one function's.
type finding struct {
	function string
	kase     string          // id
	messages map[string]bool // SHA-256 of what comes of it
}

// plan is what is sent.
type plan struct {
	findings []*finding
	messages []string        // in the order in which they are sent
	poisoned map[string]bool // bodies
}

// size of a storm.
type size struct {
	alerts, repeats, poisoned int
	kills, ledger             int // by the seed; that many of them during a ledger append
	told                      int // to stop, about
	receives                  int // maxReceiveCount
	parallel                  int
	spread                    int           // how far deaths lie apart: 1 for a small storm
	most                      time.Duration // then it is given up: something hangs
	hurried                   bool          // the queue gives at once what a dead process had, not when its visibility ends
}

func newPlan(t *testing.T, s size, random *rand.Rand) *plan {
	t.Helper()
	p := &plan{poisoned: map[string]bool{}}
	add := func(f *finding, form string) {
		body := message(t, form, f.function)
		a := alert.Parse([]byte(body))
		if len(a) != 1 || a[0].Target == nil || f.kase != "" && f.kase != a[0].Case {
			t.Fatalf("%s of %s: %+v", form, f.function, a)
		}
		f.kase, f.messages[a[0].Message.SHA256] = a[0].Case, true
		p.messages = append(p.messages, body)
	}
	for i := range s.alerts - s.repeats {
		f := &finding{function: fmt.Sprintf("fn-%04d", i), messages: map[string]bool{}}
		p.findings = append(p.findings, f)
		add(f, forms[random.IntN(len(forms))])
	}
	// A finding comes by three ways, and by the same way again.
	for i := range s.repeats {
		add(p.findings[i/2%len(p.findings)], forms[(i+random.IntN(2))%len(forms)])
	}
	for i := range s.poisoned {
		body := message(t, forms[i%len(forms)], fmt.Sprintf("poison-%d", i))
		p.poisoned[body] = true
		p.messages = append(p.messages, body)
	}
	random.Shuffle(len(p.messages), func(i, j int) { p.messages[i], p.messages[j] = p.messages[j], p.messages[i] })
	return p
}

// message is a sample of a form, of a function of the account and with an id of its own.
func message(t *testing.T, form, function string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "internal", "alert", "testdata", form+".json"))
	if err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprintf("%032x", []byte(function))
	return strings.NewReplacer("111122223333", account, "eu-west-1", region, "payments", function, "1ab92989eaf0e742df4a014d5c3b8a01", id[len(id)-32:]).Replace(string(b))
}
