package awssim

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/freezeframe-ir/freezeframe/internal/awssim/shapecheck"
)

// shapes are read once for all tests: each test read those of its services anew otherwise.
var shapes = func() func(dir string) (*shapecheck.Checker, error) {
	var once sync.Once
	var all *shapecheck.Checker
	var err error
	return func(dir string) (*shapecheck.Checker, error) {
		once.Do(func() { all, err = shapecheck.Open(dir) })
		return all, err
	}
}()

// checked lets cfg's calls pass a judge that reads AWS's shapes by itself: at the
// end of the test it has nothing to say.
func checked(t *testing.T, c *Cloud, cfg aws.Config) aws.Config {
	t.Helper()
	dir := sharedData(t, "data/aws-models")
	judge := must(shapes(dir))(t).Anew()
	t.Cleanup(func() {
		for _, p := range judge.Problems() {
			t.Error("shape: " + p)
		}
		judged.add(judge.Covered())
		if len(judge.Covered()) == 0 {
			t.Error("the judge of shapes saw nothing")
		}
		noteCovered(t, judge.Covered())
	})
	cfg.HTTPClient = ClientOf(judge.Wrap(c))
	return cfg
}

// noteCovered leaves the operations judged in the folder FREEZEFRAME_COVERED, one file a
// judge: the conformance stage asks that every simulated operation is in one.
func noteCovered(t *testing.T, covered map[string]int) {
	dir := os.Getenv("FREEZEFRAME_COVERED")
	if dir == "" {
		return
	}
	f, err := os.CreateTemp(dir, "covered-*")
	if err != nil {
		t.Fatal(err)
	}
	for name := range covered {
		fmt.Fprintln(f, name)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
