package awssim

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

type layer struct {
	versions map[int64]*layerVersion
	last     int64 // numbers are never used again
}

type layerVersion struct {
	item    lt.LayerVersionsListItem
	layer   string // layer ARN
	content lt.LayerVersionContentOutput
	policy  *functionPolicy
}

// layerTarget is a layer version named by name or ARN.
type layerTarget struct {
	account, region, name, arn string
	number                     int64
	state                      *lambdaState
	version                    *layerVersion
}

func (c *call) layer(name *string, number *int64) *layerTarget {
	t := &layerTarget{account: c.accountID, region: c.region, name: aws.ToString(name), number: aws.ToInt64(number)}
	if a, ok := parseARN(t.name); ok {
		t.account, t.region = a.account, a.region
		part := strings.Split(a.resource, ":") // layer:NAME[:VERSION]
		t.name = part[1]
		if len(part) > 2 {
			t.number, _ = strconv.ParseInt(part[2], 10, 64) // anything else is not found below
		}
	}
	t.arn = arnOf("lambda", t.region, t.account, "layer:"+t.name+":"+itoa(t.number))
	t.state = c.lambda.at(t.account, t.region, newLambdaState)
	if l := t.state.layers[t.name]; l != nil {
		t.version = l.versions[t.number]
	}
	return t
}

func (c *call) mayLayer(action string, t *layerTarget) error {
	doc := ""
	if t.version != nil && t.version.policy != nil {
		doc = t.version.policy.document.String()
	}
	if err := c.allow("lambda:"+action, t.arn, withResourcePolicy(doc, t.account)); err != nil {
		return err
	}
	if t.version == nil {
		if strings.HasSuffix(action, "GetLayerVersion") {
			return none()
		}
		return notThere("Layer version %s does not exist.", t.arn)
	}
	return nil
}

func publishLayer(c *call, in *lambda.PublishLayerVersionInput) (*lambda.PublishLayerVersionOutput, error) {
	t := c.layer(in.LayerName, nil)
	arn := arnOf("lambda", t.region, t.account, "layer:"+t.name)
	if err := c.allow("lambda:PublishLayerVersion", arn); err != nil {
		return nil, err
	}
	from := &codeSource{zip: in.Content.ZipFile, bucket: in.Content.S3Bucket, key: in.Content.S3Key, version: in.Content.S3ObjectVersion, mode: in.Content.S3ObjectStorageMode}
	data, referred, err := c.packageFrom(from)
	if err != nil {
		return nil, err
	}
	if err := c.checkPackage(data, in.Content.S3Bucket == nil); err != nil {
		return nil, err
	}
	l := t.state.layers[t.name]
	if l == nil {
		l = &layer{versions: map[int64]*layerVersion{}}
		t.state.layers[t.name] = l
	}
	l.last++
	hash := packageHash(data)
	t.state.blobs[hash] = data
	v := &layerVersion{layer: arn, content: lt.LayerVersionContentOutput{CodeSha256: aws.String(hash), CodeSize: int64(len(data)), ResolvedS3Object: referred}, item: lt.LayerVersionsListItem{
		LayerVersionArn: aws.String(arn + ":" + itoa(l.last)), Version: l.last, CreatedDate: aws.String(lambdaTime(c.now)), Description: aws.String(aws.ToString(in.Description)),
		CompatibleRuntimes: in.CompatibleRuntimes, CompatibleArchitectures: in.CompatibleArchitectures, LicenseInfo: in.LicenseInfo}}
	l.versions[l.last] = v
	t.version, t.number = v, l.last
	return like[lambda.PublishLayerVersionOutput](c.layerOutput(t)), nil
}

func (c *call) layerOutput(t *layerTarget) *lambda.GetLayerVersionOutput {
	out := like[lambda.GetLayerVersionOutput](t.version.item)
	content := t.version.content
	if content.ResolvedS3Object == nil {
		content.Location = aws.String(c.presign(t.account, t.region, t.name, aws.ToString(content.CodeSha256)))
	}
	out.Content, out.LayerArn = &content, aws.String(t.version.layer)
	return out
}

func getLayer(c *call, in *lambda.GetLayerVersionInput) (*lambda.GetLayerVersionOutput, error) {
	t := c.layer(in.LayerName, in.VersionNumber)
	if err := c.mayLayer("GetLayerVersion", t); err != nil {
		return nil, err
	}
	return c.layerOutput(t), nil
}

func getLayerByARN(c *call, in *lambda.GetLayerVersionByArnInput) (*lambda.GetLayerVersionByArnOutput, error) {
	t := c.layer(in.Arn, nil)
	if err := c.mayLayer("GetLayerVersion", t); err != nil {
		return nil, err
	}
	return like[lambda.GetLayerVersionByArnOutput](c.layerOutput(t)), nil
}

func deleteLayer(c *call, in *lambda.DeleteLayerVersionInput) (*lambda.DeleteLayerVersionOutput, error) {
	t := c.layer(in.LayerName, in.VersionNumber)
	if err := c.allow("lambda:DeleteLayerVersion", t.arn); err != nil {
		return nil, err
	}
	if t.version != nil {
		delete(t.state.layers[t.name].versions, t.number)
	}
	return nil, nil
}

func listLayers(c *call, in *lambda.ListLayersInput) (*lambda.ListLayersOutput, error) {
	if err := c.allow("lambda:ListLayers", "*"); err != nil {
		return nil, err
	}
	s := c.lambda.at(c.accountID, c.region, newLambdaState)
	all := []lt.LayersListItem{}
	for _, name := range sortedNames(s.layers) {
		l := s.layers[name]
		for n := l.last; n > 0; n-- {
			if v := l.versions[n]; v != nil {
				item := v.item
				all = append(all, lt.LayersListItem{LayerName: aws.String(name), LayerArn: aws.String(v.layer), LatestMatchingVersion: &item})
				break
			}
		}
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 50)
	return &lambda.ListLayersOutput{Layers: orEmpty(page), NextMarker: next}, err
}

