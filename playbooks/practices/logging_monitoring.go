package practices

// loggingMonitoring: whether what the function does, and what is done to it, is written down and looked at.
func loggingMonitoring() []Check {
	logs := func(more ...Reference) []Reference { return append(more, Reference{CSF, "PR.PS-04"}) }
	watch := func(more ...Reference) []Reference { return append(more, Reference{CSF, "DE.CM-09"}) }
	group := readsDeployments("logs.group")
	trails := []string{"cloudtrail.trails", "cloudtrail.trails.status", "cloudtrail.trails.selectors"}
	return []Check{
		{ID: "logging-monitoring/log-group", Area: LoggingMonitoring, Severity: High, Reads: group, Look: groupThere, Traces: []string{"DeleteLogGroup"},
			Title: "The log group that each version writes to is there", Why: "What the function says is lost, unless its role may make the group anew.", References: logs(Reference{ATTACK, "T1562.008"})},
		{ID: "logging-monitoring/log-retention", Area: LoggingMonitoring, Severity: Low, Reads: group, Look: groupRetention, Traces: []string{"PutRetentionPolicy", "DeleteRetentionPolicy"},
			Title: "Log groups keep events for ninety days or more, and say so", Why: "An intrusion is found after the logs of it are gone.", References: logs(Reference{SecurityHub, "CloudWatch.16"}, Reference{Prowler, "cloudwatch_log_group_retention_policy_specific_days_enabled"}, Reference{ATTACK, "T1562.008"})},
		{ID: "logging-monitoring/log-key", Area: LoggingMonitoring, Severity: Low, Reads: group, Look: groupKey,
			Title: "Log groups are encrypted with a key of the account's own", Why: "Whoever may read the group reads it: no key policy stands between.", References: []Reference{{Prowler, "cloudwatch_log_group_kms_encryption_enabled"}, {CSF, "PR.DS-01"}}},
		{ID: "logging-monitoring/log-class", Area: LoggingMonitoring, Severity: High, Reads: group, Look: groupClass, Traces: []string{"CreateLogGroup", "UpdateFunctionConfiguration"},
			Title: "No log group is of class DELIVERY", Why: "It keeps events for a day, and nobody can search them there.", References: logs(Reference{ATTACK, "T1562.008"})},
		{ID: "logging-monitoring/application-level", Area: LoggingMonitoring, Severity: Medium, Reads: readsDeployments(), Look: applicationLevel, Traces: []string{"UpdateFunctionConfiguration"},
			Title: "The function's own messages are not cut down to errors", Why: "What an intruder does is seldom an error.", References: logs(Reference{ATTACK, "T1562.008"})},
		{ID: "logging-monitoring/system-level", Area: LoggingMonitoring, Severity: Medium, Reads: readsDeployments(), Look: systemLevel, Traces: []string{"UpdateFunctionConfiguration"},
			Title: "Lambda's own messages of each call are kept", Why: "Without start and report lines nobody can count calls, or tell which version ran.", References: logs(Reference{ATTACK, "T1562.008"})},
		{ID: "logging-monitoring/role-writes-logs", Area: LoggingMonitoring, Severity: High, Reads: readsRoles(), Look: roleWritesLogs,
			Title: "The execution role may write the function's log", Why: "The function runs, and leaves no line.", References: logs(Reference{ATTACK, "T1562.008"})},
		{ID: "logging-monitoring/tracing", Area: LoggingMonitoring, Severity: Low, Reads: readsDeployments(), Look: tracing, Traces: []string{"UpdateFunctionConfiguration"},
			Title: "Active tracing is on", Why: "Where calls went, and what they cost, is not written down.", References: watch(Reference{SecurityHub, "Lambda.7"})},
		{ID: "logging-monitoring/trail-logging", Area: LoggingMonitoring, Severity: Critical, Reads: trails, Look: trailLogging, Traces: []string{"StopLogging", "DeleteTrail", "UpdateTrail"},
			Title: "A trail records the region", Why: "Nothing but ninety days of event history, and no record of calls.", References: logs(Reference{FSBP, "CloudTrail.3"}, Reference{Prowler, "cloudtrail_multi_region_enabled"}, Reference{ATTACK, "T1562.008"})},
		{ID: "logging-monitoring/data-events", Area: LoggingMonitoring, Severity: Medium, Reads: trails, Look: dataEvents, Traces: []string{"PutEventSelectors"},
			Title: "A trail records calls of the function", Why: "Who called it, with which key, from where, is not written down.", References: logs(Reference{Prowler, "awslambda_function_invoke_api_operations_cloudtrail_logging_enabled"}, Reference{ATTACK, "T1562.008"})},
		{ID: "logging-monitoring/alarm-errors", Area: LoggingMonitoring, Severity: Low, Reads: []string{"cloudwatch.alarms"}, Look: alarmOn("Errors"), Traces: []string{"DeleteAlarms"},
			Title: "An alarm looks at the function's errors", Why: "Code that was replaced fails first.", References: watch()},
		{ID: "logging-monitoring/alarm-throttles", Area: LoggingMonitoring, Severity: Low, Reads: []string{"cloudwatch.alarms"}, Look: alarmOn("Throttles"), Traces: []string{"DeleteAlarms"},
			Title: "An alarm looks at the function's throttles", Why: "Somebody who calls it without end is seen there first.", References: watch()},
		{ID: "logging-monitoring/alarm-actions", Area: LoggingMonitoring, Severity: Medium, Reads: []string{"cloudwatch.alarms"}, Look: alarmActions, Traces: []string{"DisableAlarmActions"},
			Title: "The function's alarms tell somebody", Why: "An alarm without an action, or with its actions off, rings where nobody is.", References: watch(Reference{SecurityHub, "CloudWatch.15"}, Reference{SecurityHub, "CloudWatch.17"}, Reference{Prowler, "cloudwatch_alarm_actions_enabled"}, Reference{ATTACK, "T1562"})},
		{ID: "logging-monitoring/guardduty", Area: LoggingMonitoring, Severity: High, Reads: []string{"guardduty.detectors", "guardduty.detector"}, Look: guardDuty, Traces: []string{"DeleteDetector", "UpdateDetector"},
			Title: "GuardDuty is on in the region", Why: "Nobody looks at the use of the role's keys.", References: watch(Reference{FSBP, "GuardDuty.1"}, Reference{Prowler, "guardduty_is_enabled"}, Reference{ATTACK, "T1562.001"})},
		{ID: "logging-monitoring/guardduty-lambda", Area: LoggingMonitoring, Severity: Medium, Reads: []string{"guardduty.detectors", "guardduty.detector"}, Look: guardDutyLambda, Traces: []string{"UpdateDetector"},
			Title: "GuardDuty looks at the functions' traffic", Why: "Mining, drop points and command servers are seen there alone.", References: watch(Reference{FSBP, "GuardDuty.6"}, Reference{Prowler, "guardduty_lambda_protection_enabled"}, Reference{ATTACK, "T1562.001"})},
	}
}
