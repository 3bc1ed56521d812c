package practices

import (
	"encoding/json"
	"slices"
	"strings"
)

// eachTrail says for each trail of the region whether it does what is asked: yes, no, or the gap.
func (f *Facts) eachTrail(does func(t trail) (bool, []Origin, *Gap), no func(all []trail, d Origin) Finding, yes string) []Finding {
	all, listed, gap := f.trails()
	if gap != nil {
		return []Finding{unknown(f.Function, gap)}
	}
	var open *Gap
	var at []Origin
	for _, t := range all {
		ok, from, gap := does(t)
		switch {
		case gap != nil:
			open = gap
		case ok:
			return []Finding{pass(t.TrailARN, listed, yes).also(from...)}
		}
		at = append(at, from...)
	}
	if open != nil {
		return []Finding{unknown(f.Function, open)}
	}
	return []Finding{no(all, listed).also(at...)}
}

// logging says whether a trail records now. Of an organization's trail its own account knows.
func (f *Facts) logging(t trail) (bool, Origin, *Gap) {
	d := doc[struct{ IsLogging bool }](f, "cloudtrail.trails.status", t.TrailARN, "")
	if !d.Has {
		return false, d.Origin, orNone(d.Gap, d.Origin)
	}
	return d.V.IsLogging, d.Origin, nil
}

func trailLogging(f *Facts) []Finding {
	return f.eachTrail(func(t trail) (bool, []Origin, *Gap) {
		on, at, gap := f.logging(t)
		return on, []Origin{at}, gap
	}, func(all []trail, at Origin) Finding {
		x := fail(f.Function, at, "no trail records %s", f.Region)
		if i := slices.IndexFunc(all, func(t trail) bool { return f.mine(t.TrailARN) }); i >= 0 {
			return x.fix(run(shell("aws cloudtrail start-logging --region %s --name %s", all[i].HomeRegion, all[i].TrailARN)).
				note("what was called since it stopped is in no file of it: aws cloudtrail lookup-events has management events of 90 days").String(), trailTerraform(all[i], "enable_logging = true"))
		}
		return f.newTrail(x)
	}, "it records")
}

type selectors struct {
	EventSelectors []struct {
		ReadWriteType           string
		IncludeManagementEvents *bool
		DataResources           []struct {
			Type   string
			Values []string
		}
	}
	AdvancedEventSelectors []struct{ FieldSelectors []fieldSelector }
}

type fieldSelector struct {
	Field                                                               string
	Equals, StartsWith, EndsWith, NotEquals, NotStartsWith, NotEndsWith []string
}

// calls says whether selectors take in calls of the function. Invoke is a write.
func (s selectors) calls(function string) bool {
	for _, e := range s.EventSelectors {
		for _, r := range e.DataResources {
			if r.Type == "AWS::Lambda::Function" && e.ReadWriteType != "ReadOnly" && slices.ContainsFunc(r.Values, func(v string) bool {
				return v == "arn:aws:lambda" || v == "arn:"+part(function, 1)+":lambda" || v == function
			}) {
				return true
			}
		}
	}
	return slices.ContainsFunc(s.AdvancedEventSelectors, func(a struct{ FieldSelectors []fieldSelector }) bool {
		lambda := false
		for _, x := range a.FieldSelectors {
			switch x.Field {
			case "eventCategory":
				if !slices.Contains(x.Equals, "Data") {
					return false
				}
			case "resources.type":
				lambda = slices.Contains(x.Equals, "AWS::Lambda::Function")
			case "readOnly":
				if !slices.Contains(x.Equals, "false") {
					return false
				}
			case "resources.ARN":
				if !slices.Contains(x.Equals, function) && !slices.ContainsFunc(x.StartsWith, func(p string) bool { return strings.HasPrefix(function, p) }) {
					return false
				}
			default:
				return false // narrowed by something that this does not weigh
			}
		}
		return lambda
	})
}

func dataEvents(f *Facts) []Finding {
	return f.eachTrail(func(t trail) (bool, []Origin, *Gap) {
		on, at, gap := f.logging(t)
		if gap != nil || !on {
			return false, []Origin{at}, gap
		}
		d := doc[selectors](f, "cloudtrail.trails.selectors", t.TrailARN, "")
		if !d.Has {
			return false, nil, orNone(d.Gap, d.Origin)
		}
		return d.V.calls(f.Function), []Origin{at, d.Origin}, nil
	}, func(all []trail, at Origin) Finding {
		return fail(f.Function, at, "no trail records calls of it").fix(
			f.selectCalls(all).note("the trail records the calls of all functions then, and is paid for by the call").String(),
			"resource \"aws_cloudtrail\" \"audit\" {\n  advanced_event_selector {\n    field_selector {\n      field  = \"eventCategory\"\n      equals = [\"Data\"]\n    }\n    field_selector {\n      field  = \"resources.type\"\n      equals = [\"AWS::Lambda::Function\"]\n    }\n  }\n}")
	}, "it records calls of the function")
}

type alarm struct {
	AlarmName, Namespace, MetricName string
	ActionsEnabled                   bool
	AlarmActions                     []string
	all                              map[string]json.RawMessage
}

// UnmarshalJSON keeps the members that this does not name: putting an alarm replaces all of it.
func (a *alarm) UnmarshalJSON(text []byte) error {
	type named alarm
	if err := json.Unmarshal(text, (*named)(a)); err != nil {
		return err
	}
	return json.Unmarshal(text, &a.all)
}

func (f *Facts) alarms() Doc[struct{ Alarms []alarm }] {
	return doc[struct{ Alarms []alarm }](f, "cloudwatch.alarms", "", "")
}

