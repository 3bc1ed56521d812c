package collect

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// TestManagedInstances: how a version scales, on whose provider, and who else is there.
func TestManagedInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		only := Options{Unpaced: true, Only: []string{"lambda.configuration", "lambda.scaling"}}
		m, sum := collectFunction(t, sessionAs(t, a, "again", allowAll), bench.ManagedFunction, only)
		if !sum.Complete {
			t.Errorf("%v", m.states())
		}
		for k, holds := range map[string]string{"lambda.scaling render 1": `"MaxExecutionEnvironments":6`, "lambda.capacity capacity-provider:pool": "subnet-0123456789abcdef0", "lambda.capacity.versions capacity-provider:pool": "function:stranger:1"} {
			found := false
			for _, e := range m.entries {
				found = found || strings.HasPrefix(k, e.Artefact+" ") && strings.Contains(string(m.bytes[key(e)]), holds)
			}
			if !found {
				t.Errorf("%s does not hold %s; of %v", k, holds, m.states())
			}
		}
		if n := countOf(m)["lambda.capacity collected"]; n != 1 {
			t.Errorf("%d providers", n)
		}
		wantStates(t, collectBare(t, a, "lambda.scaling"), evidence.Absent, "lambda.scaling bare")
		a.Cloud.Inject(awssim.Fault{Op: "Lambda:GetCapacityProvider", Fail: awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 403}})
		m, _ = collectFunction(t, sessionAs(t, a, "denied", allowAll), bench.ManagedFunction, only)
		if got := countOf(m); got["lambda.capacity denied"] != 1 || got["lambda.capacity.versions collected"] != 1 || got["lambda.scaling collected"] != 1 {
			t.Errorf("%v", got)
		}
	})
}
