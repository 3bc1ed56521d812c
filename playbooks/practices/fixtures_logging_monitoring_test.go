package practices

const trailName = "audit"

func logGroupOf(function string) string { return "/aws/lambda/" + function }

// logGroup makes one that keeps a year; "" is no key.
func (w *world) logGroup(name, key, class string) {
	in := obj{"logGroupName": name}
	if key != "" {
		in["kmsKeyId"] = key
	}
	if class != "" {
		in["logGroupClass"] = class
	}
	w.do("CloudWatchLogs:CreateLogGroup", in)
	if class == "" {
		w.do("CloudWatchLogs:PutRetentionPolicy", obj{"logGroupName": name, "retentionInDays": 365})
	}
}

func loggingMonitoringBefore(w *world) {
	for _, f := range []string{till, image} {
		w.logGroup(logGroupOf(f), w.ids["key"], "")
	}
	w.set("LoggingConfig", obj{"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"})
	w.set("TracingConfig", obj{"Mode": "Active"})
}

func loggingMonitoringAfter(w *world) {
	w.do("CloudTrail:CreateTrail", obj{"Name": trailName, "S3BucketName": "audit-logs", "IsMultiRegionTrail": true, "EnableLogFileValidation": true})
	w.do("CloudTrail:StartLogging", obj{"Name": trailName})
	w.selectors("AWS::Lambda::Function")
	for _, f := range []string{till, image} {
		w.alarm(f, "Errors")
		w.alarm(f, "Throttles")
	}
	w.ids["detector"] = text(w.do("GuardDuty:CreateDetector", obj{"Enable": true, "Features": []obj{{"Name": "LAMBDA_NETWORK_LOGS", "Status": "ENABLED"}}}), "DetectorId")
}

// selectors lets the trail record data events of a kind of resource.
func (w *world) selectors(resource string) {
	w.do("CloudTrail:PutEventSelectors", obj{"TrailName": trailName, "AdvancedEventSelectors": []obj{
		{"Name": "management", "FieldSelectors": []obj{{"Field": "eventCategory", "Equals": []string{"Management"}}}},
		{"Name": "data", "FieldSelectors": []obj{{"Field": "eventCategory", "Equals": []string{"Data"}}, {"Field": "resources.type", "Equals": []string{resource}}}},
	}})
}

func (w *world) alarm(function, metric string) {
	w.do("CloudWatch:PutMetricAlarm", obj{"AlarmName": function + "-" + metric, "Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": []obj{{"Name": "FunctionName", "Value": function}}, "Statistic": "Sum", "Period": 60,
		"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold", "ActionsEnabled": true, "AlarmActions": []string{arn("sns", "orders")}})
}

// logTo makes $LATEST write to another group.
func logTo(name, class string, key func(*world) string) func(*world) {
	return func(w *world) {
		if key != nil {
			w.logGroup(name, key(w), class)
		}
		configure(obj{"LoggingConfig": obj{"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", "LogGroup": name}})(w)
	}
}

func logLevel(application, system string) func(*world) {
	return configure(obj{"LoggingConfig": obj{"LogFormat": "JSON", "ApplicationLogLevel": application, "SystemLogLevel": system}})
}

func loggingMonitoringFixtures() []fixture {
	group, configuration, trails, alarms, guard := []string{"logs.group"}, []string{"lambda.configuration"}, []string{"cloudtrail.trails"}, []string{"cloudwatch.alarms"}, []string{"guardduty.findings"}
	own := func(w *world) string { return w.ids["key"] }
	return []fixture{
		{check: "logging-monitoring/log-group", collectors: group, denied: "CloudWatchLogs:DescribeLogGroups", fail: logTo("/shop/none", "", nil)},
		{check: "logging-monitoring/log-retention", collectors: group, denied: "CloudWatchLogs:DescribeLogGroups", fail: func(w *world) {
			w.do("CloudWatchLogs:DeleteRetentionPolicy", obj{"logGroupName": logGroupOf(till)})
		}},
		{check: "logging-monitoring/log-key", collectors: group, denied: "CloudWatchLogs:DescribeLogGroups", fail: logTo("/shop/plain", "", func(*world) string { return "" })},
		{check: "logging-monitoring/log-class", collectors: group, denied: "CloudWatchLogs:DescribeLogGroups", fail: logTo("/shop/day", "DELIVERY", own)},
		{check: "logging-monitoring/application-level", collectors: configuration, denied: "Lambda:GetFunction", fail: logLevel("FATAL", "INFO")},
		{check: "logging-monitoring/system-level", collectors: configuration, denied: "Lambda:GetFunction", fail: logLevel("INFO", "WARN")},
		{check: "logging-monitoring/role-writes-logs", collectors: []string{"iam.role"}, denied: "IAM:GetRolePolicy", fail: func(w *world) {
			w.do("IAM:PutRolePolicy", obj{"RoleName": tillRole, "PolicyName": "own", "PolicyDocument": policy(`{"Effect":"Allow","Action":"logs:CreateLogStream","Resource":"` + arn("logs", "log-group:"+logGroupOf(till)+":*") + `"}`)})
		}},
		{check: "logging-monitoring/tracing", collectors: configuration, denied: "Lambda:GetFunction", fail: configure(obj{"TracingConfig": obj{"Mode": "PassThrough"}})},
		{check: "logging-monitoring/trail-logging", collectors: trails, denied: "CloudTrail:DescribeTrails", fail: func(w *world) { w.do("CloudTrail:StopLogging", obj{"Name": trailName}) },
			also: map[string]string{"logging-monitoring/data-events": "a trail that records nothing records no calls"}},
		{check: "logging-monitoring/data-events", collectors: trails, denied: "CloudTrail:GetEventSelectors", fail: func(w *world) { w.selectors("AWS::S3::Object") }},
		{check: "logging-monitoring/alarm-errors", collectors: alarms, denied: "CloudWatch:DescribeAlarms", fail: func(w *world) { w.do("CloudWatch:DeleteAlarms", obj{"AlarmNames": []string{"till-Errors"}}) }},
		{check: "logging-monitoring/alarm-throttles", collectors: alarms, denied: "CloudWatch:DescribeAlarms", fail: func(w *world) { w.do("CloudWatch:DeleteAlarms", obj{"AlarmNames": []string{"till-Throttles"}}) }},
		{check: "logging-monitoring/alarm-actions", collectors: alarms, denied: "CloudWatch:DescribeAlarms", fail: func(w *world) { w.do("CloudWatch:DisableAlarmActions", obj{"AlarmNames": []string{"till-Errors"}}) }},
		{check: "logging-monitoring/guardduty", collectors: guard, denied: "GuardDuty:ListDetectors", fail: func(w *world) {
			w.do("GuardDuty:UpdateDetector", obj{"DetectorId": w.ids["detector"], "Enable": false})
		},
			also: map[string]string{"logging-monitoring/guardduty-lambda": "a detector that is off looks at nothing"}},
		{check: "logging-monitoring/guardduty-lambda", collectors: guard, denied: "GuardDuty:GetDetector", fail: func(w *world) {
			w.do("GuardDuty:UpdateDetector", obj{"DetectorId": w.ids["detector"], "Features": []obj{{"Name": "LAMBDA_NETWORK_LOGS", "Status": "DISABLED"}}})
		}},
	}
}
