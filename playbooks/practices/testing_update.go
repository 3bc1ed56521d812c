package practices

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/oci"
)

// testingUpdate: whether what runs is mended, looked through, and deployed on purpose.
func testingUpdate() []Check {
	area := []Reference{{CSF, "ID.RA-01"}}
	ref := func(more ...Reference) []Reference { return append(more, area...) }
	return []Check{
		{ID: "testing-update/runtime-supported", Area: TestingUpdate, Severity: High, Reads: readsDeployments(), Look: runtimeSupported,
			Title: "AWS still mends the runtime of every version", Why: "Holes that are found in it stay open.",
			References: ref(Reference{FSBP, "Lambda.2"}, Reference{Prowler, "awslambda_function_using_supported_runtimes"}, Reference{ATTACK, "T1190"})},
		{ID: "testing-update/runtime-ending", Area: TestingUpdate, Severity: Low, Reads: readsDeployments(), Look: runtimeEnding,
			Title: "The runtime of every version is supported for half a year yet", Why: "Moving to another runtime takes testing, and is not begun on the last day.", References: ref()},
		{ID: "testing-update/runtime-mode", Area: TestingUpdate, Severity: Medium, Reads: readsDeployments("lambda.runtime"), Look: runtimeMode, Traces: []string{"PutRuntimeManagementConfig"},
			Title: "No version is pinned to one build of its runtime", Why: "Patches of the runtime do not reach it, and a pin is how somebody keeps a hole open.", References: ref(Reference{ATTACK, "T1562"})},
		{ID: "testing-update/code-age", Area: TestingUpdate, Severity: Low, Reads: readsDeployments("lambda.aliases"), Look: codeAge,
			Title: "What is called by name was deployed within a year", Why: "Its libraries have not been mended for as long.", References: ref(Reference{ATTACK, "T1190"})},
		{ID: "testing-update/alias-latest", Area: TestingUpdate, Severity: Medium, Reads: []string{"lambda.aliases", "lambda.configuration.versions"}, Look: aliasLatest, Traces: []string{"UpdateFunctionCode", "CreateAlias", "UpdateAlias"},
			Title: "No alias stands for $LATEST", Why: "Whoever replaces the code has it in production at once, with nothing to go back to.", References: ref(Reference{ATTACK, "T1578.005"})},
		{ID: "testing-update/mapping-latest", Area: TestingUpdate, Severity: Low, Reads: []string{"lambda.mappings", "lambda.mappings.sweep", "lambda.aliases"}, Look: mappingLatest, Traces: []string{"UpdateFunctionCode", "CreateEventSourceMapping", "UpdateEventSourceMapping"},
			Title: "Event source mappings call an alias or a version", Why: "Code that nobody released gets the events, and going back means replacing it.", References: ref(Reference{ATTACK, "T1546"})},
		{ID: "testing-update/async-failure", Area: TestingUpdate, Severity: Medium, Reads: readsDeployments("lambda.aliases", "lambda.invoke-config"), Look: asyncFailure, Traces: []string{"DeleteFunctionEventInvokeConfig", "UpdateFunctionConfiguration"},
			Title: "What fails asynchronously goes to a queue or destination", Why: "Events that fail, or that containment turns away, are lost, and nothing tells what they were.", References: ref(Reference{Prowler, "awslambda_function_no_dead_letter_queue"})},
		{ID: "testing-update/inspector-on", Area: TestingUpdate, Severity: Medium, Reads: []string{"inspector2.status"}, Look: inspectorOn,
			Title: "Inspector scans Lambda functions in the region", Why: "Nobody looks whether the libraries have known holes.",
			References: ref(Reference{FSBP, "Inspector.4"}, Reference{Prowler, "inspector2_is_enabled"})},
		{ID: "testing-update/known-vulnerabilities", Area: TestingUpdate, Severity: High, Reads: []string{"lambda.configuration", "inspector2.status", "inspector2.findings"}, Look: knownVulnerabilities,
			Title: "Inspector knows of no high or critical hole in the function", Why: "The way in is published.",
			References: ref(Reference{Prowler, "inspector2_active_findings_exist"}, Reference{ATTACK, "T1190"})},
		{ID: "testing-update/image-scanned", Area: TestingUpdate, Severity: Medium, Reads: readsDeployments("ecr.image", "ecr.image.findings"), Look: imageScanned,
			Title: "The image of every version was scanned", Why: "Nobody looked whether what lies in it has known holes.", References: ref(Reference{FSBP, "ECR.1"}, Reference{Prowler, "ecr_repositories_scan_images_on_push_enabled"})},
		{ID: "testing-update/image-findings", Area: TestingUpdate, Severity: High, Reads: readsDeployments("ecr.image", "ecr.image.findings"), Look: imageFindings,
			Title: "The scan of no version's image found a high or critical hole", Why: "The way in is published.",
			References: ref(Reference{Prowler, "ecr_repositories_scan_vulnerabilities_in_latest_image"}, Reference{ATTACK, "T1190"})},
	}
}

