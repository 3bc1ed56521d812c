package act_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	watchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/freezeframe-ir/freezeframe/internal/mandate"
)

// arrival is one way in which an alert comes; there makes it true at its source.
type arrival struct {
	name  string
	comes func(s *stage)
	there func(s *stage)
	away  func(s *stage) // nil: nothing is there without there
	lacks *mandate.Reason
}

func arrivals() []arrival {
	staged := (*stage).stageFinding
	found := func(name string) arrival {
		return arrival{name, func(s *stage) { s.message = s.sample(name) }, staged, nil, mandate.NotAtSource}
	}
	return []arrival{
		found("guardduty-lambda"), found("guardduty-lambda-api"), found("guardduty-lambda-sns"), found("guardduty-lambda-asff"), found("guardduty-lambda-ocsf"),
		{"a record of CloudTrail", func(s *stage) { s.byRecord(); s.message = s.record() }, func(*stage) {}, func(s *stage) { s.another() }, mandate.NotAtSource},
		{"a record that was changed", func(s *stage) { s.byRecord(); s.message = s.record() }, func(*stage) {}, func(s *stage) {
			s.message = bytes.ReplaceAll(s.message, []byte("UpdateFunctionCode"), []byte("UpdateFunctionConfiguration"))
			s.swap(`lambda:UpdateFunctionCode*`, `lambda:UpdateFunction*`)
		}, mandate.OtherAtSource},
		{"a line that a rule marked", func(s *stage) { s.byRecord(); s.message = s.marked() }, func(*stage) {}, func(s *stage) { s.another() }, mandate.NotAtSource},
		{"an alarm", (*stage).alarm, func(*stage) {}, func(s *stage) { s.setAlarm(watchtypes.StateValueOk) }, mandate.OtherAtSource},
		{"an alarm that is not there", (*stage).alarm, func(*stage) {}, func(s *stage) {
			s.must(cloudwatch.NewFromConfig(s.owner).DeleteAlarms(s.t.Context(), &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"payments-errors"}}))
		}, mandate.NotAtSource},
	}
}

// TestSources: what an alert says is looked up where it comes from, whichever way it comes: found, it
// is acted on, and otherwise not.
func TestSources(t *testing.T) {
	all, skipped := arrivals(), 0
	for i, c := range all {
		if testing.Short() && i%4 != 0 {
			skipped++
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			for _, true_ := range []bool{true, false} {
				synctest.Test(t, func(t *testing.T) {
					s := newStage(t)
					time.Sleep(30 * time.Minute) // what was done is in CloudTrail by then
					c.comes(s)
					if true_ {
						c.there(s)
					} else if c.away != nil {
						c.away(s)
					}
					calls := len(s.w.Cloud.Calls())
					out, err := s.acting(t.Context(), nil)
					switch d := out.Decision; {
					case err != nil:
						t.Error(err)
					case true_ && (d.Outcome != mandate.DoAct || !s.stopped()):
						t.Errorf("found at its source, and not acted on: %+v", d)
					case !true_ && (len(d.Reasons) != 1 || d.Reasons[0].ID != c.lacks.ID || len(s.changes(calls)) > 0):
						t.Errorf("not so at its source: %+v %v; wanted %s", d, s.changes(calls), c.lacks.ID)
					}
				})
			}
		})
	}
	t.Logf("%d ways, each with and without its source; %d skipped", len(all)-skipped, skipped)
}

// byRecord is a mandate for calls that change code.
func (s *stage) byRecord() {
	s.swap("kinds: [guardduty]", "kinds: [api-call, rule]\n      named_by: [arn, name]")
	s.swap("Backdoor:Lambda/*", `lambda:UpdateFunctionCode*", "Code changed`)
	s.swap("severity: high", "")
}

// record is CloudTrail's record of the call that overwrote the code of payments.
func (s *stage) record() []byte {
	s.t.Helper()
	for _, r := range s.w.Cloud.Records() {
		if bytes.Contains(r, []byte("UpdateFunctionCode")) {
			return r
		}
	}
	s.t.Fatal("nobody overwrote the code")
	return nil
}

// marked is a line of our timeline about that record.
func (s *stage) marked() []byte {
	s.t.Helper()
	var r struct {
		EventID   string `json:"eventID"`
		EventTime string `json:"eventTime"`
	}
	if err := json.Unmarshal(s.record(), &r); err != nil {
		s.t.Fatal(err)
	}
	return fmt.Appendf(nil, `{"schema":"freezeframe.timeline.event/1","kind":"cloudtrail","event_id":%q,"time":%q,"account":%q,"region":%q,"message":"code","function":%q,"rules":["high: Code changed"],"rule_ids":["r"]}`,
		r.EventID, r.EventTime, account, region, payments)
}

// another gives the message an event id that nobody knows.
func (s *stage) another() {
	s.t.Helper()
	var r struct {
		EventID string `json:"eventID"`
	}
	if err := json.Unmarshal(s.record(), &r); err != nil {
		s.t.Fatal(err)
	}
	s.message = bytes.ReplaceAll(s.message, []byte(r.EventID), []byte("b67a9bba-d9da-4980-bf74-baed881b117d"))
}

// alarm goes off, and comes as EventBridge brings it.
func (s *stage) alarm() {
	s.swap("kinds: [guardduty]", "kinds: [alarm]\n      named_by: [name]")
	s.swap("Backdoor:Lambda/*", "payments-errors")
	s.swap("severity: high", "")
	s.must(cloudwatch.NewFromConfig(s.owner).PutMetricAlarm(s.t.Context(), &cloudwatch.PutMetricAlarmInput{AlarmName: aws.String("payments-errors"), Namespace: aws.String("AWS/Lambda"),
		MetricName: aws.String("Errors"), Dimensions: []watchtypes.Dimension{{Name: aws.String("FunctionName"), Value: aws.String("payments")}}, Statistic: watchtypes.StatisticSum,
		Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(0), ComparisonOperator: watchtypes.ComparisonOperatorGreaterThanThreshold}))
	time.Sleep(time.Minute)
	s.setAlarm(watchtypes.StateValueAlarm)
	text := string(s.sample("alarm-event"))
	i := strings.Index(text, `"state": {`)
	j := strings.Index(text[i:], `"timestamp": "`) + i + len(`"timestamp": "`)
	k := strings.IndexByte(text[j:], '"') + j
	s.message = []byte(text[:j] + time.Now().UTC().Format("2006-01-02T15:04:05.000-0700") + text[k:])
	time.Sleep(time.Minute)
}

func (s *stage) setAlarm(to watchtypes.StateValue) {
	s.t.Helper()
	s.must(cloudwatch.NewFromConfig(s.owner).SetAlarmState(s.t.Context(), &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("payments-errors"), StateValue: to, StateReason: aws.String("a test")}))
}
