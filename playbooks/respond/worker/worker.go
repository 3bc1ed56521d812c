package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/queue"
)

// Handler deals with one kind of message.
type Handler interface {
	// Takes says whether a message is of its kind.
	Takes(body string) bool
	// Handle deals with it. A message that is settled leaves the queue, whatever the error says; any
	// other has to come again. When ctx ends, what was begun is left so that the next can go on.
	Handle(ctx context.Context, m *queue.Message) (settled bool, err error)
}

// Fate is what became of a message, for the queue.
type Fate string

// Fates.
const (
	Done     Fate = "done"     // it has left the queue
	Back     Fate = "back"     // it comes again
	Lost     Fate = "lost"     // others have it, or will
	Poisoned Fate = "poisoned" // it was received too often: refused for good, and kept on the board
)

// Report is what became of one receipt of a message.
type Report struct {
	ID       string        `json:"id"`
	SHA256   string        `json:"message_sha256"`
	Received int           `json:"received"`
	Fate     Fate          `json:"fate"`
	After    time.Duration `json:"-"` // when it comes again, of what goes back
	Err      error         `json:"-"`
}

// Options are what a worker works with.
type Options struct {
	Queue    *queue.Queue
	Board    *board.Board
	Handlers []Handler // the first that takes a message has it
	Parallel int       // messages at a time; 0 is 1
	Once     bool      // end when the queue gives nothing
	// MostReceives is how often a message is received before it is refused for good, on a queue
	// without a dead-letter queue.
	MostReceives int
	// Minute is called once a minute, as long as the worker runs; nil: nothing.
	Minute func(ctx context.Context) error
	Tell   func(Report)      // one call at a time
	Warn   func(line string) // one call at a time
}

// Tally counts receipts by what became of them.
type Tally struct {
	Taken   int `json:"taken"`
	Settled int `json:"done"`
	Back    int `json:"back"`
	Lost    int `json:"lost"`
	Refused int `json:"poisoned"`
}

const (
	firstDelay = 30 * time.Second
	mostDelay  = 15 * time.Minute
	// soon is how long a receive of a worker waits that ends when the queue is empty: any wait makes
	// SQS ask all its servers.
	soon = 2 * time.Second
	// last is how long what has to be said at the end may take: a machine that is taken away gives
	// little more.
	last = 5 * time.Second
)

// Delay is after how long a message comes again that was not settled the nth time.
func Delay(received int) time.Duration {
	d := firstDelay
	for range min(max(received-1, 0), 10) {
		d *= 2
	}
	return min(d, mostDelay)
}

type loop struct {
	Options
	mu      sync.Mutex
	tally   Tally
	stopped bool // somebody has turned the switch
}

// Run works until ctx ends, the queue is no more, or with Once nothing is left to take. The tally says
// what became of what it took. An error means that the worker could not go on.
func Run(ctx context.Context, o Options) (Tally, error) {
	l := &loop{Options: o}
	l.begin()
	taking, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var minutes, takers sync.WaitGroup
	if o.Minute != nil {
		minutes.Go(func() { l.minutes(taking) })
	}
	var first error
	for range max(o.Parallel, 1) {
		takers.Go(func() {
			if err := l.take(ctx, taking); err != nil {
				l.mu.Lock()
				if first == nil {
					first = err
				}
				l.mu.Unlock()
				stop(err)
			}
		})
	}
	takers.Wait()
	stop(nil)
	minutes.Wait()
	return l.tally, first
}

// begin says what the operator should know of the queue.
func (l *loop) begin() {
	switch q := l.Queue; {
	case !l.dead():
		l.warn(fmt.Sprintf("the queue has no dead-letter queue: a message that kills its worker comes again up to %d times before it is refused (give the queue a RedrivePolicy)", l.MostReceives))
	case q.MaxReceive < 4:
		l.warn(fmt.Sprintf("the queue's maxReceiveCount is %d: what is interrupted that often goes to the dead-letter queue though nothing is wrong with it; 10 is better", q.MaxReceive))
	}
}

// dead says whether the queue itself takes out what comes too often.
func (l *loop) dead() bool { return l.Queue.DeadLetter != "" && l.Queue.MaxReceive > 0 }

func (l *loop) warn(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Warn(line)
}

