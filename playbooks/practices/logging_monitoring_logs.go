package practices

import (
	"encoding/json"
	"slices"
	"strings"
)

type logGroup struct {
	Name      string `json:"logGroupName"`
	Class     string `json:"logGroupClass"`
	Key       string `json:"kmsKeyId"`
	Retention *int64 `json:"retentionInDays"`
}

// logsTo is the log group that a version writes to.
func (f *Facts) logsTo(d Deployment) string {
	if g := d.Config.LoggingConfig.LogGroup; g != "" {
		return g
	}
	return "/aws/lambda/" + f.Name
}

func (f *Facts) groupARN(name string) string {
	return "arn:" + part(f.Function, 1) + ":logs:" + f.Region + ":" + f.Account + ":log-group:" + name
}

// eachLogGroup judges the log groups that versions write to, each once. A group that is not there
// is for the check that says so.
func (f *Facts) eachLogGroup(judge func(g logGroup, at Origin) Finding, none func(name string, of []string, at Origin) Finding) []Finding {
	known, out := f.deployments()
	var names []string
	by := map[string][]string{}
	for _, d := range known {
		name := f.logsTo(d)
		if by[name] == nil {
			names = append(names, name)
		}
		by[name] = append(by[name], d.Qualifier)
	}
	for _, name := range names {
		d := doc[struct {
			LogGroups []logGroup `json:"logGroups"`
		}](f, "logs.group", f.groupARN(name), "")
		i := slices.IndexFunc(d.V.LogGroups, func(g logGroup) bool { return g.Name == name })
		switch {
		case d.Gap != nil:
			out = append(out, unknown(f.groupARN(name), d.Gap))
		case i < 0:
			out = append(out, none(name, by[name], d.Origin))
		default:
			out = append(out, judge(d.V.LogGroups[i], d.Origin))
		}
	}
	return out
}

func (f *Facts) noGroup(name string, _ []string, _ Origin) Finding {
	return notApplicable(f.groupARN(name), "there is no such log group")
}

func groupThere(f *Facts) []Finding {
	return f.eachLogGroup(func(g logGroup, at Origin) Finding {
		return pass(f.groupARN(g.Name), at, "it is there")
	}, func(name string, of []string, at Origin) Finding {
		return fail(f.groupARN(name), at, "it is not there; %s would write to it", join(of)).fix(
			run(shell(`aws logs create-log-group --region %s --log-group-name %s --kms-key-id "$KEY_ARN"`, f.Region, name), shell(keepAYear, f.Region, name)).askKey(logsMay).String(),
			hcl("resource \"aws_cloudwatch_log_group\" \"function\" {\n  name = %s\n}", name))
	})
}

func groupRetention(f *Facts) []Finding {
	const least = 90
	return f.eachLogGroup(func(g logGroup, at Origin) Finding {
		fix := func(x Finding) Finding {
			return x.fix(run(shell(keepAYear, f.Region, g.Name)).note("events that are older than a year go for good within days: take those that are needed before").String(),
				hcl("resource \"aws_cloudwatch_log_group\" \"function\" {\n  name              = %s\n  retention_in_days = 365\n}", g.Name))
		}
		switch {
		case g.Class == "DELIVERY":
			return notApplicable(f.groupARN(g.Name), "its class decides: a day")
		case g.Retention == nil:
			return fix(fail(f.groupARN(g.Name), at, "nobody said how long it keeps events"))
		case *g.Retention < least:
			return fix(fail(f.groupARN(g.Name), at, "it keeps events for "+count(int(*g.Retention), "day")))
		}
		return pass(f.groupARN(g.Name), at, "it keeps events for "+count(int(*g.Retention), "day"))
	}, f.noGroup)
}

func groupKey(f *Facts) []Finding {
	return f.eachLogGroup(func(g logGroup, at Origin) Finding {
		if g.Key != "" {
			return pass(f.groupARN(g.Name), at, "it is under %s", g.Key)
		}
		return fail(f.groupARN(g.Name), at, "it is under CloudWatch's own key").fix(
			run(shell(`aws logs associate-kms-key --region %s --log-group-name %s --kms-key-id "$KEY_ARN"`, f.Region, g.Name)).
				note("what was written before stays under the old key; who reads what is written from then on needs kms:Decrypt").askKey(logsMay).String(),
			hcl("resource \"aws_cloudwatch_log_group\" \"function\" {\n  name       = %s\n  kms_key_id = \"KEY-ARN\"\n}", g.Name))
	}, f.noGroup)
}

func groupClass(f *Facts) []Finding {
	return f.eachLogGroup(func(g logGroup, at Origin) Finding {
		if g.Class != "DELIVERY" {
			return pass(f.groupARN(g.Name), at, "its class is %s", g.Class)
		}
		return f.changeVersions(fail(f.groupARN(g.Name), at, "its class is DELIVERY"), f.writersOf(g.Name), f.logSettings(func(l *LoggingUse) { l.LogGroup = "/aws/lambda/" + f.Name }).
			note(shell("the log group %s has to be there, or is made without retention; what was written to the old one is gone in a day", "/aws/lambda/"+f.Name)),
			f.function("  logging_config {\n    log_format = \"JSON\"\n    log_group  = %s\n  }\n", "/aws/lambda/"+f.Name))
	}, f.noGroup)
}

