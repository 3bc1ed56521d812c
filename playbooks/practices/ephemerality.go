package practices

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// ephemerality: what outlives an invocation, where an intruder can leave something or find it.
func ephemerality() []Check {
	area := []Reference{{CSF, "PR.IR-01"}}
	ref := func(more ...Reference) []Reference { return append(more, area...) }
	return []Check{
		{ID: "ephemerality/tmp-size", Area: Ephemerality, Severity: Low, Reads: readsDeployments(), Look: tmpSize,
			Title: "/tmp has the size that it comes with", Why: "What is written there stays for the next invocation of the same environment: room for tools and for what is carried off.", References: ref(Reference{ATTACK, "T1074"})},
		{ID: "ephemerality/timeout", Area: Ephemerality, Severity: Low, Reads: readsDeployments(), Look: timeouts,
			Title: "No invocation may run for more than five minutes", Why: "Containing by concurrency lets what runs go on to its end, and a long run is cheap mining.", References: ref(Reference{ATTACK, "T1496"})},
		{ID: "ephemerality/file-system", Area: Ephemerality, Severity: Low, Reads: readsDeployments(), Look: mounted,
			Title: "No version mounts a file system", Why: "What lies there outlives the function, is not collected, and whoever else mounts it runs it.", References: ref(Reference{ATTACK, "T1080"})},
		{ID: "ephemerality/access-point", Area: Ephemerality, Severity: Medium, Reads: readsDeployments("efs.access-point"), Look: accessPoint,
			Title: "Mounted access points enforce a user and a folder", Why: "Code in the function writes as whom it likes, anywhere on the file system.",
			References: ref(Reference{FSBP, "EFS.3"}, Reference{FSBP, "EFS.4"}, Reference{Prowler, "efs_access_point_enforce_root_directory"}, Reference{Prowler, "efs_access_point_enforce_user_identity"}, Reference{ATTACK, "T1080"})},
		{ID: "ephemerality/snapstart", Area: Ephemerality, Severity: Low, Reads: readsDeployments(), Look: snapStart, Traces: []string{"PublishVersion"},
			Title: "No version starts from a snapshot", Why: "What ran once at publishing, and the secrets that it had read, is in every environment of that version.", References: ref(Reference{ATTACK, "T1525"})},
		{ID: "ephemerality/provisioned", Area: Ephemerality, Severity: Low, Reads: []string{"lambda.provisioned"}, Look: provisionedWarm, Traces: []string{"PutProvisionedConcurrencyConfig"},
			Title: "No environments are kept warm", Why: "What an intruder left in memory or /tmp lives on, and it is paid for by the hour.", References: ref(Reference{ATTACK, "T1496"})},
		{ID: "ephemerality/durable-retention", Area: Ephemerality, Severity: Low, Reads: readsDeployments(), Look: durableRetention, Traces: []string{"GetDurableExecution", "GetDurableExecutionHistory"},
			Title: "Payloads of durable executions are kept for thirty days at most", Why: "Whoever may read executions has every input and result for as long.", References: ref(Reference{ATTACK, "T1530"})},
		{ID: "ephemerality/durable-timeout", Area: Ephemerality, Severity: Medium, Reads: readsDeployments(), Look: durableTimeout, Traces: []string{"Invoke", "SendDurableExecutionCallbackSuccess"},
			Title: "Durable executions end within a week", Why: "One that began with bad code goes on with it, whatever is deployed since.", References: ref(Reference{ATTACK, "T1648"})},
		{ID: "ephemerality/shared-capacity", Area: Ephemerality, Severity: Medium, Reads: readsDeployments("lambda.capacity", "lambda.capacity.versions"), Look: sharedCapacity, Traces: []string{"CreateCapacityProvider", "UpdateCapacityProvider"},
			Title: "No other function runs on the same managed instances", Why: "They share machines: AWS says that a capacity provider is no boundary between functions that do not trust each other.", References: ref(Reference{ATTACK, "T1578"})},
		{ID: "ephemerality/old-versions", Area: Ephemerality, Severity: Medium, Reads: append(readsPolicies(), "lambda.mappings", "lambda.mappings.sweep"), Look: oldVersions, Traces: []string{"Invoke"},
			Title: "Every published version is what an alias, a mapping or a policy calls", Why: "An old version can be called by its number, with the code, role and layers of its day.", References: ref(Reference{ATTACK, "T1648"})},
	}
}

// setting fails a version for what its configuration says; note says what the repair does to others.
func (f *Facts) setting(d Deployment, cliOptions, arguments, note, what string, values ...string) Finding {
	return f.changeVersion(fail(d.ARN, d.Origin, what, values...), d.Qualifier, run(f.configure(cliOptions)).note(note), f.function(arguments))
}

