package awssim

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/freezeframe-ir/freezeframe/internal/awssim/shapecheck"
)

// checked lets cfg's calls pass a judge that reads AWS's shapes by itself: at the
// end of the test it has nothing to say.
func checked(t *testing.T, c *Cloud, cfg aws.Config) aws.Config {
	t.Helper()
	judge := must(shapecheck.Open(sharedData(t, "data/aws-models")))(t)
	t.Cleanup(func() {
		for _, p := range judge.Problems() {
			t.Error("shape: " + p)
		}
		if len(judge.Covered()) == 0 {
			t.Error("the judge of shapes saw nothing")
		}
	})
	cfg.HTTPClient = ClientOf(judge.Wrap(c))
	return cfg
}