const (
	keepAYear = "aws logs put-retention-policy --region %s --log-group-name %s --retention-in-days 365"
	logsMay   = "Its policy has to let logs of this region use it (principal logs.REGION.amazonaws.com)"
)

// logSettings changes what $LATEST's settings of logging say: what is put replaces all of them.
func (f *Facts) logSettings(change func(l *LoggingUse)) script {
	l := doc[GetFunction](f, "lambda.configuration", "", "$LATEST").V.Configuration.LoggingConfig
	change(&l)
	text, err := json.Marshal(l)
	if err != nil {
		text = []byte("{}") // of four texts this cannot be
	}
	return run(f.configure("--logging-config %s", string(text)))
}

// writersOf are the versions that write to a log group.
func (f *Facts) writersOf(group string) (out []string) {
	known, _ := f.deployments()
	for _, d := range known {
		if f.logsTo(d) == group {
			out = append(out, d.Qualifier)
		}
	}
	return out
}

// eachLevel: format Text has no levels: everything is kept.
func (f *Facts) eachLevel(level func(l LoggingUse) string, bad []string, what string, change func(l *LoggingUse), terraform string) []Finding {
	return f.eachDeployment(func(d Deployment) []Finding {
		l := d.Config.LoggingConfig
		switch {
		case l.LogFormat != "JSON":
			return []Finding{pass(d.ARN, d.Origin, "its log is text, and has no levels")}
		case slices.Contains(bad, level(l)):
			return []Finding{f.changeVersion(fail(d.ARN, d.Origin, what+" below %s are not kept", level(l)), d.Qualifier,
				f.logSettings(change).note("more is written from then on, and paid for"), f.function("  "+terraform+"\n"))}
		}
		return []Finding{pass(d.ARN, d.Origin, what+" are kept from %s on", level(l))}
	})
}

func applicationLevel(f *Facts) []Finding {
	return f.eachLevel(func(l LoggingUse) string { return l.ApplicationLogLevel }, []string{"ERROR", "FATAL"}, "messages",
		func(l *LoggingUse) { l.ApplicationLogLevel = "INFO" }, "logging_config {\n    log_format            = \"JSON\"\n    application_log_level = \"INFO\"\n  }")
}

func systemLevel(f *Facts) []Finding {
	return f.eachLevel(func(l LoggingUse) string { return l.SystemLogLevel }, []string{"WARN"}, "Lambda's own messages",
		func(l *LoggingUse) { l.SystemLogLevel = "INFO" }, "logging_config {\n    log_format       = \"JSON\"\n    system_log_level = \"INFO\"\n  }")
}

// roleWritesLogs: a stream is made in the group, and written to. Policies name the group with ":*"
// behind it, or without.
func roleWritesLogs(f *Facts) []Finding {
	deployments, out := f.deployments()
	for _, d := range deployments {
		r := Role{ARN: d.Config.Role, Doc: doc[GetRole](f, "iam.role", d.Config.Role, "")}
		policies, gaps := f.rolePolicies(r.ARN)
		limit, gap := f.boundaryOf(r)
		if gap == nil && len(gaps) > 0 {
			gap = gaps[0].Gap
		}
		group := f.groupARN(f.logsTo(d))
		var at []Origin
		for _, p := range policies {
			at = append(at, p.At)
		}
		may := func(action string, resources ...string) bool {
			return slices.ContainsFunc(resources, func(resource string) bool {
				return allows(r.ARN, f.Account, policies, limit, action, resource, "")
			})
		}
		var lacks []string
		if !may("logs:CreateLogStream", group, group+":log-stream:x") {
			lacks = append(lacks, "logs:CreateLogStream")
		}
		if !may("logs:PutLogEvents", group+":log-stream:x") {
			lacks = append(lacks, "logs:PutLogEvents")
		}
		switch {
		case gap != nil:
			out = append(out, unknown(d.ARN, gap))
		case len(lacks) > 0:
			doc := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"` + strings.ReplaceAll(group, `"`, "") + `:*"}]}`
			out = append(out, fail(d.ARN, d.Origin, "its role %s lacks %s on %s", r.ARN, join(lacks), group).also(at...).fix(
				run(shell("aws iam put-role-policy --role-name %s --policy-name write-logs --policy-document %s", nameOf(r.ARN), doc)).
					note("a Deny, or a permissions boundary, may take it away again: the finding names the policies that were weighed").String(),
				hcl("resource \"aws_iam_role_policy\" \"write_logs\" {\n  role   = %s\n  policy = %s\n}", nameOf(r.ARN), doc)))
		default:
			out = append(out, pass(d.ARN, d.Origin, "its role may write to %s", group).also(at...))
		}
	}
	return out
}

func tracing(f *Facts) []Finding {
	return f.eachDeployment(func(d Deployment) []Finding {
		if d.Config.TracingConfig.Mode == "Active" {
			return []Finding{pass(d.ARN, d.Origin, "it is traced")}
		}
		return []Finding{f.changeVersion(fail(d.ARN, d.Origin, "tracing is %s", d.Config.TracingConfig.Mode), d.Qualifier,
			run(f.configure("--tracing-config Mode=Active")).note("AWS refuses it where the role may not call xray:PutTraceSegments and xray:PutTelemetryRecords"), f.function("  tracing_config {\n    mode = \"Active\"\n  }\n"))}
	})
}
