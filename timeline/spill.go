package timeline

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/freezeframe-ir/freezeframe/internal/mapped"
)

// Events outgrow memory, so they are kept as frames in an arena (which also spares the
// garbage collector millions of strings), sorted by an index, and written out as a run
// when the arena is full. Runs are merged at the end, in groups where there are many.

const (
	defaultRunEvents = 1 << 20
	allArenas        = 256 << 20 // of all readers; a run is spilled at a reader's share, whatever its number of events
	maxFanIn         = 64        // runs merged at once: each holds one file and one buffer
	runBuffer        = 64 << 10
)

// spool is the private folder of spilled runs. Safe for concurrent use.
type spool struct {
	parent string

	mu   sync.Mutex
	dir  string
	next int
}

// create makes a new run file. The folder is made with the first (os.MkdirTemp: 0700).
func (s *spool) create() (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		dir, err := os.MkdirTemp(s.parent, "freezeframe-timeline-")
		if err != nil {
			return nil, fmt.Errorf("making a folder for sorted runs: %w", err)
		}
		s.dir = dir
	}
	s.next++
	f, err := os.OpenFile(fmt.Sprintf("%s/run-%06d", s.dir, s.next), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making a sorted run: %w", err)
	}
	return f, nil
}

func (s *spool) remove() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		return nil
	}
	return os.RemoveAll(s.dir)
}

// arena collects frames until they are sorted into a run. One per reader. The frames lie in chunks
// outside of the heap, which are made when they are needed, and freed by free.
type arena struct {
	chunks [][]byte
	memory [][]byte // of the chunks; a large frame makes one grow out of it
	used   int      // chunks that hold frames; the others are left of an earlier run
	index  []arenaEntry
	limit  int // of events
	bytes  int
}

const (
	arenaChunk = 8 << 20
	chunkRoom  = 32 << 10 // that a chunk must have left for another frame; few are larger, and make it grow
)

// arenaEntry begins with the key's first sixteen bytes, so that nearly all comparisons stay in the
// index: they have the time, the kind, and seven bytes of an id that is a random one.
type arenaEntry struct {
	time, id  uint64
	chunk, at uint32
}

func (a *arena) add(e *Event, origin uint32) {
	if a.used == 0 || cap(a.chunks[a.used-1])-len(a.chunks[a.used-1]) < chunkRoom {
		if a.used == len(a.chunks) {
			a.memory = append(a.memory, mapped.Memory(arenaChunk))
			a.chunks = append(a.chunks, a.memory[a.used][:0])
		}
		a.used++
	}
	c := &a.chunks[a.used-1]
	at := len(*c)
	*c = appendFrame(*c, e, origin)
	time, id := frame((*c)[at:]).order()
	a.index = append(a.index, arenaEntry{time, id, uint32(a.used - 1), uint32(at)})
}

func (a *arena) full() bool {
	return len(a.index) >= a.limit || (a.used-1)*arenaChunk+len(a.chunks[a.used-1]) >= a.bytes
}

func (a *arena) frame(i int) frame {
	x := &a.index[i]
	b := a.chunks[x.chunk][x.at:]
	return frame(b[:4+int(binary.LittleEndian.Uint32(b))])
}

func (a *arena) sort() {
	slices.SortFunc(a.index, func(x, y arenaEntry) int {
		switch {
		case x.time != y.time:
			return cmp.Compare(x.time, y.time)
		case x.id != y.id:
			return cmp.Compare(x.id, y.id)
		}
		return bytes.Compare(frame(a.chunks[x.chunk][x.at:]).key(), frame(a.chunks[y.chunk][y.at:]).key())
	})
}

// empty lets go of frames, and of what large ones made chunks grow to.
func (a *arena) empty() {
	for i := range a.chunks[:a.used] {
		a.chunks[i] = a.memory[i][:0]
	}
	a.used, a.index = 0, a.index[:0]
}

// free is called when nobody looks at frames any more.
func (a *arena) free() {
	for _, b := range a.memory {
		mapped.Free(b)
	}
	*a = arena{}
}

// spill writes the sorted frames as a run and empties the arena.
func (a *arena) spill(s *spool) (string, error) {
	a.sort()
	i := 0
	name, err := writeRun(s, func() (frame, error) {
		if i == len(a.index) {
			return nil, io.EOF
		}
		i++
		return a.frame(i - 1), nil
	})
	a.empty()
	return name, err
}

// writeRun writes frames until io.EOF.
func writeRun(s *spool, next func() (frame, error)) (name string, err error) {
	f, err := s.create()
	if err != nil {
		return "", err
	}
	w := bufio.NewWriterSize(f, runBuffer)
	for {
		fr, err := next()
		if err == io.EOF {
			break
		}
		if err == nil {
			_, err = w.Write(fr)
		}
		if err != nil {
			return "", errors.Join(fmt.Errorf("writing a sorted run: %w", err), f.Close())
		}
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		return "", fmt.Errorf("writing a sorted run: %w", err)
	}
	return f.Name(), nil
}

