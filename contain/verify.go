package contain

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// VerifyNeeds are calls that show an act's effect beyond re-reading. A refusal is
// noted, and changes nothing.
func VerifyNeeds() []awsapi.Need {
	action := "iam:SimulatePrincipalPolicy"
	return []awsapi.Need{{Call: "IAM:SimulatePrincipalPolicy", When: "after an act on a role or user",
		IAM: []awsapi.Grant{{Action: action, Resource: "role ARN"}, {Action: action, Resource: "user ARN"}}}}
}

// trial is an action that a contained role must be denied.
const trial = "s3:ListAllMyBuckets"

// verify asks IAM whether each role and user is really denied what it was.
func (r *runner) verify(ctx context.Context) {
	for _, act := range []string{actQuarantine, actScoped, actRevoke, actBoundary, actAttached, actUserQuarantine, actUserDenyAll, actUserRevoke} {
		var roles []string
		for _, o := range r.run.Outcomes {
			if !slices.Contains(o.Acts, act) || !o.Status.OK() || slices.Contains(roles, o.Resource) || ctx.Err() != nil {
				continue
			}
			roles = append(roles, o.Resource)
			c := r.simulate(ctx, act, o)
			r.run.Checks = append(r.run.Checks, c)
			_ = r.durable(ctx, noteVerified, c)
		}
	}
}

func (r *runner) simulate(ctx context.Context, act string, o Outcome) Check {
	c := Check{Acts: []string{act}, Resource: o.Resource, How: "iam:SimulatePrincipalPolicy"}
	in := &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String(o.Resource), ActionNames: []string{trial},
		ContextEntries: []iamtypes.ContextEntry{{
			ContextKeyName: aws.String("aws:TokenIssueTime"), ContextKeyType: iamtypes.ContextKeyTypeEnumDate,
			ContextKeyValues: []string{r.run.Started.Add(-time.Hour).Format(tokenTime)},
		}},
	}
	if o.userID != "" {
		in.ContextEntries = append(in.ContextEntries, iamtypes.ContextEntry{
			ContextKeyName: aws.String("aws:userid"), ContextKeyType: iamtypes.ContextKeyTypeEnumString, ContextKeyValues: []string{o.userID},
		})
	}
	out, err := iamClient(r.session.ConfigRecorded("", VerifyNeeds(), r.called)).SimulatePrincipalPolicy(ctx, in)
	switch {
	case err != nil:
		c.Result, c.Note = "not answered", "the re-read policy is all there is: "+err.Error()
	case len(out.EvaluationResults) == 0:
		c.Result = "not answered"
	default:
		c.Result = string(out.EvaluationResults[0].EvalDecision)
		c.OK = out.EvaluationResults[0].EvalDecision == iamtypes.PolicyEvaluationDecisionTypeExplicitDeny
		c.Note = trial + " by a session issued an hour before"
	}
	return c
}
