package fleet

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// form is how much is done.
type form struct {
	accounts, functions, perMessage int // functions of each account
	kills                           int
	atLedger                        int // of the kills, how many during an append
}

func formOf(t *testing.T) form {
	t.Helper()
	switch v := os.Getenv("FREEZEFRAME_FLEET"); v {
	case "":
		return form{4, 2, 1, 6, 3}
	case "all":
		return form{8, 5, 2, 30, 12}
	default:
		t.Fatalf("FREEZEFRAME_FLEET is %q: all, or nothing", v)
		return form{}
	}
}

// death is one planned kill: the process that comes to the nth such point dies, before what it asks
// is done or after.
type death struct {
	at    point
	nth   int
	after bool
}

func (f form) plan(random *rand.Rand) []death {
	others := []point{journalPoint, dataPoint, sealPoint, boardPoint, callPoint, codePoint}
	var out []death
	for i := range f.kills {
		d := death{at: ledgerPoint, nth: 1 + random.IntN(2), after: random.IntN(2) == 0}
		switch {
		case i < f.atLedger && i%3 == 2:
			d.at = headPoint
		case i >= f.atLedger:
			d.at = others[(i-f.atLedger)%len(others)]
			d.nth = 1 + random.IntN(map[point]int{journalPoint: 8, dataPoint: 20, sealPoint: 6, boardPoint: 3, callPoint: 40, codePoint: 2}[d.at])
		}
		out = append(out, d)
	}
	random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func seed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("FREEZEFRAME_FLEET_SEED")
	if text == "" {
		return 20261128
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestFleet: four workers write one case in a bucket at once and are killed, again and again; in the
// end it is one whole case, and nothing was fetched twice that was complete.
func TestFleet(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: the binary that is killed is built without the race detector; the plain run has it")
	}
	fleet(t, formOf(t), nil)
}

func fleet(t *testing.T, f form, bucket func(awssim.Credentials) http.Handler) {
	w := newWorld(t, build(t), f.accounts, f.functions, bucket)
	said := w.enqueue(t, f.accounts, f.perMessage)
	t.Logf("seed %d (FREEZEFRAME_FLEET_SEED): %s", seed(t), strings.TrimSpace(said))
	died := w.killed(t, f.plan(rand.New(rand.NewPCG(seed(t), 3))))
	total := 0
	for _, at := range slices.Sorted(maps.Keys(died)) {
		t.Logf("killed at %-12s %d", at, died[at])
		total += died[at]
	}
	if total < f.kills {
		t.Errorf("%d kills of %d: the work was done before", total, f.kills)
	}
	w.judge(t)
}

// killed lets four workers work until the queue is empty, and kills them as planned.
func (w *world) killed(t *testing.T, plan []death) map[point]int {
	t.Helper()
	died := map[point]int{}
	left := slices.Clone(plan)
	w.kill = func(at point, p *process) (bool, bool) { // the world's lock is held
		if len(left) == 0 || left[0].at != at {
			return false, false
		}
		if left[0].nth--; left[0].nth > 0 {
			return false, false
		}
		after := left[0].after
		left = left[1:]
		died[at]++
		return true, after
	}
	var all sync.WaitGroup
	over := make(chan struct{})
	for i := range 4 {
		p := &process{name: fmt.Sprintf("worker-%d", i+1)}
		w.mu.Lock()
		w.procs = append(w.procs, p)
		w.mu.Unlock()
		all.Go(func() { w.supervise(t, p, over) })
	}
	for begun := time.Now(); w.waiting(t) != "0+0"; time.Sleep(200 * time.Millisecond) {
		if time.Since(begun) > 15*time.Minute {
			t.Errorf("after a quarter of an hour %s messages are waiting or in hand", w.waiting(t))
			break
		}
	}
	close(over)
	all.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kill = nil
	return died
}

// supervise starts a worker again whenever it was killed, as whoever runs it would.
func (w *world) supervise(t *testing.T, p *process, over chan struct{}) {
	for {
		w.start(t, p)
		ended := make(chan error, 1)
		go func() { ended <- p.cmd.Wait() }()
		select {
		case <-over:
			_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
			if err := <-ended; err != nil && !w.slain(p) && !strings.Contains(p.said.String(), "went back to the queue") {
				t.Errorf("%s: %v\n%s", p.name, err, p.said)
			}
			return
		case err := <-ended:
			if !w.slain(p) {
				t.Errorf("%s ended by itself: %v\n%s", p.name, errors.Join(err), p.said)
				return
			}
		}
	}
}

func (w *world) slain(p *process) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return p.killed
}