func listLayerVersions(c *call, in *lambda.ListLayerVersionsInput) (*lambda.ListLayerVersionsOutput, error) {
	t := c.layer(in.LayerName, nil)
	if err := c.allow("lambda:ListLayerVersions", arnOf("lambda", t.region, t.account, "layer:"+t.name)); err != nil {
		return nil, err
	}
	all := []lt.LayerVersionsListItem{}
	if l := t.state.layers[t.name]; l != nil {
		for n := l.last; n > 0; n-- {
			if v := l.versions[n]; v != nil {
				all = append(all, v.item)
			}
		}
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 50)
	return &lambda.ListLayerVersionsOutput{LayerVersions: orEmpty(page), NextMarker: next}, err
}

func addLayerPermission(c *call, in *lambda.AddLayerVersionPermissionInput) (*lambda.AddLayerVersionPermissionOutput, error) {
	t := c.layer(in.LayerName, in.VersionNumber)
	if err := c.mayLayer("AddLayerVersionPermission", t); err != nil {
		return nil, err
	}
	p := t.version.policy
	if p == nil {
		p = &functionPolicy{document: iampolicy.Document{Version: "2012-10-17", ID: "default"}}
	}
	if in.RevisionId != nil && *in.RevisionId != p.revision {
		return nil, staleOf("GetLayerPolicy")
	}
	s := grantStatement{Sid: aws.ToString(in.StatementId), Effect: "Allow", Principal: grantPrincipal(aws.ToString(in.Principal)), Action: aws.ToString(in.Action), Resource: t.arn}
	if in.OrganizationId != nil {
		s.Condition = &grantCondition{StringEquals: map[string]string{"aws:PrincipalOrgID": *in.OrganizationId}}
	}
	for _, had := range p.document.Statements {
		if had.Sid == s.Sid {
			return nil, conflict("The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", s.Sid)
		}
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	doc, err := p.document.With(raw)
	if err != nil {
		return nil, invalid("The provided principal was invalid. Please check the principal and try again.")
	}
	t.version.policy = &functionPolicy{doc, c.id("uuid")}
	return &lambda.AddLayerVersionPermissionOutput{Statement: aws.String(string(raw)), RevisionId: aws.String(t.version.policy.revision)}, nil
}

func removeLayerPermission(c *call, in *lambda.RemoveLayerVersionPermissionInput) (*lambda.RemoveLayerVersionPermissionOutput, error) {
	t := c.layer(in.LayerName, in.VersionNumber)
	if err := c.mayLayer("RemoveLayerVersionPermission", t); err != nil {
		return nil, err
	}
	p := t.version.policy
	if p == nil {
		return nil, notThere("No policy is associated with the given resource.")
	}
	if in.RevisionId != nil && *in.RevisionId != p.revision {
		return nil, staleOf("GetLayerPolicy")
	}
	doc := p.document.Without(func(s iampolicy.Statement) bool { return s.Sid == aws.ToString(in.StatementId) })
	switch len(doc.Statements) {
	case len(p.document.Statements):
		return nil, notThere("Statement %s is not found in resource policy.", aws.ToString(in.StatementId))
	case 0:
		t.version.policy = nil
	default:
		t.version.policy = &functionPolicy{doc, c.id("uuid")}
	}
	return nil, nil
}

func getLayerPolicy(c *call, in *lambda.GetLayerVersionPolicyInput) (*lambda.GetLayerVersionPolicyOutput, error) {
	t := c.layer(in.LayerName, in.VersionNumber)
	if err := c.mayLayer("GetLayerVersionPolicy", t); err != nil {
		return nil, err
	}
	if t.version.policy == nil {
		return nil, notThere("No policy is associated with the given resource.")
	}
	return &lambda.GetLayerVersionPolicyOutput{Policy: aws.String(t.version.policy.document.String()), RevisionId: aws.String(t.version.policy.revision)}, nil
}

// unpacked is the size of a layer's files.
func (t *layerTarget) unpacked() int64 {
	if t.version == nil {
		return 0
	}
	data := t.state.blobs[aws.ToString(t.version.content.CodeSha256)]
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return 0 // checked when published
	}
	var n int64
	for _, f := range z.File {
		n += int64(f.UncompressedSize64)
	}
	return n
}

// layersOf resolves the layers that a function names: each must be there and readable.
func (c *call) layersOf(arns []string) ([]lt.Layer, error) {
	if len(arns) > 5 {
		return nil, invalid("Cannot reference more than 5 layers.")
	}
	out, seen := []lt.Layer{}, map[string]string{}
	for _, arn := range arns {
		t := c.layer(&arn, nil)
		if err := c.mayLayer("GetLayerVersion", t); err != nil {
			if t.version == nil {
				return nil, invalid("Layer version %s does not exist.", arn)
			}
			return nil, err
		}
		if t.region != c.region {
			return nil, invalid("Layers are not in the same region as the function. Layers are expected to be in region %s.", c.region)
		}
		if other := seen[t.version.layer]; other != "" {
			return nil, invalid("Two different versions of the same layer are not allowed to be referenced in the same function. %s and %s are versions of the same layer.", other, t.arn)
		}
		seen[t.version.layer] = t.arn
		out = append(out, lt.Layer{Arn: aws.String(t.arn), CodeSize: t.version.content.CodeSize})
	}
	return out, nil
}
