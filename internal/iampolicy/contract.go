package iampolicy

// Decision is the outcome of an evaluation.
type Decision string

// Decisions, as IAM names them.
const (
	Allow        Decision = "Allow"
	ImplicitDeny Decision = "ImplicitDeny"
	ExplicitDeny Decision = "ExplicitDeny"
)

// Request is what a principal asks for.
type Request struct {
	PrincipalARN     string // arn:aws:iam::1:user/x, arn:aws:sts::1:assumed-role/R/S; for a role session RoleARN too
	RoleARN          string // arn:aws:iam::1:role/path/R of an assumed-role session
	PrincipalAccount string
	Service          string // "lambda.amazonaws.com" when an AWS service asks
	Root             bool
	Action           string              // "lambda:GetFunction"
	Resource         string              // ARN or "*"
	ResourceAccount  string              // owner of the resource; "" is the principal's account
	Context          map[string][]string // condition keys (case-insensitive names) -> values; a missing key is absent
}

// Policies are the documents that apply. A nil or empty list is 'none attached';
// Boundary and Session restrict when non-nil.
type Policies struct {
	Identity []Document
	Boundary []Document // permissions boundary: nil is none
	Session  []Document // session policies: nil is none
	Resource *Document  // resource-based policy: nil is none
	// ResourceDecides: without a word of the resource's own policy nobody gets in, not
	// even the owner's principals: the trust policy of a role, the policy of a KMS key.
	ResourceDecides bool
}
