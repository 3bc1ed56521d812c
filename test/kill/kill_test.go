package kill

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// phases are what the process was writing when it was killed, by the object's name.
var phases = []string{"download", "logs", "journal", "manifest", "seal", "ledger"}

func phaseOf(name string) string {
	base := name[strings.LastIndexByte(name, '/')+1:]
	switch {
	case strings.Contains(name, "ledger/"):
		return "ledger"
	case strings.Contains(name, "/journal/"):
		return "journal"
	case base == "tagmanifest-sha256.txt":
		return "seal"
	case slices.Contains([]string{"coverage.json", "collection.json", "manifest-sha256.txt", "bagit.txt", "bag-info.txt"}, base):
		return "manifest"
	case strings.Contains(name, "/data/") && strings.HasSuffix(base, ".zip"):
		return "download"
	case strings.Contains(name, "/data/") && strings.Contains(base, "log"):
		return "logs"
	case strings.Contains(name, "/data/"):
		return "data"
	}
	return "other"
}

// kill is one planned death.
type kill struct {
	seed     uint64
	phase    string
	bucket   bool // the case lies in a bucket, not in a folder
	powerCut bool // what was not synced is lost with it
}

func (k kill) String() string {
	where := "folder"
	if k.bucket {
		where = "bucket"
	}
	if k.powerCut {
		where += ", power cut"
	}
	return fmt.Sprintf("seed %d, %s in a %s", k.seed, k.phase, where)
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func plan(t *testing.T) []kill {
	kills, cuts := 8, 2 // .ci/run asks for more, .ci/long for all
	var out []kill
	for i := range number(t, "FREEZEFRAME_KILLS", kills) {
		out = append(out, kill{seed: uint64(i), phase: phases[i/2%len(phases)], bucket: i%2 == 1})
	}
	for i := range number(t, "FREEZEFRAME_POWER_CUTS", cuts) {
		out = append(out, kill{seed: 10_000 + uint64(i), phase: phases[i%len(phases)], powerCut: true})
	}
	return out
}

// TestKills: however a collection dies, `collect --resume` brings it to a whole, signed case
// with the payload of an undisturbed run, and fetches nothing again that was complete.
func TestKills(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		if os.Getenv("FREEZEFRAME_CI") != "" {
			t.Fatal("no strace: nothing can be killed at a chosen write")
		}
		t.Skip("SKIPPED LOUDLY: no strace")
	}
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: the binary that is killed is built without the race detector; the plain run has it")
	}
	binary := build(t)
	var want [2][]string
	for i, bucket := range []bool{false, true} {
		w := newWorld(t, binary, kill{bucket: bucket})
		if code, said := w.run("collect", "--function", function); code != 0 {
			t.Fatalf("undisturbed: exit code %d\n%s", code, said)
		}
		want[i] = w.payload(t)
		if len(want[i]) < 30 {
			t.Fatalf("undisturbed: only %v", want[i])
		}
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	hist := map[string]int{}
	slots := make(chan struct{}, 4)
	for _, k := range plan(t) {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			w := newWorld(t, binary, k)
			phase := w.die(t)
			mu.Lock()
			hist[phase]++
			mu.Unlock()
			w.goOn(t)
			i := 0
			if k.bucket {
				i = 1
			}
			if got := w.payload(t); !slices.Equal(got, want[i]) {
				t.Errorf("%s: payload differs from an undisturbed run's:\n%v\n%v", k, diff(want[i], got), diff(got, want[i]))
			}
		})
	}
	all.Wait()
	for _, phase := range slices.Sorted(maps.Keys(hist)) {
		t.Logf("killed in %-9s %d", phase, hist[phase])
	}
	for _, phase := range phases {
		if most := len(plan(t)) / 13; hist[phase] < min(15, most) {
			t.Errorf("only %d kills in %s", hist[phase], phase)
		}
	}
}

func diff(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "freezeframe")
	// go run keeps the linked program in the build cache, which go build does not: linking it is
	// ten seconds of a processor.
	if out, err := exec.Command("go", "run", "-exec", "cp", "../../cmd/freezeframe", path).CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return path
}

func (k kill) random() *rand.Rand { return rand.New(rand.NewPCG(k.seed, 7)) }
