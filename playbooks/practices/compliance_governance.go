package practices

import (
	"fmt"
	"slices"
	"strings"
)

// complianceGovernance: whose the function is, what it may cost, where its events go, and
// whether what happens to it is written down.
func complianceGovernance() []Check {
	area := []Reference{{CSF, "GV.OV-03"}}
	ref := func(more ...Reference) []Reference { return append(more, area...) }
	trails := []string{"cloudtrail.trails", "cloudtrail.trails.status"}
	return []Check{
		{ID: "compliance-governance/tags", Area: ComplianceGovernance, Severity: Low, Reads: []string{"lambda.tags"}, Look: tagged, Traces: []string{"UntagResource", "TagResource"},
			Title: "The function is tagged", Why: "Nobody knows whom to ask, and policies that go by tags do not see it.", References: ref(Reference{SecurityHub, "Lambda.6"})},
		{ID: "compliance-governance/config-recording", Area: ComplianceGovernance, Severity: Medium, Reads: []string{"config.recorders", "config.recorders.status"}, Look: configRecording, Traces: []string{"StopConfigurationRecorder", "DeleteConfigurationRecorder"},
			Title: "AWS Config records in the region", Why: "What the function was before a change is not kept.",
			References: ref(Reference{FSBP, "Config.1"}, Reference{Prowler, "config_recorder_all_regions_enabled"}, Reference{ATTACK, "T1562.008"})},
		{ID: "compliance-governance/config-functions", Area: ComplianceGovernance, Severity: Low, Reads: []string{"config.recorders"}, Look: configFunctions, Traces: []string{"PutConfigurationRecorder"},
			Title: "AWS Config records Lambda functions", Why: "The recorder leaves this function out.", References: ref(Reference{ATTACK, "T1562.008"})},
		{ID: "compliance-governance/reserved-concurrency", Area: ComplianceGovernance, Severity: Low, Reads: []string{"lambda.concurrency"}, Look: reserved, Traces: []string{"DeleteFunctionConcurrency", "PutFunctionConcurrency"},
			Title: "The function has a limit of its own on what runs at once", Why: "It can use up the account's concurrency, and its budget.", References: ref(Reference{ATTACK, "T1496"})},
		{ID: "compliance-governance/recursion", Area: ComplianceGovernance, Severity: Medium, Reads: []string{"lambda.recursion"}, Look: recursion, Traces: []string{"PutFunctionRecursionConfig"},
			Title: "Lambda stops the function when it calls itself in a loop", Why: "A loop runs until somebody sees the bill.", References: ref(Reference{ATTACK, "T1496"})},
		{ID: "compliance-governance/foreign-destination", Area: ComplianceGovernance, Severity: High, Reads: readsDeployments("lambda.invoke-config", "lambda.mappings", "lambda.mappings.sweep"), Look: foreignDestination, Traces: []string{"PutFunctionEventInvokeConfig", "UpdateFunctionEventInvokeConfig", "UpdateEventSourceMapping", "UpdateFunctionConfiguration"},
			Title: "Events go to no destination of another account", Why: "Every event and result is carried off by Lambda itself.", References: ref(Reference{ATTACK, "T1537"})},
		{ID: "compliance-governance/trail-multi-region", Area: ComplianceGovernance, Severity: High, Reads: trails, Look: trailMultiRegion, Traces: []string{"UpdateTrail", "DeleteTrail"},
			Title: "A trail records all regions", Why: "What is done in a region that nobody looks at is in no log.",
			References: ref(Reference{FSBP, "CloudTrail.1"}, Reference{Prowler, "cloudtrail_multi_region_enabled"}, Reference{ATTACK, "T1562.008"})},
		{ID: "compliance-governance/trail-validation", Area: ComplianceGovernance, Severity: Medium, Reads: []string{"cloudtrail.trails"}, Look: trailValidation, Traces: []string{"UpdateTrail"},
			Title: "Every trail signs its log files", Why: "Whether a log file was changed or taken away cannot be told.",
			References: ref(Reference{FSBP, "CloudTrail.4"}, Reference{Prowler, "cloudtrail_log_file_validation_enabled"}, Reference{ATTACK, "T1070"})},
	}
}

