package practices

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
	"github.com/freezeframe-ir/freezeframe/internal/inspect"
)

// secretsManagement: where the function's secrets stand, who else may read them, and for how
// long one that was stolen is good. No check reads a value.
func secretsManagement() []Check {
	area := []Reference{{CSF, "PR.DS-01"}}
	ref := func(more ...Reference) []Reference { return append(more, area...) }
	key := func(more ...string) []string { return append([]string{"lambda.configuration"}, more...) }
	return []Check{
		{ID: "secrets-management/environment-names", Area: SecretsManagement, Severity: High, Reads: []string{"lambda.configuration.versions", "lambda.environment"}, Look: environmentNames, Traces: []string{"GetFunction", "GetFunctionConfiguration", "ListFunctions", "ListVersionsByFunction"},
			Title: "No environment variable is named as a secret is", Why: "Whoever may list functions reads it, and it stays in every version that was published with it.",
			References: ref(Reference{Prowler, "awslambda_function_no_secrets_in_variables"}, Reference{ATTACK, "T1552.001"})},
		{ID: "secrets-management/code", Area: SecretsManagement, Severity: High, Reads: readsDeployments("lambda.code"), Look: secretsInCode, Traces: []string{"GetFunction"},
			Title: "No secret stands in the code of a version", Why: "Whoever may read the function has it, and a new version does not take it out of the old ones.",
			References: ref(Reference{Prowler, "awslambda_function_no_secrets_in_code"}, Reference{ATTACK, "T1552.001"})},
		{ID: "secrets-management/layers", Area: SecretsManagement, Severity: High, Reads: readsDeployments("lambda.layers.content"), Look: secretsInLayers, Traces: []string{"GetLayerVersion", "GetLayerVersionByArn"},
			Title: "No secret stands in a layer", Why: "Layers are shared: whoever may use one has what lies in it.",
			References: ref(Reference{Prowler, "awslambda_layer_no_secrets_in_content"}, Reference{ATTACK, "T1552.001"})},
		{ID: "secrets-management/read-any", Area: SecretsManagement, Severity: High, Reads: readsRoles(), Look: readAny, Traces: []string{"GetSecretValue", "BatchGetSecretValue", "GetParameter", "GetParameters", "GetParametersByPath"},
			Title: "The execution role may read named secrets and parameters only", Why: "Code in the function can read every secret of the account.", References: ref(Reference{ATTACK, "T1555.006"})},
		{ID: "secrets-management/rotation", Area: SecretsManagement, Severity: Medium, Reads: readsNamed("secretsmanager.secret"), Look: rotation, Traces: []string{"CancelRotateSecret"},
			Title: "Secrets that the function names rotate by themselves", Why: "A secret that was read once is good until somebody thinks of it.",
			References: ref(Reference{FSBP, "SecretsManager.1"}, Reference{Prowler, "secretsmanager_automatic_rotation_enabled"})},
		{ID: "secrets-management/rotated", Area: SecretsManagement, Severity: Medium, Reads: readsNamed("secretsmanager.secret"), Look: rotated,
			Title: "Secrets that the function names were rotated when they were due", Why: "Rotation is set up and fails, or has never run: the secret is as old as it looks.",
			References: ref(Reference{FSBP, "SecretsManager.4"}, Reference{Prowler, "secretsmanager_secret_rotated_periodically"})},
		{ID: "secrets-management/secret-deletion", Area: SecretsManagement, Severity: High, Reads: readsNamed("secretsmanager.secret"), Look: secretDeletion, Traces: []string{"DeleteSecret"},
			Title: "No secret that the function names is about to be deleted", Why: "On the day, it is gone for good, and the function with it.", References: ref(Reference{ATTACK, "T1485"})},
		{ID: "secrets-management/secret-policy", Area: SecretsManagement, Severity: Critical, Reads: readsNamed("secretsmanager.secret.policy"), Look: secretPolicy, Traces: []string{"PutResourcePolicy", "GetSecretValue"},
			Title: "No policy of a secret that the function names admits another account", Why: "Others read it with no trace but one event, and rotating it gives them the new one.",
			References: ref(Reference{Prowler, "secretsmanager_not_publicly_accessible"}, Reference{ATTACK, "T1555.006"})},
		{ID: "secrets-management/parameter-type", Area: SecretsManagement, Severity: Medium, Reads: readsNamed("ssm.parameter"), Look: parameterType, Traces: []string{"GetParameter", "GetParameters", "GetParametersByPath", "PutParameter"},
			Title: "Parameters that are named as secrets are, are encrypted", Why: "A plain parameter is read with ssm:GetParameter alone, and no key's policy stands before it.", References: ref(Reference{ATTACK, "T1552"})},
		{ID: "secrets-management/key-policy", Area: SecretsManagement, Severity: High, Reads: key("kms.key.policy"), Look: keyPolicy, Traces: []string{"PutKeyPolicy", "Decrypt"},
			Title: "The policy of the environment's key admits no other account", Why: "Who opens the function's secrets is decided elsewhere.",
			References: ref(Reference{FSBP, "KMS.5"}, Reference{Prowler, "kms_key_not_publicly_accessible"}, Reference{ATTACK, "T1098"})},
		{ID: "secrets-management/key-grants", Area: SecretsManagement, Severity: High, Reads: key("kms.key.grants"), Look: keyGrants, Traces: []string{"CreateGrant", "Decrypt"},
			Title: "No grant of the environment's key is another account's", Why: "A grant opens the key beside its policy, and few look for it.", References: ref(Reference{ATTACK, "T1098"})},
		{ID: "secrets-management/key-rotation", Area: SecretsManagement, Severity: Low, Reads: key("kms.key.rotation"), Look: keyRotation, Traces: []string{"DisableKeyRotation"},
			Title: "The environment's key rotates", Why: "All that was ever encrypted hangs on one key.", References: ref(Reference{SecurityHub, "KMS.4"}, Reference{Prowler, "kms_cmk_rotation_enabled"})},
		{ID: "secrets-management/key-state", Area: SecretsManagement, Severity: High, Reads: key("kms.key"), Look: keyState, Traces: []string{"ScheduleKeyDeletion", "DisableKey"},
			Title: "The environment's key is enabled, and not about to be deleted", Why: "Without it the function does not start, and what it encrypted is lost.",
			References: ref(Reference{FSBP, "KMS.3"}, Reference{Prowler, "kms_cmk_not_deleted_unintentionally"}, Reference{ATTACK, "T1485"})},
	}
}

