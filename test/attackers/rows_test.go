package attackers

import (
	"bytes"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// row is one threat of the matrix (docs/containment.md) with its attacker.
type row struct {
	n       int
	threat  string
	none    string   // why there is no containment by API: rows 26 and 27 alone
	through []string // roads that the attack opens, each of which must be open before
	attack  func(w *world)
	extra   func(w *world) []path // roads that only this row has
	plan    func(w *world, in *contain.PlanInput)
	// own are the acts that take this row's hostility away for good, so that lifting the
	// isolation does not bring it back; any of them does. Of one that is not there yet it is
	// the name that is expected.
	own []string
	// passing: nothing is left once the environments are gone: isolation is all there is to do.
	passing string
}

// rows is the matrix.
func rows() []row {
	var all []row
	for _, part := range [][]row{codeRows(), configurationRows(), doorRows(), identityRows(), aroundRows()} {
		all = append(all, part...)
	}
	return all
}

func found(kind, change, arn, name string) finding.Finding {
	return finding.Finding{Kind: kind, Change: change, ARN: arn, Name: name, Account: home, Region: region, Who: "ci-deploy", State: finding.Standing, Event: "event-" + kind}
}

// finds adds a finding to the plan.
func finds(kind, change string) func(w *world, in *contain.PlanInput) {
	return func(_ *world, in *contain.PlanInput) {
		in.Findings = append(in.Findings, found(kind, change, functionARN, function))
	}
}

func (w *world) lambda(cfg aws.Config) *lambda.Client { return lambda.NewFromConfig(cfg) }

// overwrite puts the attacker's code in, and knows it again by its hash.
func (w *world) overwrite(publish bool) (version string) {
	w.t.Helper()
	out, err := w.lambda(w.ci).UpdateFunctionCode(w.t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String(function), ZipFile: pack(w.t, "evil"), Publish: publish})
	must(w.t, err)
	bad := aws.ToString(out.CodeSha256)
	w.hostile = func(c *lambda.GetFunctionConfigurationOutput) bool { return aws.ToString(c.CodeSha256) == bad }
	settle()
	return aws.ToString(out.Version)
}

// repoint sends the alias, or a part of its calls, to a version.
func (w *world) repoint(version string, weight float64) {
	w.t.Helper()
	in := &lambda.UpdateAliasInput{FunctionName: aws.String(function), Name: aws.String("live"), FunctionVersion: &version}
	if weight < 1 {
		in.FunctionVersion, in.RoutingConfig = nil, &lt.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{version: weight}}
	}
	_, err := w.lambda(w.ci).UpdateAlias(w.t.Context(), in)
	must(w.t, err)
}

// configure changes the configuration, and knows the change again.
func (w *world) configure(in *lambda.UpdateFunctionConfigurationInput, hostile func(*lambda.GetFunctionConfigurationOutput) bool) {
	w.t.Helper()
	in.FunctionName = aws.String(function)
	_, err := w.lambda(w.ci).UpdateFunctionConfiguration(w.t.Context(), in)
	must(w.t, err)
	w.hostile = hostile
}

// swapObject deploys an object that was put in the place of the owner's.
func (w *world) swapObject() {
	w.t.Helper()
	ctx, bucket, key := w.t.Context(), aws.String("artefacts"), aws.String("payments.zip")
	_, err := bucketsOf(w.ci).PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: bytes.NewReader(pack(w.t, "swapped"))})
	must(w.t, err)
	out, err := w.lambda(w.ci).UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String(function), S3Bucket: bucket, S3Key: key})
	must(w.t, err)
	bad := aws.ToString(out.CodeSha256)
	w.hostile = func(c *lambda.GetFunctionConfigurationOutput) bool { return aws.ToString(c.CodeSha256) == bad }
}

func codeRows() []row {
	return []row{
		{n: 1, threat: "code overwrite", through: []string{latest}, own: []string{"code-back"},
			attack: func(w *world) { w.overwrite(false) }, plan: finds("function-code", "changed")},
		{n: 2, threat: "alias repoint, weights", through: []string{aliasLive, queueTrigger, ruleTrigger}, own: []string{"alias-back"},
			attack: func(w *world) { w.repoint(w.overwrite(true), 0.2) },
			plan: func(_ *world, in *contain.PlanInput) {
				in.Bad, in.Findings = []string{"3"}, []finding.Finding{found("function-alias", "changed", functionARN, "live")}
			}},
		{n: 6, threat: "bootstrap swapped in /tmp", through: []string{aliasLive, queueTrigger}, passing: "the environments end with concurrency 0, and /tmp with them",
			attack: func(w *world) { w.warm = true }},
		{n: 19, threat: "image push, S3 object swap", through: []string{latest}, own: []string{"code-back"},
			attack: (*world).swapObject, plan: finds("function-code", "changed")},
		{n: 21, threat: "SnapStart poisoning", through: []string{aliasLive}, own: []string{"alias-back"},
			attack: func(w *world) {
				w.configure(&lambda.UpdateFunctionConfigurationInput{SnapStart: &lt.SnapStart{ApplyOn: lt.SnapStartApplyOnPublishedVersions}}, nil)
				settle()
				w.repoint(w.overwrite(true), 1)
			},
			plan: func(_ *world, in *contain.PlanInput) {
				in.Bad, in.Findings = []string{"3"}, []finding.Finding{found("function-alias", "changed", functionARN, "live")}
			}},
		{n: 28, threat: "application exploit", through: []string{aliasLive}, passing: "the hole is in the owner's code: a clean version closes it, not an act",
			attack: func(w *world) { w.warm = true }},
	}
}