// alarmOn: what was collected are the alarms on this function's metrics.
func alarmOn(metric string) func(*Facts) []Finding {
	return func(f *Facts) []Finding {
		d := f.alarms()
		for _, a := range d.V.Alarms {
			if a.MetricName == metric && a.Namespace == "AWS/Lambda" {
				return []Finding{pass(f.Function, d.Origin, "alarm %s looks at its "+strings.ToLower(metric), a.AlarmName)}
			}
		}
		if d.Gap != nil {
			return []Finding{unknown(f.Function, d.Gap)}
		}
		return []Finding{fail(f.Function, d.Origin, "no alarm looks at its "+strings.ToLower(metric)).fix(
			run(shell("aws cloudwatch put-metric-alarm --region %s --alarm-name %s --namespace AWS/Lambda --metric-name "+metric+" --dimensions Name=FunctionName,Value=%s --statistic Sum --period 60 --evaluation-periods 1 --threshold 1 --comparison-operator GreaterThanOrEqualToThreshold "+`--alarm-actions "$TOPIC_ARN"`, f.Region, f.Name+"-"+strings.ToLower(metric), f.Name)).
				note("an alarm of that name, of something else, would be replaced").ask("TOPIC_ARN", aTopic).String(),
			hcl("resource \"aws_cloudwatch_metric_alarm\" \"function\" {\n  alarm_name          = %s\n  namespace           = \"AWS/Lambda\"\n  metric_name         = \""+metric+"\"\n  dimensions          = { FunctionName = %s }\n  statistic           = \"Sum\"\n  period              = 60\n  evaluation_periods  = 1\n  threshold           = 1\n  comparison_operator = \"GreaterThanOrEqualToThreshold\"\n  alarm_actions       = [\"TOPIC-ARN\"]\n}", f.Name+"-"+strings.ToLower(metric), f.Name))}
	}
}

func alarmActions(f *Facts) []Finding {
	d := f.alarms()
	var out []Finding
	if d.Gap != nil {
		out = append(out, unknown(f.Function, d.Gap))
	}
	for _, a := range d.V.Alarms {
		target := "arn:" + part(f.Function, 1) + ":cloudwatch:" + f.Region + ":" + f.Account + ":alarm:" + a.AlarmName
		if a.ActionsEnabled && len(a.AlarmActions) > 0 {
			out = append(out, pass(target, d.Origin, "it tells %s", join(a.AlarmActions)))
			continue
		}
		out = append(out, fail(target, d.Origin, "alarm %s tells nobody", a.AlarmName).fix(
			f.tellSomebody(a).String(),
			hcl("resource \"aws_cloudwatch_metric_alarm\" \"function\" {\n  alarm_name      = %s\n  actions_enabled = true\n  alarm_actions   = [\"TOPIC-ARN\"]\n}", a.AlarmName)))
	}
	if d.None {
		out = append(out, notApplicable(f.Function, "it has no alarm"))
	}
	return out
}

type detector struct {
	Status   string
	Features []struct{ Name, Status string }
}

// eachDetector judges the region's detector, if it is on.
func (f *Facts) eachDetector(judge func(id, arn string, d Doc[detector]) Finding, none func(at Origin) Finding) []Finding {
	all := regional[struct{ DetectorIds []string }](f, "guardduty.detectors")
	var out []Finding
	if all.Gap != nil {
		out = append(out, unknown(f.Function, all.Gap))
	}
	for _, id := range all.V.DetectorIds {
		arn := "arn:" + part(f.Function, 1) + ":guardduty:" + f.Region + ":" + f.Account + ":detector/" + id
		d := doc[detector](f, "guardduty.detector", arn, "")
		if !d.Has {
			out = append(out, unknown(arn, orNone(d.Gap, d.Origin)))
			continue
		}
		out = append(out, judge(id, arn, d))
	}
	if all.None {
		out = append(out, none(all.Origin))
	}
	return out
}

func guardDuty(f *Facts) []Finding {
	return f.eachDetector(func(id, arn string, d Doc[detector]) Finding {
		if d.V.Status == "ENABLED" {
			return pass(arn, d.Origin, "it is on")
		}
		return fail(arn, d.Origin, "it is %s", d.V.Status).fix(run(shell("aws guardduty update-detector --region %s --detector-id %s --enable", f.Region, id)).note(guardDutyCosts).String(), "resource \"aws_guardduty_detector\" \"region\" {\n  enable = true\n}")
	}, func(at Origin) Finding {
		return fail(f.Function, at, "GuardDuty is off in %s", f.Region).fix(run(shell("aws guardduty create-detector --region %s --enable", f.Region)).note(guardDutyCosts).String(), "resource \"aws_guardduty_detector\" \"region\" {\n  enable = true\n}")
	})
}

func guardDutyLambda(f *Facts) []Finding {
	return f.eachDetector(func(id, arn string, d Doc[detector]) Finding {
		if d.V.Status != "ENABLED" {
			return notApplicable(arn, "it is off")
		}
		for _, x := range d.V.Features {
			if x.Name == "LAMBDA_NETWORK_LOGS" && x.Status == "ENABLED" {
				return pass(arn, d.Origin, "it looks at functions' traffic")
			}
		}
		return fail(arn, d.Origin, "it does not look at functions' traffic").fix(
			run(shell(`aws guardduty update-detector --region %s --detector-id %s --features '[{"Name":"LAMBDA_NETWORK_LOGS","Status":"ENABLED"}]'`, f.Region, id)).note(guardDutyCosts).String(),
			hcl("resource \"aws_guardduty_detector_feature\" \"lambda\" {\n  detector_id = %s\n  name        = \"LAMBDA_NETWORK_LOGS\"\n  status      = \"ENABLED\"\n}", id))
	}, func(Origin) Finding { return notApplicable(f.Function, "GuardDuty is off in %s", f.Region) })
}
