package awssim

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func publishVersion(c *call, in *lambda.PublishVersionInput) (*lambda.PublishVersionOutput, error) {
	t, err := c.whole("PublishVersion", in.FunctionName)
	if err != nil {
		return nil, err
	}
	if err := c.ready(t.fn, in.RevisionId); err != nil {
		return nil, err
	}
	latest := t.fn.latest.config
	if in.CodeSha256 != nil && *in.CodeSha256 != aws.ToString(latest.CodeSha256) {
		return nil, invalid("CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.", *in.CodeSha256, aws.ToString(latest.CodeSha256))
	}
	v := c.publish(t.fn, in.Description)
	return like[lambda.PublishVersionOutput](c.seen(v)), nil
}

// publish makes a version of $LATEST, or gives back the newest one if nothing changed since.
// It changes the revision of $LATEST as well.
func (c *call) publish(f *function, description *string) *version {
	if n := len(f.published); n > 0 {
		last := f.published[n-1]
		if aws.ToString(last.config.ConfigSha256) == aws.ToString(f.latest.config.ConfigSha256) && aws.ToString(last.config.CodeSha256) == aws.ToString(f.latest.config.CodeSha256) {
			return last
		}
	}
	v := *f.latest
	v.number, v.changed, v.created = itoa(f.next), c.now, true
	f.next++
	v.config.Version, v.config.FunctionArn = aws.String(v.number), aws.String(f.arn+":"+v.number)
	v.config.LastModified = aws.String(lambdaTime(c.now))
	c.revise(&v)
	if description != nil {
		v.config.Description = description
	}
	if s := v.config.SnapStart; s != nil && s.ApplyOn == lt.SnapStartApplyOnPublishedVersions {
		v.config.SnapStart = &lt.SnapStartResponse{ApplyOn: s.ApplyOn, OptimizationStatus: lt.SnapStartOptimizationStatusOn}
	}
	if r := f.runtimes["$LATEST"]; r != nil {
		f.runtimes[v.number] = &runtimeConfig{r.on, r.arn}
	}
	c.revise(f.latest)
	f.published = append(f.published, &v)
	return &v
}

func listVersionsByFunction(c *call, in *lambda.ListVersionsByFunctionInput) (*lambda.ListVersionsByFunctionOutput, error) {
	t, err := c.function("ListVersionsByFunction", in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	latest := c.listed(t.fn.latest)
	latest.FunctionArn = aws.String(t.arn + ":$LATEST")
	all := []lt.FunctionConfiguration{latest}
	for _, v := range t.fn.published {
		all = append(all, c.listed(v))
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 50)
	return &lambda.ListVersionsByFunctionOutput{Versions: orEmpty(page), NextMarker: next}, err
}

func createAlias(c *call, in *lambda.CreateAliasInput) (*lambda.CreateAliasOutput, error) {
	t, err := c.function("CreateAlias", in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	name := aws.ToString(in.Name)
	if t.fn.aliases[name] != nil {
		return nil, conflict("Alias already exists: %s:%s", t.arn, name)
	}
	if t.fn.numbered(aws.ToString(in.FunctionVersion)) == nil {
		return nil, notFound(t.arn + ":" + aws.ToString(in.FunctionVersion))
	}
	a := &lt.AliasConfiguration{AliasArn: aws.String(t.arn + ":" + name), Name: in.Name, FunctionVersion: in.FunctionVersion, Description: aws.String(aws.ToString(in.Description)), RevisionId: aws.String(c.id("uuid"))}
	if err := route(t, a, in.RoutingConfig); err != nil {
		return nil, err
	}
	t.fn.aliases[name] = a
	return like[lambda.CreateAliasOutput](a), nil
}

// route sets the weights; an empty map clears them.
func route(t *lambdaTarget, a *lt.AliasConfiguration, r *lt.AliasRoutingConfiguration) error {
	if r == nil {
		return nil
	}
	a.RoutingConfig = nil
	switch len(r.AdditionalVersionWeights) {
	case 0:
		return nil
	case 1:
	default:
		return invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
	}
	for v := range r.AdditionalVersionWeights {
		switch {
		case aws.ToString(a.FunctionVersion) == "$LATEST" || v == "$LATEST":
			return invalid("$LATEST is not supported for an alias pointing to more than 1 version")
		case v == aws.ToString(a.FunctionVersion):
			return invalid("Invalid function version %s. Function version %s is already included in routing configuration.", v, v)
		case t.fn.numbered(v) == nil:
			return notFound(t.arn + ":" + v)
		}
	}
	a.RoutingConfig = r
	return nil
}

// alias finds an alias of a function.
func (c *call) alias(action string, function, name *string) (*lambdaTarget, *lt.AliasConfiguration, error) {
	t, err := c.whole(action, function)
	if err != nil {
		return nil, nil, err
	}
	a := t.fn.aliases[aws.ToString(name)]
	if a == nil {
		return nil, nil, notThere("Cannot find alias arn: %s:%s", t.arn, aws.ToString(name))
	}
	return t, a, nil
}

func getAlias(c *call, in *lambda.GetAliasInput) (*lambda.GetAliasOutput, error) {
	_, a, err := c.alias("GetAlias", in.FunctionName, in.Name)
	if err != nil {
		return nil, err
	}
	return like[lambda.GetAliasOutput](a), nil
}

func updateAlias(c *call, in *lambda.UpdateAliasInput) (*lambda.UpdateAliasOutput, error) {
	t, a, err := c.alias("UpdateAlias", in.FunctionName, in.Name)
	if err != nil {
		return nil, err
	}
	if in.RevisionId != nil && *in.RevisionId != aws.ToString(a.RevisionId) {
		return nil, stale()
	}
	next := *a
	if in.FunctionVersion != nil {
		if t.fn.numbered(*in.FunctionVersion) == nil {
			return nil, notFound(t.arn + ":" + *in.FunctionVersion)
		}
		next.FunctionVersion = in.FunctionVersion
	}
	if in.Description != nil {
		next.Description = in.Description
	}
	if err := route(t, &next, in.RoutingConfig); err != nil {
		return nil, err
	}
	next.RevisionId = aws.String(c.id("uuid"))
	*a = next
	return like[lambda.UpdateAliasOutput](a), nil
}

func deleteAlias(c *call, in *lambda.DeleteAliasInput) (*lambda.DeleteAliasOutput, error) {
	t, err := c.whole("DeleteAlias", in.FunctionName)
	if err != nil {
		return nil, err
	}
	name := aws.ToString(in.Name)
	if t.fn.aliases[name] != nil { // AWS answers 204 also where there is none
		delete(t.fn.aliases, name)
		t.fn.forget(name)
	}
	return nil, nil
}

func listAliases(c *call, in *lambda.ListAliasesInput) (*lambda.ListAliasesOutput, error) {
	t, err := c.function("ListAliases", in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	all := []lt.AliasConfiguration{}
	for _, n := range sortedNames(t.fn.aliases) {
		if a := t.fn.aliases[n]; in.FunctionVersion == nil || *in.FunctionVersion == aws.ToString(a.FunctionVersion) {
			all = append(all, *a)
		}
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 50)
	return &lambda.ListAliasesOutput{Aliases: orEmpty(page), NextMarker: next}, err
}