func configurationRows() []row {
	latestOnly := func(n int, threat string, attack func(w *world)) row {
		own := []string{"configuration-back"}
		if n == 4 { // which leaves the environment alone
			own = []string{"environment-back"}
		}
		return row{n: n, threat: threat, through: []string{latest}, own: own, attack: attack, plan: finds("function-configuration", "changed")}
	}
	return []row{
		latestOnly(3, "layer, extension", func(w *world) {
			out, err := w.lambda(w.ci).PublishLayerVersion(w.t.Context(), &lambda.PublishLayerVersionInput{LayerName: aws.String("extension"), Content: &lt.LayerVersionContentInput{ZipFile: pack(w.t, "extensions/")}})
			must(w.t, err)
			arn := aws.ToString(out.LayerVersionArn)
			w.configure(&lambda.UpdateFunctionConfigurationInput{Layers: []string{arn}}, func(c *lambda.GetFunctionConfigurationOutput) bool {
				return len(c.Layers) > 0 && aws.ToString(c.Layers[0].Arn) == arn
			})
		}),
		latestOnly(4, "environment hijack", func(w *world) {
			w.configure(&lambda.UpdateFunctionConfigurationInput{Environment: &lt.Environment{Variables: map[string]string{"TABLE": "prod", "AWS_LAMBDA_EXEC_WRAPPER": "/tmp/w"}}}, func(c *lambda.GetFunctionConfigurationOutput) bool {
				return c.Environment != nil && c.Environment.Variables["AWS_LAMBDA_EXEC_WRAPPER"] != ""
			})
		}),
		latestOnly(5, "handler, runtime, runtime pin", func(w *world) {
			w.configure(&lambda.UpdateFunctionConfigurationInput{Handler: aws.String("evil.handler")}, func(c *lambda.GetFunctionConfigurationOutput) bool { return aws.ToString(c.Handler) == "evil.handler" })
		}),
		latestOnly(16, "VPC or security group removal", func(w *world) {
			w.configure(&lambda.UpdateFunctionConfigurationInput{VpcConfig: &lt.VpcConfig{SubnetIds: []string{}, SecurityGroupIds: []string{}}}, func(c *lambda.GetFunctionConfigurationOutput) bool {
				return c.VpcConfig == nil || len(c.VpcConfig.SubnetIds) == 0
			})
		}),
		latestOnly(17, "log or trace suppression", func(w *world) {
			w.configure(&lambda.UpdateFunctionConfigurationInput{LoggingConfig: &lt.LoggingConfig{LogFormat: lt.LogFormatJson, SystemLogLevel: lt.SystemLogLevelWarn, ApplicationLogLevel: lt.ApplicationLogLevelFatal}}, func(c *lambda.GetFunctionConfigurationOutput) bool {
				return c.LoggingConfig != nil && c.LoggingConfig.ApplicationLogLevel == lt.ApplicationLogLevelFatal
			})
		}),
		latestOnly(18, "file system mount", func(w *world) {
			c, ctx := efs.NewFromConfig(w.ci), w.t.Context()
			system, err := c.CreateFileSystem(ctx, &efs.CreateFileSystemInput{CreationToken: aws.String("evil")})
			must(w.t, err)
			_, err = c.CreateMountTarget(ctx, &efs.CreateMountTargetInput{FileSystemId: system.FileSystemId, SubnetId: aws.String(subnet), SecurityGroups: []string{group}})
			must(w.t, err)
			point, err := c.CreateAccessPoint(ctx, &efs.CreateAccessPointInput{ClientToken: aws.String("evil"), FileSystemId: system.FileSystemId})
			must(w.t, err)
			settle()
			w.configure(&lambda.UpdateFunctionConfigurationInput{FileSystemConfigs: []lt.FileSystemConfig{{Arn: point.AccessPointArn, LocalMountPath: aws.String("/mnt/evil")}}}, func(c *lambda.GetFunctionConfigurationOutput) bool { return len(c.FileSystemConfigs) > 0 })
		}),
	}
}
