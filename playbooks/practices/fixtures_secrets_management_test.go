package practices

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
)

const helperRole = "helper-role"

// elder is a function with a version of more than a year ago; see testingUpdateWorld.
const elder = "elder"

// oldWorld is what was there more than a year ago.
func oldWorld(w *world) {
	w.do("IAM:CreateRole", obj{"RoleName": helperRole, "AssumeRolePolicyDocument": policy(`{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}`)})
	for _, name := range []string{"rotator", elder} {
		w.makeFunction(name, obj{"Publish": true})
	}
	w.ids["older"] = w.makeSecret("till/older")
}

// makeFunction makes a function of another role than till's.
func (w *world) makeFunction(name string, more obj) {
	in := obj{"FunctionName": name, "Role": roleARN(helperRole), "Runtime": "python3.13", "Handler": "index.handler", "Code": obj{"ZipFile": zipped(name)}}
	for k, v := range more {
		in[k] = v
	}
	w.do("Lambda:CreateFunction", in)
}

// makeSecret makes a secret whose rotation is set up, and has yet to run.
func (w *world) makeSecret(name string) string {
	arn := text(w.do("SecretsManager:CreateSecret", obj{"Name": name, "SecretString": "x"}), "ARN")
	w.do("SecretsManager:RotateSecret", obj{"SecretId": arn, "RotationLambdaARN": functionARN("rotator"), "RotationRules": obj{"AutomaticallyAfterDays": 90}, "RotateImmediately": false})
	return arn
}

func secretsManagementBefore(w *world) {
	w.ids["secret"] = w.makeSecret("till/database")
	w.do("SecretsManager:RotateSecret", obj{"SecretId": w.ids["secret"]})
	w.do("SecretsManager:PutResourcePolicy", obj{"SecretId": w.ids["secret"], "ResourcePolicy": policy(readsSecret(roleARN(tillRole)))})
	w.do("SSM:PutParameter", obj{"Name": "/till/api-token", "Type": "SecureString", "Value": "x"})
	w.do("KMS:EnableKeyRotation", obj{"KeyId": w.ids["key"]})
	w.variable("DATABASE_SECRET_ARN", w.ids["secret"])
	w.variable("API_TOKEN_PARAMETER", arn("ssm", "parameter/till/api-token"))
}

func readsSecret(principal string) string {
	return fmt.Sprintf(`{"Effect":"Allow","Principal":{"AWS":%q},"Action":"secretsmanager:GetSecretValue","Resource":"*"}`, principal)
}

// setVariables adds to the environment of $LATEST.
func (w *world) setVariables(more obj) {
	vars := obj{}
	if env, ok := w.do("Lambda:GetFunctionConfiguration", obj{"FunctionName": till})["Environment"].(obj); ok {
		if had, ok := env["Variables"].(obj); ok {
			vars = had
		}
	}
	for k, v := range more {
		vars[k] = v
	}
	w.do("Lambda:UpdateFunctionConfiguration", obj{"FunctionName": till, "Environment": obj{"Variables": vars}})
}

