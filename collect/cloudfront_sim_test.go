package collect

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// TestDistributions: what calls the function is kept with what it calls, what calls another
// is not, headers are sealed, and the logs of the edge are read where they lie.
func TestDistributions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		only := Options{Unpaced: true, Only: []string{"lambda.configuration", "cloudfront.distributions", "logs.group", "logs.events"}}
		m, sum := collectSim(t, a, only)
		if !sum.Complete {
			t.Errorf("%v", m.states())
		}
		for _, e := range m.entries {
			body := string(m.bytes[key(e)])
			if e.Artefact == "cloudfront.distribution" && (!strings.Contains(body, `"PathPattern":"/pay/*"`) || !strings.Contains(body, `"HeaderValue":"[sealed:`)) || strings.Contains(body, bench.Secret) || strings.Contains(body, "/bill/") {
				t.Errorf("%s: %s", key(e), body)
			}
		}
		if list := string(m.bytes["cloudfront.distributions payments"]); strings.Count(list, `"DomainName"`) != 1 || !strings.Contains(list, `"EventType":"origin-request","IncludeBody":true,"LambdaFunctionARN":"arn:aws:lambda:eu-central-1:123456789012:function:payments:1","PathPattern":"/pay/*"`) {
			t.Error(list)
		}
		if n := countState(m, "cloudfront.distribution", evidence.Collected); n != 1 {
			t.Errorf("%d distributions", n)
		}
		edge := ""
		for k, b := range m.bytes {
			if strings.HasPrefix(k, "logs.events /aws/lambda/eu-central-1.payments ") {
				edge += string(unpacked(t, b))
			}
		}
		if !strings.Contains(edge, "served at the edge") {
			t.Errorf("nothing was read at the edge: %v", m.states())
		}
		without := map[string]int{} // by the group's name
		for _, e := range m.entries {
			if e.Artefact == "logs.group" && e.State == evidence.Absent {
				without[e.Source.ARN[strings.LastIndexByte(e.Source.ARN, ':')+1:]]++
			}
		}
		// The default name is there in one region, that of an older version nowhere at the edge.
		if n := len(startRegions("aws")); without["/aws/lambda/eu-central-1.payments"] != n-1 || without["/shop/cold"] != n-1 || len(without) != 2 {
			t.Errorf("regions without: %v", without)
		}
		wantStates(t, collectBare(t, a, only.Only...), evidence.Absent, "cloudfront.distributions bare", "logs.group /aws/lambda/bare")

		// A group of the function's own bears the same name everywhere.
		cfg := adminConfig(a)
		if _, err := lambda.NewFromConfig(cfg).UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(bench.Function), LoggingConfig: &lambdatypes.LoggingConfig{LogGroup: aws.String("/shop/edge")}}); err != nil {
			t.Fatal(err)
		}
		cfg.Region = bench.EdgeRegion
		if _, err := cloudwatchlogs.NewFromConfig(cfg).CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/shop/edge")}); err != nil {
			t.Fatal(err)
		}
		a.Cloud.Inject(awssim.Fault{Op: "CloudWatchLogs:DescribeLogGroups", Nth: 1, Fail: awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 403}})
		m, _ = collectSim(t, a, only)
		regions := map[string]bool{}
		for _, e := range m.entries {
			if e.Artefact == "logs.events" && strings.HasSuffix(e.Source.ARN, ":/shop/edge") {
				regions[e.Source.Region] = true
			}
		}
		if !regions[bench.EdgeRegion] || !regions[bench.Region] || countState(m, "logs.group", evidence.Denied) != 1 {
			t.Errorf("%v; %v", regions, m.states())
		}
		a.Cloud.ClearFaults()

		a.Cloud.Inject(awssim.Fault{Op: "CloudFront:ListDistributions", Fail: awssim.Fail{Code: "AccessDenied", Message: "injected", Status: 403}})
		m, _ = collectSim(t, a, only)
		wantStates(t, m.states(), evidence.Denied, "cloudfront.distributions payments")
		if g := gapOf(m, "cloudfront.distributions payments"); g == nil || !strings.HasPrefix(g.Error, "AccessDenied: ") {
			t.Errorf("%+v", g)
		}
	})
}
