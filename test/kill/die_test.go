package kill

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// die collects until the planned moment and says in which phase the process was killed.
func (w *world) die(t *testing.T) string {
	t.Helper()
	random := w.k.random()
	// How many writes of a phase there are differs; a number that is not reached is tried again lower.
	most := map[string]int{"download": 5, "logs": 3, "journal": 6, "manifest": 5, "seal": 1, "ledger": 3}[w.k.phase]
	for nth := 1 + random.IntN(most); nth >= 1; nth-- {
		var phase string
		if w.k.bucket {
			phase = w.dieAtPut(t, nth, random.IntN(2) == 0)
		} else {
			phase = w.dieAtSync(t, nth, time.Duration(random.IntN(1500))*time.Microsecond)
		}
		if phase != "" {
			return phase
		}
	}
	return "never"
}

// dieAtPut kills at the nth PutObject of the phase, before or after it took effect.
func (w *world) dieAtPut(t *testing.T, nth int, after bool) string {
	t.Helper()
	cmd := w.command("collect", "--function", function)
	seen, killed, pid := 0, "", make(chan int, 1)
	w.mu.Lock()
	w.onPut = func(key string, serve func()) {
		w.mu.Lock()
		if phaseOf(key) == w.k.phase && killed == "" {
			seen++
		}
		now := seen == nth && killed == ""
		if now {
			killed = phaseOf(key)
		}
		w.mu.Unlock()
		if !now || after {
			serve()
		}
		if now {
			_ = syscall.Kill(<-pid, syscall.SIGKILL) // Wait reports it
		}
	}
	w.mu.Unlock()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid <- cmd.Process.Pid
	if err := cmd.Wait(); err == nil {
		return w.tooLate(t)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onPut = nil
	return killed
}

// tooLate: the collection came to its end. The next try needs a case without it.
func (w *world) tooLate(t *testing.T) string {
	t.Helper()
	fresh := newWorld(t, w.binary, w.k)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dir, w.acct, w.url, w.where, w.requests, w.onPut = fresh.dir, fresh.acct, fresh.url, fresh.where, nil, nil
	return ""
}

var (
	syncLine    = regexp.MustCompile(`^(\d+) +fsync\(\d+<([^>]*)>`)
	linkLine    = regexp.MustCompile(`^(\d+) +linkat\(\d+<([^>]*)>, "[^"]*", \d+<[^>]*>, "([^"]*)"`)
	resumedLine = regexp.MustCompile(`^(\d+) +<\.\.\. (?:fsync|linkat) resumed>`)
)

// disk follows what is on it for good: names that were linked in a directory which was not
// synced since are lost in a power cut.
type disk struct {
	pending map[string]string // thread -> what it has begun, "fsync DIR" or "linkat NAME"
	linked  map[string]bool
}

// line takes one line of strace and gives the object it is about, "" if it is none.
func (d *disk) line(line string) string {
	pid, op := "", ""
	if m := linkLine.FindStringSubmatch(line); m != nil {
		pid, op = m[1], "linkat "+m[2]+"/"+m[3]
	} else if m := syncLine.FindStringSubmatch(line); m != nil {
		pid, op = m[1], "fsync "+m[2]
	} else if m := resumedLine.FindStringSubmatch(line); m != nil {
		pid, op = m[1], d.pending[m[1]]
		delete(d.pending, pid)
	}
	call, name, _ := strings.Cut(op, " ")
	switch {
	case strings.HasSuffix(line, "<unfinished ...>"):
		d.pending[pid] = op
	case !strings.Contains(line, "= 0"): // it failed, or never came back
	case call == "linkat":
		d.linked[name] = true
	case call == "fsync":
		for other := range d.linked {
			if filepath.Dir(other) == name {
				delete(d.linked, other)
			}
		}
	}
	if call == "fsync" {
		return name + "/"
	}
	return name
}

// dieAtSync kills a little after strace reports the nth sync or link of the phase.
func (w *world) dieAtSync(t *testing.T, nth int, late time.Duration) string {
	t.Helper()
	report, into, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer report.Close()
	inner := w.command("collect", "--function", function)
	// The delays hold the process at the edge of each link: a kill then falls before or after it.
	cmd := exec.Command("strace", append([]string{"-f", "-qq", "-y", "-s", "512", "-e", "trace=fsync,linkat", "-e", "signal=none",
		"-e", "inject=linkat:delay_enter=700:delay_exit=700", "-o", "/dev/fd/3", inner.Path}, inner.Args[1:]...)...)
	cmd.Env, cmd.Dir, cmd.ExtraFiles = inner.Env, inner.Dir, []*os.File{into}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := into.Close(); err != nil {
		t.Fatal(err)
	}
	seen, killed := 0, ""
	d := disk{map[string]string{}, map[string]bool{}}
	lines := bufio.NewScanner(report)
	for lines.Scan() {
		name := d.line(lines.Text())
		if killed != "" || phaseOf(name) != w.k.phase {
			continue
		}
		if seen++; seen == nth {
			killed = w.k.phase
			time.Sleep(late)
			w.killChild(t, cmd.Process.Pid)
		}
	}
	_ = cmd.Wait() // strace ends as its child did
	if killed == "" {
		return w.tooLate(t)
	}
	if w.k.powerCut {
		w.lose(t, d.linked)
	}
	return killed
}

// killChild kills what strace runs.
func (w *world) killChild(t *testing.T, strace int) {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", strace, strace))
	if err != nil {
		return // it has ended by itself
	}
	for _, f := range strings.Fields(string(data)) {
		pid, err := strconv.Atoi(f)
		if err != nil {
			t.Error(err)
			continue
		}
		_ = syscall.Kill(pid, syscall.SIGKILL) // gone already is fine
	}
}

// lose is a power cut: names in directories that were not synced are gone, and so is what
// was being written. (Every file is synced before it gets its name.)
func (w *world) lose(t *testing.T, linked map[string]bool) {
	t.Helper()
	for name := range linked {
		if strings.HasPrefix(name, w.where) {
			if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
				t.Error(err)
			}
		}
	}
	err := filepath.WalkDir(w.where, func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasPrefix(d.Name(), ".tmp-") {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Sys().(*syscall.Stat_t).Nlink > 1 { // it has its name already, and was synced before
			return os.Remove(path)
		}
		return os.Truncate(path, 0)
	})
	if err != nil {
		t.Error(err)
	}
}