func tmpSize(f *Facts) []Finding {
	const own = 512 // MB, which every function has
	return f.eachDeployment(func(d Deployment) []Finding {
		if size := d.Config.EphemeralStorage.Size; size > own {
			return []Finding{f.setting(d, "--ephemeral-storage Size=512", "  ephemeral_storage {\n    size = 512\n  }\n", "an invocation that writes more to /tmp fails", fmt.Sprintf("it has %d MB", size))}
		}
		return []Finding{pass(d.ARN, d.Origin, "it has 512 MB")}
	})
}

func timeouts(f *Facts) []Finding {
	const most = 300
	return f.eachDeployment(func(d Deployment) []Finding {
		if d.Config.Timeout > most {
			return []Finding{f.setting(d, "--timeout 300", "  timeout = 300\n", "an invocation that takes longer is cut off: look first how long they take (metric Duration)", fmt.Sprintf("an invocation may take %d seconds", d.Config.Timeout))}
		}
		return []Finding{pass(d.ARN, d.Origin, fmt.Sprintf("an invocation may take %d seconds", d.Config.Timeout))}
	})
}

func mounted(f *Facts) []Finding {
	return f.eachDeployment(func(d Deployment) []Finding {
		var all []string
		for _, m := range d.Config.FileSystemConfigs {
			all = append(all, m.Arn+" at "+m.LocalMountPath)
		}
		if len(all) > 0 {
			return []Finding{f.setting(d, "--file-system-configs []", "  # no file_system_config\n", "what the code reads or writes there fails from then on; the files stay where they are", "it mounts %s", join(all))}
		}
		return []Finding{pass(d.ARN, d.Origin, "it mounts nothing")}
	})
}

func accessPoint(f *Facts) []Finding {
	seen := map[string]bool{}
	return f.eachDeployment(func(d Deployment) (out []Finding) {
		for _, m := range d.Config.FileSystemConfigs {
			if part(m.Arn, 2) == "elasticfilesystem" && !seen[m.Arn] {
				seen[m.Arn] = true
				out = append(out, f.judgeAccessPoint(m.Arn, m.LocalMountPath))
			}
		}
		return out
	})
}

func (f *Facts) judgeAccessPoint(arn, path string) Finding {
	d := doc[struct {
		AccessPoints []struct {
			FileSystemId  string //nolint:revive // the API's name
			PosixUser     *struct{ Uid, Gid int64 }
			RootDirectory struct{ Path string }
		}
	}](f, "efs.access-point", arn, "")
	if !d.Has || len(d.V.AccessPoints) != 1 {
		return unknown(arn, orNone(d.Gap, d.Origin))
	}
	p := d.V.AccessPoints[0]
	var lacks []string
	switch {
	case p.PosixUser == nil:
		lacks = append(lacks, "no user")
	case p.PosixUser.Uid == 0:
		lacks = append(lacks, "root as the user")
	}
	if p.RootDirectory.Path == "" || p.RootDirectory.Path == "/" {
		lacks = append(lacks, "no folder")
	}
	if len(lacks) == 0 {
		return pass(arn, d.Origin, "it enforces a user, and the folder %s", p.RootDirectory.Path)
	}
	return fail(arn, d.Origin, "it enforces "+strings.Join(lacks, " and ")).fix(
		f.onVersion(run(shell("POINT=$(aws efs create-access-point --region %s --file-system-id %s --posix-user Uid=1000,Gid=1000 --root-directory %s --query AccessPointArn --output text)", part(arn, 3), p.FileSystemId, "Path=/"+f.Name+",CreationInfo={OwnerUid=1000,OwnerGid=1000,Permissions=750}"),
			f.configure(`--file-system-configs "Arn=$POINT,LocalMountPath="%s`, path)).
			note(shell("an access point never changes: another one takes its place. The function then sees the folder %s alone, which is empty until somebody puts its files there, for user 1000", "/"+f.Name)), f.mounting(arn)...).String(),
		hcl("resource \"aws_efs_access_point\" \"it\" {\n  file_system_id = %s\n  posix_user {\n    uid = 1000\n    gid = 1000\n  }\n  root_directory {\n    path = %s\n  }\n}", p.FileSystemId, "/"+f.Name))
}

// mounting are the versions that mount an access point.
func (f *Facts) mounting(arn string) (out []string) {
	known, _ := f.deployments()
	for _, d := range known {
		for _, m := range d.Config.FileSystemConfigs {
			if m.Arn == arn && !slices.Contains(out, d.Qualifier) {
				out = append(out, d.Qualifier)
			}
		}
	}
	return out
}

