package practices

import (
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/glance"
	"github.com/freezeframe-ir/freezeframe/internal/oci"
)

// secureCode: whose code runs, and what can put other code in front of it.
func secureCode() []Check {
	ref := func(more ...Reference) []Reference { return append(more, Reference{CSF, "PR.PS-05"}) }
	key := func(more ...Reference) []Reference { return append(more, Reference{CSF, "PR.DS-01"}) }
	return []Check{
		{ID: "secure-code/signing-attached", Area: SecureCode, Severity: Medium, Reads: readsDeployments("lambda.signing"), Look: signingAttached, Traces: []string{"DeleteFunctionCodeSigningConfig"},
			Title: "A code signing configuration is attached", Why: "Nothing looks at who made the code that is deployed.", References: ref(Reference{ATTACK, "T1553.006"})},
		{ID: "secure-code/signing-enforced", Area: SecureCode, Severity: Medium, Reads: []string{"lambda.signing", "lambda.signing.config"}, Look: signingEnforced, Traces: []string{"UpdateCodeSigningConfig"},
			Title: "Code that is not signed is refused, not only reported", Why: "In mode Warn, AWS's default, unsigned code is deployed all the same.", References: ref(Reference{ATTACK, "T1553.006"})},
		{ID: "secure-code/environment-key", Area: SecureCode, Severity: Medium, Reads: readsDeployments(), Look: environmentKey,
			Title: "The environment is encrypted with a key of the account's own", Why: "Whoever may read the configuration reads the variables: no key policy stands between.", References: key(Reference{Prowler, "awslambda_function_env_vars_not_encrypted_with_cmk"}, Reference{ATTACK, "T1552.001"})},
		{ID: "secure-code/code-key", Area: SecureCode, Severity: Low, Reads: readsDeployments(), Look: codeKey,
			Title: "The package is encrypted with a key of the account's own", Why: "Whoever may call GetFunction downloads the code: no key policy stands between.", References: key(Reference{ATTACK, "T1526"})},
		{ID: "secure-code/foreign-layers", Area: SecureCode, Severity: High, Reads: readsDeployments(), Look: foreignLayers, Traces: []string{"UpdateFunctionConfiguration"},
			Title: "All layers are of this account", Why: "Somebody else's code runs with the role's permissions, and sees every event.", References: ref(Reference{Prowler, "awslambda_function_using_cross_account_layers"}, Reference{ATTACK, "T1525"})},
		{ID: "secure-code/deleted-layers", Area: SecureCode, Severity: Medium, Reads: readsDeployments("lambda.layers"), Look: deletedLayers, Traces: []string{"DeleteLayerVersion"},
			Title: "Every layer that runs can still be looked into", Why: "The version was deleted; functions run on with it, and nobody can read what it does.", References: ref(Reference{ATTACK, "T1070"})},
		{ID: "secure-code/loader-variables", Area: SecureCode, Severity: High, Reads: readsDeployments(), Look: loaderVariables, Traces: []string{"UpdateFunctionConfiguration"},
			Title: "No variable puts other code in front of the function's", Why: "A wrapper, a preloaded library or a search path runs before the handler does.", References: ref(Reference{ATTACK, "T1574.006"}, Reference{ATTACK, "T1574.007"})},
		{ID: "secure-code/traffic-variables", Area: SecureCode, Severity: High, Reads: readsDeployments(), Look: trafficVariables, Traces: []string{"UpdateFunctionConfiguration"},
			Title: "No variable sends the function's traffic elsewhere, or lets it trust others", Why: "Calls with the role's signatures pass through somebody's proxy.", References: ref(Reference{ATTACK, "T1557"})},
		{ID: "secure-code/alias-weights", Area: SecureCode, Severity: Medium, Reads: []string{"lambda.aliases"}, Look: aliasWeights, Traces: []string{"UpdateAlias"},
			Title: "No alias sends a share of calls to a second version", Why: "A few calls in a hundred go to other code, and the alias still names the good version.", References: ref(Reference{ATTACK, "T1578.005"})},
		{ID: "secure-code/image-tags", Area: SecureCode, Severity: Medium, Reads: readsDeployments("ecr.repository"), Look: imageTags, Traces: []string{"PutImage"},
			Title: "Images are named by digest, or their repository's tags cannot be moved", Why: "The next deployment takes what somebody pushed over the tag.", References: ref(Reference{FSBP, "ECR.2"}, Reference{Prowler, "ecr_repositories_tag_immutability"}, Reference{ATTACK, "T1525"})},
		{ID: "secure-code/image-moved", Area: SecureCode, Severity: High, Reads: readsDeployments("ecr.tag"), Look: imageMoved, Traces: []string{"PutImage"},
			Title: "The tag that was deployed still names the image that runs", Why: "Another image was pushed over it: the next deployment, or somebody, brought it.", References: ref(Reference{ATTACK, "T1525"})},
	}
}

