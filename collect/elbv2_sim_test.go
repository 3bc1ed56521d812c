package collect

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// TestTargetGroups: the group of the alias with its load balancer is kept, another function's
// is not, and what rules compare is sealed.
func TestTargetGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		only := Options{Unpaced: true, Only: []string{"lambda.configuration", "elbv2.target-groups"}}
		m, sum := collectSim(t, a, only)
		if !sum.Complete {
			t.Errorf("%v", m.states())
		}
		found := map[string]string{}
		for _, e := range m.entries {
			if e.State == evidence.Collected {
				found[e.Artefact] += string(m.bytes[key(e)])
			}
		}
		for artefact, holds := range map[string][]string{
			"elbv2.target-groups": {`"TargetGroupName":"checkout"`, `"LoadBalancerArns":["arn:aws:elasticloadbalancing:`},
			"elbv2.targets":       {`:function:payments:live"`, `"State":"unavailable"`},
			"elbv2.load-balancer": {`"LoadBalancerName":"web"`, `"Scheme":"internet-facing"`},
			"elbv2.listeners":     {`"Port":443`, `"StatusCode":"404"`},
			"elbv2.rules":         {`"Priority":"1"`, `"Priority":"default"`, `"Values":["[sealed:`, "targetgroup/checkout/"},
		} {
			for _, h := range holds {
				if !strings.Contains(found[artefact], h) {
					t.Errorf("%s does not hold %s: %s", artefact, h, found[artefact])
				}
			}
		}
		for artefact, doc := range found {
			if strings.Contains(doc, bench.Secret) || strings.Contains(doc, "billing") || strings.Contains(doc, "/back/") {
				t.Errorf("%s: %s", artefact, doc)
			}
		}
		wantStates(t, collectBare(t, a, "elbv2.target-groups"), evidence.Absent, "elbv2.target-groups bare")

		denied := awssim.Fail{Code: "AccessDenied", Message: "injected", Status: 403}
		a.Cloud.Inject(awssim.Fault{Op: "ElasticLoadBalancingv2:DescribeTargetHealth", Nth: 2, Fail: denied})
		m, _ = collectSim(t, a, only)
		if countState(m, "elbv2.targets", evidence.Denied) != 1 || m.states()["elbv2.target-groups payments"] != evidence.NotAttempted {
			t.Errorf("one group denied: %v", m.states())
		}
	})
}
