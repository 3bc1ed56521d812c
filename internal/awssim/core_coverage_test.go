package awssim

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/freezeframe-ir/freezeframe/test/scratch"
)

// judged counts, over the whole package's tests, the successful answers that passed the
// judge of shapes.
type tally struct {
	sync.Mutex
	calls map[string]int
}

func (j *tally) add(more map[string]int) {
	j.Lock()
	defer j.Unlock()
	for k, n := range more {
		j.calls[k] += n
	}
}

var judged = &tally{calls: map[string]int{}}

// TestMain wants, after a run of all tests, that every simulated operation answered at
// least once under the eyes of the judge of shapes.
func TestMain(m *testing.M) {
	code := scratch.Main(m)
	whole := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.fuzz").Value.String() == "" && flag.Lookup("test.bench").Value.String() == ""
	if code == 0 && whole && len(judged.calls) > 0 {
		if missing := unjudged(); len(missing) > 0 {
			fmt.Printf("FAIL: %d of %d simulated operations were never judged against AWS's shapes: %v\n", len(missing), len(catalogue()), missing)
			code = 1
		} else {
			fmt.Printf("all %d simulated operations were judged against AWS's shapes\n", len(catalogue()))
		}
	}
	os.Exit(code)
}

// onlyRefuses are operations whose only answer is an error: a bucket here has no website,
// and no ACLs (AWS's default for new buckets).
var onlyRefuses = map[string]bool{"s3:GetBucketWebsite": true, "s3:PutBucketAcl": true, "s3:PutObjectAcl": true}

func unjudged() []string {
	var out []string
	for _, o := range catalogue() {
		if k := o.service + ":" + o.name; judged.calls[k] == 0 && !onlyRefuses[k] {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}