func signingAttached(f *Facts) []Finding {
	if out, only := f.onlyImages("code signing is of packages, not of images"); only {
		return out
	}
	d := doc[struct{ CodeSigningConfigArn string }](f, "lambda.signing", "", "")
	switch {
	case d.None:
		return []Finding{fail(f.Function, d.Origin, "no code signing configuration is attached").fix(
			run(shell(`aws lambda put-function-code-signing-config --region %s --function-name %s --code-signing-config-arn "$CONFIG_ARN"`, f.Region, f.Name)).
				ask("CONFIG_ARN", "the ARN of a code signing configuration (aws lambda list-code-signing-configs). In mode Enforce, deployments that its profiles did not sign are refused from then on").String(),
			hcl("resource \"aws_lambda_function\" \"function\" {\n  function_name           = %s\n  code_signing_config_arn = \"CONFIG-ARN\"\n}", f.Name))}
	case !d.Has:
		return []Finding{unknown(f.Function, orNone(d.Gap, d.Origin))}
	}
	return []Finding{pass(f.Function, d.Origin, "%s is attached", d.V.CodeSigningConfigArn)}
}

// onlyImages says whether no version has a package, with what to say then.
func (f *Facts) onlyImages(why string) ([]Finding, bool) {
	known, gaps := f.deployments()
	if len(gaps) > 0 || len(known) == 0 {
		return nil, false
	}
	for _, d := range known {
		if d.Config.PackageType != "Image" {
			return nil, false
		}
	}
	return []Finding{notApplicable(f.Function, why)}, true
}

func signingEnforced(f *Facts) []Finding {
	at := doc[struct{ CodeSigningConfigArn string }](f, "lambda.signing", "", "")
	switch {
	case at.None:
		return []Finding{notApplicable(f.Function, "no code signing configuration is attached")}
	case !at.Has:
		return []Finding{unknown(f.Function, orNone(at.Gap, at.Origin))}
	}
	arn := at.V.CodeSigningConfigArn
	d := doc[struct {
		CodeSigningConfig struct {
			CodeSigningPolicies struct{ UntrustedArtifactOnDeployment string }
		}
	}](f, "lambda.signing.config", arn, "")
	if !d.Has {
		return []Finding{unknown(arn, orNone(d.Gap, d.Origin))}
	}
	if mode := d.V.CodeSigningConfig.CodeSigningPolicies.UntrustedArtifactOnDeployment; mode != "Enforce" {
		return []Finding{fail(arn, d.Origin, "unsigned code is deployed: mode %s", mode).also(at.Origin).fix(
			run(shell("aws lambda update-code-signing-config --region %s --code-signing-config-arn %s --code-signing-policies UntrustedArtifactOnDeployment=Enforce", f.Region, arn)).
				note("deployments that nobody signed are refused from then on, of every function that has this configuration (aws lambda list-functions-by-code-signing-config)").String(),
			"resource \"aws_lambda_code_signing_config\" \"enforced\" {\n  policies {\n    untrusted_artifact_on_deployment = \"Enforce\"\n  }\n}")}
	}
	return []Finding{pass(arn, d.Origin, "unsigned code is refused")}
}