// eachRuntime judges versions that have a runtime of Lambda's.
func (f *Facts) eachRuntime(judge func(d Deployment, ends time.Time) Finding) []Finding {
	return f.eachDeployment(func(d Deployment) []Finding {
		if d.Config.Runtime == "" {
			return []Finding{notApplicable(d.ARN, "it is a container image: its runtime is what lies in it")}
		}
		ends, known := supportEnd(d.Config.Runtime)
		if !known {
			return []Finding{unknown(d.ARN, &Gap{Artefact: d.Artefact, Source: d.Source, State: evidence.NotCovered, Note: "a runtime that the table of " + runtimesAsOf + " does not have"})}
		}
		return []Finding{judge(d, ends)}
	})
}

func (f *Facts) newRuntime(x Finding, d Deployment) Finding {
	next := successor(d.Config.Runtime)
	return f.changeVersion(x, d.Qualifier, run(f.configure("--runtime %s", next)).note("test it first, in a function beside it: another runtime may need other libraries, and code that was not made for it fails"), f.function("  runtime = %s\n", next))
}

func runtimeSupported(f *Facts) []Finding {
	return f.eachRuntime(func(d Deployment, ends time.Time) Finding {
		day := ends.AddDate(0, 0, -1).Format(time.DateOnly)
		if !f.Now.Before(ends) {
			return f.newRuntime(fail(d.ARN, d.Origin, "support of %s ended on %s (table of "+runtimesAsOf+")", d.Config.Runtime, day), d)
		}
		return pass(d.ARN, d.Origin, "%s is supported until %s (table of "+runtimesAsOf+")", d.Config.Runtime, day)
	})
}

func runtimeEnding(f *Facts) []Finding {
	const soon = 180
	return f.eachRuntime(func(d Deployment, ends time.Time) Finding {
		day := ends.AddDate(0, 0, -1).Format(time.DateOnly)
		switch {
		case !f.Now.Before(ends):
			return notApplicable(d.ARN, "support of %s has ended", d.Config.Runtime)
		case !f.Now.AddDate(0, 0, soon).Before(ends):
			return f.newRuntime(fail(d.ARN, d.Origin, "support of %s ends on %s (table of "+runtimesAsOf+")", d.Config.Runtime, day), d)
		}
		return pass(d.ARN, d.Origin, "%s is supported until %s (table of "+runtimesAsOf+")", d.Config.Runtime, day)
	})
}

