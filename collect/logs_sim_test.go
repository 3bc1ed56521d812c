package collect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/klauspost/compress/zstd"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// unpacked is what a document holds, compressed or not.
func unpacked(t *testing.T, b []byte) []byte {
	t.Helper()
	if !bytes.HasPrefix(b, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		return b
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	out, err := z.DecodeAll(b, nil)
	if err != nil {
		t.Fatalf("not whole: %v", err)
	}
	return out
}

var onlyLogs = Options{Unpaced: true, Only: []string{"lambda.configuration", "logs.group", "logs.events"}}

const paymentsLogs = "/aws/lambda/payments"

// lines are the events of a log group as they were collected, in whichever artefacts.
func lines(t *testing.T, m *memory, group string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, e := range m.entries {
		if e.Artefact != "logs.events" || e.Item == nil || !strings.HasSuffix(e.Source.ARN, ":"+group) {
			continue
		}
		for line := range bytes.Lines(unpacked(t, m.bytes[key(e)])) {
			var ev struct {
				EventID, LogStreamName, Message string
				Ptr                             string `json:"@ptr"`
			}
			if err := json.Unmarshal(line, &ev); err != nil || ev.EventID+ev.Ptr == "" {
				t.Errorf("%s: %v", line, err)
			}
			out[ev.LogStreamName+" "+ev.Message]++
		}
	}
	return out
}

// TestLogsOfManyStreams: streams share artefacts where they are many; one that was written
// to again after a long time is not missed, though AWS does not say so yet; what is older
// than the window, and what is another function's, is left.
func TestLogsOfManyStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		stage := func(group, stream string, at time.Time, messages ...string) {
			for _, m := range messages {
				a.Cloud.StageLogEvents(bench.AccountID, bench.Region, group, stream, awssim.LogLine{At: at, Message: m})
			}
		}
		now := a.Cloud.Now()
		want := map[string]int{}
		for i := range 1100 {
			stream := fmt.Sprintf("2026/11/22/[1]%04d", i)
			stage(paymentsLogs, stream, now.Add(-2*day), "one", "two \u2028 <&> \"")
			want[stream+" one"], want[stream+" two \u2028 <&> \""] = 1, 1
		}
		for i := range 250 {
			stage(paymentsLogs, fmt.Sprintf("2026/01/01/[1]%04d", i), now.Add(-80*day), "old")
		}
		stage(paymentsLogs, "2026/01/01/[1]0007", now.Add(-time.Minute), "awake")
		want["2026/01/01/[1]0007 awake"] = 1
		stage("/aws/lambda/payments2", "s", now.Add(-time.Minute), "not ours")
		m, sum := collectSim(t, a, onlyLogs)
		if !sum.Complete {
			t.Errorf("%+v", sum)
		}
		got := lines(t, m, paymentsLogs)
		for i := range 100 {
			want[fmt.Sprintf("2026/11/23/[$LATEST]0123456789abcdef request %d served", i)] = 1
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d lines, want %d", len(got), len(want))
		}
		artefacts := 0
		for _, e := range m.entries {
			if e.Artefact == "logs.events" {
				artefacts++
			}
			if strings.Contains(e.Source.ARN, "payments2") {
				t.Errorf("another function's: %+v", e)
			}
		}
		if artefacts > artefactsMost+2 {
			t.Errorf("%d artefacts", artefacts)
		}
		if n := strings.Count(string(m.bytes["logs.streams "+paymentsLogs]), `"logStreamName"`); n != 1351 {
			t.Errorf("%d streams", n)
		}
	})
}

// TestLogsOfOtherGroups: the group of any version is read, and Lambda's default.
func TestLogsOfOtherGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.faults["Lambda:ListVersionsByFunction"] = func() *http.Response {
			return response(200, `{"Versions":[{"Version":"$LATEST"},{"Version":"1","LoggingConfig":{"LogGroup":"/shop/hidden"}}]}`)
		}
		m, sum := collectFrom(t, f, Options{})
		wantStates(t, m.states(), evidence.Collected, "logs.events "+paymentsLogs+" s", "logs.events /shop/hidden s", "logs.streams /shop/hidden")
		if !sum.Complete {
			t.Errorf("%+v", sum)
		}
	})
}

