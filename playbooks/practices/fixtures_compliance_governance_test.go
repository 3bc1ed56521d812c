package practices

func complianceGovernanceAfter(w *world) {
	w.do("Lambda:TagResource", obj{"Resource": functionARN(till), "Tags": obj{"owner": "shop"}})
	w.do("Lambda:PutFunctionConcurrency", obj{"FunctionName": till, "ReservedConcurrentExecutions": 10})
	w.do("ConfigService:PutConfigurationRecorder", recorder(obj{"allSupported": true}))
	w.do("ConfigService:StartConfigurationRecorder", obj{"ConfigurationRecorderName": "default"})
}

func recorder(group obj) obj {
	return obj{"ConfigurationRecorder": obj{"name": "default", "roleARN": roleARN("recorder"), "recordingGroup": group}}
}

// everyTrail updates all trails of the account, whichever area made them.
func everyTrail(in obj) func(*world) {
	return func(w *world) {
		all, _ := w.do("CloudTrail:DescribeTrails", obj{})["trailList"].([]any)
		for _, t := range all {
			trail, _ := t.(obj)
			in["Name"] = text(trail, "Name")
			w.do("CloudTrail:UpdateTrail", in)
		}
	}
}

func complianceGovernanceFixtures() []fixture {
	trails, config := []string{"cloudtrail.trails"}, []string{"config.history"}
	own, foreign := arn("sqs", "till-failed"), "arn:aws:sqs:"+region+":"+stranger+":drop"
	return []fixture{
		{check: "compliance-governance/tags", fail: called("Lambda:UntagResource", obj{"Resource": functionARN(till), "TagKeys": []string{"owner"}}), collectors: []string{"lambda.tags"}, denied: "Lambda:ListTags"},
		{check: "compliance-governance/config-recording", fail: called("ConfigService:StopConfigurationRecorder", obj{"ConfigurationRecorderName": "default"}), collectors: config, denied: "ConfigService:DescribeConfigurationRecorderStatus"},
		{check: "compliance-governance/config-functions", fail: called("ConfigService:PutConfigurationRecorder", recorder(obj{"allSupported": false, "resourceTypes": []string{"AWS::EC2::Instance"}})), collectors: config, denied: "ConfigService:DescribeConfigurationRecorders"},
		{check: "compliance-governance/reserved-concurrency", fail: called("Lambda:DeleteFunctionConcurrency", obj{"FunctionName": till}), collectors: []string{"lambda.concurrency"}, denied: "Lambda:GetFunctionConcurrency"},
		{check: "compliance-governance/recursion", fail: called("Lambda:PutFunctionRecursionConfig", obj{"FunctionName": till, "RecursiveLoop": "Allow"}), collectors: []string{"lambda.recursion"}, denied: "Lambda:GetFunctionRecursionConfig"},
		{check: "compliance-governance/foreign-destination", fail: called("Lambda:PutFunctionEventInvokeConfig", obj{"FunctionName": till, "Qualifier": "live", "DestinationConfig": obj{"OnFailure": obj{"Destination": own}, "OnSuccess": obj{"Destination": foreign}}}),
			collectors: []string{"lambda.invoke-config"}, denied: "Lambda:ListFunctionEventInvokeConfigs"},
		{check: "compliance-governance/trail-multi-region", fail: everyTrail(obj{"IsMultiRegionTrail": false}), collectors: trails, denied: "CloudTrail:DescribeTrails"},
		{check: "compliance-governance/trail-validation", fail: called("CloudTrail:UpdateTrail", obj{"Name": "audit", "EnableLogFileValidation": false}), collectors: trails, denied: "CloudTrail:DescribeTrails"},
	}
}