func environmentKey(f *Facts) []Finding {
	return f.eachDeployment(func(d Deployment) []Finding {
		switch {
		case d.Config.Environment == nil || len(d.Config.Environment.Variables) == 0 && d.Config.Environment.Error == nil:
			return []Finding{notApplicable(d.ARN, "it has no environment")}
		case d.Config.KMSKeyArn == "":
			return []Finding{f.changeVersion(fail(d.ARN, d.Origin, "its environment is under Lambda's own key"), d.Qualifier,
				run(f.configure(`--kms-key-arn "$KEY_ARN"`)).askKey("Whoever runs this needs kms:Encrypt and kms:CreateGrant on it, and whoever reads the variables kms:Decrypt"), f.function("  kms_key_arn = \"KEY-ARN\"\n"))}
		}
		return []Finding{pass(d.ARN, d.Origin, "its environment is under %s", d.Config.KMSKeyArn)}
	})
}

func codeKey(f *Facts) []Finding {
	return f.eachDeployment(func(d Deployment) []Finding {
		switch {
		case d.Config.PackageType == "Image":
			return []Finding{notApplicable(d.ARN, "it is an image: its repository encrypts it")}
		case d.V.Code.ResolvedS3Object != nil:
			return []Finding{notApplicable(d.ARN, "its package stays in a bucket: the bucket encrypts it")}
		case d.V.Code.SourceKMSKeyArn == "":
			return []Finding{f.changeVersion(fail(d.ARN, d.Origin, "its package is under Lambda's own key"), d.Qualifier,
				run(f.deploy(`--source-kms-key-arn "$KEY_ARN" --zip-file "fileb://$PACKAGE"`)).askKey("Whoever runs this, and the execution role, needs kms:Decrypt on it").
					ask("PACKAGE", "the package as it is, from the sealed collection, if it is good. "+aPackage), f.function("  source_kms_key_arn = \"KEY-ARN\"\n"))}
		}
		return []Finding{pass(d.ARN, d.Origin, "its package is under %s", d.V.Code.SourceKMSKeyArn)}
	})
}

func foreignLayers(f *Facts) []Finding {
	return f.eachDeployment(func(d Deployment) []Finding {
		var own, foreign []string
		for _, l := range d.Config.Layers {
			if own = append(own, l.Arn); !f.mine(l.Arn) {
				own, foreign = own[:len(own)-1], append(foreign, l.Arn)
			}
		}
		switch {
		case len(foreign) > 0:
			return []Finding{f.changeVersion(fail(d.ARN, d.Origin, "layers of other accounts: %s", join(foreign)), d.Qualifier,
				run(f.configure("--layers "+orWords(own))).note("code that loads something of these layers fails from then on: publish what is good of them in this account before, and name that too"),
				f.function("  layers = ["+quotedList(own)+"]\n"))}
		case len(own) == 0:
			return []Finding{pass(d.ARN, d.Origin, "it has no layers")}
		}
		return []Finding{pass(d.ARN, d.Origin, "its layers are of this account")}
	})
}

// words are values for a command, each quoted; quotedList the same for Terraform.
func words(all []string) string {
	out := make([]string, len(all))
	for i, v := range all {
		out[i] = shell("%s", v)
	}
	return strings.Join(out, " ")
}

// orWords is an empty list where there are no words.
func orWords(all []string) string {
	if len(all) == 0 {
		return "[]"
	}
	return words(all)
}

func quotedList(all []string) string {
	out := make([]string, len(all))
	for i, v := range all {
		out[i] = hcl("%s", v)
	}
	return strings.Join(out, ", ")
}

// deletedLayers: for a version that was deleted AWS says that there is none.
func deletedLayers(f *Facts) []Finding {
	layers, by, out := f.layerUses()
	for _, arn := range layers {
		d := doc[struct{ LayerVersionArn string }](f, "lambda.layers", arn, "")
		gone := d.None || d.Gap != nil && strings.HasPrefix(d.Gap.Error, "ResourceNotFoundException")
		switch {
		case gone:
			x := fail(arn, d.Origin, "it was deleted, and runs in %s", join(by[arn]))
			for _, q := range by[arn] {
				x = x.also(doc[GetFunction](f, "lambda.configuration", "", q).Origin)
			}
			out = append(out, f.replaceLayer(x, arn, by[arn], run().ask("LAYER_ARN", "the ARN of a layer version with the same in it: from the sealed collection, if it is good")))
		case !d.Has:
			out = append(out, unknown(arn, orNone(d.Gap, d.Origin)))
		default:
			out = append(out, pass(arn, d.Origin, "it is there"))
		}
	}
	return out
}

