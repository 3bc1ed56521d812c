package practices

import (
	"encoding/json"
	"slices"
)

const (
	aTopic         = "the ARN of an SNS topic that somebody reads, also at night"
	guardDutyCosts = "it is paid for by what it looks at; in an organization its administrator may be another account"
)

// selectCalls adds the calls of functions to what a trail selects: what is put replaces all.
func (f *Facts) selectCalls(all []trail) script {
	const more = `{"Name":"calls","FieldSelectors":[{"Field":"eventCategory","Equals":["Data"]},{"Field":"resources.type","Equals":["AWS::Lambda::Function"]}]}`
	const management = `{"Name":"management","FieldSelectors":[{"Field":"eventCategory","Equals":["Management"]}]}`
	i := slices.IndexFunc(all, func(t trail) bool {
		on, _, _ := f.logging(t)
		return on && f.mine(t.TrailARN)
	})
	if i < 0 {
		return run(shell("aws cloudtrail put-event-selectors --region %s --advanced-event-selectors %s ", f.Region, "["+management+","+more+"]")+`--trail-name "$TRAIL_ARN"`).
			ask("TRAIL_ARN", "the ARN of a trail of this account that records here. Selectors that it has are replaced: give it those too")
	}
	has := doc[struct{ EventSelectors, AdvancedEventSelectors []json.RawMessage }](f, "cloudtrail.trails.selectors", all[i].TrailARN, "").V
	option, selectors := "--advanced-event-selectors", append(has.AdvancedEventSelectors, json.RawMessage(more))
	switch {
	case len(has.AdvancedEventSelectors) > 0:
	case len(has.EventSelectors) > 0:
		option, selectors = "--event-selectors", append(has.EventSelectors, json.RawMessage(`{"ReadWriteType":"WriteOnly","IncludeManagementEvents":false,"DataResources":[{"Type":"AWS::Lambda::Function","Values":["arn:aws:lambda"]}]}`))
	default:
		selectors = []json.RawMessage{json.RawMessage(management), json.RawMessage(more)}
	}
	text, err := json.Marshal(selectors)
	if err != nil {
		return script{} // of what was JSON before this cannot be
	}
	return run(shell("aws cloudtrail put-event-selectors --region %s --trail-name %s "+option+" %s", all[i].HomeRegion, all[i].TrailARN, string(text)))
}

// tellSomebody lets an alarm tell whom it names, or somebody, where it names nobody.
func (f *Facts) tellSomebody(a alarm) script {
	if len(a.AlarmActions) > 0 {
		return run(shell("aws cloudwatch enable-alarm-actions --region %s --alarm-names %s", f.Region, a.AlarmName)).
			note("look whether it names whom it ought to: whoever disabled it may have changed that too")
	}
	put := map[string]json.RawMessage{}
	for _, member := range []string{"AlarmName", "AlarmDescription", "OKActions", "InsufficientDataActions", "MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit", "EvaluationPeriods",
		"DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData", "EvaluateLowSampleCountPercentile", "Metrics", "ThresholdMetricId"} {
		if v := a.all[member]; len(v) > 0 && string(v) != "null" {
			put[member] = v
		}
	}
	text, err := json.Marshal(put)
	if err != nil {
		return script{} // of what was JSON before this cannot be
	}
	return run(shell("aws cloudwatch put-metric-alarm --region %s --cli-input-json %s ", f.Region, string(text))+`--actions-enabled --alarm-actions "$TOPIC_ARN"`).ask("TOPIC_ARN", aTopic)
}
