package collect

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// configuration asks once for each version (GetFunction has configuration, tags
// and the code's address) and tells the others what it learnt.
func configuration() Collector {
	return Collector{
		Name: "lambda.configuration", About: "configuration of $LATEST and every published version", Small: true,
		Needs: []awsapi.Need{
			// An environment under a key of the account's own is decrypted with the caller's permission.
			{Call: "Lambda:GetFunction", IAM: []awsapi.Grant{{Action: "lambda:GetFunction", Resource: "function ARN"}, {Action: "kms:Decrypt", Resource: "key ARN"}}},
			need("Lambda:ListVersionsByFunction", "lambda:ListVersionsByFunction", "function ARN"),
		},
		Collect: collectConfiguration,
	}
}

func collectConfiguration(ctx context.Context, j *Job) {
	c := j.lambda()
	var first deployed
	var versions versionList
	both(
		func() { first = j.askFunction(ctx, c, "$LATEST") },
		func() { versions = j.listVersions(ctx, c) })
	latest := latestOf(&versions, first)
	j.facts.latest.keep(latest)
	j.facts.versions.keep(versions)
	if i := slices.IndexFunc(versions.all, func(v versionFact) bool { return v.version == "$LATEST" }); first.err != nil && i >= 0 {
		first.env, first.envCall = versions.all[i].env, "Lambda:ListVersionsByFunction"
	}
	j.facts.deployed("$LATEST").keep(first)
	if j.run.o.Scope == Containment {
		return
	}
	published := slices.DeleteFunc(slices.Clone(versions.all), func(v versionFact) bool { return v.version == "$LATEST" })
	for _, v := range published {
		j.plan(j.want("lambda.configuration", v.version, "Lambda:GetFunction"))
	}
	if !versions.known {
		j.skip(j.want("lambda.configuration", "*", "Lambda:GetFunction"), "versions unknown: lambda.configuration.versions is not whole")
	}
	each(published, callsAtOnce, func(v versionFact) {
		d := j.askFunction(ctx, c, v.version)
		if d.err != nil {
			d.env, d.envCall = v.env, "Lambda:ListVersionsByFunction"
		}
		j.facts.deployed(v.version).keep(d)
	})
}

// latestOf is $LATEST's configuration by GetFunction, or as listed, and puts
// $LATEST into the list if it is not there.
func latestOf(versions *versionList, first deployed) *lambdatypes.FunctionConfiguration {
	seen := map[string]bool{}
	versions.all = slices.DeleteFunc(versions.all, func(v versionFact) bool { // emulators list some twice
		again := seen[v.version]
		seen[v.version] = true
		return again
	})
	i := slices.IndexFunc(versions.all, func(v versionFact) bool { return v.version == "$LATEST" })
	if i < 0 {
		fact := versionFact{version: "$LATEST"}
		if first.config != nil {
			fact = factOf(first.config)
			fact.version, fact.config = "$LATEST", nil
		}
		versions.all = append([]versionFact{fact}, versions.all...)
		i = 0
	}
	if first.config != nil {
		return first.config
	}
	return versions.all[i].config
}

// askFunction stores GetFunction's answer for a version.
func (j *Job) askFunction(ctx context.Context, c *lambda.Client, version string) deployed {
	w := j.want("lambda.configuration", version, "Lambda:GetFunction")
	if d, had := j.recallFunction(ctx, w); had {
		return d
	}
	j.plan(w)
	out, s, err := ask(ctx, j, c.GetFunction, &lambda.GetFunctionInput{FunctionName: aws.String(j.Target.Function), Qualifier: aws.String(version)})
	if err != nil {
		j.refused(w, s, err)
		return deployed{asked: true, err: err, stamp: s}
	}
	if !j.have(w) { // asked again for the code's address or the environment alone
		j.putJSON(ctx, w, s, out)
	}
	d := deployed{asked: true, stamp: s, code: out.Code, at: s.started, envCall: w.call}
	if out.Configuration != nil {
		bare := *out.Configuration
		d.env, bare.Environment = bare.Environment, nil
		d.config = &bare
	}
	return d
}

func (j *Job) listVersions(ctx context.Context, c *lambda.Client) versionList {
	var found versionList
	found.known = listing(ctx, j, j.want("lambda.configuration.versions", "", "Lambda:ListVersionsByFunction"),
		pager[lambda.ListVersionsByFunctionInput, lambda.ListVersionsByFunctionOutput, lambda.Options]{
			call: c.ListVersionsByFunction,
			in:   &lambda.ListVersionsByFunctionInput{FunctionName: aws.String(j.Target.Function)},
			next: func(in *lambda.ListVersionsByFunctionInput, out *lambda.ListVersionsByFunctionOutput) string {
				in.Marker = out.NextMarker
				return aws.ToString(in.Marker)
			},
		}, "Versions", func(o *lambda.ListVersionsByFunctionOutput) any {
			for i := range o.Versions {
				found.all = append(found.all, factOf(&o.Versions[i]))
			}
			return o.Versions
		})
	return found
}

func factOf(f *lambdatypes.FunctionConfiguration) versionFact {
	v := versionFact{version: aws.ToString(f.Version), layers: layerARNs(f), env: f.Environment, image: f.PackageType == lambdatypes.PackageTypeImage,
		durable: f.DurableConfig != nil, capacity: capacityOf(f), network: f.VpcConfig, mounts: f.FileSystemConfigs}
	if f.LoggingConfig != nil {
		v.logGroup = aws.ToString(f.LoggingConfig.LogGroup)
	}
	if v.version == "$LATEST" {
		bare := *f
		bare.Environment = nil
		v.config = &bare
	}
	return v
}

func layerARNs(f *lambdatypes.FunctionConfiguration) []string {
	var arns []string
	for _, l := range f.Layers {
		arns = append(arns, aws.ToString(l.Arn))
	}
	return arns
}