// TestLogsWithoutAListOfStreams: the group is read as a whole where its streams are not known.
func TestLogsWithoutAListOfStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		for i := range 120 {
			a.Cloud.StageLogEvents(bench.AccountID, bench.Region, paymentsLogs, fmt.Sprint("s", i), awssim.LogLine{At: a.Cloud.Now(), Message: "x"})
		}
		a.Cloud.Inject(awssim.Fault{Op: "CloudWatchLogs:DescribeLogStreams", Nth: 2, Fail: awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 403}})
		m, sum := collectSim(t, a, onlyLogs)
		wantStates(t, m.states(), evidence.Truncated, "logs.streams "+paymentsLogs)
		wantStates(t, m.states(), evidence.Collected, "logs.events "+paymentsLogs)
		if n := len(lines(t, m, paymentsLogs)); n != 220 || sum.Complete {
			t.Errorf("%d lines, %+v", n, sum)
		}
	})
}

// TestLogsOfInfrequentAccess: Logs Insights reads what FilterLogEvents refuses.
func TestLogsOfInfrequentAccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, sum := collectSim(t, simAccount(t, awssim.Config{}), onlyLogs)
		if got := lines(t, m, bench.ColdLogs); !sum.Complete || len(got) != 1 || got["s cold"] != 1 {
			t.Errorf("%v, %+v", got, sum)
		}
	})
}

// TestLogsInsightsInSpans: what a query has no room for is asked for in halves, each event
// once; a second that has more is named.
func TestLogsInsightsInSpans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		s := sessionAs(t, a, "reader", allowAll)
		target, err := ParseTarget(bench.AccountID, bench.Region, bench.Function)
		if err != nil {
			t.Fatal(err)
		}
		begin := a.Cloud.Now().Add(-time.Hour).Truncate(time.Second)
		for i := range 130 {
			a.Cloud.StageLogEvents(bench.AccountID, bench.Region, bench.ColdLogs, "s", awssim.LogLine{At: begin.Add(time.Duration(i) * 500 * time.Millisecond), Message: fmt.Sprint("m", i)})
		}
		for most, whole := range map[int32]bool{20: true, 2: false} {
			r := newRunner(Inputs{Connect: s.ConfigRecorded, Endpoint: s.Endpoint}, newMemory(), Options{Unpaced: true}, func(error) {})
			j := &Job{Target: target, c: logEvents(), run: r}
			p := &insightsPages{j: j, c: cloudwatchlogs.NewFromConfig(j.config(bench.Region)), group: bench.ColdLogs, spans: [][2]int64{{r.since.Unix(), r.until.Unix()}}, most: most}
			got, last := map[string]int{}, error(nil)
			for {
				lines, err := p.next(t.Context())
				if last = err; len(lines) == 0 {
					break
				}
				for line := range bytes.Lines(lines) {
					var e struct{ Message string }
					if err := json.Unmarshal(line, &e); err != nil {
						t.Fatal(err)
					}
					got[e.Message]++
				}
			}
			for message, n := range got {
				if n != 1 {
					t.Errorf("%s is there %d times", message, n)
				}
			}
			if whole && (len(got) != 131 || last != nil) || !whole && (len(got) < 66 || last == nil) {
				t.Errorf("%d at most: %d events, %v", most, len(got), last)
			}
		}
	})
}

