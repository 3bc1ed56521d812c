package respond_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
)

// TestMessageCutOff: a process that died while it kept the message leaves a bag that the next ends.
func TestMessageCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		message := sample(t, "guardduty-lambda", 0)
		a := alert.Parse(message)[0]
		c, err := d.open(t.Context(), a.Case, "t")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Begin(t.Context(), evidence.Header{Kind: evidence.KindAlert, Operator: "respond", Host: "h", Started: time.Now(), Params: map[string]string{"message_sha256": a.Message.SHA256}}); err != nil {
			t.Fatal(err)
		}
		d.o.Resume = true
		out := d.one(t, message)
		if out.State != respond.Collected {
			t.Errorf("%s %q", out.State, out.Why)
		}
		if n := d.count(t, evidence.KindAlert); n != 1 {
			t.Errorf("%d bags of one message", n)
		}
		d.holds(t, out, message)
		d.intact(t)
	})
}

// TestMessageNotEntered: a process that died when it had sealed the message, and before the ledger knew
// of it, leaves a bag that the next one enters, whatever else is to be done.
func TestMessageNotEntered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		message := sample(t, "guardduty-lambda", 0)
		a := alert.Parse(message)[0]
		c, err := d.open(t.Context(), a.Case, "t")
		if err != nil {
			t.Fatal(err)
		}
		w, err := c.Begin(t.Context(), evidence.Header{Kind: evidence.KindAlert, Operator: "respond", Host: "h", Started: time.Now(), Params: map[string]string{"message_sha256": a.Message.SHA256}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Seal(t.Context(), evidence.StatusComplete); err != nil {
			t.Fatal(err)
		}
		ledger := filepath.Join(c.Vault().String(), "ledger")
		events, err := filepath.Glob(filepath.Join(ledger, "*.json"))
		if err != nil || len(events) < 2 {
			t.Fatalf("%v %v", events, err)
		}
		last := strings.TrimSuffix(filepath.Base(events[len(events)-1]), ".json")
		gone, err := filepath.Glob(filepath.Join(ledger, "heads", last+".*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append(gone, events[len(events)-1]) {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		if out := d.one(t, message); out.State != respond.Collected {
			t.Errorf("%s %q", out.State, out.Why)
		}
		if n := d.count(t, evidence.KindAlert); n != 1 {
			t.Errorf("%d bags of one message", n)
		}
		d.intact(t)
	})
}
