package awssim

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// functionPolicy is the resource policy of one qualifier.
type functionPolicy struct {
	document iampolicy.Document
	revision string
}

// maxPolicy is what a function's policy may have, in bytes (AWS: Lambda quotas).
const maxPolicy = 20 << 10

// grantStatement is a statement as AddPermission builds it; the order of members is AWS's.
type grantStatement struct {
	Sid       string
	Effect    string
	Principal any
	Action    string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

func (c *call) statementOf(t *lambdaTarget, in *lambda.AddPermissionInput) grantStatement {
	s := grantStatement{Sid: aws.ToString(in.StatementId), Effect: "Allow", Principal: grantPrincipal(aws.ToString(in.Principal)), Action: aws.ToString(in.Action), Resource: t.qualified()}
	condition := func(operator, key string, value *string) {
		if value == nil {
			return
		}
		if s.Condition == nil {
			s.Condition = map[string]map[string]string{}
		}
		if s.Condition[operator] == nil {
			s.Condition[operator] = map[string]string{}
		}
		s.Condition[operator][key] = *value
	}
	condition("StringEquals", "AWS:SourceAccount", in.SourceAccount)
	condition("ArnLike", "AWS:SourceArn", in.SourceArn)
	condition("StringEquals", "aws:PrincipalOrgID", in.PrincipalOrgID)
	condition("StringEquals", "lambda:EventSourceToken", in.EventSourceToken)
	if in.FunctionUrlAuthType != "" {
		condition("StringEquals", "lambda:FunctionUrlAuthType", aws.String(string(in.FunctionUrlAuthType)))
	}
	if aws.ToBool(in.InvokedViaFunctionUrl) {
		condition("Bool", "lambda:InvokedViaFunctionUrl", aws.String("true"))
	}
	return s
}

// grantPrincipal is the principal as Lambda writes it into the policy.
func grantPrincipal(p string) any {
	switch {
	case p == "*":
		return "*"
	case strings.HasSuffix(p, ".amazonaws.com"):
		return map[string]string{"Service": p}
	case len(p) == 12 && strings.Trim(p, "0123456789") == "":
		return map[string]string{"AWS": "arn:aws:iam::" + p + ":root"}
	}
	return map[string]string{"AWS": p}
}

func addPermission(c *call, in *lambda.AddPermissionInput) (*lambda.AddPermissionOutput, error) {
	t, err := c.function("AddPermission", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if err := t.exists(); err != nil {
		return nil, err
	}
	p := t.fn.policies[t.qualifier]
	if p == nil {
		p = &functionPolicy{document: iampolicy.Document{Version: "2012-10-17", ID: "default"}}
	}
	if in.RevisionId != nil && *in.RevisionId != p.revision {
		return nil, stale()
	}
	for _, s := range p.document.Statements {
		if s.Sid == aws.ToString(in.StatementId) {
			return nil, conflict("The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", s.Sid)
		}
	}
	raw, err := json.Marshal(c.statementOf(t, in))
	if err != nil {
		return nil, err
	}
	doc, err := p.document.With(raw)
	if err != nil {
		return nil, invalid("The provided principal was invalid. Please check the principal and try again.")
	}
	if len(doc.String()) > maxPolicy {
		return nil, fail("PolicyLengthExceededException", "The final policy size (%d) is bigger than the limit (%d).", len(doc.String()), maxPolicy)
	}
	t.fn.policies[t.qualifier] = &functionPolicy{doc, c.id("uuid")}
	return &lambda.AddPermissionOutput{Statement: aws.String(string(raw))}, nil
}

func removePermission(c *call, in *lambda.RemovePermissionInput) (*lambda.RemovePermissionOutput, error) {
	t, err := c.function("RemovePermission", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	p := t.fn.policies[t.qualifier]
	if p == nil {
		return nil, &apiError{Code: "ResourceNotFoundException", Message: "No policy is associated with the given resource.", Fields: map[string]any{"Type": "User"}}
	}
	if in.RevisionId != nil && *in.RevisionId != p.revision {
		return nil, stale()
	}
	doc := p.document.Without(func(s iampolicy.Statement) bool { return s.Sid == aws.ToString(in.StatementId) })
	if len(doc.Statements) == len(p.document.Statements) {
		return nil, &apiError{Code: "ResourceNotFoundException", Message: "Statement " + aws.ToString(in.StatementId) + " is not found in resource policy.", Fields: map[string]any{"Type": "User"}}
	}
	if len(doc.Statements) == 0 {
		delete(t.fn.policies, t.qualifier)
		return nil, nil
	}
	t.fn.policies[t.qualifier] = &functionPolicy{doc, c.id("uuid")}
	return nil, nil
}

func getPolicy(c *call, in *lambda.GetPolicyInput) (*lambda.GetPolicyOutput, error) {
	t, err := c.function("GetPolicy", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	p := t.fn.policies[t.qualifier]
	if p == nil {
		return nil, none()
	}
	return &lambda.GetPolicyOutput{Policy: aws.String(p.document.String()), RevisionId: aws.String(p.revision)}, nil
}

func getResourcePolicy(c *call, in *lambda.GetResourcePolicyInput) (*lambda.GetResourcePolicyOutput, error) {
	t, err := c.function("GetResourcePolicy", in.ResourceArn, nil)
	if err != nil {
		return nil, err
	}
	p := t.fn.policies[t.qualifier]
	if p == nil {
		return nil, none()
	}
	return &lambda.GetResourcePolicyOutput{Policy: aws.String(p.document.String()), RevisionId: aws.String(p.revision)}, nil
}

// putResourcePolicy replaces the whole document, also what AddPermission built.
func putResourcePolicy(c *call, in *lambda.PutResourcePolicyInput) (*lambda.PutResourcePolicyOutput, error) {
	t, err := c.function("PutResourcePolicy", in.ResourceArn, nil)
	if err != nil {
		return nil, err
	}
	if err := t.exists(); err != nil {
		return nil, err
	}
	had := ""
	if p := t.fn.policies[t.qualifier]; p != nil {
		had = p.revision
	}
	if in.RevisionId != nil && *in.RevisionId != had {
		return nil, stale()
	}
	doc, err := iampolicy.Parse(aws.ToString(in.Policy))
	if err != nil || len(doc.String()) > maxPolicy {
		return nil, invalid("The resource policy is invalid or larger than %d bytes.", maxPolicy)
	}
	p := &functionPolicy{doc, c.id("uuid")}
	t.fn.policies[t.qualifier] = p
	return &lambda.PutResourcePolicyOutput{Policy: aws.String(doc.String()), RevisionId: aws.String(p.revision)}, nil
}

func deleteResourcePolicy(c *call, in *lambda.DeleteResourcePolicyInput) (*lambda.DeleteResourcePolicyOutput, error) {
	t, err := c.function("DeleteResourcePolicy", in.ResourceArn, nil)
	if err != nil {
		return nil, err
	}
	p := t.fn.policies[t.qualifier]
	if p == nil {
		return nil, none()
	}
	if in.RevisionId != nil && *in.RevisionId != p.revision {
		return nil, stale()
	}
	delete(t.fn.policies, t.qualifier)
	return nil, nil
}