func snapStart(f *Facts) []Finding {
	return f.eachDeployment(func(d Deployment) []Finding {
		if on := d.Config.SnapStart.ApplyOn; on != "" && on != "None" {
			return []Finding{f.setting(d, "--snap-start ApplyOn=None", "  # no snap_start\n", "cold starts take longer from then on", "its versions start from a snapshot (%s)", on)}
		}
		return []Finding{pass(d.ARN, d.Origin, "it starts afresh")}
	})
}

func provisionedWarm(f *Facts) []Finding {
	d := doc[struct {
		ProvisionedConcurrencyConfigs []struct {
			FunctionArn                              string
			RequestedProvisionedConcurrentExecutions int64
		}
	}](f, "lambda.provisioned", "", "")
	var out []Finding
	for _, p := range d.V.ProvisionedConcurrencyConfigs {
		q := nameOf(p.FunctionArn)
		out = append(out, fail(p.FunctionArn, d.Origin, count(int(p.RequestedProvisionedConcurrentExecutions), "environment")+" kept warm").fix(
			run(shell("aws lambda delete-provisioned-concurrency-config --region %s --function-name %s --qualifier %s", f.Region, f.Name, q)).
				note("cold starts come back, and what was running in these environments ends").String(),
			hcl("# remove the aws_lambda_provisioned_concurrency_config of %s", p.FunctionArn)))
	}
	switch {
	case d.Gap != nil:
		return append(out, unknown(f.Function, d.Gap))
	case len(out) == 0:
		return []Finding{pass(f.Function, d.Origin, "no environments are kept warm")}
	}
	return out
}

// eachDurable judges versions that are durable; of the others it is true anyhow.
func (f *Facts) eachDurable(judge func(d Deployment) Finding) []Finding {
	return f.eachDeployment(func(d Deployment) []Finding {
		if d.Config.DurableConfig == nil {
			return []Finding{notApplicable(d.ARN, "it has no durable executions")}
		}
		return []Finding{judge(d)}
	})
}

func durableRetention(f *Facts) []Finding {
	const most = 30
	return f.eachDurable(func(d Deployment) Finding {
		c := d.Config.DurableConfig
		what := "what has ended is kept for " + count(int(c.RetentionPeriodInDays), "day")
		if c.RetentionPeriodInDays > most {
			return f.setting(d, fmt.Sprintf("--durable-config RetentionPeriodInDays=%d,ExecutionTimeout=%d", most, c.ExecutionTimeout),
				fmt.Sprintf("  durable_config {\n    retention_period  = %d\n    execution_timeout = %d\n  }\n", most, c.ExecutionTimeout), "the history of executions is evidence: collect it first (freezeframe collect)", what)
		}
		return pass(d.ARN, d.Origin, what)
	})
}

func durableTimeout(f *Facts) []Finding {
	const most = 7 * 24 * 3600
	return f.eachDurable(func(d Deployment) Finding {
		c := d.Config.DurableConfig
		what := fmt.Sprintf("an execution may take %d seconds", c.ExecutionTimeout)
		if c.ExecutionTimeout > most {
			return f.setting(d, fmt.Sprintf("--durable-config RetentionPeriodInDays=%d,ExecutionTimeout=%d", max(c.RetentionPeriodInDays, 1), most),
				fmt.Sprintf("  durable_config {\n    retention_period  = %d\n    execution_timeout = %d\n  }\n", max(c.RetentionPeriodInDays, 1), most), "executions that begin from then on and wait for longer than a week end unfinished", what)
		}
		return pass(d.ARN, d.Origin, what)
	})
}

// capacityOf is the provider that a version runs on; "" is none.
func (f *Facts) capacityOf(d Deployment) string {
	of := doc[struct {
		Configuration struct {
			CapacityProviderConfig struct {
				LambdaManagedInstancesCapacityProviderConfig struct{ CapacityProviderArn string }
			}
		}
	}](f, "lambda.configuration", "", d.Qualifier)
	return of.V.Configuration.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.CapacityProviderArn
}