// TestLogsInsightsIsWaitedFor: a query that runs is asked for again, one that fails is a gap.
func TestLogsInsightsIsWaitedFor(t *testing.T) {
	for last, want := range map[string]evidence.State{"Complete": evidence.Collected, "Timeout": evidence.Failed} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			for call, answer := range map[string]string{
				"CloudWatchLogs:DescribeLogGroups": `{"logGroups":[{"logGroupName":"/aws/lambda/payments","logGroupClass":"INFREQUENT_ACCESS"}]}`,
				"CloudWatchLogs:StartQuery":        `{"queryId":"q"}`,
			} {
				f.faults[call] = func() *http.Response { return response(200, answer) }
			}
			var n atomic.Int64
			f.faults["CloudWatchLogs:GetQueryResults"] = func() *http.Response {
				if n.Add(1) < 3 {
					return response(200, `{"status":"Running","results":[]}`)
				}
				return response(200, `{"status":"`+last+`","results":[[{"field":"@timestamp","value":"2026-11-20 10:00:00.123"},{"field":"@message","value":"m"},{"field":"@ptr","value":"p"}]]}`)
			}
			m, _ := collectFrom(t, f, Options{Unpaced: true})
			k := "logs.events " + paymentsLogs
			if m.states()[k] != want || want == evidence.Collected && string(unpacked(t, m.bytes[k])) != `{"@ptr":"p","message":"m","timestamp":1795168800123}`+"\n" {
				t.Errorf("%s: %s %s", last, m.states()[k], unpacked(t, m.bytes[k]))
			}
		})
	}
}

// TestLogsOfDelivery: the gap says where to look; what is masked is said to be.
func TestLogsOfDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.faults["CloudWatchLogs:DescribeLogGroups"] = func() *http.Response {
			return response(200, `{"logGroups":[{"logGroupName":"/aws/lambda/payments","logGroupClass":"DELIVERY","dataProtectionStatus":"ACTIVATED"}]}`)
		}
		f.faults["CloudWatchLogs:FilterLogEvents"] = func() *http.Response {
			r := response(400, `{"__type":"InvalidParameterException","message":"not supported"}`)
			r.Header.Set("X-Amzn-Errortype", "InvalidParameterException")
			return r
		}
		m, sum := collectFrom(t, f, Options{})
		g := gapOf(m, "logs.events "+paymentsLogs)
		if g == nil || g.State != evidence.Failed || !strings.Contains(g.Note, "Firehose") || sum.Complete {
			t.Errorf("%+v", g)
		}
		for _, e := range m.entries {
			if e.Artefact == "logs.group" && !strings.Contains(e.Item.Note, "masked") {
				t.Errorf("%+v", e.Item)
			}
		}
	})
}

// TestLogsWithoutEnd: a stream whose pages go round, or stay empty for ever, is named.
func TestLogsWithoutEnd(t *testing.T) {
	for name, c := range map[string]struct {
		page func(n int64) string
		want evidence.State
		says string
	}{
		"round": {func(n int64) string {
			return fmt.Sprintf(`{"events":[{"eventId":"%d","timestamp":1}],"nextToken":"%d"}`, n, n%7)
		}, evidence.Truncated, "repeats its page token"},
		"empty": {func(n int64) string { return fmt.Sprintf(`{"events":[],"nextToken":"%d"}`, n) }, evidence.Failed, "does not end"},
		"always": {func(n int64) string {
			return fmt.Sprintf(`{"events":[{"eventId":"%d","timestamp":1}],"nextToken":"%d"}`, n, n)
		}, evidence.Truncated, "--max-log-bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				var n atomic.Int64
				f.faults["CloudWatchLogs:FilterLogEvents"] = func() *http.Response { return response(200, c.page(n.Add(1))) }
				m, sum := collectFrom(t, f, Options{Unpaced: true, MaxLogBytes: 50_000})
				g := gapOf(m, "logs.events "+paymentsLogs+" s")
				if g == nil || g.State != c.want || !strings.Contains(g.Error, c.says) || sum.Complete {
					t.Errorf("%+v", g)
				}
			})
		})
	}
}