func runtimeMode(f *Facts) []Finding {
	return f.eachDeployment(func(d Deployment) []Finding {
		if d.Config.Runtime == "" {
			return nil
		}
		m := doc[struct{ UpdateRuntimeOn, RuntimeVersionArn string }](f, "lambda.runtime", "", d.Qualifier)
		switch {
		case !m.Has:
			return []Finding{unknown(d.ARN, orNone(m.Gap, m.Origin))}
		case m.V.UpdateRuntimeOn == "Manual":
			return []Finding{fail(d.ARN, m.Origin, "it is pinned to %s", m.V.RuntimeVersionArn).fix(
				run(shell("aws lambda put-runtime-management-config --region %s --function-name %s --qualifier %s --update-runtime-on Auto", f.Region, f.Name, d.Qualifier)).
					note("whoever pinned it may have had a reason: a version of the runtime that broke the code").String(),
				hcl("resource \"aws_lambda_runtime_management_config\" \"it\" {\n  function_name     = %s\n  qualifier         = %s\n  update_runtime_on = \"Auto\"\n}", f.Name, d.Qualifier))}
		}
		return []Finding{pass(d.ARN, m.Origin, "its runtime is updated: %s", m.V.UpdateRuntimeOn)}
	})
}

// lastModified is as Lambda writes it.
func lastModified(text string) (time.Time, bool) {
	t, err := time.Parse("2006-01-02T15:04:05.000-0700", text)
	return t, err == nil
}

// named are $LATEST and what aliases stand for, with the first alias of each.
func behindNames(aliases []Alias) map[string]string {
	out := map[string]string{"$LATEST": ""}
	for _, a := range aliases {
		for _, v := range append([]string{a.FunctionVersion}, weighted(a)...) {
			if out[v] == "" {
				out[v] = a.Name
			}
		}
	}
	return out
}

func weighted(a Alias) (versions []string) {
	for v := range a.RoutingConfig.AdditionalVersionWeights {
		versions = append(versions, v)
	}
	slices.Sort(versions)
	return versions
}

func codeAge(f *Facts) []Finding {
	aliases, _, gap := f.aliases()
	names := behindNames(aliases)
	deployments, out := f.deployments()
	if gap != nil {
		out = append(out, unknown(f.Function+":*", gap))
	}
	old := f.Now.AddDate(-1, 0, 0)
	for _, d := range deployments {
		by, called := names[d.Qualifier]
		at, known := lastModified(d.Config.LastModified)
		switch {
		case !called:
			continue
		case !known:
			out = append(out, unknown(d.ARN, &Gap{Artefact: d.Artefact, Source: d.Source, State: evidence.Unreadable, Note: "when it was deployed cannot be read"}))
		case at.Before(old):
			out = append(out, fail(d.ARN, d.Origin, "deployed on %s", at.UTC().Format(time.DateOnly)).fix(f.deployAgain(by, deployments, old)))
		default:
			out = append(out, pass(d.ARN, d.Origin, "deployed on %s", at.UTC().Format(time.DateOnly)))
		}
	}
	return out
}

// deployAgain moves an alias to the newest version that is young enough, where there is one.
func (f *Facts) deployAgain(alias string, all []Deployment, old time.Time) (cli, terraform string) {
	newest := ""
	for _, d := range all {
		if at, ok := lastModified(d.Config.LastModified); ok && !at.Before(old) && !latest(d.Qualifier) && versionNumber(d.Qualifier) > versionNumber(newest) {
			newest = d.Qualifier
		}
	}
	if alias == "" || newest == "" {
		s := run(f.deploy(`--zip-file "fileb://$PACKAGE" --publish`)).ask("PACKAGE", "the package, built again with libraries of today: a ZIP file. "+aPackage)
		if alias != "" {
			s = s.note(shell("then the alias %s has to stand for the version that this makes (aws lambda update-alias)", alias))
		}
		return s.String(), f.function("  filename = \"rebuilt.zip\"\n  publish  = true\n")
	}
	return f.moveAlias(alias, newest)
}

func versionNumber(version string) int {
	n, err := strconv.Atoi(version)
	if err != nil {
		return 0
	}
	return n
}

