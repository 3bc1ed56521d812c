package awssim

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	pst "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// ssmOps is what is simulated of Systems Manager: the Parameter Store.
func ssmOps() []operation {
	return []operation{
		op("ssm", "PutParameter", putParameter), op("ssm", "DescribeParameters", describeParameters), op("ssm", "GetParameter", getParameter), op("ssm", "DeleteParameter", deleteParameter),
	}
}

// ssmState is the Parameter Store in one account and region: the last version of each.
type ssmState struct{ parameters map[string]*parameter }

func newSSMState() *ssmState { return &ssmState{parameters: map[string]*parameter{}} }

type parameter struct {
	about pst.ParameterMetadata
	value string
}

func (s *ssmState) objects(account, region string, put putObject) {
	for n, p := range s.parameters {
		logical := p.about
		logical.LastModifiedDate, logical.Version = nil, 0
		put("ssm/"+account+"/"+region+"/"+n, map[string]any{"about": logical, "value": p.value}, map[string]any{"modified": p.about.LastModifiedDate, "version": p.about.Version})
	}
}

// parameterARN: the slash that begins a hierarchy is not written twice.
func (c *call) parameterARN(name string) string {
	return c.arn("ssm", "parameter/"+strings.TrimPrefix(name, "/"))
}

func (c *call) parameters() *ssmState { return c.ssms.at(c.accountID, c.region, newSSMState) }

func putParameter(c *call, in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
	name := aws.ToString(in.Name)
	arn := c.parameterARN(name)
	if err := c.allow("ssm:PutParameter", arn); err != nil {
		return nil, err
	}
	had := c.parameters().parameters[name]
	if had != nil && !aws.ToBool(in.Overwrite) {
		return nil, fail("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	}
	if had == nil && in.Type == "" {
		return nil, fail("ValidationException", "A parameter type is required when you create a parameter.")
	}
	p := &parameter{value: aws.ToString(in.Value), about: pst.ParameterMetadata{ARN: &arn, Name: &name, Type: in.Type, KeyId: in.KeyId, Description: in.Description, AllowedPattern: in.AllowedPattern,
		LastModifiedDate: aws.Time(c.now), LastModifiedUser: aws.String(c.caller.arn), Tier: in.Tier, Version: 1, DataType: aws.String("text")}}
	if p.about.Tier == "" {
		p.about.Tier = pst.ParameterTierStandard
	}
	if p.about.Type == pst.ParameterTypeSecureString && p.about.KeyId == nil {
		p.about.KeyId = aws.String("alias/aws/ssm")
	}
	if had != nil {
		p.about.Version = had.about.Version + 1
		if p.about.Type == "" {
			p.about.Type = had.about.Type
		}
	}
	c.parameters().parameters[name] = p
	return &ssm.PutParameterOutput{Tier: p.about.Tier, Version: p.about.Version}, nil
}

// describeParameters filters by name (Equals, BeginsWith), by type and by key.
func describeParameters(c *call, in *ssm.DescribeParametersInput) (*ssm.DescribeParametersOutput, error) {
	if err := c.allow("ssm:DescribeParameters", "*"); err != nil {
		return nil, err
	}
	if len(in.Filters) > 0 || aws.ToBool(in.Shared) {
		return nil, fail("ValidationException", "freezeframe simulator: Filters and Shared of DescribeParameters are not simulated")
	}
	all := []pst.ParameterMetadata{}
	for _, n := range sortedNames(c.parameters().parameters) {
		p := c.parameters().parameters[n].about
		fit := true
		for _, f := range in.ParameterFilters {
			ok, err := parameterFits(p, f)
			if err != nil {
				return nil, err
			}
			fit = fit && ok
		}
		if fit {
			all = append(all, p)
		}
	}
	page, next, err := paginate(all, in.NextToken, in.MaxResults, 50)
	return &ssm.DescribeParametersOutput{Parameters: page, NextToken: next}, err
}

func parameterFits(p pst.ParameterMetadata, f pst.ParameterStringFilter) (bool, error) {
	is := ""
	switch aws.ToString(f.Key) {
	case "Name":
		is = aws.ToString(p.Name)
	case "Type":
		is = string(p.Type)
	case "KeyId":
		is = aws.ToString(p.KeyId)
	default:
		return false, fail("InvalidFilterKey", "The filter key %s is not valid (or not simulated).", aws.ToString(f.Key))
	}
	switch option := aws.ToString(f.Option); option {
	case "", "Equals":
		return slices.Contains(f.Values, is), nil
	case "BeginsWith":
		return slices.ContainsFunc(f.Values, func(v string) bool { return strings.HasPrefix(is, v) }), nil
	default:
		return false, fail("InvalidFilterOption", "The filter option %s is not valid (or not simulated).", option)
	}
}

func getParameter(c *call, in *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
	name := aws.ToString(in.Name)
	if err := c.allow("ssm:GetParameter", c.parameterARN(name)); err != nil {
		return nil, err
	}
	p := c.parameters().parameters[name]
	if p == nil {
		return nil, fail("ParameterNotFound", "Parameter %s not found.", name)
	}
	out := pst.Parameter{ARN: p.about.ARN, Name: p.about.Name, Type: p.about.Type, Value: &p.value, Version: p.about.Version, LastModifiedDate: p.about.LastModifiedDate, DataType: p.about.DataType}
	if p.about.Type == pst.ParameterTypeSecureString && !aws.ToBool(in.WithDecryption) {
		out.Value = aws.String(c.idFrom("token", "ciphertext of", name, p.value)) // what it looks like is nobody's business
	}
	return &ssm.GetParameterOutput{Parameter: &out}, nil
}

func deleteParameter(c *call, in *ssm.DeleteParameterInput) (*ssm.DeleteParameterOutput, error) {
	name := aws.ToString(in.Name)
	if err := c.allow("ssm:DeleteParameter", c.parameterARN(name)); err != nil {
		return nil, err
	}
	if c.parameters().parameters[name] == nil {
		return nil, fail("ParameterNotFound", "Parameter %s not found.", name)
	}
	delete(c.parameters().parameters, name)
	return nil, nil
}
