package storm

import (
	"cmp"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// draw plans the death of a process that is about to be started, while the storm has deaths left.
func (w *world) draw(random *rand.Rand) death {
	w.mu.Lock()
	defer w.mu.Unlock()
	ledger, all := w.deaths["ledger"], w.deaths["ledger"]+w.deaths["any"]
	switch {
	case ledger < w.size.ledger && (random.IntN(2) == 0 || all >= w.size.kills):
		return death{"ledger", 1 + random.IntN(12*w.size.spread), random.IntN(2) == 0}
	case w.deaths["told"] < w.size.told && random.IntN(2) == 0:
		return death{kind: "told", nth: 10 + random.IntN(200*w.size.spread)}
	case all < w.size.kills:
		return death{"any", 10 + random.IntN(200*w.size.spread), random.IntN(2) == 0}
	}
	return death{}
}

// TestStorm: whatever is killed when, each finding has one case that is intact and whole, nothing is
// lost, and what kills whoever takes it ends in the dead-letter queue.
func TestStorm(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: the binary that is killed is built without the race detector; the plain run has it")
	}
	s := size{alerts: 14, repeats: 5, poisoned: 1, kills: 4, ledger: 2, told: 1, receives: 8, parallel: 1, hurried: true, spread: 1, most: 10 * time.Minute}
	if wanted := os.Getenv("FREEZEFRAME_STORM"); wanted != "" {
		n := 1000
		if wanted != "all" { // or so many alerts
			var err error
			if n, err = strconv.Atoi(wanted); err != nil || n < 100 {
				t.Fatalf("FREEZEFRAME_STORM=%q: all, or a number of alerts from 100 on", wanted)
			}
		}
		s = size{alerts: n, repeats: 3 * n / 10, poisoned: 5, kills: 60, ledger: 15, told: 20, receives: 10, parallel: 2, spread: max(1, 16*n/1000), most: 4 * time.Hour}
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("FREEZEFRAME_STORM_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("FREEZEFRAME_STORM_SEED=%d", seed)
	moto := queueAt(t, seed)
	t.Logf("the queue is %s", cmp.Or(moto, "ours"))
	random := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, n)) }
	w := newWorld(t, s, newPlan(t, s, random(0)), build(t), moto)
	began := time.Now()
	var slots []*slot
	var all sync.WaitGroup
	for n := range 4 {
		x := w.newSlot(n, random(uint64(n+1)))
		slots = append(slots, x)
		all.Go(x.run)
	}
	all.Wait()
	defer func() {
		for _, x := range slots {
			if t.Failed() {
				x.tell()
			}
		}
	}()
	if n := w.left(t.Context(), "alerts"); n != 0 {
		t.Fatalf("after %s %d messages are in the queue yet", time.Since(began), n)
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &used); err != nil {
		t.Error(err)
	}
	t.Logf("%d messages, %v killed, in %s; workers took %d s of processor time", len(w.plan.messages), w.deaths, time.Since(began).Round(time.Second), used.Utime.Sec+used.Stime.Sec)
	for _, x := range slots {
		for _, code := range x.ends {
			if code != 0 && code != 3 {
				t.Errorf("worker %d ended with %d", x.n, code)
			}
		}
	}
	if s.hurried { // a small storm may be over before the last of its deaths
		s.kills, s.ledger = s.kills/2, s.ledger/2
	}
	if w.deaths["ledger"] < s.ledger || w.deaths["ledger"]+w.deaths["any"] < s.kills || w.deaths["poison"] != s.poisoned*s.receives {
		t.Errorf("killed: %v; wanted %d, of them %d during a ledger append, and %d by poison", w.deaths, s.kills, s.ledger, s.poisoned*s.receives)
	}
	w.judge(t, slots[0])
	t.Logf("%d cases judged; 0 skipped", len(w.plan.findings))
}