func (f *Facts) moveAlias(alias, version string) (cli, terraform string) {
	return run(shell("aws lambda update-alias --region %s --function-name %s --name %s --function-version %s --routing-config AdditionalVersionWeights={}", f.Region, f.Name, alias, version)).
			note(shell("all calls of the alias go to version %s then: look first whether that is a good one", version)).String(),
		hcl("resource \"aws_lambda_alias\" \"it\" {\n  name             = %s\n  function_name    = %s\n  function_version = %s\n}", alias, f.Name, version)
}

func aliasLatest(f *Facts) []Finding {
	aliases, origin, gap := f.aliases()
	var out []Finding
	if gap != nil {
		out = append(out, unknown(f.Function+":*", gap))
	}
	for _, a := range aliases {
		target := f.qualified(a.Name)
		if !latest(a.FunctionVersion) && !slices.ContainsFunc(weighted(a), latest) {
			out = append(out, pass(target, origin, "it stands for version %s", a.FunctionVersion))
			continue
		}
		out = append(out, f.releaseAlias(fail(target, origin, "it stands for $LATEST"), a.Name))
	}
	return out
}

// releaseAlias lets an alias stand for the newest published version.
func (f *Facts) releaseAlias(x Finding, alias string) Finding {
	versions, _, _ := f.versions()
	newest := ""
	for _, v := range versions {
		if versionNumber(v) > versionNumber(newest) {
			newest = v
		}
	}
	if newest != "" {
		return x.fix(f.moveAlias(alias, newest))
	}
	_, terraform := f.moveAlias(alias, "VERSION")
	return x.fix(run(shell("VERSION=$(aws lambda publish-version --region %s --function-name %s --query Version --output text)", f.Region, f.Name),
		shell(`aws lambda update-alias --region %s --function-name %s --name %s --function-version "$VERSION" --routing-config AdditionalVersionWeights={}`, f.Region, f.Name, alias)).
		note("it publishes what $LATEST is: look first whether that is good").String(), terraform)
}

func mappingLatest(f *Facts) []Finding {
	mappings, out := f.mappings()
	aliases, _, _ := f.aliases() // only for the repair
	at := slices.IndexFunc(aliases, func(a Alias) bool { return !latest(a.FunctionVersion) })
	for _, m := range mappings {
		target := "arn:" + part(f.Function, 1) + ":lambda:" + f.Region + ":" + f.Account + ":event-source-mapping:" + m.UUID
		if m.FunctionArn != f.Function && m.FunctionArn != f.qualified("$LATEST") {
			out = append(out, pass(target, m.At, "it calls %s", m.FunctionArn))
			continue
		}
		name := f.Name + ":live"
		if at >= 0 {
			name = f.Name + ":" + aliases[at].Name
		}
		out = append(out, fail(target, m.At, "it calls $LATEST, with events of %s", m.EventSourceArn).fix(
			f.mapTo(m.UUID, name, at >= 0).String(),
			hcl("resource \"aws_lambda_event_source_mapping\" \"it\" {\n  event_source_arn = %s\n  function_name    = %s\n}", m.EventSourceArn, name)))
	}
	return out
}

// InvokeConfig says what becomes of a qualifier's asynchronous events.
type InvokeConfig struct {
	FunctionArn       string
	DestinationConfig DestinationConfig
}

// invokeConfigs are those of all qualifiers.
func (f *Facts) invokeConfigs() Doc[struct{ FunctionEventInvokeConfigs []InvokeConfig }] {
	return doc[struct{ FunctionEventInvokeConfigs []InvokeConfig }](f, "lambda.invoke-config", "", "")
}