func tagged(f *Facts) []Finding {
	d := doc[struct{ Tags map[string]string }](f, "lambda.tags", "", "")
	if !d.Has && !d.None {
		return []Finding{unknown(f.Function, orNone(d.Gap, d.Origin))}
	}
	var own []string
	for k := range d.V.Tags {
		if !strings.HasPrefix(strings.ToLower(k), "aws:") {
			own = append(own, k)
		}
	}
	if slices.Sort(own); len(own) > 0 {
		return []Finding{pass(f.Function, d.Origin, "tags: %s", join(own))}
	}
	return []Finding{fail(f.Function, d.Origin, "it has no tags of yours").fix(run(shell("aws lambda tag-resource --region %s --resource %s --tags ", f.Region, f.Function)+`"owner=$OWNER"`).
		ask("OWNER", "who is asked about this function: a team or a person. Policies may decide by tags").String(),
		f.function("  tags = {\n    owner = \"OWNER\"\n  }\n"))}
}

// Recorder is one of AWS Config.
type Recorder struct {
	Name, RoleARN  string
	RecordingGroup struct {
		AllSupported             bool
		ResourceTypes            []string
		ExclusionByResourceTypes struct{ ResourceTypes []string }
		RecordingStrategy        struct{ UseOnly string }
	}
}

func (f *Facts) recorders() Doc[struct{ ConfigurationRecorders []Recorder }] {
	return regional[struct{ ConfigurationRecorders []Recorder }](f, "config.recorders")
}

func configRecording(f *Facts) []Finding {
	target := f.Account + " " + f.Region
	d := f.recorders()
	if !d.Has && !d.None {
		return []Finding{unknown(target, orNone(d.Gap, d.Origin))}
	}
	if len(d.V.ConfigurationRecorders) == 0 {
		return []Finding{fail(target, d.Origin, "there is no recorder").fix(
			run(shell("aws configservice put-configuration-recorder --region %s --configuration-recorder %s", f.Region, "name=default,roleARN=arn:"+part(f.Function, 1)+":iam::"+f.Account+":role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"),
				shell("aws configservice put-delivery-channel --region %s ", f.Region)+`--delivery-channel "name=default,s3BucketName=$BUCKET"`,
				shell("aws configservice start-configuration-recorder --region %s --configuration-recorder-name default", f.Region)).
				note("the role is made by: aws iam create-service-linked-role --aws-service-name config.amazonaws.com").ask("BUCKET", "a bucket whose policy lets config.amazonaws.com write").String(),
			hcl("resource \"aws_config_configuration_recorder_status\" \"it\" {\n  name       = %s\n  is_enabled = true\n}", "default"))}
	}
	status := regional[struct {
		ConfigurationRecordersStatus []struct {
			Name      string
			Recording bool
		}
	}](f, "config.recorders.status")
	if !status.Has {
		return []Finding{unknown(target, orNone(status.Gap, status.Origin))}
	}
	var out []Finding
	for _, s := range status.V.ConfigurationRecordersStatus {
		if s.Recording {
			out = append(out, pass(target, status.Origin, "recorder %s records", s.Name))
			continue
		}
		out = append(out, fail(target, status.Origin, "recorder %s is stopped", s.Name).fix(
			run(shell("aws configservice start-configuration-recorder --region %s --configuration-recorder-name %s", f.Region, s.Name)).note("it is paid for by what changes; of what changed since it stopped it has no history").String(),
			hcl("resource \"aws_config_configuration_recorder_status\" \"it\" {\n  name       = %s\n  is_enabled = true\n}", s.Name)))
	}
	return out
}

// leavesOut says whether a recorder does not record a type of resource.
func (r Recorder) leavesOut(kind string) bool {
	g := r.RecordingGroup
	switch g.RecordingStrategy.UseOnly {
	case "EXCLUSION_BY_RESOURCE_TYPES":
		return slices.Contains(g.ExclusionByResourceTypes.ResourceTypes, kind)
	case "INCLUSION_BY_RESOURCE_TYPES":
		return !slices.Contains(g.ResourceTypes, kind)
	}
	return !g.AllSupported && !slices.Contains(g.ResourceTypes, kind)
}

func configFunctions(f *Facts) []Finding {
	target := f.Account + " " + f.Region
	d := f.recorders()
	if !d.Has && !d.None {
		return []Finding{unknown(target, orNone(d.Gap, d.Origin))}
	}
	var out []Finding
	for _, r := range d.V.ConfigurationRecorders {
		if !r.leavesOut("AWS::Lambda::Function") {
			out = append(out, pass(target, d.Origin, "recorder %s records functions", r.Name))
			continue
		}
		out = append(out, fail(target, d.Origin, "recorder %s leaves functions out", r.Name).fix(
			run(shell("aws configservice put-configuration-recorder --region %s --configuration-recorder %s --recording-group allSupported=true", f.Region, "name="+r.Name+",roleARN="+r.RoleARN)).
				note("it records every kind of resource then, and is paid for by what changes").String(),
			hcl("resource \"aws_config_configuration_recorder\" \"it\" {\n  name     = %s\n  role_arn = %s\n  recording_group {\n    all_supported = true\n  }\n}", r.Name, r.RoleARN)))
	}
	return out
}