// TestLogsOfDeletedStreams: a stream that is gone between list and look is named, and takes
// no other with it.
func TestLogsOfDeletedStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.faults["CloudWatchLogs:DescribeLogStreams"] = func() *http.Response {
			return response(200, `{"logStreams":[{"logStreamName":"a","creationTime":1,"lastEventTimestamp":1,"lastIngestionTime":1},{"logStreamName":"b","creationTime":1,"lastEventTimestamp":1,"lastIngestionTime":1}]}`)
		}
		var n atomic.Int64
		f.faults["CloudWatchLogs:FilterLogEvents"] = func() *http.Response {
			if n.Add(1) <= 2 { // both, then the first
				r := response(400, `{"__type":"ResourceNotFoundException","message":"The specified log stream does not exist."}`)
				r.Header.Set("X-Amzn-Errortype", "ResourceNotFoundException")
				return r
			}
			return response(200, `{"events":[{"eventId":"1","timestamp":1,"message":"m"}]}`)
		}
		m, _ := collectFrom(t, f, Options{Unpaced: true})
		g := gapOf(m, "logs.events "+paymentsLogs+" :quiet")
		if g == nil || g.State != evidence.Truncated || !strings.Contains(g.Error, `"a"`) {
			t.Errorf("%+v", g)
		}
	})
}

// TestEventLines: they are what the encoder of all other documents writes.
func TestEventLines(t *testing.T) {
	if n := reflect.TypeFor[types.FilteredLogEvent]().NumField(); n != 6 {
		t.Errorf("an event has %d members: appendEvents knows 5", n-1)
	}
	for _, e := range []types.FilteredLogEvent{
		{},
		{EventId: aws.String("1"), IngestionTime: aws.Int64(2), LogStreamName: aws.String("[$LATEST]\t"), Message: aws.String("a<b>&\"\\\x00\n\u2028é\xff"), Timestamp: aws.Int64(-1)},
	} {
		want, err := (encoder{}).document(&e)
		if err != nil {
			t.Fatal(err)
		}
		var w, g any
		got := appendEvents(nil, []types.FilteredLogEvent{e}, "eventId")
		if json.Unmarshal(want, &w) != nil || json.Unmarshal(got, &g) != nil || !reflect.DeepEqual(w, g) || got[len(got)-1] != '\n' {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestLogsAreResumed: what failed is asked for again; neither the list of streams is, nor
// a stream that is there.
func TestLogsAreResumed(t *testing.T) {
	a := simAccount(t, awssim.Config{})
	for _, s := range []string{"2026/11/24/[1]a", "2026/11/25/[1]b"} {
		a.Cloud.StageLogEvents(bench.AccountID, bench.Region, paymentsLogs, s, awssim.LogLine{At: a.Cloud.Now().Add(-time.Minute), Message: "m"})
	}
	a.Cloud.Inject(awssim.Fault{Op: "CloudWatchLogs:FilterLogEvents", Nth: 2, Fail: awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 403}})
	c, s, target := caseOf(t, a)
	_, sum, err := Into(t.Context(), s, c, evidence.Header{Operator: "o"}, []Target{target}, onlyLogs)
	if err != nil || sum.States[evidence.Denied] != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	a.Cloud.ClearFaults()
	before := len(a.Cloud.Calls())
	open, err := Resumable(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, sum, err = Resume(t.Context(), s, c, open[0], evidence.Header{Operator: "o"}, Options{Unpaced: true}); err != nil || !sum.Complete {
		t.Errorf("%+v, %v", sum, err)
	}
	made := map[string]int{}
	for _, call := range a.Cloud.Calls()[before:] {
		made[call.Operation]++
	}
	if made["FilterLogEvents"] != 1 || made["DescribeLogStreams"]+made["DescribeLogGroups"] != 0 {
		t.Errorf("asked again: %v", made)
	}
}

// caseOf is a fresh case, and a session in the account.
func caseOf(t *testing.T, a *bench.Account) (*evidence.Case, *awsapi.Session, Target) {
	t.Helper()
	c := newCase(t)
	target, err := ParseTarget(bench.AccountID, bench.Region, bench.Function)
	if err != nil {
		t.Fatal(err)
	}
	return c, sessionAs(t, a, "resumer", allowAll), target
}
