package practices

import (
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// Config is what checks read of GetFunction's Configuration, by the API's names.
type Config struct {
	FunctionArn, FunctionName, Version, Runtime, Role, Handler string
	CodeSha256, LastModified, PackageType, KMSKeyArn           string
	SigningProfileVersionArn, SigningJobArn                    string
	CodeSize, MemorySize, Timeout                              int64
	Architectures                                              []string
	Layers                                                     []LayerUse
	FileSystemConfigs                                          []struct{ Arn, LocalMountPath string }
	Environment                                                *Environment
	VpcConfig                                                  *VPCUse
	TracingConfig                                              struct{ Mode string }
	DeadLetterConfig                                           struct{ TargetArn string }
	LoggingConfig                                              LoggingUse
	EphemeralStorage                                           struct{ Size int64 }
	SnapStart                                                  struct{ ApplyOn, OptimizationStatus string }
	DurableConfig                                              *struct{ RetentionPeriodInDays, ExecutionTimeout int64 }
	TenancyConfig                                              *struct{ TenantIsolationMode string }
	RuntimeVersionConfig                                       struct{ RuntimeVersionArn string }
}

// LayerUse is a layer version of a configuration.
type LayerUse struct{ Arn, SigningProfileVersionArn, SigningJobArn string }

// Environment is a configuration's; values are replaced by what stands for them.
type Environment struct {
	Variables map[string]string
	Error     *struct{ ErrorCode, Message string }
}

// VPCUse is where a configuration runs; without subnets it is in no VPC.
type VPCUse struct {
	VpcId                       string //nolint:revive // the API's name
	SubnetIds, SecurityGroupIds []string
}

// LoggingUse is how a configuration logs.
type LoggingUse struct {
	LogFormat           string `json:",omitempty"`
	LogGroup            string `json:",omitempty"`
	ApplicationLogLevel string `json:",omitempty"`
	SystemLogLevel      string `json:",omitempty"`
}

// Code is GetFunction's Code.
type Code struct {
	RepositoryType, ImageUri, ResolvedImageUri, SourceKMSKeyArn string //nolint:revive // the API's names
	ResolvedS3Object                                            *struct{ S3Bucket, S3Key, S3ObjectVersion string }
}

// GetFunction is the document lambda.configuration.
type GetFunction struct {
	Configuration Config
	Code          Code
	Tags          map[string]string
	Concurrency   *struct{ ReservedConcurrentExecutions *int64 }
}

// Deployment is a version of the function, $LATEST included.
type Deployment struct {
	Doc[GetFunction]
	Qualifier string
	ARN       string // with the qualifier
	Config    Config
}

// Alias is one of the function's.
type Alias struct {
	Name, FunctionVersion, AliasArn string
	RoutingConfig                   struct{ AdditionalVersionWeights map[string]float64 }
}

// readsDeployments is what reading deployments takes.
func readsDeployments(more ...string) []string {
	return append([]string{"lambda.configuration", "lambda.configuration.versions"}, more...)
}

// versions are the qualifiers of all versions, $LATEST first; a gap where there may be more.
func (f *Facts) versions() ([]string, Origin, *Gap) {
	d := doc[struct{ Versions []Config }](f, "lambda.configuration.versions", "", "")
	out := []string{"$LATEST"}
	for _, v := range d.V.Versions {
		if v.Version != "" && !slices.Contains(out, v.Version) {
			out = append(out, v.Version)
		}
	}
	return out, d.Origin, d.Gap
}

// deployments are all versions with their configurations. Each that could not be had is among
// the gaps, and so is that there may be more.
func (f *Facts) deployments() (known []Deployment, gaps []Finding) {
	names, _, gap := f.versions()
	if gap != nil {
		gaps = append(gaps, unknown(f.Function+":*", gap))
	}
	for _, q := range names {
		d := doc[GetFunction](f, "lambda.configuration", "", q)
		if !d.Has {
			gaps = append(gaps, unknown(f.qualified(q), orNone(d.Gap, d.Origin)))
			continue
		}
		known = append(known, Deployment{Doc: d, Qualifier: q, ARN: f.qualified(q), Config: d.V.Configuration})
	}
	return known, gaps
}

// orNone is a gap for what AWS says is not there, and the check cannot do without.
func orNone(g *Gap, o Origin) *Gap {
	if g != nil {
		return g
	}
	return &Gap{Artefact: o.Artefact, Source: o.Source, State: "absent", Note: "AWS says that there is none, and other evidence says that there is"}
}

// eachDeployment judges every version by itself.
func (f *Facts) eachDeployment(judge func(d Deployment) []Finding) []Finding {
	known, out := f.deployments()
	for _, d := range known {
		out = append(out, judge(d)...)
	}
	return out
}

// aliases of the function; a gap where there may be more.
func (f *Facts) aliases() ([]Alias, Origin, *Gap) {
	d := doc[struct{ Aliases []Alias }](f, "lambda.aliases", "", "")
	return d.V.Aliases, d.Origin, d.Gap
}

// Statement is one of a resource's policy.
type Statement struct {
	iampolicy.Statement
	At        Origin
	Qualifier string
	Target    string // what the policy is of
}

func (s Statement) name() string {
	if s.Sid == "" {
		return "(no Sid)"
	}
	return s.Sid
}

// policyDoc is GetPolicy's and GetResourcePolicy's answer.
type policyDoc struct{ Policy, RevisionId string } //nolint:revive // the API's name

const (
	artPolicy   = "lambda.policy"
	artResource = "lambda.policy.resource"
)

// readsPolicies is what reading the policies of all qualifiers takes.
func readsPolicies() []string {
	return []string{artPolicy, artResource, "lambda.configuration.versions", "lambda.aliases"}
}

// qualifierPolicies reads the policy of the function, of each alias and each version. whole
// are those known to the end, with or without a policy; gaps are the others, and that there may be more.
func (f *Facts) qualifierPolicies() (statements []Statement, whole []Doc[policyDoc], gaps []Finding) {
	versions, _, gap := f.versions()
	if gap != nil {
		gaps = append(gaps, unknown(f.Function+":*", gap))
	}
	aliases, _, gap := f.aliases()
	if gap != nil {
		gaps = append(gaps, unknown(f.Function+":*", gap))
	}
	qualifiers := []string{""}
	for _, a := range aliases {
		qualifiers = append(qualifiers, a.Name)
	}
	for _, v := range versions {
		if v != "$LATEST" { // carries no policy of its own
			qualifiers = append(qualifiers, v)
		}
	}
	for _, q := range qualifiers {
		s, d, gap := f.policyOf(q)
		statements = append(statements, s...)
		if gap != nil {
			gaps = append(gaps, unknown(f.qualified(q), gap))
		} else {
			whole = append(whole, d)
		}
	}
	return statements, whole, gaps
}

// policyOf reads one qualifier's policy. GetPolicy shows what AddPermission built, and may not
// show what PutResourcePolicy put: what it shows counts, and is not the whole.
func (f *Facts) policyOf(qualifier string) ([]Statement, Doc[policyDoc], *Gap) {
	d := doc[policyDoc](f, artResource, "", qualifier)
	gap := d.Gap
	if !d.Has && gap != nil {
		if older := doc[policyDoc](f, artPolicy, "", qualifier); older.Has {
			d = older
		}
	}
	if !d.Has {
		return nil, d, gap
	}
	p, err := iampolicy.Parse(d.V.Policy)
	if err != nil {
		return nil, d, malformed(d.Origin)
	}
	var out []Statement
	for _, s := range p.Statements {
		out = append(out, Statement{Statement: s, At: d.Origin, Qualifier: qualifier, Target: f.qualified(qualifier)})
	}
	return out, d, gap
}

// malformed: a policy that this cannot read is not one that allows nothing.
func malformed(o Origin) *Gap {
	return &Gap{Artefact: o.Artefact, Source: o.Source, State: "unreadable", Note: "the policy cannot be read as IAM reads one"}
}

// eachPolicy judges the statements of all qualifiers' policies: each that bad picks fails, and
// a qualifier of which none does passes.
func (f *Facts) eachPolicy(bad func(s Statement) *Finding, good string) []Finding {
	statements, whole, out := f.qualifierPolicies()
	failed := map[string]bool{}
	for _, s := range statements {
		if x := bad(s); x != nil {
			failed[s.Qualifier] = true
			out = append(out, *x)
		}
	}
	for _, d := range whole {
		q := d.Source.Qualifier
		switch {
		case failed[q]:
		case d.None:
			out = append(out, pass(f.qualified(q), d.Origin, "it has no policy"))
		default:
			out = append(out, pass(f.qualified(q), d.Origin, good))
		}
	}
	return out
}

// removePermission is the repair of a statement of a qualifier's policy.
func (f *Facts) removePermission(x Finding, s Statement) Finding {
	remove := shell("aws lambda remove-permission --region %s --function-name %s --statement-id %s", f.Region, f.Function, s.Sid)
	if s.Qualifier != "" {
		remove += shell(" --qualifier %s", s.Qualifier)
	}
	cli := run(remove)
	if s.Sid == "" {
		cli = run(shell(`aws lambda put-resource-policy --region %s --resource-arn %s --policy "file://$POLICY"`, f.Region, s.Target)).
			ask("POLICY", "a file with the policy without this statement, which has no Sid. The evidence that the finding cites has it as it is")
	}
	return x.fix(cli.note("whoever calls by this statement alone "+refusedFromThenOn).String(), "# remove the aws_lambda_permission that makes it, or narrow it:\n"+
		hcl("resource \"aws_lambda_permission\" \"only\" {\n  function_name  = %s\n  statement_id   = %s\n  action         = \"lambda:InvokeFunction\"\n  principal      = \"SERVICE.amazonaws.com\"\n  source_arn     = \"ARN\"\n  source_account = %s\n}", f.Function, s.Sid, f.Account))
}

// latest is the version that is not published.
func latest(qualifier string) bool { return qualifier == "$LATEST" }

// join puts names into a sentence.
func join(names []string) string {
	const most = 8
	if len(names) > most {
		return strings.Join(names[:most], ", ") + " and " + count(len(names)-most, "other")
	}
	return strings.Join(names, ", ")
}