// take takes messages one after another. It receives under taking, and works under ctx: where the
// queue is gone, or the worker is to end, what is in hand is another matter.
func (l *loop) take(ctx, taking context.Context) error {
	wait, pause := queue.Poll, time.Second
	if l.Once {
		wait = soon
	}
	for taking.Err() == nil {
		if l.halted(taking) {
			if l.Once || !sleep(taking, haltLooks) {
				return nil
			}
			continue
		}
		m, err := l.Queue.Receive(taking, wait)
		switch {
		case taking.Err() != nil && m == nil:
		case errors.Is(err, queue.ErrGone):
			return err
		case err != nil:
			l.warn(fmt.Sprintf("no message can be received, trying again in %s: %v", pause, err))
			sleep(taking, pause)
			pause = min(2*pause, time.Minute)
			continue
		case m == nil && l.Once:
			return nil
		case m != nil:
			l.work(ctx, m)
		}
		pause = time.Second
	}
	return nil
}

// work deals with one message, and tells the queue what became of it.
func (l *loop) work(ctx context.Context, m *queue.Message) {
	r := Report{ID: m.ID, SHA256: sum(m.Body), Received: m.Received}
	if !l.dead() && l.MostReceives > 0 && m.Received > l.MostReceives {
		r.Fate, r.Err = l.refuse(ctx, m)
		l.ended(ctx, m, r)
		return
	}
	held, stop := l.Queue.Hold(ctx, m)
	settled, err := dispatch(held, l.Handlers, m)
	lost := stop()
	r.Err = err
	switch {
	case settled:
		r.Fate = Done
	case lost != nil:
		r.Fate, r.Err = Lost, errors.Join(lost, err)
	default:
		r.Fate, r.After = Back, Delay(m.Received)
		if ctx.Err() != nil { // interrupted: nothing is wrong with it
			r.After = 0
		}
	}
	l.ended(ctx, m, r)
}

// ended tells the queue, also where the worker has been told to stop.
func (l *loop) ended(ctx context.Context, m *queue.Message, r Report) {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), last)
	defer cancel()
	var err error
	switch r.Fate {
	case Done, Poisoned:
		if err = l.Queue.Done(ending, m); err != nil {
			err = fmt.Errorf("it comes again, though it is settled: %w", err)
		}
	case Back:
		if err = l.Queue.Later(ending, m, r.After); err != nil {
			err = fmt.Errorf("it comes again when the queue thinks so: %w", err)
		}
	}
	r.Err = errors.Join(r.Err, err)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tally.Taken++
	switch r.Fate {
	case Done:
		l.tally.Settled++
	case Back:
		l.tally.Back++
	case Lost:
		l.tally.Lost++
	case Poisoned:
		l.tally.Refused++
	}
	l.Tell(r)
}

// dispatch gives a message to the first who takes it.
func dispatch(ctx context.Context, all []Handler, m *queue.Message) (settled bool, err error) {
	for _, h := range all {
		if h.Takes(m.Body) {
			return handle(ctx, h, m)
		}
	}
	return false, errors.New("nobody here takes such a message")
}

// handle has a handler deal with a message. One that panics has failed; who else is at work goes on.
func handle(ctx context.Context, h Handler, m *queue.Message) (settled bool, err error) {
	defer func() {
		if x := recover(); x != nil {
			settled, err = false, fmt.Errorf("a defect of this program: %v\n%s", x, frames(debug.Stack()))
		}
	}()
	return h.Handle(ctx, m)
}

// frames are the functions of a stack: where it broke, without what was in memory.
func frames(stack []byte) string {
	var out []string
	for line := range strings.Lines(string(stack)) {
		if line = strings.TrimSpace(line); strings.Contains(line, ".go:") && len(out) < 12 {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

func (l *loop) minutes(ctx context.Context) {
	for {
		if err := l.minute(ctx); err != nil && ctx.Err() == nil {
			l.warn(fmt.Sprintf("what is due each minute: %v", err))
		}
		if !sleep(ctx, time.Minute) {
			return
		}
	}
}

func (l *loop) minute(ctx context.Context) (err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("a defect of this program: %v\n%s", x, frames(debug.Stack()))
		}
	}()
	return l.Minute(ctx)
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