// sharedCapacity: AWS, developer guide, "Lambda Managed Instances": functions on one provider
// share its instances; those that do not trust each other take a provider each.
func sharedCapacity(f *Facts) []Finding {
	seen := map[string]bool{}
	return f.eachDeployment(func(d Deployment) []Finding {
		arn := f.capacityOf(d)
		if arn == "" || seen[arn] {
			return nil
		}
		seen[arn] = true
		tenants := doc[struct {
			FunctionVersions []struct{ FunctionArn string }
		}](f, "lambda.capacity.versions", arn, "")
		var others []string
		for _, t := range tenants.V.FunctionVersions {
			if !strings.HasPrefix(t.FunctionArn, f.Function+":") && t.FunctionArn != f.Function {
				others = append(others, t.FunctionArn)
			}
		}
		switch {
		case len(others) > 0:
			slices.Sort(others)
			return []Finding{f.ownProvider(fail(arn, tenants.Origin, "others that run on it: %s", join(others)), arn)}
		case !tenants.Known():
			return []Finding{unknown(arn, tenants.Gap)}
		}
		return []Finding{pass(arn, tenants.Origin, "no other function runs on it")}
	})
}

// ownProvider moves the function to a provider like the one that it shares.
func (f *Facts) ownProvider(x Finding, arn string) Finding {
	like := doc[struct {
		CapacityProvider struct{ VpcConfig, PermissionsConfig json.RawMessage }
	}](f, "lambda.capacity", arn, "")
	s, vpc, role := run(), `"$VPC_CONFIG"`, `"$PERMISSIONS_CONFIG"`
	if p := like.V.CapacityProvider; len(p.VpcConfig) > 0 && len(p.PermissionsConfig) > 0 {
		vpc, role = shell("%s", oneLine(p.VpcConfig)), shell("%s", oneLine(p.PermissionsConfig))
	} else {
		s = s.ask("VPC_CONFIG", "JSON as the shared provider has it (aws lambda get-capacity-provider)").ask("PERMISSIONS_CONFIG", "the same of its permissions")
	}
	own := f.Name + "-only"
	ownARN := "arn:" + part(arn, 1) + ":lambda:" + f.Region + ":" + f.Account + ":capacity-provider:" + own
	var on []string
	known, _ := f.deployments()
	for _, d := range known {
		if f.capacityOf(d) == arn {
			on = append(on, d.Qualifier)
		}
	}
	s = s.note("instances of its own are paid for while they run").
		then(shell("aws lambda create-capacity-provider --region %s --capacity-provider-name %s --vpc-config ", f.Region, own)+vpc+" --permissions-config "+role,
			f.configure("--capacity-provider-config %s", `{"LambdaManagedInstancesCapacityProviderConfig":{"CapacityProviderArn":"`+ownARN+`"}}`))
	return x.fix(f.onVersion(s, on...).String(),
		hcl("resource \"aws_lambda_capacity_provider\" \"only\" {\n  name = %s\n}", own))
}

// oldVersions: a version that is named by nothing can still be called by whoever may invoke
// the function at all.
func oldVersions(f *Facts) []Finding {
	versions, origin, gap := f.versions()
	used, gaps := f.usedVersions()
	if gap != nil {
		gaps = append(gaps, unknown(f.Function+":*", gap))
	}
	var out []Finding
	for _, v := range versions {
		switch {
		case latest(v):
		case used[v] != "":
			out = append(out, pass(f.qualified(v), origin, "it is called by %s", used[v]))
		case len(gaps) > 0: // what calls it may be among what is not known
		default:
			out = append(out, fail(f.qualified(v), origin, "no alias, mapping or policy calls it").fix(
				f.withoutVersion(run().note("whoever calls it by its number, as an identity policy may let them, is refused from then on"), v).String(),
				hcl("# publish = true keeps every version that is made of aws_lambda_function %s: delete old ones by hand", f.Name)))
		}
	}
	out = append(out, gaps...)
	if len(out) == 0 {
		return []Finding{pass(f.Function, origin, "no version is published")}
	}
	return out
}

// usedVersions are published versions and what calls them.
func (f *Facts) usedVersions() (used map[string]string, gaps []Finding) {
	used = map[string]string{}
	aliases, _, _ := f.aliases() // whose gap is among those of the policies
	for _, a := range aliases {
		used[a.FunctionVersion] = "alias " + a.Name
		for v := range a.RoutingConfig.AdditionalVersionWeights {
			used[v] = "alias " + a.Name
		}
	}
	statements, _, gaps := f.qualifierPolicies()
	for _, s := range statements {
		if s.Effect == "Allow" && s.Qualifier != "" && used[s.Qualifier] == "" {
			used[s.Qualifier] = "whom statement " + s.name() + " of its policy admits"
		}
	}
	mappings, more := f.mappings()
	for _, m := range mappings {
		if q := strings.TrimPrefix(m.FunctionArn, f.Function+":"); used[q] == "" {
			used[q] = "mapping " + m.UUID
		}
	}
	return used, append(gaps, more...)
}

func oneLine(raw json.RawMessage) string {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return string(raw)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return string(raw)
	}
	return string(out)
}