// reserved: 0 is a limit too; it is how a function is contained.
func reserved(f *Facts) []Finding {
	d := doc[struct{ ReservedConcurrentExecutions *int64 }](f, "lambda.concurrency", "", "")
	switch n := d.V.ReservedConcurrentExecutions; {
	case !d.Has && !d.None:
		return []Finding{unknown(f.Function, orNone(d.Gap, d.Origin))}
	case n != nil:
		return []Finding{pass(f.Function, d.Origin, fmt.Sprintf("%d at once", *n))}
	}
	return []Finding{fail(f.Function, d.Origin, "it has no limit of its own").fix(
		run(shell("aws lambda put-function-concurrency --region %s --function-name %s ", f.Region, f.Name)+`--reserved-concurrent-executions "$CONCURRENCY"`).
			ask("CONCURRENCY", "how many at once it needs at most (metric ConcurrentExecutions): more are refused. It is taken from what all others share, of which 100 have to be left").String(),
		f.function("  reserved_concurrent_executions = 10\n"))}
}

func recursion(f *Facts) []Finding {
	d := doc[struct{ RecursiveLoop string }](f, "lambda.recursion", "", "")
	switch {
	case !d.Has:
		return []Finding{unknown(f.Function, orNone(d.Gap, d.Origin))}
	case d.V.RecursiveLoop == "Terminate":
		return []Finding{pass(f.Function, d.Origin, "it does")}
	}
	return []Finding{fail(f.Function, d.Origin, "loops are let run: %s", d.V.RecursiveLoop).fix(
		run(shell("aws lambda put-function-recursion-config --region %s --function-name %s --recursive-loop Terminate", f.Region, f.Name)).note("a loop that is meant ends after sixteen rounds").String(),
		hcl("resource \"aws_lambda_function_recursion_config\" \"it\" {\n  function_name  = %s\n  recursive_loop = \"Terminate\"\n}", f.Name))}
}

// foreign says whether an ARN is of another account; a bucket's names none.
func (f *Facts) foreign(arn string) bool { return part(arn, 4) != "" && !f.mine(arn) }

func foreignDestination(f *Facts) []Finding {
	configs := f.invokeConfigs()
	mappings, out := f.mappings()
	deployments, more := f.deployments()
	if out = append(out, more...); configs.Gap != nil {
		out = append(out, unknown(f.Function+":*", configs.Gap))
	}
	known := len(out) == 0
	for _, c := range configs.V.FunctionEventInvokeConfigs {
		for member, to := range map[string]string{"OnSuccess": c.DestinationConfig.OnSuccess.Destination, "OnFailure": c.DestinationConfig.OnFailure.Destination} {
			if f.foreign(to) {
				out = append(out, fail(c.FunctionArn, configs.Origin, member+" goes to %s", to).fix(
					run(shell("aws lambda update-function-event-invoke-config --region %s --function-name %s --qualifier %s --destination-config %s", f.Region, f.Name, nameOf(c.FunctionArn), keepOwn(f, c.DestinationConfig))).note(noLongerTold).String(),
					hcl("resource \"aws_lambda_function_event_invoke_config\" \"it\" {\n  function_name = %s\n  qualifier     = %s\n  # no destination of another account\n}", f.Name, nameOf(c.FunctionArn))))
			}
		}
	}
	for _, m := range mappings {
		if to := m.DestinationConfig.OnFailure.Destination; f.foreign(to) {
			out = append(out, fail("arn:"+part(f.Function, 1)+":lambda:"+f.Region+":"+f.Account+":event-source-mapping:"+m.UUID, m.At, "OnFailure goes to %s", to).fix(
				run(shell("aws lambda update-event-source-mapping --region %s --uuid %s --destination-config %s", f.Region, m.UUID, `{"OnFailure":{"Destination":""}}`)).note(noLongerTold).String(),
				hcl("resource \"aws_lambda_event_source_mapping\" \"it\" {\n  event_source_arn = %s\n  function_name    = %s\n  # no destination of another account\n}", m.EventSourceArn, m.FunctionArn)))
		}
	}
	for _, d := range deployments {
		if to := d.Config.DeadLetterConfig.TargetArn; f.foreign(to) {
			out = append(out, f.setting(d, "--dead-letter-config TargetArn=", "  # no dead_letter_config of another account\n", noLongerTold, "dead letters go to %s", to))
		}
	}
	if known && len(out) == 0 {
		out = append(out, pass(f.Function, configs.Origin, "its events go to no other account"))
	}
	return out
}