// leaky is a package in which a key stands that is nobody's.
func leaky() string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("index.py")
	if err == nil {
		_, err = f.Write([]byte("import boto3\naws_access_key_id = \"AKIA" + "Q3EGRIPZ7TYVWNB5\"\n"))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic(err) // a buffer does not fail
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// configured changes the configuration of till's $LATEST.
func configured(in obj) func(*world) { return configuredOf(till, in) }

func configuredOf(function string, in obj) func(*world) {
	return func(w *world) {
		in["FunctionName"] = function
		w.do("Lambda:UpdateFunctionConfiguration", in)
	}
}

// called makes one call; members that the world knows the value of are named "$id".
func called(call string, in obj) func(*world) {
	return func(w *world) {
		filled := obj{}
		for k, v := range in {
			if s, ok := v.(string); ok && len(s) > 1 && s[0] == '$' && w.ids[s[1:]] != "" {
				v = w.ids[s[1:]]
			}
			filled[k] = v
		}
		w.do(call, filled)
	}
}

// unsigned deploys what nobody has signed, which is the account's own to allow for the moment.
func unsigned(deploy func(*world)) func(*world) {
	return func(w *world) {
		w.signing("Warn")
		deploy(w)
		w.signing("Enforce")
	}
}

func secretsManagementFixtures() []fixture {
	const unreadable = "Lambda cannot decrypt the environment then"
	named, key := []string{"secrets.references", "lambda.mappings", "iam.role"}, []string{"kms.key"}
	return []fixture{
		{check: "secrets-management/environment-names", fail: func(w *world) { w.setVariables(obj{"DB_PASSWORD": "x"}) }, collectors: []string{"lambda.environment"}, denied: "Lambda:ListVersionsByFunction"},
		{check: "secrets-management/code", fail: unsigned(func(w *world) {
			w.do("Lambda:UpdateFunctionCode", obj{"FunctionName": till, "ZipFile": leaky(), "SourceKMSKeyArn": w.ids["key"]})
		}), collectors: []string{"lambda.code"}, denied: "Lambda:GetFunction"},
		{check: "secrets-management/layers", collectors: []string{"lambda.layers"}, denied: "Lambda:GetLayerVersionByArn", fail: unsigned(func(w *world) {
			layer := w.do("Lambda:PublishLayerVersion", obj{"LayerName": "tracing", "Content": obj{"ZipFile": leaky()}})
			w.do("Lambda:UpdateFunctionConfiguration", obj{"FunctionName": till, "Layers": []string{text(layer, "LayerVersionArn")}})
		})},
		{check: "secrets-management/read-any", fail: putRole(`{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"*"}`), collectors: []string{"iam.role"}, denied: "IAM:GetRolePolicy"},
		{check: "secrets-management/rotation", fail: called("SecretsManager:CancelRotateSecret", obj{"SecretId": "$secret"}), collectors: named, denied: "SecretsManager:DescribeSecret"},
		{check: "secrets-management/rotated", fail: func(w *world) { w.setVariables(obj{"DATABASE_SECRET_ARN": w.ids["older"]}) }, collectors: named, denied: "SecretsManager:DescribeSecret"},
		{check: "secrets-management/secret-deletion", fail: called("SecretsManager:DeleteSecret", obj{"SecretId": "$secret"}), collectors: named, denied: "SecretsManager:DescribeSecret",
			also: map[string]string{"secrets-management/secret-policy": "AWS gives out no policy of a secret that is about to be deleted"}},
		{check: "secrets-management/secret-policy", collectors: named, denied: "SecretsManager:GetResourcePolicy", fail: func(w *world) {
			w.do("SecretsManager:PutResourcePolicy", obj{"SecretId": w.ids["secret"], "ResourcePolicy": policy(readsSecret(roleARN(tillRole)), readsSecret("arn:aws:iam::"+stranger+":root"))})
		}},
		{check: "secrets-management/parameter-type", collectors: named, denied: "SSM:DescribeParameters", fail: func(w *world) {
			w.do("SSM:DeleteParameter", obj{"Name": "/till/api-token"})
			w.do("SSM:PutParameter", obj{"Name": "/till/api-token", "Type": "String", "Value": "x"})
		}},
		{check: "secrets-management/key-policy", collectors: key, denied: "KMS:GetKeyPolicy", fail: func(w *world) {
			own := fmt.Sprintf(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"kms:*","Resource":"*"}`, account)
			w.do("KMS:PutKeyPolicy", obj{"KeyId": w.ids["key"], "Policy": policy(own, fmt.Sprintf(`{"Sid":"partner","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"kms:Decrypt","Resource":"*"}`, stranger))})
		}},
		{check: "secrets-management/key-grants", fail: called("KMS:CreateGrant", obj{"KeyId": "$key", "GranteePrincipal": "arn:aws:iam::" + stranger + ":role/partner", "Operations": []string{"Decrypt"}}), collectors: key, denied: "KMS:ListGrants"},
		{check: "secrets-management/key-rotation", fail: called("KMS:DisableKeyRotation", obj{"KeyId": "$key"}), collectors: key, denied: "KMS:GetKeyRotationStatus"},
		{check: "secrets-management/key-state", fail: called("KMS:DisableKey", obj{"KeyId": "$key"}), collectors: key, denied: "KMS:DescribeKey",
			also: map[string]string{"secure-code/loader-variables": unreadable, "secure-code/traffic-variables": unreadable}},
	}
}