// replaceLayer puts "$LAYER_ARN" where a layer is now, on every version that has it.
func (f *Facts) replaceLayer(x Finding, arn string, on []string, s script) Finding {
	var now []string
	for i, l := range doc[GetFunction](f, "lambda.configuration", "", "$LATEST").V.Configuration.Layers {
		if now = append(now, shell("%s", l.Arn)); l.Arn == arn {
			now[i] = `"$LAYER_ARN"`
		}
	}
	if len(now) == 0 {
		now = []string{`"$LAYER_ARN"`}
	}
	s = s.then(f.configure("--layers " + strings.Join(now, " ")))
	return x.fix(f.onVersion(s, on...).String(), f.function("  layers = [\"LAYER-VERSION-ARN\"]\n"))
}

// redirects are the loader keys that are about traffic, not code.
func redirects(key string) bool {
	return strings.Contains(key, "PROXY") || strings.Contains(key, "ENDPOINT") || strings.Contains(key, "CERT") || strings.Contains(key, "TLS") || key == "AWS_LAMBDA_RUNTIME_API"
}

func (f *Facts) eachVariable(of func(key string) bool, good string) []Finding {
	known := glance.Loaders()
	return f.eachDeployment(func(d Deployment) []Finding {
		env := d.Config.Environment
		if env == nil {
			return []Finding{pass(d.ARN, d.Origin, "it has no environment")}
		}
		if env.Error != nil {
			return []Finding{unknown(d.ARN, &Gap{Artefact: d.Artefact, Source: d.Source, State: "unreadable", Call: "Lambda:GetFunction", Error: env.Error.ErrorCode, Note: "Lambda could not decrypt the environment"})}
		}
		var found, kept []string
		for _, k := range slices.Sorted(maps.Keys(env.Variables)) {
			upper := strings.ToUpper(k)
			if (known[upper] != "" || strings.HasPrefix(upper, "AWS_ENDPOINT_URL_")) && of(upper) {
				found = append(found, k)
			} else {
				kept = append(kept, k)
			}
		}
		if len(found) == 0 {
			return []Finding{pass(d.ARN, d.Origin, good)}
		}
		sort.Strings(kept)
		return []Finding{f.changeVersion(fail(d.ARN, d.Origin, "the environment has %s", join(found)), d.Qualifier,
			f.keepVariables(kept, "what the code reads from the variables that go, it does without from then on"),
			f.function("  environment {\n    variables = {} # the whole map: %s, without %s\n  }\n", join(kept), join(found)))}
	})
}

func loaderVariables(f *Facts) []Finding {
	return f.eachVariable(func(k string) bool { return !redirects(k) }, "no variable loads other code")
}

func trafficVariables(f *Facts) []Finding {
	return f.eachVariable(redirects, "no variable redirects traffic")
}

func aliasWeights(f *Facts) []Finding {
	all, at, gap := f.aliases()
	var out []Finding
	if gap != nil {
		out = append(out, unknown(f.Function+":*", gap))
	}
	for _, a := range all {
		target := f.qualified(a.Name)
		weights := a.RoutingConfig.AdditionalVersionWeights
		if len(weights) == 0 {
			out = append(out, pass(target, at, "all calls go to version %s", a.FunctionVersion))
			continue
		}
		var shares []string
		for _, v := range slices.Sorted(maps.Keys(weights)) {
			shares = append(shares, v+" gets "+strconv.FormatFloat(100*weights[v], 'g', 4, 64)+" %")
		}
		out = append(out, fail(target, at, "it names version %s, and version %s", a.FunctionVersion, join(shares)).fix(
			run(shell("aws lambda update-alias --region %s --function-name %s --name %s --routing-config AdditionalVersionWeights={}", f.Region, f.Name, a.Name)).
				note(shell("all calls go to version %s then: look first whether that is the good one", a.FunctionVersion)).String(),
			hcl("resource \"aws_lambda_alias\" \"alias\" {\n  function_name    = %s\n  name             = %s\n  function_version = %s # without routing_config\n}", f.Name, a.Name, a.FunctionVersion)))
	}
	return out
}