// asyncFailure asks of each name by which the function is called. A dead-letter queue is the
// version's; a destination is the name's.
func asyncFailure(f *Facts) []Finding {
	deployments, out := f.deployments()
	aliases, at, gap := f.aliases()
	configs := f.invokeConfigs()
	for _, g := range []*Gap{gap, configs.Gap} {
		if g != nil {
			out = append(out, unknown(f.Function+":*", g))
		}
	}
	queue := map[string]string{}
	var origin Origin
	role := ""
	for _, d := range deployments {
		queue[d.Qualifier] = d.Config.DeadLetterConfig.TargetArn
		if latest(d.Qualifier) {
			origin, role = d.Origin, nameOf(d.Config.Role)
		}
	}
	for _, a := range append([]Alias{{Name: "$LATEST", FunctionVersion: "$LATEST"}}, aliases...) {
		target := f.qualified(a.Name)
		i := slices.IndexFunc(configs.V.FunctionEventInvokeConfigs, func(c InvokeConfig) bool { return c.FunctionArn == target })
		all := append([]string{a.FunctionVersion}, weighted(a)...)
		var now DestinationConfig
		if i >= 0 {
			now = configs.V.FunctionEventInvokeConfigs[i].DestinationConfig
		}
		switch {
		case i >= 0 && configs.V.FunctionEventInvokeConfigs[i].DestinationConfig.OnFailure.Destination != "":
			out = append(out, pass(target, configs.Origin, "failures go to %s", configs.V.FunctionEventInvokeConfigs[i].DestinationConfig.OnFailure.Destination))
		case !slices.ContainsFunc(all, func(v string) bool { return queue[v] == "" }):
			out = append(out, pass(target, origin, "failures go to %s", queue[a.FunctionVersion]))
		case len(out) > 0 && slices.ContainsFunc(out, func(x Finding) bool { return x.Verdict == Unknown }): // it may be among what is not known
		default:
			out = append(out, f.failTo(fail(target, origin, "what fails is lost").also(configs.Origin, at), a.Name, role, i >= 0, now))
		}
	}
	return out
}

// inspecting says whether Inspector scans functions here.
func (f *Facts) inspecting() (on bool, at Origin, gap *Gap) {
	d := regional[struct {
		Accounts []struct {
			ResourceState struct{ Lambda struct{ Status string } }
		}
	}](f, "inspector2.status")
	if !d.Has || len(d.V.Accounts) != 1 {
		return false, d.Origin, orNone(d.Gap, d.Origin)
	}
	return d.V.Accounts[0].ResourceState.Lambda.Status == "ENABLED", d.Origin, nil
}

func inspectorOn(f *Facts) []Finding {
	target := f.Account + " " + f.Region
	switch on, at, gap := f.inspecting(); {
	case gap != nil:
		return []Finding{unknown(target, gap)}
	case on:
		return []Finding{pass(target, at, "it does")}
	default:
		return []Finding{fail(target, at, "it does not").fix(run(shell("aws inspector2 enable --region %s --account-ids %s --resource-types LAMBDA", f.Region, f.Account)).
			note("it is paid for by the function; in an organization its administrator may be another account").String(),
			hcl("resource \"aws_inspector2_enabler\" \"it\" {\n  account_ids    = [%s]\n  resource_types = [\"LAMBDA\"]\n}", f.Account))}
	}
}

func grave(severity string) bool { return severity == "HIGH" || severity == "CRITICAL" }

func knownVulnerabilities(f *Facts) []Finding {
	on, at, gap := f.inspecting()
	d := doc[struct {
		Findings []struct{ Title, Severity, Status string }
	}](f, "inspector2.findings", "", "")
	var found []string
	for _, x := range d.V.Findings {
		if grave(x.Severity) && (x.Status == "" || x.Status == "ACTIVE") {
			found = append(found, x.Title)
		}
	}
	switch {
	case len(found) > 0:
		return []Finding{f.rebuild(fail(f.Function, d.Origin, "%s", join(found)), "$LATEST", `--zip-file "fileb://$PACKAGE"`, "PACKAGE", "the package, built again with libraries that are mended: a ZIP file. "+aPackage, "  filename = \"rebuilt.zip\"\n")}
	case gap != nil:
		return []Finding{unknown(f.Function, gap)}
	case d.Gap != nil:
		return []Finding{unknown(f.Function, d.Gap)}
	case !on:
		return []Finding{notApplicable(f.Function, "Inspector does not look at functions here")}
	}
	return []Finding{pass(f.Function, d.Origin, "it knows of none").also(at)}
}

