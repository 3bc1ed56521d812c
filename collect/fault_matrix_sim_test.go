package collect

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// matrixFault is one kind of fault of the matrix, and what may come of it.
type matrixFault struct {
	name  string
	fail  awssim.Fail
	on    bool // at that call and every later one
	heals bool // nothing is missing in the end
}

const (
	faultDenied  = "denied"
	faultSame    = "same token"
	faultGarbled = "other bytes"
)

// matrixFaults are those of calls. What is denied at the first call of an operation is what
// TestPolicyIsSufficientAndMinimal takes away.
func matrixFaults(call string) []matrixFault {
	cut := []matrixFault{
		{name: "cut for ever", fail: awssim.Fail{Cut: true}, on: true},
		{name: "cut once", fail: awssim.Fail{Cut: true}, heals: true},
	}
	if call == downloadCall {
		return append(cut,
			matrixFault{name: "refused for ever", fail: awssim.Fail{Denied: true}, on: true},
			matrixFault{name: "refused once", fail: awssim.Fail{Denied: true}, heals: true}, // by another address
			matrixFault{name: faultGarbled, fail: awssim.Fail{Garbled: true}})
	}
	return append(cut,
		matrixFault{name: faultDenied, fail: awssim.Fail{Denied: true}},
		matrixFault{name: "throttled for ever", fail: awssim.Fail{Throttled: true}, on: true},
		matrixFault{name: faultSame, fail: awssim.Fail{SameToken: true}, on: true})
}

// faultCell is one cell of the matrix.
type faultCell struct {
	call, function, position string
	nth                      int
	fault                    matrixFault
}

func (c faultCell) String() string {
	return fmt.Sprintf("%s, %s call (%d), %s", c.call, c.position, c.nth, c.fault.name)
}

var positions = []string{"first", "second", "last"}

// byID are operations with pages that are only asked for resources by their ids, and where
// AWS says that there are no further pages then (API references).
var byID = map[string]string{
	"ECR:DescribeImages":                           "nextToken cannot be used with imageIds",
	"ECR:DescribeRepositories":                     "nextToken cannot be used with repositoryNames",
	"ElasticLoadBalancingv2:DescribeLoadBalancers": "one ARN, one load balancer",
	"EFS:DescribeAccessPoints":                     "one id, one access point",
	"EFS:DescribeFileSystems":                      "one id, one file system",
}

// faultCells are all cells that can exist, and how many cannot, by reason.
func faultCells(undisturbed map[string]*collected) (cells []faultCell, not map[string]int) {
	not = map[string]int{}
	for _, n := range Needs(All) {
		c := faultCell{call: n.Call, function: bench.Occasion(n.Call)}
		if n.Call == downloadCall {
			c.function = bench.Function
		}
		times := undisturbed[c.function].made(n.Call)
		for i, nth := range []int{1, 2, times} {
			for _, f := range matrixFaults(n.Call) {
				c.position, c.nth, c.fault = positions[i], nth, f
				if why := impossible(c, times); why != "" {
					not[why]++
				} else {
					cells = append(cells, c)
				}
			}
		}
	}
	return cells, not
}

// impossible says why a cell does not exist, "" if it does.
func impossible(c faultCell, times int) string {
	switch {
	case c.position == "second" && times < 2:
		return "the operation is called once: no second call"
	case c.position == "last" && times < 3:
		return "the last call is the first or the second"
	case c.fault.fail.SameToken && !awssim.Paged(c.call):
		return "the operation has no pages: no token"
	case c.fault.fail.SameToken && byID[c.call] != "":
		return "asked for by id, which AWS answers in one page: " + c.call + " (" + byID[c.call] + ")"
	case c.fault.fail.Cut && awssim.Bodiless(c.call):
		return "the answer has no body to be cut"
	case c.fault.name == faultDenied && c.position == "first":
		return "denied from the first call on: a case of TestPolicyIsSufficientAndMinimal"
	}
	return ""
}

// faultsMany is how many cells run: FREEZEFRAME_FAULT_CELLS, a number or all.
func faultsMany(t *testing.T, all int) int {
	switch text := os.Getenv("FREEZEFRAME_FAULT_CELLS"); text {
	case "":
		if testing.Short() { // for the race detector some do
			return 4
		}
		return 32
	case "all":
		return all
	default:
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("FREEZEFRAME_FAULT_CELLS=%q is neither a number nor all", text)
		}
		return min(n, all)
	}
}

