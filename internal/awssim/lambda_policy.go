package awssim

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// functionPolicy is the resource policy of one qualifier, or of a layer version. A
// function's has no revision of its own: it is that of the function, version or alias it
// hangs on, which each change of the policy renews (LocalStack's
// test_function_revisions_permissions, which AWS passed).
type functionPolicy struct {
	document iampolicy.Document
	revision string // of a layer's policy
}

// policyRevision is what a policy's precondition is held against.
func (c *call) policyRevision(t *lambdaTarget) string {
	if a := t.fn.aliases[t.qualifier]; a != nil {
		return aws.ToString(a.RevisionId)
	}
	if v := t.fn.numbered(t.qualifier); v != nil {
		return v.revision(c.now, c.cfg.Settle)
	}
	return ""
}

// keepPolicy puts a document in place, or takes the policy away where nothing is left of it.
func (c *call) keepPolicy(t *lambdaTarget, doc *iampolicy.Document) {
	delete(t.fn.policies, t.qualifier)
	if doc != nil && len(doc.Statements) > 0 {
		t.fn.policies[t.qualifier] = &functionPolicy{document: *doc}
	}
	if a := t.fn.aliases[t.qualifier]; a != nil {
		a.RevisionId = aws.String(c.id("uuid"))
	} else if v := t.fn.numbered(t.qualifier); v != nil {
		c.revise(v)
	}
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
	Condition *grantCondition `json:",omitempty"`
}

// grantCondition are the operators that AddPermission uses.
type grantCondition struct {
	StringEquals map[string]string `json:",omitempty"`
	ArnLike      map[string]string `json:",omitempty"`
	Bool         map[string]string `json:",omitempty"`
}

func (c *call) statementOf(t *lambdaTarget, in *lambda.AddPermissionInput) grantStatement {
	s := grantStatement{Sid: aws.ToString(in.StatementId), Effect: "Allow", Principal: grantPrincipal(aws.ToString(in.Principal)), Action: aws.ToString(in.Action), Resource: t.qualified()}
	cond := grantCondition{StringEquals: map[string]string{}}
	for key, value := range map[string]*string{"AWS:SourceAccount": in.SourceAccount, "aws:PrincipalOrgID": in.PrincipalOrgID, "lambda:EventSourceToken": in.EventSourceToken} {
		if value != nil {
			cond.StringEquals[key] = *value
		}
	}
	if in.FunctionUrlAuthType != "" {
		cond.StringEquals["lambda:FunctionUrlAuthType"] = string(in.FunctionUrlAuthType)
	}
	if in.SourceArn != nil {
		cond.ArnLike = map[string]string{"AWS:SourceArn": *in.SourceArn}
	}
	if aws.ToBool(in.InvokedViaFunctionUrl) {
		cond.Bool = map[string]string{"lambda:InvokedViaFunctionUrl": "true"}
	}
	if len(cond.StringEquals)+len(cond.ArnLike)+len(cond.Bool) > 0 {
		s.Condition = &cond
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

// knows: a principal of an account that is simulated has to be there; of others nothing
// is known, and AWS would have looked.
func (c *Cloud) knows(principal string) bool {
	a, ok := parseARN(principal)
	if !ok || a.service != "iam" || c.iam.m[scope{a.account, ""}] == nil {
		return true
	}
	s := c.account(a.account)
	if r := s.roles[lastPart(a.resource)]; r != nil && r.arn == principal {
		return true
	}
	u := s.users[lastPart(a.resource)]
	return a.resource == "root" || u != nil && u.arn == principal || strings.HasPrefix(a.resource, "federated-user/")
}

func addPermission(c *call, in *lambda.AddPermissionInput) (*lambda.AddPermissionOutput, error) {
	t, err := c.function("AddPermission", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if t.qualifier == "$LATEST" {
		return nil, invalid("We currently do not support adding policies for $LATEST.")
	}
	if err := t.exists(); err != nil {
		return nil, err
	}
	p := t.fn.policies[t.qualifier]
	if p == nil {
		p = &functionPolicy{document: iampolicy.Document{Version: "2012-10-17", ID: "default"}}
	}
	if in.RevisionId != nil && *in.RevisionId != c.policyRevision(t) {
		return nil, staleOf("GetPolicy")
	}
	if !c.Cloud.knows(aws.ToString(in.Principal)) {
		return nil, invalid("The provided principal was invalid. Please check the principal and try again.")
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
		return nil, lambdaFail("PolicyLengthExceededException", "The final policy size (%d) is bigger than the limit (%d).", len(doc.String()), maxPolicy)
	}
	c.keepPolicy(t, &doc)
	return &lambda.AddPermissionOutput{Statement: aws.String(string(raw))}, nil
}

func removePermission(c *call, in *lambda.RemovePermissionInput) (*lambda.RemovePermissionOutput, error) {
	t, err := c.function("RemovePermission", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if err := t.exists(); err != nil {
		return nil, err
	}
	p := t.fn.policies[t.qualifier]
	if p == nil {
		return nil, notThere("No policy is associated with the given resource.")
	}
	doc := p.document.Without(func(s iampolicy.Statement) bool { return s.Sid == aws.ToString(in.StatementId) })
	if len(doc.Statements) == len(p.document.Statements) {
		return nil, notThere("Statement %s is not found in resource policy.", aws.ToString(in.StatementId))
	}
	if in.RevisionId != nil && *in.RevisionId != c.policyRevision(t) {
		return nil, staleOf("GetPolicy")
	}
	c.keepPolicy(t, &doc)
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
	return &lambda.GetPolicyOutput{Policy: aws.String(p.document.String()), RevisionId: aws.String(c.policyRevision(t))}, nil
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
	return &lambda.GetResourcePolicyOutput{Policy: aws.String(p.document.String()), RevisionId: aws.String(c.policyRevision(t))}, nil
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
	if in.RevisionId != nil && *in.RevisionId != c.policyRevision(t) {
		return nil, staleOf("GetResourcePolicy")
	}
	doc, err := iampolicy.Parse(aws.ToString(in.Policy))
	if err != nil || len(doc.String()) > maxPolicy {
		return nil, invalid("The resource policy is invalid or larger than %d bytes.", maxPolicy)
	}
	c.keepPolicy(t, &doc)
	return &lambda.PutResourcePolicyOutput{Policy: aws.String(doc.String()), RevisionId: aws.String(c.policyRevision(t))}, nil
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
	if in.RevisionId != nil && *in.RevisionId != c.policyRevision(t) {
		return nil, staleOf("GetResourcePolicy")
	}
	c.keepPolicy(t, nil)
	return nil, nil
}