// imageScan is what scans say of an image.
type imageScan struct {
	ImageScanStatus   struct{ Status string }
	ImageScanFindings struct {
		FindingSeverityCounts map[string]int
		Findings              []struct{ Name, Severity string }
		EnhancedFindings      []struct{ Title, Severity string }
	}
}

// eachImage judges the scan of every version's image.
func (f *Facts) eachImage(judge func(d Deployment, image oci.Reference, scan Doc[imageScan]) Finding) []Finding {
	return f.eachDeployment(func(d Deployment) []Finding {
		if d.Config.PackageType != "Image" {
			return nil
		}
		runs := doc[struct{ ResolvedImageUri string }](f, "ecr.image", "", d.Qualifier) //nolint:revive // the API's name
		if !runs.Has {
			return []Finding{unknown(d.ARN, orNone(runs.Gap, runs.Origin))}
		}
		image, ok := oci.ParseReference(runs.V.ResolvedImageUri)
		if !ok || image.Digest == "" {
			return []Finding{notApplicable(d.ARN, "it is no image in ECR: %s", runs.V.ResolvedImageUri)}
		}
		repository := "arn:" + part(f.Function, 1) + ":ecr:" + image.Region + ":" + image.Account + ":repository/" + image.Repository
		return []Finding{judge(d, image, doc[imageScan](f, "ecr.image.findings", repository, image.Digest))}
	})
}

func imageScanned(f *Facts) []Finding {
	return f.eachImage(func(d Deployment, image oci.Reference, scan Doc[imageScan]) Finding {
		what := "it was never scanned"
		switch status := scan.V.ImageScanStatus.Status; {
		case status == "COMPLETE" || status == "ACTIVE":
			return pass(d.ARN, scan.Origin, "it was scanned")
		case scan.Has:
			what = "its scan is " + strings.ToLower(status)
		case !scan.None:
			return unknown(d.ARN, orNone(scan.Gap, scan.Origin))
		}
		return fail(d.ARN, d.Origin, "%s", what).also(scan.Origin).fix(
			run(shell("aws ecr start-image-scan --region %s --registry-id %s --repository-name %s --image-id %s", image.Region, image.Account, image.Repository, "imageDigest="+image.Digest)).
				note("an image is scanned by hand once in a day; with enhanced scanning Inspector scans by itself, and this is refused").String(),
			hcl("resource \"aws_ecr_repository\" \"it\" {\n  name = %s\n  image_scanning_configuration {\n    scan_on_push = true\n  }\n}", image.Repository))
	})
}

func imageFindings(f *Facts) []Finding {
	return f.eachImage(func(d Deployment, _ oci.Reference, scan Doc[imageScan]) Finding {
		s := scan.V.ImageScanFindings
		var found []string
		for _, x := range s.Findings {
			if grave(x.Severity) {
				found = append(found, x.Name)
			}
		}
		for _, x := range s.EnhancedFindings {
			if grave(x.Severity) {
				found = append(found, x.Title)
			}
		}
		if n := s.FindingSeverityCounts["CRITICAL"] + s.FindingSeverityCounts["HIGH"]; n > 0 && len(found) == 0 {
			found = append(found, fmt.Sprintf("%d that the scan does not name", n))
		}
		switch {
		case len(found) > 0:
			return f.rebuild(fail(d.ARN, scan.Origin, "%s", join(found)), d.Qualifier, `--image-uri "$IMAGE_URI"`, "IMAGE_URI", "the image, built again with libraries that are mended and pushed, by its digest (REPOSITORY@sha256:...)", "  image_uri = \"REBUILT-IMAGE-BY-DIGEST\"\n")
		case scan.None:
			return notApplicable(d.ARN, "it was never scanned")
		case scan.Gap != nil:
			return unknown(d.ARN, scan.Gap)
		}
		return pass(d.ARN, scan.Origin, "its scan found none")
	})
}