// images judges versions that are images in ECR.
func (f *Facts) images(judge func(d Deployment, named oci.Reference, repository string) Finding) []Finding {
	return f.eachDeployment(func(d Deployment) []Finding {
		if d.Config.PackageType != "Image" {
			return []Finding{notApplicable(d.ARN, "it is a package, not an image")}
		}
		named, ok := oci.ParseReference(d.V.Code.ImageUri)
		if !ok {
			return []Finding{unknown(d.ARN, &Gap{Artefact: d.Artefact, Source: d.Source, State: "not_covered", Note: "the image is not in ECR"})}
		}
		return []Finding{judge(d, named, "arn:"+part(f.Function, 1)+":ecr:"+named.Region+":"+named.Account+":repository/"+named.Repository)}
	})
}

func imageTags(f *Facts) []Finding {
	return f.images(func(d Deployment, named oci.Reference, repository string) Finding {
		if named.Digest != "" {
			return pass(d.ARN, d.Origin, "it is named by its digest")
		}
		return f.tagsStay(d, named, repository)
	})
}

// tagsStay: tags of the repository of a version's image cannot be moved.
func (f *Facts) tagsStay(d Deployment, named oci.Reference, repository string) Finding {
	r := doc[struct {
		Repositories []struct {
			RepositoryName     string `json:"repositoryName"`
			ImageTagMutability string `json:"imageTagMutability"`
		} `json:"repositories"`
	}](f, "ecr.repository", repository, "")
	if !r.Has || len(r.V.Repositories) == 0 {
		return unknown(d.ARN, orNone(r.Gap, r.Origin))
	}
	if m := r.V.Repositories[0].ImageTagMutability; m != "IMMUTABLE" {
		return fail(d.ARN, d.Origin, "deployed by tag %s, which can be moved: tags of %s are %s", named.Tag, repository, m).also(r.Origin).fix(
			run(shell("aws ecr put-image-tag-mutability --region %s --registry-id %s --repository-name %s --image-tag-mutability IMMUTABLE", named.Region, named.Account, named.Repository)).
				note("who pushes under a tag that is there already, as latest, is refused from then on").String(),
			hcl("resource \"aws_ecr_repository\" \"images\" {\n  name                 = %s\n  image_tag_mutability = \"IMMUTABLE\"\n}", named.Repository))
	}
	return pass(d.ARN, d.Origin, "tags of %s cannot be moved", repository).also(r.Origin)
}

func imageMoved(f *Facts) []Finding {
	return f.images(func(d Deployment, named oci.Reference, repository string) Finding {
		if named.Tag == "" {
			return pass(d.ARN, d.Origin, "it is named by its digest")
		}
		t := doc[struct {
			ImageDetails []struct {
				ImageDigest string `json:"imageDigest"`
			} `json:"imageDetails"`
		}](f, "ecr.tag", repository, named.Tag)
		_, runs, _ := strings.Cut(d.V.Code.ResolvedImageUri, "@")
		switch {
		case t.None:
			return fail(d.ARN, d.Origin, "tag %s is gone; %s runs", named.Tag, runs).also(t.Origin).fix(f.pinImage(d))
		case !t.Has || len(t.V.ImageDetails) == 0:
			return unknown(d.ARN, orNone(t.Gap, t.Origin))
		case t.V.ImageDetails[0].ImageDigest != runs:
			return fail(d.ARN, d.Origin, "tag %s is %s now; %s runs", named.Tag, t.V.ImageDetails[0].ImageDigest, runs).also(t.Origin).fix(f.pinImage(d))
		}
		return pass(d.ARN, d.Origin, "tag %s is still the image that runs", named.Tag).also(t.Origin)
	})
}

// pinImage deploys what runs by its digest.
func (f *Facts) pinImage(d Deployment) (cli, terraform string) {
	return f.onVersion(run(f.deploy("--image-uri %s", d.V.Code.ResolvedImageUri)).
			note("it pins the image that runs: compare it with what was built before, for it may be the bad one"), d.Qualifier).String(),
		hcl("resource \"aws_lambda_function\" \"function\" {\n  function_name = %s\n  image_uri     = %s\n}", f.Name, d.V.Code.ResolvedImageUri)
}