// cursor is one run being merged. head is valid until next.
type cursor struct {
	head     frame
	time, id uint64                // what head is ordered by, mostly
	next     func(c *cursor) error // io.EOF at the end
	file     *os.File
}

func (c *cursor) advance() error {
	err := c.next(c)
	if err == nil {
		c.time, c.id = c.head.order()
	}
	return err
}

func (c *cursor) before(d *cursor) bool {
	switch {
	case c.time != d.time:
		return c.time < d.time
	case c.id != d.id:
		return c.id < d.id
	}
	return bytes.Compare(c.head.key(), d.head.key()) < 0
}

func (a *arena) cursor() *cursor {
	a.sort()
	i := 0
	return &cursor{next: func(c *cursor) error {
		if i == len(a.index) {
			return io.EOF
		}
		c.head = a.frame(i)
		i++
		return nil
	}}
}

func fileCursor(name string) (*cursor, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading a sorted run: %w", err)
	}
	r := bufio.NewReaderSize(f, runBuffer)
	var buf []byte
	given := 0 // of what lies in the reader, by the last call
	return &cursor{file: f, next: func(c *cursor) error {
		_, _ = r.Discard(given) // it was peeked at
		head, err := r.Peek(4)
		if err == io.EOF && len(head) == 0 {
			return io.EOF
		}
		if err != nil {
			return fmt.Errorf("reading a sorted run: %w", err)
		}
		n := 4 + int(binary.LittleEndian.Uint32(head))
		if n > maxRecord {
			return errFrame
		}
		if given = 0; n <= runBuffer {
			if c.head, err = r.Peek(n); err != nil {
				return fmt.Errorf("reading a sorted run: %w", err)
			}
			given = n
			return c.head.check()
		}
		buf = slices.Grow(buf[:0], n)[:n]
		if _, err := io.ReadFull(r, buf); err != nil {
			return fmt.Errorf("reading a sorted run: %w", err)
		}
		c.head = buf
		return c.head.check()
	}}, nil
}

// merger gives the frames of several runs in order.
type merger struct {
	heap []*cursor
	all  []*cursor
	last *cursor // whose head was given out, and must move on first
}

func newMerger(all []*cursor) (*merger, error) {
	m := &merger{all: all}
	for _, c := range all {
		switch err := c.advance(); {
		case err == io.EOF:
			continue
		case err != nil:
			return m, err
		}
		m.heap = append(m.heap, c)
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	return m, nil
}

// next gives the smallest frame, valid until the next call; io.EOF at the end.
func (m *merger) next() (frame, error) {
	if m.last != nil {
		switch err := m.last.advance(); {
		case err == io.EOF:
			n := len(m.heap) - 1
			m.heap[0] = m.heap[n]
			m.heap = m.heap[:n]
		case err != nil:
			return nil, err
		}
		m.down(0)
		m.last = nil
	}
	if len(m.heap) == 0 {
		return nil, io.EOF
	}
	m.last = m.heap[0]
	return m.last.head, nil
}

func (m *merger) down(i int) {
	for {
		least := i
		for _, j := range [2]int{2*i + 1, 2*i + 2} {
			if j < len(m.heap) && m.heap[j].before(m.heap[least]) {
				least = j
			}
		}
		if least == i {
			return
		}
		m.heap[i], m.heap[least] = m.heap[least], m.heap[i]
		i = least
	}
}

func (m *merger) close() error {
	var errs []error
	for _, c := range m.all {
		if c.file != nil {
			errs = append(errs, c.file.Close())
		}
	}
	return errors.Join(errs...)
}

// fewer merges runs in groups until few enough are left to be merged at once.
func fewer(s *spool, runs []string) ([]string, error) {
	for len(runs) > maxFanIn {
		name, err := mergeFiles(s, runs[:maxFanIn])
		if err != nil {
			return nil, err
		}
		runs = append(slices.Clone(runs[maxFanIn:]), name)
	}
	return runs, nil
}

func mergeFiles(s *spool, runs []string) (name string, err error) {
	all, err := openRuns(runs)
	if err != nil {
		return "", err
	}
	m, err := newMerger(all)
	if err == nil {
		name, err = writeRun(s, m.next)
	}
	if err = errors.Join(err, m.close()); err != nil {
		return "", err
	}
	for _, r := range runs {
		if err := os.Remove(r); err != nil {
			return "", fmt.Errorf("removing a merged run: %w", err)
		}
	}
	return name, nil
}

func openRuns(runs []string) ([]*cursor, error) {
	var all []*cursor
	for _, name := range runs {
		c, err := fileCursor(name)
		if err != nil {
			return nil, errors.Join(err, (&merger{all: all}).close())
		}
		all = append(all, c)
	}
	return all, nil
}
