package practices

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/freezeframe-ir/freezeframe/bench"
)

func imageURI(repository, tag string) string {
	return account + ".dkr.ecr." + region + ".amazonaws.com/" + repository + ":" + tag
}

// push makes an image of its own and pushes it under a tag.
func (w *world) push(repository, tag, seed string) {
	cfg := aws.Config{Region: region, BaseEndpoint: aws.String(endpoint), HTTPClient: w.cloud.Client(), Credentials: credentials.NewStaticCredentialsProvider(w.keys.AccessKeyID, w.keys.SecretAccessKey, "")}
	if _, err := bench.PushImage(w.t.Context(), cfg, repository, tag, seed); err != nil {
		w.t.Fatal(err)
	}
}

// secureCodeBefore makes a key, the repository of the image and one whose tags can be moved, and
// the code signing configuration.
func secureCodeBefore(w *world) {
	w.ids["key"] = text(w.do("KMS:CreateKey", obj{"Description": "of the shop"}), "KeyMetadata.Arn")
	w.set("KMSKeyArn", w.ids["key"])
	w.make[till]["Code"].(obj)["SourceKMSKeyArn"] = w.ids["key"]
	w.do("ECR:CreateRepository", obj{"repositoryName": "shop", "imageTagMutability": "IMMUTABLE"})
	w.do("ECR:CreateRepository", obj{"repositoryName": "loose"})
	w.push("shop", "v1", "one")
	w.push("loose", "v1", "two")
	w.set("Code", obj{"ImageUri": imageURI("shop", "v1")}, image)
	w.ids["signing"] = text(w.do("Lambda:CreateCodeSigningConfig", obj{"AllowedPublishers": obj{"SigningProfileVersionArns": []string{arn("signer", "/signing-profiles/shop/abcdefghij")}},
		"CodeSigningPolicies": obj{"UntrustedArtifactOnDeployment": "Enforce"}}), "CodeSigningConfig.CodeSigningConfigArn")
}

// secureCodeAfter attaches the configuration when the code, which nobody signed here, is there.
func secureCodeAfter(w *world) {
	w.do("Lambda:PutFunctionCodeSigningConfig", obj{"FunctionName": till, "CodeSigningConfigArn": w.ids["signing"]})
}

// signing sets the mode of the code signing configuration.
func (w *world) signing(mode string) {
	w.do("Lambda:UpdateCodeSigningConfig", obj{"CodeSigningConfigArn": w.ids["signing"], "CodeSigningPolicies": obj{"UntrustedArtifactOnDeployment": mode}})
}

// strangersLayer is a layer of another account that this one may use.
func (w *world) strangersLayer() string {
	keys := w.cloud.Bootstrap(stranger, "mallory", allowAll)
	layer := w.as(keys, "Lambda:PublishLayerVersion", obj{"LayerName": "helper", "Content": obj{"ZipFile": zipped("helper")}})
	w.as(keys, "Lambda:AddLayerVersionPermission", obj{"LayerName": "helper", "VersionNumber": 1, "StatementId": "x", "Action": "lambda:GetLayerVersion", "Principal": "*"})
	return text(layer, "LayerVersionArn")
}

func environment(key string) func(*world) {
	return func(w *world) {
		configure(obj{"Environment": obj{"Variables": obj{"STAGE": "prod", key: "/opt/x"}}})(w)
	}
}

func secureCodeFixtures() []fixture {
	configuration, signing := []string{"lambda.configuration"}, []string{"lambda.signing"}
	const noKey = "without a key of its own there is none to judge"
	return []fixture{
		{check: "secure-code/signing-attached", collectors: signing, denied: "Lambda:GetFunctionCodeSigningConfig",
			fail: func(w *world) { w.do("Lambda:DeleteFunctionCodeSigningConfig", obj{"FunctionName": till}) },
			also: map[string]string{"secure-code/signing-enforced": "where none is attached there is no mode"}},
		{check: "secure-code/signing-enforced", collectors: signing, denied: "Lambda:GetCodeSigningConfig", fail: func(w *world) { w.signing("Warn") }},
		{check: "secure-code/environment-key", collectors: configuration, denied: "Lambda:GetFunction", fail: configure(obj{"KMSKeyArn": ""}),
			also: map[string]string{"secrets-management/key-policy": noKey, "secrets-management/key-grants": noKey, "secrets-management/key-rotation": noKey, "secrets-management/key-state": noKey}},
		{check: "secure-code/code-key", collectors: configuration, denied: "Lambda:GetFunction", fail: func(w *world) {
			w.signing("Warn") // for the moment of the deployment
			w.do("Lambda:UpdateFunctionCode", obj{"FunctionName": till, "ZipFile": zipped("2")})
			w.signing("Enforce")
		}},
		{check: "secure-code/foreign-layers", collectors: []string{"lambda.layers"}, denied: "Lambda:ListVersionsByFunction", fail: func(w *world) {
			w.signing("Warn")
			configure(obj{"Layers": []string{w.strangersLayer()}})(w)
			w.signing("Enforce")
		}},
		{check: "secure-code/deleted-layers", collectors: []string{"lambda.layers"}, denied: "Lambda:GetLayerVersionByArn", fail: func(w *world) {
			w.do("Lambda:DeleteLayerVersion", obj{"LayerName": "tracing", "VersionNumber": 1})
		}, also: map[string]string{"secrets-management/layers": "nobody can look through a layer that is gone"}},
		{check: "secure-code/loader-variables", collectors: configuration, denied: "Lambda:GetFunction", fail: environment("LD_PRELOAD")},
		{check: "secure-code/traffic-variables", collectors: configuration, denied: "Lambda:GetFunction", fail: environment("HTTPS_PROXY")},
		{check: "secure-code/alias-weights", collectors: []string{"lambda.aliases"}, denied: "Lambda:ListAliases", fail: func(w *world) {
			w.do("Lambda:UpdateAlias", obj{"FunctionName": till, "Name": "live", "RoutingConfig": obj{"AdditionalVersionWeights": obj{"1": 0.02}}})
		}},
		{check: "secure-code/image-tags", on: image, collectors: []string{"ecr.image"}, denied: "ECR:DescribeRepositories", fail: func(w *world) {
			w.do("Lambda:UpdateFunctionCode", obj{"FunctionName": image, "ImageUri": imageURI("loose", "v1")})
		}},
		{check: "secure-code/image-moved", on: image, collectors: []string{"ecr.image"}, denied: "ECR:DescribeImages", fail: func(w *world) {
			w.do("Lambda:UpdateFunctionCode", obj{"FunctionName": image, "ImageUri": imageURI("loose", "v1")})
			w.push("loose", "v1", "evil")
		}, also: map[string]string{"secure-code/image-tags": "only a tag that can be moved is moved"}},
	}
}