// TestFaultMatrix disturbs every operation that collection makes, at its first, its second
// and its last call, in each way that calls fail: exactly what that call gives is a gap, which
// says what happened to which call; all else is as it was.
func TestFaultMatrix(t *testing.T) {
	undisturbed := undisturbedRuns(t)
	cells, not := faultCells(undisturbed)
	exist, seed := len(cells), uint64(time.Now().UnixNano())
	if text := os.Getenv("FREEZEFRAME_FAULT_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	if only := os.Getenv("FREEZEFRAME_FAULT_ONLY"); only != "" {
		cells = slices.DeleteFunc(cells, func(c faultCell) bool { return !strings.Contains(c.String(), only) })
	}
	if n := faultsMany(t, len(cells)); n < len(cells) {
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(cells), func(i, k int) { cells[i], cells[k] = cells[k], cells[i] })
		cells = cells[:n]
		t.Logf("a sample of the cells, by seed %d (FREEZEFRAME_FAULT_SEED); FREEZEFRAME_FAULT_CELLS=all runs all", seed)
	}
	run, traced := len(cells), 0
	defer func() {
		t.Logf("%d operations x first, second and last call x faults: %d of %d cells run; 0 skipped", len(Needs(All)), run, exist)
		t.Logf("in %d of them each struck call was traced to the rows that it gives; in the others its answer goes into a row with those of other calls", traced)
		for _, why := range slices.Sorted(maps.Keys(not)) {
			t.Logf("%d cells do not exist: %s", not[why], why)
		}
	}()
	const together = 100 // cells on one account: each forgets what the one before asked
	for i, chunk := range slices.Collect(slices.Chunk(cells, together)) {
		t.Run(fmt.Sprint("part", i+1), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newDisturber(t, awssim.Config{PageMost: smallPages}, true)
				defer func() { traced += r.traced }()
				for _, c := range chunk {
					problems, exists := r.problems(t, c)
					if !exists {
						not["the call at that position is refused by itself, or has what was looked for: nobody uses its token"]++
						run--
					}
					for _, problem := range problems {
						t.Errorf("%s: %s", c, problem)
					}
				}
			})
		})
	}
}

// undisturbedRuns is what a collection of each function comes to when nothing fails.
func undisturbedRuns(t *testing.T) map[string]*collected {
	t.Helper()
	out := map[string]*collected{}
	synctest.Test(t, func(t *testing.T) {
		r := newDisturber(t, awssim.Config{PageMost: smallPages}, true)
		for _, function := range bench.Functions() {
			out[function] = r.collect(t, function)
			if !out[function].sum.Complete {
				t.Errorf("%s undisturbed: %+v", function, out[function].sum)
			}
		}
	})
	return out
}

// disturber collects from one account again and again.
type disturber struct {
	a     *bench.Account
	s     *awsapi.Session
	until time.Time
	back  func()

	undisturbed map[string]*collected
	traced      int // cells in which each struck call was traced to the rows that it gives
}

// smallPages makes nearly every list one of several pages, so that its later ones can fail.
func smallPages(api string) int {
	switch api {
	case "CloudTrail:LookupEvents":
		return 50
	case "CloudWatchLogs:FilterLogEvents":
		return 40
	}
	return 1
}

func newDisturber(t *testing.T, c awssim.Config, twins bool) *disturber {
	a := simAccount(t, c)
	if twins {
		if err := a.AddTwins(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	until := a.Cloud.Now()
	time.Sleep(2 * time.Second) // what is asked from now on is not in the window
	return &disturber{a: a, s: sessionAs(t, a, "reader", allowAll), until: until, back: a.Cloud.Bookmark(), undisturbed: map[string]*collected{}}
}

func (r *disturber) collect(t *testing.T, function string) *collected {
	before := len(r.a.Cloud.Calls())
	m, sum := collectFunction(t, r.s, function, Options{Unpaced: true, TrailBuckets: []string{AutoTrailBucket}, Until: r.until})
	c := newCollected(m, sum, r.a.Cloud.Calls()[before:])
	c.struck, c.downloads = r.a.Cloud.Struck(), r.a.Cloud.Downloads()
	r.a.Cloud.ClearFaults()
	r.back()
	return c
}

// problems disturbs one collection and judges it. A fault of an answer strikes nothing where
// the answer is an error: which call that is, is found out only then.
func (r *disturber) problems(t *testing.T, c faultCell) (out []string, exists bool) {
	undisturbed := r.undisturbed[c.function]
	if undisturbed == nil {
		undisturbed = r.collect(t, c.function)
		r.undisturbed[c.function] = undisturbed
	}
	r.a.Cloud.Inject(awssim.Fault{Op: c.call, Nth: c.nth, On: c.fault.on, Fail: c.fault.fail})
	got := r.collect(t, c.function)
	if c.fault.fail.SameToken && len(got.struck) == 0 && undisturbed.refused(c.call) {
		return nil, false
	}
	if c.fault.fail.SameToken && foundThere(got, undisturbed) {
		return nil, false
	}
	out = judge(c, undisturbed, got)
	if got.traced {
		r.traced++
	}
	return out, true
}