const noLongerTold = "what the other account did with these events it does no longer: ask whose it is before"

// keepOwn is a destination configuration without those of other accounts: "" takes one away.
func keepOwn(f *Facts, c DestinationConfig) string {
	own := func(to string) string {
		if f.foreign(to) {
			return ""
		}
		return to
	}
	return fmt.Sprintf(`{"OnSuccess":{"Destination":%q},"OnFailure":{"Destination":%q}}`, own(c.OnSuccess.Destination), own(c.OnFailure.Destination))
}

// trail is one that records the region.
type trail struct {
	Name, TrailARN, HomeRegion                   string
	IsMultiRegionTrail, LogFileValidationEnabled bool
	IsOrganizationTrail                          bool
}

// trails that record the function's region: none is known to be none.
func (f *Facts) trails() (all []trail, at Origin, gap *Gap) {
	d := regional[struct {
		TrailList []trail `json:"trailList"`
	}](f, "cloudtrail.trails")
	if !d.Has && !d.None {
		return nil, d.Origin, orNone(d.Gap, d.Origin)
	}
	return d.V.TrailList, d.Origin, nil
}

// newTrail makes what is lacking. The bucket and its policy are for the account to choose.
func (f *Facts) newTrail(x Finding) Finding {
	return x.fix(run(shell("aws cloudtrail create-trail --region %s --name audit ", f.Region)+`--s3-bucket-name "$BUCKET" --is-multi-region-trail --enable-log-file-validation`,
		shell("aws cloudtrail start-logging --region %s --name audit", f.Region)).ask("BUCKET", "a bucket whose policy lets cloudtrail.amazonaws.com write, and nobody delete").String(),
		"resource \"aws_cloudtrail\" \"audit\" {\n  name                       = \"audit\"\n  s3_bucket_name             = \"BUCKET\"\n  is_multi_region_trail      = true\n  enable_log_file_validation = true\n}")
}

func trailMultiRegion(f *Facts) []Finding {
	target := f.Account + " " + f.Region
	all, at, gap := f.trails()
	if gap != nil {
		return []Finding{unknown(target, gap)}
	}
	for _, t := range all {
		if t.IsMultiRegionTrail {
			return []Finding{pass(t.TrailARN, at, "it records all regions")}
		}
	}
	if i := slices.IndexFunc(all, func(t trail) bool { return f.mine(t.TrailARN) }); i >= 0 {
		t := all[i]
		return []Finding{fail(target, at, "none of "+count(len(all), "trail")+" records all regions").fix(
			run(shell("aws cloudtrail update-trail --region %s --name %s --is-multi-region-trail", t.HomeRegion, t.TrailARN)).note("what it records of other regions is paid for where another trail records it already").String(), trailTerraform(t, "is_multi_region_trail      = true"))}
	}
	return []Finding{f.newTrail(fail(target, at, "no trail of this account records the region"))}
}

func trailTerraform(t trail, argument string) string {
	return hcl("resource \"aws_cloudtrail\" \"it\" {\n  name = %s\n  ", t.Name) + argument + "\n}"
}

// eachOwnTrail judges the account's own trails: the organization's are another account's to mend.
func (f *Facts) eachOwnTrail(judge func(t trail, at Origin) Finding) []Finding {
	target := f.Account + " " + f.Region
	all, at, gap := f.trails()
	if gap != nil {
		return []Finding{unknown(target, gap)}
	}
	if len(all) == 0 {
		return []Finding{f.newTrail(fail(target, at, "no trail records the region"))}
	}
	var out []Finding
	for _, t := range all {
		if f.mine(t.TrailARN) {
			out = append(out, judge(t, at))
		} else {
			out = append(out, notApplicable(t.TrailARN, "it is the organization's"))
		}
	}
	return out
}

func trailValidation(f *Facts) []Finding {
	return f.eachOwnTrail(func(t trail, at Origin) Finding {
		if t.LogFileValidationEnabled {
			return pass(t.TrailARN, at, "its log files are signed")
		}
		return fail(t.TrailARN, at, "its log files are not signed").fix(run(shell("aws cloudtrail update-trail --region %s --name %s --enable-log-file-validation", t.HomeRegion, t.TrailARN)).String(), trailTerraform(t, "enable_log_file_validation = true"))
	})
}
