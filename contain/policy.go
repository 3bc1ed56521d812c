package contain

import "github.com/freezeframe-ir/freezeframe/internal/awsapi"

// Never is what the contain role is denied, whatever else is attached to it.
func Never() []string {
	return []string{"cloudtrail:DeleteTrail", "cloudtrail:StopLogging", "lambda:DeleteFunction", "lambda:DeleteLayerVersion", "logs:DeleteLogGroup", "logs:DeleteLogStream"}
}

// Policy is the IAM policy of the contain role: what the acts need, and no more. resources
// makes ARN patterns of a need's template. Who may write a role's policies can make itself
// what it likes: this one is for people, with approval.
func Policy(resources func(template string) []string) ([]byte, error) {
	return awsapi.PolicyFor(Needs(), resources, Never())
}