var (
	secretName    = regexp.MustCompile(`PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|ENCRYPTION_?KEY|SIGNING_?KEY|CREDENTIAL`)
	referenceName = regexp.MustCompile(`_?(ARN|NAME|ID|PATH|PREFIX|PARAMETER|PARAM|URL|URI|ENDPOINT|FILE|TTL|EXPIRY|SECONDS|HEADER|REGION|VERSION|TABLE|BUCKET|ISSUER|AUDIENCE)$`)
	variableName  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]+$`)
)

// looksSecret judges by a name alone: a name that ends as names of references do is none.
func looksSecret(name string) bool {
	upper := strings.ToUpper(strings.NewReplacer("-", "_", ".", "_", "/", "_").Replace(name))
	return secretName.MatchString(upper) && !referenceName.MatchString(upper)
}

func environmentNames(f *Facts) []Finding {
	versions, _, gap := f.versions()
	var out []Finding
	if gap != nil {
		out = append(out, unknown(f.Function+":*", gap))
	}
	for _, q := range versions {
		d := doc[Environment](f, "lambda.environment", "", q)
		switch {
		case d.None:
			out = append(out, pass(f.qualified(q), d.Origin, "it has no environment variables"))
			continue
		case !d.Has:
			out = append(out, unknown(f.qualified(q), orNone(d.Gap, d.Origin)))
			continue
		}
		var found, rest []string
		for name := range d.V.Variables {
			if looksSecret(name) {
				found = append(found, name)
			} else {
				rest = append(rest, name)
			}
		}
		slices.Sort(found)
		slices.Sort(rest)
		if len(found) == 0 {
			out = append(out, pass(f.qualified(q), d.Origin, "none of its "+count(len(rest), "variable")+" is named as a secret is"))
			continue
		}
		out = append(out, f.changeVersion(fail(f.qualified(q), d.Origin, "named as secrets are: %s", join(found)), q, f.keepVariables(rest, "store the secret elsewhere first, with a new value, for who read the configuration has this one; code that reads it from the variable fails until it reads it there"),
			f.function("  # the others, and in place of the secret the ARN of where it is stored\n  environment {\n    variables = {}\n  }\n")))
	}
	return out
}

// keepVariables puts the environment again with the named variables alone. Their values go
// from call to call, and stand in no text.
func (f *Facts) keepVariables(names []string, note string) script {
	if len(names) == 0 {
		return run(f.configure("--environment %s", `{"Variables":{}}`)).note(note)
	}
	var keep []string
	for _, n := range names {
		if !variableName.MatchString(n) {
			return run(f.configure(`--environment "file://$ENVIRONMENT"`)).note(note).
				ask("ENVIRONMENT", shell(`a file with {"Variables": {...}}: all that it has (aws lambda get-function-configuration), less what the finding names. Of these a name cannot be written here: %s`, n))
		}
		keep = append(keep, fmt.Sprintf("%q: %q", n, n))
	}
	return run(shell("KEPT=$(aws lambda get-function-configuration --region %s --function-name %s --query %s --output json)", f.Region, f.Name, `{Variables: Environment.Variables.{`+strings.Join(keep, ", ")+`}}`),
		f.configure(`--environment "$KEPT"`)).note(note)
}

// judgePackage says what was found in one package.
func (f *Facts) judgePackage(target, artefact, arn, qualifier string) (Finding, bool) {
	x, at, none, gap := f.scanned(artefact, arn, qualifier)
	switch {
	case none:
		return notApplicable(target, "it has no package: it is a container image"), false
	case gap != nil:
		return unknown(target, gap), false
	case len(x.Secrets) > 0:
		return fail(target, at, "found: %s", join(places(x.Secrets))), true
	case len(x.Unscanned) > 0 || x.Cut != "":
		return unknown(target, &Gap{Artefact: artefact, Source: at.Source, State: "not_covered", Note: "no secret in what was looked through; " + count(len(x.Unscanned), "file") + " of it were not, or not to the end (freezeframe inspect names them)"}), false
	}
	return pass(target, at, "no secret in its "+count(len(x.Entries), "file")), false
}

func places(found []inspect.Secret) []string {
	var out []string
	for _, s := range found {
		out = append(out, fmt.Sprintf("%s in %s, line %d", s.Rule, s.Path, s.Line))
	}
	return out
}

func secretsInCode(f *Facts) []Finding {
	versions, _, gap := f.versions()
	var out []Finding
	if gap != nil {
		out = append(out, unknown(f.Function+":*", gap))
	}
	for _, q := range versions {
		x, failed := f.judgePackage(f.qualified(q), "lambda.code", "", q)
		if failed {
			x = f.changeVersion(x, q, run(f.deploy(`--zip-file "fileb://$PACKAGE"`)).note(newSecretFirst).ask("PACKAGE", "the package without the secret: a ZIP file that was built again. "+aPackage),
				f.function("  filename = \"without-secrets.zip\"\n"))
		}
		out = append(out, x)
	}
	return out
}

func secretsInLayers(f *Facts) []Finding {
	layers, by, out := f.layerUses()
	for _, arn := range layers {
		x, failed := f.judgePackage(arn, "lambda.layers.content", arn, "")
		if failed {
			x = f.cleanLayer(x, arn, by[arn])
		}
		out = append(out, x)
	}
	return out
}

const newSecretFirst = "give out a new secret before, and let the old one be good for nothing: it is known"

// cleanLayer puts another layer version in the place of one with a secret. The old version stays:
// others may run with it, and it is evidence.
func (f *Facts) cleanLayer(x Finding, arn string, on []string) Finding {
	layer := strings.TrimSuffix(arn, ":"+nameOf(arn))
	s := run().note(newSecretFirst)
	if f.mine(arn) {
		s = s.then(shell("LAYER_ARN=$(aws lambda publish-layer-version --region %s --layer-name %s ", part(arn, 3), layer)+`--zip-file "fileb://$PACKAGE" --query LayerVersionArn --output text)`).
			note(shell("%s stays as it is for others that have it", arn)).ask("PACKAGE", "the layer without the secret: a ZIP file. "+aPackage)
	} else {
		s = s.ask("LAYER_ARN", "the ARN of a layer version of this account with the same in it, less the secret")
	}
	return f.replaceLayer(x, arn, on, s)
}

// secretReads are calls that give out values.
func secretReads() []string {
	return []string{"secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue", "ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"}
}

func readAny(f *Facts) []Finding {
	return f.eachRoleStatement(func(r Role, p RolePolicy, s iampolicy.Statement) *Finding {
		if s.Effect != "Allow" || isAdmin(s) || len(s.Action) == 0 || !anySecret(s.Resource) {
			return nil
		}
		var open []string
		for _, a := range secretReads() {
			if s.Acts(a) {
				open = append(open, a)
			}
		}
		if len(open) == 0 {
			return nil
		}
		return roleStatement(r, p, s, "%s on any secret or parameter", join(open))
	}, "no policy of it allows to read every secret or parameter")
}

// anySecret says whether a resource names no secret or parameter, nor a folder of them.
func anySecret(resources []string) bool {
	return slices.ContainsFunc(resources, func(r string) bool {
		name := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(part(r, 5), "secret:"), "parameter"), "/")
		return r == "*" || part(r, 5) != "" && strings.Trim(name, "*?") == ""
	})
}

const rotateEvery = 90 // days: Security Hub's SecretsManager.4

func rotateSecret(arn string, s Secret) (cli, terraform string) {
	by, steps := s.RotationLambdaARN, run().note("contain who reads the secret before: they would read the new one. Whoever keeps the old one in memory fails until they read it again")
	if by == "" {
		by, steps = "ROTATION-FUNCTION-ARN", steps.ask("ROTATION_ARN", "the ARN of a function that rotates such secrets, and that Secrets Manager may call").
			then(shell("aws secretsmanager rotate-secret --region %s --secret-id %s --rotation-rules AutomaticallyAfterDays=90 ", part(arn, 3), arn)+`--rotation-lambda-arn "$ROTATION_ARN"`)
	} else {
		steps = steps.then(shell("aws secretsmanager rotate-secret --region %s --secret-id %s --rotation-rules AutomaticallyAfterDays=90 --rotation-lambda-arn %s", part(arn, 3), arn, by))
	}
	return steps.String(),
		hcl("resource \"aws_secretsmanager_secret_rotation\" \"it\" {\n  secret_id           = %s\n  rotation_lambda_arn = %s\n  rotation_rules {\n    automatically_after_days = 90\n  }\n}", arn, by)
}

func rotation(f *Facts) []Finding {
	return f.eachSecret(func(arn string, d Doc[Secret]) Finding {
		if !d.V.RotationEnabled {
			return fail(arn, d.Origin, "it does not rotate").fix(rotateSecret(arn, d.V))
		}
		return pass(arn, d.Origin, "it rotates")
	})
}

// rotated: what was never rotated is as old as the secret.
func rotated(f *Facts) []Finding {
	return f.eachSecret(func(arn string, d Doc[Secret]) Finding {
		days := int64(rotateEvery)
		if own := d.V.RotationRules.AutomaticallyAfterDays; own > 0 && own < days {
			days = own
		}
		last, what := d.V.LastRotatedDate, "rotated"
		if last.IsZero() {
			last, what = d.V.CreatedDate, "never rotated, and made"
		}
		day := last.UTC().Format(time.DateOnly)
		if f.Now.After(last.AddDate(0, 0, int(days)+1)) {
			return fail(arn, d.Origin, fmt.Sprintf("%s on %%s: more than %d days ago", what, days), day).fix(rotateSecret(arn, d.V))
		}
		return pass(arn, d.Origin, what+" on %s", day)
	})
}

func secretDeletion(f *Facts) []Finding {
	return f.eachSecret(func(arn string, d Doc[Secret]) Finding {
		if d.V.DeletedDate.IsZero() {
			return pass(arn, d.Origin, "it is not about to be deleted")
		}
		return fail(arn, d.Origin, "deletion was asked for on %s", d.V.DeletedDate.UTC().Format(time.DateOnly)).fix(
			shell("aws secretsmanager restore-secret --region %s --secret-id %s", part(arn, 3), arn),
			hcl("# restore it, and keep it:\nresource \"aws_secretsmanager_secret\" \"it\" {\n  name = %s\n}", d.V.Name))
	})
}

// exposed are the names of statements that admit others, and the document without them.
func (f *Facts) exposed(p iampolicy.Document) (names []string, rest iampolicy.Document) {
	open := func(s iampolicy.Statement) bool {
		reach := s.Expose(f.Account).Reach
		return (reach == iampolicy.Public || reach == iampolicy.CrossAccount) && !limits(s, "kms:CallerAccount")
	}
	for _, s := range p.Statements {
		if open(s) {
			names = append(names, Statement{Statement: s}.name()+" ("+join(principalsOf(s))+")")
		}
	}
	return names, p.Without(open)
}

func secretPolicy(f *Facts) []Finding {
	arns, out := f.named("secretsmanager")
	for _, arn := range arns {
		d := doc[struct{ ResourcePolicy string }](f, "secretsmanager.secret.policy", arn, "")
		switch {
		case d.None || d.Has && d.V.ResourcePolicy == "":
			out = append(out, pass(arn, d.Origin, "it has no policy"))
			continue
		case !d.Has:
			out = append(out, unknown(arn, orNone(d.Gap, d.Origin)))
			continue
		}
		p, err := iampolicy.Parse(d.V.ResourcePolicy)
		if err != nil {
			out = append(out, unknown(arn, malformed(d.Origin)))
			continue
		}
		names, rest := f.exposed(p)
		if len(names) == 0 {
			out = append(out, pass(arn, d.Origin, "its policy admits no other account"))
			continue
		}
		cli := run(shell("aws secretsmanager put-resource-policy --region %s --secret-id %s --resource-policy %s", part(arn, 3), arn, compact(rest)))
		if len(rest.Statements) == 0 {
			cli = run(shell("aws secretsmanager delete-resource-policy --region %s --secret-id %s", part(arn, 3), arn))
		}
		out = append(out, fail(arn, d.Origin, "admitted by statement %s", join(names)).fix(cli.note("whoever reads it by these statements "+refusedFromThenOn+". What they read they have: give out a new value").String(),
			hcl("resource \"aws_secretsmanager_secret_policy\" \"it\" {\n  secret_arn = %s\n  policy     = %s\n}", arn, compact(rest))))
	}
	return out
}

func parameterType(f *Facts) []Finding {
	arns, out := f.named("ssm")
	for _, arn := range arns {
		d := doc[struct {
			Parameters []struct{ Name, Type string }
		}](f, "ssm.parameter", arn, "")
		if !d.Has && !d.None || d.Gap != nil {
			out = append(out, unknown(arn, orNone(d.Gap, d.Origin)))
		}
		for _, p := range d.V.Parameters {
			target := "arn:" + part(arn, 1) + ":ssm:" + part(arn, 3) + ":" + part(arn, 4) + ":parameter/" + strings.TrimPrefix(p.Name, "/")
			switch {
			case p.Type == "SecureString":
				out = append(out, pass(target, d.Origin, "it is encrypted"))
			case !looksSecret(p.Name):
				out = append(out, notApplicable(target, "it is not named as a secret is"))
			default:
				out = append(out, fail(target, d.Origin, "it is a plain %s", p.Type).fix(
					remakeParameter(part(arn, 3), p.Name).String(),
					hcl("resource \"aws_ssm_parameter\" \"it\" {\n  name  = %s\n  type  = \"SecureString\"\n  value = var.new_value\n}", p.Name)))
			}
		}
	}
	return out
}

// remakeParameter: AWS changes no parameter's type, and wants 30 seconds until the name is free.
func remakeParameter(region, name string) script {
	return run(`test "$COLLECTED" = yes`, shell("aws ssm delete-parameter --region %s --name %s", region, name), "sleep 30",
		shell("aws ssm put-parameter --region %s --name %s ", region, name)+`--type SecureString --value "file://$NEW_VALUE"`).
		note("its type cannot be changed: it is made again, and is away for half a minute, in which whoever asks for it fails. Its tags and policies go").
		note("whoever reads it needs kms:Decrypt by the key alias/aws/ssm, and has to ask for it decrypted").
		ask("COLLECTED", shell("yes, once its history is kept (aws ssm get-parameter-history --name %s tells who changed it when): it is gone then", name)).
		ask("NEW_VALUE", "a file with a new value, for who read the old one has it")
}

func keyPolicy(f *Facts) []Finding {
	return f.eachKey(func(arn string) Finding {
		d := doc[policyDoc](f, "kms.key.policy", arn, "")
		if !d.Has {
			return unknown(arn, orNone(d.Gap, d.Origin))
		}
		p, err := iampolicy.Parse(d.V.Policy)
		if err != nil {
			return unknown(arn, malformed(d.Origin))
		}
		names, rest := f.exposed(p)
		if len(names) == 0 {
			return pass(arn, d.Origin, "its policy admits no other account")
		}
		return fail(arn, d.Origin, "admitted by statement %s", join(names)).fix(
			run(shell("aws kms put-key-policy --region %s --key-id %s --policy-name default --policy %s", part(arn, 3), arn, compact(rest))).
				note("whoever uses the key by these statements "+refusedFromThenOn+". It has to leave a statement by which you administer the key: AWS refuses it otherwise").String(),
			hcl("resource \"aws_kms_key_policy\" \"it\" {\n  key_id = %s\n  policy = %s\n}", arn, compact(rest)))
	})
}

func keyGrants(f *Facts) []Finding {
	return f.eachKey(func(arn string) Finding {
		d := doc[struct {
			Grants []struct{ GrantId, GranteePrincipal string } //nolint:revive // the API's name
		}](f, "kms.key.grants", arn, "")
		if !d.Has && !d.None {
			return unknown(arn, orNone(d.Gap, d.Origin))
		}
		var foreign, revoke []string
		for _, g := range d.V.Grants {
			if owner := part(g.GranteePrincipal, 4); owner != "" && owner != f.Account {
				foreign = append(foreign, g.GranteePrincipal)
				revoke = append(revoke, shell("aws kms revoke-grant --region %s --key-id %s --grant-id %s", part(arn, 3), arn, g.GrantId))
			}
		}
		switch {
		case len(foreign) > 0:
			return fail(arn, d.Origin, "granted to %s", join(foreign)).fix(run(revoke...).note("whoever uses the key by these grants "+refusedFromThenOn).String(), hcl("# remove the aws_kms_grant of key %s to another account", arn))
		case d.Gap != nil:
			return unknown(arn, d.Gap)
		}
		return pass(arn, d.Origin, "none of its "+count(len(d.V.Grants), "grant")+" is another account's")
	})
}

func keyRotation(f *Facts) []Finding {
	return f.eachKey(func(arn string) Finding {
		d := doc[struct{ KeyRotationEnabled bool }](f, "kms.key.rotation", arn, "")
		switch {
		case !d.Has:
			return unknown(arn, orNone(d.Gap, d.Origin))
		case !d.V.KeyRotationEnabled:
			return fail(arn, d.Origin, "it does not rotate").fix(run(shell("aws kms enable-key-rotation --region %s --key-id %s", part(arn, 3), arn)).String(),
				hcl("resource \"aws_kms_key\" \"it\" { # %s\n  enable_key_rotation = true\n}", arn))
		}
		return pass(arn, d.Origin, "it rotates")
	})
}

func keyState(f *Facts) []Finding { return f.eachKey(f.keyStanding) }

// keyStanding: a key is enabled, and stays.
func (f *Facts) keyStanding(arn string) Finding {
	d := doc[struct {
		KeyMetadata struct {
			KeyState     string
			DeletionDate time.Time
		}
	}](f, "kms.key", arn, "")
	m := d.V.KeyMetadata
	seen := "it is %s"
	cli := run().note("whoever disabled it may have meant to: ask before")
	switch {
	case !d.Has:
		return unknown(arn, orNone(d.Gap, d.Origin))
	case m.KeyState == "Enabled":
		return pass(arn, d.Origin, "it is enabled")
	case m.KeyState == "PendingDeletion":
		cli = cli.then(shell("aws kms cancel-key-deletion --region %s --key-id %s", part(arn, 3), arn))
		if !m.DeletionDate.IsZero() {
			seen += ", and deleted on " + m.DeletionDate.UTC().Format(time.DateOnly)
		}
	}
	return fail(arn, d.Origin, seen, m.KeyState).fix(cli.then(shell("aws kms enable-key --region %s --key-id %s", part(arn, 3), arn)).String(),
		hcl("resource \"aws_kms_key\" \"it\" { # %s\n  is_enabled = true\n}", arn))
}
